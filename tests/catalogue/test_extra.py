"""A host widens a built-in action by fields of its own; what it declares so is held to the rules of any field."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated

import pytest

from indelible.catalogue import Action, Extra, extra
from indelible.catalogue.bookings import BookingCancelled, BookingCreated, BookingRescheduled
from indelible.catalogue.fields import Count, Day, Id, Minor, Personal, PersonalText, Refers, Someone, StaffMember, Text
from indelible.catalogue.log import LogViewed
from indelible.catalogue.reference import render
from indelible.catalogue.schema import context_schema, describe
from indelible.errors import InvalidInput
from indelible.read.details import details
from indelible.read.second_line import second_line
from indelible.read.story import story
from indelible.record.document import Staff
from indelible.testing.logs import event


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = render(), context_schema(BookingCreated)
    yield
    for one in reversed(extra._DECLARED):
        extra.undo(one)
    assert (render(), context_schema(BookingCreated)) == before


def room(of=(BookingCreated, BookingRescheduled)):
    class Room(Extra, of=of, prefix="acme", detail=("room {acme_room}",)):
        acme_room: Annotated[Id, Refers("room")] | None = None
        acme_wish: PersonalText | None = None
        acme_fee_minor: Minor | None = None
        acme_helper: StaffMember | None = None
        acme_day: Day | None = None

    return Room


def made(prefix="acme", of=(BookingCreated,), default=None, **fields):
    """Declare an Extra of these fields, each with its type."""
    body = {"__annotations__": fields, **(dict.fromkeys(fields) if default is None else {})}
    body |= {"__module__": __name__, "__qualname__": "Made"}
    return type("Made", (Extra,), body, of=of, prefix=prefix)


def test_a_widened_action_takes_the_fields_like_its_own():
    room((BookingCreated,))
    typed = BookingCreated(acme_room="r7", price_minor=5, currency="EUR")
    assert typed == BookingCreated.model_validate({"acme_room": "r7", "price_minor": 5, "currency": "EUR"})
    with pytest.raises(InvalidInput, match=r"context\.acme_room: must be text"):
        BookingCreated(acme_room=3.5)
    with pytest.raises(InvalidInput, match="has acme_fee_minor and no currency"):
        BookingCreated(acme_fee_minor=5)
    assert not any(field.name.startswith("acme") for field in BookingCancelled.fields_of_context)


def test_an_instance_unpacks_to_what_was_given():
    made_room = room((BookingCreated,))
    assert dict(made_room(acme_room="r7")) == {"acme_room": "r7"}
    assert BookingCreated(duration_minutes=30, **made_room(acme_room="r7")).model_dump()["acme_room"] == "r7"
    with pytest.raises(InvalidInput, match=r"context\.acme_rom: is not a field here; did you mean acme_room"):
        made_room(acme_rom="r7")


def test_documents_details_schema_and_stories_know_them(log):
    room((BookingCreated,))
    context = {"acme_room": "r7", "acme_wish": "quiet", "acme_helper": {"id": "u_2", "name": "Rita"},
               "acme_fee_minor": 250, "currency": "EUR", "acme_day": "2026-05-04"}  # fmt: skip
    done = log.record_document(event(action="booking.created", context=context))
    view = log.entry(done.seq)
    assert view.document()["context"] == context
    assert {one.name: one.text for one in details(view) if one.name} == {
        "acme_room": "r7", "acme_wish": "quiet", "acme_helper": "Rita", "acme_fee_minor": "2.50 EUR",
        "acme_day": "2026-05-04",
    }  # fmt: skip
    assert second_line(view).endswith("room r7")
    (told,) = story(log.reading(), "room/r7").entries
    assert told.view.seq == done.seq
    assert b"quiet" not in next(log.rows.entries(done.seq - 1, done.seq)).body
    properties = context_schema(BookingCreated)["properties"]
    assert properties["acme_room"] == {"type": "string", "minLength": 1, "maxLength": 255}
    fields = {field["name"]: field for field in describe(BookingCreated)["fields"]}
    assert (fields["acme_wish"]["personal"], fields["acme_room"]["refers"]) == ("identity", "room")


def test_a_personal_extra_is_erased_with_its_client(log):
    room((BookingCreated,))
    done = log.record_document(event(action="booking.created", context={"acme_wish": "quiet", "acme_room": "r7"}))
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    assert log.entry(done.seq).document()["context"] == {"acme_wish": None, "acme_room": "r7"}


def test_a_text_that_is_too_long_is_cut_and_said_to_be(log):
    made(acme_note=Annotated[Text, Personal("identity")] | None)
    given = dict(extra._DECLARED[0](acme_note="x" * 5000))
    done = log.record(BookingCreated(**given), actor=Staff("u"), target=("booking", "b"))
    assert log.entry(done.seq).document()["cut"] == ["context.acme_note"]


def test_the_same_class_declared_again_takes_the_place_of_the_first():
    room((BookingCreated,))
    again = room((BookingCreated,))
    assert [again] == extra._DECLARED
    assert [clause for clause in BookingCreated.detail if "acme" in clause] == ["room {acme_room}"]
    room((BookingCancelled,))
    assert "acme_room" not in BookingCreated.model_fields
    assert "acme_room" in BookingCancelled.model_fields


def test_a_declaration_that_is_refused_changes_nothing():
    first = room((BookingCreated,))
    with pytest.raises(TypeError):
        room((BookingCreated, LogViewed))
    assert [first] == extra._DECLARED
    assert BookingCreated(acme_room="r7") == BookingCreated.model_validate({"acme_room": "r7"})


class Undeclared(Action):
    """A base, and no action."""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"room": Id | None}, "the field room, whose name does not begin with acme_"),
        ({"acme": Id | None}, "whose name does not begin with acme_"),
        ({"acme_Room": Id | None}, "whose name does not begin with acme_"),
        ({"acme_room": Id, "default": "none"}, "has the required field acme_room"),
        ({}, "needs actions and fields"),
        ({"acme_room": Id | None, "of": ()}, "needs actions and fields"),
        ({"acme_room": Id | None, "prefix": ""}, "needs a prefix of 2 to 20"),
        ({"acme_room": Id | None, "prefix": "Acme"}, "needs a prefix of 2 to 20"),
        ({"a_room": Id | None, "prefix": "a"}, "needs a prefix of 2 to 20"),
        ({"service_room": Id | None, "prefix": "service"}, "service_name is a field of ours"),
        ({"acme_room": Id | None, "of": (LogViewed,)}, "widens log.viewed, which the log itself writes"),
        ({"acme_room": Id | None, "of": (Undeclared,)}, "widens Undeclared, which is no declared action"),
        ({"acme_password": Id | None}, "acme_password, the name of a secret"),
        ({"acme_price": Count | None}, "acme_price is money without its unit"),
        ({"acme_fee_minor": Minor | None, "of": (BookingRescheduled,)}, "acme_fee_minor and no field currency"),
        ({"acme_guest": Someone | None}, "does not say whose; use StaffMember or ClientPerson"),
        ({"acme_guest": Annotated[Id, Refers("client")] | None}, "whose id would be in clear"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_one_sentence(arguments, says):
    with pytest.raises(TypeError, match=r"^Made") as refused:
        made(**arguments)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not extra._DECLARED


def test_two_of_the_same_field_are_refused():
    room((BookingCreated,))
    with pytest.raises(TypeError, match=r"Made has the field acme_room, which booking\.created has already"):
        made(acme_room=Id | None)
    made(acme_table=Id | None)
    assert {"acme_room", "acme_table"} <= BookingCreated.model_fields.keys()


def test_a_clause_of_an_extra_is_checked_like_an_action_s():
    with pytest.raises(TypeError, match=r"Vague has a clause that prints \{acme_table\}, which is no field of it"):

        class Vague(Extra, of=(BookingCreated,), prefix="acme", detail=("{acme_table}",)):
            acme_room: Id | None = None


def test_an_action_whose_building_was_put_off_is_widened_too():
    class Put(Action, code="tray.put", label="Put tray", category="x", targets=("tray",), sentence="{actor}"):
        model_config = {"defer_build": True}  # noqa: RUF012 - pydantic's
        note: Id | None = None

    made(of=(Put,), acme_room=Id | None)
    assert Put.model_validate({"acme_room": "r7"}) == Put(acme_room="r7")
    with pytest.raises(InvalidInput):
        Put(acme_table="t")
    assert list(context_schema(Put)["properties"]) == ["note", "acme_room"]


def test_an_entry_is_read_by_a_program_that_never_heard_of_the_field(log, tmp_path):
    room((BookingCreated,))
    log.record_document(event(action="booking.created", context={"acme_room": "r7", "acme_wish": "quiet"}))
    for command, expected in (
        (("list", "--json"), '"acme_room":"r7"'),
        (("show", "1"), "context.acme_wish"),
        (("list", "about:room/r7"), "reservation bk_1"),
        (("export", "--format", "csv-data"), "acme_wish"),
        (("verify",), "INTACT: nothing was changed"),
    ):
        done = run(tmp_path, *command)
        assert (done.returncode, expected in done.stdout) == (0, True), command
    refused = run(tmp_path, "record", json.dumps(event(action="booking.created", context={"acme_room": "r7"})))
    assert "context.acme_room: is not a field here" in refused.stderr


def run(folder, *command):
    """Run a command in a process of its own, which has loaded nothing of this one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INDELIBLE_")}
    return subprocess.run([sys.executable, "-m", "indelible.cli.main", *command], cwd=folder, env=environment,
                          capture_output=True, text=True)  # fmt: skip


def test_an_evidence_id_of_two_owners_is_one_link(log):
    """One is the client's and the other one the actor's: neither keeps the entry, or its batch, from being recorded."""
    theirs, seen = Annotated[Id, Personal("evidence")] | None, Annotated[Id, Personal("evidence", "actor")] | None
    made(acme_charge=theirs, acme_seen=seen)
    booked = BookingCreated.model_validate({"acme_charge": "ch_1", "acme_seen": "ch_1"})
    done = log.record(booked, actor=Staff("usr_1"), target=("booking", "bk_1"), client=("cli_7", "Ana Sousa"))
    assert [view.seq for view in log.read("stripe:ch_1")] == [done.seq]
    assert {group["owner"] for group in log.entry(done.seq).members["personal"] if group["class"] == "evidence"} == {
        0,
        1,
    }
