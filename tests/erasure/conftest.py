"""A journal, and an attacker who holds its files, earlier copies of them, the keep as it is now and the master key."""

from __future__ import annotations

import hmac
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from indelible.journal import Journal
from indelible.keep import keys
from indelible.keep.folder import Keep
from indelible.keep.keytree import Cover, point

_CLASSES = {b"e"[0]: "evidence", b"i"[0]: "identity", b"n"[0]: "network"}


def files_of(database: Path) -> list[Path]:
    """The database's file, what SQLite and the journal keep beside it, and the keep; not the master key's file."""
    beside = [path for path in sorted(database.parent.glob(f"{database.name}*")) if path.is_file()]
    kept = sorted(database.with_name(f"{database.name}.keep").glob("*"))
    return [path for path in (*beside, *kept) if not path.name.endswith(".key")]


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _plain(key: bytes, sealed: bytes) -> bytes:
    """What sealed bytes decrypt to, by counter and without the tag: no place has to be known, and no byte be whole."""
    counter = modes.CTR(sealed[:12] + (2).to_bytes(4, "big"))
    return Cipher(algorithms.AES(key), counter).decryptor().update(sealed[12:])


def _parts(sealed: bytes) -> Iterator[tuple[int, str, bytes]]:
    at = 0
    while at < len(sealed):
        end = at + 6 + int.from_bytes(sealed[at + 2 : at + 6], "big")
        yield sealed[at], _CLASSES[sealed[at + 1]], sealed[at + 6 : end]
        at = end


class Attacker:
    """Whoever has the master key and a keep. Every key is computed here from the formulas alone (docs/spec/keep.md)."""

    def __init__(self, database: Path, keep: Path, master_key: Path) -> None:
        self.database = database
        self.master = keys.load(str(master_key), master_key)
        self.keep = Keep(keep, self.master)

    def opened(self, copy: Path) -> Iterator[bytes]:
        """Everything sealed in one copy of the database that the keys open, as plain bytes."""
        with closing(sqlite3.connect(copy)) as db:
            for clinic, origin, nobody in db.execute("SELECT clinic, origin, nobody FROM indelible_clinic"):
                kept = self.keep.read(origin)
                if kept is None:
                    continue
                cover = kept.cover
                for token, sealed in db.execute(
                    "SELECT token, sealed FROM indelible_person WHERE clinic = ?", (clinic,)
                ):
                    if key := cover.key(point("person", token)):
                        yield _plain(_mac(key, b"row"), sealed)
                for entry_id, body, sealed in db.execute(
                    "SELECT id, body, sealed FROM indelible_entry WHERE clinic = ?", (clinic,)
                ):
                    tokens = [bytes.fromhex(text) for text in orjson.loads(body)["tokens"]]
                    for owner, name, data in _parts(sealed):
                        if cipher := self._cipher(cover, nobody, tokens[owner], name, entry_id):
                            yield _plain(cipher, data)

    @staticmethod
    def _cipher(cover: Cover, nobody: bytes, token: bytes, name: str, entry_id: bytes) -> bytes | None:
        month = datetime.fromtimestamp(int.from_bytes(entry_id[:6], "big") / 1000, UTC).strftime("%Y-%m")
        person = cover.key(point("person", nobody if name == "evidence" else token))
        period = cover.key(point("period", f"{name}\x00{month}".encode()))
        if person is None or period is None:
            return None
        return _mac(_mac(person, period + token + name.encode()), b"seal")

    def guessed(self, host_id: str, realm: str = "client", most: int = 5) -> set[tuple[int, bytes]]:
        """The tokens that a guessed id comes to: (n, token)."""
        found = set()
        with closing(sqlite3.connect(self.database)) as db:
            rows = db.execute(
                "SELECT clinic_id, origin, number, wrapped FROM indelible_key JOIN indelible_clinic USING (clinic)"
                " WHERE kind = 'lookup'"
            ).fetchall()
        for clinic_id, origin, number, wrapped in rows:
            lookup, kept = self.master.unwrap(wrapped, clinic_id, "lookup", number), self.keep.read(origin)
            assert kept is not None
            for n in range(most):
                who = _mac(lookup, f"person\x00{realm}\x00{host_id}\x00".encode() + n.to_bytes(4, "big"))
                if key := kept.cover.key(point("name", who)):
                    found.add((n, sha256(b"token" + key).digest()[:16]))
        return found


def leftovers(attacker: Attacker, copies: Iterable[Path], planted: Sequence[str]) -> set[tuple[str, str, str]]:
    """Every planted value that the files give up: (file, value, "plain" or "sealed")."""
    found = set()
    marks = {value: re.compile(re.escape(value.encode()) + rb"(?![0-9])") for value in planted}
    files = [*files_of(attacker.database), *(beside for copy in copies for beside in files_of(copy))]
    for path in files:
        data = path.read_bytes()
        found |= {(path.name, value, "plain") for value, mark in marks.items() if mark.search(data)}
    for copy in (attacker.database, *copies):
        for plain in attacker.opened(copy):
            found |= {(copy.name, value, "sealed") for value, mark in marks.items() if mark.search(plain)}
    return found


@pytest.fixture
def attacker(journal: Journal) -> Attacker:
    places = journal.places
    return Attacker(places.database, places.keep, places.master_key)


@pytest.fixture
def attack():
    """`attack(journal, planted, copies)`: what the files give up to somebody with the master key and today's keep.

    `copies` are earlier copies of the database, each with its write-ahead log beside it where it has one.
    """

    def attacked(journal: Journal, planted: Sequence[str], copies: Sequence[Path] = ()) -> list[tuple[str, str, str]]:
        places = journal.places
        attacker = Attacker(places.database, places.keep, places.master_key)
        return sorted(leftovers(attacker, copies, planted))

    return attacked
