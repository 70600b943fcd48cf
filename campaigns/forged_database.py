"""Changes that somebody makes who can write the database's file and has no key; each returns what has to come of it.

What a change is, and what it returns: `hands.py`. `DATABASE` maps the name of each kind to its function and its share
of the changes. Those to sealed values and the keep, and forged erasures: `forged_values.py`.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from typing import Any

from tests.verify.conftest import CLINIC, LINK, NUMBER
from tests.verify.test_random_changes import NOT_CONTENT, TABLES, another

from indelible.catalogue import recognition
from indelible.keep.personal import split
from indelible.proof import checkpoint, merkle
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.note import Signer

from .hands import DEAD_BYTES, FOUND, NOTHING, OTHER, REFUSED, UNSIGNED, WHERE, ByDesign, Expected, Hands, changed

_NOT_CONTENT = {
    ("head", "name"): ByDesign("how people call the clinic"),
    ("checkpoint", "signed_at"): ByDesign("when a checkpoint was signed"),
    ("checkpoint", None): ByDesign("a checkpoint's row removed: the head store covers what it covered"),
}
assert _NOT_CONTENT.keys() == NOT_CONTENT
_DEAD_LINK = ByDesign("a link to a device or network of somebody erased, which nobody can compute")
_WORDS = ByDesign("which device of a person a link is of: the words for a device may be others in each release")
_ERASED_KEY = ByDesign("the HMAC of an idempotency key whose text was erased, with which it could be compared")


# One cell or row


def cell(rng: random.Random, hands: Hands) -> Expected:
    """Change one cell, or remove one row, of any table."""
    table = rng.choice((*TABLES, "tile"))
    columns = [name for _, name, *_ in hands.rows(f"PRAGMA table_info(indelible_{table})")]
    rows = hands.rows(f"SELECT * FROM indelible_{table} WHERE clinic = ?", NUMBER)
    row = rng.choice(rows)
    where = " AND ".join(f"{name} IS ?" for name in columns)
    column = None if rng.random() < 0.15 else rng.choice(columns[1:])
    value = None
    if column is None:
        hands.run(f"DELETE FROM indelible_{table} WHERE {where}", *row)
    else:
        old = row[columns.index(column)]
        value = another(rng, old, column, table, hands.db)
        sql = f"UPDATE OR IGNORE indelible_{table} SET {column} = ? WHERE {where}"
        try:
            if value == old or hands.run(sql, value, *row) != 1:
                return None
        except sqlite3.Error:
            return None  # the schema refuses this kind of value
    return _of_cell(hands, table, column, dict(zip(columns, row, strict=True)), value)


def _of_cell(hands: Hands, table: str, column: str | None, row: dict[str, Any], value: Any) -> Expected:
    """What has to come of one changed cell, or of a removed row."""
    if (table, column) == ("entry", "sealed"):
        same = hands.living_parts(row["seq"], value) == hands.living_parts(row["seq"], row["sealed"])
        return DEAD_BYTES if same else FOUND
    if (table, column) == ("person", "sealed") and row["erased_by"] is not None:
        return DEAD_BYTES
    if table == "link":
        return _of_link(hands, row, column, value)
    if (table, column) == ("idempotency", "key") and hands.key_is_erased(row["seq"]):
        return _ERASED_KEY
    if (table, column) in _NOT_CONTENT:
        return _NOT_CONTENT[table, column]
    return REFUSED if table in ("clinic", "key", "head") else FOUND


def _of_link(hands: Hands, row: dict[str, Any], column: str | None, value: Any) -> Expected:
    if row["kind"] not in (recognition.DEVICE, recognition.NETWORK):
        return FOUND
    if hands.tokens(row["seq"])[recognition.person(hands.body(row["seq"])) or 0] in hands.erased:
        return _DEAD_LINK
    same_person = column == "ref" and row["kind"] == recognition.DEVICE and value[:8] == row["ref"][:8]
    return _WORDS if same_person else FOUND


# Bodies


def body(rng: random.Random, hands: Hands) -> Expected:
    """Edit one member of a body, with ever more of what follows from it made to fit."""
    seq = rng.randint(1, hands.size)
    level = rng.randint(-1, 3)
    old = hands.body(seq)
    new = changed(rng, old)
    if new == old:
        return None

    def edit(members: dict[str, Any]) -> None:
        members.clear()
        members.update(new)

    hands.rewrite(seq, edit, rehash=level >= 0)
    hands.hide(seq, level)
    return UNSIGNED if seq > hands.signed and level >= 2 else FOUND


def amount(rng: random.Random, hands: Hands) -> Expected:
    """Raise the amount of a signed entry, hide every trace, and sign the checkpoints with a key of one's own."""
    seqs = hands.rows(
        "SELECT seq FROM indelible_entry WHERE clinic = ? AND amount_minor > 0 AND seq <= ?", NUMBER, hands.signed
    )
    (seq,) = rng.choice(seqs)
    hands.rewrite(seq, lambda members: members["context"].update(amount_minor=members["context"]["amount_minor"] + 100))
    hands.hide(seq, 2)
    signer = Signer(hands.origin, rng.randbytes(32))
    hands.recheck(signer)
    if rng.random() < 0.5:
        hands.run("UPDATE indelible_clinic SET vkey = ? WHERE clinic = ?", signer.verifier.encode(), NUMBER)
    return FOUND


