"""A copy must not record: whether a host's database is the one that the log is drained from.

The log remembers of each database its outbox's id, what a copy has otherwise (the server, the file), and the highest
place that it gave out. Draining stops, with nothing taken, where a database is not known, is another one with a known
outbox (a clone, a dump that was restored elsewhere, a file that was moved), or went back (a backup, a failover that
lost commits). The first host of a log is taken as it is; for each other one somebody says so once: `adopt`. The
service's own accounts (`OWN`) are no host, and belong to the log wherever both are.

What it cannot see is a clone that went further than the original before it was drained.
"""

from __future__ import annotations

from ..errors import StorageFailure
from ..outbox.source import Identity, Source
from ..stores.contract import SourceRow, Store

_ADOPT = "nothing was taken from it. If its documents belong into this log, `indelible outbox adopt` takes them"


# What stands for the database of the service's own accounts, which may be moved with the log, and made anew.
OWN = "accounts"


def check(store: Store, source: Source) -> Identity:
    """Return which database it is. Raises StorageFailure where it is not one that the log is drained from."""
    new, found, problem = _compared(store, source)
    if problem is not None:
        raise StorageFailure(problem)
    if new:
        store.keep_source(SourceRow(*found))
    return found


def compare(store: Store, source: Source) -> tuple[Identity, str | None]:
    """Which database it is, and why it would not be drained into the log: None where it would. Nothing is kept."""
    return _compared(store, source)[1:]


def _compared(store: Store, source: Source) -> tuple[bool, Identity, str | None]:
    """Whether the log does not know it yet, which database it is, and what speaks against it."""
    # In this order: another process may move on meanwhile, and then the database must be seen later than what is known.
    known = {row.outbox: row for row in store.sources()}
    found = source.identity()
    before = known.get(found.outbox)
    problem = None
    if before is None:
        if found.database != OWN and any(row.database != OWN for row in known.values()):
            problem = f"{source.name} is none of the databases that this log is drained from, so {_ADOPT}"
    elif before.database != found.database:
        problem = f"{source.name} is a copy of a database that this log is drained from, or was moved, so {_ADOPT}"
    elif found.xid < before.xid:
        problem = (
            f"{source.name} is older than it was when this log was last drained from it, as after a backup was "
            f"restored, so {_ADOPT}"
        )
    return before is None, found, problem


def saw(store: Store, found: Identity) -> None:
    """Remember which place was seen in a database, unless another one has its outbox by now."""
    if any((row.outbox, row.database) == (found.outbox, found.database) for row in store.sources()):
        store.keep_source(SourceRow(*found))


def adopt(store: Store, source: Source) -> Identity:
    """Drain the log from this database from now on, as it is; in the place of the one that had its outbox."""
    found = source.identity()
    # What was known goes first: of the same database a place never goes back, and this one may have been restored. A
    # crash between the two leaves one that is not drained, until somebody says so again.
    store.keep_source(SourceRow(*found._replace(database="")))
    store.keep_source(SourceRow(*found))
    return found
