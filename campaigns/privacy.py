"""The privacy campaign: what somebody who takes every file and the master key gets of an anonymized client.

A log gets entries of every action of the catalogue, and of one that a host declares, with a mark of its own in every
personal field and every name, for one client C and for others, in every role that a person can have. Bundles are made,
one by a filter that names C, and readings and exports are recorded whose filters name C under every key and in every
spelling. Then C is anonymized, and the attacker

    reads every byte of database, -wal, -shm, head store and key file, as it is, as UTF-16, hexadecimal and base64
    unwraps every key with the master key, opens every row, and decrypts whatever looks like the head of a sealed row,
    at every offset, so that what SQLite left behind is read too
    computes the look-up values by which C was found
    tries likely IP addresses, with every 32 bytes that are in the files, on the commitments that stay

and gets nothing of C's that anonymizing is to erase, and all of everybody else's; before, the same attack got all of
C's. What stays by design (Stripe ids, and the HMACs of idempotency keys) is counted and printed.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import random
import re
import sqlite3
import tempfile
import time
import zipfile
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.erasure.conftest import files_of, openable

from indelible import commitment, entry, keys, merkle
from indelible.bundling import export_bundle, export_complete
from indelible.canonical import encode_checked
from indelible.catalogue import Action, registered
from indelible.catalogue.fields import ClientPerson, PersonalText
from indelible.catalogue.schema import describe
from indelible.commitment import Committer
from indelible.document import PEOPLE_ROLES, Staff, parse
from indelible.exported import CLOSED, record_export
from indelible.inspection import inspect
from indelible.journal import ClinicLog, Journal
from indelible.note import Verifier
from indelible.observed import record_view
from indelible.personal import Sealer
from indelible.query import Choice, Query
from indelible.verify import verify_bundle

from .material import seeded

CLINIC = "c_lisbon"
BY = Staff("usr_1")
_MARK = re.compile(rb"qz[0-9a-f]{12}zq")
_HEX_RUN, _BASE64_RUN = re.compile(rb"[0-9A-Fa-f]{32,}"), re.compile(rb"[A-Za-z0-9+/_-]{20,}")
# 198.18.0.0/15 is set aside for tests (RFC 2544); every address that is planted is in it.
_IP_PATH = "request.ip"
_NETWORK = ipaddress.ip_network("198.18.0.0/15")
_ADDRESS = re.compile(rb"(?<![0-9.])198\.1[89]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")


class FriendReferred(
    Action,
    code="client.referred",
    label="Referred a friend",
    category="clients",
    targets=("client",),
    sentence="{actor} noted that {target} was referred",
):
    """A host's own action, with clients in its context."""

    friend: ClientPerson | None = None
    friends_words: PersonalText | None = None


@dataclass(slots=True)
class Planted:
    """What was planted. `mine` are the marks and addresses that anonymizing C has to destroy, `kept` C's evidence."""

    chance: random.Random
    mine: set[bytes] = field(default_factory=set)
    kept: set[bytes] = field(default_factory=set)
    others: set[bytes] = field(default_factory=set)
    named: set[bytes] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def mark(self) -> str:
        return f"qz{self.chance.randbytes(6).hex()}zq"

    def address(self) -> str:
        return str(_NETWORK[self.chance.randrange(_NETWORK.num_addresses)])


# Planting


