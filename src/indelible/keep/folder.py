"""The keep: the cover of every log's key tree (`keytree.py`), each in a file of its own, outside the database.

What must die when somebody is erased follows from a cover, and from nothing in the database or in a backup of it. So
the keep is never backed up with the database: an older copy of it, put back, opens again whom it knew, until the log's
erasures are cut out of it anew. Who loses it loses every name; the proofs and the signing stay.

    file    <the last part of the log origin>.cover, in a folder that only its owner may enter
    bytes   "indelible-keep-1\\n" || nonce[12] || AES-256-GCM(master key, nonce, plain, place)
    place   "indelible/keep/v1" || 0x00 || log origin
    plain   version || up_to || copied_at || copied_up_to || records of the cover     four numbers, u64 big-endian

`version` counts the replacements, from 1. `up_to` is the seq up to which the log's erasures are cut out, `copied_at`
the instant of the last copy (0: none), `copied_up_to` what `up_to` was in it. How a file is replaced, and what a crash
leaves: `files/replacing.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import re
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInput, KeyUnavailable, StorageFailure
from ..files import replacing
from ..files.filesystem import filesystem
from .keys import MasterKey
from .keytree import Cover

__all__ = ["Keep", "Kept", "filesystem"]

_MAGIC = b"indelible-keep-1\n"
_ANY_VERSION = re.compile(rb"indelible-keep-([0-9]{1,9})\n")
_NUMBERS = struct.Struct(">4Q")
_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)
# Some 160,000 erasures; what is larger is no cover, and would not fit into memory several times over.
_LIMIT_BYTES = 1 << 30
# A replacement takes milliseconds, so whoever has waited as long waits for a process that hangs.
_WAIT_SECONDS = 30.0
# How often a file may be replaced under a reader, who takes far less time than who replaces it.
_READS = 20
# What covers in memory may come to, at some 200 bytes a node: those of two thousand logs with thirty erasures each.
_KNOWN_NODES = 1 << 20

_MENDS = {
    errno.ENOSPC: "the disk is full; make room and try again",
    errno.EDQUOT: "the disk quota is used up; make room and try again",
    errno.EFBIG: "files may not be so large here; raise the limit and try again",
    errno.EROFS: "the disk is read-only; let it be written to and try again",
    errno.EACCES: "this user may not; give the folder and all in it to the user that Indelible runs as",
    errno.EPERM: "the system forbids it; the folder must be this user's, on a file system with hard links such as ext4",
    errno.ENOENT: "a folder of its path is not there; make it, or put the keep back in its place",
    errno.ENOTDIR: "a folder of its path is none; put the keep back in its place",
    errno.EISDIR: "it is no file; move it away and put back the newest copy of the keep",
    errno.ELOOP: "it is a symbolic link; put the file itself in its place",
    errno.ETIMEDOUT: "another process has been replacing it for too long; end that process and try again",
    errno.ENOLCK: "the file system has no locks; move the keep to one that has, such as ext4",
    errno.EOPNOTSUPP: "the file system has no locks or hard links; move the keep to one that has, such as ext4",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What the keep has of one log: its cover, and how far that one and its last copy go.

    `version` is 1 at first and one more at each replacement. `up_to` is the seq up to which the log's erasures are cut
    out. `copied_at` is the instant in microseconds at which it was last copied (None: never), `copied_up_to` the copy's
    `up_to`: where that is less than `up_to`, the copy is older than the last erasure.
    """

    cover: Cover
    version: int
    up_to: int
    copied_at: int | None = None
    copied_up_to: int = 0


