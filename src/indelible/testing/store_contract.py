"""The contract of `indelible.stores.contract`, as tests that every engine passes.

    class TestMyEngine(StoreContract, RefusalContract):
        @pytest.fixture
        def store(self, tmp_path): ...          # an empty store, closed again afterwards
        def raw(self, store): ...               # a DB-API connection of another's, to the same database

It follows the roles: `HouseContract`, `AppendingContract`, `RowsContract`.

The rows here are made by hand: a store knows nothing of keys, the catalogue or proofs. SQL in this file is of the kind
that every engine reads; what only one engine has belongs into its own tests.
"""
# ruff: noqa: S101, S311, S608 - this module is part of tests; its SQL and its random choices are its own

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from operator import itemgetter
from typing import Any

import pytest

from ..errors import NotFound, StorageFailure
from ..proof import merkle
from ..stores import entries as found
from ..stores.contract import (
    EVERY,
    LATE_AFTER,
    AmountTally,
    Appending,
    Batch,
    Before,
    CheckpointRow,
    Clinic,
    EntryRow,
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
    Store,
    TileRow,
)

NOW = 1_777_810_951_000_000
KINDS = (
    ("staff", b"s1" * 8),
    ("staff", b"s2" * 8),
    ("client", b"c1" * 8),
    ("integration", b"stripe"),
    ("system", None),
)
PARTS = (False, True)  # of an entry: another one, or the target
THINGS = (("booking", b"1"), ("booking", b"2"), ("charge", b"1"), ("person", b"1" * 16), ("person", b"2" * 16))
ACTIONS = ("booking.created", "booking.cancelled", "charge.refunded", "voucher.expired")


def clinic(name: str) -> Clinic:
    return Clinic(name, f"log.example.org/c/{name}", f"vkey of {name}", b"n" * 16)


def begun(name: str) -> State:
    """Return how a clinic begins."""
    return State(f"Clinic {name}", "Europe/Lisbon", None, 0, b"", merkle.EMPTY_ROOT, NOW)


def add(store: Store, name: str) -> None:
    store.add_clinic(clinic(name), begun(name), keys_of(name))


def keys_of(name: str) -> list[KeyRow]:
    return [KeyRow(kind, 1, f"{kind} of {name}".encode()) for kind in ("lookup", "signing")]


def entry_row(seq: int, occurred_at: int = NOW, action: str = ACTIONS[0], who: int = 0) -> EntryRow:
    """Return an entry that a store can keep. Its body is no body."""
    kind, reference = KINDS[who]
    body = b"body %d of %s" % (seq, action.encode())
    return EntryRow(
        seq, seq.to_bytes(16, "big"), occurred_at, NOW + seq, action, kind, reference, seq * 100, "EUR",
        body, b"sealed values of %d" % seq,
    )  # fmt: skip


def batch(tx: Appending, entries: Sequence[EntryRow], **rows: Any) -> Batch:
    """Return the batch of these entries with the state that they lead to."""
    state = tx.state()
    hashes = [merkle.leaf_hash(row.body) for row in entries]
    tree = merkle.extend(merkle.Frontier.decode(state.size, state.frontier), hashes)
    after = state._replace(size=tree.size, frontier=tree.encode(), root=tree.root(), recorded_at=NOW + tree.size)
    return Batch(entries=entries, state=after, **rows)


def write(tx: Appending, count: int = 1) -> list[EntryRow]:
    rows = [entry_row(tx.state().size + number) for number in range(1, count + 1)]
    tx.write(batch(tx, rows))
    return rows


def put(store: Store, clinic_id: str, **rows: Any) -> None:
    """Write a batch of rows in a transaction of its own."""
    with store.appending(clinic_id) as tx:
        tx.write(Batch(**rows))


def everything(store: Store, clinic_id: str) -> dict[str, Any]:
    """All rows of a clinic, to be compared."""
    rows = store.rows(clinic_id)
    return {
        "state": rows.state(),
        "entries": list(rows.entries(0, EVERY)),
        "tiles": list(rows.tiles()),
        "links": sorted(rows.links(0, EVERY)),
        "persons": list(rows.persons("all")),
        "used_keys": sorted(rows.used_keys(0, EVERY)),
        "checkpoints": list(rows.checkpoints()),
    }


def tile_row(level: int, number: int) -> TileRow:
    """Return a tile that a store can keep. Its hashes are no hashes."""
    return TileRow(level, number, b"root of %13d, %13d" % (level, number), b"%8d%8d" % (level, number) * 512)


def checkpoint_row(size: int, note: bytes = b"note") -> CheckpointRow:
    return CheckpointRow(size, bytes([size]) * 32, b"frontier", note, NOW)