def _value(schema: dict[str, Any], planted: Planted, personal: bool) -> Any:
    """A value that a JSON Schema of the catalogue takes; its texts are marks where they are personal."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "integer":
        return 7
    if kind == "boolean":
        return True
    if kind == "array":
        return [_value(schema["items"], planted, personal)]
    if kind == "object":
        made = {name: _value(part, planted, personal) for name, part in schema.get("properties", {}).items()}
        return made or {"note": planted.mark() if personal else "x"}
    if schema.get("pattern"):
        return "EUR"
    if schema.get("format"):
        return "2026-05-04T09:00:00+02:00" if schema["format"] == "date-time" else "2026-05-04"
    return planted.mark() if personal else "word"


# What must fit the others of its entry, which are 7 each.
_FITTING = {"sessions_total": 20}


def _context(cls: type[Action], planted: Planted, friend: dict[str, Any]) -> dict[str, Any]:
    described = describe(cls)
    made: dict[str, Any] = {}
    for one in described["fields"]:
        name, person = one["name"], one["person"]
        if name in _FITTING:
            made[name] = _FITTING[name]
        elif person is None:
            made[name] = _value(described["schema"]["properties"][name], planted, one["personal"] is not None)
        else:
            someone = friend if person == "client" else {"id": f"usr_{planted.mark()}", "name": planted.mark()}
            made[name] = {"old": someone, "new": someone} if one["changed"] else someone
    return made


def _documents(cls: type[Action], c: str, planted: Planted) -> Iterator[dict[str, Any]]:
    """Documents of one action with C in each role, and as many with another client there."""
    for who in (c, f"cli_{planted.mark()}"):

        def person(who: str = who, **more: Any) -> dict[str, Any]:
            return {"id": who, "name": planted.mark()} | more

        def other(**more: Any) -> dict[str, Any]:
            return {"id": f"cli_{planted.mark()}", "name": planted.mark()} | more

        for kind in cls.targets:
            for role in ("client", "actor", "target", "context", *PEOPLE_ROLES):
                made: dict[str, Any] = {
                    "action": cls.code,
                    "actor": {"kind": "staff", "id": "usr_9", "name": planted.mark()},
                    "target": {"kind": kind, "id": f"{kind}_1", "name": planted.mark()},
                    "client": other(),
                    "context": _context(cls, planted, person() if role == "context" else other()),
                    "request": {"channel": "staff_web", "ip": planted.address(), "user_agent": planted.mark()},
                    "key": planted.mark(),
                }
                if role == "client":
                    made["client"] = person()
                elif role == "actor":
                    made["actor"] = person(kind="client")
                    made["client"] = None if planted.chance.random() < 0.5 else made["client"]
                elif role == "target":
                    if kind in ("client", "loyalty_account"):
                        made["target"] = person(kind=kind)
                        made["client"] = person() if kind == "loyalty_account" else None
                        by_system = planted.chance.random() < 0.5  # the address is then the client's too
                        made["actor"] = {"kind": "system", "reason": "job:x"} if by_system else made["actor"]
                elif role in PEOPLE_ROLES:
                    made["people"] = [person(role=role)]
                if kind == "loyalty_account" and made["client"] is None:
                    made["client"] = person()
                yield {name: value for name, value in made.items() if value is not None}


def _names(value: Any, c: str) -> Iterator[str]:
    """Every name that a document gives beside the id `c`."""
    if isinstance(value, dict):
        if value.get("id") == c:
            yield value["name"]
        for part in value.values():
            yield from _names(part, c)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part, c)


def _plant(log: ClinicLog, c: str, planted: Planted) -> None:
    drafts = []
    for cls in registered():
        if cls.by_journal:
            continue
        for number, document in enumerate(_documents(cls, c, planted)):
            planted.named |= {name.encode() for name in _names(document, c)}
            drafts.append(draft := log.draft(parse(document), imported=number % 5 == 0))
            for value in draft.values:
                planted.keys |= {value.data.decode().strip('"')} if value.path == "key" else set()
                person = draft.persons[value.owner]
                marks = {*_MARK.findall(value.data), *_ADDRESS.findall(value.data)}
                if (person.realm, person.id) != ("client", c):
                    planted.others |= marks
                elif value.personal_class == "evidence":
                    planted.kept |= marks
                else:
                    planted.mine |= marks
                    planted.fields.add(f"{cls.code} {value.path}")
    for start in range(0, len(drafts), 100):
        log.append(drafts[start : start + 100])
    planted.mine.add(_MARK.findall(c.encode())[0])
    # An address or a mark that somebody else also has would be found for good reason.
    planted.mine -= planted.others


def _ask(log: ClinicLog, c: str) -> int:
    """Record readings and exports by filters that name C; return how many."""
    spellings = [c, f"client/{c}", f"booking/{c}"]
    asked = 0
    for member in sorted({one.name for one in fields(Choice)} - CLOSED):
        for value in spellings:
            named, other = Choice(**{member: frozenset({value})}), Choice(clients=frozenset({"cli_other"}))
            for wanted in (Query(named), Query(unwanted=named), Query(other, named), Query(named, words=(c,))):
                record_view(log, wanted, BY)
                record_export(log, wanted, None, BY, format="csv", profile="csv")
                asked += 2
    return asked


# The attack


@dataclass(frozen=True, slots=True)
class Loot:
    """What the files gave up: marks and addresses, and the 32 bytes at the head of everything that decrypts."""

    values: set[bytes]
    seeds: set[bytes]
    lookup: bool


def _attack(database: Path, c: str) -> Loot:
    values: set[bytes] = set()
    seeds: set[bytes] = set()
    files = [*files_of(database), database.with_name(f"{database.name}.key")]
    sealers = _unwrapped(database)
    everything = {path: path.read_bytes() for path in files}
    for data in everything.values():
        values |= _readable(data)
        for sealer in sealers.values():
            for plain in openable(data, sealer.data_keys):
                values |= _readable(plain, deep=False)
                seeds.add(plain[:32])
    values |= _opened(database, sealers)
    look = [s.find_person(realm, c) for s in sealers.values() for realm in ("client", "staff", "support", "erased")]
    found = any(one in data or one.hex().encode() in data for one in look for data in everything.values())
    return Loot(values, seeds, found)


def _readable(data: bytes, deep: bool = True) -> set[bytes]:
    """Marks and addresses in bytes, as they are and in the spellings that a file may have them in."""
    spellings = [data]
    if deep:
        spellings += [data.replace(b"\x00", b"")]  # UTF-16, either end first
        for run in _HEX_RUN.findall(data):
            spellings += [bytes.fromhex((run[at:] if len(run[at:]) % 2 == 0 else run[at:-1]).decode()) for at in (0, 1)]
        for run in _BASE64_RUN.findall(data):
            plain = run.replace(b"-", b"+").replace(b"_", b"/")
            spellings += [b64decode(plain[at : at + (len(plain) - at) // 4 * 4]) for at in range(4)]
    return {mark for one in spellings for pattern in (_MARK, _ADDRESS) for mark in pattern.findall(one)}


def _unwrapped(database: Path) -> dict[str, Sealer]:
    """Every clinic's keys, unwrapped with the master key that lies in its file."""
    master = keys.load(None, database.with_name(f"{database.name}.key"))
    opened: dict[str, dict[str, dict[int, bytes]]] = {}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        for clinic, kind, number, wrapped in db.execute("SELECT clinic_id, kind, number, wrapped FROM indelible_key"):
            key = master.unwrap(wrapped, clinic, kind, number)
            opened.setdefault(clinic, {}).setdefault(kind, {})[number] = key
    return {clinic: Sealer(kinds["data"], kinds["lookup"][1]) for clinic, kinds in opened.items()}


