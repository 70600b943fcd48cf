"""The privacy campaign: what somebody gets of anonymized clients who has the master key, the keep and the database of
now, and every earlier copy of the database, of its write-ahead log and of its backups: nothing.

A log gets entries of every action of the catalogue, and of one that a host declares, with a mark of its own in every
personal field and every name (`planted.py`). Three clients are anonymized one after another; one of them in every role
that a person can have, with bundles made and readings and exports recorded by filters that name them, and one who comes
back, of whom records come late. Before and after each erasure, in the middle of it, and while entries are written, the
files are copied as they lie on the disk. With all of these copies and today's keep and master key the attacker

    reads every byte, as it is, as UTF-16, hexadecimal and base64
    computes every key that the keep still gives, by the formulas alone, and opens with it every row of every copy
    computes the tokens that a guessed id comes to, and tries the true device and network of each sign-in on every link,
    with the key of everybody there is
    looks for every node of the key tree above a key that was cut out, in every file and in what the keep's files hold
    tries likely IP addresses on the commitments that stay, with every key there is and every 32 bytes of the keep

and gets nothing of theirs that anonymizing is to erase, and all of everybody else's out of each copy; with the keep of
before, the same attack gets all. No nonce comes twice under one key, in any of the copies. What stays by design (Stripe
ids, HMACs of idempotency keys, that somebody of an id was erased) is counted and printed. While only one was erased,
whoever guesses the id knows which token that was; of more, not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import re
import shutil
import sqlite3
import tempfile
import time
import zipfile
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.erasure.conftest import Attacker

from indelible.catalogue import device, recognition, registered
from indelible.export.bundling import export_bundle, export_complete
from indelible.format import commitment, entry
from indelible.format.canonical import encode_checked
from indelible.format.commitment import Committer
from indelible.journal import Journal
from indelible.keep import keys
from indelible.keep.folder import Keep, Kept
from indelible.keep.keytree import LEVELS, Cover, point
from indelible.keep.personal import split
from indelible.log import ClinicLog
from indelible.manage.inspection import inspect
from indelible.manage.lifetime import backup
from indelible.proof import merkle
from indelible.proof.note import Verifier
from indelible.proof.verify import verify_bundle
from indelible.record.document import parse

from .material import seeded
from .planted import ADDRESS, BY, MARK, NETWORK, Planted, ask, drafts

CLINIC = "c_lisbon"
_HEX_RUN, _BASE64_RUN = re.compile(rb"[0-9A-Fa-f]{32,}"), re.compile(rb"[A-Za-z0-9+/_-]{20,}")
_IP_PATH = "request.ip"
# Drafts between two copies that are taken while entries are written.
_COPY_EVERY = 900


# What the attacker has


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of the database's files, and what of others' values was in it."""

    database: Path
    others: frozenset[bytes]


class Copies:
    """Copies of a journal's database and write-ahead log as they lie on the disk, and of its keep beside them."""

    def __init__(self, journal: Journal, folder: Path, planted: Planted) -> None:
        self._journal, self._folder, self._planted = journal, folder, planted
        self.made = list[Copy]()
        self.logs = 0

    def take(self) -> None:
        """Copy the files as they are at this moment."""
        folder = self._next()
        database = self._journal.places.database
        for path in (database, database.with_name(f"{database.name}-wal")):
            if path.exists():
                shutil.copy2(path, folder / path.name)
                self.logs += path != database and path.stat().st_size > 0
        self._made(folder / database.name)

    def back_up(self) -> None:
        folder = self._next()
        backup(self._journal, folder / "activity.db")
        self._made(folder / "activity.db")

    def keep_of(self, number: int) -> Path:
        """The keep as it was at a copy, which the attacker does not have: to show what they would get with it."""
        return self._folder / f"keep-{number}"

    def _next(self) -> Path:
        folder = self._folder / f"copy-{len(self.made)}"
        folder.mkdir()
        shutil.copytree(self._journal.places.keep, self.keep_of(len(self.made)))
        return folder

    def _made(self, database: Path) -> None:
        self.made.append(Copy(database, frozenset(self._planted.others | self._planted.kept)))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


# The attack


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
    return {mark for one in spellings for pattern in (MARK, ADDRESS) for mark in pattern.findall(one)}


