"""Money inside what a host hands over whole: lists of changes, snapshots, any JSON of an action's context.

A whole number alone is no price: 3200 is 32.00 euros, 3,200 yen or 3.200 dinars. So an amount is written there as in
every other field:

    a member, or the field of a change, whose name ends in `_minor`     an integer in minor units, a list of them, null
    `currency`, an ISO 4217 code                                        the nearest: beside the amount, else around it

    {"name": "Facial", "price_minor": 5500, "currency": "EUR"}
    {"field": "price_minor", "old": 3000, "new": 3200, "currency": "EUR"}
    {"field": "price_minor", "old": 3000, "new": 3200}, {"field": "currency", "old": "EUR", "new": "CHF"}

In a list of changes, the currency of a side is the change's own `currency`; else that side of a change of the field
`currency` in the same list; else the action's own field `currency`.

Anything else that is called money and is a number is refused (`is_money`), as nobody could tell its unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInput
from ..format import money

SUFFIX = "_minor"

# Words that make a name one of money wherever they stand in it: `price_from`, `no_show_fee`, `base_cost`.
_MONEY = frozenset({
    *("amount", "amounts", "cost", "costs", "deposit", "deposits", "fee", "fees", "price", "prices", "tariff"),
    *("importe", "precio", "precios", "preco", "precos", "preço", "preços"),
})  # fmt: skip
# Words that do so as the last one of a name: `order_total`, `gift_balance`.
_MONEY_LAST = frozenset(
    {"balance", "cents", "charge", "discount", "payment", "pence", "refund", "subtotal", "surcharge", "tip", "total"}
)
# A name that ends with one of these is a number of something else, or no number: `deposit_percent`, `price_list_id`.
_NOT_MONEY = frozenset({
    *("at", "bookings", "code", "count", "days", "entries", "hours", "id", "ids", "index", "key", "level", "minutes"),
    *("months", "number", "on", "order", "percent", "percentage", "points", "position", "rate", "ref", "seconds"),
    *("seq", "sessions", "type", "uses", "version", "visits", "weeks", "years"),
})  # fmt: skip
# And one that has one of these is counted in them: `points_total`, `cost_in_points`.
_COUNTED = frozenset({"bookings", "minutes", "points", "sessions", "uses", "visits"})
_WORDS = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])")
_DIGITS = re.compile(r"[-+]?[0-9]+([.,][0-9]+)*", re.ASCII)
_UNIT = re.compile(r"_?(minor|cents|pence)$", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}", re.ASCII)


class WrongAmount(ValueError):
    """An amount that cannot be shown as money; `path` leads to it from the context."""

    def __init__(self, message: str, path: Sequence[object]) -> None:
        super().__init__(f"{'.'.join(map(str, path))} {message}")
        self.message, self.path = message, tuple(path)


def is_money(name: str) -> bool:
    """Whether a number under this name would be read as money: `price`, `depositAmount`, `fee_eur`, `order_total`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _NOT_MONEY:
        return False
    if "points" in words:
        return False
    return not _MONEY.isdisjoint(words) or (words[-1] in _MONEY_LAST and _COUNTED.isdisjoint(words))


def sides(change: Mapping[str, Any], changes: Sequence[Any], around: Any) -> tuple[Any, Any]:
    """Return the currencies of both sides of a change of a list, as they are written; `around` is the action's own."""
    own = change.get("currency")
    if own is not None:
        return own, own
    for one in changes:
        if isinstance(one, Mapping) and one.get("field") == "currency":
            return one.get("old"), one.get("new")
    return both(around)


def both(currency: Any) -> tuple[Any, Any]:
    """Return the currencies of both sides of whatever changed: that of a change of the currency, else the same."""
    if isinstance(currency, Mapping) and currency.keys() == {"old", "new"}:
        return currency["old"], currency["new"]
    return currency, currency


def nearest(members: Mapping[str, Any], around: Any) -> Any:
    """Return the currency of the amounts in an object, as it is written: its own, else that of what is around."""
    own = members.get("currency")
    return around if own is None else own


def is_changes(value: Any) -> bool:
    """Whether a JSON value is a list of changes."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(one, Mapping)
            and "field" in one
            and ("old" in one or "new" in one)
            and one.keys() <= {"field", "old", "new", "currency"}
            for one in value
        )
    )


def check(name: str, value: Any, currency: Any, path: Sequence[object], inside: bool = False) -> None:
    """Check the amounts in a JSON value under a name; `currency` is that of what is around, or its two sides.

    `inside` says that the value is a member of something called money. Raises WrongAmount.
    """
    if is_changes(value):
        for index, change in enumerate(value):
            for side, of_side in zip(("old", "new"), sides(change, value, currency), strict=True):
                check(str(change["field"]), change.get(side), of_side, (*path, index, side))
    elif isinstance(value, Mapping):
        _object(name, value, currency, path)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            check(name, member, currency, (*path, index), inside)
    elif name.endswith(SUFFIX):
        _amount(name, value, currency, path)
    elif _is_number(name, value, inside):
        raise WrongAmount(_mend(name), path)


def _object(name: str, value: Mapping[str, Any], currency: Any, path: Sequence[object]) -> None:
    around = nearest(value, currency)
    if value.keys() == {"old", "new"}:  # a field's value before and after, under the field's name
        for side, of_side in zip(("old", "new"), both(around), strict=True):
            check(name, value[side], of_side, (*path, side))
        return
    for key, member in value.items():
        check(key, member, around, (*path, key), inside=is_money(name))


def _amount(name: str, value: Any, currency: Any, path: Sequence[object]) -> None:
    if value is None:
        return
    if type(value) is not int:
        raise WrongAmount("must be an integer, the amount in the currency's minor unit, or null", path)
    currency = both(currency)[1]
    if currency is None:
        raise WrongAmount(
            f"is an amount without its currency; write the code beside {_said(name)}, such as "
            '"currency": "EUR"', path)  # fmt: skip
    try:
        money.check_currency(currency, "")
    except InvalidInput as error:
        raise WrongAmount(f"is an amount, and its currency {error}", path) from None


def _is_number(name: str, value: Any, inside: bool) -> bool:
    """Whether a value that is not marked as an amount reads as one."""
    words = {word.lower() for word in _WORDS.findall(name)}
    if type(value) is str:
        return is_money(name) and not _MONEY.isdisjoint(words) and _DIGITS.fullmatch(value.strip()) is not None
    if type(value) is not int:
        return False
    return is_money(name) or (inside and _NOT_MONEY.isdisjoint(words))


def _mend(name: str) -> str:
    bare = _UNIT.sub("", name)
    minor = f"{bare}{SUFFIX}" if _PLAIN.fullmatch(bare) else f"a name that ends in {SUFFIX}"
    return (
        f"is money without its unit; write {minor}, an integer in the currency's minor unit, and beside it the "
        'currency\'s code, such as "currency": "EUR"'
    )


def _said(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "it"
