"""The story of one thing or person: all that happened to it, across categories, oldest first.

An entry belongs to the story of a subject for one of these reasons, the first that holds:

    itself       it refers to the subject: as target, client, actor, or in its context
    payment      it is about a charge, refund or invoice that an entry of the subject's is about, such as a refund that
                 Stripe reported without saying which booking it was for
    together     it was recorded in the same operation, the same click, as an entry of the subject's
    merged       it refers to a record that was merged with the subject, a client: the same person (`merging.py`)

The subject is `kind/id` (booking/bk_99812, voucher/v_7, service/srv_1, client/cli_77, staff/usr_12), or an id alone
where one kind uses it. A client's payments and operations are the client's own entries, so only bookings, vouchers and
other things look for payments and clicks, and only clients for merged records.

An `Outline` is a story that nobody opened yet: which entries it has and why, so that a page of a long one opens its own
entries alone. One of more than STORY_LIMIT goes on behind its `older`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import orjson

from ..errors import NotFound
from ..format import entry, instant
from ..record.document import is_plain_text
from ..stores.contract import EntryRow, Reference, Selection
from . import answer
from .merging import merged_with
from .selecting import about
from .session import Cursor, Session
from .view import View

Why = Literal["itself", "payment", "together", "merged"]

# What a story shows at most. A longer one is a list: `client:ID` pages through it.
STORY_LIMIT = 2_000
# What more entries refer to is a service, say, whose bookings' payments and clicks are no part of its story: then only
# those of what was done to it are looked for.
LINKED_LIMIT = 200
# Entries of which an answer is made, of a story that is longer than that: the newest tell what holds.
DECIDING_LIMIT = 100
# Kinds of things that belong to one booking or sale, so that what happens to them happens to it.
_PAYMENTS = frozenset({"charge", "refund", "invoice", "dispute"})
_NOTHING = (
    "no entry is about this; give its kind and id, such as booking/bk_99812 or client/cli_77. A client who was "
    "anonymized is not found by id any more"
)
# Half a character, as a command line makes of a byte that is no text. No id has one.
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of a story, and why it belongs to it."""

    view: View
    why: Why


@dataclass(frozen=True, slots=True)
class Story:
    """Entries in order of time. `whole` is false where there are more than STORY_LIMIT; these are then the newest."""

    subject: str
    entries: tuple[Told, ...]
    whole: bool


class Line(NamedTuple):
    """One entry of an outline, unopened."""

    row: EntryRow
    why: Why

    @property
    def place(self) -> tuple[int, int]:
        return self.row.occurred_at, self.row.seq


@dataclass(frozen=True)
class Outline:
    """The entries of a story in order of time: the newest STORY_LIMIT, or those behind a cursor. `older` is where what
    is older goes on; None where these lead back to the beginning. `whole` is whether these are all that it has. `own`
    refers to the subject, and to records that were merged with it."""

    session: Session
    subject: str
    lines: Sequence[Line]
    own: tuple[Reference, ...]
    older: Cursor | None
    newest: bool
    whole: bool

    def open(self, lines: Iterable[Line]) -> tuple[Told, ...]:
        kept = list(lines)
        return tuple(
            Told(view, line.why)
            for view, line in zip(self.session.open([one.row for one in kept]), kept, strict=True)
        )  # fmt: skip

    @cached_property
    def people(self) -> frozenset[bytes]:
        """The tokens of the subject, where it is a person."""
        return frozenset(one.ref for one in self.own if one.kind == "person")


def story(session: Session, subject: str) -> Story:
    """Return the story of `kind/id` or of an id. Raises NotFound where no entry refers to it."""
    found = outline(session, subject)
    return Story(subject, found.open(found.lines), found.whole)


def outline(session: Session, subject: str, after: Cursor | None = None) -> Outline:
    """Return which entries the story of `kind/id` or of an id has; with `after` those behind a place. Raises NotFound
    where no entry refers to it."""
    if not is_plain_text(subject) or _HALF.search(subject):
        raise NotFound(_NOTHING)
    references = tuple(about(session, subject))
    own = _read(session, references, after)
    if not own:
        raise NotFound(_NOTHING)
    cut = len(own) > STORY_LIMIT
    found = {row.seq: Line(row, "itself") for row in own[:STORY_LIMIT]}
    # An entry belongs to one stretch of a long story: what is older than this one comes with the next.
    least = own[STORY_LIMIT - 1].occurred_at if cut else instant.EARLIEST
    if not _is_person(own, references):
        near = own if len(own) <= LINKED_LIMIT else _done_to(session, references, after)
        linked = set().union(*map(_links, near))
        _add(found, session, _of_kinds(linked, _PAYMENTS), "payment", after, least)
        _add(found, session, _of_kinds(linked, frozenset({"operation"})), "together", after, least)
    others: tuple[Reference, ...] = ()
    if client := _client(session, subject):
        others = tuple(one for other in merged_with(session, client) for one in about(session, f"client/{other}"))
        _add(found, session, others, "merged", after, least)
    lines = sorted(found.values(), key=lambda line: line.place)
    cut = cut or len(lines) > STORY_LIMIT
    lines = lines[-STORY_LIMIT:]
    goes_on = any((row.occurred_at, row.seq) < lines[0].place for row in own)
    older = Cursor(*lines[0].place, session.up_to) if goes_on else None
    return Outline(session, subject, lines, references + others, older, after is None, after is None and not cut)


