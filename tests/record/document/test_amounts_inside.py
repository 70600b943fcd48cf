"""Money inside changes, snapshots and other JSON carries its currency, or is refused with the mend, in every way in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.catalogue import Action
from indelible.catalogue.amounts import WrongAmount, check, is_changes, is_money
from indelible.catalogue.fields import Changed, Count, Currency, FieldChange, Json, JsonObject, Minor
from indelible.errors import InvalidInput
from indelible.read.details import PLAIN, Said
from indelible.read.view import Zones
from indelible.record import document
from indelible.testing.logs import event

WITHOUT_CURRENCY = r"is an amount without its currency; write the code beside {name}, such as \"currency\": \"EUR\""
WITHOUT_UNIT = r"is money without its unit; write {name}_minor, an integer in the currency's minor unit, and beside it"


def sent(log: Any, action: str, context: Any) -> Any:
    kind = action.partition(".")[0]
    return log.draft(
        document.parse(event(action=action, target={"kind": kind, "id": "x_1"}, client=None, context=context))
    )


def changes(*those: dict[str, Any]) -> dict[str, Any]:
    return {"changes": list(those)}


@pytest.mark.parametrize(
    ("action", "context", "field", "message", "name"),
    [
        ("service.edited", changes({"field": "price_minor", "old": 3000, "new": 3200}), "changes.0.old",
         WITHOUT_CURRENCY, "price_minor"),
        ("service.edited", changes({"field": "price", "old": 3000, "new": 3200, "currency": "EUR"}), "changes.0.old",
         WITHOUT_UNIT, "price"),
        ("service.edited", changes({"field": "name", "new": "x"}, {"field": "no_show_fee", "new": 2500}),
         "changes.1.new", WITHOUT_UNIT, "no_show_fee"),
        ("service.edited", changes({"field": "price", "old": "30.00", "new": "32.00"}), "changes.0.old",
         WITHOUT_UNIT, "price"),
        ("service.edited", changes({"field": "depositMinor", "new": 5}), "changes.0.new", WITHOUT_UNIT, "deposit"),
        ("service.edited", changes({"field": "fee_cents", "new": 5}), "changes.0.new", WITHOUT_UNIT, "fee"),
        ("service.edited", changes({"field": "prices", "new": {"short": 3000}}), "changes.0.new.short",
         WITHOUT_UNIT, "short"),
        ("service.edited", changes({"field": "plan", "new": {"steps": [{"fee_minor": 10}]}}),
         "changes.0.new.steps.0.fee_minor", WITHOUT_CURRENCY, "fee_minor"),
        # A currency that is new has no old one.
        ("service.edited", changes({"field": "price_minor", "old": 1, "new": 2},
                                   {"field": "currency", "old": None, "new": "EUR"}), "changes.0.old",
         WITHOUT_CURRENCY, "price_minor"),
        ("service.deleted", {"snapshot": {"name": "Facial", "price_minor": 5500}}, "snapshot.price_minor",
         WITHOUT_CURRENCY, "price_minor"),
        ("service.deleted", {"snapshot": {"deep": {"er": [{"total": 9}]}, "currency": "EUR"}},
         "snapshot.deep.er.0.total", WITHOUT_UNIT, "total"),
        ("service.deleted", {"snapshot": {"tiers": {"currency": "EUR"}, "price_minor": 1}}, "snapshot.price_minor",
         WITHOUT_CURRENCY, "price_minor"),
        ("schedule.created", {"hours": {"mon": {"cost": 12}}}, "hours.mon.cost", WITHOUT_UNIT, "cost"),
        ("settings.changed", {"section": "fees", **changes({"field": "cancellation_fee", "old": 1, "new": 2})},
         "changes.0.old", WITHOUT_UNIT, "cancellation_fee"),
        ("reward.deleted", {"snapshot": {"value_minor": 5}}, "snapshot.value_minor", WITHOUT_CURRENCY, "value_minor"),
        ("service.deleted", {"snapshot": {"price_minor": "55", "currency": "EUR"}}, "snapshot.price_minor",
         "must be an integer, the amount in the currency's minor unit, or null", ""),
        ("service.deleted", {"snapshot": {"price_minor": True, "currency": "EUR"}}, "snapshot.price_minor",
         "must be an integer", ""),
        ("service.deleted", {"snapshot": {"price_minor": 55, "currency": "eur"}}, "snapshot.price_minor",
         "its currency is written in another way; write the code as EUR", ""),
        ("service.deleted", {"snapshot": {"price_minor": 55, "currency": 978}}, "snapshot.price_minor",
         "its currency is not a currency code of ISO 4217", ""),
    ],
)  # fmt: skip
def test_money_without_unit_or_currency_is_refused_with_the_mend(log, action, context, field, message, name):
    with pytest.raises(InvalidInput, match=message.format(name=name)) as raised:
        sent(log, action, context)
    assert raised.value.field == f"context.{field}"


@pytest.mark.parametrize(
    "context",
    [
        changes({"field": "price_minor", "old": 3000, "new": 3200, "currency": "EUR"}),
        changes({"field": "price_minor", "old": None, "new": 3200, "currency": "EUR"}),
        changes({"field": "price_minor", "old": 3000, "new": 2900}, {"field": "currency", "old": "EUR", "new": "CHF"}),
        changes({"field": "price_minor", "old": None, "new": 2900}, {"field": "currency", "old": None, "new": "CHF"}),
        changes({"field": "pricing", "old": None, "new": {"price_minor": 1, "currency": "EUR"}}),
        changes({"field": "tiers_minor", "old": [1, 2], "new": [], "currency": "EUR"}),
        # Not money, or with a unit of its own.
        changes({"field": "deposit_percent", "old": 20, "new": 30}),
        changes({"field": "cost_points", "old": 500, "new": 300}),
        changes({"field": "price_list_id", "old": 4, "new": 5}),
        changes({"field": "total_sessions", "old": 5, "new": 10}),
        changes({"field": "show_prices", "old": False, "new": True}),
        changes({"field": "deposit_required", "old": None, "new": "no"}),
        changes({"field": "price", "old": "30.00 EUR", "new": "from 32 €"}),
        changes({"field": "phone", "old": "912345678", "new": None}, {"field": "currency", "old": "EUR", "new": "x"}),
    ],
    ids=str,
)
def test_money_with_its_currency_and_what_is_no_money_are_taken(log, context):
    sent(log, "service.edited", context)


def test_an_amount_in_a_change_may_have_the_actions_currency_and_the_actions_own_change_of_it(log):
    class RoomPriced(
        Action,
        code="room.priced",
        label="Priced room",
        category="services",
        targets=("room",),
        sentence="{actor} priced",
    ):
        edits: list[FieldChange] | None = None
        whole: JsonObject | None = None
        free: Json = None
        rate_minor: Changed[Minor] | None = None
        currency: Currency | Changed[Currency] | None = None

    fee = {"field": "fee_minor", "old": 100, "new": 200}
    taken: list[dict[str, Any]] = [
        {"edits": [fee], "currency": "EUR"}, {"free": {"deep": [{"fee_minor": 3}]}, "currency": "EUR"},
        {"edits": [fee], "currency": {"old": "EUR", "new": "CHF"}},
        {"rate_minor": {"old": 1, "new": 2}, "currency": {"old": "EUR", "new": "CHF"}},
    ]  # fmt: skip
    for context in taken:
        sent(log, "room.priced", context)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"edits": [fee]}, "edits.0.old"), ({"free": {"price": 3}}, "free.price"),
        ({"whole": {"fee_minor": 3}}, "whole.fee_minor"),
    ]  # fmt: skip
    for context, field in refused:
        with pytest.raises(InvalidInput) as raised:
            sent(log, "room.priced", context)
        assert raised.value.field == f"context.{field}"


def test_a_host_cannot_declare_a_number_that_is_called_money():
    with pytest.raises(TypeError, match=r"price is money without its unit; declare price_minor: Minor"):

        class RoomRented(
            Action,
            code="room.rented",
            label="Rented",
            category="services",
            targets=("room",),
            sentence="{actor} rented",
        ):
            price: Count | None = None


def test_no_message_has_a_value_or_a_name_that_may_be_personal(log):
    for snapshot in ({"Ana Sousa@example.org": {"price": 918273645}}, {"price of Ana Sousa": 918273645}):
        with pytest.raises(InvalidInput) as raised:
            sent(log, "service.deleted", {"snapshot": snapshot})
        assert "918273645" not in str(raised.value)
        assert "example.org" not in str(raised.value)


# A property: whatever is taken is shown with its currency.

AMOUNT = 987654
SHOWN = {"EUR": "9876.54 EUR", "JPY": "987654 JPY", "KWD": "987.654 KWD"}
names = st.sampled_from(["price", "price_minor", "fee", "fee_minor", "name", "steps", "old", "new", "total", "lines"])
currencies = st.dictionaries(st.just("currency"), st.sampled_from([*SHOWN, None]), max_size=1)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists, objects with and without a currency, both sides of a change, and lists of changes."""
    with_code = st.builds(lambda members, code: members | code, st.dictionaries(names, inner, max_size=3), currencies)
    change = st.builds(lambda name, old, new, code: {"field": name, "old": old, "new": new} | code,
                       names | st.just("currency"), inner | st.sampled_from([*SHOWN]), inner, currencies)  # fmt: skip
    both = st.fixed_dictionaries({"old": inner, "new": inner})
    return st.lists(inner, max_size=2) | with_code | both | st.lists(change, min_size=1, max_size=2)


