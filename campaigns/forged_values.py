"""Changes to what is sealed, to the keep, and erasures that were forged; each returns what has to come of it.

What a change is, and what it returns: `hands.py`. `VALUES` maps the name of each kind to its function and its share of
the changes.
"""

from __future__ import annotations

import json
import random
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from tests.verify.conftest import CLINIC, NUMBER

from indelible.errors import IndelibleError
from indelible.format import entry
from indelible.journal import Journal
from indelible.keep import keys
from indelible.keep.folder import Keep
from indelible.keep.personal import join, split
from indelible.log import ClinicLog

from .hands import DEAD_BYTES, FOUND, NOTHING, OTHER, REFUSED, WHERE, ByDesign, Expected, Hands, changed

# What is sealed


def _alive(rng: random.Random, hands: Hands, many: int = 1) -> list[tuple[int, int]]:
    """Some parts that can be opened: (seq, which part)."""
    found = list[tuple[int, int]]()
    while len(found) < many:
        seq = rng.randint(1, hands.size)
        parts = hands.parts(seq)
        if not parts or not (living := hands.living_parts(seq, hands.sealed(seq))):
            continue
        place = (seq, parts.index(rng.choice(living)))
        if place not in found:
            found.append(place)
    return found


def sealed(rng: random.Random, hands: Hands) -> Expected:
    """Remove, shorten, lengthen, exchange, copy or move a sealed part, give it to another, or flip a bit in it."""
    (seq, at), (seq2, at2) = _alive(rng, hands, 2)
    before = {which: hands.living_parts(which, hands.sealed(which)) for which in (seq, seq2)}
    parts, parts2 = hands.parts(seq), hands.parts(seq2) if seq2 != seq else []
    part = parts[at]
    what = rng.choice(
        [
            "remove",
            "all",
            "cut",
            "tail",
            "longer",
            "exchange",
            "copy",
            "move",
            "twice",
            "flip",
            "byte",
            "owner",
            "class",
        ]
    )
    if what in ("exchange", "copy", "move") and seq2 == seq:
        return None
    if what == "remove":
        del parts[at]
    elif what == "all":
        parts = []
    elif what == "cut":
        parts[at] = part._replace(data=part.data[: rng.randrange(len(part.data))])
    elif what == "longer":
        parts[at] = part._replace(data=part.data + rng.randbytes(rng.randint(1, 20)))
    elif what == "exchange":
        parts[at], parts2[at2] = part._replace(data=parts2[at2].data), parts2[at2]._replace(data=part.data)
    elif what == "move":
        parts2.append(parts.pop(at))
    elif what == "copy":
        parts2.append(part)
    elif what == "twice":
        parts.insert(rng.randint(0, len(parts)), part)
    elif what == "flip":
        data = bytearray(part.data)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        parts[at] = part._replace(data=bytes(data))
    elif what == "owner":
        parts[at] = part._replace(owner=rng.choice([n for n in (0, 1, 2, 9, 255) if n != part.owner]))
    elif what == "class":
        others = [name for name in ("evidence", "identity", "network") if name != part.personal_class]
        parts[at] = part._replace(personal_class=rng.choice(others))
    new = bytearray(join(parts))
    if what == "tail":
        del new[rng.randrange(len(new)) :]
    elif what == "byte":
        new[rng.randrange(len(new))] ^= 1 << rng.randrange(8)
    hands.seal(seq, bytes(new))
    if parts2:
        hands.seal(seq2, parts2)
    same = all(hands.living_parts(which, hands.sealed(which)) == before[which] for which in before)
    return DEAD_BYTES if same else FOUND


