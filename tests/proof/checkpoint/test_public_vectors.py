"""Test vectors that others published: every one in the folder is checked here, or is named in SKIPPED with the reason.

A case is a file of `shared/vectors`, by its path; the two files of `compiled/` that hold many cases are taken apart
(`path#member`). CHECKS says what is done with which cases, SKIPPED why others are left out, LEFT_OUT which part of a
checked case is not looked at. A case in neither table fails the test below.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from indelible.errors import MalformedProof
from indelible.proof import checkpoint, note
from indelible.proof.merkle import (
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    extend,
    leaf_hash,
    node_hash,
)
from indelible.proof.note import Signer, Verifier

SKYLIGHT = "sunlight-skylight/cmd/skylight/testdata"
MIRROR = f"{SKYLIGHT}/witness/mirror/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706"
TESSERA = "tessera-testlog/testdata/log"
REKOR = "sigstore-conformance/test/assets/bundle-verify"
CONSISTENCY = "transparency-dev-merkle/testdata/consistency"

# The key pair of Tessera's test log, as its testdata/build_log.sh publishes it.
TESSERA_KEY = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
TESSERA_VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"

SKIPPED = {
    "*LICENSE*": "a licence",
    "README.md": "about the folder",
    "golang-mod-argon2020/README.txt": "about the vectors; its old root is used with consistency.json",
    f"{REKOR}/*/README": "about the vector",
    f"{REKOR}/*/trusted_root.json": "the key to the bundle beside it, used with that",
    "compiled/*.json#source": "about the vectors",
    "compiled/hashes.json#mtc_draft_accumulated_sha256": "proofs about subtrees: nothing here makes or reads them",
    "transparency-dev-merkle/testdata/subtree*": "proofs about subtrees: nothing here makes or reads them",
    f"{CONSISTENCY}/additional/sizes-are-equal-one-and-proof-is-empty.json": (
        "wants roots of 12 bytes accepted; a root is 32 bytes here"
    ),
    "compiled/tile_paths.json": "tiles: nothing here makes or reads them",
    "compiled/tlog_proof.json": "the tlog-proof file: nothing here makes or reads it",
    f"{TESSERA}/.state/*.lock": "empty lock files of the program that made the log",
    f"{TESSERA}/.state/version": "the version of that program's folder",
    "sunlight-ct/testdata/navigli2025h2/tile/*": "tiles without a checkpoint: nothing says what their root is",
    f"{SKYLIGHT}/skylight.yaml": "the settings of a server",
    f"{SKYLIGHT}/tree/log.v3.json": "the description of a Certificate Transparency log, with an ECDSA key",
    f"{SKYLIGHT}/tree/issuer/*": "a fake certificate",
    f"{SKYLIGHT}/tree/tile/*": "fake tiles: a sentence instead of hashes",
    f"{SKYLIGHT}/witness/checkpoint": "a decoy of the server's tests: a sentence instead of a checkpoint",
    f"{SKYLIGHT}/witness/mirror/checkpoint": "a decoy of the server's tests: a sentence instead of a checkpoint",
    f"{MIRROR}/tile/entries/*": "fake entries: a sentence instead of records",
}

LEFT_OUT = {
    "compiled/litewitness_add_checkpoint_torchwood.txt": "the HTTP answers of a witness, and its cosignatures",
    f"{SKYLIGHT}/*/checkpoint": "the signatures: cosignatures (type 0x04) and a Certificate Transparency head (0x05)",
    f"{REKOR}/rekor2-*": "the cosignatures (0x04), the ECDSA signatures (0x02), and all of the bundle but the log",
    f"{REKOR}/[ci]*": "the ECDSA signature of the checkpoint (0x02), and all of the bundle but the log",
    "golang-mod-argon2020/sth.json": "the ECDSA signature of the tree head",
}


def decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def refused(check: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(MalformedProof):
        check(*arguments)


def outcome(want_error: bool, check: Callable[..., object], *arguments: object) -> None:
    if want_error:
        refused(check, *arguments)
    else:
        check(*arguments)


def hashes_in(tile: Path) -> list[bytes]:
    data = tile.read_bytes()
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def root_of(leaf_hashes: list[bytes]) -> bytes:
    return extend(Frontier(), leaf_hashes).root()


def inclusion(vectors: Path, case: str) -> None:
    v = json.loads((vectors / case).read_bytes())
    path = [decoded(text) for text in v["proof"] or ()]
    arguments = (v["leafIdx"], v["treeSize"], decoded(v["leafHash"]), path, decoded(v["root"]))
    outcome(v["wantErr"], check_inclusion, *arguments)


def consistency(vectors: Path, case: str) -> None:
    v = json.loads((vectors / case).read_bytes())
    path = [decoded(text) for text in v["proof"] or ()]
    arguments = (v["size1"], v["size2"], decoded(v["root1"]), decoded(v["root2"]), path)
    outcome(v["wantErr"], check_consistency, *arguments)


def argon(vectors: Path, _case: str) -> None:
    entries, proof, old_to_new, head = (
        json.loads((vectors / "golang-mod-argon2020" / name).read_bytes())
        for name in ("entries.json", "proof.json", "consistency.json", "sth.json")
    )
    readme = (vectors / "golang-mod-argon2020/README.txt").read_text()
    old_root = re.search(r"old root (\S+)", readme)
    assert old_root
    size, root = head["tree_size"], decoded(head["sha256_root_hash"])
    leaf = leaf_hash(decoded(entries["entries"][0]["leaf_input"]))
    check_inclusion(proof["leaf_index"], size, leaf, list(map(decoded, proof["audit_path"])), root)
    path = list(map(decoded, old_to_new["consistency"]))
    check_consistency(3_654_490, size, decoded(old_root[1]), root, path)
    refused(check_consistency, 3_654_491, size, decoded(old_root[1]), root, path)


def rfc6962_hashes(vectors: Path, case: str) -> None:
    published = json.loads((vectors / "compiled/hashes.json").read_bytes())
    leaves = [leaf_hash(bytes.fromhex(text)) for text in published["ct_leaf_inputs_hex"]]
    value = published[case.partition("#")[2]]
    match case.partition("#")[2]:
        case "empty_root":
            assert EMPTY_ROOT.hex() == value
        case "leaf":
            assert [[data, leaf_hash(bytes.fromhex(data)).hex()] for data, _ in value] == value
        case "leaf_base64":
            assert {data: base64.b64encode(leaf_hash(data.encode())).decode() for data in value} == value
        case "node":
            assert [[a, b, node_hash(bytes.fromhex(a), bytes.fromhex(b)).hex()] for a, b, _ in value] == value
        case "ct_leaf_inputs_hex" | "ct_roots_by_size":
            assert [root_of(leaves[:size]).hex() for size in range(9)] == published["ct_roots_by_size"]
        case "ct_compact_range_nodes_level_index_by_size":
            for size, nodes in value.items():
                subtrees = [leaves[index << level : (index + 1) << level] for level, index in nodes]
                assert extend(Frontier(), leaves[: int(size)]).hashes == tuple(map(root_of, subtrees))
        case other:
            raise AssertionError(f"no check for {other}")


def published_notes(vectors: Path) -> dict[str, Any]:
    found = json.loads((vectors / "compiled/signed_notes.json").read_bytes())
    assert isinstance(found, dict)
    return found


def signed_note(vectors: Path, case: str) -> None:
    name = case.partition("#vectors/")[2]
    everything = {v["name"]: v for v in published_notes(vectors)["vectors"]}
    vector = everything[name]
    verifier = Verifier.decode(vector["vkey"])
    assert verifier.encode() == vector["vkey"]
    if "signature_line" in vector:  # the second signature on the note of another vector
        first = everything["golang PeterNeumann"]
        data = (first["note"] + vector["signature_line"]).encode()
        assert len(note.open(data, Verifier.decode(first["vkey"]), verifier).signatures) == 2
    else:
        data = vector["note"].encode()
    opened = note.open(data, verifier)
    assert opened.text == vector.get("text", opened.text)
    assert note.encode(note.decode(data)) == data
    if "skey" in vector:
        signer = Signer(verifier.name, decoded(vector["skey"].split("+", 4)[4])[1:])
        assert note.sign(vector["text"], signer) == data


def malformed_note(vectors: Path, case: str) -> None:
    vector = next(v for v in published_notes(vectors)["vectors"] if v["name"] == "golang PeterNeumann")
    verifier, whole, text = Verifier.decode(vector["vkey"]), vector["note"].encode(), vector["text"].encode()
    line = whole.removeprefix(text + b"\n")
    signer = Signer(verifier.name, decoded(vector["skey"].split("+", 4)[4])[1:])
    unknown = "\N{EM DASH} unknown AAAAAAAA\n".encode()
    assert note.open(whole + unknown * 99, verifier) == note.open(whole, verifier)
    rule = case.partition("#malformed/")[2]
    if rule == "unknown-key bad signature -> ignored (kept as unverified)":
        return  # ignored, as just seen; here it is not kept either
    data = {
        "text without blank line": text + line,
        "text + blank line but no signature": text + b"\n",
        "last signature line without trailing newline": whole[:-1],
        "control char \\x01 in text": whole.replace(b"think", b"think\x01"),
        "invalid UTF-8 \\xff": whole.replace(b"think", b"think\xff"),
        "key name containing a space": whole.replace(b"PeterNeumann", b"Peter Neumann"),
        "extra line after the signatures": whole + b"extra\n",
        "101 copies of a signature line (Go limit 100)": whole + unknown * 100,
        "same key listed twice in the verifier list -> ambiguous key error": whole,
        "known key + bad signature -> whole note rejected": note.sign("other\n", signer).replace(b"other\n", text),
    }[rule]
    refused(note.open, data, *[verifier] * (2 if "listed twice" in rule else 1))


def tessera_checkpoint(vectors: Path, case: str) -> None:
    data = (vectors / case).read_bytes()
    verifier = Verifier.decode(TESSERA_VKEY)
    head = checkpoint.open(data, verifier)
    assert head.size == int(case.partition("checkpoint.")[2] or 15)
    leaves = hashes_in(vectors / TESSERA / f"tile/0/000.p/{head.size}") if head.size else []
    assert (len(leaves), root_of(leaves)) == (head.size, head.root)
    signer = Signer(verifier.name, decoded(TESSERA_KEY.split("+", 4)[4])[1:])
    assert signer.verifier == verifier
    assert checkpoint.sign(head, signer) == data


def tessera_tile(vectors: Path, case: str) -> None:
    width = case.rpartition("/")[2]
    bundle, leaves = (vectors / TESSERA / f"tile/entries/000.p/{width}").read_bytes(), []
    while bundle:  # two bytes of length, then the entry
        end = 2 + int.from_bytes(bundle[:2], "big")
        leaves.append(leaf_hash(bundle[2:end]))
        bundle = bundle[end:]
    assert leaves == hashes_in(vectors / TESSERA / f"tile/0/000.p/{width}")
    assert len(leaves) == int(width)


def tessera_state(vectors: Path, case: str) -> None:
    state = json.loads((vectors / case).read_bytes())
    assert root_of(hashes_in(vectors / TESSERA / f"tile/0/000.p/{state['size']}")) == decoded(state["root"])


def mirrored_tree(vectors: Path, _case: str) -> None:
    leaves = [leaf_hash(b"record %d" % index) for index in range(300)]
    assert hashes_in(vectors / MIRROR / "tile/0/000") == leaves[:256]
    assert hashes_in(vectors / MIRROR / "tile/0/001.p/44") == leaves[256:]
    assert hashes_in(vectors / MIRROR / "tile/1/000.p/1") == [root_of(leaves[:256])]
    head = checkpoint.decode(note.decode((vectors / MIRROR / "checkpoint").read_bytes()).text)
    assert (head.size, head.root) == (300, root_of(leaves))


def foreign_signatures(vectors: Path, case: str) -> None:
    data = (vectors / case).read_bytes()
    framed = note.decode(data)
    assert note.encode(framed) == data
    assert checkpoint.encode(checkpoint.decode(framed.text)) == framed.text
    refused(note.open, data, Verifier.decode(TESSERA_VKEY))


def cosigner_key(vectors: Path, case: str) -> None:
    for vkey in json.loads((vectors / case).read_bytes())["verifier_keys"]:
        refused(Verifier.decode, vkey)  # type 0x04


def rekor(vectors: Path, case: str) -> tuple[dict[str, Any], bytes, tuple[int, int, bytes, list[bytes]]]:
    """Return the proof as the bundle has it, the checkpoint's bytes, and index, size, leaf hash and path."""
    bundle = json.loads((vectors / case).read_bytes())
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    proof = entry["inclusionProof"]
    envelope = proof.get("checkpoint", {}).get("envelope", "").encode()
    leaf, path = leaf_hash(decoded(entry["canonicalizedBody"])), list(map(decoded, proof["hashes"]))
    return proof, envelope, (int(proof["logIndex"]), int(proof["treeSize"]), leaf, path)


