"""The guard campaign: random transactions on guarded tables, and what a model says comes of each.

A booking has items, which count as changes of their booking. A transaction inserts, updates, moves and deletes, puts
documents into the outbox, gives a reason, opens savepoints that end well, in an error or are taken back, and commits or
does not. Then the model says whether the commit was refused, which entries the guard wrote, and what it counted.
"""

from __future__ import annotations

import copy
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg

from indelible.outbox import guard, sql
from indelible.testing.postgres import cluster

_CLINICS = ("c_1", "c_2", "c_3")
_FEW = 100
_MODES: tuple[guard.Mode, ...] = ("refuse", "record", "count")
# Modes are drawn anew, and what was left of the tables before, after so many programs.
_ERA = 20

Change = tuple[str, str | None, str]
# Of a table that is not guarded there is none.
Modes = dict[str, guard.Mode]


@dataclass
class State:
    """What the tables hold, and what the current transaction did. Ids of bookings are text, of items numbers."""

    bookings: dict[str, tuple[str, str]] = field(default_factory=dict)
    items: dict[int, tuple[str, str]] = field(default_factory=dict)
    changes: set[Change] = field(default_factory=set)
    said: set[tuple[str, str]] = field(default_factory=set)
    reason: str | None = None
    reasoned: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)

    def note(self, table: str, rows: list[tuple[str | None, str]], touched: list[str | None]) -> None:
        """One statement: what changed, and, for a reason, the clinics of the rows that it touched."""
        if self.reason is None:
            self.changes |= {(table, clinic, id) for clinic, id in rows}
        else:
            for clinic in touched:
                self.reasoned[table, clinic, self.reason] += 1

    def clinic(self, booking: str) -> str | None:
        return self.bookings[booking][0] if booking in self.bookings else None


@dataclass(frozen=True)
class Outcome:
    """What came of a transaction; `entries` are (clinic, target, table, rows, reason)."""

    refused: bool = False
    entries: tuple[Any, ...] = ()
    counted: tuple[Any, ...] = ()