def _opened(database: Path, sealers: dict[str, Sealer]) -> set[bytes]:
    """What every row of values and of persons holds."""
    found: set[bytes] = set()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT p.clinic_id, e.id, p.token, p.class, p.sealed FROM indelible_personal p JOIN indelible_entry e"
            " ON e.clinic_id = p.clinic_id AND e.seq = p.seq WHERE p.sealed IS NOT NULL"
        )
        for clinic, entry_id, token, kind, sealed in rows:
            opened = sealers[clinic].open_values(entry_id, token, kind, sealed)
            found |= _readable(json.dumps(opened.values).encode(), deep=False)
        for clinic, token, sealed in db.execute("SELECT clinic_id, token, sealed FROM indelible_person"):
            found |= _readable(json.dumps(sealers[clinic].open_person(token, sealed)).encode(), deep=False)
    return found


# Guessing an address


@dataclass(frozen=True, slots=True)
class Target:
    """A commitment to an address of C's that stays in a body, with what a copy of before still has of its group.

    `values` are the group's paths and canonical values in their order; `at` is the place of the address among them.
    """

    origin: str
    entry_id: str
    seed: bytes
    address: str
    values: tuple[tuple[str, bytes], ...]
    at: int
    committed: str


def _target(log: ClinicLog, mine: set[bytes]) -> Target:
    """Any entry with an address of C's."""
    for view in log.read():
        address = view.values.get(_IP_PATH)
        if isinstance(address, str) and address.encode() in mine:
            body = entry.decode(log.store.one(log.info.id, view.seq).body)
            group = next(one for one in body.groups if _IP_PATH in one.paths)
            entry_id, token = bytes.fromhex(body.id.replace("-", "")), bytes.fromhex(body.tokens[group.owner])
            for row in log.store.personal(log.info.id, [view.seq]):
                if (row.token, row.personal_class) == (token, "network"):
                    opened = log.sealer.open_values(entry_id, token, "network", row.sealed)
                    values = tuple((path, encode_checked(opened.values[path])) for path in group.paths)
                    at = group.paths.index(_IP_PATH)
                    return Target(log.info.origin, body.id, opened.seed, address, values, at, group.commitment)
    raise LookupError("no address of C's was planted")