def rekor2(vectors: Path, case: str) -> None:
    trusted = json.loads((vectors / case).with_name("trusted_root.json").read_bytes())
    log = next(log for log in trusted["tlogs"] if log["publicKey"]["keyDetails"] == "PKIX_ED25519")
    public_key = decoded(log["publicKey"]["rawBytes"])[-32:]  # the last bytes of the SubjectPublicKeyInfo
    verifier = Verifier(log["baseUrl"].removeprefix("https://"), public_key)
    assert decoded(log["logId"]["keyId"])[:4] == verifier.key_id
    _, envelope, (index, size, leaf, path) = rekor(vectors, case)
    if "_fail/" in case:
        refused(checkpoint.open, envelope, verifier)
    else:
        head = checkpoint.open(envelope, verifier)
        assert head.size == size
        check_inclusion(index, head.size, leaf, path, head.root)


def rekor1(vectors: Path, case: str) -> None:
    proof, envelope, (index, size, leaf, path) = rekor(vectors, case)
    root = decoded(proof["rootHash"])
    proof_fails = "inclusion-proof" in case
    outcome(proof_fails, check_inclusion, index, size, leaf, path, root)
    if "wrong-roothash" in case:
        head = checkpoint.decode(note.decode(envelope).text)
        refused(check_inclusion, index, head.size, leaf, path, head.root)
    if b"Timestamp:" in envelope:
        refused(checkpoint.decode, note.decode(envelope).text)  # a line after the root


