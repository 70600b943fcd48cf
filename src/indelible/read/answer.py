"""What a story comes to, in one sentence, for somebody who has asked a question and has twenty seconds.

    answer("booking", "bk_99812", known, speech)
    "Cancelled by the client, Ana Sousa, 4 Dec 2025, 22:47, Safari on iPhone, 11 h 42 min before it began; €30.00 kept
    by policy."

It is made of the last entry that decided how things stand, and says only what entries say: what was never recorded, was
erased or cannot be read is left out. Its words are message ids, put into the reader's language when it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..catalogue import amounts
from ..catalogue.vocabulary import ROLES
from ..format.planned import Planned
from .details import PLAIN, Speech
from .second_line import filled, second_line
from .view import View

# Which entries decide how a thing of each kind stands. Of any other kind its newest entry does.
DECIDING: Mapping[str, frozenset[str]] = {
    "booking": frozenset({
        *("booking.created", "booking.rescheduled", "booking.cancelled", "booking.completed"),
        *("booking.no_show_marked", "booking.reinstated", "charge.succeeded", "charge.refunded"),
        *("charge.refund_failed", "dispute.opened", "dispute.closed"),
    }),
    "voucher": frozenset({
        "voucher.purchased", "voucher.redeemed", "voucher.session_returned", "voucher.expired",
    }),
    "service": frozenset({"service.created", "service.edited", "service.deleted", "service.restored"}),
    "client": frozenset({"client.created", "client.deleted", "client.merged"}),
    "charge": frozenset({
        *("charge.succeeded", "charge.failed", "charge.refunded", "charge.refund_failed"),
        *("deposit.authorized", "deposit.released", "dispute.opened", "dispute.closed"),
    }),
    "staff": frozenset({"staff.invited", "staff.added", "staff.role_changed", "staff.deactivated", "staff.removed"}),
}  # fmt: skip
# Of which a person's story says how often they are in it.
COUNTED: Mapping[str, tuple[str, ...]] = {
    "client": ("booking.created", "booking.cancelled", "booking.no_show_marked"),
}

# Who did something, behind "by".
CLIENT, CLIENT_ALONE, OTHER_CLIENT = "the client, {name}", "the client", "{name} (client)"
WITH_ROLE, STAFF, WITH_REASON = "{name} ({role})", "{name} (staff)", "System ({reason})"
# How the last entry that decided begins; a reservation and a service are of different gender in other languages.
LEADS: Mapping[str, str] = {
    "booking.created": "Reserved by {who}",
    "booking.rescheduled": "Reservation moved by {who}",
    "booking.cancelled": "Cancelled by {who}",
    "booking.completed": "Completed, marked by {who}",
    "booking.no_show_marked": "Not shown up, marked by {who}",
    "booking.reinstated": "Reinstated by {who}",
    "service.created": "On offer, created by {who}",
    "service.edited": "On offer, last edited by {who}",
    "service.deleted": "Service deleted by {who}",
    "service.restored": "On offer again, restored by {who}",
    "client.deleted": "Client deleted by {who}",
    "client.merged": "Merged with another record by {who}",
    "staff.deactivated": "Account deactivated by {who}",
    "staff.removed": "Removed from the staff by {who}",
}
ANY_LEAD = "{what}: {who}"
PRICE_NOW, PRICE_THEN = "price now {amount}", "last price {amount}"
KEPT_BY_POLICY, KEPT = "{fee_minor} kept by policy", "{fee_minor} kept"
PAID, REFUNDED, CHARGED = "{amount} paid", "{amount} refunded so far", "{amount} charged by {who}"
REFUNDED_OF = "{amount} of {whole} refunded so far"
AUTHORIZED, RELEASED, FAILED = "{amount} authorized", "deposit released", "charge of {amount} failed"
DISPUTED, DISPUTE_CLOSED = "disputed by the client's bank", "dispute closed: {result}"
BOUGHT, LAST_USED, EXPIRED, GIVEN_BACK = "bought {when}", "last used {when}", "expired {when}", "last given back {when}"
IN_LOG_SINCE, CREATED_BY = "In the log since {when}", "created by {who}"
INVITED, ADDED, LAST_ACT = "invited by {who}", "added by {who}", "last act: {what}, {when}"
COUNTS: Mapping[str, str] = {
    "booking.created": "reservations: {count}",
    "booking.cancelled": "cancelled: {count}",
    "booking.no_show_marked": "no-shows: {count}",
}
NEW_START = "now {starts_at.new}"
# Every text of this module: message ids. Clauses that actions declare too are among them.
MESSAGES = (
    CLIENT, CLIENT_ALONE, OTHER_CLIENT, WITH_ROLE, STAFF, WITH_REASON, *LEADS.values(), ANY_LEAD, PRICE_NOW, PRICE_THEN,
    KEPT_BY_POLICY, KEPT, PAID, REFUNDED, CHARGED, REFUNDED_OF, AUTHORIZED, RELEASED, FAILED, DISPUTED, DISPUTE_CLOSED,
    BOUGHT, LAST_USED, EXPIRED, GIVEN_BACK, IN_LOG_SINCE, CREATED_BY, INVITED, ADDED, LAST_ACT, *COUNTS.values(),
    NEW_START,
)  # fmt: skip

_NOTICE = ("{-notice_minutes} after it began", "{notice_minutes} before it began")
_LEFT = (
    "{sessions_left} of {sessions_total} sessions left", "{sessions_left} sessions left", "{balance_after_minor} left",
)  # fmt: skip
_BOUGHT = ("{sessions_total} sessions of {service_name}", "{sessions_total} sessions", "worth {amount}")
_LOST = (
    "{sessions_lost} of {sessions_total} sessions lost",
    "{sessions_lost} sessions lost",
    "{balance_lost_minor} lost",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a story's answer is made of. `views` are the entries that decide, in order of time; of a person also the
    oldest of all, the newest that they did themselves, and how often each action of COUNTED is there."""

    views: Sequence[View] = ()
    first: View | None = None
    last: View | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