class Program:
    """One random transaction, run on the database and on the model at once."""

    def __init__(self, rng: random.Random, db: Any, state: State, number: int) -> None:
        self.rng, self.db, self.state, self.number = rng, db, state, number
        self.made = 0

    def steps(self, count: int, depth: int = 0) -> None:
        for _ in range(count):
            if depth < 3 and self.rng.random() < 0.2:
                self.savepoint(depth)
            else:
                self.rng.choice((self.insert, self.insert_items, self.status, self.status, self.touch, self.delete,
                                 self.move_clinic, self.rename_items, self.move_items, self.delete_items,
                                 *(self.tell,) * 5, self.give_reason))()  # fmt: skip

    def savepoint(self, depth: int) -> None:
        before = copy.deepcopy(self.state)
        end = self.rng.choice(("release", "rollback", "error"))
        try:
            with self.db.transaction(force_rollback=end == "rollback"):
                self.steps(self.rng.randint(1, 4), depth + 1)
                if end == "error":
                    self.db.execute("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            pass
        if end != "release":
            self.state = before

    def some(self, of: Any) -> list[Any]:
        every = sorted(of)
        return self.rng.sample(every, min(len(every), self.rng.choice((0, 1, 1, 2, 3))))

    def new_id(self) -> str:
        self.made += 1
        return f"b{self.number}_{self.made}"

    def insert(self) -> None:
        clinic = self.rng.choice(_CLINICS)
        ids = [self.new_id() for _ in range(self.rng.choice((1, 1, 2, 40, 70)))]
        self.db.execute("INSERT INTO booking SELECT id, %s, 'new' FROM unnest(%s::text[]) id", (clinic, ids))
        self.state.bookings |= dict.fromkeys(ids, (clinic, "new"))
        self.state.note("booking", [(clinic, id) for id in ids], [clinic] * len(ids))

    def insert_items(self) -> None:
        for booking in self.some(self.state.bookings):
            (number,) = self.db.execute(
                "INSERT INTO item (booking_id, name) VALUES (%s, 'a') RETURNING n", (booking,)
            ).fetchone()
            self.state.items[number] = (booking, "a")
            clinic = self.state.clinic(booking)
            self.state.note("item", [(clinic, booking)], [clinic])

    def status(self) -> None:
        status, ids = self.rng.choice(("new", "done", "gone")), self.some(self.state.bookings)
        self.db.execute("UPDATE booking SET status = %s, seen = clock_timestamp() WHERE id = ANY (%s)", (status, ids))
        state = self.state
        changed = [(state.clinic(id), id) for id in ids if state.bookings[id][1] != status]
        state.note("booking", changed, [state.clinic(id) for id in ids])
        for id in ids:
            state.bookings[id] = (state.bookings[id][0], status)

    def touch(self) -> None:
        ids = self.some(self.state.bookings)
        self.db.execute("UPDATE booking SET seen = clock_timestamp() WHERE id = ANY (%s)", (ids,))
        self.state.note("booking", [], [self.state.clinic(id) for id in ids])

    def move_clinic(self) -> None:
        clinic, ids, state = self.rng.choice(_CLINICS), self.some(self.state.bookings), self.state
        self.db.execute("UPDATE booking SET clinic_id = %s WHERE id = ANY (%s)", (clinic, ids))
        moved = [id for id in ids if state.clinic(id) != clinic]
        state.note(
            "booking", [pair for id in moved for pair in ((state.clinic(id), id), (clinic, id))], [clinic] * len(ids)
        )
        for id in ids:
            state.bookings[id] = (clinic, state.bookings[id][1])

    def delete(self) -> None:
        ids, state = self.some(self.state.bookings), self.state
        self.db.execute("DELETE FROM booking WHERE id = ANY (%s)", (ids,))
        clinics = [state.bookings.pop(id)[0] for id in ids]
        state.note("booking", list(zip(clinics, ids, strict=True)), list(clinics))
        gone = [number for number, (booking, _) in state.items.items() if booking in ids]
        state.note("item", [(None, state.items[number][0]) for number in gone], [None] * len(gone))
        for number in gone:
            del state.items[number]

    def rename_items(self) -> None:
        name, numbers, state = self.rng.choice("ab"), self.some(self.state.items), self.state
        self.db.execute("UPDATE item SET name = %s WHERE n = ANY (%s)", (name, numbers))
        bookings = [state.items[number] for number in numbers]
        state.note(
            "item", [(state.clinic(b), b) for b, old in bookings if old != name], [state.clinic(b) for b, _ in bookings]
        )
        for number in numbers:
            state.items[number] = (state.items[number][0], name)

    def move_items(self) -> None:
        numbers, state = self.some(self.state.items), self.state
        if not state.bookings:
            return
        to = self.rng.choice(sorted(state.bookings))
        self.db.execute("UPDATE item SET booking_id = %s WHERE n = ANY (%s)", (to, numbers))
        moves, old, new = [], Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for number in numbers:
            before, name = state.items[number]
            old[before, name] += 1
            new[to, name] += 1
            state.items[number] = (to, name)
        # Items have no key that the guard knows: what left and came back alike is no change.
        moves = [(state.clinic(booking), booking) for booking, _ in ((old - new) + (new - old))]
        state.note("item", moves, [state.clinic(to)] * len(numbers))

    def delete_items(self) -> None:
        numbers, state = self.some(self.state.items), self.state
        self.db.execute("DELETE FROM item WHERE n = ANY (%s)", (numbers,))
        bookings = [state.items.pop(number)[0] for number in numbers]
        state.note("item", [(state.clinic(b), b) for b in bookings], [state.clinic(b) for b in bookings])

    def tell(self) -> None:
        """A document about a thing that is there, mostly one that changed and for the right clinic."""
        ids = sorted({id for _, _, id in self.state.changes} or self.state.bookings)
        for id in self.rng.sample(ids, self.rng.randint(0, min(len(ids), 6))):
            clinics = (
                {self.state.clinic(id) or "c_1"} if self.rng.random() < 0.6 else set(self.rng.choices(_CLINICS, k=2))
            )
            for clinic in sorted(clinics):
                self.db.execute(
                    "INSERT INTO indelible.outbox (clinic, action, target_kind, target_id, document)"
                    " VALUES (%s, 'booking.edited', 'booking', %s, '{}')",
                    (clinic, id),
                )
                self.state.said.add((id, clinic))

    def give_reason(self) -> None:
        if self.rng.random() < 0.3:
            self.state.reason = self.rng.choice((None, "why", "because"))
            self.db.execute("SELECT set_config('indelible.reason', %s, true)", (self.state.reason or "",))


def expected(state: State, modes: Modes) -> Outcome:
    """What the commit of this state comes to."""
    changes = {change for change in state.changes if change[0] in modes}
    clinics: dict[str, set[str]] = {}
    for _, clinic, id in changes:
        if clinic is not None:
            clinics.setdefault(id, set()).add(clinic)
    told: dict[str, set[str]] = {}
    for id, clinic in state.said:
        told.setdefault(id, set()).add(clinic)
    judged: dict[Change, bool] = {}
    for table, clinic, id in changes:
        place, recorded = clinic, False
        if place is None and len(clinics.get(id, ())) == 1:
            (place,) = clinics[id]
        elif place is None and id in told:
            place, recorded = (min(told[id]) if len(told[id]) == 1 else None), True
        judged[table, place, id] = recorded or (id, place) in state.said
    outside = [change for change, recorded in judged.items() if not recorded]
    if any(modes[table] == "refuse" for table, _, _ in outside):
        return Outcome(refused=True)
    counted: dict[tuple[str, str], Counter[str]] = {}
    for (table, clinic, _), recorded in judged.items():
        counted.setdefault((table, clinic or ""), Counter())["recorded" if recorded else "outside"] += 1
    entries: list[tuple[Any, ...]] = []
    kept = [change for change in outside if modes[change[0]] == "record"]
    if len(kept) <= _FEW:
        entries += [(clinic, id, table, None, None) for table, clinic, id in kept if clinic]
    else:
        many = Counter((clinic, table) for table, clinic, _ in kept if clinic)
        entries += [(clinic, clinic, table, rows, None) for (clinic, table), rows in many.items()]
    for (table, clinic, reason), rows in state.reasoned.items():
        if table not in modes:
            continue
        counted.setdefault((table, clinic or ""), Counter())["reasoned"] += rows
        if clinic and modes[table] != "count":
            entries.append((clinic, clinic, table, rows, reason))
    return Outcome(False, tuple(sorted(entries, key=repr)), tuple(sorted(
        (*key, sums["recorded"], sums["outside"], sums["reasoned"]) for key, sums in counted.items())))  # fmt: skip


def found(db: Any) -> Outcome:
    """What the database has of the last commit; takes it out."""
    entries = db.execute(
        "SELECT clinic, target_id, document -> 'context' ->> 'table', (document -> 'context' ->> 'rows')::int,"
        " document -> 'context' ->> 'reason' FROM indelible.outbox WHERE action LIKE 'record.%'"
    ).fetchall()
    counted = db.execute(
        "SELECT g.name, t.clinic, sum(recorded)::int, sum(outside)::int, sum(reasoned)::int"
        " FROM indelible.tally t JOIN indelible.guarded g ON g.id = t.guard GROUP BY 1, 2"
    ).fetchall()
    db.execute("DELETE FROM indelible.outbox; DELETE FROM indelible.tally")
    return Outcome(False, tuple(sorted(entries, key=repr)), tuple(sorted(counted)))


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
    started, tallies, wrong = time.monotonic(), Counter[str](), []
    with cluster() as server, server.database() as url, psycopg.connect(url, autocommit=True) as db:
        sql.install(db)
        db.execute("CREATE TABLE booking (id text PRIMARY KEY, clinic_id text, status text, seen timestamptz)")
        db.execute(
            "CREATE TABLE item (n int GENERATED ALWAYS AS IDENTITY, name text,"
            " booking_id text REFERENCES booking ON DELETE CASCADE)"
        )
        state, modes = State(), Modes()
        for number in range(rounds):
            rng = random.Random(f"{seed}/{number}")
            if number % _ERA == 0:
                modes, state = _new_era(rng, db)
            state, outcome, model = _one(Program(rng, db, state, number), modes)
            tallies.update(_kinds(outcome))
            [(left,)] = db.execute("SELECT count(*) FROM indelible.changed")
            if outcome != model or left:
                wrong.append(
                    f"guard: program {number} of seed {seed}, {modes}: {left} left\n  found {outcome}\n  model {model}"
                )
                modes, state = _new_era(rng, db)
    for line in wrong[:10]:
        print(line)
    print(
        f"guard: {rounds} programs, seed {seed}: {tallies['refused']} refused, {tallies['entries']} with entries "
        "of the guard, "
        f"{tallies['counted']} counted, {tallies['quiet']} without a change, {len(wrong)} wrong "
        f"({time.monotonic() - started:.0f} s)"
    )
    return int(bool(wrong))


def _new_era(rng: random.Random, db: Any) -> tuple[Modes, State]:
    """Draw the modes; begin with a few rows that nobody noticed."""
    for name in ("booking", "item"):
        if db.execute("SELECT 1 FROM indelible.guarded WHERE name = %s AND definition IS NOT NULL", (name,)).fetchone():
            guard.remove(db, name)
    db.execute("TRUNCATE booking, item; DELETE FROM indelible.outbox; DELETE FROM indelible.tally")
    state = State({f"b_{n}": (rng.choice(_CLINICS), "new") for n in range(8)})
    for id, (clinic, status) in state.bookings.items():
        db.execute("INSERT INTO booking VALUES (%s, %s, %s)", (id, clinic, status))
        (number,) = db.execute("INSERT INTO item (booking_id, name) VALUES (%s, 'a') RETURNING n", (id,)).fetchone()
        state.items[number] = (id, "a")
    modes: Modes = {"item": rng.choice(_MODES)}
    if rng.random() < 0.7:
        modes["booking"] = rng.choice(_MODES)
        guard.install(db, "booking", "booking", "id", clinic="clinic_id", ignore=["seen"], mode=modes["booking"])
    guard.install(db, "item", "booking", "booking_id", clinic="clinic_id", parent="booking", ignore=["n"],
                  mode=modes["item"])  # fmt: skip
    return modes, state


def _one(program: Program, modes: Modes) -> tuple[State, Outcome, Outcome]:
    """Run a program; return the state behind it, what came of it, and what should have."""
    before = State(copy.deepcopy(program.state.bookings), copy.deepcopy(program.state.items))
    program.state = State(program.state.bookings, program.state.items)
    taken_back = program.rng.random() < 0.1
    refused = False
    try:
        with program.db.transaction(force_rollback=taken_back):
            program.steps(program.rng.randint(1, 8))
    except psycopg.errors.CheckViolation:
        refused = True
    outcome = found(program.db)
    model = Outcome() if taken_back else expected(program.state, modes)
    if refused:
        outcome = Outcome(True, outcome.entries, outcome.counted)
    after = before if refused or taken_back else State(program.state.bookings, program.state.items)
    return after, outcome, model


def _kinds(outcome: Outcome) -> list[str]:
    kinds = [name for name in ("refused", "entries", "counted") if getattr(outcome, name)]
    return kinds or ["quiet"]
