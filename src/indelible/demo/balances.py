"""What can only be said when the whole story has been told and put in order: balances, and numbers that run on.

The story is told visit by visit, and a visit was booked weeks before it. So how many sessions of a pack or points were
left after an entry, and which number an invoice has, is written into the entries here, in the order of time.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict

from ..format import instant
from .diary import Clinic
from .offer import DELETED
from .people import Json


def fill_in(clinic: Clinic) -> None:
    """Write into the events what follows from all that were before each."""
    books = _Books()
    for at, event in clinic.in_order():
        action = event["action"]
        if action.startswith("voucher"):
            books.pack(action, event)
        elif action.startswith("points."):
            books.points(action, event)
        elif action.startswith("booking."):
            books.booking(action, event)
        elif action == "invoice.issued":
            books.invoice(event["context"])
        elif action == "service.deleted":
            books.deleted(at, event["context"])


class _Books:
    """What is left of everything at one moment of the story."""

    def __init__(self) -> None:
        self.sessions: dict[str, int] = {}
        self.service_of: dict[str, str] = {}
        self.balance: dict[str, int] = defaultdict(int)
        self.invoices: dict[str, int] = defaultdict(int)
        # When the bookings begin of the service that is deleted, by their ids.
        self.ahead: dict[str, int] = {}

    def pack(self, action: str, event: Json) -> None:
        pack, context = event["target"]["id"], event.get("context", {})
        if action == "voucher.purchased":
            self.sessions[pack], self.service_of[pack] = context["sessions_total"], context["service"]
        elif action == "voucher.redeemed":
            context["sessions_left"] = self.sessions[pack] = self.sessions[pack] - context["sessions_used"]
        elif action == "voucher.session_returned":
            context["sessions_left"] = self.sessions[pack] = self.sessions[pack] + context["sessions_returned"]
        elif action == "voucher.expired":
            context["sessions_lost"] = self.sessions.pop(pack)
        elif action == "voucher_offer.edited":
            context["active_vouchers"] = self._active(context["service"])

    def _active(self, service: str) -> int:
        return sum(left > 0 and self.service_of[pack] == service for pack, left in self.sessions.items())

    def points(self, action: str, event: Json) -> None:
        account, context = event["target"]["id"], event["context"]
        context["balance_before"] = self.balance[account]
        self.balance[account] += -context["points"] if action == "points.redeemed" else context["points"]
        context["balance_after"] = self.balance[account]

    def booking(self, action: str, event: Json) -> None:
        context, booking = event["context"], event["target"]["id"]
        if context.get("service") != DELETED.id:
            return
        if action == "booking.created":
            self.ahead[booking] = instant.parse(context["starts_at"], "starts_at")
        elif action == "booking.rescheduled":
            self.ahead[booking] = instant.parse(context["starts_at"]["new"], "starts_at")
        elif action == "booking.cancelled":
            del self.ahead[booking]

    def deleted(self, at: int, context: Json) -> None:
        context["future_bookings"] = sum(start > at for start in self.ahead.values())
        context["active_vouchers"] = self._active(DELETED.id)

    def invoice(self, context: Json) -> None:
        """Number an invoice within its year, and hash it as the file that it stands for would be."""
        year = context["issued_on"][:4]
        self.invoices[year] += 1
        number = context["invoice_number"] = f"FT {year}/{self.invoices[year]}"
        file = f"{number} {context['issued_on']} {context['amount_minor']} {context['charge']}"
        context["sha256"] = hashlib.sha256(file.encode()).hexdigest()
