"""What the journal asks of a database engine, and the rows that go between them.

A store keeps bytes and finds them again; it knows nothing of keys, the catalogue or proofs. The contract, which
`indelible.testing` runs against every engine:

- `appending(clinic_id)` is the only way to write entries. It holds the clinic's head from the first statement to the
  end, so that one writer at a time numbers entries; it commits when the block ends, and rolls back when the block
  raises.
- Rows of `entry`, `tile` and `checkpoint` cannot be changed, replaced or deleted, by the database's own refusal; but
  for what is sealed of an entry, which may become less.
- Of an entry there is one link to a (kind, ref) at the most, whatever the part: whoever writes sees to it, and
  counting rests on it.
- Pages come in the order (occurred_at, seq) descending.
- Every failure of the engine is raised as StorageFailure, with nothing of the failed block kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

# An entry that the log took later than this after it happened is late, in microseconds. A host's outbox is drained and
# a webhook is repeated within minutes; an hour later somebody entered it afterwards, or something stood still. The
# engines' indexes hold this number.
LATE_AFTER = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Clinic:
    """One clinic's row. `nobody` is the 16-byte token that owns values which concern no person; `closed_at` an instant,
    None while the clinic is open."""

    id: str
    name: str
    zone: str
    origin: str
    vkey: str
    nobody: bytes
    closed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """The database's own row: the first part of log origins, and which master key it was made with."""

    name: str
    master_key: str


class Head(NamedTuple):
    """The committed, unsigned state of a clinic's tree. `recorded_at` is that of the last entry."""

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
    """256 hashes of the tree, and their root: `tiles.py`."""

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
    """Everything that one append writes, and the head that it leads to. `keys` pairs an idempotency key with a seq."""

    entries: Sequence[EntryRow]
    tiles: Sequence[TileRow]
    links: Sequence[LinkRow]
    persons: Sequence[PersonRow]
    renamed: Sequence[PersonRow]
    keys: Sequence[tuple[bytes, int]]
    head: Head


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


class Found(NamedTuple):
    """One entry of a page, as it is needed to be read."""

    seq: int
    occurred_at: int
    body: bytes
    sealed: bytes


class AmountTally(NamedTuple):
    """How many entries of an action have an amount in a currency, and its sum in minor units, exact."""

    action: str
    currency: str | None
    entries: int
    amount_minor: int


