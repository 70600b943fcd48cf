"""A span of a log in a few lines: what in it was unusual, and how much there was of what a clinic counts.

    digest = digest_of(session, session.first_recorded(monday), session.up_to)

A span is a range of numbers, so of when the log took the entries: what is recorded late is in the next span, and
nothing falls between two of them. Unusual is, by kind:

    signed_in    somebody of the staff signed in by night from a device or a network that is new for them; or by day,
                 where both are
    refunded     a refund of a booking that has no cancellation, or of none
    deleted      a service was deleted
    outside      a change that the application did not record: of one thing, or many at once
    unguarded    a table of the booking system was not watched
    held         documents wait outside the log
    factor_off   somebody of the staff turned 2FA off
    not_intact   a verification found the log changed

A digest opens what it names and no more: of each kind MOST_NAMED entries are kept, and the others are counted. Of so
many sign-ins and refunds that SEARCHED does not reach, the newest are judged, and `whole` is false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ..stores.contract import Reference, Selection
from . import tallying
from .habits import NEW_DEVICE, NEW_NETWORK, marks
from .query import Choice, Query
from .recorded import Recorded
from .session import Session
from .tallying import CurrencyTotal
from .view import View

MOST_NAMED = 5
SEARCHED = 2_000  # entries of a kind that are opened and judged; a clinic has some hundred sign-ins a week
_TOGETHER = 50  # sign-ins whose marks are asked for at once
_NIGHT_BEGINS, _NIGHT_ENDS = 22, 6  # hours of the clinic's clock

CANCELLED = frozenset({"booking.cancelled"})
_REFUNDED = frozenset({"charge.refunded"})
_SIGNED_IN = frozenset({"account.logged_in"})
_FACTOR_OFF = frozenset({"account.two_factor_disabled"})
OUTSIDE = frozenset({"record.changed_outside", "record.changed_in_bulk"})


@dataclass(frozen=True, slots=True)
class Unusual:
    """What was unusual of a kind: so many entries, the newest of them named. `marks` are what is new of a sign-in."""

    kind: str
    count: int
    named: Sequence[View]
    marks: Mapping[int, Sequence[str]]
    actions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Digest:
    """The entries `first` to `last`, both included; `first` is behind `last` where there are none."""

    first: int
    last: int
    unusual: Sequence[Unusual]
    booked: int
    cancelled: int
    money: Sequence[CurrencyTotal]
    whole: bool

    @property
    def count(self) -> int:
        """How many things were unusual."""
        return sum(one.count for one in self.unusual)


def digest_of(session: Session, first: int, last: int, *, with_money: bool = False) -> Digest:
    """Return the digest of the entries `first` to `last` that the session sees."""
    last = min(last, session.up_to)
    if first > last:
        return Digest(first, last, (), 0, 0, (), True)
    span = Query(recorded=Recorded(first, last))
    found = [judge(session, span) for judge in _JUDGES]
    return Digest(
        first,
        last,
        [one for one, _ in found if one.count],
        _count(session, span, frozenset({"booking.created"})),
        _count(session, span, CANCELLED),
        tallying.totals(session, span).currencies if with_money else (),
        all(whole for _, whole in found),
    )


def alarming(session: Session, first: int, last: int) -> list[tuple[View, Sequence[str]]]:
    """Return what of a span cannot wait, oldest first, with what is new about it: the sign-ins of staff from a new
    device, and 2FA that somebody of the staff turned off. What is older than the log's taking it is no alarm."""
    if first > (last := min(last, session.up_to)):
        return []
    wanted = Query(Choice(actions=_SIGNED_IN | _FACTOR_OFF), recorded=Recorded(first, last))
    views = [view for view in session.read(wanted, limit=SEARCHED) if _of_staff(view) and view.delay is None]
    found = _marks(session, [view for view in views if view.action in _SIGNED_IN])
    kept = [view for view in views if view.action in _FACTOR_OFF or NEW_DEVICE in found.get(view.seq, ())]
    return [(view, found.get(view.seq, ())) for view in sorted(kept, key=lambda view: view.seq)]


