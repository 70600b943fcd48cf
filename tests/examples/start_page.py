"""docs/howto/start.md as a newcomer types it: its blocks, counted, and typed in a folder of their own."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indelible.testing.serving import of_session

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "start.md"
WAYS = ("HTTP", "Django", "FastAPI", "Node on PostgreSQL")
BOOKING = "bk_99812"  # of which each way's entry tells
_BLOCK = re.compile(r"(?s)```(\w+)\n(.*?)```")
_FILE = re.compile(r"(?:#|//) (\S+?\.\w+)(, at its end)?\n")
_LINK = re.compile(r"http://localhost:\d+/welcome/\S+")
_WITHIN = 90.0  # seconds, on a busy machine


def blocks(way: str) -> list[tuple[str, str]]:
    """What is typed for a way, as (language, text): what all of them begin with, then its own."""
    parts = re.split(r"(?m)^## (.*)\n", PAGE.read_text(encoding="utf-8"))
    own = dict(zip(parts[1::2], parts[2::2], strict=True))[way]
    return [(found[0], found[1]) for part in (parts[0], own) for found in _BLOCK.findall(part)]


def lines(way: str) -> tuple[int, int]:
    """How many lines of a shell and of files a way has, without empty ones and lines of comment."""
    count = {True: 0, False: 0}
    for language, text in blocks(way):
        typed = [line for line in text.splitlines() if line.strip() and not line.startswith(("# ", "// "))]
        count[language == "sh"] += len(typed)
    return count[True], count[False]


def script(way: str, change: Callable[[str], str]) -> str:
    """A way as one script of bash: files are written, and the lines of a shell are typed. `change` gets those."""
    made = []
    for language, text in blocks(way):
        if language == "sh":
            made.append(change(text))
            continue
        found = _FILE.match(text)
        assert found is not None, f"{way}: the first line of a file does not say its name"
        made.append(f"cat >{'>' if found[2] else ''} {shlex.quote(found[1])} <<'END OF FILE'\n{text}END OF FILE\n")
    return "".join(made)


@contextmanager
def typed(whole: str, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Type it in a folder; give the link of the first start when all of it has run. At the end its programs end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
    said = folder / "said"
    with said.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", f"{whole}\necho ALL IS TYPED\nwait"],
            cwd=folder, env=kept | environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield _link(shell, said)
    finally:
        _end(shell)


def _link(shell: subprocess.Popen[bytes], said: Path) -> str:
    end = time.monotonic() + _WITHIN
    while time.monotonic() < end:
        ended = shell.poll() is not None
        text = said.read_text(encoding="utf-8", errors="replace")
        if "ALL IS TYPED" in text and (found := _LINK.search(text)):
            return found[0]
        assert not ended, "\n".join(line for line in text.splitlines() if "try" not in line)[-3000:]
        time.sleep(0.05)
    raise AssertionError(said.read_text(encoding="utf-8", errors="replace")[-3000:])


def _end(shell: subprocess.Popen[bytes]) -> None:
    """Ask every program to end, and return when none is left; after a while without asking."""
    asked = time.monotonic()
    number = signal.SIGTERM
    for one in of_session(shell.pid):
        with suppress(ProcessLookupError):
            os.kill(one, number)
    while left := of_session(shell.pid):
        if time.monotonic() > asked + 30:
            for one in left:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
        shell.poll()
        time.sleep(0.05)
    shell.wait()
