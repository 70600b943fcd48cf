"""Packs, points and coupons against a naive account of each, kept entry by entry."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime

import pytest

from indelible import demo
from indelible.demo import calendar
from indelible.read.story import story

START = date(2025, 3, 3)
PACKS = ("voucher.purchased", "voucher.redeemed", "voucher.session_returned", "voucher.expired")


def of(year, *actions):
    return [one for one in year if one["action"] in actions]


def by_id(documents):
    return {one["target"]["id"]: one for one in documents}


def test_the_sessions_of_every_pack_add_up(year):
    left, total, expired = {}, {}, set()
    for one in of(year, *PACKS):
        pack, said = one["target"]["id"], one["context"]
        assert pack not in expired
        if one["action"] == "voucher.purchased":
            assert pack not in left
            left[pack] = total[pack] = said["sessions_total"]
            continue
        assert said["sessions_total"] == total[pack]
        if one["action"] == "voucher.redeemed":
            left[pack] -= said["sessions_used"]
        elif one["action"] == "voucher.session_returned":
            left[pack] += said["sessions_returned"]
        else:
            assert said["sessions_lost"] == left[pack] > 0
            assert one["occurred_at"][:10] > said["expires_on"]
            expired.add(pack)
            continue
        assert 0 <= said["sessions_left"] == left[pack] <= total[pack]
    assert {5, 10} == set(total.values())
    assert expired
    assert sum(count == 0 for count in left.values()) > 20


def test_a_session_goes_when_the_client_books_a_visit_of_its_service_and_nothing_is_paid(year):
    booked, packs = by_id(of(year, "booking.created")), by_id(of(year, "voucher.purchased"))
    used = of(year, "voucher.redeemed")
    assert Counter(one["context"]["booking"] for one in used).most_common(1)[0][1] == 1
    for one in used:
        booking, pack = booked[one["context"]["booking"]], packs[one["target"]["id"]]
        assert booking["operation"] == one["operation"]
        assert booking["context"]["voucher"] == one["target"]["id"]
        assert booking["context"]["service"] == pack["context"]["service"] == one["context"]["booking_service"]
        assert booking["context"]["starts_at"][:10] <= pack["context"]["expires_on"]
        holder = next(iter(pack.get("people", [pack["client"]])))
        assert booking["client"]["id"] == holder["id"] == one["client"]["id"]
    free = {one["context"]["booking"] for one in used}
    assert not [one for one in of(year, "charge.succeeded") if one["context"].get("booking") in free]
    assert {one["target"]["id"] for one in booked.values() if "voucher" in one["context"]} == free


def test_a_session_comes_back_with_a_cancellation_in_time_and_is_lost_with_a_late_one(year):
    back = {one["operation"]: one for one in of(year, "voucher.session_returned")}
    cancelled = [one for one in of(year, "booking.cancelled") if "voucher" in one["context"]]
    assert {one["context"]["late"] for one in cancelled} == {True, False}
    for one in cancelled:
        returned = back.pop(one["operation"], None)
        assert (returned is None) == one["context"]["late"] == ("sessions_returned" not in one["context"])
        if returned:
            assert returned["actor"]["kind"] == "system"
            assert returned["context"]["booking"] == one["target"]["id"]
            assert returned["target"]["id"] == one["context"]["voucher"]
    assert not back


def test_a_pack_is_paid_for_by_a_charge_of_the_same_click_and_costs_less_than_its_sessions(year):
    charges = by_id(of(year, "charge.succeeded"))
    services, offers = by_id(of(year, "service.created")), by_id(of(year, "voucher_offer.created"))
    bought = of(year, "voucher.purchased")
    for one in bought:
        said, charge = one["context"], charges[one["context"]["charge"]]
        assert charge["operation"] == one["operation"]
        assert charge["context"]["purpose"] == "voucher"
        assert charge["context"]["voucher"] == one["target"]["id"]
        assert charge["context"]["amount_minor"] == said["price_minor"]
        assert said["price_minor"] < said["sessions_total"] * services[said["service"]]["context"]["price_minor"]
        assert offers[said["offer"]]["context"]["service"] == said["service"]
    assert {person["role"] for one in bought for person in one.get("people", [])} == {"recipient"}


def test_a_pack_bought_after_the_price_rise_costs_what_the_offer_says_then(year):
    price = {}
    for one in of(year, "voucher_offer.created", "voucher_offer.edited", "voucher.purchased"):
        said = one["context"]
        if one["action"] == "voucher_offer.created":
            price[one["target"]["id"]] = said["price_minor"]
        elif one["action"] == "voucher_offer.edited":
            (change,) = said["changes"]
            assert price[one["target"]["id"]] == change["old"]
            price[one["target"]["id"]] = change["new"]
            assert said["active_vouchers"] > 0
        else:
            assert said["price_minor"] == price[said["offer"]]


def test_the_points_of_every_client_add_up_and_are_never_below_zero(year):
    balance: dict[str, int] = defaultdict(int)
    for one in of(year, "points.awarded", "points.redeemed", "points.adjusted"):
        account, said = one["target"]["id"], one["context"]
        assert said["balance_before"] == balance[account]
        balance[account] += said["points"] if one["action"] != "points.redeemed" else -said["points"]
        assert said["balance_after"] == balance[account] >= 0
    assert balance


def test_points_are_awarded_after_completed_visits_for_what_was_spent(year):
    completed: set[str] = set()
    spent: dict[str, int] = defaultdict(int)
    for one in of(year, "booking.completed", "points.awarded", "charge.succeeded"):
        said = one["context"]
        if one["action"] == "booking.completed":
            completed.add(one["target"]["id"])
        elif one["action"] == "charge.succeeded":
            spent[said.get("booking", "")] += said["amount_minor"]
        else:
            assert said["booking"] in completed
            assert said["points"] == said["spent_minor"] // 100
            assert "voucher" in said or said["spent_minor"] == spent[said["booking"]]


def test_points_are_adjusted_in_the_operation_of_a_refund_or_as_goodwill(year):
    refunds = {one["operation"]: one for one in of(year, "charge.refunded")}
    found = of(year, "points.adjusted")
    assert {one["context"]["cause"] for one in found} == {"refund", "goodwill"}
    for one in found:
        if one["context"]["cause"] == "refund":
            assert one["context"]["points"] < 0
            assert one["context"]["charge"] == refunds[one["operation"]]["target"]["id"]
        else:
            assert one["context"]["points"] > 0
            assert one["actor"]["kind"] == "staff"


def test_a_reward_costs_what_it_costs_that_day(year):
    cost = {}
    for one in of(year, "reward.created", "reward.edited", "points.redeemed"):
        if one["action"] == "reward.created":
            cost[one["target"]["id"]] = one["context"]["cost_points"]
        elif one["action"] == "reward.edited":
            cost[one["target"]["id"]] = one["context"]["changes"][0]["new"]
        else:
            assert one["context"]["points"] == cost[one["context"]["reward"]]


def test_a_coupon_is_used_once_after_it_was_given_by_its_own_client_when_booking(year):
    owner, used = {}, set()
    booked = by_id(of(year, "booking.created"))
    for one in of(year, "points.redeemed", "coupon.issued", "coupon.redeemed"):
        if one["action"] == "points.redeemed":
            owner[one["context"]["coupon"]] = one["client"]["id"]
        elif one["action"] == "coupon.issued":
            owner[one["target"]["id"]] = one["client"]["id"]
        else:
            coupon, booking = one["target"]["id"], booked[one["context"]["booking"]]
            assert coupon not in used
            used.add(coupon)
            assert owner[coupon] == one["client"]["id"] == booking["client"]["id"]
            assert booking["operation"] == one["operation"]
            assert booking["context"]["coupon"] == coupon
            assert booking["context"]["discount_minor"] == one["context"]["discount_minor"]
            assert 0 < one["context"]["discount_minor"] <= booking["context"]["price_minor"]
    assert used < set(owner)


def test_what_a_completed_visit_cost_is_its_price_less_its_coupon(year):
    paid: dict[str, int] = defaultdict(int)
    for one in of(year, "charge.succeeded"):
        paid[one["context"].get("booking", "")] += one["context"]["amount_minor"]
    booked = by_id(of(year, "booking.created"))
    missed = {one["target"]["id"] for one in of(year, "booking.no_show_marked")}
    last_day = year[-1]["occurred_at"][:10]
    for one in of(year, "booking.completed"):
        said = booked[one["target"]["id"]]["context"]
        if "voucher" not in said and one["target"]["id"] not in missed and one["occurred_at"][:10] < last_day:
            assert paid[one["target"]["id"]] == said["price_minor"] - said.get("discount_minor", 0)


# The two that are planted


DAYS = 90
NOW = calendar.at(date(2025, 6, 1), 600)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories")
    demo.build(folder, days=DAYS, now=NOW)
    with demo.reopen(folder) as journal:
        yield journal.clinic()


def test_the_planted_pack_is_told_from_its_sale_to_its_last_session(recorded):
    subject = demo.stories(start=date(2025, 3, 3))["pack"]
    told = [one.view for one in story(recorded.reading(), subject).entries]
    left = [one.context["sessions_left"] for one in told if "sessions_left" in one.context]
    assert left == [4, 3, 2, 3, 2, 1, 0]
    actions = Counter(one.action for one in told)
    assert actions["voucher.purchased"] == 1
    assert actions["voucher.redeemed"] == actions["booking.created"] == 6
    assert actions["booking.cancelled"] == actions["voucher.session_returned"] == 1
    assert actions["booking.completed"] == 5


def test_the_planted_reward_is_told_from_points_to_the_use_of_its_coupon(recorded):
    subject = demo.stories(start=date(2025, 3, 3))["reward"]
    told = [one.view for one in story(recorded.reading(), subject).entries]
    actions = [one.action for one in told]
    assert [one for one in actions if one in ("points.redeemed", "booking.created", "coupon.redeemed")] == [
        "points.redeemed", "booking.created", "coupon.redeemed"]  # fmt: skip
    spent = told[actions.index("points.redeemed")].context
    assert spent["balance_after"] == spent["balance_before"] - 200 >= 0


@pytest.mark.parametrize("start", [date(2025, 3, 3), date(2025, 7, 1), date(2025, 12, 24), date(2024, 11, 12)])
def test_the_stories_are_over_within_ninety_days_of_any_start(start):
    ids = demo.stories(start=start)
    assert ids == demo.stories(start=START)
    documents = list(demo.make_documents(start=start, days=90))
    mine = [one for one in documents if one["target"]["id"] == ids["pack"].partition("/")[2]]
    assert mine[-1]["context"]["sessions_left"] == 0
    assert datetime.fromisoformat(mine[-1]["occurred_at"]).date() > start
    assert [one for one in of(documents, "coupon.redeemed") if one["target"]["id"] == ids["reward"].partition("/")[2]]