def known(found: Outline, kind: str) -> answer.Known:
    """Return what an answer is made of: of the whole story, as far as that can be said cheaply."""
    deciding = answer.DECIDING.get(kind)
    if deciding is None:
        views = [one.view for one in found.open(_last(found))] if found.newest else []
    else:
        views = _deciding(found, deciding)
    if not found.people:
        return answer.Known(views)
    first = found.open(found.lines[:1])[0].view if found.whole else None
    acts = [line for line in found.lines if line.row.actor in found.people] if found.newest else []
    last = found.open(acts[-1:])[0].view if acts else None
    return answer.Known(views, first, last, _counts(found, answer.COUNTED.get(kind, ())))


def _last(found: Outline) -> Sequence[Line]:
    """The newest entry that was done to the subject, or else that refers to it."""
    itself = [line for line in found.lines if line.why == "itself"]
    targets = {(one.kind, one.ref, True) for one in found.own}
    done = (line for line in reversed(itself) if targets & entry.links(orjson.loads(line.row.body)))
    return [line] if (line := next(done, None)) is not None else itself[-1:]


def _deciding(found: Outline, actions: Collection[str]) -> list[View]:
    if found.whole:
        return [one.view for one in found.open(line for line in found.lines if line.row.action in actions)]
    targets = tuple(Reference(one.kind, one.ref, as_target=True) for one in found.own)
    selection = Selection(up_to=found.session.up_to, actions=tuple(sorted(actions)), references=(targets,))
    return list(found.session.views(selection, limit=DECIDING_LIMIT))[::-1]


def _counts(found: Outline, actions: Collection[str]) -> Mapping[str, int]:
    """How often each action is in a person's story, as the client concerned where the story is whole."""
    if found.whole:
        counted = dict.fromkeys(actions, 0)
        for line in found.lines:
            if line.row.action in counted and _concerns(orjson.loads(line.row.body), found.people):
                counted[line.row.action] += 1
        return counted
    edges = (instant.EARLIEST, instant.LATEST + 1)
    selections = {one: Selection(up_to=found.session.up_to, actions=(one,), references=(found.own,)) for one in actions}
    return {one: found.session.counts(selection, edges)[0] for one, selection in selections.items()}


def _concerns(members: Mapping[str, Any], tokens: Collection[bytes]) -> bool:
    """Whether one of some persons is the client of an entry, and not only mentioned."""
    actor = members["actor"]
    holder = members.get("client") or actor.get("on_behalf_of") or actor
    return "person" in holder and bytes.fromhex(members["tokens"][holder["person"]]) in tokens


def _client(session: Session, subject: str) -> str:
    """The id of the client that `client/id` or an id means; empty where it means none."""
    readings = (subject.removeprefix("client/"), subject)
    return next((one for one in readings if session.token("client", one) is not None), "")


def _read(session: Session, references: Iterable[Reference], after: Cursor | None) -> Sequence[EntryRow]:
    """The newest rows that refer to something, newest first: one more than STORY_LIMIT, where there are more."""
    group = tuple(references)
    if not group:
        return ()
    up_to = session.up_to if after is None else after.up_to
    place = None if after is None else (after.occurred_at, after.seq)
    return session.stored(Selection(up_to=up_to, references=(group,)), place, STORY_LIMIT + 1)


def _done_to(session: Session, references: Iterable[Reference], after: Cursor | None) -> Sequence[EntryRow]:
    """The newest rows whose target the subject is."""
    return _read(session, (one._replace(as_target=True) for one in references), after)[:LINKED_LIMIT]


def _add(
    found: dict[int, Line],
    session: Session,
    references: Iterable[Reference],
    why: Why,
    after: Cursor | None,
    least: int,
) -> None:
    for row in _read(session, references, after):
        if row.occurred_at >= least:
            found.setdefault(row.seq, Line(row, why))


def _is_person(rows: Iterable[EntryRow], references: Sequence[Reference]) -> bool:
    """Whether an entry refers to the subject as to a person: an id alone may mean a person and a thing."""
    people = {(one.kind, one.ref) for one in references if one.kind == "person"}
    if not people or len(people) == len(references):
        return bool(people)
    return any(not people.isdisjoint(_links(row)) for row in rows)


def _links(row: EntryRow) -> set[tuple[str, bytes]]:
    return {(kind, ref) for kind, ref, _ in entry.links(orjson.loads(row.body))}


def _of_kinds(links: Iterable[tuple[str, bytes]], kinds: Collection[str]) -> Iterator[Reference]:
    return (Reference(kind, ref) for kind, ref in sorted(links) if kind in kinds)
