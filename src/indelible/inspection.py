"""Inspection: a live database, with its keys, as the source of a verification.

report = inspect(Journal("activity.db").clinic())
print(report.result, [finding.what for finding in report.findings])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import orjson

from . import entry
from .errors import MalformedProof, StorageFailure
from .journal import ClinicLog, Journal
from .note import Verifier
from .personal import Sealer, Unreadable
from .store import Clinic, EntryRow, KeyRow, LinkRow, PersonalRow, Snapshot
from .verify import SEALED, Finding, Opening, Record, Report, Signed, verify_log
from .verify.log import CLOCK_TOLERANCE

_PERSON_ID = re.compile(
    r"(actor|actor\.on_behalf_of|target|client|people\.[0-9]+|context\.[a-z0-9_]+(\.(old|new))?)\.id", re.ASCII
)


def inspect(log: ClinicLog, progress: Callable[[int], None] = lambda done: None, *, open_values: bool = True) -> Report:
    """Verify a clinic's log as it stands, and return the report. Signs nothing and writes nothing.

    Without `open_values` only what needs no key is checked: bodies, tree, signatures, columns, and links by token and
    id. Raises StorageFailure where the database cannot be read.
    """
    return inspect_clinic(log.journal, log.info, log.sealer if open_values else None, progress, log.signer.verifier)


def inspect_clinic(
    journal: Journal,
    info: Clinic,
    sealer: Sealer | None,
    progress: Callable[[int], None] = lambda done: None,
    verifier: Verifier | None = None,
) -> Report:
    """`inspect` for a clinic whose keys may be gone, since it was closed. Without `verifier`, the row's key is used."""
    # The head store is read first: a checkpoint signed in between is then behind the snapshot, never ahead of it.
    signed = journal.heads.get(info.origin)
    with journal.store.snapshot(info.id) as snapshot:
        last = None if signed is None else Signed(signed.size, signed.root, signed.note)
        live = _Live(info, verifier or Verifier.decode(info.vkey), sealer, snapshot, last)
        try:
            report = verify_log(live, progress)
        except (TypeError, AttributeError, OverflowError) as error:
            raise StorageFailure(
                "a cell is of another kind than its column, so the database was changed; restore a backup"
            ) from error
        # Where nothing else is wrong, every keyed entry was opened, so that the rows can be counted.
        if sealer is not None and not report.findings and live.keys != live.keyed:
            report.add("misfiled", None, "there are idempotency keys that no entry was recorded with")
        for what in snapshot.defects():
            report.add("misfiled", None, what)
        for what in journal.heads.defects():
            report.add("misfiled", None, f"in the head store, {what}")
        if unguarded := snapshot.unguarded():
            report.notices.append(
                f"the database does not refuse change any more: {', '.join(unguarded)} is gone; `indelible upgrade` "
                "makes it again"
            )
        ahead = snapshot.head.recorded_at - journal.clock()
        if ahead > CLOCK_TOLERANCE and not any("by a clock" in notice for notice in report.notices):
            report.notices.append(
                f"the last entries, from entry {live.newest_time_began} on, were recorded {ahead // CLOCK_TOLERANCE} "
                "days or more after what this machine's clock says now; theirs or this one is wrong"
            )
        if info.closed_at is not None and not live.is_closed(journal.store.keys(info.id)):
            report.add("misfiled", None, "the clinic is marked as closed, and its log or its keys do not say so")
        if sealer is None and any(by > report.signed_size for seqs in report.erased.values() for by in seqs):
            report.doubts.append(
                "an erasure that is not signed yet can be told from a forged one only by opening values; verify again "
                "without --structure"
            )
        newest = max((row.size for row in snapshot.checkpoints()), default=0)
    if (now := journal.heads.get(info.origin)) is not None and now.size < newest:
        report.doubts.append("the head store is older than the database, so an older copy of it was put back")
    return report


