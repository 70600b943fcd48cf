"""Dates, times, numbers and money as the reader's language writes them. Never used for a file that is exported."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from babel import Locale, dates, numbers, units
from django.utils import translation
from django.utils.translation import gettext as _

from ...format import instant, money
from ...format.planned import Planned
from ...read.details import Speech
from ...read.view import View, Zones, clock_text, length, planned_clock


def locale() -> Locale:
    """The reader's locale; Portuguese is that of Portugal."""
    return Locale.parse({"en": "en_GB", "pt": "pt_PT"}.get(translation.get_language() or "en", "en_GB"))


def day(value: date) -> str:
    """Return a day in full: "Monday, 4 May 2026"."""
    return str(dates.format_date(value, "full", locale=locale()))


def short_day(value: date) -> str:
    return str(dates.format_date(value, "medium", locale=locale()))


def month(value: date) -> str:
    return str(dates.format_skeleton("yMMMM", value, locale=locale()))


def moment(us: int, zone: str) -> str:
    """Return an instant in a zone: "4 May 2026, 09:00:12", with the offset in an hour that comes twice."""
    local = instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone)))
    return str(dates.format_datetime(local.replace(tzinfo=None), "medium", locale=locale())) + twice(us, zone)


def planned(said: Planned, zones: Zones) -> str:
    """Return a time that an entry speaks of, as a calendar has it: "4 May 2026, 09:00".

    Where `planned_clock` has an offset, so has this.
    """
    local, offset = planned_clock(said, zones)
    return short_moment(local) + (f" {offset}" if offset else "")


def then(view: View) -> str:
    """Return "13:22 in Europe/Lisbon then" where the clinic's clock showed another time when the entry was recorded."""
    clock = view.time_then
    if clock is None:
        return ""
    shown = f"{clock:%H:%M}" if clock.date() == view.local_time.date() else short_moment(clock)
    if view.zone == view.zones.present:  # the zone is the same, and the rules for it are others now
        return _("%(time)s at %(offset)s then") % {"time": shown, "offset": clock.isoformat()[-6:]}
    return _("%(time)s in %(zone)s then") % {"time": shown, "zone": view.zone}


def late(view: View) -> str:
    """Return "imported", or "recorded 3 days later" where the log took the entry long after it happened."""
    if view.imported:
        return _("imported")
    if view.delay is None:
        return ""
    number, unit = length(view.delay)
    after = units.format_unit(number, f"duration-{unit}", locale=locale())
    return _("recorded %(after)s later") % {"after": after}


def twice(us: int, zone: str) -> str:
    """Return " +01:00" for an instant whose wall time comes twice that day, else nothing."""
    text = clock_text(us, zone)
    return f" {text[16:]}" if len(text) > 16 else ""


def full_moment(local: datetime) -> str:
    """Return a local time with its weekday, seconds and offset, for who needs it exactly."""
    offset = local.strftime("%z")
    day = dates.format_date(local.date(), "full", locale=locale())
    return f"{day}, {local:%H:%M:%S} {offset[:3]}:{offset[3:5]}"


def short_moment(local: datetime) -> str:
    """Return a local time for a table: "4 May 2026, 09:00"."""
    day = dates.format_date(local.date(), "medium", locale=locale())
    return f"{day}, {local:%H:%M}"


def ago(value: datetime) -> str:
    """Return how long ago something was: "3 hours ago"."""
    return str(dates.format_timedelta(value - datetime.now(UTC), add_direction=True, locale=locale()))


def lasting(seconds: float) -> str:
    """Return how long something takes: "2 minutes"."""
    return str(dates.format_timedelta(timedelta(seconds=max(0, round(seconds))), locale=locale()))


def amount(amount_minor: int, currency: str) -> str:
    """Return money: "€12.50"; with the code where the locale has no sign of its own."""
    value = Decimal(money.decimal_text(amount_minor, currency))
    return str(numbers.format_currency(value, currency, locale=locale(), currency_digits=False,
                                       format=_pattern(currency)))  # fmt: skip


def _pattern(currency: str) -> str:
    """The locale's pattern with as many decimals as ISO 4217 gives the currency, which CLDR cuts for some."""
    pattern = locale().currency_formats["standard"].pattern
    digits = money.exponent(currency)
    pattern = pattern.replace("0.00", "0" + ("." + "0" * digits if digits else ""))
    symbol = numbers.get_currency_symbol(currency, locale=locale())
    if not any(character.isprintable() and not character.isspace() for character in symbol):
        symbol, pattern = currency, pattern.replace("¤", "¤¤")  # CLDR's Portuguese hides the escudo's sign
    # Letters stand apart from the number, as CLDR has it and Babel does not.
    return str(pattern.replace("¤#", "¤\u00a0#") if symbol[-1:].isalpha() else pattern)


def number(value: int) -> str:
    return str(numbers.format_decimal(value, locale=locale()))


# An entry's words in the reader's language: our own words translated, amounts and times as the locale writes them.
SPEECH = Speech(translate=_, money=amount, moment=planned, day=short_day, number=number)