class _Contract:
    """What the tests of every role begin with."""

    @pytest.fixture
    def store(self) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def lisbon(self, store: Store) -> str:
        add(store, "lisbon")
        add(store, "porto")
        return "lisbon"

    @pytest.fixture
    def filled(self, store: Store, lisbon: str) -> list[EntryRow]:
        rng = random.Random(7)
        rows = [
            _late(entry_row(seq, NOW + rng.randrange(20), rng.choice(ACTIONS), rng.randrange(len(KINDS))))
            for seq in range(1, 121)
        ]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows))
        with store.appending("porto") as tx:
            tx.write(batch(tx, rows[:5]))
        return rows

    @pytest.fixture
    def tiled(self, store: Store, lisbon: str) -> list[TileRow]:
        """Tiles of three levels, written in no order; porto has one of the same level and number."""
        rows = [tile_row(*which) for which in ((1, 0), (0, 2), (0, 0), (2, 0), (0, 1), (0, 300))]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [], tiles=rows))
        with store.appending("porto") as tx:
            tx.write(batch(tx, [], tiles=[tile_row(0, 0)._replace(root=b"p" * 32)]))
        return rows

    @pytest.fixture
    def linked(self, store: Store, lisbon: str) -> tuple[list[EntryRow], set[LinkRow]]:
        """Entries with links to few things in either part, so that many share them; each has one once."""
        rng = random.Random(17)
        rows = [
            _late(entry_row(seq, NOW + rng.randrange(20), rng.choice(ACTIONS), rng.randrange(len(KINDS))))
            for seq in range(1, 121)
        ]
        links = {
            LinkRow(kind, ref, rng.choice(PARTS), row.occurred_at, row.seq)
            for row in rows
            for kind, ref in rng.sample(THINGS, rng.randrange(5))
        }
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows, links=sorted(links)))
        with store.appending("porto") as tx:
            elsewhere = [LinkRow("room", b"1", True, NOW, 1), LinkRow("booking", b"1", True, NOW, 1)]
            tx.write(batch(tx, rows[:1], links=elsewhere))
        return rows, links

    @pytest.fixture
    def peopled(self, store: Store, lisbon: str) -> dict[str, Any]:
        """Four entries, of which two persons have some each, in two clinics; the rows of lisbon before."""
        people = [PersonRow(b"a" * 16, b"sealed a"), PersonRow(b"b" * 16, b"sealed b")]
        of = {b"a" * 16: (1, 3, 4), b"b" * 16: (2, 3)}
        links = [LinkRow("person", token, seq == 3, NOW, seq) for token, seqs in of.items() for seq in seqs]
        links += [LinkRow("booking", b"a" * 16, True, NOW, seq) for seq in (1, 2)]  # a thing whose id is a token's
        for clinic_id in (lisbon, "porto"):
            with store.appending(clinic_id) as tx:
                rows = [entry_row(seq) for seq in (1, 2, 3, 4)]
                tx.write(batch(tx, rows, links=links, persons=people))
        return everything(store, lisbon)


class HouseContract(_Contract):
    """`Store`: clinics, keys, the databases that are drained, defects."""

    def test_what_is_known_of_a_database_is_replaced_as_a_whole_and_by_outbox(self, store: Store) -> None:
        assert list(store.sources()) == []
        for row in (SourceRow("b", "first", 7), SourceRow("a", "other", 0), SourceRow("b", "second", 3)):
            store.keep_source(row)
        assert list(store.sources()) == [SourceRow("a", "other", 0), SourceRow("b", "second", 3)]

    def test_the_highest_place_that_was_seen_in_a_database_never_goes_back(self, store: Store) -> None:
        store.keep_source(SourceRow("b", "two", 5))
        for xid, highest in ((5, 5), (9, 9), (4, 9)):
            store.keep_source(SourceRow("a", "one", xid))
            assert list(store.sources()) == [SourceRow("a", "one", highest), SourceRow("b", "two", 5)]
        store.keep_source(SourceRow("a", "another one", 4))
        assert list(store.sources()) == [SourceRow("a", "another one", 4), SourceRow("b", "two", 5)]

    def test_an_empty_store_has_no_clinic(self, store: Store) -> None:
        assert list(store.clinics()) == []
        for ask in (store.rows("lisbon").state, lambda: list(store.rows("lisbon").entries(0, 9))):
            with pytest.raises(NotFound):
                ask()
        with pytest.raises(NotFound), store.appending("lisbon"):
            raise AssertionError("an unknown clinic was opened")

    def test_clinics_come_back_by_id_with_their_keys_and_an_empty_log(self, store: Store) -> None:
        for name in ("porto", "faro", "Aveiro"):
            add(store, name)
        assert list(store.clinics()) == [(clinic(name), begun(name)) for name in ("Aveiro", "faro", "porto")]
        assert sorted(store.keys("faro")) == sorted(keys_of("faro"))
        assert everything(store, "faro") == {name: [] for name in everything(store, "faro")} | {"state": begun("faro")}

    def test_some_clinics_come_back_by_id_whatever_else_is_asked_for(self, store: Store) -> None:
        for name in ("porto", "faro", "Aveiro"):
            add(store, name)
        wanted = ["porto", "nowhere", "Aveiro", "Aveiro", "'; --", "\ud800"]
        assert list(store.clinics(wanted)) == [(clinic(name), begun(name)) for name in ("Aveiro", "porto")]
        assert list(store.clinics([])) == []

    def test_a_clinic_cannot_be_added_twice_and_keeps_its_keys(self, store: Store, lisbon: str) -> None:
        with pytest.raises(StorageFailure):
            store.add_clinic(clinic(lisbon), begun("another"), [KeyRow("lookup", 2, b"another")])
        assert store.rows(lisbon).state() == begun(lisbon)
        assert sorted(store.keys(lisbon)) == sorted(keys_of(lisbon))

    def test_a_store_that_nobody_harmed_has_no_defects(self, store: Store, peopled: dict[str, Any]) -> None:
        assert list(store.defects()) == []


