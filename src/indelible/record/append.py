"""Append: the only way into the log. `Draft -> Entry`, under the clinic's head.

Append numbers the drafts, gives every person a token, replaces personal values by commitments, writes the bodies, and
moves the tree on, all in the transaction that holds the head. A crash before the commit leaves nothing; after it, all.

A draft whose idempotency key was used before is compared with the entry that is there (its body, and what can still be
opened of its personal values) and answered with that entry, or with a Conflict.

Somebody who was erased and is met again is somebody new, with another token. But a record of what was before that and
came late (a webhook, an import) must not bring the name back: its person gets a token that nothing leads to, nothing of
theirs is sealed but evidence, and the body says in `left_out` what the document had. It is late where it occurred
before the person of this id who is known now was first met; where none is known, before the clinic's newest erasure. A
document that says `returned` is not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from ..catalogue import recognition
from ..errors import Conflict, InvalidInput, MalformedProof, StorageFailure
from ..format import canonical, entry, instant
from ..format.commitment import Committer, leaves_at
from ..keep import erasures
from ..keep.opening import openings
from ..keep.personal import TOKEN_BYTES, Part, Sealer, Unreadable, join
from ..proof import merkle
from ..proof.merkle import Frontier
from ..proof.tiles import WIDTH, Edge
from ..stores import entries as stored
from ..stores.contract import Appending, Batch, Clinic, EntryRow, LinkRow, PersonRow, Rows, State, TileRow
from .drafting import NOBODY, Draft, Named, Value

_BY_GROUP = itemgetter(0, 1)  # of a Value: owner and class
_NO_TILES = "the stored hashes do not come to the committed head, so nothing was recorded; run indelible verify"


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a draft. `repeated` is true where the entry was there already, under the same key; `left_out` are
    the paths of values that were not kept, because the record came after its person was erased."""

    seq: int
    id: str
    recorded_at: int
    repeated: bool = False
    left_out: tuple[str, ...] = ()


class _Met(NamedTuple):
    """Who is meant by a host's id. `since` is when somebody of this id was first met, None where nobody is known."""

    token: bytes
    n: int
    since: int | None


def append(
    tx: Appending,
    drafts: Sequence[Draft],
    clinic: Clinic,
    sealer: Sealer,
    now: int,
    tokens: Mapping[tuple[str, str], bytes] = MappingProxyType({}),
) -> list[Appended | Conflict]:
    """Append drafts in their order and return, for each, its entry or the Conflict that kept it out.

    `tokens` gives the tokens of persons, by realm and id, who are not to be looked up or remembered.
    """
    check_open(clinic, tx.state())
    work = _Appending(tx, clinic, sealer, now, tokens)
    work.know(drafts)
    results: list[Appended | Conflict] = []
    for draft in drafts:
        try:
            results.append(work.take(draft))
        except Conflict as conflict:
            results.append(conflict)
    work.flush()
    return results


def check_open(clinic: Clinic, state: State) -> None:
    """Raise StorageFailure where a clinic was closed: nothing more is recorded in its log."""
    if state.closed_at is not None:
        raise StorageFailure(f"clinic {clinic.id} was closed; nothing more is recorded in its log")


def know_devices(drafts: Sequence[Draft]) -> None:
    """Word the devices of sign-ins now, so that no other process waits for the rules of that to be loaded."""
    for draft in drafts:
        if draft.stem["action"] in recognition.SIGN_INS:
            for _ in recognition.marks({value.path: orjson.loads(value.data) for value in draft.values}):
                pass


