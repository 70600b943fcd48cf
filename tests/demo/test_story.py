"""The year makes sense: what happens to a booking, a charge, a voucher or an account fits what happened before."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from indelible.demo import calendar

LISBON = ZoneInfo("Europe/Lisbon")
NOTICES = ("booking.notice_sent", "booking.notice_failed")


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
        assert one["actor"]["kind"] != "staff" or is_open(when(one)), one
    for one in of(year, "booking.completed", "charge.succeeded"):
        assert calendar.opening(when(one).date()) is not None or one["actor"]["kind"] != "staff", one


def test_a_booking_is_created_once_moved_from_where_it_was_and_ended_once(year):
    for story in grouped(
        [one for one in year if one["target"]["kind"] == "booking"], lambda one: one["target"]["id"]
    ).values():
        assert [one["action"] for one in story].index("booking.created") == 0
        assert len({one["client"]["id"] for one in story}) == 1
        at = story[0]["context"]["starts_at"]
        told = [one["action"] for one in story]
        if "booking.reinstated" in told:
            first = told.index("booking.reinstated")
            assert told[first - 1 : first + 2] == [
                "booking.no_show_marked", "booking.reinstated", "booking.completed"]  # fmt: skip
            del told[first - 1 : first + 1]
        assert set(told[1:-1]) <= {"booking.rescheduled", "booking.edited", *NOTICES}
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


def test_a_deposit_is_charged_at_booking_and_goes_back_or_is_kept_by_the_terms_of_then(year):
    deposits = {one["target"]["id"]: one for one in of(year, "charge.succeeded")
                if one["context"]["purpose"] == "deposit"}  # fmt: skip
    booked = {one["target"]["id"]: one for one in of(year, "booking.created")}
    for one in deposits.values():
        booking = booked[one["context"]["booking"]]
        assert booking["operation"] == one["operation"]
        assert booking["context"]["deposit_minor"] == one["context"]["amount_minor"]
    late = [one for one in of(year, "booking.cancelled") if one["context"].get("charge") in deposits]
    assert {one["context"]["refund_rule"] for one in late} == {"full", "partial", "none"}
    for one in late:
        said, terms = one["context"], booked[one["target"]["id"]]["context"]
        assert said.get("fee_minor", 0) + said.get("refund_due_minor", 0) == said["deposit_minor"]
        assert said["refund_rule"] == (terms["late_refund"] if said["late"] else "full")
        assert said.get("refund_basis_points") == (terms.get("late_refund_basis_points") if said["late"] else None)
    kept = of(year, "deposit.forfeited")
    causes = {
        one["operation"]: one["context"]["fee_minor"]
        for one in of(year, "booking.cancelled", "booking.no_show_marked")
        if "fee_minor" in one["context"]
    }
    assert {one["context"]["reason_code"] for one in kept} == {"late_cancellation", "no_show"}
    for one in kept:
        assert one["target"]["id"] in deposits
        assert one["context"]["amount_minor"] == causes[one["operation"]]


def test_every_charge_says_what_it_was_for_and_what_stripe_keeps_of_it(year):
    charges = of(year, "charge.succeeded")
    assert {one["context"]["purpose"] for one in charges} == {
        "deposit", "full_price", "balance", "voucher", "no_show_fee"}  # fmt: skip
    for context in (one["context"] for one in charges):
        assert ("net_minor" in context) == ("stripe_charge" in context)
        if "net_minor" in context:
            fees = context["processing_fee_minor"] + context.get("application_fee_minor", 0)
            assert context["net_minor"] == context["amount_minor"] - fees > 0


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


def test_a_deleted_service_is_restored_from_its_snapshot(year):
    (deleted,) = of(year, "service.deleted")
    (again,) = of(year, "service.restored")
    assert again["target"] == deleted["target"]
    assert again["context"]["snapshot"] == deleted["context"]["snapshot"]
    created = next(one for one in of(year, "service.created") if one["target"] == again["target"])
    whole = {**created["context"], **created["context"]["snapshot"], **again["target"]}
    del whole["snapshot"], whole["kind"]
    assert whole == again["context"]["snapshot"]
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
