"""What the search box finds: ids and names by index, however they are spelled; and all else in the texts."""

from __future__ import annotations

import pytest

from indelible.keep.personal import Sealer
from indelible.read import session as reading
from indelible.read.searching import LookedUp
from indelible.read.tallying import count, totals
from indelible.record.document import Staff
from indelible.testing.logs import event


def seqs(log, words):
    """The numbers of a filter's entries: the page, the list and the count agree on them."""
    found = [view.seq for view in log.read(words)]
    page = log.page(words)
    assert [view.seq for view in page.views] == found
    assert page.older is None
    assert count(log.reading(), log.reading().parse(words)).entries == len(found)
    return found


def client(number, name, **members):
    who = {"kind": "client", "id": f"cli_{number}"} | ({"name": name} if name else {})
    made = {"action": "client.created", "target": who, "client": None, "context": {"method": "staff"}}
    return event(number, **(made | members))


SPOKEN = [{"field": "language", "old": "pt", "new": "en"}]


@pytest.fixture
def nothing_is_opened(monkeypatch):
    """From here on a page may open no entry to look for text."""
    monkeypatch.setattr(reading, "SEARCH_LIMIT", 0)


PEOPLE = [
    ("Łukasz Wałęsa", "lukasz walesa"), ("Søren Ørsted", "soren orsted"), ("Đorđe Đoković", "dorde dokovic"),
    ("Großmann", "grossmann"), ("O’Neill Ana", "o'neill"), ("D`Arcy Zoë", "darcy"), ("Yıldız İnce", "yildiz ince"),
    ("Nguyễn Thị Đào", "nguyen thi dao"), ("Anne-Marie Æbelø", "aebelo"), ("Þórður Jónsson", "thordur"),
    ("Ana  Sousa", '"ana sousa"'), ("Anne‑Lise Été", "anne-lise"), ("M&K — Zoë", '"m&k - zoe"'),
    ("Jean\u00a0Dupont", '"jean dupont"'), ("Mary–Jo\u2009Kim", '"mary-jo kim"'),
]  # fmt: skip


@pytest.mark.parametrize("lately", [False, True], ids=["by index", "in the texts"])
@pytest.mark.parametrize(("name", "plain"), PEOPLE, ids=[plain for _, plain in PEOPLE])
def test_the_plain_spelling_finds_the_name(log, name, plain, lately):
    log.record_document(client(1, name))
    log.record_document(client(2, "Somebody Else"))
    if lately:
        assert seqs(log, f"{plain} in:text") == [1]
    else:
        assert seqs(log, plain) == [1]
        assert log.page(plain).searched == 0


@pytest.fixture
def filled(log):
    """Each kind of thing that the box promises: name, booking, charge, and what else has an id."""
    log.record_document(client(1, "Ana Sousa"))
    log.record_document(event(2, client={"id": "cli_1"}, operation="op_click", context={"reason_text": "late"}))
    log.record_document(
        event(3, action="charge.succeeded", target={"kind": "charge", "id": "chg_9"}, client={"id": "cli_1"},
              context={"amount_minor": 3000, "currency": "EUR", "booking": "bk_2", "stripe_charge": "ch_3Q"})
    )  # fmt: skip
    log.record_document(
        event(4, client={"id": "cli_2", "name": "Rui Costa"}, context={"reason_text": "Ana Sousa rang"})
    )
    log.record_document(event(5, action="service.edited", target={"kind": "service", "id": "srv_7", "name": "Ana cut"},
                              client=None, context={}))  # fmt: skip
    return log


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("bk_2", [3, 2]),
        ("booking/bk_2", [3, 2]),
        ("chg_9", [3]),
        ("ch_3Q", [3]),
        ("cli_1", [3, 2, 1]),
        ("client/cli_1", [3, 2, 1]),
        ("usr_12", [5, 4, 3, 2, 1]),
        ("srv_7", [5]),
        ("op_click", [2]),
        ("cli_2 bk_4", [4]),
        ("cli_2 bk_2", []),
        ("sousa", [3, 2, 1]),
        ("ana", [3, 2, 1]),
        ('"Ana Sousa"', [3, 2, 1]),
        ("sousa ana", [3, 2, 1]),
        ("fernandes", [5, 4, 3, 2, 1]),
        ("fernandes costa", [4]),
        ("sousa bk_2", [3, 2]),
        ("costa category:payments", []),
    ],
)
def test_an_id_or_a_name_is_found_without_opening_entries(filled, nothing_is_opened, word, found):
    assert seqs(filled, word) == found
    assert filled.page(word).searched == 0


