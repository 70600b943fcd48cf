"""The demo's folder: activity.db with its key file and its keep, made once and completed when it is there.

The folder is complete in itself: the environment's INDELIBLE_MASTER_KEY and INDELIBLE_KEEP are not used, because
a demo must never touch the keys and keep of an installation in earnest.

The clinic moved to Indelible LIVE_DAYS before the end. What happened before is imported, as its history would be; from
then on every hour is recorded by a clock that stands at that hour, as it would have been.

The first entry tells on which day the demo's year begins, so a folder keeps its year however often it is used.
Documents go in in their order, in batches; a batch is in the log whole or not at all. Where the last entry is the
document that belongs there, all before it are there too and are not sent again; else all are sent again, and their
keys tell which ones are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from ..errors import Conflict, StorageFailure
from ..format import instant
from ..journal import Journal, now_in_microseconds
from ..keep import keys
from ..log import ClinicLog
from ..places import Places
from ..record import document
from . import calendar
from .founding import CLINIC_ID, CLINIC_NAME
from .people import Json
from .uses import Use, uses
from .year import make_documents

# Large enough that a commit costs little, small enough that the progress moves.
BATCH = 2_000
# The newest days, of which the pages show something at once. More would take longer to make: each hour is an append.
LIVE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Built:
    """What `build` left: where the database is, how many documents the demo has, how many of them were added now.

    `uses` says what there is to look for.
    """

    database: Path
    clinic_id: str
    start: date
    documents: int
    added: int
    uses: tuple[Use, ...]


def build(
    folder: Path,
    *,
    seed: int = 1,
    days: int = 365,
    progress: Callable[[int, int], None] | None = None,
    now: int | None = None,
) -> Built:
    """Make the demo in a folder, or complete the one that is there, and say what was done.

    A new year ends yesterday by `now`, an instant in microseconds (default: the machine's clock). `progress` is called
    with how many documents are in and how many there are. Raises Conflict where the folder holds the year of another
    seed, and whatever Journal raises.
    """
    moment = now_in_microseconds() if now is None else now
    yesterday = calendar.local(moment).date() - timedelta(days=1)
    first = yesterday - timedelta(days=days - 1)
    clock = _Clock(calendar.midnight(first))  # a log takes nothing from before its own beginning
    with _open_or_create(folder, clock) as journal:
        log = _log(journal)
        start = _start(log) or first
        days = min(days, (yesterday - start).days + 1)
        documents = list(make_documents(seed, start=start, days=days))
        moved = calendar.midnight(start + timedelta(days=days - LIVE_DAYS))
        added = _complete(log, documents, clock, moved, progress or (lambda done, all: None))
        clock.now = moment
    return Built(folder / "activity.db", CLINIC_ID, start, len(documents), added, uses(seed, start=start, days=days))


def reopen(folder: Path) -> Journal:
    """Open the journal of a folder that `build` made, with the folder's own key and keep."""
    return _open(_places(folder), now_in_microseconds)


def _places(folder: Path) -> Places:
    return Places.beside(folder / "activity.db", folder / "activity.db.keep")


def _open(places: Places, clock: Callable[[], int]) -> Journal:
    return Journal(places.database, master_key=str(places.master_key), keep=places.keep, clock=clock)


def _open_or_create(folder: Path, clock: Callable[[], int]) -> Journal:
    places = _places(folder)
    if places.database.exists():
        return _open(places, clock)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailure(f"the folder {folder} cannot be made: {error.strerror}") from error
    if not places.master_key.exists():
        keys.create(places.master_key)
    return Journal.create(places.database, master_key=str(places.master_key), keep=places.keep, clock=clock)


def _log(journal: Journal) -> ClinicLog:
    """The clinic's log; it is started here where a run before this one stopped between the database and the clinic."""
    if any(clinic.id == CLINIC_ID for clinic, _ in journal.clinics()):
        return journal.clinic(CLINIC_ID)
    return journal.add_clinic(CLINIC_ID, name=CLINIC_NAME, zone=calendar.ZONE)


def _start(log: ClinicLog) -> date | None:
    return calendar.local(log.entry(1).occurred_at).date() if log.size else None


class _Clock:
    """A clock that stands where the story is. Microseconds since 1970 UTC."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is appended at once, and the instant at which that is done."""

    documents: Sequence[Json]
    imported: bool
    at: int


def _batches(documents: Sequence[Json], moved: int) -> Iterator[_Batch]:
    """The documents in order: what was before the instant `moved` as history, all else hour by hour."""
    for history, group in groupby(documents, key=lambda one: _occurred(one) < moved):
        some = list(group)
        if history:
            for first in range(0, len(some), BATCH):
                yield _Batch(some[first : first + BATCH], True, moved)
        else:
            for _, hour in groupby(some, key=lambda one: _occurred(one) // instant.HOUR):
                together = list(hour)
                yield _Batch(together, False, _occurred(together[-1]) + instant.SECOND)


def _occurred(one: Json) -> int:
    return instant.parse(one["occurred_at"], "occurred_at")


def _complete(
    log: ClinicLog, documents: Sequence[Json], clock: _Clock, moved: int, progress: Callable[[int, int], None]
) -> int:
    added, done = 0, _there(log, documents)
    progress(done, len(documents))
    for batch in _batches(documents[done:], moved):
        clock.now = batch.at
        drafts = [log.draft(document.parse(one), imported=batch.imported) for one in batch.documents]
        for result in log.append(drafts):
            if isinstance(result, Conflict):
                raise Conflict("the folder holds a demo of another seed, or of another release; choose another folder")
            added += not result.repeated
        done += len(drafts)
        progress(done, len(documents))
    return added


def _there(log: ClinicLog, documents: Sequence[Json]) -> int:
    """How many documents are in the log already, where that can be seen from the last one; else 0."""
    count = min(log.size, len(documents))
    if count == 0:
        return 0
    entry, expected = log.entry(count), documents[count - 1]
    same = entry.action == expected["action"] and entry.target == expected["target"]
    return count if same and entry.occurred_at == _occurred(expected) else 0