class AppendingContract(_Contract):
    """`Appending`: one transaction that holds the head, and what it writes."""

    def test_what_is_written_comes_back_byte_for_byte(self, store: Store, lisbon: str) -> None:
        entries = [
            entry_row(1)._replace(sealed=bytes(range(256))),
            entry_row(2, who=4)._replace(amount_minor=None, currency=None, sealed=b""),
        ]
        people = [PersonRow(b"t" * 16, b"sealed"), PersonRow(b"u" * 16, bytes(range(256)))]
        rows: dict[str, Any] = {
            "links": [
                LinkRow("person", b"t" * 16, False, NOW, 1),
                LinkRow("booking", "é".encode(), True, NOW, 2),
            ],
            "persons": people,
            "keys": [(b"k" * 16, 2)],
        }
        with store.appending(lisbon) as tx:
            assert tx.state() == begun(lisbon)
            tx.write(batch(tx, entries, **rows))
        stored, reading = everything(store, lisbon), store.rows(lisbon)
        assert (stored["entries"], stored["persons"]) == (entries, people)
        assert stored["links"] == sorted(rows["links"])
        assert stored["used_keys"] == rows["keys"]
        assert stored["state"].size == 2
        assert [found.one(reading, seq) for seq in (1, 2)] == entries
        assert list(reading.persons([b"u" * 16, b"x" * 16])) == people[1:]
        with store.appending(lisbon) as tx:
            tx.write(Batch(persons=[PersonRow(b"t" * 16, b"renamed")]))
        assert everything(store, lisbon) == stored | {"persons": [PersonRow(b"t" * 16, b"renamed"), people[1]]}

    def test_a_transaction_reads_what_it_has_written(self, store: Store, lisbon: str) -> None:
        person, key = PersonRow(b"t" * 16, b"x"), (b"k" * 16, 1)
        link = LinkRow("person", person.token, True, NOW, 1)
        rows: dict[str, Any] = {"persons": [person], "keys": [key], "links": [link], "tiles": [tile_row(0, 0)]}
        with store.appending(lisbon) as tx:
            row = entry_row(1)
            tx.write(batch(tx, [row], **rows, checkpoints=[checkpoint_row(1)]))
            assert tx.state().size == 1
            assert found.one(tx, 1) == row
            assert list(tx.page(Selection(up_to=1), None, 9)) == [row]
            assert tx.counts(Selection(up_to=1), [NOW, NOW + 1]) == [1]
            assert list(tx.amounts(Selection(up_to=1))) == _amounts_of([row])
            assert (tx.seqs("id", [row.id]), tx.seqs("key", [key[0]])) == ({row.id: 1}, {key[0]: 1})
            assert tx.first_recorded(row.recorded_at, 1) == 1
            assert list(tx.persons([person.token])) == list(tx.persons("all")) == [person]
            assert tx.occurring(9) == Occurring([row.action], ["person"], [("staff", b"s1" * 8)])
            assert list(tx.linked([Before("person", 2, NOW, b"t")])) == [True]
            assert (list(tx.tiles()), list(tx.tile_roots(0, 0, 1))) == ([tile_row(0, 0)], [tile_row(0, 0).root])
            assert (list(tx.links(0, 1)), list(tx.used_keys(0, 1))) == ([link], [key])
            assert list(tx.checkpoints(last=1)) == [checkpoint_row(1)]
            tx.write(Batch(state=tx.state()._replace(name="Another")))
            assert tx.state().name == "Another"
        assert store.rows(lisbon).state().name == "Another"

    def test_a_block_that_raises_leaves_nothing(self, store: Store, lisbon: str) -> None:
        before = everything(store, lisbon)
        with pytest.raises(RuntimeError), store.appending(lisbon) as tx:
            write(tx, 3)
            tx.write(Batch(state=tx.state()._replace(zone="Europe/Madrid"), drop_keys=True))
            raise RuntimeError
        assert everything(store, lisbon) == before
        assert sorted(store.keys(lisbon)) == sorted(keys_of(lisbon))
        with store.appending(lisbon) as tx:
            assert write(tx)[0].seq == 1

    @pytest.mark.parametrize("twice", ["seq", "id", "key"])
    def test_a_row_that_is_there_already_is_refused_and_nothing_is_kept(
        self, store: Store, lisbon: str, twice: str
    ) -> None:
        key = (b"k" * 16, 1)
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [entry_row(1)], keys=[key]))
        before = everything(store, lisbon)
        second = entry_row(2)
        rows: dict[str, Any] = {"keys": [key]} if twice == "key" else {}
        second = {"seq": second._replace(seq=1), "id": second._replace(id=entry_row(1).id)}.get(twice, second)
        with pytest.raises(StorageFailure), store.appending(lisbon) as tx:
            tx.write(batch(tx, [second], **rows))
        assert everything(store, lisbon) == before

    def test_the_state_is_read_and_set_under_the_head(self, store: Store, lisbon: str) -> None:
        changed = begun(lisbon)._replace(name="Clínica", zone="Atlantic/Azores", closed_at=NOW + 7)
        put(store, lisbon, state=changed)
        assert store.rows(lisbon).state() == changed
        assert [state for _, state in store.clinics()] == [changed, begun("porto")]
        put(store, lisbon, state=changed._replace(closed_at=None))
        assert store.rows(lisbon).state().closed_at is None

    def test_who_changes_a_setting_has_read_the_one_before(self, store: Store, lisbon: str) -> None:
        seen: list[tuple[str, str]] = []

        def rename(name: str) -> None:
            for number in range(10):
                with store.appending(lisbon) as tx:
                    state = tx.state()
                    tx.write(Batch(state=state._replace(name=f"{name} {number}")))
                    seen.append((state.name, f"{name} {number}"))

        _at_once([partial(rename, name) for name in "abc"])
        assert [old for old, _ in seen] == [begun(lisbon).name, *(new for _, new in seen[:-1])]

    def test_one_writer_at_a_time_numbers_entries(self, store: Store, lisbon: str) -> None:
        def worker() -> None:
            for _ in range(15):
                with store.appending(lisbon) as tx:
                    write(tx, 2)

        _at_once([worker] * 4)
        stored = everything(store, lisbon)
        assert [row.seq for row in stored["entries"]] == list(range(1, 121))
        tree = merkle.extend(merkle.Frontier(), [merkle.leaf_hash(row.body) for row in stored["entries"]])
        assert (stored["state"].size, stored["state"].root) == (120, tree.root())

    def test_clinics_are_apart(self, store: Store, lisbon: str) -> None:
        person, key = PersonRow(b"t" * 16, b"x"), (b"k" * 16, 1)
        link = LinkRow("person", person.token, True, NOW, 1)
        rows: dict[str, Any] = {"persons": [person], "keys": [key], "links": [link], "tiles": [tile_row(0, 0)]}
        row = entry_row(1)
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [row], **rows, checkpoints=[checkpoint_row(1)]))
        before, reading = everything(store, lisbon), store.rows("porto")
        stored = everything(store, "porto")
        assert stored == {name: [] for name in stored} | {"state": begun("porto")}
        assert list(reading.page(Selection(up_to=9), None, 9)) == []
        assert (reading.seqs("id", [row.id]), reading.seqs("key", [key[0]])) == ({}, {})
        assert list(reading.persons([person.token])) == list(reading.persons("unscrubbed")) == []
        assert reading.occurring(9) == Occurring([], [], [])
        assert [*reading.tile_roots(0, 0, 9), *reading.tiles(0)] == []
        with store.appending("porto") as tx:
            tx.write(batch(tx, [row], **rows))
        assert everything(store, "porto")["entries"] == [row]
        put(store, "porto", persons=[person._replace(erased_by=1)], sealed=[(1, b"")], drop_keys=True)
        assert everything(store, lisbon) == before
        assert (sorted(store.keys(lisbon)), list(store.keys("porto"))) == (sorted(keys_of(lisbon)), [])

    def test_a_tile_is_written_once(self, store: Store, lisbon: str, tiled: list[TileRow]) -> None:
        for again in (tiled[0], tiled[0]._replace(root=b"x" * 32)):
            with pytest.raises(StorageFailure), store.appending(lisbon) as tx:
                tx.write(batch(tx, [entry_row(1)], tiles=[again]))
        stored = everything(store, lisbon)
        assert (stored["tiles"], stored["entries"]) == (sorted(tiled), [])

    def test_who_was_erased_is_marked_and_stays_until_scrubbed_on_a_list(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        elsewhere, rows = everything(store, "porto"), store.rows(lisbon)
        assert list(rows.persons("unscrubbed")) == []
        marked = PersonRow(b"a" * 16, b"sealed a", erased_by=4)
        put(store, lisbon, persons=[marked])
        assert everything(store, lisbon) == peopled | {"persons": [marked, peopled["persons"][1]]}
        assert list(rows.persons("unscrubbed")) == list(rows.persons([b"a" * 16])) == [marked]
        done = marked._replace(scrubbed_by=5)
        put(store, lisbon, persons=[done])
        assert everything(store, lisbon) == peopled | {"persons": [done, peopled["persons"][1]]}
        assert list(rows.persons("unscrubbed")) == []
        assert everything(store, "porto") == elsewhere

    def test_scrubbing_makes_what_is_sealed_less_and_changes_nothing_else(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        elsewhere = everything(store, "porto")
        with store.appending(lisbon) as tx:
            tx.write(Batch(sealed=[(1, b"less"), (3, b"")]))
            tx.write(Batch(sealed=[]))
            assert [row.sealed for row in tx.entries(0, 2)] == [b"less", entry_row(2).sealed]
        left = {1: b"less", 3: b""}
        entries = [row._replace(sealed=left.get(row.seq, row.sealed)) for row in peopled["entries"]]
        assert everything(store, lisbon) == peopled | {"entries": entries}
        assert everything(store, "porto") == elsewhere

    @pytest.mark.parametrize("left", ["longer", "equal", "the same", "unknown"])
    def test_what_is_sealed_never_becomes_anything_but_less(
        self, store: Store, lisbon: str, peopled: dict[str, Any], left: str
    ) -> None:
        sealed = entry_row(2).sealed
        bad = {"longer": (2, sealed + b"x"), "equal": (2, sealed[::-1]), "the same": (2, sealed), "unknown": (9, b"")}
        with pytest.raises(StorageFailure), store.appending(lisbon) as tx:
            tx.write(Batch(sealed=[(1, b"less"), bad[left]]))
        assert everything(store, lisbon) == peopled

    def test_a_scrub_whose_block_raises_leaves_everything(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        with pytest.raises(RuntimeError), store.appending(lisbon) as tx:
            tx.write(Batch(persons=[PersonRow(b"a" * 16, b"sealed a", erased_by=4)]))
            tx.write(Batch(sealed=[(1, b"")]))
            write(tx)
            raise RuntimeError
        assert everything(store, lisbon) == peopled

    def test_the_keys_of_a_clinic_go_for_good_and_its_rows_stay(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        put(store, lisbon, drop_keys=True)
        assert list(store.keys(lisbon)) == []
        assert sorted(store.keys("porto")) == sorted(keys_of("porto"))
        assert everything(store, lisbon) == peopled
        put(store, lisbon, drop_keys=True)

    def test_a_checkpoint_is_written_once(self, store: Store, lisbon: str) -> None:
        put(store, lisbon, checkpoints=[checkpoint_row(3, b"first")])
        put(store, lisbon, checkpoints=[checkpoint_row(3, b"second")])
        assert everything(store, lisbon)["checkpoints"] == [checkpoint_row(3, b"first")]


class RowsContract(_Contract):
    """`Rows`: every question to what is there, against a look at every row."""

    def test_numbers_are_found_by_id_and_by_key(self, store: Store, lisbon: str) -> None:
        keys = [(b"%016d" % number, 1 + number % 7) for number in range(1_300)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [entry_row(seq) for seq in range(1, 8)], keys=keys))
        rows = store.rows(lisbon)
        assert rows.seqs("key", [key for key, _ in keys] + [b"x" * 16]) == dict(keys)
        assert rows.seqs("id", [entry_row(7).id, b"x" * 16, entry_row(2).id]) == {
            entry_row(7).id: 7,
            entry_row(2).id: 2,
        }
        assert rows.seqs("key", []) == rows.seqs("id", [keys[0][0]]) == {}
        by_seq = sorted(keys, key=itemgetter(1))
        assert list(rows.used_keys(0, EVERY)) == by_seq
        assert list(rows.used_keys(2, 5)) == [(key, seq) for key, seq in by_seq if 2 < seq <= 5]

    def test_what_is_not_there_is_not_found(self, store: Store, lisbon: str) -> None:
        with store.appending(lisbon) as tx:
            write(tx)
        rows = store.rows(lisbon)
        for seq in (0, 2):
            with pytest.raises(NotFound):
                found.one(rows, seq)
        assert list(rows.persons([])) == list(rows.persons([b"x" * 16])) == []

    def test_a_page_is_what_a_look_at_every_row_finds(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        rng = random.Random(11)
        for _ in range(300):
            selection = _any_selection(rng)
            matching = [row for row in filled if _matches(row, selection)]
            expected = sorted(matching, key=lambda row: (row.occurred_at, row.seq), reverse=True)
            walked: list[EntryRow] = []
            before, limit = None, rng.choice([1, 7, 50])
            while len(page := list(store.rows(lisbon).page(selection, before, limit))) == limit:
                walked += page
                before = (page[-1].occurred_at, page[-1].seq)
            walked += page
            assert walked == expected, selection

    def test_a_selection_may_be_very_wide(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        many = tuple(("staff", b"%016d" % number) for number in range(700))
        wide = Selection(up_to=120, actors=(KINDS[0], *many), actions=tuple(f"a.{n}" for n in range(700)) + ACTIONS)
        narrow = Selection(up_to=120, actors=(KINDS[0],))
        assert list(store.rows(lisbon).page(wide, None, 50)) == list(store.rows(lisbon).page(narrow, None, 50))

    def test_entries_are_a_part_of_the_log_in_order(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        with store.appending(lisbon) as tx:
            for after, up_to in ((0, 120), (17, 44), (119, 120), (120, 120), (44, 17), (100, 9_000)):
                assert list(store.rows(lisbon).entries(after, up_to)) == filled[after:up_to]
                assert list(tx.entries(after, up_to)) == filled[after:up_to]

    def test_many_entries_come_each_once(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq) for seq in range(1, 1_301)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows))
        assert list(store.rows(lisbon).entries(7, EVERY)) == rows[7:]

    def test_entries_that_are_missing_are_left_out(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq) for seq in (1, 2, 4)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows))
        assert list(store.rows(lisbon).entries(0, 2**62)) == rows

    def test_an_iterator_may_be_walked_while_others_write(
        self, store: Store, lisbon: str, filled: list[EntryRow]
    ) -> None:
        walk = store.rows(lisbon).entries(0, 120)
        first = next(walk)
        with store.appending(lisbon) as tx:
            write(tx)
        assert [first, *walk] == filled

    def test_tiles_come_back_one_by_one_and_their_roots_in_order(
        self, store: Store, lisbon: str, tiled: list[TileRow]
    ) -> None:
        rows = store.rows(lisbon)
        assert list(rows.tiles()) == sorted(tiled)
        for row in tiled:
            assert list(rows.tiles(row.level, row.number, row.number + 1)) == [row]
        for level, number in ((0, 3), (1, 1), (3, 0), (0, -1)):
            assert list(rows.tiles(level, number, number + 1)) == []
        assert list(rows.tiles(0, 1)) == [row for row in sorted(tiled) if row.level == 0 and row.number >= 1]
        with store.appending(lisbon) as tx:
            for level, begin, end in ((0, 0, 3), (0, 1, 2), (0, 1, 301), (0, 3, 9), (1, 0, 9), (9, 0, 9), (0, 2, 1)):
                expected = [row.root for row in sorted(tiled) if row.level == level and begin <= row.number < end]
                assert list(rows.tile_roots(level, begin, end)) == expected
                assert list(tx.tile_roots(level, begin, end)) == expected
        assert everything(store, lisbon)["tiles"] == sorted(tiled)
        assert list(store.rows("porto").tile_roots(0, 0, 9)) == [b"p" * 32]

    def test_a_page_by_references_is_what_a_look_at_every_link_finds(
        self, store: Store, lisbon: str, linked: tuple[list[EntryRow], set[LinkRow]]
    ) -> None:
        rows, links = linked
        rng = random.Random(19)
        for _ in range(300):
            selection = _with_references(rng)
            matching = [row for row in rows if _matches(row, selection) and _refers(row, links, selection)]
            expected = sorted(matching, key=lambda row: (row.occurred_at, row.seq), reverse=True)
            walked = list(found.every(store.rows(lisbon), selection, rng.choice([1, 7, 50])))
            assert walked == expected, selection

    def test_an_entry_that_has_two_of_the_references_comes_once(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq) for seq in (1, 2, 3)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows, links=_twice(rows)))
        for target, other in ((None, None), (True, False), (None, False)):
            group = (Reference("person", b"1", target), Reference("person", b"2", other), Reference("person", b"1"))
            selection = Selection(up_to=3, references=(group,))
            for limit in (1, 2, 3, 4):
                assert [one.seq for one in found.every(store.rows(lisbon), selection, limit)] == [3, 2, 1]

    def test_whether_something_earlier_is_linked_by_the_beginning_of_its_reference(
        self, store: Store, lisbon: str
    ) -> None:
        refs = [b"aa" * 8, b"ab" * 8, b"\xff" * 16, b"\xff" * 15 + b"\x00", b"b" + b"\xff" * 15, bytes(16)]
        rng = random.Random(29)
        rows = [entry_row(seq, NOW + rng.randrange(9)) for seq in range(1, 41)]
        links = [LinkRow(rng.choice([".a", ".b"]), rng.choice(refs), False, row.occurred_at, row.seq) for row in rows]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows, links=links))
        asked, naive = [], []
        for _ in range(700):
            kind, ref, seq = rng.choice([".a", ".b", ".c"]), rng.choice([*refs, b"c" * 16]), rng.choice([1, 3, 20, 99])
            prefix, when = ref[: rng.choice([1, 8, 16])], NOW + rng.randrange(-1, 10)
            asked.append(Before(kind, seq, when, prefix))
            naive.append(
                any(
                    link.kind == kind and link.ref.startswith(prefix) and link.seq < seq and link.occurred_at <= when
                    for link in links
                )
            )
        assert list(store.rows(lisbon).linked(asked)) == naive
        assert not any(store.rows("porto").linked(asked))
        assert list(store.rows(lisbon).linked([])) == []

    def test_what_is_known_by_the_beginning_of_its_reference(self, store: Store, lisbon: str) -> None:
        refs = [b"aa" * 8, b"ab" * 8, b"\xff" * 16, b"\xff" * 15 + b"\x00", b"b" + b"\xff" * 15, bytes(16)]
        rng = random.Random(31)
        rows = [entry_row(seq, NOW + rng.randrange(9)) for seq in range(1, 61)]
        links = [
            LinkRow(rng.choice([".a", ".b"]), rng.choice(refs), seq % 9 == 0, row.occurred_at, seq)
            for seq, row in enumerate(rows, 1)
        ]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows, links=links))
        for _ in range(100):
            some = [rng.choice([*refs, b"c" * 16])[: rng.choice([0, 1, 8, 15, 16])] for _ in range(rng.choice([1, 3]))]
            asked = [(kind, prefix) for prefix in dict.fromkeys(some) for kind in (".a", ".b", ".c")]
            up_to, each, counted = rng.choice([0, 1, 30, 60]), rng.choice([1, 2, 9]), rng.choice([1, 4, 99])
            naive = []
            for kind, prefix in asked:
                begin_so = {link.ref for link in links if link.kind == kind and link.ref.startswith(prefix)}
                for ref in sorted(begin_so)[:each]:
                    places = [
                        (link.occurred_at, link.seq)
                        for link in links
                        if (link.kind, link.ref, link.as_target) == (kind, ref, False) and link.seq <= up_to
                    ]
                    if places:
                        known = Known(kind, ref, *min(places), max(places)[0], min(len(places), counted))
                        naive.append(known)
            answer = store.rows(lisbon).known(asked, up_to, each=each, counted=counted)
            assert list(answer) == sorted(naive), (asked, up_to, each, counted)
        assert list(store.rows("porto").known([(".a", b"")], 60, each=9, counted=9)) == []
        assert list(store.rows(lisbon).known([], 60, each=9, counted=9)) == []

    def test_moments_are_those_of_the_first_page(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        rng = random.Random(37)
        for _ in range(150):
            selection, limit = _any_selection(rng), rng.choice([1, 7, 500])
            page = store.rows(lisbon).page(selection, None, limit)
            expected = [Moment(row.occurred_at, row.seq, row.actor_kind, row.actor) for row in page]
            assert list(store.rows(lisbon).moments(selection, limit)) == expected, selection
        many = tuple(("staff", b"%016d" % number) for number in range(700))
        wide = Selection(up_to=120, actors=(KINDS[0], *many))
        narrow = Selection(up_to=120, actors=(KINDS[0],))
        assert list(store.rows(lisbon).moments(wide, 50)) == list(store.rows(lisbon).moments(narrow, 50))

    def test_a_range_of_numbers_is_inclusive_at_both_ends(
        self, store: Store, lisbon: str, filled: list[EntryRow]
    ) -> None:
        for first, last in ((1, 120), (1, 1), (7, 9), (120, 120), (121, 200), (9, 8)):
            walked = found.every(store.rows(lisbon), Selection(up_to=last, from_seq=first), 50)
            assert {one.seq for one in walked} == set(range(first, min(last, 120) + 1))

    def test_the_first_entry_that_was_recorded_at_an_instant_or_later(self, store: Store, lisbon: str) -> None:
        rng = random.Random(23)
        times = sorted(NOW + rng.randrange(30) for _ in range(60))  # several at one instant
        rows = [entry_row(seq)._replace(recorded_at=time) for seq, time in enumerate(times, 1)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows))
        for up_to in (0, 1, 2, 37, 60):
            for instant in range(NOW - 2, NOW + 33):
                naive = next((row.seq for row in rows[:up_to] if row.recorded_at >= instant), up_to + 1)
                assert store.rows(lisbon).first_recorded(instant, up_to) == naive

    def test_one_number_alone(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        for only in (1, 60, 120, 121, 0):
            walked = list(found.every(store.rows(lisbon), Selection(up_to=120, only=only), 50))
            assert [one.seq for one in walked] == ([only] if 1 <= only <= 120 else [])
            assert sum(store.rows(lisbon).counts(Selection(up_to=120, only=only), [-(2**62), 2**62])) == len(walked)

    def test_what_occurs(self, store: Store, lisbon: str, linked: tuple[list[EntryRow], set[LinkRow]]) -> None:
        rows, links = linked
        actors = sorted({(row.actor_kind, row.actor) for row in rows if row.actor is not None})
        occurring = store.rows(lisbon).occurring(2)
        assert occurring == Occurring(
            sorted({row.action for row in rows}), sorted({link.kind for link in links}), actors
        )
        fewer = store.rows(lisbon).occurring(1)
        assert fewer.actors == [one for one in actors if one != KINDS[1]]  # the second of the staff
        assert store.rows(lisbon).occurring() == occurring._replace(actors=[])
        assert list(store.rows("porto").occurring().kinds) == ["booking", "room"]

    def test_the_links_of_a_range_come_in_order_of_their_entry(
        self, store: Store, lisbon: str, linked: tuple[list[EntryRow], set[LinkRow]]
    ) -> None:
        for after, up_to in ((0, EVERY), (0, 120), (17, 44), (120, 120), (-5, 3)):
            links = list(store.rows(lisbon).links(after, up_to))
            assert set(links) == {link for link in linked[1] if after < link.seq <= up_to}
            assert len(set(links)) == len(links)
            assert [link.seq for link in links] == sorted(link.seq for link in links)

    def test_counts_and_amounts_are_what_a_look_at_every_entry_finds(
        self, store: Store, lisbon: str, linked: tuple[list[EntryRow], set[LinkRow]]
    ) -> None:
        rows, links = linked
        rng = random.Random(20)
        for _ in range(400):
            selection = replace(_with_references(rng), intervals=_any_intervals(rng))
            meant = [row for row in rows if _matches(row, selection) and _refers(row, links, selection)]
            edges = sorted(NOW + rng.randrange(-3, 23) for _ in range(rng.choice([0, 1, 2, 5, 12])))
            expected = [sum(start <= row.occurred_at < end for row in meant) for start, end in pairwise(edges)]
            assert list(store.rows(lisbon).counts(selection, edges)) == expected, (selection, edges)
            assert list(store.rows(lisbon).amounts(selection)) == _amounts_of(meant), selection
            between = [_amounts_of([row for row in meant if a <= row.occurred_at < z]) for a, z in pairwise(edges)]
            answer = store.rows(lisbon).amounts_between(selection, edges)
            assert [list(one) for one in answer] == between, (selection, edges)

    def test_a_tally_may_be_very_wide(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        wide = Selection(
            up_to=120,
            actors=tuple(KINDS[number % 5] for number in range(40)),
            actions=tuple(f"unknown.number_{number}" for number in range(40)) + ACTIONS,
        )
        edges = range(NOW - 100, NOW + 101)
        expected = [sum(row.occurred_at == edge for row in filled) for edge in edges[:-1]]
        assert list(store.rows(lisbon).counts(wide, edges)) == expected
        assert list(store.rows(lisbon).amounts(wide)) == _amounts_of(filled)

    def test_everybody_of_a_common_kind_and_one_of_them_are_counted_once(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq)._replace(actor=b"%016d" % (seq % 60)) for seq in range(1, 121)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows))
        for actors in ((("staff", None), ("staff", rows[0].actor)), (("staff", rows[0].actor), ("staff", None))):
            selection = Selection(up_to=120, actors=actors)
            assert list(store.rows(lisbon).counts(selection, [NOW, NOW + 1])) == [120]
            assert list(store.rows(lisbon).amounts(selection)) == _amounts_of(rows)
            without = Selection(up_to=120, not_actors=actors)
            assert list(store.rows(lisbon).counts(without, [NOW, NOW + 1])) == [0]

    def test_what_lies_between_two_intervals_is_not_counted(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq, NOW + seq) for seq in range(1, 8)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, rows, links=_twice(rows)))
        intervals = ((NOW + 1, NOW + 2), (NOW + 4, NOW + 6))
        for references in ((), ((Reference("person", b"1"), Reference("person", b"2")),)):
            selection = Selection(up_to=7, intervals=intervals, references=references)
            assert list(store.rows(lisbon).counts(selection, [NOW, NOW + 5, NOW + 9])) == [2, 1]
            assert list(store.rows(lisbon).amounts(selection)) == _amounts_of([rows[0], *rows[3:5]])

    def test_sums_are_exact_beyond_64_bits_and_with_amounts_of_both_signs(self, store: Store, lisbon: str) -> None:
        largest, smallest = 2**63 - 1, -(2**63)
        amounts = [largest, largest, largest, smallest, -1, 0, 2**32, -(2**32) - 5]
        rows = [entry_row(seq)._replace(amount_minor=amount) for seq, amount in enumerate(amounts, 1)]
        yen = [entry_row(9)._replace(amount_minor=smallest, currency="JPY"),
               entry_row(10)._replace(amount_minor=smallest, currency="JPY"),
               entry_row(11)._replace(currency=None),
               entry_row(12)._replace(amount_minor=None)]  # fmt: skip
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [*rows, *yen], links=_twice(rows)))
        euros = AmountTally(ACTIONS[0], "EUR", 8, sum(amounts))
        assert list(store.rows(lisbon).amounts(Selection(up_to=99))) == [
            AmountTally(ACTIONS[0], None, 1, 1100), euros, AmountTally(ACTIONS[0], "JPY", 2, 2 * smallest)
        ]  # fmt: skip
        twice = Selection(up_to=99, references=((Reference("person", b"1"), Reference("person", b"2")),))
        assert list(store.rows(lisbon).amounts(twice)) == [euros]

    def test_persons_come_by_token_each_once(self, store: Store, lisbon: str) -> None:
        rng = random.Random(3)
        people = [PersonRow(rng.randbytes(16), b"x", number if number % 3 == 0 else None) for number in range(1_300)]
        put(store, lisbon, persons=people)
        rows = store.rows(lisbon)
        assert list(rows.persons("all")) == sorted(people)
        assert list(rows.persons([row.token for row in people] * 2)) == sorted(people)
        assert list(rows.persons("unscrubbed")) == [row for row in sorted(people) if row.erased_by is not None]

    def test_the_newest_checkpoint_is_the_one_of_the_largest_size(self, store: Store, lisbon: str) -> None:
        for size in (3, 9, 5):
            put(store, lisbon, checkpoints=[checkpoint_row(size)])
        for last, sizes in ((1, [9]), (2, [5, 9]), (7, [3, 5, 9])):
            assert [row.size for row in store.rows(lisbon).checkpoints(last)] == sizes
        for up_to, sizes in ((2, []), (3, [3]), (8, [3, 5]), (100, [5, 9])):
            assert [row.size for row in store.rows(lisbon).checkpoints(2, up_to)] == sizes
        assert [row.size for row in everything(store, lisbon)["checkpoints"]] == [3, 5, 9]


