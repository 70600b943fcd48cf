"""Documents that cannot be recorded: why, for how long, and what the log says of it.

Some are held for now, and tried again when what they wait for is there:

    unknown_clinic    the log has no such clinic
    older_log         the clinic's log lacks entries that were signed, as after an older backup was restored: what is
                      recorded in it would be lost with it when a newer backup takes its place
    unknown_action    the catalogue here has no such code
    newer_version     the document is of a version that this release does not know: it has a member `v` or `sealed`

and some finally, until somebody corrects them:

    invalid           the log would refuse the same document from anybody
    conflict          its key was used for another document
    closed            the clinic was closed

A reason is such a word, a colon, and a sentence without a value of the document.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from ..catalogue import find
from ..catalogue.log import LogHeld
from ..format import instant
from ..journal import Journal
from ..log import ClinicLog
from ..outbox.source import FIRST, Source, Waiting
from ..record import own
from ..stores.contract import Clinic

# Rows of one look at what is held: a host that names a wrong clinic may have a million of them.
_AT_ONCE = 1_000
# Of the event document; a newer one says so in a member `v`.
_VERSION = 1


class Refusal(NamedTuple):
    """Why a row is held. `sentence` has no value of the document; `final` rows wait for somebody."""

    word: str
    sentence: str
    final: bool = True

    @property
    def reason(self) -> str:
        return f"{self.word}: {self.sentence}"


def misplaced(journal: Journal, clinic: Clinic | None) -> Refusal | None:
    """Why nothing can be recorded for a clinic, None where it can; `clinic` is None where the log has no such one."""
    if clinic is None:
        return Refusal("unknown_clinic", "the log has no clinic of this id; `indelible clinic add` makes one", False)
    signed = journal.heads.get(clinic.origin)  # before the log's own head, which another process may move meanwhile
    state = journal.store.rows(clinic.id).state()
    if state.closed_at is not None:
        return Refusal("closed", f"the clinic was closed on {instant.format(state.closed_at)[:10]}")
    if signed is not None and signed.size > state.size:
        return Refusal("older_log", "the log is older than what was signed of it; restore a newer backup", False)
    return None


def unfamiliar(document: str) -> Refusal | None:
    """Why this release cannot read a document that another one could; None where it is not for that."""
    try:
        members = json.loads(document)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    version = members.get("v")
    if "sealed" in members or (type(version) is int and version > _VERSION):
        return Refusal("newer_version", "the document is of a newer version; update Indelible", False)
    action = members.get("action")
    if isinstance(action, str) and find(action) is None:
        return Refusal(
            "unknown_action",
            "the action is not in the catalogue here; update Indelible, or name the host's module in INDELIBLE_ACTIONS",
            False,
        )
    return None


def release(journal: Journal, source: Source) -> int:
    """Let those wait again that are held for now, and whose clinic and code are known by now; return how many."""
    released, behind = 0, FIRST
    while held := source.held(limit=_AT_ONCE, behind=behind):
        named = {one.waiting.clinic for one in held}
        clinics = {clinic.id: clinic for clinic, _ in journal.clinics(named)}
        can_be = {clinic: misplaced(journal, clinics.get(clinic)) is None for clinic in named}
        ready = [one.waiting for one in held if not one.final and can_be[one.waiting.clinic] and _ready(one.waiting)]
        if ready:
            source.release(ready)
        released += len(ready)
        behind = held[-1].waiting.place
    return released


def _ready(row: Waiting) -> bool:
    return row.erasure or unfamiliar(row.document) is None


def tell(log: ClinicLog, refusals: Sequence[Refusal]) -> None:
    """Append what is held of a clinic: one entry a reason and day, whatever comes behind it that day."""
    day = instant.format(log.clock())[:10]
    for word in sorted({refusal.word for refusal in refusals}):
        count = sum(refusal.word == word for refusal in refusals)
        context = LogHeld.model_validate({"reason": word, "documents": count})
        # Another context under the same key is a Conflict, which `append_own` returns.
        log.append_own(partial(own.drained, context=context, key=f"held:{word}:{day}"))
