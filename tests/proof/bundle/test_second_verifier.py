"""Two verifiers that share no line, one of them written from the text alone, say the same of a bundle."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from indelible import Staff
from indelible.export.bundling import export_bundle, export_complete
from indelible.testing.bundles import pack

FOLDER = Path(__file__).resolve().parents[3]
VECTORS = json.loads((FOLDER / "docs/spec/vectors/entry-v1.json").read_bytes())
KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
ALL = ("evidence", "identity", "network")
Files = dict[str, bytes]


def spell(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=")


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def tree(leaves: list[bytes]) -> bytes:
    """The root of RFC 6962, as its definition says."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", tree(leaves[:half]), tree(leaves[half:]))


def path(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*path(leaves[:half], index), tree(leaves[half:])]
    return [*path(leaves[half:], index - half), tree(leaves[:half])]


def lines(files: Files, name: str = "entries.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[name].decode().split("\n")[:-1]]


def put(files: Files, values: list[Any], name: str = "entries.jsonl") -> None:
    files[name] = b"".join(spell(value) + b"\n" for value in values)


def state(files: Files, **members: Any) -> None:
    files["bundle.json"] = spell(json.loads(files["bundle.json"]) | members)


def resigned(files: Files, keep: Callable[[dict[str, Any]], None] = lambda context: None) -> str:
    """Make a whole-log bundle anew as the log's keeper could, with a key of its own; return the key.

    Seals, leaves, proofs and checkpoint fit what the files now hold. `keep` changes the context of log.exported.
    """
    origin = json.loads(files["bundle.json"])["log_origin"]
    export = json.loads(files["export.json"])
    body, nonce = json.loads(export["body"]), base64.urlsafe_b64decode(json.loads(files["bundle.json"])["nonce"] + "=")
    entries = lines(files)
    for entry in entries:
        entry["leaf"] = b64(sha(b"\0", entry["body"].encode()))
    put(files, entries)
    for name in body["context"]["files"]:
        body["context"]["files"][name] = b64(hmac.digest(nonce, sha(files[name]), "sha256"))
    keep(body)
    by_seq = {entry["seq"]: entry["body"] for entry in entries} | {export["seq"]: spell(body).decode()}
    leaves = [sha(b"\0", by_seq[seq].encode()) for seq in sorted(by_seq)]
    for name, proven in (("export.json", [export]), ("erasures.jsonl", lines(files, "erasures.jsonl"))):
        made = [
            {"body": by_seq[each["seq"]], "path": [b64(one) for one in path(leaves, each["seq"] - 1)]}
            for each in proven
        ]
        put(files, [new | {"seq": old["seq"]} for new, old in zip(made, proven, strict=True)], name)
    files["range.json"] = spell({"left": [], "right": [b64(leaves[-1])]})
    return signed(files, f"{origin}\n{len(leaves)}\n{base64.b64encode(tree(leaves)).decode()}\n")


def signed(files: Files, text: str) -> str:
    """Put a checkpoint of this text into the files, signed with KEY, and its key; return the key."""
    name, key = text.split("\n")[0], b"\1" + KEY.public_key().public_bytes_raw()
    key_id = sha(name.encode(), b"\n", key)[:4]
    signature = base64.b64encode(key_id + KEY.sign(text.encode())).decode()
    files["checkpoint"] = f"{text}\n\u2014 {name} {signature}\n".encode()
    vkey = f"{name}+{key_id.hex()}+{base64.b64encode(key).decode()}"
    files["key.txt"] = f"{vkey}\n".encode()
    return vkey


def same(verdicts: Any, files: Files, vkey: str | None) -> dict[str, Any]:
    one, two = verdicts(pack(files), vkey)
    assert one.keys() == two.keys(), (one, two)
    if "refused" in one:
        return {"verdicts": {"refused"}}
    kinds = [{verdict for verdict, _, _ in each["findings"]} for each in (one, two)]
    assert (kinds[0], one["erased"], one["withheld"]) == (kinds[1], two["erased"], two["withheld"]), (one, two)
    return dict(two) | {"verdicts": kinds[1]}


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("", {}),
        ("client:cli_78", {}),
        ("target:nothing_of_this_id", {}),
        (None, {}),
        (None, {"first_seq": 3, "last_seq": 11}),
        (None, {"first_seq": 1, "last_seq": 8}),
        (None, {"first_seq": 19}),
    ],
    ids=["everything", "one client", "empty selection", "whole log", "middle", "beginning", "end"],
)
def test_both_find_nothing_in_an_intact_bundle(varied, tmp_path, verdicts, words, options):
    file, actor = tmp_path / "bundle.zip", Staff("u")
    for given in (ALL, ("identity",), ()):
        if words is None:
            export_complete(varied, file, actor=actor, given=given, **options)
        else:
            export_bundle(varied, words, file, actor=actor, given=given)
        for vkey in (varied.clinic.vkey, None):
            one, two = verdicts(file.read_bytes(), vkey)
            assert one == two
            assert two["findings"] == []
        file.unlink()