def witness_conversation(vectors: Path, case: str) -> None:
    text = (vectors / case).read_text(encoding="utf-8")
    key = re.search(r"add-sigsum-log -key=([0-9a-f]{64})", text)
    requests = re.findall(r"```\n(old .*?)```\nHTTP (\d+)\n.*?(?:contains|==) \"(.*?)\"", text, re.DOTALL)
    assert key and len(requests) == text.count("POST ") == 9
    heads: dict[int, bytes] = {}
    for body, status, answer in requests:
        asked, _, signed = body.partition("\n\n")
        old, *lines = asked.split("\n")
        origin = signed.partition("\n")[0]
        verifier = Verifier(origin, bytes.fromhex(key[1]))
        if answer in ("invalid signature", "unknown log"):
            refused(checkpoint.open, signed.encode(), verifier)
            continue
        head = checkpoint.open(signed.encode(), verifier)
        heads.setdefault(head.size, head.root)
        assert head.root == heads[head.size]
        old_size = int(old.removeprefix("old "))
        if old_size and status in ("200", "422"):
            arguments = (old_size, head.size, heads[old_size], head.root, list(map(decoded, lines)))
            outcome(status == "422", check_consistency, *arguments)
    assert sorted(heads) == [1, 3, 5]


CHECKS: dict[str, Callable[[Path, str], None]] = {
    "transparency-dev-merkle/testdata/inclusion/*": inclusion,
    f"{CONSISTENCY}/*": consistency,
    "golang-mod-argon2020/*.json": argon,
    "compiled/hashes.json#*": rfc6962_hashes,
    "compiled/signed_notes.json#vectors/*": signed_note,
    "compiled/signed_notes.json#malformed/*": malformed_note,
    f"{TESSERA}/checkpoint*": tessera_checkpoint,
    f"{TESSERA}/tile/*": tessera_tile,
    f"{TESSERA}/.state/treeState": tessera_state,
    f"{MIRROR}/tile/[01]/*": mirrored_tree,
    f"{SKYLIGHT}/*/checkpoint": foreign_signatures,
    f"{SKYLIGHT}/*/*.v0.json": cosigner_key,
    f"{REKOR}/rekor2-*/bundle.sigstore.json": rekor2,
    f"{REKOR}/[ci]*/bundle.sigstore.json": rekor1,
    "compiled/litewitness_add_checkpoint_torchwood.txt": witness_conversation,
}