def _opened(attacker: Attacker, database: Path) -> set[bytes]:
    """What the attacker opens in one copy, which stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        for path in _files(database.parent):
            if path.name.startswith(database.name) and not path.name.endswith(("-shm", ".key")):
                shutil.copy2(path, folder)
        plain = b"\n".join(attacker.opened(Path(folder) / database.name))
    return _readable(plain, deep=False)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What stands beside a sign-in: whose it is, its links, and what a person who knows them would try."""

    token: bytes
    links: tuple[tuple[str, bytes], ...]
    marks: tuple[tuple[str, str], ...]


def _sign_ins(log: ClinicLog) -> list[SignIn]:
    """Every sign-in with its links, and the true device and network, while they can be opened."""
    found = []
    with closing(sqlite3.connect(log.shared.places.database)) as db:
        for view in log.read("action:account.logged_in"):
            rows = db.execute("SELECT kind, ref FROM indelible_link WHERE seq = ? AND kind LIKE '.%'", (view.seq,))
            person = recognition.person(view.members)
            if person is not None:
                token = bytes.fromhex(view.members["tokens"][person])
                found.append(SignIn(token, tuple(rows), tuple(recognition.marks(view.values))))
    return found


def _recognised(cover: Cover, tokens: set[bytes], sign_ins: list[SignIn]) -> set[bytes]:
    """Whose sign-ins are told by their true device or network, with the keys of all of these people."""
    person_keys = [key for token in tokens if (key := cover.key(point("person", token)))]
    found = set()
    for one in sign_ins:
        for kind, text in one.marks:
            for key in person_keys:
                first, second = (hmac.digest(key, tried.encode(), "sha256")[:8] for tried in (kind, f"{kind}\0{text}"))
                if any(ref[:8] == first or ref[8:] == second for _, ref in one.links):
                    found.add(one.token)
    return found


