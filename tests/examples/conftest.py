"""A PostgreSQL cluster of the tests' own, a log verified at the end, and the example in JavaScript."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from indelible.testing.logs import clock, journal, log
from indelible.testing.postgres import connection, postgres, server

__all__ = ["clock", "connection", "journal", "log", "postgres", "server"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "outbox_node"


@pytest.fixture(scope="session")
def node_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with examples/outbox_node and its one dependency."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node: Node and npm are not installed")
    folder = tmp_path_factory.mktemp("node") / "outbox_node"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"],
        cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("node: npm cannot install pg here")
    return folder
