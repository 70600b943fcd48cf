"""What the log asks of a database engine, and the rows that go between them.

A store keeps bytes and finds them again; it knows nothing of keys, the catalogue, proofs, or what an action means.
`indelible.testing` runs this contract against every engine. Three roles:

- `Appending` writes: it holds the clinic's head from the first statement to the end, so that one writer at a time
  numbers entries; it commits when the block ends, and rolls back when the block raises. It reads what it has written.
- `Rows` reads one clinic, in short statements and outside of any transaction: what must agree is bounded by a number
  (`up_to`), because entries, links and tiles up to a number never change.
- `Store` itself keeps house: clinics, keys, the databases that are drained, defects.

Rows of `entry`, `tile` and `checkpoint` cannot be changed, replaced or deleted, by the database's own refusal; but for
what is sealed of an entry, which may become less. Of an entry there is one link to a (kind, ref) at the most, whatever
the part: whoever writes sees to it, and counting rests on it. Pages come in the order (occurred_at, seq) descending.
Every failure of the engine is a StorageFailure, with nothing of the failed block kept; a clinic that is not there is
NotFound. Any thread may call anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

# An entry that the log took later than this after it happened is late, in microseconds. A host's outbox is drained and
# a webhook is repeated within minutes; an hour later somebody entered it afterwards, or something stood still. The
# engines' indexes hold this number.
LATE_AFTER = 3_600_000_000


# More than any number of an entry: the bound where none is meant.
EVERY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Clinic:
    """Who a clinic is: what never changes of it. `nobody` is the 16-byte token that owns values of no person."""

    id: str
    origin: str
    vkey: str
    nobody: bytes


@dataclass(frozen=True, slots=True)
class Installation:
    """The database's own row: the first part of log origins, and which master key it was made with."""

    name: str
    master_key: str


class State(NamedTuple):
    """What changes of a clinic, at one moment: its settings, and the committed, unsigned head of its tree.

    `zone` is an IANA name, `closed_at` an instant, None while the clinic is open. `recorded_at` is that of the last
    entry.
    """

    name: str
    zone: str
    closed_at: int | None
    size: int
    frontier: bytes
    root: bytes
    recorded_at: int


class EntryRow(NamedTuple):
    seq: int
    id: bytes
    occurred_at: int
    recorded_at: int
    action: str
    actor_kind: str
    actor: bytes | None
    amount_minor: int | None
    currency: str | None
    body: bytes
    sealed: bytes


class TileRow(NamedTuple):
    """256 hashes of the tree, and their root: `proof/tiles.py`."""

    level: int
    number: int
    root: bytes
    hashes: bytes


class LinkRow(NamedTuple):
    kind: str
    ref: bytes
    as_target: bool
    occurred_at: int
    seq: int


class PersonRow(NamedTuple):
    """Somebody whom the log knows. `erased_by` is the seq of the entry that accounts for it where they were erased,
    `scrubbed_by` that of the one which says that what was sealed of them is removed."""

    token: bytes
    sealed: bytes
    erased_by: int | None = None
    scrubbed_by: int | None = None


class KeyRow(NamedTuple):
    kind: str
    number: int
    wrapped: bytes


class CheckpointRow(NamedTuple):
    size: int
    root: bytes
    frontier: bytes
    note: bytes
    signed_at: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written at once; what is not named stays as it is.

    `persons` are new or changed rows, by token. `sealed` pairs a seq with what is left of its sealed values, less than
    what is there. `keys` pairs an idempotency key with a seq. Of `checkpoints` those are written whose size has none
    yet: two processes may both finish one. With `drop_keys` the clinic's own keys go; copies of the database have them
    still, wrapped.
    """

    entries: Sequence[EntryRow] = ()
    tiles: Sequence[TileRow] = ()
    links: Sequence[LinkRow] = ()
    persons: Sequence[PersonRow] = ()
    keys: Sequence[tuple[bytes, int]] = ()
    sealed: Sequence[tuple[int, bytes]] = ()
    checkpoints: Sequence[CheckpointRow] = ()
    state: State | None = None
    drop_keys: bool = False


class SourceRow(NamedTuple):
    """A host's database that the log is drained from: which one it is, and the highest place that was seen in it."""

    outbox: str
    database: str
    xid: int


# An actor of a selection: its kind, and its reference, or None for everybody of that kind.
ActorTerm = tuple[str, bytes | None]


