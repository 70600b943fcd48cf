"""The life of a database and of an account: backup, restore, upgrade, close.

**Backup** copies the database while it is used, and before it the service's accounts where there are any: so whatever
the copy of the accounts says was done is in the copy of the log. The master key and the head store are not in it: the
key, because who finds the backup could read it; the keep, because a copy of it opens again who was erased since, and
because its head store, put back together with an old database, would no longer know that the database is old.

**Restore** puts a backup where no database is, and compares it with the keep that stayed:

    complete       the backup holds everything that was signed
    older          entries that were signed are not in it. The log can be read, and who was erased since is erased in it
                   as well, because the keep has no keys of theirs; but nothing is signed. The ways on: a newer backup,
                   or a new log that begins by naming the last signed head of this one
                   (`add_clinic(continues=...)`)
    unknown        the head store does not know the log; `adopt` trusts the backup

**Close** ends a clinic's account, in this order; after a crash at any step the same call finishes it:

1. a complete bundle of the log is written              the bundle, and in the log the entry that records it
2. `clinic.closed` is appended, and the clinic marked   the last entry; where one came behind the bundle, nothing
3. the last entry is signed                             the clinic is closed, and its keys are still there
4. the keep's cover is emptied, and the keys deleted    nobody can open a value any more, in any copy, or sign here
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from .. import stores
from ..drain import copies
from ..drain.sources import open_source
from ..errors import KeyUnavailable, SigningRefused, StorageFailure
from ..export.bundling import export_complete
from ..files.whole import whole_files
from ..journal import Journal
from ..keep import keys, signing
from ..keep.heads import HeadStore
from ..keep.keytree import Cover
from ..places import Places
from ..record import own
from ..record.append import append
from ..record.document import Actor
from ..stores.contract import Batch, Clinic
from .revived import Revived, end_viewer_sessions, revived


def backup(
    journal: Journal, output: Path, progress: Callable[[int, int], None] = lambda done, every: None
) -> list[str]:
    """Sign every clinic's log, and copy the database to a file that only its owner may read.

    Returns the ids of clinics whose log could not be signed; they are in the backup as they are. Raises InvalidInput
    and StorageFailure; a file that is there is never written over.
    """
    _check_new(journal, output)
    unsigned = []
    for clinic, state in journal.clinics():
        try:
            if state.closed_at is None:
                journal.clinic(clinic.id).checkpoint()
        except SigningRefused:
            unsigned.append(clinic.id)
    accounts = [beside_backup(output.resolve())] if journal.places.accounts.exists() else []
    for one in accounts:
        _check_new(journal, one)
    with whole_files(*accounts, output.resolve(), database=journal.places.database) as files:
        if accounts:
            stores.backup(journal.places.accounts, Path(files[0].name))
        stores.backup(journal.places.database, Path(files[-1].name), progress)
    return unsigned


def beside_backup(file: Path) -> Path:
    """Return where the accounts are beside a backup of the log."""
    return file.with_name(f"{file.name}.accounts")


def _check_new(journal: Journal, output: Path) -> None:
    journal.places.check_output(output)
    if output.exists():
        raise StorageFailure(f"{output.name} is there already; name another file, or move that one away")


@dataclass(frozen=True, slots=True)
class Restored:
    """One clinic of a restored database. Sizes count entries; `erased_since` says that somebody was erased after the
    backup was made, whose values it has and nobody can open."""

    clinic_id: str
    state: Literal["complete", "older", "unknown"]
    size: int
    signed_size: int
    erased_since: bool


def restore(
    source: Path, database: Path, progress: Callable[[int, int], None] = lambda done, every: None
) -> list[Restored]:
    """Put a backup in the place of a database, and say of each clinic how it stands to the head store.

    Needs the master key as for any use of the database. Raises StorageFailure where there is a database already, or the
    backup is damaged, and KeyUnavailable.
    """
    _check_nothing_there(database)
    _check_key(source, database)
    with whole_files(database.resolve(), database=database) as (file,):
        stores.restore(source, Path(file.name), progress)
    stores.open_for_writing(database)
    with Journal(database) as journal:
        return [_standing(journal, clinic, state.size) for clinic, state in journal.clinics()]


def restore_accounts(source: Path, database: Path) -> list[Revived]:
    """Put a copy of the accounts where none are, drain the log from it, and return whom it lets in again. Who was shown
    the log in a host's page then is not any more.

    Raises StorageFailure where there are accounts already, or the copy is damaged.
    """
    accounts = Places.beside(database).accounts
    _check_nothing_there(accounts)
    if not source.is_file():
        raise StorageFailure(f"there is no file {source.name}; give a copy that `indelible backup` made")
    with whole_files(accounts.resolve(), database=database) as (file,):
        stores.restore(source, Path(file.name))
    stores.open_for_writing(accounts)
    end_viewer_sessions(accounts)
    with Journal(database) as journal:
        with closing(open_source(str(accounts), journal.places)) as outbox:
            copies.adopt(journal.store, outbox)
        return revived(journal, accounts)


def _check_nothing_there(database: Path) -> None:
    for file in stores.files(database):
        if file.exists():
            raise StorageFailure(
                f"{file.name} is there already; move it away first, with the -wal and -shm files beside it"
            )


def _check_key(source: Path, database: Path) -> None:
    """Raise before anything is written where the backup is no log, or the master key is not there to read it."""
    with closing(stores.open_store(source)) as store:
        wanted = store.installation.master_key
    key = keys.load(os.environ.get("INDELIBLE_MASTER_KEY"), Places.beside(database).master_key)
    if key.fingerprint != wanted:
        raise KeyUnavailable("the master key is not the one that the backup was made with; put the right one back")


def _standing(journal: Journal, clinic: Clinic, size: int) -> Restored:
    signed = journal.heads.get(clinic.origin)
    kept = journal.keep.read(clinic.origin)
    erased_since = kept is not None and kept.up_to > size
    if signed is None:
        return Restored(clinic.id, "unknown" if size else "complete", size, 0, erased_since)
    return Restored(clinic.id, "older" if signed.size > size else "complete", size, signed.size, erased_since)


def upgrade(database: Path) -> tuple[int, int]:
    """Bring a log to this release's schema; return the versions before and after. Raises StorageFailure."""
    versions = stores.upgrade(database)
    HeadStore(Places.beside(database).head_store).create()
    return versions


