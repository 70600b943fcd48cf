"""The checks of `indelible doctor`: over a log, and over one outbox. Each is a level, what it is about, and a sentence.

ok      as it should be
look    somebody should look: it works, and may not go on to
bad     entries are not recorded, not safe or not provable until it is mended
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..drain import health
from ..drain.health import Health
from ..erasure.anonymizing import is_copy_older, lost
from ..errors import IndelibleError
from ..files.filesystem import IN_PLACE, MEMORY, NETWORK, filesystem
from ..journal import Journal
from ..keep import erasures, signing
from ..keep.folder import Kept
from ..stores.contract import Clinic

# A document is recorded within a second: after a minute nobody drains, after an hour nobody noticed.
SLOW_SECONDS, LOST_SECONDS = 60, 3_600
# Signing is due every second.
UNSIGNED_SECONDS = 60
# Free space below which SQLite and its copy for a backup get tight: a log of a million entries has about a gigabyte.
LEAST_FREE = 1 << 30

# Where SQLite's locks or its shared memory do not hold what they promise.
_DAMAGING = NETWORK - {"virtiofs"} | {"fuse.sshfs", "fuse.s3fs", "fuse.glusterfs", "fuse.rclone"}


class Check(NamedTuple):
    """One line: `level` is ok, look or bad; `about` the part that was looked at; `text` says what to do."""

    level: str
    about: str
    text: str


def ok(about: str, text: str) -> Check:
    return Check("ok", about, text)


def look(about: str, text: str) -> Check:
    return Check("look", about, text)


def bad(about: str, text: str) -> Check:
    return Check("bad", about, text)


def over_log(journal: Journal) -> Iterator[Check]:
    """Look over an open log: that it opened says that the schema is this release's, and that the master key fits."""
    places = journal.places
    yield ok("log", f"{places.database} opens, has this release's schema, and the master key fits")
    yield _clock(journal)
    yield from _head_store(journal)
    yield from _keep(journal)
    for clinic, state in journal.clinics():
        if state.closed_at is None:
            yield from _clinic(journal, clinic)
    for about, path in (("log", places.database), ("head store", places.head_store), ("accounts", places.accounts)):
        if path.exists():
            yield from file_system(about, path)
    yield from _permissions(journal)


def _clock(journal: Journal) -> Check:
    newest = max((state.recorded_at for _, state in journal.clinics()), default=0)
    try:
        journal.time.check(journal.clock(), newest)
    except IndelibleError as error:
        return bad("clock", str(error))
    return ok("clock", "this machine's clock can be believed")


def _head_store(journal: Journal) -> Iterator[Check]:
    path = journal.places.head_store
    if not path.is_file():
        yield bad(
            "head store",
            f"is not at {path}, so nothing is signed; put it back or set INDELIBLE_KEEP, or if it is lost for "
            "good, run `indelible adopt`",
        )
        return
    try:
        defects = journal.heads.defects()
    except IndelibleError as error:
        yield bad("head store", str(error))
        return
    for one in defects:
        yield bad("head store", f"{one}; move it away and run `indelible adopt`")
    if not defects:
        yield ok("head store", f"{path} is whole")