class Keep:
    """One folder of covers, sealed under the master key. It may be used by many processes and threads at once."""

    def __init__(self, folder: Path, master_key: MasterKey) -> None:
        self.folder = folder
        self._master_key = master_key
        self._known: dict[str, tuple[replacing.Mark, Kept]] = {}
        self._nodes = 0  # of all covers in `_known`
        self._lock = threading.Lock()  # of whoever changes these two

    def create(self) -> None:
        """Make the folder, which only its owner may enter, where it is not there. Raises StorageFailure."""
        try:
            replacing.create_folder(self.folder)
        except OSError as error:
            raise _failure(f"the folder {self.folder} of the keep cannot be made", error) from error

    def read(self, origin: str) -> Kept | None:
        """Return what is kept of a log; None where this keep does not know it.

        A file that did not change costs one stat. What a crash left is finished, unless this user may not write here.
        Raises KeyUnavailable where it does not open with this master key or is of a newer release, and StorageFailure.
        """
        path = self._path(origin)
        with _failing(f"the cover {path} cannot be read"):
            if known := self._remembered(origin, path):
                return known
            if replacing.is_unsettled(path):
                with contextlib.suppress(_Elsewhere), self._locked(path, seconds=0):
                    return self._settled(origin, path)
            return self._current(origin, path)

    def swap(self, origin: str, new: Kept, if_version: int | None) -> bool:
        """Replace what is kept of a log, if its version is still `if_version`; return whether it was.

        None: only where nothing is kept of it yet. When this returns the new cover is on the disk, and the former one
        overwritten. Raises KeyUnavailable and StorageFailure: the old cover is current then, unless the message says
        otherwise.
        """
        if new.version != (if_version or 0) + 1:
            raise ValueError("a version is one more than the version that it replaces")
        return self._replace(origin, new, lambda there: (there.version if there else None) == if_version)

    def copy_to(self, folder: Path, origins: Iterable[str], *, at: int) -> dict[str, Kept]:
        """Copy what is kept of logs into another folder, and note here, as done at the instant `at`, that it was.

        An older copy there is replaced, and overwritten. Returns what was copied, by log origin; logs that this keep
        does not know are not in it. Raises InvalidInput for the keep's own folder, StorageFailure where the copy there
        knows of more erasures than this keep, and what `swap` raises.
        """
        with _failing(f"the keep {self.folder} cannot be copied to {folder}"):
            if _is_same(folder, self.folder):
                raise InvalidInput(f"{folder} is the keep itself; name a folder on another disk")
        copies = Keep(folder, self._master_key)
        copies.create()
        found = {origin: self._copy(copies, origin, at) for origin in origins}
        return {origin: kept for origin, kept in found.items() if kept}

    def _copy(self, copies: Keep, origin: str, at: int) -> Kept | None:
        while there := self.read(origin):
            copied = dataclasses.replace(there, version=there.version + 1, copied_at=at, copied_up_to=there.up_to)
            copies._take(origin, copied)
            if self.swap(origin, copied, there.version):  # else somebody was erased meanwhile, and the copy is old
                return copied
        return None

    def _take(self, origin: str, copied: Kept) -> None:
        """Be a copy: replace what is older, whatever its version."""
        path = self._path(origin)
        try:
            taken = self._replace(origin, copied, lambda old: old is None or old.up_to <= copied.up_to)
        except KeyUnavailable as error:
            raise KeyUnavailable(
                f"the copy {path} does not open with this master key; move it away and copy again"
            ) from error
        if not taken:
            raise StorageFailure(
                f"the copy {path} knows of erasures that the keep does not; the keep is the older one: "
                "put the copy in its place"
            )

    def _replace(self, origin: str, new: Kept, is_due: Callable[[Kept | None], bool]) -> bool:
        path, data = self._path(origin), self._encode(origin, new)
        if len(data) > _LIMIT_BYTES:
            raise StorageFailure(f"the cover {path} would be larger than {_LIMIT_BYTES} bytes; nothing was replaced")
        with _failing(f"the cover {path} was not replaced"), self._locked(path, _WAIT_SECONDS):
            if not is_due(self._settled(origin, path)):
                return False
            replacing.replace(path, data)
            with _failing(f"the cover {path} was replaced, but {replacing.former_of(path)} is not overwritten yet"):
                replacing.settle(path)
            mark = replacing.mark(path)
            if mark:
                self._remember(origin, mark, new)
        return True

    def _remembered(self, origin: str, path: Path) -> Kept | None:
        """What is remembered of a log, where its file is still the one that it was read from."""
        known = self._known.get(origin)
        return known[1] if known and known[0] == replacing.mark(path) else None

    def _remember(self, origin: str, mark: replacing.Mark, kept: Kept) -> None:
        with self._lock:
            self._forget(origin)
            self._known[origin] = mark, kept
            self._nodes += len(kept.cover)
            while self._nodes > _KNOWN_NODES and len(self._known) > 1:
                self._forget(next(iter(self._known)))

    def _forget(self, origin: str) -> None:
        if origin in self._known:
            self._nodes -= len(self._known.pop(origin)[1].cover)

    @contextlib.contextmanager
    def _locked(self, path: Path, seconds: float) -> Iterator[None]:
        """Hold a cover's lock. Without waiting, raises _Elsewhere where another has it or this user may not write."""
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(replacing.locked(path, seconds))
            except OSError as error:
                if not seconds and error.errno in (errno.ETIMEDOUT, errno.EROFS, errno.EACCES, errno.EPERM):
                    raise _Elsewhere from error
                raise
            yield

    def _settled(self, origin: str, path: Path) -> Kept | None:
        """What is kept of a log, whose lock is held, once that is known to open and whatever a crash left is gone."""
        kept = self._remembered(origin, path) or self._current(origin, path)
        if kept is None and os.path.lexists(replacing.former_of(path)):
            raise KeyUnavailable(
                f"the cover {path} is gone, and a former one lies beside it; put back the newest copy of the keep"
            )
        if replacing.is_unsettled(path):
            with _failing(f"what a crash left beside the cover {path} cannot be overwritten"):
                replacing.settle(path)
        return kept

    def _current(self, origin: str, path: Path) -> Kept | None:
        """What is kept of a log, read anew; its mark is that of the file that was read, not of a later one."""
        for _ in range(_READS):
            try:
                found = replacing.read(path, _LIMIT_BYTES)
            except FileNotFoundError:
                return None
            try:
                kept = self._decode(origin, path, found.data)
            except KeyUnavailable:
                if not found.replaced:
                    raise
            else:
                self._remember(origin, found.mark, kept)
                return kept
        raise StorageFailure(f"the cover {path} is replaced faster than it can be read; find out by which process")

    def _path(self, origin: str) -> Path:
        name = origin.rpartition("/")[2]
        if not _NAME.fullmatch(name):
            raise InvalidInput("a log origin ends in 32 hexadecimal digits", "origin")
        return self.folder / f"{name}.cover"

    def _encode(self, origin: str, kept: Kept) -> bytes:
        numbers = _NUMBERS.pack(kept.version, kept.up_to, kept.copied_at or 0, kept.copied_up_to)
        return _MAGIC + self._master_key.seal(numbers + kept.cover.encode(), _place(origin))

    def _decode(self, origin: str, path: Path, data: bytes) -> Kept:
        """The inverse of `_encode`. Raises KeyUnavailable."""
        version = _ANY_VERSION.match(data)
        if version and version[0] != _MAGIC:
            raise KeyUnavailable(f"the cover {path} is of version {int(version[1])}, which only a newer release reads")
        try:
            if not version or len(data) > _LIMIT_BYTES:
                raise KeyUnavailable
            plain = self._master_key.open(data[len(_MAGIC) :], _place(origin))
            numbers, records = plain[: _NUMBERS.size], plain[_NUMBERS.size :]
            kept_version, up_to, copied_at, copied_up_to = _NUMBERS.unpack(numbers)
            return Kept(Cover.decode(records), kept_version, up_to, copied_at or None, copied_up_to)
        except (KeyUnavailable, struct.error) as error:
            raise KeyUnavailable(
                f"the cover {path} does not open: it is damaged, or the master key is another installation's; "
                "put back the newest copy of the keep, or the master key that it was made with"
            ) from error


class _Elsewhere(Exception):
    """Another process has the lock and will finish what is left, or this one may not."""


def _is_same(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    return one.exists() and other.exists() and one.samefile(other)  # the same by another mount


def _place(origin: str) -> bytes:
    return b"indelible/keep/v1\x00" + origin.encode()


@contextlib.contextmanager
def _failing(what: str) -> Iterator[None]:
    """Turn an OSError of the block into StorageFailure: what failed, why, and the mend."""
    try:
        yield
    except OSError as error:
        raise _failure(what, error) from error


def _failure(what: str, error: OSError) -> StorageFailure:
    said = error.strerror or type(error).__name__
    return StorageFailure(f"{what}: {_MENDS.get(error.errno or 0, f'{said}; check its folder and the disk')}")
