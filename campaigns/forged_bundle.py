"""Changes to bundles, by somebody who does not hold the log's signing key; each returns what has to come of it.

A change is a function of a random source and of `Bundles`: it edits `files`, the content of one bundle by name, or sets
`raw`, the bytes of the zip. What it may return is said in `hands.py`. A bundle that is no bundle any more, so
that the verifier refuses it by MalformedProof, counts as found.

`BUNDLE` maps the name of each kind to its function and its share of the changes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.proof.archive.conftest import COMMANDS, command_of, unpacked
from tests.verify.conftest import CLINIC

from indelible.errors import MalformedProof
from indelible.format import commitment, entry
from indelible.journal import Journal
from indelible.proof import bundle, checkpoint, merkle
from indelible.proof.bundle import Statement
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.note import Signer, Verifier
from indelible.proof.verify import verify_bundle
from indelible.testing.bundles import pack, unpack

from .forged_values import erasing
from .hands import FOUND, NOTHING, REFUSED, ByDesign, Expected, changed
from .material import BUNDLES

# Of a class that the bundle gives nothing of, nobody is shown a value either way.
# A deflate stream may spell its end or its blocks in another way; every program takes the same bytes out of it.
SAME = ByDesign("a bit of a zip that changes nothing in what anybody unpacks")
KEYLESS = ByDesign("a bundle that is checked without the clinic's key: could not tell, and it says so")
MINE = tuple(name for name in BUNDLES if name != "porto")
_LINES = ("entries.jsonl", "proofs.jsonl", "erasures.jsonl", "entries.csv")
_JSON = ("bundle.json", "rendering.json", "export.json", "range.json")


class Bundles:
    """The bundles of the material, and one of them in hand: `name`, its `files`, or `raw` bytes where they are set."""

    def __init__(self, folder: Path) -> None:
        self.packed = {name: (folder / f"{name}.zip").read_bytes() for name in BUNDLES}
        self.every = {name: unpack(data) for name, data in self.packed.items()}
        with Journal(folder / "activity.db") as journal:
            self.key = Verifier.decode(journal.clinic(CLINIC).clinic.vkey)
        self.restore()

    def restore(self) -> None:
        self.name, self.files, self.raw = "", dict[str, bytes](), b""
        self.verifier: Verifier | None = self.key

    def take(self, rng: random.Random, *names: str) -> dict[str, bytes]:
        """Take one of these bundles in hand, by default any of the log's; return a copy of its files."""
        self.name = rng.choice(names or MINE)
        self.files = dict(self.every[self.name])
        return self.files

    def changed(self) -> Expected:
        """FOUND, or None where the content came out as it was."""
        return None if self.files == self.every[self.name] else FOUND

    def data(self) -> bytes:
        return self.raw or pack(self.files)


def verified(bundles: Bundles) -> set[str]:
    """The verdicts on the bundle in hand; nothing where it is intact."""
    try:
        report = verify_bundle(io.BytesIO(bundles.data()), bundles.verifier)
    except MalformedProof:
        return {"refused: MalformedProof"}
    if report.result == "not_intact":
        return {finding.verdict for finding in report.findings}
    if report.result != "intact":
        return {"could not tell"}
    _check_unpacked(bundles)
    return set()


def _check_unpacked(bundles: Bundles) -> None:
    """What passes: every program that is here takes the same files out of it, those that were written."""
    expected = bundles.every[bundles.name] if bundles.raw else bundles.files
    with tempfile.TemporaryDirectory() as folder:
        for program in COMMANDS:
            command = command_of(program)
            if command is not None and unpacked(command, bundles.data(), Path(folder)) != expected:
                raise RuntimeError(f"a bundle that passes is unpacked otherwise by {program}")


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)  # bytes: at LF, CR and CRLF only; a row of the CSV ends with CRLF


