"""The directory: who in a log has a name, so that a name finds a person's entries without opening every entry.

Names are sealed, and no form of them that could be looked up is written to the disk: whoever holds the files could
try names against it. So the latest names of a clinic's people are opened once and kept in the memory of the process,
folded (`matching.py`), by their words. What changed is found by the entries recorded since: each lists the tokens of
its people. A person who was anonymized is marked so, and leaves the directory with the entry that says so.

A name is found by whole words in their order: "ana", "sousa" and "maria sousa" find "Ana Maria Sousa"; "sou" does not.
Only the latest name of a person is here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

import orjson

from .matching import fold
from .personal import Sealer, Unreadable
from .store import PersonRow, Store

# With more new entries than this, opening every name again is quicker than reading them.
_MOST_BEHIND = 5_000

_WORD = re.compile(r"\w+")


class Directory:
    """The names of one clinic's people. Any thread may ask."""

    def __init__(self, store: Store, clinic_id: str, sealer: Sealer) -> None:
        self._store, self._clinic_id, self._sealer = store, clinic_id, sealer
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop every name; the next question opens them again."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        self._head: tuple[int, bytes] | None = None  # of the log, when the names were those of its people
        self._names: dict[bytes, str] = {}
        self._by_word: dict[str, set[bytes]] = {}

    def find(self, words: str) -> frozenset[bytes]:
        """Return the tokens of everybody whose name has these words. Raises StorageFailure."""
        parts = _WORD.findall(fold(words))
        if not any(char.isalpha() for part in parts for char in part):
            return frozenset()  # a number is not looked for among names
        sought = f" {' '.join(parts)} "
        with self._lock:
            self._follow()
            sets = sorted((self._by_word.get(part, set()) for part in parts), key=len)
            every = sets[0].intersection(*sets[1:])
            return frozenset(token for token in every if len(parts) == 1 or sought in self._names[token])

    def follow(self) -> None:
        """Open every name that changed since the last time, at first all of them. Raises StorageFailure."""
        with self._lock:
            self._follow()

    def _follow(self) -> None:
        """Bring the names to the log's head."""
        head = self._store.head(self._clinic_id)
        now = (head.size, head.root)
        if self._head == now:
            return
        if self._head is None or not self._head[0] < head.size <= self._head[0] + _MOST_BEHIND:
            self._read_all()
            return
        tokens: set[bytes] = set()
        try:
            for body in self._store.bodies(self._clinic_id, self._head[0], head.size):
                tokens.update(map(bytes.fromhex, orjson.loads(body)["tokens"]))
        except (KeyError, TypeError, ValueError):  # a body that was changed; verify reports it
            self._read_all()
            return
        rows = self._store.persons(self._clinic_id, list(tokens))
        for token in tokens.difference(row.token for row in rows):
            self._drop(token)
        self._take(rows)
        self._head = now

    def _read_all(self) -> None:
        self._clear()
        with self._store.snapshot(self._clinic_id) as snapshot:
            self._take(snapshot.persons())
            self._head = (snapshot.head.size, snapshot.head.root)

    def _take(self, rows: Iterable[PersonRow]) -> None:
        self._sealer.refresh()
        for row in rows:
            self._drop(row.token)
            if row.erased_by is not None:
                continue
            try:
                name = self._sealer.open_person(row.token, row.sealed).get("name")
            except Unreadable:
                continue  # verify reports the damaged row
            parts = _WORD.findall(fold(name)) if isinstance(name, str) else ()
            if parts:
                self._names[row.token] = f" {' '.join(parts)} "
                for part in parts:
                    self._by_word.setdefault(part, set()).add(row.token)

    def _drop(self, token: bytes) -> None:
        for part in set(self._names.pop(token, "").split()):
            tokens = self._by_word[part]
            tokens.discard(token)
            if not tokens:
                del self._by_word[part]