# Which entries there are


_OF_ENTRIES = ("entry", "link", "idempotency")


def removed(rng: random.Random, hands: Hands) -> Expected:
    """Remove an entry with all that belongs to it; at times the numbers behind it are closed up."""
    seq = rng.randint(1, hands.size - 1)
    for table in _OF_ENTRIES:
        hands.run(f"DELETE FROM indelible_{table} WHERE {WHERE}", NUMBER, seq)
    if rng.random() < 0.7:
        for table in _OF_ENTRIES:
            moved = f"UPDATE indelible_{table} SET seq = seq + ? WHERE clinic = ? AND seq > ?"
            hands.run(moved, 1_000_000, NUMBER, seq)
            hands.run(moved, -1_000_001, NUMBER, 1_000_000)
        for column in ("erased_by", "scrubbed_by"):
            moved = f"UPDATE indelible_person SET {column} = {column} - 1 WHERE clinic = ? AND {column} > ?"
            hands.run(moved, NUMBER, seq)
        if rng.random() < 0.7:
            for number in range(seq, hands.size):
                hands.rewrite(number, lambda members: members.update(seq=members["seq"] - 1), rehash=False)
            hands.retile()
        hands.hide(1, rng.choice([0, 2, 3]))
    return UNSIGNED if seq > hands.signed else FOUND


def exchanged(rng: random.Random, hands: Hands) -> Expected:
    """Exchange the bodies of two entries, with hashes, columns and links; at times also the numbers in them."""
    one, two = rng.sample(range(1, hands.signed + 1), 2)
    bodies = {seq: hands.body(seq) for seq in (one, two)}
    renumber = rng.random() < 0.5
    for seq, other in ((one, two), (two, one)):

        def put(members: dict[str, Any], seq: int = seq, other: int = other) -> None:
            members.clear()
            members.update(bodies[other] | ({"seq": seq} if renumber else {}))

        hands.run(f"UPDATE indelible_entry SET id = ? WHERE {WHERE}", rng.randbytes(16), NUMBER, seq)
        hands.rewrite(seq, put)
    for seq in (one, two):
        hands.hide(seq, 1)
    hands.hide(one, rng.choice([0, 2, 3]))
    return FOUND


def foreign(rng: random.Random, hands: Hands) -> Expected:
    """Put another clinic's entry in an entry's place, or its sealed values or links with it, or its hashes."""
    seq, other = rng.randint(1, hands.signed), rng.randint(1, 40)
    body, sealed = hands.one(f"SELECT body, sealed FROM indelible_entry WHERE {WHERE}", OTHER, other)
    what = rng.choice(["entry", "sealed", "part", "link"])
    if what == "entry":
        hands.run(f"UPDATE indelible_entry SET body = ?, sealed = ? WHERE {WHERE}", body, sealed, NUMBER, seq)
        if rng.random() < 0.5:
            hands.rewrite(seq, lambda members: members.update(seq=seq))
        hands.hide(seq, rng.choice([0, 1, 2, 3]))
        return FOUND
    if what == "link":
        columns = "kind, ref, as_target, occurred_at"
        made = hands.run(
            f"INSERT OR IGNORE INTO indelible_link (clinic, seq, {columns}) SELECT ?, ?, {columns}"
            " FROM indelible_link WHERE clinic = ? AND seq = ?",
            *(NUMBER, seq, OTHER, other),
        )
        return FOUND if made else None
    old = hands.sealed(seq)
    if not sealed:
        return None
    hands.seal(seq, sealed if what == "sealed" else [*hands.parts(seq), rng.choice(split(sealed))])
    if hands.living_parts(seq, hands.sealed(seq)) == hands.living_parts(seq, old):
        return DEAD_BYTES
    return FOUND


