"""Node for tests: a folder with packages of npm in it, or the test says that it was not run."""
# ruff: noqa: S603 - this module is part of tests, and starts what it found itself

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def install(folder: Path, *packages: str) -> Path:
    """Install npm packages (`typescript@5.9`), or what the folder's package.json asks for, and return the folder.

    No package runs a script of its own. Skips the test where there is no Node, or npm cannot install here.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node: Node and npm are not installed; `make test` installs them where it can")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--no-save", *packages]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    if done.returncode:
        what = ", ".join(packages) or f"the packages of {folder.name}"
        pytest.skip(f"node: npm cannot install {what} here")
    return folder
