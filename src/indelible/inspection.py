"""Inspection: a live database, with its keys, as the source of a verification.

report = inspect(Journal("activity.db").clinic())
print(report.result, [finding.what for finding in report.findings])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from . import entry, recognition, renewal
from .errors import KeyUnavailable, MalformedProof, StorageFailure
from .journal import ClinicLog, Journal
from .merkle import HASH_SIZE
from .note import Verifier
from .personal import FOUND_BYTES, Dead, Sealer, Unreadable, split
from .reading import PAGE_LIMIT
from .recognition import DEVICE, NETWORK, SIGN_INS
from .store import Clinic, KeyRow, Selection, Snapshot, TileRow
from .tiles import TILE_BYTES, WIDTH, Edge, Tile
from .verify import DEAD, GONE, SEALED, Finding, Opening, Record, Report, Signed, verify_log
from .verify.log import CLOCK_TOLERANCE

_PERSON_ID = re.compile(
    r"(actor|actor\.on_behalf_of|target|client|people\.[0-9]+|context\.[a-z0-9_]+(\.(old|new))?)\.id", re.ASCII
)

# The path of an entry's idempotency key.
_KEY = "key"
# Keys that are looked up together.
_KEYS_AT_ONCE = 500


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
        if sealer is not None:
            sealer.refresh()  # after the snapshot began: no erasure is in it that this does not know
        live = _Live(info, verifier or Verifier.decode(info.vkey), sealer, snapshot, last)
        live.erased_to = _erased_to(journal, info)
        if sealer is not None:
            live.renewed_to = _renewed_to(journal, info, sealer, snapshot.head.size)
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


def _erased_to(journal: Journal, info: Clinic) -> int:
    """The number of the last erasure that the keep knows of; 0 where there is no keep."""
    try:
        kept = journal.keep.read(info.origin)
    except (KeyUnavailable, StorageFailure):
        return 0
    return 0 if kept is None else kept.up_to


def _renewed_to(journal: Journal, info: Clinic, sealer: Sealer, size: int) -> int:
    """The number of the last entry whose values were lost with a keep; 0 where none was."""
    selection = Selection(size, actions=(renewal.ACTION,))
    return renewal.renewed_to(journal.store.page(info.id, selection, None, PAGE_LIMIT), info, sealer)


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
        self._keys_of: list[tuple[bytes, int]] = []  # of the last entries, not looked up yet
        self._realms: dict[bytes, str] = {}
        self._unlinked: set[bytes] = set()
        self._findings: list[Finding] = []
        # The links of the record that was handed over last which only opened values imply.
        self._evidence_links: list[tuple[bytes, bool]] = []
        self._marks: list[tuple[str, bytes, bool]] = []
        self._last_body = b""
        self._erased_by: dict[bytes, int] = {}
        # Of each entry that accounts for an erasure, those which say that what was sealed is removed.
        self._scrubbed_by: dict[int, set[int]] = {}
        self.erased_to = self.renewed_to = 0
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
        """Entries and their links, in order of seq, brought together."""
        links, tiles = iter(self._snapshot.links()), _Tiles(self._snapshot.tiles())
        link = next(links, None)
        astray = set[int]()
        recorded_at = None
        for stored in self._snapshot.entries():
            seq, occurred_at = stored.seq, stored.occurred_at
            self._last_body = stored.body
            if stored.recorded_at != recorded_at:
                self.newest_time_began, recorded_at = seq, stored.recorded_at
            implied = set()
            self._evidence_links, self._marks = [], []
            while link is not None and link[4] <= seq:
                kind, ref, as_target, at, of = link
                link = next(links, None)
                if of != seq:
                    astray.add(of)
                    continue
                if at != occurred_at:
                    self._findings.append(Finding("misfiled", seq, f"its link to a {kind} stands at another time"))
                if kind == "evidence":
                    self._evidence_links.append((ref, as_target))
                elif kind in (DEVICE, NETWORK):
                    self._marks.append((kind, ref, as_target))
                else:
                    implied.add((kind, ref, as_target))  # as it is stored: 2 is not true
            yield Record(seq, stored[1:9], stored.body, tiles.hash(seq), stored.sealed, implied)
        self._findings.extend(tiles.findings(self.size))
        if link is not None:
            astray.update((link[4], *(row[4] for row in links)))
        for seq in sorted(astray):
            self._findings.append(Finding("added", seq, "there are links of an entry that is not there"))

    def open(self, record: Record, body: entry.Body) -> Sequence[Opening | None]:
        """What is sealed of each group; beside it all is checked that only opened values can tell."""
        tokens = [bytes.fromhex(text) for text in body.tokens]
        openings = self._opened(record, body, tokens)
        members = body.members
        if members["action"] in (entry.ANONYMIZED, entry.SCRUBBED):
            self._note_erasure(record.seq, body)
        if (sealer := self._sealer) is not None:
            evidence = set[bytes]()
            for (owner, personal_class, paths, _), opening in zip(body.groups, openings, strict=True):
                if personal_class == "evidence":
                    evidence.update(map(sealer.find_evidence, opening.values if opening else ()))
                ids, key = _ids_and_key(personal_class, paths)
                if ids and opening is not None and opening.values:
                    self._remember(body, tokens[owner], paths, ids, opening.values)
                if key is not None:
                    self._check_key(sealer, record.seq, key, opening)
            if "left_out" in members and _KEY in members["left_out"]:
                self.keyed += 1
                self._unread_keys.add(record.seq)
            if evidence or self._evidence_links:
                self._check_evidence(record.seq, evidence, None in openings)
            if self._marks or members["action"] in SIGN_INS:
                self._check_marks(sealer, record.seq, body, tokens, openings)
        return openings

    def _note_erasure(self, seq: int, body: entry.Body) -> None:
        if (erasure := entry.erasure(body)) is not None:
            self._erased_by[erasure.token] = seq
        if body.action == entry.SCRUBBED and type(by := body.members["context"].get("erased_by")) is int:
            self._scrubbed_by.setdefault(by, set()).add(seq)

    def _opened(self, record: Record, body: entry.Body, tokens: list[bytes]) -> list[Opening | None]:
        try:
            parts = split(record.sealed)
        except Unreadable:
            self._findings.append(Finding("altered", record.seq, "its sealed values are not of any form"))
            return [None] * len(body.groups)
        there = {(owner, personal_class): data for owner, personal_class, data in parts}
        if len(there) != len(parts):
            self._findings.append(Finding("added", record.seq, "some of its sealed values are there twice"))
        sealer, links, nobody = self._sealer, record.links, self._info.nobody
        entry_id = bytes.fromhex(body.id.replace("-", ""))
        openings: list[Opening | None] = []
        for owner, personal_class, paths, _ in body.groups:
            data, token = there.pop((owner, personal_class), None), tokens[owner]
            opening: Opening | None = None
            if data is None:
                opening = GONE
            elif sealer is None:
                opening = SEALED
            else:
                try:
                    seed, values = sealer.open_group(entry_id, token, personal_class, data)
                    opening = Opening(seed, values) if len(values) == len(paths) else None
                except Dead:
                    opening = DEAD
                except Unreadable:
                    pass
            openings.append(opening)
            if opening is None or opening is GONE or token == nobody:
                continue
            if ("person", token, False) not in links and ("person", token, True) not in links:
                self._unlinked.add(token)
        for _, personal_class in there:
            what = f"there are {personal_class} values that its body does not know"
            self._findings.append(Finding("added", record.seq, what))
        return openings

    def _remember(
        self, body: entry.Body, token: bytes, paths: tuple[str, ...], ids: tuple[int, ...], values: Sequence[object]
    ) -> None:
        """Keep each person's id and realm, to compare with the person rows."""
        for at in ids:
            path, host_id = paths[at], values[at]
            if type(host_id) is not str:
                continue
            # A loyalty account has an id of its own; its client's is on the same entry.
            (self._target_ids if path == "target.id" else self._ids).setdefault(token, host_id)
            if path == "actor.id":
                self._realms[token] = body.members["actor"]["kind"]
            elif path == "actor.on_behalf_of.id":
                self._realms[token] = body.members["actor"].get("on_behalf_of", {}).get("kind", "")
            elif path == "client.id":
                self._realms[token] = "client"
            elif path == "target.id" and (kind := body.members.get("target", {}).get("kind")) in ("client", "staff"):
                self._realms[token] = kind

    def _check_key(self, sealer: Sealer, seq: int, at: int, opening: Opening | None) -> None:
        """An entry that was recorded with an idempotency key is the one that the key leads to."""
        self.keyed += 1
        key = opening.values[at] if opening is not None and opening.values else None
        if type(key) is not str:
            self._unread_keys.add(seq)
        else:
            self._keys_of.append((sealer.find("key", key), seq))
            if len(self._keys_of) == _KEYS_AT_ONCE:
                self._check_keys()

    def _check_keys(self) -> None:
        leads_to = self._snapshot.seqs_of_keys([key for key, _ in self._keys_of])
        for key, seq in self._keys_of:
            if leads_to.get(key) != seq:
                self._findings.append(Finding("misfiled", seq, "its idempotency key does not lead to it"))
        self._keys_of.clear()

    def _check_evidence(self, seq: int, implied: set[bytes], is_in_doubt: bool) -> None:
        """The evidence values that are there have their links, and there is no other such link."""
        right = {(ref, False) for ref in implied}
        links = set(self._evidence_links)
        if links - right and not is_in_doubt:
            self._findings.append(Finding("misfiled", seq, "a link to an evidence value is not its own"))
        if right - links:
            self._findings.append(Finding("misfiled", seq, "its link to an evidence value is missing"))

    def _check_marks(
        self, sealer: Sealer, seq: int, body: entry.Body, tokens: list[bytes], openings: list[Opening | None]
    ) -> None:
        """A sign-in has the links that its values imply: of a device by whose it is, since the words may be others now.
        Those of who was erased can be told from nothing."""
        implied: set[tuple[str, bytes]] = set()
        if body.action in SIGN_INS and (person := recognition.person(body.members)) is not None:
            values: dict[str, object] = {}
            for group, opening in zip(body.groups, openings, strict=True):
                if (group.owner, group.personal_class) == (person, "network"):
                    if opening is None or opening is DEAD or opening is GONE:
                        return
                    values = dict(zip(group.paths, opening.values, strict=True))
            try:
                for kind, text in recognition.marks(values):
                    implied.add((kind, sealer.recognised(tokens[person], kind, None if kind == DEVICE else text)))
            except Dead:
                return
        there = {(kind, ref[: FOUND_BYTES // 2] if kind == DEVICE else ref) for kind, ref, _ in self._marks}
        if there != implied or len(self._marks) != len(implied) or any(as_target for _, _, as_target in self._marks):
            self._findings.append(
                Finding("misfiled", seq, "its links to a device or a network are not what its values say")
            )

    def checkpoints(self) -> Iterator[Signed]:
        for row in self._snapshot.checkpoints():
            yield Signed(row.size, row.root, row.note, row.frontier)

    def last_signed(self) -> Signed | None:
        return self._last

    def others(self) -> Iterator[Finding]:
        self._check_keys()
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
        for row in self._snapshot.persons():
            token = row.token
            which = f"the row of person {token.hex()[:8]}…"
            expected = known.pop(token, None)
            if row.erased_by != self._erased_by.pop(token, None):
                yield Finding("misfiled", None, f"{which} does not say what the log says of an erasure")
                continue
            scrubbed_by = self._scrubbed_by.get(row.erased_by or 0, {None})
            if row.scrubbed_by not in scrubbed_by:
                yield Finding("misfiled", None, f"{which} does not say which entry says that its values are removed")
            try:
                person: dict[str, Any] = sealer.open_person(token, row.sealed)
                realm, host_id = person["realm"], person["id"]
                right = host_id == expected and sealer.token(realm, host_id, person["n"]) == token
                right = right and realm == self._realms.get(token, realm)
            except Dead:
                right = row.erased_by is not None or self.erased_to > self.size
            except Unreadable:
                right = expected is None and self.renewed_to > 0  # of somebody from before
            except (KeyError, TypeError):
                right = False
            if not right:
                yield Finding("misfiled", None, f"{which} does not fit the log's entries")
        for token in known:
            yield Finding(
                "misfiled", None, f"the row of person {token.hex()[:8]}… is gone, so the person cannot be found"
            )
        for token in self._erased_by:
            yield Finding("misfiled", None, f"the row of person {token.hex()[:8]}…, who was erased, is gone")


@lru_cache(maxsize=1024)
def _ids_and_key(personal_class: str, paths: tuple[str, ...]) -> tuple[tuple[int, ...], int | None]:
    """Where among the paths of a group the ids of people stand, and the entry's idempotency key."""
    is_identity = personal_class == "identity"
    ids = tuple(at for at, path in enumerate(paths) if is_identity and _PERSON_ID.fullmatch(path))
    return ids, paths.index(_KEY) if _KEY in paths else None


class _Tiles:
    """The stored tiles: the leaf hashes by seq, and whether all of them together are those of one tree."""

    def __init__(self, rows: Iterator[TileRow]) -> None:
        self._rows, self._edge = rows, Edge()
        self._next = next(rows, None)
        self._hashes, self._end = b"", 0  # of the tile before, and the seq of its last entry
        self._made: list[Tile] = []
        self._wrong: list[str] = []

    def hash(self, seq: int) -> bytes | None:
        """The leaf hash that is kept of an entry; None where there is none. Asked for in order of seq."""
        while seq > self._end and self._next is not None and self._next.level == 0:
            row = self._next
            if seq <= row.number * WIDTH:
                return None
            self._next = next(self._rows, None)
            self._take(row)
        at = seq - self._end + WIDTH - 1
        return self._hashes[at * HASH_SIZE : (at + 1) * HASH_SIZE] if self._hashes and 0 <= at < WIDTH else None

    def _take(self, row: TileRow) -> None:
        if len(row.hashes) != TILE_BYTES:
            self._wrong.append(f"tile {row.number} of level 0 has not 256 hashes")
            return
        if row.number < 0:
            self._wrong.append(f"tile {row.number} of level 0 is of no tree")
            return
        self._hashes, self._end = row.hashes, (row.number + 1) * WIDTH
        if row.number * WIDTH != self._edge.size:
            return  # one before it is missing, which its number says
        hashes = (row.hashes[at : at + HASH_SIZE] for at in range(0, TILE_BYTES, HASH_SIZE))
        self._edge, made = self._edge.extend(hashes)
        self._check(row, made.pop(0))
        self._made += made

    def _check(self, row: TileRow, tile: Tile) -> None:
        if (row.level, row.number, row.root, row.hashes) != (tile.level, tile.index, tile.root, tile.hashes):
            self._wrong.append(f"tile {row.number} of level {row.level} does not have the hashes of the tree")

    def findings(self, size: int) -> Iterator[Finding]:
        """What is wrong with the tiles of a log of this size."""
        missing = size // WIDTH - self._edge.size // WIDTH
        if missing > 0:
            yield Finding("misfiled", None, f"{missing} of the tiles with the tree's hashes are not there")
        made = {(tile.level, tile.index): tile for tile in self._made}
        rest = [row for row in (self._next, *self._rows) if row is not None]
        for row in rest:
            tile = made.pop((row.level, row.number), None)
            if tile is None:
                yield Finding("misfiled", None, f"tile {row.number} of level {row.level} is of no tree of this size")
            else:
                self._check(row, tile)
        for what in [*self._wrong, *(f"tile {index} of level {level} is not there" for level, index in made)]:
            yield Finding("misfiled", None, what)
