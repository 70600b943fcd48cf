"""What the placeholder of the search box names, typed into it: one step to the entries, with and without JavaScript."""

from __future__ import annotations

import re

import pytest

# A text is looked for in so many entries at a time; the demo's year is three times that.
MOST_STEPS = 2
# One link for each entry, also for those that a click's row folds up.
ENTRIES = "tr.entry .when a, details.click li > a:first-child"


def typed(page, site, words: str):
    """The list of what was typed into the box."""
    page.goto(site.clinic)
    page.get_by_label("Search").fill(words)
    page.get_by_label("Search").press("Enter")
    page.wait_for_url("**q=*")
    return page.locator("tr.entry")


def gone_on(page):
    """The list, after looking further back as often as the page offers it while nothing was found."""
    for _ in range(MOST_STEPS):
        if page.locator("tr.entry").count() == 0:
            assert "Nothing found yet" in page.locator(".empty").inner_text()
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
        assert "Nothing found yet" in page.locator(".empty").inner_text()
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
