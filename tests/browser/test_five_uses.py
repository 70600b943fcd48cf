"""The five uses of an activity log, done in the browser as their users would on the default demo, a whole year. Clicks
and keys are counted, typed text is not."""

from __future__ import annotations

import csv
import io
import re

from indelible.export.run import export
from indelible.journal import Journal
from indelible.record.document import Actor

# Whose account was broken into.
NAME = "Rui Magalhães"
# What the page of sign-ins needs today from the newest entry back to the break-in in the demo's third week.
MOST_BY_SIGN_INS = 20


def test_a_client_says_that_she_did_not_cancel(site, page_as, hand_on, picture):
    """The receptionist types the client's first name; the booking's story has the time and the device."""
    use = site.uses["cancelled-booking"]
    page = page_as("staff")
    hand = hand_on(page)
    page.goto(site.clinic)
    hand.search("Perpétua")
    cancelled = page.locator("tr.entry", has_text="cancelled reservation")
    assert cancelled.count() == 1
    hand.click(cancelled.get_by_role("link", name=use.ids["booking"]))
    cancelled = page.locator(".story .entry", has_text="cancelled reservation")
    assert "Perpétua Salgueiro" in cancelled.inner_text()
    assert "Safari on iPhone" in cancelled.inner_text()
    assert "2001:db8:0:51::1e" in cancelled.inner_text()
    assert re.search(r"22:4[0-9]:[0-9]{2}", cancelled.inner_text())
    assert hand.used == 3
    cancelled.scroll_into_view_if_needed()
    picture(page, "use-1-cancelled-booking")


def test_a_deleted_service_is_made_again(site, page_as, hand_on, picture):
    use = site.uses["deleted-service"]
    page = page_as("manager")
    hand = hand_on(page)
    page.goto(site.clinic)
    hand.choose(page.get_by_label("What"), label="Deleted service")
    page.wait_for_url("**q=*")
    row = page.locator("tr.entry", has_text="deleted service")
    assert row.count() == 1
    who = row.locator(".who").inner_text().split("\n")[0]
    hand.click(row.get_by_role("link", name="Drenagem linfática"))
    snapshot = page.locator(".snapshot")
    assert "55.00" in snapshot.inner_text()
    assert "1 h" in snapshot.inner_text()
    assert '"duration_minutes": 60' in snapshot.locator("pre").inner_text()
    assert use.ids["service"] in page.url
    assert f"Deleted by {who}" in snapshot.inner_text()
    assert hand.used == 3
    picture(page, "use-2-deleted-service")


def test_a_suspicious_login_is_found(site, page_as, hand_on, picture):
    """The owner knows whose account it was and when, since the payouts were changed: which sign-ins were there?"""
    use = site.uses["suspicious-login"]
    page = page_as("owner")
    hand = hand_on(page)
    page.goto(site.clinic)
    hand.search(f'"{NAME}" category:account from:{use.first_day} to:{use.last_day}')
    strange = page.locator("tr.entry", has_text="Firefox on Linux")
    texts = strange.all_inner_texts()
    assert sum("Failed login" in text for text in texts) == 7
    entered = strange.filter(has_text="logged in")
    assert entered.count() == 1
    assert "new device" in entered.inner_text()
    assert "new network" in entered.inner_text()
    hand.click(entered.get_by_role("link", name=re.compile("Details")))
    panel = page.get_by_role("complementary", name="Entry")
    panel.get_by_text("203.0.113.66").first.wait_for()
    assert hand.used == 3
    picture(page, "use-3-suspicious-login")


def test_the_same_login_by_the_page_of_sign_ins_takes_many_clicks(site, page_as, hand_on):
    """Whoever does not know the day walks back a year. Counted as it is: it is the long way of today's page."""
    page = page_as("owner")
    hand = hand_on(page)
    page.goto(site.clinic)
    hand.click(page.get_by_role("link", name="Sign-ins"))
    hand.choose(page.get_by_label("Person"), label=NAME)
    page.wait_for_url("**person=staff*")
    while page.get_by_text("203.0.113.66").count() < 8 and page.get_by_role("link", name="Older").count():
        rows = page.locator("tr.signin").count()
        hand.click(page.get_by_role("link", name="Older"))
        page.locator("tr.signin").nth(rows).wait_for()
    strange = page.locator("tr.signin", has_text="203.0.113.66")
    assert strange.count() == 8
    assert "new device" in strange.filter(has_text="Logged in").inner_text()
    assert hand.used <= MOST_BY_SIGN_INS


def test_a_refund_is_matched_with_stripe(site, page_as, hand_on, picture):
    """From an id of Stripe's dashboard to the time and amount of every part, and who or what made it."""
    use = site.uses["two-refunds"]
    page = page_as("manager")
    hand = hand_on(page)
    page.goto(site.clinic)
    hand.search(use.ids["stripe_payment_intent"])
    refunds = page.locator("tr.entry", has_text="refunded")
    assert refunds.count() == 2
    said = " ".join(refunds.all_inner_texts())
    assert "stripe dashboard" in said
    assert "System" in said
    page.wait_for_selector("#totals .money")
    money = page.locator("#totals").inner_text()
    assert "In" in money
    assert "Out" in money
    hand.click(refunds.first.get_by_role("link", name=re.compile("Details")))
    panel = page.get_by_role("complementary", name="Entry")
    panel.get_by_text("Stripe refund", exact=True).wait_for()
    assert "€" in panel.inner_text()
    assert hand.used == 3
    picture(page, "use-4-refund")


def test_a_tax_audit_gets_the_filtered_list(site, page_as, hand_on, picture):
    """Payments of this year as CSV: the file's rows are the list's rows."""
    page = page_as("auditor")
    hand = hand_on(page)
    page.goto(f"{site.clinic}?q=-category:account+-category:log")
    page.wait_for_selector("#totals .money")
    picture(page, "activity")
    page.goto(site.clinic)
    hand.choose(page.get_by_label("What"), "category:payments")
    page.wait_for_url("**q=*")
    hand.click(page.get_by_role("link", name="Export"))
    leaving = page.get_by_role("region", name="What leaves").inner_text()
    shown = int("".join(re.findall(r"([0-9,]+) entries", leaving)).replace(",", ""))
    picture(page, "use-5-export")
    with page.expect_download() as download:
        hand.click(page.get_by_role("button", name="Export"))
    with open(download.value.path(), newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown
    name = download.value.suggested_filename
    assert re.fullmatch(r"clinica-estrela_payments_until-\d{4}-\d\d-\d\d\.csv", name)
    assert {row["category"] for row in rows} == {"payments"}
    expected = _exported(site, "category:payments")
    assert [row["id"] for row in rows] == expected
    assert hand.used == 4


def _exported(site, words: str) -> list[str]:
    """The ids that the command line's export of the same filter has."""
    out = io.BytesIO()
    database = site.folder / "activity.db"
    with Journal(database, master_key=str(database) + ".key", keep=str(database) + ".keep") as journal:
        export(journal.clinic("c_estrela"), words, out, format="csv-data", actor=Actor("staff", "usr_1"))
    return [row["id"] for row in csv.DictReader(io.StringIO(out.getvalue().decode()))]
