"""A newcomer: each way of docs/howto/start.md from an empty folder, until the first entry is on a page of the browser.

All of it is typed as it stands there, also what is installed: into an environment of its own, from the registries and
from this tree. Only the ports, the folder of the keep and the database's address are others. The link of the
first start is followed in Chromium. INDELIBLE_PICTURES=FOLDER keeps a picture of each page.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from playwright.sync_api import Browser, Error, Page, sync_playwright
from tests.examples import start_page

from indelible.service.run.demo import free_port
from indelible.testing.postgres import cluster

ROOT = Path(__file__).parents[1]
_WITHIN = 60_000  # milliseconds


def run(rounds: int, seed: int) -> int:
    """Type each way once, whatever `rounds` and `seed` are; return 1 where one leads to no entry."""
    del rounds, seed
    found = subprocess.run([ROOT / "tools/find-chromium"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{'way':<20} {'shell':>5} {'files':>5} {'installing':>10} {'all':>5} seconds", flush=True)
    with (
        TemporaryDirectory(prefix="indelible-newcomer-") as folder,
        cluster() as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        for way in start_page.WAYS:
            with server.database() as database:
                _walk(way, Path(folder) / way.split()[0].lower(), database, browser)
        browser.close()
    return 0


def _walk(way: str, folder: Path, database: str, browser: Browser) -> None:
    empty = folder / "empty"
    empty.mkdir(parents=True)
    here, there = str(free_port()), str(free_port())

    def change(text: str) -> str:
        text = re.sub(r"'indelible(\[[\w,]+\])'", rf"'{ROOT}\1'", text)
        text = re.sub(r"(?m)^((?:pip|npm) install .*)$", r"\1\ndate +%s.%N >>installed", text)
        text = text.replace("$HOME/activity.keep", str(folder / "keep"))
        text = text.replace("postgresql://postgres@localhost/clinic", database)
        return text.replace("8000", here).replace("8001", there)

    began, clock = perf_counter(), _now()
    with start_page.typed(start_page.script(way, change), empty, {"INDELIBLE_PORT": here}) as link:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        _open(page, link)
        page.fill("[name=person]", "Maria Fernandes")
        page.fill("[name=email]", "maria@clinic.example")
        page.fill("[name=password]", "as long as a sentence")
        page.click("main form button")
        page.locator("tr", has_text="Cancelled reservation").first.wait_for(timeout=_WITHIN)
        took = perf_counter() - began
        if pictures := os.environ.get("INDELIBLE_PICTURES"):
            page.screenshot(path=Path(pictures) / f"{folder.name}.png")
        page.close()
    installed = float((empty / "installed").read_text().split()[-1]) - clock
    shell, files = start_page.lines(way)
    print(f"{way:<20} {shell:>5} {files:>5} {installed:>10.0f} {took:>5.0f}", flush=True)


def _open(page: Page, link: str) -> None:
    """Follow the link, again while the port is not open yet: the link is printed a moment before."""
    end = perf_counter() + _WITHIN / 1000
    while True:
        try:
            page.goto(link)
            return
        except Error as refused:
            if "ERR_CONNECTION_REFUSED" not in str(refused) or perf_counter() > end:
                raise


def _now() -> float:
    return float(subprocess.run(["date", "+%s.%N"], capture_output=True, text=True, check=True).stdout)