class Reference(NamedTuple):
    """Something that entries refer to, as links have it; with `as_target` None in whatever part."""

    kind: str
    ref: bytes
    as_target: bool | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter in the store's own terms. None means no condition; an empty tuple matches nothing.

    `intervals` are half-open ranges of microseconds, None for an open end. `from_seq` and `up_to` bound seq, both
    inclusive, and so does each of `seqs`, of which one must hold a seq; with `only` no other seq is meant.
    With `late` an entry was recorded more than LATE_AFTER after it occurred. Of each group of `references` an entry has
    at least one; of `not_references` it has none.
    """

    up_to: int
    intervals: tuple[tuple[int | None, int | None], ...] | None = None
    actors: tuple[ActorTerm, ...] | None = None
    actions: tuple[str, ...] | None = None
    not_actors: tuple[ActorTerm, ...] = ()
    not_actions: tuple[str, ...] = ()
    references: tuple[tuple[Reference, ...], ...] = ()
    not_references: tuple[Reference, ...] = ()
    from_seq: int = 1
    only: int | None = None
    seqs: tuple[tuple[int, int], ...] | None = None
    late: bool = False


class AmountTally(NamedTuple):
    """How many entries of an action have an amount in a currency, and its sum in minor units, exact."""

    action: str
    currency: str | None
    entries: int
    amount_minor: int


class Occurring(NamedTuple):
    """The actions and the kinds of links that occur, and up to so many actors of each kind, each sorted."""

    actions: Sequence[str]
    kinds: Sequence[str]
    actors: Sequence[tuple[str, bytes]]


class Before(NamedTuple):
    """A question: has an entry with a lower number, that did not occur later, a link of a kind whose ref begins so?"""

    kind: str
    seq: int
    occurred_at: int
    prefix: bytes


class Moment(NamedTuple):
    """When an entry occurred, and who its actor is."""

    occurred_at: int
    seq: int
    actor_kind: str
    actor: bytes | None


class Known(NamedTuple):
    """A reference of links of a kind that are in no target: its first entry, when its last one occurred, and how many
    it has, counted up to a limit."""

    kind: str
    ref: bytes
    first_at: int
    first_seq: int
    last_at: int
    entries: int


class Defect(NamedTuple):
    """What is wrong with a database around its rows: a guard against change is gone (its name), a definition is not
    ours, or the file contradicts itself."""

    kind: Literal["guard", "definition", "file"]
    text: str


class Rows(Protocol):
    """The rows of one clinic. What is yielded is read in steps, so an iterator holds nothing open between them."""

    def state(self) -> State: ...
    def page(self, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[EntryRow]: ...
    def moments(self, selection: Selection, limit: int) -> Sequence[Moment]:
        """When the first entries of a selection occurred, newest first, without reading what else is in them."""
        ...

    def counts(self, selection: Selection, edges: Sequence[int]) -> Sequence[int]:
        """How many entries of a selection occurred from each edge to before the next one: one number less than edges.

        `edges` are microseconds in ascending order; two may be equal.
        """
        ...

    def amounts(self, selection: Selection) -> Sequence[AmountTally]:
        """The amounts of a selection by action and currency, for those that occur, in the order of their names."""
        ...

    def amounts_between(self, selection: Selection, edges: Sequence[int]) -> Sequence[Sequence[AmountTally]]:
        """The amounts from each edge to before the next one, each as `amounts` has them; edges are as for `counts`."""
        ...

    def entries(self, after: int, up_to: int) -> Iterator[EntryRow]:
        """The entries with after < seq <= up_to that are there, in order of seq."""
        ...

    def seqs(self, of: Literal["id", "key"], values: Sequence[bytes]) -> Mapping[bytes, int]:
        """The entries that have these ids, or that these idempotency keys lead to; nothing for what is unknown."""
        ...

    def first_recorded(self, instant: int, up_to: int) -> int:
        """The first seq whose `recorded_at` is `instant` or later, among those up to a bound; else the one behind it.

        `recorded_at` never decreases from one seq to the next.
        """
        ...

    def persons(self, which: Sequence[bytes] | Literal["all", "unscrubbed"]) -> Iterator[PersonRow]:
        """The rows of these tokens, of everybody, or of who was erased and has sealed values left; by token."""
        ...

    def occurring(self, actors: int = 0) -> Occurring: ...
    def linked(self, asked: Sequence[Before]) -> Sequence[bool]:
        """The answers, in the order of the questions. Of all links whose ref begins so few are."""
        ...

    def known(self, asked: Sequence[tuple[str, bytes]], up_to: int, *, each: int, counted: int) -> Sequence[Known]:
        """For each (kind, prefix) up to `each` references that begin so, in their order, of entries up to `up_to`;
        of each of them no more than `counted` entries are counted. It costs a few seeks for each reference."""
        ...

    def tiles(self, level: int | None = None, begin: int = 0, end: int | None = None) -> Iterator[TileRow]:
        """Every tile by level and number; or those of a level from `begin` on, to before `end`."""
        ...

    def tile_roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        """The roots of the tiles `begin` to `end` - 1 of a level, those that are there, in order."""
        ...

    def links(self, after: int, up_to: int) -> Iterator[LinkRow]:
        """The links of these entries in order of seq. For verification: it may cost one look at every link there is,
        so that one call for all is better than many for some."""
        ...

    def used_keys(self, after: int, up_to: int) -> Iterator[tuple[bytes, int]]:
        """The idempotency keys of these entries, in order of seq; it may cost one look at every key there is."""
        ...

    def checkpoints(self, last: int | None = None, up_to: int | None = None) -> Iterator[CheckpointRow]:
        """All of them, or the last so many, in order of size; with `up_to` the last of those of at most so many
        entries."""
        ...


class Appending(Rows, Protocol):
    """An open transaction that holds a clinic's head. `at_once` is how many entries it is best given in a batch."""

    at_once: int

    def write(self, batch: Batch) -> None: ...


class Store(Protocol):
    """One open database."""

    installation: Installation

    def clinics(self, only: Collection[str] | None = None) -> Sequence[tuple[Clinic, State]]:
        """Every clinic by id, or those of some ids that are there; then it costs what these cost, however many others
        there are."""
        ...

    def add_clinic(self, clinic: Clinic, state: State, keys: Sequence[KeyRow]) -> None: ...
    def keys(self, clinic_id: str) -> Sequence[KeyRow]: ...
    def rows(self, clinic_id: str) -> Rows:
        """The rows of a clinic; asks nothing, not even whether it is there."""
        ...

    def appending(self, clinic_id: str) -> AbstractContextManager[Appending]: ...
    def sources(self) -> Sequence[SourceRow]:
        """The databases that this log is drained from, by their outbox."""
        ...

    def keep_source(self, row: SourceRow) -> None:
        """Remember a database in the place of what was known of its outbox; of the same one `xid` never goes back."""
        ...

    def defects(self) -> Iterator[Defect]:
        """Guards first, then definitions, both cheap; then what is found by reading the whole file."""
        ...

    def close(self) -> None: ...
