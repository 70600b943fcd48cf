"""Random changes of one cell or one row anywhere in the log: each change of its content is found, and no other is.

What is not the content of the log, and why. `NOT_CONTENT` is this list; everything else must be found.

    installation.name, created_at   the first part of origins made later; each log has its origin in its own row
    clinic.name                     how people call the clinic; a host may change it, and entries hold it as a value
    clinic.created_at               when the row was made; the log begins with its first entry
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

from indelible.errors import IndelibleError

CLINIC = 1  # c_lisbon's number in the tables
CHANGES = 300
TABLES = ("clinic", "key", "head", "entry", "person", "link", "idempotency", "checkpoint")
NOT_CONTENT = {("clinic", "name"), ("clinic", "created_at"), ("checkpoint", "signed_at"), ("checkpoint", None)}
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


def change(rng, tampering):
    """Make one random change; return (table, column or None for a removed row, whether it was made)."""
    table = rng.choice(TABLES)
    db = tampering.db
    columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info(indelible_{table})")]
    rows = db.execute(f"SELECT * FROM indelible_{table} WHERE clinic = ?", (CLINIC,)).fetchall()
    row = rng.choice(rows)
    where = " AND ".join(f"{name} IS ?" for name in columns)
    if rng.random() < 0.15:
        db.execute(f"DELETE FROM indelible_{table} WHERE {where}", row)
        return table, None, True
    column = rng.choice(columns[1:])
    value = another(rng, row[columns.index(column)], column, table, db)
    done = db.execute(f"UPDATE OR IGNORE indelible_{table} SET {column} = ? WHERE {where}", (value, *row)).rowcount
    return table, column, done == 1


def test_random_changes_are_found(tampering):
    rng = random.Random(SEED)
    seen = set()
    for number in range(CHANGES):
        tampering.restore()
        try:
            table, column, done = change(rng, tampering)
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
    assert len(seen) > 40
