"""The directory: who in a log has a name, so that a name finds a person's entries without opening every entry.

Names are sealed, and no form of them that could be looked up is written to the disk: whoever holds the files could
try names against it. So the latest names of a clinic's people are opened once and kept in the memory of the process,
folded (`matching.py`), by their words. What changed is found by the entries recorded since: each lists the tokens of
its people. A person who was anonymized is marked so, and leaves the directory with the entry that says so.

A filter's word finds a name by whole words in their order: "ana", "sousa" and "maria sousa" find "Ana Maria Sousa";
"sou" does not. While somebody types, each part is the beginning of a word, in any order: "sou an" finds her too.

Only the latest name of a person is here. Telephone numbers and addresses are not: a person's row has none, and where an
entry does, it is a text like any other. What a clinic offers is beside it, by name (`offer.py`).
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import NamedTuple

import orjson

from ..errors import StorageFailure
from ..keep.personal import Sealer, Unreadable
from ..stores.contract import PersonRow, Rows, State
from .matching import fold
from .offer import Offer, Offered

# With more new entries than this, opening every name again is quicker than reading them.
_MOST_BEHIND = 5_000
# People of whom a beginning of a name is told at most; of more it is said that there are more.
MOST_TOLD = 2_000
# Seconds that somebody who types waits for names that another thread is opening just now.
_PATIENCE = 0.03

_WORD = re.compile(r"\w+")
# Comes behind every word that begins so: no folded word has it.
_LAST = chr(0x10FFFF)


class Beginning(NamedTuple):
    """Who and what has a name with these beginnings of words: up to so many tokens of people, the nearest first; how
    many people there are, counted up to MOST_TOLD + 1; and what the clinic offers."""

    people: Sequence[bytes]
    how_many: int
    offered: Sequence[Offered]


class Directory:
    """The names of one clinic's people. Any thread may ask."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._lock = threading.Lock()
        self._clear()

    def forget(self, rows: Rows) -> None:
        """Let go of whoever was erased. Where no names are held, none are opened for it."""
        with self._lock:
            if self._head is None:
                return
            try:
                state = rows.state()
                if state.size - self._head[0] > _MOST_BEHIND:
                    self._clear()
                else:
                    self._follow(rows, state)
            except StorageFailure:
                self._clear()

    def _clear(self) -> None:
        self._head: tuple[int, bytes] | None = None  # of the log, when the names were those of its people
        self._names: dict[bytes, str] = {}
        self._by_word: dict[str, set[bytes]] = {}
        self._words: list[str] | None = None  # the keys of `_by_word` in order, when somebody asks for a beginning
        self._offer = Offer(self._sealer)

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

    def begin(
        self, words: str, rows: Rows, state: State, limit: int, among: Collection[bytes] | None = None
    ) -> Beginning | None:
        """Return who and what has a name of which these words are beginnings, `limit` of each at most, in a log that is
        now as `state` says; of people only those `among` some, and things then without a limit, for who asks sees few
        of them. None while another thread opens the names. Raises StorageFailure."""
        parts = _WORD.findall(fold(words))
        if not any(char.isalpha() for part in parts for char in part):
            return Beginning((), 0, ())
        if not self._lock.acquire(timeout=_PATIENCE):
            return None
        try:
            self._follow(rows, state)
            found = self._beginning(parts) if among is None else self._beginning_among(parts, among)
            people = [token for _, token in nsmallest(limit, found)]
            return Beginning(people, len(found), self._offer.begin(parts, limit if among is None else None))
        finally:
            self._lock.release()

    def _beginning(self, parts: Sequence[str]) -> list[tuple[tuple[bool, bool, str], bytes]]:
        """Some people with these beginnings in their names, each with what orders them."""
        spans = [[*self._span(part)] for part in parts]
        lead = min(range(len(parts)), key=lambda at: sum(len(self._by_word[word]) for word in spans[at]))
        others = [f" {part}" for at, part in enumerate(parts) if at != lead]
        found: dict[bytes, tuple[bool, bool, str]] = {}
        for word in spans[lead]:
            for token in self._by_word[word]:
                name = self._names[token]
                if all(other in name for other in others):
                    found[token] = _order(name, parts)
                    if len(found) > MOST_TOLD:
                        return [(order, one) for one, order in found.items()]
        return [(order, one) for one, order in found.items()]

    def _beginning_among(
        self, parts: Sequence[str], among: Collection[bytes]
    ) -> list[tuple[tuple[bool, bool, str], bytes]]:
        """The same of some people."""
        named = ((token, self._names.get(token, "")) for token in among)
        return [(_order(name, parts), token) for token, name in named if all(f" {part}" in name for part in parts)]

    def _span(self, part: str) -> Iterator[str]:
        """The words that begin so, the word itself first."""
        if self._words is None:
            self._words = sorted(self._by_word)
        yield from self._words[bisect_left(self._words, part) : bisect_left(self._words, part + _LAST)]

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
                self._offer.take(row)
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
        self._offer.read(rows, now[0])
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
                    self._add(part, row.token)

    def _add(self, word: str, token: bytes) -> None:
        if word in self._by_word:
            self._by_word[word].add(token)
            return
        self._by_word[word] = {token}
        if self._words is not None:
            insort(self._words, word)

    def _drop(self, token: bytes) -> None:
        for part in set(self._names.pop(token, "").split()):
            tokens = self._by_word[part]
            tokens.discard(token)
            if not tokens:
                del self._by_word[part]
                if self._words is not None:
                    del self._words[bisect_left(self._words, part)]


def _order(name: str, parts: Sequence[str]) -> tuple[bool, bool, str]:
    """What orders people with these beginnings in their names: the whole name comes first, then whole words of one."""
    return name != f" {' '.join(parts)} ", not all(f" {part} " in name for part in parts), name
