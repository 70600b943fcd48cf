"""Planned times as text and as datetimes: the clock on which they were said is kept."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from indelible.errors import InvalidInput, MalformedProof
from indelible.format import instant, planned
from indelible.format.planned import Planned

LISBON = ZoneInfo("Europe/Lisbon")


@st.composite
def planned_times(draw: st.DrawFn) -> Planned:
    us, minutes = draw(st.integers(instant.EARLIEST, instant.LATEST)), draw(st.integers(-1439, 1439))
    assume(instant.EARLIEST <= us + minutes * instant.MINUTE <= instant.LATEST)  # its clock shows a year, too
    return Planned(us, minutes)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-05-04T10:00:00+02:00", "2026-05-04T10:00:00.000000+02:00"),
        ("2026-05-04t10:00:00.1234567-03:30", "2026-05-04T10:00:00.123456-03:30"),
        ("2026-05-04T10:00:00Z", "2026-05-04T10:00:00.000000Z"),
        ("2026-05-04T10:00:00z", "2026-05-04T10:00:00.000000Z"),
        ("2026-05-04T10:00:00+00:00", "2026-05-04T10:00:00.000000Z"),
        ("2026-05-04T10:00:00+00:01", "2026-05-04T10:00:00.000000+00:01"),
        ("2026-05-04T10:00:00+23:59", "2026-05-04T10:00:00.000000+23:59"),
        ("2026-05-04T10:00:00-23:59", "2026-05-04T10:00:00.000000-23:59"),
    ],
)
def test_a_time_keeps_the_clock_that_was_sent(text: str, canonical: str) -> None:
    said = planned.parse(text, "starts_at")
    assert planned.format(said) == canonical
    assert said.us == instant.parse(text, "starts_at")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-05-04T10:00:00-00:00", "its clock is not known"),
        ("2026-05-04T10:00:00+24:00", "RFC 3339"),
        ("2026-05-04T10:00:00+02:60", "RFC 3339"),
        ("2026-05-04T10:00:00+02:00:30", "RFC 3339"),
        ("2026-05-04T10:00:00", "no offset from UTC"),
        ("0001-01-01T00:00:00+00:01", "outside the years"),
        ("9999-12-31T23:59:59-00:01", "outside the years"),
        (1777881600, "not text"),
    ],
)
def test_an_offset_that_says_no_clock_is_refused_in_one_sentence(text: object, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refused:
        planned.parse(text, "starts_at")
    assert str(refused.value).startswith("starts_at: ") and "\n" not in str(refused.value)


def test_a_datetime_keeps_its_own_offset() -> None:
    wall = datetime(2026, 5, 4, 10, 0)  # noqa: DTZ001 - each zone is put to it
    assert planned.format(planned.from_datetime(wall.replace(tzinfo=LISBON), "")) == "2026-05-04T10:00:00.000000+01:00"
    assert planned.format(planned.from_datetime(wall.replace(tzinfo=UTC), "")) == "2026-05-04T10:00:00.000000Z"
    winter = planned.from_datetime(wall.replace(month=12, tzinfo=LISBON), "")
    assert planned.format(winter) == "2026-12-04T10:00:00.000000Z"


@pytest.mark.parametrize("seconds", [1, -1, 59, -2205, 0.5])
def test_an_offset_with_seconds_is_refused(seconds: float) -> None:
    moment = datetime(2026, 5, 4, 10, tzinfo=timezone(timedelta(seconds=seconds)))
    with pytest.raises(InvalidInput, match="an offset with seconds"):
        planned.from_datetime(moment, "starts_at")


def test_local_mean_time_and_a_naive_datetime_are_refused() -> None:
    with pytest.raises(InvalidInput, match="an offset with seconds"):
        planned.from_datetime(datetime(1900, 1, 1, tzinfo=LISBON), "at")
    with pytest.raises(InvalidInput, match="without a time zone"):
        planned.from_datetime(datetime(2026, 5, 4, 10), "at")  # noqa: DTZ001 - what is to be refused


@given(planned_times())
def test_the_canonical_text_reads_back_as_the_same_time(said: Planned) -> None:
    text = planned.format(said)
    assert planned.parse_canonical(text) == planned.if_canonical(text) == planned.parse(text, "at") == said
    assert instant.parse(text, "at") == said.us


@given(planned_times())
def test_a_datetime_reads_back_as_the_same_time_and_can_be_pickled(said: Planned) -> None:
    moment = planned.to_datetime(said)
    assert planned.from_datetime(moment, "at") == said
    assert pickle.loads(pickle.dumps(moment)) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-04T10:00:00.000000+00:00",
        "2026-05-04T10:00:00.000000-00:00",
        "2026-05-04T10:00:00.000000+24:00",
        "2026-05-04T10:00:00.000000+02:60",
        "2026-05-04T10:00:00.000000+0200",
        "2026-05-04T10:00:00.000000 02:00",
        "2026-05-04T10:00:00.000000+02:00:00",
        "2026-05-04T10:00:00.000000+\u06602:00",
        "2026-05-04T10:00:00.000000z",
        "2026-05-04T10:00:00+02:00",
        "2026-05-04t10:00:00.000000+02:00",
        "2026-05-04 10:00:00.000000+02:00",
        "2026-02-30T10:00:00.000000+02:00",
        "2026-05-04T24:00:00.000000+02:00",
        "0001-01-01T00:00:00.000000+00:01",
        "9999-12-31T23:59:59.999999-00:01",
        "2026-05-04T10:00:00.000000+02:0\n",
        "",
        None,
        1777881600,
    ],
)
def test_what_format_does_not_print_is_malformed(text: object) -> None:
    with pytest.raises(MalformedProof):
        planned.parse_canonical(text)
    if isinstance(text, str):
        assert planned.if_canonical(text) is None


@given(st.text(alphabet="0123456789-:.TZ+ ", max_size=33) | st.from_regex(r"2026-05-04T10:00:00\.000000.{0,7}"))
def test_any_text_is_canonical_or_malformed(text: str) -> None:
    try:
        said = planned.parse_canonical(text)
    except MalformedProof:
        assert planned.if_canonical(text) is None
    else:
        assert planned.format(said) == text


def test_two_times_are_compared_by_instant_and_not_by_their_clocks() -> None:
    texts = [  # of one night in Lisbon, and of elsewhere, in the order of time
        "2026-10-25T02:30:00+02:00", "2026-10-25T01:45:00+01:00", "2026-10-25T01:15:00Z", "2026-10-24T22:00:00-05:00",
    ]  # fmt: skip
    moments = [planned.to_datetime(planned.parse(text, "at")) for text in texts]
    for (first, a), (second, b) in product(enumerate(moments), repeat=2):
        assert (a < b) is (first < second)
    night = datetime(2026, 10, 25, 1, 30, tzinfo=LISBON)
    early, late = (planned.to_datetime(planned.from_datetime(night.replace(fold=fold), "")) for fold in (0, 1))
    assert early < late and not night < night.replace(fold=1)
