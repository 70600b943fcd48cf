"""One thread that puts what many requests send into the service's outbox together: `rows -> one commit -> answers`.

A commit waits for the disk, and waits as long for one document as for a thousand. So requests hand their rows to this
thread, which takes all that came while the disk was busy into the next transaction; the future of each request is done
when its rows are on the disk, and not before.

A document with a key of its own is looked for first: in the outbox by the row's key, which follows from the clinic and
the document's, and in the clinic's log. Both under the outbox's write lock, and who drains deletes a row behind the
append; so a document is in one of them or was never sent, and the same key with another document is refused by whoever
sends it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import queue
import sqlite3
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from django.conf import settings

from ...drain.erased_names import EMPTIED
from ...errors import Conflict, IndelibleError, KeyUnavailable, NotFound, StorageFailure
from ...journal import Journal
from ...outbox import statements
from ...outbox.prepared import Prepared
from ...record import document
from ...record.append import Appended
from ...record.document import OWN_KEYS
from ..shared_journal import journal

# Rows of one transaction, or of one request where that has more.
_TOGETHER = 2_000
# Rows of a request that are looked for under the lock alone: to look twice costs more than it holds others up.
_FEW = 50
# Rows that may wait for the log. Beyond, who sends is asked to come back: the log takes some thousand a second.
WAITING = 200_000
# Rows of one clinic that may wait. Beyond, its own senders are asked to come back, and nobody else.
CLINIC_WAITING = 50_000
# Rows of a clinic that a process accepts between two counts of those that wait: by so many more, times the number of
# processes, there can be.
COUNTED_EACH = 5_000
_LOCKED_SECONDS = 30.0

_WAITING_OF_CLINIC = "SELECT count(*) FROM (SELECT 1 FROM indelible_outbox WHERE imported = 0 AND clinic = ? LIMIT ?)"
_WAITING_OF_ALL = "SELECT count(*) FROM (SELECT 1 FROM indelible_outbox LIMIT ?)"

_LOG = logging.getLogger("indelible.accepting")

State = Literal["accepted", "existing", "held", "conflict"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a row: `accepted` and on disk; `existing`, sent before, perhaps already the entry `appended`;
    `held`, sent before and kept aside for a reason; or a `conflict`, when nothing of it was kept.

    `key` is under which it can be asked for: the document's own, else the row's.
    """

    state: State
    key: str
    appended: Appended | None = None
    reason: str = ""


class Full(IndelibleError):
    """More documents wait for the log than the service takes; send them again later."""


class ClinicFull(IndelibleError):
    """More documents of this clinic wait for its log than the service takes; send them again later."""


@dataclass(slots=True)
class _Work:
    rows: Sequence[Prepared]
    atomic: bool
    future: Future[list[Accepted]]
    known: dict[int, Accepted] = field(default_factory=dict)  # what became of some rows, by their places


def under_way() -> Future[Any]:
    """A future that nobody can cancel: whoever waits for it may go away, and what it is of happens all the same."""
    made: Future[Any] = Future()
    made.set_running_or_notify_cancel()
    return made


def with_own_key(row: Prepared, key: str | None) -> Prepared:
    """Return a row with the key that follows from its document's, so that it is found again."""
    return row if key is None else replace(row, key=row_key(row.clinic, key))


def row_key(clinic: str, key: str) -> str:
    """The key of the row that has a document with a key of its own: a UUID of the form of random ones."""
    digest = hashlib.sha256(f"{clinic}\0{key}".encode("utf-8", "surrogatepass")).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def log_key(row: Prepared) -> str:
    """Under which key the log records a row."""
    return _own_key(row) or f"{OWN_KEYS}{row.key}"


def _own_key(row: Prepared) -> str | None:
    found = json.loads(row.document).get("key")
    return None if found is None else str(found)


