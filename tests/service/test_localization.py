"""Money as a reader's language writes it: with the currency, and as many decimals as its minor unit has."""

from __future__ import annotations

import re

import pytest

from indelible.format import money
from indelible.service.web import localization

AMOUNT = 1_234_567


@pytest.fixture(params=["en", "pt", "es"])
def language(request, service):
    from django.utils import translation

    with translation.override(request.param):
        yield request.param


@pytest.mark.parametrize("currency", sorted(money.EXPONENTS))
def test_every_currency_is_named_and_has_its_decimals(language, currency):
    said = localization.amount(AMOUNT, currency)
    digits = re.sub(r"[^0-9]", "", said)
    assert digits == str(AMOUNT)
    exponent = money.exponent(currency)
    point = {"en": ".", "pt": ",", "es": ","}[language]
    if exponent:
        assert re.search(rf"{re.escape(point)}[0-9]{{{exponent}}}(?![0-9])", said)
    sign = re.sub(r"[0-9.,\s\u200b]", "", said)
    assert sign, "no currency is named"
    assert localization.amount(-AMOUNT, currency) != said


def test_no_two_currencies_look_the_same(language):
    assert len({localization.amount(0, code).replace("0", "").strip(" ,.\u00a0") for code in money.EXPONENTS}) == len(
        money.EXPONENTS
    )


def test_a_code_stands_apart_from_the_number_and_a_sign_does_not(service):
    from django.utils import translation

    with translation.override("en"):
        assert localization.amount(1250, "EUR") == "€12.50"
        assert localization.amount(1250, "CHF") == "CHF\u00a012.50"
        assert localization.amount(-1250, "CHF") == "-CHF\u00a012.50"
    with translation.override("pt"):
        assert localization.amount(1250, "PTE") == "1\u00a0250\u00a0PTE"
        assert localization.amount(1250, "SKK") == "12,50\u00a0SKK"