@dataclass(frozen=True, slots=True)
class Closed:
    """What is left of an account: the bundle's rows and SHA-256 in hexadecimal, and how many entries the log has."""

    rows: int
    sha256: str
    size: int


def close_clinic(
    journal: Journal,
    clinic_id: str,
    output: Path,
    *,
    actor: Actor,
    progress: Callable[[int], None] = lambda done: None,
) -> Closed:
    """Write the final bundle of a clinic, record the end, and destroy the clinic's keys. It cannot be undone.

    Raises InvalidInput, SigningRefused and StorageFailure, with nothing destroyed: also where something was recorded
    while the bundle was written.
    """
    log = journal.clinic(clinic_id)
    _check_new(journal, output)
    bundle = export_complete(log, output, actor=actor, progress=progress)
    with output.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with log.appending() as (tx, at):
        if not at.state.size == bundle.recorded_as == bundle.statement.last_seq + 1:
            raise StorageFailure("something was recorded while the bundle was written, so nothing is closed; try again")
        append(tx, [own.closed(at, bundle.statement.rows, sha256, actor)], at.clinic, log.sealer, at.now)
        tx.write(Batch(state=tx.state()._replace(closed_at=at.now)))
    signed = log.checkpoint()
    assert signed is not None  # noqa: S101 - there is an entry, the one just recorded
    journal.forget(clinic_id)
    _destroy(journal, log.clinic)
    return Closed(bundle.statement.rows, sha256, signed.size)


def finish_closing(journal: Journal, clinic: Clinic) -> None:
    """Do the rest of a closing that was interrupted: sign the last entry, destroy the keys."""
    if journal.store.keys(clinic.id):
        signing.sign_head(journal.store, journal.heads, clinic, journal.signer(clinic), journal.clock())
    _destroy(journal, clinic)


def _destroy(journal: Journal, clinic: Clinic) -> None:
    """Empty the cover, from which every key of a value follows, and delete the clinic's keys from the database."""
    size = journal.store.rows(clinic.id).state().size
    while (kept := journal.keep.read(clinic.origin)) is not None and len(kept.cover):
        journal.keep.swap(
            clinic.origin, replace(kept, cover=Cover(()), version=kept.version + 1, up_to=size), kept.version
        )
    with journal.store.appending(clinic.id) as tx:
        tx.write(Batch(drop_keys=True))