class Appending(Protocol):
    """An open transaction that holds a clinic's head. `zone` is the clinic's IANA zone at this moment."""

    head: Head
    zone: str

    def persons(self, tokens: Sequence[bytes]) -> Mapping[bytes, PersonRow]:
        """The rows of these people by token, also of who was erased."""
        ...

    def newest_erasure(self) -> int | None:
        """The occurred_at of the newest entry that erases somebody."""
        ...

    def seqs_of_keys(self, keys: Sequence[bytes]) -> Mapping[bytes, int]: ...
    def one(self, seq: int) -> Found: ...
    def bodies(self, after: int, up_to: int) -> Sequence[bytes]:
        """The bodies of the entries with after < seq <= up_to, in order; they are few."""
        ...

    def tile_roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        """The roots of the tiles `begin` to `end` - 1 of a level, those that are there, in order."""
        ...

    def scrub(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Put what is left of the sealed values of some entries, by seq, in the place of what is there; it is less."""
        ...

    def mark_erased(self, token: bytes, by: int) -> None:
        """Note in a person's row which entry accounts for their erasure."""
        ...

    def mark_scrubbed(self, token: bytes, by: int) -> None: ...
    def set_name(self, name: str, *, was: str | None = None) -> None:
        """Set the clinic's name. Raises Conflict where it is not `was` any more, for whoever rests on that."""
        ...

    def set_zone(self, zone: str, *, was: str | None = None) -> None:
        """The same for its zone."""
        ...

    def close(self, now: int) -> None: ...
    def write(self, batch: Batch) -> None: ...


class Store(Protocol):
    """One open database."""

    def installation(self) -> Installation: ...
    def add_clinic(self, clinic: Clinic, keys: Sequence[KeyRow], now: int) -> None: ...
    def delete_keys(self, clinic_id: str) -> None: ...
    def clinics(self) -> Sequence[Clinic]: ...
    def sources(self) -> Sequence[SourceRow]:
        """The databases that this log is drained from, by their outbox."""
        ...

    def keep_source(self, row: SourceRow) -> None:
        """Remember a database as it is now, in the place of what was known of the same outbox."""
        ...

    def advance_source(self, outbox: str, xid: int) -> None:
        """Remember that a place was seen. What is remembered never goes back."""
        ...

    def zone(self, clinic_id: str) -> str: ...
    def keys(self, clinic_id: str) -> Sequence[KeyRow]: ...
    def head(self, clinic_id: str) -> Head: ...
    def appending(self, clinic_id: str) -> AbstractContextManager[Appending]: ...
    def page(
        self, clinic_id: str, selection: Selection, before: tuple[int, int] | None, limit: int
    ) -> Sequence[Found]: ...
    def counts(self, clinic_id: str, selection: Selection, edges: Sequence[int]) -> Sequence[int]:
        """How many entries of a selection occurred from each edge to before the next one: one number less than edges.

        `edges` are microseconds in ascending order; two may be equal.
        """
        ...

    def amounts(self, clinic_id: str, selection: Selection) -> Sequence[AmountTally]:
        """The amounts of a selection by action and currency, for those that occur, in the order of their names."""
        ...

    def one(self, clinic_id: str, seq: int) -> Found: ...
    def find(self, clinic_id: str, entry_id: bytes) -> int | None: ...
    def first_recorded(self, clinic_id: str, instant: int, up_to: int) -> int:
        """The first seq whose `recorded_at` is `instant` or later, among those up to a bound; else the one behind it.

        `recorded_at` never decreases from one seq to the next.
        """
        ...

    def persons(self, clinic_id: str, tokens: Sequence[bytes]) -> Sequence[PersonRow]:
        """The rows of these people, also of who was erased; nothing for a token that is nobody's here."""
        ...

    def unscrubbed(self, clinic_id: str) -> Sequence[PersonRow]:
        """Who was erased and has sealed values left, that nobody can open."""
        ...

    def seqs_of(self, clinic_id: str, token: bytes) -> Sequence[int]:
        """The entries that refer to a person, in order."""
        ...

    def actors(self, clinic_id: str, kind: str, limit: int) -> Sequence[bytes]: ...
    def actions(self, clinic_id: str) -> Sequence[str]: ...
    def kinds(self, clinic_id: str) -> Sequence[str]: ...
    def is_linked(self, clinic_id: str, kind: str, seq: int, occurred_at: int, prefix: bytes) -> bool:
        """Whether an entry with a lower number, that did not occur later, has a link of a kind whose reference begins
        so; of all of these references few are."""
        ...

    def erasures(self, clinic_id: str, tokens: Sequence[bytes]) -> Sequence[bytes]: ...
    def erasures_behind(self, clinic_id: str, seq: int) -> Sequence[Found]:
        """The entries that erase somebody behind a number, in order."""
        ...

    def bodies(self, clinic_id: str, after: int, up_to: int) -> Iterator[bytes]:
        """The bodies of the entries with after < seq <= up_to, in order, as many as there are without a gap."""
        ...

    def tile(self, clinic_id: str, level: int, number: int) -> bytes | None:
        """The 8,192 bytes of hashes of a full tile; None where it is not there."""
        ...

    def tile_roots(self, clinic_id: str, level: int, begin: int, end: int) -> Sequence[bytes]:
        """The roots of the tiles `begin` to `end` - 1 of a level, those that are there, in order."""
        ...

    def last_checkpoint(self, clinic_id: str) -> CheckpointRow | None: ...
    def add_checkpoint(self, clinic_id: str, row: CheckpointRow) -> None: ...
    def snapshot(self, clinic_id: str) -> AbstractContextManager[Snapshot]: ...
    def close(self) -> None: ...


class Snapshot(Protocol):
    """One unmoving view of a clinic's rows, for verification: nothing written after it began is seen.

    Entries and links come in order of seq.
    """

    head: Head
    zone: str

    def defects(self) -> Iterator[str]: ...
    def unguarded(self) -> Sequence[str]:
        """The names of the triggers that are gone, without which the database does not refuse change."""
        ...

    def entries(self) -> Iterator[EntryRow]: ...
    def tiles(self) -> Iterator[TileRow]:
        """In order of level and number."""
        ...

    def links(self) -> Iterator[LinkRow]: ...
    def persons(self) -> Iterator[PersonRow]: ...
    def used_keys(self) -> Iterator[tuple[bytes, int]]: ...
    def seqs_of_keys(self, keys: Sequence[bytes]) -> Mapping[bytes, int]:
        """The entries that idempotency keys lead to, by key; at most 1,000 are asked for at once."""
        ...

    def checkpoints(self) -> Iterator[CheckpointRow]: ...
