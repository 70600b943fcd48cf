"""Check a whole log against its own bodies, its tree, its signed checkpoints and the head store.

Input is a `Source`, which hands over bytes and rows; nothing here opens a database or holds a key. What is checked,
entry by entry in order of seq:

- the body is canonical and of its format, hashes to the stored leaf hash, and says the seq that it stands at
- every column and link beside it is what the body implies
- every personal value that is there opens to the body's commitment, and none is there that the body does not know
- every personal value that is gone was erased: a later entry accounts for it, which has a sealed value of its own, so
  that it took the clinic's key to write it; and none that was erased is there again

and for the log: the numbers run from 1 without a gap; recorded_at never goes back; the tree comes to the committed
head, to every checkpoint, and to the head store's checkpoint; every checkpoint is signed with the log's key.

What this does not prove: that the log was not rebuilt as a whole by somebody who holds the signing key and the head
store (only a checkpoint kept by an outsider shows that), and that what was recorded is true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .. import canonical, checkpoint, commitment, entry, merkle
from ..errors import InvalidInput, MalformedProof
from ..merkle import Frontier
from ..note import Verifier
from .report import Finding, Report

# Leaves hashed at once.
_CHUNK = 1_024
# The path of the idempotency key.
_KEY = "key"


class Opening(NamedTuple):
    """An opened personal row: the seed, and the values by path. `None` in its place: the row does not open."""

    seed: bytes
    values: Mapping[str, object]


# In the place of an opening: the row is there, and nobody tries to open it.
SEALED = Opening(b"", {})


# recorded_at may be ahead of the time in an entry's id by no more than this, in microseconds: a day.
CLOCK_TOLERANCE = 24 * 3_600_000_000
_CLOCKS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Record:
    """One stored entry. `openings` maps (token, class) to what its personal row holds; `links` are those in the table
    that a body can imply."""

    seq: int
    columns: entry.Columns
    body: bytes
    leaf_hash: bytes
    openings: Mapping[tuple[bytes, str], Opening | None]
    links: AbstractSet[entry.Link]


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as stored: what its row says, and the note. `frontier` is None where it is not kept."""

    size: int
    root: bytes
    note: bytes
    frontier: bytes | None = None


class Source(Protocol):
    """What a log's keeper hands over to be verified, all of one instant."""

    origin: str
    verifier: Verifier
    size: int
    root: bytes
    frontier: bytes

    def records(self) -> Iterator[Record]: ...
    def checkpoints(self) -> Iterator[Signed]: ...
    def last_signed(self) -> Signed | None: ...
    def others(self) -> Iterator[Finding]:
        """Findings about rows that only the keeper can judge (persons, keys), asked for after `records`."""
        ...


def verify_log(source: Source, progress: Callable[[int], None] = lambda done: None) -> Report:
    """Check everything and return the report. `progress` is called with the number of entries done, now and then."""
    report = Report(size=source.size)
    tree = _Tree(source, report)
    erasures = _Erasures()
    clocks = _Clocks()
    recorded_at = None
    for record in source.records():
        tree.take(record)
        body = _body(record, report)
        if body is not None:
            if recorded_at is not None and body.recorded_at < recorded_at:
                report.add("reordered", record.seq, "its recorded_at is earlier than that of the entry before it")
            recorded_at = body.recorded_at
            clocks.take(body)
            _check_columns(record, body, report)
            _check_links(record, body, report)
            _check_values(source.origin, record, body, report, erasures)
        report.entries += 1
        if report.entries % _CHUNK == 0:
            progress(report.entries)
    tree.finish()
    erasures.finish(report)
    report.notices += clocks.notices()
    for finding in source.others():
        report.add(finding.verdict, finding.seq, finding.what)
    progress(report.entries)
    return report


class _Clocks:
    """Finds entries that were recorded by a clock that was ahead: those behind them have its time too, and an id with
    the time of a clock that was right (RFC 9562: the first 48 bits of a UUIDv7 are milliseconds since 1970)."""

    def __init__(self) -> None:
        self.began, self.recorded_at = 0, 0
        # (first entry with a time, last one that shows that it was ahead, by how much at most)
        self.ahead: list[tuple[int, int, int]] = []

    def take(self, body: entry.Body) -> None:
        if body.recorded_at != self.recorded_at:
            self.began, self.recorded_at = body.seq, body.recorded_at
        ahead = body.recorded_at - int(body.id[:8] + body.id[9:13], 16) * 1_000
        if ahead > CLOCK_TOLERANCE:
            first, _, most = self.ahead.pop() if self.ahead and self.ahead[-1][0] == self.began else (self.began, 0, 0)
            self.ahead.append((first, body.seq, max(most, ahead)))

    def notices(self) -> Iterator[str]:
        for first, last, most in self.ahead[:_CLOCKS_SHOWN]:
            yield (
                f"entry {first} was recorded by a clock that was {most // CLOCK_TOLERANCE} days or more ahead, and "
                f"entries up to {last} have its recorded_at; when they occurred, and their order, is as it was recorded"
            )


