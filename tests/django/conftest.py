"""A Django project that records: the one of docs/howto/django.md, run in processes of its own.

Django is configured once in a process, and other tests here configure it otherwise. Every test ends by verifying the
log.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal
from indelible.inspection import inspect

HOWTO = Path(__file__).parents[2] / "docs/howto/django.md"
_FILE = re.compile(r"```python\n# (\S+)\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(r"^    (python|indelible) (.+)$", re.MULTILINE)
_PROGRAMS = {"python": [], "indelible": ["-c", "import sys; from indelible.cli.main import main; sys.exit(main())"]}
_MANAGE = """import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "host.settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
# What every script of these tests finds done: a project that is set up, and these names.
_SET_UP = """import json, os, sys, threading
os.environ["DJANGO_SETTINGS_MODULE"] = "host.settings"
import django
django.setup()
from django.db import connection, transaction
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone
from bookings.models import Booking
from indelible import Staff, System
from indelible.catalogue.bookings import BookingCancelled, BookingCompleted
from indelible.django import close_journal, current_request, journal, record, recording_as
from indelible.errors import Conflict, IndelibleError, InvalidInput, NotFound, StorageFailure

MARIA = Staff("usr_12", "Maria Fernandes")

def book(reference):
    return Booking.objects.create(
        reference=reference, client_id="cli_77", client_name="Ana Sousa", starts_at=timezone.now())

def tell(value):
    print(json.dumps(value, default=str), flush=True)
"""


class Host:
    """A project in a folder: run its commands and scripts, and look at its log from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder, folder / "clinic.db"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**known, "PYTHONPATH": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run Python in the project, and return what it said on both outputs."""
        process = self.start(*arguments)
        out, error = process.communicate(timeout=120)
        assert process.returncode == code, error or out
        return out + error

    def manage(self, *arguments: str, code: int = 0) -> str:
        return self.command("manage.py", *arguments, code=code)

    def script(self, text: str) -> subprocess.Popen[str]:
        return self.start("-c", _SET_UP + text)

    def run(self, text: str, code: int = 0) -> Any:
        """Run a script in the project; return the value that it told last, if any."""
        process = self.script(text)
        out, error = process.communicate(timeout=120)
        assert process.returncode == code, error or out
        return json.loads(out.splitlines()[-1]) if out else None

    def settings(self, text: str) -> None:
        """Add to the project's settings."""
        with (self.folder / "host/settings.py").open("a") as file:
            file.write(f"\n{text}\n")

    def sentences(self) -> list[str]:
        """The log, oldest first: numbers and sentences."""
        with Journal(self.database) as journal:
            entries = sorted(journal.clinic("c_lisbon").read(), key=lambda entry: entry.seq)
        return [f"{entry.seq} {entry.sentence}" for entry in entries]

    def signed(self) -> int:
        """How many entries are covered by a checkpoint; signs nothing."""
        journal = Journal(self.database)
        row = journal.store.last_checkpoint("c_lisbon")
        journal.store.close()
        return row.size if row else 0

    def check(self) -> None:
        with Journal(self.database) as journal:
            for clinic in journal.clinics():
                report = inspect(journal.clinic(clinic.id))
                assert report.result == "intact", report.findings


def write_project(folder: Path) -> Host:
    """Write the how-to's files, unmigrated."""
    for name, text in _FILE.findall(HOWTO.read_text("utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        (path.parent / "__init__.py").touch()
    (folder / "manage.py").write_text(_MANAGE)
    migrations = folder / "bookings/migrations"
    migrations.mkdir()
    (migrations / "__init__.py").touch()
    host = Host(folder)
    host.manage("makemigrations", "bookings")
    return host


@pytest.fixture(scope="session")
def unmigrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("unmigrated")).folder


@pytest.fixture(scope="session")
def migrated(unmigrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated") / "project"
    shutil.copytree(unmigrated, folder)
    commands = _COMMAND.findall(HOWTO.read_text("utf-8"))
    assert [program for program, _ in commands] == ["python", "indelible"]
    for program, arguments in commands:
        Host(folder).command(*_PROGRAMS[program], *shlex.split(arguments))
    return folder


@pytest.fixture
def fresh(unmigrated: Path, tmp_path: Path) -> Host:
    """The how-to's project before its database is made."""
    shutil.copytree(unmigrated, tmp_path / "project")
    return Host(tmp_path / "project")


@pytest.fixture
def host(migrated: Path, tmp_path: Path) -> Iterator[Host]:
    """The how-to's project with the log of one clinic, which is verified at the end."""
    shutil.copytree(migrated, tmp_path / "project")
    made = Host(tmp_path / "project")
    yield made
    made.check()
