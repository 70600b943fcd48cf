"""Programs that unpack a zip, each by a reader of its own."""

from __future__ import annotations

import io
import runpy
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

# Debian's package of each: unzip, libarchive-tools, 7zip (or p7zip-full, whose program is called 7z).
COMMANDS = {
    "unzip": ["unzip", "-q", "-o", "{zip}", "-d", "{folder}"],
    "bsdtar": ["bsdtar", "-x", "-f", "{zip}", "-C", "{folder}"],
    "bsdtar from a pipe": ["sh", "-c", 'cat "$1" | bsdtar -x -f - -C "$2"', "sh", "{zip}", "{folder}"],
    "7zip": ["7z", "x", "-y", "-bd", "-o{folder}", "{zip}"],
    "python": [],
}


def command_of(program: str) -> list[str] | None:
    """The command of a program, None where it is not installed; empty for Python, which needs none."""
    command = list(COMMANDS[program])
    if program == "7zip":
        command[0] = next((name for name in ("7zz", "7z", "7za") if shutil.which(name)), "7z")
    needed = "bsdtar" if "bsdtar" in program else command[0] if command else ""
    return command if not needed or shutil.which(needed) else None


def unpacked(command: list[str], data: bytes, folder: Path) -> dict[str, bytes] | None:
    """The files that a program takes out of a zip, by name; None where it refuses. `folder` is there and is used."""
    out, path = folder / "out", folder / "bundle.zip"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    path.write_bytes(data)
    if not command:
        return _python(path)
    words = [word.format(zip=path, folder=out) for word in command]
    done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    if done.returncode:
        return None
    found = (one for one in out.rglob("*") if one.is_file())
    return {str(one.relative_to(out)): one.read_bytes() for one in found}


@pytest.fixture(params=COMMANDS)
def extract(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[bytes], dict[str, bytes] | None]:
    """`extract(data)`: the files that a program takes out of a zip, by name; None where it refuses."""
    command = command_of(request.param)
    if command is None:
        pytest.skip(f"unpackers: {request.param} is not installed; `make test` installs it where it can")
    return lambda data: unpacked(command, data, tmp_path)


def _python(path: Path) -> dict[str, bytes] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # whatever a zip makes it raise
        return None


@pytest.fixture(scope="session")
def second_unzip() -> Callable[[bytes], dict[str, bytes] | None]:
    """None where it refuses: the reader of a second verifier, which was written from the specification alone."""
    path = Path(__file__).parents[1] / "bundle" / "second_verifier.py"
    names = runpy.run_path(str(path))

    def read(data: bytes) -> dict[str, bytes] | None:
        try:
            files: dict[str, bytes] = names["open_zip"](io.BytesIO(data))
        except names["Refused"]:
            return None
        return files if list(files) in names["FILES"].values() else None

    return read
