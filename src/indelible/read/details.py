"""Everything that an entry says, field by field, in the words of a person who works in a clinic.

    for detail in details(view, wording):
        print(detail.label, detail.text)          "Cancellation fee", "25.00 EUR"

Labels come from the names of fields ("completed_at": "Completed"), and from LABELS where a clinic says else. What a
value is follows from what its action declares: only the words of a Literal or of a Vocabulary are said in words and
translated, and any other text, a name, an id, a code of the host's own, stands there as it was sent. In what a host
handed over whole (changes, snapshots) nothing is declared: there an amount is what ends in `_minor`, with the currency
that `catalogue.amounts` finds for it, a time is text in the form that a body has for one (`format/planned.py`), and
every other text is as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..catalogue import Field, amounts, counted, kind_title, registered, vocabulary
from ..catalogue.amounts import SUFFIX
from ..format import planned
from ..format.money import EXPONENTS
from ..format.opened import PRINCIPAL
from .query import EVERY
from .view import View, Wording, Zones

LABELS = {
    "starts_at": "Begins",
    "ends_at": "Ends",
    "amount_minor": "Amount",
    "discount_basis_points": "Discount in percent",
    "price_minor": "Price",
    "deposit_minor": "Deposit",
    "fee_minor": "Fee",
    "refund_due_minor": "Refund due",
    "charge_amount_minor": "Whole charge",
    "refunded_total_minor": "Refunded so far",
    "application_fee_minor": "Platform's fee",
    "authorized_minor": "Authorized amount",
    "notice_minutes": "Notice",
    "grace_minutes": "Grace",
    "buffer_minutes": "Pause after it",
    "policy_window_minutes": "Notice that the policy asks for",
    "tax_rate_basis_points": "Tax rate",
    "availability_override": "Outside of opening hours",
    "reason_text": "Reason given",
    "reason_code": "Reason",
    "stripe_payment_intent": "Stripe payment",
    "stripe_event": "Stripe event",
    "stripe_charge": "Stripe charge",
    "stripe_refund": "Stripe refund",
    "stripe_account": "Stripe account",
    "card_last4": "Card ends in",
    "code_last4": "Code ends in",
    "bundle_sha256": "SHA-256 of the bundle",
    "online_bookable": "Can be booked online",
    "fields_present": "Fields that were filled in",
    "fields_changed": "Fields that changed",
    "up_to_seq": "Up to entry",
    "from_seq": "From entry",
    "to_seq": "To entry",
    "first_bad_seq": "First entry that is wrong",
    "log_origin": "Log origin",
    "filter_in_words": "Filter in words",
    "new_device": "New device",
    "second_factor": "Second factor",
    "sessions_revoked": "Sessions ended",
    "future_bookings": "Reservations ahead",
    "bookings_outside_hours": "Reservations outside the hours",
    "sms_reminders": "SMS reminders",
    "snapshot": "As it was",
    "sha256": "SHA-256 of the document",
    "active_vouchers": "Vouchers still valid",
    "late_refund": "Refund of a late cancellation",
    "late_refund_basis_points": "Refund of a late cancellation in percent",
    "policy_accepted": "Agreed to the policy",
    "deposit_basis_points": "Deposit in percent",
    "refund_rule": "Refund by the policy",
    "refund_basis_points": "Refund by the policy in percent",
    "sessions_total": "Sessions in all",
    "booking_service": "Service of the reservation",
    "offer": "Voucher offer",
    "validity_days": "Valid for so many days",
    "value_basis_points": "Value in percent",
    "purpose": "What it was for",
    "net_minor": "Left after fees",
    "spent_minor": "Amount spent",
    "case_type": "Kind of dispute",
    "evidence_due_at": "Evidence due",
    "result": "Outcome",
    "stripe_dispute": "Stripe dispute",
    "issued_on": "Date of issue",
    "corrects": "Corrects invoice",
    "from_status": "State before",
    "minutes_before": "Before it begins",
    "bookings_affected": "Reservations affected",
    "erased_by": "Anonymized by entry",
    "bookings_moved": "Reservations moved",
    "merged": "Record that went into it",
    "test_mode": "Test mode",
}
STATES = {
    "erased": "erased: the client was anonymized",
    "left_out": "not kept: this came after the client was anonymized",
    "missing": "missing, and no entry accounts for it",
    "unreadable": "cannot be read: it was changed, or its key is gone",
}
ON_BEHALF_OF = "On behalf of"
# What stands beside an amount that an earlier version took without a currency.
NO_CURRENCY = "in minor units, of no known currency"
# Said by other fields, or of no use to somebody who reads.
_UNSAID = frozenset({"currency"})
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# How deep a snapshot is laid out; what lies deeper is in the raw entry.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Speech(Wording):
    """A wording that can also say days, and numbers: whole ones and Decimals."""

    day: Callable[[date], str] = date.isoformat
    number: Callable[[Any], str] = str


PLAIN = Speech()


@dataclass(frozen=True, slots=True)
class Detail:
    """One field. `text` is its value, or `old` and `new` are where it changed, or `parts` where it has fields itself.

    `kind` and `id` are those of a thing or person that has a story; `state` says why a value is not there.
    """

    label: str
    text: str = ""
    old: str = ""
    new: str = ""
    changed: bool = False
    kind: str = ""
    id: str = ""
    state: str = ""
    parts: Sequence[Detail] = field(default=())
    # What the field is called in the document.
    name: str = field(default="", compare=False)


def details(view: View, speech: Speech = PLAIN) -> Iterator[Detail]:
    """Yield on whose behalf it was done, target, client, people, and every field of the context."""
    translate = speech.translate
    if principal := view.on_behalf_of:
        yield _person_or_thing(view, translate(ON_BEHALF_OF), principal, principal["kind"], PRINCIPAL, speech)
    if target := view.target:
        yield _person_or_thing(view, translate(kind_label(target["kind"])), target, target["kind"], "target", speech)
    if view.client_role == "client":
        yield _person_or_thing(view, translate("Client"), view.client or {}, "client", "client", speech)
    for index, person in enumerate(view.people):
        role = translate(str(person.get("role", "person")).capitalize())
        yield _person_or_thing(view, role, person, "client", f"people.{index}", speech)
    yield from of_context(view, speech)


def of_context(view: View, speech: Speech = PLAIN) -> Iterator[Detail]:
    """Yield every field of the context."""
    context, fields = view.context, {one.name: one for one in view.declared.fields_of_context} if view.declared else {}
    said = Said(speech, view.zones, context.get("currency"), action=view.action)
    for name, value in sorted(context.items(), key=lambda pair: _order(view, pair[0])):
        if _is_said_elsewhere(name, context):
            continue
        state = view.states.get(f"context.{name}") or view.states.get(f"context.{name}.id", "")
        yield said.declared(fields.get(name), name, value, speech.translate(STATES[state]) if state else "")


def _is_said_elsewhere(name: str, members: Mapping[str, Any]) -> bool:
    """Whether a member is the currency of the amounts beside it, which say it; a currency that changed is said."""
    if name not in _UNSAID or not isinstance(members[name], str):
        return False
    return any(other.endswith(SUFFIX) for other in members)


def snapshot(view: View, speech: Speech = PLAIN) -> Sequence[Detail]:
    """Return the fields of what was deleted, or nothing where the entry has no snapshot."""
    found = view.context.get("snapshot")
    if not isinstance(found, dict):
        return ()
    around = amounts.nearest(found, view.context.get("currency"))
    return tuple(Said(speech, view.zones, around, action=view.action).fields(found, 0))


@lru_cache(maxsize=256)
def words_inside(code: str) -> Mapping[str, frozenset[str]]:
    """Return the declared words of each field of the actions about the same: what a snapshot or a change may hold."""
    found: dict[str, frozenset[str]] = {}
    for action in registered():
        if action.code.partition(".")[0] == code.partition(".")[0]:
            for one in action.fields_of_context:
                if one.words:
                    found[one.name] = found.get(one.name, frozenset()) | one.words
    return found


def label(name: str) -> str:
    """Return the English label of a field: a message id."""
    if name in LABELS:
        return LABELS[name]
    bare = re.sub(r"_(minor|minutes|basis_points|at)$", "", name)
    return bare.replace("_", " ").capitalize()


def kind_label(kind: str) -> str:
    """Return the English name of a kind of thing: a message id."""
    return kind_title(kind)


def _order(view: View, name: str) -> tuple[int, str]:
    """As the action declares its fields; undeclared ones behind."""
    cls = view.declared
    names = list(cls.model_fields) if cls else []
    return (names.index(name) if name in names else len(names)), name


def _person_or_thing(view: View, said: str, holder: Mapping[str, Any], kind: str, path: str, speech: Speech) -> Detail:
    state = view.states.get(f"{path}.id") or view.states.get(f"{path}.name") or ""
    thing_id = holder.get("id") or ""
    name = holder.get("name") or ""
    text = f"{name} ({thing_id})" if name and thing_id and kind not in _PERSONS else name or thing_id
    return Detail(said, text or "—", kind=kind, id=thing_id, state=speech.translate(STATES[state]) if state else "")


_PERSONS = frozenset({"client", "staff", "support"})


@dataclass(frozen=True, slots=True)
class Said:
    """Says values in a reader's language.

    `currency` is that of the amounts around, or {"old", "new"} where it changed. `words` are the texts that are said in
    words; in a change or snapshot they are those that the actions about the same thing declare (`action` is one).
    `forms` is whether a text that has the form of a time or a day is one.
    """

    speech: Speech
    zones: Zones
    currency: Any
    words: frozenset[str] = frozenset()
    forms: bool = True
    action: str = ""

    def declared(self, declared: Field | None, name: str, value: Any, state: str) -> Detail:
        """Return a field of the context; None where its action, or the field, is not declared (any more)."""
        if declared is None:
            return self.field(name, value, "", state)
        said = replace(self, words=declared.words, forms=declared.timed or declared.open)
        return said.field(name, value, declared.refers or declared.realm or "", state)

    def field(self, name: str, value: Any, kind: str, state: str = "", depth: int = 0) -> Detail:
        said = self.speech.translate(label(name))
        if state and value is None:
            return Detail(said, "—", state=state, name=name)
        if isinstance(value, dict) and value.keys() == {"old", "new"}:
            old, new = self._sides(name, value, amounts.both(self.currency))
            return Detail(said, old=old, new=new, changed=True, state=state, name=name)
        if amounts.is_changes(value):
            return Detail(said, parts=tuple(self.changes(value)), state=state, name=name)
        if kind in ("staff", "client") and isinstance(value, dict):
            return Detail(said, value.get("name") or value.get("id") or "—", kind=kind, id=value.get("id") or "",
                          state=state, name=name)  # fmt: skip
        if isinstance(value, dict) and depth < _DEEPEST:
            return Detail(said, parts=tuple(self._inside(value).fields(value, depth + 1)), state=state, name=name)
        thing = str(value) if kind and isinstance(value, str) else ""
        return Detail(said, self.text(name, value), kind=kind if thing else "", id=thing, state=state, name=name)

    def fields(self, members: Mapping[str, Any], depth: int) -> Iterator[Detail]:
        for name, value in members.items():
            if not _is_said_elsewhere(name, members):
                yield self._of(name).field(name, value, "", depth=depth)

    def _of(self, name: str) -> Said:
        return replace(self, words=words) if (words := words_inside(self.action).get(name)) else self

    def _inside(self, members: Mapping[str, Any]) -> Said:
        return replace(self, currency=amounts.nearest(members, self.currency))

    def _sides(self, name: str, change: Mapping[str, Any], currencies: tuple[Any, Any]) -> tuple[str, str]:
        old, new = (replace(self, currency=code) for code in currencies)
        return old.text(name, change.get("old")), new.text(name, change.get("new"))

    def changes(self, changes: Sequence[Mapping[str, Any]]) -> Iterator[Detail]:
        """Yield each field of a list of changes."""
        for one in changes:
            name = str(one["field"])
            if one.get("old") is None and one.get("new") is None:  # a secret, say: only that it changed is recorded
                yield Detail(self.speech.translate(label(name)), self.speech.translate("changed"), name=name)
                continue
            old, new = self._of(name)._sides(name, one, amounts.sides(one, changes, self.currency))
            yield Detail(self.speech.translate(label(name)), old=old, new=new, changed=True, name=name)

    def text(self, name: str, value: Any) -> str:
        """Return one value in words."""
        translate = self.speech.translate
        if value is None or value == "":
            return "—"
        if value is True or value is False:
            return translate("yes" if value else "no")
        if isinstance(value, int):
            return self._number(name, value)
        if isinstance(value, str):
            return translate(value) if value == EVERY else self._string(value)
        if amounts.is_changes(value):
            return "; ".join(
                f"{one.label}: {f'{one.old} → {one.new}' if one.changed else one.text}" for one in self.changes(value)
            )
        if isinstance(value, list):
            return ", ".join(self.text(name, one) for one in value) or "—"
        if isinstance(value, dict):
            if isinstance(name_of := value.get("name"), str) and name_of and value.keys() <= {"id", "name"}:
                return name_of
            if value.keys() == {"old", "new"}:
                return " → ".join(self._sides(name, value, amounts.both(self.currency)))
            inside = self._inside(value)
            return "; ".join(
                f"{translate(label(key))}: {inside.text(key, one)}"
                for key, one in value.items()
                if not _is_said_elsewhere(key, value)
            )
        return str(value)

    def _number(self, name: str, value: int) -> str:
        if name.endswith(SUFFIX):
            currency = amounts.both(self.currency)[1]
            if isinstance(currency, str) and currency in EXPONENTS:
                return self.speech.money(value, currency)
            return f"{self.speech.number(value)} ({self.speech.translate(NO_CURRENCY)})"
        if name.endswith("_minutes") or name == "minutes_before":
            return self.minutes(value)
        if name.endswith("_basis_points"):
            return f"{self.speech.number(Decimal(value) / 100 if value % 100 else value // 100)} %"
        return self.speech.number(value)

    def minutes(self, value: int) -> str:
        """Return a length of time: "1 day 2 h 5 min"."""
        hours, minutes = divmod(abs(value), 60)
        days, hours = divmod(hours, 24)
        parts = [self.days(days) if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
        return ("-" if value < 0 else "") + (" ".join(part for part in parts if part) or "0 min")

    def days(self, count: int) -> str:
        return self.speech.plural(*counted.DAYS, count).format(count=self.speech.number(count))

    def _string(self, value: str) -> str:
        if value in self.words:
            return self.speech.translate(vocabulary.said(value))
        if self.forms and (said := planned.if_canonical(value)) is not None:
            return self.speech.moment(said, self.zones)
        return self.speech.day(day) if self.forms and (day := _day(value)) else value


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except ValueError:  # the 30th of February
        return None
