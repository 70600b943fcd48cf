"""docs/howto/own-actions.md does what it says: its files are written, its programs and commands run, in order."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "own-actions.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


class Host:
    """A folder with what the page says to put there; its programs run as processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, ""
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("INDELIBLE_")}
        self.environment["PYTHONPATH"] = str(folder)

    def start(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *command], cwd=self.folder, env=self.environment, text=True,
                              capture_output=True, encoding="utf-8")  # fmt: skip

    def run(self, *command: str) -> str:
        done = self.start(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def indelible(self, *arguments: str) -> str:
        return self.run("-m", "indelible.cli.main", *arguments)

    def follow(self, language: str, text: str) -> None:
        """Do what a block of the page says."""
        named = re.match(r"# (\w+\.py)\n", text)
        if language == "python" and named:
            (self.folder / named[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            self.run("-c", text)
        elif language == "json":
            (self.folder / "rooms.jsonl").write_text(text, encoding="utf-8")
        for line in text.splitlines() if language == "sh" else ():
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                self.environment[name] = value
            else:
                command, *arguments = shlex.split(line)
                assert command == "indelible"
                self.said += f"\n$ {line}\n{self.indelible(*arguments)}"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    made = Host(tmp_path_factory.mktemp("host"))
    made.indelible("init", "--installation", "log.example.org")
    made.indelible("clinic", "add", "c_lisbon", "--name", "Lisbon", "--time-zone", "Europe/Lisbon")
    for language, text in BLOCKS:
        made.follow(language, text)
    return made


def answer(host, command):
    """What a command of the page printed."""
    return host.said.partition(f"$ indelible {command}\n")[2].partition("\n$ ")[0]


def test_the_list_shows_the_sentence_and_the_second_line(host):
    shown = answer(host, "list category:rooms")
    assert "Cleaned room r_4" in shown
    assert "1 of 2 beds ready; took 25 min; 5 min late" in shown
    assert "Rented out room r_7 for 40.00 EUR" in shown


def test_filters_find_the_action_and_what_refers_to_the_room(host):
    assert "Rented" not in answer(host, "list action:room.cleaned")
    about = answer(host, "list about:room/r_4")
    assert "Cleaned room r_4" in about
    assert "Rented out room r_7" in about


def test_the_csv_has_the_fields(host):
    text = (host.folder / "rooms.csv").read_text(encoding="utf-8-sig")
    rows = {row["action"]: row for row in csv.DictReader(text.splitlines())}
    assert json.loads(rows["room.cleaned"]["context"])["remark"] == "plant watered"
    assert rows["room.rented"]["category"] == "rooms"


def test_the_command_shows_what_can_be_recorded(host):
    shown = answer(host, "actions room.cleaned")
    for text in (
        "Rooms (rooms)",
        "one of quick, thorough",
        "id → service",
        "personal: identity",
        "{took_minutes}",
    ):
        assert text in shown


def test_a_built_in_action_is_widened(host):
    host.environment["INDELIBLE_ACTIONS"] = "clinic_actions,clinic_fields"
    shown = host.indelible("list", "action:booking.created")
    assert "Created reservation bk_99812" in shown
    assert "room r_4" in shown
    assert "bk_99812" in host.indelible("list", "about:room/r_4")
    host.indelible("record", json.dumps({
        "action": "booking.created", "actor": {"kind": "staff", "id": "usr_12"}, "context": {"acme_room": "r_4"},
        "target": {"kind": "booking", "id": "bk_2"},
    }))  # fmt: skip
    assert '"acme_room"' in host.indelible("actions", "booking.created", "--json")


def test_the_pins_of_the_page_hold_and_tell_what_changed(host):
    program = "import test_actions; test_actions.test_our_codes_are_those_pinned()"
    host.run("-c", program)
    changed = "import test_actions; test_actions.PINNED['room.rented'] += '; x: id'; " + program
    assert (
        "AssertionError: room.rented has fields that differ from its pin (x was id" in host.start("-c", changed).stderr
    )


def test_the_log_is_intact(host):
    assert "INTACT" in host.indelible("verify")
