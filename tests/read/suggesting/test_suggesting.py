"""What a text may mean while it is typed: found by index and in memory, with counts; nothing is written."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest

from indelible import Journal, catalogue
from indelible.keep.personal import Sealer
from indelible.read import directory, query, searching
from indelible.read.matching import fold
from indelible.read.suggesting import LONGEST, MOST, Spoken, suggest
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import event

EUR = {"currency": "EUR"}


def client(number, name, **members):
    who = {"kind": "client", "id": f"cli_{number}", "name": name}
    made = {"action": "client.created", "target": who, "client": None, "context": {"method": "staff"}}
    return event(number, **(made | members))


def service(number, name, action="service.created", **members):
    target = {"kind": "service", "id": f"srv_{number}"} | ({"name": name} if name else {})
    return event(number, **({"action": action, "target": target, "client": None, "context": {}} | members))


def booked(number, begins, action="booking.created", **members):
    return event(number, action=action, context={"starts_at": begins}, **members)


def spoken(*days):
    labels = {cls.code: cls.label for cls in catalogue.registered()}
    return Spoken(labels, dict(catalogue.CATEGORIES), days)


def asked(log, text, *days, hidden=frozenset()):
    return suggest(log.reading(hidden=hidden), text, spoken(*days))


@pytest.fixture
def opened(monkeypatch):
    """The tokens of whoever's row is opened from here on."""
    tokens = set()
    whole = Sealer.open_person

    def noted(sealer, token, sealed):
        tokens.add(token)
        return whole(sealer, token, sealed)

    monkeypatch.setattr(Sealer, "open_person", noted)
    return tokens


def found(log, text, *days, hidden=frozenset()):
    """What is suggested, as (kind, filter)."""
    return [(one.kind, query.format(one.wanted)) for one in asked(log, text, *days, hidden=hidden).found]


@pytest.fixture
def filled(log):
    """Each kind of thing that somebody looks for."""
    log.record_document(client(1, "Ana Maria Sousa"))
    log.record_document(event(2, client={"id": "cli_1"}, operation="op_click"))
    log.record_document(
        event(3, action="charge.succeeded", target={"kind": "charge", "id": "chg_9"}, client={"id": "cli_1"},
              context={"amount_minor": 3000, "booking": "bk_2", "stripe_charge": "ch_3Q"} | EUR)
    )  # fmt: skip
    log.record_document(client(2, "Łukasz Wałęsa"))
    log.record_document(service(7, "Drenagem linfática"))
    return log


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("sou", ("client", "client:cli_1")),
        ("SOU an", ("client", "client:cli_1")),
        ("walesa", ("client", "client:cli_2")),
        ("fern mar", ("staff", "actor:usr_12")),
        ("drena", ("service", "about:service/srv_7")),
        ("linfatica", ("service", "about:service/srv_7")),
        ("bk_2", ("booking", "about:booking/bk_2")),
        ("booking/bk_2", ("booking", "about:booking/bk_2")),
        ("cli_1", ("client", "client:cli_1")),
        ("ch_3Q", ("evidence", "stripe:ch_3Q")),
        ("op_click", ("operation", "operation:op_click")),
        ("cancelled res", ("action", "action:booking.cancelled")),
        ("res cancel", ("action", "action:booking.cancelled")),
        ("payments", ("category", "category:payments")),
        ("30", ("amount", 'category:payments "30.00 EUR"')),
        ("€30.00", ("amount", 'category:payments "30.00 EUR"')),
        ("203.0.113.9", ("address", "203.0.113.9")),
        ("203.0.113.", ("address", "203.0.113.")),
    ],
)
def test_what_is_typed_is_recognised(filled, text, first):
    assert found(filled, text)[0] == first


@pytest.mark.parametrize(
    "text",
    ["sou", "ana", "bk_2", "cli_1", "ch_3Q", "op_click", "drena", "cancelled", "payments", "category:payments ana"],
)
def test_a_count_is_that_of_the_list_that_it_leads_to(filled, text):
    suggested = asked(filled, text).found
    assert suggested
    for one in suggested:
        assert one.count == len(list(filled.read(query.format(one.wanted))))


def test_an_amount_leads_to_the_entries_that_have_it(filled):
    (one,) = asked(filled, "30,00").found
    assert (one.count, one.among, one.amount) == (1, 1, (3000, "EUR"))
    assert [view.seq for view in filled.read(query.format(one.wanted))] == [3]


