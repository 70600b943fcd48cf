"""A Django project that records into its outbox, on each engine, in a process of its own.

Django is configured once in a process, and other tests here configure it otherwise. A worker is started once an engine;
it runs the scripts of the tests one after the other, on tables that each finds empty.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from indelible.testing.postgres import Server, server

__all__ = ["server"]

# On PostgreSQL with Django's own choice, and with the driver that it takes where psycopg is not installed.
ENGINES = ("sqlite", "postgresql", "psycopg2")

_MODELS = """
from django.db import models

class Booking(models.Model):
    reference = models.CharField(max_length=40)
    state = models.CharField(max_length=10, default="booked")

    def activity_target(self):
        return ("booking", self.reference)

    def activity_person(self):
        return ("cli_77", "Ana Sousa")
"""
_VIEWS = """
from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from bookings.models import Booking
from indelible.catalogue.bookings import BookingCancelled
from indelible.errors import InvalidInput
from indelible.django import record

def change(request, **said):
    booking = Booking.objects.create(reference="bk_1")
    return record(BookingCancelled(), target=booking, client=booking, **said)

def plain(request):
    change(request)
    return HttpResponse()

def swallowing(request):
    try:
        change(request, key="outbox:mine")
    except InvalidInput:
        return HttpResponse(status=400)

def opted_out(request):
    try:
        change(request, key="outbox:mine", may_refuse=True)
    except InvalidInput:
        return HttpResponse(status=400)

def failing(request):
    Booking.objects.create(reference="bk_1")
    record(BookingCancelled(), target=("booking", "bk_9"), apart=True)
    raise RuntimeError

@transaction.non_atomic_requests
async def awaited(request):
    await sync_to_async(transaction.atomic(change))(request)
    return HttpResponse()

@transaction.non_atomic_requests
async def awaited_swallowing(request):
    await sync_to_async(transaction.atomic(swallowing))(request)
    return HttpResponse()
"""
_URLS = """
from django.urls import path
from bookings import views
names = "plain swallowing opted_out failing awaited awaited_swallowing".split()
urlpatterns = [path(name, getattr(views, name)) for name in names]
"""
_WHO = """
from indelible import Staff

woken = []

def actor(request):
    return Staff("usr_12", "Maria Fernandes")

def channel(request):
    return "client_app" if "Mobile" in request.META.get("HTTP_USER_AGENT", "") else None

def wake():
    woken.append(1)
    raise RuntimeError("a drainer that is not there")
"""
_SETTINGS = """
SECRET_KEY = "only for this test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bookings.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["indelible.django", "bookings"]
MIDDLEWARE = ["indelible.django.middleware.RecordingMiddleware"]
DATABASES = {databases!r}
INDELIBLE_CLINIC = "c_lisbon"
INDELIBLE_ACTOR = "bookings.who.actor"
INDELIBLE_CHANNEL = "bookings.who.channel"
"""
_WITHOUT_PSYCOPG = """
import sys
sys.modules["psycopg"] = None
"""
_WORKER = """
import json, os, sys, threading, traceback
from contextlib import suppress
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError, OperationalError
from django.test import AsyncClient, Client, TestCase, TransactionTestCase, override_settings
from bookings import who
from bookings.models import Booking
from indelible import Client as ClientActor, Request, Staff, System
from indelible.catalogue.bookings import BookingCancelled, BookingCompleted
from indelible.errors import InvalidInput, StorageFailure
from indelible.django import record, record_imported, recorded, recording_as

MARIA = Staff("usr_12", "Maria Fernandes")
BAD = {"key": "outbox:mine"}  # a key that is refused
OUTBOX = "indelible_outbox" if connection.vendor == "sqlite" else "indelible.outbox"

def cancel(reference="bk_1", **said):
    said.setdefault("actor", MARIA)
    return record(BookingCancelled(), target=("booking", reference), **said)

def refused(call, *errors):
    try:
        call()
    except errors or (InvalidInput, StorageFailure) as error:
        return str(error)

