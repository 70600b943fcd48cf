"""What a host wants to record, checked whole before any SQL."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from indelible import Agent, Client, InvalidInput, Person, Request, Staff, Target
from indelible.catalogue.bookings import BookingCancelled, BookingCreated
from indelible.catalogue.clients import ClientAnonymized
from indelible.format.money import minor
from indelible.outbox.prepared import Prepared, prepare
from indelible.record import document, drafting
from indelible.testing.logs import event

MARIA = Staff("usr_12", "Maria Fernandes", role="receptionist")
PLATFORM = Path(__file__).parents[1] / "catalogue" / "platform.jsonl"
GOOD: dict[str, Any] = {"actor": MARIA, "target": ("booking", "bk_1")}
START = datetime(2025, 5, 5, 9, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")


def drafted(text: str) -> drafting.Draft:
    """As the log drafts a row's document."""
    return drafting.draft(document.parse_json(text.encode()), now=2_000_000_000_000_000)


def says(draft: drafting.Draft) -> tuple:
    stem = {name: value for name, value in draft.stem.items() if name not in ("id", "occurred_at")}
    return stem, draft.persons, draft.values, draft.key, draft.dated


def read(row: Prepared) -> dict:
    found: dict = json.loads(row.document)
    return found


@pytest.mark.parametrize("line", [line for line in PLATFORM.read_text().splitlines() if line.strip()])
def test_the_log_drafts_of_a_row_what_it_would_have_drafted_of_the_document(line):
    sent = json.loads(line)
    try:
        direct = drafted(line)
    except InvalidInput as refused:
        with pytest.raises(InvalidInput) as error:
            prepare("c_lisbon", sent)
        assert str(error.value) == str(refused)
        return
    assert says(drafted(prepare("c_lisbon", sent).document)) == says(direct)


