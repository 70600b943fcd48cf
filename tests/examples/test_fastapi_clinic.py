"""The host of examples/fastapi_clinic: every step is rolled back once, with its documents, and then done.

And the one of examples/outbox_node beside it, on the same database.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from indelible.drain.passes import drain_all
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource

EXAMPLES = Path(__file__).parents[2] / "examples"
# The clinic's own clock. Bookings lie ahead of it, and what is recorded has the real time.
NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
SERVICE = {"name": "Facial", "minutes": 60, "price_minor": 8000, "deposit_minor": 2000, "window_minutes": 1440}


class PoweredOff(Exception):
    """The host fails at the last moment, when all is done and nothing committed."""


class Clinic:
    """The example's application on a new database, and what is committed there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.app, self.tables = import_module("fastapi_clinic.app"), import_module("fastapi_clinic.tables")
        plain = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        self.tables.Base.metadata.create_all(plain)
        plain.dispose()
        with psycopg.connect(url) as connection:
            sql.install(connection)
            connection.execute("INSERT INTO client VALUES ('cli_77', 'Ana Sousa')")

    def call(self, method: str, path: str, body: Any = None, user: str | None = "usr_12") -> httpx.Response:
        async def send() -> httpx.Response:
            engine = create_async_engine(self.url.replace("postgresql://", "postgresql+asyncpg://"))
            app = self.app.make_app(engine, lambda: NOW)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            headers = {"user-agent": "Mozilla/5.0 (iPhone)"}
            headers |= {"x-user": user, "x-user-name": "Maria Fernandes"} if user else {}
            try:
                async with httpx.AsyncClient(transport=transport, base_url="http://clinic", headers=headers) as client:
                    return await client.request(method, path, json=body)
            finally:
                await engine.dispose()

        return asyncio.run(send())

    def state(self) -> dict[str, list[Any]]:
        """All rows of the clinic's tables, and of the outbox."""
        with psycopg.connect(self.url) as connection:
            names = [*self.tables.Base.metadata.tables, "indelible.outbox"]
            return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names}

    def waiting(self) -> list[str]:
        with psycopg.connect(self.url) as connection:
            return [row[0] for row in connection.execute("SELECT action FROM indelible.outbox ORDER BY id")]

    def step(self, method: str, path: str, body: Any, *actions: str) -> str:
        """Do it once with a failure at the commit, after which nothing has changed; then in earnest. Returns its id."""
        before, waiting = self.state(), self.waiting()
        event.listen(Session, "before_commit", _fail)
        try:
            assert self.call(method, path, body).status_code == 500
        finally:
            event.remove(Session, "before_commit", _fail)
        assert self.state() == before
        answer = self.call(method, path, body)
        assert answer.is_success, answer.text
        assert self.waiting() == [*waiting, *actions]
        return answer.json()["id"] if answer.status_code == 201 else ""


def _fail(_: Session) -> None:
    raise PoweredOff


