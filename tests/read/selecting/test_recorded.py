"""`recorded:` is about when the log took an entry, whatever was said about when it happened."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indelible.errors import InvalidInput, InvalidQuery
from indelible.format import instant
from indelible.journal import Journal
from indelible.read.query import Query, format, in_words, parse
from indelible.read.recorded import Recorded
from indelible.read.tallying import count, per_day
from indelible.stores.contract import LATE_AFTER
from indelible.testing.logs import Clock, event

HOUR = 3_600_000_000
ends = st.dates() | st.integers(1, 10**18 - 1)


@given(st.one_of(st.none(), ends), st.one_of(st.none(), ends), st.booleans())
def test_what_is_printed_is_read_back(first, last, late):
    try:
        recorded = Recorded(first, last)
    except InvalidInput:
        recorded = None
    wanted = Query(recorded=recorded, late=late)
    assert parse(format(wanted)) == wanted
    assert recorded is None or Recorded.parse(recorded.format()) == recorded


@pytest.mark.parametrize("value", [
    "", "..", "2026-5-3", "2026-02-30", "yesterday", "#0", "#-1", "1235", "#1_2", "2026-05-03...2026-05-04",
    "2026-05-04..2026-05-03", "#9..#8", "LATE", "#1000000000000000000", "\u0662\u0660\u0662\u0666-05-03",
])  # fmt: skip
def test_what_is_no_range_is_refused_with_the_mend(value):
    with pytest.raises(InvalidQuery) as caught:
        parse(f"actor:usr_1 recorded:{value}")
    assert caught.value.position == 12
    assert str(caught.value).startswith("recorded ")


@pytest.mark.parametrize("text", ["-recorded:late", "-recorded:2026-05-03", "recorded:#1.. recorded:#2.."])
def test_it_is_given_once_and_never_excluded(text):
    with pytest.raises(InvalidQuery, match="recorded"):
        parse(text)


def test_it_is_said_in_words():
    assert in_words(parse("recorded:2026-05-03"), "UTC") == "recorded on 3 May 2026 (days in UTC)"
    assert in_words(parse("recorded:#7.."), "UTC") == "recorded from entry 7 on"
    assert in_words(parse("recorded:..#7"), "UTC") == "recorded up to entry 7"
    assert in_words(parse("recorded:late"), "UTC") == "recorded more than an hour after it happened"


zones = st.sampled_from(["Europe/Lisbon", "America/Havana", "Asia/Tokyo", "America/St_Johns"])


@given(
    zones,
    st.sampled_from([date(2026, 3, 28), date(2026, 10, 24), date(2026, 11, 1), date(2010, 11, 6)]),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0, 1, 1, 2, 30, 24 * 40])), max_size=14),
    st.integers(-1, 4), st.integers(0, 3), st.integers(1, 15),
)  # fmt: skip
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_a_range_is_what_a_look_at_every_entry_finds(tmp_path_factory, zone, day, told, after, length, number):
    start = instant.day_intervals(zone, day, day)[0][0]
    assert start is not None
    clock = Clock(start)
    with Journal.create(tmp_path_factory.mktemp("log") / "a.db", clock=clock) as journal:
        log = journal.add_clinic("c", name="C", zone=zone)
        for seq, (hours, before) in enumerate(told, 1):
            clock.now += hours * HOUR
            log.record_document(event(seq, occurred_at=instant.format(clock.now - before * HOUR)))
        views = list(log.read())
        place = instant.zone(zone)

        def recorded_on(view):
            at = view.recorded_at
            return instant.to_datetime(at, instant.offset_minutes(at, place)).date()

        first = date.fromordinal(day.toordinal() + after)
        last = date.fromordinal(first.toordinal() + length)
        for text, meant in (
            (f"recorded:{first}..{last}", lambda view: first <= recorded_on(view) <= last),
            (f"recorded:{first}", lambda view: recorded_on(view) == first),
            (f"recorded:{first}..", lambda view: first <= recorded_on(view)),
            (f"recorded:..{last}", lambda view: recorded_on(view) <= last),
            (f"recorded:#{number}..", lambda view: view.seq >= number),
            (f"recorded:#{number}..{last}", lambda view: view.seq >= number and recorded_on(view) <= last),
            ("recorded:late", lambda view: view.recorded_at - view.occurred_at > LATE_AFTER),
            (f"recorded:late recorded:..#{number} actor:usr_12",
             lambda view: view.recorded_at - view.occurred_at > LATE_AFTER and view.seq <= number),
        ):  # fmt: skip
            expected = [view.seq for view in views if meant(view)]
            assert [view.seq for view in log.page(text).views] == expected, text
            assert count(log.reading(), log.reading().parse(text)).entries == len(expected)
            days = per_day(
                log.reading(), log.reading().parse(text), first=date.fromordinal(day.toordinal() - 60), last=last
            )
            assert sum(one.count for one in days.days) == sum(
                view.local_time.date() <= last for view in views if view.seq in expected
            )


def test_the_range_is_that_of_the_present_zone(log, clock):
    clock.now = 1_777_851_000_000_000  # 3 May 2026 23:30 UTC, 4 May 00:30 in Lisbon
    log.record_document(event(1))
    assert [one.seq for one in log.read("recorded:2026-05-04")] == [1]
    log.set_time_zone("America/New_York")
    assert [one.seq for one in log.read("recorded:2026-05-03")] == [2, 1]
    assert list(log.read("recorded:2026-05-04")) == []
