"""Searching: what the free words of a filter find. `Query -> Sought`.

A free word is first looked up, which costs the same in a log of any size:

    an id       of an entry, a booking, a charge, a client, an operation or anything else that entries refer to, or a
                Stripe id: exactly as it is written, also as kind/id
    a name      of people, as they are called now (`directory.py`): several words that are together in somebody's name
                mean that person, and otherwise the rarest of them its people

The list is then what refers to them, and the texts of other entries are not searched: `looked_up` says so, and the same
filter with `in:text` searches them too. All other words are looked for in the entries that are left, opened one by one,
newest first. There a word also matches an entry that refers to somebody of this name, under whatever name it was then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

from . import money
from .directory import Directory
from .matching import Amount, fold, pattern
from .query import Query
from .selecting import Selecting
from .store import Reference, Selection
from .view import View

# People of one name whose entries are found by index: each of their roles is a walk of its own, and a page merges them.
MOST_PEOPLE = 100
# The same where something else leads the walk, and each of its entries is asked for every one of them.
_MOST_BESIDE = 10

_ENTRY_ID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}", re.ASCII)
# Between the texts of an entry: no word has it, so none is found across two of them.
_BETWEEN = "\0"


class LookedUp(NamedTuple):
    """Free words that were found by index: the id of something, or the name of so many people (0 for an id)."""

    words: tuple[str, ...]
    people: int


@dataclass(frozen=True, slots=True)
class Words:
    """Free words to look for in opened entries: every one of `wanted` must be there, and none of `unwanted`.

    `people` are the tokens, in hexadecimal, of those whom a word names.
    """

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)

    def test(self) -> Callable[[View], bool]:
        """Return whether a view has the words, as a function."""
        wanted = [(pattern(word), self.people.get(word, _NOBODY)) for word in self.wanted]
        unwanted = [(pattern(word), self.people.get(word, _NOBODY)) for word in self.unwanted]

        def has(view: View) -> bool:
            text = fold(searchable(view))
            tokens = view.members["tokens"]
            return all(
                one.occurs(text, lambda: amounts(view)) or not people.isdisjoint(tokens) for one, people in wanted
            ) and not any(
                one.occurs(text, lambda: amounts(view)) or not people.isdisjoint(tokens) for one, people in unwanted
            )

        return has


_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sought:
    """What a filter finds: the entries of a selection that have the words."""

    selection: Selection
    words: Words = Words()
    looked_up: tuple[LookedUp, ...] = ()


def search(selecting: Selecting, directory: Directory, wanted: Query, up_to: int) -> Sought:
    """Return how the entries of a filter are found, among those up to a seq. Raises StorageFailure."""
    selection = selecting.select(wanted, up_to)
    left = list(wanted.words)
    named = {word: directory.find(word) for word in dict.fromkeys((*wanted.words, *wanted.unwanted_words))}
    looked_up: list[LookedUp] = []
    if not wanted.in_text:
        for word in wanted.words:
            if (found := _by_id(selecting, selection, word, named[word])) is not None:
                selection = found
                left.remove(word)
                looked_up.append(LookedUp((word,), 0))
        words, people = _people(left, named, MOST_PEOPLE if not selection.references else _MOST_BESIDE)
        if words:
            group = tuple(Reference("person", token) for token in sorted(people))
            selection = replace(selection, references=(*selection.references, group))
            left = [word for word in left if word not in words]
            looked_up.append(LookedUp(words, len(people)))
    tokens = {word: frozenset(token.hex() for token in found) for word, found in named.items() if found}
    return Sought(selection, Words(tuple(left), wanted.unwanted_words, tokens), tuple(looked_up))


def _by_id(selecting: Selecting, selection: Selection, word: str, named: frozenset[bytes]) -> Selection | None:
    """The selection narrowed to what refers to an id, or None where the log knows no such id."""
    store, clinic_id = selecting.store, selecting.clinic_id
    if _ENTRY_ID.fullmatch(word):
        seq = store.find(clinic_id, bytes.fromhex(word.replace("-", "")))
        if seq is not None:
            return replace(selection, only=seq if selection.only in (None, seq) else 0)  # no entry has two ids
    group = selecting.known_by(word)
    known = Selection(up_to=store.head(clinic_id).size, references=(group,))
    if not group or not store.page(clinic_id, known, None, 1):
        return None
    if len(named) <= _MOST_BESIDE:  # an id that is also somebody's name means both
        group += tuple(Reference("person", token) for token in sorted(named) if Reference("person", token) not in group)
    return replace(selection, references=(group, *selection.references))


def _people(
    words: list[str], named: Mapping[str, frozenset[bytes]], most: int
) -> tuple[tuple[str, ...], frozenset[bytes]]:
    """The words that are looked up as a name, and the people whom they mean; no words where none can be."""
    names = [word for word in words if named[word]]
    if not names:
        return (), _NO_TOKENS
    together = frozenset.intersection(*(named[word] for word in names))
    if together:
        return (tuple(names), together) if len(together) <= most else ((), _NO_TOKENS)
    rarest = min(names, key=lambda word: len(named[word]))
    return ((rarest,), named[rarest]) if len(named[rarest]) <= most else ((), _NO_TOKENS)


_NO_TOKENS: frozenset[bytes] = frozenset()


# What an entry has to be searched


def searchable(view: View) -> str:
    """The texts of an entry that free words are looked for in: what it says, its values, the ids in it, and why."""
    texts = [view.sentence, view.label, view.action, view.id, view.members.get("operation", "")]
    if reason := view.members["actor"].get("reason"):
        texts += (view.who, view.why, reason)
    if device := view.device:
        texts.append(device)
    _collect(view.values, texts)
    _collect(view.context, texts)
    if target := view.target:
        texts.append(target.get("id") or "")
    return _BETWEEN.join(texts)


def _collect(value: Any, texts: list[str]) -> None:
    if type(value) is str:
        texts.append(value)
    elif isinstance(value, dict):
        for member in value.values():
            _collect(member, texts)
    elif isinstance(value, list):
        for member in value:
            _collect(member, texts)


def amounts(view: View) -> set[Amount]:
    """Every amount that an entry has, also in changes and snapshots, without its sign."""
    return set(_amounts(view.context, ""))


def _amounts(value: Any, currency: str, name: str = "") -> Iterator[Amount]:
    if type(value) is int:
        if name.endswith("_minor"):
            yield _amount(value, currency)
    elif isinstance(value, dict):
        own = value.get("currency")
        currency = own if isinstance(own, str) else currency
        changed = value.get("field")
        for key, member in value.items():
            inside = str(changed) if key in ("old", "new") and changed else name if key in ("old", "new") else key
            yield from _amounts(member, currency, inside)
    elif isinstance(value, list):
        for member in value:
            yield from _amounts(member, currency, name)


def _amount(minor: int, currency: str) -> Amount:
    """Without a known currency, of two decimals, as most have."""
    return Decimal(abs(minor)).scaleb(-money.EXPONENTS.get(currency, 2)), currency
