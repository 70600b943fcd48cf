"""A reading session is of one moment, whatever is recorded, renamed or imported meanwhile; only erasing reaches it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from indelible.access import Access, Principal
from indelible.errors import InvalidQuery, NotFound
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.read.actors import acting
from indelible.read.session import Session
from indelible.read.story import story
from indelible.read.tallying import count, per_day, totals
from indelible.record import document
from indelible.record.document import Staff, System
from indelible.testing.logs import START, event

BY = Staff("usr_1", "Helena")
DAY = date(2026, 5, 3)


@pytest.fixture
def filled(log):
    for number in range(1, 31):
        log.record_document(event(number, client={"id": f"cli_{number % 3}", "name": f"Client {number % 3}"}))
    return log


def everything(session: Session, words: str) -> tuple[int, int, int, int]:
    """What the list, the pages, the chart and the number of a filter say of how many entries it means."""
    wanted = session.parse(words)
    listed, after = 0, None
    while True:
        page = session.page(wanted, after=after, limit=7)
        listed, after = listed + len(page.views), page.older
        if after is None:
            break
    days = per_day(session, wanted, first=DAY - timedelta(days=40), last=DAY + timedelta(days=2))
    return listed, len(list(session.read(wanted))), sum(one.count for one in days.days), count(session, wanted).entries


@pytest.mark.parametrize("words", ["", "client:cli_1", "category:bookings", "Client", "facial", "recorded:#1.."])
def test_list_chart_and_numbers_of_one_session_agree_while_others_record_and_import(filled, journal, words):
    session = filled.reading()
    before = everything(session, words)
    assert len(set(before)) == 1
    with Journal(journal.places.database, clock=journal.clock) as other:
        theirs = other.clinic("c_lisbon")
        theirs.record_document(event(99, client={"id": "cli_1", "name": "Client 1"}))
        imported = [document.parse(event(200 + n, occurred_at="2026-04-20T10:00:00Z")) for n in range(5)]
        theirs.append([theirs.draft(one, imported=True) for one in imported])
    assert everything(session, words) == before
    assert everything(filled.reading(), words) != before or words in ("client:cli_1",)


def test_money_is_of_the_same_moment_as_the_list(log):
    paid = event(1, action="charge.succeeded", target={"kind": "charge", "id": "ch_1"},
                 context={"amount_minor": 5_000, "currency": "EUR"})  # fmt: skip
    log.record_document(paid)
    session = log.reading()
    log.record_document(paid | {"target": {"kind": "charge", "id": "ch_2"}})
    assert totals(session, session.parse("")).currencies[0].money_in == (1, 5_000)
    assert totals(log.reading(), session.parse("")).currencies[0].money_in == (2, 10_000)


def test_a_session_keeps_the_name_and_the_zone_of_its_moment(log, journal):
    session = log.reading()
    with Journal(journal.places.database, clock=journal.clock) as other:
        other.clinic("c_lisbon").rename("Another name", actor=BY)
        other.clinic("c_lisbon").set_time_zone("Asia/Tokyo", actor=BY)
    assert (session.name, session.zone) == ("Lisbon", "Europe/Lisbon")
    assert (log.reading().name, log.reading().zone) == ("Another name", "Asia/Tokyo")


def test_what_another_process_set_is_what_this_one_records(log, journal):
    """Nothing of a clinic that can change is remembered between two transactions."""
    with Journal(journal.places.database, clock=journal.clock) as other:
        other.clinic("c_lisbon").rename("New", actor=BY)
        other.clinic("c_lisbon").set_time_zone("Asia/Tokyo", actor=BY)
    seq = log.record_document(event(occurred_at="2026-05-03T12:00:00Z")).seq
    assert (log.entry(seq).zone, log.entry(seq).offset_minutes) == ("Asia/Tokyo", 540)
    log.rename("Newest", actor=BY)
    renamed = next(log.read("action:settings.changed"))
    assert renamed.context["changes"] == [{"field": "name", "old": "New", "new": "Newest"}]


def test_who_is_erased_is_erased_in_a_session_that_began_before(filled):
    session = filled.reading()
    assert next(session.read("client:cli_1")).client == {"id": "cli_1", "name": "Client 1"}
    filled.anonymize("cli_1", requested_by="client", actor=BY)
    view = next(one for one in session.read("") if one.members["target"]["id"] == "bk_28")
    assert view.client == {"id": None, "name": None}
    assert "Client 1" not in str(view.document())


def test_what_is_hidden_is_in_nothing_that_a_session_reads(filled):
    filled.rename("Another", actor=BY)
    hidden = filled.reading(hidden=frozenset({"bookings"}))
    seq = next(filled.read("category:bookings")).seq
    for words in ("", "client:cli_1", '"Client 1"', "action:booking.cancelled", "facial in:text", "category:bookings"):
        wanted = hidden.parse(words)
        assert {view.category for view in hidden.read(wanted)} <= {"settings"}
        assert {view.category for view in hidden.page(wanted).views} <= {"settings"}
        assert count(hidden, wanted).entries == len(list(hidden.read(wanted)))
        assert totals(hidden, wanted).currencies == []
    with pytest.raises(NotFound):
        hidden.entry(seq)
    with pytest.raises(NotFound):
        story(hidden, "client/cli_1")
    assert [one.id for one in acting(filled.reading())] == ["usr_1", "usr_12"]
    said = hidden.narrow(hidden.parse("from:2026-05-01"))
    assert said == replace(hidden.parse("from:2026-05-01"), unwanted=said.unwanted)
    assert said.unwanted.categories == {"bookings"}


def test_a_session_up_to_a_number_sees_nothing_behind_it(filled):
    session = filled.reading(up_to=10)
    assert [view.seq for view in session.read("")] == list(range(10, 0, -1))
    assert count(session, session.parse("")).entries == 10
    with pytest.raises(NotFound):
        session.entry(11)


def test_a_cursor_of_a_longer_session_brings_nothing_that_this_one_does_not_see(filled):
    cursor = filled.reading().page("", limit=5).older
    assert cursor is not None
    assert max(view.seq for view in filled.reading(up_to=10).page("", after=cursor).views) == 10


def test_an_entry_of_the_log_itself_says_what_was_true_under_the_head(log, journal, clock):
    """Another process changes the name between the moment at which somebody asks and the transaction."""
    clock.advance(5)
    log.rename("Lisboa", actor=System("command:test"))
    with Journal(journal.places.database, clock=clock) as other:
        other.clinic("c_lisbon").rename("Lisboa Nova", actor=BY)
    log.rename("Lisboa Velha", actor=BY)
    said = [view.context["changes"][0] for view in log.read("action:settings.changed")]
    assert [(one["old"], one["new"]) for one in reversed(said)] == [
        ("Lisbon", "Lisboa"), ("Lisboa", "Lisboa Nova"), ("Lisboa Nova", "Lisboa Velha"),
    ]  # fmt: skip
    assert log.entry(1).occurred_at == START + 5_000_000


def test_reading_a_log_begins_with_the_call_and_a_wrong_filter_is_refused_there(filled):
    seen = filled.read("category:bookings")
    filled.record_document(event(99))
    with pytest.raises(InvalidQuery):
        filled.read("nobody-knows:this")
    assert [view.seq for view in seen] == list(range(30, 0, -1))


@pytest.mark.parametrize("words", ["", "facial in:text"])
def test_a_limit_beyond_every_number_is_all_there_are(filled, words):
    assert len(list(filled.read(words, limit=10**30))) == 30
    assert len(list(filled.reading(up_to=0).read(words, limit=10**30))) == 0


@pytest.mark.parametrize("words", ["", "in:text facial"])
def test_a_limit_below_one_is_no_entries(filled, words):
    assert [list(filled.read(words, limit=limit)) for limit in (0, -1)] == [[], []]


def test_what_acts_for_somebody_has_no_log_to_read_with(journal, filled):
    access = Access.enter(journal, "c_lisbon", Principal(BY, frozenset(), hidden=frozenset({"bookings"})))
    for given in (access, access.session, access.recorder):
        public = [getattr(given, name) for name in dir(given) if not name.startswith("_")]
        assert [one for one in public if isinstance(one, ClinicLog | Journal)] == []
    assert list(access.session.read("")) == []
