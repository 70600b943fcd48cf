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


@pytest.fixture(params=COMMANDS)
def extract(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[bytes], dict[str, bytes] | None]:
    """`extract(data)`: the files that a program takes out of a zip, by name; None where it refuses."""
    command = list(COMMANDS[request.param])
    if request.param == "7zip":
        command[0] = next((name for name in ("7zz", "7z", "7za") if shutil.which(name)), "7z")
    program = "bsdtar" if "bsdtar" in request.param else command[0] if command else ""
    if program and shutil.which(program) is None:
        pytest.skip(f"unpackers: {program} is not installed; `make test` installs it where it can")

    def run(data: bytes) -> dict[str, bytes] | None:
        folder = tmp_path / "out"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = tmp_path / "bundle.zip"
        path.write_bytes(data)
        if not program:
            return _python(path)
        words = [word.format(zip=path, folder=folder) for word in command]
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        if done.returncode:
            return None
        found = (one for one in folder.rglob("*") if one.is_file())
        return {str(one.relative_to(folder)): one.read_bytes() for one in found}

    return run


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
