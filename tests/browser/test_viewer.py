"""The log in a host's page, on another site, in a browser that blocks third-party cookies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from .test_accessible import CUT, HEARD, heard

CLINIC = "c_estrela"
HOW_TO = Path(__file__).parents[2] / "docs/howto/viewer.md"
KEY = """
import os, sys
from pathlib import Path
from indelible.service.run import demo
os.environ.update(demo.environment(Path(sys.argv[1]), 1))
os.environ["DJANGO_SETTINGS_MODULE"] = "indelible.service.run.settings"
import django
django.setup()
from indelible.service.accounts import keys
print(keys.make("The clinic's program", ["manage"])[1])
"""
# A page as a host has it: a head and a foot of its own, the frame between them, and one script.
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The clinic's program</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 0; font: 16px sans-serif; background: {ground}; color: {ink} }}
header, footer {{ padding: 24px }} header {{ min-height: 160px }}
iframe {{ display: block; width: 100%; height: 600px; border: 0 }}</style></head>
<body><header><h1>Clínica da Estrela</h1><p>The program of the clinic, with a page of its own.</p></header>
<main><iframe src="{url}" title="Activity log"></iframe><footer>The end of the page</footer></main>
{script}</body></html>"""
WIDE: dict[str, Any] = {"resultTypes": ["violations"]}
TOUCHED: dict[str, Any] = {**WIDE, "rules": {"target-size": {"enabled": True}}}


