"""The demo's folder: activity.db with its key file and its head store, made once and completed when it is there.

The folder is complete in itself: the environment's INDELIBLE_MASTER_KEY and INDELIBLE_HEAD_STORE are not used, because
a demo must never touch the keys and heads of an installation in earnest.

The first entry tells on which day the demo's year begins, so a folder keeps its year however often it is used.
Documents go in in their order, in batches; a batch is in the log whole or not at all. Where the last entry is the
document that belongs there, all before it are there too and are not sent again; else all are sent again, and their
keys tell which ones are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from .. import document, instant, keys
from ..errors import Conflict, StorageFailure
from ..journal import ClinicLog, Journal, Places, now_in_microseconds
from . import calendar
from .founding import CLINIC_ID, CLINIC_NAME
from .people import Json
from .uses import Use, uses
from .year import make_documents

# Large enough that a commit costs little, small enough that the progress moves.
BATCH = 2_000


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
    clock = now_in_microseconds if now is None else lambda: now
    moment = clock()
    with _open_or_create(folder, clock) as journal:
        log = _log(journal)
        yesterday = calendar.local(moment).date() - timedelta(days=1)
        start = _start(log) or yesterday - timedelta(days=days - 1)
        days = min(days, (yesterday - start).days + 1)
        documents = list(make_documents(seed, start=start, days=days))
        added = _complete(log, documents, progress or (lambda done, all: None))
    return Built(folder / "activity.db", CLINIC_ID, start, len(documents), added, uses(seed, start=start, days=days))


def reopen(folder: Path) -> Journal:
    """Open the journal of a folder that `build` made, with the folder's own key and head store."""
    return _open(_places(folder), now_in_microseconds)


def _places(folder: Path) -> Places:
    return Places.beside(folder / "activity.db")


def _open(places: Places, clock: Callable[[], int]) -> Journal:
    return Journal(places.database, master_key=str(places.master_key), head_store=places.head_store, clock=clock)


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
    return Journal.create(places.database, master_key=str(places.master_key), head_store=places.head_store, clock=clock)


def _log(journal: Journal) -> ClinicLog:
    """The clinic's log; it is started here where a run before this one stopped between the database and the clinic."""
    if any(clinic.id == CLINIC_ID for clinic in journal.clinics()):
        return journal.clinic(CLINIC_ID)
    return journal.add_clinic(CLINIC_ID, name=CLINIC_NAME, zone=calendar.ZONE)


def _start(log: ClinicLog) -> date | None:
    return calendar.local(log.entry(1).occurred_at).date() if log.size else None


def _complete(log: ClinicLog, documents: Sequence[Json], progress: Callable[[int, int], None]) -> int:
    added, done = 0, _there(log, documents)
    progress(done, len(documents))
    for first in range(done, len(documents), BATCH):
        drafts = [log.draft(document.parse(one), imported=True) for one in documents[first : first + BATCH]]
        for result in log.append(drafts):
            if isinstance(result, Conflict):
                raise Conflict("the folder holds a demo of another seed, or of another release; choose another folder")
            added += not result.repeated
        progress(first + len(drafts), len(documents))
    return added


def _there(log: ClinicLog, documents: Sequence[Json]) -> int:
    """How many documents are in the log already, where that can be seen from the last one; else 0."""
    count = min(log.size, len(documents))
    if count == 0:
        return 0
    entry, expected = log.entry(count), documents[count - 1]
    same = entry.action == expected["action"] and entry.target == expected["target"]
    return count if same and entry.occurred_at == instant.parse(expected["occurred_at"], "occurred_at") else 0
