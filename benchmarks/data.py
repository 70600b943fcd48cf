"""The log that is measured: the demo clinic's documents, so that entries are as mixed and as long as in life."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from indelible import Journal
from indelible.demo import make_documents
from indelible.log import ClinicLog
from indelible.record import document

ZONE = "Europe/Lisbon"
BATCH = 2_000


def documents(entries: int) -> list[dict[str, Any]]:
    """Return so many event documents of the demo clinic."""
    days = max(30, entries // 80)  # some 130 a day on average; the first weeks have fewer
    made = list(islice(make_documents(1, start=date(2020, 1, 6), days=days), entries))
    gc.freeze()  # these stay alive for the harness's sake: the collector must not walk them in what is measured
    return made


@contextmanager
def empty_log(folder: Path, name: str) -> Iterator[ClinicLog]:
    """Make a log without entries, in a file of its own."""
    with Journal.create(folder / f"{name}.db") as journal:
        yield journal.add_clinic("c", name="Bench", zone=ZONE)


@contextmanager
def filled_log(entries: int) -> Iterator[ClinicLog]:
    """Make a log of so many entries in a folder that is removed afterwards."""
    with TemporaryDirectory() as folder, empty_log(Path(folder), "filled") as log:
        events = documents(entries)
        for start in range(0, len(events), BATCH):
            log.append([log.draft(document.parse(event)) for event in events[start : start + BATCH]])
        log.checkpoint()
        yield log
