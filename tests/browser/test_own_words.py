"""The clinic's own words on the default demo: second lines, a pack from sale to last session, a reward, one click."""

from __future__ import annotations

import re

from indelible.demo.stories import stories


def told(page, site, subject):
    page.goto(f"{site.clinic}story/{subject}/")
    return page.locator(".story .entry .what > div").all_inner_texts()


def test_the_story_of_a_pack_counts_its_sessions_down_and_one_comes_back(site, page_as, picture):
    page = page_as("owner")
    subject = stories(start=site.start)["pack"]
    entries = told(page, site, subject)
    left = [int(found[1]) for one in entries if (found := re.search(r"(\d) of 5 sessions left", one))]
    assert left == [4, 3, 2, 3, 2, 1, 0]
    assert "5 sessions of Facial" in " ".join(entries)
    assert any("returned a session" in one for one in entries)
    assert page.locator("details.fields[open]").count() == 0
    page.set_viewport_size({"width": 1100, "height": 900})
    picture(page, "pack", whole=True)


def test_the_story_of_a_reward_goes_from_points_to_the_coupon_that_was_used(site, page_as, picture):
    page = page_as("owner")
    entries = told(page, site, stories(start=site.start)["reward"])
    assert "redeemed 200 points" in entries[0]
    assert "created reservation" in entries[1]
    assert "redeemed coupon" in entries[-1]
    assert re.search(r"points \d+ → \d+", entries[0])
    page.set_viewport_size({"width": 1100, "height": 600})
    picture(page, "reward", whole=True)


def test_a_row_of_the_list_says_more_than_an_id_and_unfolds_to_the_whole_click(site, page_as, picture):
    page = page_as("owner")
    page.goto(f"{site.clinic}?q=category:bookings+category:payments+category:vouchers+category:loyalty")
    rows = page.locator("tr.entry")
    assert rows.filter(has=page.locator(".second")).count() > rows.count() // 2
    click = page.locator("details.click").first
    folded = click.locator("li").first
    assert not folded.is_visible()
    click.locator("summary").click()
    assert folded.is_visible()
    folded.locator("a.label").click()
    page.get_by_role("complementary", name="Entry").get_by_text("What is proven").wait_for()
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("table.entries").evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 72)")
    picture(page, "second-line")


def test_an_assistant_is_named_with_the_client_for_whom_it_acts(site, page_as):
    page = page_as("owner")
    page.goto(f"{site.clinic}?q=actor:agent")
    row = page.locator("tr.entry").first
    assert row.locator(".who").inner_text().startswith("Booking assistant, for ")
    row.locator("a.label").first.click()
    panel = page.get_by_role("complementary", name="Entry")
    panel.get_by_text("On behalf of").wait_for()