def test_an_entrys_own_id_is_found_by_index(filled, nothing_is_opened):
    entry = filled.entry(4)
    assert seqs(filled, entry.id) == [4]
    assert seqs(filled, f"{entry.id} category:payments") == []
    assert seqs(filled, f"{entry.id} {filled.entry(3).id}") == []


def test_what_was_looked_up_is_said_and_in_text_finds_the_rest(filled):
    assert filled.page("ana").looked_up == (LookedUp(("ana",), 1),)
    assert filled.page("sousa ana bk_2").looked_up == (LookedUp(("bk_2",), 0), LookedUp(("sousa", "ana"), 1))
    assert filled.page("rang").looked_up == ()
    page = filled.page("ana in:text")
    assert ([view.seq for view in page.views], page.looked_up) == ([5, 4, 3, 2, 1], ())
    assert seqs(filled, "sousa in:text") == [4, 3, 2, 1]


def test_other_words_are_looked_for_in_the_entries_of_the_person(filled):
    assert seqs(filled, "sousa late") == [2]
    assert seqs(filled, "sousa -late") == [3, 1]
    page = filled.page("sousa late")
    assert page.searched == 3


def test_a_hyphen_leaves_out_whom_a_name_means_also_where_only_the_id_stands(filled):
    assert seqs(filled, "-sousa") == [5]
    assert seqs(filled, '-"Rui Costa"') == [5, 3, 2, 1]


def test_a_part_of_a_name_is_text(filled):
    assert seqs(filled, "sous") == [4, 1]
    assert filled.page("sous").looked_up == ()


def test_an_earlier_name_is_found_in_the_texts(log):
    log.record_document(client(1, "Ana Silva"))
    log.record_document(
        client(
            1,
            "Ana Sousa",
            action="client.edited",
            context={"changes": SPOKEN},
        )
    )
    log.record_document(client(2, "Eva Silva"))
    assert seqs(log, "sousa") == [2, 1]
    assert seqs(log, "silva") == [3]
    assert seqs(log, "silva in:text") == [3, 1]
    assert seqs(log, '"ana silva"') == [1]


def test_a_word_that_is_an_id_and_a_name_means_both(log):
    log.record_document(client(1, "Rosa Costa"))
    log.record_document(event(2, action="service.edited", target={"kind": "service", "id": "Rosa", "name": "Peeling"},
                              client=None, context={}))  # fmt: skip
    assert seqs(log, "Rosa") == [2, 1]


def test_a_name_of_very_many_people_is_looked_for_in_the_entries(log, monkeypatch):
    from indelible.read import searching

    monkeypatch.setattr(searching, "MOST_PEOPLE", 2)
    for number, name in enumerate(["Ana A", "Ana B", "Ana C", "Rui D"], 1):
        log.record_document(client(number, name))
    log.record_document(event(5, client={"id": "cli_1"}))
    assert seqs(log, "ana") == [5, 3, 2, 1]
    assert log.page("ana").looked_up == ()
    assert seqs(log, '"ana b"') == [2]


def test_names_follow_the_log_and_go_with_their_person(log, journal, tmp_path, monkeypatch):
    log.record_document(client(1, "Ana Sousa"))
    assert seqs(log, "sousa") == [1]
    opened = set()
    whole = Sealer.open_person

    def counted(sealer, token, sealed):
        opened.add(token)
        return whole(sealer, token, sealed)

    monkeypatch.setattr(Sealer, "open_person", counted)
    log.record_document(client(2, "Rui Sousa"))
    assert seqs(log, "sousa") == [2, 1]
    log.record_document(
        client(
            1,
            "Ana Lopes",
            action="client.edited",
            context={"changes": SPOKEN},
        )
    )
    assert (seqs(log, "sousa"), seqs(log, "lopes")) == ([2], [3, 1])
    assert len(opened) == 3  # the two clients and who recorded them
    log.anonymize("cli_2", requested_by="client", actor=Staff("usr_1"))
    assert log._directory.find("sousa", log.rows, log.state()) == frozenset()
    assert seqs(log, "rui") == []


def test_another_process_erasing_somebody_takes_the_name_away(log, journal):
    from indelible import Journal

    log.record_document(client(1, "Ana Sousa"))
    assert seqs(log, "sousa") == [1]
    with Journal(journal.places.database, clock=journal.clock) as other:
        other.clinic().anonymize("cli_1", requested_by="client", actor=Staff("usr_1"))
    assert log._directory.find("sousa", log.rows, log.state()) == frozenset()
    assert not any("sousa" in name for name in log._directory._names.values())


def test_no_form_of_a_name_that_was_looked_for_is_written(log, journal):
    log.record_document(client(1, "Ana Quasimodo"))
    assert seqs(log, "quasimodo") == [1]
    log.checkpoint()
    written = [path for path in journal.places.database.parent.rglob("*") if path.is_file()]
    assert {journal.places.database, journal.places.head_store} < {*written}
    for path in written:
        assert b"quasimodo" not in path.read_bytes().lower()