def truncated(rng: random.Random, hands: Hands) -> Expected:
    """Cut entries off the end with all that belongs to them, and set the head back."""
    gone = rng.choice([1, 2, hands.size - hands.signed, rng.randint(1, hands.size - 1)])
    size = hands.size - gone
    for table in _OF_ENTRIES:
        hands.run(f"DELETE FROM indelible_{table} WHERE clinic = ? AND seq > ?", NUMBER, size)
    hands.run("DELETE FROM indelible_checkpoint WHERE clinic = ? AND size > ?", NUMBER, size)
    hands.run(
        "DELETE FROM indelible_person WHERE clinic = ? AND token NOT IN"
        " (SELECT ref FROM indelible_link WHERE clinic = ? AND kind = 'person')",
        *(NUMBER, NUMBER),
    )
    for column in ("erased_by", "scrubbed_by"):
        hands.run(
            f"UPDATE indelible_person SET {column} = NULL WHERE clinic = ? AND {column} > ?", NUMBER, size
        )  # fmt: skip
    hands.retile()
    hands.rehead()
    recorded = hands.one(f"SELECT recorded_at FROM indelible_entry WHERE {WHERE}", NUMBER, size)
    hands.run("UPDATE indelible_head SET recorded_at = ? WHERE clinic = ?", *recorded, NUMBER)
    return UNSIGNED if size >= hands.signed else FOUND


def rolled_back(rng: random.Random, hands: Hands) -> Expected:
    """Put an older copy of the whole database back; at times also of the head store, or of all of the keep."""
    hands.db.close()
    older = hands.template / "older"
    what = rng.choice(["database", "database", "heads", "keep"])
    for name in ("activity.db", "activity.db-wal"):
        if (older / name).exists():
            shutil.copy2(older / name, hands.folder / name)
    if what == "heads":
        shutil.copy2(older / "activity.db.keep" / "heads", hands.keep / "heads")
    elif what == "keep":
        shutil.rmtree(hands.keep)
        shutil.copytree(older / "activity.db.keep", hands.keep)
        hands.cover = None  # it opens again whom it knew, and nothing here knows better
    hands.db = sqlite3.connect(hands.path, isolation_level=None)
    return FOUND if what == "database" else ByDesign("database and head store rolled back together")


def appended(rng: random.Random, hands: Hands) -> Expected:
    """Append an entry without any key, made as the log makes them."""
    hands.forge(
        {
            "action": "charge.refunded",
            "actor": {"kind": "system", "reason": "policy:late-cancel"},
            "target": {"kind": "refund", "id": f"re_{rng.randrange(10**6)}"},
            "context": {"amount_minor": rng.randrange(10**6), "currency": "EUR", "source": "policy"},
        }
    )
    return UNSIGNED


# Hashes of the tree


