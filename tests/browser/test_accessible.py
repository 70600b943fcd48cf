"""Everybody can use it: axe finds nothing, a keyboard is enough, a phone is wide enough, paper and no JavaScript do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from indelible.demo import folder as demo

# What there is to see, each with how it is brought about. An address without a slash in front is below the clinic's.
STATES: dict[str, tuple[str, Callable[[Any], None] | None]] = {
    "list": ("", None),
    "list with chips": ("?q=category:payments+-actor:usr_2+from:-30d+sousa", None),
    "nothing matches": ("?q=zzzqqqxxx+category:loyalty", None),
    "wrong filter": ("?q=category:payments+foo:bar", None),
    "days open": ("", lambda page: opened_list(page, "Days")),
    "who open": ("", lambda page: opened_list(page, "Who")),
    "what open": ("", lambda page: opened_list(page, "What")),
    "views open": ("?q=category:payments", lambda page: opened_list(page, "Views")),
    "filter as text": ("?q=category:payments", lambda page: page.locator(".as-text summary").click()),
    "suggestions open": ("", lambda page: suggested(page)),
    "click unfolded": ("?q=category:payments", lambda page: page.locator("details.click summary").first.click()),
    "numbers unfolded": ("?q=category:payments", lambda page: unfolded(page)),
    "panel open": ("?q=action:booking.rescheduled", lambda page: opened_panel(page)),
    "panel of what was deleted": ("?q=action:service.deleted", lambda page: opened_panel(page)),
    "keys open": ("", lambda page: opened_keys(page)),
    "totals": ("totals/?q=category:payments", None),
    "entry": ("entries/{entry}/", lambda page: unfolded(page)),
    "booking": ("story/booking/{booking}/", lambda page: unfolded(page)),
    "client": ("story/client/{client}/", None),
    "deleted service": ("story/service/{service}/", lambda page: unfolded(page)),
    "long story": ("story/staff/usr_12/", None),
    "list on paper": ("print/?q=category:payments+from:-30d", None),
    "story on paper": ("print/booking/{booking}/", None),
    "anonymize": ("story/client/{client}/anonymize/", None),
    "nobody to anonymize": ("story/client/cli_nobody/anonymize/", None),
    "staff to anonymize": ("story/client/usr_2/anonymize/", None),
    "sign-ins": ("sign-ins/", lambda page: unfolded(page)),
    "export": ("export/?q=category:payments", lambda page: unfolded(page)),
    "integrity": ("integrity/", lambda page: unfolded(page)),
    "verifying": ("integrity/", lambda page: page.get_by_role("button", name="Verify now").click()),
    "wrong letter": ("integrity/", lambda page: compared(page)),
    "the letter": ("letter/", None),
    "people": ("people/", lambda page: unfolded(page)),
    "settings": ("settings/", None),
    "keys": ("keys/", None),
    "key made": ("keys/", lambda page: made_key(page)),
    "key refused": ("keys/", lambda page: refused_key(page)),
    "key revoked": ("keys/", lambda page: revoked_key(page)),
    "views": ("views/", None),
    "first entry": ("first-entry/", None),
    "first entry by a file": ("first-entry/?way=file", None),
    "not there": ("entries/none/", None),
    "clinics": ("/", None),
    "new clinic": ("/clinics/new/", None),
    "account": ("/account/", None),
    "password": ("/account/password/change/", None),
    "second factor": ("/account/2fa/", None),
    "authenticator app": ("/account/2fa/totp/activate/", None),
    "passkey": ("/account/2fa/webauthn/add/", None),
    "sessions": ("/account/sessions/", None),
    "reauthenticate": ("/account/reauthenticate/", None),
    "sign out": ("/account/logout/", None),
}  # fmt: skip
OUTSIDE = {
    "sign in": ("/account/login/", None),
    "forgotten password": ("/account/password/reset/", None),
    "no sign-up": ("/account/signup/", None),
    "link that is used up": ("/welcome/nothing/", None),
    "pass that is used up": ("/viewer/over", None),
}

# axe's rules; in the dark only colours differ. The rule of 24 px is off in axe unless it is asked for.
WIDE: dict[str, Any] = {"resultTypes": ["violations"]}
DARK: dict[str, Any] = {**WIDE, "runOnly": ["color-contrast"]}
TOUCHED: dict[str, Any] = {**WIDE, "rules": {"target-size": {"enabled": True}}}
# Besides a phone: a laptop at 200 %, and the least that must do without scrolling sideways (WCAG 1.4.10).
SMALL = {"phone": (390, 844), "at 200 %": (683, 384), "320 px": (320, 640)}

# What is beyond the right edge or cut off, but for what is only heard, and for a line that ends in an ellipsis.
CUT = """() => [...document.querySelectorAll("body *")].filter((one) => {
  if (one instanceof SVGElement || !one.checkVisibility()) return false;
  if (one.closest(".unseen, .skip, pre, input, thead")) return false;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  if (!box.width || style.clipPath !== "none") return false;
  const hides = /hidden|clip/.test(style.overflowX) && style.textOverflow !== "ellipsis";
  const moves = /auto|scroll/.test(style.overflowX);
  if ((hides || moves) && one.scrollWidth > one.clientWidth + 1) return true;
  return box.right > document.documentElement.clientWidth + 1;
}).map((one) => one.outerHTML.slice(0, 150))"""


def opened_list(page, name: str) -> None:
    if page.locator(".more-picks summary").is_visible():
        page.locator(".more-picks summary").click()
    page.locator("details.pick > summary", has_text=name).click()
    page.locator("details.pick[open] .pick-body").wait_for()


def suggested(page) -> None:
    page.get_by_label("Search", exact=True).press_sequentially("ana")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")


def opened_panel(page) -> None:
    page.locator("tr.entry a.label").first.click()
    page.locator("#panel.open h2").first.wait_for()


def opened_keys(page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()


def unfolded(page) -> None:
    page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")


def made_key(page) -> None:
    """A key that was just made, in a list of one that can be revoked."""
    page.get_by_label("Name", exact=True).fill("desk")
    page.get_by_label("Record what happens").check()
    page.get_by_label("Your password").fill("indelible-demo")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_label("Key", exact=True).wait_for()
    unfolded(page)


def refused_key(page) -> None:
    page.get_by_label("Name", exact=True).fill("desk")
    page.get_by_label("Your password").fill("guessed")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_text("Choose one thing at least.").wait_for()


def revoked_key(page) -> None:
    made_key(page)
    page.get_by_role("button", name="Revoke desk").first.click()
    page.get_by_text("it opens nothing any more").wait_for()


def compared(page) -> None:
    page.get_by_label("The letter").first.fill("not a letter")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("alert").wait_for()


@pytest.fixture(scope="module")
def known(site) -> dict[str, str]:
    """Things that are there."""
    with demo.reopen(site.folder) as journal:
        log = journal.clinic("c_estrela")
        return {
            "entry": next(log.read("action:booking.rescheduled")).id,
            "booking": site.uses["cancelled-booking"].ids["booking"],
            "client": site.uses["cancelled-booking"].ids["client"],
            "service": site.uses["deleted-service"].ids["service"],
        }


@pytest.fixture
def states(site, known, page_as):
    """Bring about every state, one after the other: `for name, page in states(phone=True):`."""

    def every(size: tuple[int, int] | None = None, only: Collection[str] = (), **how: Any) -> Iterator[tuple[str, Any]]:
        for role, table in (("owner", STATES), (None, OUTSIDE)):
            page = page_as(role, **how)
            if size:
                page.set_viewport_size({"width": size[0], "height": size[1]})
            for name, (path, act) in table.items():
                if only and name not in only:
                    continue
                address = (site.address if path.startswith("/") else site.clinic) + path.format(**known)
                page.goto(address)
                if act and how.get("script", True):
                    act(page)
                    page.evaluate("scrollTo(0, 0)")  # what a heading that stays covers meanwhile is none of the state
                yield name, page

    return every


@pytest.fixture(scope="module")
def addresses(site, known):
    """The pages of a clinic, by the name of their state."""
    return {
        name: site.clinic + path.format(**known)
        for name, (path, act) in STATES.items()
        if not path.startswith("/") and (act is None or act.__code__.co_names == ("unfolded",))
    }


def violations(page, options: dict[str, Any]) -> list[str]:
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize("mode", ["wide", "dark", *SMALL])
def test_every_state_is_for_everybody(states, mode):
    """axe finds nothing; on a small screen no target is too small, nothing is cut off and nothing scrolls sideways."""
    wrong: dict[str, list[str]] = {}
    options = {"wide": WIDE, "dark": DARK}.get(mode, TOUCHED)
    for name, page in states(SMALL.get(mode), dark=mode == "dark", phone=mode in SMALL):
        found = violations(page, options)
        if mode in SMALL:
            found += [f"cut off: {one}" for one in page.evaluate(CUT)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append("the page scrolls sideways")
        if found:
            wrong[name] = found
    assert wrong == {}


def test_every_page_has_one_heading_and_says_what_it_is_for(site, page_as, addresses):
    page = page_as("owner")
    for address in addresses.values():
        page.goto(address)
        assert page.locator("main p.help, main .empty p, main .plain p, main.failure p").count(), address
        assert page.locator("h1").count() == 1, address
        assert page.title().strip() not in ("", "· Indelible"), address


# Whether the focus can be seen: it has a ring, lies in the window, and nothing lies over it.
SEEN = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  if (one === document.body) return "nothing has the focus";
  const said = one.outerHTML.slice(0, 120);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  if (!ring && !one.matches("main, aside, h2, [type=radio], [type=checkbox]")) return "no ring: " + said;
  if (box.bottom < 0 || box.top > innerHeight) return "outside the window: " + said;
  const within = (at, end) => Math.min(Math.max(at, 0), end - 1);
  const middle = [within((box.left + box.right) / 2, innerWidth), within((box.top + box.bottom) / 2, innerHeight)];
  const top = document.elementFromPoint(...middle);
  if (top && !one.contains(top) && !top.contains(one)) return "covered: " + said;
  return "";
}"""


