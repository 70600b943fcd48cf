"""A pin that changed is told in one sentence that names the code."""

from __future__ import annotations

import pytest

from indelible.catalogue import Action
from indelible.catalogue.fields import BookingRef, Id, PersonalText, Word
from indelible.testing.pins import check_pins, pin


class LampLit(Action, code="lamp.lit", label="Lit lamp", category="lamps", targets=("lamp",), sentence="{actor}"):
    colour: Word | None = None
    booking: BookingRef | None = None
    remark: PersonalText | None = None


FIELDS = "colour: word; booking: id → booking; remark: text, cut at 4000 characters, identity"


def test_a_pin_says_label_version_and_fields():
    assert pin(LampLit) == f"Lit lamp\t1\t{FIELDS}"


@pytest.mark.parametrize("text", ["Lit lamp\t1", f"Lit lamp\t1\t{FIELDS}"])
def test_what_is_as_pinned_passes(text):
    check_pins({"lamp.lit": text}, [LampLit])


@pytest.mark.parametrize(("pinned", "says"), [
    ({"lamp.lit": "Lit lamp\t1", "lamp.broken": "Broke lamp\t1"}, "lamp.broken is pinned and no longer declared"),
    ({"lamp.lit": "Lit the lamp\t1"}, "lamp.lit is pinned with the label 'Lit the lamp' and has 'Lit lamp'"),
    ({"lamp.lit": "Lit lamp\t2"}, "lamp.lit is pinned with version 2 and has 1"),
    ({"lamp.lit": f"Lit lamp\t1\tshade: id; {FIELDS}"}, r"lamp.lit has .* \(shade was id and is not there\)"),
    ({"lamp.lit": "Lit lamp\t1\tcolour: word; booking: id → booking"}, r"\(remark was not there and is text"),
    ({"lamp.lit": "Lit lamp\t1\t" + FIELDS.replace(", identity", "")}, r"\(remark was .* and is .*, identity\)"),
    ({"lamp.lit": "Lit lamp\t1\t" + "; ".join(reversed(FIELDS.split("; ")))}, r"\(their order\)"),
    ({"lamp.lit": "Lit lamp"}, "lamp.lit has a pin that is no label, version and fields"),
    ({}, "lamp.lit is not pinned; add what is new:\nlamp.lit\tLit lamp\t1\tcolour"),
])  # fmt: skip
def test_what_is_not_as_pinned_is_told(pinned, says):
    with pytest.raises(AssertionError, match=says):
        check_pins(pinned, [LampLit])


def test_without_a_list_the_actions_of_hosts_are_compared_and_none_of_ours():
    with pytest.raises(AssertionError) as told:
        check_pins({})
    assert f"\nlamp.lit\t{pin(LampLit)}" in str(told.value)
    assert "booking.created" not in str(told.value)


def test_what_is_new_is_written_as_the_others_are_pinned():
    class LampOut(Action, code="lamp.out", label="Lamp out", category="lamps", targets=("lamp",), sentence="{actor}"):
        by: Id | None = None

    with pytest.raises(AssertionError, match=r"add what is new:\nlamp\.out\tLamp out\t1$"):
        check_pins({"lamp.lit": "Lit lamp\t1"}, [LampLit, LampOut])