def tile(rng: random.Random, hands: Hands) -> Expected:
    """Change a hash or the root of a tile, its number or level; take it away, double it, or make it of another size."""
    number, level, root, hashes = hands.one(
        "SELECT number, level, root, hashes FROM indelible_tile WHERE clinic = ? ORDER BY random()", NUMBER
    )
    what = rng.choice(
        [
            "hash",
            "exchange",
            "root",
            "whole",
            "number",
            "level",
            "missing",
            "doubled",
            "short",
            "long",
            "empty",
            "other",
        ]
    )
    at, to = (32 * place for place in rng.sample(range(256), 2))
    new = bytearray(hashes)
    if what in ("hash", "whole"):
        new[at : at + 32] = rng.choice([rng.randbytes(32), hashes[to : to + 32]])
    elif what == "exchange":
        new[at : at + 32], new[to : to + 32] = hashes[to : to + 32], hashes[at : at + 32]
    elif what == "short":
        del new[rng.choice([len(new) - 1, len(new) - 32, at]) :]
    elif what == "long":
        new += rng.choice([b"\0", rng.randbytes(32), hashes])
    elif what == "empty":
        new.clear()
    if what in ("root", "whole"):
        frontier = merkle.extend(merkle.Frontier(), [bytes(new[n : n + 32]) for n in range(0, len(new), 32)])
        root = rng.randbytes(32) if what == "root" else frontier.root()
    where = "clinic = ? AND number = ? AND level = ?"
    if what == "missing":
        hands.run(f"DELETE FROM indelible_tile WHERE {where}", NUMBER, number, level)
    elif what in ("doubled", "other"):
        place = rng.choice([(level, number + 1), (level + 1, 0), (level, -1), (-1, 0), (level, 2**40)])
        row = (root, hashes) if what == "doubled" else (rng.randbytes(32), rng.randbytes(8192))
        hands.run("INSERT INTO indelible_tile VALUES (?, ?, ?, ?, ?)", NUMBER, *place, *row)
    elif what in ("number", "level"):
        value = rng.choice([1, 2, -1, 2**40])
        hands.run(f"UPDATE indelible_tile SET {what} = ? WHERE {where}", value, NUMBER, number, level)
    else:
        sql = f"UPDATE indelible_tile SET root = ?, hashes = ? WHERE {where}"
        hands.run(sql, root, bytes(new), NUMBER, number, level)
    return FOUND


# Links, persons, keys of idempotency


def link(rng: random.Random, hands: Hands) -> Expected:
    """Remove a link, add one, or exchange what two links point at."""
    rows = hands.rows(f"SELECT {LINK} FROM indelible_link WHERE clinic = ? ORDER BY seq, kind, ref", NUMBER)
    names = LINK.split(", ")
    where = " AND ".join(f"{name} = ?" for name in names)
    row, other = rng.sample(rows, 2)
    if rng.random() < 0.3:
        sign_ins = [one for one in rows if one[1] in (recognition.DEVICE, recognition.NETWORK)]
        row = rng.choice(sign_ins)
        other = rng.choice([one for one in sign_ins if one != row])
    what = rng.choice(["delete", "add", "exchange"])
    ref, target, seq = names.index("ref"), names.index("as_target"), names.index("seq")
    made = list(row)
    made[ref] = other[ref]
    if what == "add" and rng.random() < 0.5:
        made = list(row)
        made[target] = rng.choice([1 - row[target], 2, -1])
    expected = _of_link(hands, dict(zip(names, row, strict=True)), None if what == "delete" else "ref", made[ref])
    if what == "add" and expected == _WORDS:
        expected = FOUND  # two devices of one sign-in
    if what != "add":
        hands.run(f"DELETE FROM indelible_link WHERE {where}", *row)
    if what == "delete":
        return expected
    if tuple(made) in rows:
        return expected if what == "exchange" and tuple(made) != row else None
    hands.run(f"INSERT INTO indelible_link ({LINK}) VALUES (?, ?, ?, ?, ?, ?)", *made)
    assert made[seq] == row[seq]
    return expected


def person(rng: random.Random, hands: Hands) -> Expected:
    """Exchange what two person rows hold or by what they were erased; give one to another token; add or remove one."""
    columns = "token, erased_by, scrubbed_by, sealed"
    rows = hands.rows(f"SELECT {columns} FROM indelible_person WHERE clinic = ? ORDER BY token", NUMBER)
    one, two = rng.sample(rows, 2)
    what = rng.choice(["sealed", "erased_by", "scrubbed_by", "token", "add", "remove"])
    if what == "add":
        row = (rng.randbytes(16), rng.choice([None, one[1]]), None, rng.choice([one[3], rng.randbytes(60)]))
        hands.run("INSERT INTO indelible_person VALUES (?, ?, ?, ?, ?)", NUMBER, *row)
        return FOUND
    where = "WHERE clinic = ? AND token = ?"
    if what == "remove":
        hands.run(f"DELETE FROM indelible_person {where}", NUMBER, one[0])
        return FOUND
    if what == "token":
        hands.run(f"UPDATE indelible_person SET token = ? {where}", rng.randbytes(16), NUMBER, one[0])
        return FOUND
    at = columns.split(", ").index(what)
    if one[at] == two[at]:
        return None
    for row, value in ((one, two[at]), (two, one[at])):
        hands.run(f"UPDATE indelible_person SET {what} = ? {where}", value, NUMBER, row[0])
    return DEAD_BYTES if what == "sealed" and one[1] and two[1] else FOUND