class Keyboard:
    """Somebody without a pointer: goes on with the Tab key until something has the focus, which is seen each time."""

    MOST = 400  # more than a page of the list has

    def __init__(self, page: Any) -> None:
        self.page = page

    def reach(self, selector: str, text: str = "") -> None:
        here = "([of, text]) => document.activeElement.matches(of) && document.activeElement.textContent.includes(text)"
        for _ in range(self.MOST):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(SEEN) == ""
            if self.page.evaluate(here, [selector, text]):
                return
        pytest.fail(f"{selector} {text} cannot be reached with the Tab key")

    def press(self, selector: str, text: str = "") -> None:
        self.reach(selector, text)
        self.page.keyboard.press("Enter")

    def search(self, words: str) -> None:
        self.reach("#f-words")
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**q=*")


@pytest.fixture
def keyboard(page_as, site):
    """Begin at the list, as somebody who has a role and no pointer."""

    def begin(role: str) -> tuple[Any, Keyboard]:
        page = page_as(role)
        page.goto(site.clinic)
        page.wait_for_load_state("networkidle")
        return page, Keyboard(page)

    return begin


def test_the_device_of_a_cancellation_is_found_with_the_keyboard(keyboard):
    page, keys = keyboard("staff")
    keys.search("Perpétua")
    listed = page.url
    keys.press("a.skip[href='#entries']")
    keys.press("a.label", "Cancelled reservation")
    page.locator("#panel.open h2").wait_for()
    assert page.evaluate("document.activeElement.closest('#panel') !== null")
    assert "2001:db8:0:51::1e" in page.locator("#panel").inner_text()
    keys.reach("#panel a", "bk_")
    page.keyboard.press("Escape")
    page.wait_for_selector("#panel.open", state="detached")
    page.wait_for_function("document.activeElement.textContent === 'Cancelled reservation'")
    assert page.url.split("#")[0] == listed