class _Live:
    """A snapshot of one clinic's rows, opened with its keys. Implements `indelible.verify.Source`."""

    def __init__(
        self, info: Clinic, verifier: Verifier, sealer: Sealer | None, snapshot: Snapshot, last: Signed | None
    ) -> None:
        self._info, self._snapshot, self._last = info, snapshot, last
        self._sealer = sealer
        self._ids: dict[bytes, str] = {}
        self._target_ids: dict[bytes, str] = {}
        self.keyed = self.keys = 0
        self._unread_keys: set[int] = set()
        self._realms: dict[bytes, str] = {}
        self._unlinked: set[bytes] = set()
        self._findings: list[Finding] = []
        self._last_body = b""
        # The first of the entries that have the newest recorded_at.
        self.newest_time_began = 0
        self.origin = info.origin
        self.verifier = verifier
        self.size, self.frontier, self.root, _ = snapshot.head

    def is_closed(self, keys: Sequence[KeyRow]) -> bool:
        """Whether the last entry says that the clinic was closed, and its keys are gone. Asked for after `records`."""
        try:
            return entry.decode(self._last_body).action == "clinic.closed" and not keys
        except MalformedProof:
            return False

    def records(self) -> Iterator[Record]:
        """Entries, their personal rows and their links, all in order of seq, brought together."""
        personal = _BySeq(self._snapshot.personal())
        links = _BySeq(self._snapshot.links())
        recorded_at = None
        for stored in self._snapshot.entries():
            self._last_body = stored.body
            if stored.recorded_at != recorded_at:
                self.newest_time_began, recorded_at = stored.seq, stored.recorded_at
            yield self._record(stored, personal.take(stored.seq), links.take(stored.seq))
        for seq in {row.seq for row in personal.rest()}:
            self._findings.append(Finding("added", seq, "there are personal values of an entry that is not there"))
        for seq in {row.seq for row in links.rest()}:
            self._findings.append(Finding("added", seq, "there are links of an entry that is not there"))

    def _record(self, stored: EntryRow, rows: list[PersonalRow], links: list[LinkRow]) -> Record:
        openings = self._opened(stored, rows)
        if self._sealer is None:
            evidence: set[tuple[bytes, str]] = set()
        else:
            evidence = self._remember(self._sealer, openings, stored)
            self._check_key(self._sealer, openings, stored)
        implied = set()
        for link in links:
            if link.occurred_at != stored.occurred_at:
                self._findings.append(
                    Finding("misfiled", stored.seq, f"its link as {link.role} stands at another time")
                )
            if link.kind != "evidence":
                implied.add(entry.Link(link.kind, link.ref, link.role))
            elif (link.ref, link.role) in evidence:
                evidence.remove((link.ref, link.role))
            elif self._sealer is not None and None not in openings.values():
                self._findings.append(Finding("misfiled", stored.seq, f"its link from {link.role} is not its value's"))
        for _, path in evidence:
            self._findings.append(Finding("misfiled", stored.seq, f"its link from {path} is missing"))
        people = {link.ref for link in implied if link.kind == "person"}
        self._unlinked.update(token for (token, _), opening in openings.items() if opening and token not in people)
        return Record(stored.seq, entry.Columns(*stored[1:11]), stored.body, stored.leaf_hash, openings, implied)

    def _opened(self, stored: EntryRow, rows: list[PersonalRow]) -> dict[tuple[bytes, str], Opening | None]:
        openings: dict[tuple[bytes, str], Opening | None] = {}
        for _, token, personal_class, sealed in rows:
            if (token, personal_class) in openings:
                self._findings.append(Finding("added", stored.seq, f"its {personal_class} values are there twice"))
            if self._sealer is None:
                openings[token, personal_class] = SEALED
                continue
            try:
                opened = self._sealer.open_values(stored.id, token, personal_class, sealed)
                openings[token, personal_class] = Opening(opened.seed, opened.values)
            except Unreadable:
                openings[token, personal_class] = None
        return openings

    def _remember(
        self,
        sealer: Sealer,
        openings: dict[tuple[bytes, str], Opening | None],
        stored: EntryRow,
    ) -> set[tuple[bytes, str]]:
        """Keep each person's id, to compare with the person rows; return the links that evidence values imply."""
        evidence = set()
        for (token, personal_class), opening in openings.items():
            if opening is None:
                continue
            if personal_class == "identity":
                for path, value in opening.values.items():
                    if path.endswith(".id") and type(value) is str and _PERSON_ID.fullmatch(path):
                        # A loyalty account has an id of its own; its client's is on the same entry.
                        (self._target_ids if path == "target.id" else self._ids).setdefault(token, value)
                        if path == "actor.id":
                            self._realms[token] = stored.actor_kind
                        elif path == "actor.on_behalf_of.id":
                            self._realms[token] = _kind_of_principal(stored.body)
                        elif path == "client.id":
                            self._realms[token] = "client"
                        elif path == "target.id" and stored.target_kind in ("client", "staff"):
                            self._realms[token] = stored.target_kind
            elif personal_class == "evidence":
                for path, value in opening.values.items():
                    evidence.add((sealer.find_evidence(value), path))
        return evidence

    def _check_key(self, sealer: Sealer, openings: dict[tuple[bytes, str], Opening | None], stored: EntryRow) -> None:
        """An entry that was recorded with an idempotency key is the one that the key leads to."""
        for opening in openings.values():
            key = None if opening is None else opening.values.get("key")
            if type(key) is str:
                self.keyed += 1
                if self._snapshot.seq_of_key(sealer.find("key", key)) != stored.seq:
                    self._findings.append(Finding("misfiled", stored.seq, "its idempotency key does not lead to it"))
                return
        if b'"key"' in stored.body and _has_key(stored.body):
            self.keyed += 1
            self._unread_keys.add(stored.seq)

    def checkpoints(self) -> Iterator[Signed]:
        for row in self._snapshot.checkpoints():
            yield Signed(row.size, row.root, row.note, row.frontier)

    def last_signed(self) -> Signed | None:
        return self._last

    def others(self) -> Iterator[Finding]:
        yield from self._findings
        if self._sealer is not None:
            yield from self._persons(self._sealer)
        yield from self._clinic()
        for _, seq in self._snapshot.used_keys():
            self.keys += 1
            self._unread_keys.discard(seq)
            if not 1 <= seq <= self.size:
                yield Finding("misfiled", seq, "an idempotency key points at an entry that is not there")
        for seq in self._unread_keys:
            yield Finding("misfiled", seq, "no idempotency key leads to it, and it was recorded with one")
        yield from self._beside_the_last()

    def _clinic(self) -> Iterator[Finding]:
        info = self._info
        if info.vkey != self.verifier.encode():
            yield Finding("unsigned", None, "the clinic's public key is not that of the key which signs its log")
        # A value of a person comes with a link to that person; the others are of nobody, for whom there is one token.
        if self._unlinked - {info.nobody} - self._ids.keys() - self._target_ids.keys():
            yield Finding("misfiled", None, "values that concern no person belong to another token than the clinic's")

    def _beside_the_last(self) -> Iterator[Finding]:
        """What the next entry starts from, the clinic's zone and the head's time, is that of the last one."""
        try:
            last = entry.decode(self._last_body)
        except MalformedProof:
            return  # no entry, or one that is already found
        if last.seq != self.size:
            return  # entries are gone from the end or added to it, which the tree has found
        if (zone := last.members["zone"]) != self._snapshot.zone:
            yield Finding("misfiled", self.size, f"the clinic's zone is not the one of the last entry, {zone}")
        if last.recorded_at != self._snapshot.head.recorded_at:
            yield Finding("misfiled", self.size, "the committed head has another recorded_at than the last entry")

    def _persons(self, sealer: Sealer) -> Iterator[Finding]:
        """Every person with a readable id in the log is found by that id, and no other person row is there."""
        known = self._target_ids | self._ids
        for token, lookup, sealed in self._snapshot.persons():
            expected = known.pop(token, None)
            try:
                person: dict[str, Any] = sealer.open_person(token, sealed)
                realm, host_id = person["realm"], person["id"]
                right = host_id == expected and sealer.find_person(realm, host_id) == lookup
                right = right and realm == self._realms.get(token, realm)
            except (Unreadable, KeyError, TypeError):
                right = False
            if not right:
                yield Finding("misfiled", None, f"the row of person {token.hex()[:8]}… does not fit the log's entries")
        for token in known:
            yield Finding(
                "misfiled", None, f"the row of person {token.hex()[:8]}… is gone, so the person cannot be found"
            )