def test_the_log_has_what_the_verifiers_are_to_agree_on(made, verdicts):
    files, vkey = made("whole")
    bodies = [json.loads(line["body"]) for line in lines(files)]
    assert same(verdicts, files, vkey)["erased"]
    assert any(body.get("imported") for body in bodies)
    assert any(body.get("cut") for body in bodies)
    assert "-1250," in files["entries.csv"].decode() and "-0.005," in files["entries.csv"].decode()
    assert ",'=Rui" not in files["entries.csv"].decode() and ",''=1," in files["entries.csv"].decode()


@pytest.mark.parametrize("case", VECTORS["refused"], ids=[case["reason"] for case in VECTORS["refused"]])
def test_the_second_refuses_the_bodies_that_nobody_may_read(second_verifier, case):
    body = bytes.fromhex(case["body_hex"])
    assert second_verifier["read_body"](body.decode("utf-8", "surrogateescape")) is None


@pytest.mark.parametrize("case", VECTORS["bodies"], ids=[case["name"] for case in VECTORS["bodies"]])
def test_the_second_reads_the_bodies_of_the_vectors(second_verifier, case):
    assert second_verifier["read_body"](case["body"] if isinstance(case["body"], str) else
                                        bytes.fromhex(case["body_hex"]).decode()) is not None  # fmt: skip


def at(files: Files, index: int, change: Callable[[Any], Any], name: str = "entries.jsonl") -> None:
    """Change one line of a file of lines."""
    values = lines(files, name)
    change(values[index])
    put(files, values, name)


def body(change: Callable[[dict[str, Any]], Any], leaf: bool = False) -> Callable[[dict[str, Any]], None]:
    """Change the body in a line, and with `leaf` the leaf hash along with it."""

    def changed(line: dict[str, Any]) -> None:
        value = json.loads(line["body"])
        change(value)
        line["body"] = spell(value).decode()
        if leaf:
            line["leaf"] = b64(sha(b"\0", line["body"].encode()))

    return changed


def without(files: Files, index: int, name: str = "entries.jsonl") -> None:
    """Take a line out, and in a selection its proof."""
    for each in (name, "proofs.jsonl") if name == "entries.jsonl" and "proofs.jsonl" in files else (name,):
        rows = files[each].split(b"\n")
        del rows[index]
        files[each] = b"\n".join(rows)


def twice(files: Files, index: int = 0) -> None:
    for each in ("entries.jsonl", "proofs.jsonl") if "proofs.jsonl" in files else ("entries.jsonl",):
        rows = files[each].split(b"\n")
        files[each] = b"\n".join([*rows[: index + 1], *rows[index:]])


def swap(files: Files, name: str) -> None:
    rows = files[name].split(b"\n")
    files[name] = b"\n".join([rows[1], rows[0], *rows[2:]])


def cells(files: Files, old: str, new: str) -> None:
    assert old in files["entries.csv"].decode()
    files["entries.csv"] = files["entries.csv"].decode().replace(old, new, 1).encode()


def csv_rows(files: Files, change: Callable[[list[bytes]], Any]) -> None:
    rows = files["entries.csv"].split(b"\r\n")
    change(rows)
    files["entries.csv"] = b"\r\n".join(rows)


def some(files: Files, test: Callable[[dict[str, Any]], Any]) -> int:
    """The index of the first line whose body fits."""
    return next(index for index, line in enumerate(lines(files)) if test(json.loads(line["body"])))


def opened(files: Files, path: str = "actor.name") -> int:
    return next(index for index, line in enumerate(lines(files)) if group_with(line, path))


def group_with(line: dict[str, Any], path: str) -> Any:
    """The given group of a line that opens a path, or None."""
    return next((group for group in line["groups"] if path in group["openings"]), None)


