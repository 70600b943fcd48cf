"""The filter bar as somebody uses it: two clicks, one line, no script needed, the keyboard alone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

PICKS = ("Days", "Who", "What", "Views")


def opened(page, name):
    summary = page.locator("details.pick > summary", has_text=name)
    summary.click()
    return summary.locator("..")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_two_clicks_choose_days_people_and_actions(site, page_as, script):
    page = page_as("owner", script=script)
    page.goto(site.clinic)
    for pick, line, text in (
        ("Days", "Last 30 days", "from%3A-30d"), ("Who", "Maria Fernandes", "actor%3A"),
        ("What", "Refunded charge", "action%3Acharge.refunded"), ("Days", "This year", "from%3Ayear"),
    ):  # fmt: skip
        opened(page, pick).get_by_role("link", name=line, exact=True).click()
        page.wait_for_url(f"**{text}*")
    chips = page.get_by_role("list", name="Filters").locator(".chip")
    assert [" ".join(one.split()) for one in chips.all_inner_texts()] == [
        "This year", "Who: Maria Fernandes", "What: Refunded charge"]  # fmt: skip
    page.get_by_role("link", name="Remove the filter Maria Fernandes").click()
    page.wait_for_url("**?q=action%3Acharge.refunded+from%3Ayear")
    chips.get_by_role("link", name="What: Refunded charge").click()
    page.wait_for_url("**?q=from%3Ayear+-action%3Acharge.refunded")


def test_the_bar_is_one_line_on_a_laptop_and_one_button_on_a_phone(site, page_as):
    page = page_as("owner")
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(site.clinic)
    assert page.locator(".filter").bounding_box()["height"] <= 56
    phone = page_as("owner", phone=True)
    phone.goto(site.clinic)
    assert phone.locator(".filter").bounding_box()["height"] <= 56
    assert not phone.locator("details.pick > summary", has_text="Days").is_visible()
    phone.locator(".more-picks > summary").click()
    opened(phone, "Days").get_by_role("link", name="Yesterday").click()
    phone.wait_for_url("**from%3Ayesterday*")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("mode", ["wide", "dark", "phone"])
def test_axe_finds_nothing_in_an_open_list(site, page_as, mode):
    page = page_as("owner", phone=mode == "phone", dark=mode == "dark")
    found: dict[str, str] = {}
    for address in (f"{site.clinic}?q=category:payments+-actor:system+from:-7d", f"{site.clinic}views/"):
        page.goto(address)
        if mode == "phone" and "views/" not in address:
            page.locator(".more-picks > summary").click()
        for pick in () if "views/" in address else PICKS:
            opened(page, pick)
            problems = Axe().run(page).response["violations"]
            found |= {f"{pick} {one['id']}": one["nodes"][0]["html"][:200] for one in problems}
    page.goto(f"{site.clinic}?q=from:month+category:payment")
    problems = Axe().run(page).response["violations"]
    assert found | {one["id"]: one["nodes"][0]["html"][:200] for one in problems} == {}


def test_the_keyboard_chooses_and_escape_gives_the_focus_back(site, page_as):
    page = page_as("owner")
    page.goto(site.clinic)
    page.locator("details.pick > summary", has_text="Days").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Yesterday"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Days"
    assert page.locator("details.pick[open]").count() == 0
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**from%3Atoday")


def test_the_list_of_people_is_narrowed_as_somebody_types(site, page_as):
    page = page_as("owner")
    page.goto(site.clinic)
    people = opened(page, "Who")
    people.get_by_label("Narrow the list of people").fill("magalhaes")
    assert people.locator("#people a:visible").all_inner_texts() == ["Rui Magalhães"]
    people.get_by_label("Narrow the list of people").fill("zzz")
    assert people.get_by_text("Nobody here is called so.").is_visible()
    people.get_by_label("Narrow the list of people").fill("rui")
    page.keyboard.press("Enter")
    page.wait_for_url("**actor%3A*")
    assert page.get_by_role("list", name="Filters").get_by_text("Rui Magalhães").is_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_view_is_saved_and_found_again(site, page_as, script):
    name = f"Refunds {'with' if script else 'without'} script"
    page = page_as("manager", script=script)
    page.goto(f"{site.clinic}?q=action:charge.refunded+from:month")
    views = opened(page, "Views")
    views.get_by_label("Name of the view").fill(name)
    views.get_by_role("button", name="Save").click()
    page.get_by_text("The view was saved").wait_for()
    page.goto(site.clinic)
    opened(page, "Views").get_by_role("link", name=name).click()
    page.wait_for_url("**action%3Acharge.refunded*from%3Amonth")
    opened(page, "Views").get_by_role("link", name="Rename or delete").click()
    page.get_by_label(f"New name of {name}").fill(f"{name} again")
    page.get_by_role("listitem").filter(has_text=name).get_by_role("button", name="Rename").click()
    page.get_by_role("link", name=f"{name} again").wait_for()
    page.get_by_role("button", name=f"Delete {name} again").click()
    page.get_by_text("The view was deleted").wait_for()


def test_what_is_wrong_is_mended_with_one_click(site, page_as):
    page = page_as("owner")
    page.goto(site.clinic)
    page.get_by_label("Search", exact=True).fill("category:payment from:2026-01-01")
    page.get_by_label("Search", exact=True).press("Enter")
    page.get_by_role("heading", name="The filter was not understood").wait_for()
    assert page.locator("mark").inner_text() == "category:payment"
    described = page.get_by_label("The filter as text").get_attribute("aria-describedby")
    assert all(page.locator(f"#{one}").is_visible() for one in described.split())
    page.get_by_role("link", name="Take category:payments").click()
    page.wait_for_url("**category%3Apayments*")
    assert page.locator("tr.entry").count() > 0
