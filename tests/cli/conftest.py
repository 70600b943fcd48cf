"""Commands run in this process, in a folder of their own, with nothing of the environment's settings."""

from __future__ import annotations

import io
import json
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import connect

import pytest

from indelible.cli import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict]:
        """Standard output as JSON, one object a line."""
        return [json.loads(line) for line in self.out.split("\n") if line]


class Commands:
    """`cli("list", "--json")` runs a command in `folder`, which is the current one."""

    def __init__(self, folder: Path, capsys, monkeypatch) -> None:
        self.folder, self._capsys, self._monkeypatch = folder, capsys, monkeypatch

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Result:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capsys.readouterr()
        code = main.run(list(arguments))
        out, err = self._capsys.readouterr()
        return Result(code, out, err)

    def ok(self, *arguments: str, stdin: bytes = b"") -> Result:
        result = self(*arguments, stdin=stdin)
        assert result.code == 0, result.err
        return result

    def refused(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run a command that must fail as the contract says, and return its one line."""
        result = self(*arguments, stdin=stdin)
        assert result.code >= 2
        assert result.err.count("\n") == 1
        assert result.err.startswith("indelible: ")
        assert "Traceback" not in result.err
        assert "defect" not in result.err
        return result.err.removeprefix("indelible: ").rstrip("\n")

    def record(self, *documents: dict) -> None:
        """Import documents."""
        self.ok("import", "-", stdin="".join(json.dumps(one) + "\n" for one in documents).encode())

    def sql(self, statement: str, *values) -> None:
        """Change the database behind the log's back."""
        with closing(connect(self.folder / "activity.db", isolation_level=None)) as db:
            db.execute(statement, values)


@pytest.fixture
def empty(tmp_path, capsys, monkeypatch):
    """The command in a folder without a database."""
    for name in ("DATABASE", "CLINIC", "MASTER_KEY", "HEAD_STORE", "ACTIONS", "VKEY", "DEBUG"):
        monkeypatch.delenv(f"INDELIBLE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return Commands(tmp_path, capsys, monkeypatch)


@pytest.fixture
def cli(empty):
    """The command in a folder with a database and the clinic `c_lisbon`."""
    empty.ok("init", "--installation", "log.example.org")
    empty.ok("clinic", "add", "c_lisbon", "--name", "Lisbon", "--time-zone", "Europe/Lisbon")
    return empty