def _rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def _table(rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


# Any file


def flipped(rng: random.Random, bundles: Bundles) -> Expected:
    """Flip a bit, or take away or put in a byte, in any file."""
    files = bundles.take(rng)
    name = rng.choice(sorted(files))
    data = bytearray(files[name])
    at = rng.randrange(len(data)) if data else 0
    what = rng.random()
    if what < 0.7 and data:
        data[at] ^= 1 << rng.randrange(8)
    elif what < 0.85 and data:
        del data[at]
    else:
        data.insert(at, rng.randrange(256))
    files[name] = bytes(data)
    return bundles.changed()


def member(rng: random.Random, bundles: Bundles) -> Expected:
    """Change one member of a JSON text, of a line, or of the body in it, and write it canonically again."""
    files = bundles.take(rng)
    name = rng.choice([name for name in (*_JSON, *_LINES[:3]) if files.get(name)])
    lines = _lines(files[name])
    at = rng.randrange(len(lines))
    value = json.loads(lines[at])
    if isinstance(value, dict) and "body" in value and rng.random() < 0.5:
        new = changed(rng, json.loads(value["body"]))
        value["body"] = _dump(new).decode()
        if "leaf" in value and rng.random() < 0.7:
            value["leaf"] = commitment.encode(merkle.leaf_hash(value["body"].encode()))
    else:
        value = changed(rng, value)
    lines[at] = _dump(value) + (b"\n" if lines[at].endswith(b"\n") else b"")
    files[name] = b"".join(lines)
    return bundles.changed()


def moved_lines(rng: random.Random, bundles: Bundles) -> Expected:
    """Drop, double, exchange or move a line of any file of lines."""
    files = bundles.take(rng)
    name = rng.choice([name for name in _LINES if files.get(name)])
    lines = _lines(files[name])
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.choice(["drop", "double", "exchange", "move"])
    if what == "drop":
        del lines[one]
    elif what == "double":
        lines.insert(two, lines[one])
    elif what == "exchange":
        lines[one], lines[two] = lines[two], lines[one]
    else:
        lines.insert(two, lines.pop(one))
    files[name] = b"".join(lines)
    return bundles.changed()


# Values


def _openings(
    rng: random.Random, files: dict[str, bytes]
) -> tuple[list[bytes], int, dict[str, Any], dict[str, Any], str]:
    """The lines, which of them is taken, what it says, a group in it and a path that this opens."""
    lines = _lines(files["entries.jsonl"])
    at = rng.choice([n for n, line in enumerate(lines) if _given(json.loads(line))])
    value = json.loads(lines[at])
    given = rng.choice(_given(value))
    return lines, at, value, given, rng.choice(sorted(given["openings"]))


def _given(line: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of a line that open something."""
    return [group for group in line["groups"] if group["openings"]]


def opening(rng: random.Random, bundles: Bundles) -> Expected:
    """Drop an opening or a group, change a leaf, a value or a salt, give it another path, or take another entry's."""
    files = bundles.take(rng)
    lines, at, value, given, path = _openings(rng, files)
    openings = given["openings"]
    what = rng.choice(["drop", "group", "leaf", "place", "value", "salt", "path", "other"])
    if what == "group":
        value["groups"].remove(given)
    elif what == "leaf":
        given["leaves"][rng.randrange(len(given["leaves"]))] = commitment.encode(rng.randbytes(32))
    elif what == "place":
        given["group"] = rng.randrange(9)
        value["groups"].sort(key=lambda one: one["group"])
    elif what == "drop":
        del openings[path]
    elif what == "value":
        openings[path]["value"] = changed(rng, openings[path]["value"])
    elif what == "salt":
        openings[path]["salt"] = commitment.encode(rng.randbytes(32))
    elif what == "path":
        openings[rng.choice(["actor.name", "context.reason_text", "x"])] = openings.pop(path)
    else:
        others = [one["openings"] for one in json.loads(rng.choice(lines))["groups"] if path in one["openings"]]
        openings[path] = others[0][path] if others else openings[path]
    lines[at] = _dump(value) + b"\n"
    files["entries.jsonl"] = b"".join(lines)
    _seal_at_times(rng, bundles)
    return bundles.changed()


def recommitted(rng: random.Random, bundles: Bundles) -> Expected:
    """Change an opened value, and make its leaf, commitment, body and leaf hash fit it."""
    files = bundles.take(rng)
    lines, at, value, given, path = _openings(rng, files)
    opened = given["openings"][path]
    opened["value"] = "Somebody Else"
    members = json.loads(value["body"])
    group = members["personal"][given["group"]]
    leaf = commitment.leaf(commitment.decode(opened["salt"]), path, _dump(opened["value"]))
    given["leaves"][group["paths"].index(path)] = commitment.encode(leaf)
    committer = commitment.Committer(Statement.decode(files["bundle.json"]).log_origin, members["id"])
    group["commitment"] = committer.commit(group["class"], map(commitment.decode, given["leaves"]))
    value["body"] = _dump(members).decode()
    value["leaf"] = commitment.encode(merkle.leaf_hash(value["body"].encode()))
    lines[at] = _dump(value) + b"\n"
    files["entries.jsonl"] = b"".join(lines)
    _seal_at_times(rng, bundles)
    return FOUND


def _seal_at_times(rng: random.Random, bundles: Bundles) -> None:
    if rng.random() < 0.5:
        _seal_anew(bundles)


def _seal_anew(bundles: Bundles) -> None:
    """Make export.json's seals those of the files that are there, as if they had been exported so."""
    files = bundles.files
    nonce = Statement.decode(bundles.every[bundles.name]["bundle.json"]).nonce
    export = json.loads(files["export.json"])
    members = json.loads(export["body"])
    for name in bundle.SEALED:
        members["context"]["files"][name] = bundle.seal(nonce, hashlib.sha256(files[name]).digest())
    export["body"] = _dump(members).decode()
    files["export.json"] = _dump(export) + b"\n"


# Erasures


def _seq(line: bytes) -> int:
    return int(json.loads(line)["seq"])


def forged_erasure(rng: random.Random, bundles: Bundles) -> Expected:
    """Keep back a person's openings, and put an entry into erasures.jsonl that accounts for it: made up, or bent."""
    files = bundles.take(rng, "selection", "complete", "range", "later")
    lines = [json.loads(line) for line in _lines(files["entries.jsonl"])]
    tokens = sorted({t for line in lines if _given(line) for t in json.loads(line["body"])["tokens"]})
    token = rng.choice(tokens)
    dropped = 0
    for line in lines:
        members = json.loads(line["body"])
        for place, group in enumerate(members["personal"]):
            if members["tokens"][group["owner"]] == token and group["class"] != "evidence":
                left = [one for one in line["groups"] if one["group"] != place]
                dropped += len(left) < len(line["groups"])
                line["groups"] = left
    if not dropped:
        return None
    files["entries.jsonl"] = b"".join(_dump(line) + b"\n" for line in lines)
    real = _lines(files["erasures.jsonl"])
    if real and rng.random() < 0.5:
        proven = json.loads(rng.choice(real))
        members = json.loads(proven["body"])
        members["tokens"][members["erases"]["person"]] = token
        members["erases"]["up_to_seq"] = members["seq"] - 1
    else:
        proven = json.loads(files["export.json"])
        like = json.loads(proven["body"])
        members = {name: like[name] for name in like if name in entry._REQUIRED}
        members |= erasing(bytes.fromhex(token), like["seq"])
    proven["body"] = _dump(members).decode()
    forged = [*real, _dump(proven) + b"\n"]
    files["erasures.jsonl"] = b"".join(sorted(forged, key=lambda line: _seq(bytes(line))))
    _seal_at_times(rng, bundles)
    return FOUND


def erasure_taken_out(rng: random.Random, bundles: Bundles) -> Expected:
    """Take out an entry that accounts for erased values, or put another bundle's erasures in."""
    files = bundles.take(rng, "selection", "complete", "range", "withheld")
    real = _lines(files["erasures.jsonl"])
    if rng.random() < 0.5 and real:
        del real[rng.randrange(len(real))]
        files["erasures.jsonl"] = b"".join(real)
    else:
        files["erasures.jsonl"] = bundles.every[rng.choice(["porto", "later", "complete"])]["erasures.jsonl"]
    return bundles.changed()


# Rows and tables


def row_removed(rng: random.Random, bundles: Bundles) -> Expected:
    """Remove a row from entries, table, proofs and counts alike; at times with the seals made anew."""
    files = bundles.take(rng)
    lines, rows = _lines(files["entries.jsonl"]), _rows(files["entries.csv"])
    complete = "range.json" in files
    at = rng.choice([0, len(lines) - 1, rng.randrange(len(lines))])
    seq = json.loads(lines.pop(at))["seq"]
    del rows[at + 1]
    files["entries.jsonl"], files["entries.csv"] = b"".join(lines), _table(rows)
    statement = json.loads(files["bundle.json"])
    statement["rows"] -= 1
    if complete:
        if seq == statement["first_seq"]:
            statement["first_seq"] += 1
        elif seq == statement["last_seq"]:
            statement["last_seq"] -= 1
    else:
        proofs = _lines(files["proofs.jsonl"])
        del proofs[at]
        files["proofs.jsonl"] = b"".join(proofs)
    if rng.random() < 0.8:
        files["bundle.json"] = _dump(statement)
    _seal_at_times(rng, bundles)
    return FOUND


def row_added(rng: random.Random, bundles: Bundles) -> Expected:
    """Add a row of another bundle, with its proof, in its place by time, to entries, table, proofs and counts."""
    files = bundles.take(rng, "selection", "range", "withheld")
    source = bundles.every["complete"]
    here = {json.loads(line)["seq"] for line in _lines(files["entries.jsonl"])}
    others, cells = _lines(source["entries.jsonl"]), _rows(source["entries.csv"])
    at = rng.choice([n for n, line in enumerate(others) if json.loads(line)["seq"] not in here])
    lines, rows = _lines(files["entries.jsonl"]), _rows(files["entries.csv"])
    place = rng.randrange(len(lines) + 1)
    lines.insert(place, others[at])
    rows.insert(place + 1, cells[at + 1])
    files["entries.jsonl"], files["entries.csv"] = b"".join(lines), _table(rows)
    if "proofs.jsonl" in files:
        proofs = _lines(files["proofs.jsonl"])
        proofs.insert(place, rng.choice(proofs))
        files["proofs.jsonl"] = b"".join(proofs)
    statement = json.loads(files["bundle.json"])
    statement["rows"] += 1
    files["bundle.json"] = _dump(statement)
    _seal_at_times(rng, bundles)
    return FOUND


def table_cell(rng: random.Random, bundles: Bundles) -> Expected:
    """Change a cell, a column's name or the order of two columns of the table."""
    files = bundles.take(rng)
    rows = _rows(files["entries.csv"])
    line, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    if rng.random() < 0.8:
        rows[line][column] = rng.choice(["", rows[line][column] + "0", "=1+1", "12.50"])
    else:
        for row in rows:
            row[column], row[column - 1] = row[column - 1], row[column]
    files["entries.csv"] = _table(rows)
    _seal_at_times(rng, bundles)
    return bundles.changed()


def wording(rng: random.Random, bundles: Bundles) -> Expected:
    """Change a label, a category, a sign, a device's words or a currency's digits, and the table with it."""
    files = bundles.take(rng)
    text, table = files["rendering.json"].decode(), files["entries.csv"].decode()
    words = rng.choice([("Cancelled reservation", "Confirmed reservation"), ('"out"', '"in"'), ('"EUR":2', '"EUR":3'),
                        ("bookings", "payments"), ("iPhone", "Windows")])  # fmt: skip
    files["rendering.json"] = text.replace(*words).encode()
    files["entries.csv"] = table.replace(*words).encode()
    _seal_at_times(rng, bundles)
    return bundles.changed()


def statement(rng: random.Random, bundles: Bundles) -> Expected:
    """Change the range, the filter, what is given, the zone, the origin or the kind in bundle.json."""
    files = bundles.take(rng)
    said = json.loads(files["bundle.json"])
    what = rng.choice(["first_seq", "last_seq", "rows", "filter", "given", "time_zone", "log_origin", "kind", "nonce"])
    changes: dict[str, Any] = {
        "filter": "category:payments",
        "given": [] if said["given"] else ["identity"],
        "time_zone": "Asia/Tokyo",
        "log_origin": "log.example.org/c/00",
        "kind": "selection" if said["kind"] == "complete" else "complete",
        "nonce": commitment.encode(rng.randbytes(32)),
    }
    said[what] = changes[what] if what in changes else max(0, said[what] + rng.choice([-1, 1, 5]))
    files["bundle.json"] = _dump(said)
    if what == "kind" and rng.random() < 0.5:
        for name in ("range.json", "proofs.jsonl"):
            files.pop(name, None)
        name = "proofs.jsonl" if said["kind"] == "selection" else "range.json"
        files[name] = bundles.every["selection" if name == "proofs.jsonl" else "complete"][name]
    _seal_at_times(rng, bundles)
    return bundles.changed()


def readme(rng: random.Random, bundles: Bundles) -> Expected:
    """Change a word of the README, or replace it."""
    files = bundles.take(rng)
    words = files["README.txt"].split(b" ")
    words[rng.randrange(len(words))] = b"anything"
    files["README.txt"] = b" ".join(words)
    return bundles.changed()


# Other bundles, other keys


def mixed(rng: random.Random, bundles: Bundles) -> Expected:
    """Put some files of another bundle in the place of this one's."""
    files = bundles.take(rng)
    other = bundles.every[rng.choice([name for name in BUNDLES if name != bundles.name])]
    names = sorted(files.keys() & other.keys())
    for name in rng.sample(names, rng.choice([1, 1, 1, 2, 3, len(names) - 1])):
        files[name] = other[name]
    # The files that came out may be those of another real bundle, whole.
    whole = any(files == made for name, made in bundles.every.items() if name != "porto")
    return None if whole else bundles.changed()


def other_log(rng: random.Random, bundles: Bundles) -> Expected:
    """Hand over another log's bundle, at times with this log's key.txt."""
    files = bundles.take(rng, "porto")
    if rng.random() < 0.5:
        files["key.txt"] = bundles.every["complete"]["key.txt"]
    return FOUND


def resigned(rng: random.Random, bundles: Bundles) -> Expected:
    """Edit an entry of a complete bundle, rebuild the tree, and sign it with a key of one's own, which goes inside."""
    files = bundles.take(rng, "complete")
    said = Statement.decode(files["bundle.json"])
    lines = [json.loads(line) for line in _lines(files["entries.jsonl"])]
    victim = rng.choice(lines)
    members = json.loads(victim["body"])
    members["operation"] = "forged"
    victim["body"] = _dump(members).decode()
    for line in lines:
        line["leaf"] = commitment.encode(merkle.leaf_hash(line["body"].encode()))
    files["entries.jsonl"] = b"".join(_dump(line) + b"\n" for line in lines)
    _seal_anew(bundles)
    export = json.loads(files["export.json"])
    leaves = {line["seq"]: commitment.decode(line["leaf"]) for line in lines}
    leaves[export["seq"]] = merkle.leaf_hash(export["body"].encode())
    if sorted(leaves) != list(range(1, len(leaves) + 1)):
        return None
    prover = merkle.Prover(leaves[seq] for seq in sorted(leaves))
    export["path"] = [commitment.encode(one) for one in prover.inclusion(export["seq"] - 1)]
    files["export.json"] = _dump(export) + b"\n"
    sides = prover.range(said.first_seq - 1, said.last_seq)
    files["range.json"] = bundle.encode_range(sides.left, sides.right)
    erasures = []
    for line in _lines(files["erasures.jsonl"]):
        proven = json.loads(line)
        proven["path"] = [commitment.encode(one) for one in prover.inclusion(proven["seq"] - 1)]
        erasures.append(_dump(proven) + b"\n")
    files["erasures.jsonl"] = b"".join(erasures)
    signer = Signer(said.log_origin, rng.randbytes(32))
    files["checkpoint"] = checkpoint.sign(Checkpoint(said.log_origin, len(leaves), prover.root()), signer)
    files["key.txt"] = signer.verifier.encode().encode() + b"\n"
    return FOUND


def resigned_keyless(rng: random.Random, bundles: Bundles) -> Expected:
    """The same, for an auditor who has no key to compare."""
    bundles.verifier = None
    return KEYLESS if resigned(rng, bundles) else None


# The zip itself


def members_of_zip(rng: random.Random, bundles: Bundles) -> Expected:
    """Add a file to the zip, take one out, rename one, or put one in twice."""
    files = bundles.take(rng)
    name = rng.choice(sorted(files))
    what = rng.choice(["add", "remove", "rename", "twice", "folder"])
    if what == "add":
        files[rng.choice(["notes.txt", "entries.jsonl.bak", "../key.txt", "proofs.jsonl", "range.json"])] = b"x"
    elif what == "remove":
        del files[name]
    elif what == "rename":
        files[rng.choice([name.upper(), f"./{name}", f"x/{name}"])] = files.pop(name)
    else:
        out = io.BytesIO(pack(files))
        with zipfile.ZipFile(out, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of the second file of a name
            archive.writestr(name if what == "twice" else f"{name}/", rng.choice([b"", b"x", files[name]]))
        bundles.raw = out.getvalue()
        return REFUSED
    return bundles.changed()


def cut_zip(rng: random.Random, bundles: Bundles) -> Expected:
    """Cut the zip short, or flip a bit of it. Where its content still reads as it was, nothing may be reported."""
    bundles.take(rng)
    data = bytearray(bundles.packed[bundles.name])
    if rng.random() < 0.3:
        del data[rng.randrange(len(data)) :]
    else:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    bundles.raw = bytes(data) or b"\x00"
    try:
        same = unpack(bundles.raw) == bundles.every[bundles.name]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError, KeyError):
        return FOUND
    return SAME if same else FOUND


def repacked(rng: random.Random, bundles: Bundles) -> Expected:
    """Pack the same files otherwise, in another order or with other headers: no bundle, because two programs may
    read such a zip in two ways.
    """
    files = bundles.take(rng)
    names = sorted(files)
    rng.shuffle(names)
    out = io.BytesIO()
    with zipfile.ZipFile(
        out, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
    ) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (rng.randint(1980, 2100), 1, 1, 0, 0, 0)), files[name])
    bundles.raw = out.getvalue()
    return FOUND


