"""The command line, with any arguments and any input: exit code 0 or 2, and one line that says what is wrong.

Never a traceback, never "a defect of Indelible"; and never exit code 1, which is the verdict of `verify` on a log that
is not intact.
"""

from __future__ import annotations

import gc
import io
import os
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import strategies as st

from indelible.cli import main

# What no run may do is left out: `demo`, which takes long, and outputs outside the folder, which need a slash.
COMMANDS = [
    ["list", "category:bookings", "--limit", "5"],
    ["list", "-actor:system", "Ana", "--json", "--older", "1777810951000000.3.8"],
    ["list", "--limit", "0", "client:cli_77", "--clinic", "c_lisbon"],
    ["show", "1", "--json"],
    ["show", "3", "--raw"],
    ["story", "booking/bk_1", "--json"],
    ["export", "from:2026-05-01", "--format", "jsonl", "--as", "usr_1", "--as-name", "Maria"],
    ["export", "--output", "out.csv", "--format", "csv-data"],
    ["bundle", "--output", "b.zip", "--complete", "--entries", "1-4", "--withhold", "network"],
    ["bundle", "target:bk_1", "--output", "b.zip", "--as", "usr_1"],
    ["verify", "--structure", "--json"],
    ["verify", "complete.zip", "--key", "log.example.org/c/1+00000000+AAAA"],
    ["verify", "selection.zip", "--json"],
    ["checkpoint"],
    ["anonymize", "cli_77", "--requested-by", "client", "--as", "usr_1"],
    ["backup", "copy.db"],
    ["restore", "activity.db", "--database", "other.db"],
    ["upgrade"],
    ["adopt", "--clinic", "c_lisbon"],
    ["actions", "--json"],
    ["record", "-", "--json"],
    ["record", '{"action": "booking.created"}'],
    ["import", "-", "--run", "r1", "--strict"],
    ["clinic", "add", "c_2", "--name", "Porto", "--time-zone", "Europe/Lisbon", "--continues", "c_lisbon"],
    ["clinic", "list"],
    ["clinic", "set-time-zone", "Asia/Kathmandu", "--as", "usr_1"],
    ["clinic", "close", "--output", "last.zip", "--yes"],
    ["--database", "activity.db", "init", "--installation", "log.example.org"],
]
# As they come from a shell: no NUL, and bytes that are no UTF-8 as lone surrogates.
LETTERS = st.characters(exclude_characters="\x00/", exclude_categories=["Cs"]) | st.just("\udcff")
WORDS = [word for command in COMMANDS for word in command]
ODD = [
    "",
    "-",
    "--",
    "-x",
    "--help",
    "=",
    "--limit=x",
    "9" * 30,
    "-1",
    "1-",
    "-9",
    "1-" + "9" * 30,
    "٣",
    "\udcff",
    "\x1b[2J",
]


@st.composite
def arguments(draw):
    found = list(draw(st.sampled_from(COMMANDS)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(found) - 1))
        word = draw(st.sampled_from(ODD) | st.sampled_from(WORDS) | st.text(LETTERS, max_size=8))
        edit = draw(st.sampled_from(["replace", "insert", "out", "edit"]))
        if edit == "replace":
            found[at] = word
        elif edit == "insert":
            found.insert(at, word)
        elif edit == "out" and len(found) > 1:
            del found[at]
        elif "/" not in word and "/" not in found[at]:
            found[at] += word
    return found


def run(words, stdin=b""):
    """Run a command in this process; return exit code, output and messages."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", newline="") for _ in range(2))
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main.run(words)
    finally:
        sys.stdin = before
        gc.unfreeze()
    for stream in (out, err):
        stream.flush()
    return code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()


def refused_in_one_line(code, err):
    assert code in (0, 2)
    assert "Traceback" not in err
    assert "defect of Indelible" not in err
    if code == 2 and (last := err.splitlines()[-1:]):
        assert last[0].startswith(("indelible: ", "line "))
    return code == 0


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy of the small log in the current folder; `folder()` makes it anew."""
    for name in ("DATABASE", "CLINIC", "MASTER_KEY", "KEEP", "ACTIONS", "VKEY", "DEBUG"):
        monkeypatch.delenv(f"INDELIBLE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)

    def again():
        for path in tmp_path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(made, tmp_path, dirs_exist_ok=True)

    return again


def test_any_arguments(drive, folder, documents):
    def check(words):
        folder()
        code, _, err = run(words, documents[0])
        if code == 2 and "import" not in words and "restore" not in words and "verify" not in words:
            assert err.count("\n") == 1, err
        return refused_in_one_line(code, err)

    drive("the command line", arguments(), check, 80)


@pytest.mark.parametrize("words", [["record", "-"], ["import", "-"], ["import", "-", "--run", "r1"]])
def test_any_input(drive, strategies, folder, documents, words):
    seeds = [b"\n".join(documents), *documents]
    folder()
    drive(
        f"indelible {' '.join(words)}",
        strategies.edited(seeds),
        lambda data: refused_in_one_line(*run(words, data)[::2]),
        60,
    )


def test_verify_on_any_file(drive, strategies, folder, bundles):
    folder()
    with open("activity.db", "rb") as file:
        database = file.read()
    with open("vkey") as text:
        vkey = text.read()
    heads = [b"PK\x03\x04" + os.urandom(60), b"PK\x05\x06" + b"\x00" * 18, b"PK", b"", b"SQLite format 3\x00", b"{}"]

    def check(data):
        with open("any", "wb") as file:
            file.write(data)
        shutil.copy("activity.db.key", "any.key")
        shutil.copytree("activity.db.keep", "any.keep", dirs_exist_ok=True)
        code, out, err = run(["verify", "any", "--key", vkey])
        assert code in (0, 1, 2)
        assert code != 1 or "NOT INTACT" in out
        assert "Traceback" not in err
        assert "defect of Indelible" not in err
        return code != 2

    drive("indelible verify FILE", strategies.edited([*bundles, *heads, database, database[:20_000]]), check, 30)
