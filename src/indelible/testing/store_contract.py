"""The contract of `indelible.store`, as tests that every engine passes.

    class TestMyEngine(StoreContract):
        @pytest.fixture
        def store(self, tmp_path): ...          # an empty store, closed again afterwards
        def raw(self, store): ...               # a DB-API connection of another's, to the same database

The rows here are made by hand: a store knows nothing of keys, the catalogue or proofs. SQL in this file is of the kind
that every engine reads; what only one engine has belongs into its own tests.
"""
# ruff: noqa: S101, S311, S608 - this module is part of tests; its SQL and its random choices are its own

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from .. import merkle
from ..errors import Conflict, NotFound, StorageFailure
from ..store import (
    LATE_AFTER,
    AmountTally,
    Appending,
    Batch,
    CheckpointRow,
    Clinic,
    EntryRow,
    Found,
    Head,
    KeyRow,
    LinkRow,
    PersonRow,
    Reference,
    Selection,
    SourceRow,
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
    return Clinic(name, f"Clinic {name}", "Europe/Lisbon", f"log.example.org/c/{name}", f"vkey of {name}", b"n" * 16)


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


def found_of(row: EntryRow) -> Found:
    return Found(row.seq, row.occurred_at, row.body, row.sealed)


def batch(head: Head, entries: Sequence[EntryRow], **rows: Any) -> Batch:
    """Return the batch of these entries with the head that they lead to."""
    hashes = [merkle.leaf_hash(row.body) for row in entries]
    frontier = merkle.extend(merkle.Frontier.decode(head.size, head.frontier), hashes)
    new = Head(frontier.size, frontier.encode(), frontier.root(), NOW + frontier.size)
    empty: dict[str, Any] = {"tiles": [], "links": [], "persons": [], "renamed": [], "keys": []}
    return Batch(entries=entries, head=new, **(empty | rows))


def write(tx: Appending, count: int = 1) -> list[EntryRow]:
    rows = [entry_row(tx.head.size + number) for number in range(1, count + 1)]
    tx.write(batch(tx.head, rows))
    return rows


def everything(store: Store, clinic_id: str) -> dict[str, Any]:
    """All rows of a clinic, to be compared."""
    with store.snapshot(clinic_id) as snapshot:
        return {
            "head": snapshot.head,
            "entries": list(snapshot.entries()),
            "tiles": list(snapshot.tiles()),
            "links": sorted(snapshot.links()),
            "persons": list(snapshot.persons()),
            "used_keys": sorted(snapshot.used_keys()),
            "checkpoints": list(snapshot.checkpoints()),
        }


def tile_row(level: int, number: int) -> TileRow:
    """Return a tile that a store can keep. Its hashes are no hashes."""
    return TileRow(level, number, b"root of %13d, %13d" % (level, number), b"%8d%8d" % (level, number) * 512)


def checkpoint_row(size: int, note: bytes = b"note") -> CheckpointRow:
    return CheckpointRow(size, bytes([size]) * 32, b"frontier", note, NOW)


class StoreContract:
    """Subclass it as `Test...`, and give it a `store` and `raw`."""

    @pytest.fixture
    def store(self) -> Any:
        raise NotImplementedError

    def raw(self, store: Any) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def lisbon(self, store: Store) -> str:
        store.add_clinic(clinic("lisbon"), keys_of("lisbon"), NOW)
        store.add_clinic(clinic("porto"), keys_of("porto"), NOW)
        return "lisbon"

    # The databases that are drained

    def test_what_is_known_of_a_database_is_replaced_as_a_whole_and_by_outbox(self, store: Store) -> None:
        assert list(store.sources()) == []
        for row in (SourceRow("b", "first", 7), SourceRow("a", "other", 0), SourceRow("b", "second", 3)):
            store.keep_source(row)
        assert list(store.sources()) == [SourceRow("a", "other", 0), SourceRow("b", "second", 3)]

    def test_the_highest_place_that_was_seen_in_a_database_never_goes_back(self, store: Store) -> None:
        store.keep_source(SourceRow("a", "one", 5))
        store.keep_source(SourceRow("b", "two", 5))
        for xid in (9, 4):
            store.advance_source("a", xid)
        store.advance_source("unknown", 1)
        assert list(store.sources()) == [SourceRow("a", "one", 9), SourceRow("b", "two", 5)]

    # Clinics and keys

    def test_an_empty_store_has_no_clinic(self, store: Store) -> None:
        assert list(store.clinics()) == []
        for ask in (store.head, store.zone):
            with pytest.raises(NotFound):
                ask("lisbon")
        with pytest.raises(NotFound), store.appending("lisbon"):
            raise AssertionError("an unknown clinic was opened")

    def test_clinics_come_back_by_id_with_their_keys_and_an_empty_log(self, store: Store) -> None:
        for name in ("porto", "faro", "Aveiro"):
            store.add_clinic(clinic(name), keys_of(name), NOW)
        assert [found.id for found in store.clinics()] == sorted(["porto", "faro", "Aveiro"])
        assert clinic("faro") in store.clinics()
        assert sorted(store.keys("faro")) == sorted(keys_of("faro"))
        assert store.head("faro") == Head(0, b"", merkle.EMPTY_ROOT, NOW)
        assert store.last_checkpoint("faro") is None

    def test_a_clinic_cannot_be_added_twice_and_keeps_its_keys(self, store: Store, lisbon: str) -> None:
        with pytest.raises(StorageFailure):
            store.add_clinic(clinic(lisbon), [KeyRow("lookup", 2, b"another")], NOW)
        assert sorted(store.keys(lisbon)) == sorted(keys_of(lisbon))

    # Writing

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
            assert (tx.head.size, tx.zone) == (0, "Europe/Lisbon")
            tx.write(batch(tx.head, entries, **rows))
        found = everything(store, lisbon)
        assert (found["entries"], found["persons"]) == (entries, people)
        assert found["links"] == sorted(rows["links"])
        assert found["used_keys"] == rows["keys"]
        assert found["head"] == store.head(lisbon)
        assert found["head"].size == 2
        assert [store.one(lisbon, seq) for seq in (1, 2)] == [found_of(row) for row in entries]
        assert store.find(lisbon, entries[1].id) == 2
        assert list(store.persons(lisbon, [b"u" * 16, b"x" * 16])) == people[1:]
        assert list(store.bodies(lisbon, 0, 2)) == [row.body for row in entries]
        with store.appending(lisbon) as tx:
            assert tx.persons([b"t" * 16, b"x" * 16]) == {b"t" * 16: people[0]}
            assert tx.seqs_of_keys([b"k" * 16, b"x" * 16]) == {b"k" * 16: 2}
            assert tx.one(2) == found_of(entries[1])
            tx.write(batch(tx.head, [], renamed=[PersonRow(b"t" * 16, b"renamed")]))
        assert everything(store, lisbon)["persons"] == [PersonRow(b"t" * 16, b"renamed"), people[1]]
        with store.snapshot(lisbon) as snapshot:
            assert snapshot.seqs_of_keys([]) == {}
            assert snapshot.seqs_of_keys([b"k" * 16, *(n.to_bytes(16, "big") for n in range(999))]) == {b"k" * 16: 2}

    def test_what_is_not_there_is_not_found(self, store: Store, lisbon: str) -> None:
        with store.appending(lisbon) as tx:
            write(tx)
        with pytest.raises(NotFound):
            store.one(lisbon, 2)
        assert store.find(lisbon, b"x" * 16) is None
        assert list(store.persons(lisbon, [])) == []
        assert list(store.persons(lisbon, [b"x" * 16])) == []
        assert list(store.seqs_of(lisbon, b"x" * 16)) == []
        with pytest.raises(NotFound), store.appending(lisbon) as tx:
            tx.one(2)
        with store.appending(lisbon) as tx:
            assert tx.newest_erasure() is None

    def test_a_block_that_raises_leaves_nothing(self, store: Store, lisbon: str) -> None:
        before = everything(store, lisbon)
        with pytest.raises(RuntimeError), store.appending(lisbon) as tx:
            write(tx, 3)
            tx.set_zone("Europe/Madrid")
            raise RuntimeError
        assert everything(store, lisbon) == before
        assert store.zone(lisbon) == "Europe/Lisbon"
        with store.appending(lisbon) as tx:
            assert write(tx)[0].seq == 1

    @pytest.mark.parametrize("twice", ["seq", "id", "person", "key"])
    def test_a_row_that_is_there_already_is_refused_and_nothing_is_kept(
        self, store: Store, lisbon: str, twice: str
    ) -> None:
        person, key = PersonRow(b"t" * 16, b"x"), (b"k" * 16, 1)
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, [entry_row(1)], persons=[person], keys=[key]))
        before = everything(store, lisbon)
        second = entry_row(2)
        rows: dict[str, Any] = {"persons": [person]} if twice == "person" else {"keys": [key]} if twice == "key" else {}
        second = {"seq": second._replace(seq=1), "id": second._replace(id=entry_row(1).id)}.get(twice, second)
        with pytest.raises(StorageFailure), store.appending(lisbon) as tx:
            tx.write(batch(tx.head, [second], **rows))
        assert everything(store, lisbon) == before

    def test_the_zone_is_read_and_set_under_the_head(self, store: Store, lisbon: str) -> None:
        with store.appending(lisbon) as tx:
            tx.set_zone("Atlantic/Azores")
            assert tx.zone == "Atlantic/Azores"
        assert store.zone(lisbon) == "Atlantic/Azores"
        assert store.zone("porto") == "Europe/Lisbon"

    @pytest.mark.parametrize("what", ["name", "zone"])
    def test_a_setting_is_changed_from_what_it_rests_on_or_not_at_all(
        self, store: Store, lisbon: str, what: str
    ) -> None:
        def now() -> str:
            return str(next(getattr(clinic, what) for clinic in store.clinics() if clinic.id == lisbon))

        first, second = now(), "Europe/Madrid"
        with store.appending(lisbon) as tx:
            getattr(tx, f"set_{what}")(second, was=first)
        with pytest.raises(Conflict), store.appending(lisbon) as tx:
            getattr(tx, f"set_{what}")("Europe/Rome", was=first)
        assert now() == second

    def test_one_writer_at_a_time_numbers_entries(self, store: Store, lisbon: str) -> None:
        failed: list[BaseException] = []

        def worker() -> None:
            try:
                for _ in range(15):
                    with store.appending(lisbon) as tx:
                        write(tx, 2)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=worker) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        found = everything(store, lisbon)
        assert [row.seq for row in found["entries"]] == list(range(1, 121))
        tree = merkle.extend(merkle.Frontier(), [merkle.leaf_hash(row.body) for row in found["entries"]])
        assert (found["head"].size, found["head"].root) == (120, tree.root())

    # The database's own refusal

    @pytest.mark.parametrize("table", ["entry", "tile", "checkpoint"])
    def test_rows_that_are_written_once_are_not_changed_or_deleted(self, store: Store, lisbon: str, table: str) -> None:
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, [entry_row(1), entry_row(2)], tiles=[tile_row(0, 0)]))
        store.add_checkpoint(lisbon, checkpoint_row(2))
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

    # Reading

    def test_clinics_are_apart(self, store: Store, lisbon: str) -> None:
        person, key = PersonRow(b"t" * 16, b"x"), (b"k" * 16, 1)
        link = LinkRow("person", person.token, True, NOW, 1)
        rows: dict[str, Any] = {"persons": [person], "keys": [key], "links": [link], "tiles": [tile_row(0, 0)]}
        erasing = entry_row(1, action="client.anonymized")
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, [erasing], **rows))
            tx.mark_erased(person.token, 1)
        store.add_checkpoint(lisbon, checkpoint_row(1))
        found = everything(store, "porto")
        assert found == {name: [] for name in found} | {"head": Head(0, b"", merkle.EMPTY_ROOT, NOW)}
        assert list(store.page("porto", Selection(up_to=9), None, 9)) == []
        assert store.find("porto", erasing.id) is None
        nothing = (store.persons("porto", [person.token]), store.actions("porto"), store.unscrubbed("porto"),
                   store.seqs_of("porto", person.token), store.erasures_behind("porto", 0),
                   store.erasures("porto", [person.token]))  # fmt: skip
        assert [list(each) for each in nothing] == [[]] * 6
        assert (store.tile("porto", 0, 0), list(store.tile_roots("porto", 0, 0, 9))) == (None, [])
        with pytest.raises(NotFound):
            store.one("porto", 1)
        with store.appending("porto") as tx:
            assert (tx.persons([person.token]), tx.seqs_of_keys([key[0]]), tx.newest_erasure()) == ({}, {}, None)
            tx.write(batch(tx.head, [erasing], **rows))
        assert everything(store, "porto")["entries"] == everything(store, lisbon)["entries"]
        assert list(store.unscrubbed("porto")) == []
        with store.appending("porto") as tx:
            tx.mark_erased(person.token, 7)
            tx.scrub([(1, b"")])
        assert everything(store, lisbon)["entries"] == [erasing]
        assert everything(store, lisbon)["persons"] == [person._replace(erased_by=1)]

    @pytest.fixture
    def filled(self, store: Store, lisbon: str) -> list[EntryRow]:
        rng = random.Random(7)
        rows = [
            _late(entry_row(seq, NOW + rng.randrange(20), rng.choice(ACTIONS), rng.randrange(len(KINDS))))
            for seq in range(1, 121)
        ]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows))
        with store.appending("porto") as tx:
            tx.write(batch(tx.head, rows[:5]))
        return rows

    def test_a_page_is_what_a_look_at_every_row_finds(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        rng = random.Random(11)
        for _ in range(300):
            selection = _any_selection(rng)
            matching = [row for row in filled if _matches(row, selection)]
            expected = sorted(matching, key=lambda row: (row.occurred_at, row.seq), reverse=True)
            found: list[Found] = []
            before, limit = None, rng.choice([1, 7, 50])
            while len(page := list(store.page(lisbon, selection, before, limit))) == limit:
                found += page
                before = (page[-1].occurred_at, page[-1].seq)
            found += page
            assert found == [found_of(row) for row in expected], selection

    def test_a_selection_may_be_very_wide(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        many = tuple(("staff", b"%016d" % number) for number in range(700))
        wide = Selection(up_to=120, actors=(KINDS[0], *many), actions=tuple(f"a.{n}" for n in range(700)) + ACTIONS)
        narrow = Selection(up_to=120, actors=(KINDS[0],))
        assert list(store.page(lisbon, wide, None, 50)) == list(store.page(lisbon, narrow, None, 50))

    def test_the_actions_that_occur(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        assert list(store.actions(lisbon)) == sorted({row.action for row in filled})

    def test_bodies_are_a_part_of_the_log_in_order(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        bodies = [row.body for row in filled]
        with store.appending(lisbon) as tx:
            for after, up_to in ((0, 120), (17, 44), (119, 120), (120, 120), (44, 17)):
                assert list(store.bodies(lisbon, after, up_to)) == bodies[after:up_to]
                assert list(tx.bodies(after, up_to)) == bodies[after:up_to]
        assert list(store.bodies(lisbon, 100, 9_000)) == bodies[100:]

    def test_bodies_end_where_an_entry_is_missing(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq) for seq in (1, 2, 4)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows))
        assert len(list(store.bodies(lisbon, 0, 4))) < 4  # so nobody takes it for all

    # Tiles

    @pytest.fixture
    def tiled(self, store: Store, lisbon: str) -> list[TileRow]:
        """Tiles of three levels, written in no order; porto has one of the same level and number."""
        rows = [tile_row(*which) for which in ((1, 0), (0, 2), (0, 0), (2, 0), (0, 1), (0, 300))]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, [], tiles=rows))
        with store.appending("porto") as tx:
            tx.write(batch(tx.head, [], tiles=[tile_row(0, 0)._replace(root=b"p" * 32)]))
        return rows

    def test_tiles_come_back_one_by_one_and_their_roots_in_order(
        self, store: Store, lisbon: str, tiled: list[TileRow]
    ) -> None:
        for row in tiled:
            assert store.tile(lisbon, row.level, row.number) == row.hashes
        for level, number in ((0, 3), (1, 1), (3, 0), (0, -1)):
            assert store.tile(lisbon, level, number) is None
        with store.appending(lisbon) as tx:
            for level, begin, end in ((0, 0, 3), (0, 1, 2), (0, 1, 301), (0, 3, 9), (1, 0, 9), (9, 0, 9), (0, 2, 1)):
                expected = [row.root for row in sorted(tiled) if row.level == level and begin <= row.number < end]
                assert list(store.tile_roots(lisbon, level, begin, end)) == expected
                assert list(tx.tile_roots(level, begin, end)) == expected
        assert everything(store, lisbon)["tiles"] == sorted(tiled)
        assert list(store.tile_roots("porto", 0, 0, 9)) == [b"p" * 32]

    def test_a_tile_is_written_once(self, store: Store, lisbon: str, tiled: list[TileRow]) -> None:
        for again in (tiled[0], tiled[0]._replace(root=b"x" * 32)):
            with pytest.raises(StorageFailure), store.appending(lisbon) as tx:
                tx.write(batch(tx.head, [entry_row(1)], tiles=[again]))
        found = everything(store, lisbon)
        assert (found["tiles"], found["entries"]) == (sorted(tiled), [])

    def test_a_snapshot_does_not_move(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        with store.snapshot(lisbon) as snapshot:
            with store.appending(lisbon) as tx:
                write(tx)
            store.add_checkpoint(lisbon, checkpoint_row(121))
            assert snapshot.zone == "Europe/Lisbon"
            assert snapshot.head.size == len(list(snapshot.entries())) == 120
            assert list(snapshot.checkpoints()) == []
        assert len(everything(store, lisbon)["entries"]) == 121

    # References

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
            tx.write(batch(tx.head, rows, links=sorted(links)))
        with store.appending("porto") as tx:
            elsewhere = [LinkRow("room", b"1", True, NOW, 1), LinkRow("booking", b"1", True, NOW, 1)]
            tx.write(batch(tx.head, rows[:1], links=elsewhere))
        return rows, links

    def test_a_page_by_references_is_what_a_look_at_every_link_finds(
        self, store: Store, lisbon: str, linked: tuple[list[EntryRow], set[LinkRow]]
    ) -> None:
        rows, links = linked
        rng = random.Random(19)
        for _ in range(300):
            selection = _with_references(rng)
            matching = [row for row in rows if _matches(row, selection) and _refers(row, links, selection)]
            expected = sorted(matching, key=lambda row: (row.occurred_at, row.seq), reverse=True)
            found = _walked(store, lisbon, selection, rng.choice([1, 7, 50]))
            assert found == [found_of(row) for row in expected], selection

    def test_an_entry_that_has_two_of_the_references_comes_once(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq) for seq in (1, 2, 3)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows, links=_twice(rows)))
        for target, other in ((None, None), (True, False), (None, False)):
            group = (Reference("person", b"1", target), Reference("person", b"2", other), Reference("person", b"1"))
            selection = Selection(up_to=3, references=(group,))
            for limit in (1, 2, 3, 4):
                assert [one.seq for one in _walked(store, lisbon, selection, limit)] == [3, 2, 1]

    def test_whether_something_earlier_is_linked_by_the_beginning_of_its_reference(
        self, store: Store, lisbon: str
    ) -> None:
        refs = [b"aa" * 8, b"ab" * 8, b"\xff" * 16, b"\xff" * 15 + b"\x00", b"b" + b"\xff" * 15, bytes(16)]
        rng = random.Random(29)
        rows = [entry_row(seq, NOW + rng.randrange(9)) for seq in range(1, 41)]
        links = [LinkRow(rng.choice([".a", ".b"]), rng.choice(refs), False, row.occurred_at, row.seq) for row in rows]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows, links=links))
        for _ in range(600):
            kind, ref, seq = rng.choice([".a", ".b", ".c"]), rng.choice([*refs, b"c" * 16]), rng.choice([1, 3, 20, 99])
            prefix, when = ref[: rng.choice([1, 8, 16])], NOW + rng.randrange(-1, 10)
            naive = any(
                link.kind == kind and link.ref.startswith(prefix) and link.seq < seq and link.occurred_at <= when
                for link in links
            )
            assert store.is_linked(lisbon, kind, seq, when, prefix) == naive
            assert not store.is_linked("porto", kind, seq, when, prefix)

    def test_a_range_of_numbers_is_inclusive_at_both_ends(
        self, store: Store, lisbon: str, filled: list[EntryRow]
    ) -> None:
        for first, last in ((1, 120), (1, 1), (7, 9), (120, 120), (121, 200), (9, 8)):
            found = _walked(store, lisbon, Selection(up_to=last, from_seq=first), 50)
            assert {one.seq for one in found} == set(range(first, min(last, 120) + 1))

    def test_the_first_entry_that_was_recorded_at_an_instant_or_later(self, store: Store, lisbon: str) -> None:
        rng = random.Random(23)
        times = sorted(NOW + rng.randrange(30) for _ in range(60))  # several at one instant
        rows = [entry_row(seq)._replace(recorded_at=time) for seq, time in enumerate(times, 1)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows))
        for up_to in (0, 1, 2, 37, 60):
            for instant in range(NOW - 2, NOW + 33):
                naive = next((row.seq for row in rows[:up_to] if row.recorded_at >= instant), up_to + 1)
                assert store.first_recorded(lisbon, instant, up_to) == naive

    def test_one_number_alone(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        for only in (1, 60, 120, 121, 0):
            found = _walked(store, lisbon, Selection(up_to=120, only=only), 50)
            assert [one.seq for one in found] == ([only] if 1 <= only <= 120 else [])
            assert sum(store.counts(lisbon, Selection(up_to=120, only=only), [-(2**62), 2**62])) == len(found)

    def test_the_kinds_that_are_referred_to(
        self, store: Store, lisbon: str, linked: tuple[list[EntryRow], set[LinkRow]]
    ) -> None:
        assert list(store.kinds(lisbon)) == sorted({link.kind for link in linked[1]})
        assert list(store.kinds("porto")) == ["booking", "room"]
        store.add_clinic(clinic("faro"), keys_of("faro"), NOW)
        assert list(store.kinds("faro")) == []

    # Tallies

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
            assert list(store.counts(lisbon, selection, edges)) == expected, (selection, edges)
            assert list(store.amounts(lisbon, selection)) == _amounts_of(meant), selection

    def test_a_tally_may_be_very_wide(self, store: Store, lisbon: str, filled: list[EntryRow]) -> None:
        wide = Selection(
            up_to=120,
            actors=tuple(KINDS[number % 5] for number in range(40)),
            actions=tuple(f"unknown.number_{number}" for number in range(40)) + ACTIONS,
        )
        edges = range(NOW - 100, NOW + 101)
        expected = [sum(row.occurred_at == edge for row in filled) for edge in edges[:-1]]
        assert list(store.counts(lisbon, wide, edges)) == expected
        assert list(store.amounts(lisbon, wide)) == _amounts_of(filled)

    def test_everybody_of_a_common_kind_and_one_of_them_are_counted_once(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq)._replace(actor=b"%016d" % (seq % 60)) for seq in range(1, 121)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows))
        for actors in ((("staff", None), ("staff", rows[0].actor)), (("staff", rows[0].actor), ("staff", None))):
            selection = Selection(up_to=120, actors=actors)
            assert list(store.counts(lisbon, selection, [NOW, NOW + 1])) == [120]
            assert list(store.amounts(lisbon, selection)) == _amounts_of(rows)
            without = Selection(up_to=120, not_actors=actors)
            assert list(store.counts(lisbon, without, [NOW, NOW + 1])) == [0]

    def test_what_lies_between_two_intervals_is_not_counted(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq, NOW + seq) for seq in range(1, 8)]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows, links=_twice(rows)))
        intervals = ((NOW + 1, NOW + 2), (NOW + 4, NOW + 6))
        for references in ((), ((Reference("person", b"1"), Reference("person", b"2")),)):
            selection = Selection(up_to=7, intervals=intervals, references=references)
            assert list(store.counts(lisbon, selection, [NOW, NOW + 5, NOW + 9])) == [2, 1]
            assert list(store.amounts(lisbon, selection)) == _amounts_of([rows[0], *rows[3:5]])

    def test_sums_are_exact_beyond_64_bits_and_with_amounts_of_both_signs(self, store: Store, lisbon: str) -> None:
        largest, smallest = 2**63 - 1, -(2**63)
        amounts = [largest, largest, largest, smallest, -1, 0, 2**32, -(2**32) - 5]
        rows = [entry_row(seq)._replace(amount_minor=amount) for seq, amount in enumerate(amounts, 1)]
        yen = [entry_row(9)._replace(amount_minor=smallest, currency="JPY"),
               entry_row(10)._replace(amount_minor=smallest, currency="JPY"),
               entry_row(11)._replace(currency=None),
               entry_row(12)._replace(amount_minor=None)]  # fmt: skip
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, [*rows, *yen], links=_twice(rows)))
        euros = AmountTally(ACTIONS[0], "EUR", 8, sum(amounts))
        assert list(store.amounts(lisbon, Selection(up_to=99))) == [
            AmountTally(ACTIONS[0], None, 1, 1100), euros, AmountTally(ACTIONS[0], "JPY", 2, 2 * smallest)
        ]  # fmt: skip
        twice = Selection(up_to=99, references=((Reference("person", b"1"), Reference("person", b"2")),))
        assert list(store.amounts(lisbon, twice)) == [euros]

    # Erasing

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
                tx.write(batch(tx.head, rows, links=links, persons=people))
        return everything(store, lisbon)

    def test_the_entries_of_a_person_are_found_in_order_whatever_the_part(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        for token, seqs in ((b"a", [1, 3, 4]), (b"b", [2, 3]), (b"x", [])):
            assert list(store.seqs_of(lisbon, token * 16)) == seqs

    def test_who_was_erased_is_marked_and_stays_until_scrubbed_on_a_list(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        elsewhere = everything(store, "porto")
        assert list(store.unscrubbed(lisbon)) == []
        with store.appending(lisbon) as tx:
            tx.mark_erased(b"a" * 16, 4)
        marked = PersonRow(b"a" * 16, b"sealed a", erased_by=4)
        assert everything(store, lisbon) == peopled | {"persons": [marked, peopled["persons"][1]]}
        assert list(store.unscrubbed(lisbon)) == [marked]
        with store.appending(lisbon) as tx:
            assert tx.persons([b"a" * 16])[b"a" * 16] == marked
            tx.mark_scrubbed(b"a" * 16, 5)
        done = marked._replace(scrubbed_by=5)
        assert everything(store, lisbon) == peopled | {"persons": [done, peopled["persons"][1]]}
        assert list(store.unscrubbed(lisbon)) == []
        assert everything(store, "porto") == elsewhere

    def test_nobody_unknown_is_marked(self, store: Store, lisbon: str, peopled: dict[str, Any]) -> None:
        for mark in ("mark_erased", "mark_scrubbed"):
            with pytest.raises(StorageFailure), store.appending(lisbon) as tx:
                getattr(tx, mark)(b"x" * 16, 4)
        assert everything(store, lisbon) == peopled

    def test_a_new_name_leaves_the_marks_of_a_person(self, store: Store, lisbon: str, peopled: dict[str, Any]) -> None:
        with store.appending(lisbon) as tx:
            tx.mark_erased(b"a" * 16, 3)
            tx.mark_scrubbed(b"a" * 16, 4)
            tx.write(batch(tx.head, [], renamed=[PersonRow(b"a" * 16, b"renamed")]))
        assert everything(store, lisbon)["persons"][0] == PersonRow(b"a" * 16, b"renamed", 3, 4)

    def test_scrubbing_makes_what_is_sealed_less_and_changes_nothing_else(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        elsewhere = everything(store, "porto")
        with store.appending(lisbon) as tx:
            tx.scrub([(1, b"less"), (3, b"")])
            tx.scrub([])
            assert (tx.one(1).sealed, tx.one(2).sealed) == (b"less", entry_row(2).sealed)
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
            tx.scrub([(1, b"less"), bad[left]])
        assert everything(store, lisbon) == peopled

    def test_a_scrub_whose_block_raises_leaves_everything(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        with pytest.raises(RuntimeError), store.appending(lisbon) as tx:
            tx.mark_erased(b"a" * 16, 4)
            tx.scrub([(1, b"")])
            write(tx)
            raise RuntimeError
        assert everything(store, lisbon) == peopled

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
        assert store.one(lisbon, 3).sealed == entry_row(3).sealed[1:]

    def test_an_actor_that_is_nobody_or_an_amount_that_is_none_stays_so(self, store: Store, lisbon: str) -> None:
        row = entry_row(1, who=4)._replace(amount_minor=None, currency=None)
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, [row]))
        raw = self.raw(store)
        for change in ("actor = id", "amount_minor = 1", "currency = 'EUR'"):
            with pytest.raises(Exception, match="indelible: an entry cannot be changed"):
                raw.execute(f"UPDATE indelible_entry SET {change}, sealed = substr(sealed, 2)")
            raw.rollback()
        assert everything(store, lisbon)["entries"] == [row]

    def test_the_bodies_that_account_for_erasures_are_found_by_their_person(self, store: Store, lisbon: str) -> None:
        rows = [entry_row(seq, action="client.anonymized" if seq < 4 else "client.created") for seq in (1, 2, 3, 4)]
        people = {1: b"a", 2: b"a", 3: b"b", 4: b"c"}
        links = [LinkRow("person", people[seq] * 16, True, NOW, seq) for seq in people]
        links.append(LinkRow("person", b"d" * 16, False, NOW, 1))
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows, links=links))
        for asked, seqs in (("a", [1, 2]), ("b", [3]), ("c", []), ("d", []), ("x", []), ("ab", [1, 2, 3]), ("", [])):
            tokens = [letter.encode() * 16 for letter in asked]
            assert sorted(store.erasures(lisbon, tokens)) == [rows[seq - 1].body for seq in seqs]
            assert list(store.erasures("porto", tokens)) == []

    def test_the_entries_that_erase_are_found_behind_a_number_in_order(self, store: Store, lisbon: str) -> None:
        when = {1: NOW + 9, 2: NOW + 3, 3: NOW + 5, 4: NOW + 7}  # their times are in another order
        actions = {seq: "client.created" if seq == 3 else "client.anonymized" for seq in when}
        rows = [entry_row(seq, when[seq], actions[seq]) for seq in when]
        with store.appending(lisbon) as tx:
            tx.write(batch(tx.head, rows))
            assert tx.newest_erasure() == NOW + 9
        for behind, seqs in ((0, [1, 2, 4]), (1, [2, 4]), (2, [4]), (3, [4]), (4, []), (99, [])):
            assert list(store.erasures_behind(lisbon, behind)) == [found_of(rows[seq - 1]) for seq in seqs]

    # The end of a clinic

    def test_a_closed_clinic_has_no_keys_is_appended_to_no_more_and_can_still_be_read(
        self, store: Store, lisbon: str, peopled: dict[str, Any]
    ) -> None:
        with store.appending(lisbon) as tx:
            tx.close(NOW + 7)
        store.delete_keys(lisbon)
        assert {one.id: one.closed_at for one in store.clinics()} == {lisbon: NOW + 7, "porto": None}
        assert list(store.keys(lisbon)) == []
        assert sorted(store.keys("porto")) == sorted(keys_of("porto"))
        assert everything(store, lisbon) == peopled
        with pytest.raises(StorageFailure, match="closed"), store.appending(lisbon):
            raise AssertionError("a closed clinic was opened")
        with store.appending("porto") as tx:
            write(tx)

    # Checkpoints

    def test_the_newest_checkpoint_is_the_one_of_the_largest_size(self, store: Store, lisbon: str) -> None:
        for size in (3, 9, 5):
            store.add_checkpoint(lisbon, checkpoint_row(size))
        assert store.last_checkpoint(lisbon) == checkpoint_row(9)
        assert [row.size for row in everything(store, lisbon)["checkpoints"]] == [3, 5, 9]

    def test_a_checkpoint_is_written_once(self, store: Store, lisbon: str) -> None:
        store.add_checkpoint(lisbon, checkpoint_row(3, b"first"))
        store.add_checkpoint(lisbon, checkpoint_row(3, b"second"))
        assert everything(store, lisbon)["checkpoints"] == [checkpoint_row(3, b"first")]


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


def _walked(store: Store, clinic_id: str, selection: Selection, limit: int) -> list[Found]:
    """Every entry of a selection, page by page."""
    found: list[Found] = []
    before = None
    while page := list(store.page(clinic_id, selection, before, limit)):
        found += page
        before = (page[-1].occurred_at, page[-1].seq)
    return found


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
