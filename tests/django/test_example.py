"""The host of examples/django_clinic: every step is rolled back once, with its documents, and then done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from psycopg.conninfo import conninfo_to_dict

from indelible.drain.passes import drain_all
from indelible.outbox.postgres_source import PostgresSource
from indelible.outbox.sqlite_source import SQLiteSource

EXAMPLE = Path(__file__).parents[2] / "examples/django_clinic"

DAY = """
import json, os, time
from datetime import timedelta
os.environ["DJANGO_SETTINGS_MODULE"] = "host.settings"
import django
django.setup()
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client
from django.utils import timezone
from clinic import models

OUTBOX = "indelible_outbox" if connection.vendor == "sqlite" else "indelible.outbox"
ana = models.Client.objects.create(name="Ana Sousa")
browser = Client(raise_request_exception=False, SERVER_NAME="localhost", HTTP_USER_AGENT="Mozilla/5.0 (iPhone)")
maria = User.objects.create_user("maria", first_name="Maria", last_name="Fernandes")
stranger = Client(raise_request_exception=False, SERVER_NAME="localhost")
browser.force_login(maria)

def state():
    kept = [list(model.objects.order_by("pk").values()) for model in apps.get_app_config("clinic").get_models()]
    return kept, waiting()

def waiting():
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT action FROM {OUTBOX} ORDER BY id")
        return [action for (action,) in cursor.fetchall()]

def send(who, method, path, body):
    return who.generic(method, path, json.dumps(body), content_type="application/json")

def power_off():
    connection.rollback()
    raise OperationalError("the server went away")

def step(method, path, body, *actions):
    "Once with a failure at the commit, after which nothing has changed; then in earnest. Returns its id."
    kept, before = state()
    connection.commit = power_off
    assert send(browser, method, path, body).status_code == 500
    del connection.commit
    assert state() == (kept, before)
    answer = send(browser, method, path, body)
    assert answer.status_code in (200, 201), answer.content
    assert waiting() == [*before, *actions], waiting()
    return answer.json()["id"] if answer.status_code == 201 else None

def at(**later):
    return (timezone.now() + timedelta(**later)).isoformat()

SERVICE = {"name": "Facial", "minutes": 60, "price_minor": 8000, "deposit_minor": 2000, "window_minutes": 1440}
service = step("POST", "/services", SERVICE, "service.created")
who = {"service": service, "client": ana.pk}
booking = step("POST", "/bookings", {**who, "starts_at": at(days=3)}, "booking.created", "charge.succeeded")
step("POST", f"/bookings/{booking}/reschedule", {"starts_at": at(days=4)}, "booking.rescheduled")
step("POST", f"/bookings/{booking}/cancel", {}, "booking.cancelled", "charge.refunded")
late = step("POST", "/bookings", {**who, "starts_at": at(hours=3)}, "booking.created", "charge.succeeded")
step("POST", f"/bookings/{late}/cancel", {}, "booking.cancelled")
kept, before = state()
assert send(browser, "POST", f"/bookings/{late}/cancel", {}).status_code == 409
assert state() == (kept, before)
pack = step("POST", "/packs", {**who, "sessions": 5, "price_minor": 35000}, "charge.succeeded", "voucher.purchased")
body = {**who, "starts_at": at(days=2), "voucher": pack}
paid = step("POST", "/bookings", body, "booking.created", "voucher.redeemed")
step("POST", f"/bookings/{paid}/cancel", {}, "booking.cancelled", "voucher.session_returned")
step("PATCH", f"/services/{service}", {"price_minor": 9000, "name": "Deep facial"}, "service.edited")

kept, before = state()
assert send(browser, "POST", "/bookings", {**who, "starts_at": at(days=3), "card": "declined"}).status_code == 402
assert state() == (kept, [*before, "charge.failed"])
assert send(stranger, "POST", "/services", SERVICE).status_code == 500  # nobody has signed in
assert state() == (kept, [*before, "charge.failed"])