def test_an_entry_is_known_by_its_id(filled):
    entry = filled.entry(3)
    (one,) = asked(filled, entry.id).found
    assert (one.kind, one.view.seq) == ("entry", 3)
    assert found(filled, entry.id, hidden=frozenset({"payments"})) == []


def test_a_key_that_was_typed_stays(filled):
    assert ("client", "category:payments client:cli_1") in found(filled, "category:payments sousa")
    assert found(filled, "category:vouchers sousa") == []


def test_more_entries_than_are_counted_are_counted_up_to_a_limit(log):
    log.append([log.draft(document.parse(event(number))) for number in range(MOST + 50)])
    (one,) = [one for one in asked(log, "sousa").found if one.kind == "client"]
    assert one.count == MOST + 1


def test_the_search_of_every_text_is_there_for_any_text_that_is_long_enough(filled):
    assert query.format(asked(filled, "sou").everywhere) == "sou in:text"
    assert query.format(asked(filled, 'ana "sou').everywhere) == '"ana  sou" in:text'
    assert query.format(asked(filled, "at 12:30").everywhere) == '"at 12:30" in:text'
    assert asked(filled, "s").everywhere is None
    assert found(filled, "s") != []


@pytest.mark.parametrize("text", ["", "   ", "'", "x" * (LONGEST + 1), "\u200b"])
def test_nothing_is_suggested_for_nothing(filled, text):
    assert found(filled, text) == []


