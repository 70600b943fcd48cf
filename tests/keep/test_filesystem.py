"""What is claimed of an overwritten file follows from the file system that it lies on, and no more is claimed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from indelible.files import filesystem as module
from indelible.files.filesystem import filesystem

# As proc_pid_mountinfo(5) has it: with and without optional fields, octal escapes, one mount that hides another.
MOUNTS = r"""
22 1 0:25 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
23 22 254:1 / /srv rw,relatime shared:2 master:3 - ext4 /dev/vda1 rw,errors=remount-ro
24 22 254:2 / /srv/log rw,relatime - ext4 /dev/vda2 rw,data=journal
25 22 254:3 / /data rw - xfs /dev/vda3 rw,attr2
26 22 0:30 / /data/b rw - btrfs /dev/vda4 rw,space_cache=v2
27 22 0:31 / /tank rw - zfs tank rw,xattr
28 22 0:32 / /run rw,nosuid - tmpfs tmpfs rw,mode=755
29 22 0:33 / /home rw - nfs4 server:/home rw,vers=4.2
30 22 0:34 / /mnt/my\040disk rw - fuse.sshfs me@host: rw
31 22 0:35 / /old rw - ext4 /dev/vda5 rw
32 31 0:36 / /old rw - vboxsf share rw
"""


@pytest.fixture
def mounts(monkeypatch):
    read_text = Path.read_text

    def read(path, *arguments, **options):
        if path == Path("/proc/self/mountinfo"):
            return MOUNTS.strip("\n") + "\n"
        return read_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read)


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/srv/activity.db.keep", "ext4", "is gone from the file system; an SSD"),
        ("/srv", "ext4", "is gone from the file system; an SSD"),
        ("/srv/log/keep", "ext4", "journal"),
        ("/srv/logs/keep", "ext4", "is gone from the file system; an SSD"),
        ("/data/keep", "xfs", "is gone from the file system; an SSD"),
        ("/data/b/keep", "btrfs", "stays on the disk until its place is used again"),
        ("/tank/keep", "zfs", "stays on the disk until its place is used again"),
        ("/run/keep", "tmpfs", "lies in memory"),
        ("/home/me/keep", "nfs4", "of which nothing can be said"),
        ("/mnt/my disk/keep", "fuse.sshfs", "of which nothing can be said"),
        ("/mnt/keep", "overlay", "is a container's own"),
        ("/old/keep", "vboxsf", "is not known"),
    ],
)
def test_a_path_is_on_the_nearest_mount_and_its_kind_says_what_holds(mounts, path, kind, said):
    found, sentence = filesystem(Path(path))
    assert found == kind
    assert said in sentence
    assert ("is gone from the file system" in sentence) == (kind in ("ext4", "xfs") and "log/" not in path)


def test_a_journal_of_data_that_is_the_file_systems_own_default_is_found(mounts, monkeypatch):
    """mountinfo shows an option only where it was given at the mount."""
    monkeypatch.setattr(module, "_defaults", lambda mount: frozenset({"data=journal"}))
    assert "journal" in filesystem(Path("/srv/keep"))[1]


def test_the_real_folder_has_a_kind_that_another_program_finds_too(tmp_path):
    if sys.platform != "linux":
        pytest.skip("linux: the kind of a file system is known there alone")
    said = subprocess.run(["df", "--output=fstype", tmp_path], capture_output=True, text=True, check=True).stdout
    assert filesystem(tmp_path / "not" / "there")[0] == said.split()[-1]


def test_a_link_is_followed_to_where_the_files_are(mounts, tmp_path, monkeypatch):
    (tmp_path / "keep").symlink_to("/data/b/keep")
    assert filesystem(tmp_path / "keep")[0] == "btrfs"


def test_without_a_list_of_mounts_nothing_is_claimed(monkeypatch):
    def read(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", read)
    kind, said = filesystem(Path("/srv/keep"))
    assert kind == "unknown"
    assert "not known" in said
