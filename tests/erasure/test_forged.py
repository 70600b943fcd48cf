"""Erasures that nobody did: whoever can write the database, and has no keys, destroys nothing with them.

What is cut out of the keep is gone for ever. So every forgery here is as good as it gets without a key: canonical
bodies, hashes, columns, links and the committed head all fit.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indelible.errors import SigningRefused
from indelible.format import entry
from indelible.format.commitment import Committer, leaves
from indelible.journal import Journal
from indelible.keep.personal import Part, join
from indelible.manage.inspection import inspect
from indelible.proof import merkle
from indelible.record.document import Staff
from indelible.testing.logs import Clock, event

BY = Staff("usr_12", "Maria Fernandes")
NAMES = {1: "Ana Sousa", 2: "Bruno Kept"}
GENUINE, FORGED = 5, 6
_COLUMNS = "id, occurred_at, recorded_at, action, actor_kind, actor, amount_minor, currency"


class Files:
    """A log whose entry 5 erased a third client, not signed yet; and raw hands on its database."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "activity.db"
        self.clock = Clock()
        journal = Journal.create(self.path, installation="log.example.org", clock=self.clock)
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        log.record_document(event(1, client={"id": "cli_1", "name": NAMES[1]}))
        log.record_document(event(2, client={"id": "cli_2", "name": NAMES[2]}))
        log.record_document(event(3, client={"id": "cli_3", "name": "Carla"}))
        log.record_document(event(4, client={"id": "cli_4", "name": "Dora"}))
        log.checkpoint()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(log, "sign_when_due", lambda *arguments: None)
            log.anonymize("cli_3", requested_by="client", actor=BY)
        self.info, self.origin = log.clinic, log.clinic.origin
        self.nobody = log.clinic.nobody
        journal.store.close()
        self.db = sqlite3.connect(self.path, isolation_level=None)
        for (name,) in self.db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            self.db.execute(f"DROP TRIGGER {name}")

    def open(self) -> Journal:
        return Journal(self.path, clock=self.clock)

    def body(self, seq: int) -> dict:
        (body,) = self.db.execute("SELECT body FROM indelible_entry WHERE seq = ?", (seq,)).fetchone()
        return dict(json.loads(body))

    def sealed(self, seq: int) -> bytes:
        (sealed,) = self.db.execute("SELECT sealed FROM indelible_entry WHERE seq = ?", (seq,)).fetchone()
        return bytes(sealed)

    def token(self, seq: int) -> str:
        members = self.body(seq)
        return str(members["tokens"][members["client"]["person"]])

    def write(self, seq: int, members: dict, sealed: bytes, action: str | None = None) -> None:
        """Put an entry at a number, in the place of what is there; columns, links and head fit."""
        data = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        body = entry.decode(data)
        columns = body.columns
        columns = columns._replace(action=action or columns.action)
        self.db.execute("DELETE FROM indelible_entry WHERE seq = ? OR id = ?", (seq, columns.id))
        self.db.execute("DELETE FROM indelible_link WHERE seq = ?", (seq,))
        self.db.execute(
            f"INSERT INTO indelible_entry (clinic, seq, {_COLUMNS}, body, sealed)"
            " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (seq, *columns, data, sealed),
        )
        for link in entry.links(body.members):
            row = (*link, body.occurred_at, seq)
            self.db.execute("INSERT INTO indelible_link VALUES (1, ?, ?, ?, ?, ?)", row)
        rows = self.db.execute("SELECT body FROM indelible_entry ORDER BY seq").fetchall()
        frontier = merkle.extend(merkle.Frontier(), [merkle.leaf_hash(body) for (body,) in rows])
        head = (frontier.size, frontier.encode(), frontier.root())
        self.db.execute("UPDATE indelible_head SET size = ?, frontier = ?, root = ?", head)


@pytest.fixture
def files(tmp_path):
    made = Files(tmp_path)
    yield made
    made.db.close()


def against(members, token):
    """Let an erasing body name somebody else."""
    members["tokens"][members["erases"]["person"]] = token
    return members


def as_new(members, seq=FORGED, up_to=4):
    members["seq"], members["erases"]["up_to_seq"] = seq, up_to
    members["id"] = members["id"][:-4] + "f0f0"
    return members


def taken_from_another(files):
    files.write(FORGED, as_new(against(files.body(GENUINE), files.token(1))), files.sealed(GENUINE))


def under_the_same_id(files):
    """The real one's id, sealed bytes and commitment, at a number of its own, against somebody else."""
    members = against(files.body(GENUINE), files.token(1)) | {"seq": FORGED}
    sealed = files.sealed(GENUINE)
    files.write(GENUINE, files.body(4) | {"seq": GENUINE, "id": members["id"][:-4] + "abcd"}, b"")
    files.write(FORGED, members, sealed)


def rewritten_in_its_place(files):
    files.write(GENUINE, against(files.body(GENUINE), files.token(1)), files.sealed(GENUINE))


def without_sealed_values(files):
    files.write(FORGED, as_new(against(files.body(GENUINE), files.token(1))), b"")


def without_commitments(files):
    members = as_new(against(files.body(GENUINE), files.token(1)))
    files.write(FORGED, members | {"personal": []}, b"")


def committed_anew(files):
    """Commitments to a seed of one's own, and bytes sealed under a key of one's own."""
    members = as_new(against(files.body(GENUINE), files.token(1)))
    again = {"person": files.token(1), "classes": ["identity", "network"], "up_to_seq": 4}
    owner = members["tokens"].index(files.nobody.hex())
    value = json.dumps(again, separators=(",", ":"), sort_keys=True).encode()
    made = Committer(files.origin, members["id"]).commit("identity", leaves(os.urandom(32), [("erases", value)]))
    members["personal"] = [{"owner": owner, "class": "identity", "paths": ["erases"], "commitment": made}]
    files.write(FORGED, members, join([Part(owner, "identity", os.urandom(12 + len(value) + 16))]))


