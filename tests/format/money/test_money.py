"""Amounts in minor units, and how they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import InvalidInput
from indelible.format import money

amounts = st.integers(-(2**53), 2**53)
codes = st.sampled_from(sorted(money.EXPONENTS))


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (-1250, "EUR", "-12.50"),
        (5, "EUR", "0.05"),
        (-5, "EUR", "-0.05"),
        (0, "EUR", "0.00"),
        (100, "USD", "1.00"),
        (1250, "JPY", "1250"),
        (-1, "JPY", "-1"),
        (1250, "KWD", "1.250"),
        (-7, "KWD", "-0.007"),
        (12345, "CLF", "1.2345"),
        (123456789012345, "EUR", "1234567890123.45"),
        (115, "EUR", "1.15"),
    ],
)
def test_an_amount_is_written_in_the_major_unit(amount_minor: int, currency: str, text: str) -> None:
    assert money.decimal_text(amount_minor, currency) == text
    assert money.display(amount_minor, currency) == f"{text} {currency}"


@given(amounts, codes)
def test_the_text_is_exact_and_has_as_many_digits_as_the_minor_unit(amount_minor: int, currency: str) -> None:
    text = Decimal(money.decimal_text(amount_minor, currency))
    assert text.scaleb(money.exponent(currency)) == amount_minor
    assert text.as_tuple().exponent == -money.exponent(currency)


@pytest.mark.parametrize(
    ("currency", "exponent"),
    [
        *(
            ("EUR", 2),
            ("ISK", 0),
            ("UGX", 0),
            ("MGA", 2),
            ("HUF", 2),
            ("TND", 3),
            ("UYW", 4),
            ("HRK", 2),
            ("BYR", 0),
            ("SKK", 2),
            ("SIT", 2),
            ("CYP", 2),
            ("MTL", 2),
            ("TRL", 0),
            ("ROL", 2),
            ("PTE", 0),
            ("VEB", 2),
            ("GHC", 2),
            ("DEM", 2),
            ("ITL", 0),
            ("ESP", 0),
            ("GRD", 0),
            ("YDD", 3),
        )
    ],
)
def test_the_exponent_is_that_of_iso_4217(currency: str, exponent: int) -> None:
    assert money.exponent(currency) == exponent


def test_each_code_is_three_capital_letters_and_listed_once() -> None:
    listed = " ".join([*money._BY_EXPONENT.values(), *money._WITHDRAWN_SINCE_1990.values()]).split()
    assert len(listed) == len(set(listed)) == len(money.EXPONENTS)
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in listed)


def test_a_code_once_known_stays_known() -> None:
    # The figure may grow, never shrink: a log that holds a code must stay readable.
    assert len(money.EXPONENTS) >= 257
    assert {"HRK", "BGN", "LTL", "LVL", "EEK", "ZWL"} <= set(money.EXPONENTS) - money.CURRENT


@pytest.mark.parametrize("code", ["eur", "Eur", " EUR", "EUR "])
def test_a_code_in_another_spelling_is_refused_with_the_right_one(code: str) -> None:
    with pytest.raises(InvalidInput, match=r"^context\.currency: .*write the code as EUR$"):
        money.check_currency(code, "context.currency")


@pytest.mark.parametrize("code", ["", "EU", "EURO", "XXX", "XTS", "XFO", "ZZZ", "€", "978", None, 978, [], "\ud800"])
def test_what_is_no_currency_is_refused(code: object) -> None:
    with pytest.raises(InvalidInput, match=r"^currency: is not a currency code of ISO 4217"):
        money.check_currency(code, "currency")


# ISO 4217 list three: every code withdrawn from 1990 to 2022 that is (or was) an amount of money.
LIST_THREE = """
    ADP AFA AOK AON AOR ARA ATS AYM AZM BAD BEC BEF BEL BGL BRE BRN BRR BUK BYB BYR CHC CSD CSK CYP DDM DEM ECS ECV EEK
    ESB ESP FIM FRF GEK GHC GHP GRD GWP HRD HRK IEP ITL LTL LTT LUC LUF LUL LVL LVR MGF MRO MTL MXP MZM NIC NLG PEI PLZ
    PTE ROL RUR SDD SDP SIT SKK SRG STD SUR TJR TMM TPE TRL UAK USS UYP VEB VEF XEU YDD YUD YUM YUN ZAL ZMK ZRN ZRZ ZWD
    ZWN ZWR
""".split()  # noqa: SIM905 - as the list is read


@pytest.mark.parametrize("code", LIST_THREE)
def test_a_currency_that_was_withdrawn_since_1990_can_be_imported(code: str) -> None:
    assert money.check_currency(code, "currency") == code
    assert code not in money.CURRENT


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (1250, "eur", 1250),
        (1250, "jpy", 1250),
        (50000, "isk", 500),
        (-50000, "isk", -500),
        (120000, "ugx", 1200),
        (5000, "mga", 500000),
        (1230, "kwd", 1230),
    ],
)
def test_an_amount_of_stripes_api_becomes_minor_units(amount: int, currency: str, minor: int) -> None:
    assert money.from_stripe(amount, currency) == (minor, currency.upper())


def test_a_part_of_a_krona_which_stripe_never_sends_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^amount: is not a whole number of ISK"):
        money.from_stripe(50050, "isk")
    with pytest.raises(InvalidInput, match=r"^currency: is not a currency code"):
        money.from_stripe(100, "points")


def test_what_is_undone_has_the_other_sign_on_the_same_side() -> None:
    for side in ("in", "out"):
        done, undone = money.EFFECTS[side], money.EFFECTS[f"{side}_undone"]
        assert (done.side, undone.side, done.sign, undone.sign) == (side, side, 1, -1)
        assert done.net == -undone.net != 0
    assert money.EFFECTS["none"].net == 0


def test_an_amount_in_no_currency_is_refused() -> None:
    with pytest.raises(InvalidInput):
        money.display(100, "EURO")
