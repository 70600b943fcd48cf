"""What importing the package loads, and what it offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import indelible

CATEGORIES = {
    f"indelible.catalogue.{name}"
    for name in ["account", "bookings", "clients", "log", "loyalty", "payments", "services", "settings", "vouchers"]
}


def _modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_verifier_loads_no_catalogue_no_keys_and_no_database_driver() -> None:
    loaded = _modules_after("import indelible.verify")
    unwanted = {"sqlite3", "pydantic", "typer", "rich", "django", "psycopg", "ua_parser"}
    unwanted |= {f"indelible.{name}" for name in ("catalogue", "journal", "keep", "read", "record", "stores")}
    assert "indelible.verify" in loaded
    assert not loaded & unwanted


def test_the_client_loads_no_catalogue_no_log_and_no_database() -> None:
    loaded = _modules_after("""
from indelible.client import Client
client = Client("http://127.0.0.1:1", "ind_test_x", clinic="c_lisbon")
try:
    client.record({"action": "booking.cancelled", "key": "k", "context": {"late": 0.5}}, wait="no")
except Exception as error:
    assert "wait" in str(error)
""")
    unwanted = {"sqlite3", "pydantic", "typer", "rich", "django", "psycopg", "ua_parser"}
    unwanted |= {f"indelible.{name}" for name in ("catalogue", "journal", "keep", "outbox", "read", "record", "stores")}
    assert "indelible.client.blocking" in loaded
    assert not loaded & unwanted


def test_an_action_makes_the_client_load_its_own_category_and_a_spool_a_database() -> None:
    loaded = _modules_after("""
import tempfile
from indelible import Staff
from indelible.catalogue.bookings import BookingCancelled
from indelible.client import Client, document
document(BookingCancelled(late=True), actor=Staff("usr_12"), target=("booking", "bk_1"))
Client("http://127.0.0.1:1", "ind_test_x", clinic="c_lisbon", spool=tempfile.mkdtemp()).close(0)
""")
    assert loaded & CATEGORIES == {"indelible.catalogue.bookings"}
    assert "sqlite3" in loaded
    unwanted = {"django", "psycopg"} | {f"indelible.{name}" for name in ("journal", "keep", "stores.sqlite")}
    assert not loaded & unwanted


def test_the_catalogue_loads_no_action_before_somebody_asks_for_one() -> None:
    for statement in ("import indelible.catalogue", "from indelible import Action, Journal, Staff"):
        assert not _modules_after(statement) & CATEGORIES


def test_a_code_loads_the_module_that_declares_it_and_no_other() -> None:
    loaded = _modules_after("from indelible.catalogue import find; assert find('booking.created')")
    assert loaded & CATEGORIES == {"indelible.catalogue.bookings"}
    assert not _modules_after("from indelible.catalogue import find; assert not find('room.aired')") & CATEGORIES


def test_a_category_is_a_module_of_the_catalogue() -> None:
    loaded = _modules_after("from indelible.catalogue import bookings; assert bookings.BookingCreated")
    assert loaded & CATEGORIES == {"indelible.catalogue.bookings"}


def _modules_of(*arguments: str) -> set[str]:
    """What a command has loaded when it is done, however it ends."""
    return _modules_after(f"from indelible.cli.main import run\nrun({list(arguments)!r})")


def test_a_bundle_is_verified_without_the_catalogue_and_without_the_journal(tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    file.write_bytes(b"PK\x05\x06" + bytes(18))
    loaded = _modules_of("verify", str(file))
    assert "indelible.proof.verify.bundle" in loaded
    unwanted = {"sqlite3", "rich", "django"}  # pydantic is there: typer itself reads options with it
    unwanted |= {f"indelible.{name}" for name in ("catalogue", "record.document", "journal", "keep.keys", "stores")}
    assert not loaded & unwanted


def test_the_list_of_commands_imports_none_of_them() -> None:
    for argument in ("--help", "--version"):
        loaded = _modules_of(argument)
        unwanted = {"pydantic", "sqlite3", "indelible.catalogue", "indelible.journal", "indelible.proof.verify"}
        assert not loaded & unwanted


def test_a_command_imports_no_demo_and_no_action_that_it_does_not_use(tmp_path: Path) -> None:
    for command in (["list"], ["record", "{}"]):
        loaded = _modules_of("--database", str(tmp_path / "none.db"), *command)
        assert "indelible.journal" in loaded
        assert not loaded & {"indelible.demo", *CATEGORIES}


def test_no_command_but_demo_loads_the_demo() -> None:
    loaded = _modules_of("actions")
    assert "indelible.cli.commands.actions" in loaded
    assert not {name for name in loaded if name.split(".")[:2] == ["indelible", "demo"]}


def test_the_package_offers_at_most_fifteen_names_and_each_of_them_is_there() -> None:
    assert len(indelible.__all__) <= 15
    for name in indelible.__all__:
        assert getattr(indelible, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(indelible, "Gournal")
