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

from ..keep.personal import Sealer, Unreadable
from ..stores.contract import PersonRow, Rows, State
from .matching import fold

# With more new entries than this, opening every name again is quicker than reading them.
_MOST_BEHIND = 5_000

_WORD = re.compile(r"\w+")


class Directory:
    """The names of one clinic's people. Any thread may ask."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
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

    def find(self, words: str, rows: Rows, state: State) -> frozenset[bytes]:
        """Return the tokens of everybody whose name has these words, in a log that is now as `state` says.

        Raises StorageFailure.
        """
        parts = _WORD.findall(fold(words))
        if not any(char.isalpha() for part in parts for char in part):
            return frozenset()  # a number is not looked for among names
        sought = f" {' '.join(parts)} "
        with self._lock:
            self._follow(rows, state)
            sets = sorted((self._by_word.get(part, set()) for part in parts), key=len)
            every = sets[0].intersection(*sets[1:])
            return frozenset(token for token in every if len(parts) == 1 or sought in self._names[token])

    def follow(self, rows: Rows, state: State) -> None:
        """Open every name that changed since the last time, at first all of them. Raises StorageFailure."""
        with self._lock:
            self._follow(rows, state)

    def _follow(self, rows: Rows, state: State) -> None:
        """Bring the names to a head of the log. They may be of a later one, where a session that began later asked."""
        if self._head is not None and state.size < self._head[0]:
            return
        now = (state.size, state.root)
        if self._head == now:
            return
        if self._head is None or not self._head[0] < state.size <= self._head[0] + _MOST_BEHIND:
            self._read_all(rows, now)
            return
        tokens: set[bytes] = set()
        try:
            for row in rows.entries(self._head[0], state.size):
                tokens.update(map(bytes.fromhex, orjson.loads(row.body)["tokens"]))
        except (KeyError, TypeError, ValueError):  # a body that was changed; verify reports it
            self._read_all(rows, now)
            return
        persons = list(rows.persons(list(tokens)))
        for token in tokens.difference(row.token for row in persons):
            self._drop(token)
        self._take(persons)
        self._head = now

    def _read_all(self, rows: Rows, now: tuple[int, bytes]) -> None:
        """What is recorded while they are read is read again by whoever asks next."""
        self._clear()
        self._take(rows.persons("all"))
        self._head = now

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
