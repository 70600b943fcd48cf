"""Measure one change, alone and with what tells of it; print JSON: {case: [[client µs, server µs, wall µs], ...]}.

A block of one case follows a block of the next, round after round, so that all meet the same noise. Server time is the
backend's own time on a processor.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "outbox_host.settings"
django.setup()

import psycopg  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from indelible import Staff  # noqa: E402
from indelible.catalogue.bookings import BookingCreated  # noqa: E402
from indelible.django import record  # noqa: E402
from indelible.outbox import Outbox  # noqa: E402
from indelible.record.document import Request  # noqa: E402

from . import models  # noqa: E402

BLOCK = 50
STARTS_AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
VALUES = {"client": "cli_77", "service": "Facial", "starts_at": STARTS_AT, "price_minor": 8000, "notes": "by phone"}
ACTOR = Staff("usr_12", "Maria Fernandes")
ORIGIN = Request("staff_web", "203.0.113.9", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)")
INSERT = (
    "INSERT INTO outbox_host_bare (client, service, starts_at, state, price_minor, notes)"
    " VALUES (%s, %s, %s, 'booked', %s, %s) RETURNING id"
)
DOCUMENT = json.dumps({
    "action": "booking.created",
    "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"},
    "target": {"kind": "booking", "id": "1"},
    "client": {"id": "cli_77", "name": "Ana Sousa"},
    "context": {"service_name": "Facial", "starts_at": "2026-05-04T09:00:00Z", "price_minor": 8000, "currency": "EUR"},
    "request": {"channel": "staff_web", "ip": "203.0.113.9", "user_agent": ORIGIN.user_agent},
})  # fmt: skip
outbox = Outbox("c_lisbon")


def made():
    return BookingCreated(service_name="Facial", starts_at=STARTS_AT, price_minor=8000, currency="EUR")


def with_model(model):
    def change():
        with transaction.atomic():
            booking = model.objects.create(**VALUES)
            if model is models.Recorded:
                record(made(), target=booking, client=("cli_77", "Ana Sousa"), actor=ACTOR, request=ORIGIN)

    return change


def plain(how):
    def change():
        with plainly.transaction():
            ((number,),) = plainly.execute(INSERT, list(VALUES.values())).fetchall()
            if how == "call":
                outbox.record(
                    plainly, made(), target=("booking", number), client=("cli_77", "Ana Sousa"), actor=ACTOR,
                    request=ORIGIN,
                )  # fmt: skip
            elif how == "sql":
                plainly.execute("SELECT indelible.record('c_lisbon', %s::json)", [DOCUMENT])

    return change


def on_processor(pid):
    """Nanoseconds that a process has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def block(change, pid):
    server, client, wall = on_processor(pid), process_time(), perf_counter()
    for _ in range(BLOCK):
        change()
    took = perf_counter() - wall, process_time() - client
    return [took[1] / BLOCK * 1e6, (on_processor(pid) - server) / BLOCK / 1e3, took[0] / BLOCK * 1e6]


call_command("migrate", verbosity=0)
call_command("migrate", run_syncdb=True, verbosity=0)
connection.ensure_connection()
plainly = psycopg.connect(autocommit=True)
CASES = {
    "SQL: INSERT": (plain(""), plainly),
    "SQL: INSERT, SELECT indelible.record": (plain("sql"), plainly),
    "SQL: INSERT, Outbox.record()": (plain("call"), plainly),
    "Django: create()": (with_model(models.Bare), connection.connection),
    "Django: create(), record()": (with_model(models.Recorded), connection.connection),
    "Django: create() with django-auditlog": (with_model(models.Audited), connection.connection),
    "Django: create() with django-simple-history": (with_model(models.Historied), connection.connection),
}
found: dict[str, list[list[float]]] = {name: [] for name in CASES}
for number in range(int(sys.argv[1]) + 1):
    for name, (change, session) in CASES.items():
        took = block(change, session.info.backend_pid)
        if number:  # the first makes plans and fills caches
            found[name].append(took)
    plainly.execute("DELETE FROM indelible.outbox")
print(json.dumps(found))