def test_an_action_with_all_that_may_stand_beside_it_becomes_the_same_document():
    row = prepare(
        "c_lisbon",
        BookingCancelled(starts_at=START.astimezone(LISBON), late=True, reason_text="train was late"),
        actor=Agent("assistant_1", on_behalf_of=Client("cli_77", "Ana Sousa")),
        target=Target("booking", "bk_1", "Facial"),
        client=("cli_77", "Ana Sousa"),
        people=[Person("cli_78", "Rui", role="payer")],
        request=Request("staff_web", "203.0.113.9", "Mozilla/5.0"),
        occurred_at=START,
        operation="op_1",
        key="cancel-1",
    )
    assert (row.clinic, row.action, row.target_kind, row.target_id) == (
        "c_lisbon", "booking.cancelled", "booking", "bk_1",
    )  # fmt: skip
    assert read(row) == {
        "action": "booking.cancelled",
        "occurred_at": "2025-05-05T09:00:00.000000Z",
        "actor": {"kind": "agent", "id": "assistant_1",
                  "on_behalf_of": {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}},
        "target": {"kind": "booking", "id": "bk_1", "name": "Facial"},
        "client": {"id": "cli_77", "name": "Ana Sousa"},
        "people": [{"role": "payer", "id": "cli_78", "name": "Rui"}],
        "context": {"starts_at": "2025-05-05T10:00:00.000000+01:00", "late": True, "reason_text": "train was late"},
        "request": {"channel": "staff_web", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0"},
        "operation": "op_1",
        "key": "cancel-1",
    }  # fmt: skip


def test_every_row_has_a_key_of_its_own_and_a_document_without_a_time_stays_without():
    rows = [prepare("c_lisbon", BookingCancelled(), **GOOD) for _ in range(2)]
    assert len({uuid.UUID(row.key) for row in rows}) == 2
    assert "occurred_at" not in read(rows[0])
    assert "key" not in read(rows[0])


class Booking:
    """A host's model: an integer key, a UUID of the client."""

    id = 12
    client_id = uuid.UUID(int=7)

    def activity_target(self):
        return ("booking", self.id, "Facial")

    def activity_person(self):
        return (self.client_id, "Ana Sousa")


def test_a_model_says_itself_what_it_is_with_ids_as_its_database_has_them():
    found = read(prepare("c_lisbon", BookingCancelled(), actor=Staff(4), target=Booking(), client=Booking(), key=9))
    assert found["actor"]["id"] == "4"
    assert found["target"] == {"kind": "booking", "id": "12", "name": "Facial"}
    assert found["client"] == {"id": "00000000-0000-0000-0000-000000000007", "name": "Ana Sousa"}
    assert found["key"] == "9"


def test_a_price_of_decimals_is_written_in_minor_units():
    created = BookingCreated(price_minor=minor(Decimal("30.00"), "EUR"), currency="EUR")
    assert read(prepare("c_lisbon", created, **GOOD))["context"] == {"price_minor": 3000, "currency": "EUR"}


@pytest.mark.parametrize("dirty", ["Moz\0illa", "Moz\ud800illa", "\udfffMozilla"])
def test_what_no_text_can_hold_is_taken_out_of_a_user_agent_and_a_name_and_marked(dirty):
    row = prepare(
        "c_lisbon", BookingCancelled(), actor=Staff("usr_1", dirty), target=("booking", "bk_1"),
        request=Request(user_agent=dirty),
    )  # fmt: skip
    found = read(row)
    assert found["request"]["user_agent"] == found["actor"]["name"] == "Mozilla"
    assert drafted(row.document).stem["cut"] == ["actor.name", "request.user_agent"]


def test_a_user_agent_of_nothing_else_is_left_out():
    row = prepare("c_lisbon", BookingCancelled(), request=Request(user_agent="\0\ud800"), **GOOD)
    assert "request" not in read(row)
    assert "cut" not in drafted(row.document).stem


def test_two_halves_that_belong_together_are_one_character():
    row = prepare("c_lisbon", BookingCancelled(), request=Request(user_agent="Phone \ud83d\ude00"), **GOOD)
    assert read(row)["request"]["user_agent"] == "Phone 😀"


def test_a_dirty_text_inside_a_document_is_cleaned_and_marked():
    row = prepare("c_lisbon", event(context={"reason_text": "train\0 was late", "late": True}))
    assert read(row)["context"]["reason_text"] == "train was late"
    assert drafted(row.document).stem["cut"] == ["context.reason_text"]


def test_a_text_that_was_cut_is_still_marked_when_the_log_drafts_it():
    row = prepare("c_lisbon", BookingCancelled(reason_text="x" * 5_000), **GOOD)
    assert drafted(row.document).stem["cut"] == ["context.reason_text"]
    long = prepare("c_lisbon", BookingCancelled(), request=Request(user_agent="x" * 900), **GOOD)
    assert drafted(long.document).stem["cut"] == ["request.user_agent"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "outbox:1"}, "key"),
        ({"actor": None}, "actor"),
        ({"actor": Staff("maria@example.org")}, "actor.id"),
        ({"target": ("room", "r1")}, "target.kind"),
        ({"target": ("booking",)}, "target"),
        ({"client": object()}, "client"),
        ({"request": Request(ip="somewhere")}, "request.ip"),
        ({"occurred_at": datetime(2026, 5, 3)}, "occurred_at"),  # noqa: DTZ001 - what people hand over
        ({"occurred_at": datetime.now(UTC) + timedelta(hours=1)}, "occurred_at"),
    ],
)
def test_what_the_log_would_refuse_is_refused_with_its_field_and_without_its_value(change, field):
    with pytest.raises(InvalidInput) as error:
        prepare("c_lisbon", BookingCancelled(), **GOOD | change)
    assert error.value.field == field
    assert "maria@" not in str(error.value)
    assert "somewhere" not in str(error.value)


