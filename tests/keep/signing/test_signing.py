"""Signing: a crash at every step, a restored backup, a lost head store, and rows that were changed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, contextmanager, suppress
from itertools import pairwise

import pytest

from indelible.errors import SigningRefused, StorageFailure
from indelible.journal import Journal
from indelible.keep import signing
from indelible.keep.heads import HeadStore, SignedHead
from indelible.proof import checkpoint, merkle
from indelible.stores.sqlite.rows import SQLiteRows
from indelible.stores.sqlite.store import SQLiteStore
from indelible.testing.logs import START, assert_intact, event


class Crash(Exception):
    """The process ends here."""


class CrashingHeads(HeadStore):
    """A head store in whose `swap` the process ends, before or after it is on disk."""

    def __init__(self, path, when):
        super().__init__(path)
        self.when = when

    def swap(self, origin, old, new, seen=None):
        if self.when == "before the swap":
            raise Crash
        done = super().swap(origin, old, new, seen)
        if self.when == "after the swap":
            raise Crash
        return done


class CrashingStore(SQLiteStore):
    """A store in whose writing of a checkpoint the process ends, before or after the row is written."""

    when = ""

    @contextmanager
    def appending(self, clinic_id):
        if self.when == "before the row":
            raise Crash
        with super().appending(clinic_id) as tx:
            yield tx
        if self.when == "after the row":
            raise Crash


def quiet(log):
    """Keep `record` from making checkpoints of its own: the clock stands still after this one."""
    log.checkpoint()
    return log


def sign(log, store=None, heads=None, now=START):
    return signing.sign_head(store or log.shared.store, heads or log.shared.heads, log.clinic, log.signer, now)


def known(log):
    return log.shared.heads.get(log.clinic.origin)


def signed_roots(log):
    """{size: root} of every checkpoint that this log ever signed, as the notes say it."""
    notes = [row.note for row in log.rows.checkpoints()]
    if known(log).note:
        notes.append(known(log).note)
    roots: dict[int, bytes] = {}
    for note in notes:
        said = checkpoint.open(note, log.signer.verifier)
        assert roots.setdefault(said.size, said.root) == said.root
    return roots


def record(log, count=1):
    for number in range(count):
        log.record_document(event(number))


def test_an_empty_log_has_no_checkpoint(log):
    assert log.checkpoint() is None
    assert known(log) == SignedHead(0, merkle.EMPTY_ROOT, b"")


def test_a_checkpoint_says_the_committed_head_and_is_made_once(log):
    record(quiet(log), 3)
    row = log.checkpoint()
    head = log.state()
    said = checkpoint.open(row.note, log.signer.verifier)
    assert (said.origin, said.size, said.root) == (log.clinic.origin, head.size, head.root)
    assert log.checkpoint() == row
    assert known(log) == SignedHead(row.size, row.root, row.note)


def test_every_checkpoint_is_consistent_with_the_one_before(log):
    for count in (1, 2, 5, 13):
        record(quiet(log), count)
        log.checkpoint()
    hashes = [merkle.leaf_hash(one.body) for one in log.rows.entries(0, log.size)]
    roots = signed_roots(log)
    sizes = sorted(roots)
    assert sizes[-1] == log.size == 21
    for old, new in pairwise(sizes):
        proof = merkle.consistency_proof(hashes[:new], old)
        merkle.check_consistency(old, new, roots[old], roots[new], proof)


@pytest.mark.parametrize("when", ["before the swap", "after the swap", "before the row", "after the row"])
@pytest.mark.parametrize("more", [0, 2])
def test_after_a_crash_at_any_step_the_same_steps_finish(log, tmp_path, when, more):
    record(quiet(log), 2)
    log.checkpoint()
    record(log, 3)
    store = CrashingStore(tmp_path / "activity.db")
    store.when = when
    with pytest.raises(Crash):
        sign(log, store, CrashingHeads(log.shared.places.head_store, when))
    store.close()
    interrupted = known(log)
    record(log, more)
    assert sign(log).size == 5 + more
    if when != "before the swap":  # what was signed before the crash is a checkpoint that was published, or may be
        assert interrupted.size == 5
        rows = {row.size: row for row in log.rows.checkpoints()}
        assert (rows[5].root, rows[5].note) == (interrupted.root, interrupted.note)
    signed_roots(log)


@pytest.mark.parametrize("when", ["before the swap", "after the swap", "before the row", "after the row"])
def test_verify_between_a_crash_and_the_next_run_is_intact(log, tmp_path, when):
    record(quiet(log), 5)
    store = CrashingStore(tmp_path / "activity.db")
    store.when = when
    with pytest.raises(Crash):
        sign(log, store, CrashingHeads(log.shared.places.head_store, when))
    store.close()
    assert_intact(log)


def test_the_first_checkpoint_of_a_log_survives_a_crash_too(tmp_path, log):
    record(log, 1)  # signs nothing yet where the clock stands at the time of the last checkpoint
    heads = CrashingHeads(log.shared.places.head_store, "after the swap")
    record(log, 1)
    with suppress(Crash):
        sign(log, heads=heads)
    assert sign(log).size == 2


def backup(tmp_path, name="activity.db"):
    """Copy a database as it is, with SQLite's own backup, beside itself."""
    with closing(sqlite3.connect(tmp_path / name)) as old, closing(sqlite3.connect(tmp_path / "backup.db")) as new:
        old.backup(new)


