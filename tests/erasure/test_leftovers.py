"""What is left of somebody who was erased: an attacker with the master key, the files and keep of now and every earlier
copy of the database, its write-ahead log beside it, finds nothing.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from indelible.errors import NotFound
from indelible.keep.keytree import NODE_BYTES, RECORD_BYTES
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import event, last_connection

CLINICS = ("c_lisbon", "c_porto", "c_faro")
BY = Staff("usr_1")


def copied(journal, folder):
    """Copy the database's files as they lie on the disk, the write-ahead log too."""
    folder.mkdir()
    for end in ("", "-wal"):
        path = journal.places.database.with_name(journal.places.database.name + end)
        if path.exists():
            shutil.copy(path, folder / path.name)
    return folder / journal.places.database.name


def written(journal, rng, copy):
    """Write to three clinics in turn and return what is planted about `cli_77` in them; `copy` three times."""
    for clinic in CLINICS[1:]:
        journal.add_clinic(clinic, name=clinic, zone="Europe/Lisbon")
    planted = []
    for number in range(700):
        log = journal.clinic(rng.choice(CLINICS))
        if rng.random() < 0.3:
            planted.append(mark := f"plant-{number}")
            who, text = {"id": "cli_77", "name": f"Ana {mark}"}, "x" * rng.randrange(5, 400) + mark
        else:
            who, text = {"id": f"cli_{rng.randrange(1000, 1060)}", "name": f"Other {number}"}, "y" * rng.randrange(600)
        log.append([log.draft(document.parse(event(client=who, context={"reason_text": text})))])
        if number % 20 == 0:
            with suppress(NotFound):  # nobody met that one yet
                log.anonymize(f"cli_{rng.randrange(1000, 1060)}", requested_by="staff", actor=BY)
        if number % 250 == 199:
            copy()
    return planted


def test_nothing_of_an_anonymized_client_is_left_in_any_copy(journal, tmp_path, attack):
    last_connection(journal.store).execute("PRAGMA synchronous = OFF")  # faster, and of no account here
    copies: list[Path] = []
    planted = written(journal, random.Random(1), lambda: copies.append(copied(journal, tmp_path / f"{len(copies)}")))
    assert len(copies) == 3
    assert any(path.name.endswith("-wal") for copy in copies for path in copy.parent.iterdir())
    logs = [journal.clinic(clinic) for clinic in CLINICS]
    before = attack(journal, planted, copies)
    assert {value for _, value, _ in before} == set(planted)
    assert {how for _, _, how in before} == {"sealed"}
    others = {f"Other {number}" for number in range(700)}
    kept = {value for _, value, _ in attack(journal, sorted(others), copies)}
    for log in logs:
        log.anonymize("cli_77", requested_by="client", actor=BY)
    assert attack(journal, planted, copies) == []
    for log in logs:
        log.scrub()
    assert attack(journal, planted, copies) == []
    assert {value for _, value, _ in attack(journal, sorted(others), copies)} == kept != set()


def secrets_of(cover):
    """The nodes of a cover: the last 32 bytes of each record."""
    data = cover.encode()
    return {data[at + RECORD_BYTES - NODE_BYTES : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES)}


def test_no_cover_that_is_left_in_the_keep_opens_who_was_erased(journal, log):
    log.record_document(event(client={"id": "cli_1", "name": "planted-ana"}))
    former = journal.kept(log.clinic)
    log.anonymize("cli_1", requested_by="client", actor=BY)
    gone = secrets_of(former.cover) - secrets_of(journal.kept(log.clinic).cover)
    assert gone
    files = sorted(journal.places.keep.iterdir())
    assert [path.suffix for path in files if path.name != "heads"] == [".cover", ".lock"]
    opened = journal.keep.read(log.clinic.origin)
    assert opened.up_to == 2
    assert [path for path in files for secret in gone if secret in path.read_bytes()] == []


def test_a_guessed_id_says_that_it_was_erased_and_not_which_of_the_erased_it_was(journal, log, attacker):
    """The token of somebody who was erased is in the bodies for ever, and nothing leads from the id to it."""
    for number in (1, 2):
        log.record_document(event(number, client={"id": f"cli_{number}", "name": "Ana"}))
        log.anonymize(f"cli_{number}", requested_by="client", actor=BY)
    tokens = {bytes.fromhex(text) for seq in (1, 3) for text in log.entry(seq).members["tokens"]}
    for client in ("cli_1", "cli_2"):
        guessed = attacker.guessed(client)
        assert {n for n, _ in guessed} == {1, 2, 3, 4}
        assert tokens & {token for _, token in guessed} == set()
    assert {n for n, _ in attacker.guessed("cli_3")} == {0, 1, 2, 3, 4}  # nobody of this id was ever erased
    assert tokens & {token for _, token in attacker.guessed("usr_12", "staff")}


def test_a_reader_that_holds_the_write_ahead_log_delays_nothing(journal, log, attack):
    log.record_document(event(client={"id": "cli_1", "name": "planted-ana"}))
    log.record_document(event(client={"id": "cli_2", "name": "kept-bruno"}))
    # Another program with an open read transaction: SQLite cannot cut the write-ahead log while it looks at it.
    with closing(sqlite3.connect(journal.places.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM indelible_entry").fetchone()
        assert attack(journal, ["planted-ana"]) != []
        assert log.anonymize("cli_1", requested_by="client", actor=BY).entry.seq == 3
        assert attack(journal, ["planted-ana"]) == []
        assert {how for _, _, how in attack(journal, ["kept-bruno"])} == {"sealed"}
        reader.execute("COMMIT")
