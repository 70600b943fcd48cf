"""A live log as the source of a verification: its rows, opened with its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import MalformedProof
from ..format import entry
from ..keep.personal import Dead, Sealer, Unreadable, split
from ..proof.note import Verifier
from ..proof.tiles import WIDTH
from ..proof.verify import Finding, Opened, Signed, Span, Unopened
from ..proof.verify.source import FIRST, Row, TileRow
from ..stores.contract import Clinic, EntryRow, KeyRow, LinkRow, State
from .beside import HIDDEN, Beside, Persons
from .stored import Rows


class Live:
    """The rows of one clinic, opened with its keys. Implements `indelible.proof.verify.Source`."""

    def __init__(
        self,
        info: Clinic,
        verifier: Verifier,
        sealer: Sealer | None,
        rows: Rows,
        state: State,
        last: Signed | None,
        erased_to: int,
        renewed_to: int = 0,
    ) -> None:
        """`last` and `erased_to` were read before `state`: a checkpoint or an erasure that they know is never ahead of
        the size that is verified, unless the database is an older one."""
        self.origin, self.verifier = info.origin, verifier
        self.state, self.size, self.root, self.frontier = state, state.size, state.root, state.frontier
        self.erased_to, self.renewed_to = erased_to, renewed_to
        # The first of the entries that have the newest recorded_at, and the size of the last stored checkpoint.
        self.newest_time_began = self.newest_checkpoint = 0
        self._info, self._sealer, self._rows, self._last = info, sealer, rows, last
        self._persons = None if sealer is None else Persons(sealer, erased_to > self.size, renewed_to > 0)
        self._newest: EntryRow | None = None
        self._now = self.size
        self._findings: list[Finding] = []
        # Owners of values who are linked to their entry, as everybody is but nobody; and those who are not.
        self._linked, self._unlinked = {info.nobody}, set[bytes]()
        # Of the span that was handed over last: what its values imply, and what there is of that.
        self._beside: Beside | None = None
        self._hidden: Sequence[LinkRow] = ()
        self._keys: Sequence[tuple[bytes, int]] = ()
        self._astray_keys: list[int] = []

    # Spans

    def span(self, after: int, up_to: int) -> Span:
        self._settle()
        rows = self._rows.entries(after, up_to)
        links = self._rows.links(after, up_to)
        tiles = self._rows.tiles(-(-after // WIDTH), -(-up_to // WIDTH))
        is_inside = after >= 0 and up_to <= self.size
        if is_inside and rows:
            if self._newest is None or rows[-1].recorded_at != self._newest.recorded_at:
                self.newest_time_began = next(row.seq for row in rows if row.recorded_at == rows[-1].recorded_at)
            self._newest = rows[-1]
        hidden = [link for link in links if link[0] in HIDDEN]
        if is_inside and hidden:
            self._check_times(rows, hidden)
            links = [link for link in links if link[0] not in HIDDEN]
        if is_inside and self._sealer is not None:
            self._beside, self._hidden = Beside(self._sealer), hidden
            self._keys = self._rows.used_keys(after, up_to)
        elif after == FIRST or after >= self._now:
            self._astray_keys += [seq for _, seq in self._rows.used_keys(after, up_to)]
        return Span(rows, links, tiles)

    def next_seq(self, after: int) -> int | None:
        return self._rows.next_seq(after)

    def _check_times(self, rows: Sequence[EntryRow], hidden: Sequence[LinkRow]) -> None:
        times = {row.seq: row.occurred_at for row in rows}
        astray = {link.seq for link in hidden if link.seq not in times}
        for link in hidden:
            if link.seq in times and times[link.seq] != link.occurred_at:
                what = f"its link to a {link.kind} stands at another time"
                self._findings.append(Finding("misfiled", link.seq, what))
        for seq in sorted(astray):
            self._findings.append(Finding("added", seq, "there are links of an entry that is not there"))

    def _settle(self) -> None:
        """Compare what the entries of the last span imply beside them with what there is."""
        if self._beside is not None:
            self._findings += self._beside.compare(self._hidden, self._keys)
            self._beside = None

    def open(self, row: Row, body: entry.Body) -> Sequence[Opened | Unopened]:
        tokens = [bytes.fromhex(text) for text in body.tokens]
        openings = self._opened(row, body, tokens)
        if self._persons is not None:
            people = self._persons.known if row[0] <= self.size else self._persons.later
            people.take(body, tokens, openings)
            if self._beside is not None:
                self._beside.take(body, tokens, openings)
        return openings

    def _opened(self, row: Row, body: entry.Body, tokens: list[bytes]) -> list[Opened | Unopened]:
        groups, sealer = body.groups, self._sealer
        try:
            parts = split(row[10])
        except Unreadable:
            self._findings.append(Finding("altered", row[0], "its sealed values are not of any form"))
            return [Unopened.UNREADABLE] * len(groups)
        stored: list[bytes | None]
        if [part[:2] for part in parts] == [group[:2] for group in groups]:
            stored = [part[2] for part in parts]
        else:
            stored = self._placed(row[0], body, {(owner, kind): data for owner, kind, data in parts}, len(parts))
        if sealer is None and None not in stored and self._linked.issuperset(tokens):
            return [Unopened.SEALED] * len(groups)
        openings = self._unsealed(body, tokens, stored)
        if not self._linked.issuperset(tokens):
            for group, opening in zip(groups, openings, strict=True):
                token = tokens[group[0]]
                if token not in self._linked and opening is not Unopened.GONE and opening is not Unopened.UNREADABLE:
                    self._meet(token, body)
        return openings

    def _unsealed(
        self, body: entry.Body, tokens: Sequence[bytes], stored: Sequence[bytes | None]
    ) -> list[Opened | Unopened]:
        """What is stored of each group, opened where there is a key."""
        if self._sealer is None:
            return [Unopened.GONE if data is None else Unopened.SEALED for data in stored]
        groups = [
            (tokens[owner], personal_class, data or b"")
            for (owner, personal_class, _, _), data in zip(body.groups, stored, strict=True)
        ]
        opened = self._sealer.open_groups(entry.id_bytes(body.id), groups)
        return [
            opening if type(opening) is tuple and len(opening[1]) == len(group[2]) else _why_not(data, opening)
            for group, data, opening in zip(body.groups, stored, opened, strict=True)
        ]

    def _placed(
        self, seq: int, body: entry.Body, there: dict[tuple[int, str], bytes], count: int
    ) -> list[bytes | None]:
        """What is sealed of each group of an entry, where it is not that of all of them in order."""
        if count != len(there):
            self._findings.append(Finding("added", seq, "some of its sealed values are there twice"))
        stored = [there.pop((group.owner, group.personal_class), None) for group in body.groups]
        for _, personal_class in there:
            what = f"there are {personal_class} values that its body does not know"
            self._findings.append(Finding("added", seq, what))
        return stored

    def _meet(self, token: bytes, body: entry.Body) -> None:
        """An owner of values who was not met yet: somebody to whom the entry has a link."""
        is_linked = any((kind, ref) == ("person", token) for kind, ref, _ in entry.links(body.members))
        (self._linked if is_linked else self._unlinked).add(token)

    # Beside the spans

    def tiles_above(self) -> Iterator[TileRow]:
        return self._rows.tiles_above()

    def checkpoints(self) -> Iterator[Signed]:
        for row in self._rows.checkpoints():
            self.newest_checkpoint = max(self.newest_checkpoint, row.size)
            yield Signed(row.size, row.root, row.note, row.frontier)

    def last_signed(self) -> Signed | None:
        return self._last

    def size_now(self) -> int:
        self._now = self._rows.state().size
        return self._now

    def beside(self) -> bool:
        self._settle()
        return self._persons is not None and self._persons.compare(self._rows.persons())

    def others(self) -> Iterator[Finding]:
        yield from self._findings
        if self._persons is not None:
            yield from self._persons.findings()
        if self._info.vkey != self.verifier.encode():
            yield Finding("unsigned", None, "the clinic's public key is not that of the key which signs its log")
        # A value of a person comes with a link to that person; the others are of nobody, for whom there is one token.
        if self._unlinked - self._linked - (self._persons.known.every() if self._persons is not None else set()):
            yield Finding("misfiled", None, "values that concern no person belong to another token than the clinic's")
        for seq in self._astray_keys:
            if not 1 <= seq <= self._now:
                yield Finding("misfiled", seq, "an idempotency key points at an entry that is not there")
        yield from self._beside_the_last()

    def _beside_the_last(self) -> Iterator[Finding]:
        """What the next entry starts from, the clinic's zone and the head's time, is that of the last one."""
        last = self._last_body()
        if last is None or last.seq != self.size:
            return  # no entry; one that is already found; entries are gone from the end, which the tree has found
        if (zone := last.members["zone"]) != self.state.zone:
            yield Finding("misfiled", self.size, f"the clinic's zone is not the one of the last entry, {zone}")
        if last.recorded_at != self.state.recorded_at:
            yield Finding("misfiled", self.size, "the committed head has another recorded_at than the last entry")

    def is_closed(self, keys: Sequence[KeyRow]) -> bool:
        """Whether the last entry says that the clinic was closed, and its keys are gone. Asked for after the spans."""
        last = self._last_body()
        return last is not None and last.action == "clinic.closed" and not keys

    def _last_body(self) -> entry.Body | None:
        try:
            return None if self._newest is None else entry.decode(self._newest.body)
        except MalformedProof:
            return None


def _why_not(data: bytes | None, opening: Opened | Unreadable) -> Unopened:
    if data is None:
        return Unopened.GONE
    return Unopened.DEAD if isinstance(opening, Dead) else Unopened.UNREADABLE
