"""The sieve: what of a free word must be in an entry's opened bytes, or the entry need not be made a view and searched.

An entry is searched in what it says (`searching.searchable`), and most of that stands in its body or its groups as it
is. So before anything of it is parsed and put into words, its bytes are folded and asked for the word's letters:

    run     a longest part of the folded word of letters and digits alone. No run holds what JSON escapes, or what
            stands between a value and the next, so a run that occurs in a value occurs in the folded bytes
    said    what an entry says and its bytes do not have: labels, what stands between the values of a sentence,
            "Anonymous client", digits of a time on another clock, an amount's leading zero. A run that may be, or may
            touch, what the action says need not be in the bytes
    device  its words are made of the user agent, which is put beside the bytes, and so is why the system acted

A number of six digits is looked for without what may group it, an amount as its integer in each minor unit that there
is, an IPv4 address by its whole octets. Where this cannot tell, as for IPv6, which has many spellings, an entry passes.
It never misses: what does not pass has not the word, and what passes is opened and tested.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from string import Formatter
from types import NoneType
from typing import Annotated, Any, Literal
from uuid import UUID

from ..catalogue import Action, amounts, counted, device, find, placeholders, vocabulary
from ..catalogue.fields import Changed, Someone
from ..format import money
from .matching import GROUPING, Amount, Pattern, fold
from .view import FOR, FOR_IN_SENTENCE, Group, Unsealed, plain_kind, reason_in_words

_AGENT = "request.user_agent"
# Between the parts of an entry's bytes.
_BETWEEN = b"\0"
_LOWER = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
_LEFT_OUT = b"'`"
_GROUPING = GROUPING.encode()
_RUN = re.compile(r"[^\W_]+")
# What is said in the place of a value that is not there (`view.py`). A kind stands in the body.
_IN_PLACE = ("anonymous", "unknown", "an unknown client", "an unknown amount", "somebody", "client", "thing")
# The date and the hour of a time, which may be read as one number.
_LONGEST_IN_TIME = 10


class Raw:
    """The bytes of an entry, folded: body, groups, and the device in words."""

    __slots__ = ("_ungrouped", "is_escaped", "said", "text")

    def __init__(self, unsealed: Unsealed) -> None:
        members = unsealed.members
        plain = _BETWEEN.join([group.plain for group in unsealed.groups if group.plain is not None])
        # Apart: a body is seldom of other letters than ASCII, which cost more.
        parts = [_folded(unsealed.row.body), _folded(plain)]
        parts += [_device_in(group) for group in unsealed.groups if _AGENT in group.paths]
        if type(reason := members["actor"].get("reason")) is str:
            parts.append(_reason(reason))
        self.text = text = _BETWEEN.join(parts)
        # Only control characters are escaped by their numbers, unless a body was changed.
        self.is_escaped = b"\\" in text and b"\\u" in text
        self._ungrouped: bytes | None = None
        declared = find(str(members["action"]))
        self.said = _said(declared, declared is not None and members.get("action_version") == declared.version)

    @property
    def ungrouped(self) -> bytes:
        """The bytes without what may group the digits of a number."""
        if self._ungrouped is None:
            self._ungrouped = self.text.translate(None, _GROUPING)
        return self._ungrouped


def _folded(raw: bytes) -> bytes:
    if raw.isascii():
        return raw.translate(_LOWER, _LEFT_OUT)
    return fold(raw.decode("utf-8", "replace")).encode()


def _device_in(group: Group) -> bytes:
    """The device of the user agent that a group has."""
    agent = (group.values() or {}).get(_AGENT)
    return _device(agent) if type(agent) is str else b""


@lru_cache(maxsize=4096)
def _device(agent: str) -> bytes:
    return fold(device.words(agent)).encode()


@lru_cache(maxsize=1024)
def _reason(reason: str) -> bytes:
    return fold(reason_in_words(reason)).encode()


class Sieve:
    """The necessary test of one free word."""

    def __init__(self, pattern: Pattern) -> None:
        # An amount that is one is found as a whole: its signs are no space, and nothing that JSON escapes.
        self._is_amount = pattern.whole is not None
        parts = pattern.text.split() if self._is_amount else _RUN.findall(pattern.text)
        self._parts = sorted(set(parts), key=lambda part: (-len(part), part))
        self._needed: dict[_Said, tuple[bytes, ...]] = {}
        self._digits = pattern.digits.encode()
        self._amounts = _in_minor_units(pattern.amounts)
        self._network = pattern.network is not None
        self._octets = b""
        if pattern.network is not None and pattern.network.version == 4:
            whole = str(pattern.network.network_address).split(".")[: pattern.network.prefixlen // 8]
            self._octets = ".".join(whole).encode()

    def passes(self, raw: Raw) -> bool:
        """Whether the word may be in the entry."""
        said, text = raw.said, raw.text
        if said.anything or raw.is_escaped:
            return True
        if self._network:
            return said.joins or self._octets in text
        if self._is_amount and said.joins:
            return True
        needed = self._needed.get(said)
        if needed is None:
            needed = self._needed[said] = tuple(
                part.encode() for part in self._parts if not self._may_be_said(part, said)
            )
        for part in needed:
            if part not in text:
                break
        else:
            return True
        if self._digits and self._has_digits(raw):
            return True
        return self._amounts is not None and self._amounts.occurs(text)

    def _may_be_said(self, part: str, said: _Said) -> bool:
        # An amount that is printed is one of the entry's, which are looked for as integers.
        zero = said.sums and not self._is_amount
        return any(said.says(run) or (zero and run.isdigit() and run[0] == "0") for run in _RUN.findall(part))

    def _has_digits(self, raw: Raw) -> bool:
        said, digits = raw.said, self._digits
        if said.joins or (said.moments and len(digits) <= _LONGEST_IN_TIME):
            return True
        return digits in raw.ungrouped or b"\\" in raw.text  # a tab is a space between digits, and escaped


class _Integers:
    """Integers, of which one may be in JSON."""

    def __init__(self, integers: set[str]) -> None:
        # Most begin with another: 30, 300, 3000.
        self._beginnings = [
            one.encode() for one in integers if not any(one[:end] in integers for end in range(len(one)))
        ]
        self._whole = re.compile(b"[:,[]-?(?:" + "|".join(sorted(integers)).encode() + b")[],}]")

    def occurs(self, text: bytes) -> bool:
        return any(one in text for one in self._beginnings) and self._whole.search(text) is not None


def _in_minor_units(wanted: frozenset[Amount]) -> _Integers | None:
    """Every integer that may be one of the amounts."""
    integers = set()
    for value, code in wanted:
        # An entry's own currency may be none, or not known, which has two decimals.
        for exponent in {money.EXPONENTS.get(code, 2), 2} if code else {2, *money.EXPONENTS.values()}:
            minor = value.scaleb(exponent)
            if minor == minor.to_integral_value():
                integers.add(str(int(minor)))
    return _Integers(integers) if integers else None


# What an action says


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What the entries of an action say that is not in their bytes.

    `texts` are whole; `ends` and `starts` stand before and behind a value, without a space between; `anything` is true
    where that is not known. `joins` says that two values may come to be one number or address, `moments` and `sums`
    that there are times and amounts.
    """

    texts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    anything: bool = False
    joins: bool = False
    moments: bool = False
    sums: bool = False

    def says(self, run: str) -> bool:
        """Whether a run of letters and digits may be said without being in the bytes as it is."""
        return (
            (self.moments and run.isdigit())
            or any(run in text for text in self.texts)
            or any(text.endswith(run[:length]) for text in self.ends for length in range(1, len(run)))
            or any(text.startswith(run[-length:]) for text in self.starts for length in range(1, len(run)))
        )


