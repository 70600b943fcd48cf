"""Disputes, the assistant, double records, notices, blocks, invoices; and that one click is one operation."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from indelible.demo import calendar


def of(year, *actions):
    return [one for one in year if one["action"] in actions]


def when(one):
    return datetime.fromisoformat(one["occurred_at"])


def by_id(documents):
    return {one["target"]["id"]: one for one in documents}


def is_night(moment):
    """From 22:00 to 07:00, and two minutes more for what belongs to what began before."""
    return moment.hour >= 22 or moment.hour * 60 + moment.minute < 7 * 60 + 2


def test_one_chargeback_is_won_and_its_money_returned_and_one_is_lost(year):
    charges, results = by_id(of(year, "charge.succeeded")), {}
    for opened in of(year, "dispute.opened"):
        told = [one for one in year if one["target"] == opened["target"]]
        said, charge = opened["context"], charges[opened["context"]["charge"]]
        assert said["amount_minor"] == charge["context"]["amount_minor"]
        assert said["stripe_charge"] == charge["context"]["stripe_charge"]
        assert opened["client"] == charge["client"]
        assert datetime.fromisoformat(said["evidence_due_at"]) > when(opened) > when(charge)
        assert {one["actor"]["id"] for one in told} == {"stripe"}
        closed = next(one for one in told if one["action"] == "dispute.closed")
        results[closed["context"]["result"]] = [one["action"] for one in told]
        assert not [one for one in of(year, "charge.refunded") if one["target"] == charge["target"]]
        for one in told:
            assert one["operation"] in (opened["operation"], closed["operation"])
    taken = ["dispute.opened", "dispute.funds_withdrawn", "dispute.closed"]
    assert results == {
        "won": [*taken, "dispute.funds_returned"],
        "lost": taken,
        "warning_closed": ["dispute.opened", "dispute.closed"],
    }


def test_the_assistant_books_and_moves_at_night_for_the_client(year):
    found = [one for one in year if one["actor"]["kind"] == "agent"]
    assert {"booking.created", "booking.rescheduled", "voucher.redeemed"} <= {one["action"] for one in found}
    for one in found:
        assert is_night(when(one)), one
        assert one["actor"]["on_behalf_of"] == {"kind": "client", **one["client"]}
    online = [one for one in of(year, "booking.created") if one["context"]["source"] == "online"]
    share = sum(one["actor"]["kind"] == "agent" for one in online) / len(online)
    assert 0.015 < share < 0.035


def test_online_bookings_carry_the_terms_that_were_accepted_and_others_none(year):
    services = by_id(of(year, "service.created"))
    for one in of(year, "booking.created"):
        said = one["context"]
        if said["source"] != "online":
            assert "policy_accepted" not in said
            continue
        terms = services[said["service"]]["context"]
        assert said["policy_accepted"]
        for name in ("policy_window_minutes", "late_refund", "late_refund_basis_points"):
            assert said.get(name) == terms.get(name)


def test_a_client_entered_twice_has_entries_until_the_records_are_merged_and_none_after(year):
    merged = of(year, "client.merged")
    assert len(merged) == 2
    for one in merged:
        double, kept = one["context"]["merged"], one["target"]
        mine = [other for other in year if other.get("client") == double or other["target"].get("id") == double["id"]]
        assert [other["action"] for other in mine][:2] == ["client.created", "booking.created"]
        assert "booking.completed" in {other["action"] for other in mine}
        assert all(when(other) < when(one) for other in mine)
        assert kept["name"] == double["name"]
        assert kept["id"] != double["id"]
        assert len(of(mine, "booking.created")) == one["context"]["bookings_moved"]


def test_a_reminder_goes_out_a_day_before_the_visit_that_it_names(year):
    booked = {}
    for one in of(year, "booking.created", "booking.rescheduled", "booking.notice_sent", "booking.notice_failed"):
        said, booking = one["context"], one["target"]["id"]
        if one["action"] == "booking.created":
            booked[booking] = said["starts_at"]
        elif one["action"] == "booking.rescheduled":
            booked[booking] = said["starts_at"]["new"]
        else:
            ahead = datetime.fromisoformat(booked[booking]) - when(one)
            assert timedelta(0) <= timedelta(minutes=said["minutes_before"]) - ahead < timedelta(minutes=1)
            assert ("failure_code" in said) == (one["action"] == "booking.notice_failed")
    assert of(year, "booking.notice_failed")


def test_nobody_is_booked_with_a_practitioner_while_the_schedule_is_blocked(year):
    starts, who = {}, {}
    for one in of(year, "booking.created", "booking.rescheduled", "booking.cancelled"):
        said, booking = one["context"], one["target"]["id"]
        if one["action"] == "booking.created":
            starts[booking], who[booking] = said["starts_at"], said["practitioner"]
        elif one["action"] == "booking.rescheduled":
            starts[booking] = said["starts_at"]["new"]
        else:
            del starts[booking]
    visits = [(who[booking], datetime.fromisoformat(start)) for booking, start in starts.items()]
    blocks = of(year, "schedule.blocked")
    assert {one["context"]["reason_code"] for one in blocks} >= {"leave", "training"}
    for one in blocks:
        start, end = (datetime.fromisoformat(one["context"][name]) for name in ("starts_at", "ends_at"))
        assert when(one) < start < end
        assert not [at for member, at in visits if member == one["context"]["practitioner"] and start <= at < end]
    for one in of(year, "schedule.unblocked"):
        blocked = next(other for other in blocks if other["target"] == one["target"])
        assert when(blocked) < when(one) < datetime.fromisoformat(one["context"]["starts_at"])


def test_invoices_are_numbered_within_their_year_without_a_gap_and_are_of_a_charge(year):
    charges, last = by_id(of(year, "charge.succeeded")), Counter[str]()
    for one in of(year, "invoice.issued"):
        said = one["context"]
        of_year, number = said["invoice_number"].removeprefix("FT ").split("/")
        assert int(number) == last[of_year] + 1
        assert of_year == one["occurred_at"][:4]
        last[of_year] = int(number)
        assert said["amount_minor"] == charges[said["charge"]]["context"]["amount_minor"]
    assert len({one["context"]["sha256"] for one in of(year, "invoice.issued")}) == sum(last.values())


def test_whoever_is_added_was_invited_before(year):
    invited = set()
    for one in of(year, "staff.invited", "staff.added"):
        if one["action"] == "staff.invited":
            invited.add(one["target"]["id"])
        else:
            assert one["target"]["id"] in invited


def test_entries_of_one_operation_are_of_one_click(year):
    """Those of a job aside, they are minutes apart and of one person, one machine, or what the system does about it."""
    clicks: dict[str, list] = {}
    for one in year:
        if not one["operation"].startswith("job_"):
            clicks.setdefault(one["operation"], []).append(one)
    for told in clicks.values():
        if told[0]["action"] == "service.edited":
            continue  # a rise of all prices is one click on all services
        assert when(told[-1]) - when(told[0]) < timedelta(minutes=20), told
        actors = {one["actor"].get("id") for one in told if one["actor"]["kind"] != "system"}
        assert len(actors) <= 1, told
        clients = {one["client"]["id"] for one in told if "client" in one}
        assert len(clients) <= 1, told


def test_stripe_is_connected_before_the_first_charge(year):
    (connected,) = of(year, "integration.connected")
    assert when(connected) < when(of(year, "charge.succeeded")[0])
    assert calendar.opening(when(connected).date())
