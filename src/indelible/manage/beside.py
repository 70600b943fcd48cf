"""What stands beside the entries and only opened values imply: persons, idempotency keys, links by HMAC.

What must be there is noted entry by entry, whole rows, and compared with what is there; only what differs is explained.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from ..catalogue import recognition
from ..catalogue.recognition import DEVICE, NETWORK, SIGN_INS
from ..format import entry
from ..keep.personal import FOUND_BYTES, Dead, Sealer, Unreadable
from ..proof.verify import Finding, Opened, Unopened
from ..stores.contract import LinkRow, PersonRow

_PERSON_ID = re.compile(
    r"(actor|actor\.on_behalf_of|target|client|people\.[0-9]+|context\.[a-z0-9_]+(\.(old|new))?)\.id", re.ASCII
)
# The path of an entry's idempotency key.
_KEY = "key"
_EVIDENCE = "evidence"
# The kinds of links whose references are HMACs, so that no body implies them.
HIDDEN = frozenset({_EVIDENCE, DEVICE, NETWORK})

# (kind, ref, as_target, seq); of a device the part of `ref` that says whose it is, since its words may be others now.
_Hidden = tuple[str, bytes, bool, int]
Openings = Sequence[Opened | Unopened]


class Beside:
    """What the opened entries of one span imply of idempotency keys and hidden links."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._links: set[_Hidden] = set()
        self._keys: set[tuple[bytes, int]] = set()
        # Entries with a key that nobody can read, with evidence that does not open, and with marks of the erased.
        self._unread: set[int] = set()
        self._doubted: set[int] = set()
        self._unmarked: set[int] = set()
        self._read: set[int] = set()

    def take(self, body: entry.Body, tokens: Sequence[bytes], openings: Openings) -> None:
        """Note what an entry's values imply."""
        seq, members = body.seq, body.members
        self._read.add(seq)
        for (_, personal_class, paths, _), opening in zip(body.groups, openings, strict=True):
            if opening is Unopened.UNREADABLE:
                self._doubted.add(seq)
            elif personal_class == _EVIDENCE and isinstance(opening, tuple):
                find = self._sealer.find_evidence
                self._links.update([(_EVIDENCE, find(value), False, seq) for value in opening[1]])
            if _KEY in paths:
                key = opening[1][paths.index(_KEY)] if isinstance(opening, tuple) else None
                if type(key) is str:
                    self._keys.add((self._sealer.find(_KEY, key), seq))
                else:
                    self._unread.add(seq)
        if "left_out" in members and _KEY in members["left_out"]:
            self._unread.add(seq)
        if members["action"] in SIGN_INS:
            self._mark(body, tokens, openings)

    def _mark(self, body: entry.Body, tokens: Sequence[bytes], openings: Openings) -> None:
        """A sign-in has the links that its values imply. Those of who was erased can be told from nothing."""
        person = recognition.person(body.members)
        if person is None:
            return
        values: dict[str, object] = {}
        for group, opening in zip(body.groups, openings, strict=True):
            if (group.owner, group.personal_class) == (person, "network"):
                if not isinstance(opening, tuple):
                    self._unmarked.add(body.seq)
                    return
                values = dict(zip(group.paths, opening[1], strict=True))
        try:
            for kind, text in recognition.marks(values):
                ref = self._sealer.recognised(tokens[person], kind, None if kind == DEVICE else text)
                self._links.add((kind, ref, False, body.seq))
        except Dead:
            self._unmarked.add(body.seq)

    def compare(self, links: Sequence[LinkRow], keys: Sequence[tuple[bytes, int]]) -> Iterator[Finding]:
        """Compare with what is stored of the span."""
        there = {
            (kind, ref[: FOUND_BYTES // 2] if kind == DEVICE else ref, as_target, seq)
            for kind, ref, as_target, _, seq in links
        }
        if there != self._links or len(there) != len(links):
            yield from self._explain_links(there, [(link[0], link[4]) for link in links])
        if self._unread or set(keys) != self._keys:
            yield from self._explain_keys(set(keys))

    def _explain_links(self, there: set[_Hidden], every: list[tuple[str, int]]) -> Iterator[Finding]:
        extra, missing = there - self._links, self._links - there
        twice = {place for place in every if every.count(place) > 1 and place[0] != _EVIDENCE}
        twice -= {(kind, seq) for kind, seq in twice if every.count((kind, seq)) == self._count(kind, seq)}
        for seq in sorted(self._read):
            if seq not in self._doubted and any(link[0] == _EVIDENCE and link[3] == seq for link in extra):
                yield Finding("misfiled", seq, "a link to an evidence value is not its own")
            if any(link[0] == _EVIDENCE and link[3] == seq for link in missing):
                yield Finding("misfiled", seq, "its link to an evidence value is missing")
            marks = [link for link in (*extra, *missing) if link[0] != _EVIDENCE and link[3] == seq]
            if seq not in self._unmarked and (marks or any(place[1] == seq for place in twice)):
                what = "its links to a device or a network are not what its values say"
                yield Finding("misfiled", seq, what)

    def _count(self, kind: str, seq: int) -> int:
        return sum(link[0] == kind and link[3] == seq for link in self._links)

    def _explain_keys(self, there: set[tuple[bytes, int]]) -> Iterator[Finding]:
        for _, seq in sorted(self._keys - there):
            yield Finding("misfiled", seq, "its idempotency key does not lead to it")
        unread = set(self._unread)
        for _, seq in sorted(there - self._keys):
            if seq in unread:
                unread.discard(seq)
            elif seq in self._read:
                yield Finding("misfiled", seq, "an idempotency key leads to it that it was not recorded with")
        for seq in sorted(unread):
            yield Finding("misfiled", seq, "no idempotency key leads to it, and it was recorded with one")


class People:
    """Who is known by the entries of a log: the id of each person that can be read, and who was erased and scrubbed."""

    def __init__(self) -> None:
        self._ids: dict[bytes, str] = {}
        self._target_ids: dict[bytes, str] = {}
        self._realms: dict[bytes, str] = {}
        # Of whom all that a group of these paths says is known.
        self._seen: set[tuple[bytes, tuple[str, ...]]] = set()
        self.erased_by: dict[bytes, int] = {}
        # Of each entry that accounts for an erasure, those which say that what was sealed is removed.
        self._scrubbed_by: dict[int, set[int]] = {}

    def take(self, body: entry.Body, tokens: Sequence[bytes], openings: Openings) -> None:
        """Note whom an entry is about, as far as it opens, and what it says of an erasure."""
        members = body.members
        for (owner, personal_class, paths, _), opening in zip(body.groups, openings, strict=True):
            if isinstance(opening, tuple) and (ids := _ids(personal_class, paths)):
                token = tokens[owner]
                if (token, paths) not in self._seen:
                    self._seen.add((token, paths))
                    for at, path in ids:
                        self._remember(members, token, path, opening[1][at])
        if members["action"] in (entry.ANONYMIZED, entry.SCRUBBED):
            if (erasure := entry.erasure(body)) is not None:
                self.erased_by[erasure.token] = body.seq
            if members["action"] == entry.SCRUBBED and type(by := members["context"].get("erased_by")) is int:
                self._scrubbed_by.setdefault(by, set()).add(body.seq)

    def _remember(self, members: dict[str, Any], token: bytes, path: str, host_id: object) -> None:
        if type(host_id) is not str:
            return
        # A loyalty account has an id of its own; its client's is on the same entry.
        (self._target_ids if path == "target.id" else self._ids).setdefault(token, host_id)
        if path == "actor.id":
            self._realms[token] = members["actor"]["kind"]
        elif path == "actor.on_behalf_of.id":
            self._realms[token] = members["actor"].get("on_behalf_of", {}).get("kind", "")
        elif path == "client.id":
            self._realms[token] = "client"
        elif path == "target.id" and (kind := members.get("target", {}).get("kind")) in ("client", "staff"):
            self._realms[token] = kind

    def id(self, token: bytes) -> str | None:
        return self._ids.get(token, self._target_ids.get(token))

    def realm(self, token: bytes) -> str | None:
        return self._realms.get(token)

    def scrubbed_by(self, erased_by: int | None) -> Collection[int]:
        return self._scrubbed_by.get(erased_by or 0, ())

    def every(self) -> set[bytes]:
        """The tokens of who can be read."""
        return self._ids.keys() | self._target_ids.keys()


class Persons:
    """The rows of persons, compared with who is known by the entries.

    They are read after the entries and while the log goes on, so they may be ahead: of who is met, erased or scrubbed
    by an entry behind the size that is verified. A row that does not fit is therefore kept, and judged when these
    entries were read as well; `later` is who is known by them.
    """

    def __init__(self, sealer: Sealer, is_older: bool, is_renewed: bool) -> None:
        """`is_older`: the keys know of erasures that this database does not have; `is_renewed`: a keep was lost."""
        self._sealer, self._is_older, self._is_renewed = sealer, is_older, is_renewed
        self.known, self.later = People(), People()
        self._unfit: list[PersonRow] = []
        self._seen: set[bytes] = set()

    def compare(self, rows: Iterable[PersonRow]) -> bool:
        """Return whether some rows do not fit."""
        for row in rows:
            self._seen.add(row.token)
            if self._wrong(row) is not None:
                self._unfit.append(row)
        return bool(self._unfit)

    def _wrong(self, row: PersonRow) -> str | None:
        token, known, later = row.token, self.known, self.later
        erased_by: Collection[int | None] = {known.erased_by.get(token)}
        if token not in known.erased_by:
            erased_by = {None, later.erased_by.get(token)}
        if row.erased_by not in erased_by:
            return "does not say what the log says of an erasure"
        scrubbed_by: Collection[int | None] = known.scrubbed_by(row.erased_by)
        if row.scrubbed_by not in (scrubbed_by or {None, *later.scrubbed_by(row.erased_by)}):
            return "does not say which entry says that its values are removed"
        return None if self._is_right(row) else "does not fit the log's entries"

    def _is_right(self, row: PersonRow) -> bool:
        token, expected = row.token, self.known.id(row.token) or self.later.id(row.token)
        try:
            person = self._sealer.open_person(token, row.sealed)
            realm, host_id = person["realm"], person["id"]
            # Who was erased and scrubbed meanwhile may have nothing left that says the id; our keys still open the row.
            is_gone = expected is None and token in self.later.erased_by
            return (
                (host_id == expected or is_gone)
                and self._sealer.token(realm, host_id, person["n"]) == token
                and realm == (self.known.realm(token) or self.later.realm(token) or realm)
            )
        except Dead:
            return row.erased_by is not None or self._is_older or token in self.later.erased_by
        except Unreadable:
            return expected is None and self._is_renewed  # of somebody from before
        except (KeyError, TypeError):
            return False

    def findings(self) -> Iterator[Finding]:
        for row in self._unfit:
            if (what := self._wrong(row)) is not None:
                yield Finding("misfiled", None, f"the row of person {row.token.hex()[:8]}… {what}")
        for token in sorted(self.known.every() - self._seen):
            what = f"the row of person {token.hex()[:8]}… is gone, so the person cannot be found"
            yield Finding("misfiled", None, what)
        for token in sorted(self.known.erased_by.keys() - self.known.every() - self._seen):
            yield Finding("misfiled", None, f"the row of person {token.hex()[:8]}…, who was erased, is gone")


@lru_cache(maxsize=1024)
def _ids(personal_class: str, paths: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """The ids of people among the paths of a group: where each stands, and its path."""
    if personal_class != "identity":
        return ()
    return tuple((at, path) for at, path in enumerate(paths) if _PERSON_ID.fullmatch(path))
