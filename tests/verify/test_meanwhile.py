"""What goes on while a log is verified convicts nobody who is honest, and hides nobody who is not.

The rows are read live, a statement at a time, and something happens between two of them: between two spans, before the
persons are read, after them. A log of 600 entries has three spans.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest

from indelible.errors import IndelibleError
from indelible.journal import Journal
from indelible.keep.personal import join, split
from indelible.manage.inspection import inspect, inspect_rows
from indelible.manage.stored import StoredRows
from indelible.proof.verify import Signed
from indelible.record.document import Staff, parse
from indelible.stores.contract import EntryRow
from indelible.testing.logs import Clock, event

SIZE = 600
BY = Staff("usr_1", "Rui Alves")
# Before which reading something happens: its name, and the how many-th time.
MOMENTS = [("state", 1), ("entries", 1), ("entries", 2), ("entries", 3), ("links", 3), ("keys", 3), ("entries", 4),
           ("entries", 5), ("above", 1), ("persons", 1), ("state", 2), ("state", 3)]  # fmt: skip


class Live(StoredRows):
    """The rows of the log, and something that happens before one of its readings."""

    def __init__(self, store, happens, moment):
        super().__init__(store.rows("c_lisbon"))
        self._happens, self._moment = happens, moment
        self._counts: dict[str, itertools.count[int]] = {}

    def _before(self, what):
        if (what, next(self._counts.setdefault(what, itertools.count(1)))) == self._moment:
            self._happens()

    def state(self):
        self._before("state")
        return super().state()

    def entries(self, after, up_to):
        self._before("entries")
        return super().entries(after, up_to)

    def links(self, after, up_to):
        self._before("links")
        return super().links(after, up_to)

    def used_keys(self, after, up_to):
        self._before("keys")
        return super().used_keys(after, up_to)

    def tiles_above(self):
        self._before("above")
        return super().tiles_above()

    def persons(self):
        self._before("persons")
        return super().persons()


def documents(first, count):
    """Documents of clients who come again and again: one of seven clients has entries in every span."""
    for number in range(first, first + count):
        who = number % 7
        yield event(number, client={"id": f"cli_{who}", "name": f"Client {who}"}, key=f"k{number}")


def fill(log, clock, first, count):
    log.append([log.draft(parse(document)) for document in documents(first, count)])
    clock.advance(2)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("meanwhile")
    clock = Clock()
    with Journal.create(folder / "activity.db", installation="log.example.org", clock=clock) as journal:
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        for first in range(0, SIZE, 100):
            fill(log, clock, first, 100)
            log.checkpoint()
    return folder


@pytest.fixture
def log(template, tmp_path):
    folder = tmp_path / "log"
    shutil.copytree(template, folder)
    with Journal(folder / "activity.db", clock=Clock(1_790_000_000_000_000)) as journal:
        yield journal.clinic()


def verify(log, moment=("", 0), happens=lambda log: None, open_values=True):
    """Verify with something happening at a moment, done by another process' journal."""
    happened = []

    def now():
        with Journal(log.shared.store.path, clock=log.shared.clock) as other:
            happens(other.clinic())
        happened.append(True)

    shared, info = log.shared, log.clinic
    signed, kept = shared.heads.get(info.origin), shared.keep.read(info.origin)
    last = Signed(signed.size, signed.root, signed.note)
    rows, sealer = Live(shared.store, now, moment), log.sealer if open_values else None
    report = inspect_rows(shared, info, sealer, rows, last, kept.up_to, verifier=log.signer.verifier)
    assert happened == ([True] if moment[1] else [])
    return report


def record(log):
    fill(log, log.shared.clock, SIZE, 1)


def meet(log):
    """Somebody new, whose row is ahead of the size that is verified."""
    log.record_document(event(9_000, client={"id": "cli_new", "name": "Nova Dias"}, key="new"))


def fill_a_tile(log):
    """As many as make a tile full, and a checkpoint behind the size."""
    fill(log, log.shared.clock, SIZE, 300)
    log.checkpoint()


def rename(log):
    """A client has another name, which is in the row of the person."""
    log.record_document(event(9_001, client={"id": "cli_3", "name": "Another Name"}))


def move(log):
    log.set_time_zone("Atlantic/Azores", actor=BY)


def erase(log):
    log.anonymize("cli_3", requested_by="client", actor=BY)


def erase_and_scrub(log):
    erase(log)
    log.scrub()


def erase_and_return(log):
    """Erased, scrubbed, and met again as somebody new."""
    erase_and_scrub(log)
    log.record_document(event(9_002, client={"id": "cli_3", "name": "Client 3"}, returned=True))


HAPPENINGS = [record, meet, fill_a_tile, rename, move, erase, erase_and_scrub, erase_and_return]


