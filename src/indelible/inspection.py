"""Inspection: a live database, with its keys, as the source of a verification.

report = inspect(Journal("activity.db").clinic())
print(report.result, [finding.what for finding in report.findings])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from . import entry
from .errors import MalformedProof
from .journal import ClinicLog
from .note import Verifier
from .personal import Sealer, Unreadable
from .store import EntryRow, LinkRow, PersonalRow, Snapshot
from .verify import Finding, Opening, Record, Report, Signed, verify_log

_PERSON_ID = re.compile(r"(actor|target|client|people\.[0-9]+|context\.[a-z0-9_]+(\.(old|new))?)\.id", re.ASCII)


def inspect(log: ClinicLog, progress: Callable[[int], None] = lambda done: None) -> Report:
    """Verify a clinic's log as it stands, and return the report. Signs nothing and writes nothing.

    Raises StorageFailure where the database cannot be read.
    """
    # The head store is read first: a checkpoint signed in between is then behind the snapshot, never ahead of it.
    signed = log.journal.heads.get(log.info.origin)
    with log.store.snapshot(log.info.id) as snapshot:
        last = None if signed is None else Signed(signed.size, signed.root, signed.note)
        report = verify_log(_Live(log, snapshot, last), progress)
        newest = max((row.size for row in snapshot.checkpoints()), default=0)
    if (now := log.journal.heads.get(log.info.origin)) is not None and now.size < newest:
        report.doubts.append("the head store is older than the database, so an older copy of it was put back")
    return report


class _Live:
    """A snapshot of one clinic's rows, opened with its keys. Implements `indelible.verify.Source`."""

    def __init__(self, log: ClinicLog, snapshot: Snapshot, last: Signed | None) -> None:
        self._log, self._snapshot, self._last = log, snapshot, last
        self._sealer: Sealer = log.sealer
        self._ids: dict[bytes, str] = {}
        self._target_ids: dict[bytes, str] = {}
        self._findings: list[Finding] = []
        self.origin = log.info.origin
        self.verifier: Verifier = log.signer.verifier
        self.size, self.frontier, self.root, _ = snapshot.head

    def records(self) -> Iterator[Record]:
        """Entries and personal rows, both in order of seq, brought together."""
        personal = self._snapshot.personal()
        row = next(personal, None)
        for stored in self._snapshot.entries():
            mine = []
            while row is not None and row.seq <= stored.seq:
                if row.seq == stored.seq:
                    mine.append(row)
                else:
                    self._astray(row)
                row = next(personal, None)
            yield self._record(stored, mine)
        while row is not None:
            self._astray(row)
            row = next(personal, None)

    def _astray(self, row: PersonalRow) -> None:
        self._findings.append(Finding("added", row.seq, "there are personal values of an entry that is not there"))

    def _record(self, stored: EntryRow, rows: list[PersonalRow]) -> Record:
        openings: dict[tuple[bytes, str], Opening | None] = {}
        for _, token, personal_class, sealed in rows:
            try:
                opened = self._sealer.open_values(stored.id, token, personal_class, sealed)
                openings[token, personal_class] = Opening(opened.seed, opened.values)
            except Unreadable:
                openings[token, personal_class] = None
        self._remember(stored, openings)
        columns = entry.Columns(*stored[1:11])
        return Record(stored.seq, columns, stored.body, stored.leaf_hash, openings)

    def _remember(self, stored: EntryRow, openings: dict[tuple[bytes, str], Opening | None]) -> None:
        """Keep each person's id, to compare with the person rows, and check the links that only opened values imply."""
        for (token, personal_class), opening in openings.items():
            if opening is None:
                continue
            if personal_class == "identity":
                for path, value in opening.values.items():
                    if type(value) is str and _PERSON_ID.fullmatch(path):
                        # A loyalty account has an id of its own; its client's is on the same entry.
                        (self._target_ids if path == "target.id" else self._ids).setdefault(token, value)
            elif personal_class == "evidence":
                for path, value in opening.values.items():
                    ref = self._sealer.find("evidence", orjson.dumps(value).decode())
                    if not self._snapshot.has_link(LinkRow("evidence", ref, stored.occurred_at, stored.seq, path)):
                        self._findings.append(Finding("misfiled", stored.seq, f"its link from {path} is missing"))

    def has_link(self, record: Record, link: entry.Link) -> bool:
        return self._snapshot.has_link(LinkRow(link.kind, link.ref, record.columns.occurred_at, record.seq, link.role))

    def count_links(self) -> int:
        return self._snapshot.count_links()

    def checkpoints(self) -> Iterator[Signed]:
        for row in self._snapshot.checkpoints():
            yield Signed(row.size, row.root, row.note, row.frontier)

    def last_signed(self) -> Signed | None:
        return self._last

    def others(self) -> Iterator[Finding]:
        yield from self._findings
        yield from self._persons()
        for _, seq in self._snapshot.used_keys():
            if not 1 <= seq <= self.size:
                yield Finding("misfiled", seq, "an idempotency key points at an entry that is not there")
        if self.size and (zone := self._last_zone()) not in (None, self._log.info.zone):
            yield Finding("misfiled", self.size, f"the clinic's zone is not the one of the last entry, {zone}")

    def _last_zone(self) -> str | None:
        try:
            return str(entry.decode(self._log.store.one(self._log.info.id, self.size).body).members["zone"])
        except MalformedProof:
            return None  # already found, entry by entry

    def _persons(self) -> Iterator[Finding]:
        """Every person with a readable id in the log is found by that id, and no other person row is there."""
        known = self._target_ids | self._ids
        for token, lookup, sealed in self._snapshot.persons():
            expected = known.pop(token, None)
            try:
                person: dict[str, Any] = self._sealer.open_person(token, sealed)
                right = person["id"] == expected and self._sealer.find_person(person["realm"], person["id"]) == lookup
            except (Unreadable, KeyError, TypeError):
                right = False
            if not right:
                yield Finding("misfiled", None, f"the row of person {token.hex()[:8]}… does not fit the log's entries")
        for token in known:
            yield Finding(
                "misfiled", None, f"the row of person {token.hex()[:8]}… is gone, so the person cannot be found"
            )