# Texts

CHANGED = [{"field": "phone", "old": "+351 912 345 678", "new": "912-345-679"}]
PRICED = [{"field": "price_minor", "old": 5000, "new": 6000, "currency": "EUR"}]


@pytest.fixture
def texts(log):
    log.record_document(client(1, "X", action="client.edited", context={"changes": CHANGED}))
    log.record_document(
        event(2, action="service.created", target={"kind": "service", "id": "srv_1", "name": "Peeling"}, client=None,
              context={"price_minor": 6000, "currency": "EUR"}, request={"channel": "staff_web", "ip": "198.51.100.85"})
    )  # fmt: skip
    log.record_document(
        event(3, action="charge.refunded", target={"kind": "charge", "id": "chg_1"}, client=None,
              actor={"kind": "system", "reason": "policy:late-cancel"}, request=None,
              context={"amount_minor": 3000, "currency": "EUR", "source": "policy"})
    )  # fmt: skip
    log.record_document(
        event(4, action="charge.succeeded", target={"kind": "charge", "id": "chg_2"}, client=None,
              context={"amount_minor": 13000, "currency": "EUR"},
              request={"channel": "staff_web", "ip": "198.51.100.8"})
    )  # fmt: skip
    log.record_document(
        event(5, action="service.deleted", target={"kind": "service", "id": "srv_2", "name": "Mask"}, client=None,
              context={"snapshot": {"price_minor": 4550, "currency": "EUR"}})
    )  # fmt: skip
    return log


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("912345678", [1]),
        ("912-345-678", [1]),
        ('"912 345 679"', [1]),
        ("30.00", [3]),
        ("30,00", [3]),
        ("€30", [3]),
        ('"30,00 EUR"', [3]),
        ("30,00 EUR", [3]),
        ("60", [2]),
        ("45,50", [5]),
        ("€130", [4]),
        ("198.51.100.8", [4]),
        ("198.51.100.", [4, 2]),
        ("198.51.100.0/24", [4, 2]),
        ("ip:198.51.100.8", [4]),
        ("ip:198.51.100.", [4, 2]),
        ("ip:198.51.100.0/24 -ip:198.51.100.8", [2]),
        ('"late cancel"', [3]),
        ("policy", [3]),
        ("policy:late-cancel", None),
        ('"policy:late-cancel"', [3]),
        ("charge.refunded", [3]),
        ('"refunded charge"', [3]),
        ("system", [3]),
        ('"refunded 30.00"', [3]),
    ],
)
def test_what_a_text_is_found_by(texts, words, found):
    if found is None:
        with pytest.raises(Exception, match="unknown key"):
            texts.page(words)
    else:
        assert seqs(texts, words) == found


def test_a_price_in_a_list_of_changes_is_found(log):
    log.record_document(
        event(1, action="service.edited", target={"kind": "service", "id": "srv_1"}, client=None,
              context={"changes": PRICED})
    )  # fmt: skip
    for words in ("50,00", "60.00", "€60", '"60 EUR"'):
        assert seqs(log, words) == [1]


def test_two_texts_of_an_entry_are_not_one(log):
    log.record_document(event(1, target={"kind": "booking", "id": "bk_1", "name": "Sunday"},
                              context={"reason_text": "morning"}))  # fmt: skip
    assert seqs(log, '"sunday morning"') == []


# How far back


@pytest.fixture
def long(log, monkeypatch):
    monkeypatch.setattr(reading, "SEARCH_LIMIT", 4)
    monkeypatch.setattr(reading, "CHUNK", 2)
    for number in range(1, 11):
        log.record_document(
            event(number, action="charge.succeeded", target={"kind": "charge", "id": f"chg_{number}"},
                  context={"amount_minor": 2**number, "currency": "EUR"},
                  operation=f"needle-{number}" if number % 2 else f"hay-{number}",
                  occurred_at=f"2026-04-{number:02}T10:00:00Z")
        )  # fmt: skip
    return log


def test_tallies_go_on_where_they_stopped_and_count_nothing_twice(long):
    wanted = long.reading().parse("needle")
    entries, cents, older, steps = 0, 0, None, 0
    session = long.reading()
    while steps == 0 or older is not None:
        counted, summed = count(session, wanted, after=older), totals(session, wanted, after=older)
        entries, steps = entries + counted.entries, steps + 1
        cents += sum(one.money_in.amount_minor for one in summed.currencies)
        assert counted.whole is (counted.older is None)
        older = counted.older
    assert (entries, cents, steps) == (5, sum(2**number for number in range(1, 11, 2)), 3)
