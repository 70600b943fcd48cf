"""The log's own entries: what the log says of itself and of its clinic. No host records one of them; each is made here.

    renamed  moved            the clinic's name, its time zone: what it was stands in the entry, read under the head
    continued                 the first entry of a log that goes on where another one was lost
    viewed exported verified  who read the log, took it out, checked it
    letter_sent               that people were sent a letter about it
    held guard_missing        what draining a host's outbox has to say, once under a key of ours
    anonymized scrubbed       somebody was erased; what was sealed of them was removed
    keep_renewed closed       the keep was lost for good; the clinic's account ended

Each is given `At`: which clinic, in which state, when; that is known for sure only under the clinic's head.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..format import canonical, entry
from ..keep.authenticity import ERASES, RENEWED, said_erased, said_lost
from . import drafting
from .document import OWN_KEYS, Actor, Document, Person, Request, System, Target, as_actor, as_request
from .drafting import NOBODY, Draft, Named, Value

if TYPE_CHECKING:
    from ..catalogue import Action
    from ..catalogue.log import LogExported, LogLetterSent, LogVerified
    from ..stores.contract import Clinic, State

MENTIONED = "mentioned"


# Who asked for an erasure.
RequestedBy = Literal["client", "staff", "retention_rule"]


class At(NamedTuple):
    """Where and when an entry is made; `now` in microseconds."""

    clinic: Clinic
    state: State
    now: int

    @property
    def itself(self) -> Target:
        """The clinic as a target."""
        return Target("clinic", self.clinic.id, self.state.name)


# Makes an entry under the clinic's head.
Make = Callable[[At], Draft]


def _draft(
    at: At,
    context: Action,
    actor: Actor,
    *,
    target: Target | None = None,
    client: Person | None = None,
    people: Iterable[Person] = (),
    request: Request | None = None,
    occurred_at: int | None = None,
    key: str | None = None,
) -> Draft:
    """The draft of an entry about the log, or about the target that is given."""
    event = Document(
        action=context.code,
        context=context,
        actor=as_actor(actor),
        target=target or Target("log", at.clinic.id, at.state.name),
        client=client,
        people=tuple(people),
        request=as_request(request),
        occurred_at=occurred_at,
        key=key,
    )
    return drafting.draft(event, now=at.now, by_journal=True)


# The clinic


def renamed(at: At, name: str, actor: Actor, request: Request | None = None) -> Draft:
    from ..catalogue.settings import SettingsChanged

    change = {"field": "name", "old": at.state.name, "new": name}
    context = SettingsChanged.model_validate({"section": "clinic", "changes": [change]})
    return _draft(at, context, actor, target=Target("clinic", at.clinic.id, name), request=request)


def moved(at: At, zone: str, actor: Actor, request: Request | None = None) -> Draft:
    from ..catalogue.settings import ClinicTimeZoneChanged

    context = ClinicTimeZoneChanged.model_validate({"zone": {"old": at.state.zone, "new": zone}})
    return _draft(at, context, actor, target=at.itself, request=request)


def closed(at: At, entries: int, sha256: str, actor: Actor) -> Draft:
    """`entries` and `sha256` are those of the final bundle."""
    from ..catalogue.settings import ClinicClosed

    context = ClinicClosed(bundle_entries=entries, bundle_sha256=sha256)
    return _draft(at, context, actor, target=at.itself)


# The log


def continued(at: At, lost: Clinic, name: str, size: int, root: bytes) -> Draft:
    """`size` and `root` are those of the last head that was signed of the log of the clinic `lost`, called `name`."""
    from ..catalogue.log import LogContinued

    context = LogContinued(log_origin=lost.origin, size=size, root=b64encode(root).decode())
    return _draft(at, context, System("command:clinic-add"), target=Target("clinic", lost.id, name))


def viewed(at: At, filter: str | None, in_words: str, actor: Actor, request: Request | None = None) -> Draft:
    """A burst of reading, with the filter that it began with; it names no client."""
    from ..catalogue.log import LogViewed

    return _draft(at, LogViewed(filter=filter, filter_in_words=in_words), actor, request=request)


def exported(
    at: At, context: LogExported, clients: Iterable[str], actor: Actor, request: Request | None = None
) -> Draft:
    """An export; `clients` are the ids of those whom its filter names."""
    ids = tuple(clients)
    if len(ids) == 1:
        return _draft(at, context, actor, client=Person(ids[0]), request=request)
    return _draft(at, context, actor, people=(Person(one, role=MENTIONED) for one in ids), request=request)


def verified(at: At, context: LogVerified, actor: Actor, request: Request | None = None) -> Draft:
    return _draft(at, context, actor, request=request)


def letter_sent(at: At, context: LogLetterSent, key: str) -> Draft:
    """That people were sent a letter: once under a key of ours."""
    return _draft(at, context, System("job:letter"), key=f"{OWN_KEYS}{key}")


def drained(at: At, context: Action, key: str) -> Draft:
    """What draining has to say: once under a key of ours, whatever comes behind it."""
    return _draft(at, context, System("job:drain"), key=f"{OWN_KEYS}{key}")


# Secrets

# Stands in a draft for the person who is erased; append gets their token and never looks it up.
ERASED = Named("erased", "", None)


def anonymized(
    at: At,
    client_id: str,
    requested_by: RequestedBy,
    erasure: entry.Erasure,
    actor: Actor,
    request: Request,
    *,
    key: str | None = None,
    asked_at: int | None = None,
) -> Draft:
    """That a client was erased. It holds no value of the client, not even where the client is the actor."""
    from ..catalogue.clients import ClientAnonymized

    context = ClientAnonymized(requested_by=requested_by)
    themselves = actor.kind == "client" and actor.id == client_id
    principal = actor.on_behalf_of
    for_them = principal is not None and (principal.kind, principal.id) == ("client", client_id)
    # What an agent's request says would be the client's, for whom it acts.
    silent = themselves or (for_them and actor.kind == "agent")
    event = Document(
        action=context.code,
        context=context,
        actor=System("client:themselves") if themselves else replace(actor, on_behalf_of=None) if for_them else actor,
        request=Request(channel=request.channel) if silent else request,
        occurred_at=asked_at,
        key=key or f"anonymize-{secrets.token_hex(16)}",
    )
    draft = drafting.draft(event, now=at.now, by_journal=True)
    person = len(draft.persons)
    draft.stem["target"] = {"kind": "client", "person": person}
    draft.stem["erases"] = said_erased(erasure) | {"person": person}
    if themselves:
        draft.stem["actor"] = {"kind": "client", "person": person}
    if for_them:
        draft.stem["actor"]["on_behalf_of"] = {"kind": "client", "person": person}
    persons = (*draft.persons, ERASED) if NOBODY in draft.persons else (*draft.persons, ERASED, NOBODY)
    nobody = persons.index(NOBODY)
    # Nobody's, because it must never be erased itself.
    values = [one._replace(owner=nobody) if one.path == "key" else one for one in draft.values]
    return _sealed(
        replace(draft, persons=persons, values=tuple(sorted(values))),
        ERASES,
        said_erased(erasure),
    )


def scrubbed(at: At, erased_by: int, entries: int, identity_values: int, network_values: int) -> Draft:
    from ..catalogue.log import LogScrubbed

    context = LogScrubbed(
        erased_by=erased_by, entries=entries, identity_values=identity_values, network_values=network_values
    )
    return _draft(at, context, System("job:scrub"))


def keep_renewed(at: At) -> Draft:
    """That no value which was recorded so far can be opened any more."""
    from ..catalogue.log import LogKeepRenewed

    context = LogKeepRenewed(up_to_seq=at.state.size)
    key = f"keep-renewed-{secrets.token_hex(16)}"
    return _sealed(
        _draft(at, context, System("command:keep-renew"), key=key),
        RENEWED,
        said_lost(at.state.size),
    )


def _sealed(draft: Draft, path: str, said: dict[str, Any]) -> Draft:
    """The draft with a sealed value of nobody's, that only who has the clinic's keys can make."""
    value = Value(draft.persons.index(NOBODY), "identity", path, canonical.encode(said))
    return replace(draft, values=tuple(sorted((*draft.values, value))))
