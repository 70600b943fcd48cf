"""An existing application as a host: django-appointment, with the receivers of examples/django_appointment.

It is installed into an environment of its own, with this tree's package. Its own tests run without the receivers and
with them, on SQLite and on PostgreSQL: the same must pass. Then a day of a clinic goes through its
pages on PostgreSQL; each step fails once at the commit, after which neither a change nor a document may be there, and
what was committed is drained and read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from indelible import Journal
from indelible.drain.passes import drain_all
from indelible.outbox.postgres_source import PostgresSource
from indelible.testing.postgres import Server, cluster

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "django_appointment"
PACKAGE = "django-appointment==3.12.0"

DAY = """
import json, os, sys
from datetime import date, timedelta
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from appointment import models
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client

class Browser(Client):
    def __init__(self, user):
        super().__init__(raise_request_exception=False, SERVER_NAME="localhost")
        self.force_login(user)

def state():
    kept = [list(model.objects.order_by("pk").values()) for model in apps.get_app_config("appointment").get_models()]
    return kept, waiting()

def waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT action FROM indelible.outbox ORDER BY id")
        return [action for (action,) in cursor.fetchall()]

def power_off():
    connection.rollback()
    raise OperationalError("the server went away")

def step(send, path, body, *actions):
    kept, before = state()
    connection.commit = power_off
    assert send(path, body).status_code == 500, path
    del connection.commit
    assert state() == (kept, before), path
    answer = send(path, body)
    assert answer.status_code in (200, 302), (path, answer.status_code, answer.content[:2000])
    assert waiting() == [*before, *actions], (path, waiting(), answer.content[:2000])
    return answer

maria = User.objects.create_superuser("maria", "maria@clinic.example", first_name="Maria", last_name="Fernandes")
ana = User.objects.create_user("ana", "ana@client.example", first_name="Ana", last_name="Sousa")
desk, phone = Browser(maria), Browser(ana)
SERVICE = {"name": "Facial", "description": "", "duration": "01:00:00", "price": "80.00", "down_payment": "20.00",
           "currency": "EUR", "background_color": "#aabbcc"}
ADMIN = "/en/app-admin"
step(desk.post, f"{ADMIN}/add-service/", SERVICE, "service.created")
service = models.Service.objects.get()
step(desk.post, f"{ADMIN}/make-superuser-staff-member/", {}, "staff.added")
member = models.StaffMember.objects.get()
member.services_offered.add(service)
monday = date.today() + timedelta(days=7 - date.today().weekday())
slot = {"date": str(monday), "start_time": "09:00", "end_time": "10:00", "service": service.pk,
        "staff_member": member.pk}

def book():
    step(phone.post, "/en/request-submit/", slot)
    chosen = models.AppointmentRequest.objects.latest("pk")
    body = {"name": "Ana Sousa", "email": ana.email, "phone_0": "PT", "phone_1": "912345678", "payment_type": "full",
            "address": "Lisbon"}
    step(phone.post, f"/en/client-info/{chosen.pk}/{chosen.id_request}/", body, "booking.created")
    return chosen.appointment