class Answer(NamedTuple):
    """`lead` is what holds, who brought it about and when; `more` what else is asked, each in a few words."""

    lead: str
    more: Sequence[str]

    @property
    def text(self) -> str:
        return "; ".join((self.lead, *self.more)) + "."


def answer(kind: str, thing: str, known: Known, speech: Speech = PLAIN) -> Answer | None:
    """Return what a story comes to; None where its entries do not say."""
    views = [view for view in known.views if kind not in DECIDING or view.action in DECIDING[kind]]
    said = _KINDS.get(kind, _of_any)(_Told(thing, views, known, speech))
    return Answer(_capital(said[0]), said[1:]) if said else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class _Told:
    thing: str
    views: Sequence[View]
    known: Known
    speech: Speech

    def say(self, template: str, **values: str) -> str:
        return self.speech.translate(template).format(**values)

    def clause(self, view: View, *alternatives: str) -> str:
        return filled(view, alternatives, self.speech)

    def when(self, view: View) -> str:
        offset = view.local_time.utcoffset()
        minutes = 0 if offset is None else int(offset.total_seconds()) // 60
        return self.speech.moment(Planned(view.occurred_at, minutes), view.zones)

    def who(self, view: View) -> str:
        """Who did it, as it stands behind "by"."""
        translate, kind = self.speech.translate, view.members["actor"]["kind"]
        if view.on_behalf_of is None and kind == "client":
            name, person = view.actor.get("name") or view.actor.get("id"), view.members["actor"].get("person")
            if view.members.get("client", {}).get("person", person) != person:
                return self.say(OTHER_CLIENT, name=str(name)) if name else view.who_in(self.speech)
            return self.say(CLIENT, name=str(name)) if name else translate(CLIENT_ALONE)
        name = view.who_in(self.speech)
        if kind == "system" and (reason := view.why_in(self.speech)):
            return self.say(WITH_REASON, reason=reason)
        if kind != "staff":
            return name
        role = view.actor.get("role")
        if not role:
            return self.say(STAFF, name=name)
        return self.say(WITH_ROLE, name=name, role=translate(role) if role in ROLES else str(role))

    def lead(self, view: View, *more: str) -> str:
        """What was done by whom and when, on which device."""
        template = LEADS[view.action]
        return ", ".join(
            filter(None, (self.say(template, who=self.who(view)), self.when(view), view.device_in(self.speech), *more))
        )

    def of(self, *actions: str) -> list[View]:
        return [view for view in self.views if view.action in actions]

    def about_itself(self) -> list[View]:
        """The entries whose target the thing is."""
        return [view for view in self.views if (view.target or {}).get("id") == self.thing]

    def sums(self, *actions: str, undone: str = "") -> dict[str, int]:
        """The amounts of some actions by currency, less those that another undoes; none that is not above zero."""
        total: dict[str, int] = defaultdict(int)
        for view in self.views:
            if view.currency and view.amount_minor is not None and view.action in (*actions, undone):
                total[view.currency] += -view.amount_minor if view.action == undone else view.amount_minor
        return {currency: amount for currency, amount in total.items() if amount > 0}

    def money(self, sums: Mapping[str, int]) -> str:
        return " + ".join(self.speech.money(amount, currency) for currency, amount in sorted(sums.items()))

    def disputes(self) -> Iterator[str]:
        for view in self.of("dispute.opened", "dispute.closed")[-1:]:
            if view.action == "dispute.opened":
                yield self.speech.translate(DISPUTED)
            elif result := self.clause(view, "{result}"):
                yield self.say(DISPUTE_CLOSED, result=result)


