"""Searching: what the free words of a filter find. `Query -> Sought`.

A free word is first looked up, which costs the same in a log of any size:

    an id       of an entry, a booking, a charge, a client, an operation or anything else that entries refer to, or a
                Stripe id: exactly as it is written, also as kind/id
    a name      of people, as they are called now (`directory.py`): several words that are together in somebody's name
                mean that person, and otherwise each of them its people, unless those are too many

The list is then what refers to them, and the texts of other entries are not searched: `looked_up` says so, and the same
filter with `in:text` searches them too. All other words are looked for in the entries that are left, opened one by one,
newest first; most are passed over by their bytes alone (`sieve.py`). There a word also matches an entry that refers to
somebody of this name, under whatever name it was then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from ..format import money
from ..stores.contract import EntryRow, Reference, Selection
from .matching import Amount, Pattern, fold, pattern
from .query import Query
from .selecting import known_by
from .sieve import Raw, Sieve
from .view import Opening, Unsealed, View, unseal

if TYPE_CHECKING:
    from .session import Session

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

    `people` are the tokens, in hexadecimal, of those whom a word names, with the word.
    """

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    people: tuple[tuple[str, frozenset[str]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)

    def test(self) -> Callable[[View], bool]:
        """Return whether a view has the words, as a function."""
        wanted, unwanted = self._tests(self.wanted), self._tests(self.unwanted)

        def has(view: View) -> bool:
            text, tokens = fold(searchable(view)), view.members["tokens"]

            def finds(one: _Test) -> bool:
                return (
                    one.pattern.occurs(text, lambda: amounts(view))
                    or not one.people.isdisjoint(tokens)
                    or one.entry_id == view.id
                )

            return all(map(finds, wanted)) and not any(map(finds, unwanted))

        return has

    def sieve(self) -> Callable[[Unsealed], bool]:
        """Return whether an entry may have the words, as a function: cheap, and never wrong where it says no."""
        wanted = [(one, Sieve(one.pattern)) for one in self._tests(self.wanted)]

        def may_have(unsealed: Unsealed) -> bool:
            members, raw = unsealed.members, Raw(unsealed)
            return all(
                sieve.passes(raw) or not one.people.isdisjoint(members["tokens"]) or one.entry_id == members["id"]
                for one, sieve in wanted
            )

        return may_have

    def _tests(self, words: Sequence[str]) -> Sequence[_Test]:
        people = dict(self.people)
        return [_Test(pattern(word), people.get(word, frozenset()), _as_entry_id(word)) for word in words]


class _Test(NamedTuple):
    """What a word is found by: its text, the people whom it names, the entry whose id it is."""

    pattern: Pattern
    people: frozenset[str]
    entry_id: str | None


class Search:
    """Looks for words in entries, and remembers by number which have them: list, chart and totals of a page mean the
    same ones, and each is tested once."""

    def __init__(self, words: Words, limit: int) -> None:
        """`limit` is of how many entries the answer is remembered."""
        self.words = words
        self._may_have, self._has = words.sieve(), words.test()
        self._limit, self._known = limit, dict[int, bool]()

    def view(self, found: EntryRow, opening: Opening) -> View | None:
        """Return an entry, opened, if it has the words. Raises StorageFailure for a body that cannot be read."""
        known = self._known.get(found.seq)
        if known is False:
            return None
        unsealed = unseal(found, opening.sealer)
        if known is None and not self._may_have(unsealed):
            return self._remember(found, None)
        view = opening.view(unsealed)
        return view if known else self._remember(found, view if self._has(view) else None)

    def has(self, found: EntryRow, opening: Opening) -> bool:
        """Whether an entry has the words. One that was tested is not opened again."""
        known = self._known.get(found.seq)
        return self.view(found, opening) is not None if known is None else known

    def _remember(self, found: EntryRow, view: View | None) -> View | None:
        if len(self._known) < self._limit:
            self._known[found.seq] = view is not None
        return view


def _as_entry_id(word: str) -> str | None:
    """The form in which an entry has its id. A part of one is not looked for: most short numbers are in some."""
    return str(UUID(word)) if _ENTRY_ID.fullmatch(word) else None


@dataclass(frozen=True, slots=True)
class Sought:
    """What a filter finds: the entries of a selection that have the words."""

    selection: Selection
    words: Words = Words()
    looked_up: tuple[LookedUp, ...] = ()


def search(session: Session, wanted: Query) -> Sought:
    """Return how the entries of a filter are found in a session. Raises StorageFailure."""
    selection = session.select(wanted)
    left = list(wanted.words)
    looked_up: list[LookedUp] = []
    if not wanted.in_text:
        for word in wanted.words:
            if (found := _by_id(session, selection, word)) is not None:
                selection = found
                left.remove(word)
                looked_up.append(LookedUp((word,), 0))
    named = {word: session.named(word) for word in dict.fromkeys((*left, *wanted.unwanted_words))}
    # A narrowed session knows few names besides those in the texts of its entries, which are few too.
    if not wanted.in_text and session.only is None:
        for words, people in _people(left, named):
            if len(people) <= (_MOST_BESIDE if selection.references else MOST_PEOPLE):
                group = tuple(Reference("person", token) for token in sorted(people))
                selection = replace(selection, references=(*selection.references, group))
                left = [word for word in left if word not in words]
                looked_up.append(LookedUp(words, len(people)))
    tokens = ((word, frozenset(token.hex() for token in found)) for word, found in named.items() if found)
    return Sought(selection, Words(tuple(left), wanted.unwanted_words, tuple(tokens)), tuple(looked_up))


def _by_id(session: Session, selection: Selection, word: str) -> Selection | None:
    """The selection narrowed to what refers to an id, or None where the log knows no such id."""
    if (entry_id := _as_entry_id(word)) is not None:
        seq = session.seq_of(entry_id)
        if seq is not None:
            return replace(selection, only=seq if selection.only in (None, seq) else 0)  # no entry has two ids
    group = known_by(session, word)
    if not group or not session.stored(Selection(up_to=session.up_to, references=(group,)), None, 1):
        return None
    if word.isalpha():  # an id that is also somebody's name means both
        named = {Reference("person", token) for token in session.named(word)}
        group += tuple(sorted(named.difference(group), key=lambda one: one.ref)) if len(named) <= _MOST_BESIDE else ()
    return replace(selection, references=(group, *selection.references))


def _people(
    words: Sequence[str], named: Mapping[str, frozenset[bytes]]
) -> Sequence[tuple[tuple[str, ...], frozenset[bytes]]]:
    """Whom the words that are names mean, the fewest first: together, or each by itself where nobody has all."""
    names = [word for word in words if named[word]]
    if not names:
        return ()
    together = frozenset.intersection(*(named[word] for word in names))
    if together:
        return [(tuple(names), together)]
    return [((word,), named[word]) for word in sorted(names, key=lambda word: len(named[word]))]


# What an entry has to be searched


def searchable(view: View) -> str:
    """The texts of an entry that free words are looked for in: what it says and why, its values, what it refers to."""
    texts = [view.sentence, view.label, view.action, view.members.get("operation", "")]
    actor = view.members["actor"]
    if reason := actor.get("reason"):
        texts += (view.who, view.why, reason)
    if actor["kind"] == "agent":  # no person, so no personal value has these
        texts += (actor["id"], actor.get("name", ""))
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