def group(path: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda line: change(group_with(line, path))


def opening(path: str, **members: Any) -> Callable[[dict[str, Any]], None]:
    return group(path, lambda given: given["openings"][path].update(members))


def forget(path: str) -> Callable[[dict[str, Any]], Any]:
    return group(path, lambda given: given["openings"].pop(path))


def json_file(files: Files, name: str, change: Callable[[Any], Any], end: bytes = b"") -> None:
    value = json.loads(files[name])
    change(value)
    files[name] = spell(value) + end


def replace(files: Files, name: str, old: bytes, new: bytes) -> None:
    assert old in files[name]
    files[name] = files[name].replace(old, new, 1)


HERE, EPOCH, MOMENT = "America/St_Johns", "1970-01-01T00:00:00.000000Z", "2026-05-03T23:30:00.000000Z"
ELSEWHERE = "2026-05-04T05:15:00.000000+05:45"
OTHER = b"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n"
SALT = b64(b"\3" * 32)
W, S, M = "whole", "selection", "middle"


def restore(files: Files) -> None:
    """Open a value that was erased, with whatever salt and leaves."""

    def change(line: dict[str, Any]) -> None:
        made = json.loads(line["body"])
        place = next(n for n, each in enumerate(made["personal"]) if "client.name" in each["paths"])
        given = {"group": place, "leaves": [SALT] * len(made["personal"][place]["paths"]),
                 "openings": {"client.name": {"salt": SALT, "value": "Ana Sousa"}}}  # fmt: skip
        line["groups"] = sorted([*line["groups"], given], key=lambda each: each["group"])

    at(files, some(files, lambda b: b.get("imported")), change)


def recommit(files: Files, index: int, path: str, value: Any) -> None:
    """Let an entry have been recorded with another value at a path."""
    origin = json.loads(files["bundle.json"])["log_origin"]

    def changed(line: dict[str, Any]) -> None:
        made = json.loads(line["body"])
        place, each = next((n, each) for n, each in enumerate(made["personal"]) if path in each["paths"])
        given = next((one for one in line["groups"] if one["group"] == place), None)
        if given is None:
            given = {"group": place, "leaves": [SALT] * len(each["paths"]), "openings": {}}
            line["groups"] = sorted([*line["groups"], given], key=lambda one: one["group"])
        leaf = hashlib.sha256(framed(b"\3" * 32, path.encode(), spell(value))).digest()
        given["leaves"][each["paths"].index(path)] = b64(leaf)
        given["openings"][path] = {"salt": SALT, "value": value}
        start = framed(origin.encode(), made["id"].encode(), each["class"].encode())
        leaves = b"".join(map(unb64, given["leaves"]))
        each["commitment"] = b64(sha(b"indelible/personal/v1\0", start + leaves))
        line["body"] = spell(made).decode()

    at(files, index, changed)


def reopened(files: Files) -> None:
    """Let an erased value have been recorded as another, and open it."""
    recommit(files, some(files, lambda b: b.get("imported")), "client.name", "Ana")
    files["entries.csv"] = files["entries.csv"].replace(b",bk_12,,,,", b",bk_12,,,Ana,")


def context(files: Files, action: str, **members: Any) -> None:
    """Let the first entry of an action have been recorded with other members in its context."""
    at(files, some(files, lambda b: b["action"] == action), body(lambda b: b["context"].update(members)))


def member(files: Files, action: str = "booking.created", /, **members: Any) -> None:
    """Let the first entry of an action have been recorded with other members."""
    at(files, some(files, lambda b: b["action"] == action), body(lambda b: b.update(members)))


_FIRST, _NOT_THERE = ({"kind": "staff", "person": person} for person in (0, 9))


def acting(files: Files, **members: Any) -> None:
    """Let the first entry of an agent have been recorded with other members of its actor; None leaves one out."""

    def change(body: dict[str, Any]) -> None:
        actor = body["actor"] | members
        if "person" in members and "kind" in members:
            actor = members
        body["actor"] = {name: value for name, value in actor.items() if value is not None}

    at(files, some(files, lambda b: b["actor"]["kind"] == "agent"), body(change))


def named(files: Files, value: Any, path: str = "actor.name") -> None:
    recommit(files, opened(files, path), path, value)


def erases(files: Files, **members: Any) -> None:
    at(files, some(files, lambda b: "erases" in b), body(lambda b: b["erases"].update(members)))


def clocks(files: Files, zone: str, table: Any, *, only: bool = False) -> None:
    """Let the exporter have had other offsets for a zone."""

    def changed(rendering: dict[str, Any]) -> None:
        rendering["offsets"] = ({} if only else rendering["offsets"]) | {zone: table}

    json_file(files, "rendering.json", changed)


def both(first: Callable[[Files], Any], second: Callable[[Files], Any]) -> Callable[[Files], Any]:
    def changed(files: Files) -> None:
        first(files)
        second(files)

    return changed


def hostile_action(files: Files) -> None:
    member(files, action="=cmd")
    words = {"category": "-a", "label": HOSTILE, "money": "out"}
    json_file(files, "rendering.json", lambda rendering: rendering["actions"].update({"=cmd": words}))


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels > 1 else []


def rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Files], Any]:
    return lambda files: files.update({name: change(files[name])})


def rendering(change: Callable[[Any], Any]) -> Callable[[Files], Any]:
    return lambda files: json_file(files, "rendering.json", change)


def ranged(change: Callable[[Any], Any]) -> Callable[[Files], Any]:
    return lambda files: json_file(files, "range.json", change)


def line(change: Callable[[Any], Any], name: str = "entries.jsonl") -> Callable[[Files], Any]:
    return lambda files: at(files, 0, change, name)


def value(change: Callable[[Any], Any]) -> Callable[[Files], Any]:
    return lambda files: at(files, opened(files), change)


def resign_alone(files: Files) -> None:
    signed(files, files["checkpoint"].decode().split("\n\n")[0] + "\n")