def _has_key(body: bytes) -> bool:
    """Whether a body has a commitment to an idempotency key; one that cannot be read is found elsewhere."""
    try:
        return any("key" in group["paths"] for group in orjson.loads(body)["personal"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False


def _kind_of_principal(body: bytes) -> str:
    """Whose ids the person has on whose behalf a body's actor acted; empty where the body is of another form."""
    try:
        return str(orjson.loads(body)["actor"]["on_behalf_of"]["kind"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


Row = TypeVar("Row", PersonalRow, LinkRow)


class _BySeq(Generic[Row]):
    """Rows in order of seq, taken entry by entry; those of no entry are kept for `rest`."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows: Iterator[Row] = rows
        self._next: Row | None = next(rows, None)
        self._astray: list[Row] = []

    def take(self, seq: int) -> list[Row]:
        """Return the rows of one entry, which must be behind the last one that was asked for."""
        mine: list[Row] = []
        while self._next is not None and self._next.seq <= seq:
            (mine if self._next.seq == seq else self._astray).append(self._next)
            self._next = next(self._rows, None)
        return mine

    def rest(self) -> list[Row]:
        """Return the rows that belong to no entry."""
        while self._next is not None:
            self._astray.append(self._next)
            self._next = next(self._rows, None)
        return self._astray
