"""What a file system does with bytes that are overwritten, as far as may be claimed.

On ext4 and XFS new bytes come where the old ones lay. Others write them elsewhere and free the old place, which stays
readable on the disk until it is used again. No program sees what lies below: an SSD moves blocks, and a snapshot or a
copy of a virtual machine's image holds them as they were.

The kind of a file system is known on Linux, from /proc/self/mountinfo (proc_pid_mountinfo(5)); elsewhere it is
"unknown".
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

IN_PLACE = frozenset({"ext2", "ext3", "ext4", "xfs"})
_BESIDE = frozenset({"apfs", "bcachefs", "btrfs", "f2fs", "nilfs2", "zfs"})
_LAYERS = frozenset({"aufs", "overlay"})
MEMORY = frozenset({"ramfs", "tmpfs"})
NETWORK = frozenset({"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs", "virtiofs"})

_OCTAL = re.compile(r"\\([0-7]{3})")


class _Mount(NamedTuple):
    """What is mounted: the device as major:minor, where, the kind, and the options of the file system itself."""

    device: str
    point: str
    kind: str
    options: frozenset[str]


def filesystem(path: Path) -> tuple[str, str]:
    """Return the kind of file system that a path lies on, and one sentence of what an overwritten file leaves there.

    The path need not exist. A kind that is not known is "unknown".
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # another system than Linux
        mounts = ""
    mount = _mount_of(os.path.realpath(path), mounts)
    if mount is None:
        return "unknown", _said("unknown")
    journalled = "data=journal" in mount.options | _defaults(mount)
    return mount.kind, _said(mount.kind, journalled=journalled)


def _mount_of(path: str, mounts: str) -> _Mount | None:
    """The mount with the longest point above a path; of two at one point the later, which hides the other."""
    found = None
    for line in mounts.splitlines():
        before, _, behind = line.partition(" - ")
        fields, (kind, _, options) = before.split(" "), behind.split(" ", 2)
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        above = point == "/" or path == point or path.startswith(f"{point}/")
        if above and (found is None or len(point) >= len(found.point)):
            found = _Mount(fields[2], point, kind, frozenset(options.split(",")))
    return found


def _defaults(mount: _Mount) -> frozenset[str]:
    """Options of an ext4 that are set in the file system itself: mountinfo does not show those."""
    name = os.path.basename(os.path.realpath(f"/sys/dev/block/{mount.device}"))
    try:
        return frozenset(Path(f"/proc/fs/ext4/{name}/options").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return frozenset()


def _said(kind: str, *, journalled: bool = False) -> str:
    if kind in IN_PLACE and journalled:
        return "what is overwritten also lay in the file system's journal (data=journal), where it stays for a time"
    if kind in IN_PLACE:
        return (
            "what is overwritten is gone from the file system; an SSD that moves blocks, a snapshot or the image of a "
            "virtual machine may still hold it"
        )
    if kind in _BESIDE:
        return "what is overwritten stays on the disk until its place is used again, and in every snapshot"
    if kind in _LAYERS:
        return "the folder is a container's own and goes with it; mount a volume on ext4 or XFS there"
    if kind in MEMORY:
        return "the folder lies in memory: it is gone, with every name, when the machine restarts"
    if kind in NETWORK or kind.startswith("fuse"):
        return "what is overwritten here depends on the machine or program behind it, of which nothing can be said"
    return "what becomes of overwritten files on this file system is not known"