values = st.recursive(st.just(AMOUNT) | st.just("text") | st.none(), containers, max_leaves=8)


def amounts_in(name: str, value: Any) -> int:
    """How many numbers stand under a name that ends in `_minor`."""
    if is_changes(value):
        return sum(amounts_in(one["field"], one[side]) for one in value for side in ("old", "new"))
    if isinstance(value, dict):
        if value.keys() == {"old", "new"}:
            return sum(amounts_in(name, side) for side in value.values())
        return sum(amounts_in(key, member) for key, member in value.items())
    if isinstance(value, list):
        return sum(amounts_in(name, member) for member in value)
    return int(value == AMOUNT and name.endswith("_minor"))


def texts(detail: Any) -> str:
    return "|".join([detail.text, detail.old, detail.new, *map(texts, detail.parts)])


@settings(max_examples=400)
@given(names, values, st.sampled_from([*SHOWN, None]))
def test_whatever_is_taken_is_shown_with_its_currency(name: str, value: Any, currency: str | None):
    try:
        check(name, value, currency, (name,))
    except WrongAmount:
        return
    said = texts(Said(PLAIN, Zones("UTC", "UTC"), currency).field(name, value, ""))
    assert sum(said.count(shown) for shown in SHOWN.values()) == amounts_in(name, value)
    assert "no known currency" not in said
    if is_money(name) and not name.endswith("_minor"):
        assert value != AMOUNT


@pytest.mark.parametrize("name", ["price", "base_price", "priceFrom", "no_show_fee", "depositAmount", "order_total",
                                  "gift_balance", "PRICE", "price_eur", "preço", "tip", "amount"])  # fmt: skip
def test_names_of_money(name: str):
    assert is_money(name)


@pytest.mark.parametrize("name", ["total_sessions", "deposit_percent", "points_total", "cost_points", "costa",
                                  "charge_id", "refund_hours", "sessions_total", "_", "", "coffee"])  # fmt: skip
def test_names_of_something_else(name: str):
    assert not is_money(name)
