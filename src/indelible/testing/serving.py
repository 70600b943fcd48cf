"""The real service as a process, for tests and campaigns of whoever calls it over HTTP.

It is a session of its own, by which `kill` finds the workers too: each of them is a process group by itself, and
outlives the main process for a while.
"""
# ruff: noqa: S603, S101 - this module is part of tests, and starts what it made itself

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from ..journal import Journal

STARTS_WITHIN = 60.0  # seconds, on a busy machine

_MAKE_KEY = """
import sys, django
django.setup()
from indelible.service.accounts import keys
print(keys.make("a test", sys.argv[2].split(), clinic_id=sys.argv[1])[1])
"""


class Served:
    """`python -m indelible.service` in a folder of its own, with clinics, on a port that stays the same.

    `environment` is what it is told beside its database and port; it may be changed before a start.
    """

    def __init__(self, folder: Path, *clinics: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.database = folder, folder / "activity.db"
        self.environment = dict(environment or {})
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = int(listener.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        with Journal.create(self.database) as journal:
            for clinic in clinics:
                journal.add_clinic(clinic, name=clinic, zone="Europe/Lisbon")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start the process, and do not wait until it answers."""
        with (self.folder / "stderr").open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "indelible.service"],
                cwd=self.folder,
                env=self._environment(),
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )

    def start(self) -> Served:
        """Start the process, and return when it answers."""
        self.begin()
        return self.ready()

    def ready(self) -> Served:
        """Return when the process answers. Raises AssertionError with what it said where it does not."""
        end = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            ended = self._process is None or self._process.poll() is not None
            assert not ended and time.monotonic() < end, self.said()[-2000:]
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """End every process of it with SIGKILL, the main one first, and return when none is left."""
        if self._process is not None:
            session = self._process.pid
            self._end(signal.SIGKILL)
            end = time.monotonic() + STARTS_WITHIN
            while left := of_session(session):
                assert time.monotonic() < end, "a process of the service does not die"
                for one in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(one, signal.SIGKILL)
                time.sleep(0.002)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(signal.SIGTERM)

    def key(self, scopes: str = "record read", clinic: str = "") -> str:
        """Make an API key with these scopes, of a clinic or of the platform, and return its text."""
        done = subprocess.run(
            [sys.executable, "-P", "-c", _MAKE_KEY, clinic, scopes],
            env=self._environment() | {"DJANGO_SETTINGS_MODULE": "indelible.service.run.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def said(self) -> str:
        """What its processes wrote."""
        return (self.folder / "stderr").read_text(encoding="utf-8")

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(STARTS_WITHIN)
            self._process = None

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
        return kept | {
            "INDELIBLE_DATABASE": str(self.database),
            "INDELIBLE_PORT": str(self.port),
            "INDELIBLE_KEEP_BESIDE": "yes",
            **self.environment,
        }

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready/", timeout=5) as answer:  # noqa: S310 - an address of ours
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False


def of_session(session: int) -> list[int]:
    """The living processes of a session (Linux)."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                state, _, _, its_session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(its_session) == session and state != "Z":
                    found.append(int(folder.name))
    return found
