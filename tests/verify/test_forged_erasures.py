"""Values that are destroyed by somebody without keys, with an entry that is to account for it: it is not believed."""

from __future__ import annotations

import json

import pytest

from indelible.errors import SigningRefused
from indelible.journal import Journal
from indelible.manage.inspection import inspect
from indelible.record.document import Client, Staff

CLINIC, SIZE = 1, 40
FORGED = SIZE + 1


def destroy(tampering):
    """Take out what is sealed of the client of most entries, but evidence, and mark the row; return the token."""
    first = json.loads(tampering.one("SELECT body FROM indelible_entry WHERE clinic = ? AND seq = 1", CLINIC)[0])
    token = bytes.fromhex(first["tokens"][first["client"]["person"]])
    sql = "UPDATE indelible_person SET erased_by = ? WHERE clinic = ? AND token = ?"
    assert tampering.run(sql, FORGED, CLINIC, token) == 1
    destroyed = 0
    for seq in range(1, SIZE + 1):
        (body,) = tampering.one("SELECT body FROM indelible_entry WHERE clinic = ? AND seq = ?", CLINIC, seq)
        tokens = json.loads(body)["tokens"]
        parts = tampering.parts(seq)
        left = [one for one in parts if tokens[one.owner] != token.hex() or one.personal_class == "evidence"]
        destroyed += len(parts) - len(left)
        tampering.seal(seq, left)
    assert destroyed > 10
    return token


def forge(tampering, token, **more):
    """Append a `client.anonymized` for the token, with columns, links and head, as the log would make it."""
    columns = [name for _, name, *_ in tampering.db.execute("PRAGMA table_info(indelible_entry)")]
    shown = ", ".join({"seq": str(FORGED), "id": "randomblob(16)"}.get(name, name) for name in columns)
    tampering.run(f"INSERT INTO indelible_entry SELECT {shown} FROM indelible_entry WHERE clinic = ? AND seq = ?",
                  CLINIC, SIZE)  # fmt: skip

    def edit(members):
        kept = ("v", "recorded_at", "occurred_at", "zone", "offset_minutes", "action_version")
        last = {name: members[name] for name in kept}
        identifier = members["id"][:-4] + "0000"
        members.clear()
        members.update(last, id=identifier, seq=FORGED, action="client.anonymized", tokens=[token.hex()], personal=[])
        members.update(context={"requested_by": "client"}, actor={"kind": "client", "person": 0})
        members.update(target={"kind": "client", "person": 0})
        members.update(erases={"person": 0, "classes": ["identity", "network"], "up_to_seq": SIZE}, **more)

    tampering.rewrite(FORGED, edit)
    tampering.project(FORGED)
    tampering.rehead()


@pytest.mark.parametrize("more", [{}, {"actor": {"kind": "system", "reason": "policy:retention"}}])
def test_an_appended_erasure_without_a_sealed_value_is_not_believed(tampering, more):
    forge(tampering, destroy(tampering), **more)
    found = tampering.found()
    assert ("added", FORGED) in found
    assert {("missing", seq) for seq in (1, 2, 3)} <= found
    assert {verdict for verdict, _ in found} <= {"added", "missing", "misfiled"}


def test_it_is_not_signed(tampering):
    forge(tampering, destroy(tampering))
    journal = Journal(tampering.path)
    with pytest.raises(SigningRefused, match=f"entry {FORGED} says that it erased values, and was not written"):
        journal.clinic("c_lisbon").checkpoint()
    journal.store.close()
    assert ("added", FORGED) in tampering.found()


def test_a_commitment_to_a_key_without_its_sealed_row_is_not_believed(tampering):
    personal = [{"owner": 0, "class": "identity", "paths": ["key"], "commitment": "A" * 43}]
    forge(tampering, destroy(tampering), personal=personal)
    assert ("added", FORGED) in tampering.found()


def test_a_real_erasure_is_believed(tampering, log):
    assert log.anonymize("cli_77", requested_by="client", actor=Client("cli_77")).entry
    assert log.anonymize("cli_78", requested_by="staff", actor=Staff("usr_12")).entry
    report = inspect(log)
    assert (report.result, report.findings) == ("intact", [])
    assert report.erased


def test_an_erasure_stays_believed_when_who_did_it_is_erased_later(tampering, log):
    log.anonymize("cli_77", requested_by="client", actor=Client("cli_78", "Bruno Sousa"))
    log.anonymize("cli_78", requested_by="client", actor=Client("cli_78"))
    report = inspect(log)
    assert (report.result, report.findings) == ("intact", [])


def test_without_keys_an_erasure_is_taken_at_its_word(tampering, log):
    log.anonymize("cli_77", requested_by="client", actor=Client("cli_77"))
    assert inspect(log, open_values=False).result == "intact"
