"""A PostgreSQL cluster of the tests' own, a log verified at the end, and the example in JavaScript."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from indelible.testing.node import install
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "outbox_node"


@pytest.fixture(scope="session")
def node_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with examples/outbox_node and its one dependency."""
    folder = tmp_path_factory.mktemp("node") / "outbox_node"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    return install(folder)
