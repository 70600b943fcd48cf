"""What the campaigns attack: a database with two clinics and every kind of entry, and bundles of it, made from a seed.

`c_lisbon` has about 290 entries, so that its tree has a full tile and an open one: of every kind of actor, person and
value, some imported, with checkpoints in between, clients who were anonymized, some of them scrubbed, and one come
back. Its last entries are not signed yet. `c_porto` is small; its rows and files are there to be mixed in. The folder
has

    activity.db, .key, .keep      the log, without the triggers, which an attacker drops first
    older/                        database and keep as they were earlier, before the last anonymizations
    *.zip                         the bundles in BUNDLES, made when everything was signed

Every random number comes from the seed (keys, tokens and nonces too), so that a missed change can be made again.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.verify.conftest import CLINIC, _varied

from indelible.export.bundling import export_bundle, export_complete
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.record.document import Staff, parse
from indelible.testing.logs import Clock

OTHER = "c_porto"
BUNDLES = ("selection", "complete", "range", "withheld", "later", "porto")
_ENTRIES, _CLIENTS, _SIGN_EVERY, _UNSIGNED = 260, 14, 40, 6
_STAFF = Staff("usr_12", "Maria Fernandes")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Take every random byte from a generator with this seed. For material to attack, never for a log."""
    chance = random.Random(seed)
    with (
        patch.object(os, "urandom", chance.randbytes),
        patch.object(secrets, "token_bytes", chance.randbytes),
        patch.object(secrets, "token_hex", lambda size: chance.randbytes(size).hex()),
    ):
        yield


def prepare(folder: Path, seed: int) -> None:
    """Make the files in an empty folder."""
    clock = Clock()
    with seeded(seed), Journal.create(folder / "activity.db", installation="log.example.org", clock=clock) as journal:
        for clinic, entries in ((CLINIC, _ENTRIES), (OTHER, 40)):
            log = journal.add_clinic(clinic, name=clinic, zone="Europe/Lisbon")
            _fill(folder, log, clock, entries)
            _bundles(folder, log)
        _record(journal.clinic(CLINIC), clock, range(_ENTRIES, _ENTRIES + _UNSIGNED))
        journal.clinic(CLINIC).unsigned = False  # so that closing leaves the last entries unsigned
    _drop_triggers(folder / "activity.db")


def _fill(folder: Path, log: ClinicLog, clock: Clock, entries: int) -> None:
    for start in range(0, entries, _SIGN_EVERY):
        _record(log, clock, range(start, min(start + _SIGN_EVERY, entries)))
        log.checkpoint()
        if entries == _ENTRIES and start == 3 * _SIGN_EVERY:
            _keep_older(folder)
        if start >= _SIGN_EVERY:
            log.anonymize(f"cli_{100 + start // _SIGN_EVERY}", requested_by="client", actor=_STAFF)
        if start == 4 * _SIGN_EVERY:
            log.scrub()  # of those so far; what is sealed of the others is still there, dead


def _record(log: ClinicLog, clock: Clock, numbers: range) -> None:
    for number in numbers:
        clock.advance(0.01)  # less than a second: checkpoints stand only where they are asked for
        log._signed_at = clock()
        log.append([log.draft(parse(document(number)), imported=number % 9 == 0)])


def document(number: int) -> dict[str, Any]:
    """The event document of this number: one of ten kinds, about one of some clients."""
    varied = _varied()
    text = json.dumps(varied[number % len(varied)])
    who = (number + number // 10) % _CLIENTS
    for old, new in (
        ("cli_77", f"cli_{100 + who}"),
        ("Ana Sousa", f"Ana {number // 50}"),
        ("bk_1", f"bk_{number // 3}"),
    ):
        text = text.replace(f'"{old}"', f'"{new}"')
    return {**json.loads(text), "key": f"key-{number}"}


def _keep_older(folder: Path) -> None:
    (folder / "older").mkdir()
    for name in ("activity.db", "activity.db-wal"):
        shutil.copy2(folder / name, folder / "older" / name)
    shutil.copytree(folder / "activity.db.keep", folder / "older" / "activity.db.keep")


def _bundles(folder: Path, log: ClinicLog) -> None:
    if log.clinic.id == OTHER:
        export_complete(log, folder / "porto.zip", actor=_STAFF)
        return
    export_bundle(log, "category:bookings", folder / "selection.zip", actor=_STAFF)
    export_complete(log, folder / "complete.zip", actor=_STAFF)
    export_complete(log, folder / "range.zip", actor=_STAFF, first_seq=23, last_seq=61)
    export_bundle(log, "category:bookings", folder / "withheld.zip", actor=_STAFF, given=("network",))
    export_bundle(log, "category:bookings", folder / "later.zip", actor=_STAFF)


def _drop_triggers(database: Path) -> None:
    for path in (database, database.parent / "older" / database.name):
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {name}")
