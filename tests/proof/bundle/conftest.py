"""A small log with every kind of entry, bundles of it, and the two verifiers side by side."""

from __future__ import annotations

import io
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indelible import Staff
from indelible.errors import IndelibleError
from indelible.export.bundling import export_bundle, export_complete
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.proof.note import Verifier
from indelible.proof.verify import verify_bundle
from indelible.record.document import parse
from indelible.testing.bundles import unpack
from indelible.testing.logs import Clock, event

SECOND = runpy.run_path(str(Path(__file__).with_name("second_verifier.py")))
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
_CLIENT = {"kind": "client", "id": "cli_77", "name": "=1+1"}
_ASSISTANT = {"kind": "agent", "id": "assistant_1", "name": "=Booking, assistant"}
_MOVED = {"starts_at": {"old": "2026-05-04T09:00:00+02:00", "new": "2026-05-05T10:00:00+02:00"}}
_PRACTITIONERS = {"practitioner": {"old": {"id": "usr_9", "name": "Rui"}, "new": {"id": "usr_10"}}}


def _money(action: str, amount: int, currency: str, **context: Any) -> dict[str, Any]:
    kind = "charge" if action == "charge.succeeded" else "refund"
    members = {"amount_minor": amount, "currency": currency} | context
    return event(action=action, target={"kind": kind, "id": f"{kind}_{amount}"}, context=members)


def _about(kind: str, action: str, **context: Any) -> dict[str, Any]:
    return event(action=action, target={"kind": kind, "id": f"{kind}_1"}, client=None, context=context)


def _varied() -> list[dict[str, Any]]:
    """Documents with hostile texts, money of three currencies, changes, persons in the context, every kind of actor."""
    return [
        event(1, context={"reason_text": '=1+1,"quoted"\r\nsecond line \U0001f600 \u2028 é e\u0301'}),
        event(2, client={"id": "'=1", "name": "\uff1d1"}, actor={"kind": "staff", "id": "-1", "name": '"'}),
        event(3, action="booking.created", context={"practitioner": {"id": "usr_9", "name": "=Rui\t"}}),
        event(4, action="booking.rescheduled", actor=_CLIENT, client=None, context=_MOVED | _PRACTITIONERS),
        _money("charge.succeeded", 4_500, "EUR", card_last4="4242")
        | {"actor": {"kind": "integration", "id": "stripe"}},
        _money("charge.refunded", 1_250, "JPY", source="staff", charge="ch_1"),
        _money("charge.refunded", 5, "KWD", source="policy"),
        _money("charge.refunded", 0, "EUR", source="policy"),
        _money("charge.refund_failed", 5, "KWD"),
        _about("service", "service.edited", changes=[{"field": "price_minor", "old": 1, "new": 2, "currency": "EUR"}]),
        _about("service", "service.deleted", snapshot={"a": {"kind": "x", "id": "y"}, "l": [None, -1, True, "\x7f"]}),
        _about("schedule", "schedule.deleted", snapshot={"hours": ["=1", {"b": 1, "a": "'"}]}),
        event(
            action="client.edited",
            target=_CLIENT | {"kind": "client"},
            client=None,
            context={"changes": [{"field": "phone", "old": "1", "new": "2"}]},
        ),
        event(7, actor={"kind": "system", "reason": "policy:late-cancel"}, request=None),
        event(8, actor={"kind": "support", "id": "sup_1"}, people=[{"role": "payer", "id": "cli_78", "name": "Bruno"}]),
        event(9, context={"reason_text": "a" * 5_000}, request={"channel": "client_app", "user_agent": PHONE}),
        event(10, client=None, context={}, occurred_at="1900-01-01T00:00:00Z"),
        event(11, occurred_at="2025-10-26T01:30:00+01:00"),
        event(21, actor=_ASSISTANT | {"on_behalf_of": _CLIENT}, client=None),
        event(22, actor=_ASSISTANT | {"on_behalf_of": {"kind": "staff", "id": "usr_9"}}, client={"id": "cli_78"}),
        event(23, actor={"kind": "agent", "id": "=1"}, client=None),
        event(
            24,
            actor={
                "kind": "support",
                "id": "sup_1",
                "name": "Rita",
                "on_behalf_of": {"kind": "client", "id": "cli_78"},
            },
            client=None,
        ),
    ]


def fill(log: ClinicLog, clock: Clock) -> None:
    """Record the varied documents, move the clinic, import one; anonymize a client, who then comes back."""
    for document in _varied():
        clock.advance(0.25)
        log.record_document(document)
    log.set_time_zone("America/St_Johns")
    log.append([log.draft(parse(event(12, occurred_at="2019-07-01T10:00:00+05:45")), imported=True)])
    log.anonymize("cli_77", requested_by="client", actor=Staff("u"))
    clock.advance(60)
    log.record_document(event(13))
    log.anonymize("cli_78", requested_by="staff", actor=Staff("u"))
    log.record_document(event(14, occurred_at="2026-05-02T10:00:00Z"))  # of before: without the name


def _first(data: bytes, vkey: str | None) -> dict[str, Any]:
    """What the library's verifier says, in the form of the second's."""
    try:
        report = verify_bundle(io.BytesIO(data), Verifier.decode(vkey) if vkey else None)
    except IndelibleError as error:
        return {"refused": str(error)}
    found = [(finding.verdict, finding.seq, finding.what) for finding in report.findings]
    found += [("edited", seq, f"the cell {column}") for seq, column in report.differing_cells]
    return {"findings": found, "erased": report.erased, "withheld": report.withheld}


def _second(data: bytes, vkey: str | None) -> dict[str, Any]:
    try:
        return dict(SECOND["check"](io.BytesIO(data), vkey))
    except SECOND["Refused"] as error:
        return {"refused": str(error)}


@pytest.fixture
def varied(log: ClinicLog, clock: Clock) -> ClinicLog:
    """The clinic's log with the entries of `fill`."""
    fill(log, clock)
    return log


@pytest.fixture(scope="session")
def second_verifier() -> dict[str, Any]:
    """The names of second_verifier.py."""
    return SECOND


@pytest.fixture(scope="session")
def verdicts() -> Callable[[bytes, str | None], tuple[dict[str, Any], dict[str, Any]]]:
    """What the first and the second verifier say of the bytes of a bundle: findings, erased, withheld; or refused."""
    return lambda data, vkey: (_first(data, vkey), _second(data, vkey))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[dict[str, bytes], str]]:
    """The files of a bundle and the log's key: made("selection"), made("whole"), made("middle"), each written once."""
    folder, clock, actor = tmp_path_factory.mktemp("bundles"), Clock(), Staff("u")
    with Journal.create(folder / "activity.db", installation="log.example.org", clock=clock) as journal:
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        fill(log, clock)
        vkey = log.clinic.vkey
        export_complete(log, folder / "whole", actor=actor)
        export_bundle(log, "category:bookings", folder / "selection", actor=actor)
        export_complete(log, folder / "middle", actor=actor, first_seq=3, last_seq=9)
    return lambda name: (unpack(folder / name), vkey)
