"""Filters that every template has: numbers, money and days as the reader's language writes them."""

from __future__ import annotations

from datetime import date, datetime

from django import template
from django.templatetags.static import static
from django.utils.html import format_html

from ...catalogue import device
from . import localization

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "") -> str:
    """An icon of the sprite. Without a label it is decoration, which no reader hears."""
    address = static("indelible/icons.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"/></svg>', label, address, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', address, name)


@register.filter
def number(value: int) -> str:
    return localization.number(value)


@register.filter
def short_day(value: date) -> str:
    return localization.short_day(value)


@register.filter
def ago(value: datetime) -> str:
    return localization.ago(value)


@register.filter
def lasting(seconds: float) -> str:
    return localization.lasting(seconds)


@register.filter(name="device")
def device_in_words(agent: str) -> str:
    return device.words(agent)


@register.simple_tag
def amount(amount_minor: int, currency: str) -> str:
    return localization.amount(amount_minor, currency)