def every_case(vectors: Path) -> Iterator[str]:
    for file in sorted(vectors.rglob("*")):
        name = file.relative_to(vectors).as_posix()
        if name == "compiled/hashes.json":
            yield from (f"{name}#{member}" for member in json.loads(file.read_bytes()))
        elif name == "compiled/signed_notes.json":
            notes = published_notes(vectors)
            yield from (f"{name}#vectors/{vector['name']}" for vector in notes.pop("vectors"))
            yield from (f"{name}#malformed/{rule}" for rule in notes.pop("malformed_rules_from_note_test"))
            yield from (f"{name}#{member}" for member in notes)
        elif file.is_file():
            yield name


def is_skipped(case: str) -> bool:
    return any(fnmatchcase(case, pattern) for pattern in SKIPPED)


@pytest.fixture(scope="module")
def vectors(shared: Path) -> Path:
    return shared / "vectors"


@pytest.fixture(scope="module")
def cases(vectors: Path) -> list[str]:
    return list(every_case(vectors))


@pytest.mark.parametrize("pattern", CHECKS)
def test_the_published_cases_come_out_as_published(pattern: str, vectors: Path, cases: list[str]) -> None:
    chosen = [case for case in cases if fnmatchcase(case, pattern) and not is_skipped(case)]
    assert chosen
    wrong = {}
    for case in chosen:
        try:
            CHECKS[pattern](vectors, case)
        except (Exception, pytest.fail.Exception) as error:  # all of them are told, not only the first
            wrong[case] = repr(error)
    assert not wrong


def test_every_case_is_checked_or_skipped_for_a_reason(cases: list[str]) -> None:
    checked = {case for case in cases for pattern in CHECKS if fnmatchcase(case, pattern)}
    assert [case for case in cases if case not in checked and not is_skipped(case)] == []


@pytest.mark.parametrize("pattern", [*SKIPPED, *LEFT_OUT])
def test_nothing_is_skipped_that_is_not_there(pattern: str, cases: list[str]) -> None:
    assert any(fnmatchcase(case, pattern) for case in cases)
