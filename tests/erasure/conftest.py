"""A journal, and an attacker who holds its files and its data key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from indelible.journal import Journal
from indelible.testing.logs import clock, journal, log

__all__ = ["clock", "journal", "log"]

# The longest sealed value that the tests plant, with room.
_REACH = 4_000


def files_of(database: Path) -> list[Path]:
    """The database's file, and what SQLite and the journal keep beside it; the master key's file is no leftover."""
    return [path for path in sorted(database.parent.glob(f"{database.name}*")) if not path.name.endswith(".key")]


def openable(data: bytes, keys: dict[int, bytes]) -> Iterator[bytes]:
    """What every place of `data` that looks like the head of a sealed row decrypts to, by counter and without the tag.

    A row that was overwritten only in part, or whose associated data nobody knows any more, is read this way too.
    """
    for number, key in keys.items():
        head = b"\x01" + number.to_bytes(4, "big")
        for match in re.finditer(re.escape(head), data):
            start = match.end() + 12
            nonce = data[match.end() : start]
            if len(nonce) == 12:
                counter = modes.CTR(nonce + (2).to_bytes(4, "big"))
                yield Cipher(algorithms.AES(key), counter).decryptor().update(data[start : start + _REACH])


def leftovers(
    database: Path, keys: dict[int, bytes], planted: Sequence[str], raw: Sequence[bytes] = ()
) -> set[tuple[str, str, str]]:
    """Every planted value that the files give up: (file, value, "plain" or "sealed"); `raw` is looked for as it is."""
    found = set()
    marks = {value: re.compile(re.escape(value.encode()) + rb"(?![0-9])") for value in planted}
    for path in files_of(database):
        data = path.read_bytes()
        found |= {(path.name, value, "plain") for value, mark in marks.items() if mark.search(data)}
        found |= {(path.name, value.hex(), "plain") for value in raw if value in data}
        for plain in openable(data, keys):
            found |= {(path.name, value, "sealed") for value, mark in marks.items() if mark.search(plain)}
    return found


@pytest.fixture
def attack():
    """`attack(journal, planted, raw)`: what the files give up to somebody with the data keys of every clinic."""

    def attacked(journal: Journal, planted: Sequence[str], raw: Sequence[bytes] = ()) -> list[tuple[str, str, str]]:
        found = set()
        for clinic in journal.clinics():
            keys = journal.clinic(clinic.id).sealer.data_keys
            found |= leftovers(journal.places.database, keys, planted, raw)
        return sorted(found)

    return attacked
