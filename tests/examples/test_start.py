"""docs/howto/start.md: each way leads from an empty folder to an entry in the log, as the page has it.

Nothing is installed here but npm's package; `make campaign ARGS=newcomer` types all of it, and looks at the page.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path

import pytest
from tests.examples import start_page

from indelible import Journal
from indelible.service.run.demo import free_port
from indelible.testing.logs import assert_intact
from indelible.testing.node import install
from indelible.testing.postgres import postgres, server

__all__ = ["postgres", "server"]

PROGRAMS = Path(sys.executable).parent


def changed(folder: Path, here: str, there: str, database: str):
    """The lines of a shell with what differs here: nothing to install, free ports, and a database that is there."""

    def change(text: str) -> str:
        text = re.sub(r"(?m)^python3 -m venv .*$", f"export PATH={PROGRAMS}:$PATH", text)
        text = re.sub(r"(?m)^(pip|npm) install .*$", ":", text)
        # Of the servers of FastAPI's applications the service's own is there.
        text = re.sub(r"(?m)^uvicorn ", "granian --interface asgi ", text)
        text = text.replace("$HOME/activity.keep", str(folder.parent / "keep"))
        text = text.replace("postgresql://postgres@localhost/clinic", database)
        return text.replace("8000", here).replace("8001", there)

    return change


def awaited(log):
    """The entry about the booking, once it was drained."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := list(log.read(f"target:booking/{start_page.BOOKING}")):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("it is not in the log")


@pytest.mark.parametrize("way", start_page.WAYS)
def test_a_way_leads_to_the_first_entry(way, tmp_path, request):
    database, folder = "", tmp_path / "empty"
    folder.mkdir()
    if "Node" in way:
        database = request.getfixturevalue("postgres")
        install(folder, "pg@8")
    if shutil.which("curl") is None:
        pytest.skip("curl: it is not installed")
    here, there = str(free_port()), str(free_port())
    whole = start_page.script(way, changed(folder, here, there, database))
    with start_page.typed(whole, folder, {"INDELIBLE_PORT": here}) as link:
        assert link.startswith(f"http://localhost:{here}/")
        with Journal(folder / "activity.db", keep=tmp_path / "keep") as journal:
            log = journal.clinic("c_lisbon")
            entry = awaited(log)
            assert (entry.who, entry.client_in_words) == ("Maria Fernandes", "Ana Sousa")
            assert_intact(log)


def test_the_page_has_as_many_lines_as_it_says():
    said = dict(
        re.findall(r"(?m)^\| \[([\w ]+)\]\(#.*?\|\s*(\d+ and \d+)", start_page.PAGE.read_text(encoding="utf-8"))
    )
    assert said == {way: "{} and {}".format(*start_page.lines(way)) for way in start_page.WAYS}