def old_name(rng: random.Random, hands: Hands) -> Expected:
    """Put an older row of the same person back, with the name of then."""
    with hands.older() as older:
        rows = older.execute("SELECT token, sealed FROM indelible_person WHERE clinic = ? ORDER BY 1", [NUMBER])
        token, then = rng.choice([row for row in rows.fetchall() if row[0] not in hands.erased])
    sql = "UPDATE indelible_person SET sealed = ? WHERE clinic = ? AND token = ? AND sealed <> ?"
    if not hands.run(sql, then, NUMBER, token, then):
        return None
    return ByDesign("the latest name of a person, set back to an older one")


def idempotency(rng: random.Random, hands: Hands) -> Expected:
    """Exchange what two keys lead to, or add a key."""
    (key, seq), (key2, seq2) = rng.sample(
        hands.rows("SELECT key, seq FROM indelible_idempotency WHERE clinic = ? ORDER BY seq", NUMBER), 2
    )
    if rng.random() < 0.5:
        hands.run("INSERT INTO indelible_idempotency VALUES (?, ?, ?)", NUMBER, rng.randbytes(16), seq)
    else:
        put = "UPDATE indelible_idempotency SET seq = ? WHERE clinic = ? AND key = ?"
        hands.run(put, seq, NUMBER, key2)
        hands.run(put, seq2, NUMBER, key)
        if hands.key_is_erased(seq) and hands.key_is_erased(seq2):
            return _ERASED_KEY
    return FOUND


# Checkpoints, clinic and keys


def checkpoints(rng: random.Random, hands: Hands) -> Expected:
    """Forge a checkpoint: with a note of another size or clinic, or of one's own, for any size."""
    rows = hands.rows("SELECT size, root, frontier, note FROM indelible_checkpoint WHERE clinic = ?", NUMBER)
    one, two = rng.sample(rows, 2)
    what = rng.choice(["note", "whole", "foreign", "own", "between", "ahead"])
    signer = Signer(hands.origin, rng.randbytes(32))
    put = "UPDATE indelible_checkpoint SET root = ?, frontier = ?, note = ? WHERE clinic = ? AND size = ?"
    if what == "note":
        hands.run(put, one[1], one[2], two[3], NUMBER, one[0])
    elif what == "whole":
        hands.run(put, *two[1:], NUMBER, one[0])
    elif what == "foreign":
        theirs = hands.one("SELECT root, frontier, note FROM indelible_checkpoint WHERE clinic = ?", OTHER)
        hands.run(put, *theirs, NUMBER, one[0])
    elif what == "own":
        hands.run(put, *one[1:3], checkpoint.sign(Checkpoint(hands.origin, *one[:2]), signer), NUMBER, one[0])
    else:
        taken = {row[0] for row in rows}
        size = hands.size + 5 if what == "ahead" else rng.choice([n for n in range(1, hands.size) if n not in taken])
        frontier = hands.frontier(size)
        note = checkpoint.sign(Checkpoint(hands.origin, size, frontier.root()), signer)
        values = (NUMBER, size, frontier.root(), frontier.encode(), note, 0)
        hands.run("INSERT INTO indelible_checkpoint VALUES (?, ?, ?, ?, ?, ?)", *values)
    return FOUND


_NUMBERED = ("clinic", "key", "head", "entry", "tile", "person", "link", "idempotency", "checkpoint")


