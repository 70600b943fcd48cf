"""Random changes of a cell or a row anywhere in the log: each that changes its content is found, and no other.

What is not the content of the log, and why. `NOT_CONTENT` is this list; everything else must be found.

    installation.name               the first part of origins made later; each log has its origin in its own row
    head.name                       how people call the clinic; a host may change it, and entries hold it as a value
    checkpoint.signed_at            when it was signed; a note says what was signed, and not when
    a checkpoint row that is gone   what it covered, the head store's covers too; the newest may be in the head store
                                    alone after a crash
    person.sealed: the name in it   the latest name, for a list of people; the names of entries are in the entries
    the other clinics               each log is verified by itself
"""

from __future__ import annotations

import os
import random
import sqlite3

from tests.verify.conftest import Tampering

from indelible.errors import IndelibleError

CLINIC = 1  # c_lisbon's number in the tables
CHANGES = 300
# Of a log with a full tile, whose verification takes longer.
CHANGES_OF_TILED = 80
TABLES = ("clinic", "key", "head", "entry", "person", "link", "idempotency", "checkpoint")
# Of which one more is put in, as a copy of one with another key.
MORE = {
    "entry": ("seq",),
    "person": ("token",),
    "link": ("kind", "ref", "as_target", "occurred_at", "seq"),
    "idempotency": ("key",),
    "tile": ("level", "number"),
    "checkpoint": ("size",),
}
NOT_CONTENT = {("head", "name"), ("checkpoint", "signed_at"), ("checkpoint", None)}
SEED = int(os.environ.get("INDELIBLE_SEED", "20260503"))


def another(rng, value, column, table, db):
    """A value that differs from `value`: near it, random, or another row's of the same column."""
    others = [v for (v,) in db.execute(f"SELECT DISTINCT {column} FROM indelible_{table}") if v != value]
    if others and rng.random() < 0.3:
        return rng.choice(others)
    if isinstance(value, int):
        return value + rng.choice([-1, 1, 1_000_000, -(2**40), 2**40])
    if isinstance(value, bytes) and value:
        changed = bytearray(value)
        changed[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
        return rng.choice([bytes(changed), value[:-1], value + b"\x00", b""])
    if isinstance(value, str) and value:
        at = rng.randrange(len(value))
        return rng.choice([value[:at] + "x" + value[at + 1 :] + "y", value[:-1], "", value.upper() + "é"])
    return {"actor": b"x", "amount_minor": 1, "erased_by": 1, "scrubbed_by": 1}.get(
        column, b"x" if isinstance(value, bytes) else "x"
    )


def change(rng, tampering, tables):
    """Make one random change; return (table, column or None for a removed row or "a row more", whether it was made)."""
    table = rng.choice(tables)
    db = tampering.db
    columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info(indelible_{table})")]
    rows = db.execute(f"SELECT * FROM indelible_{table} WHERE clinic = ?", (CLINIC,)).fetchall()
    row = rng.choice(rows)
    where = " AND ".join(f"{name} IS ?" for name in columns)
    if rng.random() < 0.15:
        db.execute(f"DELETE FROM indelible_{table} WHERE {where}", row)
        return table, None, True
    if table in MORE and rng.random() < 0.15:
        column = rng.choice(MORE[table])
        new = {column: another(rng, row[columns.index(column)], column, table, db)}
        if table == "entry":
            new["id"] = rng.randbytes(16)  # of which there is one each, too
        more = [new.get(name, cell) for name, cell in zip(columns, row, strict=True)]
        sql = f"INSERT OR IGNORE INTO indelible_{table} VALUES ({', '.join('?' * len(more))})"
        return table, "a row more", db.execute(sql, more).rowcount == 1
    column = rng.choice(columns[1:])
    value = another(rng, row[columns.index(column)], column, table, db)
    done = db.execute(f"UPDATE OR IGNORE indelible_{table} SET {column} = ? WHERE {where}", (value, *row)).rowcount
    return table, column, done == 1


def check(tampering, changes, tables):
    """Make changes, each of the log as it was; return the (table, column) of those that were made."""
    rng = random.Random(SEED)
    seen = set()
    for number in range(changes):
        tampering.restore()
        try:
            table, column, done = change(rng, tampering, tables)
        except sqlite3.IntegrityError:
            continue  # the schema itself refused this kind of key
        if not done:
            continue
        seen.add((table, column))
        try:
            result = tampering.verify().result
        except IndelibleError:
            result = "refused"
        where = f"change {number} of seed {SEED}, {table}.{column}"
        if (table, column) not in NOT_CONTENT:
            assert result in ("not_intact", "refused"), where
            # Without its head, keys or origin the log cannot be opened at all.
            assert result == "not_intact" or table in ("clinic", "key", "head"), where
        else:
            assert result == "intact", where
    return seen


def test_random_changes_are_found(tampering):
    seen = check(tampering, CHANGES, TABLES)
    assert len(seen) > 40
    assert {(table, "a row more") for table in ("entry", "person", "link", "idempotency")} <= seen


def test_random_changes_of_a_log_with_a_tile_are_found(tiled, tmp_path):
    tampering = Tampering(tiled, tmp_path / "log")
    try:
        seen = check(tampering, CHANGES_OF_TILED, ("tile", "link", "head", "checkpoint", "entry"))
    finally:
        tampering.db.close()
    assert {("tile", None), ("tile", "root"), ("tile", "hashes"), ("tile", "level"), ("tile", "a row more")} <= seen
