"""What an export leaves in the log: the entry `log.exported`, recorded before the file is handed over.

A filter is recorded, because who took out whose entries is what people ask later. But no name or id of a client may
stay in it when the client is anonymized, so:

    one client named       the entry is about that client, who owns the recorded filter
    several clients        each stands in `people` as mentioned, and the filter has "mentioned" in the place of each id
    an id not known here   stands as "unknown": it may be that of a client who was anonymized, or is recorded later
    free words             are not recorded, only how many there were: a word may be a name
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import fields, replace

from . import drafting, query
from .append import Appended
from .catalogue.log import LogExported
from .document import Actor, Document, Person, Request, Target
from .journal import ClinicLog
from .query import Choice, Query
from .store import CheckpointRow

MENTIONED = "mentioned"
UNKNOWN = "unknown"
# Members of a choice that hold no ids.
_NO_IDS = frozenset({"kinds", "actions", "categories"})


def record_export(
    log: ClinicLog,
    wanted: Query,
    checkpoint: CheckpointRow | None,
    actor: Actor,
    *,
    format: str,
    profile: str,
    up_to: int | None = None,
    rows: int | None = None,
    files: dict[str, str] | None = None,
    request: Request | None = None,
) -> Appended:
    """Append `log.exported`. `up_to` bounds the rows by seq (default: the checkpoint's size)."""
    clients = sorted(set(_clients(log, wanted.wanted)) | set(_clients(log, wanted.unwanted)))
    shown = query.without_words(wanted)
    hidden = frozenset(clients) if len(clients) > 1 else frozenset[str]()
    shown = replace(shown, wanted=_recorded(log, shown.wanted, hidden), unwanted=_recorded(log, shown.unwanted, hidden))
    size = 0 if checkpoint is None else checkpoint.size
    exported = LogExported(
        up_to_seq=size if up_to is None else up_to,
        filter=query.format(shown) or None,
        filter_in_words=query.in_words(shown, log.info.zone),
        format=format,
        profile=profile,
        checkpoint_size=None if checkpoint is None else size,
        checkpoint_root=None if checkpoint is None else b64encode(checkpoint.root).decode(),
        free_words=len(wanted.words) + len(wanted.unwanted_words) or None,
        rows=rows,
        files=files,
    )
    event = Document(
        action=exported.code,
        context=exported,
        actor=actor,
        target=Target("log", log.info.id, log.info.name),
        client=Person(clients[0]) if len(clients) == 1 else None,
        people=tuple(Person(one, role=MENTIONED) for one in clients) if len(clients) > 1 else (),
        request=request or Request(),
    )
    drafted = drafting.draft(event, zone=log.info.zone, now=log.clock(), by_journal=True)
    result = log.append([drafted])[0]
    assert isinstance(result, Appended)  # noqa: S101 - a draft without a key cannot conflict
    return result


def without_clients(log: ClinicLog, wanted: Query) -> Query:
    """Return the filter as it can be shown to who is not to know whom it names: no client's id, and no free words."""
    hidden = frozenset((*_clients(log, wanted.wanted), *_clients(log, wanted.unwanted)))
    shown = query.without_words(wanted)
    return replace(shown, wanted=_recorded(log, shown.wanted, hidden), unwanted=_recorded(log, shown.unwanted, hidden))


def _clients(log: ClinicLog, choice: Choice) -> Iterator[str]:
    """Every id in a filter that is a client's."""
    selecting = log.selecting()
    for value in choice.clients | choice.actors | choice.targets | choice.abouts:
        bare = value.removeprefix("client/")
        if selecting.token("client", bare) is not None:
            yield bare


def _recorded(log: ClinicLog, choice: Choice, clients: frozenset[str]) -> Choice:
    """The choice without the ids of these clients, and without ids that the log does not know."""

    def shown(member: str, value: str) -> str:
        if value.removeprefix("client/") in clients:
            return MENTIONED
        return value if member in _NO_IDS or _occurs(log, member, value) else UNKNOWN

    return Choice(
        **{one.name: frozenset(shown(one.name, value) for value in getattr(choice, one.name)) for one in fields(choice)}
    )


def _occurs(log: ClinicLog, member: str, value: str) -> bool:
    wanted = Query(Choice(**{member: frozenset({value})}))
    return next(log.views(log.select(wanted), limit=1), None) is not None
