"""One clinic's rows on their way into its log: `Waiting -> Draft -> Entry`, in their order.

Each document is recorded under its own key, or under `outbox:` and the key of its row; so one that comes again, after a
crash or through a second drainer, is answered with the entry that is there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import Conflict, InvalidInput, NotFound, StorageFailure
from ..log import ClinicLog
from ..outbox.source import Waiting, own_key
from ..record import document
from ..record.append import Appended
from ..record.document import OWN_KEYS
from ..record.drafting import FUTURE_MINUTES, Draft
from ..record.importing import append_each
from . import refusals
from .refusals import Refusal

_AHEAD = FUTURE_MINUTES * 60_000_000


@dataclass(slots=True)
class Taken:
    """What became of one clinic's rows. `done` may be deleted; `held` are to be moved.

    `erased` are the clients, each with its clinic, that the rows asked to be anonymized.
    """

    done: list[Waiting] = field(default_factory=list)
    held: list[tuple[Waiting, Refusal]] = field(default_factory=list)
    erased: list[tuple[str, str]] = field(default_factory=list)
    appended: int = 0
    repeated: int = 0


def take(log: ClinicLog, rows: Sequence[Waiting]) -> Taken:
    """Record rows of one clinic, in their order. Raises StorageFailure for what must stop draining."""
    taken = Taken()
    drafts: list[tuple[Waiting, Draft]] = []
    for row in rows:
        try:
            if row.erasure:
                _append(log, drafts, taken)  # what was recorded before is erased with the rest
                drafts = []
                _anonymize(log, row, taken)
            else:
                drafts.append((row, _draft(log, row)))
        except (InvalidInput, Conflict) as error:
            _refuse(row, error, taken)
    _append(log, drafts, taken)
    return taken


def _draft(log: ClinicLog, row: Waiting) -> Draft:
    event = document.parse_json(row.document.encode("utf-8", "surrogatepass"))
    now = log.clock()
    occurred = row.at if event.occurred_at is None else event.occurred_at
    if now + _AHEAD < occurred <= row.at + _AHEAD:
        # The document is right by its own database's clock. Refused, every one that comes would have to be mended.
        raise StorageFailure(
            f"the clock of the host's database is more than {FUTURE_MINUTES} minutes ahead of this machine's, so "
            "nothing of it was recorded; set the one that is wrong"
        )
    key = f"{OWN_KEYS}{row.key}" if event.key is None else own_key(event.key)
    made = log.draft(replace(event, key=key, occurred_at=occurred), imported=row.imported)
    # The row's time is no word of the host: a retry of the same document has another one.
    dated = event.occurred_at is not None
    return made if made.dated == dated else replace(made, dated=dated)


def _append(log: ClinicLog, drafts: Sequence[tuple[Waiting, Draft]], taken: Taken) -> None:
    if not drafts:
        return
    results = append_each(log, [draft for _, draft in drafts])
    for (row, _), result in zip(drafts, results, strict=True):
        if isinstance(result, Conflict | InvalidInput):
            _refuse(row, result, taken)
        else:
            _note(row, result, taken)


def _anonymize(log: ClinicLog, row: Waiting, taken: Taken) -> None:
    """Erase a client once for this row, also where the row comes again after the client returned."""
    order = _order(row)
    try:
        done = log.anonymize(
            order["client"],
            requested_by=order["requested_by"],
            actor=order["actor"],
            key=order["key"],
            asked_at=min(row.at, log.clock()),
        )
    except NotFound:  # never recorded, or erased before: what was asked for is so
        taken.done.append(row)
        taken.repeated += 1
    else:
        _note(row, done.entry, taken)
    taken.erased.append((row.clinic, str(order["client"])))


def _order(row: Waiting) -> dict[str, Any]:
    """Return an erasure's members. Raises InvalidInput."""
    try:
        members = json.loads(row.document)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the document is not JSON; write it again") from error
    if not isinstance(members, dict) or not {"client", "requested_by"} <= members.keys():
        raise InvalidInput("the document must be an object with client and requested_by")
    # The shape of actor and key is that of any document's.
    event = document.parse({
        "action": "client.anonymized", "actor": members.get("actor") or {"kind": "system", "reason": "job:anonymize"},
        "key": members.get("key"),
    })  # fmt: skip
    return {
        "client": members["client"],
        "requested_by": members["requested_by"],
        "actor": event.actor,
        "key": f"{OWN_KEYS}{row.key}" if event.key is None else own_key(event.key),
    }


def _note(row: Waiting, entry: Appended, taken: Taken) -> None:
    taken.done.append(row)
    taken.repeated += entry.repeated
    taken.appended += not entry.repeated


def _refuse(row: Waiting, error: InvalidInput | Conflict, taken: Taken) -> None:
    refusal = None if row.erasure else refusals.unfamiliar(row.document)
    if refusal is None:
        refusal = Refusal("conflict" if isinstance(error, Conflict) else "invalid", str(error))
    taken.held.append((row, refusal))
