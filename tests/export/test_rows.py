"""The row of an entry is what its View and Python's csv module make of it: for the demo, and for what is hostile."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible import Staff
from indelible.demo import make_documents
from indelible.export import csv_file
from indelible.format import csv_row, instant, money, offsets
from indelible.format.csv_row import COLUMNS, NUMBERS, Wording, encode_cell
from indelible.log import ClinicLog
from indelible.read.view import View
from indelible.record import document

ZONES = ("Europe/Lisbon", "Asia/Kathmandu", "America/St_Johns")
HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("=+-@\t\r\n\x00\uff1d',\"; _x"), max_size=8
)


def by_view(view: View, zone: str) -> dict[str, str]:
    """The cells of a row, each from what the View says of it in the terms of the document."""
    said = view.document(zone)
    actor, target, client = said["actor"], said.get("target") or {}, view.client or {}
    principal = actor.get("on_behalf_of") or {}
    is_system = actor["kind"] == "system"
    amount = ""
    if view.amount_minor is not None and view.currency in money.EXPONENTS:
        sign = -1 if money.EFFECTS[view.money].net < 0 else 1
        amount = f"{Decimal(sign * view.amount_minor).scaleb(-money.EXPONENTS[view.currency]):f}"
    return {
        "seq": str(view.seq),
        "id": view.id,
        "occurred_at": said["occurred_at"],
        "occurred_at_utc": instant.format(view.occurred_at),
        "time_zone": zone,
        "local_date": said["occurred_at"][:10],
        "local_time": said["occurred_at"][11:19],
        "category": view.category,
        "action": view.action,
        "label": view.label,
        "actor_kind": actor["kind"],
        "actor_id": actor["reason"] if is_system else actor["id"] or "",
        "actor_name": "System" if is_system else actor.get("name") or "",
        "target_kind": target.get("kind", ""),
        "target_id": target.get("id") or "",
        "target_name": target.get("name") or "",
        "client_id": client.get("id") or "",
        "client_name": client.get("name") or "",
        "amount": amount,
        "to_sum": amount if money.EFFECTS[view.money].net else "",
        "amount_minor": "" if view.amount_minor is None else str(view.amount_minor),
        "currency": view.currency or "",
        "channel": view.request.get("channel", ""),
        "ip": view.request.get("ip") or "",
        "device": view.device,
        "context": orjson.dumps(view.context, option=orjson.OPT_SORT_KEYS).decode(),
        "money": view.money,
        "recorded_zone": view.zone,
        "recorded_at": said["recorded_at"],
        "on_behalf_of_kind": principal.get("kind", ""),
        "on_behalf_of_id": principal.get("id") or "",
        "on_behalf_of_name": principal.get("name") or "",
    }


def printed(cells: dict[str, str]) -> str:
    """The line that the csv module prints of cells, each guarded by itself."""
    out = io.StringIO(newline="")
    guarded = [cells[name] if name in NUMBERS else encode_cell(cells[name]) for name in COLUMNS]
    csv.writer(out, lineterminator="\r\n").writerow(guarded)
    return out.getvalue()


def test_every_row_of_the_demo_is_that_of_its_view(log: ClinicLog):
    events = islice(make_documents(1, start=date(2026, 1, 5), days=60), 3_000)
    log.append([log.draft(document.parse(event)) for event in events])
    for person in ("cli_1", "cli_2", "cli_3"):
        with_person = next(iter(log.read(f"client:{person}", limit=1)), None)
        if with_person is not None:
            log.anonymize(person, requested_by="client", actor=Staff("usr_1"))
    views = list(log.read())
    assert len(views) >= 3_000 and any(view.states for view in views)
    assert len({view.action for view in views}) > 40
    for view in views:
        for zone in ZONES:
            assert csv_file.row(view, zone) == printed(by_view(view, zone))


@st.composite
def hostile(draw: st.DrawFn) -> View:
    """An entry whose texts are anything at all, those too that no host may send."""
    text = HOSTILE
    kind = draw(st.sampled_from(["staff", "client", "system", "integration", "agent", "support", "=1"]))
    actor: dict[str, Any] = {"kind": kind, "reason": draw(text)} if kind == "system" else {"kind": kind}
    values: dict[str, Any] = {}
    states: dict[str, str] = {}

    def value(path: str, of: st.SearchStrategy[Any] = text) -> None:
        where = draw(st.sampled_from(["there", "gone", "none"]))
        if where == "there":
            values[path] = draw(of)
        elif where == "gone":
            states[path] = "erased"

    def somebody(holder: dict[str, Any], path: str) -> dict[str, Any]:
        is_person = path in ("client", "actor.on_behalf_of") or holder["kind"] == "client"
        if is_person or draw(st.booleans()):
            value(f"{path}.id")
            value(f"{path}.name")
            return holder | {"person": 0}
        return holder | {"id": draw(text)}

    if kind == "agent":  # no person
        actor |= {"id": draw(text), "name": draw(text)}
    elif kind != "system":
        actor = somebody(actor, "actor")
    members: dict[str, Any] = {
        "id": draw(text), "zone": draw(text), "offset_minutes": 0, "actor": actor, "tokens": ["00" * 16],
        "action": draw(st.sampled_from(["booking.cancelled", "charge.refunded", "charge.succeeded", "=x,y.z"])),
        "recorded_at": instant.format(draw(st.integers(instant.EARLIEST, instant.LATEST))),
        "context": draw(st.dictionaries(text, text | st.integers(-5, 5) | st.none(), max_size=3)),
    }  # fmt: skip
    if draw(st.booleans()):
        members["context"] |= {"amount_minor": draw(st.integers(0, 10**12)), "currency": draw(
            st.sampled_from(["EUR", "JPY", "KWD", "=XX"]))}  # fmt: skip
    if draw(st.booleans()):
        members["target"] = somebody({"kind": draw(st.sampled_from(["client", "booking", "-x"]))}, "target")
    if draw(st.booleans()):
        members["client"] = somebody({}, "client")
    if draw(st.booleans()):
        actor["on_behalf_of"] = somebody({"kind": draw(st.sampled_from(["client", "staff"]))}, "actor.on_behalf_of")
    if draw(st.booleans()):
        members["channel"] = draw(text)
    for path in ("request.ip", "request.user_agent", "context.reason_text", "context.=note"):
        value(path)
    return View(
        draw(st.integers(1, 10**6)), draw(st.integers(instant.EARLIEST, instant.LATEST)), members, values, states
    )


@given(hostile(), st.sampled_from(ZONES))
def test_a_hostile_row_is_that_of_its_view(view: View, zone: str):
    assert csv_file.row(view, zone) == printed(by_view(view, zone))


@given(hostile(), st.sampled_from(ZONES), HOSTILE)
def test_a_row_is_the_line_of_its_cells(view: View, zone: str, text: str):
    said = Wording(text, text, "out", text)
    cells = csv_row.cells(view, said, zone, offsets.minutes)
    assert csv_row.row(view, said, zone, offsets.minutes) == csv_row.line(cells)
    assert [csv_row.decode_cell(cell) if name not in NUMBERS else cell
            for name, cell in zip(COLUMNS, cells, strict=True)] == csv_row.texts(
                view, said, zone, offsets.minutes)  # fmt: skip


@pytest.mark.parametrize("member", ["id", "zone", "action"])
@pytest.mark.parametrize("wrong", [5, None, ["a"]])
def test_a_member_of_another_type_makes_no_row(member: str, wrong: Any):
    members: dict[str, Any] = {
        "id": "x", "zone": "UTC", "offset_minutes": 0, "action": "booking.cancelled", "context": {},
        "actor": {"kind": "system", "reason": "policy:x"}, "recorded_at": "2026-05-03T12:22:31.000000Z",
    }  # fmt: skip
    said = Wording("bookings", "Cancelled", "none", "")
    assert csv_row.row(View(1, 0, members, {}, {}), said, "UTC", offsets.minutes)
    with pytest.raises(TypeError):
        csv_row.row(View(1, 0, members | {member: wrong}, {}, {}), said, "UTC", offsets.minutes)