@pytest.fixture
def restored(tmp_path, clock):
    """A journal whose database was put back to what it was two entries and a checkpoint ago."""
    path = tmp_path / "activity.db"
    with Journal.create(path, clock=clock) as made:
        record(quiet(made.add_clinic("c", name="C", zone="Europe/Lisbon")), 3)
        made.clinic().checkpoint()
        backup(tmp_path)
        record(made.clinic(), 2)
    for end in ("", "-wal", "-shm"):
        path.with_name(f"activity.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", path)
    made = Journal(path, clock=clock)
    yield made
    made.store.close()


def test_after_an_older_backup_nothing_is_signed(restored):
    log = restored.clinic()
    before = known(log)
    with pytest.raises(SigningRefused, match="an older backup was restored"):
        log.checkpoint()
    assert known(log) == before
    assert max(signed_roots(log)) == 5


def test_after_an_older_backup_recording_still_works_and_close_says_what_is_wrong(restored, clock):
    log = restored.clinic()
    clock.advance(10)
    assert log.record_document(event(77)).seq == 4
    assert log.entry(4).target["id"] == "bk_77"
    with pytest.raises(SigningRefused):
        restored.close()


def test_a_restored_database_that_grew_past_the_head_store_is_a_fork_and_is_not_signed(restored, clock):
    log = restored.clinic()
    for number in range(4):  # beyond the five that were signed, with other entries
        clock.advance(10)
        log.record_document(event(100 + number))
    assert log.size == 7
    with pytest.raises(SigningRefused, match="different entries at the same size"):
        log.checkpoint()
    assert max(signed_roots(log)) == 5


def test_after_an_older_backup_verify_says_truncated(restored):
    from indelible.manage.inspection import inspect

    report = inspect(restored.clinic())
    assert (report.result, [finding.verdict for finding in report.findings]) == ("not_intact", ["truncated"])


def test_without_the_head_store_nothing_is_signed_until_it_is_adopted(log, tmp_path):
    record(quiet(log), 3)
    log.checkpoint()
    record(log, 2)
    (log.shared.places.head_store).unlink()
    with pytest.raises(SigningRefused, match="indelible adopt"):
        log.checkpoint()
    assert not (log.shared.places.head_store).exists()
    record(log, 1)
    signing.adopt(log.shared.store, log.shared.heads, log.clinic, log.signer)
    assert known(log).size == 3
    assert log.checkpoint().size == 6


def test_a_head_store_that_knows_the_log_is_not_adopted_over(log):
    record(quiet(log), 1)
    log.checkpoint()
    before = known(log)
    with pytest.raises(SigningRefused, match="already has a head"):
        signing.adopt(log.shared.store, log.shared.heads, log.clinic, log.signer)
    assert known(log) == before


def test_an_older_head_store_is_told_from_an_older_database(log, tmp_path):
    record(quiet(log), 1)
    log.checkpoint()
    heads = log.shared.places.head_store
    older = heads.read_bytes()
    record(log, 1)
    log.checkpoint()
    newer = heads.read_bytes()
    heads.write_bytes(older)
    with pytest.raises(SigningRefused, match="the head store is an older copy"):
        log.checkpoint()
    heads.write_bytes(newer)
    assert log.checkpoint().size == 2


def test_a_head_store_that_is_not_a_database_is_one_sentence(log, tmp_path):
    record(quiet(log), 1)
    heads = log.shared.places.head_store
    good = heads.read_bytes()
    heads.write_bytes(b"This is not a database. " * 100)
    with pytest.raises(StorageFailure, match=r"head store .* cannot be read or written"):
        log.checkpoint()
    heads.write_bytes(good)


