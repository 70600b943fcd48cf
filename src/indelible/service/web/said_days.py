"""Days as somebody types them, in any language that the pages speak: who reads them in one may type in another.

    2026-12-05   5/12   5.12.2026   5 Dec   5 de dezembro   Dec 5 2025   5 dic. 2026   today   ontem

A month is known by its name or the beginning of one, of three letters at least; a day comes before its month in
numbers, as it does in every language that the pages speak. Where no year is said it is the nearest such day and the one
a year before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from babel import Locale
from django.utils.translation import gettext as _

from ...read.matching import fold
from . import localization

_ISO = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)", re.ASCII)
_NUMBERS = re.compile(r"(\d\d?)[/.](\d\d?)(?:[/.](\d{4}|\d\d)?)?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d\d?)\.?(?:st|nd|rd|th)? (?:(?:de|of) )?([^\W\d]{3,})\.?(?:,? (?:(?:de|of) )?(\d{4}))?")
_MONTH_FIRST = re.compile(r"([^\W\d]{3,})\.? (\d\d?)(?:st|nd|rd|th)?(?:,? (\d{4}))?")
_LONGEST = 40
_LOCALES = tuple(map(Locale.parse, ("en_GB", "pt_PT", "es")))
# How far ahead a day without a year may lie before last year's is the likelier one.
_AHEAD = timedelta(days=183)


def said_days(text: str, today: date) -> Sequence[date]:
    """Return the days that a text may mean, the likeliest first; none where it is no day."""
    said = fold(text).strip()
    if not said or len(said) > _LONGEST:
        return ()
    for name, ahead in (
        ("today", 0),
        ("yesterday", -1),
        ("tomorrow", 1),
        (_("Today"), 0),
        (_("Yesterday"), -1),
        (_("Tomorrow"), 1),
    ):
        if said == fold(name):
            return _in_calendar([(today + timedelta(days=ahead)).timetuple()[:3]])
    if match := _ISO.fullmatch(said):
        return _in_calendar([tuple(map(int, match.groups()))])
    if match := _NUMBERS.fullmatch(said):
        day, month, year = match.groups()
        return list(_of(int(day), int(month), year, today))
    for pattern, at in ((_DAY_FIRST, (0, 1, 2)), (_MONTH_FIRST, (1, 0, 2))):
        if match := pattern.fullmatch(said):
            day, name, year = (match.groups()[index] for index in at)
            return list(dict.fromkeys(one for month in _months(name) for one in _of(int(day), month, year, today)))
    return ()


def _of(day: int, month: int, year: str | None, today: date) -> Iterator[date]:
    if year is not None:
        number = int(year)
        yield from _in_calendar([(number + (today.year // 100 * 100 if len(year) == 2 else 0), month, day)])
        return
    these = _in_calendar([(today.year + by, month, day) for by in (1, 0, -1)])
    yield from [one for one in these if one - today <= _AHEAD][:2]


def _in_calendar(said: Sequence[tuple[int, ...]]) -> list[date]:
    found = []
    for year, month, day in said:
        try:
            found.append(date(year, month, day))
        except ValueError:
            continue
    return found


def _months(name: str) -> list[int]:
    """The months of which this is the name or the beginning of it."""
    found = []
    for locale in (localization.locale(), *_LOCALES):
        for width in ("wide", "abbreviated"):
            for number, month in locale.months["format"][width].items():
                if fold(month).startswith(name):
                    found.append(number)
    return sorted(set(found))