def ask(statement, alias="default"):
    "What is committed, seen by a connection that is nobody else's."
    other = connections[alias].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(statement)
            return [list(row) for row in cursor.fetchall()] if cursor.description else []
    finally:
        other.close()

def documents(alias="default"):
    return [json.loads(text) for (text,) in ask(f"SELECT CAST(document AS text) FROM {OUTBOX} ORDER BY id", alias)]

def waiting(alias="default"):
    return [one["target"]["id"] for one in documents(alias)]

def bookings(alias="default"):
    return [name for (name,) in ask("SELECT reference FROM bookings_booking ORDER BY id", alias)]

for alias in connections:
    with open(os.devnull, "w") as nowhere:
        call_command("migrate", database=alias, run_syncdb=True, stdout=nowhere, verbosity=0)
base = dict(globals())
for line in sys.stdin:
    said = []
    try:
        for alias in connections:
            for table in (OUTBOX, "bookings_booking"):
                ask(f"DELETE FROM {table}", alias)
        who.woken.clear()
        exec(compile(json.loads(line), "<script>", "exec"), {**base, "tell": said.append})
        answer = {"told": said[-1] if said else None}
    except BaseException:
        answer = {"failed": traceback.format_exc()}
    connections.close_all()
    print(json.dumps(answer, default=str), flush=True)
"""


class Host:
    """The project on one engine: run a script in it, and get what it told last."""

    def __init__(self, engine: str, folder: Path, databases: dict[str, Any], settings: str = "") -> None:
        self.engine, self.folder, self.databases = engine, folder, databases
        files = {"models": _MODELS, "views": _VIEWS, "urls": _URLS, "who": _WHO, "__init__": ""}
        (folder / "bookings").mkdir()
        for name, text in files.items():
            (folder / f"bookings/{name}.py").write_text(text)
        (folder / "settings.py").write_text(settings + _SETTINGS.format(databases=databases))
        self._worker = self.start("-c", _WORKER)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**known, "PYTHONPATH": str(self.folder), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> Any:
        worker = self._worker
        assert worker.stdin is not None and worker.stdout is not None and worker.stderr is not None
        worker.stdin.write(json.dumps(script) + "\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
        assert line, worker.stderr.read()
        answer = json.loads(line)
        assert "failed" not in answer, answer["failed"]
        return answer["told"]

    def stop(self) -> None:
        self._worker.communicate(timeout=60)


def databases_of(folder: Path, server: Server | None) -> dict[str, Any]:
    """Two databases: `default`, in which a request is a transaction, and `other`."""
    made: dict[str, dict[str, Any]] = {}
    for alias in ("default", "other"):
        if server is None:
            with closing(sqlite3.connect(folder / f"{alias}.db")) as db:
                db.execute("PRAGMA journal_mode = WAL")  # stays with the file
            made[alias] = {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / f"{alias}.db"),
                "OPTIONS": {"timeout": 1},
            }
        else:
            name = f"dj_{alias}_{secrets.token_hex(6)}"
            with psycopg.connect(server.url, autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name}")
            url = conninfo_to_dict(server.url)
            made[alias] = {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": name,
                "HOST": str(url["host"]),
                "PORT": str(url["port"]),
                "USER": str(url["user"]),
            }
    made["default"]["ATOMIC_REQUESTS"] = True
    return made


@pytest.fixture(scope="session", params=ENGINES)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The project on each engine in turn."""
    folder = tmp_path_factory.mktemp(f"outbox_{request.param}")
    server = None if request.param == "sqlite" else request.getfixturevalue("server")
    older = request.param == "psycopg2"
    made = Host(
        "sqlite" if server is None else "postgresql",
        folder,
        databases_of(folder, server),
        _WITHOUT_PSYCOPG if older else "",
    )
    if older:
        assert made.run("tell(connection.Database.__name__)") == "psycopg2"
    yield made
    made.stop()