class Accepting:
    """Takes rows from any thread and commits them in one of its own."""

    def __init__(self, accounts: Path, journal: Journal) -> None:
        self._path, self._journal = accounts, journal
        self._queue: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._db: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        # Of each clinic: rows that this process accepted since it counted, and how many waited then.
        self._counted: dict[str, tuple[int, int]] = {}
        threading.Thread(target=self._forever, name="accepting", daemon=True).start()

    def put(self, rows: Sequence[Prepared], *, atomic: bool = False) -> Future[list[Accepted]]:
        """Commit rows and return what became of each, in their order. With `atomic`, nothing is kept where one of them
        is a conflict. The future raises StorageFailure, where nothing was kept for sure, and Full."""
        work = _Work(rows, atomic, under_way())
        if len(rows) > _FEW:
            work.known = self._known(rows)
        self._queue.put(work)
        return work.future

    def _known(self, rows: Sequence[Prepared]) -> dict[int, Accepted]:
        """Return what became of the rows that are in the log already, by their places. An entry never changes, so that
        they are compared with it here, in the sender's thread, and not under the lock that everybody waits for."""
        keys = [_own_key(row) for row in rows]
        try:
            recorded = self._recorded(rows, keys)
            return {
                place: self._repeated(row, key, seq)
                for place, (row, key) in enumerate(zip(rows, keys, strict=True))
                if key is not None and (seq := recorded.get((row.clinic, key))) is not None
            }
        except Exception:  # it is tried again, and told, where the others are
            return {}

    def _forever(self) -> None:
        kept: _Work | None = None
        while True:
            works = [kept or self._queue.get()]
            kept = None
            size = len(works[0].rows)
            with contextlib.suppress(queue.Empty):
                while size < _TOGETHER:
                    one = self._queue.get_nowait()
                    if size + len(one.rows) > max(_TOGETHER, len(one.rows)) and works:
                        kept = one
                        break
                    works.append(one)
                    size += len(one.rows)
            self._commit(works)

    def _commit(self, works: Sequence[_Work]) -> None:
        try:
            results = self._transaction(works)
        except Exception as error:
            if not isinstance(error, Full):
                _LOG.error("what was sent is not accepted: %s", type(error).__name__, exc_info=error)
            if not isinstance(error, IndelibleError):
                error = StorageFailure("the service's outbox could not be written")
            for work in works:
                work.future.set_exception(error)
            return
        for work, result in zip(works, results, strict=True):
            if isinstance(result, IndelibleError):
                work.future.set_exception(result)
            else:
                work.future.set_result(result)

    def _transaction(self, works: Sequence[_Work]) -> list[list[Accepted] | IndelibleError]:
        db = self._connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            self._check_room(db)
            results = [self._one_request(db, work) for work in works]
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if db.in_transaction:
                    db.execute("ROLLBACK")
            self._close()  # whatever it was, the next one begins anew
            raise
        return results

    def _one_request(self, db: sqlite3.Connection, work: _Work) -> list[Accepted] | IndelibleError:
        """Take one request's rows, or return why none of them: what one clinic's log refuses is no other's trouble."""
        new = [row for place, row in enumerate(work.rows) if place not in work.known]
        try:
            self._check_clinics(db, new)
        except ClinicFull as full:
            return full
        db.execute("SAVEPOINT one")
        found: list[Accepted] | IndelibleError
        try:
            taken = iter(self._take(db, new))
            found = [work.known.get(place) or next(taken) for place in range(len(work.rows))]
        except sqlite3.Error:  # of the outbox, which is everybody's
            raise
        except Exception as error:
            _LOG.error("what was sent is not accepted: %s", type(error).__name__, exc_info=error)
            found = error if isinstance(error, IndelibleError) else StorageFailure("the log could not be read")
        if isinstance(found, IndelibleError) or (work.atomic and any(one.state == "conflict" for one in found)):
            db.execute("ROLLBACK TO one")
        db.execute("RELEASE one")
        return found

    def _check_clinics(self, db: sqlite3.Connection, rows: Sequence[Prepared]) -> None:
        """Raises ClinicFull. Counted before a clinic's first row here, and again behind each COUNTED_EACH of them, as
        other processes put theirs beside these."""
        wanted = Counter(row.clinic for row in rows)
        for clinic, more in wanted.items():
            since, counted = self._counted.get(clinic, (COUNTED_EACH, 0))
            if since + more > COUNTED_EACH or counted + since + more > CLINIC_WAITING:
                (counted,) = db.execute(_WAITING_OF_CLINIC, (clinic, CLINIC_WAITING)).fetchone()
                self._counted[clinic] = since, counted = 0, counted
            if counted + since + more > CLINIC_WAITING:
                raise ClinicFull
        for clinic, more in wanted.items():
            since, counted = self._counted[clinic]
            self._counted[clinic] = since + more, counted

    def _check_room(self, db: sqlite3.Connection) -> None:
        """Raises Full. A row's number only grows, so that the first and the last say how many there are at the most;
        where that is too many, as one that cannot be taken stays while others come and go, they are counted."""
        first, last = db.execute("SELECT min(id), max(id) FROM indelible_outbox").fetchone()
        if first is not None and last - first >= WAITING:
            (waiting,) = db.execute(_WAITING_OF_ALL, (WAITING + 1,)).fetchone()
            if waiting > WAITING:
                raise Full

    def _take(self, db: sqlite3.Connection, rows: Sequence[Prepared]) -> list[Accepted]:
        keys = [_own_key(row) for row in rows]
        recorded = self._recorded(rows, keys)
        return [self._one(db, row, key, recorded) for row, key in zip(rows, keys, strict=True)]

    def _one(
        self, db: sqlite3.Connection, row: Prepared, key: str | None, recorded: dict[tuple[str, str], int]
    ) -> Accepted:
        if key is None:
            self._insert(db, row)
            return Accepted("accepted", row.key)
        emptied = False
        for table, state in (("indelible_outbox", "existing"), ("indelible_outbox_held", "held")):
            reason = "''" if state == "existing" else "reason"
            there = db.execute(f"SELECT document, {reason} FROM {table} WHERE key = ?", (row.key,)).fetchone()  # noqa: S608
            emptied = there is not None and there[1] == EMPTIED
            if there is not None and not emptied:
                same = json.loads(there[0]) == json.loads(row.document)
                if same:
                    return Accepted("existing" if state == "existing" else "held", key, reason=there[1])
                if state == "existing":
                    return Accepted("conflict", key)
        if (seq := recorded.get((row.clinic, key))) is not None:
            return self._repeated(row, key, seq)
        if emptied:  # whoever it named does not come back with a retry
            return Accepted("held", key, reason=EMPTIED)
        self._insert(db, row)
        return Accepted("accepted", key)

    def _insert(self, db: sqlite3.Connection, row: Prepared) -> None:
        db.execute(*statements.record(statements.SQLITE, row))

    def _recorded(self, rows: Sequence[Prepared], keys: Sequence[str | None]) -> dict[tuple[str, str], int]:
        """The entries that were recorded under the rows' own keys, by clinic and key."""
        by_clinic: dict[str, list[str]] = defaultdict(list)
        for row, key in zip(rows, keys, strict=True):
            if key is not None:
                by_clinic[row.clinic].append(key)
        found: dict[tuple[str, str], int] = {}
        for clinic, wanted in by_clinic.items():
            with contextlib.suppress(NotFound, KeyUnavailable):  # closed meanwhile, which who drains says
                recorded = self._journal.clinic(clinic).recorded(wanted)
                found |= {(clinic, key): seq for key, seq in recorded.items()}
        return found

    def _repeated(self, row: Prepared, key: str, seq: int) -> Accepted:
        log = self._journal.clinic(row.clinic)
        event = document.parse_json(row.document.encode())
        dated = event.occurred_at is not None
        # As the drainer drafts it: a document without a time gets one, which is no word of the sender.
        draft = log.draft(event if dated else replace(event, occurred_at=min(row.at, log.clock())))
        try:
            appended = log.repeated(draft if dated else replace(draft, dated=False), seq)
        except Conflict:
            return Accepted("conflict", key)
        return Accepted("existing", key, appended)

    def _connection(self) -> sqlite3.Connection:
        """The open connection; a new one where another file took the place of the one that was opened."""
        found = os.stat(self._path)
        there = (found.st_dev, found.st_ino)
        if self._db is None or there != self._opened:
            self._close()
            self._db = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_LOCKED_SECONDS,
                check_same_thread=False,
            )  # fmt: skip
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA secure_delete = ON")
            self._opened = there
        return self._db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


_lock = threading.Lock()
_accepting: Accepting | None = None


def accepting() -> Accepting:
    """Return the one of this process, begun when it is first asked for."""
    global _accepting
    with _lock:
        if _accepting is None:
            _accepting = Accepting(settings.ENVIRONMENT.accounts, journal())
        return _accepting