def resealed_otherwise(rng: random.Random, hands: Hands) -> Expected:
    """Seal another value in the place of one, with the real keys."""
    ((seq, at),) = _alive(rng, hands)

    def work(log: ClinicLog) -> None:
        parts, (entry_id, place, paths) = hands.parts(seq), _place(hands, seq, at)
        values = list(log.sealer.open_values(entry_id, *place, parts[at].data, paths).values.values())
        which = rng.randrange(len(values))
        values[which] = changed(rng, values[which])
        if rng.random() < 0.2:
            values.append(values[0])
        parts[at] = parts[at]._replace(data=log.sealer.seal_values(entry_id, *place, _dump(values)))
        hands.seal(seq, parts)

    hands.keyed(work)
    return FOUND


def _place(hands: Hands, seq: int, at: int) -> tuple[bytes, tuple[bytes, str], list[str]]:
    """The entry's id, owner and class of a part, and the paths of its group."""
    body, part = hands.body(seq), hands.parts(seq)[at]
    paths = next(g["paths"] for g in body["personal"] if (g["owner"], g["class"]) == (part.owner, part.personal_class))
    token = bytes.fromhex(body["tokens"][part.owner])
    return uuid.UUID(body["id"]).bytes, (token, part.personal_class), paths


def _dump(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _lost(hands: Hands) -> Iterator[tuple[int, bytes, bytes]]:
    """What an older copy has of people who were erased since: seq, token and the entry's sealed values."""
    with hands.older() as older:
        for seq, sealed_then in older.execute("SELECT seq, sealed FROM indelible_entry WHERE clinic = ?", [NUMBER]):
            tokens = hands.tokens(seq)
            for part in split(sealed_then):
                if tokens[part.owner] in hands.erased and part.personal_class in entry.ERASED_CLASSES:
                    yield seq, tokens[part.owner], sealed_then


def restored(rng: random.Random, hands: Hands) -> Expected:
    """Put back what was sealed of somebody erased, from an older copy: of one entry or of all, at times with the row;
    at times with the keep of then."""
    lost = sorted(set(_lost(hands)))
    chosen = rng.choice(lost)
    many = [one for one in lost if one[1] == chosen[1]] if rng.random() < 0.5 else [chosen]
    for seq, _, sealed_then in many:
        hands.seal(seq, sealed_then)
    row = rng.random() < 0.5
    if row:
        with hands.older() as older:
            (then,) = older.execute("SELECT sealed FROM indelible_person WHERE token = ?", [chosen[1]]).fetchone()
        sql = "UPDATE indelible_person SET sealed = ? WHERE token = ?"
        hands.run(sql, then, chosen[1])
    if rng.random() < 0.5:
        _older_cover(hands)
    return DEAD_BYTES


def person_restored(rng: random.Random, hands: Hands) -> Expected:
    """Put back the row of an anonymized client as it was before, at times with the keep of then."""
    with hands.older() as older:
        rows = older.execute(
            "SELECT token, sealed FROM indelible_person WHERE clinic = ? AND erased_by IS NULL", [NUMBER]
        ).fetchall()
    token, then = rng.choice([row for row in sorted(rows) if row[0] in hands.erased])
    sql = "UPDATE indelible_person SET sealed = ?, erased_by = NULL, scrubbed_by = NULL WHERE token = ?"
    hands.run(sql, then, token)
    if rng.random() < 0.5:
        _older_cover(hands)
    return FOUND


def reordered_parts(rng: random.Random, hands: Hands) -> Expected:
    """Put the sealed parts of some entries in another order: each says whose it is, and of what class."""
    for seq in rng.sample(range(1, hands.size + 1), 20):
        parts = hands.parts(seq)
        rng.shuffle(parts)
        hands.seal(seq, parts)
    return NOTHING


def resealed(rng: random.Random, hands: Hands) -> Expected:
    """Seal values and a person's row again, with the key and the same content: other bytes, the same meaning."""

    def work(log: ClinicLog) -> None:
        seal = log.sealer
        for seq, at in _alive(rng, hands, 5):
            parts, (entry_id, place, paths) = hands.parts(seq), _place(hands, seq, at)
            values = list(seal.open_values(entry_id, *place, parts[at].data, paths).values.values())
            parts[at] = parts[at]._replace(data=seal.seal_values(entry_id, *place, _dump(values)))
            hands.seal(seq, parts)
        sql = "SELECT token, sealed FROM indelible_person WHERE clinic = ? AND erased_by IS NULL"
        token, old = rng.choice(hands.rows(sql, NUMBER))
        new = seal.seal_person(token, seal.open_person(token, old))
        hands.run("UPDATE indelible_person SET sealed = ? WHERE clinic = ? AND token = ?", new, NUMBER, token)

    hands.keyed(work)
    return NOTHING


def scrubbed(rng: random.Random, hands: Hands) -> Expected:
    """Take away sealed parts of people who were erased, of all entries or some: as scrubbing does."""
    for seq in rng.sample(range(1, hands.size + 1), rng.choice([hands.size, 30])):
        hands.seal(
            seq, [part for part in hands.parts(seq) if part in (hands.living_parts(seq, hands.sealed(seq)) or ())]
        )
    return NOTHING


# The keep


def _older_cover(hands: Hands) -> None:
    older = hands.template / "older" / "activity.db.keep"
    shutil.copy2(hands.cover_file(folder=older), hands.cover_file())


def older_keep(rng: random.Random, hands: Hands) -> Expected:
    """Put an older cover back, or leave one beside the right one: whoever was erased since is erased again."""
    older = hands.cover_file(folder=hands.template / "older" / "activity.db.keep")
    for suffix in rng.choice([[".cover"], [".former"], [".new"], [".former", ".new"], [".cover", ".former"]]):
        shutil.copy2(older, hands.cover_file().with_suffix(suffix))
    return NOTHING


def keep_damaged(rng: random.Random, hands: Hands) -> Expected:
    """Flip a bit of the cover, cut it, take it away, put another log's or another installation's in its place."""
    path = hands.cover_file()
    data = bytearray(path.read_bytes())
    what = rng.choice(["flip", "cut", "longer", "empty", "gone", "other", "forged", "folder"])
    if what == "flip":
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif what == "cut":
        del data[rng.randrange(len(data)) :]
    elif what == "longer":
        data += rng.randbytes(rng.choice([1, 41]))
    elif what == "empty":
        data.clear()
    elif what == "other":
        data = bytearray(hands.cover_file(OTHER).read_bytes())
    elif what == "forged":
        kept = Keep(hands.keep, hands.master_key).read(hands.origin)
        assert kept is not None
        stranger = Keep(hands.folder / "stranger", keys.MasterKey(rng.randbytes(32)))
        data = bytearray(stranger._encode(hands.origin, kept))
    path.write_bytes(data)
    if what == "gone":
        path.unlink()
    elif what == "folder":
        shutil.rmtree(hands.keep)
    hands.cover = None
    return REFUSED


def heads_changed(rng: random.Random, hands: Hands) -> Expected:
    """Change the signed head in the keep, put another log's there, take it or the file away, or cut the file."""
    path = hands.keep / "heads"
    what = rng.choice(["size", "root", "note", "other", "older", "gone", "file", "cut"])
    if what == "file":
        path.unlink()
    elif what == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif what == "gone":
        hands.heads("DELETE FROM head WHERE origin = ?", hands.origin)
    elif what == "other":
        hands.heads(
            "UPDATE head SET (size, root, note) = (SELECT size, root, note FROM head WHERE origin <> ?)", hands.origin
        )
    elif what == "older":
        shutil.copy2(hands.template / "older" / "activity.db.keep" / "heads", path)
    else:
        value = {"size": rng.choice([0, 1, hands.signed - 1, hands.signed + 1]), "root": rng.randbytes(32),
                 "note": rng.randbytes(100)}[what]  # fmt: skip
        hands.heads(f"UPDATE head SET {what} = ? WHERE origin = ?", value, hands.origin)
    told = ByDesign("the head store is gone or older: could not tell, and it says so")
    return told if what in ("gone", "file", "older") else REFUSED


# Forged erasures: values destroyed, and an entry that is to account for it


def erasing(token: bytes, seq: int) -> dict[str, Any]:
    person = {"person": 0}
    return {
        "action": entry.ANONYMIZED,
        "actor": {"kind": "client", **person},
        "target": {"kind": "client", **person},
        "tokens": [token.hex()],
        "personal": [],
        "context": {"requested_by": "client"},
        "erases": {**person, "classes": list(entry.ERASED_CLASSES), "up_to_seq": seq - 1},
    }


def _destroyed(rng: random.Random, hands: Hands, by: int | None) -> bytes:
    """Destroy what is sealed of a client, or leave it to the log to do; their row says it, at times. Return whose."""
    token = hands.living(rng)
    said = by if rng.random() < 0.7 else None
    hands.erase(token, entry.ERASED_CLASSES if rng.random() < 0.7 else (), said)
    return token


def erased_without(rng: random.Random, hands: Hands) -> Expected:
    """Destroy a client's values as scrubbing would, and account for it nowhere; at times their row says otherwise."""
    by = rng.choice([None, rng.randint(1, hands.size + 9), rng.choice(hands.erasure_seqs())])
    hands.erase(hands.living(rng), by=by)
    return FOUND


def marked_as_erased(rng: random.Random, hands: Hands) -> Expected:
    """Let a client's row say that they were erased, so that the log itself may destroy the values: it must not."""
    by = rng.choice([rng.randint(1, hands.size + 9), rng.choice(hands.erasure_seqs())])
    hands.erase(hands.living(rng), (), by)
    if rng.random() < 0.5:
        _older_cover(hands)
    return FOUND


def erased_by_append(rng: random.Random, hands: Hands) -> Expected:
    """Append an entry that erases a client, with all that belongs to such an entry; at times destroy the values too."""
    token = _destroyed(rng, hands, hands.size + 1)
    forged = erasing(token, hands.size + 1)
    if rng.random() < 0.3:
        forged |= {"actor": {"kind": "system", "reason": "policy:retention"}}
    hands.forge(forged)
    return FOUND


def erased_with_a_stolen_seal(rng: random.Random, hands: Hands) -> Expected:
    """The same, with id, commitments and sealed part of a real erasure, which open; at times its key leads here too."""
    token = _destroyed(rng, hands, hands.size + 1)
    source = rng.choice([seq for seq in hands.erasure_seqs() if hands.parts(seq)])
    stolen = hands.body(source)
    stolen["tokens"][stolen["erases"]["person"]] = token.hex()
    stolen["erases"]["up_to_seq"] = hands.size
    hands.run("DROP INDEX indelible_entry_id")
    members = {name: value for name, value in stolen.items() if name not in ("seq", "recorded_at")}
    seq = hands.forge(members, hands.sealed(source))
    if rng.random() < 0.5:
        hands.run(f"UPDATE indelible_idempotency SET seq = ? WHERE {WHERE}", seq, NUMBER, source)
    return FOUND


def erasure_replayed(rng: random.Random, hands: Hands) -> Expected:
    """Append a real erasure once more, as it is but for its number, or put one in an ordinary entry's place."""
    source = rng.choice([seq for seq in hands.erasure_seqs() if hands.parts(seq)])
    members = {name: value for name, value in hands.body(source).items() if name not in ("seq", "recorded_at")}
    hands.run("DROP INDEX indelible_entry_id")
    if rng.random() < 0.5:
        hands.forge(members, hands.sealed(source))
        return FOUND
    seq = rng.choice([n for n in range(1, hands.signed + 1) if n != source])
    hands.rewrite(seq, lambda there: there.update(members))
    hands.seal(seq, hands.sealed(source))
    hands.hide(seq, rng.choice([0, 1, 2, 3]))
    return FOUND


def erased_by_append_and_signed(rng: random.Random, hands: Hands) -> Expected:
    """Append a forged erasure, and let the log sign what it finds, replay and scrub, as it does once a second."""
    rng.choice([erased_by_append, erased_with_a_stolen_seal, erasure_replayed])(rng, hands)
    for _ in range(2):
        with suppress(IndelibleError), Journal(hands.path) as journal:  # it may refuse to sign, then and when it closes
            log = journal.clinic(CLINIC)
            with suppress(IndelibleError):
                log.checkpoint()
            log.replay()
            log.scrub()
    return FOUND


def erased_by_rewriting(rng: random.Random, hands: Hands) -> Expected:
    """Destroy a client's values, and make an entry account for it: an ordinary one, or another erasure."""
    token = hands.living(rng)
    sql = "SELECT max(seq) FROM indelible_link WHERE clinic = ? AND kind = 'person' AND ref = ?"
    last = hands.one(sql, NUMBER, token)[0]
    behind = [seq for seq in hands.erasure_seqs() if seq > last]
    ordinary = list(range(min(last + 1, hands.signed), hands.signed + 1))
    seq = rng.choice(behind) if behind and rng.random() < 0.6 else rng.choice(ordinary)
    hands.erase(token, by=seq if rng.random() < 0.7 else None)

    def edit(members: dict[str, Any]) -> None:
        if "erases" in members:
            members["tokens"][members["erases"]["person"]] = token.hex()
        else:
            for name in ("client", "people", "operation", "cut", "imported", "channel"):
                members.pop(name, None)
            members.update(erasing(token, seq))

    hands.rewrite(seq, edit)
    hands.hide(seq, rng.choice([0, 1, 2, 3]))
    return FOUND


def erased_more(rng: random.Random, hands: Hands) -> Expected:
    """Stretch what a real erasure says it destroyed: later entries, more classes; and destroy those values too."""
    seq = rng.choice(hands.erasure_seqs())
    body = hands.body(seq)
    token = bytes.fromhex(body["tokens"][body["erases"]["person"]])
    hands.erase(token, ("evidence",))

    def edit(members: dict[str, Any]) -> None:
        if rng.random() < 0.5:
            members["erases"]["classes"] = ["identity"]
        else:
            members["erases"]["up_to_seq"] -= rng.randint(1, 5)

    hands.rewrite(seq, edit)
    hands.hide(seq, rng.choice([0, 1, 2, 3]))
    return FOUND


def erasure_unmade(rng: random.Random, hands: Hands) -> Expected:
    """Make an entry that accounts for an erasure say nothing of it any more; at times with the keep of before it."""
    seq = rng.choice(hands.erasure_seqs())
    hands.rewrite(seq, lambda members: members.pop("erases"))
    hands.hide(seq, rng.choice([0, 1, 2, 3]))
    return FOUND


VALUES: dict[str, tuple[Callable[[random.Random, Hands], Expected], int]] = {
    "sealed part removed, moved, flipped": (sealed, 10),
    "another value sealed with the keys": (resealed_otherwise, 3),
    "erased values put back": (restored, 3),
    "erased person's row put back": (person_restored, 2),
    "keep: older cover put back": (older_keep, 2),
    "keep: cover damaged, removed, another's": (keep_damaged, 4),
    "keep: signed head changed or removed": (heads_changed, 3),
    "values destroyed, nothing accounts": (erased_without, 2),
    "person marked as erased": (marked_as_erased, 2),
    "forged erases appended": (erased_by_append, 2),
    "forged erases with a stolen seal": (erased_with_a_stolen_seal, 2),
    "real erasure replayed": (erasure_replayed, 2),
    "forged erases, then signed and replayed": (erased_by_append_and_signed, 2),
    "forged erases written over an entry": (erased_by_rewriting, 3),
    "erases narrowed or stretched": (erased_more, 2),
    "erases taken out": (erasure_unmade, 1),
    "no change: parts in another order": (reordered_parts, 1),
    "no change: sealed again": (resealed, 2),
    "no change: dead parts scrubbed": (scrubbed, 1),
}
