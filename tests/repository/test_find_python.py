"""Setting up says which Python is missing, and what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FIND_PYTHON = Path(__file__).resolve().parents[2] / "tools" / "find-python"


def find_python(python: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": str(python)}
    return subprocess.run([FIND_PYTHON], env=environment, capture_output=True, text=True, check=False)


def stand_in(folder: Path, script: str) -> Path:
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    return python


def test_a_python_with_venv_is_found() -> None:
    assert find_python(sys.executable).stdout.strip() == sys.executable


def test_a_stand_in_that_cannot_run_is_not_a_python(tmp_path: Path) -> None:
    result = find_python(stand_in(tmp_path, "exit 127"))
    assert result.returncode == 1
    assert "needs Python 3.11 or later" in result.stderr


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    result = find_python(stand_in(tmp_path, ": says nothing, as it is older than 3.11"))
    assert result.returncode == 1
    assert "needs Python 3.11 or later" in result.stderr


def test_a_python_without_venv_names_the_package(tmp_path: Path) -> None:
    lacking = tmp_path / "python"
    script = f"""case "$2" in *ensurepip*) exit 1;; *sys.executable*) echo "{lacking}";; *) echo 3.11;; esac"""
    result = find_python(stand_in(tmp_path, script))
    assert result.returncode == 3
    assert "apt install python3-venv" in result.stderr
    assert "python3.11-venv" in result.stderr
