"""One installation of the service for all tests of a process: a new file, and in it a clinic for whoever asks.

Django is set up once in a process, so every test has clinics and people of its own instead of a database of its own.
At the end every clinic's log is verified.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from indelible.catalogue import find
from indelible.drain.passes import drain_all
from indelible.drain.sources import open_source
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.manage.inspection import inspect
from indelible.record.document import Actor, Client, Staff, System

PASSWORD = "a sentence that nobody guesses"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def contents(files: Iterable[Path]) -> bytes:
    """What is in files of databases that this process has open, read by another one: closing a file here would take
    every lock from it that SQLite holds, and the next program that opens it would damage it."""
    return subprocess.run(["cat", "--", *files], capture_output=True, check=True).stdout


def forget_counts() -> None:
    """Nobody failed to sign in, and no code was used."""
    from django.core.cache import cache

    from indelible.service import rate_limits

    cache.clear()
    rate_limits.clear()


class Service:
    """The installation, and what a test makes in it."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.drain: Callable[[], None] = lambda: None  # takes what waits in the accounts into the log

    def clinic(self, name: str = "Clínica da Graça", zone: str = "Europe/Lisbon") -> ClinicLog:
        from indelible.service.shared_journal import journal

        return journal().add_clinic(f"c_{secrets.token_hex(5)}", name=name, zone=zone)

    def user(
        self,
        role: str | None = None,
        log: ClinicLog | None = None,
        *,
        until: date | None = None,
        name: str = "Inês Faria",
    ) -> Any:
        """Somebody new; with a role and a clinic, a member of it."""
        from indelible.service.accounts.models import Membership, User

        user = User.objects.create_user(f"{secrets.token_hex(6)}@clinic.example", PASSWORD, name=name)
        if role is not None and log is not None:
            Membership.objects.create(user=user, clinic_id=log.clinic.id, role=role, until=until)
        return user

    def client(self, user: Any = None, **headers: str) -> Any:
        """A browser without a page: Django's own test client, signed in as somebody."""
        from django.test import Client as Browser

        browser = Browser(headers={"host": "localhost", "user-agent": AGENT, **headers})
        if user is not None:
            browser.force_login(user)
        return browser

    def fill(self, log: ClinicLog, mark: str = "") -> dict[str, str]:
        """Record something of every category; return the ids, all of which hold the mark."""
        ids = {kind: f"{kind}_{mark or secrets.token_hex(3)}" for kind in (
            "booking", "client", "charge", "voucher", "service", "reward", "operation")}  # fmt: skip
        who, person = Staff("usr_desk", f"Maria {mark}".strip(), "receptionist"), (ids["client"], f"Ana {mark}".strip())
        by_client = Client(*person)
        told: list[tuple[str, dict[str, Any], Actor, tuple[str, str], bool]] = [
            ("service.created", {"price_minor": 5_500, "currency": "EUR"}, who, ("service", ids["service"]), False),
            ("client.created", {"method": "staff"}, who, ("client", ids["client"]), False),
            ("booking.created", {"starts_at": "2026-05-04T09:00:00Z"}, by_client, ("booking", ids["booking"]), True),
            ("charge.succeeded", {"amount_minor": 5_500, "currency": "EUR"}, who, ("charge", ids["charge"]), True),
            ("booking.cancelled", {"late": True}, by_client, ("booking", ids["booking"]), True),
            ("charge.refunded", {"amount_minor": 2_500, "currency": "EUR", "source": "policy"},
             System("policy:late-cancel"), ("charge", ids["charge"]), True),
            ("voucher.purchased", {"amount_minor": 3_000, "currency": "EUR"}, who, ("voucher", ids["voucher"]), True),
            ("reward.created", {}, who, ("reward", ids["reward"]), False),
            ("account.logged_in", {"method": "password"}, who, ("staff", "usr_desk"), False),
            ("settings.changed", {"section": "booking"}, who, ("clinic", log.clinic.id), False),
            ("service.deleted", {"snapshot": {"name": f"Massage {mark}", "price_minor": 5_500, "currency": "EUR"}}, who,
             ("service", ids["service"]), False),
        ]  # fmt: skip
        for code, context, actor, target, about_client in told:
            declared = find(code)
            assert declared is not None, code
            known = {name: value for name, value in context.items() if name in declared.model_fields}
            document: dict[str, Any] = {
                "action": code, "actor": _said(actor), "context": known, "operation": ids["operation"],
                "target": {"kind": target[0], "id": target[1]},
                "request": {"channel": "staff_web", "ip": "203.0.113.9", "user_agent": AGENT},
            }  # fmt: skip
            if about_client and actor.kind != "client":
                document["client"] = {"id": person[0], "name": person[1]}
            log.record_document(document)
        return ids


class AtOnce:
    """Drains the accounts whenever something was committed, so that a test finds what a request has just recorded."""

    def __init__(self, settings: Any) -> None:
        self._lock = threading.Lock()
        self._journal = Journal(settings.database)
        self._source = open_source(str(settings.accounts), self._journal.places)

    def drain(self) -> None:
        with self._lock:
            drain_all(self._journal, self._source)

    def close(self) -> None:
        self._source.close()
        self._journal.close()


def _said(actor: Actor) -> dict[str, str]:
    members = {name: getattr(actor, name) for name in ("kind", "id", "name", "role", "reason")}
    return {name: value for name, value in members.items() if value is not None}


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    database = tmp_path_factory.mktemp("service") / "activity.db"
    os.environ.update(
        {
            "INDELIBLE_DATABASE": str(database),
            "INDELIBLE_URL": "http://localhost:8000",
            "INDELIBLE_KEEP_BESIDE": "yes",
            "INDELIBLE_FRAME_ANCESTORS": "https://app.example https://*.hosts.example",
            "DJANGO_SETTINGS_MODULE": "indelible.service.run.settings",
        }
    )
    for name in (
        "INDELIBLE_SMTP",
        "INDELIBLE_MASTER_KEY",
        "INDELIBLE_KEEP",
        "INDELIBLE_STATIC",
        "INDELIBLE_ACCOUNTS",
        "INDELIBLE_OUTBOXES",
    ):
        os.environ.pop(name, None)
    from indelible.service import environment
    from indelible.service.run import startup

    startup.prepare(environment.read())
    # Read once; other tests of this process must not find them.
    for name in (
        "INDELIBLE_DATABASE", "INDELIBLE_URL", "INDELIBLE_KEEP_BESIDE", "INDELIBLE_FRAME_ANCESTORS",
        "DJANGO_SETTINGS_MODULE",
    ):  # fmt: skip
        os.environ.pop(name, None)
    from django.conf import settings
    from django.db import connections
    from django.test.utils import setup_test_environment, teardown_test_environment

    from indelible.service.run import drain_threads
    from indelible.service.shared_journal import close_journal, journal

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the tests' passwords are no secrets
    setup_test_environment()
    at_once = AtOnce(settings.ENVIRONMENT)
    drain_threads.wake = at_once.drain  # a thread would come some milliseconds later
    made = Service(database)
    made.drain = at_once.drain
    yield made
    at_once.close()
    try:
        for clinic, state in journal().clinics():
            if state.closed_at is None:
                log = journal().clinic(clinic.id)
                log.checkpoint()
                report = inspect(log)
                assert report.result == "intact", (clinic.id, report.findings, report.doubts)
    finally:
        teardown_test_environment()
        connections.close_all()
        close_journal()
