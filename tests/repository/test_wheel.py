"""What is published is what is in the tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    source = REPOSITORY / "src"
    written = {
        file.relative_to(source).as_posix()
        for file in (source / "indelible").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    packed = set(ZipFile(wheel).namelist())
    assert written <= packed
    assert "indelible/py.typed" in packed
    assert any(name.endswith(".sql") for name in packed)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in packed)
