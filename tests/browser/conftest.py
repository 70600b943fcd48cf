"""A real browser on a real server: the demo, served as `make demo` serves it, and Chromium.

INDELIBLE_PICTURES=docs/pictures writes the screenshots of the five uses into that folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from indelible.demo import folder as demo
from indelible.demo.uses import Use
from indelible.manage.inspection import inspect

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 60  # seconds, on a busy machine
PASSWORD = "indelible-demo"
CLINIC = "c_estrela"


@pytest.fixture(scope="session")
def chromium() -> str:
    found = subprocess.run([ROOT / "tools/find-chromium"], capture_output=True, text=True)
    if found.returncode:
        pytest.skip("browser: no Chromium is installed; `make test` installs one where it can")
    driver = subprocess.run([Path(sys.executable).with_name("playwright"), "--version"], capture_output=True, text=True)
    if driver.returncode:
        pytest.skip("browser: Playwright's program does not run here; `make test` installs what it needs where it can")
    return found.stdout.strip()


@dataclass
class Site:
    """The served demo. `start` is its first day, `uses` are the five questions, by name; `host` is the address of the
    page that may show it inside."""

    address: str
    folder: Path
    start: date
    uses: dict[str, Use]
    host: str

    @property
    def clinic(self) -> str:
        return f"{self.address}/c/{CLINIC}/"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    built = demo.build(folder)
    from indelible.service.run.demo import free_port

    port, host = free_port(), f"http://127.0.0.1:{free_port()}"  # of another site than localhost
    process = subprocess.Popen(
        [sys.executable, "-m", "indelible.service.run.demo", str(folder), str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "INDELIBLE_FRAME_ANCESTORS": host},
    )  # fmt: skip
    try:
        _wait(f"http://localhost:{port}/ready/", process)
        yield Site(f"http://localhost:{port}", folder, built.start, {use.name: use for use in built.uses}, host)
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output[-2000:]
    assert '"level": "error"' not in output, output[-4000:]
    with demo.reopen(folder) as journal:
        log = journal.clinic(CLINIC)
        checkpoint = log.reading().last_checkpoint()
        assert checkpoint is not None
        assert checkpoint.size == log.size, "what was recorded last is not signed"
        assert inspect(log).result == "intact"


def _wait(address: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the service did not start (exit code {process.poll()})")


# Not longer than a module: Playwright's event loop runs meanwhile, and Django refuses to work beside one.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def signed_in(browser: Any, site: Site) -> Callable[[str], Any]:
    """The cookies of somebody who signed in with a role, once for the tests of a module."""
    states: dict[str, Any] = {}

    def state(role: str) -> Any:
        if role not in states:
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{site.address}/account/login/")
            page.get_by_label("Email").fill(f"{role}@demo.example")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_url(site.clinic)
            states[role] = context.storage_state()
            context.close()
        return states[role]

    return state


@pytest.fixture
def page_as(browser: Any, site: Site, signed_in: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """A page for a role: `page_as("owner", phone=True, dark=True, script=False, language="pt")`."""
    opened = []
    problems: list[str] = []

    def page(role: str | None = "owner", *, phone=False, dark=False, script=True, language="en-GB") -> Any:
        context = browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 900},
            color_scheme="dark" if dark else "light", java_script_enabled=script, locale=language, has_touch=phone,
            storage_state=signed_in(role) if role else None, reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(15_000)
        opened.append(context)
        made = context.new_page()
        made.on("pageerror", lambda error: problems.append(str(error)))
        made.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
        return made

    yield page
    for context in opened:
        context.close()
    assert problems == []


class Hand:
    """Somebody's hand on a page: every click and key that is not typed text is counted. A list to choose from takes two
    clicks, one that opens it and one that chooses."""

    def __init__(self, page: Any) -> None:
        self.page, self.used = page, 0

    def click(self, place: Any) -> None:
        place.click()
        self.used += 1

    def choose(self, place: Any, choice: Any = None, **how: str) -> None:
        place.select_option(choice, **how)
        self.used += 2

    def search(self, words: str) -> None:
        """Click into the search box, type, and press Enter."""
        box = self.page.get_by_label("Search")
        box.click()
        box.fill(words)
        box.press("Enter")
        self.used += 2
        self.page.wait_for_url("**q=*")

    def suggested(self, words: str, name: Any) -> None:
        """Click into the search box, type, and click what is suggested."""
        box = self.page.get_by_label("Search")
        box.click()
        box.press_sequentially(words)
        self.page.get_by_role("option", name=name).first.click()
        self.used += 2
        self.page.wait_for_url("**q=*")


@pytest.fixture
def hand_on() -> type[Hand]:
    return Hand


@pytest.fixture
def picture() -> Callable[..., None]:
    """Keep a screenshot where INDELIBLE_PICTURES asks for them."""
    folder = os.environ.get("INDELIBLE_PICTURES")

    def take(page: Any, name: str, *, whole: bool = False) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)

    return take


@pytest.fixture
def copy(tmp_path: Path, site: Site) -> Path:
    """The site's folder as another program would have it."""
    return Path(shutil.copytree(site.folder, tmp_path / "copy"))
