"""Changes that somebody makes who can write the database's file and has no key; each returns what has to come of it.

A change is a function of a random source and of `Hands` on a copy of the log. It returns

    FOUND             verification has to find it
    REFUSED           or the log has to refuse to be opened: without origin, keys or head there is nothing to verify
    NOTHING           it changes no logical content, and nothing may be reported
    ByDesign(why)     it is not convicted, and the README or the note at NOT_CONTENT says so; a finding is no fault
    None              nothing came of it (another row of the same content, a key that the schema refuses)

`DATABASE` maps the name of each kind to its function and its share of the changes.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.verify.conftest import CLINIC, LINK, Tampering
from tests.verify.test_random_changes import NOT_CONTENT, TABLES, another

from indelible import checkpoint, entry, merkle
from indelible.checkpoint import Checkpoint
from indelible.errors import IndelibleError, MalformedProof
from indelible.journal import ClinicLog, Journal
from indelible.note import Signer

from .material import OTHER


@dataclass(frozen=True, slots=True)
class ByDesign:
    """What the README says is not proven, in a few words."""

    why: str


FOUND, REFUSED, NOTHING = "found", "found or refused", "nothing"
Expected = str | ByDesign | None

UNSIGNED = ByDesign("an entry behind the last checkpoint, which nothing signs yet")
_NOT_CONTENT = {
    ("clinic", "name"): ByDesign("how people call the clinic"),
    ("clinic", "created_at"): ByDesign("when the clinic's row was made"),
    ("checkpoint", "signed_at"): ByDesign("when a checkpoint was signed"),
    ("checkpoint", None): ByDesign("a checkpoint's row removed: the head store covers what it covered"),
}
assert _NOT_CONTENT.keys() == NOT_CONTENT
_ERASED_ROW = ByDesign("the empty place of an erased row")
_ERASED_KEY = ByDesign("the HMAC of an idempotency key whose text was erased, with which it could be compared")


class Hands(Tampering):
    """Raw hands on a copy of the log, with what a forger computes without keys. `signed` is the last signed size."""

    def __init__(self, template: Path, folder: Path) -> None:
        super().__init__(template, folder)
        self.size, self.signed = self.one("SELECT size FROM indelible_head WHERE clinic_id = ?", CLINIC)[0], 0
        self.signed = self.one("SELECT max(size) FROM indelible_checkpoint WHERE clinic_id = ?", CLINIC)[0]

    def restore(self) -> None:
        super().restore()
        self.db.execute("PRAGMA synchronous = OFF")

    def rows(self, sql: str, *values: Any) -> list[Any]:
        return self.db.execute(sql, values).fetchall()

    def keyed(self, work: Callable[[ClinicLog], None]) -> None:
        """Do something with the log's keys."""
        with Journal(self.path) as journal:
            work(journal.clinic(CLINIC))

    def body(self, seq: int) -> dict[str, Any]:
        row = self.one("SELECT body FROM indelible_entry WHERE clinic_id = ? AND seq = ?", CLINIC, seq)
        return dict(json.loads(row[0]))

    def cover(self, seq: int, level: int) -> None:
        """Hide the traces of a changed body: 1 columns and links, 2 also the head, 3 also the checkpoints' rows."""
        if level >= 1:
            try:
                self.project(seq)
            except (MalformedProof, KeyError, TypeError, sqlite3.Error):
                return
        if level >= 2:
            self.rehead()
        if level >= 3:
            self.recheck(None)

    def recheck(self, signer: Signer | None) -> None:
        """Bring the checkpoints' rows in line with the leaves there are, signed by `signer` or with their notes."""
        for (size,) in self.rows("SELECT size FROM indelible_checkpoint WHERE clinic_id = ?", CLINIC):
            frontier = self.frontier(size)
            note = None
            if signer is not None:
                note = checkpoint.sign(Checkpoint(signer.name, size, frontier.root()), signer)
            self.run(
                "UPDATE indelible_checkpoint SET root = ?, frontier = ?, note = coalesce(?, note)"
                " WHERE clinic_id = ? AND size = ?",
                *(frontier.root(), frontier.encode(), note, CLINIC, size),
            )

    def forge(self, members: dict[str, Any]) -> int:
        """Append an entry as the log would, with columns, links and head; return its seq."""
        last = self.body(seq := self.one("SELECT max(seq) FROM indelible_entry WHERE clinic_id = ?", CLINIC)[0])
        made = {name: last[name] for name in ("v", "recorded_at", "zone", "offset_minutes", "action_version")}
        made |= {"occurred_at": last["recorded_at"], "seq": seq + 1, "id": _uuid7(last["id"], seq)} | members
        made = {"tokens": [], "personal": [], "context": {}} | made
        body = json.dumps(made, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        columns = entry.columns(entry.decode(body))
        names = ", ".join(("clinic_id", "seq", *columns._fields, "body", "leaf_hash"))
        values = (CLINIC, seq + 1, *columns, body, merkle.leaf_hash(body))
        self.run(f"INSERT INTO indelible_entry ({names}) VALUES (?{', ?' * (len(values) - 1)})", *values)
        self.cover(seq + 1, 2)
        return int(seq) + 1

    def erase(self, token: bytes) -> int:
        """Empty a person's rows as the log does; return how many."""
        self.run("DELETE FROM indelible_person WHERE clinic_id = ? AND token = ?", CLINIC, token)
        return self.run(
            "UPDATE indelible_personal SET sealed = NULL WHERE clinic_id = ? AND token = ? AND class <> 'evidence'",
            *(CLINIC, token),
        )

    def living(self, rng: random.Random) -> bytes:
        """The token of a client who was not anonymized."""
        tokens = self.rows(
            "SELECT DISTINCT p.token FROM indelible_person p JOIN indelible_link l ON l.clinic_id = p.clinic_id"
            " AND l.ref = p.token AND l.kind = 'person' AND l.role = 'client' WHERE p.clinic_id = ? ORDER BY 1",
            CLINIC,
        )
        return bytes(rng.choice(tokens)[0])

    def key_is_erased(self, seq: int) -> bool:
        """Whether an entry was recorded with an idempotency key that anonymizing has erased."""
        members = self.body(seq)
        tokens = [members["tokens"][g["owner"]] for g in members["personal"] if "key" in g["paths"]]
        sql = "SELECT 1 FROM indelible_personal WHERE clinic_id = ? AND seq = ? AND token = ? AND class = 'identity'"
        row = self.one(f"{sql} AND sealed IS NOT NULL", CLINIC, seq, bytes.fromhex(tokens[0]))
        return row is None

    def erasure_seqs(self) -> list[int]:
        found = self.rows(
            "SELECT seq FROM indelible_entry WHERE clinic_id = ? AND action = 'client.anonymized'", CLINIC
        )
        return [seq for (seq,) in found]


def _uuid7(like: str, number: int) -> str:
    value = uuid.UUID(like).int & ~0xFFFFFFFF | number
    return str(uuid.UUID(int=value))


# One cell or row


def cell(rng: random.Random, hands: Hands) -> Expected:
    """Change one cell, or remove one row, of any table."""
    table = rng.choice(TABLES)
    columns = [name for _, name, *_ in hands.rows(f"PRAGMA table_info(indelible_{table})")]
    rows = hands.rows(f"SELECT * FROM indelible_{table} WHERE clinic_id = ?", CLINIC)
    row = rng.choice(rows)
    where = " AND ".join(f"{name} IS ?" for name in columns)
    column = None if rng.random() < 0.15 else rng.choice(columns[1:])
    if column is None:
        hands.run(f"DELETE FROM indelible_{table} WHERE {where}", *row)
    else:
        value = another(rng, row[columns.index(column)], column, table, hands.db)
        sql = f"UPDATE OR IGNORE indelible_{table} SET {column} = ? WHERE {where}"
        try:
            if value == row[columns.index(column)] or hands.run(sql, value, *row) != 1:
                return None
        except sqlite3.Error:
            return None  # the schema refuses this kind of value
    if table == "personal" and row[columns.index("sealed")] is None and column != "sealed":
        return _ERASED_ROW
    if (table, column) == ("idempotency", "key") and hands.key_is_erased(row[columns.index("seq")]):
        return _ERASED_KEY
    if (table, column) in _NOT_CONTENT:
        return _NOT_CONTENT[table, column]
    return REFUSED if table in ("clinic", "key", "head") else FOUND


# Bodies


def _changed(rng: random.Random, value: Any) -> Any:
    """A JSON value that differs from `value` in one place."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        if rng.random() < 0.15:
            return {key: member for key, member in value.items() if key != name}
        return {**value, name: _changed(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        what = rng.random()
        if what < 0.15:
            return value[:at] + value[at + 1 :]
        if what < 0.3:
            return [*value[:at], value[at], *value[at:]]
        if what < 0.45 and (other := value[::-1]) != value:
            return other
        return [*value[:at], _changed(rng, value[at]), *value[at + 1 :]]
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + rng.choice([-1, 1, 60, 1000])
    if isinstance(value, str) and value:
        at = rng.randrange(len(value))
        new = rng.choice([c for c in "0123456789abcdefZ-é" if c != value[at]])
        return value[:at] + new + value[at + 1 :]
    return {"x": 1} if isinstance(value, dict) else ["x"] if isinstance(value, list) else "x"


def body(rng: random.Random, hands: Hands) -> Expected:
    """Edit one member of a body, with ever more of what follows from it made to fit."""
    seq = rng.randint(1, hands.size)
    level = rng.randint(-1, 3)
    old = hands.body(seq)
    new = _changed(rng, old)
    if new == old:
        return None

    def edit(members: dict[str, Any]) -> None:
        members.clear()
        members.update(new)

    hands.rewrite(seq, edit, rehash=level >= 0)
    hands.cover(seq, level)
    return UNSIGNED if seq > hands.signed and level >= 2 else FOUND


def amount(rng: random.Random, hands: Hands) -> Expected:
    """Raise the amount of a signed entry, hide every trace, and sign the checkpoints with a key of one's own."""
    seqs = hands.rows(
        "SELECT seq FROM indelible_entry WHERE clinic_id = ? AND amount_minor > 0 AND seq <= ?", CLINIC, hands.signed
    )
    (seq,) = rng.choice(seqs)
    hands.rewrite(seq, lambda members: members["context"].update(amount_minor=members["context"]["amount_minor"] + 100))
    hands.cover(seq, 2)
    (origin,) = hands.one("SELECT origin FROM indelible_clinic WHERE clinic_id = ?", CLINIC)
    signer = Signer(origin, rng.randbytes(32))
    hands.recheck(signer)
    if rng.random() < 0.5:
        hands.run("UPDATE indelible_clinic SET vkey = ? WHERE clinic_id = ?", signer.verifier.encode(), CLINIC)
    return FOUND


# Which entries there are


def _drop(hands: Hands, seq: int) -> None:
    for table in ("entry", "personal", "link", "idempotency"):
        hands.run(f"DELETE FROM indelible_{table} WHERE clinic_id = ? AND seq = ?", CLINIC, seq)


def removed(rng: random.Random, hands: Hands) -> Expected:
    """Remove an entry with all that belongs to it; at times the numbers behind it are closed up."""
    seq = rng.randint(1, hands.size - 1)
    _drop(hands, seq)
    if rng.random() < 0.7:
        for table in ("entry", "personal", "link", "idempotency"):
            moved = f"UPDATE indelible_{table} SET seq = seq + ? WHERE clinic_id = ? AND seq > ?"
            hands.run(moved, 1_000_000, CLINIC, seq)
            hands.run(moved, -1_000_001, CLINIC, 1_000_000)
        if rng.random() < 0.7:
            for number in range(seq, hands.size):
                hands.rewrite(number, lambda members: members.update(seq=members["seq"] - 1))
        hands.cover(1, rng.choice([0, 2, 3]))
    return UNSIGNED if seq > hands.signed else FOUND


def exchanged(rng: random.Random, hands: Hands) -> Expected:
    """Exchange the bodies of two entries, with leaf hashes, columns and links; at times also the numbers in them."""
    one, two = rng.sample(range(1, hands.signed + 1), 2)
    bodies = {seq: hands.body(seq) for seq in (one, two)}
    renumber = rng.random() < 0.5
    for seq, other in ((one, two), (two, one)):

        def put(members: dict[str, Any], seq: int = seq, other: int = other) -> None:
            members.clear()
            members.update(bodies[other] | ({"seq": seq} if renumber else {}))

        hands.run("UPDATE indelible_entry SET id = ? WHERE clinic_id = ? AND seq = ?", rng.randbytes(16), CLINIC, seq)
        hands.rewrite(seq, put)
    for seq in (one, two):
        hands.cover(seq, 1)
    hands.cover(one, rng.choice([0, 2, 3]))
    return FOUND


def foreign(rng: random.Random, hands: Hands) -> Expected:
    """Put another clinic's entry in an entry's place, or its personal rows or links with it."""
    seq, other = rng.randint(1, hands.signed), rng.randint(1, 40)
    row = hands.one("SELECT body, leaf_hash FROM indelible_entry WHERE clinic_id = ? AND seq = ?", OTHER, other)
    what = rng.choice(["entry", "personal", "link"])
    if what == "entry":
        sql = "UPDATE indelible_entry SET body = ?, leaf_hash = ? WHERE clinic_id = ? AND seq = ?"
        hands.run(sql, *row, CLINIC, seq)
        if rng.random() < 0.5:
            hands.rewrite(seq, lambda members: members.update(seq=seq))
        hands.cover(seq, rng.choice([0, 1, 2, 3]))
        return FOUND
    columns = {"personal": "token, class, sealed", "link": "kind, ref, occurred_at, role"}[what]
    alive = " AND sealed IS NOT NULL" if what == "personal" else ""
    try:
        made = hands.run(
            f"INSERT INTO indelible_{what} (clinic_id, seq, {columns}) SELECT ?, ?, {columns}"
            f" FROM indelible_{what} WHERE clinic_id = ? AND seq = ?{alive}",
            *(CLINIC, seq, OTHER, other),
        )
    except sqlite3.IntegrityError:
        return None
    return FOUND if made else None


def truncated(rng: random.Random, hands: Hands) -> Expected:
    """Cut entries off the end with all that belongs to them, and set the head back."""
    gone = rng.choice([1, 2, hands.size - hands.signed, rng.randint(1, hands.size - 1)])
    size = hands.size - gone
    for table in ("entry", "personal", "link", "idempotency"):
        hands.run(f"DELETE FROM indelible_{table} WHERE clinic_id = ? AND seq > ?", CLINIC, size)
    hands.run("DELETE FROM indelible_checkpoint WHERE clinic_id = ? AND size > ?", CLINIC, size)
    hands.run(
        "DELETE FROM indelible_person WHERE clinic_id = ? AND token NOT IN"
        " (SELECT token FROM indelible_personal WHERE clinic_id = ? AND sealed IS NOT NULL)",
        *(CLINIC, CLINIC),
    )
    hands.rehead()
    recorded = hands.one("SELECT recorded_at FROM indelible_entry WHERE clinic_id = ? AND seq = ?", CLINIC, size)
    hands.run("UPDATE indelible_head SET recorded_at = ? WHERE clinic_id = ?", *recorded, CLINIC)
    return UNSIGNED if size >= hands.signed else FOUND


def rolled_back(rng: random.Random, hands: Hands) -> Expected:
    """Put an older copy of the whole database back; at times also of the head store."""
    hands.db.close()
    older = hands.template / "older"
    names = ["activity.db", "activity.db-wal"]
    both = rng.random() < 0.3
    for name in [*names, "activity.db.heads"] if both else names:
        if (older / name).exists():
            shutil.copy2(older / name, hands.folder / name)
    hands.db = sqlite3.connect(hands.path, isolation_level=None)
    return ByDesign("database and head store rolled back together") if both else FOUND


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


# Personal rows


def _alive(rng: random.Random, hands: Hands, many: int = 1) -> list[Any]:
    rows = hands.rows(
        "SELECT seq, token, class, sealed FROM indelible_personal WHERE clinic_id = ? AND sealed IS NOT NULL"
        " ORDER BY seq, token, class",
        CLINIC,
    )
    return rng.sample(rows, many)


_ONE = "clinic_id = ? AND seq = ? AND token = ? AND class = ? AND sealed IS NOT NULL"


def personal(rng: random.Random, hands: Hands) -> Expected:
    """Remove or empty a row of values, exchange two, copy one elsewhere, or flip a bit in it."""
    (seq, token, kind, sealed), (seq2, token2, kind2, sealed2) = _alive(rng, hands, 2)
    what = rng.choice(["delete", "empty", "exchange", "copy", "flip", "move"])
    put = f"UPDATE indelible_personal SET sealed = ? WHERE {_ONE}"
    if what == "delete":
        hands.run(f"DELETE FROM indelible_personal WHERE {_ONE}", CLINIC, seq, token, kind)
    elif what == "empty":
        hands.run(put, None, CLINIC, seq, token, kind)
    elif what == "exchange":
        hands.run(put, sealed2, CLINIC, seq, token, kind)
        hands.run(put, sealed, CLINIC, seq2, token2, kind2)
    elif what == "flip":
        data = bytearray(sealed)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        hands.run(put, bytes(data), CLINIC, seq, token, kind)
    else:
        try:
            if what == "copy":
                hands.run("INSERT INTO indelible_personal VALUES (?, ?, ?, ?, ?)", CLINIC, seq2, token, kind, sealed)
            else:
                sql = f"UPDATE indelible_personal SET seq = ? WHERE {_ONE}"
                return FOUND if seq2 != seq and hands.run(sql, seq2, CLINIC, seq, token, kind) else None
        except sqlite3.IntegrityError:
            return None
    return FOUND


def restored(rng: random.Random, hands: Hands) -> Expected:
    """Put values back that were erased, out of an older copy: one row or all of a person's, at times the person too."""
    with closing(sqlite3.connect(hands.template / "older" / "activity.db")) as older:
        rows = older.execute(
            "SELECT seq, token, class, sealed FROM indelible_personal WHERE clinic_id = ? AND sealed IS NOT NULL"
            " AND class <> 'evidence' ORDER BY seq, token, class", [CLINIC]
        ).fetchall()  # fmt: skip
        alive = set(hands.rows("SELECT seq, token, class FROM indelible_personal WHERE sealed IS NOT NULL"))
        gone = [row for row in rows if row[:3] not in alive]
        chosen = rng.choice(gone)
        many = [row for row in gone if row[1] == chosen[1]] if rng.random() < 0.5 else [chosen]
        for seq, token, kind, sealed in many:
            hands.run("DELETE FROM indelible_personal WHERE clinic_id = ? AND seq = ? AND token = ? AND class = ?",
                      CLINIC, seq, token, kind)  # fmt: skip
            hands.run("INSERT INTO indelible_personal VALUES (?, ?, ?, ?, ?)", CLINIC, seq, token, kind, sealed)
        if rng.random() < 0.5:
            person = older.execute("SELECT * FROM indelible_person WHERE token = ?", [chosen[1]]).fetchone()
            hands.run("INSERT OR IGNORE INTO indelible_person VALUES (?, ?, ?, ?)", *person)
    return FOUND


def person_restored(rng: random.Random, hands: Hands) -> Expected:
    """Put back the row by which an anonymized client was found, and nothing else."""
    with closing(sqlite3.connect(hands.template / "older" / "activity.db")) as older:
        rows = older.execute("SELECT * FROM indelible_person WHERE clinic_id = ? ORDER BY token", [CLINIC]).fetchall()
    known = {token for (token,) in hands.rows("SELECT token FROM indelible_person WHERE clinic_id = ?", CLINIC)}
    row = rng.choice([row for row in rows if row[1] not in known])
    # The client may have come back since, and then has a row of that look-up value.
    hands.run("DELETE FROM indelible_person WHERE clinic_id = ? AND lookup = ?", CLINIC, row[2])
    hands.run("INSERT INTO indelible_person VALUES (?, ?, ?, ?)", *row)
    return FOUND


# Forged erasures: values destroyed, and an entry that is to account for it


def _erasing(token: bytes, seq: int) -> dict[str, Any]:
    person = {"person": 0}
    return {
        "action": entry.ANONYMIZED,
        "actor": {"kind": "client", **person},
        "target": {"kind": "client", **person},
        "tokens": [token.hex()],
        "personal": [],
        "context": {"requested_by": "client", "entries": 3, "identity_values": 9, "network_values": 2},
        "erases": {**person, "classes": list(entry.ERASED_CLASSES), "up_to_seq": seq - 1},
    }


def erased_without(rng: random.Random, hands: Hands) -> Expected:
    """Destroy a client's values as the log would, and account for it nowhere."""
    hands.erase(hands.living(rng))
    return FOUND


def erased_by_append(rng: random.Random, hands: Hands) -> Expected:
    """Destroy a client's values, and append an entry that says so, with all that belongs to such an entry."""
    token = hands.living(rng)
    hands.erase(token)
    if rng.random() < 0.3:
        hands.forge(_erasing(token, hands.size + 1) | {"actor": {"kind": "system", "reason": "policy:retention"}})
    else:
        hands.forge(_erasing(token, hands.size + 1))
    return FOUND


def erased_with_a_stolen_seal(rng: random.Random, hands: Hands) -> Expected:
    """The same, with id, commitments and sealed row of a real erasure, which open; at times its key leads here too."""
    token = hands.living(rng)
    hands.erase(token)
    source = rng.choice([seq for seq in hands.erasure_seqs() if hands.body(seq)["personal"]])
    stolen = hands.body(source)
    stolen["tokens"][stolen["erases"]["person"]] = token.hex()
    stolen["erases"]["up_to_seq"] = hands.size
    hands.run("DROP INDEX indelible_entry_id")
    seq = hands.forge({name: value for name, value in stolen.items() if name not in ("seq", "recorded_at")})
    hands.run(
        "INSERT INTO indelible_personal SELECT clinic_id, ?, token, class, sealed FROM indelible_personal"
        " WHERE clinic_id = ? AND seq = ? AND sealed IS NOT NULL",
        *(seq, CLINIC, source),
    )
    if rng.random() < 0.5:
        hands.run("UPDATE indelible_idempotency SET seq = ? WHERE clinic_id = ? AND seq = ?", seq, CLINIC, source)
    return FOUND


def erased_by_append_and_signed(rng: random.Random, hands: Hands) -> Expected:
    """The same, and then the log itself signs what it finds, as it does once a second."""
    erased_by_append(rng, hands)
    with suppress(IndelibleError), Journal(hands.path) as journal:  # it may refuse to sign
        journal.clinic(CLINIC).checkpoint()
    return FOUND


def erased_by_rewriting(rng: random.Random, hands: Hands) -> Expected:
    """Destroy a client's values, and make an entry account for it: an ordinary one, or another erasure."""
    token = hands.living(rng)
    hands.erase(token)
    last = hands.one("SELECT max(seq) FROM indelible_link WHERE clinic_id = ? AND ref = ?", CLINIC, token)[0]
    behind = [seq for seq in hands.erasure_seqs() if seq > last]
    ordinary = list(range(min(last + 1, hands.signed), hands.signed + 1))
    seq = rng.choice(behind) if behind and rng.random() < 0.6 else rng.choice(ordinary)

    def edit(members: dict[str, Any]) -> None:
        if "erases" in members:
            members["tokens"][members["erases"]["person"]] = token.hex()
        else:
            for name in ("client", "people", "operation", "cut", "imported", "channel"):
                members.pop(name, None)
            members.update(_erasing(token, seq))

    hands.rewrite(seq, edit)
    hands.cover(seq, rng.choice([0, 1, 2, 3]))
    return FOUND


def erased_more(rng: random.Random, hands: Hands) -> Expected:
    """Stretch what a real erasure says it destroyed: later entries, more classes; and destroy those values too."""
    seq = rng.choice(hands.erasure_seqs())
    body = hands.body(seq)
    token = bytes.fromhex(body["tokens"][body["erases"]["person"]])
    hands.run("DELETE FROM indelible_personal WHERE clinic_id = ? AND token = ? AND class = 'evidence'", CLINIC, token)

    def edit(members: dict[str, Any]) -> None:
        if rng.random() < 0.5:
            members["erases"]["classes"] = ["identity"]
        else:
            members["erases"]["up_to_seq"] -= rng.randint(1, 5)

    hands.rewrite(seq, edit)
    hands.cover(seq, rng.choice([0, 1, 2, 3]))
    return FOUND


def erasure_unmade(rng: random.Random, hands: Hands) -> Expected:
    """Make an entry that accounts for an erasure say nothing of it any more."""
    seq = rng.choice(hands.erasure_seqs())
    hands.rewrite(seq, lambda members: members.pop("erases"))
    hands.cover(seq, rng.choice([0, 1, 2, 3]))
    return FOUND


def erased_in_head_store(rng: random.Random, hands: Hands) -> Expected:
    """Write an erasure into the head store, so that the log itself destroys a client's values when it is opened."""
    (origin,) = hands.one("SELECT origin FROM indelible_clinic WHERE clinic_id = ?", CLINIC)
    row = (origin, hands.size + rng.randint(1, 9), hands.living(rng), "identity,network", hands.size)
    hands.heads("INSERT INTO erasure VALUES (?, ?, ?, ?, ?)", *row)
    return FOUND


# Links, persons, keys of idempotency


def link(rng: random.Random, hands: Hands) -> Expected:
    """Remove a link, add one, or exchange what two links point at."""
    rows = hands.rows(f"SELECT {LINK} FROM indelible_link WHERE clinic_id = ? ORDER BY seq, kind, ref, role", CLINIC)
    where = "clinic_id = ? AND kind = ? AND ref = ? AND occurred_at = ? AND seq = ? AND role = ?"
    row, other = rng.sample(rows, 2)
    what = rng.choice(["delete", "add", "exchange"])
    if what == "delete":
        hands.run(f"DELETE FROM indelible_link WHERE {where}", *row)
        return FOUND
    made = list(row)
    made[2] = other[2]
    if what == "add" and rng.random() < 0.5:
        made = list(row)
        made[5] = other[5]
    if what == "exchange":
        hands.run(f"DELETE FROM indelible_link WHERE {where}", *row)
    if tuple(made) in rows:
        return FOUND if what == "exchange" and tuple(made) != row else None
    hands.run(f"INSERT INTO indelible_link ({LINK}) VALUES (?, ?, ?, ?, ?, ?)", *made)
    return FOUND


def person(rng: random.Random, hands: Hands) -> Expected:
    """Exchange what two person rows hold, or their look-up values, or add a person who is in no entry."""
    rows = hands.rows("SELECT token, lookup, sealed FROM indelible_person WHERE clinic_id = ? ORDER BY token", CLINIC)
    (one, lookup, sealed), (two, lookup2, sealed2) = rng.sample(rows, 2)
    what = rng.choice(["sealed", "lookup", "add"])
    if what == "add":
        values = (CLINIC, rng.randbytes(16), rng.randbytes(32), rng.choice([sealed, rng.randbytes(60)]))
        hands.run("INSERT INTO indelible_person VALUES (?, ?, ?, ?)", *values)
        return FOUND
    put = f"UPDATE indelible_person SET {what} = ? WHERE clinic_id = ? AND token = ?"
    pair = (sealed, sealed2) if what == "sealed" else (lookup, lookup2)
    hands.run(put, b"", CLINIC, one)
    hands.run(put, pair[0], CLINIC, two)
    hands.run(put, pair[1], CLINIC, one)
    return FOUND


def old_name(rng: random.Random, hands: Hands) -> Expected:
    """Put an older row of the same person back, with the name of then."""
    with closing(sqlite3.connect(hands.template / "older" / "activity.db")) as older:
        rows = older.execute("SELECT token, sealed FROM indelible_person WHERE clinic_id = ? ORDER BY 1", [CLINIC])
        token, sealed = rng.choice(rows.fetchall())
    sql = "UPDATE indelible_person SET sealed = ? WHERE clinic_id = ? AND token = ? AND sealed <> ?"
    if not hands.run(sql, sealed, CLINIC, token, sealed):
        return None
    return ByDesign("the latest name of a person, set back to an older one")


def idempotency(rng: random.Random, hands: Hands) -> Expected:
    """Exchange what two keys lead to, or add a key."""
    (key, seq), (key2, seq2) = rng.sample(
        hands.rows("SELECT key, seq FROM indelible_idempotency WHERE clinic_id = ? ORDER BY seq", CLINIC), 2
    )
    if rng.random() < 0.5:
        hands.run("INSERT INTO indelible_idempotency VALUES (?, ?, ?)", CLINIC, rng.randbytes(32), seq)
    else:
        put = "UPDATE indelible_idempotency SET seq = ? WHERE clinic_id = ? AND key = ?"
        hands.run(put, seq, CLINIC, key2)
        hands.run(put, seq2, CLINIC, key)
        if hands.key_is_erased(seq) and hands.key_is_erased(seq2):
            return _ERASED_KEY
    return FOUND


# Checkpoints, clinic and keys


def checkpoints(rng: random.Random, hands: Hands) -> Expected:
    """Forge a checkpoint: with a note of another size or clinic, or of one's own, for any size."""
    rows = hands.rows("SELECT size, root, frontier, note FROM indelible_checkpoint WHERE clinic_id = ?", CLINIC)
    one, two = rng.sample(rows, 2)
    what = rng.choice(["note", "whole", "foreign", "own", "between", "ahead"])
    (origin,) = hands.one("SELECT origin FROM indelible_clinic WHERE clinic_id = ?", CLINIC)
    signer = Signer(origin, rng.randbytes(32))
    put = "UPDATE indelible_checkpoint SET root = ?, frontier = ?, note = ? WHERE clinic_id = ? AND size = ?"
    if what == "note":
        hands.run(put, one[1], one[2], two[3], CLINIC, one[0])
    elif what == "whole":
        hands.run(put, *two[1:], CLINIC, one[0])
    elif what == "foreign":
        theirs = hands.one("SELECT root, frontier, note FROM indelible_checkpoint WHERE clinic_id = ?", OTHER)
        hands.run(put, *theirs, CLINIC, one[0])
    elif what == "own":
        hands.run(put, *one[1:3], checkpoint.sign(Checkpoint(origin, *one[:2]), signer), CLINIC, one[0])
    else:
        taken = {row[0] for row in rows}
        size = hands.size + 5 if what == "ahead" else rng.choice([n for n in range(1, hands.size) if n not in taken])
        frontier = hands.frontier(size)
        note = checkpoint.sign(Checkpoint(origin, size, frontier.root()), signer)
        values = (CLINIC, size, frontier.root(), frontier.encode(), note, 0)
        hands.run("INSERT INTO indelible_checkpoint VALUES (?, ?, ?, ?, ?, ?)", *values)
    return FOUND


def clinics(rng: random.Random, hands: Hands) -> Expected:
    """Give the clinic what is another's: origin, public key, nobody's token, zone, keys; or close it."""
    what = rng.choice(["origin", "vkey", "nobody", "time_zone", "keys", "closed", "rename"])
    both = (CLINIC, OTHER)
    if what == "keys":
        kind = rng.choice(["data", "lookup", "signing"])
        keys = dict(hands.rows("SELECT clinic_id, wrapped FROM indelible_key WHERE kind = ?", kind))
        for clinic, other in (both, both[::-1]):
            hands.run(
                "UPDATE indelible_key SET wrapped = ? WHERE clinic_id = ? AND kind = ?", keys[other], clinic, kind
            )
    elif what == "closed":
        hands.run("UPDATE indelible_clinic SET closed_at = 1 WHERE clinic_id = ?", CLINIC)
    elif what == "rename":
        for table in ("clinic", "key", "head", "entry", "personal", "person", "link", "idempotency", "checkpoint"):
            hands.run(f"UPDATE indelible_{table} SET clinic_id = 'x' WHERE clinic_id = ?", CLINIC)
            hands.run(f"UPDATE indelible_{table} SET clinic_id = ? WHERE clinic_id = ?", CLINIC, OTHER)
    elif what == "time_zone":
        hands.run("UPDATE indelible_clinic SET time_zone = 'Asia/Tokyo' WHERE clinic_id = ?", CLINIC)
    else:
        values = dict(hands.rows(f"SELECT clinic_id, {what} FROM indelible_clinic"))
        for clinic, value in zip((CLINIC, OTHER, CLINIC), ("x", values[CLINIC], values[OTHER]), strict=True):
            value = value if isinstance(values[CLINIC], str) else value if isinstance(value, bytes) else b"x"
            hands.run(f"UPDATE indelible_clinic SET {what} = ? WHERE clinic_id = ?", value, clinic)
    return REFUSED


# What changes no logical content


def vacuumed(rng: random.Random, hands: Hands) -> Expected:
    """Rewrite the file: VACUUM, REINDEX, another page size or way of journalling."""
    for statement in rng.choice(
        [["VACUUM"], ["REINDEX", "ANALYZE"], ["PRAGMA journal_mode = DELETE", "PRAGMA page_size = 8192", "VACUUM"]]
    ):
        hands.db.execute(statement).fetchall()
    return NOTHING


def reordered_rows(rng: random.Random, hands: Hands) -> Expected:
    """Write a table's rows anew in another physical order."""
    table = rng.choice(("entry", "personal", "link", "person", "checkpoint", "idempotency", "key", "clinic", "head"))
    rows = hands.rows(f"SELECT * FROM indelible_{table}")
    rng.shuffle(rows)
    hands.run("BEGIN")
    hands.run(f"DELETE FROM indelible_{table}")
    hands.db.executemany(f"INSERT INTO indelible_{table} VALUES (?{', ?' * (len(rows[0]) - 1)})", rows)
    hands.run("COMMIT")
    return NOTHING


def resealed(rng: random.Random, hands: Hands) -> Expected:
    """Seal rows of values and of persons again, with the key and the same content: other bytes, the same meaning."""

    def work(log: ClinicLog) -> None:
        seal = log.sealer
        for seq, token, kind, sealed in _alive(rng, hands, 5):
            (entry_id,) = hands.one("SELECT id FROM indelible_entry WHERE clinic_id = ? AND seq = ?", CLINIC, seq)
            opened = seal.open_values(entry_id, token, kind, sealed)
            values = json.dumps(opened.values, ensure_ascii=False, separators=(",", ":")).encode()
            new = seal.seal_values(entry_id, token, kind, opened.seed, values)
            hands.run(f"UPDATE indelible_personal SET sealed = ? WHERE {_ONE}", new, CLINIC, seq, token, kind)
        token, sealed = rng.choice(hands.rows("SELECT token, sealed FROM indelible_person WHERE clinic_id = ?", CLINIC))
        new = seal.seal_person(token, seal.open_person(token, sealed))
        hands.run("UPDATE indelible_person SET sealed = ? WHERE clinic_id = ? AND token = ?", new, CLINIC, token)

    hands.keyed(work)
    return NOTHING


def elsewhere(rng: random.Random, hands: Hands) -> Expected:
    """Change the other clinic's rows, and a table of the host's own in the same file."""
    table = rng.choice(("entry", "personal", "link", "person", "checkpoint", "idempotency"))
    hands.run(f"DELETE FROM indelible_{table} WHERE clinic_id = ?", OTHER)
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
    "personal row removed, moved, flipped": (personal, 6),
    "erased values put back": (restored, 3),
    "erased person's row put back": (person_restored, 1),
    "values destroyed, nothing accounts": (erased_without, 2),
    "forged erases appended": (erased_by_append, 2),
    "forged erases with a stolen seal": (erased_with_a_stolen_seal, 2),
    "forged erases appended, then signed": (erased_by_append_and_signed, 2),
    "forged erases written over an entry": (erased_by_rewriting, 3),
    "erases narrowed or stretched": (erased_more, 2),
    "erases taken out": (erasure_unmade, 1),
    "forged erases in the head store": (erased_in_head_store, 1),
    "link removed, added, exchanged": (link, 4),
    "person rows exchanged or added": (person, 3),
    "older name of a person": (old_name, 1),
    "idempotency keys exchanged or added": (idempotency, 2),
    "checkpoint forged": (checkpoints, 4),
    "clinic and key rows exchanged": (clinics, 3),
    "no change: VACUUM and the like": (vacuumed, 1),
    "no change: rows in another order": (reordered_rows, 2),
    "no change: sealed again": (resealed, 2),
    "no change: other clinic, host's table": (elsewhere, 1),
}
