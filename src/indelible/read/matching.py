"""Matching: when a free word of a filter occurs in a text. One definition, for the word and for what is searched.

`fold` brings both to one spelling, character by character, so that a part of a text is also a part of the folded text:

    apostrophes   of any kind, accents that stand alone and the middle dot are left out: O’Neill and ONeill are one
    hyphens       of any kind, dashes and the minus sign are "-"; soft hyphens and what cannot be seen are left out
    quotes        double ones of any kind are the straight one
    spaces        of any kind, and several of them, are one " "
    letters       compatibility forms are taken apart (Unicode NFKD: ﬁ is fi, ² is 2), marks left out (é is e, İ is i),
                  case is folded (ß is ss), and the letters in LETTERS, which Unicode does not take apart, are replaced

A word is then found where its folded text is a part of the other, and besides that

    an IP address   203.0.113.9 or 2001:db8::1 only as a whole address; with a dot or colon at the end (203.0.113.) or
                    as a network (203.0.113.0/24) every address that begins so
    a number        of six digits or more, however it is grouped: 912345678 is found in +351 912-345-678
    an amount       "30", "30.00", "30,00", "€30" and "30.00 EUR" are found in 3,000 cents of the euro; an amount with
                    decimals or a currency is found as a whole: "30.00" is not in "130.00"

Two readings of one amount, 1.000 as a thousand or as one, are both tried.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from ..format import money

# Letters that Unicode does not take apart, as written where a keyboard lacks them. Small ones: case goes first.
LETTERS = {
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ȷ": "j", "ħ": "h", "ŧ": "t",
    "ŋ": "n", "ĸ": "k", "ɓ": "b", "ƀ": "b", "ƃ": "b", "ƈ": "c", "ȼ": "c", "ɖ": "d", "ɗ": "d", "ƌ": "d", "ɇ": "e",
    "ə": "e", "ǝ": "e", "ɛ": "e", "ƒ": "f", "ǥ": "g", "ɠ": "g", "ɨ": "i", "ɩ": "i", "ɉ": "j", "ƙ": "k", "ƚ": "l",
    "ɫ": "l", "ɲ": "n", "ƞ": "n", "ɔ": "o", "ɵ": "o", "ƥ": "p", "ɋ": "q", "ɍ": "r", "ʃ": "s", "ȿ": "s", "ƭ": "t",
    "ʈ": "t", "ƫ": "t", "ʉ": "u", "ʊ": "u", "ʋ": "v", "ƴ": "y", "ɏ": "y", "ƶ": "z", "ȥ": "z", "ʒ": "z", "ɀ": "z",
}  # fmt: skip
# U+00B4 and the like are taken apart into a space and a mark by Unicode, so they go before that.
_APOSTROPHES = "·‧'`´‘’‚‛ʹʻʼʽʾʿˈˊˋ′‵＇｀՚׳ꞌ"
_HYPHENS = "‐‑‒–—―−﹘﹣－⁃"
_QUOTES = "“”„‟«»〝〞＂"
_CURRENCIES = {
    "€": "EUR", "£": "GBP", "¥": "JPY CNY", "₺": "TRY", "₹": "INR", "₽": "RUB", "₴": "UAH", "₪": "ILS", "₩": "KRW",
    "zl": "PLN", "kc": "CZK", "ft": "HUF", "kr": "SEK NOK DKK ISK", "lei": "RON MDL", "fr": "CHF", "r$": "BRL",
    "$": "USD CAD AUD NZD SGD HKD MXN CLP COP ARS TWD",
}  # fmt: skip
# A shorter number is in too many others.
SHORTEST_NUMBER = 6

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_SPACES = re.compile(r"\s+")
# A number with what may stand between its digits; not the end of an id.
_NUMBER = re.compile(r"(?<!\w)\+?\(?[0-9][0-9 ().\-/]{4,40}[0-9](?![\w])", re.ASCII)
# What may stand between the digits of a number.
GROUPING = " +().-/"
_UNGROUPED = str.maketrans("", "", GROUPING)
_IPV4 = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}:[0-9a-f:.]{0,40}[0-9a-f:](?![\w:])", re.ASCII)
_IPV4_BEGINNING = re.compile(r"(?:[0-9]{1,3}\.){1,3}", re.ASCII)
_IPV6_BEGINNING = re.compile(r"(?:[0-9a-f]{1,4}:){1,7}", re.ASCII)
_AMOUNT = re.compile(
    r"(?P<before>[^0-9\s.,-]{1,3})? ?(?P<number>[0-9]{1,3}(?:([., ])[0-9]{3})(?:\3[0-9]{3})*|[0-9]{1,15})"
    r"(?:(?P<dot>[.,])(?P<decimals>[0-9]{1,4}))? ?(?P<after>[^0-9\s.,-]{1,3})?",
    re.ASCII,
)

# What an entry may have of money: an amount in the currency's major unit, and the currency's code ("" for not known).
Amount = tuple[Decimal, str]
Network = IPv4Network | IPv6Network


def _replacement(char: str) -> str:
    """What a character becomes, by itself."""
    if char in _APOSTROPHES:
        return ""
    if char in _HYPHENS:
        return "-"
    if char in _QUOTES:
        return '"'
    if char.isspace():
        return " "
    apart = unicodedata.normalize("NFKD", char)
    if apart != char:
        return "".join(map(_replacement, apart))
    if unicodedata.combining(char) or unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f":
        return ""
    folded = LETTERS.get(char) or char.casefold()
    return folded if folded == char else "".join(map(_replacement, folded))


class _Table(dict[int, str]):
    """For `str.translate`: filled as characters are met, of which a language has few."""

    def __missing__(self, point: int) -> str:
        return self.setdefault(point, _replacement(chr(point)))


_TABLE = _Table()
_ASCII = str.maketrans("\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f", " " * 9, "'`")


def fold(text: str) -> str:
    """Return text as it is compared."""
    if not text.isascii():  # most letters of most texts are plain, so only the others go through the table
        text = _BEYOND_ASCII.sub(lambda found: found[0].translate(_TABLE), text)
    folded = text.lower().translate(_ASCII) if text.isascii() else text.translate(_TABLE)
    return _SPACES.sub(" ", folded) if "  " in folded else folded


@dataclass(frozen=True, slots=True)
class Pattern:
    """A free word, ready to be looked for. What is empty or None is not looked for."""

    text: str = ""
    whole: re.Pattern[str] | None = None
    digits: str = ""
    amounts: frozenset[Amount] = frozenset()
    network: Network | None = None

    def occurs(self, folded: str, amounts: Callable[[], Collection[Amount]]) -> bool:
        """Whether it is in a folded text, or among the amounts, which are asked for only where it may be one."""
        if self.network is not None:
            return any(address in self.network for address in _addresses(folded, self.network.version))
        if self.text in folded if self.whole is None else self.whole.search(folded):
            return True
        if self.digits and any(self.digits in number.translate(_UNGROUPED) for number in _numbers(folded)):
            return True
        return bool(self.amounts) and any(
            value == mine and (not code or not currency or code == currency)
            for value, currency in amounts()
            for mine, code in self.amounts
        )


@lru_cache(maxsize=512)
def pattern(word: str) -> Pattern:
    """Return how a free word is looked for."""
    folded = fold(word)
    if (network := network_of(word)) is not None:
        return Pattern(network=network)
    amounts, exact = _amounts_of(folded)
    digits = folded.translate(_UNGROUPED)
    number = digits if len(digits) >= SHORTEST_NUMBER and digits.isascii() and digits.isdecimal() else ""
    whole = re.compile(rf"(?<![0-9.,]){re.escape(folded.strip())}(?![0-9]|[.,][0-9])") if exact else None
    return Pattern(folded, whole, number, amounts)


def network_of(word: str) -> Network | None:
    """Return the addresses that a word means: one, those that begin so, or those of a network; None for other words."""
    text = word.strip().lower()
    try:
        if _IPV4_BEGINNING.fullmatch(text):
            octets = text.rstrip(".").split(".")
            return IPv4Network((".".join((octets + ["0"] * 4)[:4]), 8 * len(octets)))
        if _IPV6_BEGINNING.fullmatch(text) and text.count(":") < 8:
            groups = text.rstrip(":").split(":")
            # One group with a colon is the beginning of many texts, such as a time.
            return IPv6Network((f"{':'.join(groups)}::", 16 * len(groups))) if len(groups) > 1 else None
        if text.count(".") == 3 or text.count(":") > 1:
            return ipaddress.ip_network(text, strict=False)
    except ValueError:
        pass
    return None


def _addresses(folded: str, version: int) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    for found in (_IPV4 if version == 4 else _IPV6).findall(folded):
        try:
            yield ipaddress.ip_address(found)
        except ValueError:
            continue


def _numbers(folded: str) -> Iterator[str]:
    return (found for found in _NUMBER.findall(folded) if not _IPV4.fullmatch(found))


def _amounts_of(folded: str) -> tuple[frozenset[Amount], bool]:
    """The amounts that a word may mean, and whether it can mean nothing else: it has decimals or a currency."""
    match = _AMOUNT.fullmatch(folded.strip())
    if match is None:
        return frozenset(), False
    sign = match["before"] or match["after"] or ""
    codes = _codes(sign)
    if not codes or (match["before"] and match["after"]):
        return frozenset(), False
    grouped, decimals = match["number"], match["decimals"] or ""
    numbers = {re.sub("[., ]", "", grouped) + (f".{decimals}" if decimals else "")}
    if not decimals and grouped[-4:-3] in (".", ","):
        if grouped[:-4].isdecimal():  # "1.000", which may be one with three decimals
            numbers.add(f"{grouped[:-4]}.{grouped[-3:]}")
    elif decimals and grouped.isdecimal() and len(decimals) == 3 and len(grouped) <= 3:
        numbers.add(grouped + decimals)
    amounts = frozenset((Decimal(number), code) for number in numbers for code in codes)
    return amounts, bool(decimals or sign)


def _codes(sign: str) -> list[str]:
    """The currencies that a sign or code means; one that is "" where there is none; nothing for an unknown one."""
    if not sign:
        return [""]
    if sign in _CURRENCIES:
        return _CURRENCIES[sign].split()
    return [sign.upper()] if sign.upper() in money.EXPONENTS else []