def test_no_entry_is_searched_for_a_miss(filled, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("an entry was searched")

    monkeypatch.setattr(searching.Search, "view", refuse)
    assert found(filled, "zzz-nowhere", date(2026, 5, 3))[1:] == []
    assert found(filled, "912999111") == []


# Names


NAMES = ["Ana Sousa", "Ana Maria Sousa", "Anabela Costa", "Mariana Sousa Lopes", "Sousa", "João d'Ávila", "Ana-Rita Sá"]


def test_beginnings_of_words_find_names_as_looking_at_every_name_does(log):
    for number, name in enumerate(NAMES):
        log.record_document(client(number, name))
    rows, state = log.rows, log.state()
    beginnings = sorted({word[:size] for name in NAMES for word in fold(name).replace("-", " ").split()
                         for size in range(1, len(word) + 1)})  # fmt: skip
    tried = [(one,) for one in beginnings] + [*permutations(beginnings[::4], 2)]
    for parts in tried:
        naive = {
            name
            for name in NAMES
            if all(any(word.startswith(part) for word in fold(name).replace("-", " ").split()) for part in parts)
        }
        got = log._directory.begin(" ".join(parts), rows, state, 100)
        people = log.reading().people(got.people).values()
        assert {person["name"] for person in people if person["realm"] == "client"} == naive, parts


def test_the_whole_name_comes_first_then_whole_words(log):
    for number, name in enumerate(["Anabela Zé", "Ana Sousa Alves", "Ana", "Ana Sousa"]):
        log.record_document(client(number, name))
    assert [one.text for one in asked(log, "ana").found] == ["Ana", "Ana Sousa", "Ana Sousa Alves", "Anabela Zé"]
    assert asked(log, "ana sousa").found[0].text == "Ana Sousa"


def test_of_very_many_people_of_one_name_a_few_are_suggested(log, monkeypatch):
    monkeypatch.setattr(directory, "MOST_TOLD", 20)
    for number in range(30):
        log.record_document(client(number, "Ana Sousa"))
    suggested = asked(log, "ana so")
    assert (len(suggested.found), suggested.people) == (6, 21)


def test_a_name_that_changes_is_suggested_as_it_is_now_and_only_it_is_opened(log, opened):
    log.record_document(client(1, "Ana Sousa"))
    log.record_document(client(2, "Rui Costa"))
    assert found(log, "sou") == [("client", "client:cli_1")]
    opened.clear()
    log.record_document(client(1, "Ana Lopes", action="client.edited", context={}))
    assert (found(log, "sou"), found(log, "lop")) == ([], [("client", "client:cli_1")])
    log.record_document(client(3, "Xisto Novo"))
    assert found(log, "xis") == [("client", "client:cli_3")]
    assert len(opened) == 3  # the two clients, and who recorded them; never who did not change


def test_while_another_thread_opens_the_names_the_rest_is_suggested(filled):
    with filled._directory._lock:
        suggested = asked(filled, "bk_2")
        assert (suggested.ready, [one.kind for one in suggested.found]) == (False, ["booking"])
    assert asked(filled, "sou").ready


# Who was erased, and who may not see


def test_who_was_anonymized_is_suggested_no_more_and_nobody_elses_name_is_opened_for_it(log, opened):
    for number in range(20):
        log.record_document(client(number, f"Ana Sousa {number}"))
    assert asked(log, "ana").people == 20
    opened.clear()
    log.anonymize("cli_3", requested_by="client", actor=Staff("usr_1"))
    assert len(opened) <= 2  # of the client, and of who did it
    assert asked(log, "ana").people == 19
    assert not any(one.id == "cli_3" for one in asked(log, "ana sousa 3").found)
    assert not any("sousa 3 " in name for name in log._directory._names.values())


def test_a_name_that_nobody_opened_is_not_opened_to_erase_it(log):
    log.record_document(client(1, "Ana Sousa"))
    log.anonymize("cli_1", requested_by="client", actor=Staff("usr_1"))
    assert log._directory._names == {}
    assert found(log, "ana") == []


def test_another_process_erasing_somebody_takes_the_name_away(log, journal):
    log.record_document(client(1, "Ana Sousa"))
    assert found(log, "sou")
    with Journal(journal.places.database, clock=journal.clock) as other:
        other.clinic().anonymize("cli_1", requested_by="client", actor=Staff("usr_1"))
    assert found(log, "sou") == []


def test_what_a_role_does_not_see_is_neither_suggested_nor_counted(filled):
    hidden = frozenset({"payments", "clients", "services"})
    assert found(filled, "walesa", hidden=hidden) == []
    assert found(filled, "drena", hidden=hidden) == []
    assert found(filled, "30", hidden=hidden) == []
    assert found(filled, "payments", hidden=hidden) == []
    assert found(filled, "ch_3Q", hidden=hidden) == []
    suggested = asked(filled, "sou", hidden=hidden)
    assert ([one.count for one in suggested.found], suggested.people) == ([1], None)


def test_nothing_of_a_name_is_written(log, journal):
    log.record_document(client(1, "Ana Quasimodo"))
    log.record_document(service(1, "Xyloglyphie"))
    assert found(log, "quasi")
    assert found(log, "xylo")
    log.checkpoint()
    written = [path for path in journal.places.database.parent.rglob("*") if path.is_file()]
    assert {journal.places.database, journal.places.head_store} < {*written}
    for path in written:
        assert not any(part in path.read_bytes().lower() for part in (b"quasi", b"xylo"))


# What the clinic offers


def test_a_service_is_known_by_its_newest_name_and_said_to_be_deleted(log):
    log.record_document(service(1, "Limpeza"))
    log.record_document(service(2, "Massagem"))
    assert found(log, "limp") == [("service", "about:service/srv_1")]
    log.record_document(service(1, "Peeling", action="service.edited"))
    log.record_document(service(2, None, action="service.deleted"))
    assert (found(log, "limp"), found(log, "peel")) == ([], [("service", "about:service/srv_1")])
    (deleted,) = asked(log, "massa").found
    assert (deleted.deleted, deleted.text) == (True, "Massagem")


def test_a_services_name_in_an_entry_about_a_client_is_not_taken(log):
    log.record_document(service(1, "Secreta", client={"id": "cli_77", "name": "Ana Sousa"}))
    assert found(log, "secr") == []


# Days

DAY = date(2026, 5, 5)


def test_a_day_is_what_happened_then_and_the_reservations_that_begin_then(log):
    log.record_document(booked(1, "2026-05-05T10:00:00+01:00"))
    log.record_document(booked(2, "2026-05-05T09:00:00+01:00"))
    log.record_document(booked(3, "2026-05-06T09:00:00+01:00"))
    log.record_document(booked(4, "2026-05-05T00:30:00+02:00"))  # the evening before, in Lisbon
    moved = {"old": "2026-05-05T10:00:00+01:00", "new": "2026-05-09T10:00:00+01:00"}
    log.record_document(booked(1, moved, action="booking.rescheduled"))
    log.record_document(booked(3, {"old": moved["new"], "new": "2026-05-05T23:30:00+01:00"},
                               action="booking.rescheduled"))  # fmt: skip
    assert found(log, "5 May", DAY) == [("booking", "about:booking/bk_2"), ("booking", "about:booking/bk_3")]
    assert found(log, "3 May", date(2026, 5, 3)) == [("day", "from:2026-05-03 to:2026-05-03")]
    assert found(log, "5 May", DAY, hidden=frozenset({"bookings"})) == []
    (one, _) = asked(log, "5 May", DAY).found
    assert (one.begins, one.view.seq, one.count) == (DAY, 2, 1)
