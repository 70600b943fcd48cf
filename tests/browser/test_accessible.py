"""Everybody can use it: axe finds nothing, a keyboard is enough, a phone is wide enough, paper and no JavaScript do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe

from indelible.demo import folder as demo

PAGES = {
    "activity": "",
    "filtered": "?q=category:payments+from:2025-01-01",
    "nothing matches": "?q=zzzqqqxxx+category:loyalty",
    "not understood": "?q=foo:bar",
    "totals": "totals/",
    "entry": "entries/{entry}/",
    "booking": "story/booking/{booking}/",
    "client": "story/client/{client}/",
    "deleted service": "story/service/{service}/",
    "anonymize": "story/client/{client}/anonymize/",
    "nobody to anonymize": "story/client/cli_nobody/anonymize/",
    "staff to anonymize": "story/client/usr_2/anonymize/",
    "sign-ins": "sign-ins/",
    "export": "export/",
    "integrity": "integrity/",
    "people": "people/",
    "settings": "settings/",
    "not there": "entries/none/",
}
ELSEWHERE = ("/", "/clinics/new/", "/account/", "/account/password/change/", "/account/2fa/", "/account/sessions/",
             "/account/reauthenticate/")  # fmt: skip
ENTRANCE = ("/account/login/", "/account/password/reset/", "/account/signup/")


@pytest.fixture(scope="module")
def addresses(site):
    """Every page of a clinic, with things that are there."""
    with demo.reopen(site.folder) as journal:
        log = journal.clinic("c_estrela")
        known = {
            "entry": next(log.read("action:booking.rescheduled")).id,
            "booking": site.uses["cancelled-booking"].ids["booking"],
            "client": site.uses["cancelled-booking"].ids["client"],
            "service": site.uses["deleted-service"].ids["service"],
        }
    return {name: site.clinic + path.format(**known) for name, path in PAGES.items()}


def violations(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize("mode", ["wide", "dark", "phone"])
def test_axe_finds_nothing(site, page_as, addresses, mode):
    phone, dark = mode == "phone", mode == "dark"
    page = page_as("owner", phone=phone, dark=dark)
    wrong = {}
    for address in [*addresses.values(), *(site.address + path for path in ELSEWHERE)]:
        page.goto(address)
        if found := violations(page):
            wrong[address] = found
    page.goto(addresses["filtered"])
    page.locator("tr.entry .when a").first.click()
    page.locator("#panel.open h2").wait_for()
    if found := violations(page):
        wrong["the panel"] = found
    entrance = page_as(None, phone=phone, dark=dark)
    for path in ENTRANCE:
        entrance.goto(site.address + path)
        if found := violations(entrance):
            wrong[path] = found
    assert wrong == {}


def test_no_page_is_wider_than_a_phone(site, page_as, addresses):
    page = page_as("owner", phone=True)
    for address in [*addresses.values(), *(site.address + path for path in ELSEWHERE)]:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address


def test_every_page_has_one_heading_and_says_what_it_is_for(site, page_as, addresses):
    page = page_as("owner")
    for address in addresses.values():
        page.goto(address)
        assert page.locator("main p.help, main .empty p, main .plain p, main.failure p").count(), address
        assert page.locator("h1").count() == 1, address
        assert page.title().strip() not in ("", "· Indelible"), address


def test_an_entry_is_opened_and_closed_with_the_keyboard(site, page_as):
    page = page_as("owner")
    page.goto(f"{site.clinic}?q=category:bookings")
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('tr.entry .when') !== null"):
            break
    else:
        pytest.fail("no entry can be reached with the Tab key")
    opener = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    page.locator("#panel.open h2").wait_for()
    assert page.evaluate("document.activeElement.closest('#panel') !== null")
    assert "/entries/" in page.url
    page.keyboard.press("Escape")
    page.wait_for_selector("#panel.open", state="detached")
    assert page.evaluate("document.activeElement.getAttribute('href')") == opener
    assert "category" in page.url


def test_older_keeps_the_place(site, page_as):
    page = page_as("owner")
    page.goto(site.clinic)
    before = page.locator("tr.entry").count()
    first = page.locator("tr.entry").first.inner_text()
    page.get_by_role("link", name="Older").click()
    page.locator("tr.entry").nth(before).wait_for()
    assert page.locator("tr.entry").first.inner_text() == first
    assert page.url.rstrip("/") == site.clinic.rstrip("/")
    places = page.locator("tr.entry .when a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert len(set(places)) == len(places)
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    assert focused == places[before]


def test_it_works_without_javascript(site, page_as):
    page = page_as("owner", script=False)
    page.goto(site.clinic)
    page.get_by_label("What").select_option("category:payments")
    page.get_by_role("button", name="Show").click()
    assert "q=category" in page.url
    first = page.locator("tr.entry .when a").first
    row = page.locator("tr.entry .what").first.inner_text()
    page.get_by_role("link", name="Older").click()
    assert page.locator("tr.entry").count() > 0
    assert page.locator("tr.entry .what").first.inner_text() != row
    page.get_by_role("link", name="Back to the newest").click()
    first.click()
    assert page.get_by_role("heading", name="What is proven").is_visible()
    page.get_by_role("link", name="Back to the list").click()
    page.get_by_role("link", name="Money in and out of this list").click()
    assert "€" in page.locator(".money").inner_text()
    page.goto(f"{site.clinic}export/?q=category:payments")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_a_printed_story_holds_the_device_and_no_navigation(site, page_as, addresses):
    page = page_as("owner")
    page.goto(addresses["booking"])
    page.emulate_media(media="print")
    assert page.get_by_text("Safari on iPhone").first.is_visible()
    assert not page.get_by_role("navigation", name="Pages").is_visible()
    assert not page.get_by_role("link", name="In the list").is_visible()


def test_new_entries_are_announced_and_not_pushed(site, page_as):
    page = page_as("owner")
    page.clock.install()
    page.goto(site.clinic)
    rows = page.locator("tr.entry").count()
    document = (
        '{"action": "booking.created", "actor": {"kind": "staff", "id": "usr_12"}, "target": {"kind": "booking",'
        ' "id": "bk_announced"}}'
    )
    recorded = subprocess.run(
        [sys.executable, "-m", "indelible.cli.main", "record", "--clinic", "c_estrela", "-"], input=document, text=True,
        capture_output=True, env={"INDELIBLE_DATABASE": str(site.folder / "activity.db"), "PATH": ""},
    )  # fmt: skip
    assert recorded.returncode == 0, recorded.stderr
    page.clock.run_for(25_000)
    page.get_by_role("link", name="new entr").wait_for()
    assert page.locator("tr.entry").count() == rows
    page.get_by_role("link", name="new entr").click()
    page.get_by_text("bk_announced").wait_for()


def test_the_page_in_portuguese(site, page_as):
    page = page_as("owner", language="pt-PT")
    page.goto(site.clinic)
    assert page.locator("html").get_attribute("lang") == "pt"
    assert page.get_by_role("heading", name="Atividade", exact=True).is_visible()
    tallest = page.locator(".chart .bar").evaluate_all("bars => Math.max(...bars.map(b => b.getBBox().height))")
    assert tallest > 50
    money = page.locator("#totals .money")
    money.wait_for()
    assert "€" in money.inner_text()
    assert "," in money.inner_text()
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Activity", exact=True).wait_for()