@lru_cache(maxsize=1024)
def _said(declared: type[Action] | None, is_present: bool) -> _Said:
    """Return what an action says. Of another version than the present one it is not known."""
    if declared is None:  # its code and its kind, with signs between
        return _Said(texts=tuple(map(fold, (*_IN_PLACE, *_pieces(FOR)))), joins=True)
    if not is_present:
        return _Said(anything=True)
    pieces = _pieces(declared.sentence)
    one = counted.ONE.get(declared.sentence)
    before, behind, inner = pieces[:-1], pieces[1:], pieces[1:-1]
    texts = (*map(fold, (*_IN_PLACE, declared.label, *_pieces(FOR), *_pieces(FOR_IN_SENTENCE))), *pieces)
    names = {name.partition(".")[0] for name in placeholders(declared.sentence)}
    printed = [field for field in declared.fields_of_context if field.name in names]
    # Of one thing it says less of a word than of several; a word of a list may be another than its code.
    texts += (*(_pieces(one.text) if one else ()), *map(fold, map(plain_kind, declared.targets)))
    texts += tuple(fold(vocabulary.said(word)) for field in printed for word in sorted(field.words))
    return _Said(
        texts=texts,
        ends=tuple(text for text in before if text[-1:].isalnum()),
        starts=tuple(text for text in behind if text[:1].isalnum()),
        anything=any(text.isalnum() or not text for text in inner)
        or not all(_is_one(declared.model_fields[field.name].annotation) for field in printed),
        joins=not all(any(map(str.isalpha, text)) for text in inner) or any(map(str.isdigit, "".join(texts))),
        moments=any(field.timed for field in printed),
        sums="amount" in names or any(field.name.endswith(amounts.SUFFIX) for field in printed),
    )


def _pieces(template: str) -> Sequence[str]:
    """The words of a template, folded: before the first value, between two, and behind the last one."""
    pieces, ended = [], False
    for before, name, _, _ in Formatter().parse(template):
        pieces.append(fold(before))
        ended = name is None
    return pieces if ended else [*pieces, ""]


def _is_one(annotation: Any) -> bool:
    """Whether a field has one value, which is said as it is stored, and no list or object."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        return _is_one(parts[0])
    if isinstance(annotation, type) and origin is None:
        if issubclass(annotation, Changed):
            return _is_one(annotation.model_fields["new"].annotation)
        return issubclass(annotation, (str, int, date, UUID, Someone, NoneType))
    return origin not in (list, dict, tuple, set, frozenset) and bool(parts) and all(map(_is_one, parts))
