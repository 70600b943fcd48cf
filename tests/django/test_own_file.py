"""A log in a project's file is not served from there; moved to a file of its own, as the how-to says, it is."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing

from .conftest import _PROGRAMS, HOWTO, Host

# What the how-to says to type for a log that is there.
_MOVE = re.search(r"```sh\n(indelible backup.*?)```", HOWTO.read_text("utf-8"), re.DOTALL)
_RECORDING = """
with transaction.atomic():
    booking = book("bk_moved")
    transaction.on_commit(lambda: record(BookingCancelled(), target=booking, client=booking, actor=MARIA))
close_journal()
"""


def invite(host: Host, database: str, code: int) -> str:
    return host.command("-c", "import os, sys; os.environ['INDELIBLE_DATABASE'] = sys.argv.pop(1)\n"
                        "from indelible.service.inviting import main; sys.exit(main(sys.argv[1:]))", database,
                        "maria@clinic.example", code=code)  # fmt: skip


def test_it_is_refused_in_the_projects_file_and_opened_in_its_own(host):
    host.run(_RECORDING.replace("bk_moved", "bk_before"))
    before = tables(host, "clinic.db")
    assert "holds the tables of another Django project" in invite(host, "clinic.db", 2)
    assert tables(host, "clinic.db") == before
    assert _MOVE is not None
    for line in _MOVE[1].splitlines():
        program, *arguments = shlex.split(line)
        if program == "mv":
            (host.folder / arguments[0]).rename(host.folder / arguments[1])
        else:
            host.command(*_PROGRAMS[program], *arguments)
    host.database = host.folder / "activity.db"
    assert all(name.startswith("indelible_") for name in tables(host, "activity.db"))
    assert "/invitation/" in invite(host, "activity.db", 0)
    (host.folder / "host/settings.py").rename(host.folder / "host/base.py")
    own = (host.folder / "host/own_file.py").read_text("utf-8").replace("host.settings", "host.base")
    (host.folder / "host/settings.py").write_text(own, "utf-8")
    host.run(_RECORDING)
    told = [one for one in host.sentences() if "cancelled" in one]
    assert told == [f"{number} Maria Fernandes cancelled reservation bk_{when}"
                    for number, when in ((1, "before"), (3, "moved"))]  # fmt: skip
    assert "no issues" in host.manage("check")


def tables(host: Host, name: str) -> list[str]:
    with closing(sqlite3.connect(host.folder / name)) as db:
        return sorted(str(one) for (one,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                      if not one.startswith("sqlite_"))  # fmt: skip