def _guessed(target: Target, seed: bytes) -> tuple[list[str], float]:
    """Try every address of the network under a seed, all else of the group known; return those that fit, and how many
    were tried in a second."""
    committer = Committer(target.origin, target.entry_id)
    leaves = commitment.leaves(seed, target.values)
    salt = commitment.salts(seed, len(leaves))[target.at]
    first, found, started = int(_NETWORK[0]), [], time.perf_counter()
    for number in range(first, first + _NETWORK.num_addresses):
        text = b'"%d.%d.%d.%d"' % (number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255)
        leaves[target.at] = commitment.leaf(salt, _IP_PATH, text)
        if committer.commit("network", leaves) == target.committed:
            found.append(text.decode().strip('"'))
    return found, _NETWORK.num_addresses / (time.perf_counter() - started)


def _seed_is_there(target: Target, candidates: set[bytes], files: list[bytes]) -> tuple[bool, int]:
    """Whether any 32 bytes of the files, or any of the candidates, opens the commitment to the true values."""
    committer = Committer(target.origin, target.entry_id)

    def opens(seed: bytes) -> bool:
        return committer.commit("network", commitment.leaves(seed, target.values)) == target.committed

    tried = 0
    for seed in candidates:
        tried += 1
        if len(seed) == 32 and opens(seed):
            return True, tried
    for data in files:
        for at in range(len(data) - 31):
            seed = data[at : at + 32]
            if seed.count(0) > 16:
                continue  # an empty page; a random seed has so many zero bytes once in 2^90
            tried += 1
            if opens(seed):
                return True, tried
    return False, tried


# One round


def _bodies(database: Path) -> list[Any]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return db.execute("SELECT seq, body, leaf_hash FROM indelible_entry ORDER BY seq").fetchall()


def _digests(values: set[bytes], files: list[bytes]) -> set[bytes]:
    """Bare digests of values and files, in the spellings that a body could have them in."""
    plain = [*values, *(b'"%b"' % value for value in values), *files]
    made = {getattr(hashlib, name)(one).digest() for one in plain for name in ("md5", "sha1", "sha256", "sha512")}
    return {
        text
        for one in made
        for text in (one.hex().encode(), b64encode(one).rstrip(b"="), urlsafe_b64encode(one).rstrip(b"="))
    }