def test_a_deleted_service_is_found_with_the_keyboard(keyboard):
    page, keys = keyboard("manager")
    keys.reach("#f-words")
    page.keyboard.type("deleted serv")
    page.get_by_role("option", name=re.compile("Deleted service")).first.wait_for()
    active = page.locator("#f-found [aria-selected=true]")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
        if active.count() and "Deleted service" in active.inner_text():
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    keys.press("a.subject", "Drenagem linfática")
    page.locator(".offer").wait_for()
    keys.reach(".offer button", "Copy")


def test_a_suspicious_sign_in_is_found_with_the_keyboard(keyboard):
    page, keys = keyboard("owner")
    keys.press(".nav a", "Sign-ins")
    page.locator(".unusual").wait_for()
    keys.press(".item a", "203.0.113.66")
    page.locator("tr.entry").first.wait_for()
    assert page.locator("tr.entry", has_text="Failed login").count() == 7


def test_a_refund_is_matched_with_the_keyboard(keyboard, site):
    page, keys = keyboard("manager")
    keys.search(site.uses["two-refunds"].ids["stripe_payment_intent"])
    keys.press("a.label", "Refunded charge")
    page.get_by_role("complementary", name="Entry").get_by_text("Stripe refund", exact=True).wait_for()


def test_the_payments_of_a_year_are_exported_with_the_keyboard(keyboard):
    page, keys = keyboard("auditor")
    keys.press(".pick > summary", "Views")
    keys.press(".pick a", "Payments this year")
    page.wait_for_url("**q=*")
    keys.press("a.export")
    page.wait_for_url("**/export/**")
    with page.expect_download() as download:
        keys.press("button", "Export")
    assert download.value.suggested_filename.endswith(".csv")


