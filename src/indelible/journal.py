"""The journal: what a host opens, one database of clinics' logs with its keep and its master key.

    log = Journal("activity.db").clinic("c_lisbon")      # `log.py`

Entries are on disk when `record` returns, and signed soon after: `record` makes a checkpoint when the
last one is a second old, and so do `close`, export and verify. The entries after the last checkpoint are in the
database, but not yet protected from being rolled back with it.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from . import stores
from .erasure import anonymizing, renewal
from .errors import IndelibleError, InvalidInput, KeyUnavailable, NotFound
from .files import unfinished
from .format import instant
from .keep import keys
from .keep.folder import Keep, Kept
from .keep.heads import HeadStore, SignedHead
from .keep.keys import MasterKey
from .keep.keytree import Cover
from .keep.personal import TOKEN_BYTES, Sealer
from .keep.timekeeping import Timekeeper, Uptime, uptime
from .log import ClinicLog, check_name
from .places import Places, Shared
from .proof.merkle import EMPTY_ROOT
from .proof.note import Signer
from .read.only import Only
from .read.session import Session
from .record import document, own
from .stores.contract import Clinic, Installation, KeyRow, State

_INSTALLATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}", re.ASCII)


def now_in_microseconds() -> int:
    """The machine's clock, as an instant."""
    return time.time_ns() // 1000


