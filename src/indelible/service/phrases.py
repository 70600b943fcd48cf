"""An entry's words in the reader's language: our own words translated, amounts and times as the locale writes them."""

from __future__ import annotations

from django.utils.translation import gettext

from ..details import Speech
from . import wording

SPEECH = Speech(
    translate=gettext,
    money=wording.amount,
    moment=wording.planned,
    day=wording.short_day,
    number=wording.number,
)