@pytest.mark.parametrize("place", ["Days", "Who", "What", "Views"])
def test_escape_closes_an_open_list_and_the_focus_stays(page_as, site, place):
    page = page_as("owner")
    page.goto(site.clinic)
    Keyboard(page).press(".pick > summary", place)
    page.locator("details.pick[open] .pick-body").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('details.pick[open] .pick-body') !== null")
    page.keyboard.press("Escape")
    assert page.locator("details.pick[open]").count() == 0
    assert place in page.evaluate("document.activeElement.textContent")


def test_older_keeps_the_place(site, page_as):
    page = page_as("owner")
    page.goto(site.clinic)
    before = page.locator("tr.entry").count()
    first = page.locator("tr.entry").first.inner_text()
    page.get_by_role("link", name="Older").click()
    page.locator("tr.entry").nth(before).wait_for()
    assert page.locator("tr.entry").first.inner_text() == first
    assert page.url.rstrip("/") == site.clinic.rstrip("/")
    places = page.locator("tr.entry > .what .telling > .first > a.label").evaluate_all(
        "all => all.map(one => one.getAttribute('href'))"
    )
    assert len(set(places)) == len(places)
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    assert focused == places[before]


HEARD = Path(__file__).parent / "heard"
A_YEAR = r"(\d (?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*) \d{4}"  # not said of this year's days


