"""Append against a bare executemany of the same rows; one `record()` against a bare durable insert."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from indelible.log import ClinicLog
from indelible.record import document

from .data import BATCH, documents, empty_log

_TABLES = ("entry", "tile", "link", "person", "idempotency")
# Which rows of a table came with the entries after a seq: a person's with the first entry of theirs, and a tile with
# the last of its hashes.
_NEW = {
    "person": "token IN (SELECT ref FROM indelible_link WHERE kind = 'person' GROUP BY ref HAVING min(seq) > ?)",
    "tile": "(number + 1) << (8 * level + 8) > ?",
}


def append(entries: int) -> tuple[float, float, float]:
    """Return microseconds for each entry: drafting, appending, and the bare executemany of the same finished rows.

    Batch by batch: ours, then the rows that ours had just written into a second file with the same schema, indexes,
    triggers and settings, one transaction each. So both meet the same noise.
    """
    drafting = appending = bare = 0.0
    with (
        TemporaryDirectory() as folder,
        empty_log(Path(folder), "ours") as log,
        empty_log(Path(folder), "bare") as other,
    ):
        reader = sqlite3.connect(log.shared.places.database)
        writer = _bare_connection(other.shared.places.database)
        events = documents(entries)
        for start in range(0, len(events), BATCH):
            parsed = [document.parse(event) for event in events[start : start + BATCH]]
            began = perf_counter()
            drafts = [log.draft(event) for event in parsed]
            drafted = perf_counter()
            log.append(drafts)
            appended = perf_counter()
            drafting, appending = drafting + drafted - began, appending + appended - drafted
            rows = {table: _new_rows(reader, table, start) for table in _TABLES}
            began = perf_counter()
            _insert(writer, rows)
            bare += perf_counter() - began
        reader.close()
        writer.close()
    each = 1e6 / len(events)
    return drafting * each, appending * each, bare * each


def _bare_connection(database: Path) -> sqlite3.Connection:
    writer = sqlite3.connect(database, isolation_level=None)
    for setting in ("synchronous = FULL", "cache_size = -65536", "temp_store = MEMORY"):
        writer.execute(f"PRAGMA {setting}")
    return writer


def _new_rows(reader: sqlite3.Connection, table: str, after: int) -> list[tuple[Any, ...]]:
    """The rows that came with the entries after a seq."""
    return reader.execute(f"SELECT * FROM indelible_{table} WHERE {_NEW.get(table, 'seq > ?')}", (after,)).fetchall()


def _insert(writer: sqlite3.Connection, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    writer.execute("BEGIN IMMEDIATE")
    for table, values in rows.items():
        if values:
            writer.executemany(f"INSERT INTO indelible_{table} VALUES ({', '.join('?' * len(values[0]))})", values)
    writer.execute("COMMIT")


def record(count: int) -> tuple[float, float]:
    """Return milliseconds for one `record()`, and for one bare insert of the same body, each durable on its own.

    The two take turns, so that both meet the same disk.
    """
    ours = bare = 0.0
    with TemporaryDirectory() as folder, empty_log(Path(folder), "ours") as log:
        writer = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = FULL")
        writer.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, body BLOB)")
        for event in documents(count):
            spent, body = _record_one(log, replace(document.parse(event), key=None))
            ours += spent
            began = perf_counter()
            writer.execute("INSERT INTO log (body) VALUES (?)", (body,))
            bare += perf_counter() - began
        writer.close()
    return ours * 1e3 / count, bare * 1e3 / count


def _record_one(log: ClinicLog, event: document.Document) -> tuple[float, bytes]:
    began = perf_counter()
    entry = log.record_document(event)
    spent = perf_counter() - began
    return spent, next(log.rows.entries(entry.seq - 1, entry.seq)).body
