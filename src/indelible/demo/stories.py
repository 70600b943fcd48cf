"""Two stories planted in the demo beside the five uses: a pack of sessions, and a reward.

A client buys a pack of five facials in the app, books week after week, cancels once in time and gets the session back,
and uses up the last one. Another saves points on three visits, takes a reward, and uses its coupon.

They are told right after the five uses, so that their ids depend on the seed alone, and are over within ninety days of
the start. Their clients come to the clinic only there.
"""

from __future__ import annotations

from datetime import date

from . import packs, points
from .bookings import note_booking
from .calendar import DAY, MINUTE, SECOND, at
from .diary import Clinic, Pack, open_day
from .founding import found
from .offer import OFFERS, SERVICES, TAKEN, Service
from .outcomes import complete, note_cancellation, settle
from .people import Customer
from .uses import tell_uses
from .visit import Visit


def stories(seed: int = 1, *, start: date) -> dict[str, str]:
    """Return what the stories are about, as subjects of `indelible story`: `pack` and `reward`.

    They are those of the demo that `make_documents` gives for the same arguments and at least ninety days.
    """
    clinic = Clinic(seed, start)
    found(clinic)
    tell_uses(clinic)
    return tell_stories(clinic)


def tell_stories(clinic: Clinic) -> dict[str, str]:
    """Tell both, and return what they are about."""
    return {"pack": _pack(clinic), "reward": _reward(clinic)}


def _pack(clinic: Clinic) -> str:
    client = clinic.newcomer("Margarida Valente", "2001:db8:0:93::3c", "5120", member=True)
    evening = at(clinic.start + 3 * DAY, 20 * 60 + 31) + 44 * SECOND
    _sign_up(clinic, client, evening)
    pack = packs.sell(clinic, evening + 6 * MINUTE, None, client, client, OFFERS[0])
    client.packs.append(pack)
    when, day = evening + 9 * MINUTE, open_day(clinic.start.toordinal() + 8)
    for number in range(6):
        visit = _book(clinic, client, pack.service, day, 11 * 60 + 30, when, pack)
        if number == 2:
            when = at(day - 2 * DAY, 19 * 60 + 8) + 21 * SECOND
            operation = clinic.operation()
            note_cancellation(clinic, visit, when, "app", False, operation)
            settle(clinic, visit, when + 2 * SECOND, "cancel-in-time", operation)
            when += 3 * MINUTE
        else:
            complete(clinic, visit, plain=True)
            when = at(day, 21 * 60 + 4) + 38 * SECOND
        day = open_day(day.toordinal() + 8)
    return f"voucher/{pack.id}"


def _reward(clinic: Clinic) -> str:
    client = clinic.newcomer("Filipa Serrano", "2001:db8:0:a4::5d", "7783", member=True)
    when, day = at(clinic.start + 4 * DAY, 21 * 60 + 17) + 9 * SECOND, open_day(clinic.start.toordinal() + 9)
    _sign_up(clinic, client, when)
    for service in (SERVICES[4], SERVICES[7], SERVICES[1]):
        complete(clinic, _book(clinic, client, service, day, 14 * 60, when + MINUTE), plain=True)
        when, day = at(day, 20 * 60 + 12) + 3 * SECOND, open_day(day.toordinal() + 9)
    coupon = points.take_reward(clinic, when, client, TAKEN[0])
    complete(clinic, _book(clinic, client, SERVICES[0], day, 14 * 60, when + 4 * MINUTE), plain=True)
    return f"coupon/{coupon.id}"


def _sign_up(clinic: Clinic, client: Customer, when: int) -> None:
    clinic.note(when, "client.created", client.actor, client.target,
                {"method": "self_signup", "fields_present": ["name", "phone"]}, request=client.request,
                operation=clinic.operation())  # fmt: skip


def _book(
    clinic: Clinic, client: Customer, service: Service, day: date, minute: int, when: int, pack: Pack | None = None
) -> Visit:
    """Let a client book in the app, and keep the practitioner's hour free of other visits."""
    practitioner = next(member for member in clinic.practitioners if clinic.works(member, day))
    start = at(day, minute)
    visit = Visit(clinic.new_id("bk"), client, practitioner, service, "online", start, start,
                  clinic.price(service, when), when, pack=pack)  # fmt: skip
    if pack is None:
        visit.coupon = points.usable(client, service, visit.price_minor, when)
    clinic.taken[practitioner.id].append((start, visit.end))
    note_booking(clinic, visit, when, client, clinic.operation(), "none")
    return visit
