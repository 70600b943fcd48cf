"""Check a bundle offline. docs/spec/bundle.md gives the rules; here they are in the order in which they are applied.

1. the zip is, byte by byte, the one that our writer prints of the files of its kind (`proof/archive.py`)
2. the checkpoint is signed with the log's key: the one that the auditor gave, else the one inside, which proves nothing
   about whose log it is
3. export.json is an entry `log.exported` of the signed tree, and its body has the seals of the sealed files
4. erasures.jsonl: those that bundle.json names, each an entry of the signed tree; one that is not is not believed
5. entries.jsonl, line by line: body, leaf hash, order, leaves of groups against commitments and openings against
   leaves; and the proof of each, or for the complete kind one proof of all of them
6. entries.csv is what the entries and rendering.json make of each line

Any bytes at all lead to a report with findings, or to MalformedProof where the file is no bundle of version 1.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import IO, BinaryIO

from ...errors import InvalidInput, MalformedProof
from ...format import canonical, csv_row, entry, money
from ...format.commitment import Committer, leaf
from ...format.offsets import Given
from ...format.opened import Opened
from .. import bundle, checkpoint, letter, merkle
from ..archive import Unpacker
from ..bundle import GivenGroup, Line, Proven, Rendering, Statement, Wording
from ..checkpoint import Checkpoint
from ..letter import Compared
from ..note import LARGEST_NOTE, Verifier
from .report import Report, Verdict

_BOM = b"\xef\xbb\xbf"
# How a body that erased something stands in a line of entries.jsonl.
_ERASES = b'\\"erases\\":'
# Entries between two calls of `progress`.
_PROGRESS = 1_000


@dataclass(slots=True)
class BundleReport(Report):
    """What a bundle shows. `withheld` counts the values whose openings the exporter kept back; `leaves` are the leaf
    hashes of a complete one, by number."""

    statement: Statement | None = None
    vkey: str = ""
    withheld: int = 0
    exported_as: int = 0
    differing_cells: list[tuple[int, str]] = field(default_factory=list)
    leaves: dict[int, bytes] = field(default_factory=dict)

    def root_at(self, size: int) -> bytes | None:
        """The root of the log's first so many entries, as far as this bundle proves it; None where it does not."""
        if self.findings:
            return None
        if size == self.size:
            return self.root
        leaves = [self.leaves[seq] for seq in range(1, min(size, len(self.leaves)) + 1) if seq in self.leaves]
        return letter.root_of(size, leaves) if len(leaves) == size else None

    def compare(self, signed: bytes) -> Compared:
        """Return what a letter's signed checkpoint says of the log, as far as this bundle shows it.

        A bundle is of one moment: of a letter that was written later it says nothing, and not that the log is shorter.
        """
        compared = letter.compare(signed, Verifier.decode(self.vkey), self.size, self.root_at)
        return replace(compared, outcome="could_not_tell") if compared.outcome == "shorter" else compared


def verify_bundle(
    file: BinaryIO, key: Verifier | None = None, progress: Callable[[int], None] = lambda done: None
) -> BundleReport:
    """Check a bundle and return the report. Raises MalformedProof for what is no bundle of version 1.

    Without `key` the result is at best "could_not_tell": all fits the key inside, whose fingerprint is to be compared.
    """
    archive = Unpacker(file, [bundle.order("selection"), bundle.order("complete")])
    statement = Statement.decode(_whole(archive, "bundle.json"))
    if archive.names != bundle.order(statement.kind):
        raise MalformedProof(f"bundle.json says kind {statement.kind}, and the files are those of the other kind")
    report = _Check(archive, statement, key, progress).run()
    archive.finish()
    return report