def owned_by_the_erased(files):
    """The group that says it again belongs to who is erased, as another entry's group of theirs does."""
    members = as_new(against(files.body(GENUINE), files.token(1)))
    owner = members["erases"]["person"]
    members["personal"] = [{"owner": owner, "class": "identity", "paths": ["erases"], "commitment": "A" * 43}]
    files.write(FORGED, members, join([Part(owner, "identity", b"x" * 60)]))


def of_nobody(files):
    members = files.body(GENUINE)
    members["tokens"] = [files.nobody.hex()]
    members |= {"actor": {"kind": "client", "person": 0}, "target": {"kind": "client", "person": 0}, "personal": []}
    members["erases"]["person"] = 0
    files.write(FORGED, as_new(members), b"")


def in_another_action_s_column(files):
    """The column that erasures are found by says something else, until the entry is signed."""
    members = as_new(against(files.body(GENUINE), files.token(1)))
    files.write(FORGED, members, files.sealed(GENUINE), action="booking.cancelled")


FORGERIES = {
    made.__name__.replace("_", " "): made
    for made in (
        taken_from_another, under_the_same_id, rewritten_in_its_place, without_sealed_values, without_commitments,
        committed_anew, owned_by_the_erased, of_nobody, in_another_action_s_column,
    )
}  # fmt: skip


def assert_is_there(log, seq):
    assert log.entry(seq).client["name"] == NAMES[seq]


def assert_everybody_is_there(log):
    named = {view.client.get("name") for view in log.read("action:booking.cancelled") if view.client}
    assert set(NAMES.values()) <= named
    assert not log.sealer.is_dead(log.clinic.nobody)


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_erasure_destroys_nothing_and_is_never_signed(files, forge):
    forge(files)
    journal = files.open()
    log = journal.clinic()
    cover = journal.kept(log.clinic).cover.encode()
    assert_everybody_is_there(log)
    with pytest.raises(SigningRefused, match="says that it erased values, and was not written with the clinic's key"):
        log.checkpoint()
    files.db.execute("UPDATE indelible_entry SET action = 'client.anonymized' WHERE seq = ?", (FORGED,))
    assert log.replay() == 0
    assert journal.kept(log.clinic).cover.encode() == cover
    assert inspect(log).result == "not_intact"
    journal.store.close()
    again = files.open()
    assert_everybody_is_there(again.clinic())
    again.store.close()


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_nothing_that_is_sealed_is_scrubbed_because_a_row_says_that_somebody_was_erased(files, forge):
    forge(files)
    files.db.execute("UPDATE indelible_person SET erased_by = ?", (FORGED,))
    before = {seq: files.sealed(seq) for seq in (1, 2, 4)}
    journal = files.open()
    log = journal.clinic()
    log.scrub()
    assert {seq: files.sealed(seq) for seq in before} == before
    assert not log.sealer.is_dead(bytes.fromhex(files.token(2)))
    journal.store.close()


def test_the_real_one_at_another_number_is_refused_and_erases_nobody_else(files):
    members, sealed = files.body(GENUINE), files.sealed(GENUINE)
    files.write(GENUINE, files.body(4) | {"seq": GENUINE, "id": members["id"][:-4] + "abcd"}, b"")
    files.write(FORGED, members | {"seq": FORGED}, sealed)
    journal = files.open()
    assert_everybody_is_there(journal.clinic())
    journal.store.close()


def test_an_erasure_of_another_clinic_erases_nobody(files):
    """The same host's ids and the same installation: the origin keeps them apart."""
    with closing(files.open()) as journal:
        porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
        porto.record_document(event(1, client={"id": "cli_1", "name": NAMES[1]}))
        porto.sign_when_due = lambda *arguments: None
        porto.anonymize("cli_1", requested_by="client", actor=BY)
        porto.unsigned = False
    sql = "SELECT body, sealed FROM indelible_entry WHERE clinic = 2 AND seq = 2"
    body, sealed = files.db.execute(sql).fetchone()
    files.write(FORGED, against(json.loads(body), files.token(1)) | {"seq": FORGED}, sealed)
    journal = files.open()
    assert_everybody_is_there(journal.clinic("c_lisbon"))
    journal.store.close()


def test_an_older_keep_is_erased_again_although_the_sealed_value_of_the_erasure_was_blanked(tmp_path):
    """It is in the tree that was signed, which nobody signs anew without the key."""
    files = Files(tmp_path)
    cover = next(files.path.with_name("activity.db.keep").glob("*.cover"))
    older = tmp_path / "older"
    with closing(files.open()) as journal:
        log = journal.clinic()
        log.checkpoint()
        shutil.copy(cover, older)
        log.anonymize("cli_1", requested_by="client", actor=BY)
    files.db.execute("UPDATE indelible_entry SET sealed = x'' WHERE seq = ?", (FORGED,))
    files.db.execute("DELETE FROM indelible_person WHERE token = ?", (bytes.fromhex(files.token(1)),))
    shutil.copy(older, cover)
    journal = files.open()
    log = journal.clinic()
    assert journal.kept(log.clinic).up_to == FORGED
    assert log.entry(1).client == {"id": None, "name": None}
    assert_is_there(log, 2)
    assert log.sealer.token("client", "cli_1", 0) is None  # the row is gone, and the id is that of somebody new
    journal.store.close()
    files.db.close()