class _Appending:
    """The work of one `append`: what it knows of persons and keys, and the rows that it has not written yet."""

    def __init__(
        self, tx: Appending, clinic: Clinic, sealer: Sealer, now: int, tokens: Mapping[tuple[str, str], bytes]
    ) -> None:
        # Under the head: who is erased before this is dead or marked, and who is erased after it loses what is written.
        sealer.refresh()
        self.tx, self.clinic, self.sealer = tx, clinic, sealer
        state = tx.state()
        self.zone, self.place = state.zone, instant.zone(state.zone)
        self.recorded_at = max(now, state.recorded_at)
        self.recorded_text = instant.format(self.recorded_at)
        self.seq = state.size
        self.given = {(NOBODY.realm, NOBODY.id): clinic.nobody, **tokens}
        self.met: dict[tuple[str, str], _Met] = {}
        self.known: dict[bytes, PersonRow] = {}
        self.looked_up: set[bytes] = set()
        self.new: dict[bytes, dict[str, Any]] = {}
        self.renamed: dict[bytes, dict[str, Any]] = {}
        self.opened: dict[bytes, dict[str, Any]] = {}
        self.lookups: dict[str, bytes] = {}
        self.used: dict[bytes, int] = {}
        self.entries: list[EntryRow] = []
        self.links: list[LinkRow] = []
        self.keys: list[tuple[bytes, int]] = []
        self.newest_erasure: int | None = None
        self.edge: Edge | None = None

    def know(self, drafts: Sequence[Draft]) -> None:
        """Look up, once for the batch, every person and key that the drafts name."""
        people = {(person.realm, person.id) for draft in drafts for person in draft.persons}
        tokens = [token for who in people if who not in self.given and (token := self.sealer.token(*who, 0))]
        self.known.update((row.token, row) for row in self.tx.persons(tokens))
        self.looked_up.update(tokens)
        self.lookups = {draft.key: self.sealer.find("key", draft.key) for draft in drafts if draft.key is not None}
        self.used.update(self.tx.seqs("key", [*self.lookups.values()]))

    def take(self, draft: Draft) -> Appended:
        key = None
        if draft.key is not None:
            key = self.lookups[draft.key]
            seq = self.used.get(key)
            if seq is not None:
                return self._repeat(draft, seq)
        self.seq += 1
        if key is not None:
            self.used[key] = self.seq
            self.keys.append((key, self.seq))
        left_out = self._number(draft)
        if len(self.entries) == self.tx.at_once:
            self.flush()
        return Appended(self.seq, draft.id, self.recorded_at, left_out=left_out)

    def _number(self, draft: Draft) -> tuple[str, ...]:
        """Make the rows of a draft; return the paths of the values that were left out."""
        seq, occurred = self.seq, draft.occurred_at
        late: set[int] = set()
        tokens = [self._token(draft, place, person, late) for place, person in enumerate(draft.persons)]
        members = draft.stem.copy()
        members["seq"] = seq
        members["recorded_at"] = self.recorded_text
        members["zone"] = self.zone
        members["offset_minutes"] = instant.offset_minutes(occurred, self.place)
        members["tokens"] = [token.hex() for token in tokens]
        left_out: tuple[str, ...] = ()
        if late:
            left_out = tuple(sorted(value.path for value in draft.values if _is_left_out(value, late)))
            members["left_out"] = list(left_out)
        entry_id = entry.id_bytes(draft.id)
        sealed = self._seal(draft, entry_id, tokens, late, members)
        data = canonical.encode_checked(members)
        if len(data) > entry.BODY_LIMIT:
            raise InvalidInput("the entry's body would have more than 65,535 bytes; shorten its context")
        self.entries.append(EntryRow(seq, *entry.columns(members, self.recorded_at, occurred), data, sealed))
        self.links += [LinkRow(*link, occurred, seq) for link in entry.links(members)]
        if members["action"] in recognition.SIGN_INS:
            self._recognise(draft, tokens, late, members)
        return left_out

    def _recognise(self, draft: Draft, tokens: list[bytes], late: set[int], members: dict[str, Any]) -> None:
        """Note by what this sign-in's person is recognised."""
        person = recognition.person(members)
        if person is None or person in late:
            return
        values = {one.path: orjson.loads(one.data) for one in draft.values if one.owner == person}
        for kind, text in recognition.marks(values):
            ref = self.sealer.recognised(tokens[person], kind, text)
            self.links.append(LinkRow(kind, ref, False, draft.occurred_at, self.seq))

    def _seal(
        self, draft: Draft, entry_id: bytes, tokens: list[bytes], late: set[int], members: dict[str, Any]
    ) -> bytes:
        """Seal the draft's personal values, a part for each owner and class, and put the commitments into the body."""
        kept = [value for value in draft.values if not _is_left_out(value, late)] if late else draft.values
        sealer, committer = self.sealer, Committer(self.clinic.origin, draft.id)
        members["personal"] = listed = []
        parts = []
        evidence: set[bytes] = set()  # the same may be of two owners, and is one link
        for (owner, personal_class), group in groupby(kept, _BY_GROUP):
            paths, values = zip(*[value[2:] for value in group], strict=True)
            token = tokens[owner]
            keys = sealer.group(entry_id, token, personal_class)
            committed = committer.commit(personal_class, leaves_at(keys.seed(entry_id), paths, values))
            listed.append({"owner": owner, "class": personal_class, "paths": [*paths], "commitment": committed})
            plain = b"[" + b",".join(values) + b"]"
            parts.append(Part(owner, personal_class, keys.seal(plain, sealer.place(entry_id, token, personal_class))))
            if personal_class == "evidence":
                evidence.update(sealer.find("evidence", data.decode()) for data in values)
        self.links += [LinkRow("evidence", ref, False, draft.occurred_at, self.seq) for ref in evidence]
        return join(parts)

    def _token(self, draft: Draft, place: int, person: Named, late: set[int]) -> bytes:
        """The token of a draft's person; whose record comes late is put into `late`, by place."""
        who = (person.realm, person.id)
        if who in self.given:
            return self.given[who]
        met = self.met.get(who)
        if met is None:
            met = self.met[who] = self._meet(*who)
        if met.n and not draft.returned and draft.occurred_at < self._first_seen(met):
            late.add(place)
            return os.urandom(TOKEN_BYTES)
        if met.since is None:
            self.met[who] = met._replace(since=draft.occurred_at)
            details: dict[str, Any] = {"realm": person.realm, "id": person.id, "n": met.n, "since": draft.occurred_at}
            details["named_at"] = draft.occurred_at
            if person.name is not None:
                details["name"] = person.name
            self.new[met.token] = self.opened[met.token] = details
        elif person.name is not None:
            self._rename(met.token, person.name, draft.occurred_at)
        return met.token

    def _meet(self, realm: str, host_id: str) -> _Met:
        for n, token in self.sealer.tokens(realm, host_id):
            details = self.opened.get(token)  # also of who was met in this batch, and has no row yet
            if details is None:
                row = self.known.get(token)
                if row is None and token not in self.looked_up:
                    row = next(self.tx.persons([token]), None)
                if row is None:
                    return _Met(token, n, None)
                if row.erased_by is not None:
                    continue
                self.known[token] = row
                try:
                    details = self.opened[token] = self.sealer.open_person(token, row.sealed)
                except Unreadable:
                    return _Met(token, n, instant.EARLIEST)  # verify reports the damaged row; recording goes on
            if (details["realm"], details["id"]) == (realm, host_id):
                return _Met(token, n, details["since"])
        raise AssertionError("there is always another token")

    def _first_seen(self, met: _Met) -> int:
        """Before what instant a record about somebody who was erased once is late."""
        if met.since is not None:
            return met.since
        if self.newest_erasure is None:
            self.newest_erasure = erasures.newest(self.tx) or instant.EARLIEST
        return self.newest_erasure

    def _rename(self, token: bytes, name: str, named_at: int) -> None:
        """Keep a person's latest name, by when it was used: imported history does not bring an old name back."""
        details = self.opened.get(token)
        if details is None or details.get("name") == name or ("name" in details and named_at < details["named_at"]):
            return
        details["name"], details["named_at"] = name, named_at
        if token not in self.new:
            self.renamed[token] = details

    def flush(self) -> None:
        """Write the rows so far, and forget them: rows that live long cost the collector more than writing them."""
        if not self.entries:
            return
        state = self.tx.state()
        frontier = merkle.Frontier.decode(state.size, state.frontier)
        hashes = [merkle.leaf_hash(row.body) for row in self.entries]
        tiles = self._tiles(frontier, hashes)
        frontier = merkle.extend(frontier, hashes)
        self.tx.write(
            Batch(
                entries=self.entries,
                tiles=tiles,
                links=self.links,
                persons=[*self._person_rows(self.new), *self._person_rows(self.renamed)],
                keys=self.keys,
                state=state._replace(
                    size=frontier.size, frontier=frontier.encode(), root=frontier.root(), recorded_at=self.recorded_at
                ),
            )
        )
        for rows in (self.entries, self.links, self.keys):
            rows.clear()
        self.new.clear()
        self.renamed.clear()

    def _tiles(self, frontier: Frontier, hashes: Sequence[bytes]) -> list[TileRow]:
        """The tiles that become full with these leaf hashes. Raises StorageFailure where those before do not fit."""
        if self.edge is None:
            if frontier.size // WIDTH == (frontier.size + len(hashes)) // WIDTH:
                return []
            size = frontier.size
            bodies = [row.body for row in self.tx.entries(size - size % WIDTH, size)]
            open_hashes = [merkle.leaf_hash(body) for body in bodies]
            try:
                self.edge = Edge.read(size, open_hashes, self.tx.tile_roots)
            except MalformedProof as error:
                raise StorageFailure(_NO_TILES) from error
            if self.edge.frontier() != frontier:
                raise StorageFailure(_NO_TILES)
        self.edge, full = self.edge.extend(hashes)
        return [TileRow(tile.level, tile.index, tile.root, tile.hashes) for tile in full]

    def _person_rows(self, people: dict[bytes, dict[str, Any]]) -> list[PersonRow]:
        return [PersonRow(token, self.sealer.seal_person(token, details)) for token, details in people.items()]

    # The same key again

    def _repeat(self, draft: Draft, seq: int) -> Appended:
        if seq > self.tx.state().size:
            self.flush()
        return repeated(self.tx, self.sealer, draft, seq)