def _keep(journal: Journal) -> Iterator[Check]:
    """What must die when somebody is erased: whether it is there, how it lies, and whether its copy is of now."""
    folder = journal.places.keep
    if not folder.is_dir():
        yield bad("keep", f"is not at {folder}, so no name can be read; put its newest copy back or set "
                          "INDELIBLE_KEEP; if it is lost for good, `indelible keep renew`")  # fmt: skip
        return
    if os.name == "posix" and (mode := stat.S_IMODE(folder.stat().st_mode)) & 0o077:
        yield bad("keep", f"{folder} can be entered by others (mode {mode:04o}); run: chmod 700 {folder}")
    never: list[str] = []
    opened = 0
    for clinic, state in journal.clinics():
        try:
            kept = journal.keep.read(clinic.origin)
        except IndelibleError as error:
            yield bad("keep", str(error))
            continue
        if kept is not None and is_copy_older(kept):
            yield bad("keep", f"its copy is older than the last erasure of clinic {clinic.id}, whose values can be "
                              "read from it; run `indelible keep copy FOLDER` again")  # fmt: skip
        if state.closed_at is not None:
            continue
        if kept is None:
            yield bad("keep", lost(journal.keep, clinic))
            continue
        opened += 1
        if kept.copied_at is None:
            never.append(clinic.id)
        yield from _erasures(journal, clinic, kept)
    if opened:
        yield ok("keep", f"{folder} opens what it has of {opened} {'clinic' if opened == 1 else 'clinics'}")
    if never:
        yield look("keep", f"has no copy of what belongs to {_some(never)}: if its disk is lost, so is every name; run "
                           "`indelible keep copy FOLDER`, on another disk")  # fmt: skip
    yield from _where_it_lies(journal, folder)


def _erasures(journal: Journal, clinic: Clinic, kept: Kept) -> Iterator[Check]:
    """What of the log's erasures is not done yet."""
    rows = journal.store.rows(clinic.id)
    left = erasures.behind(rows, kept.up_to)
    if left:
        yield bad("keep", f"entry {left[0].seq} of clinic {clinic.id} says that somebody was erased, and the keys are "
                          "still in the keep; run `indelible checkpoint`, which finishes it, or says why it is not "
                          "believed")  # fmt: skip
    if unscrubbed := sum(1 for _ in rows.persons("unscrubbed")):
        people = "one person who was" if unscrubbed == 1 else f"{unscrubbed} people who were"
        yield look(f"clinic {clinic.id}", f"what was sealed of {people} erased is still there, dead; `indelible serve` "
                                          "removes it, and so does the next `indelible anonymize`")  # fmt: skip


def _where_it_lies(journal: Journal, folder: Path) -> Iterator[Check]:
    kind, left = filesystem(folder)
    level = ok if kind in IN_PLACE and "data=journal" not in left else look
    yield level("keep", f"{folder} is on {kind}: {left}")
    if journal.places.is_keep_beside():
        yield look("keep", "lies in the database's folder, and whoever copies that has both: erasing is void in the "
                           "copy; in earnest keep it on another disk, and name it in INDELIBLE_KEEP")  # fmt: skip


