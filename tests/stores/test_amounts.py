"""Sums of amounts: whichever way SQLite goes, they are what a look at every entry finds; and which way it goes."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.stores import plan
from indelible.stores.contract import LATE_AFTER, AmountTally, Installation, LinkRow, Reference, Selection
from indelible.stores.sqlite import file
from indelible.stores.sqlite.store import SQLiteStore
from indelible.testing.logs import last_connection
from indelible.testing.store_contract import ACTIONS, KINDS, NOW, add, batch, entry_row

SIZE = 400
LARGEST = 2**63 - 1
CURRENCIES = ("EUR", "JPY", None, "", "eur")
KINDS_OF_THING = ("person", "room")
PARTS = (False, True)
STRANGE = ("", "'", "a\x00b", "booking", "booking.created'; --", "é")


def row_of(rng, seq):
    late = rng.choice([0, 0, LATE_AFTER + 20])
    amount = rng.choice([None, None, 0, -1, 5, rng.randrange(-(2**40), 2**40), LARGEST, -LARGEST - 1])
    row = entry_row(seq, NOW + rng.randrange(30), rng.choice(ACTIONS), rng.randrange(len(KINDS)))
    return row._replace(
        recorded_at=row.occurred_at + late, amount_minor=amount, currency=rng.choice(CURRENCIES[: rng.choice([1, 5])])
    )


class Filled(tuple):
    """A store, its rows and its links; Hypothesis prints what a test was given, and these are many."""

    __slots__ = ()

    def __repr__(self):
        return "filled"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store of entries with amounts of every size, with few and with several currencies; its rows and links."""
    rng = random.Random(5)
    path = tmp_path_factory.mktemp("amounts") / "activity.db"
    file.create(path, Installation("log.example.org", "0" * 16))
    store = SQLiteStore(path)
    rows = [row_of(rng, seq) for seq in range(1, SIZE + 1)]
    things = [(kind, ref) for kind in KINDS_OF_THING for ref in (b"1", b"2")]
    links = {
        LinkRow(kind, ref, rng.choice(PARTS), row.occurred_at, row.seq)
        for row in rows
        for kind, ref in rng.sample(things, rng.randrange(4))
    }
    for name in ("lisbon", "porto"):  # porto's entries are in the same indexes
        add(store, name)
        with store.appending(name) as tx:
            tx.write(batch(tx, rows if name == "lisbon" else rows[:70], links=sorted(links)))
    yield Filled((store, rows, links))
    store.close()


@contextmanager
def few(entries, numbers):
    """So many entries are few, and so many numbers."""
    before = plan.FEW_ENTRIES, plan.FEW_NUMBERS
    plan.FEW_ENTRIES, plan.FEW_NUMBERS = entries, numbers
    try:
        yield
    finally:
        plan.FEW_ENTRIES, plan.FEW_NUMBERS = before


def some(values, most=3):
    return st.lists(st.sampled_from(values), max_size=most).map(tuple)


INSTANTS = st.none() | st.integers(NOW - 2, NOW + 32) | st.sampled_from([-(2**63), 2**63 - 1])
ACTORS = [
    *KINDS, ("staff", None), ("client", None), ("system", None), ("integration", b"nobody"), ("", None), ("'", b"\x00")
]  # fmt: skip
MANY = tuple(("staff", b"%d" % number) for number in range(40))
SEQS = st.tuples(st.integers(-3, SIZE + 9), st.integers(-3, SIZE + 9))
REFERENCE = st.builds(
    Reference,
    st.sampled_from([*KINDS_OF_THING, "", "'"]),
    st.sampled_from([b"1", b"2", b"", b"\x00"]),
    st.sampled_from([None, None, *PARTS]),
)
REFERENCES = st.lists(REFERENCE, max_size=4).map(tuple)
SELECTIONS = st.builds(
    Selection,
    up_to=st.sampled_from([SIZE, SIZE, 200, 0, 2**62]),
    intervals=st.none() | st.lists(st.tuples(INSTANTS, INSTANTS), max_size=4).map(tuple),
    actors=st.none() | some(ACTORS) | st.just((*MANY, KINDS[0], KINDS[2])),
    actions=st.none() | some([*ACTIONS, *STRANGE], 5),
    not_actors=some(ACTORS, 2),
    not_actions=some([*ACTIONS, *STRANGE], 2),
    references=st.lists(REFERENCES, max_size=2).map(tuple),
    not_references=st.just(()) | REFERENCES,
    from_seq=st.sampled_from([1, 1, 1, 90, SIZE + 1]),
    only=st.sampled_from([None] * 9 + [41, 0]),
    seqs=st.none() | st.none() | st.lists(SEQS, max_size=3).map(tuple),
    late=st.sampled_from([False, False, False, True]),
)