spare = step("POST", "/services", SERVICE, "service.created")
step("DELETE", f"/services/{spare}", {}, "service.deleted")
print(json.dumps({"waiting": waiting(), "booking": booking, "late": late, "pack": pack, "paid": paid}))
"""


class Example:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Example, Any]]:
    """The example on each engine, before its tables are made, and how to open its outbox."""
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "*.db"))
    if request.param == "sqlite":
        if django.VERSION < (5, 1):
            pytest.skip("django: the example's settings of SQLite are of Django 5.1")
        yield Example(folder, {}), lambda: SQLiteSource(folder / "clinic.db")
        return
    with request.getfixturevalue("server").database() as url:
        found = conninfo_to_dict(url)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
        environment = {name: str(found[member]) for name, member in names.items()}
        yield Example(folder, environment), lambda: PostgresSource(url)


def test_a_day_of_the_clinic(example, journal, log, clock):
    host, source_of = example
    host.run("manage.py", "migrate")
    day = json.loads(host.run("-W", "ignore", "-c", DAY).splitlines()[-1])
    expected = day["waiting"]
    clock.now = now() + 1_000_000  # as the host's, or a little later
    source = source_of()
    assert drain_all(journal, source).appended == len(expected)
    source.close()
    entries = [log.entry(seq) for seq in range(1, len(expected) + 1)]
    assert [entry.action for entry in entries] == expected
    charges = ("charge.succeeded", "charge.failed")
    deposit, second, paid, declined = (entry.target["id"] for entry in entries if entry.action in charges)
    told = [entry.sentence for entry in entries]
    moved = told.pop(expected.index("booking.rescheduled"))
    assert moved.startswith(f"Maria Fernandes rescheduled reservation {day['booking']} from ")
    assert told == [
        "Maria Fernandes created service Facial",
        f"Maria Fernandes created reservation {day['booking']}",
        f"Maria Fernandes processed charge {deposit} of 20.00 EUR",
        f"Maria Fernandes cancelled reservation {day['booking']}",
        f"System refunded 20.00 EUR on {deposit} (source: policy)",
        f"Maria Fernandes created reservation {day['late']}",
        f"Maria Fernandes processed charge {second} of 20.00 EUR",
        f"Maria Fernandes cancelled reservation {day['late']}",
        f"Maria Fernandes processed charge {paid} of 350.00 EUR",
        f"Maria Fernandes purchased voucher {day['pack']}",
        f"Maria Fernandes created reservation {day['paid']}",
        f"Maria Fernandes redeemed voucher {day['pack']}",
        f"Maria Fernandes cancelled reservation {day['paid']}",
        f"System returned a session to voucher {day['pack']}",
        "Maria Fernandes edited service Deep facial",
        f"Charge {declined} of 20.00 EUR failed",
        "Maria Fernandes created service Facial",
        "Maria Fernandes deleted service Facial",
    ]
    for entry in entries:
        assert (entry.client or {}).get("name") == (None if entry.action.startswith("service.") else "Ana Sousa")
        assert (entry.request["user_agent"], entry.request["channel"]) == ("Mozilla/5.0 (iPhone)", "staff_web")
    # One click, one operation: also where what comes of it is done by the system.
    operations = [entry.members["operation"] for entry in entries]
    clicks = [1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 9, 10, 11, 12, 13]
    assert [list(dict.fromkeys(operations)).index(one) + 1 for one in operations] == clicks
    assert entries[expected.index("charge.refunded")].actor == {"kind": "system", "reason": "policy:cancellation"}


def test_its_own_tests_pass_also_in_several_processes(example):
    host, _ = example
    assert "OK" in host.run("manage.py", "test", "--parallel", "2")


def now() -> int:
    """The real time in microseconds; the log's own clock stands still."""
    return time.time_ns() // 1000