def _members(path: Path) -> list[bytes]:

    with zipfile.ZipFile(path) as archive:
        return [path.read_bytes(), *(archive.read(name) for name in archive.namelist())]


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code. A round is a log of its own."""
    started, code = time.monotonic(), 0
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder, seeded(seed * 1_000 + number):
            problems = _round(Path(folder), random.Random(f"{seed}/{number}"), number)
        for problem in problems:
            print(f"privacy: round {number}, seed {seed}: {problem}")
        code |= bool(problems)
    print(f"privacy: {rounds} rounds, seed {seed}: {'see above' if code else 'nothing of C was recovered'} "
          f"({time.monotonic() - started:.0f} s)")  # fmt: skip
    return code


def _round(folder: Path, chance: random.Random, number: int) -> list[str]:
    planted = Planted(chance)
    c = f"cli_{planted.mark()}"
    database, out = folder / "files" / "activity.db", folder / "exports"
    database.parent.mkdir()
    out.mkdir()
    problems: list[str] = []

    def check(holds: object, problem: str) -> None:
        if not holds:
            problems.append(problem)

    with Journal.create(database, installation="log.example.org") as journal:
        log = journal.add_clinic(CLINIC, name="Lisbon", zone="Europe/Lisbon")
        _plant(log, c, planted)
        check(planted.named <= planted.mine, "a name of C's belongs to somebody else")
        export_bundle(log, f"client:{c}", out / "c.zip", actor=BY)
        export_complete(log, out / "complete.zip", actor=BY)
        asked = _ask(log, c)
        signed = log.checkpoint()
        assert signed is not None
        prover = merkle.Prover(leaf for _, leaf in log.store.leaves(CLINIC, 0, signed.size))
        proofs = [(seq, leaf, prover.inclusion(seq - 1)) for seq, _, leaf in _bodies(database) if seq <= signed.size]
        target = _target(log, planted.mine)
        before, old = _attack(database, c), _bodies(database)
        check(
            planted.mine <= before.values,
            f"before, the attack misses {len(planted.mine - before.values)} values of C's",
        )
        check(before.lookup and target.seed in before.seeds, "before, the attack finds neither look-up value nor seed")
        done = log.anonymize(c, requested_by="client", actor=BY)
        check(done.wiped, "the write-ahead log was not wiped")
        vkey = Verifier.decode(log.info.vkey)
        report = inspect(log)
        check(report.result == "intact", f"verification: {report.findings or report.doubts}")
        new = _bodies(database)
        mine = [one for one in planted.keys if one.encode() in planted.mine]
        with log.store.snapshot(CLINIC) as snapshot:
            hmacs = sum(snapshot.seq_of_key(log.sealer.find("key", one)) is not None for one in mine)
        after = _attack(database, c)  # while the log is open, with the files as they are
    closed = _attack(database, c)
    for loot, when in ((after, "open"), (closed, "closed")):
        check(not loot.values & planted.mine, f"log {when}: recovered {len(loot.values & planted.mine)} values of C's")
        check(
            planted.others <= loot.values, f"log {when}: {len(planted.others - loot.values)} values of others are gone"
        )
        check(planted.kept <= loot.values, "evidence of C's is gone, which is kept")
        check(not loot.lookup, "a look-up value of C's is still there")
        check(target.seed not in loot.seeds, "the seed of C's address is still there")
    check(new[: len(old)] == old, "a body changed")
    for name in ("c.zip", "complete.zip"):
        with (out / name).open("rb") as file:
            check(verify_bundle(file, vkey).result == "intact", f"{name} does not verify any more")
    for seq, leaf, path in proofs:
        merkle.check_inclusion(seq - 1, signed.size, leaf, path, signed.root)
    text = b"\n".join(body for _, body, _ in new)
    files = [one for name in ("c.zip", "complete.zip") for one in _members(out / name)]
    digests = _digests(planted.mine | planted.kept, files)
    check(not [one for one in digests if one in text], "a body has the bare digest of a value or of an exported file")
    with_seed, rate = _guessed(target, target.seed)
    without, _ = _guessed(target, bytes(32))
    check(with_seed == [target.address] and not without, "guessing an address went otherwise than it should")
    raw = [path.read_bytes() for path in (*files_of(database), database.with_name(f"{database.name}.key"))]
    there, tried = _seed_is_there(target, closed.seeds, raw)
    check(not there, "32 bytes in the files open a commitment of C's")
    check(_seed_is_there(target, before.seeds, [])[0], "before, the seed was not found in the files either")
    print(
        f"privacy: round {number}: {len(new)} entries of {len(registered())} actions; C owned {len(planted.mine)} "
        f"values in {len(planted.fields)} fields, others {len(planted.others)}; before, the attack got "
        f"{len(before.values & planted.mine)} of C's, after {len(closed.values & planted.mine)}, and "
        f"{len(closed.values & planted.others)} of others'; {asked} filters that name C were recorded\n"
        f"  kept by design: {len(planted.kept)} evidence values of C's; and HMACs with which "
        f"whoever has the lookup key can confirm a guess of {hmacs} of C's idempotency keys\n"
        f"  guessing the IP address behind a kept commitment, {_NETWORK} tried whole ({_NETWORK.num_addresses:,} "
        f"addresses): with the seed of a copy of before {len(with_seed)} found, at {rate:,.0f}/s, so all 2^32 in "
        f"{2**32 / rate / 3600:.1f} h on one core; without it 0, since each guess needs a salt of 32 random bytes\n"
        f"  with the true address known, {tried:,} strings of 32 bytes out of the files tried as the seed: none fits\n"
        f"  {len(proofs)} inclusion proofs, 2 bundles and every body of before: unchanged, and they verify"
    )
    return problems
