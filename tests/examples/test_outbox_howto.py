"""The DB-API part of docs/howto/outbox.md, run as it stands there."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path
from typing import Any

from indelible.drain.passes import drain_all
from indelible.outbox import sql
from indelible.outbox.sqlite_source import SQLiteSource

HOWTO = Path(__file__).parents[2] / "docs/howto/outbox.md"


def test_it_cancels_a_booking_whose_entry_is_then_in_the_log(tmp_path, monkeypatch, journal, log):
    monkeypatch.chdir(tmp_path)
    host = sqlite3.connect("host.db")
    with host:
        sql.install(host)
        host.execute("CREATE TABLE booking (id TEXT PRIMARY KEY, state TEXT NOT NULL)")
        host.execute("INSERT INTO booking VALUES ('bk_1', 'booked')")
    code = next(
        block for block in re.findall(r"```python\n(.*?)```", HOWTO.read_text(), re.DOTALL) if "sqlite3" in block
    )
    told: dict[str, Any] = {}
    exec(compile(code, str(HOWTO), "exec"), told)
    told["connection"].close()
    assert [one["action"] for one in told["documents"]] == ["booking.cancelled"]
    assert host.execute("SELECT state FROM booking").fetchone() == ("cancelled",)
    host.close()
    journal.clock.now = now()
    source = SQLiteSource("host.db")
    assert drain_all(journal, source).appended == 1
    source.close()
    assert log.entry(1).sentence == "Maria Fernandes cancelled reservation bk_1"


def now() -> int:
    """The real time, as the host's row has it, in microseconds; the log's own clock stands still in 2026."""

    return time.time_ns() // 1000


def test_the_examples_that_it_leads_to_are_there_and_each_is_named_by_a_test():
    linked = re.findall(r"\]\(\.\./\.\./(examples/[^)#]+)\)", HOWTO.read_text(encoding="utf-8"))
    tests = "".join(file.read_text(encoding="utf-8") for file in HOWTO.parents[2].glob("tests/examples/*.py"))
    assert len(set(linked)) >= 6
    for path in map(Path, linked):
        assert (HOWTO.parents[2] / path).is_file(), path
        assert path.parts[1] in tests, path
