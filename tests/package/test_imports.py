"""What importing the package loads, and what it offers."""

from __future__ import annotations

import subprocess
import sys

import indelible


def _modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_verifier_loads_no_catalogue_no_keys_and_no_database_driver() -> None:
    loaded = _modules_after("import indelible.verify")
    unwanted = {"sqlite3", "pydantic", "typer", "rich", "django", "psycopg", "ua_parser"}
    unwanted |= {
        f"indelible.{name}" for name in ("catalogue", "document", "journal", "keys", "personal", "store", "stores")
    }
    assert "indelible.verify" in loaded
    assert not loaded & unwanted


def test_no_command_but_demo_loads_the_demo() -> None:
    loaded = _modules_after("from indelible.cli.main import run; run(['actions'])")
    assert "indelible.cli.demonstrating" in loaded
    assert not {name for name in loaded if name.split(".")[:2] == ["indelible", "demo"]}


def test_the_package_offers_at_most_fifteen_names_and_each_of_them_is_there() -> None:
    assert len(indelible.__all__) <= 15
    for name in indelible.__all__:
        assert getattr(indelible, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(indelible, "Gournal")
