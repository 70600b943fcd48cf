"""Recording on SQLite in a transaction of its own: numbers, times, people, keys, and clinics apart."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest

from indelible.catalogue.bookings import BookingCreated
from indelible.errors import Conflict, InvalidInput, NotFound, StorageFailure
from indelible.journal import Journal
from indelible.keep.personal import Unreadable, join, split
from indelible.log import BATCH_LIMIT
from indelible.manage.inspection import inspect
from indelible.record import document
from indelible.record.append import Appended
from indelible.record.document import Staff
from indelible.testing.logs import START, assert_intact, event


def drafts(log, *events):
    return [log.draft(document.parse(one)) for one in events]


def bodies(log):
    """Every body, by number."""
    return [view.members for view in sorted(log.read(), key=lambda view: view.seq)]


# Numbers and times


def test_entries_are_numbered_from_1_in_the_order_of_recording(log):
    results = [log.record_document(event(number)) for number in range(1, 4)]
    results += log.append(drafts(log, event(4), event(5)))
    assert [result.seq for result in results] == [1, 2, 3, 4, 5]
    assert [log.entry(seq).target["id"] for seq in range(1, 6)] == [f"bk_{n}" for n in range(1, 6)]
    assert log.entry(results[2].id).seq == 3
    assert log.size == 5


def test_recorded_at_never_goes_back_when_the_clock_does(log, clock):
    times = []
    for seconds in (0, 5, -100, 1, 200, -0.000001):
        clock.advance(seconds)
        times.append(log.record_document(event()).recorded_at)
    assert times == sorted(times)
    assert times[1:4] == [START + 5_000_000] * 3
    assert [members["recorded_at"] for members in bodies(log)] == sorted(m["recorded_at"] for m in bodies(log))


def test_the_list_is_by_occurred_at_and_not_by_number(log):
    for day in (3, 1, 2):
        log.record_document(event(day, occurred_at=f"2026-05-0{day}T10:00:00+01:00"))
    assert [view.seq for view in log.read()] == [1, 3, 2]


def test_record_takes_an_action_object_and_a_datetime_with_a_zone(log):
    log.record(BookingCreated(), actor=Staff("u"), target=("booking", "b"),
               occurred_at=datetime.fromisoformat("2026-05-03T10:00:00+02:00"))  # fmt: skip
    assert log.entry(1).document()["occurred_at"] == "2026-05-03T09:00:00.000000+01:00"
    naive = datetime(2026, 5, 3, 10)  # noqa: DTZ001 - that is the mistake
    with pytest.raises(InvalidInput, match="without a time zone"):
        log.record(BookingCreated(), actor=Staff("u"), target=("booking", "b"), occurred_at=naive)
    assert log.size == 1


def test_a_batch_is_one_transaction_of_at_most_10000(log):
    one = drafts(log, event())[0]
    with pytest.raises(InvalidInput, match=f"at most {BATCH_LIMIT}"):
        log.append([one] * (BATCH_LIMIT + 1))
    assert log.size == 0
    log.append([one])
    with pytest.raises(StorageFailure):  # an id that is there already: nothing of the batch is kept
        log.append([*drafts(log, event(1)), one])
    assert log.size == 1
    assert log.append([]) == []


def test_an_entry_that_is_not_there_is_not_found(log):
    log.record_document(event())
    for which in (0, -1, 2, "nonsense", "019dd97b-3f58-7c4b-9cce-000000000001", "٣"):
        with pytest.raises(NotFound):
            log.entry(which)


# Keys


def test_the_same_key_and_document_is_the_entry_that_is_there(log):
    first = log.record_document(event(key="k"))
    again = log.record_document(event(key="k"))
    assert again == Appended(1, first.id, first.recorded_at, repeated=True)
    assert log.size == 1


def test_a_retry_may_come_later_and_without_a_time(log, clock):
    log.record_document(event(key="k"))
    clock.advance(86_400)
    assert log.record_document(event(key="k")).repeated
    dated = event(2, key="dated", occurred_at="2026-05-03T10:00:00Z")
    log.record_document(dated)
    clock.advance(1)
    assert log.record_document(dated).repeated
    assert log.record_document({name: dated[name] for name in dated if name != "occurred_at"}).repeated
    with pytest.raises(Conflict):
        log.record_document(dated | {"occurred_at": "2026-05-03T10:00:01Z"})
    assert log.size == 2


CHANGES = [
    {"action": "booking.created", "context": {}},
    {"actor": {"kind": "staff", "id": "usr_13", "name": "Maria Fernandes", "role": "receptionist"}},
    {"actor": {"kind": "staff", "id": "usr_12", "name": "Maria", "role": "receptionist"}},
    {"actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes", "role": "owner"}},
    {"actor": {"kind": "support", "id": "usr_12", "name": "Maria Fernandes"}},
    {"target": {"kind": "booking", "id": "bk_2", "name": "Facial, 4 May 09:00"}},
    {"target": {"kind": "booking", "id": "bk_1", "name": "Facial"}},
    {"target": {"kind": "booking", "id": "bk_1"}},
    {"client": {"id": "cli_78", "name": "Ana Sousa"}},
    {"client": None},
    {"people": [{"role": "payer", "id": "cli_78"}]},
    {"context": {"late": True, "notice_minutes": 91, "reason_text": "train was late"}},
    {"context": {"late": True, "notice_minutes": 90, "reason_text": "train was on time"}},
    {"context": {"late": True, "notice_minutes": 90}},
    {"request": {"channel": "client_app", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (iPhone)"}},
    {"request": {"channel": "staff_web", "ip": "203.0.113.8", "user_agent": "Mozilla/5.0 (iPhone)"}},
    {"operation": "req_2"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_same_key_with_another_document_is_a_conflict(log, change):
    log.record_document(event(key="k"))
    with pytest.raises(Conflict, match="entry 1"):
        log.record_document(event(key="k", **change))
    assert log.size == 1


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_within_one_batch_a_key_works_as_it_does_later(log, change):
    results = log.append(drafts(log, event(key="k"), event(key="k"), event(key="k", **change), event(2)))
    assert [type(result) for result in results] == [Appended, Appended, Conflict, Appended]
    assert (results[1].seq, results[1].repeated, results[3].seq) == (1, True, 2)
    assert log.size == 2


def test_a_time_left_out_is_compared_in_the_same_way_within_a_batch_and_later(log, clock):
    dated = event(key="k", occurred_at="2026-05-03T10:00:00Z")
    assert log.append(drafts(log, dated, event(key="k")))[1].repeated
    assert log.append(drafts(log, event(key="k")))[0].repeated
    first = drafts(log, event(2, key="l"))
    clock.advance(1)
    assert log.append(first + drafts(log, event(2, key="l")))[1].repeated


def test_the_same_key_in_another_clinic_is_another_key(journal, log):
    porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    log.record_document(event(key="k"))
    assert not porto.record_document(event(2, key="k")).repeated


def test_without_a_key_the_same_document_is_recorded_again(log):
    assert [log.record_document(event()).seq for _ in range(2)] == [1, 2]


# People


def latest_names(log):
    people = [log.sealer.open_person(row.token, row.sealed) for row in log.rows.persons("all")]
    return {person["id"]: person.get("name") for person in people}


def by(name, day, **members):
    person = {"kind": "staff", "id": "usr_1"} | ({"name": name} if name else {})
    return event(actor=person, client=None, occurred_at=f"2026-05-0{day}T10:00:00Z", **members)


@pytest.mark.parametrize(
    ("events", "name"),
    [
        ([("Maria", 1)], "Maria"),
        ([("Maria", 1), ("Maria Silva", 2)], "Maria Silva"),
        ([("Maria Silva", 2), ("Maria", 1)], "Maria Silva"),  # imported history brings no old name back
        ([("Maria", 1), (None, 2)], "Maria"),
        ([(None, 1), ("Maria", 2)], "Maria"),
        ([(None, 2), ("Maria", 1)], "Maria"),  # any name is better than none
        ([(None, 2), ("Maria", 1), ("Mary", 1)], "Mary"),
        ([("A", 1), ("B", 2), ("C", 1)], "B"),
        ([(None, 1)], None),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_person_has_the_latest_name_by_when_it_was_used(log, events, name, at_once):
    made = [by(*one) for one in events]
    if at_once:
        log.append(drafts(log, *made))
    else:
        for one in made:
            log.record_document(one)
    assert latest_names(log) == {"usr_1": name}


def test_an_entry_keeps_the_name_of_its_time(log):
    log.append(drafts(log, by("Maria", 1), by("Maria Silva", 2)))
    assert [view.actor["name"] for view in log.read()] == ["Maria Silva", "Maria"]


def test_a_person_who_returns_keeps_the_token(tmp_path, clock):
    tokens = []
    for number in range(3):
        made = Journal(tmp_path / "a.db", clock=clock) if number else Journal.create(tmp_path / "a.db", clock=clock)
        log = made.clinic() if number else made.add_clinic("c", name="C", zone="Europe/Lisbon")
        tokens.append(log.entry(log.record_document(event()).seq).members["tokens"])
        made.close()
    assert tokens[0] == tokens[1] == tokens[2]
    assert len(set(tokens[0])) == 2


def test_ids_of_staff_clients_and_support_are_different_people(log):
    for kind in ("staff", "client", "support"):
        log.record_document(event(actor={"kind": kind, "id": "same"}, client=None))
    assert len({members["tokens"][0] for members in bodies(log)}) == 3


# Clinics apart


@pytest.fixture
def porto(journal, log):
    porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    for number in range(5):
        log.record_document(event(number))
        porto.record_document(event(number))
    return porto


def test_the_same_ids_in_two_clinics_share_no_token_and_no_look_up(journal, log, porto):
    tokens = [{token for members in bodies(one) for token in members["tokens"]} for one in (log, porto)]
    assert not tokens[0] & tokens[1]
    assert log.sealer.token("client", "cli_77", 0).hex() in tokens[0]
    assert porto.sealer.token("client", "cli_77", 0).hex() in tokens[1]
    assert log.sealer.find("key", "k") != porto.sealer.find("key", "k")
    assert log.clinic.nobody != porto.clinic.nobody


def test_queries_of_one_clinic_never_return_the_others(log, porto):
    own = {view.id for view in log.read()}
    theirs = {view.id for view in porto.read()}
    assert (len(own), len(theirs), own & theirs) == (5, 5, set())
    for words in ("", "actor:usr_12", "action:booking.cancelled", "category:bookings", "-actor:system"):
        assert {view.id for view in log.read(words)} == own
    with pytest.raises(NotFound):
        log.entry(theirs.pop())


def test_sealed_parts_that_were_moved_do_not_open(log, porto):
    """To another clinic, another entry of the same clinic, another person, another class."""
    first, second = log.entry(1), log.entry(2)
    parts = split(next(log.rows.entries(0, 1)).sealed)
    elsewhere = {(part.owner, part.personal_class): part.data for part in split(next(log.rows.entries(1, 2)).sealed)}
    assert len(parts) == 3
    for part in parts:
        place = bytes.fromhex(first.id.replace("-", "")), bytes.fromhex(first.members["tokens"][part.owner])
        paths = next(
            group["paths"] for group in first.members["personal"] if (group["owner"], group["class"]) == part[:2]
        )
        opened = log.sealer.open_values(*place, part.personal_class, part.data, paths).values
        assert opened == {path: first.values[path] for path in paths}
        other_id = bytes.fromhex(second.id.replace("-", ""))
        other_class = "network" if part.personal_class == "identity" else "identity"
        for sealer, moved, data in [
            (log.sealer, (*place, part.personal_class), elsewhere[part.owner, part.personal_class]),
            (log.sealer, (other_id, place[1], part.personal_class), part.data),
            (log.sealer, (place[0], place[1][::-1], part.personal_class), part.data),
            (log.sealer, (*place, other_class), part.data),
            (porto.sealer, (*place, part.personal_class), part.data),
        ]:
            with pytest.raises(Unreadable):
                sealer.open_values(*moved, data, paths)


def test_an_entry_with_the_sealed_values_of_another_shows_none_of_them(log, tmp_path):
    """Put in its place, or its own in another order: what stands beside the body says whose it is, and is sealed so."""
    for number in (1, 2):
        log.record_document(event(number))
    log.checkpoint()
    shown, own, elsewhere = log.entry(1).values, *(next(log.rows.entries(seq - 1, seq)).sealed for seq in (1, 2))
    swapped = [part._replace(owner=1 - part.owner) for part in split(own)]
    renamed = [part._replace(personal_class={"identity": "network"}.get(part.personal_class, "identity"))
               for part in split(own)]  # fmt: skip
    with closing(sqlite3.connect(tmp_path / "activity.db")) as db:
        guards = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'indelible_entry_no_update'").fetchone()
        for sealed in (elsewhere, join(swapped), join(renamed), own[1:], own[:-1], b"x"):
            db.execute("DROP TRIGGER indelible_entry_no_update")
            db.execute("UPDATE indelible_entry SET sealed = ? WHERE seq = 1", (sealed,))
            db.commit()
            view = log.entry(1)
            assert view.values == {}, sealed
            assert set(view.states.values()) <= {"unreadable", "missing"}
            assert [finding.verdict for finding in inspect(log).findings]
            db.execute("UPDATE indelible_entry SET sealed = ? WHERE seq = 1", (own,))
            db.execute(*guards)
            db.commit()
    assert log.entry(1).values == shown


# The clinic's zone


def test_entries_keep_the_zone_of_their_time(journal, log):
    log.record_document(event(occurred_at="2026-05-03T10:00:00Z"))
    log.set_time_zone("Atlantic/Azores")
    log.record_document(event(occurred_at="2026-05-03T10:00:00Z"))
    about_bookings = [members for members in bodies(log) if members["action"] == "booking.cancelled"]
    zones = [(members["zone"], members["offset_minutes"]) for members in about_bookings]
    assert zones == [("Europe/Lisbon", 60), ("Atlantic/Azores", 0)]


def test_a_draft_made_before_the_clinic_moved_gets_the_new_zone(tmp_path, log, clock):
    waiting = drafts(log, event(occurred_at="2026-05-03T10:00:00Z"))
    with Journal(tmp_path / "activity.db", clock=clock) as other:
        other.clinic().set_time_zone("Asia/Kolkata")
    seq = log.append(waiting)[0].seq
    assert (log.entry(seq).zone, log.entry(seq).offset_minutes) == ("Asia/Kolkata", 330)


def test_verify_in_a_process_that_does_not_know_of_the_move_is_intact(tmp_path, log, clock):
    log.record_document(event())
    with Journal(tmp_path / "activity.db", clock=clock) as other:
        other.clinic().set_time_zone("Asia/Kolkata")
    assert_intact(log)


def test_a_draft_that_comes_twice_is_one_entry_by_its_key_or_refused(log):
    plain, keyed = drafts(log, event(1), event(2, key="k"))
    with pytest.raises(InvalidInput, match="drafts: hold one twice"):
        log.append([plain, keyed, plain])
    assert log.size == 0
    assert [(one.seq, one.repeated) for one in log.append([keyed, plain, keyed])] == [(1, False), (2, False), (1, True)]


def test_what_append_cannot_write_is_no_draft(log):
    drafted = log.draft(document.parse(event()))
    with pytest.raises(ValueError, match="in order of owner, class and path"):
        replace(drafted, values=drafted.values[::-1])
    for persons in (drafted.persons[:1], drafted.persons * 200):
        with pytest.raises(ValueError, match="belong to its persons"):
            replace(drafted, persons=persons)