def _body(record: Record, report: Report) -> entry.Body | None:
    if merkle.leaf_hash(record.body) != record.leaf_hash:
        report.add("edited", record.seq, "its body is not the one that was hashed when it was recorded")
    try:
        body = entry.decode(record.body)
    except MalformedProof as error:
        report.add("edited", record.seq, f"its body cannot be one that was recorded here: {error}")
        return None
    if body.seq != record.seq:
        report.add("reordered", record.seq, f"its body says that it is entry {body.seq}")
    return body


def _check_columns(record: Record, body: entry.Body, report: Report) -> None:
    implied = entry.columns(body)
    if implied != record.columns:
        wrong = [name for name in entry.Columns._fields if getattr(implied, name) != getattr(record.columns, name)]
        report.add("misfiled", record.seq, f"the column {', '.join(wrong)} does not say what the body says")


def _check_links(record: Record, body: entry.Body, report: Report) -> None:
    implied = set(entry.links(body))
    for link in implied - record.links:
        report.add("misfiled", record.seq, f"its link as {link.role} to a {link.kind} is missing")
    for link in record.links - implied:
        report.add(
            "misfiled", record.seq, f"a link says that it has a {link.kind} as {link.role}, which its body does not"
        )


class _Erasures:
    """What was erased, and what is gone: told apart when every entry was seen, since an erasure comes after.

    Whoever can write the database can append an entry that says it erased values. So one is believed only where its
    own value at `key` is there and fits, which takes the clinic's key to seal, or was itself erased by a later entry
    that is believed.
    """

    def __init__(self) -> None:
        self.said: list[tuple[int, entry.Erasure, tuple[bytes, str] | None, bool]] = []
        self.known: dict[tuple[bytes, str], list[tuple[int, int]]] = {}
        self.gone: list[tuple[int, tuple[bytes, str]]] = []
        self.there: dict[tuple[bytes, str], int] = {}

    def take(self, body: entry.Body, sealed: bool) -> None:
        """Note what a body says was erased. `sealed`: its value at `key` fits, or nobody opens values here."""
        if (erasure := entry.erasure(body)) is not None:
            places = [(group.owner, group.personal_class) for group in body.groups if _KEY in group.paths]
            place = (bytes.fromhex(body.tokens[places[0][0]]), places[0][1]) if places else None
            self.said.append((body.seq, erasure, place, sealed))

    def _believe(self, report: Report) -> None:
        for seq, erasure, place, sealed in reversed(self.said):
            if not sealed and (place is None or not any(seq <= up_to for up_to, _ in self.known.get(place, ()))):
                report.add("added", seq, "it says that it erased values, and was not written with the clinic's key")
                continue
            for personal_class in erasure.classes:
                self.known.setdefault((erasure.token, personal_class), []).insert(0, (erasure.up_to_seq, seq))

    def finish(self, report: Report) -> None:
        self._believe(report)
        for seq, place in self.gone:
            by = [by for up_to, by in self.known.get(place, ()) if seq <= up_to]
            if by:
                report.erased[seq] = (*report.erased.get(seq, ()), by[0])
            else:
                report.add("missing", seq, f"its {place[1]} values are gone, and no entry accounts for it")
        for place, known in self.known.items():
            first = self.there.get(place)
            if first is not None and first <= max(up_to for up_to, _ in known):
                by_seq = max(by for _, by in known)
                report.add("restored", first, f"it has {place[1]} values that entry {by_seq} says were erased")


def _check_values(origin: str, record: Record, body: entry.Body, report: Report, erasures: _Erasures) -> None:
    committer = commitment.Committer(origin, body.id)
    unknown = set(record.openings)
    sealed = False
    for group in body.groups:
        place = (bytes.fromhex(body.tokens[group.owner]), group.personal_class)
        if place not in unknown:
            erasures.gone.append((record.seq, place))
            continue
        unknown.discard(place)
        erasures.there.setdefault(place, record.seq)
        opening = record.openings[place]
        if opening is SEALED:
            sealed = sealed or _KEY in group.paths
            continue
        if opening is None:
            report.add("altered", record.seq, f"its sealed {group.personal_class} values do not open")
            continue
        report.values += len(group.paths)
        if not _fits(committer, group, opening):
            values = f"the {group.personal_class} values at {', '.join(group.paths)}"
            report.add("altered", record.seq, f"{values} are not those that were committed")
        elif _KEY in group.paths:
            sealed = True
    erasures.take(body, sealed)
    for _, personal_class in unknown:
        report.add("added", record.seq, f"there are {personal_class} values that its body does not know")


