"""Why rows are not what they have to be: the words of every finding about an entry.

Nothing here decides whether something is wrong. `log.py` computes what must be there and compares; what differs comes
here. This is the one place that knows reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet

from ...errors import MalformedProof
from ...format import entry
from .. import merkle
from .report import Finding
from .source import LinkRow, Row


def unreadable(seq: int, error: object) -> Finding:
    return Finding("edited", seq, f"its body cannot be one that was recorded here: {error}")


def columns(row: Row, body: entry.Body) -> Iterator[Finding]:
    """Why a row does not begin with its body's number and columns."""
    if body.seq != row[0]:
        yield Finding("reordered", row[0], f"its body says that it is entry {body.seq}")
    pairs = zip(entry.Columns._fields, body.columns, row[1:9], strict=True)
    if wrong := [name for name, mine, theirs in pairs if mine != theirs]:
        yield Finding("misfiled", row[0], f"the column {', '.join(wrong)} does not say what the body says")


def order(seq: int) -> Finding:
    return Finding("reordered", seq, "its recorded_at is earlier than that of the entry before it")


def numbers(expected: int, seqs: Sequence[int]) -> Finding | None:
    """Where numbers that must run on from `expected` do not; None where only the end of a span is missing."""
    for seq in seqs:
        if seq > expected:
            return removed(expected, seq - 1)
        if seq < expected:
            return Finding("added", seq, f"number {seq} is there more than once")
        expected += 1
    return None


def of_no_log(seq: int) -> Finding:
    return Finding("added", seq, f"there is an entry of number {seq}, and numbers begin at 1")


def beyond(row: Row) -> Iterator[Finding]:
    """What a row is that stands behind the end; that it does is said once for all of them."""
    try:
        body = entry.decode(row[9])
    except MalformedProof as error:
        yield unreadable(row[0], error)
    else:
        yield from columns(row, body)


def removed(first: int, last: int) -> Finding:
    which = f"entry {last} is" if last == first else f"entries {first} to {last} are"
    return Finding("removed", first, f"{which} not in the database")


def hashes(rows: Sequence[Row], first: int, kept: bytes) -> Iterator[Finding]:
    """Which bodies are not those whose hashes, from that of entry `first` on, are kept in a tile."""
    for row in rows:
        at = (row[0] - first) * merkle.HASH_SIZE
        if merkle.leaf_hash(row[9]) != kept[at : at + merkle.HASH_SIZE]:
            yield Finding("edited", row[0], "its body is not the one that was hashed when it was recorded")


def links(expected: AbstractSet[LinkRow], there: AbstractSet[LinkRow], entries: Collection[int]) -> Iterator[Finding]:
    """Why links are not those that bodies imply. `entries` are the numbers of those that there are."""
    missing, extra = expected - there, there - expected
    lost = {(seq, kind, ref, as_target): at for kind, ref, as_target, at, seq in missing}
    astray = set[int]()
    for kind, ref, as_target, _, seq in sorted(extra, key=lambda row: (row[4], *map(repr, row))):
        if seq not in entries:
            astray.add(seq)
        elif lost.pop((seq, kind, ref, as_target), None) is not None:
            yield Finding("misfiled", seq, f"its link to a {kind} stands at another time")
        else:
            what = f"a link says that it has a {kind}{_in_part(as_target)}, and its body does not"
            yield Finding("misfiled", seq, what)
    for seq, kind, _, as_target in sorted(lost, key=lambda place: (place[0], *map(repr, place))):
        yield Finding("misfiled", seq, f"its link to a {kind} is missing{_in_part(as_target)}")
    yield from astray_links(astray)


def astray_links(seqs: Collection[int]) -> Iterator[Finding]:
    for seq in sorted(seqs):
        yield Finding("added", seq, "there are links of an entry that is not there")


def _in_part(as_target: bool) -> str:
    return " as its target" if as_target else ""


def not_committed(seq: int, group: entry.Group) -> Finding:
    values = f"the {group.personal_class} values at {', '.join(group.paths)}"
    return Finding("altered", seq, f"{values} are not those that were committed")


def not_open(seq: int, group: entry.Group) -> Finding:
    return Finding("altered", seq, f"its sealed {group.personal_class} values do not open")
