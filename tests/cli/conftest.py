"""Commands run in this process, in a folder of their own, with nothing of the environment's settings."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import connect

import pytest

from indelible.cli import main
from indelible.keep.personal import Part, join, split


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

    def reseal(self, change: Callable[[Part], bytes | None], seq: int | None = None) -> None:
        """Change what is sealed behind the log's back: `change` gives the bytes of a part, or None where it goes."""
        with closing(connect(self.folder / "activity.db", isolation_level=None)) as db:
            db.execute("DROP TRIGGER IF EXISTS indelible_entry_no_update")
            for found, sealed in db.execute("SELECT seq, sealed FROM indelible_entry").fetchall():
                if seq in (None, found):
                    parts = [(part, change(part)) for part in split(sealed)]
                    left = join(part._replace(data=data) for part, data in parts if data is not None)
                    db.execute("UPDATE indelible_entry SET sealed = ? WHERE seq = ?", (left, found))


def without(personal_class: str) -> Callable[[Part], bytes | None]:
    """For `Commands.reseal`: the values of a class go."""
    return lambda part: None if part.personal_class == personal_class else part.data


def blanked(personal_class: str) -> Callable[[Part], bytes | None]:
    """For `Commands.reseal`: the values of a class are replaced by as many zeros."""
    return lambda part: bytes(len(part.data)) if part.personal_class == personal_class else part.data


@pytest.fixture
def empty(tmp_path, capsys, monkeypatch):
    """The command in a folder without a database."""
    for name in ("DATABASE", "CLINIC", "MASTER_KEY", "KEEP", "KEEP_BESIDE", "ACTIONS", "VKEY", "DEBUG"):
        monkeypatch.delenv(f"INDELIBLE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return Commands(tmp_path, capsys, monkeypatch)


@pytest.fixture
def cli(empty):
    """The command in a folder with a database and the clinic `c_lisbon`."""
    empty.ok("init", "--installation", "log.example.org")
    empty.ok("clinic", "add", "c_lisbon", "--name", "Lisbon", "--time-zone", "Europe/Lisbon")
    return empty
