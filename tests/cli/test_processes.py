"""The command as a process of its own: pipes, a full disk, encodings, the actions of a host, read-only files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from indelible.testing.logs import event

from .conftest import without

NOBODY = 65_534

HOST = """
from indelible.catalogue import Action
from indelible.catalogue.fields import PersonalText, Word

class RoomCleaned(Action, code="parlour.aired", label="Cleaned room", category="rooms", targets=("room",),
                  sentence="{actor} cleaned {target}"):
    method: Word | None = None
    remark: PersonalText | None = None
"""
CLEANED = event(
    action="parlour.aired",
    target={"kind": "room", "id": "room_4"},
    client=None,
    context={"method": "steam", "remark": "thoroughly"},
)


@pytest.fixture
def run(cli):
    """Run the command as a process; returns its CompletedProcess with text."""

    def run(*arguments, **options):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INDELIBLE_")}
        environment |= {"PYTHONPATH": str(cli.folder)} | options.pop("env", {})
        program = options.pop("program", ("-m", "indelible.cli.main"))
        command = [sys.executable, *program, *arguments]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.run(command, cwd=cli.folder, env=environment, text=True, encoding="utf-8", **options)

    return run


@pytest.fixture
def many(cli):
    cli.record(*(event(number) for number in range(300)))
    return cli


def test_the_console_script_is_the_same_program(cli):
    script = Path(sys.executable).with_name("indelible")
    done = subprocess.run([script, "verify"], cwd=cli.folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "INTACT" in done.stdout


def closed_pipe():
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize(
    "command", [("list", "--limit", "0"), ("list", "--limit", "0", "--json"), ("actions",), ("verify",)], ids=" ".join
)
def test_a_reader_that_goes_away_is_no_failure(many, run, command):
    pipe = closed_pipe()
    done = run(*command, stdout=pipe)
    os.close(pipe)
    assert done.returncode == 0
    assert "rror" not in done.stderr


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_verdict_stays_the_exit_code_when_the_reader_goes_away(many, run, form):
    many.reseal(without("network"))
    pipe = closed_pipe()
    done = run("verify", *form, stdout=pipe)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("command", [("list",), ("list", "--json"), ("verify",), ("export",)], ids=" ".join)
def test_output_to_a_full_disk_is_one_line_and_exit_2(many, run, command):
    with open("/dev/full", "w") as full:
        done = run(*command, stdout=full)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("indelible: ")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert many.ok("verify").code == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_any_encoding_is_written_to(cli, run, encoding):
    cli.record(event(1, actor={"kind": "staff", "id": "u", "name": "Zoë Łukasz 王"}))
    for command in (("list",), ("verify",)):
        done = run(*command, env={"PYTHONIOENCODING": encoding}, errors="replace")
        assert (done.returncode, "defect" in done.stderr) == (0, False)


def test_a_document_that_is_not_text_as_an_argument(run):
    done = run("record", b"\xff\xfe")
    assert done.returncode == 2
    assert done.stderr == "indelible: the document is not UTF-8 text (byte 1)\n"


# Actions of a host


@pytest.fixture
def host(cli, run):
    (cli.folder / "host_actions.py").write_text(HOST)
    environment = {"INDELIBLE_ACTIONS": "host_actions"}
    assert run("record", json.dumps(CLEANED), env=environment).returncode == 0
    return environment


def test_an_action_of_a_host_is_recorded_listed_found_and_exported(cli, run, host):
    (one,) = map(json.loads, run("list", "--json", "category:rooms", env=host).stdout.splitlines())
    assert (one["label"], one["category"], one["context"]) == ("Cleaned room", "rooms", CLEANED["context"])
    assert "Cleaned room_4" in run("list", env=host).stdout
    assert "Cleaned room" in run("export", "action:parlour.aired", env=host).stdout
    described = {action["code"] for action in json.loads(run("actions", "--json", env=host).stdout)}
    assert "parlour.aired" in described
    assert run("verify", env=host).returncode == 0


def test_an_entry_of_a_host_is_still_read_when_its_module_is_gone(cli, host):
    (one,) = cli.ok("list", "--json", "action:parlour.aired").lines  # in this process, which never had the module
    assert (one["label"], one["category"], one["context"]) == ("parlour.aired", "other", CLEANED["context"])
    assert "parlour.aired" in cli.ok("list", "category:other").out
    assert "room_4" in cli.ok("show", "1").out
    assert "parlour.aired" in cli.ok("export").out
    assert cli.ok("verify").code == 0
    assert cli.refused("record", json.dumps(CLEANED)).startswith("action: is not an action")


@pytest.mark.parametrize(
    "code",
    [
        "def",
        "1/0",
        "import nowhere_to_be_found",
        HOST.replace("parlour.aired", "Parlour Aired"),
        HOST.replace("parlour.aired", "booking.cancelled"),
    ],
)
def test_a_module_of_actions_that_fails_is_one_line(cli, run, code):
    (cli.folder / "bad_actions.py").write_text(code)
    done = run("list", env={"INDELIBLE_ACTIONS": "bad_actions"})
    assert done.returncode == 2
    assert done.stderr.startswith("indelible: INDELIBLE_ACTIONS: bad_actions cannot be imported")
    assert done.stderr.count("\n") == 1


def test_a_module_of_actions_that_is_not_there(run):
    done = run("list", env={"INDELIBLE_ACTIONS": "nowhere"})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


# A reader without rights

AS_NOBODY = f"""
import os
# Before the rights are gone: nobody may not read the interpreter's folders.
import indelible.manage.inspection, indelible.export.run, rich.progress, typer._adapters
from indelible import catalogue
from indelible.cli import command_list, lazy_commands, main
from indelible.format import instant
catalogue.registered()
for name, listed in command_list.AllCommands.listed.items():
    lazy_commands.load(name, listed)
instant.zone("Europe/Lisbon")
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
main.main()
"""


@pytest.fixture(params=["file", "folder"])
def as_nobody(cli, run, request):
    """Run the command as a user who may read the files, and write none of them, nor, for "folder", beside them."""
    if os.getuid() != 0:
        pytest.skip("root: only root can run a command as another user")
    cli.record(event(1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(cli.folder, folder, dirs_exist_ok=True)
        folder.chmod(0o777 if request.param == "file" else 0o755)
        for path in folder.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        environment = {"INDELIBLE_MASTER_KEY": (cli.folder / "activity.db.key").read_text()}

        def command(*arguments):
            return run(
                "--database", str(folder / "activity.db"), *arguments, env=environment, program=("-c", AS_NOBODY)
            )

        yield command


@pytest.mark.parametrize(
    "command", [("record", json.dumps(event())), ("clinic", "set-time-zone", "UTC")], ids=lambda words: words[0]
)
def test_a_read_only_database_refuses_to_be_written_in_one_line(as_nobody, command):
    done = as_nobody(*command)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "read-only" in done.stderr


@pytest.mark.parametrize("as_nobody", ["file"], indirect=True)
def test_a_read_only_database_is_listed_and_verified(as_nobody):
    assert "bk_1" in as_nobody("list", "--json").stdout
    assert as_nobody("verify").returncode == 0


@pytest.mark.parametrize("as_nobody", ["folder"], indirect=True)
def test_a_database_in_a_folder_that_takes_no_file_beside_it_says_so(as_nobody):
    """SQLite needs to write beside a database in WAL mode, also to read it."""
    done = as_nobody("list", "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "read-only" in done.stderr
