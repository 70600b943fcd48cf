"""Django's migration makes what `indelible init` makes, in its own transaction, and never takes it away."""

from __future__ import annotations

import sqlite3
import stat
from importlib.resources import files
from typing import TYPE_CHECKING

from indelible import Journal, System
from indelible.catalogue.bookings import BookingCancelled
from indelible.stores import sqlite_schema

if TYPE_CHECKING:
    from tests.django.conftest import Host


def tables(host: Host) -> list[str]:
    with sqlite3.connect(host.database) as db:
        found = [
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'indelible!_%' ESCAPE '!'")
        ]
    db.close()
    return found


def test_it_makes_the_tables_of_this_release_with_a_key_that_only_the_owner_reads(host: Host) -> None:
    with sqlite3.connect(host.database) as db:
        assert sqlite_schema.found_in(db) == sqlite_schema.expected()
        assert sqlite_schema.version(db) == sqlite_schema.VERSION
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()
    assert stat.S_IMODE((host.folder / "clinic.db.key").stat().st_mode) == 0o600
    assert (host.folder / "clinic.db.heads").is_file()


def test_a_second_run_changes_nothing(host: Host) -> None:
    key = (host.folder / "clinic.db.key").read_bytes()
    host.run('record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)')
    host.manage("migrate")
    host.manage("migrate", "--fake", "indelible", "zero")
    host.manage("migrate")
    assert (host.folder / "clinic.db.key").read_bytes() == key
    assert len(host.sentences()) == 1


def test_a_log_that_is_there_already_is_kept(fresh: Host) -> None:
    with Journal.create(fresh.database) as journal:
        log = journal.add_clinic("c_lisbon", name="Clínica Estrela", zone="Europe/Lisbon")
        log.record(BookingCancelled(), target=("booking", "bk_1"), actor=System("job:test"))
    fresh.manage("migrate")
    fresh.run('record(BookingCancelled(), target=("booking", "bk_2"), actor=MARIA)')
    assert [line[0] for line in fresh.sentences()] == ["1", "2"]
    fresh.check()


def test_there_is_no_way_back(host: Host) -> None:
    host.run('record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)')
    assert "the activity log is never dropped" in host.manage("migrate", "indelible", "zero", code=1)
    assert len(host.sentences()) == 1


def test_one_that_fails_leaves_no_table_and_can_be_run_again(fresh: Host) -> None:
    key = fresh.folder / "clinic.db.key"
    key.write_text("no key")
    key.chmod(0o600)
    assert "does not hold a master key" in fresh.manage("migrate", code=1)
    assert tables(fresh) == []
    key.unlink()
    fresh.manage("migrate")
    assert "indelible_entry" in tables(fresh)


def test_what_fails_later_in_the_same_transaction_takes_the_tables_with_it(fresh: Host) -> None:
    fresh.run("""
from indelible.journal import Journal
try:
    with transaction.atomic():
        assert Journal.create_within(connection.connection, "clinic.db")
        raise RuntimeError
except RuntimeError:
    pass
""")
    assert tables(fresh) == []
    fresh.manage("migrate")
    assert "indelible_entry" in tables(fresh)


def test_outside_of_a_transaction_no_table_is_made(fresh: Host) -> None:
    told = fresh.run("""
from indelible.journal import Journal
connection.ensure_connection()
try:
    Journal.create_within(connection.connection, "clinic.db")
except StorageFailure as error:
    tell(str(error))
""")
    assert told.startswith("the connection is not in a transaction")
    assert tables(fresh) == []
    assert not (fresh.folder / "clinic.db.key").exists()


def test_the_settings_say_where_key_and_head_store_are_and_the_name_of_the_installation(fresh: Host) -> None:
    fresh.settings("""
INDELIBLE_MASTER_KEY = "indelible-master-key-1:" + "5" * 64
INDELIBLE_HEAD_STORE = Path(__file__).parents[1] / "elsewhere.heads"
INDELIBLE_INSTALLATION = "log.example.org"
""")
    fresh.manage("migrate")
    origin = fresh.run("""
journal().add_clinic("c_lisbon", name="Clínica", zone="Europe/Lisbon")
record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
tell(journal().clinic().info.origin)
""")
    assert origin.startswith("log.example.org/c/")
    assert (fresh.folder / "elsewhere.heads").is_file()
    assert not (fresh.folder / "clinic.db.key").exists()
    assert not (fresh.folder / "clinic.db.heads").exists()


def test_only_the_database_of_the_log_gets_its_tables(fresh: Host) -> None:
    fresh.settings("""
DATABASES["log"] = {**DATABASES["default"], "NAME": Path(__file__).parents[1] / "log.db"}
INDELIBLE_DATABASE_ALIAS = "log"
""")
    fresh.manage("migrate")
    assert tables(fresh) == []
    fresh.manage("migrate", "--database", "log")
    fresh.run("""
journal().add_clinic("c_lisbon", name="Clínica", zone="Europe/Lisbon")
with transaction.atomic(using="log"):
    record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
""")
    fresh.database = fresh.folder / "log.db"
    assert len(fresh.sentences()) == 1
    fresh.check()


def test_django_finds_nothing_that_has_no_migration(host: Host) -> None:
    assert "No changes detected" in host.manage("makemigrations", "--check", "--dry-run")


def test_each_schema_after_the_first_release_has_a_migration_of_django_that_brings_it() -> None:
    # 0001 makes schema 2, and of a new database the newest. Each later schema needs one more, which calls `upgrade`.
    migrations = [one for one in files("indelible.django").joinpath("migrations").iterdir() if one.name[:4].isdigit()]
    assert len(migrations) == sqlite_schema.VERSION - 1
