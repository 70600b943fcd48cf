"""Money: an integer in the currency's minor unit, and how it is written.

    text    = ["-"] digits ["." digits]      as many digits after the dot as the currency's exponent; no grouping
    display = text " " code                  "12.50 EUR"

Codes and exponents are facts of ISO 4217: list one (current) as of January 2026, and, so that older years can be
imported, list three (historic) for the codes withdrawn since January 1990. List three gives no exponents; here they are
those that the currencies had in list one. The sources of these are the table `minor0` of OpenJDK's currency data, which
keeps withdrawn codes (ADP BEF BYB BYR ESP GRD ITL LUF MGF PTE TPE TRL have 0; the francs and the peseta of accounts
beside them, BEC BEL LUC LUL ESB, as these), the 1,000 fils of the dinar YDD, and 2 for every other, as in CLDR. The
codes that the list dates "1989 to 1990" are of currencies that ended years before, and are left out.

A code is never removed from here: a log that holds it must stay readable. Units without a minor unit (gold, special
drawing rights, testing) are left out, and so is XAD, a unit of account of the Arab Monetary Fund.

Stripe's API differs from ISO 4217 for three currencies: `from_stripe`.

What an entry does to money is one of EFFECTS, a fact of its action:

    in           money came in                                    out          money went out
    in_undone    money that had come in turned out not to have    out_undone   money that had gone out came back
    none         nothing moved

A thing undone is not the opposite thing done: a refund that the bank returned is no income, it is one refund fewer.

No floating-point number is used anywhere.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from ..errors import InvalidInput

_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
        "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
        "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
        "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
        "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER "
        "ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

_WITHDRAWN_SINCE_1990 = {
    0: "ADP BEC BEF BEL BYB BYR ESB ESP GRD ITL LUC LUF LUL MGF PTE TPE TRL",
    2: (
        "AFA ANG AOK AON AOR ARA ATS AYM AZM BAD BGL BGN BRE BRN BRR BUK CHC CSD CSK CUC CYP DDM DEM ECS ECV EEK FIM "
        "FRF GEK GHC GHP GWP HRD HRK IEP LTL LTT LVL LVR MRO MTL MXP MZM NIC NLG PEI PLZ ROL RUR SDD SDP SIT SKK SLL "
        "SRG STD SUR TJR TMM UAK USS UYP VEB VEF XEU YUD YUM YUN ZAL ZMK ZRN ZRZ ZWD ZWL ZWN ZWR"
    ),
    3: "YDD",
}


def _table(*lists: dict[int, str]) -> dict[str, int]:
    return {code: exponent for codes in lists for exponent, text in codes.items() for code in text.split()}


CURRENT = frozenset(_table(_BY_EXPONENT))
EXPONENTS = _table(_BY_EXPONENT, _WITHDRAWN_SINCE_1990)

# Where Stripe's API has another exponent than ISO 4217: the power of ten to multiply its amount with.
# https://docs.stripe.com/currencies: ISK and UGX are sent as two-decimal amounts, MGA as a zero-decimal one.
_FROM_STRIPE = {"ISK": -2, "UGX": -2, "MGA": 2}


class Effect(NamedTuple):
    """Which sum of money an amount belongs to (`in`, `out`, or none of them), and with which sign."""

    side: str
    sign: int

    @property
    def net(self) -> int:
        """The sign with which the amount counts in what came in less what went out."""
        return {"in": self.sign, "out": -self.sign}.get(self.side, 0)


EFFECTS = {
    "in": Effect("in", 1),
    "in_undone": Effect("in", -1),
    "out": Effect("out", 1),
    "out_undone": Effect("out", -1),
    "none": Effect("", 0),
}


def check_currency(code: object, field: str) -> str:
    """Return `code` if it is an ISO 4217 code of a currency with a minor unit. Raises InvalidInput, naming `field`."""
    if isinstance(code, str):
        if code in EXPONENTS:
            return code
        if code.strip().upper() in EXPONENTS:
            raise InvalidInput(f"is written in another way; write the code as {code.strip().upper()}", field)
    raise InvalidInput("is not a currency code of ISO 4217; write three capital letters such as EUR", field)


def minor(amount: Decimal | int | str, currency: str) -> int:
    """Return a price as a program has it, Decimal("30.00"), as minor units: 3000 for EUR, 30 for JPY.

    Raises InvalidInput for an unknown currency, a float (it is not exactly the price that it shows), and an amount that
    is no whole number of minor units.
    """
    digits = exponent(currency)
    if isinstance(amount, bool | float) or not isinstance(amount, Decimal | int | str):
        raise InvalidInput("must be a Decimal, an integer or text; a float is not exactly what it shows", "amount")
    try:
        scaled = Decimal(amount).scaleb(digits)
        whole = int(scaled)
    except (ArithmeticError, ValueError) as error:
        raise InvalidInput("is not an amount, such as 30.00", "amount") from error
    if whole != scaled:
        raise InvalidInput(f"has more decimals than {currency} has ({digits}); round it first", "amount")
    return whole


def from_stripe(amount: int, currency: str) -> tuple[int, str]:
    """Return an amount of Stripe's API, with its currency in lower case, as minor units and code: what a context takes.

    Raises InvalidInput for a currency that ISO 4217 does not have, and for an amount that is no whole number of the
    currency's minor units.
    """
    code = check_currency(currency.upper(), "currency")
    shift = _FROM_STRIPE.get(code, 0)
    if shift >= 0:
        return amount * 10**shift, code
    whole, rest = divmod(amount, 10**-shift)
    if rest:
        raise InvalidInput(f"is not a whole number of {code}, which Stripe sends in hundredths", "amount")
    return whole, code


def exponent(code: str) -> int:
    """Return how many decimal digits the currency's minor unit stands for: 2 for EUR, 0 for JPY, 3 for KWD.

    Raises InvalidInput for an unknown code.
    """
    return EXPONENTS[check_currency(code, "currency")]


def decimal_text(amount_minor: int, currency: str) -> str:
    """Return the amount in the currency's major unit, such as "-12.50" for -1250 EUR. Raises InvalidInput."""
    return shifted(amount_minor, exponent(currency))


def shifted(amount_minor: int, digits_after: int) -> str:
    """Return the amount with its last `digits_after` digits behind the dot: "-12.50" for -1250 and 2."""
    if digits_after == 0:
        return str(int(amount_minor))
    digits = str(abs(amount_minor)).zfill(digits_after + 1)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{digits[:-digits_after]}.{digits[-digits_after:]}"


def display(amount_minor: int, currency: str) -> str:
    """Return the amount with its code, such as "12.50 EUR". Raises InvalidInput."""
    return f"{decimal_text(amount_minor, currency)} {currency}"