class Host:
    """The host's program: it asks for a pass each time that its page is loaded. What it asks for is in the address."""

    def __init__(self, site: Any, port: int) -> None:
        host, passes = self, []

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                if urlsplit(self.path).path != "/":
                    return self.send_error(404)
                wanted = json.loads(asked.get("ask", ["{}"])[0])
                url = asked["url"][0] if "url" in asked else host.make(wanted)
                passes.append(url)
                script = f'<script src="{site.address}/viewer.js" async></script>' if "bare" not in asked else ""
                dark = wanted.get("colours", {}).get("scheme") == "dark"
                ground, ink = ("#101418", "#f0f0f0") if dark else ("#ffffff", "#111111")
                body = PAGE.format(url=url, script=script, ground=ground, ink=ink).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self.passes = passes
        self.how_to: dict[str, Any] = {}
        exec(re.search(r"```python\n(.*?)```", HOW_TO.read_text(), re.S)[1], self.how_to)  # type: ignore[index]
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Page)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def make(self, wanted: dict[str, Any]) -> str:
        """As the how-to says it."""
        given = {"role": "owner", **wanted}
        return str(self.how_to["viewer_url"](CLINIC, given.pop("role"), "usr_host", "Marta Host", **given))

    def page(self, bare: bool = False, **wanted: Any) -> str:
        return f"{self.address}/?ask={quote(json.dumps(wanted))}{'&bare=1' if bare else ''}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def hosts(site: Any) -> Iterator[tuple[Host, Host]]:
    """The host whose page may show the log, and another one that has its key too."""
    made = subprocess.run([sys.executable, "-c", KEY, str(site.folder)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    both = Host(site, urlsplit(site.host).port or 0), Host(site, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_URL", site.address)
        patch.setenv("LOG_KEY", made.stdout.strip())
        yield both
    for one in both:
        one.close()


@pytest.fixture
def host(hosts: tuple[Host, Host]) -> Host:
    return hosts[0]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--test-third-party-cookie-phaseout", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def opened(browser: Any, host: Host) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """Open the host's page: `opened(phone=True, dark=True, role="staff")` gives the page and the log's frame in it. No
    cookie is there afterwards."""
    contexts, problems = [], []

    def told(said: Any) -> None:
        if any(word in said.text for word in ("Content Security", "postMessage", "Uncaught")):
            problems.append(said.text)

    def open(
        *, phone: bool = False, dark: bool = False, sized: bool = True, script: bool = True,
        size: tuple[int, int] | None = None, **wanted: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        width, height = size or ((390, 844) if phone else (1280, 900))
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=phone, java_script_enabled=script,
            color_scheme="dark" if dark else "light", locale="en-GB", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", told)
        sized = sized and script
        page.goto(host.page(bare=not sized, **wanted))
        frame = page.frames[1]
        frame.wait_for_selector("h1", state="attached")
        if sized:
            frame.wait_for_selector("html.sized")
            fits(page, frame)
        return page, frame

    yield open
    for context in contexts:
        assert context.cookies() == []
        context.close()
    assert problems == []


def fits(page: Any, frame: Any) -> None:
    """Wait until the frame is as high as what it shows."""
    page.wait_for_function(
        "() => document.querySelector('iframe').style.height !== ''", timeout=15_000
    )  # fmt: skip
    frame.wait_for_function("() => document.documentElement.scrollHeight <= innerHeight + 1")


def frame_height(page: Any) -> int:
    return int(page.evaluate("document.querySelector('iframe').getBoundingClientRect().height"))


def follows(page: Any, frame: Any, cover: int = 0) -> None:
    """Wait until the frame knows where its reader looks."""
    top = page.evaluate("document.querySelector('iframe').getBoundingClientRect().top")
    frame.wait_for_function(
        "(top) => Math.abs(parseFloat(document.documentElement.style.getPropertyValue('--seen-top')) - top) < 1",
        arg=max(0, cover - top),
    )


def panel_box(page: Any, frame: Any) -> Any:
    """Where the panel is in the host's window."""
    return frame.locator("#panel").bounding_box()


def open_first(page: Any, frame: Any) -> None:
    frame.locator("tr.entry a.label:visible").first.click()
    frame.wait_for_selector("#panel.open h2")
    page.wait_for_function("() => true")


def bookings(page: Any, frame: Any) -> None:
    """A list that is long whatever other tests did: theirs are sign-ins and files, which are folded into few rows."""
    frame.goto(frame.url.partition("?")[0] + "?q=category:bookings")
    frame.wait_for_selector("html.sized")
    fits(page, frame)


@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
def test_the_list_is_there_and_the_hosts_page_scrolls(opened, picture, phone):
    page, frame = opened(phone=phone)
    bookings(page, frame)
    assert frame.locator("tr.entry").count() >= 20
    assert frame_height(page) > 900
    assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, f"viewer{'-phone' if phone else ''}")


@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
def test_an_entry_opens_where_the_reader_looks_and_back_closes_it(opened, picture, phone):
    page, frame = opened(phone=phone)
    bookings(page, frame)
    row = frame.locator("tr.entry a.label:visible").nth(14)
    row.scroll_into_view_if_needed()
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(0)
    row.click()
    frame.wait_for_selector("#panel.open h2")
    frame.wait_for_function("() => document.getElementById('panel').getBoundingClientRect().height > 300")
    follows(page, frame)
    window = page.viewport_size["height"]
    box = panel_box(page, frame)
    assert -1 <= box["y"] < window / 2, box
    assert box["y"] + box["height"] <= window + 1, box
    assert frame.locator("#panel [data-close]").is_visible()
    picture(page, f"viewer-panel{'-phone' if phone else ''}")
    before = box["y"]
    page.evaluate("scrollBy(0, 200)")
    follows(page, frame)
    moved = panel_box(page, frame)
    assert -1 <= moved["y"] <= before + 2
    page.evaluate("history.back()")  # the one button of the browser
    frame.wait_for_selector("#panel:not(.open)", state="attached")
    assert frame.locator("tr.entry").count() >= 20
    assert page.url.startswith("http://127.0.0.1")


def test_a_head_of_the_hosts_covers_no_entry_and_what_is_new_is_seen(opened):
    page, frame = opened()
    bookings(page, frame)
    page.evaluate("document.querySelector('iframe').dataset.top = '80'")
    page.evaluate("scrollTo(0, 700)")
    follows(page, frame, 80)
    frame.evaluate("document.getElementById('new').innerHTML = '<p>2 new entries</p>'")
    assert frame.locator("#new p").bounding_box()["y"] >= 80
    row = frame.locator("tr.entry a.label:visible").nth(20)
    row.click()
    frame.wait_for_selector("#panel.open h2")
    follows(page, frame, 80)
    box = frame.locator("#panel").bounding_box()
    assert box["y"] >= 79
    assert box["y"] + box["height"] <= page.viewport_size["height"] + 1


@pytest.mark.parametrize("whole", [False, True], ids=["a part", "the body"])
def test_a_page_of_which_a_part_scrolls_shows_what_is_opened_and_what_the_keys_lead_to(opened, whole):
    """As most staff areas are laid out: the head stands, and what is below it scrolls, but not in the window."""
    page, frame = opened()
    bookings(page, frame)
    part = "html { overflow: hidden } body { height: 100vh; overflow: auto }"
    part = part if whole else "main { height: calc(100vh - 208px); overflow: auto }"
    page.add_style_tag(content=part)
    page.evaluate("dispatchEvent(new Event('resize'))")
    scrolls = "document.body" if whole else "document.querySelector('main')"
    head = 0 if whole else page.evaluate("document.querySelector('main').getBoundingClientRect().top")
    page.evaluate(f"{scrolls}.scrollTo(0, 700)")
    follows(page, frame, head)
    frame.locator("tr.entry a.label:visible").nth(20).focus()
    for _ in range(12):
        page.keyboard.press("j")
    page.wait_for_function(f"() => {scrolls}.scrollTop > 750")
    page.keyboard.press("Enter")
    frame.wait_for_selector("#panel.open h2")
    follows(page, frame, head)
    box = panel_box(page, frame)
    assert box["y"] >= head - 1
    assert box["y"] + box["height"] <= page.viewport_size["height"] + 1
    assert page.evaluate("scrollY") == 0


def test_a_filter_a_story_and_the_way_back_are_in_the_frame(opened):
    page, frame = opened()
    frame.get_by_label("Search").first.fill("sousa")
    frame.get_by_label("Search").first.press("Enter")
    frame.wait_for_url("**q=*")
    frame.wait_for_selector("html.sized")
    frame.locator("details.pick summary").nth(1).click()
    frame.locator("details.pick[open] .pick-body a").first.click()
    frame.wait_for_selector(".chips .chip")
    frame.goto(frame.url.partition("?")[0] + "?q=category:bookings")
    frame.wait_for_selector("html.sized")
    frame.locator("tr.entry a[href*='/story/']").first.click()
    frame.wait_for_url("**/story/**")
    frame.wait_for_selector("html.sized")
    fits(page, frame)
    page.evaluate("history.back()")  # the one button of the browser
    frame.wait_for_url("**q=category:bookings")


def test_a_list_to_choose_from_is_whole_also_where_the_page_is_short(opened):
    page, frame = opened()
    frame.goto(frame.url.partition("?")[0] + "?q=category:loyalty+zzzqqq")
    frame.wait_for_selector("html.sized")
    frame.locator("details.pick.wide summary").click()
    frame.wait_for_function(
        "() => document.querySelector('details.pick.wide .pick-body').getBoundingClientRect().bottom <= innerHeight"
    )
    body = frame.locator("details.pick.wide .pick-body")
    assert body.is_visible()
    high = frame_height(page)
    frame.locator("details.pick.wide summary").press("Escape")
    page.wait_for_function("(high) => document.querySelector('iframe').getBoundingClientRect().height < high", arg=high)


def test_a_keyboard_is_enough_and_what_it_leads_to_is_seen(opened):
    page, frame = opened()
    bookings(page, frame)
    frame.locator("tr.entry a.label").first.focus()
    for _ in range(18):
        page.keyboard.press("j")
    page.wait_for_function("() => scrollY > 200")
    at = frame.evaluate("[...document.querySelectorAll('tr.entry')].indexOf(document.activeElement.closest('tr'))")
    assert at == 18
    frame.wait_for_function("() => true")
    page.wait_for_function(
        "([bottom]) => document.querySelector('iframe').getBoundingClientRect().top + bottom <= innerHeight + 1",
        arg=[frame.evaluate("document.activeElement.getBoundingClientRect().bottom")],
    )
    page.keyboard.press("Enter")
    frame.wait_for_selector("#panel.open h2")
    page.keyboard.press("Escape")
    frame.wait_for_selector("#panel:not(.open)", state="attached")
    page.keyboard.press("?")
    frame.wait_for_selector("dialog[open]")
    box = frame.locator("dialog[open]").bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= page.viewport_size["height"]
    page.keyboard.press("Escape")


def test_a_file_is_taken_out_and_a_list_is_printed_inside(opened, tmp_path):
    page, frame = opened()
    frame.get_by_role("link", name="Export").click()
    frame.wait_for_url("**/export/**")
    with page.expect_download() as started:
        frame.get_by_role("button", name="Export").click()
    started.value.save_as(tmp_path / "log.csv")
    assert "Marta Host" in (tmp_path / "log.csv").read_text("utf-8-sig")
    frame.goto(frame.url.partition("export/")[0])
    frame.get_by_role("link", name="Print").click()
    frame.wait_for_url("**/print/**")
    assert frame.get_by_text("Marta Host").first.is_visible()


def test_without_the_script_the_frame_scrolls_by_itself(opened):
    page, frame = opened(sized=False)
    assert frame_height(page) == 600
    open_first(page, frame)
    box = frame.locator("#panel").bounding_box()
    assert box["height"] <= 600
    assert not frame.locator("html.sized").count()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("accent", {"colours": {"accent": "#d9480f"}}),
        ("dark", {"colours": {"accent": "#ffd43b", "scheme": "dark"}}),
        ("white", {"colours": {"accent": "#0a7d5c", "background": "#ffffff"}}),
        ("both", {"colours": {"accent": "#0a7d5c", "background": "#ffffff", "background_dark": "#121212"}}),
    ],
)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_hosts_colours_are_there_and_everybody_can_read_in_them(opened, picture, name, wanted, dark):
    page, frame = opened(dark=dark, **wanted)
    scheme = frame.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert scheme == {"dark": "dark", "white": "light"}.get(name, "dark" if dark else "light")
    for path in ("", "export/", "integrity/", "sign-ins/", "story/staff/usr_12/"):
        frame.goto(frame.url.partition(f"{CLINIC}/")[0] + f"{CLINIC}/{path}")
        frame.wait_for_selector("html.sized")
        found = Axe().run(frame, options={"resultTypes": ["violations"], "runOnly": ["color-contrast"]})
        assert found.violations_count == 0, (path, found.generate_report())
        if not path:
            picture(page, f"viewer-{name}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize(("role", "phone"), [("owner", False), ("staff", False), ("owner", True)])
def test_axe_finds_nothing_in_the_hosts_page(opened, role, phone):
    page, frame = opened(role=role, phone=phone)
    rules = TOUCHED if phone else WIDE
    here = frame.url.partition("?")[0]
    for path in (
        "",
        "sign-ins/",
        "story/staff/usr_12/",
        *(("export/", "integrity/", "print/") if role == "owner" else ()),
    ):
        frame.goto(here + path)
        frame.wait_for_selector("html.sized")
        found = Axe().run(frame, options=rules)
        assert found.violations_count == 0, (path, found.generate_report())
    frame.goto(here)
    frame.wait_for_selector("html.sized")
    open_first(page, frame)
    found = Axe().run(frame, options=rules)
    assert found.violations_count == 0, found.generate_report()


SMALL = {"dark": None, "phone": (390, 844), "at 200 %": (683, 384), "320 px": (320, 640)}


@pytest.mark.parametrize("screen", SMALL)
def test_every_page_in_the_hosts_page_is_for_everybody(opened, screen):
    """As test_accessible.py looks at the pages outside: nothing is cut off, too small, or moves sideways."""
    page, frame = opened(dark=screen == "dark", size=SMALL[screen], phone=screen != "dark")
    here = frame.url.partition("?")[0]
    wrong = {}
    for path in ("", "?q=category:payments", "totals/", "sign-ins/", "export/", "integrity/", "story/staff/usr_12/"):
        frame.goto(here + path)
        frame.wait_for_selector("html.sized")
        fits(page, frame)
        if not path:
            open_first(page, frame)
        found = Axe().run(frame, options=WIDE if screen == "dark" else TOUCHED)
        said = [found.generate_report()] if found.violations_count else []
        said += frame.evaluate(CUT)
        if frame.evaluate("document.documentElement.scrollWidth > innerWidth"):
            said.append("the frame moves sideways")
        if said:
            wrong[path] = said
    assert wrong == {}


def test_the_tab_key_goes_into_the_frame_and_each_focus_is_seen_in_the_hosts_window(opened):
    page, frame = opened()
    in_sight = """() => {
      const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
      const top = parseFloat(document.documentElement.style.getPropertyValue("--seen-top"));
      const end = top + parseFloat(document.documentElement.style.getPropertyValue("--seen-height"));
      const ring = style.outlineStyle !== "none" || one.matches("main, [type=radio], [type=checkbox]");
      return ring && box.bottom > top && box.top < end;
    }"""
    for _ in range(100):
        page.keyboard.press("Tab")
        if frame.evaluate("document.activeElement !== document.body"):
            frame.wait_for_function(in_sight)
        row = "[...document.querySelectorAll('tr.entry')].indexOf(document.activeElement.closest('tr.entry'))"
        if frame.evaluate(row) >= 8:
            return
    pytest.fail("the entries cannot be reached with the Tab key")


def test_without_javascript_an_entry_is_found_and_a_file_is_taken_out_in_the_frame(opened):
    page, frame = opened(script=False)
    frame.get_by_label("Search", exact=True).fill("Perpétua")
    frame.get_by_role("button", name="Search", exact=True).click()
    frame.locator("tr.entry", has_text="Cancelled reservation").locator("a.label").first.click()
    frame.get_by_text("2001:db8:0:51::1e").first.wait_for()
    frame.get_by_role("link", name="Back to the list").click()
    frame.get_by_role("link", name="Export").first.click()
    with page.expect_download() as started:
        frame.get_by_role("button", name="Export").click()
    assert started.value.suggested_filename.endswith(".csv")


def test_a_screen_reader_says_in_the_frame_what_it_says_outside(opened, site):
    booking = site.uses["cancelled-booking"].ids["booking"]
    _, frame = opened()
    frame.goto(frame.url.partition("?")[0] + f"?q=about:booking/{booking}")
    frame.wait_for_selector("html.sized")
    assert heard(frame.locator("table.entries")) == (HEARD / "list.txt").read_text(encoding="utf-8")
    pages = frame.get_by_role("navigation", name="Pages")
    assert pages.get_by_role("link", name="Activity").get_attribute("aria-current") == "page"
    assert frame.get_by_role("heading", level=1).count() == 1


def test_staff_find_only_what_is_theirs_in_the_navigation(opened):
    _, frame = opened(role="staff", language="pt")
    assert frame.evaluate("document.documentElement.lang") == "pt"
    assert frame.locator(".nav a").count() == 2
    assert frame.get_by_role("link", name="Exportar").count() == 0


# Who tries


def test_another_page_is_shown_nothing(hosts, browser):
    """A page that is not one of the hosts has a pass all the same."""
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text))
    page.goto(hosts[1].page())
    page.wait_for_timeout(0)
    page.wait_for_function("() => document.readyState === 'complete'")
    assert any("frame-ancestors" in one for one in said), said
    assert "tr" not in page.frames[1].content() or "chrome-error" in page.frames[1].url
    context.close()