def looked_at(rows, links, wanted):
    """The slow way: every entry against every condition, and Python's own integers."""
    linked: dict[int, list[LinkRow]] = {}
    for link in links:
        linked.setdefault(link.seq, []).append(link)

    def is_one_of(row, terms):
        return any(row.actor_kind == kind and one in (None, row.actor) for kind, one in terms)

    def has_one_of(row, group):
        return any(
            (link.kind, link.ref) == (kind, ref) and part in (None, link.as_target)
            for kind, ref, part in group
            for link in linked.get(row.seq, ())
        )

    sums: dict[tuple[str, str | None], tuple[int, int]] = {}
    for row in rows:
        if (
            row.amount_minor is not None
            and wanted.from_seq <= row.seq <= wanted.up_to
            and wanted.only in (None, row.seq)
            and (wanted.seqs is None or any(first <= row.seq <= last for first, last in wanted.seqs))
            and (
                wanted.intervals is None
                or any(
                    (start is None or start <= row.occurred_at) and (end is None or row.occurred_at < end)
                    for start, end in wanted.intervals
                )
            )
            and (wanted.actors is None or is_one_of(row, wanted.actors))
            and (wanted.actions is None or row.action in wanted.actions)
            and not is_one_of(row, wanted.not_actors)
            and row.action not in wanted.not_actions
            and all(has_one_of(row, group) for group in wanted.references)
            and not has_one_of(row, wanted.not_references)
            and (not wanted.late or row.recorded_at - row.occurred_at > LATE_AFTER)
        ):
            entries, amount = sums.get((row.action, row.currency), (0, 0))
            sums[row.action, row.currency] = entries + 1, amount + row.amount_minor
    return sorted((AmountTally(*key, *one) for key, one in sums.items()), key=str)


@settings(max_examples=400, deadline=None)
@given(wanted=SELECTIONS)
def test_every_way_sums_what_a_look_at_every_entry_finds(filled, wanted):
    store, rows, links = filled
    expected = looked_at(rows, links, wanted)
    for entries, numbers in ((0, 0), (10_000, 5_000), (30, 100)):
        with few(entries, numbers):
            found = list(store.rows("lisbon").amounts(wanted))
        assert sorted(found, key=str) == expected, (entries, numbers)
        assert [one[:2] for one in found] == sorted((one[:2] for one in found), key=lambda key: (key[0], key[1] or ""))


EDGES = st.lists(st.integers(NOW - 2, NOW + 32) | st.sampled_from([-(2**63), 2**63 - 1]), max_size=8).map(sorted)


@settings(max_examples=300, deadline=None)
@given(wanted=SELECTIONS, edges=EDGES)
def test_every_way_sums_between_edges_what_a_look_at_every_entry_finds(filled, wanted, edges):
    store, rows, links = filled
    expected = [
        looked_at([row for row in rows if start <= row.occurred_at < end], links, wanted)
        for start, end in pairwise(edges)
    ]
    for entries, numbers in ((0, 0), (10_000, 5_000), (30, 100)):
        with few(entries, numbers):
            found = store.rows("lisbon").amounts_between(wanted, edges)
        assert [sorted(one, key=str) for one in found] == expected, (entries, numbers)


def query_plan(store, wanted):
    """What SQLite does for each statement that sums or fetches amounts, and those statements."""
    db = last_connection(store)
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    try:
        list(store.rows("lisbon").amounts(wanted))
    finally:
        db.set_trace_callback(None)
    summing = [text for text in statements if "sum(" in text or "typeof(" in text]
    return summing, [row[3] for text in summing for row in db.execute(f"EXPLAIN QUERY PLAN {text}")]


PERSON = ((Reference("person", b"1", False),),)


@pytest.mark.parametrize(
    "wanted",
    [
        Selection(SIZE),
        Selection(SIZE, intervals=((NOW, NOW + 9),)),
        Selection(SIZE, actions=ACTIONS[:2]),
        Selection(SIZE, actors=(KINDS[0],)),
        Selection(SIZE, actors=(("staff", None),)),
        Selection(SIZE, not_actors=(KINDS[0],)),
        Selection(SIZE, references=PERSON),
        Selection(SIZE, not_references=PERSON[0]),
        Selection(SIZE, seqs=((1, 7), (9, 300))),
    ],
    ids=["all", "days", "category", "actor", "kind", "not an actor", "client", "not a client", "numbers"],
)
def test_amounts_of_many_entries_are_read_in_their_index_alone(filled, wanted):
    with few(0, 0):
        statements, steps = query_plan(filled[0], wanted)
    assert statements
    for step in steps:
        if step.startswith("SEARCH e "):
            assert "COVERING INDEX indelible_entry_amount (clinic=? AND action=? AND currency=?" in step, steps
            assert ("occurred_at>? AND occurred_at<?" in step) == (wanted.intervals is not None)
        else:
            assert "TEMP B-TREE" not in step, steps
            assert "SCAN" not in step, steps


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Selection(SIZE, actors=(KINDS[0],), actions=ACTIONS[:1]), "indelible_entry_actor_action"),
        (Selection(SIZE, references=PERSON), "PRIMARY KEY"),
        (Selection(SIZE, from_seq=390), "indelible_entry_seq"),
        (Selection(SIZE, late=True), "indelible_entry_late"),
    ],
    ids=["actor", "client", "numbers", "late"],
)
def test_few_entries_are_looked_at_by_the_way_to_their_page(filled, wanted, index):
    statements, steps = query_plan(filled[0], wanted)
    assert statements
    assert any(index in step for step in steps), steps
    assert not any("indelible_entry_amount" in step for step in steps), steps


def test_the_few_are_told_from_the_many_by_an_index(filled):
    """A client of as many entries as are few goes one way, one more the other, and the sums are the same."""
    store, rows, links = filled
    mine = sum((link.kind, link.ref, link.as_target) == ("person", b"1", False) for link in links)
    wanted = replace(Selection(SIZE), references=PERSON)
    for most, way in ((mine, "typeof("), (mine - 1, "sum(")):
        with few(most, 0):
            statements, _ = query_plan(store, wanted)
            assert statements
            assert all(way in text for text in statements)
            assert sorted(store.rows("lisbon").amounts(wanted), key=str) == looked_at(rows, links, wanted)
