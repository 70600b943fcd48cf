"""Everything that an entry says, field by field, in the words of a person who works in a clinic.

    for detail in details(view, wording):
        print(detail.label, detail.text)          "Cancellation fee", "25.00 EUR"

Labels come from the names of fields ("completed_at": "Completed"), and from LABELS where a clinic says else. What a
value is follows from its field's name and its form: an amount ends in `_minor`, a time is UTC text of 27 characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from . import instant
from .view import View, Wording

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
    "sms_reminders": "SMS reminders",
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
    "future_bookings": "Bookings ahead",
    "active_vouchers": "Vouchers still valid",
}
STATES = {
    "erased": "erased: the client was anonymized",
    "missing": "missing, and no entry accounts for it",
    "unreadable": "cannot be read: it was changed, or its key is gone",
}
# Said by other fields, or of no use to somebody who reads.
_UNSAID = frozenset({"currency"})
_WORD = re.compile(r"[a-z]+(_[a-z]+)*", re.ASCII)
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


def details(view: View, speech: Speech = PLAIN) -> Iterator[Detail]:
    """Yield target, client, people, and every field of the context."""
    translate = speech.translate
    if target := view.target:
        yield _person_or_thing(view, translate(kind_label(target["kind"])), target, target["kind"], "target", speech)
    if view.client_role == "client":
        yield _person_or_thing(view, translate("Client"), view.client or {}, "client", "client", speech)
    for index, person in enumerate(view.people):
        role = translate(str(person.get("role", "person")).capitalize())
        yield _person_or_thing(view, role, person, "client", f"people.{index}", speech)
    context, kinds = view.context, _kinds(view)
    for name, value in sorted(context.items(), key=lambda pair: _order(view, pair[0])):
        if name in _UNSAID and any(other.endswith("_minor") for other in context):
            continue
        state = view.states.get(f"context.{name}") or view.states.get(f"context.{name}.id", "")
        said = _Said(speech, view.zone, context.get("currency"))
        yield said.field(name, value, kinds.get(name, ""), translate(STATES[state]) if state else "")


def snapshot(view: View, speech: Speech = PLAIN) -> Sequence[Detail]:
    """Return the fields of what was deleted, or nothing where the entry has no snapshot."""
    found = view.context.get("snapshot")
    if not isinstance(found, dict):
        return ()
    return tuple(_Said(speech, view.zone, found.get("currency")).fields(found, 0))


def label(name: str) -> str:
    """Return the English label of a field: a message id."""
    if name in LABELS:
        return LABELS[name]
    bare = re.sub(r"_(minor|minutes|basis_points|at)$", "", name)
    return bare.replace("_", " ").capitalize()


def kind_label(kind: str) -> str:
    """Return the English name of a kind of thing: a message id."""
    return {"booking": "Reservation", "log": "Log", "loyalty_account": "Loyalty account"}.get(
        kind, kind.replace("_", " ").capitalize()
    )


def _kinds(view: View) -> dict[str, str]:
    """What each field refers to, by the field's name: a kind of thing, or whose ids its persons have."""
    cls = view.declared
    return {one.name: one.refers or one.realm or "" for one in cls.fields_of_context} if cls else {}


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
class _Said:
    """Says values in a reader's language. `currency` is that of the amounts around."""

    speech: Speech
    zone: str
    currency: str | None

    def field(self, name: str, value: Any, kind: str, state: str = "", depth: int = 0) -> Detail:
        said = self.speech.translate(label(name))
        if state and value is None:
            return Detail(said, "—", state=state)
        if isinstance(value, dict) and value.keys() == {"old", "new"}:
            sides = (self.text(name, value["old"]), self.text(name, value["new"]))
            return Detail(said, old=sides[0], new=sides[1], changed=True, state=state)
        if name == "changes" and isinstance(value, list):
            return Detail(said, parts=tuple(self._changes(value)), state=state)
        if kind in ("staff", "client") and isinstance(value, dict):
            return Detail(said, value.get("name") or value.get("id") or "—", kind=kind, id=value.get("id") or "",
                          state=state)  # fmt: skip
        if isinstance(value, dict) and depth < _DEEPEST:
            inner = _Said(self.speech, self.zone, value.get("currency", self.currency))
            return Detail(said, parts=tuple(inner.fields(value, depth + 1)), state=state)
        thing = str(value) if kind and isinstance(value, str) else ""
        return Detail(said, self.text(name, value), kind=kind if thing else "", id=thing, state=state)

    def fields(self, members: Mapping[str, Any], depth: int) -> Iterator[Detail]:
        for name, value in members.items():
            if name in _UNSAID and any(other.endswith("_minor") for other in members):
                continue
            yield self.field(name, value, "", depth=depth)

    def _changes(self, changes: Sequence[Any]) -> Iterator[Detail]:
        for one in changes:
            if isinstance(one, dict) and "field" in one:
                name = str(one["field"])
                if one.get("old") is None and one.get("new") is None:  # a secret, say: only that it changed is recorded
                    yield Detail(self.speech.translate(label(name)), self.speech.translate("changed"))
                    continue
                yield Detail(self.speech.translate(label(name)), old=self.text(name, one.get("old")),
                             new=self.text(name, one.get("new")), changed=True)  # fmt: skip

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
            return self._string(value)
        if isinstance(value, list):
            return ", ".join(self.text(name, one) for one in value) or "—"
        if isinstance(value, dict):
            return value.get("name") or "; ".join(
                f"{translate(label(key))}: {self.text(key, one)}" for key, one in value.items()
            )
        return str(value)

    def _number(self, name: str, value: int) -> str:
        if name.endswith("_minor") and self.currency:
            return self.speech.money(value, self.currency)
        if name.endswith("_minutes"):
            return self._minutes(value)
        if name.endswith("_basis_points"):
            return f"{self.speech.number(Decimal(value) / 100 if value % 100 else value // 100)} %"
        return self.speech.number(value)

    def _minutes(self, value: int) -> str:
        hours, minutes = divmod(abs(value), 60)
        days, hours = divmod(hours, 24)
        parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
        return ("-" if value < 0 else "") + (" ".join(part for part in parts if part) or "0 min")

    def _string(self, value: str) -> str:
        if (us := instant.if_canonical(value)) is not None:
            return self.speech.moment(us, self.zone)
        if _DAY.fullmatch(value):
            return self.speech.day(date.fromisoformat(value))
        return self.speech.translate(value.replace("_", " ")) if _WORD.fullmatch(value) else value