def _of_booking(told: _Told) -> list[str]:
    states = [view for view in told.about_itself() if view.action.startswith("booking.")]
    if not states:
        return []
    last = states[-1]
    notice = told.clause(last, *_NOTICE) if last.action in ("booking.cancelled", "booking.rescheduled") else ""
    said = [told.lead(last, notice)]
    if last.action == "booking.created":
        said.append(told.clause(last, "{service_name}, {starts_at}", "{service_name}", "{starts_at}"))
    if last.action == "booking.rescheduled":
        said.append(told.clause(last, NEW_START))
    if last.action in ("booking.created", "booking.completed"):
        said.append(told.clause(last, "with {practitioner}"))
    refunds = told.sums("charge.refunded", undone="charge.refund_failed")
    if last.action == "booking.cancelled":
        if last.context.get("fee_minor"):
            by_policy = last.context.get("policy") or last.context.get("refund_rule")
            said.append(told.clause(last, KEPT_BY_POLICY if by_policy else KEPT))
        if not refunds and last.context.get("refund_due_minor"):
            said.append(told.clause(last, "{refund_due_minor} goes back"))
        if last.context.get("sessions_returned"):
            said.append(told.clause(last, "sessions returned: {sessions_returned}"))
    elif paid := told.sums("charge.succeeded"):
        said.append(told.say(PAID, amount=told.money(paid)))
    if last.action == "booking.no_show_marked" and last.context.get("fee_minor"):
        said.append(told.clause(last, "fee of {fee_minor}"))
    if refunds:
        said.append(told.say(REFUNDED, amount=told.money(refunds)))
    return [*filter(None, said), *told.disputes()]


def _of_voucher(told: _Told) -> list[str]:
    states = told.about_itself()
    if not states:
        return []
    last, bought = states[-1], next((view for view in states if view.action == "voucher.purchased"), None)
    if last.action == "voucher.expired":
        said = [told.say(EXPIRED, when=told.when(last)), told.clause(last, *_LOST)]
    elif last.action == "voucher.purchased":
        said = [told.clause(last, *_BOUGHT)]
    else:
        said = [told.clause(last, *_LEFT)]
    if bought is not None:
        said += [told.clause(bought, "valid until {expires_on}")] if last.action != "voucher.expired" else []
        said.append(told.say(BOUGHT, when=told.when(bought)))
    if last.action == "voucher.redeemed":
        said.append(told.say(LAST_USED, when=told.when(last)))
    if last.action == "voucher.session_returned":
        said.append(told.say(GIVEN_BACK, when=told.when(last)))
    return list(filter(None, said))