@pytest.mark.parametrize("happens", HAPPENINGS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_honest_log_stays_intact_whatever_goes_on(log, moment, happens):
    report = verify(log, moment, happens)
    assert (report.result, report.findings, report.doubts, report.notices) == ("intact", [], [], [])
    assert report.size in (SIZE, log.size)
    assert inspect(log).result == "intact"


@pytest.mark.parametrize("happens", HAPPENINGS)
@pytest.mark.parametrize("moment", [("state", 2), ("entries", 3), ("entries", 5), ("above", 1)])
def test_an_honest_log_is_not_convicted_by_its_structure_whatever_goes_on(log, moment, happens):
    report = verify(log, moment, happens, open_values=False)
    assert (report.result != "not_intact", report.findings) == (True, [])


@pytest.mark.parametrize("scrubs", [False, True])
def test_an_erasure_of_before_that_is_scrubbed_meanwhile_is_intact(log, scrubs):
    erase(log)
    log.checkpoint()
    report = verify(log, ("entries", 3), (lambda log: log.scrub()) if scrubs else record)
    assert (report.result, report.findings, report.doubts) == ("intact", [], [])
    assert {by for seqs in report.erased.values() for by in seqs} == {SIZE + 1}


def raw(log, sql, *values):
    """What somebody with the database alone does, without its triggers."""
    with closing(sqlite3.connect(log.shared.store.path, isolation_level=None)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(sql, values).rowcount > 0


def copy_of_entry_5(seq):
    columns = ("clinic", *EntryRow._fields)
    values = [{"seq": str(seq), "id": "randomblob(16)"}.get(name, name) for name in columns]
    return (
        f"INSERT INTO indelible_entry ({', '.join(columns)}) SELECT {', '.join(values)}"
        " FROM indelible_entry WHERE seq = 5"
    )


TAMPERED = {
    "edited": "UPDATE indelible_entry SET body = CAST(replace(body, 'bk_9', 'bk_8') AS BLOB) WHERE seq = 10",
    "misfiled": "UPDATE indelible_entry SET action = 'booking.created' WHERE seq = 550",
    "removed": "DELETE FROM indelible_entry WHERE seq = 300",
    "a link": "DELETE FROM indelible_link WHERE seq = 301 AND kind = 'booking'",
    "a link at another time": "UPDATE indelible_link SET occurred_at = occurred_at + 1 WHERE seq = 301",
    "links of no entry": "UPDATE indelible_link SET seq = 99999 WHERE seq = 301 AND kind = 'booking'",
    "a key": "UPDATE indelible_idempotency SET seq = seq + 1 WHERE seq = 301",
    "a key of no entry": "UPDATE indelible_idempotency SET seq = 99999 WHERE seq = 301",
    "a person": "UPDATE indelible_person SET token = randomblob(16) WHERE token = (SELECT min(token)"
                " FROM indelible_person)",
    "an erased person": "UPDATE indelible_person SET erased_by = 601 WHERE token = (SELECT min(token)"
                        " FROM indelible_person)",
    "a person erased by nothing": "UPDATE indelible_person SET erased_by = 0",
    "a scrubbed person": "UPDATE indelible_person SET scrubbed_by = 601",
    "values": "UPDATE indelible_entry SET sealed = zeroblob(0) WHERE seq = 12",
    "a tile": "UPDATE indelible_tile SET root = randomblob(32) WHERE number = 1",
    "a tile behind": "UPDATE indelible_tile SET number = 9 WHERE number = 1",
    "a tile above": "UPDATE indelible_tile SET level = 1, number = 0 WHERE number = 1",
    "a checkpoint before": "UPDATE indelible_checkpoint SET root = randomblob(32) WHERE size = 300",
    "the zone": "UPDATE indelible_head SET time_zone = 'Europe/Paris'",
    "the last entry moved behind": "UPDATE indelible_entry SET seq = 2000 WHERE seq = 600",
    "an entry before the first": copy_of_entry_5(0),
    "an entry far behind": copy_of_entry_5(5_000),
}  # fmt: skip


@pytest.mark.parametrize("happens", [None, meet, erase_and_scrub])
@pytest.mark.parametrize("change", TAMPERED)
def test_what_was_changed_is_found_whatever_goes_on(log, change, happens):
    def if_it_can(log):
        with suppress(IndelibleError):  # what was changed may keep the log from going on
            happens(log)

    raw(log, TAMPERED[change])
    report = verify(log) if happens is None else verify(log, ("entries", 3), if_it_can)
    assert report.result == "not_intact"


def test_a_checkpoint_of_a_size_that_the_log_does_not_have_is_found(log):
    raw(log, "UPDATE indelible_checkpoint SET size = 1000 WHERE size = 600")
    assert {finding.verdict for finding in verify(log).findings} == {"truncated", "unsigned"}


def test_an_erasure_meanwhile_accounts_for_nobody_else(log):
    """Values of one client are taken away while another is erased."""
    sealed = split(next(log.shared.store.rows(log.clinic.id).entries(3, 4)).sealed)
    raw(log, "UPDATE indelible_entry SET sealed = ? WHERE seq = 4", join(sealed[:-1]))
    report = verify(log, ("entries", 3), lambda log: log.anonymize("cli_5", requested_by="client", actor=BY))
    assert {(finding.verdict, finding.seq) for finding in report.findings} == {("missing", 4)}


@pytest.mark.parametrize("size", [601, 2**40, 2**62])
def test_a_head_that_says_any_size_is_found_at_once(log, size):
    raw(log, "UPDATE indelible_head SET size = ? WHERE clinic = 1", size)
    assert "truncated" in {finding.verdict for finding in verify(log).findings}
