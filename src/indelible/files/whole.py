"""Files that are complete under their final name, or not there.

Each is written under `<name>.<8 hexadecimal digits>.part` in the same folder, readable by its owner only, because
exports hold names. When all are written, they are synced to the disk and then renamed
in the order given. A crash leaves

    before the first rename   part files, which nothing takes for an export, and which the next opening of the log
                              removes (`unfinished.py`); an older file of the name is untouched
    between two renames       the first file complete and the later ones as they were before
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import StorageFailure
from . import unfinished
from .replacing import sync_folder

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "the folder or file may not be written",
    errno.EPERM: "the folder or file may not be written",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "the folder does not exist",
    errno.EISDIR: "it is a folder; name a file",
    errno.EPIPE: "whatever read it went away",
}


@contextmanager
def writing() -> Iterator[None]:
    """Turn an OSError of the block into StorageFailure, in one sentence."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or "the system refused")
        raise StorageFailure(f"the export could not be written: {reason}; no complete file was made") from error


@contextmanager
def whole_files(*paths: Path, database: Path | None = None) -> Iterator[Sequence[BinaryIO]]:
    """Open one file for each path, and give them these names only when the block has ended without an error.

    `database` is that of the log, so that whoever opens it next removes what a killed process left. Raises
    StorageFailure; after any error no part file is left.
    """
    for path in paths:
        if path.exists() and not path.is_file():
            raise StorageFailure(f"{path.name} is no file but a folder, a device or a pipe; name a file")
    parts = [path.with_name(f"{path.name}.{secrets.token_hex(4)}.part") for path in paths]
    with writing(), unfinished.under_way(database, *parts):
        with ExitStack() as files:
            opened = [files.enter_context(open(part, "r+b")) for part in parts]
            yield opened
            for file in opened:
                file.flush()
                os.fsync(file.fileno())
        for part, path in zip(parts, paths, strict=True):
            os.replace(part, path)
        for folder in {path.parent for path in paths}:
            sync_folder(folder)