first = book()
chosen = first.appointment_request
moved = {**slot, "start_time": "11:00", "end_time": "12:00", "appointment_request_id": chosen.id_request}
step(phone.post, "/en/appointment-reschedule-submit/", moved)
link = models.AppointmentRescheduleHistory.objects.get().id_request
step(phone.get, f"/en/confirm-reschedule/{link}/", {}, "booking.rescheduled")
off = {"start_date": str(monday), "end_date": str(monday), "description": ""}
step(desk.post, f"{ADMIN}/add-day-off/{maria.pk}/", off, "schedule.blocked")
step(desk.post, f"{ADMIN}/delete-appointment/{first.pk}/", {}, "booking.cancelled")
step(desk.post, f"{ADMIN}/update-service/{service.pk}/", {**SERVICE, "price": "90.00"}, "service.edited")
second = book()
# Its service takes the appointment along.
step(desk.post, f"{ADMIN}/delete-service/{service.pk}/", {}, "booking.cancelled", "service.deleted")
print(json.dumps({"first": first.pk, "second": second.pk, "off": models.DayOff.objects.get().pk}))
"""


def run(rounds: int, seed: int) -> int:
    """Runs once, whatever `rounds` and `seed` are: nothing here is random."""
    del rounds, seed
    with TemporaryDirectory(prefix="indelible-host-") as folder, cluster() as server:
        python = _installed(Path(folder))
        failed = _own_tests(python, Path(folder), server) + _day(python, Path(folder), server)
    print(f"appointment: {failed} failed")
    return int(failed > 0)


def _installed(folder: Path) -> str:
    """Install it all, with the project in the folder `host`; return the interpreter."""
    began = perf_counter()
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, f"{ROOT}[postgres]", PACKAGE], check=True, stderr=subprocess.DEVNULL)
    shutil.copytree(EXAMPLE, folder / "host", ignore=shutil.ignore_patterns("__pycache__", "*.db"))
    _python(python, folder, ["manage.py", "makemigrations", "appointment"], {}).check_returncode()
    print(f"appointment: {PACKAGE} installed in {perf_counter() - began:.0f} s", flush=True)
    return python


def _own_tests(python: str, folder: Path, server: Server) -> int:
    """Its tests, without the receivers and with them: some take their ids for granted and fail on PostgreSQL."""
    failed = 0
    for engine in ("sqlite", "postgresql"):
        off, on = (_tests(python, folder, server, engine, activity) for activity in ("off", "on"))
        if off[0] != on[0] or off[0] == 0 or off[1] != on[1]:
            failed += 1
            print(f"appointment: only with the receivers: {sorted(on[1] - off[1])}\n{on[2][-3000:]}")
    return failed


def _tests(python: str, folder: Path, server: Server, engine: str, activity: str) -> tuple[int, set[str], str]:
    """How many ran, the names of those that failed, and all that was said."""
    began = perf_counter()
    with _database(engine, folder, server) as environment:
        done = _python(python, folder, ["manage.py", "test", "appointment"], {**environment, "ACTIVITY": activity})
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
    number = int(ran[1]) if ran else 0
    names = set(re.findall(r"^(?:FAIL|ERROR): .*", done.stderr, re.MULTILINE))
    print(f"appointment: its tests, {engine}, receivers {activity}: {number} ran, {len(names)} failed, "
          f"{perf_counter() - began:.0f} s", flush=True)  # fmt: skip
    return number, names, done.stderr


def _day(python: str, folder: Path, server: Server) -> int:
    with server.database() as url:
        environment = _postgres(url)
        done = _python(python, folder, ["manage.py", "migrate"], environment)
        if not done.returncode:
            done = _python(python, folder, ["-W", "ignore", "-c", DAY], environment)
        if done.returncode:
            print(done.stderr[-3000:])
            return 1
        ids = json.loads(done.stdout.splitlines()[-1])
        with Journal.create(folder / "activity.db") as journal, closing(PostgresSource(url)) as source:
            log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
            drained = drain_all(journal, source)
            told = [log.entry(seq) for seq in range(1, drained.appended + 1)]
    sentences = [re.sub(r" from 20.*", "", entry.sentence) for entry in told]
    expected = [
        "Maria Fernandes created service Facial",
        "Maria Fernandes added staff member Maria Fernandes",
        f"Ana Sousa created reservation {ids['first']}",
        f"Ana Sousa rescheduled reservation {ids['first']}",
        f"Maria Fernandes blocked schedule {ids['off']}",
        f"Maria Fernandes cancelled reservation {ids['first']}",
        "Maria Fernandes edited service Facial",
        f"Ana Sousa created reservation {ids['second']}",
        f"Maria Fernandes cancelled reservation {ids['second']}",
        "Maria Fernandes deleted service Facial",
    ]
    right = sentences == expected and drained.held == 0
    print(f"appointment: a day through its pages: {'as it was' if right else 'not as it was'}")
    print("\n".join(f"    {sentence}" for sentence in sentences))
    return int(not right)


@contextmanager
def _database(engine: str, folder: Path, server: Server) -> Iterator[dict[str, str]]:
    if engine == "sqlite":
        yield {"CLINIC_DB": str(folder / "clinic.db")}
        return
    with server.database() as url:
        yield _postgres(url)


def _postgres(url: str) -> dict[str, str]:
    found = conninfo_to_dict(url)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    return {name: str(found[member]) for name, member in names.items()}


def _python(
    python: str, folder: Path, arguments: list[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    settings: dict[str, Any] = {**os.environ, "PYTHONPATH": str(folder / "host"), **environment}
    return subprocess.run(
        [python, *arguments],
        cwd=folder / "host",
        env=settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


if __name__ == "__main__":
    sys.exit(run(1, 1))
