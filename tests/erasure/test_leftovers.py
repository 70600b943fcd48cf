"""What SQLite leaves in its files: after anonymize, an attacker with all of them and the data key finds nothing.

SQLite copies rows between pages when it puts one among others or merges pages, and overwrites a deleted row only where
it was last. So the logs here are written in the ways that move rows: several clinics in turn, names that change, other
people erased in between, values of many lengths, and a host's connection that overwrites nothing.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress

import pytest

from indelible import document
from indelible.document import Staff
from indelible.errors import NotFound
from indelible.testing.logs import event, last_connection

CLINICS = ("c_lisbon", "c_porto", "c_faro")
BY = Staff("usr_1")


def written(journal, rng):
    """Write to three clinics in turn and return what is planted about `cli_77` in them."""
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
    return planted


def every_row_is_there_once(journal):
    """SQLite never moved a personal row: then emptying it where it is leaves no copy on another page."""
    assert journal.store.wipe()
    data = journal.places.database.read_bytes()
    rows = last_connection(journal.store).execute("SELECT sealed FROM indelible_personal WHERE sealed IS NOT NULL")
    assert {data.count(sealed[:17]) for (sealed,) in rows} == {1}


def test_nothing_of_an_anonymized_client_is_left_in_the_files(journal, attack):
    last_connection(journal.store).execute("PRAGMA synchronous = OFF")  # faster, and of no account here
    planted = written(journal, random.Random(1))
    every_row_is_there_once(journal)
    logs = [journal.clinic(clinic) for clinic in CLINICS]
    lookups = [log.sealer.find_person("client", "cli_77") for log in logs]
    before = attack(journal, planted, lookups)
    assert {value for _, value, _ in before} == {*planted, *(lookup.hex() for lookup in lookups)}
    assert {how for _, value, how in before if value in planted} == {"sealed"}
    for log in logs:
        assert log.anonymize("cli_77", requested_by="client", actor=BY).wiped
    assert attack(journal, planted, lookups) == []


def test_a_client_with_few_rows_on_a_page_of_others_is_gone_too(journal, log, attack):
    log.record_document(event(1, context={"reason_text": "z" * 3000 + "planted-long"}, client={"id": "cli_1"}))
    for number in range(40):
        log.record_document(event(number, client={"id": f"cli_{number + 100}", "name": f"planted-{number}"}))
    planted = ["planted-long", *(f"planted-{number}" for number in range(0, 40, 3))]
    assert {value for _, value, _ in attack(journal, planted)} == set(planted)
    log.anonymize("cli_1", requested_by="client", actor=BY)
    for number in range(0, 40, 3):
        log.anonymize(f"cli_{number + 100}", requested_by="client", actor=BY)
    assert attack(journal, planted) == []
    assert {value for _, value, _ in attack(journal, ["planted-1", "planted-38"])} == {"planted-1", "planted-38"}


def test_a_reader_that_holds_the_write_ahead_log_is_told_and_the_next_time_mends_it(journal, log, attack):
    log.record_document(event(client={"id": "cli_1", "name": "planted-ana"}))
    log.record_document(event(client={"id": "cli_2"}))
    # Another program with an open read transaction: SQLite cannot cut the write-ahead log while it looks at it.
    with closing(sqlite3.connect(journal.places.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM indelible_entry").fetchone()
        last_connection(journal.store).execute("PRAGMA busy_timeout = 0")
        done = log.anonymize("cli_1", requested_by="client", actor=BY)
        assert (done.entry.seq, done.wiped) == (3, False)
        assert attack(journal, ["planted-ana"]) != []
        reader.execute("COMMIT")
        with pytest.raises(NotFound, match="still holds what was deleted"):
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM indelible_entry").fetchone()
            log.anonymize("cli_1", requested_by="client", actor=BY)
        reader.execute("COMMIT")
    with pytest.raises(NotFound) as known:
        log.anonymize("cli_1", requested_by="client", actor=BY)
    assert "still holds" not in str(known.value)
    assert attack(journal, ["planted-ana"]) == []