@pytest.mark.parametrize("clinic", [None, "", "a b", "x" * 65, "../c", 7])
def test_a_clinic_that_cannot_be_one_is_refused(clinic):
    with pytest.raises(InvalidInput, match="clinic"):
        prepare(clinic, BookingCancelled(), **GOOD)


def test_what_only_the_log_writes_is_refused():
    with pytest.raises(InvalidInput, match="written only by the log itself"):
        prepare("c_lisbon", ClientAnonymized(requested_by="client"), actor=MARIA, target=("client", "cli_1"))
    with pytest.raises(InvalidInput, match="written only by the log itself"):
        prepare("c_lisbon", event(action="log.viewed"))


def test_a_document_says_everything_itself():
    with pytest.raises(InvalidInput, match="whole document"):
        prepare("c_lisbon", event(), actor=MARIA)


def test_a_client_who_is_back_is_said_beside_an_action_and_in_a_document():
    row = prepare("c_lisbon", BookingCancelled(), client=("cli_77", "Ana Sousa"), returned=True, **GOOD)
    assert read(row)["returned"] is True
    assert document.parse_json(row.document.encode()).returned is True
    assert "returned" not in read(prepare("c_lisbon", BookingCancelled(), **GOOD))
    assert read(prepare("c_lisbon", event(1, returned=True)))["returned"] is True
    with pytest.raises(InvalidInput, match="is a whole document"):
        prepare("c_lisbon", event(1), returned=True)
    with pytest.raises(InvalidInput, match="returned: must be true"):
        prepare("c_lisbon", BookingCancelled(), returned="yes", **GOOD)  # type: ignore[arg-type]


def test_history_says_when_it_happened():
    with pytest.raises(InvalidInput, match="occurred_at: is missing"):
        prepare("c_lisbon", event(), imported=True)


def test_a_document_that_is_too_large_is_refused():
    people = [Person(f"cli_{number}", "\u20ac" * 500, role="mentioned") for number in range(30)]
    with pytest.raises(InvalidInput, match="more than 49152 bytes"):
        prepare("c_lisbon", BookingCancelled(reason_text="\u20ac" * 4_000), people=people, **GOOD)


def test_a_document_of_ten_megabytes_is_refused():
    given = {
        "action": "booking.cancelled",
        "actor": {"kind": "staff", "id": "usr_1"},
        "context": {"note": ["x"] * 10_000_000},
    }
    with pytest.raises(InvalidInput) as refused:
        prepare("c_lisbon", given)
    assert len(str(refused.value)) < 500


def test_a_path_that_the_document_does_not_have_cannot_be_marked_as_cut():
    with pytest.raises(InvalidInput, match="cut: names a value that the document does not have") as error:
        prepare("c_lisbon", event(cut=["Ana Sousa"]))
    assert "Ana" not in str(error.value)


ODD: list[Any] = [
    *(True, 0, -1, 2**80, 10**5_000, 1.5, "", "Maria", "\ud800", "a\x00", b"bytes", [], {}, (), ("booking",), (1, 2)),
    *([None], {"id": 1}, object(), type, Decimal("1.5"), Staff, MARIA, Target("booking", "b"), Person("p"), Request()),
    *(BookingCancelled(), lambda: None, iter(()), Request(user_agent=7)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("name", ["actor", "target", "client", "people", "request", "occurred_at", "operation", "key"])
def test_anything_in_any_place_is_taken_or_refused_in_one_sentence(name):
    for value in ODD:
        try:
            drafted(prepare("c_lisbon", BookingCancelled(), **GOOD | {name: value}).document)
        except InvalidInput as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("name", [*event(), "operation", "key", "people", "cut", "occurred_at", "unknown"])
def test_anything_in_any_member_of_a_document_is_taken_or_refused_in_one_sentence(name):
    for value in ODD:
        try:
            drafted(prepare("c_lisbon", event(**{name: value})).document)
        except InvalidInput as error:
            assert "\n" not in str(error)
