"""What the drainer itself has to say in a clinic's log: once under a key of ours, whatever comes behind it."""

from __future__ import annotations

from .. import drafting
from ..catalogue import Action
from ..document import Document, System, Target
from ..journal import ClinicLog
from .waiting import OWN_KEYS


def say(log: ClinicLog, context: Action, key: str) -> None:
    """Append an entry about the log under a key of ours. Where one is there under it, that one stays."""
    event = Document(
        action=context.code,
        context=context,
        actor=System("job:drain"),
        target=Target("log", log.info.id, log.info.name),
        key=f"{OWN_KEYS}{key}",
    )
    # Another context under the same key is a Conflict, which `append` returns.
    log.append([drafting.draft(event, zone=log.info.zone, now=log.clock(), by_journal=True)])
