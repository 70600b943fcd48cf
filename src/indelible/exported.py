"""What an export leaves in the log: the entry `log.exported`, recorded before the file is handed over.

A filter is recorded, because who took out whose entries is what people ask later. But no name or id of a client may
stay in it when the client is anonymized. So a recorded filter holds, of what was asked for, nothing but

    a word of a closed vocabulary     a kind of actor, an action, a category, a day
    a thing that the log holds        written out as kind/id, so that no client's id is meant by it; an operation
    an actor who is no client         staff, support, an integration, an agent
    the one client who owns it        the entry is about that client then, and the whole filter goes with the client
    "mentioned"                       for each of several clients, who stand in `people` as mentioned
    "unknown"                         for everything else: it may be the id of a client who was anonymized, or is
                                      recorded later, or a name

A value names a client under whatever key it stands, as it is or behind a `kind/`, and by a Stripe id that is the
client's. Free words are not recorded, only how many there were: a word may be a name.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields

from . import drafting, query
from .append import Appended
from .catalogue.log import LogExported
from .document import Actor, Document, Person, Request, Target
from .errors import InvalidInput
from .journal import ClinicLog
from .personal import Unreadable
from .query import Choice, Query
from .selecting import IN_CLEAR, NO_THINGS
from .store import CheckpointRow, Reference, Selection
from .view import View

MENTIONED = "mentioned"
UNKNOWN = "unknown"
# Members of a choice whose values are from a closed vocabulary. Any other, also one that is new, may hold anything.
CLOSED = frozenset({"kinds", "actions", "categories"})
# Members of a query that hold no text of the reader's. What is not here is not recorded.
WITHOUT_TEXT = ("first", "last", "recorded", "late")
# Entries that are looked at for whose a Stripe id is: one of a client's leads to a handful.
_OWNERS = 50


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
    named = _Named(log, wanted)
    clients = sorted(named.clients)
    shown = named.recorded(frozenset(clients) if len(clients) > 1 else frozenset())
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
    named = _Named(log, wanted)
    return named.recorded(named.clients)


class _Named:
    """Whom a filter names, and what of it can be recorded."""

    def __init__(self, log: ClinicLog, wanted: Query) -> None:
        self._log, self._wanted, self._selecting = log, wanted, log.selecting()
        self._kinds = [kind for kind in log.store.kinds(log.info.id) if kind not in NO_THINGS]
        self._by_value = {value: self._clients(value) for value in _open_values(wanted)}
        self.clients = frozenset[str]().union(*self._by_value.values())

    def recorded(self, hidden: frozenset[str]) -> Query:
        """The filter without what may not be recorded, and with MENTIONED for the clients who are hidden."""
        plain = {name: getattr(self._wanted, name) for name in WITHOUT_TEXT}
        try:
            return Query(
                self._choice(self._wanted.wanted, hidden), self._choice(self._wanted.unwanted, hidden), **plain
            )
        except InvalidInput:  # written out, its things are too many or too long for a filter
            return Query(_closed(self._wanted.wanted), _closed(self._wanted.unwanted), **plain)

    def _choice(self, choice: Choice, hidden: frozenset[str]) -> Choice:
        members = {}
        for one in fields(choice):
            values: frozenset[str] = getattr(choice, one.name)
            if one.name not in CLOSED:
                values = frozenset(shown for value in values for shown in self._shown(one.name, value, hidden))
            members[one.name] = values
        return Choice(**members)

    def _shown(self, member: str, value: str, hidden: frozenset[str]) -> Iterable[str]:
        clients = self._by_value[value]
        if clients:
            return [MENTIONED] if clients & hidden else [value]
        if member == "actors":
            is_known = any(self._is_person(realm, value) for realm in ("staff", "support")) or self._acts(value)
            return [value] if is_known else [UNKNOWN]
        if member == "operations":
            return [value] if self._holds("operation", value) else [UNKNOWN]
        if member in ("targets", "abouts", "stripes"):
            return list(self._things(value)) or ([value] if self._is_nobodys(value) else [UNKNOWN])
        return [UNKNOWN]

    def _clients(self, value: str) -> frozenset[str]:
        """The ids of every client that a value can mean."""
        readings = {value, value.partition("/")[2]} - {""}
        found = {reading for reading in readings if self._is_person("client", reading)}
        for token in self._owners(value):
            for row in self._log.store.persons(self._log.info.id, [token]):
                with suppress(Unreadable):  # verify reports the damaged row
                    person = self._log.sealer.open_person(token, row.sealed)
                    found |= {person["id"]} if person["realm"] == "client" else set()
        return frozenset(found)

    def _owners(self, stripe_id: str) -> set[bytes]:
        """The tokens of whom a Stripe id is about, also of who was anonymized."""
        reference = Reference("evidence", self._log.sealer.find_evidence(stripe_id))
        owners = set()
        for view in self._views(reference, _OWNERS):
            for group in view.members["personal"]:
                if group["class"] == "evidence" and any(view.values.get(path) == stripe_id for path in group["paths"]):
                    owners.add(bytes.fromhex(view.members["tokens"][group["owner"]]))
        return owners

    def _is_nobodys(self, stripe_id: str) -> bool:
        """Whether the log holds a Stripe id that is about no client: of a payout, of the clinic's own account."""
        owners = self._owners(stripe_id)
        rows = self._log.store.persons(self._log.info.id, sorted(owners))
        known = {row.token for row in rows if row.erased_by is None}
        return bool(owners) and owners <= known | {self._log.info.nobody}

    def _things(self, value: str) -> Iterator[str]:
        """What a value means that the log has in clear, and members of staff and of support, each as kind/id."""
        kind, _, bare = value.partition("/")
        for known in self._kinds:
            if known == kind and bare and self._holds(kind, bare):
                yield value
            elif self._holds(known, value):
                yield f"{known}/{value}"
        for realm in ("staff", "support"):
            if kind == realm and bare and self._is_person(realm, bare):
                yield value
            elif self._is_person(realm, value):
                yield f"{realm}/{value}"

    def _is_person(self, realm: str, host_id: str) -> bool:
        return self._selecting.token(realm, host_id) is not None

    def _acts(self, host_id: str) -> bool:
        """Whether an integration or an agent of this id did something."""
        terms = tuple((kind, host_id.encode()) for kind in sorted(IN_CLEAR))
        acted = Selection(up_to=self._log.size, actors=terms)
        return next(self._log.views(acted, limit=1), None) is not None

    def _holds(self, kind: str, thing_id: str) -> bool:
        return next(self._views(Reference(kind, thing_id.encode()), 1), None) is not None

    def _views(self, reference: Reference, limit: int) -> Iterator[View]:
        return self._log.views(Selection(up_to=self._log.size, references=((reference,),)), limit=limit)


def _open_values(wanted: Query) -> set[str]:
    """Every value of a filter that is not from a closed vocabulary, whatever its key."""
    return {
        value
        for choice in (wanted.wanted, wanted.unwanted)
        for one in fields(choice)
        if one.name not in CLOSED
        for value in getattr(choice, one.name)
    }


def _closed(choice: Choice) -> Choice:
    """A choice with UNKNOWN for every value that is not from a closed vocabulary."""
    members: dict[str, frozenset[str]] = {one.name: getattr(choice, one.name) for one in fields(choice)}
    return Choice(
        **{name: values if name in CLOSED or not values else frozenset({UNKNOWN}) for name, values in members.items()}
    )
