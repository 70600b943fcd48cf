"""Money: an integer in the currency's minor unit, and how it is written.

    text    = ["-"] digits ["." digits]      as many digits after the dot as the currency's exponent; no grouping
    display = text " " code                  "12.50 EUR"

Codes and exponents are facts of ISO 4217: list one (current) as of January 2026, and, so that older years can be
imported, list three (historic) for the codes withdrawn since 2011. A code is never removed from here: a log that holds
it must stay readable. Units without a minor unit (gold, special drawing rights, testing) are left out, and so is XAD, a
unit of account of the Arab Monetary Fund.

Stripe's API differs for two currencies: it sends ISK and UGX in hundredths. Whoever takes such an amount over divides
it by 100 first.

No floating-point number is used anywhere.
"""

from __future__ import annotations

from .errors import InvalidInput

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

_WITHDRAWN_SINCE_2011 = {
    0: "BYR",
    2: "ANG BGN CUC EEK HRK LTL LVL MRO SLL STD VEF ZMK ZWL",
}


def _table(*lists: dict[int, str]) -> dict[str, int]:
    return {code: exponent for codes in lists for exponent, text in codes.items() for code in text.split()}


CURRENT = frozenset(_table(_BY_EXPONENT))
EXPONENTS = _table(_BY_EXPONENT, _WITHDRAWN_SINCE_2011)


def check_currency(code: object, field: str) -> str:
    """Return `code` if it is an ISO 4217 code of a currency with a minor unit. Raises InvalidInput, naming `field`."""
    if isinstance(code, str):
        if code in EXPONENTS:
            return code
        if code.strip().upper() in EXPONENTS:
            raise InvalidInput(f"is written in another way; write the code as {code.strip().upper()}", field)
    raise InvalidInput("is not a currency code of ISO 4217; write three capital letters such as EUR", field)


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
