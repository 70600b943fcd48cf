"""What each type takes, cuts and refuses; no message holds the value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indelible.catalogue import Action
from indelible.catalogue.bookings import BookingCancelled, BookingRescheduled
from indelible.catalogue.fields import (
    DEPTH_LIMIT,
    ID_LIMIT,
    LIST_LIMIT,
    NAME_LIMIT,
    TEXT_LIMIT,
    WORD_LIMIT,
    Changed,
    CutText,
    FieldChange,
    Someone,
    Word,
    to_json,
)
from indelible.catalogue.payments import ChargeRefunded, ChargeSucceeded
from indelible.catalogue.reference import built_in
from indelible.catalogue.services import ServiceDeleted, ServiceEdited
from indelible.catalogue.settings import SettingsChanged
from indelible.catalogue.vouchers import VoucherExpired


def refused(cls: type[Action], **context: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        cls.model_validate(context)
    return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in caught.value.errors())


EVERY_FIELD = [(cls, name) for cls in built_in() for name in cls.model_fields]
SECRET = "Zq7-Ana-Sousa"


@given(
    place=st.sampled_from(EVERY_FIELD),
    text=st.text(max_size=20),
    spoil=st.sampled_from([
        lambda text: text + "\x00",
        lambda text: text + "\ud800",
        lambda text: [text, 1.5],
        lambda text: {"secret": text, "other": 1.5},
        lambda text: {"old": {"deep": text}, "new": 1.5},
        lambda text: [{"field": "name", "old": text, "new": [1.5]}],
    ]),
)  # fmt: skip
def test_a_bad_value_is_refused_and_its_message_does_not_hold_it(place, text, spoil):
    cls, name = place
    with pytest.raises(ValidationError) as caught:
        cls.model_validate({name: spoil(SECRET + text)})
    messages = [error["msg"] for error in caught.value.errors(include_input=False)]
    assert any(error["loc"][:1] == (name,) for error in caught.value.errors())
    assert not any(SECRET in message for message in [*messages, str(caught.value)])


def test_text_is_cut_at_its_limit_and_marked():
    whole = BookingCancelled(reason_text="x" * TEXT_LIMIT)
    cut = BookingCancelled(reason_text="x" * (TEXT_LIMIT + 1), service_name="é" * (NAME_LIMIT + 1))
    assert type(whole.reason_text) is str
    assert isinstance(cut.reason_text, CutText)
    assert to_json(cut.reason_text) == "x" * TEXT_LIMIT
    assert to_json(cut.service_name) == "é" * NAME_LIMIT
    assert type(to_json(cut.service_name)) is str


@pytest.mark.parametrize(
    "bad", ["", " bk", "bk ", "ana@example.org", "+351912345678", "b" * (ID_LIMIT + 1), "b\nk", "b\u200bk"]
)
def test_an_id_that_is_not_opaque_is_refused(bad):
    assert refused(BookingCancelled, service=bad).startswith("service: ")


def test_an_id_of_the_longest_length_is_taken():
    assert BookingCancelled(service="b" * ID_LIMIT).service == "b" * ID_LIMIT


@pytest.mark.parametrize("bad", ["", "w" * (WORD_LIMIT + 1), "two\nlines", "ana@example.org"])
def test_a_word_is_short_printable_and_no_address(bad):
    assert "printable characters without @" in refused(SettingsChanged, section=bad)


@pytest.mark.parametrize("bad", [12.5, 12.0, "12", True, None, -1, 2**53, float("nan")])
def test_an_amount_is_a_whole_number_of_minor_units_and_never_negative(bad):
    assert "amount_minor" in refused(ChargeSucceeded, amount_minor=bad, currency="EUR")


@pytest.mark.parametrize("bad", ["eur", "EURO", "XYZ", "", "€"])
def test_a_currency_is_a_code_of_iso_4217(bad):
    assert "currency" in refused(ChargeSucceeded, amount_minor=1, currency=bad)


def test_an_optional_amount_without_a_currency_is_refused():
    assert "has fee_minor and no currency" in refused(BookingCancelled, fee_minor=2500)
    assert BookingCancelled(fee_minor=2500, currency="EUR").fee_minor == 2500


def test_a_currency_alone_is_no_amount_and_is_taken():
    assert BookingCancelled(currency="EUR").fee_minor is None


def test_a_time_keeps_its_clock_from_text_and_from_python():
    text = BookingCancelled.model_validate({"starts_at": "2026-05-04T09:00:00.123456+01:00"})
    python = BookingCancelled(starts_at=datetime(2026, 5, 4, 9, 0, 0, 123456, tzinfo=ZoneInfo("Europe/Lisbon")))
    assert to_json(text.starts_at) == to_json(python.starts_at) == "2026-05-04T09:00:00.123456+01:00"
    elsewhere = BookingCancelled(starts_at=datetime(2026, 5, 4, 8, 0, 0, 123456, tzinfo=UTC))
    assert elsewhere == text and to_json(elsewhere.starts_at) == "2026-05-04T08:00:00.123456Z"


class Frozen(datetime):
    """A datetime of somebody's own, such as a package for tests puts in the place of Python's."""


def test_a_datetime_of_another_class_is_taken_as_one():
    assert to_json(BookingCancelled(starts_at=Frozen(2026, 5, 4, 9, tzinfo=UTC)).starts_at) == (
        "2026-05-04T09:00:00.000000Z"
    )


@pytest.mark.parametrize(
    "bad",
    ["2026-05-04T09:00:00-00:00", "2026-05-04T09:00:00+24:00", datetime(1900, 1, 1, tzinfo=ZoneInfo("Europe/Lisbon"))],
)
def test_an_offset_that_is_none_is_refused(bad):
    assert refused(BookingCancelled, starts_at=bad).startswith("starts_at: Value error, ")


NAIVE = datetime(2026, 5, 4)  # noqa: DTZ001 - what is to be refused


@pytest.mark.parametrize("bad", ["2026-05-04T09:00:00", "2026-05-04", "tomorrow", 1777881600, True, NAIVE])
def test_a_time_without_an_offset_or_of_another_type_is_refused(bad):
    assert refused(BookingCancelled, starts_at=bad).startswith("starts_at: ")


@pytest.mark.parametrize("good", ["2024-02-29", date(2024, 2, 29)])
def test_a_date_is_a_day_without_a_zone(good):
    assert to_json(VoucherExpired.model_validate({"expires_on": good}).expires_on) == "2024-02-29"


@pytest.mark.parametrize(
    "bad", ["2026-02-29", "2026-2-1", "20260201", "2026-02-01T00:00:00Z", 20260201, "\uff12\uff10\uff12\uff16-02-01"]
)
def test_a_date_that_does_not_exist_or_is_written_otherwise_is_refused(bad):
    assert "written YYYY-MM-DD" in refused(VoucherExpired, expires_on=bad)


def test_before_and_after_are_both_needed():
    assert "starts_at.new" in refused(BookingRescheduled, starts_at={"old": "2026-05-04T09:00:00Z"})


def test_before_and_after_are_given_as_an_object_or_as_a_value():
    old, new = datetime(2026, 5, 4, 9, tzinfo=UTC), datetime(2026, 5, 5, 9, tzinfo=UTC)
    as_object = BookingRescheduled.model_validate({"starts_at": {"old": old, "new": new}})
    assert BookingRescheduled(starts_at=Changed(old=old, new=new)).starts_at.new == as_object.starts_at.new == new
    assert to_json(as_object.starts_at) == {"old": "2026-05-04T09:00:00.000000Z", "new": "2026-05-05T09:00:00.000000Z"}


def test_an_enum_takes_its_words_and_no_other():
    message = refused(ChargeRefunded, amount_minor=1, currency="EUR", source="magic")
    assert "'staff', 'policy', 'stripe_dashboard' or 'stripe'" in message
    assert "magic" not in message


def test_an_unknown_field_is_refused_by_name():
    assert refused(BookingCancelled, reason="ill").startswith("reason: ")


@pytest.mark.parametrize("bad", [[], {}, "row", {"price": 12.5}, {"café": 1}, {"n": 2**53}, {"at": datetime.now(UTC)}])
def test_a_snapshot_is_an_object_that_has_canonical_json(bad):
    if bad == {}:
        assert ServiceDeleted(snapshot=bad).snapshot == {}
    else:
        assert refused(ServiceDeleted, snapshot=bad).startswith("snapshot: ")


@pytest.mark.parametrize("levels", [DEPTH_LIMIT + 1, 100_000])
def test_a_snapshot_nested_too_deeply_is_refused(levels):
    nested: Any = []
    for _ in range(levels):
        nested = [nested]
    assert "is nested deeper than" in refused(ServiceDeleted, snapshot={"nested": nested})


def test_a_snapshot_at_the_depth_limit_is_taken():
    nested: Any = 1
    for _ in range(DEPTH_LIMIT):
        nested = {"a": nested}
    assert ServiceDeleted(snapshot=nested).snapshot == nested


def test_an_empty_list_of_changes_is_refused():
    assert "is empty" in refused(ServiceEdited, changes=[])


def test_a_change_may_begin_or_end_with_nothing():
    action = ServiceEdited.model_validate({"changes": [{"field": "note", "new": "x"}, {"field": "room", "old": 1}]})
    assert to_json(action.changes) == [
        {"field": "note", "old": None, "new": "x"},
        {"field": "room", "old": 1, "new": None},
    ]


def test_a_list_of_words_has_a_limit():
    assert SettingsChanged(section="tax", fields_changed=["rate"] * LIST_LIMIT).fields_changed
    assert "send fewer" in refused(SettingsChanged, section="tax", fields_changed=["rate"] * (LIST_LIMIT + 1))


def test_a_count_begins_at_nought():
    assert "counts from 0" in refused(BookingCancelled, policy_version=-1)
    assert BookingCancelled(policy_version=0, notice_minutes=-5).notice_minutes == -5


@pytest.mark.parametrize("part", [Someone, FieldChange, Changed[Word]], ids=["person", "change", "before and after"])
def test_a_part_made_on_its_own_does_not_show_a_bad_value(part):
    with pytest.raises(ValidationError) as caught:
        part.model_validate({name: SECRET + "\x00@" if name != "new" else [SECRET, 1.5] for name in part.model_fields})
    assert SECRET not in str(caught.value)


def test_the_name_of_a_person_is_left_whole_for_the_draft_to_cut():
    name = "n" * (NAME_LIMIT + 1)
    action = BookingCancelled.model_validate({"practitioner": {"id": "usr_1", "name": name}})
    assert action.practitioner == Someone(id="usr_1", name=name)
    assert type(to_json(action.practitioner)["name"]) is str