class StoreContract(HouseContract, AppendingContract, RowsContract):
    """The three roles. Subclass it as `Test...`, and give it a `store`."""


class RefusalContract(_Contract):
    """The database's own refusal, for engines with SQL: `raw` returns a connection of another's."""

    def raw(self, store: Any) -> Any:
        raise NotImplementedError

    @pytest.mark.parametrize("table", ["entry", "tile", "checkpoint"])
    def test_rows_that_are_written_once_are_not_changed_or_deleted(self, store: Store, lisbon: str, table: str) -> None:
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [entry_row(1), entry_row(2)], tiles=[tile_row(0, 0)]))
        put(store, lisbon, checkpoints=[checkpoint_row(2)])
        before = everything(store, lisbon)
        column = {"entry": "body", "tile": "hashes", "checkpoint": "note"}[table]
        raw = self.raw(store)
        for statement in (
            f"UPDATE indelible_{table} SET {column} = {column}",
            f"UPDATE indelible_{table} SET clinic = clinic + 1",
            f"DELETE FROM indelible_{table}",
            f"DELETE FROM indelible_{table} WHERE clinic = 1",
        ):
            with pytest.raises(Exception, match="indelible: "):
                raw.execute(statement)
            raw.rollback()
        assert everything(store, lisbon) == before

    def test_of_an_entry_only_what_is_sealed_may_be_changed_by_anybody(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        """Every column alone, and with it the one change that is allowed: by another's connection to the database."""
        raw, shorter = self.raw(store), "sealed = substr(sealed, 2)"
        for name in ("clinic", *EntryRow._fields):
            text = name in ("action", "actor_kind", "currency")
            number = name in ("clinic", "seq", "occurred_at", "recorded_at", "amount_minor")
            other = "'x'" if text else "77" if number else f"substr({name}, 2)"
            changes = [f"{name} = {other}", f"{name} = {other}, {shorter}"] if name != "sealed" else ["sealed = sealed"]
            changes += [f"{name} = NULL, {shorter}"] if name in ("actor", "amount_minor", "currency") else []
            for change in changes:
                with pytest.raises(Exception, match="indelible: an entry cannot be changed"):
                    raw.execute(f"UPDATE indelible_entry SET {change} WHERE seq = 3")
                raw.rollback()
        assert everything(store, lisbon) == peopled
        raw.execute(f"UPDATE indelible_entry SET {shorter} WHERE seq = 3")
        raw.commit()
        assert found.one(store.rows(lisbon), 3).sealed == entry_row(3).sealed[1:]

    def test_an_actor_that_is_nobody_or_an_amount_that_is_none_stays_so(self, store: Store, lisbon: str) -> None:
        row = entry_row(1, who=4)._replace(amount_minor=None, currency=None)
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [row]))
        raw = self.raw(store)
        for change in ("actor = id", "amount_minor = 1", "currency = 'EUR'"):
            with pytest.raises(Exception, match="indelible: an entry cannot be changed"):
                raw.execute(f"UPDATE indelible_entry SET {change}, sealed = substr(sealed, 2)")
            raw.rollback()
        assert everything(store, lisbon)["entries"] == [row]


