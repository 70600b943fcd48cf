"""Selecting: a filter in a reader's words becomes a selection in the store's terms. `Query -> Selection`.

Days, and what is relative to now, become instants in the clinic's zone, ids of people tokens, ids of things references
of every kind that the log knows, a Stripe id the HMAC under which its entries are found. An id that the log does not
know selects nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from ..catalogue.recognition import DEVICE, NETWORK
from ..format import instant
from ..record.drafting import FUTURE_MINUTES
from ..stores.contract import ActorTerm, Reference, Selection
from . import bounds
from .query import Choice, Query
from .recorded import Recorded

if TYPE_CHECKING:
    from .session import Session

# Whose ids a host's id may be. Each is a number space of its own.
_REALMS = ("client", "staff", "support")
# Kinds of links that are to no thing of a host.
NO_THINGS = frozenset({"person", "evidence", "operation", DEVICE, NETWORK})
# The kinds of actors that are no persons, so that bodies have their ids in clear.
IN_CLEAR = frozenset({"agent", "integration"})


def select(session: Session, wanted: Query) -> Selection:
    """Return a filter in the store's terms, bounded by the session. Free words are not in it: they need the values."""
    yes, no = wanted.wanted, wanted.unwanted
    actions: set[str] | None = set(yes.actions) or None
    if yes.categories:
        inside = session.codes(yes.categories)
        actions = inside if actions is None else actions & inside
    bounded = wanted.first is not None or wanted.last is not None
    intervals = bounds.intervals(wanted.first, wanted.last, session.now, session.zone) if bounded else None
    seqs = None
    if (taken := wanted.recorded) is not None:
        seqs = tuple(_seqs(session, taken))
        intervals = tuple(_before_recorded(session, taken, intervals))
    return Selection(
        up_to=session.up_to,
        intervals=intervals,
        actors=_actors(session, yes.actors, yes.kinds) if yes.actors or yes.kinds else None,
        actions=None if actions is None else tuple(sorted(actions)),
        not_actors=_actors(session, no.actors, no.kinds),
        not_actions=tuple(sorted(no.actions | session.codes(no.categories))),
        references=tuple(tuple(sorted(group, key=_order)) for group in _groups(session, yes)),
        not_references=tuple(sorted(set().union(*_groups(session, no)), key=_order)),
        seqs=seqs,
        late=wanted.late,
    )


def _recording_days(session: Session, taken: Recorded) -> tuple[instant.Interval, ...]:
    first, last = (end if isinstance(end, date) else None for end in (taken.first, taken.last))
    return instant.day_intervals(session.zone, first, last)


def _seqs(session: Session, taken: Recorded) -> Iterator[tuple[int, int]]:
    """The numbers of the entries that the log took in a range: `recorded_at` never decreases with the number."""
    up_to = session.up_to
    least = taken.first if isinstance(taken.first, int) else 1
    most = min(up_to, taken.last) if isinstance(taken.last, int) else up_to
    for start, end in _recording_days(session, taken):
        first = 1 if start is None else session.first_recorded(start)
        last = up_to if end is None else session.first_recorded(end) - 1
        if max(first, least) <= min(last, most):
            yield max(first, least), min(last, most)


def _before_recorded(
    session: Session, taken: Recorded, intervals: tuple[instant.Interval, ...] | None
) -> Iterator[instant.Interval]:
    """The intervals without what lies behind the last recording: the log takes nothing from further ahead than
    FUTURE_MINUTES. So a list begins near the range, however much came after it."""
    ends = [end for _, end in _recording_days(session, taken)]
    if None in ends:
        yield from ((None, None),) if intervals is None else intervals
        return
    ahead = FUTURE_MINUTES * instant.MINUTE
    latest = max((end for end in ends if end is not None), default=instant.EARLIEST) + ahead
    for start, end in ((None, None),) if intervals is None else intervals:
        if start is None or start < latest:
            yield start, latest if end is None else min(end, latest)


def _actors(session: Session, ids: Iterable[str], kinds: Iterable[str]) -> tuple[ActorTerm, ...]:
    """Every actor that an id may mean: a person under any kind, or one in clear. A kind takes in its ids."""
    whole = set(kinds)
    terms: set[ActorTerm] = {(kind, None) for kind in whole}
    for host_id in ids:
        for kind in {"staff", "client", "support"} - whole:
            if (token := session.token(kind, host_id)) is not None:
                terms.add((kind, token))
        terms.update((kind, host_id.encode()) for kind in IN_CLEAR - whole)
    return tuple(sorted(terms, key=lambda term: (term[0], term[1] or b"")))


def _groups(session: Session, choice: Choice) -> list[set[Reference]]:
    """One group for each key of the filter that means references, the one that finds least first."""
    groups = []
    if choice.operations:
        groups.append({Reference("operation", text.encode(), as_target=False) for text in choice.operations})
    if choice.stripes:
        groups.append({one for text in choice.stripes for one in _stripe(session, text)})
    if choice.targets:
        groups.append({one for text in choice.targets for one in about(session, text, as_target=True)})
    if choice.abouts:
        groups.append({one for text in choice.abouts for one in about(session, text)})
    if choice.clients:
        groups.append({one for text in choice.clients for one in _clients(session, text)})
    groups += [set(about(session, text)) for text in sorted(choice.onlys)]
    return groups


def _clients(session: Session, text: str) -> Iterator[Reference]:
    """The client that `id` or `client/id` means. A host's ids may begin with `client/` themselves."""
    bare = text.removeprefix("client/")
    known = [] if bare == text else list(_people(session, ("client",), bare))
    yield from known or _people(session, ("client",), text)


def about(session: Session, text: str, as_target: bool | None = None) -> Iterator[Reference]:
    """Every thing and person that `id` or `kind/id` may mean, as the target or in whatever part."""
    kind, slash, bare = text.partition("/")
    if slash and bare and kind in _REALMS:
        yield from _people(session, (kind,), bare, as_target)
    elif slash and bare and kind in session.kinds and kind not in NO_THINGS:
        yield Reference(kind, bare.encode(), as_target)
    else:
        yield from _people(session, _REALMS, text, as_target)
        for known in session.kinds:
            if known not in NO_THINGS:
                yield Reference(known, text.encode(), as_target)


def known_by(session: Session, text: str) -> tuple[Reference, ...]:
    """What an id may mean, whether or not the log knows it: a Stripe id, an operation, a thing, a person."""
    return tuple(sorted({Reference("operation", text.encode(), as_target=False), *_stripe(session, text)}, key=_order))


def _people(
    session: Session, realms: Iterable[str], host_id: str, as_target: bool | None = None
) -> Iterator[Reference]:
    for realm in realms:
        if (token := session.token(realm, host_id)) is not None:
            yield Reference("person", token, as_target)


def _stripe(session: Session, text: str) -> Iterator[Reference]:
    """A Stripe id is evidence, found by its HMAC; or the host uses it as the id of a charge or refund itself."""
    yield Reference("evidence", session.sealer.find_evidence(text))
    yield from about(session, text)


def _order(reference: Reference) -> tuple[str, bytes, bool]:
    return reference.kind, reference.ref, bool(reference.as_target)
