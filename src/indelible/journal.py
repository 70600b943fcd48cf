"""The journal: what a host opens, and one clinic's log in it.

    log = Journal("activity.db").clinic("c_lisbon")
    log.record(BookingCancelled(late=True), actor=Staff("usr_12", "Maria Fernandes"), target=("booking", "bk_99812"))
    for entry in log.read("category:bookings from:2026-05-01"):
        print(entry.local_time, entry.who, entry.sentence)

Entries are on disk when `record` returns, and signed soon after: `record` makes a checkpoint when the
last one is a second old, and so do `close`, export and verify. The entries after the last checkpoint are in the
database, but not yet protected from being rolled back with it.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

from . import document, drafting, erasure, instant, keys, query, renewal, scrubbing, selecting, signing, unfinished
from .append import Appended, append, know_devices
from .catalogue import Action
from .directory import Directory
from .document import Actor, Document, Person, Request, System, Target
from .drafting import Draft
from .erasure import Anonymized, RequestedBy
from .errors import Conflict, IndelibleError, InvalidInput, KeyUnavailable, NotFound, StorageFailure
from .headstore import HeadStore, SignedHead
from .keep import Keep, Kept
from .keys import MasterKey
from .keytree import Cover
from .merging import merged_with
from .merkle import EMPTY_ROOT
from .note import Signer
from .personal import TOKEN_BYTES, Sealer
from .query import Query, Vocabulary
from .reading import PAGE_LIMIT, Cursor, Page, Reader
from .searching import Sought, search
from .selecting import Selecting
from .store import Appending, CheckpointRow, Clinic, Found, Installation, KeyRow, Selection, Store
from .stores import sqlite
from .timekeeping import Timekeeper, Uptime, uptime
from .view import View

# Documents of one append: bounds its memory and how long other writers wait.
BATCH_LIMIT = 10_000
CHECKPOINT_INTERVAL = 1_000_000  # microseconds

_INSTALLATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}", re.ASCII)


def now_in_microseconds() -> int:
    """The machine's clock, as an instant."""
    return time.time_ns() // 1000


def _path(given: object, what: str = "database") -> Path:
    if isinstance(given, str) and "://" in given:
        raise StorageFailure("a log is one SQLite file in this release; give its path, such as activity.db")
    if not isinstance(given, str | os.PathLike) or str(given) == "" or "\0" in str(given):
        raise InvalidInput("must be the path of a file, such as activity.db", what)
    return Path(given)


