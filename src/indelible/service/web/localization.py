"""Dates, times, numbers and money as the reader's language writes them. Never used for a file that is exported."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from babel import Locale, dates, numbers, units
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...format import instant, money
from ...format.planned import Planned
from ...read.details import Speech
from ...read.view import View, Zones, clock_text, length, planned_clock

_LOCALES = {"en": "en_GB", "pt": "pt_PT", "es": "es_ES"}


def locale() -> Locale:
    """The reader's locale: Portuguese as in Portugal, Spanish as in Spain."""
    return Locale.parse(_LOCALES.get(translation.get_language() or "en", "en_GB"))


def day(value: date) -> str:
    """Return a day in full: "Monday, 4 May 2026"."""
    return _day(value, language())


@lru_cache(maxsize=4096)  # the days of a chart, on every page
def _day(value: date, _language: str) -> str:
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
    return _amount(amount_minor, currency, language())


@lru_cache(maxsize=4096)  # a page of payments has the same prices over and over
def _amount(amount_minor: int, currency: str, _language: str) -> str:
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


def row_moment(said: Planned, zones: Zones, year: int) -> str:
    """Return a time that an entry speaks of, short enough for a row: "Fri 5 Dec, 10:30"; another year is said."""
    local, offset = planned_clock(said, zones)
    days, months = _short_names(language())
    text = f"{days[local.weekday()]} {local.day} {months[local.month]}"
    text += f" {local.year}, {local:%H:%M}" if local.year != year else f", {local:%H:%M}"
    return f"{text} {offset}" if offset else text


@lru_cache(maxsize=8)
def _short_names(_language: str) -> tuple[dict[int, str], dict[int, str]]:
    """The short names of weekdays, from 0, and of months, from 1, in the reader's language."""
    place = locale()
    return dict(dates.get_day_names("abbreviated", locale=place)), dict(
        dates.get_month_names("abbreviated", locale=place)
    )


def number(value: int) -> str:
    return _number(value, language())


@lru_cache(maxsize=4096)
def _number(value: Any, _language: str) -> str:
    return str(numbers.format_decimal(value, locale=locale()))


# An entry's words in the reader's language: our own words translated, amounts and times as the locale writes them.
SPEECH = Speech(translate=_, plural=ngettext, money=amount, moment=planned, day=short_day, number=number)


@lru_cache(maxsize=256)
def row_speech(language: str, year: int) -> Speech:
    """How the rows of a year speak in the language that is active: as everywhere, with shorter times. A list says the
    same few words again and again, so they are looked up once."""
    return replace(
        SPEECH,
        translate=partial(_translated, language),
        money=lambda amount_minor, currency: _amount(amount_minor, currency, language),
        moment=lambda said, zones: row_moment(said, zones, year),
    )


@lru_cache(maxsize=8192)
def _translated(language: str, message: str) -> str:
    return _(message)


def language() -> str:
    """The code of the reader's language."""
    return translation.get_language() or "en"
