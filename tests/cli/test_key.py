"""`indelible key` in real processes: made and shown once, listed without its secret, revoked, and recorded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest


@pytest.fixture
def run(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
    program = Path(sys.executable).with_name("indelible")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=tmp_path, env={**environment, "INDELIBLE_KEEP_BESIDE": "yes"},
            capture_output=True, text=True,
        )  # fmt: skip

    for made in (run("init"), run("clinic", "add", "c_a", "--name", "A", "--time-zone", "UTC")):
        assert made.returncode == 0, made.stderr
    return run


def test_a_key_is_made_shown_once_listed_revoked_and_recorded(run, tmp_path):
    made = run(
        "key", "add", "booking program", "--scope", "record", "--scope", "read", "--until", "2126-01-31T00:00:00Z"
    )
    assert made.returncode == 0, made.stderr
    found = re.fullmatch(r"ind_test_([0-9a-f]{12})_[A-Za-z0-9_-]{43}\n", made.stdout)  # nothing else: a script takes it
    assert found is not None
    assert "shown once" in made.stderr
    id, secret = f"key_{found[1]}", found[0].strip().split("_", 3)[3]
    listed = run("key", "list").stdout
    assert id in listed
    assert "record,read" in listed
    assert "until 2126-01-31T00:00Z" in listed
    assert secret not in listed
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    assert run("key", "list", "--platform").stdout == "no key\n"
    assert "opens nothing any more" in run("key", "revoke", id).stdout
    assert "was revoked before" in run("key", "revoke", id).stdout
    assert "revoked 20" in run("key", "list").stdout
    entries = run("list", "--json").stdout
    assert [re.findall(f'"action": ?"{code}"', entries) != [] for code in ("api_key.created", "api_key.revoked")] == [
        True, True,
    ]  # fmt: skip
    assert entries.count("api_key.revoked") == 1


def test_a_last_day_is_whole_in_the_clinics_zone(run):
    assert run("clinic", "add", "c_l", "--name", "L", "--time-zone", "America/Sao_Paulo").returncode == 0
    assert run("key", "add", "x", "--scope", "read", "--clinic", "c_l", "--until", "2126-01-31").returncode == 0
    assert "until 2126-02-01T03:00Z" in run("key", "list", "--clinic", "c_l").stdout
    assert run("key", "add", "x", "--scope", "read", "--platform", "--until", "2126-01-31").returncode == 0
    assert "until 2126-02-01T00:00Z" in run("key", "list", "--platform").stdout


def test_a_key_of_the_platform_is_in_the_log_of_each_clinic(run):
    assert run("clinic", "add", "c_b", "--name", "B", "--time-zone", "UTC").returncode == 0
    assert run("key", "add", "provisioning", "--scope", "manage", "--platform").returncode == 0
    for clinic in ("c_a", "c_b"):
        assert "Created API key provisioning" in run("list", "--clinic", clinic).stdout


def test_some_that_start_at_once_on_a_new_log_make_its_accounts_once(run):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: run("key", "add", f"k{number}", "--scope", "read"), range(4)))
    assert [one.stderr for one in made if one.returncode] == []
    assert len(run("key", "list").stdout.splitlines()) == 4


@pytest.mark.parametrize(("arguments", "field"), [
    (("add", "x", "--scope", "nope"), "scopes"),
    (("add", " ", "--scope", "read"), "name"),
    (("add", "x", "--scope", "read", "--until", "soon"), "until"),
    (("add", "x", "--scope", "read", "--until", "2126-02-30", "--clinic", "c_a"), "until"),
    (("add", "x", "--scope", "read", "--until", "2001-01-01T00:00:00Z"), "ends_at"),
    (("add", "x", "--scope", "read", "--clinic", "c_none"), "c_none"),
    (("add", "x", "--scope", "read", "--clinic", "c_a", "--platform"), "--platform"),
    (("revoke", "key_none"), "no such key"),
], ids=str)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(run, arguments, field):
    answer = run("key", *arguments)
    assert answer.returncode == 2, (answer.stdout, answer.stderr)
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("indelible: ")
    assert field in answer.stderr
    assert answer.stdout == ""