def _some(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def _clinic(journal: Journal, clinic: Clinic) -> Iterator[Check]:
    about = f"clinic {clinic.id}"
    try:
        journal.signer(clinic)
        signed = journal.heads.get(clinic.origin)
    except IndelibleError as error:
        yield bad(about, str(error))
        return
    head, last = journal.store.rows(clinic.id).state(), signing.last_checkpoint(journal.store, clinic)
    if signed is None and not journal.places.head_store.is_file():
        return  # which was said
    if signed is None:
        yield bad(about, "the keep's head store does not know its log; if it is lost for good, `indelible adopt`")
        return
    if signed.size > head.size:
        yield bad(about, f"{signed.size - head.size} signed entries are missing here: the database is older than its "
                         "head store; restore the newest backup")  # fmt: skip
        return
    behind = head.size - (0 if last is None else last.size)
    age = (journal.clock() - head.recorded_at) / 1_000_000
    if behind and age > UNSIGNED_SECONDS:
        text = (
            f"{behind} of {head.size} entries are not signed, the newest of them for {duration(age)}; start what signs"
        )
        yield look(about, f"{text} (`indelible serve`, `indelible drain`), or run `indelible checkpoint`")
    else:
        yield ok(about, f"{head.size} entries, signed" if not behind else f"{head.size} entries, being signed")


def file_system(about: str, path: Path) -> Iterator[Check]:
    """On what kind of disk a file is, and whether there is room."""
    kind, _ = filesystem(path)
    if kind in _DAMAGING:
        yield bad(about, f"{path} is on a network file system ({kind}), where SQLite can damage it; move it to a disk "
                         "of this machine")  # fmt: skip
    elif kind in MEMORY:
        yield look(about, f"{path} is in memory ({kind}) and gone after a restart; move it to a disk")
    free = shutil.disk_usage(path.parent if path.parent.exists() else path).free
    if free < LEAST_FREE:
        yield look(about, f"the disk of {path} has {free / (1 << 20):,.0f} MB left; make room")
    else:
        yield ok(
            about,
            f"the disk of {path} has room ({free / (1 << 30):,.0f} GB, {kind})",
        )


def _permissions(journal: Journal) -> Iterator[Check]:
    """The key's file is refused where others may read it; here is what opening does not look at."""
    places = journal.places
    if os.name != "posix":
        return
    wrong = False
    for about, path in (
        ("log", places.database),
        ("keep", places.keep),
        ("head store", places.head_store),
        ("key", places.master_key),
        ("accounts", places.accounts),
        ("counts", places.shared),
    ):
        if not path.exists():
            continue
        if path.stat().st_mode & stat.S_IWOTH:
            wrong = True
            yield bad(about, f"{path} can be changed by everybody; run: chmod o-w {path}")
        folder = path.resolve().parent
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            wrong = True
            yield bad(
                about, f"its folder {folder} lets everybody put another file in its place; run: chmod o-w {folder}"
            )
    if not wrong:
        yield ok("files", "only their owner may change the log, the keep, the key and the accounts")
    if places.master_key.exists() and places.master_key.resolve().parent == places.database.resolve().parent:
        yield look("key", "lies beside the database, so whoever copies the folder can read every name; in earnest keep "
                          "it elsewhere, and name it in INDELIBLE_MASTER_KEY")  # fmt: skip


def over_outbox(url: str, journal: Journal | None, end_users: Sequence[str], seen: set[str]) -> Iterator[Check]:
    """Look into one outbox. Puts the id of the outbox into `seen`. Raises InvalidInput for what is no URL."""
    found = health.look_at(url, journal, end_users=end_users)
    if found.outbox is not None:
        seen.add(found.outbox)
    about = found.name
    if found.problem is not None:
        yield bad(about, found.problem)
        return
    yield ok(about, "answers, and its outbox is of this release's version")
    if found.copied is not None:
        yield bad(about, found.copied)
    yield _waiting(found)
    yield from _held(found)
    for guard in found.guards:
        if guard.stands:
            yield ok(about, f"the guard of {guard.table} stands ({guard.mode})")
        else:
            yield bad(about, f"the guard of {guard.table} does not stand ({guard.state}): run indelible.guard again")
    for finding in found.findings:
        yield (ok if finding.good else bad)(about, finding.text)


def _waiting(found: Health) -> Check:
    many = f"more than {health.COUNT_BOUND:,}" if found.waiting > health.COUNT_BOUND else f"{found.waiting:,}"
    if found.age_seconds is None:
        return ok(found.name, "no document waits")
    text = f"{many} {'document waits' if found.waiting == 1 else 'documents wait'}, the oldest for " + duration(
        found.age_seconds
    )
    if found.age_seconds > SLOW_SECONDS:
        level = bad if found.age_seconds > LOST_SECONDS else look
        return level(found.name, f"{text}: see that `indelible drain` or `indelible serve` runs for it")
    return ok(found.name, text)


def _held(found: Health) -> Iterator[Check]:
    for (word, final), count in found.held.items():
        many = f"more than {health.COUNT_BOUND:,}" if count > health.COUNT_BOUND else f"{count:,}"
        held = f"{'document is' if count == 1 else 'documents are'} held {'finally' if final else 'for now'}"
        yield look(found.name, f"{many} {held} ({word}): see `indelible outbox held`")
    if not found.held:
        yield ok(found.name, "no document is held")


def duration(seconds: float) -> str:
    """A time in words: `45 s`, `12 min`, `3 h`, `2 days`."""
    for least, unit, name in ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min")):
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(0, seconds):.0f} s"
