"""Check a whole log against its own bodies, its tree, its signed checkpoints and the head store.

Input is a `Source`, which hands over bytes and rows; nothing here opens a database or holds a key. What is checked,
entry by entry in order of seq:

- the body is canonical and of its format, hashes to the stored leaf hash, and says the seq that it stands at
- every column and link beside it is what the body implies
- every personal value that is there opens to the body's commitment, and none is there that the body does not know;
  where the keep was lost, the values of before do not open: the entry that says so took the clinic's new keys to write
- every personal value that is gone, or that nobody can open any more, was erased: a later entry accounts for it, which
  has a sealed value of its own, so that it took the clinic's key to write it; and none that was erased still opens

and for the log: the numbers run from 1 without a gap; recorded_at never goes back; the tree comes to the committed
head, to every checkpoint, and to the head store's checkpoint; every checkpoint is signed with the log's key.

What this does not prove: that the log was not rebuilt as a whole by somebody who holds the signing key and the head
store (only a checkpoint kept by an outsider shows that), and that what was recorded is true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
# The path of the value that an entry seals which erases somebody.
_ERASES = "erases"


class Opening(NamedTuple):
    """An opened group: the seed, and its values in order of the body's paths. `None` in its place: it does not open."""

    seed: bytes
    values: Sequence[object]


# In the place of an opening: the group is there, and nobody tries to open it.
SEALED = Opening(b"", ())
# In the place of an opening: the group is there, and nobody can open it, because its key was destroyed.
DEAD = Opening(b"dead", ())
# In the place of an opening: the group is not there.
GONE = Opening(b"gone", ())


# recorded_at may be ahead of the time in an entry's id by no more than this, in microseconds: a day.
CLOCK_TOLERANCE = 24 * 3_600_000_000
_CLOCKS_SHOWN = 10


class Record(NamedTuple):
    """One stored entry. `columns` are the fields of `entry.Columns`. `hashed` is the leaf hash that is kept of it, None
    where none is kept yet. `sealed` is for the source to open. `links` are the (kind, ref, as_target) in the table that
    a body can imply: a set of `entry.Link`, or of tuples like it."""

    seq: int
    columns: tuple[object, ...]
    body: bytes
    hashed: bytes | None
    sealed: bytes
    links: AbstractSet[tuple[str, bytes, bool]]


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as stored: what its row says, and the note. `frontier` is None where it is not kept."""

    size: int
    root: bytes
    note: bytes
    frontier: bytes | None = None


class Source(Protocol):
    """What a log's keeper hands over to be verified, all of one instant. `erased_to` is the number of the last erasure
    that the keys know of, which is behind `size` where the database is an older one; `renewed_to` that of the last
    entry whose values were lost with a keep, 0 where none was."""

    erased_to: int
    renewed_to: int
    origin: str
    verifier: Verifier
    size: int
    root: bytes
    frontier: bytes

    def records(self) -> Iterator[Record]: ...
    def open(self, record: Record, body: entry.Body) -> Sequence[Opening | None]:
        """What is sealed of each group of a record's body. Asked for before the next record."""
        ...

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
    recorded_at, lost = None, 0
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
            openings = source.open(record, body)
            lost += _check_values(source, record.seq, body, openings, report, erasures)
        report.entries += 1
        if report.entries % _CHUNK == 0:
            progress(report.entries)
    tree.finish()
    erasures.finish(report, source.erased_to, source.erased_to > source.size)
    report.notices += clocks.notices()
    if lost:
        report.notices.append(
            f"{lost} entries up to entry {source.renewed_to} have values that nobody can read: the keep was lost, and "
            "a later entry says so"
        )
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
    if record.hashed is not None and merkle.leaf_hash(record.body) != record.hashed:
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
        pairs = zip(entry.Columns._fields, implied, record.columns, strict=True)
        wrong = [name for name, mine, theirs in pairs if mine != theirs]
        report.add("misfiled", record.seq, f"the column {', '.join(wrong)} does not say what the body says")


def _check_links(record: Record, body: entry.Body, report: Report) -> None:
    implied = entry.links(body)
    if implied == record.links:
        return
    for kind, _, as_target in implied - record.links:
        report.add("misfiled", record.seq, f"its link to a {kind} is missing{_in_part(as_target)}")
    for kind, _, as_target in record.links - implied:
        report.add(
            "misfiled", record.seq, f"a link says that it has a {kind}{_in_part(as_target)}, and its body does not"
        )


