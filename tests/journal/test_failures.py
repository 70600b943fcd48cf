"""A full disk, a read-only file, a database or a key that is not ours: one sentence each, and nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from indelible.errors import InvalidInput, KeyUnavailable, StorageFailure
from indelible.journal import Journal
from indelible.keep import keys
from indelible.record.document import parse
from indelible.testing.logs import assert_intact, event, last_connection

NOBODY = 65_534


def limit_pages(log, beyond):
    """Let the database grow by this many pages and no more; None lifts the limit."""
    db = last_connection(log.shared.store)
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {1_000_000 if beyond is None else pages + beyond}")


def fill(log, start=0):
    """Record until the disk is full; return how many were acknowledged."""
    for number in range(start, start + 10_000):
        try:
            log.record_document(event(number, key=f"k{number}"))
        except StorageFailure as error:
            assert str(error) == "the disk is full; nothing of this was recorded: free some space and try again"
            return number
    raise AssertionError("the disk was never full")


def test_a_full_disk_loses_nothing_and_after_it_the_log_goes_on(log):
    limit_pages(log, 8)
    done = fill(log)
    assert log.size == done > 0
    assert fill(log, done) == done  # still full
    assert_intact(log)
    limit_pages(log, None)
    assert log.record_document(event(done, key=f"k{done}")).seq == done + 1
    assert log.record_document(event(0, key="k0")).repeated
    log.checkpoint()


def test_a_batch_that_does_not_fit_leaves_nothing_of_it(log):
    log.record_document(event())
    limit_pages(log, 4)
    with pytest.raises(StorageFailure, match="the disk is full"):
        log.append([log.draft(parse(event(number))) for number in range(500)])
    limit_pages(log, None)
    assert log.size == 1
    assert log.record_document(event()).seq == 2


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 600 KiB, which only root can make."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=800k", "none", disk], capture_output=True)
    if not made or made.returncode:
        pytest.skip("root: a small file system can be mounted by root only")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_really_full_file_system_loses_nothing_and_after_it_the_log_goes_on(small_disk, clock):
    # The filler leaves some space for the write-ahead log, which grows before the database does.
    filler = small_disk / "filler"
    journal = Journal.create(small_disk / "activity.db", clock=clock)
    log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
    filler.write_bytes(bytes(192 * 1024))
    done = 0
    with pytest.raises(StorageFailure, match="disk"):
        for done in range(10_000):
            log.record_document(event(done, key=f"k{done}"))
    assert log.size == done > 0
    filler.unlink()
    assert log.record_document(event(done, key=f"k{done}")).seq == done + 1
    log.checkpoint()
    assert_intact(log)
    journal.close()


DAMAGED = pytest.param(b"This is not a database. " * 100, id="damaged")


@pytest.mark.parametrize("damage", [DAMAGED, pytest.param(None, id="gone")])
def test_an_entry_that_is_on_disk_is_acknowledged_although_it_cannot_be_signed(log, clock, damage):
    log.record_document(event())
    heads = log.shared.places.head_store
    good = heads.read_bytes()
    heads.unlink() if damage is None else heads.write_bytes(damage)
    clock.advance(10)
    try:
        assert log.record_document(event(2)).seq == 2
    finally:
        heads.write_bytes(good)
    assert log.size == 2


# Without the rights


def as_nobody(folder, code):
    """Run code as a user who owns nothing; return what it raised, as the class's name and the sentence."""
    if os.geteuid() != 0:
        pytest.skip("root: another user can be taken on by root only")
    script = (
        "import os, sys\n"
        "from indelible.journal import Journal\n"
        "from indelible.testing.logs import event\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"path = {str(folder / 'activity.db')!r}\n"
        "key = sys.stdin.read()\n"
        "try:\n"
        + "".join(f"    {line}\n" for line in code.splitlines())
        + "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    with open(folder / "activity.db.key") as key:
        done = subprocess.run([sys.executable, "-c", script], stdin=key, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def readable(journal, log, tmp_path):
    """A copy of the log where others may read the database but write nothing."""
    log.record_document(event())
    journal.close()
    # Beside pytest's own folders, which nobody else may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(tmp_path, folder, dirs_exist_ok=True)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o600 if path.suffix == ".key" else 0o444)
        folder.chmod(0o755)
        yield folder
        with Journal(folder / "activity.db", clock=journal.clock) as copied:
            assert_intact(copied.clinic())
            assert copied.clinic().size == 1


RECORD = "Journal(path, master_key=key).clinic().record_document(event())\nprint('recorded')"


def test_a_read_only_database_says_so(readable):
    said = as_nobody(readable, RECORD)
    assert said.startswith("StorageFailure the database ")
    assert "read-only" in said or "cannot be opened" in said


def test_a_database_that_cannot_be_read_says_so(readable):
    (readable / "activity.db").chmod(0o000)
    assert as_nobody(readable, RECORD).startswith("StorageFailure the database file cannot be opened")


def test_a_keep_that_cannot_be_read_says_so(readable):
    readable.chmod(0o777)
    (readable / "activity.db").chmod(0o666)
    (readable / "activity.db.keep").chmod(0o700)
    said = as_nobody(readable, RECORD)
    assert said.startswith("StorageFailure the cover ")
    assert "give the folder and all in it to the user that Indelible runs as" in said
    (readable / "activity.db.keep").chmod(0o755)


def test_a_key_file_of_another_user_says_so(readable):
    readable.chmod(0o777)
    (readable / "activity.db").chmod(0o666)
    said = as_nobody(readable, "Journal(path)")
    assert said.startswith("KeyUnavailable the master key at")
    assert "who may read it" in said


def test_a_log_cannot_be_made_where_nothing_may_be_written_and_leaves_no_key(readable):
    said = as_nobody(readable, "Journal.create(path.replace('activity', 'new'))")
    assert said.split()[0] in ("KeyUnavailable", "StorageFailure")
    assert "could not be written" in said
    assert not list(readable.glob("new*"))


# Other databases and other keys


@pytest.mark.parametrize("content", [b"This is not a database. " * 100, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_file_that_is_not_a_database_says_so(tmp_path, content):
    (tmp_path / "activity.db").write_bytes(content)
    with pytest.raises(StorageFailure, match=r"not an SQLite database|damaged"):
        Journal(tmp_path / "activity.db")
    with pytest.raises(StorageFailure):
        Journal.create(tmp_path / "activity.db")
    assert (tmp_path / "activity.db").read_bytes() == content
    assert not (tmp_path / "activity.db.key").exists()


@pytest.fixture
def closed(tmp_path, clock):
    """A journal of one entry, closed; opened again and verified at the end."""
    path = tmp_path / "activity.db"
    with Journal.create(path, clock=clock) as made:
        made.add_clinic("c", name="C", zone="Europe/Lisbon").record_document(event())
    key = path.with_name("activity.db.key").read_bytes()
    yield path
    kept = path.with_name("activity.db.key")
    kept.unlink(missing_ok=True)
    kept.write_bytes(key)
    kept.chmod(0o600)
    with Journal(path, clock=clock) as made:
        assert_intact(made.clinic())
        assert made.clinic().size == 1


def key_file(path):
    return path.with_name("activity.db.key")


def test_a_lost_key_says_where_it_was_looked_for(closed):
    key_file(closed).unlink()
    with pytest.raises(KeyUnavailable, match=r"not at .*activity\.db\.key; put it back"):
        Journal(closed)


def test_another_key_is_told_by_its_fingerprint(closed):
    key_file(closed).unlink()
    other = keys.create(key_file(closed))
    with pytest.raises(KeyUnavailable, match=f"fingerprint {other.fingerprint}.*not the one that this database"):
        Journal(closed)


def test_a_key_that_others_may_read_is_refused(closed):
    for mode in (0o640, 0o604, 0o660):
        key_file(closed).chmod(mode)
        with pytest.raises(KeyUnavailable, match="can be read by others; run: chmod 600"):
            Journal(closed)


def test_a_garbled_key_is_refused_and_not_shown(closed):
    text = key_file(closed).read_text()
    for garbled in (text[:-3], text.upper(), "", text.replace(":", ";"), "\n\n" + text[10:], text + text):
        key_file(closed).write_text(garbled)
        with pytest.raises(KeyUnavailable, match="does not hold a master key") as raised:
            Journal(closed)
        assert text[-30:-1] not in str(raised.value)


def test_the_key_may_be_given_as_text_or_as_a_path(closed, tmp_path, monkeypatch):
    text = key_file(closed).read_text()
    elsewhere = tmp_path / "elsewhere.key"
    key_file(closed).rename(elsewhere)
    Journal(closed, master_key=text).close()
    Journal(closed, master_key=str(elsewhere)).close()
    monkeypatch.setenv("INDELIBLE_MASTER_KEY", text)
    Journal(closed).close()


def test_making_a_log_where_one_is_changes_nothing(closed):
    def there():
        return {path: path.read_bytes() for path in closed.parent.rglob("*") if path.is_file()}

    before = there()
    assert {".cover", ".key"} <= {path.suffix for path in before}
    with pytest.raises(StorageFailure, match="already holds an activity log"):
        Journal.create(closed)
    after = there()
    assert before == {path: after[path] for path in before}


@pytest.mark.parametrize(
    ("clinic", "name", "zone", "field"),
    [
        ("", "C", "Europe/Lisbon", "clinic"), ("a b", "C", "Europe/Lisbon", "clinic"), ("a" * 65, "C", "UTC", "clinic"),
        ("c2", " ", "Europe/Lisbon", "name"), ("c2", "C" * 201, "UTC", "name"), ("c2", "C\x00", "UTC", "name"),
        ("c2", "C", "Europe/Lisboa", "time-zone"), ("c2", "C", "../etc/passwd", "time-zone"),
        ("c2", "C", "", "time-zone"),
    ],
)  # fmt: skip
def test_a_clinic_that_cannot_be_is_refused_and_the_field_named(journal, clinic, name, zone, field):
    with pytest.raises(InvalidInput) as raised:
        journal.add_clinic(clinic, name=name, zone=zone)
    assert raised.value.field == field
    assert [one.id for one, _ in journal.clinics()] == ["c_lisbon"]
