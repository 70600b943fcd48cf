"""Selecting: a filter in a reader's words becomes a selection in the store's terms. `Query -> Selection`.

Days become instants in the clinic's zone, ids of people tokens, ids of things references of every kind that the log
knows, a Stripe id the HMAC under which its entries are found. An id that the log does not know selects nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from . import instant
from .catalogue import registered
from .drafting import FUTURE_MINUTES
from .personal import Sealer
from .query import Choice, Query, Vocabulary
from .recognition import DEVICE, NETWORK
from .recorded import Recorded
from .store import ActorTerm, Reference, Selection, Store

# Whose ids a host's id may be. Each is a number space of its own.
_REALMS = ("client", "staff", "support")
# Kinds of links that are to no thing of a host.
NO_THINGS = frozenset({"person", "evidence", "operation", DEVICE, NETWORK})
# The kinds of actors that are no persons, so that bodies have their ids in clear.
IN_CLEAR = frozenset({"agent", "integration"})


def vocabulary(store: Store, clinic_id: str) -> Vocabulary:
    """What a filter of a log can name: the catalogue, and codes that occur there but are declared no more."""
    occurring = frozenset(store.actions(clinic_id))
    categories: dict[str, set[str]] = {}
    declared = set()
    for cls in registered():
        categories.setdefault(cls.category, set()).add(cls.code)
        declared.add(cls.code)
    if occurring - declared:
        categories["other"] = set(occurring - declared)
    return Vocabulary({name: frozenset(codes) for name, codes in categories.items()}, occurring)


@dataclass(frozen=True, slots=True)
class Selecting:
    """What it takes to select in one clinic's log. `zone` is the clinic's IANA zone."""

    store: Store
    clinic_id: str
    zone: str
    sealer: Sealer

    def select(self, wanted: Query, up_to: int) -> Selection:
        """Return a filter in the store's terms, bounded by a seq. Free words are not in it: they need the values."""
        yes, no = wanted.wanted, wanted.unwanted
        actions: set[str] | None = set(yes.actions) or None
        if yes.categories:
            inside = self._codes(yes.categories)
            actions = inside if actions is None else actions & inside
        bounded = wanted.first is not None or wanted.last is not None
        intervals = instant.day_intervals(self.zone, wanted.first, wanted.last) if bounded else None
        seqs = None
        if (taken := wanted.recorded) is not None:
            seqs = tuple(self._seqs(taken, up_to))
            intervals = tuple(self._before_recorded(taken, intervals))
        return Selection(
            up_to=up_to,
            intervals=intervals,
            actors=self._actors(yes.actors, yes.kinds) if yes.actors or yes.kinds else None,
            actions=None if actions is None else tuple(sorted(actions)),
            not_actors=self._actors(no.actors, no.kinds),
            not_actions=tuple(sorted(no.actions | self._codes(no.categories))),
            references=tuple(tuple(sorted(group, key=_order)) for group in self._groups(yes)),
            not_references=tuple(sorted(set().union(*self._groups(no)), key=_order)),
            seqs=seqs,
            late=wanted.late,
        )

    def _codes(self, categories: Collection[str]) -> set[str]:
        """The codes of categories. The catalogue is loaded whole only where a filter names one."""
        if not categories:
            return set()
        known = vocabulary(self.store, self.clinic_id).categories
        return {code for name in categories for code in known.get(name, ())}

    def _recording_days(self, taken: Recorded) -> tuple[instant.Interval, ...]:
        first, last = (end if isinstance(end, date) else None for end in (taken.first, taken.last))
        return instant.day_intervals(self.zone, first, last)

    def _seqs(self, taken: Recorded, up_to: int) -> Iterator[tuple[int, int]]:
        """The numbers of the entries that the log took in a range: `recorded_at` never decreases with the number."""
        least = taken.first if isinstance(taken.first, int) else 1
        most = min(up_to, taken.last) if isinstance(taken.last, int) else up_to
        for start, end in self._recording_days(taken):
            first = 1 if start is None else self.store.first_recorded(self.clinic_id, start, up_to)
            last = up_to if end is None else self.store.first_recorded(self.clinic_id, end, up_to) - 1
            if max(first, least) <= min(last, most):
                yield max(first, least), min(last, most)

    def _before_recorded(
        self, taken: Recorded, intervals: tuple[instant.Interval, ...] | None
    ) -> Iterator[instant.Interval]:
        """The intervals without what lies behind the last recording: the log takes nothing from further ahead than
        FUTURE_MINUTES. So a list begins near the range, however much came after it."""
        ends = [end for _, end in self._recording_days(taken)]
        if None in ends:
            yield from ((None, None),) if intervals is None else intervals
            return
        ahead = FUTURE_MINUTES * instant.MINUTE
        latest = max((end for end in ends if end is not None), default=instant.EARLIEST) + ahead
        for start, end in ((None, None),) if intervals is None else intervals:
            if start is None or start < latest:
                yield start, latest if end is None else min(end, latest)

    def _actors(self, ids: Iterable[str], kinds: Iterable[str]) -> tuple[ActorTerm, ...]:
        """Every actor that an id may mean: a person under any kind, or one in clear. A kind takes in its ids."""
        whole = set(kinds)
        terms: set[ActorTerm] = {(kind, None) for kind in whole}
        for host_id in ids:
            for kind in {"staff", "client", "support"} - whole:
                if (token := self.token(kind, host_id)) is not None:
                    terms.add((kind, token))
            terms.update((kind, host_id.encode()) for kind in IN_CLEAR - whole)
        return tuple(sorted(terms, key=lambda term: (term[0], term[1] or b"")))

    def token(self, realm: str, host_id: str) -> bytes | None:
        """Return the token of a host's person, or None where the log does not know that person (any more)."""
        self.sealer.refresh()
        for _, token in self.sealer.tokens(realm, host_id):
            rows = self.store.persons(self.clinic_id, [token])
            if not rows:
                return None
            if rows[0].erased_by is None and self.sealer.is_of(token, rows[0].sealed, realm, host_id):
                return token
        raise AssertionError("there is always another token")

    def _groups(self, choice: Choice) -> list[set[Reference]]:
        """One group for each key of the filter that means references, the one that finds least first."""
        groups = []
        if choice.operations:
            groups.append({Reference("operation", text.encode()) for text in choice.operations})
        if choice.stripes:
            groups.append({one for text in choice.stripes for one in self._stripe(text)})
        if choice.targets:
            groups.append({one for text in choice.targets for one in self.about(text, as_target=True)})
        if choice.abouts:
            groups.append({one for text in choice.abouts for one in self.about(text)})
        if choice.clients:
            groups.append({one for text in choice.clients for one in self._clients(text)})
        return groups

    def _clients(self, text: str) -> Iterator[Reference]:
        """The client that `id` or `client/id` means. A host's ids may begin with `client/` themselves."""
        bare = text.removeprefix("client/")
        known = [] if bare == text else list(self._people(("client",), bare))
        yield from known or self._people(("client",), text)

    def about(self, text: str, as_target: bool | None = None) -> Iterator[Reference]:
        """Every thing and person that `id` or `kind/id` may mean, as the target or in whatever part."""
        kinds = self.store.kinds(self.clinic_id)
        kind, slash, bare = text.partition("/")
        if slash and bare and kind in _REALMS:
            yield from self._people((kind,), bare, as_target)
        elif slash and bare and kind in kinds and kind not in NO_THINGS:
            yield Reference(kind, bare.encode(), as_target)
        else:
            yield from self._people(_REALMS, text, as_target)
            for known in kinds:
                if known not in NO_THINGS:
                    yield Reference(known, text.encode(), as_target)

    def known_by(self, text: str) -> tuple[Reference, ...]:
        """What an id may mean, whether or not the log knows it: a Stripe id, an operation, a thing, a person."""
        return tuple(sorted({Reference("operation", text.encode()), *self._stripe(text)}, key=_order))

    def _people(self, realms: Iterable[str], host_id: str, as_target: bool | None = None) -> Iterator[Reference]:
        for realm in realms:
            if (token := self.token(realm, host_id)) is not None:
                yield Reference("person", token, as_target)

    def _stripe(self, text: str) -> Iterator[Reference]:
        """A Stripe id is evidence, found by its HMAC; or the host uses it as the id of a charge or refund itself."""
        yield Reference("evidence", self.sealer.find_evidence(text))
        yield from self.about(text)


def _order(reference: Reference) -> tuple[str, bytes, bool]:
    return reference.kind, reference.ref, bool(reference.as_target)