def _in_part(as_target: bool) -> str:
    return " as its target" if as_target else ""


class _Erasures:
    """What was erased, and what is gone: told apart when every entry was seen, since an erasure comes after.

    Whoever can write the database can append an entry that says it erased values. So one is believed only where its
    own value at `erases` is there, fits and says the same, which takes the clinic's key to seal.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.gone: list[tuple[int, tuple[str, str], bool]] = []
        self.there: dict[tuple[str, str], int] = {}

    def take(self, body: entry.Body, said: object, report: Report) -> None:
        """Note what a body says was erased. `said` is its value at `erases`; SEALED where nobody opens values here."""
        if (erasure := entry.erasure(body)) is None:
            return
        person = erasure.token.hex()
        again = {"person": person, "classes": list(erasure.classes), "up_to_seq": erasure.up_to_seq}
        if said is not SEALED and said != again:
            report.add("added", body.seq, "it says that it erased values, and was not written with the clinic's key")
            return
        for personal_class in erasure.classes:
            self.known.setdefault((person, personal_class), []).append((erasure.up_to_seq, body.seq))

    def finish(self, report: Report, erased_to: int, is_older: bool) -> None:
        """Judge what is gone. `erased_to` is the last erasure that the keys know of; `is_older`: this database does
        not have it."""
        later = set()
        for seq, place, is_dead in self.gone:
            by = [by for up_to, by in self.known.get(place, ()) if seq <= up_to]
            if by:
                report.erased[seq] = (*report.erased.get(seq, ()), by[0])
            elif is_dead and is_older:
                later.add(seq)
            else:
                report.add("missing", seq, f"its {place[1]} values are gone, and no entry accounts for it")
        if later:
            report.notices.append(
                f"{len(later)} entries have values of people who were erased later than this database was copied; the "
                "entries that account for it are not in it"
            )
        unfinished = set[int]()
        for place, known in self.known.items():
            first = self.there.get(place)
            if first is None or first > max(up_to for up_to, _ in known):
                continue
            by_seq = max(by for _, by in known)
            if by_seq > erased_to:
                unfinished.add(by_seq)
            else:
                report.add("restored", first, f"its {place[1]} values open, and entry {by_seq} says they were erased")
        report.notices += [
            f"entry {by_seq} erases somebody whose keys are still in the keep; it is finished when the log is opened"
            for by_seq in sorted(unfinished)
        ]


def _check_values(
    source: Source,
    seq: int,
    body: entry.Body,
    openings: Sequence[Opening | None],
    report: Report,
    erasures: _Erasures,
) -> bool:
    """Return whether values of the entry were lost with a keep."""
    committer = commitment.Committer(source.origin, body.id)
    said: object = None
    lost = False
    for (owner, personal_class, paths, committed), opening in zip(body.groups, openings, strict=True):
        place = (body.tokens[owner], personal_class)
        if opening is DEAD or opening is GONE:
            erasures.gone.append((seq, place, opening is DEAD))
        elif opening is SEALED or (opening is None and seq <= source.renewed_to):
            lost = lost or opening is None
            said = SEALED if _ERASES in paths else said
        elif opening is None:
            report.add("altered", seq, f"its sealed {personal_class} values do not open")
        else:
            erasures.there.setdefault(place, seq)
            report.values += len(paths)
            if not _fits(committer, personal_class, paths, committed, opening):
                values = f"the {personal_class} values at {', '.join(paths)}"
                report.add("altered", seq, f"{values} are not those that were committed")
            elif _ERASES in paths:
                said = opening.values[paths.index(_ERASES)]
    erasures.take(body, said, report)
    return lost


def _fits(
    committer: commitment.Committer, personal_class: str, paths: tuple[str, ...], committed: str, opening: Opening
) -> bool:
    seed, values = opening
    if len(seed) != commitment.SEED_BYTES or len(values) != len(paths):
        return False
    try:
        data = canonical.encode_each(values)
    except InvalidInput:
        return False
    leaves = commitment.leaves(seed, list(zip(paths, data, strict=True)))
    return committer.commit(personal_class, leaves) == committed


class _Tree:
    """Rebuilds the tree from the leaf hashes and compares it at every size that was ever signed.

    Where a leaf hash is kept it stands in for the body here: where the body was changed, `_body` names that entry, and
    the tree still shows that the hash which is kept is the signed one.
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
        self.waiting.append(merkle.leaf_hash(record.body) if record.hashed is None else record.hashed)
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