def beside(rng: random.Random, bundles: Bundles) -> Expected:
    """Put another zip or a few bytes before the bundle, or behind it, where another program may show them instead."""
    bundles.take(rng)
    good = bundles.packed[bundles.name]
    other = rng.choice([*bundles.packed.values(), rng.randbytes(rng.randint(1, 9))])
    bundles.raw = rng.choice([other + good, good + rng.randbytes(rng.randint(1, 9))])
    return FOUND


def unchanged(rng: random.Random, bundles: Bundles) -> Expected:
    """Hand the bundle over as it is."""
    bundles.take(rng)
    bundles.raw = bundles.packed[bundles.name]
    return NOTHING


BUNDLE: dict[str, tuple[Callable[[random.Random, Bundles], Expected], int]] = {
    "a byte of any file": (flipped, 20),
    "a JSON member, canonical again": (member, 20),
    "lines dropped, doubled, moved": (moved_lines, 12),
    "opening dropped, altered, exchanged": (opening, 10),
    "value altered with its commitment": (recommitted, 4),
    "forged erasure for kept-back values": (forged_erasure, 6),
    "erasure taken out or another's": (erasure_taken_out, 3),
    "row removed everywhere": (row_removed, 6),
    "row added everywhere": (row_added, 4),
    "cell of the table": (table_cell, 5),
    "wording changed, table with it": (wording, 3),
    "range, filter or kind changed": (statement, 5),
    "README": (readme, 2),
    "files of another bundle": (mixed, 8),
    "another log's bundle": (other_log, 1),
    "rebuilt and signed with another key": (resigned, 3),
    "the same, checked without a key": (resigned_keyless, 1),
    "zip: members added, removed, twice": (members_of_zip, 4),
    "zip: cut or a bit flipped": (cut_zip, 5),
    "zip: something before or behind it": (beside, 3),
    "zip: the same files packed otherwise": (repacked, 3),
    "no change: as it is": (unchanged, 1),
}