def clinics(rng: random.Random, hands: Hands) -> Expected:
    """Give the clinic what is another's: origin, public key, nobody's token, zone, keys, all rows; or close it."""
    what = rng.choice(["origin", "vkey", "nobody", "time_zone", "keys", "closed", "renumber", "renumber", "rename"])
    both = (NUMBER, OTHER)
    if what == "keys":
        kind = rng.choice(["lookup", "signing"])
        wrapped = dict(hands.rows("SELECT clinic, wrapped FROM indelible_key WHERE kind = ?", kind))
        for clinic, other in (both, both[::-1]):
            hands.run(
                "UPDATE indelible_key SET wrapped = ? WHERE clinic = ? AND kind = ?", wrapped[other], clinic, kind
            )
    elif what == "closed":
        hands.run("UPDATE indelible_head SET closed_at = 1 WHERE clinic = ?", NUMBER)
    elif what == "renumber":
        tables = _NUMBERED if rng.random() < 0.5 else [rng.choice(_NUMBERED[1:])]
        for old, new in ((NUMBER, 99), (OTHER, NUMBER), (99, OTHER)):
            for table in tables:
                hands.run(f"UPDATE indelible_{table} SET clinic = ? WHERE clinic = ?", new, old)
        if tables is _NUMBERED:
            return NOTHING  # a clinic's number is nobody's but the tables'
    elif what == "rename":
        for name, another_name in ((CLINIC, "x"), ("c_porto", CLINIC), ("x", "c_porto")):
            hands.run("UPDATE indelible_clinic SET clinic_id = ? WHERE clinic_id = ?", another_name, name)
    elif what == "time_zone":
        hands.run("UPDATE indelible_head SET time_zone = 'Asia/Tokyo' WHERE clinic = ?", NUMBER)
    else:
        values = dict(hands.rows(f"SELECT clinic, {what} FROM indelible_clinic"))
        for clinic, value in zip((NUMBER, OTHER, NUMBER), ("x", values[NUMBER], values[OTHER]), strict=True):
            value = value if isinstance(values[NUMBER], str) else value if isinstance(value, bytes) else b"x"
            hands.run(f"UPDATE indelible_clinic SET {what} = ? WHERE clinic = ?", value, clinic)
    return REFUSED


# What changes no logical content


def vacuumed(rng: random.Random, hands: Hands) -> Expected:
    """Rewrite the file: VACUUM, REINDEX, another page size or way of journalling."""
    for statement in rng.choice(
        [["VACUUM"], ["REINDEX", "ANALYZE"], ["PRAGMA journal_mode = DELETE", "PRAGMA page_size = 4096", "VACUUM"]]
    ):
        hands.db.execute(statement).fetchall()
    return NOTHING


def reordered_rows(rng: random.Random, hands: Hands) -> Expected:
    """Write a table's rows anew in another physical order."""
    table = rng.choice(_NUMBERED)
    rows = hands.rows(f"SELECT * FROM indelible_{table}")
    rng.shuffle(rows)
    hands.run("BEGIN")
    hands.run(f"DELETE FROM indelible_{table}")
    hands.db.executemany(f"INSERT INTO indelible_{table} VALUES (?{', ?' * (len(rows[0]) - 1)})", rows)
    hands.run("COMMIT")
    return NOTHING


def elsewhere(rng: random.Random, hands: Hands) -> Expected:
    """Change the other clinic's rows, and a table of the host's own in the same file."""
    table = rng.choice(("entry", "tile", "link", "person", "checkpoint", "idempotency"))
    hands.run(f"DELETE FROM indelible_{table} WHERE clinic = ?", OTHER)
    hands.run("CREATE TABLE host (x)")
    return NOTHING


DATABASE: dict[str, tuple[Callable[[random.Random, Hands], Expected], int]] = {
    "one cell or row of any table": (cell, 24),
    "body edited, traces covered": (body, 12),
    "amount raised, signed with another key": (amount, 2),
    "entry removed from the middle": (removed, 3),
    "two entries exchanged": (exchanged, 2),
    "another clinic's rows": (foreign, 3),
    "entries cut off the end": (truncated, 3),
    "older database put back": (rolled_back, 1),
    "entry appended without keys": (appended, 1),
    "tile changed, removed, moved, doubled": (tile, 6),
    "link removed, added, exchanged": (link, 4),
    "person rows exchanged, added, removed": (person, 3),
    "older name of a person": (old_name, 1),
    "idempotency keys exchanged or added": (idempotency, 2),
    "checkpoint forged": (checkpoints, 4),
    "clinic and key rows exchanged": (clinics, 3),
    "no change: VACUUM and the like": (vacuumed, 1),
    "no change: rows in another order": (reordered_rows, 2),
    "no change: other clinic, host's table": (elsewhere, 1),
}