def repeated(rows: Rows, sealer: Sealer, draft: Draft, seq: int) -> Appended:
    """Return the entry that was recorded under a draft's key. Raises Conflict where it says something else."""
    found = stored.one(rows, seq)
    body = entry.decode(found.body)
    if not _same(sealer, draft, body, found):
        raise Conflict(f"key: was used before, by entry {seq}, with another document; use a new key")
    left_out = tuple(body.members.get("left_out", ()))
    return Appended(seq, body.id, body.recorded_at, repeated=True, left_out=left_out)


def _same(sealer: Sealer, draft: Draft, body: entry.Body, found: EntryRow) -> bool:
    """Whether a stored entry says what the draft says. What has been erased or left out is not compared."""
    stored = {name: body.members[name] for name in body.members if name in _SAID}
    if not draft.dated:
        stored.pop("occurred_at")
    if stored != _comparable(draft):
        return False
    left_out = set(body.members.get("left_out", ()))
    there = {(g.owner, g.personal_class, path) for g in body.groups for path in g.paths}
    said = {(value.owner, value.personal_class, value.path) for value in draft.values if value.path not in left_out}
    if there != said:
        return False
    opened: dict[str, Any] = {}
    for one in openings(sealer, body, found.sealed).values():
        opened |= one.values
    return all(opened[value.path] == orjson.loads(value.data) for value in draft.values if value.path in opened)


def _is_left_out(value: Value, late: set[int]) -> bool:
    """Whether a value is one of somebody whose record comes late; evidence names nobody and is kept."""
    return value.owner in late and value.personal_class in entry.ERASED_CLASSES


# The members of a body that say what the document said; the others are ours, or random.
_SAID = frozenset(
    (
        *("occurred_at", "action", "action_version", "actor", "target", "client", "people", "context"),
        *("channel", "operation", "cut"),
    )
)


def _comparable(draft: Draft, dated: bool | None = None) -> dict[str, Any]:
    """What a draft says. Without its time where the host left that to us: then a retry has another one."""
    said = {name: value for name, value in draft.stem.items() if name in _SAID}
    if not (draft.dated if dated is None else dated):
        del said["occurred_at"]
    plain: dict[str, Any] = orjson.loads(canonical.encode_checked(said))
    return plain
