"""The documents of the demo: a year of one clinic, told day by day and put in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from . import calendar
from .balances import fill_in
from .diary import REACH_DAYS, Clinic
from .founding import equip, found
from .office import tell_office, tell_once
from .packs import expire_packs, sell_packs
from .people import Json
from .stories import tell_stories
from .uses import tell_uses
from .visits import tell_visits


def make_documents(seed: int = 1, *, start: date, days: int = 365) -> Iterator[Json]:
    """Yield the event documents of `days` days from `start` on, in order of `occurred_at`.

    They depend on `seed` and `start` only: fewer days give the beginning of the same year, with the same keys. Each is
    a JSON value as the host of a clinic would send it. The first is `clinic.created`, on the morning of `start`.
    """
    clinic = Clinic(seed, start)
    found(clinic)
    tell_uses(clinic)
    tell_stories(clinic)
    equip(clinic)
    tell_once(clinic)
    for offset in range(1, days + REACH_DAYS):
        day = start + timedelta(days=offset)
        expire_packs(clinic, day)
        tell_office(clinic, day)
        sell_packs(clinic, day)
        tell_visits(clinic, day)
    fill_in(clinic)
    return clinic.told(calendar.midnight(start + timedelta(days=days)))