def _of_service(told: _Told) -> list[str]:
    states = told.about_itself()
    if not states:
        return []
    said = [told.lead(states[-1])]
    if (price := _price(states)) is not None:
        template = PRICE_THEN if states[-1].action == "service.deleted" else PRICE_NOW
        said.append(told.say(template, amount=told.speech.money(*price)))
    return said


def _price(states: Sequence[View]) -> tuple[int, str] | None:
    """The price that a service has after the last of its entries, as far as they say it, with its currency."""
    price: Any = None
    currency: Any = None
    for view in states:
        context = view.context
        snapshot = context.get("snapshot")
        if view.action in ("service.deleted", "service.restored") and isinstance(snapshot, dict):
            context = snapshot
        if "price_minor" in context:
            price, currency = context["price_minor"], context.get("currency") or currency
        for one in context.get("changes") or ():
            if one.get("field") == "price_minor":
                price = one.get("new")
                currency = amounts.sides(one, context["changes"], currency)[1] or currency
    return (price, currency) if type(price) is int and isinstance(currency, str) else None


def _of_client(told: _Told) -> list[str]:
    states = told.about_itself()
    said = []
    if gone := [view for view in states if view.action in ("client.deleted", "client.merged")][-1:]:
        said.append(told.lead(gone[0]))
    created = next((view for view in states if view.action == "client.created"), None)
    said += _since(told, created, CREATED_BY)
    counts = told.known.counts
    said += [
        told.say(COUNTS[one], count=told.speech.number(counts[one]))
        for one in COUNTED["client"]
        if counts.get(one) or (one == "booking.created" and one in counts)
    ]
    return said


def _since(told: _Told, created: View | None, by: str) -> list[str]:
    """Since when somebody is in the log, and who made them so."""
    first = created or told.known.first
    if first is None:
        return []
    said = [told.say(IN_LOG_SINCE, when=told.when(first))]
    if created is not None and created.actor != created.target:
        said.append(told.say(by, who=told.who(created)))
    return said


def _of_charge(told: _Told) -> list[str]:
    charged = told.of("charge.succeeded")[-1:]
    refunds = told.sums("charge.refunded", undone="charge.refund_failed")
    said = []
    if charged:
        who = told.who(charged[0])
        said.append(f"{told.say(CHARGED, amount=told.money(_amount(charged[0])), who=who)}, {told.when(charged[0])}")
        if refunds:
            whole = told.money(_amount(charged[0]))
            said.append(told.say(REFUNDED_OF, amount=told.money(refunds), whole=whole))
    else:
        for view in told.of("deposit.authorized", "deposit.released", "charge.failed")[-1:]:
            template = {"deposit.authorized": AUTHORIZED, "deposit.released": RELEASED}.get(view.action, FAILED)
            said.append(f"{told.say(template, amount=told.money(_amount(view)))}, {told.when(view)}")
        if refunds:
            said.append(told.say(REFUNDED, amount=told.money(refunds)))
    return [*said, *told.disputes()]


def _amount(view: View) -> dict[str, int]:
    return {view.currency: view.amount_minor or 0} if view.currency else {}


def _of_staff(told: _Told) -> list[str]:
    states = told.about_itself()
    said = []
    if states and states[-1].action in LEADS:
        said.append(told.lead(states[-1]))
    came = next((view for view in states if view.action in ("staff.invited", "staff.added")), None)
    said += _since(told, came, INVITED if came is not None and came.action == "staff.invited" else ADDED)
    if (last := told.known.last) is not None:
        said.append(told.say(LAST_ACT, what=told.speech.translate(last.label), when=told.when(last)))
    return said


def _of_any(told: _Told) -> list[str]:
    for last in told.views[-1:]:
        who = told.say(ANY_LEAD, what=told.speech.translate(last.label), who=told.who(last))
        return [f"{who}, {told.when(last)}", *filter(None, (second_line(last, told.speech),))]
    return []


_KINDS: Mapping[str, Callable[[_Told], list[str]]] = {
    "booking": _of_booking,
    "voucher": _of_voucher,
    "service": _of_service,
    "client": _of_client,
    "charge": _of_charge,
    "staff": _of_staff,
}
