"""What a forger has in hand: a copy of the log, raw hands on it, and what they compute without keys.

A change is a function of a random source and of `Hands` on a copy of the log. It returns

    FOUND             verification has to find it
    REFUSED           or the log has to refuse to be opened: without origin, keys or head there is nothing to verify
    NOTHING           it changes no logical content, and nothing may be reported
    ByDesign(why)     it is not convicted, and the README or the note at NOT_CONTENT says so; a finding is no fault
    None              nothing came of it (another row of the same content, a key that the schema refuses)
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.verify.conftest import CLINIC, NUMBER, Tampering

from indelible.errors import MalformedProof
from indelible.format import entry
from indelible.journal import Journal
from indelible.keep import keys
from indelible.keep.folder import Keep
from indelible.keep.keytree import Cover
from indelible.keep.personal import Part, Unreadable, split
from indelible.log import ClinicLog
from indelible.proof import checkpoint
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.note import Signer
from indelible.proof.verify import Report

OTHER = 2  # the other clinic's number in the tables
WHERE = "clinic = ? AND seq = ?"


@dataclass(frozen=True, slots=True)
class ByDesign:
    """What the README says is not proven, in a few words."""

    why: str


FOUND, REFUSED, NOTHING = "found", "found or refused", "nothing"
Expected = str | ByDesign | None

UNSIGNED = ByDesign("an entry behind the last checkpoint, which nothing signs yet")
DEAD_BYTES = ByDesign("what is sealed of somebody erased: nobody can open it, whatever it is")


class Hands(Tampering):
    """Raw hands on a copy of the log, with what a forger computes without keys. `signed` is the last signed size.

    `cover` is what the log's cover must be when it was verified: no forged erasure may ever cut anything out, and an
    older cover must have lost again what was erased. None where the change takes the keep itself.
    """

    def __init__(self, template: Path, folder: Path) -> None:
        self.master_key = keys.load(None, template / "activity.db.key")
        super().__init__(template, folder)
        self.size, self.signed = self.one("SELECT size FROM indelible_head WHERE clinic = ?", NUMBER)[0], 0
        self.signed = self.one("SELECT max(size) FROM indelible_checkpoint WHERE clinic = ?", NUMBER)[0]
        (self.origin,) = self.one("SELECT origin FROM indelible_clinic WHERE clinic = ?", NUMBER)
        self._cover = self.cover = self.covers()
        self.erased = {
            token for (token,) in self.rows("SELECT token FROM indelible_person WHERE erased_by IS NOT NULL")
        }

    def restore(self) -> None:
        if self.folder.exists():
            self.db.close()
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name in ("activity.db", "activity.db.key"):
            shutil.copy2(self.template / name, self.folder / name)
        shutil.copytree(self.template / "activity.db.keep", self.keep)
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.cover = self._cover if hasattr(self, "_cover") else None

    @property
    def keep(self) -> Path:
        return self.folder / "activity.db.keep"

    def cover_file(self, clinic: int = NUMBER, folder: Path | None = None) -> Path:
        (origin,) = self.one("SELECT origin FROM indelible_clinic WHERE clinic = ?", clinic)
        return (folder or self.keep) / f"{origin.rpartition('/')[2]}.cover"

    def covers(self) -> Cover | None:
        """The log's cover as it is in the keep."""
        kept = Keep(self.keep, self.master_key).read(self.origin)
        return None if kept is None else kept.cover

    def verify(self) -> Report:
        """Verify as a user does; and whatever came of it, nothing is cut out of the cover that was not erased."""
        try:
            report: Report = super().verify()
            return report
        finally:
            if self.cover is not None:
                there = self.covers()
                assert there is not None and there.encode() == self.cover.encode(), "the cover is another one"
                assert not [*self.keep.glob("*.former"), *self.keep.glob("*.new")], "a cover is left in the keep"

    def rows(self, sql: str, *values: Any) -> list[Any]:
        return self.db.execute(sql, values).fetchall()

    def keyed(self, work: Callable[[ClinicLog], None]) -> None:
        """Do something with the log's keys."""
        with Journal(self.path) as journal:
            work(journal.clinic(CLINIC))

    def body(self, seq: int) -> dict[str, Any]:
        row = self.one(f"SELECT body FROM indelible_entry WHERE {WHERE}", NUMBER, seq)
        return dict(json.loads(row[0]))

    def tokens(self, seq: int) -> list[bytes]:
        return [bytes.fromhex(text) for text in self.body(seq)["tokens"]]

    def living_parts(self, seq: int, sealed: bytes) -> list[Part] | None:
        """The parts that somebody can open, of what may be sealed of an entry; None where it is of no form."""
        tokens = self.tokens(seq)
        try:
            parts = split(sealed)
        except Unreadable:
            return None
        return sorted(
            part
            for part in parts
            if part.owner >= len(tokens)
            or tokens[part.owner] not in self.erased
            or part.personal_class not in entry.ERASED_CLASSES
        )

    def hide(self, seq: int, level: int) -> None:
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
        """Bring the checkpoints' rows in line with the bodies there are, signed by `signer` or with their notes."""
        for (size,) in self.rows("SELECT size FROM indelible_checkpoint WHERE clinic = ?", NUMBER):
            frontier = self.frontier(size)
            note = None
            if signer is not None:
                note = checkpoint.sign(Checkpoint(signer.name, size, frontier.root()), signer)
            self.run(
                "UPDATE indelible_checkpoint SET root = ?, frontier = ?, note = coalesce(?, note)"
                " WHERE clinic = ? AND size = ?",
                *(frontier.root(), frontier.encode(), note, NUMBER, size),
            )

    def forge(self, members: dict[str, Any], sealed: bytes = b"") -> int:
        """Append an entry as the log would, with columns, links and head; return its seq."""
        last = self.body(seq := self.one("SELECT max(seq) FROM indelible_entry WHERE clinic = ?", NUMBER)[0])
        made = {name: last[name] for name in ("v", "recorded_at", "zone", "offset_minutes", "action_version")}
        made |= {"occurred_at": last["recorded_at"], "seq": seq + 1, "id": _uuid7(last["id"], seq)} | members
        made = {"tokens": [], "personal": [], "context": {}} | made
        body = json.dumps(made, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        columns = entry.decode(body).columns
        names = ", ".join(("clinic", "seq", *columns._fields, "body", "sealed"))
        values = (NUMBER, seq + 1, *columns, body, sealed)
        self.run(f"INSERT INTO indelible_entry ({names}) VALUES (?{', ?' * (len(values) - 1)})", *values)
        self.retile()
        self.hide(seq + 1, 2)
        return int(seq) + 1

    def erase(self, token: bytes, classes: Iterable[str] = entry.ERASED_CLASSES, by: int | None = None) -> None:
        """Take away what is sealed of a person, and say in their row that they were erased, as far as a hand can."""
        for (seq,) in self.rows(
            "SELECT DISTINCT seq FROM indelible_link WHERE clinic = ? AND kind = 'person' AND ref = ?", NUMBER, token
        ):
            tokens, parts = self.tokens(seq), self.parts(seq)
            self.seal(seq, [p for p in parts if tokens[p.owner] != token or p.personal_class not in classes])
        if by is not None:
            self.run("UPDATE indelible_person SET erased_by = ? WHERE clinic = ? AND token = ?", by, NUMBER, token)

    def living(self, rng: random.Random) -> bytes:
        """The token of a client who was not anonymized."""
        tokens = self.rows("SELECT token FROM indelible_person WHERE clinic = ? AND erased_by IS NULL", NUMBER)
        bodies = [body for body in map(self.body, range(1, self.size + 1)) if "person" in body.get("client", {})]
        clients = {bytes.fromhex(body["tokens"][body["client"]["person"]]) for body in bodies}
        return bytes(rng.choice([token for (token,) in tokens if token in clients]))

    def key_is_erased(self, seq: int) -> bool:
        """Whether an entry was recorded with an idempotency key that anonymizing has erased."""
        members = self.body(seq)
        tokens = [members["tokens"][g["owner"]] for g in members["personal"] if "key" in g["paths"]]
        return not tokens or bytes.fromhex(tokens[0]) in self.erased

    def erasure_seqs(self) -> list[int]:
        found = self.rows("SELECT seq FROM indelible_entry WHERE clinic = ? AND action = 'client.anonymized'", NUMBER)
        return [seq for (seq,) in found]

    def older(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.template / "older" / "activity.db"))


def _uuid7(like: str, number: int) -> str:
    value = uuid.UUID(like).int & ~0xFFFFFFFF | number
    return str(uuid.UUID(int=value))


def changed(rng: random.Random, value: Any) -> Any:
    """A JSON value that differs from `value` in one place."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        if rng.random() < 0.15:
            return {key: member for key, member in value.items() if key != name}
        return {**value, name: changed(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        what = rng.random()
        if what < 0.15:
            return value[:at] + value[at + 1 :]
        if what < 0.3:
            return [*value[:at], value[at], *value[at:]]
        if what < 0.45 and (other := value[::-1]) != value:
            return other
        return [*value[:at], changed(rng, value[at]), *value[at + 1 :]]
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + rng.choice([-1, 1, 60, 1000])
    if isinstance(value, str) and value:
        at = rng.randrange(len(value))
        new = rng.choice([c for c in "0123456789abcdefZ-é" if c != value[at]])
        return value[:at] + new + value[at + 1 :]
    return {"x": 1} if isinstance(value, dict) else ["x"] if isinstance(value, list) else "x"