@dataclass(frozen=True, slots=True)
class Places:
    """Where an installation keeps its files: three things that belong in three places when it is in earnest, the
    database, the keep (a folder) and the master key.

    `accounts` is the service's own database: who signs in. No log needs it.
    """

    database: Path
    master_key: Path
    keep: Path
    accounts: Path

    @classmethod
    def beside(cls, database: str | os.PathLike[str], keep: str | os.PathLike[str] | None = None) -> Self:
        """The default: all of them beside the database, named after it; the keep where INDELIBLE_KEEP says, and
        accounts where INDELIBLE_ACCOUNTS does."""
        path = _path(database)
        kept, given = keep or os.environ.get("INDELIBLE_KEEP"), os.environ.get("INDELIBLE_ACCOUNTS")
        folder = _path(kept, "keep") if kept else path.with_name(f"{path.name}.keep")
        accounts = _path(given, "INDELIBLE_ACCOUNTS") if given else path.with_name(f"{path.name}.accounts")
        return cls(path, path.with_name(f"{path.name}.key"), folder, accounts)

    @property
    def head_store(self) -> Path:
        """The file of the signed heads, in the keep."""
        return self.keep / "heads"

    def is_keep_beside(self) -> bool:
        """Whether the keep lies in the database's folder, or below it, so that who copies the folder has both."""
        return self.keep.resolve().is_relative_to(self.database.resolve().parent)

    def check_output(self, output: Path) -> None:
        """Refuse to write over one of these files, or one that SQLite keeps beside them. Raises InvalidInput."""
        databases = (self.database, self.accounts)
        beside = [one.with_name(f"{one.name}{end}") for one in databases for end in ("-wal", "-shm", "-journal")]
        for own in (*databases, self.master_key, self.head_store, *beside):
            if output.resolve() == own.resolve() or (output.exists() and own.exists() and output.samefile(own)):
                raise InvalidInput("is a file of the log itself; name another one", "output")
        if self.keep.resolve() in output.resolve().parents:
            raise InvalidInput("is in the keep, where nothing else may lie; name a file elsewhere", "output")


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
        self.store: Store = sqlite.SQLiteStore(self.places.database)
        self.heads = HeadStore(self.places.head_store)
        self.time = Timekeeper(self.heads, running or (uptime if clock is now_in_microseconds else None))
        self._logs: dict[str, ClinicLog] = {}
        try:
            self.installation = self.store.installation()
            setting = master_key or os.environ.get("INDELIBLE_MASTER_KEY")
            self._master_key = keys.load(setting, self.places.master_key)
            if self._master_key.fingerprint != self.installation.master_key:
                raise KeyUnavailable(
                    f"the master key (fingerprint {self._master_key.fingerprint}) is not the one that this database "
                    f"was made with (fingerprint {self.installation.master_key}); put the right one back"
                )
        except IndelibleError:
            self.store.close()
            raise
        self.keep = Keep(self.places.keep, self._master_key)
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
        _make(installation, master_key, places, clock)
        return cls(database, master_key=master_key, keep=keep, clock=clock)

    def add_clinic(self, clinic_id: str, *, name: str, zone: str, continues: str | None = None) -> ClinicLog:
        """Start a clinic's log, with keys and a log origin of its own.

        `continues` is the id of a clinic whose log was lost but for an older backup: the first entry then names the
        last head that was signed for it. Raises InvalidInput, NotFound, StorageFailure.
        """
        document.as_clinic(clinic_id)
        _check_name(name)
        instant.zone(zone, "time-zone")
        lost = None if continues is None else self._signed_head(continues)
        origin = f"{self.installation.name}/c/{secrets.token_hex(16)}"
        secret = {kind: secrets.token_bytes(keys.KEY_BYTES) for kind in ("lookup", "signing")}
        clinic = Clinic(
            id=clinic_id,
            name=name,
            zone=zone,
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
        self.store.add_clinic(clinic, rows, self.clock())
        log = self.clinic(clinic_id)
        if lost is not None:
            log.append([_continued(log, *lost)])
        return log

    def kept(self, clinic: Clinic) -> Kept:
        """Return what the keep has of a clinic's log. Raises KeyUnavailable where it does not know it."""
        kept = self.keep.read(clinic.origin)
        if kept is None:
            raise KeyUnavailable(erasure.lost(self.keep, clinic))
        return kept

    def copy_keep(self, folder: Path) -> dict[str, Kept]:
        """Copy the cover of every log into another folder, which is then the one copy to put in the keep's place.

        The signed heads are not in it. Returns what was copied, by clinic. Raises InvalidInput, KeyUnavailable and
        StorageFailure.
        """
        if self.places.keep.resolve() in folder.resolve().parents:
            raise InvalidInput(f"{folder} is in the keep itself; name a folder on another disk")
        clinics = {clinic.origin: clinic for clinic in self.clinics()}
        for clinic in clinics.values():
            if clinic.closed_at is None:
                self.clinic(clinic.id).replay()  # or the copy would be older than the last erasure
        copied = self.keep.copy_to(folder, clinics, at=self.clock())
        return {clinics[origin].id: kept for origin, kept in copied.items()}

    def unkept(self) -> Sequence[Clinic]:
        """The open clinics whose logs the keep does not know. Raises KeyUnavailable, StorageFailure."""
        return [one for one in self.clinics() if one.closed_at is None and self.keep.read(one.origin) is None]

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
        log = self.clinic(clinic.id)
        if not is_first:  # the entry just made is one of those that nobody can open
            self._record_renewal(clinic, log.sealer)
        log.unsigned = True
        log.sign_when_due(0)
        return log

    def _record_renewal(self, clinic: Clinic, sealer: Sealer) -> None:
        with self.store.appending(clinic.id) as tx:
            if tx.head.size:
                self.time.check(now := self.clock(), tx.head.recorded_at)
                renewal.record(tx, clinic, sealer, now)

    def accept_clock(self) -> None:
        """Say that the machine's clock is right, where recording is refused because something contradicts it.

        Entries that a wrong clock recorded keep their `recorded_at`, and later ones have at least the same.
        """
        newest = max((self.store.head(clinic.id).recorded_at for clinic in self.clinics()), default=0)
        self.time.accept(self.clock(), newest)

    def _signed_head(self, clinic_id: str) -> tuple[Clinic, SignedHead]:
        """The clinic whose log is lost, and the last head that the head store has of it."""
        clinic = next((clinic for clinic in self.clinics() if clinic.id == clinic_id), None)
        head = None if clinic is None else self.heads.get(clinic.origin)
        if clinic is None or head is None or head.size == 0:
            raise NotFound(f"nothing was ever signed for a clinic {clinic_id} here, so no log can continue it")
        return clinic, head

    def clinic(self, clinic_id: str | None = None) -> ClinicLog:
        """Return the log of a clinic; without an id, of the only one. Raises NotFound, KeyUnavailable."""
        if clinic_id is not None and not isinstance(clinic_id, str):
            raise InvalidInput("must be the id of a clinic, as text", "clinic")
        if clinic_id is not None and clinic_id in self._logs:
            if self.store.keys(clinic_id):
                return self._logs[clinic_id]
            self.forget(clinic_id)  # another process closed it: its keys must not live on in the memory of this one
        clinic = self._open_clinic(clinic_id)
        log = ClinicLog(self, clinic, self._unwrapped(clinic.id))
        # An older copy of the keep opens who was erased since: they are erased again before anybody reads.
        log.replay()
        return self._logs.setdefault(clinic.id, log)

    def _open_clinic(self, clinic_id: str | None) -> Clinic:
        clinic = self.info(clinic_id)
        if clinic.closed_at is not None:
            raise KeyUnavailable(
                f"clinic {clinic.id} was closed on {instant.format(clinic.closed_at)[:10]} and its keys destroyed; its "
                "final bundle is its record, and `indelible verify` still checks what is here"
            )
        return clinic

    def info(self, clinic_id: str | None = None) -> Clinic:
        """Return what the database says of a clinic, also of one that was closed or whose keep is lost; without an id,
        of the only one. Raises NotFound."""
        clinics = self.store.clinics()
        if clinic_id is None and len(clinics) == 1:
            clinic_id = clinics[0].id
        clinic = next((clinic for clinic in clinics if clinic.id == clinic_id), None)
        if clinic is None:
            known = ", ".join(clinic.id for clinic in clinics[:20]) or "none yet: `indelible clinic add` makes one"
            raise NotFound(f"say which clinic; there are: {known}" if clinic_id is None else
                           f"there is no clinic {clinic_id}; there are: {known}")  # fmt: skip
        return clinic

    def _unwrapped(self, clinic_id: str) -> dict[str, dict[int, bytes]]:
        opened: dict[str, dict[int, bytes]] = {"lookup": {}, "signing": {}}
        for row in self.store.keys(clinic_id):
            opened[row.kind][row.number] = self._master_key.unwrap(row.wrapped, clinic_id, row.kind, row.number)
        for kind, numbers in opened.items():
            if not numbers:
                raise KeyUnavailable(f"the {kind} key of clinic {clinic_id} is not in the database; restore a backup")
        return opened

    def clinics(self) -> Sequence[Clinic]:
        """Every clinic of this database, by id."""
        return self.store.clinics()

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
        for log in self._logs.values():
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


def _is_text(value: object) -> bool:
    """Whether it is text, also where its type says so: not everybody checks types before they run."""
    return isinstance(value, str)


def _check_name(name: str) -> None:
    if not _is_text(name) or not name.strip() or len(name) > 200 or not name.isprintable():
        raise InvalidInput("must be 1 to 200 printable characters", "name")


def _continued(log: ClinicLog, old: Clinic, head: SignedHead) -> Draft:
    from .catalogue.log import LogContinued

    context = LogContinued(log_origin=old.origin, size=head.size, root=b64encode(head.root).decode())
    event = Document(
        action=context.code,
        context=context,
        actor=System("command:clinic-add"),
        target=Target("clinic", old.id, old.name),
    )
    return drafting.draft(event, zone=log.info.zone, now=log.clock(), by_journal=True)


def _make(installation: str | None, master_key: str | None, places: Places, clock: Callable[[], int]) -> None:
    """Make the master key where there is none, the tables, and the keep with its head store."""
    name = installation or f"{secrets.token_hex(4)}.local"
    if not _INSTALLATION.fullmatch(name):
        raise InvalidInput("must be letters, digits, dots and hyphens, such as log.example.org", "installation")
    setting = master_key or os.environ.get("INDELIBLE_MASTER_KEY")
    existed = places.master_key.exists()
    key = _first_master_key(setting, places.master_key)
    try:
        sqlite.create(places.database, Installation(name, key.fingerprint), clock())
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


class ClinicLog:
    """The log of one clinic."""

    def __init__(self, journal: Journal, clinic: Clinic, secret: dict[str, dict[int, bytes]]) -> None:
        self.journal, self.info = journal, clinic
        self.store, self.clock = journal.store, journal.clock
        lookup_key = secret["lookup"][max(secret["lookup"])]
        self.sealer = Sealer(clinic.origin, lookup_key, clinic.nobody, lambda: journal.kept(clinic))
        self.signer = Signer(clinic.origin, secret["signing"][max(secret["signing"])])
        self._directory = Directory(self.store, clinic.id, self.sealer)
        self.unsigned = False
        self._signed_at = 0

    # Recording

    def record(
        self,
        action: Action,
        *,
        actor: Actor,
        target: Target | tuple[str, str] | tuple[str, str, str] | None = None,
        client: Person | tuple[str, str] | None = None,
        people: Iterable[Person] = (),
        request: Request | None = None,
        occurred_at: datetime | None = None,
        operation: str | None = None,
        key: str | None = None,
        returned: bool = False,
    ) -> Appended:
        """Record one action in a transaction of the log's own, and return its entry's number and id.

        A program with a database of its own records into an outbox there instead: `indelible.outbox.Outbox`.
        `returned` says that a client who was anonymized is there again, whenever it occurred. Raises InvalidInput,
        Conflict, StorageFailure.
        """
        if not isinstance(action, Action):
            raise InvalidInput("must be an action of the catalogue, such as BookingCancelled(...)", "action")
        event = document.of_action(
            action,
            actor=actor,
            target=target,
            client=client,
            people=people,
            request=request,
            occurred_at=occurred_at,
            operation=operation,
            key=key,
            returned=returned,
        )
        return self.record_document(event)

    def record_document(self, event: Document | dict[str, Any]) -> Appended:
        """Record one event document. Raises InvalidInput, Conflict, StorageFailure."""
        parsed = event if isinstance(event, Document) else document.parse(event)
        result = self.append([self.draft(parsed)])[0]
        if isinstance(result, Conflict):
            raise result
        return result

    def draft(self, event: Document, *, imported: bool = False) -> Draft:
        """Check a document and return its draft. Raises InvalidInput."""
        if not isinstance(event, Document):
            raise InvalidInput("must be a Document, as indelible.document.parse makes of a JSON object", "event")
        return drafting.draft(event, zone=self.info.zone, now=self.clock(), imported=imported)

    def append(self, drafts: Sequence[Draft]) -> list[Appended | Conflict]:
        """Append drafts in one transaction and return what became of each, in their order. Raises StorageFailure."""
        if not isinstance(drafts, list | tuple) or not all(isinstance(one, Draft) for one in drafts):
            raise InvalidInput("must be a list of drafts, as draft() returns them", "drafts")
        if len(drafts) > BATCH_LIMIT:
            raise InvalidInput(f"a batch has at most {BATCH_LIMIT} documents; send it in parts")
        know_devices(drafts)
        with self.store.appending(self.info.id) as tx:
            results = append(tx, drafts, self.info, self.sealer, self.moment(tx))
        self.unsigned = True
        self.sign_when_due()
        return results

    def moment(self, tx: Appending) -> int:
        """Return the time for what is appended now. Raises StorageFailure where the clock cannot be believed."""
        now = self.clock()
        if tx.head.size:
            self.journal.time.check(now, tx.head.recorded_at)
        return now

    def rename(self, name: str, *, actor: Actor, request: Request | None = None, was: str | None = None) -> None:
        """Give the clinic another name from now on, and record it. Entries keep the name of their time.

        `was` is the name that whoever asks has seen; Conflict where it is another one by now.
        """
        from .catalogue.settings import SettingsChanged

        _check_name(name)
        old = was or next(clinic.name for clinic in self.store.clinics() if clinic.id == self.info.id)
        if name == old:
            return
        change = SettingsChanged.model_validate(
            {"section": "clinic", "changes": [{"field": "name", "old": old, "new": name}]}
        )
        event = Document(
            action=change.code,
            context=change,
            actor=actor,
            target=Target("clinic", self.info.id, name),
            request=request or Request(),
        )
        drafted = self.draft(event)
        with self.store.appending(self.info.id) as tx:
            tx.set_name(name, was=old)
            append(tx, [drafted], self.info, self.sealer, self.moment(tx))
        self.info = replace(self.info, name=name)
        self.unsigned = True
        self.sign_when_due()

    def set_time_zone(
        self, zone: str, *, actor: Actor | None = None, request: Request | None = None, was: str | None = None
    ) -> None:
        """Move the clinic to another zone from now on, and record it. Entries keep the zone of their time.

        `was` is the zone that whoever asks has seen; Conflict where it is another one by now.
        """
        from .catalogue.settings import ClinicTimeZoneChanged

        instant.zone(zone, "time-zone")
        old = was or self.store.zone(self.info.id)
        if zone == old:
            return
        change = ClinicTimeZoneChanged.model_validate({"zone": {"old": old, "new": zone}})
        event = Document(
            action=change.code,
            context=change,
            actor=actor or System("command:set-time-zone"),
            target=Target("clinic", self.info.id, self.info.name),
            request=request or Request(),
        )
        drafted = drafting.draft(event, zone=zone, now=self.clock())
        with self.store.appending(self.info.id) as tx:
            tx.set_zone(zone, was=old)
            append(tx, [drafted], self.info, self.sealer, self.moment(tx))
        self.info = replace(self.info, zone=zone)
        self.unsigned = True
        self.sign_when_due()

    def anonymize(
        self,
        client_id: str,
        *,
        requested_by: RequestedBy,
        actor: Actor,
        request: Request | None = None,
        key: str | None = None,
        asked_at: int | None = None,
    ) -> Anonymized:
        """Make a client's personal values unreadable for ever, on every entry, and record that it was done.

        It does not matter how many entries there are: two keys go. `actor` is whoever did it, also the client: nothing
        about the client is then kept with it. With a `key`, for an order that may come twice, it is done once; it names
        no person. `asked_at` is the instant in microseconds of an order that waited: what occurred from then on is no
        longer of who was erased.
        Raises NotFound, with nothing written, where nobody is known by the id (any more), or somebody of the staff;
        InvalidInput, StorageFailure. Where the keep could not be written, that is raised, and the erasure is recorded:
        it is done when the log is opened next.
        """
        if requested_by not in get_args(RequestedBy):
            raise InvalidInput(f"must be one of {', '.join(get_args(RequestedBy))}", "requested_by")
        erasure.check_id(client_id)
        self.replay()  # what another process or an earlier attempt did not get to
        merged = self.merged_with(client_id)
        with self.store.appending(self.info.id) as tx:
            self.sealer.refresh()
            done = erasure.anonymize(
                tx,
                client_id,
                replace(self.info, zone=tx.zone),
                self.sealer,
                self.moment(tx),
                requested_by=requested_by,
                actor=actor,
                request=request or Request(),
                key=key,
                asked_at=asked_at,
            )
        self.unsigned = True
        self.sign_when_due(0)
        try:
            self._cut_out(done.entry.seq - 1)
        except (StorageFailure, KeyUnavailable) as error:
            raise type(error)(
                f"the erasure is recorded, as entry {done.entry.seq}, and the client's keys are not gone yet: {error}. "
                "They go when the log is opened next"
            ) from error
        self._directory.forget()
        left = tuple(str(path) for path in unfinished.sweep(self.journal.places.database))
        older_copy = erasure.is_copy_older(self.sealer.kept)
        return replace(done, unfinished=left, merged=merged, older_copy=older_copy)

    def replay(self) -> int:
        """Cut out of the keep whom the log erased and it still has: nobody but for a crash, or an older copy of it.

        Returns how many. Raises KeyUnavailable, StorageFailure.
        """
        return self._cut_out(None)

    def _cut_out(self, behind: int | None) -> int:
        return erasure.replay(self.store, self.journal.keep, self.journal.heads, self.info, self.sealer, behind)

    def scrub(self) -> int:
        """Remove what is sealed and dead of who was erased; return of how many people. Housekeeping: `scrubbing.py`."""
        done = scrubbing.scrub(self.store, self.info, self.sealer, self.moment)
        if done:
            self.unsigned = True
            self.sign_when_due()
        return done

    def merged_with(self, client_id: str) -> tuple[str, ...]:
        """Return the ids of a client's other records, which `client.merged` tells of, without anonymized ones."""
        return merged_with(client_id, self.selecting(), self.views, self.size)

    # Checkpoints

    def checkpoint(self) -> CheckpointRow | None:
        """Sign the committed head if that was not done; return the newest checkpoint. Raises SigningRefused."""
        before, self.unsigned = self.unsigned, False  # what another thread records meanwhile sets it again
        try:
            now = self.clock()
            seen = self.journal.time.saw(now)
            row = signing.sign_head(self.store, self.journal.heads, self.info, self.signer, now, self.sealer, seen)
        except BaseException:
            self.unsigned |= before
            raise
        self._signed_at = self.clock()
        return row

    def sign_when_due(self, interval: int = CHECKPOINT_INTERVAL) -> None:
        """Sign the committed head if the last checkpoint is `interval` microseconds old. Never inside a transaction."""
        if 0 <= self.clock() - self._signed_at < interval:
            return  # not where the clock went back: nothing would be signed until it is where it was
        try:
            self.checkpoint()
        except IndelibleError:
            # The entry is recorded and stays recorded. `unsigned` is still set, so `close` says it aloud.
            self._signed_at = self.clock()

    # Reading

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.store.head(self.info.id).size

    def read(
        self,
        words: Query | str | Sequence[str] = "",
        *,
        limit: int | None = None,
        up_to: int | None = None,
        after_seq: int = 0,
    ) -> Iterator[View]:
        """Yield the entries that a filter means, newest first, in constant memory.

        The list is bounded by the head at the first entry (or by `up_to`, a seq): entries recorded meanwhile do not
        come in. With `after_seq` only what was recorded behind that number does. Raises InvalidQuery before the first
        entry.
        """
        wanted = self._query(words)
        sought = self.seek(wanted, up_to)
        return self._reader.views(replace(sought.selection, from_seq=after_seq + 1), sought.words, limit)

    def views(self, selection: Selection, limit: int | None = None, *, after: Cursor | None = None) -> Iterator[View]:
        """Yield the entries of a selection, newest first; with `after` those behind a place."""
        return self._reader.views(selection, limit=limit, after=after)

    def page(self, words: Query | str | Sequence[str] = "", *, after: Cursor | None = None, limit: int = 50) -> Page:
        """Return one page of the entries that a filter means, newest first: the first one, or the one after a cursor.

        Free words are looked up as ids and names; with others it opens at most SEARCH_LIMIT entries and says how far
        back it came (`Page`). Raises InvalidQuery.
        """
        sought = self.seek(self._query(words))
        limit = max(1, min(limit, PAGE_LIMIT))
        page = self._reader.page(sought.selection, after, sought.words, limit)
        return replace(page, looked_up=sought.looked_up)

    def entry(self, which: int | str) -> View:
        """Return one entry by its seq or its id. Raises NotFound."""
        seq = which if isinstance(which, int) else self._seq_of(which) if _is_text(which) else None
        if seq is not None and 1 <= seq <= self.size:
            return next(self._reader.open([self.store.one(self.info.id, seq)]))
        raise NotFound("there is no entry with this number or id in this log")

    def opened(self, found: Sequence[Found]) -> Iterator[View]:
        """Yield entries that the store found, opened."""
        return self._reader.open(found)

    def _seq_of(self, entry_id: str) -> int | None:
        bare = entry_id.replace("-", "")
        if not re.fullmatch(r"[0-9a-f]{32}", bare, re.ASCII):
            return None
        return self.store.find(self.info.id, bytes.fromhex(bare))

    def _query(self, words: Query | str | Sequence[str]) -> Query:
        return words if isinstance(words, Query) else self.parse(words)

    def parse(self, words: str | Sequence[str]) -> Query:
        """Return the Query of a filter's text. Raises InvalidQuery, pointing at the word."""
        return query.parse(words, vocabulary=self.vocabulary)

    def vocabulary(self) -> Vocabulary:
        """What a filter of this log can name: the catalogue, and codes that occur here but are declared no more."""
        return selecting.vocabulary(self.store, self.info.id)

    def select(self, wanted: Query, up_to: int | None = None) -> Selection:
        """Return a filter in the store's terms: days as instants in the clinic's zone, ids as tokens.

        Free words are not in it: `seek` has them too.
        """
        return self.selecting().select(wanted, self.size if up_to is None else up_to)

    def seek(self, wanted: Query, up_to: int | None = None) -> Sought:
        """Return how the entries of a filter are found: what is selected, and the free words that must be in it."""
        return search(self.selecting(), self._directory, wanted, self.size if up_to is None else up_to)

    def know_names(self) -> None:
        """Open the names of all people now, so that who searches first does not wait: some seconds for 60,000."""
        self._directory.follow()

    def selecting(self) -> Selecting:
        """What turns words into selections here, with the zone that the clinic has now."""
        return Selecting(self.store, self.info.id, self.zone(), self.sealer)

    def zone(self) -> str:
        """The clinic's present zone, an IANA name: another process may have moved it."""
        if (zone := self.store.zone(self.info.id)) != self.info.zone:
            self.info = replace(self.info, zone=zone)
        return zone

    @property
    def _reader(self) -> Reader:
        return Reader(self.store, self.info.id, self.sealer, self.zone())
