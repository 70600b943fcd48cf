"""Which way an engine walks to find what a selection means: without SQL, so that it stands once for every engine.

A page is found by walking an index in the order of the page, (occurred_at, seq) descending: along the links of a thing,
the entries of an actor, of an action, of an actor and an action, the late ones, or all of them. A selection of several
things or actors is several such ways, whose entries are merged; one that lies on two of them comes twice, and is
dropped once. What else is asked for is checked on the rows. So a page costs about the same whether a filter finds much,
little or nothing, and whether it is the first or a late one.

An engine (`Walker`) walks one way at a time, or some together, and answers small questions by a seek in an index.
Counting and summing go the same ways. Where no entry lies on two of them each is counted by itself, mostly in its index
alone. Amounts are summed along an index of their own, in which each action and currency is one stretch in order of
time; unless people, things or numbers lead to so few entries that those are looked at one by one.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any, NamedTuple, Protocol, TypeVar

from .contract import ActorTerm, AmountTally, EntryRow, Moment, Reference, Selection

# A kind with more actors than this is common enough to be found by walking the time index.
FEW_ACTORS = 20
# Entries of a range of numbers that are looked at one by one: about those that a busy clinic records in a week. More
# are found in the order of the page, where a range of numbers lies mostly together too.
FEW_NUMBERS = 5_000
# Entries of some actions that are looked at one by one, where whatever else is asked for may have many more.
FEW_OF_ACTIONS = 200
# Links of a group that are counted to choose the one that is walked: a count of the index alone, and more are many.
FEW_LINKS = 1_000
# Entries of things or people whose amounts are looked at one by one. Of actors a fifth: the index of amounts has who
# they are, and for the others a list of numbers has to be made first.
FEW_ENTRIES = 7_500
# Actors or references whose amounts are told from others on the index; each is one more comparison for every amount.
FEW_TERMS = 20

_Row = TypeVar("_Row", EntryRow, Moment)

# A half-open range of microseconds; None for an open end.
Range = tuple[int | None, int | None]
# What is one stretch of the index of amounts, an action and a currency; and how many amounts, with their sum.
_Stretch = tuple[str, str | None]
_Sum = tuple[_Stretch, int, int]
# A range of microseconds with the number of the edges that it lies between.
Piece = tuple[int, int, int]
WHOLE: Range = (None, None)


@dataclass(frozen=True, slots=True)
class Way:
    """One walk: along the links of a reference, or the entries of an actor, of an action, of some numbers, or all."""

    reference: Reference | None = None
    actor: ActorTerm | None = None
    action: str | None = None
    interval: Range = WHOLE
    seqs: tuple[int, int] | None = None


class Amount(NamedTuple):
    """What is summed of an entry."""

    seq: int
    occurred_at: int
    action: str
    currency: str | None
    amount_minor: int


class Walker(Protocol):
    """What an engine supplies. Selections are `resolved`; each way is one of theirs."""

    # Ways that are walked in one statement.
    together: int

    def actors_of(self, kind: str, limit: int) -> Sequence[bytes]:
        """The first actors of a kind."""
        ...

    def actions(self) -> Sequence[str]: ...
    def links_of(self, reference: Reference, limit: int) -> int:
        """How many entries have a link of this part, counted up to a limit."""
        ...

    def entries_of(self, action: str, limit: int) -> int:
        """How many entries have an action, counted up to a limit."""
        ...

    def entries_on(self, selection: Selection, way: Way, limit: int) -> int:
        """How many entries of a selection lie on a way, counted up to a limit."""
        ...

    def walk(self, selection: Selection, ways: Sequence[Way], before: tuple[int, int] | None) -> Iterator[EntryRow]:
        """The entries on some ways, newest first, made as they are taken; doubles are left in."""
        ...

    def moments(self, selection: Selection, ways: Sequence[Way]) -> Iterator[Moment]:
        """The same, with nothing of the rows but when and who."""
        ...

    def places(self, selection: Selection, way: Way) -> Iterator[tuple[int, int]]:
        """The (occurred_at, seq) of the entries on a way, newest first."""
        ...

    def counted(self, selection: Selection, way: Way, pieces: Sequence[Piece]) -> Iterable[tuple[int, int]]:
        """How many entries on a way lie in each of some ranges, by number."""
        ...

    def amounts_on(self, selection: Selection, way: Way) -> Iterator[Amount]: ...
    def actions_with_amounts(self) -> Iterator[str]: ...
    def currencies_of(self, action: str) -> Iterator[str | None]:
        """The currencies in which an action has amounts."""
        ...

    def sum_along(self, selection: Selection, action: str, currency: str | None, interval: Range) -> tuple[int, int]:
        """How many amounts of a selection one stretch has in an interval, and their sum; `late` is not for here."""
        ...

    def sums_along(
        self, selection: Selection, action: str, currency: str | None, pieces: Sequence[Piece]
    ) -> Iterable[tuple[int, int, int]]:
        """The same in each of some ranges that has amounts: (number, amounts, sum)."""
        ...


# Selections and their ways


def resolved(walker: Walker, selection: Selection) -> Selection:
    """Return the selection in terms that an index answers, each of them found by a seek.

    A kind of actor becomes its actors where there are few of them; a reference in whatever part becomes one for the
    target and one for the other parts, as far as it occurs there. Of several groups the one that leads to fewest
    entries comes first, as it is the one that is walked.
    """
    actors = selection.actors
    groups = [tuple(_in_parts(walker, group)) for group in selection.references]
    if len(groups) > 1:
        groups.sort(key=lambda group: _links_of(walker, group))
    if actors is not None:
        actors = tuple(actor for term in actors for actor in _actors_of(walker, term))
    return replace(
        selection,
        actors=actors,
        references=tuple(groups),
        not_references=tuple(_in_parts(walker, selection.not_references)),
    )


def _actors_of(walker: Walker, term: ActorTerm) -> Sequence[ActorTerm]:
    kind, reference = term
    if reference is not None or kind == "system":
        return [term]
    found = walker.actors_of(kind, FEW_ACTORS + 1)
    return [term] if len(found) > FEW_ACTORS else [(kind, one) for one in found]


def _in_parts(walker: Walker, references: Sequence[Reference]) -> Iterator[Reference]:
    for reference in references:
        if reference.as_target is not None:
            yield reference
            continue
        for as_target in (False, True):
            part = reference._replace(as_target=as_target)
            if walker.links_of(part, 1):
                yield part


def _links_of(walker: Walker, group: Sequence[Reference]) -> int:
    """How many links lead to a group, counted up to FEW_LINKS."""
    left = FEW_LINKS
    for reference in group:
        if left <= 0:
            break
        left -= walker.links_of(reference, left)
    return FEW_LINKS - left


def is_empty(selection: Selection) -> bool:
    """Whether nothing can match; no index answers such a condition."""
    return () in (selection.actors, selection.actions, selection.intervals, selection.seqs, *selection.references)


def few_numbers(selection: Selection) -> bool:
    """Whether a selection is of so few numbers that each of these entries can be looked at."""
    if selection.seqs is None and selection.from_seq == 1:
        return False
    return sum(last - first + 1 for first, last in _numbers(selection)) <= FEW_NUMBERS


def _numbers(selection: Selection) -> list[tuple[int, int]]:
    """The ranges of numbers that a selection allows, those that are not empty."""
    whole = (selection.from_seq, selection.up_to)
    ranges = (whole,) if selection.seqs is None else selection.seqs
    clipped = [(max(first, whole[0]), min(last, whole[1])) for first, last in ranges]
    return [(first, last) for first, last in clipped if first <= last]


def _is_of_rare_actions(walker: Walker, selection: Selection) -> bool:
    """Whether a selection by reference is of actions that so few entries have that these are walked instead."""
    if not selection.references or selection.actions is None or selection.late:
        return False
    left = FEW_OF_ACTIONS
    for action in selection.actions:
        left -= walker.entries_of(action, left + 1)
        if left < 0:
            return False
    return True


def ways(selection: Selection, *, by_number: bool = False, by_action: bool = False) -> list[Way]:
    """Return the ways that together lead to a resolved selection.

    With `by_number` the numbers that it allows are walked, and what is found is sorted; with `by_action` its actions,
    although it is by reference. Otherwise: a filter by reference walks the links once for each reference of its first
    group; else one by actor and action an index of both, once for each pair; else one by actor or by action its index,
    once for each; else the time index is walked. Late entries have an index of their own, in order of time.
    """
    if is_empty(selection):
        return []
    intervals: Sequence[Range] = (WHOLE,) if selection.intervals is None else selection.intervals
    if by_number:
        return [Way(interval=interval, seqs=seqs) for interval in intervals for seqs in _numbers(selection)]
    references: Sequence[Reference | None] = [None]
    actors: Sequence[ActorTerm | None] = [None]
    actions: Sequence[str | None] = [None]
    if selection.references and not by_action:
        references = selection.references[0]
    elif not selection.late:
        actors = [None] if selection.actors is None else selection.actors
        actions = [None] if selection.actions is None else selection.actions
    return [Way(*parts) for parts in product(references, actors, actions, intervals)]


# Pages


def page(walker: Walker, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[EntryRow]:
    """Return the first entries of a selection behind a place, newest first, each once."""
    selection = resolved(walker, selection)
    by_number = few_numbers(selection)
    by_action = not by_number and _is_of_rare_actions(walker, selection)
    every = ways(selection, by_number=by_number, by_action=by_action)
    parts = [
        _first(walker.walk(selection, every[start : start + walker.together], before), limit)
        for start in range(0, len(every), walker.together)
    ]
    if len(parts) == 1:
        return parts[0]
    found = {row.seq: row for part in parts for row in part}.values()
    return sorted(found, key=lambda row: (row.occurred_at, row.seq), reverse=True)[:limit]


def moments(walker: Walker, selection: Selection, limit: int) -> list[Moment]:
    """Return when the first entries of a selection occurred, and who did it, newest first, each once."""
    selection = resolved(walker, selection)
    every = ways(selection, by_number=few_numbers(selection))
    parts = [
        _first(walker.moments(selection, every[start : start + walker.together]), limit)
        for start in range(0, len(every), walker.together)
    ]
    if len(parts) == 1:
        return parts[0]
    return sorted({one for part in parts for one in part}, reverse=True)[:limit]


def _first(rows: Iterator[_Row], limit: int) -> list[_Row]:
    """So many rows, each once: a double comes at once again."""
    found: list[_Row] = []
    for row in rows:
        if not found or found[-1].seq != row.seq:
            found.append(row)
            if len(found) == limit:
                break
    return found


# Counts


def counts(walker: Walker, selection: Selection, edges: Sequence[int]) -> list[int]:
    """Return how many entries there are in each of the ranges between `edges`, sorted microseconds."""
    pieces = list(_pieces(edges, merged(selection.intervals)))
    selection = replace(_by_actions(walker, selection), intervals=None)
    unwanted = _unwanted_by_index(walker, selection)
    if unwanted is None:
        found = _counted(walker, selection, pieces)
    else:
        # What is left without some actors is everything less what is theirs: both are counted in an index.
        found = _counted(walker, replace(selection, not_actors=()), pieces)
        found.subtract(_counted(walker, unwanted, pieces))
    return [found[number] for number in range(len(edges) - 1)]


def _counted(walker: Walker, selection: Selection, pieces: Sequence[Piece]) -> Counter[int]:
    """The entries of a selection in some ranges, by number."""
    found: Counter[int] = Counter()
    if not pieces:
        return found
    selection = resolved(walker, selection)
    if _are_apart(selection):
        for way in ways(selection):
            for number, entries in walker.counted(selection, way, pieces):
                found[number] += entries
        return found
    within = replace(selection, intervals=((pieces[0][1], pieces[-1][2]),))
    left = list(pieces)
    for occurred_at, _ in _each(walker, within):
        while left and occurred_at < left[-1][1]:
            left.pop()
        if left and occurred_at < left[-1][2]:
            found[left[-1][0]] += 1
    return found


def _each(walker: Walker, selection: Selection) -> Iterator[tuple[int, int]]:
    """The (occurred_at, seq) of every entry once, newest first: the ways are walked side by side."""
    last: Any = None
    for place in heapq.merge(*(walker.places(selection, way) for way in ways(selection)), reverse=True):
        if place != last:
            yield place
        last = place


def _are_apart(selection: Selection) -> bool:
    """Whether no entry lies on two of the ways of a resolved selection, whose intervals are merged."""
    if selection.references:
        return len({(kind, ref) for kind, ref, _ in selection.references[0]}) < 2  # in one part of an entry or another
    actors, actions = selection.actors or (), selection.actions or ()
    whole = {kind for kind, reference in actors if reference is None and kind != "system"}
    return (
        len(set(actors)) == len(actors)
        and len(set(actions)) == len(actions)
        and not any(kind in whole for kind, reference in actors if reference is not None)
    )


def _by_actions(walker: Walker, selection: Selection) -> Selection:
    """Every other action instead of "not these": their index has what is counted, the rows need not be read."""
    if not selection.not_actions or selection.references:
        return selection
    known = walker.actions() if selection.actions is None else selection.actions
    left = tuple(code for code in known if code not in selection.not_actions)
    return replace(selection, actions=left, not_actions=())


def _unwanted_by_index(walker: Walker, selection: Selection) -> Selection | None:
    """What `not_actors` take out, where an index finds it; None where it does not."""
    if not selection.not_actors or selection.actors is not None or selection.references:
        return None
    theirs = replace(selection, actors=selection.not_actors, not_actors=())
    found = resolved(walker, theirs).actors or ()
    return None if any(reference is None and kind != "system" for kind, reference in found) else theirs


def _pieces(edges: Sequence[int], intervals: tuple[Range, ...] | None) -> Iterator[Piece]:
    """The ranges between the edges as far as they lie in intervals: (number, start, end) in order."""
    for number, (start, end) in enumerate(pairwise(edges)):
        for low, high in (WHOLE,) if intervals is None else intervals:
            first, last = start if low is None else max(start, low), end if high is None else min(end, high)
            if first < last:
                yield number, first, last


def merged(intervals: tuple[Range, ...] | None) -> tuple[Range, ...] | None:
    """The same instants in intervals that are in order and apart."""
    if intervals is None:
        return None
    apart: list[Range] = []
    for low, high in sorted(intervals, key=lambda one: (one[0] is not None, one[0] or 0)):
        if low is not None and high is not None and low >= high:
            continue
        if apart and (apart[-1][1] is None or low is None or low <= apart[-1][1]):
            before = apart[-1][1]
            apart[-1] = apart[-1][0], None if before is None or high is None else max(before, high)
        else:
            apart.append((low, high))
    return tuple(apart)


# Amounts


def amounts(walker: Walker, selection: Selection) -> list[AmountTally]:
    """Return for each action and currency how many entries have an amount, and its exact sum."""
    selection = replace(selection, intervals=merged(selection.intervals))
    found = resolved(walker, selection)
    if is_empty(found):
        return []
    if _is_along_index(walker, found):
        # A kind of actor as it is: one comparison for each amount, and not one for each actor of the kind.
        sums = _along_index(walker, replace(found, actors=selection.actors))
    else:
        sums = ((stretch, 1, amount) for _, stretch, amount in _one_by_one(walker, found))
    return _tallies(sums)


def amounts_between(walker: Walker, selection: Selection, edges: Sequence[int]) -> list[list[AmountTally]]:
    """Return the same for each of the ranges between `edges`, sorted microseconds."""
    pieces = list(_pieces(edges, merged(selection.intervals)))
    sums: dict[int, list[_Sum]] = defaultdict(list)
    if pieces:
        within = replace(selection, intervals=((pieces[0][1], pieces[-1][2]),))
        found = resolved(walker, within)
        if is_empty(found):
            pass
        elif _is_along_index(walker, found):
            whole = replace(found, actors=selection.actors, intervals=None)
            for stretch in _stretches(walker, whole):
                for number, entries, amount in walker.sums_along(whole, *stretch, pieces):
                    sums[number].append((stretch, entries, amount))
        else:
            starts = [start for _, start, _ in pieces]
            for occurred_at, stretch, amount in _one_by_one(walker, found):
                number, _, end = pieces[bisect_right(starts, occurred_at) - 1]
                if occurred_at < end:
                    sums[number].append((stretch, 1, amount))
    return [_tallies(sums.get(number, ())) for number in range(len(edges) - 1)]


def _tallies(sums: Iterable[_Sum]) -> list[AmountTally]:
    entries: Counter[tuple[str, str | None]] = Counter()
    amount: dict[tuple[str, str | None], int] = defaultdict(int)
    for stretch, some, their_sum in sums:
        entries[stretch] += some
        amount[stretch] += their_sum
    tallies = [AmountTally(*stretch, entries[stretch], amount[stretch]) for stretch in entries if entries[stretch]]
    return sorted(tallies, key=lambda one: (one.action, one.currency or ""))


def _is_along_index(walker: Walker, selection: Selection) -> bool:
    """Whether the index of amounts is the way to go: it has no numbers alone, and not what is late."""
    if selection.late or selection.only is not None or few_numbers(selection):
        return False
    if max(map(len, (selection.actors or (), selection.not_references, *selection.references)), default=0) > FEW_TERMS:
        return False
    return not _are_few(walker, selection)


def _are_few(walker: Walker, selection: Selection) -> bool:
    """Whether few entries are on the ways to a page, as far as people or things lead to it: their index is counted."""
    left = FEW_ENTRIES if selection.references else FEW_ENTRIES // 5
    if selection.references:
        for reference in selection.references[0]:
            left -= walker.links_of(reference, left + 1)
            if left < 0:
                return False
        return True
    if selection.actors is None or any(kind != "system" and one is None for kind, one in selection.actors):
        return False  # nobody, or a kind of many
    counted = replace(selection, not_references=())
    for way in ways(counted):
        left -= walker.entries_on(counted, way, left + 1)
        if left < 0:
            return False
    return True


def _one_by_one(walker: Walker, selection: Selection) -> Iterator[tuple[int, _Stretch, int]]:
    """When the entries on all ways to a page occurred, with what is summed of them, each once: one that has two
    references comes twice."""
    seen: set[int] = set()
    for way in ways(selection, by_number=few_numbers(selection)):
        for seq, occurred_at, action, currency, amount in walker.amounts_on(selection, way):
            if seq not in seen:
                seen.add(seq)
                yield occurred_at, (action, currency), amount


def _along_index(walker: Walker, selection: Selection) -> Iterator[_Sum]:
    intervals = (WHOLE,) if selection.intervals is None else selection.intervals
    for stretch in _stretches(walker, selection):
        for interval in intervals:
            yield stretch, *walker.sum_along(selection, *stretch, interval)


def _stretches(walker: Walker, selection: Selection) -> Iterator[_Stretch]:
    """The actions of a selection that have amounts, with each of their currencies."""
    wanted = None if selection.actions is None else set(selection.actions)
    for action in walker.actions_with_amounts():
        if action not in selection.not_actions and (wanted is None or action in wanted):
            for currency in walker.currencies_of(action):
                yield action, currency
