"""One click, one row: the entries of one operation unfold from the first of them. And the row's second line."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from indelible import Staff
from indelible.record import own

MARIA = {"kind": "staff", "id": "usr_1", "name": "Maria"}
ANA = {"id": "cli_1", "name": "Ana"}


@pytest.fixture
def log(service):
    return service.clinic()


@pytest.fixture
def browser(service, log):
    made = service.client(service.user("owner", log))
    made.get(reverse("activity", args=[log.clinic.id]))  # that somebody read it is recorded once
    return made


def cancelled(log, operation, number=1):
    """A click: a booking is cancelled, its charge goes back, a session returns to the voucher, points are taken."""
    policy = {"kind": "system", "reason": "policy:cancel-in-time"}
    for code, actor, kind, context in (
        ("booking.cancelled", MARIA, "booking", {"late": False, "notice_minutes": 5_000, "service_name": "Facial"}),
        ("charge.refunded", policy, "charge", {"amount_minor": 3_000, "currency": "EUR", "source": "policy"}),
        ("voucher.session_returned", policy, "voucher", {"sessions_returned": 1, "sessions_left": 4,
                                                         "sessions_total": 5}),
        ("points.adjusted", policy, "client", {"points": -50, "balance_before": 120, "balance_after": 70}),
    ):  # fmt: skip
        target = {"kind": "client"} | ANA if kind == "client" else {"kind": kind, "id": f"{kind}_{number}"}
        document = {"action": code, "actor": actor, "target": target, "context": context, "operation": operation}
        log.record_document(document | ({} if kind == "client" else {"client": ANA}))


def shown(browser, log, q=""):
    html = browser.get(reverse("activity", args=[log.clinic.id]), {"q": q} if q else {}).content.decode()
    return re.findall(r'<tr class="entry[^"]*">(.*?)</tr>', html, re.DOTALL)


def words(html):
    return " ".join(strip_tags(html.replace("><", "> <")).split())


def test_the_entries_of_one_click_are_one_row_that_names_the_others(browser, log):
    cancelled(log, "op_1")
    row = words(shown(browser, log, "operation:op_1")[0])
    assert len(shown(browser, log, "operation:op_1")) == 1
    assert "Cancelled reservation · Facial · Ana 3 days 11 h before it began booking_1" in row
    assert "and 3 more: refunded €30.00, returned a session, took back 50 points" in row


def test_every_entry_of_a_click_leads_to_itself(browser, log):
    cancelled(log, "op_1")
    row = shown(browser, log, "operation:op_1")[0]
    entries = [view.id for view in log.read("operation:op_1")]
    assert len(entries) == 4
    assert all(reverse("entry", args=[log.clinic.id, one]) in row for one in entries)


def test_two_clicks_are_two_rows_and_what_belongs_to_none_has_its_own(browser, log):
    cancelled(log, "op_1", 1)
    cancelled(log, "op_2", 2)
    for number in (3, 4):
        log.record_document({"action": "booking.completed", "actor": MARIA, "client": ANA,
                             "target": {"kind": "booking", "id": f"booking_{number}"}})  # fmt: skip
    rows = [words(one) for one in shown(browser, log, "client:cli_1")]
    assert len(rows) == 4
    assert [("booking_4" in rows[0]), ("booking_3" in rows[1])] == [True, True]
    assert "Cancelled reservation · Facial · Ana" in rows[2]
    assert "booking_2" in rows[2]
    assert "Cancelled reservation · Facial · Ana 3 days 11 h before it began booking_1" in rows[3]


def test_a_filter_shows_of_a_click_what_it_means(browser, log):
    cancelled(log, "op_1")
    rows = [words(one) for one in shown(browser, log, "category:payments operation:op_1")]
    assert len(rows) == 1
    assert "Refunded charge" in rows[0]
    assert rows[0].endswith("\u2212€30.00")
    assert "more" not in rows[0]


def test_the_second_line_says_what_the_entry_holds(browser, log):
    cancelled(log, "op_1")
    rows = words(shown(browser, log, "action:voucher.session_returned")[0])
    assert "4 of 5 sessions left" in rows
    panel = browser.get(reverse("story", args=[log.clinic.id, "voucher", "voucher_1"])).content.decode()
    assert "4 of 5 sessions left" in words(panel)


def test_a_second_line_is_no_markup(browser, log):
    log.record_document({
        "action": "booking.created", "actor": MARIA, "client": ANA, "target": {"kind": "booking", "id": "booking_9"},
        "context": {"service_name": "<b>Facial</b>"},
    })  # fmt: skip
    row = shown(browser, log, "target:booking_9")[0]
    assert "&lt;b&gt;Facial&lt;/b&gt;" in row
    assert "<b>Facial" not in row


def test_a_sign_in_and_the_reading_that_it_was_for_are_one_row(service, log, browser):
    second = service.client(service.user("manager", log))
    for _ in range(2):
        log.record_document({"action": "account.logged_in", "actor": MARIA, "context": {"method": "password"},
                             "target": {"kind": "staff", "id": "usr_1", "name": "Maria"}})  # fmt: skip
        _viewed(log, MARIA)
    rows = [words(one) for one in shown(second, log, "actor:usr_1")]
    assert [row.count("Logged in") for row in rows] == [1, 1]
    assert all("and 1 more: viewed activity log" in row for row in rows)


def test_readings_of_one_person_are_one_row_and_each_of_them_can_be_opened(log, browser):
    for name in ("Maria", "Maria", "Maria", "Rui"):
        _viewed(log, MARIA | {"id": f"usr_{name}", "name": name})
    rows = shown(browser, log, "actor:usr_Maria actor:usr_Rui")
    assert [(">Rui<" in row, "and 2 times before" in words(row)) for row in rows] == [(True, False), (False, True)]
    assert all(reverse("entry", args=[log.clinic.id, one.id]) in rows[1] for one in log.read("actor:usr_Maria"))


def _viewed(log, who):
    actor = Staff(who["id"], who["name"])
    log.append_own(lambda at: own.viewed(at, None, "every entry", actor))


def test_two_people_of_one_name_are_two_rows(log, browser):
    """Whose reading it was is never guessed from what somebody is called."""
    for number in (1, 2):
        _viewed(log, MARIA | {"id": f"usr_same_{number}", "name": "Maria"})
    rows = shown(browser, log, "actor:usr_same_1 actor:usr_same_2")
    assert len(rows) == 2
    assert all("before" not in words(row) for row in rows)
