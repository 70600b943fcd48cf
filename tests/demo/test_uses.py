"""The five uses: planted whole, told as they are, and found by the filter that the demo names for each."""

from __future__ import annotations

import shlex
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible import demo
from indelible.demo import calendar
from indelible.format import instant
from indelible.manage.inspection import inspect
from indelible.read.story import story
from indelible.record import document

START = date(2025, 3, 3)
DAYS = 30
NOW = calendar.at(START + timedelta(days=DAYS), 600)
PLANTED = ("cancelled-booking", "deleted-service", "suspicious-login", "two-refunds")
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "five-uses.md"
some_start = st.dates(date(2015, 1, 1), date(2035, 12, 31))


@pytest.fixture(scope="module")
def uses():
    return {use.name: use for use in demo.uses(1, start=START, days=DAYS)}


@pytest.fixture(scope="module")
def documents():
    return list(demo.make_documents(1, start=START, days=DAYS))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The log of a demo of a month, verified at the end."""
    folder = tmp_path_factory.mktemp("uses")
    demo.build(folder, days=DAYS, now=NOW)
    with demo.reopen(folder) as journal:
        log = journal.clinic()
        yield log
        report = inspect(log)
        assert (report.result, report.findings) == ("intact", [])


def sight(one):
    return one["action"], one["target"]["id"], instant.parse(one["occurred_at"], "occurred_at")


def planted(documents, use):
    """The documents of a use, in order."""
    wanted = {(one.action, one.target, one.occurred_at) for one in use.sights}
    return [one for one in documents if sight(one) in wanted]


def when(one):
    return datetime.fromisoformat(one["occurred_at"])


# Where to find them


def test_the_titles_are_those_of_the_description(uses):
    assert [use.title for use in uses.values()] == [
        "A client claims they didn't cancel their booking",
        "A team member accidentally deleted a service",
        "You need to investigate a suspicious login",
        "You're reconciling a refund with Stripe",
        "During a tax audit",
    ]


def test_every_planted_entry_is_a_document_of_the_demo(uses, documents):
    for name in PLANTED:
        found = planted(documents, uses[name])
        assert [sight(one) for one in found] == [(s.action, s.target, s.occurred_at) for s in uses[name].sights]
        days = {when(one).date() for one in found}
        assert (min(days), max(days)) == (uses[name].first_day, uses[name].last_day)


def test_every_planted_document_is_one_that_the_log_takes(uses, documents, log):
    whole = [one for name in PLANTED for one in planted(documents, uses[name])]
    log.append([log.draft(document.parse(one)) for one in whole])
    assert log.size == len(whole) == sum(len(uses[name].sights) for name in PLANTED)


@pytest.mark.parametrize("name", PLANTED)
def test_the_filter_of_a_use_finds_what_its_question_is_about(uses, recorded, name):
    found = {(one.action, one.target["id"], one.occurred_at) for one in recorded.read(uses[name].query)}
    answers = {
        "cancelled-booking": {"booking.created", "charge.succeeded", "booking.cancelled", "charge.refunded"},
        "deleted-service": {"service.deleted", "service.restored"},
        "suspicious-login": {"account.login_failed", "account.logged_in", "account.session_revoked",
                             "account.password_changed", "account.two_factor_enabled"},
        "two-refunds": {"charge.failed", "charge.succeeded", "charge.refunded"},
    }  # fmt: skip
    wanted = {(one.action, one.target, one.occurred_at) for one in uses[name].sights if one.action in answers[name]}
    assert {action for action, _, _ in wanted} == answers[name]
    assert wanted <= found


def test_every_list_export_and_bundle_has_a_filter_that_finds_something(uses, recorded):
    for use in uses.values():
        for command in use.commands:
            verb, *words = shlex.split(command)
            if verb == "story":
                assert story(recorded.reading(), words[0]).entries
            elif verb in ("list", "export", "bundle"):
                assert list(recorded.read([word for word in words if ":" in word or word[0].isdigit()]))


@given(days=st.integers(min_value=1, max_value=60))
def test_a_use_is_planted_where_the_demo_goes_on_to_its_last_day(days):
    last = START + timedelta(days=days - 1)
    for use in demo.uses(1, start=START, days=days):
        assert use.planted == (use.last_day <= last)


@given(start=some_start)
def test_ids_depend_on_the_seed_alone(start):
    here, there = ({use.name: use.ids for use in demo.uses(1, start=day)} for day in (START, start))
    assert all(here[name] == there[name] for name in PLANTED)
    assert demo.uses(2, start=start)[3].ids["stripe_charge"] != here["two-refunds"]["stripe_charge"]


# What they tell, whenever the year begins


@given(start=some_start)
def test_each_is_over_within_two_months_of_any_start_and_in_order(start):
    for use in demo.uses(1, start=start)[:4]:
        assert start < use.first_day <= use.last_day < start + timedelta(days=60)
        assert all(one.occurred_at <= other.occurred_at for one, other in pairwise(use.sights))


@given(start=some_start)
def test_the_tax_year_is_the_one_with_most_of_the_demos_days(start):
    tax = demo.uses(1, start=start)[4]
    year = int(tax.ids["year"])
    per_year: dict[int, int] = defaultdict(int)
    for offset in range(365):
        per_year[(start + timedelta(days=offset)).year] += 1
    assert per_year[year] == max(per_year.values()) == (tax.last_day - tax.first_day).days + 1
    assert tax.query.endswith(f"from:{year}-01-01 to:{year}-12-31")


# 1


def test_the_client_cancelled_late_in_the_evening_on_the_device_that_she_booked_with(uses, documents):
    use = uses["cancelled-booking"]
    created, booked, paid, login, cancelled, refunded = planted(documents, use)
    assert [one["action"] for one in (created, booked, paid, login, cancelled, refunded)] == [
        "client.created", "booking.created", "charge.succeeded", "account.logged_in", "booking.cancelled",
        "charge.refunded"]  # fmt: skip
    assert cancelled["actor"] == {"kind": "client", "id": use.ids["client"], "name": "Perpétua Salgueiro"}
    assert cancelled["request"] == booked["request"] == login["request"]
    assert cancelled["request"]["channel"] == "client_app"
    assert "iPhone" in cancelled["request"]["user_agent"]
    assert when(cancelled).hour == 22
    assert cancelled["context"]["late"]
    assert cancelled["context"]["notice_minutes"] < cancelled["context"]["policy_window_minutes"] == 1_440
    amount = paid["context"]["amount_minor"]
    assert cancelled["context"]["fee_minor"] + refunded["context"]["amount_minor"] == amount
    assert refunded["actor"] == {"kind": "system", "reason": "policy:late-cancel"}


# 2


def test_the_service_had_bookings_before_it_was_deleted_and_none_until_it_was_back(uses, documents):
    deleted, again = planted(documents, uses["deleted-service"])
    assert deleted["actor"]["name"] == "Aoife Brennan"
    assert again["actor"]["role"] == "manager"
    assert when(again).date() - when(deleted).date() == timedelta(days=2)
    made = [when(one) for one in documents
            if one["action"] == "booking.created" and one["context"]["service"] == deleted["target"]["id"]]  # fmt: skip
    assert min(made) < when(deleted)
    assert max(made) > when(again)
    assert not any(when(deleted) < moment < when(again) for moment in made)


def test_the_deletion_says_how_many_bookings_lay_ahead(year):
    deleted = next(one for one in year if one["action"] == "service.deleted")
    mine = [one for one in year if one["context"].get("service") == deleted["target"]["id"]]
    ahead = {}
    for one in (one for one in mine if when(one) < when(deleted)):
        if one["action"] == "booking.created":
            ahead[one["target"]["id"]] = one["context"]["starts_at"]
        elif one["action"] == "booking.rescheduled":
            ahead[one["target"]["id"]] = one["context"]["starts_at"]["new"]
        elif one["action"] == "booking.cancelled":
            ahead.pop(one["target"]["id"])
    later = sum(datetime.fromisoformat(text) > when(deleted) for text in ahead.values())
    assert deleted["context"]["future_bookings"] == later > 0


# 3


def test_the_stranger_guessed_signed_in_at_night_and_changed_the_payouts(uses, documents):
    use = uses["suspicious-login"]
    night = [one for one in documents if one.get("request", {}).get("ip") == use.ids["ip"]]
    assert [one["action"] for one in night] == ["account.login_failed"] * 7 + ["account.logged_in", "settings.changed"]
    login = night[7]
    assert when(login).strftime("%H:%M") == "03:12"
    assert login["context"]["new_device"]
    others = [one for one in documents if one not in night and "request" in one]
    assert login["request"]["user_agent"] not in {one["request"].get("user_agent") for one in others}


def test_the_owner_ended_all_sessions_and_the_manager_took_the_account_back(uses, documents):
    told = planted(documents, uses["suspicious-login"])
    assert [one["action"] for one in told[9:]] == [
        "account.session_revoked", "settings.changed", "account.logged_in", "account.password_changed",
        "account.two_factor_enabled"]  # fmt: skip
    revoked, put_back = told[9], told[10]
    assert revoked["actor"]["role"] == "owner"
    assert revoked["context"]["scope"] == "all"
    (changed,), (back,) = told[8]["context"]["changes"], put_back["context"]["changes"]
    assert (changed["old"], changed["new"]) == (back["new"], back["old"])
    later = [one for one in documents if one["action"] == "account.logged_in" and one["target"] == revoked["target"]
             and when(one) > when(told[-1])]  # fmt: skip
    assert {one["context"]["second_factor"] for one in later} == {"totp"}


# 4


@given(start=some_start)
def test_the_two_refunds_are_over_when_the_second_is_by_hand(start):
    actions = [one.action for one in demo.uses(1, start=start)[3].sights]
    assert actions == ["client.created", "booking.created", "charge.failed", "charge.succeeded", "booking.cancelled",
                       "charge.refunded", "charge.refunded"]  # fmt: skip


def test_the_two_refunds_and_what_is_kept_add_up_to_the_charge(uses, documents):
    _, booked, failed, paid, cancelled, by_policy, by_hand = planted(documents, uses["two-refunds"])
    amount, first, second = (one["context"]["amount_minor"] for one in (paid, by_policy, by_hand))
    assert amount == failed["context"]["amount_minor"] == booked["context"]["price_minor"] == 12_000
    assert (first, second) == (6_000, 3_000)
    assert by_policy["context"]["refunded_total_minor"] == first == cancelled["context"]["refund_due_minor"]
    assert by_hand["context"]["refunded_total_minor"] == first + second < amount
    assert [one["context"]["source"] for one in (by_policy, by_hand)] == ["policy", "stripe_dashboard"]
    assert [one["actor"]["kind"] for one in (by_policy, by_hand)] == ["system", "integration"]


def test_stripes_ids_tie_the_attempt_the_charge_and_both_refunds(uses, documents):
    use = uses["two-refunds"]
    _, _, failed, paid, _, by_policy, by_hand = (one["context"] for one in planted(documents, use))
    every = (failed, paid, by_policy, by_hand)
    assert {one["stripe_payment_intent"] for one in every} == {use.ids["stripe_payment_intent"]}
    assert {one["stripe_charge"] for one in (paid, by_policy, by_hand)} == {use.ids["stripe_charge"]}
    assert failed["stripe_charge"] != paid["stripe_charge"]
    assert by_policy["stripe_refund"] != by_hand["stripe_refund"]
    assert paid["application_fee_minor"] == 240


# 5


def test_the_money_of_the_tax_year_in_the_log_is_that_of_the_documents(uses, recorded, documents):
    def total(amounts):
        sums: dict[str, int] = defaultdict(int)
        for action, amount in amounts:
            sums[action] += amount
        return dict(sums)

    kept = ("charge.succeeded", "charge.failed", "charge.refunded", "deposit.forfeited")
    found = total((one.action, one.amount_minor) for one in recorded.read(uses["tax-year"].query) if one.action in kept)
    assert found == total((one["action"], one["context"]["amount_minor"]) for one in documents if one["action"] in kept)
    assert set(found) == set(kept)
    assert found["charge.succeeded"] > found["charge.refunded"]


# The people


def test_the_people_of_the_stories_have_names_of_their_own(year):
    named = defaultdict(set)
    for one in year:
        for person in (
            one["actor"],
            one.get("client", {}),
            one["context"].get("practitioner", {}),
            *one.get("people", ()),
        ):
            if isinstance(person, dict) and "name" in person:
                named[person["name"]].add(person["id"])
    for name in ("Perpétua Salgueiro", "Benedita Ventura", "Aoife Brennan", "Rui Magalhães", "Helena Vasconcelos"):
        assert len(named[name]) == 1


def test_the_clients_of_the_stories_come_only_there(year):
    for use in (use for use in demo.uses(1, start=START) if "client" in use.ids):
        mine = [one for one in year if use.ids["client"] in str(one)]
        assert [sight(one) for one in mine] == [(s.action, s.target, s.occurred_at) for s in use.sights]
        addresses = {one["request"]["ip"] for one in mine if "ip" in one.get("request", {})}
        assert len(addresses) == 1
        assert addresses.isdisjoint(one.get("request", {}).get("ip") for one in year if one not in mine)


# The page


def test_the_page_has_every_title_and_command_of_the_demo_with_seed_1(uses):
    text = PAGE.read_text(encoding="utf-8")
    for use in uses.values():
        assert use.title in text
        first = use.commands[0].split(" from:")[0]
        assert f"indelible {first}" in text