def _fits(committer: commitment.Committer, group: entry.Group, opening: Opening) -> bool:
    if len(opening.seed) != commitment.SEED_BYTES or opening.values.keys() != set(group.paths):
        return False
    try:
        values = [(path, canonical.encode_checked(opening.values[path])) for path in group.paths]
    except InvalidInput:
        return False
    return committer.commit(group.personal_class, commitment.leaves(opening.seed, values)) == group.commitment


class _Tree:
    """Rebuilds the tree from the stored leaf hashes and compares it at every size that was ever signed.

    The leaf hashes stand in for the bodies here: where one body was changed, `_body` names that entry, and the tree
    still shows that the hash beside it is the signed one.
    """

    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.frontier = Frontier()
        self.waiting: list[bytes] = []
        self.next_seq = 1
        self.broken = False
        self.agreed = 0
        self.signed = self._known()
        self.at = next(self.signed, None)

    def _known(self) -> Iterator[Signed]:
        """Every signed head in order of size, each checked for its signature first."""
        last = self.source.last_signed()
        if last is None:
            self.report.doubts.append(
                "the head store is not there, so it cannot be told whether entries were cut off the end"
            )
        for signed in _merged(self.source.checkpoints(), last):
            self._check_note(signed)
            yield signed

    def _check_note(self, signed: Signed) -> None:
        self.report.checkpoints += 1
        try:
            said = checkpoint.open(signed.note, self.source.verifier)
        except MalformedProof as error:
            self.report.add(
                "unsigned", None, f"the checkpoint of size {signed.size} is not signed with the log's key: {error}"
            )
            return
        if (said.origin, said.size, said.root) != (self.source.origin, signed.size, signed.root):
            self.report.add(
                "unsigned", None, f"the checkpoint of size {signed.size} is stored with another note than its own"
            )

    def take(self, record: Record) -> None:
        if record.seq != self.next_seq and not self.broken:
            self._gap(record.seq)
        self.next_seq = record.seq + 1
        self.waiting.append(record.leaf_hash if len(record.leaf_hash) == merkle.HASH_SIZE else bytes(merkle.HASH_SIZE))
        if (self.at is not None and record.seq >= self.at.size) or len(self.waiting) >= _CHUNK:
            self._flush()

    def _gap(self, seq: int) -> None:
        self.broken = True  # the tree cannot be rebuilt across a gap, and this finding already says why
        if seq > self.next_seq:
            last = seq - 1
            which = f"entry {last} is" if last == self.next_seq else f"entries {self.next_seq} to {last} are"
            self.report.add("removed", self.next_seq, f"{which} not in the database")
        else:
            self.report.add("added", seq, f"number {seq} is there more than once")

    def _flush(self) -> None:
        if self.broken:
            self.waiting.clear()
            return
        self.frontier = merkle.extend(self.frontier, self.waiting)
        self.waiting.clear()
        while self.at is not None and self.at.size <= self.frontier.size:
            if self.at.size == self.frontier.size:
                self._compare(self.at)
            self.at = next(self.signed, None)

    def _compare(self, signed: Signed) -> None:
        if self.frontier.root() != signed.root:
            self.broken = True
            first, last = self.agreed + 1, signed.size
            self.report.add(
                "forked",
                None,
                f"one of the entries {first} to {last} is not the one that was signed, and its hash was changed too",
            )
        elif signed.frontier is not None and self.frontier.encode() != signed.frontier:
            self.report.add("misfiled", None, f"the frontier kept with the checkpoint of size {signed.size} is wrong")
        else:
            self.agreed = self.report.signed_size = signed.size

    def finish(self) -> None:
        self._flush()
        held = self.next_seq - 1
        while self.at is not None and not self.broken:
            if self.at.size == 0:
                self._compare(self.at)
            elif self.at.size > held:
                self.report.add(
                    "truncated",
                    None,
                    f"{self.at.size} entries were signed, and the database holds {held}: the last are gone",
                )
                break
            self.at = next(self.signed, None)
        for _ in self.signed:
            pass  # check the notes of the sizes that the tree no longer reaches
        if self.broken:
            return
        self.report.root = self.frontier.root()
        source = self.source
        if held < source.size:
            self.report.add("truncated", None, f"{source.size} entries were recorded, and the database holds {held}")
        elif held > source.size:
            self.report.add(
                "added", source.size + 1, f"the log has {source.size} entries, and the database holds {held}"
            )
        elif self.report.root != source.root or self.frontier.encode() != source.frontier:
            first = self.agreed + 1
            self.report.add("forked", None, f"the entries from {first} on do not come to the committed head of the log")


def _merged(rows: Iterable[Signed], last: Signed | None) -> Iterator[Signed]:
    """The checkpoints by size, with the head store's at its place; where both are the same, once."""
    if last == Signed(0, merkle.EMPTY_ROOT, b""):
        last = None  # the head store has signed nothing yet
    for row in rows:
        if last is not None and last.size <= row.size:
            if last != Signed(row.size, row.root, row.note):
                yield last
            last = None
        yield row
    if last is not None:
        yield last
