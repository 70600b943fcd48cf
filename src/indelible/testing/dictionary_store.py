"""A store of plain dictionaries and lists: the contract of `indelible.stores.contract` with no SQL behind it.

It keeps nothing when the process ends, and looks at every row to find one. For tests, and to read before an engine is
written: `store_contract.py` runs the same tests against it as against every other one.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from operator import itemgetter
from typing import Any, Literal, TypeVar

from ..errors import NotFound, StorageFailure
from ..stores.contract import (
    LATE_AFTER,
    ActorTerm,
    AmountTally,
    Batch,
    Before,
    CheckpointRow,
    Clinic,
    Defect,
    EntryRow,
    Installation,
    KeyRow,
    Known,
    LinkRow,
    Moment,
    Occurring,
    PersonRow,
    Reference,
    Selection,
    SourceRow,
    State,
    TileRow,
)

K = TypeVar("K")
V = TypeVar("V")


class _Tables:
    """What is kept of one clinic, each by what it is found by."""

    def __init__(self, clinic: Clinic, state: State, keys: Sequence[KeyRow]) -> None:
        self.clinic, self.state, self.keys = clinic, state, list(keys)
        self.entries: dict[int, EntryRow] = {}
        self.ids: dict[bytes, int] = {}
        self.tiles: dict[tuple[int, int], TileRow] = {}
        self.links: dict[int, set[LinkRow]] = defaultdict(set)  # by the entry's number
        self.persons: dict[bytes, PersonRow] = {}
        self.used_keys: dict[bytes, int] = {}
        self.checkpoints: dict[int, CheckpointRow] = {}

    def copied(self) -> _Tables:
        made = _Tables(self.clinic, self.state, self.keys)
        for name in ("entries", "ids", "tiles", "persons", "used_keys", "checkpoints"):
            getattr(made, name).update(getattr(self, name))
        for seq, links in self.links.items():
            made.links[seq] = links.copy()
        return made


def _put(table: dict[K, V], key: K, row: V) -> None:
    if key in table:
        raise StorageFailure("this row is there already; nothing of this was recorded")
    table[key] = row


class DictionaryRows:
    """The rows of one clinic. Implements `Rows`."""

    def __init__(self, every: Mapping[str, _Tables], clinic_id: str) -> None:
        self._every, self._id = every, clinic_id

    @property
    def _tables(self) -> _Tables:
        try:
            return self._every[self._id]
        except KeyError:
            raise NotFound(f"there is no clinic {self._id} in this database") from None

    def state(self) -> State:
        return self._tables.state

    def _selected(self, selection: Selection) -> list[EntryRow]:
        """Every entry that is meant, newest first."""
        tables = self._tables
        found = [
            row for row in list(tables.entries.values()) if _is_meant(row, tables.links.get(row.seq, set()), selection)
        ]
        return sorted(found, key=_place, reverse=True)

    def page(self, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[EntryRow]:
        return [row for row in self._selected(selection) if before is None or _place(row) < before][:limit]

    def moments(self, selection: Selection, limit: int) -> Sequence[Moment]:
        rows = self._selected(selection)[:limit]
        return [Moment(row.occurred_at, row.seq, row.actor_kind, row.actor) for row in rows]

    def counts(self, selection: Selection, edges: Sequence[int]) -> Sequence[int]:
        times = [row.occurred_at for row in self._selected(selection)]
        return [sum(start <= time < end for time in times) for start, end in pairwise(edges)]

    def amounts(self, selection: Selection) -> Sequence[AmountTally]:
        return _tallies(self._selected(selection))

    def amounts_between(self, selection: Selection, edges: Sequence[int]) -> Sequence[Sequence[AmountTally]]:
        rows = self._selected(selection)
        return [_tallies(row for row in rows if start <= row.occurred_at < end) for start, end in pairwise(edges)]

    def entries(self, after: int, up_to: int) -> Iterator[EntryRow]:
        return iter([row for seq, row in sorted(self._tables.entries.items()) if after < seq <= up_to])

    def seqs(self, of: Literal["id", "key"], values: Sequence[bytes]) -> Mapping[bytes, int]:
        table = {"id": self._tables.ids, "key": self._tables.used_keys}[of]
        return {value: table[value] for value in values if value in table}

    def first_recorded(self, instant: int, up_to: int) -> int:
        return next((row.seq for row in self.entries(0, up_to) if row.recorded_at >= instant), up_to + 1)

    def persons(self, which: Sequence[bytes] | Literal["all", "unscrubbed"]) -> Iterator[PersonRow]:
        rows = sorted(self._tables.persons.values())
        if which == "unscrubbed":
            rows = [row for row in rows if row.erased_by is not None and row.scrubbed_by is None]
        return iter([row for row in rows if isinstance(which, str) or row.token in which])

    def occurring(self, actors: int = 0) -> Occurring:
        tables = self._tables
        of: dict[str, set[bytes]] = defaultdict(set)
        for row in tables.entries.values():
            if row.actor is not None:
                of[row.actor_kind].add(row.actor)
        return Occurring(
            sorted({row.action for row in tables.entries.values()}),
            sorted({link.kind for links in tables.links.values() for link in links}),
            [(kind, ref) for kind in sorted(of) for ref in sorted(of[kind])[:actors]],
        )

    def linked(self, asked: Sequence[Before]) -> Sequence[bool]:
        every = [link for links in self._tables.links.values() for link in links]
        return [any(_is_before(link, one) for link in every) for one in asked]

    def known(self, asked: Sequence[tuple[str, bytes]], up_to: int, *, each: int, counted: int) -> Sequence[Known]:
        every = [link for links in self._tables.links.values() for link in links]
        found: list[Known] = []
        for kind, prefix in asked:
            of: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
            for one in every:
                if one.kind == kind and one.ref.startswith(prefix):
                    of[one.ref] += [(one.occurred_at, one.seq)] if one.seq <= up_to and not one.as_target else []
            for ref in sorted(of)[:each]:
                if places := of[ref]:
                    found.append(Known(kind, ref, *min(places), max(places)[0], min(len(places), counted)))
        return sorted(found)

    def tiles(self, level: int | None = None, begin: int = 0, end: int | None = None) -> Iterator[TileRow]:
        rows = sorted(self._tables.tiles.values())
        if level is not None:
            rows = [row for row in rows if row.level == level and begin <= row.number]
        return iter([row for row in rows if end is None or row.number < end])

    def tile_roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        return [row.root for row in self.tiles(level, begin, end)]

    def links(self, after: int, up_to: int) -> Iterator[LinkRow]:
        every = self._tables.links
        return iter([link for seq in sorted(every) if after < seq <= up_to for link in every[seq]])

    def used_keys(self, after: int, up_to: int) -> Iterator[tuple[bytes, int]]:
        keys = [(key, seq) for key, seq in self._tables.used_keys.items() if after < seq <= up_to]
        return iter(sorted(keys, key=itemgetter(1)))

    def checkpoints(self, last: int | None = None, up_to: int | None = None) -> Iterator[CheckpointRow]:
        rows = sorted(row for row in self._tables.checkpoints.values() if up_to is None or row.size <= up_to)
        return iter(rows if last is None else rows[len(rows) - last if last < len(rows) else 0 :])


class DictionaryAppending(DictionaryRows):
    """A copy of a clinic's tables, which take their place when all is written. Implements `Appending`."""

    at_once = 100

    def __init__(self, tables: _Tables) -> None:
        super().__init__({tables.clinic.id: tables}, tables.clinic.id)

    def write(self, batch: Batch) -> None:
        tables = self._tables
        for row in batch.entries:
            _put(tables.entries, row.seq, row)
            _put(tables.ids, row.id, row.seq)
        for tile in batch.tiles:
            _put(tables.tiles, (tile.level, tile.number), tile)
        for link in batch.links:
            tables.links[link.seq].add(link)
        for person in batch.persons:
            tables.persons[person.token] = person
        for key, seq in batch.keys:
            _put(tables.used_keys, key, seq)
        for seq, sealed in batch.sealed:
            if seq not in tables.entries or len(sealed) >= len(tables.entries[seq].sealed):
                raise StorageFailure("what is sealed of an entry becomes less, or stays as it is")
            tables.entries[seq] = tables.entries[seq]._replace(sealed=sealed)
        for checkpoint in batch.checkpoints:
            tables.checkpoints.setdefault(checkpoint.size, checkpoint)
        tables.state = tables.state if batch.state is None else batch.state
        tables.keys = [] if batch.drop_keys else tables.keys


