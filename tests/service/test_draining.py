"""`indelible serve` drains the hosts' outboxes that its environment names."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from indelible import Journal
from indelible.catalogue.bookings import BookingCancelled
from indelible.errors import InvalidInput
from indelible.outbox import Outbox
from indelible.outbox.sql import install
from indelible.record.document import System
from indelible.service import environment

from .test_server import Service, service  # noqa: F401 - a fixture


def host(path) -> None:
    with closing(sqlite3.connect(path)) as db:
        install(db)
        db.execute("CREATE TABLE booking (id TEXT)")
        db.commit()


def book(path, number: int) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO booking VALUES (?)", (f"bk_{number}",))
        Outbox("c_lisbon").record(db, BookingCancelled(), actor=System("job:test"), target=("booking", f"bk_{number}"))


def wait_for(service: Service, size: int) -> None:  # noqa: F811
    end = time.monotonic() + 60
    with Journal(service.database) as journal:
        while journal.clinic("c_lisbon").size < size:
            assert time.monotonic() < end, service.said()
            time.sleep(0.05)


def test_what_a_host_records_while_it_serves_is_in_the_log(service, tmp_path):  # noqa: F811
    with Journal.create(service.database) as journal:
        journal.add_clinic("c_lisbon", name="Clínica", zone="Europe/Lisbon")
    first, missing = tmp_path / "first.db", tmp_path / "missing.db"
    host(first)
    book(first, 1)
    service.more["OUTBOXES"] = f"{missing} sqlite:///{first}"
    service.start()
    wait_for(service, 1)
    book(first, 2)
    wait_for(service, 2)
    assert service.stop() == 0
    assert "missing.db" in service.said()


@pytest.mark.parametrize("given", ["mysql://user:secret@db/clinic", "host.db redis://x"])
def test_a_database_that_holds_no_outbox_is_refused_without_its_password(given, tmp_path):
    with pytest.raises(InvalidInput, match=r"INDELIBLE_OUTBOXES: must be postgresql://") as caught:
        environment.read({"INDELIBLE_DATABASE": str(tmp_path / "a.db"), "INDELIBLE_OUTBOXES": given})
    assert "secret" not in str(caught.value)