def heard(place) -> str:
    """What a screen reader has of a place; numbers, days and months differ with the day on which the demo is made."""
    said = "\n".join(line for line in place.aria_snapshot().splitlines() if "/url:" not in line)
    said = re.sub(A_YEAR, r"\1", said)
    said = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\b", "Day", said)
    said = re.sub(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b", "Month", said)
    return re.sub(r"(?<!level=)\b\d+(,\d{3})*", "0", said) + "\n"


@pytest.mark.parametrize("place", ["list", "panel", "story"])
def test_a_screen_reader_says_everything_once(site, page_as, known, place):
    """The texts beside this file were read as one hears them. INDELIBLE_HEARD=1 writes them anew, to be read again."""
    page = page_as("owner")
    if place == "story":
        page.goto(f"{site.clinic}story/booking/{known['booking']}/")
        now = heard(page.locator("main"))
    else:
        page.goto(f"{site.clinic}?q=about:booking/{known['booking']}")
        if place == "panel":
            page.locator("tr.entry a.label", has_text="Cancelled").first.click()
            page.locator("#panel.open h2").first.wait_for()
        now = heard(page.locator("table.entries" if place == "list" else "#panel"))
    text = HEARD / f"{place}.txt"
    if os.environ.get("INDELIBLE_HEARD"):
        text.write_text(now, encoding="utf-8")
    assert now == text.read_text(encoding="utf-8")


@pytest.fixture
def plain(page_as, site):
    """The list for a role, in a browser without JavaScript."""

    def begin(role: str) -> Any:
        page = page_as(role, script=False)
        page.goto(site.clinic)
        return page

    return begin


def searched(page, words: str) -> Any:
    """The rows of what is typed into the box, also further back where nothing was found yet."""
    page.get_by_label("Search", exact=True).fill(words)
    page.get_by_role("button", name="Search", exact=True).click()
    return looked_further(page)


def looked_further(page) -> Any:
    for _ in range(5):
        further = page.get_by_role("link", name="Search older entries")
        if page.locator("tr.entry").count() or not further.count():
            break
        further.click()
    return page.locator("tr.entry")


def test_a_cancellation_is_found_without_javascript(plain):
    page = plain("staff")
    searched(page, "Perpétua").filter(has_text="Cancelled reservation").locator("a.label").first.click()
    assert page.get_by_text("2001:db8:0:51::1e").first.is_visible()
    page.get_by_role("link", name="Back to the list").click()
    assert page.locator("tr.entry", has_text="Cancelled reservation").count() == 1


def test_a_deleted_service_is_found_without_javascript(plain):
    page = plain("manager")
    page.locator("details.pick > summary", has_text="What").click()
    page.locator(".groups-of-actions").get_by_role("link", name=re.compile("Deleted service")).first.click()
    looked_further(page).locator("a.subject", has_text="Drenagem linfática").click()
    assert "€55.00" in page.locator(".offer .priced").inner_text()


def test_a_suspicious_sign_in_is_found_without_javascript(plain):
    page = plain("owner")
    page.get_by_role("link", name="Sign-ins").click()
    page.locator(".item").get_by_role("link", name="203.0.113.66", exact=True).first.click()
    assert looked_further(page).filter(has_text="Failed login").count() == 7


def test_a_refund_is_matched_without_javascript(plain, site):
    page = plain("manager")
    rows = searched(page, site.uses["two-refunds"].ids["stripe_payment_intent"])
    rows.filter(has_text="Refunded charge").locator("a.label").first.click()
    assert page.get_by_text("Stripe refund", exact=True).is_visible()


def test_payments_are_exported_and_added_up_without_javascript(plain):
    page = plain("auditor")
    page.locator("details.pick > summary", has_text="Views").click()
    page.get_by_role("link", name="Payments this year").click()
    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_forms_work_without_javascript(plain, site):
    page = plain("owner")
    page.locator("details.pick > summary", has_text="Days").click()
    page.get_by_label("From, day", exact=True).fill("2020-01-01")
    page.locator("form.between").get_by_role("button", name="Show").click()
    assert "2020" in page.locator(".chips").inner_text()
    page.locator("details.pick > summary", has_text="Views").click()
    page.get_by_label("Name of the view").fill("Since long ago")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{site.clinic}views/")
    page.get_by_label("New name of Since long ago").fill("For ever")
    page.get_by_role("button", name="Rename").click()
    page.goto(f"{site.clinic}views/")
    page.get_by_role("button", name="Delete For ever").click()
    page.goto(f"{site.clinic}views/")
    assert not page.get_by_text("For ever").count()
    page.goto(f"{site.clinic}sign-ins/")
    page.get_by_label("What").select_option("failed")
    page.locator("form.narrow-list").get_by_role("button", name="Show").click()
    assert page.locator("tr.signin").count() == page.locator("tr.signin", has_text="failed").count() > 0
    page.goto(f"{site.clinic}integrity/")
    compared(page)
    page.get_by_role("button", name="Verify now").click()
    assert page.get_by_role("link", name="How far is it?").or_(page.locator(".verdict.intact")).first.is_visible()


def test_every_form_can_be_sent_without_javascript(states):
    """Passkeys alone are made by a script: the browser offers them in no other way."""
    wrong = {}
    simple = {name for name, (_, act) in STATES.items() if act is None} | {*OUTSIDE, "people", "integrity", "export"}
    for name, page in states(only=simple, script=False):
        buttons = "button:not([type=button]), input[type=submit]"
        for form in page.locator(f"form:not(:has({buttons}))").all():
            its = form.get_attribute("id")
            if not (its and page.locator(f"button[form={its}]").count()) and not (its and "webauthn" in its):
                wrong[name] = form.get_attribute("action")
    assert wrong == {}


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