def has_cancellation(session: Session, refund: View) -> bool:
    """Whether the booking that was refunded was cancelled: that which the refund names, or its charge was for; or one
    was by the click that refunded."""
    # Not with filters: an id may be longer than a filter says one.
    if (click := refund.members.get("operation")) and _is_cancelled(
        session, [Reference("operation", click.encode(), as_target=False)]
    ):
        return True
    bookings = {str(refund.context["booking"])} if refund.context.get("booking") else set()
    if not bookings:
        charge = refund.context.get("charge") or ((refund.target or {}).get("id") if refund.target else None)
        if not charge:
            return False
        named = Selection(session.up_to, references=((Reference("charge", charge.encode()),),))
        of_charge = session.views(named, limit=_TOGETHER)
        bookings = {str(view.context["booking"]) for view in of_charge if view.context.get("booking")}
    return _is_cancelled(session, [Reference("booking", one.encode()) for one in islice(sorted(bookings), _TOGETHER)])


def _is_cancelled(session: Session, any_of: Sequence[Reference]) -> bool:
    """Whether a booking was cancelled by an entry that has one of these references."""
    cancelled = Selection(session.up_to, actions=tuple(CANCELLED), references=(tuple(any_of),))
    return bool(any_of) and session.few(cancelled, 1) > 0


def _count(session: Session, span: Query, actions: frozenset[str]) -> int:
    return tallying.count(session, replace(span, wanted=Choice(actions=actions))).entries


_Judged = tuple[Unusual, bool]


def _all(kind: str, actions: Iterable[str], test: Callable[[View], bool] | None = None) -> Callable[..., _Judged]:
    """A judge for which every entry of some actions is unusual, or those that pass a test."""
    codes = frozenset(actions)

    def judge(session: Session, span: Query) -> _Judged:
        wanted = replace(span, wanted=Choice(actions=codes))
        if test is None:
            named = list(session.read(wanted, limit=MOST_NAMED))
            return Unusual(kind, tallying.count(session, wanted).entries, named, {}, codes), True
        views = list(session.read(wanted, limit=SEARCHED))
        found = [view for view in views if test(view)]
        return Unusual(kind, len(found), found[:MOST_NAMED], {}, codes), len(views) < SEARCHED

    return judge


def _refunds(session: Session, span: Query) -> _Judged:
    views = list(session.read(replace(span, wanted=Choice(actions=_REFUNDED)), limit=SEARCHED))
    found = [view for view in views if not has_cancellation(session, view)]
    return Unusual("refunded", len(found), found[:MOST_NAMED], {}, _REFUNDED), len(views) < SEARCHED


def _sign_ins(session: Session, span: Query) -> _Judged:
    views = list(session.read(replace(span, wanted=Choice(actions=_SIGNED_IN)), limit=SEARCHED))
    staff = [view for view in views if _of_staff(view)]
    new = _marks(session, staff)
    found = [view for view in staff if _is_unusual(view, new.get(view.seq, ()))]
    kept = {view.seq: new[view.seq] for view in found[:MOST_NAMED]}
    return Unusual("signed_in", len(found), found[:MOST_NAMED], kept, _SIGNED_IN), len(views) < SEARCHED


def _is_unusual(view: View, new: Sequence[str]) -> bool:
    by_night = not _NIGHT_ENDS <= view.local_time.hour < _NIGHT_BEGINS
    return {NEW_DEVICE, NEW_NETWORK} <= set(new) or (by_night and bool(new))


def _marks(session: Session, views: Sequence[View]) -> dict[int, Sequence[str]]:
    found: dict[int, Sequence[str]] = {}
    for at in range(0, len(views), _TOGETHER):
        found |= marks(session, views[at : at + _TOGETHER])
    return found


def _of_staff(view: View) -> bool:
    """Whether an entry is about the account of somebody who works there: clients have devices of their own."""
    holder = view.members.get("target") or view.members["actor"]
    return bool(holder.get("kind") == "staff")


_JUDGES: tuple[Callable[[Session, Query], _Judged], ...] = (
    _all("not_intact", ["log.verified"], lambda view: view.context.get("result") == "not_intact"),
    _all("factor_off", _FACTOR_OFF, _of_staff),
    _sign_ins,
    _refunds,
    _all("deleted", ["service.deleted"]),
    _all("outside", OUTSIDE),
    _all("unguarded", ["log.guard_missing"]),
    _all("held", ["log.held"]),
)
