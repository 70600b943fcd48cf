"""Append: the only way into the log. `Draft -> Entry`, under the clinic's head.

Append numbers the drafts, gives every person a token, replaces personal values by commitments, writes the bodies, and
moves the tree on, all in the transaction that holds the head. A crash before the commit leaves nothing; after it, all.

A draft whose idempotency key was used before is compared with the entry that is there (its body, and what can still be
opened of its personal values) and answered with that entry, or with a Conflict.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from . import canonical, entry, instant, merkle
from .commitment import SEED_BYTES, Committer, leaves
from .drafting import NOBODY, Draft, Named
from .errors import Conflict, InvalidInput
from .personal import TOKEN_BYTES, Sealer, Unreadable
from .store import Appending, Batch, Clinic, EntryRow, Head, LinkRow, PersonalRow, PersonRow

# Entries written at once. Fewer cost statements, more cost memory that the processor's caches do not hold.
_FLUSH = 200


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a draft. `repeated` is true where the entry was there already, under the same key."""

    seq: int
    id: str
    recorded_at: int
    repeated: bool = False


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


class _Appending:
    """The work of one `append`: what it knows of persons and keys, and the rows that it has not written yet."""

    def __init__(
        self, tx: Appending, clinic: Clinic, sealer: Sealer, now: int, tokens: Mapping[tuple[str, str], bytes]
    ) -> None:
        self.tx, self.clinic, self.sealer = tx, clinic, sealer
        self.recorded_at = max(now, tx.head.recorded_at)
        self.recorded_text = instant.format(self.recorded_at)
        self.seq = tx.head.size
        self.tokens: dict[tuple[str, str], bytes] = {(NOBODY.realm, NOBODY.id): clinic.nobody, **tokens}
        self.known: dict[bytes, PersonRow] = {}
        self.new: dict[bytes, tuple[bytes, dict[str, Any]]] = {}
        self.renamed: dict[bytes, tuple[bytes, dict[str, Any]]] = {}
        self.opened: dict[bytes, dict[str, Any]] = {}
        self.used: dict[bytes, int] = {}
        self.entries: list[EntryRow] = []
        self.personal: list[PersonalRow] = []
        self.links: list[LinkRow] = []
        self.keys: list[tuple[bytes, int]] = []

    def know(self, drafts: Sequence[Draft]) -> None:
        """Look up, once for the batch, every person and key that the drafts name."""
        find = self.sealer.find_person
        people = {(person.realm, person.id): None for draft in drafts for person in draft.persons}
        self.lookups = {who: find(*who) for who in people if who not in self.tokens}
        self.known.update(self.tx.persons(list(self.lookups.values())))
        keys = [self.sealer.find("key", draft.key) for draft in drafts if draft.key is not None]
        self.used.update(self.tx.seqs_of_keys(keys))

    def take(self, draft: Draft) -> Appended:
        key = None
        if draft.key is not None:
            key = self.sealer.find("key", draft.key)
            seq = self.used.get(key)
            if seq is not None:
                return self._repeat(draft, seq)
        self.seq += 1
        if key is not None:
            self.used[key] = self.seq
            self.keys.append((key, self.seq))
        self._number(draft)
        if len(self.entries) == _FLUSH:
            self.flush()
        return Appended(self.seq, draft.id, self.recorded_at)

    def _number(self, draft: Draft) -> None:
        seq = self.seq
        tokens = [self._token(person, draft.occurred_at) for person in draft.persons]
        members = draft.stem.copy()
        members["seq"] = seq
        members["recorded_at"] = self.recorded_text
        if members["zone"] != self.tx.zone:  # another process moved the clinic since this draft was made
            members["zone"] = self.tx.zone
            members["offset_minutes"] = instant.offset_minutes(draft.occurred_at, instant.zone(self.tx.zone))
        members["tokens"] = texts = [token.hex() for token in tokens]
        entry_id = bytes.fromhex(draft.id.replace("-", ""))
        members["personal"] = self._commit(draft, entry_id, tokens)
        data = canonical.encode_checked(members)
        if len(data) > entry.BODY_LIMIT:
            raise InvalidInput("the entry's body would have more than 65,535 bytes; shorten its context")
        body = entry.Body(draft.id, seq, self.recorded_at, draft.occurred_at, tuple(texts), (), members)
        self.entries.append(_row(seq, entry.columns(body), data))
        occurred = draft.occurred_at
        for kind, ref, role in set(entry.links(body)):
            self.links.append(LinkRow(kind, ref, occurred, seq, role))

    def _commit(self, draft: Draft, entry_id: bytes, tokens: list[bytes]) -> list[dict[str, Any]]:
        """Seal the draft's personal values, a row for each owner and class, and return the body's commitments."""
        groups: dict[tuple[int, str], list[tuple[str, bytes]]] = {}
        for owner, personal_class, path, data in draft.values:
            groups.setdefault((owner, personal_class), []).append((path, data))
        committer = Committer(self.clinic.origin, draft.id)
        listed = []
        for (owner, personal_class), values in sorted(groups.items()):
            values.sort()
            seed = os.urandom(SEED_BYTES)
            committed = committer.commit(personal_class, leaves(seed, values))
            paths = [path for path, _ in values]
            listed.append({"owner": owner, "class": personal_class, "paths": paths, "commitment": committed})
            plain = b"{" + b",".join([b'"%b":%b' % (path.encode(), data) for path, data in values]) + b"}"
            sealed = self.sealer.seal_values(entry_id, tokens[owner], personal_class, seed, plain)
            self.personal.append(PersonalRow(self.seq, tokens[owner], personal_class, sealed))
            if personal_class == "evidence":
                for path, data in values:
                    ref = self.sealer.find("evidence", data.decode())
                    self.links.append(LinkRow("evidence", ref, draft.occurred_at, self.seq, path))
        return listed

    def _token(self, person: Named, named_at: int) -> bytes:
        who = (person.realm, person.id)
        token = self.tokens.get(who)
        if token is None:
            token = self.tokens[who] = self._meet(person, named_at)
        elif person.name is not None and who in self.lookups:
            self._rename(token, self.lookups[who], person.name, named_at)
        return token

    def _meet(self, person: Named, named_at: int) -> bytes:
        lookup = self.lookups[person.realm, person.id]
        row = self.known.get(lookup)
        if row is None:
            token = os.urandom(TOKEN_BYTES)
            details: dict[str, Any] = {"realm": person.realm, "id": person.id, "named_at": named_at}
            if person.name is not None:
                details["name"] = person.name
            self.new[token] = (lookup, details)
            self.opened[token] = details
            return token
        if person.name is not None:
            self._rename(row.token, lookup, person.name, named_at)
        return row.token

    def _rename(self, token: bytes, lookup: bytes, name: str, named_at: int) -> None:
        """Keep a person's latest name, by when it was used: imported history does not bring an old name back."""
        details = self.opened.get(token)
        if details is None:
            try:
                details = self.opened[token] = self.sealer.open_person(token, self.known[lookup].sealed)
            except Unreadable:
                return  # verify reports the damaged row; recording goes on
        if details.get("name") == name or ("name" in details and named_at < details["named_at"]):
            return
        details["name"], details["named_at"] = name, named_at
        if token not in self.new:
            self.renamed[token] = (lookup, details)

    def flush(self) -> None:
        """Write the rows so far, and forget them: rows that live long cost the collector more than writing them."""
        if not self.entries:
            return
        head = self.tx.head
        frontier = merkle.Frontier.decode(head.size, head.frontier)
        frontier = merkle.extend(frontier, [row.leaf_hash for row in self.entries])
        self.tx.write(
            Batch(
                entries=self.entries,
                personal=self.personal,
                links=self.links,
                persons=self._person_rows(self.new),
                renamed=self._person_rows(self.renamed),
                keys=self.keys,
                head=Head(frontier.size, frontier.encode(), frontier.root(), self.recorded_at),
            )
        )
        for rows in (self.entries, self.personal, self.links, self.keys):
            rows.clear()
        self.new.clear()
        self.renamed.clear()

    def _person_rows(self, people: dict[bytes, tuple[bytes, dict[str, Any]]]) -> list[PersonRow]:
        seal = self.sealer.seal_person
        return [PersonRow(token, lookup, seal(token, details)) for token, (lookup, details) in people.items()]

    # The same key again

    def _repeat(self, draft: Draft, seq: int) -> Appended:
        if seq > self.tx.head.size:
            self.flush()
        body = entry.decode(self.tx.body(seq))
        if not self._same(draft, body):
            raise Conflict(f"key: was used before, by entry {seq}, with another document; use a new key")
        return Appended(seq, body.id, body.recorded_at, repeated=True)

    def _same(self, draft: Draft, body: entry.Body) -> bool:
        """Whether a stored entry says what the draft says. What has been erased is not compared."""
        stored = {name: body.members[name] for name in body.members if name in _SAID}
        if not draft.dated:
            stored.pop("occurred_at")
        if stored != _comparable(draft):
            return False
        there = {(g.owner, g.personal_class, path) for g in body.groups for path in g.paths}
        if there != {(value.owner, value.personal_class, value.path) for value in draft.values}:
            return False
        entry_id = bytes.fromhex(body.id.replace("-", ""))
        opened: dict[str, Any] = {}
        for row in self.tx.personal(body.seq):
            try:
                opened |= self.sealer.open_values(entry_id, row.token, row.personal_class, row.sealed).values
            except Unreadable:
                continue
        return all(opened[value.path] == orjson.loads(value.data) for value in draft.values if value.path in opened)


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


def _row(seq: int, columns: entry.Columns, data: bytes) -> EntryRow:
    return EntryRow(
        seq,
        columns.id,
        columns.occurred_at,
        columns.recorded_at,
        columns.action,
        columns.actor_kind,
        columns.actor,
        columns.target_kind,
        columns.target,
        columns.amount_minor,
        columns.currency,
        data,
        merkle.leaf_hash(data),
    )
