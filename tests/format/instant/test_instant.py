"""Instants as text and as datetimes."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from indelible.errors import IndelibleError, InvalidInput, MalformedProof
from indelible.format import instant

instants = st.integers(instant.EARLIEST, instant.LATEST)
offsets = st.integers(-16 * 60, 16 * 60)
MOMENT = 1_777_810_951_123_456  # 2026-05-03T12:22:31.123456Z


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-05-03T14:22:31.123456+02:00", "2026-05-03T12:22:31.123456Z"),
        ("2026-05-03T12:22:31Z", "2026-05-03T12:22:31.000000Z"),
        ("2026-05-03t12:22:31z", "2026-05-03T12:22:31.000000Z"),
        ("2026-05-03T12:22:31.5Z", "2026-05-03T12:22:31.500000Z"),
        ("2026-05-03T12:22:31.123456999Z", "2026-05-03T12:22:31.123456Z"),
        ("2026-05-03T00:00:00-03:30", "2026-05-03T03:30:00.000000Z"),
        ("2026-01-01T00:30:00+05:45", "2025-12-31T18:45:00.000000Z"),
        ("2026-05-03T12:22:31-00:00", "2026-05-03T12:22:31.000000Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_an_rfc_3339_time_becomes_its_instant(text: str, canonical: str) -> None:
    assert instant.format(instant.parse(text, "occurred_at")) == canonical


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-05-03T14:22:31", "no offset from UTC"),
        ("2016-12-31T23:59:60Z", "leap second"),
        ("2026-02-29T12:00:00Z", "does not exist"),
        ("2026-05-03T24:00:00Z", "does not exist"),
        ("2026-05-03T12:60:00Z", "does not exist"),
        ("0000-05-03T12:00:00Z", "does not exist"),
        ("0001-01-01T00:00:00+00:01", "outside the years"),
        ("9999-12-31T23:59:59-00:01", "outside the years"),
        ("2026-05-03 14:22:31+02:00", "RFC 3339"),
        ("2026-05-03T14:22+02:00", "RFC 3339"),
        ("2026-05-03T14:22:31.+02:00", "RFC 3339"),
        ("2026-05-03T14:22:31.1234567890Z", "RFC 3339"),
        ("2026-05-03T14:22:31+0200", "RFC 3339"),
        ("2026-05-03T14:22:31+24:00", "RFC 3339"),
        ("2026-05-03T14:22:31+02:60", "RFC 3339"),
        ("2026-05-03T14:22:31Z\n", "RFC 3339"),
        ("٢٠٢٦-05-03T14:22:31Z", "RFC 3339"),
        ("2026-W18-7T14:22:31Z", "RFC 3339"),
        ("", "RFC 3339"),
        (1_777_810_951, "not text"),
        (None, "not text"),
    ],
)
def test_another_spelling_is_refused_with_its_field_and_the_reason(text: object, reason: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^occurred_at: .*{reason}") as caught:
        instant.parse(text, "occurred_at")
    assert caught.value.field == "occurred_at"


def test_an_error_does_not_repeat_the_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        instant.parse("maria@example.com", "occurred_at")
    assert "maria" not in str(caught.value)


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"))
def test_any_text_is_an_instant_or_invalid_input(text: str) -> None:
    try:
        us = instant.parse(text, "at")
    except InvalidInput:
        return
    assert instant.EARLIEST <= us <= instant.LATEST


@given(instants)
@example(instant.EARLIEST)
@example(instant.LATEST)
@example(-1)
def test_the_canonical_text_reads_back_as_the_same_instant(us: int) -> None:
    text = instant.format(us)
    assert len(text) == 27
    assert instant.parse_canonical(text) == us
    assert instant.parse(text, "at") == us


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-03T12:22:31Z",
        "2026-05-03T12:22:31.123Z",
        "2026-05-03T12:22:31.123456z",
        "2026-05-03t12:22:31.123456Z",
        "2026-05-03 12:22:31.123456Z",
        "2026-05-03T12:22:31,123456Z",
        "2026-05-03T24:00:00.000000Z",
        "2026-02-29T12:22:31.123456Z",
        "0000-02-01T12:22:31.123456Z",
        "2026-W18-7T12:22:31.12345Z",
        "2026-05-03T12:22:31.1+02:0Z",
        "2026-05-03T12:22:31.12345\ud800Z",
        "2026-05-03T12:22:31.12345٣Z",
        "20260503T12:22:31.12345678Z",
        None,
        MOMENT,
        b"2026-05-03T12:22:31.123456Z",
    ],
)
def test_what_format_does_not_print_is_malformed(text: object) -> None:
    with pytest.raises(MalformedProof):
        instant.parse_canonical(text)


@given(
    st.text(min_size=27, max_size=27) | st.text("0123456789-T:.ZW+ ", min_size=26, max_size=26).map(lambda t: t + "Z")
)
def test_any_text_is_canonical_or_malformed(text: str) -> None:
    try:
        us = instant.parse_canonical(text)
    except MalformedProof:
        return
    assert instant.format(us) == text


def test_a_datetime_in_any_zone_becomes_its_instant() -> None:
    summer = datetime(2026, 5, 3, 14, 22, 31, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert instant.from_datetime(summer, "at") == MOMENT
    assert instant.from_datetime(summer.astimezone(UTC), "at") == MOMENT


def test_the_two_half_past_two_of_an_autumn_night_are_an_hour_apart() -> None:
    berlin = instant.zone("Europe/Berlin")
    first = datetime(2025, 10, 26, 2, 30, tzinfo=berlin)
    second = first.replace(fold=1)
    assert instant.from_datetime(second, "at") - instant.from_datetime(first, "at") == instant.HOUR
    texts = [instant.local_text(us, instant.offset_minutes(us, berlin)) for us in (_us(first), _us(second))]
    assert texts == ["2025-10-26T02:30:00.000000+02:00", "2025-10-26T02:30:00.000000+01:00"]


def _us(moment: datetime) -> int:
    return instant.from_datetime(moment, "at")


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^at: .*without a time zone"):
        instant.from_datetime(datetime(2026, 5, 3), "at")  # noqa: DTZ001


def test_a_datetime_that_leaves_the_range_in_utc_is_refused() -> None:
    with pytest.raises(InvalidInput, match="outside the years"):
        instant.from_datetime(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "at")


@given(instants, offsets)
@example(instant.LATEST, 60)
@example(instant.EARLIEST, -60)
def test_local_text_is_the_same_instant(us: int, offset: int) -> None:
    text = instant.local_text(us, offset)
    assert instant.parse(text, "at") == us
    assert text == f"{instant.local_date(us, offset)}T{instant.local_time(us, offset)}{text[19:]}"


@given(instants, offsets)
@example(instant.LATEST, 60)
@example(instant.EARLIEST, -60)
def test_a_datetime_made_from_an_instant_reads_back_and_can_be_pickled(us: int, offset: int) -> None:
    moment = instant.to_datetime(us, offset)
    assert instant.from_datetime(moment, "at") == us
    assert moment.isoformat(timespec="microseconds") == instant.local_text(us, offset)
    assert pickle.loads(pickle.dumps(moment)) == moment


def test_local_date_and_time_are_the_wall_clock() -> None:
    assert instant.local_text(MOMENT, 120) == "2026-05-03T14:22:31.123456+02:00"
    assert instant.local_text(MOMENT, -210) == "2026-05-03T08:52:31.123456-03:30"
    assert instant.local_text(MOMENT, 0) == "2026-05-03T12:22:31.123456+00:00"
    assert (instant.local_date(MOMENT, 720), instant.local_time(MOMENT, 720)) == ("2026-05-04", "00:22:31")


def test_the_offset_is_whole_minutes_towards_zero() -> None:
    in_1900 = instant.parse("1900-01-01T12:00:00Z", "at")
    assert instant.offset_minutes(in_1900, instant.zone("Europe/Lisbon")) == -36  # -0:36:45
    assert instant.offset_minutes(in_1900, instant.zone("Asia/Kolkata")) == 321  # +5:21:10
    assert instant.offset_minutes(MOMENT, instant.zone("Europe/Lisbon")) == 60
    assert instant.offset_minutes(MOMENT, instant.zone("Asia/Kathmandu")) == 345
    assert instant.offset_minutes(MOMENT, instant.zone("America/St_Johns")) == -150


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Etc/GMT+12", "Europe/Lisbon"])
@pytest.mark.parametrize("us", [instant.EARLIEST, instant.LATEST])
def test_an_offset_exists_at_both_ends_of_the_range(name: str, us: int) -> None:
    offset = instant.offset_minutes(us, instant.zone(name))
    assert instant.parse(instant.local_text(us, offset), "at") == us


@given(st.text())
def test_any_text_is_the_name_of_a_zone_or_invalid_input(name: str) -> None:
    assume(name not in ("UTC", "GMT"))
    with pytest.raises(IndelibleError):
        instant.zone(name)
