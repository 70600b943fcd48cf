"""The five uses of an activity log, done in the browser as their users would on the default demo, a whole year, on a
laptop and on a phone. Clicks, taps and keys are counted; typed text is not."""

from __future__ import annotations

import csv
import io
import re

import pytest

from indelible.export.run import export
from indelible.journal import Journal
from indelible.record.document import Actor

SIZES = {"laptop": (1366, 768), "phone": (390, 844)}


@pytest.fixture(params=SIZES)
def size(request):
    return request.param


@pytest.fixture
def use(page_as, site, hand_on, picture, size):
    """Begin a use: a page of a role at the list, a counting hand, and a picture of where it ended."""

    def begin(role):
        page = page_as(role, phone=size == "phone")
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.goto(site.clinic)
        page.wait_for_load_state("networkidle")
        return page, hand_on(page), lambda name: picture(page, name if size == "laptop" else f"{name}-phone")

    return begin


def test_a_client_says_that_she_did_not_cancel(site, use):
    """The receptionist types the client's first name; the row has time and device, and opens with the address."""
    page, hand, take = use("staff")
    hand.search("Perpétua")
    cancelled = page.locator("tr.entry", has_text="Cancelled reservation")
    assert cancelled.count() == 1
    said = cancelled.inner_text()
    assert "Perpétua Salgueiro" in said
    assert "Safari on iPhone" in said
    assert re.search(r"22:4[0-9]", said)
    hand.click(cancelled.locator("td.when"))
    panel = page.get_by_role("complementary", name="Entry")
    panel.get_by_text("2001:db8:0:51::1e").first.wait_for()
    assert re.search(r"22:4[0-9]:[0-9]{2}", panel.inner_text())
    assert hand.used <= 3
    take("use-1-cancelled-booking")
    page.goto(f"{site.clinic}story/booking/{site.uses['cancelled-booking'].ids['booking']}/")
    answer = page.locator(".answer").inner_text()
    assert answer.startswith("Cancelled by the client, Perpétua Salgueiro, ")
    assert "Safari on iPhone, 11 h 42 min before it began; €30.00 kept by policy" in answer
    take("story-of-a-cancelled-booking")


def test_a_deleted_service_is_made_again(site, use):
    """What is typed is recognised as an action; the row says who, when, and what it was."""
    page, hand, take = use("manager")
    hand.suggested("deleted serv", re.compile("Deleted service"))
    row = page.locator("tr.entry", has_text="Deleted service")
    assert row.count() == 1
    said = row.inner_text()
    assert "Drenagem linfática" in said
    assert "€55.00" in said
    assert "1 h" in said
    assert "Aoife Brennan" in said
    assert hand.used <= 2
    take("use-2-deleted-service")
    row.get_by_role("link", name="Drenagem linfática").click()
    offer = page.locator(".offer")
    assert "€55.00" in offer.locator(".priced").inner_text()
    assert "Deleted by Aoife Brennan" in offer.inner_text()
    assert '"duration_minutes": 60' in offer.locator(".raw pre").text_content()
    assert not offer.locator(".raw pre").is_visible()
    assert "Drenagem linfática\n1 h\n€55.00" in offer.locator("#offer-text").text_content()
    assert offer.get_by_role("button", name="Copy").is_visible()
    assert site.uses["deleted-service"].ids["service"] in page.url
    take("story-of-a-deleted-service")


def test_a_suspicious_login_is_found(site, use):
    """The owner knows neither whose account it was nor when: the page of sign-ins begins with it."""
    page, hand, take = use("owner")
    hand.click(page.get_by_role("link", name="Sign-ins"))
    worst = page.locator(".unusual .items > li", has_text="7 failed attempts, then in").first
    worst.wait_for()
    said = worst.inner_text()
    assert "Rui Magalhães" in said
    assert "03:12" in said
    assert "Firefox on Linux" in said
    assert "203.0.113.66" in said
    hand.click(worst.get_by_role("link", name="203.0.113.66", exact=True))
    page.locator("tr.entry").first.wait_for()
    assert page.locator("tr.entry", has_text="Failed login").count() == 7
    assert hand.used == 2
    take("use-3-suspicious-login")


def test_a_refund_is_matched_with_stripe(site, use):
    """From an id of Stripe's dashboard to the time and amount of every part, and who or what made it."""
    asked = site.uses["two-refunds"]
    page, hand, take = use("manager")
    hand.search(asked.ids["stripe_payment_intent"])
    refunds = page.locator("tr.entry", has_text="Refunded charge")
    assert refunds.count() == 2
    said = " ".join(refunds.all_inner_texts())
    assert "Stripe dashboard" in said
    assert "System" in said
    assert said.count("\u2212€") == 2
    page.locator(".beside").get_by_text("Net").locator("visible=true").first.wait_for()
    hand.click(refunds.first.locator("td.when"))
    panel = page.get_by_role("complementary", name="Entry")
    panel.get_by_text("Stripe refund", exact=True).wait_for()
    assert hand.used <= 3
    take("use-4-refund")


def test_a_tax_audit_gets_the_filtered_list(site, use, size):
    """Payments of this year as CSV: the file's rows are the list's rows."""
    page, hand, take = use("auditor")
    page.goto(f"{site.clinic}?q=to:yesterday")  # the clinic's own days, without who looked at them today
    page.wait_for_load_state("networkidle")
    take("activity")
    page.emulate_media(color_scheme="dark")
    take("activity-dark")
    page.emulate_media(color_scheme="light")
    page.goto(site.clinic)
    if size == "laptop":
        hand.click(page.locator("summary", has_text="Views"))
        hand.click(page.get_by_role("link", name="Payments this year"))
    else:
        hand.suggested("payments", re.compile("^Payments"))
    page.wait_for_url("**q=*")
    asked = "category:payments from:year" if size == "laptop" else "category:payments"
    hand.click(page.get_by_role("link", name="Export"))
    leaving = page.get_by_role("region", name="What leaves").inner_text()
    shown = int("".join(re.findall(r"([0-9,]+) entries", leaving)[0]).replace(",", ""))
    take("use-5-export")
    with page.expect_download() as download:
        hand.click(page.get_by_role("button", name="Export"))
    with open(download.value.path(), newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown
    assert re.fullmatch(r"clinica-estrela_payments_.*\.csv", download.value.suggested_filename)
    assert {row["category"] for row in rows} == {"payments"}
    assert [row["id"] for row in rows] == _exported(site, asked)
    assert hand.used <= 4


def _exported(site, words: str) -> list[str]:
    """The ids that the command line's export of the same filter has."""
    out = io.BytesIO()
    database = site.folder / "activity.db"
    with Journal(database, master_key=str(database) + ".key", keep=str(database) + ".keep") as journal:
        export(journal.clinic("c_estrela"), words, out, format="csv-data", actor=Actor("staff", "usr_1"))
    return [row["id"] for row in csv.DictReader(io.StringIO(out.getvalue().decode()))]
