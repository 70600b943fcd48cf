"""A host whose bookings are in the log's own SQLite file: a booking and its entry are saved together, or not at all.

Run it: python examples/same_transaction.py
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from indelible import ClinicLog, Journal, Staff
from indelible.catalogue.bookings import BookingCancelled

MARIA = Staff("usr_12", "Maria Fernandes", role="receptionist")


def cancel(host: sqlite3.Connection, log: ClinicLog, booking: str, reason: str) -> None:
    """Cancel a booking and record it, in one transaction of the host's own connection."""
    with host:  # commits, or rolls back both when anything in here fails
        host.execute("BEGIN IMMEDIATE")
        changed = host.execute("UPDATE booking SET state = 'cancelled' WHERE id = ? AND state = 'booked'", (booking,))
        log.record(BookingCancelled(reason_text=reason), actor=MARIA, target=("booking", booking), connection=host)
        if changed.rowcount != 1:
            raise LookupError(booking)


def main() -> None:
    with TemporaryDirectory() as folder, Journal.create(Path(folder) / "clinic.db") as journal:
        log = journal.add_clinic("c_lisbon", name="Clínica Estrela", zone="Europe/Lisbon")
        host = sqlite3.connect(Path(folder) / "clinic.db", isolation_level=None)
        host.execute("CREATE TABLE booking (id TEXT PRIMARY KEY, state TEXT NOT NULL)")
        host.execute("INSERT INTO booking VALUES ('bk_99812', 'booked')")
        cancel(host, log, "bk_99812", "train was late")
        try:
            cancel(host, log, "bk_no_such", "a mistake")
        except LookupError as error:
            print(f"no booking {error}: neither a change nor an entry")
        host.close()
        for entry in log.read():
            print(entry.seq, entry.local_time.isoformat(" ", "seconds"), entry.sentence)


if __name__ == "__main__":
    main()
