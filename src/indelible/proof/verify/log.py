"""Check a whole log against its own bodies, its tree, its signed checkpoints and the head store.

Input is a `Source` (`source.py`), which hands over rows; nothing here opens a database or holds a key. The log is
walked in spans of 256 entries. What must be there is computed once: an entry's columns and links from its body, the
hashes, the tiles. Whole rows are compared, and what differs goes to `explain.py`. What is checked:

- the body is canonical and of its format, hashes to the stored leaf hash, and says the seq that it stands at
- every column and link beside it is what the body implies
- every personal value that is there opens to the body's commitment, and none is there that the body does not know;
  where the keep was lost, the values of before do not open: the entry that says so took the clinic's new keys to write
- every personal value that is gone, or that nobody can open any more, was erased: a later entry accounts for it, which
  has a sealed value of its own, so that it took the clinic's key to write it; and none that was erased still opens

and for the log: the numbers run from 1 without a gap; recorded_at never goes back; the tree comes to the committed
head, to every checkpoint, and to the head store's checkpoint; every checkpoint is signed with the log's key.

The log goes on meanwhile, and is not held. What is verified is bounded by the size that was read first, and up to there
nothing changes but that values go. So whatever is missing or too much when the walk is over is judged by the size that
the log has after it was read: entries, links, tiles and checkpoints behind the first size are too much only where they
are behind that one as well; and where values are gone, or persons there, that nothing accounts for, the entries that
came meanwhile are read for what they say of it. They are verified the next time.

What this does not prove: that the log was not rebuilt as a whole by somebody who holds the signing key and the head
store (only a checkpoint kept by an outsider shows that), and that what was recorded is true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from ...errors import InvalidInput, MalformedProof
from ...format import canonical, commitment, entry
from . import explain
from .erasures import Erasures
from .report import Report
from .source import FIRST, LAST, LinkRow, Opened, Row, Source, Span, Unopened
from .tree import Tree

# Entries of a span: as many as a tile has.
SPAN = 256
# Entries from one call of `progress` to the next.
_PROGRESS = 4 * SPAN
# The path of the value that an entry seals which erases somebody.
_ERASES = "erases"
# recorded_at may be ahead of the time in an entry's id by no more than this, in microseconds: a day.
CLOCK_TOLERANCE = 24 * 3_600_000_000
_CLOCKS_SHOWN = 10


def verify_log(source: Source, progress: Callable[[int], None] = lambda done: None) -> Report:
    """Check everything and return the report. `progress` is called with the number of entries done, now and then."""
    report = Report(size=source.size)
    walk = _Walk(source, report)
    before = source.span(FIRST, 0)
    after = 0
    while after < source.size:
        up_to = min(after + SPAN, source.size)
        if not walk.take(after, up_to) and up_to < (end := _end_of_gap(source, up_to)):
            walk.take(up_to, end)
            up_to = end
        after = up_to
        if after % _PROGRESS == 0:
            progress(report.entries)
    walk.finish(before)
    progress(report.entries)
    return report


def _end_of_gap(source: Source, after: int) -> int:
    """Up to where there is nothing, in whole spans: a head that was changed may say any size."""
    following = source.next_seq(after)
    return source.size if following is None else min((following - 1) // SPAN * SPAN, source.size)


class _Walk:
    """What is known of the log so far, from span to span."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.tree, self.erasures, self.clocks = Tree(source, report), Erasures(), _Clocks()
        self.recorded_at: int | None = None
        self.lost = 0

    def take(self, after: int, up_to: int) -> bool:
        """Verify the entries of a span; return whether there are any."""
        source, report, clocks = self.source, self.report, self.clocks
        rows, stored, tiles = source.span(after, up_to)
        hashes, implied, unread = list[bytes](), set[LinkRow](), set[int]()
        for row in rows:
            seq, data = row[0], row[9]
            hashes.append(sha256(b"\x00" + data).digest())  # merkle.leaf_hash
            try:
                body = entry.decode(data)
            except MalformedProof as error:
                report.take([explain.unreadable(seq, error)])
                unread.add(seq)
                continue
            _, _, recorded_at, occurred_at, _, _, members = body
            if (body.seq, *entry.columns(members, recorded_at, occurred_at)) != row[:9]:
                report.take(explain.columns(row, body))
            linked = entry.links(members)
            implied.update([(kind, ref, as_target, occurred_at, seq) for kind, ref, as_target in linked])
            if self.recorded_at is not None and recorded_at < self.recorded_at:
                report.take([explain.order(seq)])
            self.recorded_at = recorded_at
            clocks.take(seq, row[1], recorded_at)
            openings = source.open(row, body)
            if "erases" in members or openings.count(Unopened.SEALED) < len(openings):
                self._values(row, body, openings)
        there = set(stored)
        if there != implied:
            self._links(rows, implied, there, unread)
        self.tree.take(after, up_to, rows, hashes, tiles)
        report.entries += len(rows)
        return bool(rows)

    def _links(self, rows: Sequence[Row], implied: set[LinkRow], there: set[LinkRow], unread: set[int]) -> None:
        """Links differ. What an entry has to have whose body cannot be read, nobody can tell."""
        there = {link for link in there if link[4] not in unread}
        self.report.take(explain.links(implied, there, {row[0] for row in rows}))

    def _values(self, row: Row, body: entry.Body, openings: Sequence[Opened | Unopened]) -> None:
        """Compare what is sealed of an entry with what its body is committed to."""
        seq, tokens, groups = row[0], body.tokens, body.groups
        erasures, report = self.erasures, self.report
        there = erasures.there
        committer = commitment.Committer(self.source.origin, body.id)
        erases = "erases" in body.members
        said: object = None
        is_lost = False
        for group, opening in zip(groups, openings, strict=True):
            owner, personal_class, paths, committed = group
            place = tokens[owner], personal_class
            if type(opening) is tuple:
                if place not in there:
                    there[place] = seq
                report.values += len(paths)
                if _commitment(committer, personal_class, paths, opening) != committed:
                    report.take([explain.not_committed(seq, group)])
                elif erases and _ERASES in paths:
                    said = opening[1][paths.index(_ERASES)]
            elif opening is Unopened.DEAD or opening is Unopened.GONE:
                erasures.gone.append((seq, place, opening is Unopened.DEAD))
            elif opening is Unopened.SEALED or seq <= self.source.renewed_to:
                is_lost = is_lost or opening is not Unopened.SEALED
                said = Unopened.SEALED if _ERASES in paths else said
            else:
                report.take([explain.not_open(seq, group)])
        self.lost += is_lost
        if erases and (forged := erasures.take(body, said, self.source.size)) is not None:
            report.take([forged])

    def finish(self, before: Span) -> None:
        """Judge what is judged when everything was seen. `before` is what stands before the first number."""
        source, report, tree = self.source, self.report, self.tree
        beyond = tree.beyond()
        near = source.size_now()
        behind = source.span(near, LAST)
        above = [*source.tiles_above()]
        is_in_doubt = source.beside()
        now = source.size_now()  # after all that it bounds was read
        if now > source.size and (is_in_doubt or self.erasures.are_in_doubt()):
            self._look_ahead(now)
        held = max([row[0] for row in behind.rows], default=tree.held)
        tree.finish(beyond, held, now)
        report.take(explain.of_no_log(row[0]) for row in before.rows)
        for row in behind.rows:
            if row[0] > now:
                report.take(explain.beyond(row))
        astray = {link[4] for link in (*before.links, *behind.links) if not 0 < link[4] <= now}
        report.take(explain.astray_links(astray - {row[0] for row in (*before.rows, *behind.rows)}))
        tree.judge_tiles([*before.tiles, *behind.tiles, *above], now)
        self.erasures.finish(report, source.erased_to)
        report.notices += self.clocks.notices()
        if self.lost:
            report.notices.append(
                f"{self.lost} entries up to entry {source.renewed_to} have values that nobody can read: the keep was "
                "lost, and a later entry says so"
            )
        report.take(source.others())

    def _look_ahead(self, now: int) -> None:
        """Read the entries that came meanwhile for the erasures and the people that are in them."""
        values, lost, gone = self.report.values, self.lost, len(self.erasures.gone)
        for after in range(self.source.size, now, SPAN):
            for row in self.source.span(after, min(after + SPAN, now)).rows:
                try:
                    body = entry.decode(row[9])
                except MalformedProof:
                    continue  # it is found the next time
                openings = self.source.open(row, body)
                if "erases" in body.members:
                    self._values(row, body, openings)
        del self.erasures.gone[gone:]
        self.report.values, self.lost = values, lost


