"""The real process with a clinic in it, and a key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from indelible import Journal
from indelible.testing.logs import event

from ..test_server import Service

_KEY = """
import django, sys
django.setup()
from indelible.service.accounts import keys
print(keys.make("desk", list(keys.Scope), clinic_id=sys.argv[1])[1])
"""


def filled(folder: Path) -> Service:
    """Start the service with two clinics, of which `c_one` has some entries of one reservation."""
    service = Service(folder)
    with Journal.create(service.database) as journal:
        log = journal.add_clinic("c_one", name="One", zone="Europe/Lisbon")
        journal.add_clinic("c_two", name="Two", zone="Europe/Lisbon")
        for number in range(30):
            log.record_document(event(key=f"k{number}", target={"kind": "booking", "id": "bk_1"}))
    return service.start()


def key_of(service: Service, clinic: str = "c_one") -> str:
    """Make a key for everything in a clinic."""
    env = service.environment() | {"DJANGO_SETTINGS_MODULE": "indelible.service.run.settings"}
    program = [sys.executable, "-c", _KEY, clinic]
    return subprocess.run(program, env=env, capture_output=True, text=True, check=True).stdout.strip()
