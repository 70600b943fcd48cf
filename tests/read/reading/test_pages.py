"""Pages and cursors: every entry once, in order, while entries arrive and while history is imported."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.errors import InvalidInput
from indelible.format import instant
from indelible.journal import Journal
from indelible.read.session import PAGE_LIMIT, Cursor
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import Clock, event, last_connection

# Few different times, so that many entries share one and only their number orders them.
DAYS = st.integers(1, 4)


def at(day, **members):
    return event(occurred_at=f"2026-05-0{day}T10:00:00+01:00", actor={"kind": "system", "reason": "job:x"},
                 request=None, client=None, **members)  # fmt: skip


def append(log, days, imported=False):
    log.append([log.draft(document.parse(at(day)), imported=imported) for day in days])


@settings(max_examples=40)
@given(st.lists(DAYS, max_size=20), st.integers(1, 7), st.lists(st.lists(DAYS, max_size=5), max_size=12), st.data())
def test_walking_the_pages_while_entries_arrive_gives_the_list_of_the_first_page(days, limit, arriving, data):
    with TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "a.db", installation="log.example.org", clock=Clock(2 * 10**15))
        last_connection(journal.store).execute("PRAGMA synchronous = OFF")
        log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
        append(log, days)
        expected = [view.seq for view in log.read()]
        page = log.page(limit=limit)
        walked = [view.seq for view in page.views]
        while page.older is not None:
            assert len(page.views) == limit
            if arriving:
                append(log, arriving.pop(), imported=data.draw(st.booleans()))
            page = log.page(after=Cursor.decode(page.older.encode()), limit=limit)
            assert page.views
            walked += [view.seq for view in page.views]
        journal.close()
    assert walked == expected


def test_the_first_page_of_an_empty_log_is_the_last(log):
    page = log.page()
    assert (page.views, page.older, page.up_to, page.searched, page.searched_to) == ([], None, 0, 0, None)


@pytest.mark.parametrize(("count", "limit", "shown", "more"), [(5, 5, 5, False), (6, 5, 5, True), (4, 5, 4, False)])
def test_there_is_an_older_page_only_where_it_has_an_entry(log, count, limit, shown, more):
    append(log, [1] * count)
    page = log.page(limit=limit)
    assert (len(page.views), page.older is not None) == (shown, more)


@pytest.mark.parametrize(("asked", "given"), [(-1, 1), (0, 1), (10**9, PAGE_LIMIT)])
def test_a_page_has_at_least_one_entry_and_at_most_the_limit(log, asked, given):
    append(log, [1] * (PAGE_LIMIT + 1))
    assert len(log.page(limit=asked).views) == given


def test_a_page_keeps_its_filter_and_its_bound(log):
    for number in range(1, 7):
        log.record_document(at(number % 2 + 1, target={"kind": "booking", "id": "bk_even" if number % 2 else "bk_odd"}))
    page = log.page("target:bk_even", limit=2)
    log.record_document(at(1, target={"kind": "booking", "id": "bk_even"}))
    older = log.page("target:bk_even", after=page.older, limit=2)
    assert [view.seq for view in (*page.views, *older.views)] == [5, 3, 1]
    assert (older.up_to, older.older) == (6, None)


def test_a_page_after_an_anonymization_shows_what_is_left(log):
    for number in range(4):
        log.record_document(event(number))
    page = log.page(limit=2)
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    older = log.page(after=page.older, limit=2)
    assert [view.seq for view in older.views] == [2, 1]
    assert {view.client["name"] for view in older.views} == {None}


# Cursors

PLACES = st.integers(instant.EARLIEST, instant.LATEST)
SEQS = st.integers(1, 10**18 - 1)


@given(PLACES, SEQS, SEQS)
def test_a_cursor_is_read_as_it_was_written(occurred_at, one, other):
    cursor = Cursor(occurred_at, min(one, other), max(one, other))
    assert Cursor.decode(cursor.encode()) == cursor


@given(st.text(st.characters(codec="utf-8")) | st.text("0123456789.-+ _e٣\n", max_size=40))
def test_any_other_text_is_refused_in_one_way(text):
    try:
        cursor = Cursor.decode(text)
    except InvalidInput as error:
        assert error.args
        return
    assert cursor.encode() == text


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.1", "1.1.1.1", "1.0.1", "1.2.1", "01.1.1", "1.01.1", "1.1.01", "-0.1.1", "+1.1.1", "1.-1.1", "1.1.1\n",
     " 1.1.1", "1.1.1 ", "1_0.1.1", "٣.1.1", "1e3.1.1", "999999999999999999.1.1", "-999999999999999999.1.1",
     f"1.1.{10**18}", "1.1.0", "0x1.1.1"],
)  # fmt: skip
def test_a_place_that_no_page_gave_is_refused(text):
    with pytest.raises(InvalidInput, match="cursor"):
        Cursor.decode(text)


@given(PLACES, SEQS, SEQS)
@settings(max_examples=20)
def test_a_cursor_of_anywhere_gives_a_page(tmp_path_factory, occurred_at, one, other):
    folder = tmp_path_factory.mktemp("log")
    with Journal.create(folder / "a.db", installation="log.example.org", clock=Clock(2 * 10**15)) as journal:
        log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
        append(log, [1, 2, 3])
        page = log.page(after=Cursor(occurred_at, min(one, other), max(one, other)))
        assert all((view.occurred_at, view.seq) < (occurred_at, min(one, other)) for view in page.views)