def _commitment(
    committer: commitment.Committer, personal_class: str, paths: tuple[str, ...], opening: Opened
) -> str | None:
    """The commitment to an opened group; None where its values can be committed to by nobody."""
    seed, values = opening
    if len(seed) != commitment.SEED_BYTES or len(values) != len(paths):
        return None
    try:
        data = canonical.encode_each(values)
    except InvalidInput:
        return None
    return committer.commit(personal_class, commitment.leaves_at(seed, paths, data))


class _Clocks:
    """Finds entries that were recorded by a clock that was ahead: those behind them have its time too, and an id with
    the time of a clock that was right (RFC 9562: the first 48 bits of a UUIDv7 are milliseconds since 1970)."""

    def __init__(self) -> None:
        self.began, self.recorded_at = 0, 0
        # (first entry with a time, last one that shows that it was ahead, by how much at most)
        self.ahead: list[tuple[int, int, int]] = []

    def take(self, seq: int, entry_id: bytes, recorded_at: int) -> None:
        if recorded_at != self.recorded_at:
            self.began, self.recorded_at = seq, recorded_at
        ahead = recorded_at - int.from_bytes(entry_id[:6], "big") * 1_000
        if ahead > CLOCK_TOLERANCE:
            first, _, most = self.ahead.pop() if self.ahead and self.ahead[-1][0] == self.began else (self.began, 0, 0)
            self.ahead.append((first, seq, max(most, ahead)))

    def notices(self) -> Iterator[str]:
        for first, last, most in self.ahead[:_CLOCKS_SHOWN]:
            yield (
                f"entry {first} was recorded by a clock that was {most // CLOCK_TOLERANCE} days or more ahead, and "
                f"entries up to {last} have its recorded_at; when they occurred, and their order, is as it was recorded"
            )
