"""What the placeholder of the search box names, typed into it: one step to the entries, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

# Without a script a text is looked for in so many entries at a time that the demo's year takes three looks.
MOST_STEPS = 3
# One link for each entry, also for those that a click's row folds up.
ENTRIES = "tr.entry a.label"


def typed(page, site, words: str):
    """The list of what was typed into the box."""
    page.goto(site.clinic)
    page.get_by_label("Search").fill(words)
    page.get_by_label("Search").press("Enter")
    page.wait_for_url("**q=*")
    return page.locator("tr.entry")


def gone_on(page):
    """The list, after it went on by itself; without a script, as often as it is asked to while nothing was found."""
    if page.locator("#f-progress").is_visible():
        page.locator("#f-progress [data-stop]").wait_for(state="hidden", timeout=60_000)
        return page.locator("tr.entry")
    for _ in range(MOST_STEPS):
        if page.locator("tr.entry").count() == 0:
            assert "Nothing found yet" in page.locator("#older").inner_text()
            page.get_by_role("link", name="Search older entries").click()
            page.wait_for_url("**after=*")
    return page.locator("tr.entry")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_five_uses_begin_in_the_box(site, page_as, script):
    page = page_as("owner", script=script)
    cancelled, refunds = site.uses["cancelled-booking"], site.uses["two-refunds"]
    for words in ("perpetua salgueiro", "Perpétua", cancelled.ids["booking"]):
        rows = typed(page, site, words)
        assert rows.filter(has_text="cancelled reservation").count() == 1, words
        assert page.locator(".looked-up").count() == 1
    service = site.uses["deleted-service"].ids["service"]
    assert typed(page, site, f"{service} deleted").filter(has_text="deleted service").count() == 1
    for words, found in (
        ('"drenagem linfatica" "deleted service"', "deleted service"),
        ("ip:203.0.113.66", "logged in"),
    ):
        typed(page, site, words)
        assert gone_on(page).filter(has_text=found).count() == 1, words
    assert typed(page, site, refunds.ids["charge"]).filter(has_text="refunded").count() == 2
    assert typed(page, site, "benedita ventura").filter(has_text="refunded").count() == 2
    typed(page, site, "category:payments")
    assert page.locator(ENTRIES).count() == 50


def test_a_miss_says_that_everything_was_looked_at(site, page_as):
    page = page_as("owner", script=False)
    assert typed(page, site, "zzz-nowhere").count() == 0
    while page.get_by_role("link", name="Search older entries").count():
        assert "Nothing found yet" in page.locator("#older").inner_text()
        page.get_by_role("link", name="Search older entries").click()
    assert re.search("Nothing matches|Everything back to the beginning", page.locator(".empty").inner_text())


def test_every_text_is_one_click_away(site, page_as):
    page = page_as("owner")
    typed(page, site, "Perpétua")
    page.get_by_role("link", name="Search every text too").click()
    page.wait_for_url("**in%3Atext*")
    gone_on(page)
    assert page.locator(ENTRIES).count() >= 6
    assert page.get_by_label("Search").input_value() == "Perpétua in:text"


# While somebody types


@pytest.fixture
def box(site, page_as):
    """The search box of a new page, and what is typed into it key by key, until there are suggestions."""

    def type_(words, **how):
        page = page_as("owner", **how)
        page.goto(site.clinic)
        field = page.get_by_label("Search", exact=True)
        field.press_sequentially(words, delay=15)
        suggestions(page).first.wait_for()
        return page, field

    return type_


def suggestions(page):
    return page.locator("#f-found").get_by_role("option")


def active(page, field):
    return page.locator(f"#{field.get_attribute('aria-activedescendant')}")


def test_a_few_letters_and_two_keys_lead_to_a_persons_entries(site, box):
    page, field = box("perp sal")
    assert field.get_attribute("role") == "combobox"
    assert (field.get_attribute("aria-expanded"), field.get_attribute("aria-activedescendant")) == ("true", None)
    field.press("ArrowDown")
    assert "Perpétua Salgueiro Client 6 entries" in " ".join(active(page, field).inner_text().split())
    assert active(page, field).get_attribute("aria-selected") == "true"
    field.press("Enter")
    page.wait_for_url("**q=client*")
    assert page.locator(ENTRIES).count() == 6


def test_the_story_is_one_key_further_and_back(site, box):
    page, field = box("perp sal")
    steps = [("ArrowDown", "Perpétua"), ("ArrowRight", "Story of"), ("ArrowLeft", "Perpétua")]
    steps += [("ArrowDown", "Search every text"), ("ArrowUp", "Perpétua"), ("ArrowRight", "Story of")]
    for key, name in steps:
        field.press(key)
        option = active(page, field)
        assert name in (option.get_attribute("aria-label") or option.inner_text()), key
    field.press("Enter")
    page.wait_for_url(f"**/story/client/{site.uses['cancelled-booking'].ids['client']}/")


def test_escape_closes_the_list_and_keeps_what_was_typed(box):
    page, field = box("perp sal")
    field.press("Escape")
    assert suggestions(page).count() == 0
    assert (field.get_attribute("aria-expanded"), field.input_value()) == ("false", "perp sal")
    field.press("ArrowDown")
    suggestions(page).first.wait_for()


def test_enter_without_a_choice_sends_what_was_typed(box):
    page, field = box("perpetua salgueiro")
    field.press("Enter")
    page.wait_for_url("**q=perpetua*")
    assert page.locator(".looked-up").count() == 1


def test_a_click_on_a_suggestion_leads_there(box):
    page, _ = box("drenagem")
    page.get_by_role("option", name="Drenagem linfática").first.click()
    page.wait_for_url("**q=about%3Aservice*")
    assert page.locator("tr.entry").count() > 0


def test_an_older_answer_does_not_replace_a_newer_one(site, page_as):
    page = page_as("owner")
    page.goto(site.clinic)
    held = []

    def hold(route):
        held.append(route) if route.request.url.endswith("q=perp") else route.continue_()

    page.route("**/suggest/**", hold)
    field = page.get_by_label("Search", exact=True)
    field.press_sequentially("perp")
    while not held:
        page.wait_for_timeout(20)
    field.fill("drenagem")
    page.get_by_role("option", name="Drenagem").first.wait_for()
    held[0].fulfill(body='<div><a role="option" href="#">Perpétua</a></div>', content_type="text/html")
    field.press_sequentially(" l")
    page.get_by_role("option", name="Drenagem").first.wait_for()
    assert page.get_by_role("option", name="Perpétua").count() == 0


@pytest.mark.parametrize("how", [{}, {"dark": True}, {"phone": True}], ids=["wide", "dark", "phone"])
def test_axe_finds_nothing_in_the_open_list(box, how):
    page, field = box("sousa", **how)
    field.press("ArrowDown")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], node["html"][:200]) for one in found for node in one["nodes"]] == []
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


def test_without_a_script_the_list_says_what_may_be_meant(site, page_as):
    page = page_as("owner", script=False)
    typed(page, site, "perp")
    page.get_by_role("navigation", name="Did you mean").get_by_role("link", name="Perpétua Salgueiro").first.click()
    page.wait_for_url("**q=client*")
    assert page.locator(ENTRIES).count() == 6


# Texts


def test_a_search_of_every_text_goes_on_by_itself_and_says_when_all_was_looked_at(site, page_as):
    page = page_as("owner")
    assert typed(page, site, "zzz-nowhere").count() == 0
    page.get_by_text("Nothing found: every text back to the beginning was looked at.").wait_for(timeout=60_000)
    assert page.get_by_role("button", name="Stop").count() == 0


def test_a_search_of_every_text_is_stopped_and_says_how_far_back_it_came(site, page_as):
    page = page_as("owner")
    asked = []

    def answer_once(route):
        asked.append(route.request.url)
        if len(asked) == 1:
            route.continue_()  # the second step never comes back

    page.route("**after=*", answer_once)
    typed(page, site, "zzz-nowhere")
    page.get_by_role("button", name="Stop").click()
    stopped = page.get_by_text(re.compile(r"Stopped: every text back to \d+ \w+ 20\d\d was looked at\."))
    stopped.wait_for()
    assert page.get_by_role("link", name="Search older entries").is_visible()
    assert page.url.endswith("q=zzz-nowhere")
