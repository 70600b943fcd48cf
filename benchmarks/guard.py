"""What the guard costs: one UPDATE and its COMMIT, with and without it, on a cluster of its own.

    python -m benchmarks.guard

Server time in milliseconds, as the client waits for it on the same machine; the least of several runs, in which the two
take turns. `documents` puts a document about each row beside the change; its cost is left out, because it is there
without the guard, too.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import psycopg

from indelible.outbox import sql
from indelible.testing.postgres import Server, cluster

SIZES = (1, 1_000, 100_000)
_ROW = "{:>9} {:>22} {:>12} {:>12} {:>12}"
_DOCUMENT = """
INSERT INTO indelible.outbox (clinic, action, target_kind, target_id, document)
SELECT clinic_id, 'booking.edited', 'booking', id, '{}' FROM booking WHERE n <= %s
"""


def main() -> None:
    with cluster() as server:
        on(server)


def on(server: Server) -> None:
    """Measure on this cluster."""
    print(_ROW.format("rows", "with", "statement", "commit", "bare, both"))
    with server.database() as url, psycopg.connect(url) as connection:
        sql.install(connection)
        connection.execute(
            "CREATE TABLE booking (id text PRIMARY KEY, clinic_id text, n int UNIQUE, status text, starts_at"
            " timestamptz, price_minor int, currency text, service text, practitioner text, room text, notes text,"
            " updated_at timestamptz)"
        )
        connection.execute(
            "INSERT INTO booking SELECT 'bk_' || n, 'c_' || n %% 20, n, 'booked', now(), 4500, 'EUR', 's_1', 'p_1',"
            " 'r_1', 'nothing of note', now() FROM generate_series(1, %s) n",
            [max(SIZES)],
        )
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE booking")
        for size in SIZES:
            _size(connection, size)


def _size(connection: Any, size: int) -> None:
    repeats = 30 if size == 1 else 5 if size == 1_000 else 2
    for case in ("documents", "reason", "nothing, mode record", "nothing, mode count"):
        best = [float("inf")] * 3
        for _ in range(repeats):
            bare = _run(connection, size, "")
            mode = "count" if case.endswith("count") else "record"
            connection.execute("SELECT indelible.guard('booking', 'booking', 'id', 'clinic_id', mode => %s)", [mode])
            _run(connection, 1, case)  # a session's first statement makes its plans
            took = _run(connection, size, case)
            connection.execute("SELECT indelible.unguard('booking')")
            best = [min(pair) for pair in zip(best, (*took, sum(bare)), strict=True)]
            connection.execute("TRUNCATE indelible.outbox")
        print(_ROW.format(size, case, *(f"{value * 1e3:.2f}" for value in best)), flush=True)


def _run(connection: Any, size: int, case: str) -> tuple[float, float]:
    """Seconds of the UPDATE, and of the COMMIT."""
    connection.execute("BEGIN")
    if case == "documents":
        connection.execute(_DOCUMENT, [size])
    elif case == "reason":
        connection.execute("SET LOCAL indelible.reason = 'benchmark'")
    began = perf_counter()
    connection.execute("UPDATE booking SET status = status || '.' WHERE n <= %s", [size])
    changed = perf_counter()
    connection.execute("COMMIT")
    return changed - began, perf_counter() - changed


if __name__ == "__main__":
    main()