FORGERIES = {
    "a body": ("UPDATE indelible_entry SET body = CAST(body || ' ' AS BLOB) WHERE seq = 4", "committed head"),
    "an entry gone": ("DELETE FROM indelible_entry WHERE seq = 5", "entries are missing"),
    "a number skipped": ("UPDATE indelible_entry SET seq = 9 WHERE seq = 5", "entries are missing"),
    "two entries swapped": ("UPDATE indelible_entry SET seq = 9 - seq WHERE seq IN (4, 5)", "committed head"),
    "the head's root": ("UPDATE indelible_head SET root = zeroblob(32)", "committed head"),
    "the head's size": ("UPDATE indelible_head SET size = 4", "committed head"),
    "the checkpoint's frontier": ("UPDATE indelible_checkpoint SET frontier = x'00' WHERE size = 3", "is damaged"),
    "the checkpoint's root": ("UPDATE indelible_checkpoint SET root = zeroblob(32) WHERE size = 3", "is damaged"),
}  # fmt: skip


@pytest.fixture
def forged(tmp_path, clock):
    """Three signed entries and two that are not; `forged(statement)` changes the file without its triggers."""
    with Journal.create(tmp_path / "activity.db", clock=clock) as made:
        log = quiet(made.add_clinic("c", name="C", zone="Europe/Lisbon"))
        record(log, 3)
        log.checkpoint()
        record(log, 2)
        log.unsigned = False
    journals = []

    def change(statement):
        with closing(sqlite3.connect(tmp_path / "activity.db", isolation_level=None)) as db:
            for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {name}")
            db.execute("DROP INDEX indelible_entry_seq")
            db.execute(statement)
        journals.append(Journal(tmp_path / "activity.db", clock=clock))
        return journals[0].clinic()

    yield change
    for journal in journals:
        journal.store.close()


@pytest.mark.parametrize("what", FORGERIES)
def test_what_was_changed_since_the_last_checkpoint_is_not_signed(forged, what):
    statement, words = FORGERIES[what]
    log = forged(statement)
    before = known(log)
    with pytest.raises(SigningRefused, match=words):
        log.checkpoint()
    assert (known(log), max(signed_roots(log))) == (before, 3)


def test_never_two_roots_for_one_size(log, tmp_path):
    """Swapping in another root for a size that is signed fails, whoever tries."""
    record(quiet(log), 2)
    log.checkpoint()
    heads, signed = log.shared.heads, known(log)
    for new in (SignedHead(2, b"x" * 32, b"n"), SignedHead(1, b"x" * 32, b"n"), SignedHead(0, merkle.EMPTY_ROOT, b"")):
        assert not heads.swap(log.clinic.origin, signed, new)
    assert not heads.swap(log.clinic.origin, SignedHead(2, b"x" * 32, b""), SignedHead(3, b"y" * 32, b"n"))
    assert not heads.swap("another.log", signed, SignedHead(3, b"y" * 32, b"n"))
    assert known(log) == signed


def test_only_one_of_two_signers_wins_and_the_other_takes_over_its_checkpoint(log, tmp_path):
    record(quiet(log), 2)

    class Late(HeadStore):
        """Another process signs at the last moment before this one's swap."""

        def swap(self, origin, old, new, seen=None):
            if self.get(origin) == old:
                assert sign(log).size == 2
            return super().swap(origin, old, new, seen)

    row = sign(log, heads=Late(log.shared.places.head_store), now=START + 5)
    assert (row.size, row.signed_at) == (2, START)
    signed_roots(log)


def test_a_checkpoint_by_another_while_this_one_reads_is_not_an_older_backup(log, tmp_path):
    """Between any two reads, another process appends and signs."""
    record(quiet(log), 2)

    def others():
        if log.size < 12:
            record(log, 1)
            sign(log)

    class BusyRows(SQLiteRows):
        def checkpoints(self, last=None, up_to=None):
            found = list(super().checkpoints(last, up_to))
            others()
            return iter(found)

        def state(self):
            found = super().state()
            others()
            return found

    class Busy(SQLiteStore):
        def rows(self, clinic_id):
            return BusyRows(lambda: self._of(clinic_id), self.path)

    store = Busy(tmp_path / "activity.db")
    assert sign(log, store).size >= 2
    store.close()
    assert sign(log).size == log.size
    signed_roots(log)


def test_a_log_is_signed_about_once_a_second(log, clock):
    for _ in range(25):
        record(log)
        clock.advance(0.1)
    sizes = [row.size for row in log.rows.checkpoints()]
    assert sizes == [1, 11, 21]