def _at_once(workers: Sequence[Callable[[], None]]) -> None:
    """Run workers in threads of their own, and fail with what one of them raised."""
    failed: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def _late(row: EntryRow) -> EntryRow:
    """The same row; from number 61 on, recorded later than LATE_AFTER after it occurred."""
    return row._replace(recorded_at=NOW + row.seq + (row.seq > 60) * (LATE_AFTER + 20))


def _twice(rows: Sequence[EntryRow]) -> list[LinkRow]:
    """Links by which each entry is of two persons, of one as its target."""
    return [
        LinkRow("person", ref, as_target, row.occurred_at, row.seq)
        for row in rows
        for ref, as_target in ((b"1", True), (b"2", False))
    ]


def _any_selection(rng: random.Random) -> Selection:
    def some(choices: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(rng.sample(choices, rng.randrange(len(choices) + 1)))

    terms = [*KINDS[:4], ("system", None), ("integration", b"unknown")]
    start, end = sorted(NOW + rng.randrange(-2, 22) for _ in range(2))
    intervals = rng.choice([None, None, (), ((start, end),), ((None, start), (end, None)), ((start, None),)])
    return Selection(
        up_to=rng.choice([0, 60, 120, 500]),
        intervals=intervals,
        actors=rng.choice([None, some(terms), (("staff", None),), (("client", None), KINDS[0])]),
        actions=rng.choice([None, some(ACTIONS), ("unknown.action",)]),
        not_actors=rng.choice([(), some(terms), (("staff", None),)]),
        not_actions=rng.choice([(), some(ACTIONS)]),
        seqs=rng.choice([None, None, None, (), ((1, 120),), ((7, 40),), ((90, 500),), ((1, 9), (30, 31), (100, 119))]),
        late=rng.choice([False, False, True]),
    )


def _any_intervals(rng: random.Random) -> tuple[tuple[int | None, int | None], ...] | None:
    """Also intervals that overlap, are empty, or come in any order."""

    def bound() -> int | None:
        return rng.choice([None, *(NOW + rng.randrange(-2, 22) for _ in range(5))])

    return rng.choice([None, tuple((bound(), bound()) for _ in range(rng.choice([0, 1, 1, 2, 4])))])


def _amounts_of(rows: Sequence[EntryRow]) -> list[AmountTally]:
    groups: dict[tuple[str, str | None], list[int]] = {}
    for row in rows:
        if row.amount_minor is not None:
            groups.setdefault((row.action, row.currency), []).append(row.amount_minor)
    found = [AmountTally(*names, len(amounts), sum(amounts)) for names, amounts in groups.items()]
    return sorted(found, key=lambda one: (one.action, one.currency or ""))


def _matches(row: EntryRow, selection: Selection) -> bool:
    def is_one_of(terms: Sequence[tuple[str, bytes | None]]) -> bool:
        return any(row.actor_kind == kind and reference in (None, row.actor) for kind, reference in terms)

    return (
        row.seq <= selection.up_to
        and (
            selection.intervals is None
            or any(
                (start is None or start <= row.occurred_at) and (end is None or row.occurred_at < end)
                for start, end in selection.intervals
            )
        )
        and (selection.actors is None or is_one_of(selection.actors))
        and (selection.actions is None or row.action in selection.actions)
        and not is_one_of(selection.not_actors)
        and row.action not in selection.not_actions
        and row.seq >= selection.from_seq
        and (selection.seqs is None or any(first <= row.seq <= last for first, last in selection.seqs))
        and (not selection.late or row.recorded_at - row.occurred_at > LATE_AFTER)
    )


def _with_references(rng: random.Random) -> Selection:
    def group(sizes: Sequence[int]) -> tuple[Reference, ...]:
        things = rng.choices([*THINGS, ("room", b"1"), ("booking", b"unknown")], k=rng.choice(sizes))
        return tuple(Reference(kind, ref, rng.choice([None, None, *PARTS])) for kind, ref in things)

    selection = _any_selection(rng) if rng.random() < 0.3 else Selection(up_to=rng.choice([60, 120]))
    return replace(
        selection,
        references=tuple(group([0, 1, 1, 2, 4]) for _ in range(rng.choice([0, 1, 1, 2, 3]))),
        not_references=group([0, 0, 1, 2]),
        from_seq=rng.choice([1, 1, 1, 40, 200]),
        only=rng.choice([None, None, None, 41, 500]),
    )


def _refers(row: EntryRow, links: set[LinkRow], selection: Selection) -> bool:
    mine = [link for link in links if link.seq == row.seq]

    def has(reference: Reference) -> bool:
        kind, ref, part = reference
        return any((link.kind, link.ref) == (kind, ref) and part in (None, link.as_target) for link in mine)

    return (
        row.seq >= selection.from_seq
        and selection.only in (None, row.seq)
        and all(any(map(has, group)) for group in selection.references)
        and not any(map(has, selection.not_references))
    )
