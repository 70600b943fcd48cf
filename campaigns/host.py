"""The log in the staff area of an existing application: django-appointment in Django's admin, with host_admin/ put in.

Host and service are of two sites, in a browser without third-party cookies. A key of the platform makes the clinic,
and the demo's year is recorded over HTTP. Then each of the five uses (docs/howto/five-uses.md) is done by a member of
the staff who has the role for it, from the host's sign-in on, on a laptop and a phone: clicks, taps and keys are
counted. At last one client's page in the host, with nobody else's story. INDELIBLE_PICTURES=docs/pictures keeps
pictures.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import sync_playwright
from tests.browser.conftest import Hand

from indelible.client import Client
from indelible.demo import calendar
from indelible.demo.founding import CLINIC_ID, CLINIC_NAME
from indelible.demo.uses import Use, uses
from indelible.demo.year import make_documents
from indelible.testing.serving import Served

from .appointment import EXAMPLE, PACKAGE, ROOT

GLUE = Path(__file__).with_name("host_admin")
PASSWORD = "only for this campaign"
SIZES = {"laptop": (1366, 768), "phone": (390, 844)}
# They show nothing that another picture does not.
NOT_KEPT = {
    *("host-deleted.png", "host-deleted-phone.png", "host-refund.png", "host-refund-phone.png"),
    *("host-sign-ins-phone.png", "host-export.png"),
}
# Who works at the clinic and signs in at the host; the ids are those of the demo's documents.
STAFF = {
    "usr_1": ("Helena Vasconcelos", "owner"),
    "usr_2": ("Rui Magalhães", "manager"),
    "usr_12": ("Maria Fernandes", "staff"),
    "usr_90": ("Teresa Antunes", "auditor"),
}
PEOPLE = """
import json, os, sys
import django
django.setup()
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
given = json.load(sys.stdin)
groups = {name: Group.objects.create(name=name) for name in ("manager", "auditor")}
secret = make_password(given["password"])
for username, (name, role) in given["staff"].items():
    first, _, last = name.partition(" ")
    user = User.objects.create(username=username, first_name=first, last_name=last, password=secret, is_staff=True,
                               is_superuser=role == "owner")
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_user", "view_service", "view_appointment")))
    user.groups.set([groups[role]] if role in groups else [])
User.objects.bulk_create(User(username=id, first_name=name.partition(" ")[0], last_name=name.partition(" ")[2])
                         for id, name in given["clients"].items())
"""


def run(rounds: int, seed: int) -> int:
    """`rounds` is how many days the clinic's year has."""
    with TemporaryDirectory(prefix="indelible-host-") as name:
        python = installed(Path(name))
        return play(Path(name), python, days=rounds, seed=seed)


def installed(folder: Path) -> str:
    """Install the host into an environment of its own; return the interpreter."""
    began = perf_counter()
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, PACKAGE], check=True, stderr=subprocess.DEVNULL)
    print(f"host: {PACKAGE} installed in {perf_counter() - began:.0f} s", flush=True)
    return python


def play(folder: Path, python: str, *, days: int, seed: int) -> int:
    """Fill both, serve both, and do it all; return an exit code."""
    start = datetime.now(ZoneInfo(calendar.ZONE)).date() - timedelta(days=days)
    documents = list(make_documents(seed, start=start, days=days))
    port = _free_port()
    host = f"http://127.0.0.1:{port}"  # of another site than localhost
    served = Served(folder)
    served.environment = {
        "INDELIBLE_URL": f"http://localhost:{served.port}",
        "INDELIBLE_FRAME_ANCESTORS": host,
        "INDELIBLE_LINKS": f"client: {host}/en/admin/activity/{{id}}/",
    }
    served.start()
    try:
        _record(served, documents)
        with _host(folder, python, port, served, documents):
            shop = Shop(host, {use.name: use for use in uses(seed, start=start, days=days)})
            return shop.play()
    finally:
        served.stop()


def _record(served: Served, documents: list[dict[str, Any]]) -> None:
    """Make the clinic by a key of the platform, and send it its year."""
    began = perf_counter()
    with Client(served.url, served.key("record manage"), CLINIC_ID) as client:
        client.put_clinic(CLINIC_ID, name=CLINIC_NAME, zone=calendar.ZONE)
        results = client.record_many(documents)
        refused = [result for result in results if isinstance(result, Exception)]
        assert not refused, refused[:3]
        while client.record(documents[-1], wait="entry").number is None:  # behind all others
            pass
    print(f"host: {len(documents)} documents over HTTP in {perf_counter() - began:.0f} s", flush=True)


