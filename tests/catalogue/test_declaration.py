"""A host declares its own actions by the same class; a declaration that cannot work is refused where it stands."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from indelible.catalogue import Action, find, registered
from indelible.catalogue.action import takes_target
from indelible.catalogue.fields import (
    Amount,
    Changed,
    Count,
    Currency,
    Id,
    Instant,
    Minor,
    Personal,
    PersonalText,
    Refers,
    Someone,
    StaffMember,
    Word,
)
from indelible.catalogue.reference import built_in
from indelible.catalogue.schema import describe
from indelible.errors import InvalidInput
from indelible.record import drafting
from indelible.record.document import Document, Staff, Target
from indelible.testing.logs import START

RoomRef = Annotated[Id, Refers("room")]


class RoomCleaned(
    Action,
    code="room.cleaned",
    label="Cleaned room",
    category="services",
    targets=("room",),
    sentence="{actor} cleaned {target} in {minutes} minutes",
):
    minutes: Count
    next_room: RoomRef | None = None
    cleaner: StaffMember | None = None
    shift: Changed[StaffMember] | None = None
    remark: PersonalText | None = None


def test_a_host_s_action_is_found_and_described_like_ours():
    assert find("room.cleaned") is RoomCleaned
    assert RoomCleaned in registered()
    fields = {field.name: field for field in RoomCleaned.fields_of_context}
    assert fields["minutes"].required
    assert fields["next_room"].refers == "room"
    assert fields["cleaner"].realm == "staff"
    assert (fields["shift"].changed, fields["shift"].realm) == (True, "staff")
    assert fields["remark"].personal == Personal("identity")
    assert describe(RoomCleaned)["schema"]["required"] == ["minutes"]


def test_what_the_guard_notices_may_be_of_a_kind_that_only_a_host_s_action_has():
    noticed, edited = find("record.changed_outside"), find("booking.edited")
    assert noticed is not None and edited is not None
    assert takes_target(noticed, "booking") and takes_target(noticed, "room")
    assert not takes_target(noticed, "spaceship")
    assert not takes_target(edited, "room")


def test_a_host_s_action_is_not_in_our_reference():
    assert RoomCleaned not in built_in()
    assert built_in()


def test_an_unknown_code_is_not_found():
    assert find("room.painted") is None


def test_an_action_is_made_in_python_and_from_json_alike():
    assert RoomCleaned(minutes=5) == RoomCleaned.model_validate({"minutes": 5})


def test_an_action_cannot_be_changed_once_made():
    action = RoomCleaned(minutes=5)
    with pytest.raises(ValidationError):
        action.minutes = 6


def test_a_code_declared_twice_is_refused_and_the_first_stays():
    with pytest.raises(TypeError, match=r"room\.cleaned is declared twice"):

        class Other(Action, code="room.cleaned", label="L", category="services", targets=("room",), sentence="{actor}"):
            pass

    assert find("room.cleaned") is RoomCleaned


def test_one_of_ours_cannot_be_declared_again_by_a_host():
    with pytest.raises(TypeError, match=r"booking\.cancelled is declared twice"):

        class Mine(Action, code="booking.cancelled", label="L", category="x", targets=("booking",), sentence="{actor}"):
            pass


@pytest.mark.parametrize("code", ["cleaned", "Room.cleaned", "room.cleaned.twice", "room cleaned", "", "r." + "x" * 63])
def test_a_code_that_is_not_noun_and_past_is_refused(code):
    with pytest.raises(TypeError, match="is not an action code"):

        class Odd(Action, code=code, label="L", category="services", targets=("room",), sentence="{actor}"):
            pass


@pytest.mark.parametrize("missing", ["label", "category", "targets", "sentence"])
def test_a_declaration_says_everything_about_the_action(missing):
    arguments = {"label": "L", "category": "services", "targets": ("room",), "sentence": "{actor}"}
    with pytest.raises(TypeError, match="needs a label, a category, targets and a sentence"):

        class Half(Action, code="room.halved", **{**arguments, missing: type(arguments[missing])()}):
            pass


@pytest.mark.parametrize(
    "sentence", ["{colour}", "{note}", "{amount}", "{starts_at}", "{starts_at.new}", "{actor.name}"]
)
def test_a_sentence_prints_only_what_every_entry_has(sentence):
    with pytest.raises(TypeError, match="the sentence prints"):

        class Vague(Action, code="room.used", label="L", category="services", targets=("room",), sentence=sentence):
            note: Word | None = None
            starts_at: Changed[Instant] | None = None
            amount_minor: Amount | None = None
            currency: Currency | None = None


def test_money_that_counts_needs_its_amount_in_every_entry():
    with pytest.raises(TypeError, match="amount_minor and currency must be required"):

        class Sold(
            Action, code="room.sold", label="L", category="x", targets=("room",), sentence="{actor}", money="in"
        ):  # fmt: skip
            amount_minor: Amount | None = None
            currency: Currency | None = None


def test_an_amount_needs_a_field_for_its_currency():
    with pytest.raises(TypeError, match="has the amount rent_minor and no field currency"):

        class Rented(Action, code="room.rented", label="L", category="x", targets=("room",), sentence="{actor}"):
            rent_minor: Minor | None = None


@pytest.mark.parametrize("reserved", ["label", "version", "money"])
def test_a_field_does_not_hide_what_the_class_says(reserved):
    with pytest.raises(TypeError, match=f"a context field cannot be called {reserved}"):
        type("Hiding", (Action,), {"__annotations__": {reserved: "str"}, "__module__": __name__})


@pytest.mark.parametrize("code", ["room.halved", "room.used", "room.sold", "room.rented"])
def test_a_refused_declaration_leaves_nothing_behind(code):
    assert find(code) is None


def declare(targets=("room",), **fields):
    body = {
        "__annotations__": {name: annotation | None for name, annotation in fields.items()},
        **dict.fromkeys(fields),
    }
    type("Made", (Action,), body, code="room.made", label="Made", category="services", targets=targets,
         sentence="{actor} made it")  # fmt: skip


@pytest.mark.parametrize("kind", ["account", "user", "patient", "customer", "person"])
def test_a_person_as_target_is_staff_or_client_and_nothing_else(kind):
    with pytest.raises(TypeError, match="say whose: staff or client"):
        declare(targets=("room", kind))


def test_a_person_in_the_context_says_whose_it_is():
    with pytest.raises(TypeError, match="StaffMember or ClientPerson"):
        declare(guest=Someone)
    with pytest.raises(TypeError, match="StaffMember or ClientPerson"):
        declare(guest=Changed[Someone])


@pytest.mark.parametrize("kind", ["client", "staff", "account", "loyalty_account", "support"])
def test_no_id_of_a_person_is_a_reference_in_clear(kind):
    with pytest.raises(TypeError, match="in clear"):
        declare(about=Annotated[Id, Refers(kind)])


@pytest.mark.parametrize("annotation", [float, float | None, list[float], Changed[float]])
def test_a_field_that_takes_a_floating_point_number_is_refused(annotation):
    with pytest.raises(TypeError, match="minutes is a floating-point number"):

        class Measured(
            Action, code="room.measured", label="L", category="services", targets=("room",), sentence="{actor}"
        ):
            minutes: annotation  # type: ignore[valid-type]


class RoomNoted(Action, code="room.noted", label="L", category="services", targets=("room",), sentence="{actor}"):
    anything: Any


@pytest.mark.parametrize("value", [1.5, [{"a": 2.0}], 2**53, {"é": 1}])
def test_what_a_hosts_field_takes_and_no_body_can_hold_is_refused_by_name(value):
    event = Document(action="room.noted", context={"anything": value}, actor=Staff("usr_1"), target=Target("room", "1"))
    with pytest.raises(InvalidInput, match=r"^context\.anything"):
        drafting.draft(event, now=START)
