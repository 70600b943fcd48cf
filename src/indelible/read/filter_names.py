"""Whom a filter names, and what of it may be recorded, so that no client's name or id stays where it is recorded.

Who took out whose entries is what people ask later, so a filter is recorded with an export and a reading. But no name
or id of a client may stay in it when the client is anonymized. So a recorded filter holds, of what was asked for,
nothing but

    a word of a closed vocabulary     a kind of actor, an action, a category, a day
    a thing that the log holds        written out as kind/id, so that no client's id is meant by it; an operation
    an actor who is no client         staff, support, an integration, an agent
    the one client who owns it        the entry is about that client then, and the whole filter goes with the client
    "mentioned"                       for each of several clients, who stand in `people` as mentioned
    "unknown"                         for everything else: it may be the id of a client who was anonymized, or is
                                      recorded later, or a name

A value names a client under whatever key it stands, as it is or behind a `kind/`, and by a Stripe id that is the
client's. Free words are not recorded, only how many there were: a word may be a name. Days are recorded as
they are, not as "today", which is another day for who reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from ..errors import InvalidInput
from ..stores.contract import Reference, Selection
from . import query
from .query import Choice, Query
from .selecting import IN_CLEAR, NO_THINGS
from .session import Session
from .view import View

MENTIONED = "mentioned"
UNKNOWN = "unknown"
# Members of a choice whose values are from a closed vocabulary. Any other, also one that is new, may hold anything.
CLOSED = frozenset({"kinds", "actions", "categories"})
# Members of a query that hold no text of the reader's. What is not here is not recorded.
WITHOUT_TEXT = ("first", "last", "recorded", "late")
# Entries that are looked at for whose a Stripe id is: one of a client's leads to a handful.
_OWNERS = 50


@dataclass(frozen=True, slots=True)
class Recordable:
    """A filter as an entry of the log may hold it: its text and words (None for no filter), and the ids of the clients
    whom it names, who must stand in that entry: one as its client, several as mentioned."""

    text: str | None
    in_words: str
    clients: tuple[str, ...] = ()


def recordable(session: Session, wanted: Query) -> Recordable:
    """Return what may be recorded of a filter in an entry that says whom it names."""
    named = _Named(session, wanted)
    clients = sorted(named.clients)
    return _said(session, named.recorded(frozenset(clients) if len(clients) > 1 else frozenset()), clients)


def recordable_of_nobody(session: Session, wanted: Query) -> Recordable:
    """Return what may be recorded of a filter in an entry that names nobody."""
    return _said(session, without_clients(session, wanted), ())


def _said(session: Session, shown: Query, clients: Iterable[str]) -> Recordable:
    return Recordable(query.format(shown) or None, query.in_words(shown, session.zone), tuple(clients))


def without_clients(session: Session, wanted: Query) -> Query:
    """Return the filter as it can be shown to who is not to know whom it names: no client's id, and no free words."""
    named = _Named(session, wanted)
    return named.recorded(named.clients)


def keepable(session: Session, wanted: Query) -> Query | None:
    """Return the filter as it may be kept outside of the log, relative days and all; None where it names a client, or
    may name one: nothing that is kept there goes when the client is anonymized."""
    if wanted.words or wanted.unwanted_words:
        return None
    named = _Named(session, wanted)
    shown = named.recorded(frozenset())
    if named.clients or (UNKNOWN in _open_values(shown) and UNKNOWN not in _open_values(wanted)):
        return None
    return replace(shown, first=wanted.first, last=wanted.last)


def has_no_text(wanted: Query) -> bool:
    """Whether a filter holds nothing but words of closed vocabularies and days: no id, no name, no free word."""
    return not (wanted.words or wanted.unwanted_words or _open_values(wanted))


class _Named:
    """Whom a filter names, and what of it can be recorded."""

    def __init__(self, session: Session, wanted: Query) -> None:
        self._session, self._wanted = session, session.resolve(wanted)
        self._kinds = [kind for kind in session.kinds if kind not in NO_THINGS]
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
        if self._may_be_unseen(value):
            return [UNKNOWN]
        if clients:
            return [MENTIONED] if clients & hidden else [value]
        if member == "actors":
            is_known = any(self._is_person(realm, value) for realm in ("staff", "support")) or self._acts(value)
            return [value] if is_known else [UNKNOWN]
        if member == "operations":
            return [value] if self._holds("operation", value) else [UNKNOWN]
        if member in ("targets", "abouts", "onlys", "stripes"):
            return list(self._things(value)) or ([value] if self._is_nobodys(value) else [UNKNOWN])
        return [UNKNOWN]

    def _clients(self, value: str) -> frozenset[str]:
        """The ids of every client that a value can mean."""
        found = {reading for reading in _readings(value) if self._is_person("client", reading)}
        people = self._session.people(sorted(self._owners(value)))
        return frozenset(found | {person["id"] for person in people.values() if person["realm"] == "client"})

    def _may_be_unseen(self, value: str) -> bool:
        """Whether a value may be the id of a client of whom this session sees nothing, whatever else it means here: the
        entry does not name them, so their id would not go with them."""
        return any(
            self._session.has_person("client", reading) and not self._is_person("client", reading)
            for reading in _readings(value)
        )

    def _owners(self, stripe_id: str) -> set[bytes]:
        """The tokens of whom a Stripe id is about, also of who was anonymized."""
        reference = Reference("evidence", self._session.sealer.find_evidence(stripe_id))
        owners = set()
        for view in self._views(reference, _OWNERS):
            for group in view.members["personal"]:
                if group["class"] == "evidence" and any(view.values.get(path) == stripe_id for path in group["paths"]):
                    owners.add(bytes.fromhex(view.members["tokens"][group["owner"]]))
        return owners

    def _is_nobodys(self, stripe_id: str) -> bool:
        """Whether the log holds a Stripe id that is about no client: of a payout, of the clinic's own account."""
        owners = self._owners(stripe_id)
        known = self._session.people(sorted(owners)).keys()
        return bool(owners) and owners <= known | {self._session.clinic.nobody}

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
        return self._session.token(realm, host_id) is not None

    def _acts(self, host_id: str) -> bool:
        """Whether an integration or an agent of this id did something."""
        terms = tuple((kind, host_id.encode()) for kind in sorted(IN_CLEAR))
        acted = Selection(up_to=self._session.up_to, actors=terms)
        return next(self._session.views(acted, limit=1), None) is not None

    def _holds(self, kind: str, thing_id: str) -> bool:
        return next(self._views(Reference(kind, thing_id.encode()), 1), None) is not None

    def _views(self, reference: Reference, limit: int) -> Iterator[View]:
        return self._session.views(Selection(up_to=self._session.up_to, references=((reference,),)), limit=limit)


def _readings(value: str) -> set[str]:
    """The ids that a value can mean: itself, or what is behind its kind."""
    return {value, value.partition("/")[2]} - {""}


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
