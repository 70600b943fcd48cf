"""The page of the interface for programs, in a browser: from our own files, under the policy, and it can be tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from tests.service.api.process import filled, key_of

# How Swagger UI is built, which a stylesheet cannot mend: its heading levels, a link within the button of an operation,
# a list of examples without a label, examples that scroll, and regions without names. openapi.json has all of it.
OF_SWAGGER = ("heading-order", "landmark-unique", "nested-interactive", "select-name", "scrollable-region-focusable")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = filled(tmp_path_factory.mktemp("docs"))
    yield made
    assert made.stop() == 0


def test_the_page_is_ours_alone_and_a_key_reads_with_it(service, chromium, tmp_path):
    key = key_of(service)
    said: list[str] = []
    hosts: set[str | None] = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda sent: hosts.add(urlsplit(sent.url).netloc) if ":" in sent.url[:6] else None)
        answer = page.goto(f"{service.url}/api/v1/docs")
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "'unsafe-inline'" not in policy
        page.get_by_role("button", name="Authorize").click()
        page.get_by_label("auth-bearer-value").fill(key)
        page.get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close").click()

        one = page.locator("#operations-Reading-getEntry")
        one.locator(".opblock-summary-control").click()
        one.get_by_role("button", name="Try it out").click()
        one.get_by_placeholder("clinic").fill("c_one")
        one.get_by_placeholder("entry").fill("7")
        one.get_by_role("button", name="Execute").click()
        shown = one.locator(".live-responses-table")
        shown.get_by_text("200", exact=True).first.wait_for()
        assert '"seq": 7' in shown.inner_text()
        page.screenshot(path=tmp_path / "docs.png")

        for operation in page.locator(".opblock-summary-control").all():
            if operation.get_attribute("aria-expanded") != "true":
                operation.click()
        page.wait_for_function("document.querySelectorAll('.opblock.is-open').length >= 14")
        browser.close()
    assert said == []
    assert hosts == {urlsplit(service.url).netloc}


@pytest.fixture
def opened(service, chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def page(**how: Any) -> Any:
            made = browser.new_context(**how).new_page()
            made.goto(f"{service.url}/api/v1/docs")
            return made

        yield page
        browser.close()


SCREENS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "at 200 %": {"viewport": {"width": 683, "height": 384}},
    "320 px": {"viewport": {"width": 320, "height": 640}},
}


@pytest.mark.parametrize("screen", SCREENS)
def test_what_is_ours_of_the_page_is_for_everybody(opened, screen):
    page = opened(**SCREENS[screen])
    for operation in ("Recording-record", "Reading-getEntry"):
        page.locator(f"[id^=operations-{operation}] .opblock-summary-control").first.click()
    page.locator(".opblock.is-open .microlight").nth(1).wait_for()
    rules = {one: {"enabled": False} for one in OF_SWAGGER}
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_operation_is_opened_and_tried_with_the_keyboard(opened):
    page = opened()
    page.locator("#operations-Reading-getEntry").wait_for()
    for selector in ("#operations-Reading-getEntry .opblock-summary-control", ".opblock.is-open .try-out__btn"):
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("(of) => document.activeElement.matches(of)", selector):
                break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        page.keyboard.press("Enter")
        page.locator(".opblock.is-open").wait_for()
    page.locator(".opblock.is-open").get_by_placeholder("entry").wait_for()


def test_without_javascript_the_page_leads_to_the_same_as_a_file(opened):
    page = opened(java_script_enabled=False)
    assert page.get_by_role("heading", name="Indelible over HTTP").is_visible()
    page.get_by_role("link", name="openapi.json").click()
    assert "/clinics/{clinic}/entries" in page.content()