class Journal:
    """One open database of activity logs."""

    def __init__(
        self,
        database: str | os.PathLike[str],
        *,
        master_key: str | None = None,
        keep: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = now_in_microseconds,
        running: Callable[[], Uptime | None] | None = None,
    ) -> None:
        """Open what `Journal.create` or `indelible init` made.

        `master_key` is the key's text or its file's path (default: the environment's INDELIBLE_MASTER_KEY, else the key
        file beside the database); `keep` a folder's path (default: INDELIBLE_KEEP, else beside the database).
        `clock` gives the time in microseconds since 1970 UTC, `running` how long its machine has run, to find out a
        clock that jumped (default: the system's of both; a clock without it is believed). Raises StorageFailure,
        KeyUnavailable.
        """
        self.places = Places.beside(database, keep)
        self.clock = clock
        self.store = stores.open_store(self.places.database)
        self.heads = HeadStore(self.places.head_store)
        self.time = Timekeeper(self.heads, running or (uptime if clock is now_in_microseconds else None))
        self._logs: dict[str, ClinicLog] = {}
        try:
            setting = master_key or os.environ.get("INDELIBLE_MASTER_KEY")
            self._master_key = keys.load(setting, self.places.master_key)
            made_with = self.store.installation.master_key
            if self._master_key.fingerprint != made_with:
                raise KeyUnavailable(
                    f"the master key (fingerprint {self._master_key.fingerprint}) is not the one that this database "
                    f"was made with (fingerprint {made_with}); put the right one back"
                )
        except IndelibleError:
            self.store.close()
            raise
        self.keep = Keep(self.places.keep, self._master_key)
        self.shared = Shared(self.places, self.store, self.keep, self.heads, self.time, clock)
        unfinished.sweep(self.places.database)

    @classmethod
    def create(
        cls,
        database: str | os.PathLike[str],
        *,
        installation: str | None = None,
        master_key: str | None = None,
        keep: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = now_in_microseconds,
    ) -> Self:
        """Make a log in an SQLite file, and open it. Makes a master key unless one is given.

        `installation` is the first part of every log origin, a host name such as log.example.org. Raises InvalidInput,
        StorageFailure, KeyUnavailable.
        """
        places = Places.beside(database, keep)
        _make(installation, master_key, places)
        return cls(database, master_key=master_key, keep=keep, clock=clock)

    def add_clinic(self, clinic_id: str, *, name: str, zone: str, continues: str | None = None) -> ClinicLog:
        """Start a clinic's log, with keys and a log origin of its own.

        `continues` is the id of a clinic whose log was lost but for an older backup: the first entry then names the
        last head that was signed for it. Raises InvalidInput, NotFound, StorageFailure.
        """
        document.as_clinic(clinic_id)
        check_name(name)
        instant.zone(zone, "time-zone")
        lost = None if continues is None else self._signed_head(continues)
        origin = f"{self.store.installation.name}/c/{secrets.token_hex(16)}"
        secret = {kind: secrets.token_bytes(keys.KEY_BYTES) for kind in ("lookup", "signing")}
        clinic = Clinic(
            id=clinic_id,
            origin=origin,
            vkey=Signer(origin, secret["signing"]).verifier.encode(),
            nobody=secrets.token_bytes(TOKEN_BYTES),
        )
        rows = [KeyRow(kind, 1, self._master_key.wrap(key, clinic_id, kind, 1)) for kind, key in secret.items()]
        # The keep first: a crash after it leaves cover and head of a log that does not exist, which harm nobody. The
        # other order could leave a log that the keep does not know, and that could not be read, or signed.
        self.keep.create()
        self.keep.swap(origin, Kept(Cover.new(), 1, 0), None)
        self.heads.adopt(origin, SignedHead(0, EMPTY_ROOT, b""))
        self.store.add_clinic(clinic, State(name, zone, None, 0, b"", EMPTY_ROOT, self.clock()), rows)
        log = self.clinic(clinic_id)
        if lost is not None:
            before, called, head = lost
            log.append_own(lambda at: own.continued(at, before, called, head.size, head.root))
        return log

    def kept(self, clinic: Clinic) -> Kept:
        """Return what the keep has of a clinic's log. Raises KeyUnavailable where it does not know it."""
        return anonymizing.kept_of(self.keep, clinic)

    def copy_keep(self, folder: Path) -> dict[str, Kept]:
        """Copy the cover of every log into another folder, which is then the one copy to put in the keep's place.

        The signed heads are not in it. Returns what was copied, by clinic. Raises InvalidInput, KeyUnavailable and
        StorageFailure.
        """
        if self.places.keep.resolve() in folder.resolve().parents:
            raise InvalidInput(f"{folder} is in the keep itself; name a folder on another disk")
        clinics = {clinic.origin: clinic for clinic, _ in self.clinics()}
        for clinic, state in self.clinics():
            if state.closed_at is None:
                self.clinic(clinic.id).replay()  # or the copy would be older than the last erasure
        copied = self.keep.copy_to(folder, clinics, at=self.clock())
        return {clinics[origin].id: kept for origin, kept in copied.items()}

    def unkept(self) -> Sequence[Clinic]:
        """The open clinics whose logs the keep does not know. Raises KeyUnavailable, StorageFailure."""
        return [
            clinic
            for clinic, state in self.clinics()
            if state.closed_at is None and self.keep.read(clinic.origin) is None
        ]

    def renew_keep(self, clinic_id: str) -> ClinicLog:
        """Put a new cover into the keep for a clinic whose cover is lost for good, and record that it was lost.

        Entries and proofs stay, and recording goes on; the names that were recorded so far can be read by nobody. If
        the heads were lost as well, signing goes on after `signing.adopt`. Raises InvalidInput where the keep knows the
        log, NotFound, KeyUnavailable and StorageFailure.
        """
        clinic = self._open_clinic(clinic_id)
        if self.keep.read(clinic.origin) is not None:
            raise InvalidInput(f"the keep knows the log of clinic {clinic.id}, so there is nothing to renew")
        self.keep.create()
        lookup, kept = self._unwrapped(clinic.id)["lookup"], Kept(Cover.new(), 1, 0)
        self._record_renewal(clinic, Sealer(clinic.origin, lookup[max(lookup)], clinic.nobody, lambda: kept))
        is_first = self.keep.swap(clinic.origin, kept, None)
        # Opened anew, which cuts the log's erasures out of the new cover: until then it looks like an older copy to
        # whoever has the lost one in memory, and they would seal on under that. The names in memory are lost, too.
        self.forget(clinic.id)
        log = self.clinic(clinic.id)
        if not is_first:  # the entry just made is one of those that nobody can open
            self._record_renewal(clinic, log.sealer)
        log.unsigned = True
        log.sign_when_due(0)
        return log

    def _record_renewal(self, clinic: Clinic, sealer: Sealer) -> None:
        with self.store.appending(clinic.id) as tx:
            if (state := tx.state()).size:
                self.time.check(now := self.clock(), state.recorded_at)
                renewal.record(tx, own.At(clinic, state, now), sealer)

    def accept_clock(self) -> None:
        """Say that the machine's clock is right, where recording is refused because something contradicts it.

        Entries that a wrong clock recorded keep their `recorded_at`, and later ones have at least the same.
        """
        newest = max((state.recorded_at for _, state in self.clinics()), default=0)
        self.time.accept(self.clock(), newest)

    def _signed_head(self, clinic_id: str) -> tuple[Clinic, str, SignedHead]:
        """The clinic whose log is lost, what it is called, and the last head that the head store has of it."""
        for clinic, state in self.clinics():
            head = self.heads.get(clinic.origin)
            if clinic.id == clinic_id and head is not None and head.size:
                return clinic, state.name, head
        raise NotFound(f"nothing was ever signed for a clinic {clinic_id} here, so no log can continue it")

    def clinic(self, clinic_id: str | None = None) -> ClinicLog:
        """Return the log of a clinic; without an id, of the only one. Raises NotFound, KeyUnavailable."""
        if clinic_id is not None and not isinstance(clinic_id, str):
            raise InvalidInput("must be the id of a clinic, as text", "clinic")
        if clinic_id is not None and (known := self._logs.get(clinic_id)) is not None:
            if known.state().closed_at is None:
                return known
            self.forget(clinic_id)  # another process closed it: its keys must not live on in the memory of this one
        return self._open(clinic_id)

    def reading(
        self, clinic_id: str, hidden: frozenset[str] = frozenset(), only: Only | None = None
    ) -> tuple[ClinicLog, Session]:
        """Return the log of a clinic and a reading session of it, for one look at the clinic's state. Raises NotFound,
        KeyUnavailable."""
        log = self._logs.get(clinic_id) or self._open(clinic_id)
        session = log.reading(hidden=hidden, only=only)
        if session.state.closed_at is not None:
            self.forget(clinic_id)
            self._open_clinic(clinic_id)  # says so
        return log, session

    def _open(self, clinic_id: str | None) -> ClinicLog:
        clinic = self._open_clinic(clinic_id)
        log = ClinicLog(self.shared, clinic, self._unwrapped(clinic.id))
        # An older copy of the keep opens who was erased since: they are erased again before anybody reads.
        log.replay()
        return self._logs.setdefault(clinic.id, log)

    def _open_clinic(self, clinic_id: str | None) -> Clinic:
        clinic, state = self.info(clinic_id)
        if state.closed_at is not None:
            raise KeyUnavailable(
                f"clinic {clinic.id} was closed on {instant.format(state.closed_at)[:10]} and its keys destroyed; its "
                "final bundle is its record, and `indelible verify` still checks what is here"
            )
        return clinic

    def info(self, clinic_id: str | None = None) -> tuple[Clinic, State]:
        """Return who a clinic is and what the database says of it now, also of one that was closed or whose keep is
        lost; without an id, of the only one. Raises NotFound."""
        clinics = self.clinics(None if clinic_id is None else [clinic_id])
        if len(clinics) == 1:
            return clinics[0]
        known = ", ".join(one.id for one, _ in self.clinics()[:20]) or "none yet: `indelible clinic add` makes one"
        raise NotFound(f"say which clinic; there are: {known}" if clinic_id is None else
                       f"there is no clinic {clinic_id}; there are: {known}")  # fmt: skip

    def _unwrapped(self, clinic_id: str) -> dict[str, dict[int, bytes]]:
        opened: dict[str, dict[int, bytes]] = {"lookup": {}, "signing": {}}
        for row in self.store.keys(clinic_id):
            opened[row.kind][row.number] = self._master_key.unwrap(row.wrapped, clinic_id, row.kind, row.number)
        for kind, numbers in opened.items():
            if not numbers:
                raise KeyUnavailable(f"the {kind} key of clinic {clinic_id} is not in the database; restore a backup")
        return opened

    def clinics(self, only: Collection[str] | None = None) -> Sequence[tuple[Clinic, State]]:
        """Every clinic of this database by id, or those of some ids that are there, and the state of each now."""
        return self.store.clinics(only)

    def open_logs(self) -> Sequence[ClinicLog]:
        """The logs that were opened here so far."""
        return list(self._logs.values())

    def signer(self, clinic: Clinic) -> Signer:
        """Return the signer of a clinic's log, also of one whose closing was interrupted. Raises KeyUnavailable."""
        secret = self._unwrapped(clinic.id)["signing"]
        return Signer(clinic.origin, secret[max(secret)])

    def forget(self, clinic_id: str) -> None:
        """Drop a clinic's log and its keys from memory; `clinic` opens it again where it still can be."""
        self._logs.pop(clinic_id, None)

    def close(self) -> None:
        """Sign what is not yet signed, and close the database.

        Raises the first SigningRefused or StorageFailure after every other clinic was signed and the database closed.
        """
        refusals: list[IndelibleError] = []
        for log in self.open_logs():  # a list of its own: another thread may open one meanwhile
            try:
                if log.unsigned:
                    log.checkpoint()
            except IndelibleError as error:
                refusals.append(error)
        self._logs.clear()
        self.store.close()
        if refusals:
            raise refusals[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        with suppress(IndelibleError):  # the error that is under way says more
            self.close()


def _make(installation: str | None, master_key: str | None, places: Places) -> None:
    """Make the master key where there is none, the tables, and the keep with its head store."""
    name = installation or f"{secrets.token_hex(4)}.local"
    if not _INSTALLATION.fullmatch(name):
        raise InvalidInput("must be letters, digits, dots and hyphens, such as log.example.org", "installation")
    setting = master_key or os.environ.get("INDELIBLE_MASTER_KEY")
    existed = places.master_key.exists()
    key = _first_master_key(setting, places.master_key)
    try:
        stores.create(places.database, Installation(name, key.fingerprint))
    except IndelibleError:
        if not setting and not existed:
            places.master_key.unlink()
        raise
    Keep(places.keep, key).create()
    HeadStore(places.head_store).create()


def _first_master_key(setting: str | None, path: Path) -> MasterKey:
    """The key that is given or already there (a database made anew beside a kept key), or a new one."""
    if setting or path.exists():
        return keys.load(setting, path)
    return keys.create(path)
