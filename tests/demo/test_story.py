"""The year makes sense: what happens to a booking, a charge, a voucher or an account fits what happened before."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from indelible.demo import calendar

LISBON = ZoneInfo("Europe/Lisbon")


def of(year, *actions):
    return [one for one in year if one["action"] in actions]


def when(one):
    return datetime.fromisoformat(one["occurred_at"])


def grouped(documents, name):
    found = defaultdict(list)
    for one in documents:
        found[name(one)].append(one)
    return found


def is_open(moment):
    local = moment.astimezone(LISBON)
    hours = calendar.opening(local.date())
    return hours is not None and hours[0] <= local.hour * 60 + local.minute < hours[1]


def starts(one):
    value = one["context"].get("starts_at", {})
    return list(value.values()) if isinstance(value, dict) else [value]


def test_every_booking_starts_and_ends_in_opening_hours(year):
    for one in of(year, "booking.created", "booking.rescheduled", "booking.cancelled", "booking.no_show_marked"):
        assert all(is_open(datetime.fromisoformat(text)) for text in starts(one)), one
    for one in of(year, "booking.created"):
        assert is_open(datetime.fromisoformat(one["context"]["ends_at"]) - timedelta(minutes=1)), one


def test_staff_book_and_charge_only_while_the_clinic_is_open(year):
    for one in of(year, "booking.created"):
        assert one["actor"]["kind"] == "client" or is_open(when(one)), one
    for one in of(year, "booking.completed", "charge.succeeded"):
        assert calendar.opening(when(one).date()) is not None or one["actor"]["kind"] != "staff", one


def test_a_booking_is_created_once_moved_from_where_it_was_and_ended_once(year):
    for story in grouped(
        [one for one in year if one["target"]["kind"] == "booking"], lambda one: one["target"]["id"]
    ).values():
        assert [one["action"] for one in story].index("booking.created") == 0
        assert len({one["client"]["id"] for one in story}) == 1
        at = story[0]["context"]["starts_at"]
        for one in story[1:-1]:
            assert one["action"] == "booking.rescheduled"
        for one in of(story, "booking.rescheduled"):
            assert one["context"]["starts_at"]["old"] == at
            at = one["context"]["starts_at"]["new"]
        last = story[-1]
        if last["action"] in ("booking.cancelled", "booking.no_show_marked"):
            assert last["context"]["starts_at"] == at
        if last["action"] in ("booking.completed", "booking.no_show_marked"):
            assert when(last) > datetime.fromisoformat(at)


def test_no_practitioner_has_two_visits_at_once(year):
    spans: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    who = {}
    for one in of(year, "booking.created", "booking.rescheduled", "booking.cancelled"):
        booking, context = one["target"]["id"], one["context"]
        if one["action"] == "booking.created":
            who[booking] = context["practitioner"]["id"]
            spans[who[booking]][booking] = (context["starts_at"], context["ends_at"])
        elif one["action"] == "booking.rescheduled":
            spans[who[booking]][booking] = (context["starts_at"]["new"], context["ends_at"]["new"])
        else:
            del spans[who[booking]][booking]
    for visits in spans.values():
        ordered = sorted((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in visits.values())
        assert all(first[1] <= second[0] for first, second in pairwise(ordered))


def test_notice_is_elapsed_time_in_whole_minutes(year):
    for one in of(year, "booking.cancelled", "booking.rescheduled"):
        start = datetime.fromisoformat(starts(one)[0])
        assert one["context"]["notice_minutes"] == (start - when(one)) // timedelta(minutes=1), one
    for one in of(year, "booking.cancelled"):
        if one["context"]["late"]:
            assert one["context"]["notice_minutes"] < one["context"]["policy_window_minutes"]


def test_a_charge_is_never_refunded_beyond_its_amount(year):
    taken: dict[str, int] = {}
    back: dict[str, int] = defaultdict(int)
    for one in of(year, "charge.succeeded", "charge.refunded"):
        charge, amount = one["target"]["id"], one["context"]["amount_minor"]
        if one["action"] != "charge.refunded":
            assert charge not in taken
            taken[charge] = amount
            continue
        back[charge] += amount
        assert 0 < back[charge] <= taken[charge]
        assert one["context"]["refunded_total_minor"] == back[charge]
        assert one["context"]["charge_amount_minor"] == taken[charge]
        assert one["context"]["partial"] == (back[charge] < taken[charge])


def test_a_deposit_is_authorized_first_and_then_captured_or_released_once(year):
    for story in grouped(of(year, "deposit.authorized", "deposit.captured", "deposit.released"),
                         lambda one: one["target"]["id"]).values():  # fmt: skip
        assert [one["action"] for one in story[:1]] == ["deposit.authorized"]
        assert len(story) <= 2
        for one in story[1:]:
            assert one["action"] != "deposit.authorized"
            assert one["context"]["amount_minor"] <= story[0]["context"]["amount_minor"]
            assert when(one) < datetime.fromisoformat(story[0]["context"]["expires_at"])


def test_a_captured_deposit_has_its_charge_which_alone_counts(year):
    charged = {one["target"]["id"]: one for one in of(year, "charge.succeeded")}
    captured = of(year, "deposit.captured")
    assert captured
    for one in captured:
        charge = charged[one["target"]["id"]]
        assert charge["operation"] == one["operation"]
        assert charge["context"]["amount_minor"] == one["context"]["amount_minor"]


def test_a_refund_by_policy_is_the_systems_and_belongs_to_the_cancellation(year):
    cancelled = {one["operation"]: one for one in of(year, "booking.cancelled")}
    found = [one for one in of(year, "charge.refunded") if one["context"]["source"] == "policy"]
    assert {one["actor"]["reason"] for one in found} >= {"policy:late-cancel", "policy:cancel-in-time"}
    for one in found:
        cause = cancelled[one["operation"]]
        assert one["actor"]["kind"] == "system"
        assert one["context"]["booking"] == cause["target"]["id"]
        assert one["context"]["amount_minor"] == cause["context"]["refund_due_minor"]


def test_a_refund_in_stripes_dashboard_is_stripes_and_carries_its_ids(year):
    found = [one for one in of(year, "charge.refunded") if one["context"]["source"] == "stripe_dashboard"]
    assert found
    for one in found:
        assert one["actor"] == {"kind": "integration", "id": "stripe"}
        assert {"stripe_refund", "stripe_charge", "stripe_event"} <= set(one["context"])


def test_the_balance_of_every_voucher_adds_up(year):
    balance, expired = {}, set()
    for one in of(year, "voucher.purchased", "voucher.redeemed", "voucher.expired"):
        voucher, context = one["target"]["id"], one["context"]
        if one["action"] == "voucher.purchased":
            assert voucher not in balance
            balance[voucher] = context["amount_minor"]
            continue
        assert voucher not in expired
        if one["action"] == "voucher.redeemed":
            assert context["balance_before_minor"] == balance[voucher]
            balance[voucher] -= context["amount_minor"]
            assert context["balance_after_minor"] == balance[voucher] >= 0
        else:
            assert one["actor"] == {"kind": "system", "reason": "job:voucher-expiry"}
            assert context["balance_lost_minor"] == balance[voucher] > 0
            assert when(one).date().isoformat() > context["expires_on"]
            expired.add(voucher)
    assert expired


def test_a_voucher_is_paid_for_by_a_charge_of_the_same_click(year):
    charges = {one["target"]["id"]: one for one in of(year, "charge.succeeded")}
    bought = of(year, "voucher.purchased")
    for one in bought:
        charge = charges[one["context"]["charge"]]
        assert charge["operation"] == one["operation"]
        assert charge["context"]["amount_minor"] == one["context"]["amount_minor"]
    recipients = [person for one in bought for person in one.get("people", [])]
    assert {person["role"] for person in recipients} == {"recipient"}


def test_points_are_awarded_after_completed_visits_and_the_balance_adds_up(year):
    completed: set[str] = set()
    balance: dict[str, int] = defaultdict(int)
    for one in of(year, "booking.completed", "points.awarded"):
        if one["action"] == "booking.completed":
            completed.add(one["target"]["id"])
            continue
        balance[one["client"]["id"]] += one["context"]["points"]
        assert one["context"]["booking"] in completed
        assert one["context"]["balance_after"] == balance[one["client"]["id"]]


def test_a_client_is_heard_of_after_creation_and_never_after_deletion(year):
    seen: set[str] = set()
    gone: set[str] = set()
    for one in year:
        people = [one.get("client"), *one.get("people", ())]
        people += [one[part] for part in ("actor", "target") if one[part]["kind"] == "client"]
        ids = {person["id"] for person in people if person}
        assert not ids & gone
        if one["action"] == "client.created":
            assert not ids & seen
        if one["action"] == "client.deleted":
            gone |= ids
        seen |= ids
    assert gone


def test_who_works_has_logged_in_that_day(year):
    present = set()
    for one in year:
        if one["actor"]["kind"] != "staff":
            continue
        today = (one["actor"]["id"], when(one).date())
        if one["action"] == "account.logged_in":
            present.add(today)
        elif one["action"] != "account.login_failed" and when(one).date() > when(year[0]).date():
            assert today in present, one


def test_a_deleted_service_is_made_again_from_its_snapshot(year):
    (deleted,) = of(year, "service.deleted")
    (again,) = [one for one in of(year, "service.created") if when(one) > when(deleted)]
    assert again["target"] == deleted["target"]
    assert {**again["context"], "id": again["target"]["id"], "name": again["target"]["name"]} == deleted["context"][
        "snapshot"
    ]
    for one in of(year, "booking.created"):
        if one["context"]["service"] == deleted["target"]["id"]:
            assert not when(deleted) < when(one) < when(again)


def test_prices_are_those_of_the_day_of_the_booking(year):
    prices = {}
    for one in of(year, "service.created", "service.edited", "booking.created"):
        context = one["context"]
        if one["action"] == "service.created":
            prices[one["target"]["id"]] = context["price_minor"]
        elif one["action"] == "service.edited":
            for change in context["changes"]:
                if change["field"] == "price_minor":
                    assert prices[one["target"]["id"]] == change["old"]
                    prices[one["target"]["id"]] = change["new"]
        else:
            assert context["price_minor"] == prices[context["service"]]
