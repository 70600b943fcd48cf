"""Bundles to test with: the files of one by name, and back."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ..proof.archive import Packer


def unpack(bundle: bytes | Path) -> dict[str, bytes]:
    """Return the files of a zip by name, in their order, as Python's own reader sees them."""
    with zipfile.ZipFile(io.BytesIO(bundle) if isinstance(bundle, bytes) else bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the zip of these files, in this order, as a bundle has it. Names are ASCII."""
    out = io.BytesIO()
    packer = Packer(out, tempfile.TemporaryFile)
    for name, data in files.items():
        with packer.file(name) as file:
            file.write(data)
    packer.close()
    return out.getvalue()