@contextmanager
def _host(folder: Path, python: str, port: int, served: Served, documents: list[dict[str, Any]]) -> Iterator[None]:
    """Serve the host, with the clinic's staff and clients as its users."""
    project = folder / "host"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__", "*.db"))
    shutil.copytree(GLUE, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "host_settings",
        "LOG_URL": f"http://localhost:{served.port}",
        "LOG_KEY": served.key("manage"),
    }
    for command in (["makemigrations", "appointment"], ["migrate"]):
        _manage(python, project, environment, ["manage.py", *command])
    clients = {one["client"]["id"]: one["client"].get("name", "") for one in documents if one.get("client")}
    given = {"password": PASSWORD, "staff": STAFF, "clients": clients}
    _manage(python, project, environment, ["-c", PEOPLE], json.dumps(given))
    with (folder / "host.log").open("wb") as log:
        command = [python, "manage.py", "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}"]
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/en/admin/login/", process)
            yield
        finally:
            process.terminate()
            process.wait(60)


def _manage(python: str, project: Path, environment: dict[str, str], arguments: list[str], given: str = "") -> None:
    done = subprocess.run(
        [python, "-W", "ignore", *arguments], cwd=project, env=environment, input=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the host did not start (exit code {process.poll()})")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Shop:
    """The host's pages, and who works with them."""

    def __init__(self, host: str, asked: dict[str, Use]) -> None:
        self.host, self.asked = host, asked
        self.problems: list[str] = []
        self.counted: dict[str, dict[str, int]] = {}
        self.browser: Any = None

    def play(self) -> int:
        found = subprocess.run([ROOT / "tools/find-chromium"], capture_output=True, text=True, check=True)
        arguments = ["--test-third-party-cookie-phaseout", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        tasks: list[tuple[str, str, Callable[..., None]]] = [
            ("1, a cancelled reservation", "usr_12", self.cancelled),
            ("2, a deleted service", "usr_2", self.deleted),
            ("3, a suspicious login", "usr_1", self.suspicious),
            ("4, a refund", "usr_2", self.refund),
            ("5, a tax audit", "usr_90", self.audit),
            ("one client's page", "usr_12", self.one_client),
        ]
        failed = 0
        with sync_playwright() as playwright:
            self.browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=arguments)
            for size in SIZES:
                for name, who, task in tasks:
                    try:
                        self._do(name, who, task, size)
                    except Exception as error:  # whatever it is, the others are played too
                        failed += 1
                        print(f"host: {name}, {size}: {str(error)[:1500]}", flush=True)
            self.browser.close()
        for name, sizes in self.counted.items():
            said = "; ".join(f"{size}: 3 to sign in, {used} then" for size, used in sizes.items())
            print(f"host: {name}: {said}")
        for problem in self.problems:
            print(f"host: the browser said: {problem}")
        lines = {path: _lines(path) for path in sorted(GLUE.rglob("*.*")) if path.suffix in (".py", ".html")}
        said = ", ".join(f"{path.name} {number}" for path, number in lines.items())
        print(f"host: {sum(lines.values())} lines of glue ({said}); {failed} failed")
        return int(failed > 0 or bool(self.problems))

    def _do(self, name: str, who: str, task: Callable[..., None], size: str) -> None:
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", locale="en-GB",
            reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self.problems.append(said.text) if "Content Security" in said.text else None)
        hand = self._signed_in(page, who)
        before = hand.used
        task(page, hand, size)
        self.counted.setdefault(name, {})[size] = hand.used - before
        context.close()

    def _signed_in(self, page: Any, who: str) -> Hand:
        """Sign in at the host: into the first field, the Tab key, Enter."""
        page.goto(f"{self.host}/en/admin/")
        hand = Hand(page)
        name = page.get_by_label("Username")
        hand.click(name)
        name.fill(who)
        name.press("Tab")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        hand.used += 2
        page.wait_for_url("**/en/admin/")
        return hand

    def _log(self, page: Any) -> Any:
        """The frame of a page that has one, when it is as high as what it shows."""
        page.wait_for_selector("iframe")
        frame = page.frames[1]
        frame.wait_for_selector("html.sized", state="attached")
        frame.wait_for_function("() => document.documentElement.scrollHeight <= innerHeight + 1")
        return frame

    def _activity(self, page: Any, hand: Hand) -> tuple[Any, Hand]:
        """The page with the whole log, and a hand in its frame."""
        hand.click(page.get_by_role("link", name="Activity", exact=True).first)
        frame = self._log(page)
        return frame, Hand(frame)

    def _seen(self, page: Any, frame: Any, place: Any) -> None:
        """What is looked for is in the window, whole, and no second bar to scroll with is there."""
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        size = page.viewport_size
        assert box and box["x"] >= -1 and box["x"] + box["width"] <= size["width"] + 1, box
        for one in (page, frame):
            assert one.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls to the side"
        assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight + 1"), "two bars to scroll with"

    def _picture(self, page: Any, name: str, size: str) -> None:
        folder, file = os.environ.get("INDELIBLE_PICTURES"), f"host-{name}{'-phone' if size == 'phone' else ''}.png"
        if folder and file not in NOT_KEPT:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / file)

    def cancelled(self, page: Any, hand: Hand, size: str) -> None:
        frame, inner = self._activity(page, hand)
        self._picture(page, "activity", size)
        inner.search("Perpétua")
        row = frame.locator("tr.entry", has_text="Cancelled reservation")
        inner.click(row.locator("td.when"))
        panel = frame.get_by_role("complementary", name="Entry")
        panel.get_by_text("2001:db8:0:51::1e").first.wait_for()
        assert re.search(r"22:4[0-9]:[0-9]{2}", panel.inner_text())
        self._seen(page, frame, panel)
        self._picture(page, "entry", size)
        hand.used += inner.used

    def deleted(self, page: Any, hand: Hand, size: str) -> None:
        frame, inner = self._activity(page, hand)
        inner.suggested("deleted serv", re.compile("Deleted service"))
        row = frame.locator("tr.entry", has_text="Deleted service")
        said = row.inner_text()
        assert all(one in said for one in ("Drenagem linfática", "€55.00", "Aoife Brennan")), said
        self._seen(page, frame, row)
        self._picture(page, "deleted", size)
        hand.used += inner.used

    def suspicious(self, page: Any, hand: Hand, size: str) -> None:
        frame, inner = self._activity(page, hand)
        inner.click(frame.get_by_role("link", name="Sign-ins"))
        worst = frame.locator(".unusual .items > li", has_text="7 failed attempts, then in").first
        worst.wait_for()
        said = worst.inner_text()
        assert all(one in said for one in ("Rui Magalhães", "03:12", "Firefox on Linux", "203.0.113.66")), said
        self._picture(page, "sign-ins", size)
        inner.click(worst.get_by_role("link", name="203.0.113.66", exact=True))
        frame.locator("tr.entry").first.wait_for()
        assert frame.locator("tr.entry", has_text="Failed login").count() == 7
        self._seen(page, frame, frame.locator("tr.entry").first)
        hand.used += inner.used

    def refund(self, page: Any, hand: Hand, size: str) -> None:
        frame, inner = self._activity(page, hand)
        inner.search(self.asked["two-refunds"].ids["stripe_payment_intent"])
        refunds = frame.locator("tr.entry", has_text="Refunded charge")
        assert refunds.count() == 2
        inner.click(refunds.first.locator("td.when"))
        panel = frame.get_by_role("complementary", name="Entry")
        panel.get_by_text("Stripe refund", exact=True).wait_for()
        self._seen(page, frame, panel)
        self._picture(page, "refund", size)
        hand.used += inner.used

    def audit(self, page: Any, hand: Hand, size: str) -> None:
        frame, inner = self._activity(page, hand)
        if size == "laptop":
            inner.click(frame.locator("summary", has_text="Views"))
            inner.click(frame.get_by_role("link", name="Payments this year"))
        else:
            inner.suggested("payments", re.compile("^Payments"))
        frame.wait_for_url("**q=*")
        inner.click(frame.get_by_role("link", name="Export"))
        leaving = frame.get_by_role("region", name="What leaves").inner_text()
        shown = int("".join(re.findall(r"([0-9,]+) entries", leaving)[0]).replace(",", ""))
        self._picture(page, "export", size)
        with page.expect_download() as download:
            inner.click(frame.get_by_role("button", name="Export"))
        with open(download.value.path(), newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == shown
        assert {row["category"] for row in rows} == {"payments"}
        self._seen(page, frame, frame.get_by_role("button", name="Export"))
        hand.used += inner.used

    def one_client(self, page: Any, hand: Hand, size: str) -> None:
        """From the host's list of users to one, and from there to the one story."""
        client = self.asked["cancelled-booking"].ids["client"]
        page.goto(f"{self.host}/en/admin/auth/user/?q={client}")
        hand.click(page.get_by_role("link", name=client, exact=True))
        hand.click(page.get_by_role("link", name="Activity", exact=True).last)
        frame = self._log(page)
        assert "Perpétua Salgueiro" in frame.locator("h1").inner_text()
        assert frame.get_by_role("link", name="Sign-ins").count() == 0
        self._picture(page, "client", size)
        self._seen(page, frame, frame.locator("h1"))
        frame.get_by_role("link", name="Activity").click()
        frame.locator("tr.entry").first.wait_for()
        assert all("Salgueiro" in said for said in frame.locator("tr.entry").all_inner_texts())


def _lines(path: Path) -> int:
    """How many lines somebody typed: neither empty ones nor comments, and no docstring of one line."""
    return sum(
        bool(line.strip()) and not line.strip().startswith(("#", '"""')) for line in path.read_text().splitlines()
    )


if __name__ == "__main__":
    sys.exit(run(365, 1))
