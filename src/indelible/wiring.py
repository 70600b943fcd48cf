"""Operations that need the journal and a part beside it.

An export, in this order; a crash after any step leaves what it says:

1. the filter is read, and a checkpoint taken: its size bounds the rows, so that it covers every entry of the file
2. the output is opened                                             part files
3. `log.exported` is appended: filter, bound, format, checkpoint    the entry, and no file: an export that was begun
4. rows and manifest are written, synced and renamed                `whole.py`

The file never holds its own `log.exported`, because that comes after the bound.
"""

from __future__ import annotations

import stat
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from . import drafting, query
from .append import Appended
from .catalogue.log import LogExported
from .document import Actor, Document, Person, Target
from .errors import StorageFailure
from .export import csv_file
from .export.csv_file import SPREADSHEET, Profile
from .export.manifest import Manifest
from .export.whole import whole_files, writing
from .journal import ClinicLog
from .query import Query
from .store import CheckpointRow


def export_csv(
    log: ClinicLog,
    words: Query | str | Sequence[str],
    output: Path | BinaryIO,
    *,
    profile: Profile = SPREADSHEET,
    actor: Actor,
) -> Manifest:
    """Write the entries that a filter means as CSV, record that, and return the manifest.

    A path gets the file, and the manifest beside it as `<name>.manifest.json`. A binary stream, or a path to a device
    or a pipe, gets the rows as they come, and the manifest is only returned. Raises InvalidQuery and SigningRefused
    (nothing was recorded or written), and StorageFailure (where the disk fails under way, `log.exported` is already
    recorded).
    """
    wanted = words if isinstance(words, Query) else log.parse(words)
    checkpoint = log.checkpoint()
    if isinstance(output, Path) and not _is_special(output):
        path = output.resolve()  # through a symbolic link, which the rename would replace
        beside = path.with_name(f"{path.name}.manifest.json")
        with whole_files(path, beside) as (rows, manifest_file):
            manifest = _stream(log, wanted, checkpoint, rows, profile, actor)
            manifest_file.write(manifest.encode())
        return manifest
    with writing():
        if not isinstance(output, Path):
            return _stream(log, wanted, checkpoint, output, profile, actor)
        with output.open("wb") as device:
            return _stream(log, wanted, checkpoint, device, profile, actor)


def _is_special(path: Path) -> bool:
    """Whether a path is there and no file: a device or a pipe, which a rename would put a file in the place of."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if stat.S_ISDIR(mode):
        raise StorageFailure("the output is a folder; name a file in it")
    return not stat.S_ISREG(mode)


def _stream(
    log: ClinicLog, wanted: Query, checkpoint: CheckpointRow | None, out: BinaryIO, profile: Profile, actor: Actor
) -> Manifest:
    up_to = 0 if checkpoint is None else checkpoint.size
    clinic = log.info
    recorded = _record(log, wanted, checkpoint, profile, actor)
    written = csv_file.write(log.read(wanted, up_to=up_to), out, profile=profile)
    out.flush()
    return Manifest(clinic, wanted, profile, up_to, checkpoint, recorded.recorded_at, recorded.seq, written)


def _record(
    log: ClinicLog, wanted: Query, checkpoint: CheckpointRow | None, profile: Profile, actor: Actor
) -> Appended:
    exported = LogExported(
        up_to_seq=0 if checkpoint is None else checkpoint.size,
        filter=query.format(wanted) or None,
        filter_in_words=query.in_words(wanted, log.info.zone),
        format=profile.format,
        profile=profile.name,
        checkpoint_size=None if checkpoint is None else checkpoint.size,
        checkpoint_root=None if checkpoint is None else b64encode(checkpoint.root).decode(),
    )
    event = Document(
        action=exported.code,
        context=exported,
        actor=actor,
        target=Target("log", log.info.id, log.info.name),
        client=_client_in(log, wanted),
    )
    drafted = drafting.draft(event, zone=log.info.zone, now=log.clock(), by_journal=True)
    result = log.append([drafted])[0]
    assert isinstance(result, Appended)  # noqa: S101 - a draft without a key cannot conflict
    return result


def _client_in(log: ClinicLog, wanted: Query) -> Person | None:
    """The one client that a filter names: the entry's copy of the filter is then the client's, and goes with them."""
    ids = sorted(wanted.wanted.actors | wanted.unwanted.actors)
    clients = [one for one in ids if log.store.token(log.info.id, log.sealer.find_person("client", one)) is not None]
    return Person(clients[0]) if len(clients) == 1 else None
