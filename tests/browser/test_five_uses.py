"""The five uses of an activity log, done in the browser as their users would, each in a few clicks."""

from __future__ import annotations

import csv
import io
import re

from indelible.document import Actor
from indelible.journal import Journal
from indelible.wiring import export


def test_a_client_says_that_she_did_not_cancel(site, page_as, picture):
    """The receptionist looks for the client's name, on a phone would do; two clicks to the device."""
    use = site.uses["cancelled-booking"]
    page = page_as("staff")
    page.goto(site.clinic)
    page.get_by_label("Search").fill("Perpétua")
    page.get_by_label("What").select_option(label="Cancelled reservation")
    page.wait_for_url("**q=*")
    page.get_by_role("link", name=use.ids["booking"]).click()  # click 1: the booking's story
    cancelled = page.locator(".story .entry", has_text="cancelled reservation")
    assert "Perpétua Salgueiro" in cancelled.inner_text()
    assert "Safari on iPhone" in cancelled.inner_text()
    assert "2001:db8:0:51::1e" in cancelled.inner_text()
    assert re.search(r"22:4[0-9]:[0-9]{2}", cancelled.inner_text())
    cancelled.scroll_into_view_if_needed()
    picture(page, "use-1-cancelled-booking")


def test_a_deleted_service_is_made_again(site, page_as, picture):
    use = site.uses["deleted-service"]
    page = page_as("manager")
    page.goto(site.clinic)
    page.get_by_label("What").select_option(label="Deleted service")  # click 1
    page.wait_for_url("**q=*")
    row = page.locator("tr.entry", has_text="deleted service")
    assert row.count() == 1
    who = row.locator(".who").inner_text().split("\n")[0]
    row.get_by_role("link", name="Drenagem linfática").click()  # click 2
    snapshot = page.locator(".snapshot")
    assert "55.00" in snapshot.inner_text()
    assert "1 h" in snapshot.inner_text()
    assert '"duration_minutes": 60' in snapshot.locator("pre").inner_text()
    assert use.ids["service"] in page.url
    assert f"Deleted by {who}" in snapshot.inner_text()
    picture(page, "use-2-deleted-service")


def test_a_suspicious_login_is_found(site, page_as, picture):
    page = page_as("owner")
    page.goto(site.clinic)
    page.get_by_role("link", name="Sign-ins").click()  # click 1
    page.get_by_label("Person").select_option(label="Rui Magalhães")  # click 2
    page.wait_for_url("**person=staff*")
    while page.get_by_text("203.0.113.66").count() < 7 and page.get_by_role("link", name="Older").count():
        rows = page.locator("tr.signin").count()
        page.get_by_role("link", name="Older").click()
        page.locator("tr.signin").nth(rows).wait_for()
    strange = page.locator("tr.signin", has_text="203.0.113.66")
    texts = strange.all_inner_texts()
    assert sum("Failed login" in text for text in texts) == 7
    entered = [text for text in texts if "Logged in" in text]
    assert len(entered) == 1
    assert "Firefox on Linux" in entered[0]
    assert "new device" in entered[0]
    assert "new network" in entered[0]
    strange.first.scroll_into_view_if_needed()
    picture(page, "use-3-suspicious-login")


def test_a_refund_is_matched_with_stripe(site, page_as, picture):
    """From an id of Stripe's dashboard to the time and amount of every part, and who or what made it."""
    use = site.uses["two-refunds"]
    page = page_as("manager")
    page.goto(site.clinic)
    page.get_by_label("Search").fill(f"about:charge/{use.ids['charge']}")
    page.get_by_label("Search").press("Enter")
    page.wait_for_url("**q=*")
    refunds = page.locator("tr.entry", has_text="refunded")
    assert refunds.count() == 2
    said = " ".join(refunds.all_inner_texts())
    assert "stripe dashboard" in said
    assert "System" in said
    page.wait_for_selector("#totals .money")
    money = page.locator("#totals").inner_text()
    assert "In" in money
    assert "Out" in money
    refunds.first.get_by_role("link", name=re.compile("Details")).click()  # click 1
    panel = page.get_by_role("complementary", name="Entry")
    panel.get_by_text("Stripe refund", exact=True).wait_for()
    assert "€" in panel.inner_text()
    picture(page, "use-4-refund")


def test_a_tax_audit_gets_the_filtered_list(site, page_as, picture):
    """Payments of this year as CSV: the file's rows are the list's rows."""
    page = page_as("auditor")
    page.goto(f"{site.clinic}?q=-category:account+-category:log")
    page.wait_for_selector("#totals .money")
    picture(page, "activity")
    page.goto(site.clinic)
    page.get_by_label("What").select_option("category:payments")  # click 1
    page.wait_for_url("**q=*")
    page.get_by_role("link", name="Export").click()  # click 2
    leaving = page.get_by_role("region", name="What leaves").inner_text()
    shown = int("".join(re.findall(r"([0-9,]+) entries", leaving)).replace(",", ""))
    picture(page, "use-5-export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()  # click 3
    with open(download.value.path(), newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown
    name = download.value.suggested_filename
    assert re.fullmatch(r"clinica-estrela_payments_until-\d{4}-\d\d-\d\d\.csv", name)
    assert {row["category"] for row in rows} == {"payments"}
    expected = _exported(site, "category:payments")
    assert [row["id"] for row in rows] == expected


def _exported(site, words: str) -> list[str]:
    """The ids that the command line's export of the same filter has."""
    out = io.BytesIO()
    database = site.folder / "activity.db"
    with Journal(database, master_key=str(database) + ".key", head_store=str(database) + ".heads") as journal:
        export(journal.clinic("c_estrela"), words, out, format="csv-data", actor=Actor("staff", "usr_1"))
    return [row["id"] for row in csv.DictReader(io.StringIO(out.getvalue().decode()))]