@pytest.fixture
def clinic(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield Clinic(postgres)


def at(**later: int) -> str:
    return (NOW + timedelta(**later)).isoformat()


def test_a_day_of_the_clinic(clinic, log, journal, clock):
    service = clinic.step("POST", "/services", SERVICE, "service.created")
    booking = clinic.step(
        "POST", "/bookings", {"service": service, "client": "cli_77", "starts_at": at(days=3)},
        "booking.created", "charge.succeeded",
    )  # fmt: skip
    clinic.step("POST", f"/bookings/{booking}/reschedule", {"starts_at": at(days=4)}, "booking.rescheduled")
    clinic.step("POST", f"/bookings/{booking}/cancel", None, "booking.cancelled", "charge.refunded")
    pack = clinic.step(
        "POST", "/packs", {"service": service, "client": "cli_77", "sessions": 5, "price_minor": 35000},
        "charge.succeeded", "voucher.purchased",
    )  # fmt: skip
    second = clinic.step(
        "POST", "/bookings", {"service": service, "client": "cli_77", "starts_at": at(days=2), "voucher": pack},
        "booking.created", "voucher.redeemed",
    )  # fmt: skip
    clinic.step("POST", f"/bookings/{second}/cancel", None, "booking.cancelled", "voucher.session_returned")
    clinic.step("PATCH", f"/services/{service}", {"price_minor": 9000, "name": "Deep facial"}, "service.edited")
    clinic.step("DELETE", f"/services/{service}", None, "service.deleted")
    expected = clinic.waiting()
    entries = drained(clinic, journal, log, clock)
    assert [entry.action for entry in entries] == expected
    deposit, paid = (entry.target["id"] for entry in entries if entry.action == "charge.succeeded")
    assert [entry.sentence for entry in entries] == [
        "Maria Fernandes created service Facial",
        f"Maria Fernandes created reservation {booking}",
        f"Maria Fernandes processed charge {deposit} of 20.00 EUR",
        f"Maria Fernandes rescheduled reservation {booking} from 2026-05-06 13:00 to 2026-05-07 13:00",
        f"Maria Fernandes cancelled reservation {booking}",
        f"System refunded 20.00 EUR on {deposit} (source: policy)",
        f"Maria Fernandes processed charge {paid} of 350.00 EUR",
        f"Maria Fernandes purchased voucher {pack}",
        f"Maria Fernandes created reservation {second}",
        f"Maria Fernandes redeemed voucher {pack}",
        f"Maria Fernandes cancelled reservation {second}",
        f"System returned a session to voucher {pack}",
        "Maria Fernandes edited service Deep facial",
        "Maria Fernandes deleted service Deep facial",
    ]
    about_the_service = {"service.created", "service.edited", "service.deleted"}
    for entry in entries:
        assert entry.client == (None if entry.action in about_the_service else {"id": "cli_77", "name": "Ana Sousa"})
        assert (entry.request["user_agent"], entry.request["channel"]) == ("Mozilla/5.0 (iPhone)", "staff_web")
    # One click, one operation: also where what comes of it is done by the system.
    operations = [entry.members["operation"] for entry in entries]
    clicks = [1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9]
    assert [list(dict.fromkeys(operations)).index(one) + 1 for one in operations] == clicks
    refund = entries[expected.index("charge.refunded")]
    assert refund.actor == {"kind": "system", "reason": "policy:cancellation"}


def drained(clinic: Clinic, journal: Any, log: Any, clock: Any) -> list[Any]:
    """Drain all that waits, and return the log's entries."""
    clock.now = int(datetime.now(UTC).timestamp() * 1_000_000) + 1_000_000  # as the host's, or a little later
    expected = len(clinic.waiting())
    source = PostgresSource(clinic.url)
    assert drain_all(journal, source).appended == expected
    source.close()
    assert clinic.waiting() == []
    return [log.entry(seq) for seq in range(1, expected + 1)]


def test_a_host_in_another_language_writes_into_the_same_log(clinic, node_host, journal, log, clock):
    service = clinic.call("POST", "/services", SERVICE).json()["id"]
    booking = clinic.call("POST", "/bookings", {"service": service, "client": "cli_77", "starts_at": at(days=3)}).json()
    for code in (0, 1):  # and not a second time
        done = subprocess.run(
            ["node", "record.mjs", booking["id"]], cwd=node_host, capture_output=True, timeout=60, check=False,
            env=os.environ | {"DATABASE_URL": clinic.url, "USER_AGENT": "node"},
        )  # fmt: skip
        assert done.returncode == code, done.stderr
    assert clinic.call("POST", f"/bookings/{booking['id']}/cancel").status_code == 409
    clinic.call("DELETE", f"/services/{service}")
    entries = drained(clinic, journal, log, clock)
    assert [(entry.request["user_agent"], entry.sentence) for entry in entries[-2:]] == [
        ("node", f"Maria Fernandes cancelled reservation {booking['id']}"),
        ("Mozilla/5.0 (iPhone)", "Maria Fernandes deleted service Facial"),
    ]
    assert entries[-2].client == {"id": "cli_77"}


def test_a_late_cancellation_gives_nothing_back(clinic):
    service = clinic.call("POST", "/services", SERVICE).json()["id"]
    body = {"service": service, "client": "cli_77", "starts_at": at(hours=3)}
    booking = clinic.call("POST", "/bookings", body).json()["id"]
    clinic.step("POST", f"/bookings/{booking}/cancel", None, "booking.cancelled")


def test_a_declined_card_books_nothing_and_is_in_the_log(clinic):
    service = clinic.call("POST", "/services", SERVICE).json()["id"]
    body = {"service": service, "client": "cli_77", "starts_at": at(days=3), "card": "declined"}
    assert clinic.call("POST", "/bookings", body).status_code == 402
    assert clinic.waiting() == ["service.created", "charge.failed"]
    assert clinic.state()["booking"] == []


def test_what_nobody_did_is_not_done(clinic):
    before = clinic.state()
    assert clinic.call("POST", "/services", SERVICE, user=None).status_code == 500
    assert clinic.state() == before