def root(files: Files) -> bytes:
    return files["checkpoint"].split(b"\n")[2]


HOSTILE = "''''\uff20 \r\n\t\",\u2028\x7f"

# What somebody without the log's key can do to a file: in words, the bundle, a verdict that both give, the change.
CHANGES: list[tuple[str, str, str, Callable[[Files], Any]]] = [
    ("text of README.txt", W, "edited", lambda f: replace(f, "README.txt", b"Lisbon", b"Porto")),
    ("filter of bundle.json", S, "edited", lambda f: state(f, filter="category:payments")),
    ("clinic of bundle.json", W, "edited", lambda f: state(f, clinic_name="Porto")),
    ("nonce", W, "edited", lambda f: state(f, nonce=SALT)),
    ("origin", W, "unsigned", lambda f: state(f, log_origin="log.example.org/c/another")),
    ("fewer rows", S, "added", lambda f: state(f, rows=2)),
    ("more rows", S, "removed", lambda f: state(f, rows=99)),
    ("more rows, complete", W, "removed", lambda f: state(f, rows=99)),
    ("rows is text", W, "refused", lambda f: state(f, rows="20")),
    ("a member too many", W, "refused", lambda f: state(f, more="")),
    ("given out of order", W, "refused", lambda f: state(f, given=["network", "identity"])),
    ("given twice", W, "refused", lambda f: state(f, given=["network", "network"])),
    ("less given", W, "edited", lambda f: state(f, given=["identity"])),
    ("another kind", W, "refused", lambda f: state(f, kind="selection")),
    ("range begins earlier", M, "removed", lambda f: state(f, first_seq=2, rows=8)),
    ("range begins later", M, "added", lambda f: state(f, first_seq=4, rows=6)),
    ("range ends later", M, "truncated", lambda f: state(f, last_seq=10, rows=8)),
    ("range ends earlier", M, "added", lambda f: state(f, last_seq=8, rows=6)),
    ("range ends beyond the tree", M, "refused", lambda f: state(f, last_seq=99, rows=97)),
    ("range ends at 2^53 - 1", M, "refused", lambda f: state(f, last_seq=2**53 - 1)),
    ("range begins at 0", M, "refused", lambda f: state(f, first_seq=0)),
    ("range ends before it begins", M, "refused", lambda f: state(f, last_seq=1, rows=0)),
    ("a selection up to 3", S, "added", lambda f: state(f, last_seq=3)),
    ("a selection beyond the export", S, "reordered", lambda f: state(f, last_seq=99)),
    ("white space", W, "refused", lambda f: replace(f, "bundle.json", b":", b": ")),
    ("LF after bundle.json", W, "refused", rewrite("bundle.json", lambda data: data + b"\n")),
    ("no LF after export.json", W, "refused", rewrite("export.json", lambda data: data[:-1])),
    ("CR LF in entries.jsonl", W, "refused", lambda f: replace(f, "entries.jsonl", b"\n", b"\r\n")),
    ("a file gone", W, "refused", lambda f: f.pop("rendering.json")),
    ("a file more", W, "refused", lambda f: f.update({"more.txt": b""})),
    ("another kind's file", W, "refused", lambda f: f.update({"proofs.jsonl": b""})),
    ("a line gone from a selection", S, "removed", lambda f: without(f, 3)),
    ("the last line gone from a selection", S, "removed", lambda f: without(f, len(lines(f)) - 1)),
    ("a line gone from the middle", M, "removed", lambda f: without(f, 3)),
    ("the newest line gone", M, "truncated", lambda f: without(f, 0)),
    ("the oldest line gone", M, "removed", lambda f: without(f, 6)),
    ("all lines gone", M, "truncated", rewrite("entries.jsonl", lambda data: b"")),
    ("a line twice", S, "added", twice),
    ("a line twice, complete", M, "added", twice),
    ("lines swapped", W, "reordered", lambda f: swap(f, "entries.jsonl")),
    ("proofs swapped", S, "edited", lambda f: swap(f, "proofs.jsonl")),
    ("a proof gone", S, "edited", lambda f: without(f, 0, "proofs.jsonl")),
    ("a proof more", S, "removed", rewrite("proofs.jsonl", lambda data: data + b"[]\n")),
    ("a proof with a hash more", S, "edited", line(lambda path: path.append(SALT), "proofs.jsonl")),
    ("a proof with a hash less", S, "edited", line(lambda path: path.pop(), "proofs.jsonl")),
    ("a proof of something else", S, "refused", lambda f: put(f, [{}] * len(lines(f)), "proofs.jsonl")),
    ("a hash of the range", M, "forked", ranged(lambda r: r["left"].__setitem__(0, SALT))),
    ("a hash more on the left", M, "forked", ranged(lambda r: r["left"].append(SALT))),
    ("a hash less on the right", M, "forked", ranged(lambda r: r["right"].pop())),
    ("a hash of 42 characters", M, "refused", ranged(lambda r: r.update(left=[SALT[1:]]))),
    ("a hash with its low bits set", M, "refused", ranged(lambda r: r.update(left=[SALT[:-1] + "N"]))),
    ("a body", S, "edited", line(body(lambda b: b.update(channel="x")))),
    ("a body, complete", M, "edited", line(body(lambda b: b.update(channel="x")))),
    ("a body with its leaf", S, "edited", line(body(lambda b: b.update(channel="x"), leaf=True))),
    ("a body with its leaf, complete", M, "forked", line(body(lambda b: b.update(channel="x"), leaf=True))),
    ("a leaf", M, "edited", line(lambda entry: entry.update(leaf=SALT))),
    ("a number in a body", M, "reordered", line(body(lambda b: b.update(seq=4), leaf=True))),
    ("a body of no version", M, "edited", line(body(lambda b: b.update(v=2), leaf=True))),
    ("a body that is no JSON", M, "edited", line(lambda entry: entry.update(body="{"))),
    ("a body that is a number", M, "refused", line(lambda entry: entry.update(body=1))),
    ("a salt", W, "altered", value(opening("actor.name", salt=SALT))),
    ("a value", W, "altered", value(opening("actor.name", value="Someone"))),
    ("a value nested too deeply", W, "refused", value(opening("actor.name", value=deep(65)))),
    ("a value gone", W, "missing", value(forget("actor.name"))),
    (
        "a value more",
        W,
        "added",
        value(group("actor.name", lambda g: g["openings"].update(x={"salt": SALT, "value": 1}))),
    ),
    (
        "an opening without salt",
        W,
        "refused",
        value(group("actor.name", lambda g: g["openings"]["actor.name"].pop("salt"))),
    ),
    ("a leaf", W, "altered", value(group("actor.name", lambda g: g["leaves"].__setitem__(0, SALT)))),
    ("a leaf gone", W, "altered", value(group("actor.name", lambda g: g["leaves"].pop()))),
    ("a leaf more", W, "altered", value(group("actor.name", lambda g: g["leaves"].append(SALT)))),
    ("leaves in another order", W, "altered", value(group("actor.name", lambda g: g["leaves"].reverse()))),
    ("leaves of another kind", W, "refused", value(group("actor.name", lambda g: g.update(leaves={})))),
    ("a group gone", W, "missing", value(lambda entry: entry["groups"].clear())),
    ("a group that is not there", W, "added", value(lambda entry: entry["groups"][-1].update(group=60))),
    ("a group twice", W, "refused", value(lambda entry: entry["groups"].append(entry["groups"][-1]))),
    ("a group before the first", W, "refused", value(group("actor.name", lambda g: g.update(group=-1)))),
    ("a group that says more", W, "refused", value(group("actor.name", lambda g: g.update(owner=0)))),
    ("a value restored", W, "restored", restore),
    ("an erasure gone", S, "missing", rewrite("erasures.jsonl", lambda data: b"")),
    ("an erasure forged", S, "added", line(body(lambda b: b["erases"].update(up_to_seq=9)), "erasures.jsonl")),
    ("an erasure that says another number", S, "added", line(lambda each: each.update(seq=2), "erasures.jsonl")),
    ("an erasure that erases nothing", S, "added", lambda f: f.update({"erasures.jsonl": f["export.json"]})),
    ("an export that is not proven", W, "added", line(body(lambda b: b.update(zone="UTC")), "export.json")),
    ("an export of no version", W, "added", line(body(lambda b: b.update(v=2)), "export.json")),
    ("two exports", W, "refused", rewrite("export.json", lambda data: data * 2)),
    ("a root", W, "unsigned", lambda f: replace(f, "checkpoint", root(f), base64.b64encode(bytes(32)))),
    ("a signature", W, "unsigned", rewrite("checkpoint", lambda data: data[:-8] + b"AAAAAA=\n")),
    ("a line more in the checkpoint", W, "unsigned", rewrite("checkpoint", lambda d: d.replace(b"\n\n", b"\nx\n\n"))),
    ("no checkpoint", W, "unsigned", rewrite("checkpoint", lambda data: b"")),
    ("a checkpoint of another key", W, "unsigned", resign_alone),
    ("a checkpoint of another key, selection", S, "unsigned", resign_alone),
    ("key.txt of another log", W, "unsigned", lambda f: f.update({"key.txt": OTHER})),
    ("key.txt is empty", W, "refused", lambda f: f.update({"key.txt": b""})),
    ("key.txt has another id", W, "refused", lambda f: replace(f, "key.txt", b"+", b"+0")),
    ("a cell", W, "edited", lambda f: cells(f, "Maria Fernandes", "Mario Fernandes")),
    ("an amount", W, "edited", lambda f: cells(f, "45.00", "4500")),
    ("a cell that is not guarded", W, "edited", lambda f: cells(f, "''=1", "'=1")),
    ("the clock of a planned time", W, "edited", lambda f: cells(f, "09:00:00.000000+02:00", "08:00:00.000000+01:00")),
    ("a column's name", W, "edited", lambda f: cells(f, "actor_id", "actor")),
    ("a row gone", W, "edited", lambda f: csv_rows(f, lambda rows: rows.pop(2))),
    ("a row twice", W, "edited", lambda f: csv_rows(f, lambda rows: rows.insert(2, rows[1]))),
    ("a row behind the last", W, "added", lambda f: csv_rows(f, lambda rows: rows.insert(-1, rows[1]))),
    ("rows swapped", W, "edited", lambda f: csv_rows(f, lambda rows: rows.insert(1, rows.pop(2)))),
    ("no table", W, "edited", rewrite("entries.csv", lambda data: b"")),
    ("a label", W, "edited", lambda f: replace(f, "rendering.json", b"Cancelled res", b"Kept res")),
    ("a sign", W, "edited", lambda f: replace(f, "rendering.json", b'"money":"out"', b'"money":"in"')),
    ("digits of a currency", W, "edited", lambda f: replace(f, "rendering.json", b'"JPY":0', b'"JPY":2')),
    ("ten digits of a currency", W, "refused", lambda f: replace(f, "rendering.json", b'"JPY":0', b'"JPY":10')),
    ("no words for an action", W, "missing", rendering(lambda r: r["actions"].pop("booking.created"))),
    ("a device", W, "edited", rendering(lambda r: r.update(devices=[]))),
    ("another offset", W, "edited", lambda f: clocks(f, HERE, [[EPOCH, 60]])),
    ("no offsets", W, "edited", rendering(lambda r: r.update(offsets={}))),
    ("offsets are none", W, "refused", rendering(lambda r: r.pop("offsets"))),
    ("offsets are a list", W, "refused", rendering(lambda r: r.update(offsets=[]))),
    ("a zone without offsets", W, "refused", lambda f: clocks(f, HERE, [])),
    ("a zone whose offsets are an object", W, "refused", lambda f: clocks(f, HERE, {EPOCH: 60})),
    ("offsets in another order", W, "refused", lambda f: clocks(f, HERE, [[MOMENT, 60], [EPOCH, 0]])),
    ("an offset twice", W, "refused", lambda f: clocks(f, HERE, [[EPOCH, 60], [EPOCH, 60]])),
    ("an offset of a day", W, "refused", lambda f: clocks(f, HERE, [[EPOCH, 1440]])),
    ("an offset that is true", W, "refused", lambda f: clocks(f, HERE, [[EPOCH, True]])),
    ("an offset since a day", W, "refused", lambda f: clocks(f, HERE, [["1970-01-01", 60]])),
    ("an offset since a number", W, "refused", lambda f: clocks(f, HERE, [[0, 60]])),
    ("an offset with more", W, "refused", lambda f: clocks(f, HERE, [[EPOCH, 60, "EST"]])),
    (
        "words for an action that are too many",
        W,
        "refused",
        rendering(lambda r: r["actions"]["booking.created"].update(times=[])),
    ),
    ("the clinic's zone", W, "edited", lambda f: state(f, time_zone="Europe/Lisbon")),
]