def _sealed(database: Path) -> Iterator[tuple[object, bytes]]:
    """Everything that is sealed in one copy, with what tells its key from others."""
    with closing(sqlite3.connect(database)) as db:
        nobodies = dict(db.execute("SELECT clinic, nobody FROM indelible_clinic"))
        for clinic, token, sealed in db.execute("SELECT clinic, token, sealed FROM indelible_person"):
            yield (clinic, "row", token), sealed
        for clinic, entry_id, body, sealed in db.execute("SELECT clinic, id, body, sealed FROM indelible_entry"):
            tokens = json.loads(body)["tokens"]
            month = time.gmtime(int.from_bytes(entry_id[:6], "big") // 1000)[:2]
            for owner, name, data in split(sealed):
                yield (clinic, nobodies[clinic] if name == "evidence" else 0, tokens[owner], name, month), data
        for (wrapped,) in db.execute("SELECT wrapped FROM indelible_key"):
            yield "master key", wrapped[1:]


def _nonces(copies: list[Path], keeps: list[Path]) -> tuple[int, int]:
    """How many different bytes were sealed in all copies, and how many of them with a nonce that their key had had."""
    seen: dict[tuple[object, bytes], bytes] = {}
    twice = 0
    every: list[tuple[object, bytes]] = []
    for database in copies:
        with tempfile.TemporaryDirectory() as folder:
            for path in database.parent.glob(f"{database.name}*"):
                if path.is_file() and not path.name.endswith("-shm"):
                    shutil.copy2(path, folder)
            every += _sealed(Path(folder) / database.name)
    for keep in keeps:
        every += [("master key", path.read_bytes().partition(b"\n")[2]) for path in sorted(keep.glob("*.cover"))]
    for key, sealed in every:
        before = seen.setdefault((key, sealed[:12]), sealed)
        twice += before != sealed
    return len(seen), twice


# The key tree


def _way(root: bytes, to: int) -> list[bytes]:
    """Every node of the tree above a point, and its key, from the root's child on: by the formula alone."""
    way, node = list[bytes](), root
    for level in range(LEVELS):
        node = hashlib.sha256(bytes([to >> 2 * (LEVELS - 1 - level) & 3]) + node).digest()
        way.append(node)
    return [root, *way, hashlib.sha256(b"\x04" + node).digest()]


def _cut_out(first: Kept, dead: set[int]) -> set[bytes]:
    """Every node that must be nowhere any more, of the tree as it was when it was made, and the dead keys."""
    (root,) = (first.cover.encode()[9:],)
    return {node for one in dead for node in _way(root, one)}


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
    token: bytes


def _target(log: ClinicLog, mine: set[bytes]) -> Target:
    """Any entry with an address of C's."""
    for view in log.read():
        address = view.values.get(_IP_PATH)
        if isinstance(address, str) and address.encode() in mine:
            found = next(log.rows.entries(view.seq - 1, view.seq))
            body = entry.decode(found.body)
            group = next(one for one in body.groups if _IP_PATH in one.paths)
            entry_id, token = bytes.fromhex(body.id.replace("-", "")), bytes.fromhex(body.tokens[group.owner])
            for owner, name, data in split(found.sealed):
                if (owner, name) == (group.owner, "network"):
                    opened = log.sealer.open_values(entry_id, token, name, data, group.paths)
                    values = tuple((path, encode_checked(opened.values[path])) for path in group.paths)
                    at = group.paths.index(_IP_PATH)
                    return Target(log.clinic.origin, body.id, opened.seed, address, values, at, group.commitment, token)
    raise LookupError("no address of C's was planted")


def _guessed(target: Target, seed: bytes) -> tuple[list[str], float]:
    """Try every address of the network under a seed, all else of the group known; return those that fit, and how many
    were tried in a second."""
    committer = Committer(target.origin, target.entry_id)
    leaves = commitment.leaves(seed, target.values)
    salt = commitment.salts(seed, len(leaves))[target.at]
    first, found, started = int(NETWORK[0]), [], time.perf_counter()
    for number in range(first, first + NETWORK.num_addresses):
        text = b'"%d.%d.%d.%d"' % (number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255)
        leaves[target.at] = commitment.leaf(salt, _IP_PATH, text)
        if committer.commit("network", leaves) == target.committed:
            found.append(text.decode().strip('"'))
    return found, NETWORK.num_addresses / (time.perf_counter() - started)


def _seed_is_there(target: Target, candidates: set[bytes], files: list[bytes]) -> tuple[bool, int]:
    """Whether any 32 bytes of the files, or any of the candidates, opens the commitment to the true values."""
    committer = Committer(target.origin, target.entry_id)

    def opens(seed: bytes) -> bool:
        return committer.commit("network", commitment.leaves(seed, target.values)) == target.committed

    tried = 0
    for seed in candidates:
        tried += 1
        if opens(seed):
            return True, tried
    for data in files:
        for at in range(len(data) - 31):
            tried += 1
            if opens(data[at : at + 32]):
                return True, tried
    return False, tried


def _candidates(cover: Cover, tokens: set[bytes], target: Target) -> set[bytes]:
    """What the seed would be if the person's key were any that there is: of everybody, of nobody, any node, zeros."""
    entry_id = bytes.fromhex(target.entry_id.replace("-", ""))
    month = time.strftime("%Y-%m", time.gmtime(int.from_bytes(entry_id[:6], "big") // 1000))
    period = cover.key(point("period", f"network\0{month}".encode()))
    assert period is not None
    records = cover.encode()
    masters = [records[at + 9 : at + 41] for at in range(0, len(records), 41)] + [bytes(32)]
    masters += [key for token in tokens if (key := cover.key(point("person", token)))]
    secrets = {hmac.digest(key, period + target.token + b"network", "sha256") for key in masters}
    return {hmac.digest(secret, entry_id, "sha256") for secret in secrets} | secrets | set(masters)


# One round


def _bodies(database: Path) -> list[tuple[int, bytes]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return db.execute("SELECT seq, body FROM indelible_entry ORDER BY seq").fetchall()


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
            problems = Round(Path(folder), random.Random(f"{seed}/{number}"), number).run()
        for problem in problems:
            print(f"privacy: round {number}, seed {seed}: {problem}")
        code |= bool(problems)
    print(f"privacy: {rounds} rounds, seed {seed}: {'see above' if code else 'nothing of the erased was recovered'} "
          f"({time.monotonic() - started:.0f} s)")  # fmt: skip
    return code


class Round:
    """One log, from its first entry to the attack."""

    def __init__(self, folder: Path, chance: random.Random, number: int) -> None:
        self.number, self.chance = number, chance
        self.database, self.out = folder / "files" / "activity.db", folder / "exports"
        for path in (self.database.parent, self.out, folder / "copies"):
            path.mkdir()
        self.copied = folder / "copies"
        self.planted = Planted(chance, {})
        self.c, self.back, self.last = (f"cli_{self.planted.mark()}" for _ in range(3))
        self.planted.mine = {one: {MARK.findall(one.encode())[0]} for one in (self.c, self.back, self.last)}
        self.problems: list[str] = []
        self.dead = set[int]()
        self.gone = set[bytes]()  # the tokens of who was erased
        self.sign_ins = list[SignIn]()

    def check(self, holds: object, problem: str) -> None:
        if not holds:
            self.problems.append(problem)

    def run(self) -> list[str]:
        """Do it all and return what is wrong."""
        planted = self.planted
        with Journal.create(self.database, installation="log.example.org") as journal:
            log = journal.add_clinic(CLINIC, name="Lisbon", zone="Europe/Lisbon")
            first = journal.kept(log.clinic)
            copies = Copies(journal, self.copied, planted)
            self.plant(log, copies)
            export_bundle(log, f"client:{self.c}", self.out / "c.zip", actor=BY)
            export_complete(log, self.out / "complete.zip", actor=BY)
            asked = ask(log, self.c)
            self.sign_ins += _sign_ins(log)
            signed = log.checkpoint()
            assert signed is not None
            old = _bodies(self.database)
            prover = merkle.Prover(merkle.leaf_hash(body) for _, body in old[: signed.size])
            proofs = [(seq, merkle.leaf_hash(body), prover.inclusion(seq - 1)) for seq, body in old[: signed.size]]
            target = _target(log, planted.mine[self.c] - planted.others)
            copies.back_up()
            whole = len(copies.made) - 1
            self.erase(log, self.c, copies)
            copies.back_up()
            log.scrub()
            copies.take()
            self.erase(log, self.last, copies)
            report = inspect(log)
            self.check(report.result == "intact", f"verification: {report.findings or report.doubts}")
            new = _bodies(self.database)
            hmacs = self.confirmed(log)
            self.attack(log, copies, first, "open")
            kept = journal.kept(log.clinic)
            vkey, nobody = Verifier.decode(log.clinic.vkey), log.clinic.nobody
        with Journal(self.database) as journal:
            self.attack(journal.clinic(), None, first, "closed")
        before = self.before(copies, whole)
        self.check(new[: len(old)] == old, "a body changed")
        for name in ("c.zip", "complete.zip"):
            with (self.out / name).open("rb") as file:
                self.check(verify_bundle(file, vkey).result == "intact", f"{name} does not verify any more")
        for seq, leaf, path in proofs:
            merkle.check_inclusion(seq - 1, signed.size, leaf, path, signed.root)
        text = b"\n".join(body for _, body in new)
        files = [one for name in ("c.zip", "complete.zip") for one in _members(self.out / name)]
        digests = _digests(planted.erased | planted.kept, files)
        self.check(not [one for one in digests if one in text], "a body has the bare digest of a value or of a file")
        with_seed, rate = _guessed(target, target.seed)
        without, _ = _guessed(target, bytes(32))
        self.check(with_seed == [target.address] and not without, "guessing an address went otherwise than it should")
        tokens = {bytes.fromhex(token) for _, body in new for token in json.loads(body)["tokens"]}
        candidates = _candidates(kept.cover, tokens | {nobody}, target)
        raw = [path.read_bytes() for path in _files(self.database.parent / "activity.db.keep")]
        there, tried = _seed_is_there(target, candidates, [*raw, kept.cover.encode()])
        self.check(not there, "a key that is left, or 32 bytes of the keep, open a commitment of C's")
        sealed, twice = _nonces(
            [one.database for one in copies.made] + [self.database],
            [copies.keep_of(number) for number in range(len(copies.made))]
            + [self.database.parent / "activity.db.keep"],
        )
        self.check(not twice, f"{twice} nonces came twice under one key")
        print(
            f"privacy: round {self.number}: {len(new)} entries of {len(registered())} actions; the three who were "
            f"erased owned {len(planted.erased)} values in {len(planted.fields)} fields, others {len(planted.others)}; "
            f"with the keep of before the attack got {before} of theirs\n"
            f"  {len(copies.made)} earlier copies, {copies.logs} with a write-ahead log; {asked} filters that name C\n"
            f"  {sealed:,} sealings in all copies, no nonce twice under a key; {len(self.sign_ins)} sign-ins, those of "
            "the erased recognised by nothing\n"
            f"  kept by design: {len(planted.kept)} evidence values of theirs; HMACs with which whoever has the lookup "
            f"key can confirm a guess of {hmacs} of their idempotency keys; that somebody of an id was erased, and not "
            f"which of the {len(self.gone)}\n"
            f"  guessing the IP address behind a kept commitment, {NETWORK} tried whole ({NETWORK.num_addresses:,} "
            f"addresses): with the seed of before {len(with_seed)} found, at {rate:,.0f}/s, so all 2^32 in "
            f"{2**32 / rate / 3600:.1f} h on one core; without it 0, since each guess needs a salt of 32 random bytes\n"
            f"  with the true address known, {tried:,} keys and strings of the keep tried as the seed: none fits\n"
            f"  {len(proofs)} inclusion proofs, 2 bundles and every body of before: unchanged, and they verify"
        )
        return self.problems

    def plant(self, log: ClinicLog, copies: Copies) -> None:
        """Write it all, with copies meanwhile; one client is erased in between, comes back, and is met late."""
        waiting = list(drafts(log, self.planted, self.c, [self.back, self.last]))
        for number, start in enumerate(range(0, len(waiting), 100)):
            some = waiting[start : start + 100]
            log.append(some)
            for draft in some:
                self.planted.take(draft)
            if number and start % _COPY_EVERY == 0:
                copies.take()
        self.check(self.planted.named <= self.planted.erased, "a name of C's belongs to somebody else")
        self.sign_in(log, self.back)
        self.sign_ins += [one for one in _sign_ins(log) if one.token in self.tokens(log, self.back)]
        self.erase(log, self.back, copies)
        for document in self.later(self.back, "2020-01-01T09:00:00Z"):
            draft = log.draft(parse(document))
            (late,) = log.append([draft])
            self.check(getattr(late, "left_out", ()), "a late record left nothing out")
            self.planted.take(draft)  # which is to be found nowhere
        known = self.planted.mine.pop(self.back)
        for document in self.later(self.back, None):
            draft = log.draft(parse({**document, "returned": True}))
            log.append([draft])
            self.planted.take(draft)  # of somebody new
        self.planted.mine[self.back] = known - self.planted.others  # the id is that of somebody who is there
        for who in (self.c, f"cli_{self.planted.mark()}"):
            self.sign_in(log, who)

    def later(self, who: str, occurred_at: str | None) -> Iterator[dict[str, Any]]:
        for _ in range(5):
            made: dict[str, Any] = {
                "action": "booking.cancelled",
                "actor": {"kind": "staff", "id": "usr_9"},
                "target": {"kind": "booking", "id": "bk_1"},
                "client": {"id": who, "name": self.planted.mark()},
                "context": {"late": True},
                "key": self.planted.mark(),
            }
            yield made if occurred_at is None else made | {"occurred_at": occurred_at}

    def sign_in(self, log: ClinicLog, who: str) -> None:
        """Sign a client in, twice with a phone that has words for it."""
        for agent in ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Safari/604.1", f"Mozilla/5.0 (Windows) {who}"):
            assert device.words(agent)
            document = {
                "action": "account.logged_in",
                "actor": {"kind": "client", "id": who, "name": self.planted.mark()},
                "target": {"kind": "client", "id": who},
                "request": {"channel": "client_app", "ip": self.planted.address(), "user_agent": agent},
            }
            draft = log.draft(parse(document))
            log.append([draft])
            self.planted.take(draft)

    def tokens(self, log: ClinicLog, who: str) -> set[bytes]:
        """The token of a client, before they are erased."""
        return {token} if (token := log.sealer.token("client", who, 0)) else set()

    def erase(self, log: ClinicLog, who: str, copies: Copies) -> None:
        """Anonymize a client; copies are taken before it, between its commit and the replacement of the keep, after."""
        (token,) = self.tokens(log, who)
        (row,) = log.rows.persons([token])
        self.dead |= log.sealer.points(token, row.sealed)
        self.gone.add(token)
        self.check(len(self.dead) == 2 * len(self.gone), "two points of a client were not found")
        copies.take()
        cut_out: Callable[[int | None], int] = log._cut_out

        def between(behind: int | None) -> int:
            if behind is not None:
                copies.take()
            return cut_out(behind)

        with patch.object(log, "_cut_out", between):
            done = log.anonymize(who, requested_by="client", actor=BY)
        self.check(not done.unfinished and not done.older_copy, "the answer names files or a copy that are not there")
        copies.take()

    def confirmed(self, log: ClinicLog) -> int:
        """How many idempotency keys of the erased whoever has the look-up key can confirm."""
        mine = [one for one in self.planted.keys if one.encode() in self.planted.erased]
        return len(log.rows.seqs("key", [log.sealer.find("key", one) for one in mine]))

    def before(self, copies: Copies, whole: int) -> int:
        """The same attack with the keep of before the erasure of C gets all of theirs who were there then."""
        attacker = Attacker(self.database, copies.keep_of(whole), self.key)
        opened = _opened(attacker, copies.made[whole].database)
        wanted = (self.planted.mine[self.c] | self.planted.mine[self.last]) - self.planted.others
        self.check(wanted <= opened, f"before, the attack misses {len(wanted - opened)} values")
        kept = attacker.keep.read(self.origin)
        assert kept is not None
        told = _recognised(kept.cover, {one.token for one in self.sign_ins}, self.sign_ins)
        self.check(told & self.gone, "before, the attack recognises no sign-in")
        self.check(len(told) < len({one.token for one in self.sign_ins}), "who was erased first was recognised then")
        return len(opened & self.planted.erased)

    @property
    def key(self) -> Path:
        return self.database.with_name("activity.db.key")

    def attack(self, log: ClinicLog, copies: Copies | None, first: Kept, when: str) -> None:
        """Everything, with the files of now, and with all copies where they are given."""
        self.origin = log.clinic.origin
        erased, places = self.planted.erased, log.shared.places
        attacker = Attacker(self.database, places.keep, self.key)
        made = [] if copies is None else copies.made
        every = [*_files(self.database.parent), *(path for one in made for path in _files(one.database.parent))]
        nodes = _cut_out(first, self.dead)
        for path in every:
            data = path.read_bytes()
            found = _readable(data) & erased
            self.check(not found, f"log {when}: {path.name} has {len(found)} values of the erased as they are")
            lost = [node for node in nodes if node in data or node.hex().encode() in data]
            self.check(not lost, f"log {when}: {path.name} has a node above a key that was cut out")
        for one in [*made, Copy(self.database, frozenset(self.planted.others | self.planted.kept))]:
            opened = _opened(attacker, one.database)
            where = f"log {when}, {one.database.parent.name}"
            self.check(not opened & erased, f"{where}: {len(opened & erased)} values of the erased were recovered")
            self.check(one.others <= opened, f"{where}: {len(one.others - opened)} values of others are gone")
        self._guess(log, attacker, when)
        self._look_into(log, places.keep, nodes, when)

    def _guess(self, log: ClinicLog, attacker: Attacker, when: str) -> None:
        kept = attacker.keep.read(self.origin)
        assert kept is not None
        bodies = _bodies(self.database)
        tokens = {bytes.fromhex(token) for _, body in bodies for token in json.loads(body)["tokens"]}
        for who in self.planted.mine:
            guessed = attacker.guessed(who)
            self.check(not {token for _, token in guessed} & self.gone, f"log {when}: an id leads to who was erased")
            self.check(0 not in {n for n, _ in guessed}, "that somebody of an id was erased is not told")
            self.check(
                bool({token for _, token in guessed} & tokens) == (who == self.back), "who came back is not told by id"
            )
        self.check(self.gone <= tokens, "the token of who was erased is not in a body any more")
        told = _recognised(kept.cover, tokens | {log.clinic.nobody}, self.sign_ins)
        theirs = {one.token for one in self.sign_ins if one.marks} - self.gone
        self.check(not told & self.gone, f"log {when}: a sign-in of somebody erased is recognised")
        self.check(theirs and theirs <= told, "the sign-ins of others are not recognised")

    def _look_into(self, log: ClinicLog, folder: Path, nodes: set[bytes], when: str) -> None:
        """What the files of the keep hold: one cover, and no node above a point that was cut out."""
        files = [path for path in _files(folder) if path.name != "heads"]
        self.check([path.suffix for path in files] == [".cover", ".lock"], f"log {when}: a file is left in the keep")
        kept = Keep(folder, keys.load(None, self.key)).read(self.origin)
        assert kept is not None
        records = kept.cover.encode()
        self.check(not [node for node in nodes if node in records], f"log {when}: the cover has a node that is cut out")
        for at in range(0, len(records), 41):
            position, width = int.from_bytes(records[at + 1 : at + 9], "big"), 1 << 2 * (LEVELS - records[at])
            below = [one for one in self.dead if position <= one < position + width]
            self.check(not below, f"log {when}: a record of the cover is above a point that was cut out")