def test_a_copied_address_shows_nothing_in_another_tab(opened):
    page, frame = opened()
    address = frame.url
    tab = page.context.new_page()
    answer = tab.goto(address)
    assert answer.status == 403
    assert tab.get_by_role("heading", name="Load your clinic’s page again").is_visible()
    unused = tab.goto(address.replace(address.split("/v/")[1].split("/")[0], "x" * 43))
    assert unused.status == 403
    frame.goto(address)  # in its place it still works
    assert frame.locator("tr.entry").count() > 0


def test_a_pass_that_was_used_says_so_in_the_readers_language(host, opened, browser):
    page, _ = opened()
    context = browser.new_context(locale="pt-PT")
    again = context.new_page()
    again.goto(f"{host.address}/?url={quote(host.passes[-1])}")
    again.frames[1].wait_for_selector("html.sized h1")
    assert again.frames[1].evaluate("document.documentElement.lang") == "pt"
    assert again.frames[1].locator("tr.entry").count() == 0
    context.close()
    page.reload()  # a page that is loaded again asks for a new pass
    page.frames[1].wait_for_selector("tr.entry")


def test_the_address_of_the_log_is_sent_to_nobody(opened, site):
    """No Referer goes from a page in the frame, not to ourselves either, where a proxy's log would keep it."""
    page, frame = opened()
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.headers.get("referer", "")))
    frame.locator(".nav a").nth(1).click()
    frame.wait_for_url("**/sign-ins/")
    frame.wait_for_selector("html.sized")
    assert sent
    assert not [one for one in sent if "/v/" in one]


def test_messages_of_others_are_not_heard(opened):
    """The host's page has another frame, which says what the log would say; and the log hears only its host."""
    page, frame = opened()
    high = frame_height(page)
    page.evaluate("""() => new Promise((done) => {
        const other = document.createElement("iframe");
        const script = "parent.postMessage({indelible: 'log', height: 9999}, '*');" +
            "parent.frames[0].postMessage({indelible: 'seen', top: 77, bottom: 99, room: 9}, '*');" +
            "parent.postMessage('done', '*')";
        other.srcdoc = "<script>" + script + "</scr" + "ipt>";
        addEventListener("message", ({ data }) => data === "done" && done());
        document.body.append(other);
    })""")
    assert frame_height(page) == high
    assert frame.evaluate("document.documentElement.style.getPropertyValue('--seen-top')") != "77px"