@pytest.mark.parametrize(
    ("kind", "verdict", "change"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
def test_both_say_the_same_of_a_changed_file(made, verdicts, kind, verdict, change):
    files, vkey = made(kind)
    change(files)
    said = same(verdicts, files, vkey)
    assert said["verdicts"] >= {verdict}


# What the keeper of the log can do, who signs it anew, so that seals and proofs fit: all that both then say.
LIES: list[tuple[str, set[str], Callable[[Files], Any]]] = [
    ("nothing", set(), lambda f: None),
    ("the sign of an amount", {"edited"}, lambda f: replace(f, "rendering.json", b'"money":"out"', b'"money":"in"')),
    ("digits of a currency", {"edited"}, lambda f: replace(f, "rendering.json", b'"JPY":0', b'"JPY":9')),
    ("a cell", {"edited"}, lambda f: cells(f, "Maria", "Mario")),
    ("a row more", {"added"}, lambda f: csv_rows(f, lambda rows: rows.insert(-1, rows[1]))),
    ("a row less", {"edited"}, lambda f: csv_rows(f, lambda rows: rows.pop(-2))),
    ("another order", {"edited", "reordered"}, lambda f: swap(f, "entries.jsonl")),
    ("rows", {"added"}, lambda f: state(f, rows=3)),
    ("an erasure of less", {"missing"}, lambda f: at(f, 2, body(lambda b: b["erases"].update(up_to_seq=1)))),
    ("an erasure of evidence", {"refused"}, lambda f: erases(f, classes=["evidence", "identity", "network"])),
    ("an erasure of nothing", {"refused"}, lambda f: erases(f, classes=[])),
    ("an erasure of what comes after it", {"refused"}, lambda f: erases(f, up_to_seq=99)),
    ("an erasure of somebody else", {"refused"}, lambda f: erases(f, person=0)),
    ("an erasure by another action", {"refused"}, lambda f: member(f, "client.anonymized", action="client.deleted")),
    ("a restored value", {"restored"}, reopened),
    ("a name that is a number", {"edited"}, lambda f: named(f, 5)),
    ("the id of who was acted for is a number", {"edited"}, lambda f: named(f, 5, "actor.on_behalf_of.id")),
    ("an agent of another name", {"edited"}, lambda f: acting(f, name="Another")),
    ("an agent that is a person", {"edited"}, lambda f: acting(f, person=0)),
    ("an agent without an id", {"edited"}, lambda f: acting(f, id=None)),
    ("acting for a person without a kind", {"edited"}, lambda f: acting(f, on_behalf_of={"person": 0})),
    ("acting for support", {"edited"}, lambda f: acting(f, on_behalf_of={"kind": "support", "person": 0})),
    ("acting for a person that is not there", {"edited"}, lambda f: acting(f, on_behalf_of=_NOT_THERE)),
    ("acting for oneself", {"edited"}, lambda f: acting(f, kind="support", person=0, on_behalf_of=_FIRST)),
    ("a client who acts for somebody", {"edited"}, lambda f: acting(f, kind="client", person=0, on_behalf_of=_FIRST)),
    ("a person that is not there", {"edited"}, lambda f: context(f, "booking.created", x={"person": 9})),
    ("an action without words", {"edited", "missing"}, lambda f: member(f, action="x")),
    ("a day that does not exist", {"edited"}, lambda f: member(f, occurred_at="2026-02-30T00:00:00.000000Z")),
    ("an hour 24", {"edited"}, lambda f: member(f, occurred_at="2026-02-20T24:00:00.000000Z")),
]


@pytest.mark.parametrize(("said", "change"), [each[1:] for each in LIES], ids=[each[0] for each in LIES])
def test_both_say_the_same_of_what_the_keeper_signs(made, verdicts, said, change):
    files, _ = made(W)
    change(files)
    vkey = resigned(files)
    assert same(verdicts, files, vkey)["verdicts"] == said


EXPORTS: list[tuple[str, set[str], Callable[[dict[str, Any]], Any]]] = [
    ("another action", {"added"}, lambda b: b.update(action="log.viewed")),
    ("a seal gone", {"edited"}, lambda b: b["context"]["files"].pop("README.txt")),
    ("a seal that is a number", {"edited"}, lambda b: b["context"]["files"].update({"README.txt": 5})),
    ("a seal of another file", set(), lambda b: b["context"]["files"].update({"other": SALT})),
    ("no seals", {"added"}, lambda b: b["context"].pop("files")),
    ("another number", {"reordered"}, lambda b: b.update(seq=99)),
]


@pytest.mark.parametrize(("said", "change"), [each[1:] for each in EXPORTS], ids=[each[0] for each in EXPORTS])
def test_both_say_the_same_of_a_record_of_export_that_the_keeper_signs(made, verdicts, said, change):
    files, _ = made(W)
    vkey = resigned(files, change)
    assert same(verdicts, files, vkey)["verdicts"] == said


# What an entry may hold: the second verifier makes the table of it, and the first must find each cell right.
ODD: list[tuple[str, Callable[[Files], Any]]] = [
    ("a negative amount out", lambda f: context(f, "charge.refunded", amount_minor=-1250)),
    ("an amount that is text", lambda f: context(f, "charge.refunded", amount_minor="1")),
    ("an amount that is true", lambda f: context(f, "charge.refunded", amount_minor=True)),
    ("the largest amount", lambda f: context(f, "charge.refunded", amount_minor=2**53 - 1)),
    ("a currency that is a number", lambda f: context(f, "charge.refunded", currency=5)),
    ("a currency of no list", lambda f: context(f, "charge.refunded", currency="=XY")),
    ("a deep person", lambda f: context(f, "service.deleted", x=[{"person": 99}])),
    ("what is nearly a thing", lambda f: context(f, "service.deleted", x={"kind": 1, "id": 2})),
    ("a deep thing", lambda f: context(f, "service.deleted", x=[{"kind": "a", "id": "b"}])),
    ("a person without an id", lambda f: context(f, "service.deleted", x={"person": 0})),
    ("a change of a thing", lambda f: context(f, "service.deleted", x={"old": {"kind": "a", "id": "b"}, "new": [1]})),
    ("half a change", lambda f: context(f, "service.deleted", x={"old": {"kind": "a", "id": "b"}})),
    ("a change with more", lambda f: context(f, "service.deleted", x={"old": 1, "new": 2, "x": {"person": 1}})),
    ("control characters", lambda f: context(f, "service.deleted", x="\0\x1f\x7f\u2028")),
    ("an empty context", lambda f: member(f, "service.edited", context={})),
    ("a thing of kind client", lambda f: member(f, "service.deleted", target={"kind": "client", "id": "c"})),
    ("a hostile channel", lambda f: member(f, channel=HOSTILE)),
    ("a hostile name", lambda f: named(f, HOSTILE)),
    ("a name that is null", lambda f: named(f, None)),
    ("an empty name", lambda f: named(f, "")),
    ("a user agent that is a number", lambda f: named(f, 5, "request.user_agent")),
    ("a hostile action", hostile_action),
    ("an offset of nearly a day", lambda f: clocks(f, HERE, [[EPOCH, -1439]])),
    ("an offset of a minute", lambda f: clocks(f, HERE, [[EPOCH, -1]])),
    (
        "an offset of nearly a day, at the end of time",
        both(
            lambda f: clocks(f, HERE, [[EPOCH, 1439]]), lambda f: member(f, occurred_at="9999-12-31T23:59:59.999999Z")
        ),
    ),
    ("offsets of another zone only", lambda f: clocks(f, "elsewhere", [[EPOCH, 60]], only=True)),
    ("offsets that begin later", lambda f: clocks(f, HERE, [["9999-01-01T00:00:00.000000Z", 60]])),
    ("a change between two instants", lambda f: clocks(f, HERE, [[EPOCH, 60], ["2026-05-03T12:00:00.000000Z", 120]])),
    ("another zone of then", lambda f: member(f, "booking.rescheduled", zone=HOSTILE)),
    ("times of no change", lambda f: context(f, "booking.rescheduled", starts_at=MOMENT)),
    ("a time on another clock", lambda f: context(f, "booking.rescheduled", starts_at=ELSEWHERE)),
    ("times in a list", lambda f: context(f, "booking.rescheduled", starts_at=[MOMENT, [ELSEWHERE], {"a": MOMENT}])),
    ("what is nearly a time", lambda f: context(f, "booking.rescheduled", starts_at="2026-02-30T00:00:00.000000Z")),
    (
        "a text that looks like a time",
        lambda f: recommit(f, opened(f, "context.reason_text"), "context.reason_text", MOMENT),
    ),
    ("the end of time", lambda f: member(f, occurred_at="9999-12-31T23:59:59.999999Z")),
]


@pytest.mark.parametrize("change", [each[1] for each in ODD], ids=[each[0] for each in ODD])
def test_both_make_the_same_table(made, verdicts, second_verifier, change):
    files, _ = made(W)
    change(files)
    order = sorted(lines(files), key=lambda e: (json.loads(e["body"])["occurred_at"], e["seq"]), reverse=True)
    put(files, order)
    zone = json.loads(files["bundle.json"])["time_zone"]
    table = second_verifier["table"](order, json.loads(files["rendering.json"]), zone)
    assert table != files["entries.csv"]
    files["entries.csv"] = table
    vkey = resigned(files)
    assert same(verdicts, files, vkey)["verdicts"] == set()


# Rules of the text that are easily forgotten.
BY_THE_TEXT: list[tuple[str, str, set[str], Callable[[Files], Any]]] = [
    ("a selection from 2", S, {"refused"}, lambda f: state(f, first_seq=2)),
    ("key.txt without LF", W, {"refused"}, rewrite("key.txt", lambda data: data[:-1])),
    ("a sign of no kind", W, {"refused"}, lambda f: replace(f, "rendering.json", b'"money":"out"', b'"money":"up"')),
    ("a table that is no text", W, {"edited"}, rewrite("entries.csv", lambda data: b"\xff")),
    ("erasures swapped", W, {"reordered"}, lambda f: swap(f, "erasures.jsonl")),
    ("an erasure twice", S, {"reordered"}, rewrite("erasures.jsonl", lambda data: data.split(b"\n")[0] + b"\n" + data)),
    ("an erasure that is one of the entries", W, {"removed"}, rewrite("erasures.jsonl", lambda data: b"")),
]


@pytest.mark.parametrize(
    ("kind", "said", "change"), [each[1:] for each in BY_THE_TEXT], ids=[each[0] for each in BY_THE_TEXT]
)
def test_both_go_by_the_text(made, verdicts, kind, said, change):
    files, vkey = made(kind)
    change(files)
    for one in verdicts(pack(files), vkey):
        assert ({"refused"} if "refused" in one else {verdict for verdict, _, _ in one["findings"]}) == said


@pytest.mark.parametrize(
    "change",
    [
        lambda f: cells(f, ",staff,", ',"staff",'),
        lambda f: replace(f, "entries.csv", b"\xef\xbb\xbf", b""),
        lambda f: f.update({"entries.csv": f["entries.csv"].replace(b"\r\n", b"\n")}),
    ],
    ids=["quotes without need", "no byte order mark", "LF alone"],
)
def test_both_compare_the_bytes_of_the_table(made, verdicts, change):
    files, _ = made(W)
    change(files)
    vkey = resigned(files)
    for one in verdicts(pack(files), vkey):
        assert {verdict for verdict, _, _ in one["findings"]} == {"edited"}
