"""Bundles changed by somebody without the log's key, who makes everything else fit: each is found and named."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import pytest

from indelible.export.bundling import export_bundle, export_complete
from indelible.format import commitment
from indelible.proof import bundle, checkpoint, merkle
from indelible.proof.bundle import Line, Proven, Statement
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.note import Signer
from indelible.proof.verify import verify_bundle
from indelible.record.document import Staff
from indelible.testing.bundles import pack, unpack

BY = Staff("usr_12")


@pytest.fixture
def files(log, tmp_path):
    """`files(kind)`: the content of a bundle by name, made after a client was anonymized."""
    log.anonymize("cli_79", requested_by="client", actor=BY)

    def made(kind):
        export = export_complete if kind == "complete" else lambda *a, **k: export_bundle(a[0], "", *a[1:], **k)
        export(log, tmp_path / kind, actor=BY)
        return unpack(tmp_path / kind)

    return made


def verified(files, key=None):
    return verify_bundle(io.BytesIO(pack(files)), key)


def verdicts(files, log):
    report = verified(files, log.signer.verifier)
    assert report.result == "not_intact"
    return {finding.verdict for finding in report.findings}


def lines(files):
    return [Line.decode(data) for data in files["entries.jsonl"].splitlines(keepends=True)]


def sealed_anew(files):
    """export.json with the seals of the files that are there; it is then not the entry of the log any more."""
    export = Proven.decode(files["export.json"])
    members = json.loads(export.body)
    nonce = Statement.decode(files["bundle.json"]).nonce
    members["context"]["files"] = {
        name: bundle.seal(nonce, hashlib.sha256(files[name]).digest()) for name in bundle.SEALED
    }
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return export._replace(body=body)


def without_a_row(files, at):
    kept = lines(files)
    del kept[at]
    rows = list(csv.reader(io.StringIO(files["entries.csv"].decode("utf-8-sig"), newline="")))
    del rows[at + 1]
    table = io.StringIO(newline="")
    csv.writer(table).writerows(rows)
    proofs = files["proofs.jsonl"].splitlines(keepends=True)
    del proofs[at]
    said = json.loads(files["bundle.json"]) | {"rows": len(kept)}
    return files | {
        "entries.jsonl": b"".join(line.encode() for line in kept),
        "entries.csv": b"\xef\xbb\xbf" + table.getvalue().encode(),
        "proofs.jsonl": b"".join(proofs),
        "bundle.json": json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode(),
    }


@pytest.mark.parametrize("kind", ["complete", "selection"])
def test_what_is_unchanged_is_intact(files, log, kind):
    assert verified(files(kind), log.signer.verifier).result == "intact"


@pytest.mark.parametrize("at", [0, 17, -1])
def test_a_row_taken_out_of_every_file_alike_is_missed_by_the_seals(files, log, at):
    changed = without_a_row(made := files("selection"), at % len(lines(made)))
    report = verified(changed, log.signer.verifier)
    what = {finding.what.split(" is not ")[0] for finding in report.findings}
    assert what == {"entries.jsonl", "entries.csv", "bundle.json"}


def test_seals_made_anew_are_not_in_the_log(files, log):
    changed = without_a_row(files("selection"), 5)
    assert verdicts(changed | {"export.json": sealed_anew(changed).encode()}, log) == {"added"}


def test_a_made_up_erasure_accounts_for_nothing(files, log):
    made = files("selection")
    entries = lines(made)
    token = json.loads(entries[3].body)["tokens"][0]
    kept = [line._replace(groups=()) if token in json.loads(line.body)["tokens"] else line for line in entries]
    export = Proven.decode(made["export.json"])
    like = json.loads(export.body)
    forged = {name: like[name] for name in like if name not in ("target", "client", "people", "channel")} | {
        "action": "client.anonymized", "tokens": [token], "personal": [], "context": {},
        "actor": {"kind": "client", "person": 0}, "target": {"kind": "client", "person": 0},
        "erases": {"person": 0, "classes": ["identity", "network"], "up_to_seq": like["seq"] - 1},
    }  # fmt: skip
    body = json.dumps(forged, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    changed = made | {
        "entries.jsonl": b"".join(line.encode() for line in kept),
        "erasures.jsonl": made["erasures.jsonl"] + export._replace(body=body).encode(),
    }
    assert verdicts(changed, log) >= {"added", "missing"}


def rebuilt(files, seed=b"k" * 32):
    """A complete bundle with one entry edited, and a tree, seals and signature of the forger's own to fit it."""
    said, entries = Statement.decode(files["bundle.json"]), lines(files)
    members = json.loads(entries[3].body) | {"operation": "forged"}
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    entries[3] = entries[3]._replace(body=body, leaf=merkle.leaf_hash(body))
    files = files | {"entries.jsonl": b"".join(line.encode() for line in entries)}
    export = sealed_anew(files)
    leaves = {line.seq: line.leaf for line in entries} | {export.seq: merkle.leaf_hash(export.body)}
    prover = merkle.Prover(leaves[seq] for seq in sorted(leaves))
    old = [Proven.decode(data) for data in files["erasures.jsonl"].splitlines(keepends=True)]
    sides = prover.range(said.first_seq - 1, said.last_seq)
    signer = Signer(said.log_origin, seed)
    return files | {
        "export.json": export._replace(path=prover.inclusion(export.seq - 1)).encode(),
        "erasures.jsonl": b"".join(one._replace(path=prover.inclusion(one.seq - 1)).encode() for one in old),
        "range.json": bundle.encode_range(sides.left, sides.right),
        "checkpoint": checkpoint.sign(Checkpoint(said.log_origin, len(leaves), prover.root()), signer),
        "key.txt": signer.verifier.encode().encode() + b"\n",
    }


def test_a_bundle_rebuilt_with_another_key_is_unsigned(files, log):
    assert "unsigned" in verdicts(rebuilt(files("complete")), log)


def test_without_the_clinics_key_a_rebuilt_bundle_is_not_called_intact(files):
    report = verified(rebuilt(files("complete")))
    assert (report.result, report.findings) == ("could_not_tell", [])


def test_another_salt_is_found_at_its_entry(files, log):
    made = files("selection")
    entries = lines(made)
    given, *others = entries[2].groups
    path, opening = next(iter(given.openings.items()))
    salt = commitment.decode(commitment.encode(b"s" * 32))
    given = given._replace(openings=given.openings | {path: opening._replace(salt=salt)})
    entries[2] = entries[2]._replace(groups=(given, *others))
    changed = made | {"entries.jsonl": b"".join(line.encode() for line in entries)}
    assert ("altered", entries[2].seq) in {(f.verdict, f.seq) for f in verified(changed, log.signer.verifier).findings}