def _whole(archive: Unpacker, name: str, limit: int = bundle.FILE_LIMIT) -> bytes:
    with archive.open(name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise MalformedProof(f"{name} is larger than any bundle's")
    return data


class _Digesting(io.RawIOBase):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # a buffer has no name in Python 3.11
        data = self.file.read(len(buffer))
        self.digest.update(data)
        buffer[: len(data)] = data
        return len(data)

    def finish(self) -> bytes:
        """Read to the end, and return the SHA-256."""
        while data := self.file.read(1 << 20):
            self.digest.update(data)
        return self.digest.digest()


class _Check:
    """The work of one `verify_bundle`."""

    def __init__(
        self, archive: Unpacker, statement: Statement, key: Verifier | None, progress: Callable[[int], None]
    ) -> None:
        self.archive, self.statement, self.progress = archive, statement, progress
        self.report = BundleReport(size=0, statement=statement)
        inside = Verifier.decode(_one_line(_whole(archive, "key.txt", 2_000)))
        self.key = key or inside
        self.report.vkey = self.key.encode()
        if key is None:
            self.report.doubts.append(
                "no key was given, so this shows only that the bundle agrees with the key inside it; compare that "
                "key's fingerprint with the clinic's"
            )
        elif key != inside:
            self.report.add("unsigned", None, "the key inside is another one than the key that you gave")
        self.rendering = Rendering.decode(_whole(archive, "rendering.json"))
        for code, digits in sorted(self.rendering.currencies.items()):
            if money.EXPONENTS.get(code) != digits:
                self.report.add("edited", None, f"rendering.json gives {code} other digits than ISO 4217 does")
        self.erased: dict[tuple[str, str], tuple[int, int]] = {}
        self.head: Checkpoint | None = None

    def run(self) -> BundleReport:
        report = self.report
        self.head = self._checkpoint()
        seals = self._export()
        self._erasures()
        small = ("README.txt", "bundle.json", "rendering.json")
        found = {name: hashlib.sha256(_whole(self.archive, name)).digest() for name in small} | self._entries()
        for name in bundle.SEALED:
            if seals is not None and seals.get(name) != bundle.seal(self.statement.nonce, found[name]):
                report.add("edited", None, f"{name} is not the file that was exported")
        self.progress(report.entries)
        return report

    # What everything is proven against

    def _checkpoint(self) -> Checkpoint | None:
        report = self.report
        try:
            head = checkpoint.open(_whole(self.archive, "checkpoint", LARGEST_NOTE), self.key)
        except MalformedProof as error:
            report.add("unsigned", None, f"the checkpoint is not signed with the log's key: {error}")
            return None
        if head.origin != self.statement.log_origin:
            report.add("unsigned", None, "the checkpoint is of another log than bundle.json says")
        report.size = report.signed_size = head.size
        report.root, report.checkpoints = head.root, 1
        return head

    def _is_in_tree(self, seq: int, leaf: bytes, path: tuple[bytes, ...]) -> bool:
        if self.head is None:
            return False
        try:
            merkle.check_inclusion(seq - 1, self.head.size, leaf, path, self.head.root)
        except MalformedProof:
            return False
        return True

    def _proven(self, data: bytes, what: str) -> entry.Body | None:
        """Return the body of a proven entry; None, with a finding, where it is not in the signed tree."""
        proven = Proven.decode(data)
        if not self._is_in_tree(proven.seq, merkle.leaf_hash(proven.body), proven.path):
            self.report.add("added", proven.seq, f"{what} is not an entry of the signed tree")
            return None
        body = entry.decode(proven.body)
        if body.seq != proven.seq:
            self.report.add("reordered", proven.seq, f"{what} stands at another number than its own")
            return None
        return body

    def _export(self) -> dict[str, str] | None:
        """Return the seals of the files, as the log recorded them."""
        body = self._proven(_whole(self.archive, "export.json", bundle.LINE_LIMIT), "the record of this export")
        if body is None:
            return None
        self.report.exported_as = body.seq
        files = body.members["context"].get("files")
        if body.action != "log.exported" or type(files) is not dict:
            self.report.add("added", body.seq, "export.json is an entry that records no bundle")
            return None
        if body.seq <= self.statement.last_seq:
            self.report.add("reordered", body.seq, "the record of this export is older than entries in it")
        return files

    def _erasures(self) -> None:
        """What proven entries say was erased: those in erasures.jsonl, and those among the entries."""
        before, named = 0, set(self.statement.erasures)
        with self.archive.open("erasures.jsonl") as file:
            while data := file.readline(bundle.LINE_LIMIT):
                body = self._proven(data, "an entry that says it erased values")
                if body is None:
                    continue
                if body.seq not in self.statement.erasures:
                    self.report.add("added", body.seq, "it is in erasures.jsonl, and bundle.json does not name it")
                named.discard(body.seq)
                if body.seq <= before:
                    self.report.add("reordered", body.seq, "it stands twice in erasures.jsonl, or behind a newer one")
                before = body.seq
                if not self._remember(body):
                    self.report.add("added", body.seq, "erasures.jsonl holds an entry that erased nothing")
        for seq in sorted(named):
            self.report.add("removed", seq, "bundle.json says that it erased values, and erasures.jsonl lacks it")
        if self.head is not None:
            self._erasures_among_entries()

    def _erasures_among_entries(self) -> None:
        """They are known before the values are judged, because entries stand in the order of when they happened."""
        selection = self.statement.kind == "selection"
        with self.archive.open("entries.jsonl") as lines, self.archive.open(self._proofs) as proofs:
            while data := lines.readline(bundle.LINE_LIMIT):
                path = proofs.readline(bundle.LINE_LIMIT) if selection else b""
                if _ERASES not in data:
                    continue
                with suppress(MalformedProof):  # what is wrong with the line is found when its turn comes
                    line = Line.decode(data)
                    if not selection or self._is_in_tree(line.seq, line.leaf, bundle.decode_path(path)):
                        self._remember(entry.decode(line.body))

    def _remember(self, body: entry.Body) -> bool:
        """Note what an entry erased; false where it erased nothing."""
        if (erasure := entry.erasure(body)) is None:
            return False
        for personal_class in erasure.classes:
            self.erased[erasure.token.hex(), personal_class] = (erasure.up_to_seq, body.seq)
        return True

    @property
    def _proofs(self) -> str:
        return "range.json" if self.statement.kind == "complete" else "proofs.jsonl"

    # The entries

    def _entries(self) -> dict[str, bytes]:
        """Check entries and CSV side by side, and return the digests of both files."""
        complete = self.statement.kind == "complete"
        with (
            self.archive.open("entries.jsonl") as entries,
            self.archive.open("entries.csv") as table,
            self.archive.open(self._proofs) as proofs,
        ):
            lines, cells = _Digesting(entries), _Digesting(table)
            rows = _Rows(cells, self.report, Given(self.rendering.offsets).minutes)
            proof = _Complete(self, proofs) if complete else _Selection(self, proofs)
            before: tuple[int, int] | None = None
            reader = io.BufferedReader(lines, 1 << 16)
            while data := reader.readline(bundle.LINE_LIMIT):
                line = Line.decode(data)
                before = self._line(line, before, proof, rows)
                self.report.entries += 1
                if self.report.entries % _PROGRESS == 0:
                    self.progress(self.report.entries)
            proof.finish()
            rows.finish()
            if self.report.entries != self.statement.rows:
                verdict: Verdict = "removed" if self.report.entries < self.statement.rows else "added"
                what = f"bundle.json says {self.statement.rows} entries, and there are {self.report.entries}"
                self.report.add(verdict, None, what)
            return {"entries.jsonl": lines.finish(), "entries.csv": cells.finish()}

    def _line(
        self, line: Line, before: tuple[int, int] | None, proof: _Complete | _Selection, rows: _Rows
    ) -> tuple[int, int] | None:
        report = self.report
        if merkle.leaf_hash(line.body) != line.leaf:
            report.add("edited", line.seq, "its body is not the one that its hash was made of")
        proof.take(line)
        try:
            body = entry.decode(line.body)
        except MalformedProof as error:
            report.add("edited", line.seq, f"its body cannot be one that was recorded: {error}")
            rows.skip()
            return before
        if body.seq != line.seq:
            report.add("reordered", line.seq, f"its body says that it is entry {body.seq}")
        if not self.statement.first_seq <= body.seq <= self.statement.last_seq:
            report.add("added", line.seq, "it is not one of the entries that bundle.json names")
        place = (body.occurred_at, body.seq)
        if before is not None and place >= before:
            report.add("reordered", line.seq, "it stands before a newer entry, or twice")
        opened = self._open(line, body)
        action = self.rendering.actions.get(body.action)
        if action is None:
            report.add("missing", line.seq, "rendering.json has no words for its action")
        rows.take(opened, action or Wording(body.action, "other", "none"), self.statement.time_zone, self.rendering)
        return place

    def _open(self, line: Line, body: entry.Body) -> Opened:
        """Check the groups of a line; return the entry with the values that are given."""
        committer = Committer(self.statement.log_origin, body.id)
        values: dict[str, object] = {}
        states = dict.fromkeys(body.members.get("left_out", ()), "left_out")
        there = {one.place: one for one in line.groups}
        for place, group in enumerate(body.groups):
            owner, given = body.tokens[group.owner], there.pop(place, None)
            if given is not None:
                values |= self._opened(line.seq, group, given, committer)
                self._check_not_erased(line.seq, owner, group.personal_class)
            for path in group.paths:
                if path not in values:
                    states[path] = self._absent(line.seq, owner, group.personal_class, path)
        for place in there:
            self.report.add("added", line.seq, f"there is a group {place}, which its body does not know")
        return Opened(line.seq, body.occurred_at, body.members, values, states)

    def _opened(self, seq: int, group: entry.Group, given: GivenGroup, committer: Committer) -> dict[str, object]:
        """Check one group that is given; return its values."""
        report = self.report
        if (
            len(given.leaves) != len(group.paths)
            or committer.commit(group.personal_class, given.leaves) != group.commitment
        ):
            report.add("altered", seq, f"its {group.personal_class} values are not those that were committed")
        leaves = dict(zip(group.paths, given.leaves, strict=False))
        for path, opening in given.openings.items():
            if path not in group.paths:
                report.add("added", seq, f"there is a value at {path}, which its body does not know")
            elif leaves.get(path) != leaf(opening.salt, path, _canonical(opening.value)):
                report.add("altered", seq, f"the value at {path} is not the one that was committed")
        report.values += len(given.openings)
        return {path: given.openings[path].value for path in group.paths if path in given.openings}

    def _absent(self, seq: int, token: str, personal_class: str, path: str) -> str:
        """Why a value is not here: erased, withheld, or missing, which is a finding."""
        up_to, by = self.erased.get((token, personal_class), (0, 0))
        if seq <= up_to:
            self.report.erased[seq] = tuple(sorted({*self.report.erased.get(seq, ()), by}))
            return "erased"
        if personal_class not in self.statement.given or path in self.statement.withheld:
            self.report.withheld += 1
            return "withheld"
        self.report.add("missing", seq, f"the value at {path} is not here, and no entry accounts for it")
        return "missing"

    def _check_not_erased(self, seq: int, token: str, personal_class: str) -> None:
        up_to, by = self.erased.get((token, personal_class), (0, 0))
        if seq <= up_to:
            what = f"its {personal_class} values are here"
            self.report.add("restored", seq, f"{what}, and entry {by} says that they were erased")


def _canonical(value: object) -> bytes:
    try:
        return canonical.encode_checked(value)
    except InvalidInput:
        return b""


def _one_line(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedProof("key.txt is not a text") from error
    if not text.endswith("\n"):
        raise MalformedProof("key.txt is not one line")
    return text[:-1]


class _Selection:
    """Each entry is proven on its own: its inclusion proof is the line of proofs.jsonl at the same place."""

    def __init__(self, check: _Check, proofs: IO[bytes]) -> None:
        self.check, self.proofs = check, proofs

    def take(self, line: Line) -> None:
        data = self.proofs.readline(bundle.LINE_LIMIT)
        path = bundle.decode_path(data) if data else ()
        if not self.check._is_in_tree(line.seq, line.leaf, path):
            self.check.report.add("edited", line.seq, "it is not the entry of this number in the signed tree")

    def finish(self) -> None:
        if self.proofs.readline(1):
            self.check.report.add("removed", None, "proofs.jsonl has proofs of entries that are not there")


class _Complete:
    """All entries of a range are proven together: their leaves and the hashes beside them make the signed root."""

    def __init__(self, check: _Check, proofs: IO[bytes]) -> None:
        self.check = check
        self.first, self.last = check.statement.first_seq, check.statement.last_seq
        if check.head is not None and not 1 <= self.first <= self.last + 1 <= check.head.size + 1:
            raise MalformedProof("bundle.json names a range of entries that the signed tree does not have")
        data = proofs.read(bundle.FILE_LIMIT)
        self.left, self.right = bundle.decode_range(data)
        self.leaves = check.report.leaves

    def take(self, line: Line) -> None:
        if line.seq in self.leaves:
            self.check.report.add("added", line.seq, "this number is there more than once")
        self.leaves[line.seq] = line.leaf

    def finish(self) -> None:
        report, head = self.check.report, self.check.head
        gone = _gaps(self.leaves, self.first, self.last)
        for start, end in gone:
            which = f"entry {start} is" if start == end else f"entries {start} to {end} are"
            verdict: Verdict = "truncated" if end == self.last else "removed"
            report.add(verdict, start, f"{which} not in the bundle")
        if gone or head is None or self.last < self.first:
            return
        leaves = [self.leaves[seq] for seq in range(self.first, self.last + 1)]
        try:
            merkle.check_range(self.first - 1, head.size, leaves, merkle.RangeProof(self.left, self.right), head.root)
        except MalformedProof:
            report.add("forked", None, f"the entries {self.first} to {self.last} are not those of the signed tree")


def _gaps(there: dict[int, bytes], first: int, last: int) -> list[tuple[int, int]]:
    """The runs of numbers from first to last that are not there, both ends included."""
    gaps, expected = [], first
    for seq in sorted(seq for seq in there if first <= seq <= last):
        if seq > expected:
            gaps.append((expected, seq - 1))
        expected = seq + 1
    if expected <= last:
        gaps.append((expected, last))
    return gaps


class _Rows:
    """The CSV, compared row by row, byte for byte, with what the entries make."""

    def __init__(self, file: _Digesting, report: BundleReport, ahead: csv_row.Ahead) -> None:
        self.report, self.ahead, self.lost = report, ahead, False
        self.lines = io.BufferedReader(file, 1 << 16)
        if self._next() != _BOM + csv_row.line(list(csv_row.COLUMNS)).encode():
            self._give_up("entries.csv does not begin with a byte order mark and the names of the columns")

    def _next(self) -> bytes:
        """The bytes of the next row, which ends at a line feed outside quotes; empty at the end of the file."""
        lines, length, quotes = [], 0, 0
        while line := self.lines.readline(bundle.LINE_LIMIT):  # each is looked at once: a row may have many
            lines.append(line)
            length, quotes = length + len(line), quotes + line.count(b'"')
            if quotes % 2 == 0:
                break
            if length > bundle.LINE_LIMIT:
                raise MalformedProof("entries.csv has a row that is longer than any entry's")
        return b"".join(lines)

    def _give_up(self, what: str, seq: int | None = None) -> None:
        self.lost = True
        self.report.add("edited", seq, what)

    def skip(self) -> None:
        """Leave out the row of an entry that cannot be read, which is a finding already."""
        if not self.lost:
            self._next()

    def take(self, opened: Opened, wording: Wording, zone: str, rendering: Rendering) -> None:
        try:
            agent = opened.values.get("request.user_agent")
            device = rendering.devices.get(agent, "") if isinstance(agent, str) else ""
            words = csv_row.Wording(wording.category, wording.label, wording.money, device)
            expected = csv_row.cells(opened, words, zone, self.ahead, rendering.currencies)
            data = csv_row.line(expected).encode()
        except (KeyError, TypeError, AttributeError, ValueError, IndexError):
            self.report.add("edited", opened.seq, "its body cannot be one that was recorded: it makes no row")
            self.skip()
            return
        if not self.lost and (row := self._next()) != data:
            self._compare(opened.seq, row, expected)

    def _compare(self, seq: int, row: bytes, expected: list[str]) -> None:
        cells = _cells(row)
        if cells is None or len(cells) != len(expected) or cells[0] != expected[0]:
            self._give_up("entries.csv has another row in its place; the rows behind it were not compared", seq)
            return
        differ = [name for name, cell, right in zip(csv_row.COLUMNS, cells, expected, strict=True) if cell != right]
        for name in differ:
            self.report.differing_cells.append((seq, name))
            self.report.add("edited", seq, f"its cell {name} in entries.csv is not what its entry says")
        if not differ:
            self.report.add("edited", seq, "its row in entries.csv has the right cells, written in another way")

    def finish(self) -> None:
        if not self.lost and self._next():
            self.report.add("added", None, "entries.csv has rows of entries that are not there")


def _cells(row: bytes) -> list[str] | None:
    """The cells of one row of CSV, or None where it is none."""
    try:
        (cells,) = csv.reader(io.StringIO(row.decode(), newline=""), strict=True)
    except (csv.Error, ValueError):  # not UTF-8, not CSV, or not one row
        return None
    return cells