class DictionaryStore:
    """Implements `Store`."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._clinics: dict[str, _Tables] = {}
        self._sources: dict[str, SourceRow] = {}
        self._lock = threading.Lock()

    def clinics(self, only: Collection[str] | None = None) -> Sequence[tuple[Clinic, State]]:
        found = sorted(self._clinics.items())
        return [(one.clinic, one.state) for clinic_id, one in found if only is None or clinic_id in only]

    def add_clinic(self, clinic: Clinic, state: State, keys: Sequence[KeyRow]) -> None:
        with self._lock:
            _put(self._clinics, clinic.id, _Tables(clinic, state, keys))

    def keys(self, clinic_id: str) -> Sequence[KeyRow]:
        return list(self.rows(clinic_id)._tables.keys)

    def rows(self, clinic_id: str) -> DictionaryRows:
        return DictionaryRows(self._clinics, clinic_id)

    @contextmanager
    def appending(self, clinic_id: str) -> Iterator[DictionaryAppending]:
        with self._lock:
            tables = self.rows(clinic_id)._tables.copied()
            yield DictionaryAppending(tables)
            self._clinics[clinic_id] = tables

    def sources(self) -> Sequence[SourceRow]:
        return sorted(self._sources.values())

    def keep_source(self, row: SourceRow) -> None:
        with self._lock:
            known = self._sources.get(row.outbox)
            if known is not None and known.database == row.database:
                row = row._replace(xid=max(row.xid, known.xid))
            self._sources[row.outbox] = row

    def defects(self) -> Iterator[Defect]:
        return iter(())

    def close(self) -> None:
        """Nothing is open."""


def _tallies(rows: Iterable[EntryRow]) -> Sequence[AmountTally]:
    found: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for row in rows:
        if row.amount_minor is not None:
            found[row.action, row.currency].append(row.amount_minor)
    tallies = [AmountTally(*names, len(amounts), sum(amounts)) for names, amounts in found.items()]
    return sorted(tallies, key=lambda one: (one.action, one.currency is not None, one.currency or ""))


def _place(row: EntryRow) -> tuple[int, int]:
    return row.occurred_at, row.seq


def _is_before(link: LinkRow, asked: Before) -> bool:
    earlier = link.seq < asked.seq and link.occurred_at <= asked.occurred_at
    return earlier and link.kind == asked.kind and link.ref.startswith(asked.prefix)


def _is_meant(row: EntryRow, links: set[LinkRow], selection: Selection) -> bool:
    """Whether an entry is of a selection: every condition of it, one after the other."""

    def has(reference: Reference) -> bool:
        return any(reference in ((one.kind, one.ref, None), (one.kind, one.ref, one.as_target)) for one in links)

    def did(terms: Sequence[ActorTerm]) -> bool:
        return any(row.actor_kind == kind and ref in (None, row.actor) for kind, ref in terms)

    def within(ranges: Sequence[tuple[Any, Any]], value: int, last: int) -> bool:
        return any((low is None or low <= value) and (high is None or value < high + last) for low, high in ranges)

    return (
        selection.from_seq <= row.seq <= selection.up_to
        and selection.only in (None, row.seq)
        and (selection.seqs is None or within(selection.seqs, row.seq, 1))
        and (selection.intervals is None or within(selection.intervals, row.occurred_at, 0))
        and (selection.actors is None or did(selection.actors))
        and (selection.actions is None or row.action in selection.actions)
        and not did(selection.not_actors)
        and row.action not in selection.not_actions
        and (not selection.late or row.recorded_at - row.occurred_at > LATE_AFTER)
        and all(any(map(has, group)) for group in selection.references)
        and not any(map(has, selection.not_references))
    )
