"""Files from outside: a bundle, a head store, a database. Whatever is in them, only Indelible's own errors come out."""

from __future__ import annotations

import io
import shutil
from contextlib import suppress

import orjson
import pytest
from hypothesis import strategies as st

from indelible.errors import IndelibleError, MalformedProof, SigningRefused, StorageFailure
from indelible.journal import Journal
from indelible.keep.heads import HeadStore, SignedHead
from indelible.manage.inspection import inspect
from indelible.proof.merkle import EMPTY_ROOT
from indelible.proof.note import Verifier
from indelible.proof.verify import verify_bundle, words
from indelible.read.story import story
from indelible.record.document import Staff
from indelible.testing.bundles import pack, unpack
from indelible.testing.logs import event


def verified(data, key):
    """Verify a bundle and put the report in words; return whether it came to a report."""
    try:
        report = verify_bundle(io.BytesIO(data), key)
    except MalformedProof:
        return False
    "\n".join(words.lines(report)).encode("utf-8", "surrogatepass")
    orjson.dumps(words.as_json(report))
    return report


def key_of(made):
    return Verifier.decode((made / "vkey").read_text())


def test_the_bytes_of_a_bundle(drive, strategies, made, bundles):
    key = key_of(made)
    assert [verified(data, key).result for data in bundles] == ["intact"] * len(bundles)
    drive("verify_bundle, bytes", strategies.edited(bundles), lambda data: verified(data, key) is not False)


def test_the_files_of_a_bundle_and_no_change_of_one_passes(drive, strategies, made, bundles):
    key = key_of(made)

    @st.composite
    def rewritten(draw):
        """A bundle in which one or two files were changed or renamed, and whether any was."""
        files = unpack(bundles[draw(st.integers(0, len(bundles) - 1))])
        before = dict(files)
        for _ in range(draw(st.integers(1, 2))):
            name = draw(st.sampled_from(sorted(files)))
            how = draw(st.sampled_from(["bytes", "tree", "tree", "tree", "name"]))
            lines = files[name].splitlines(keepends=True)
            if how == "tree" and ".json" in name and lines and files[name] == before.get(name):
                at = draw(st.integers(0, len(lines) - 1))
                lines[at] = draw(strategies.regrown([lines[at]]))
                files[name] = b"".join(lines)
            elif how == "name":
                files[draw(st.sampled_from([*sorted(files), "../x", "e"]))] = files.pop(name)
            else:
                files[name] = draw(strategies.edited([files[name]]))
        return pack(files), files != before

    def check(pair):
        data, changed = pair
        report = verified(data, key)
        assert not (changed and report and report.result == "intact")
        return report is not False

    drive("verify_bundle, files", rewritten(), check, 100)


ORIGIN = "log.example.org/c/1"


def heads_of(path):
    """Use a head store in every way."""
    heads, known = HeadStore(path), None
    for use in (
        lambda: heads.get(ORIGIN),
        lambda: heads.adopt("log.example.org/c/2", SignedHead(0, EMPTY_ROOT, b"")),
        lambda: heads.swap(ORIGIN, SignedHead(1, b"r" * 32, b"n"), SignedHead(2, b"s" * 32, b"m")),
    ):
        with suppress(StorageFailure, SigningRefused):
            known = use() or known
    return known


@pytest.fixture
def head_store(tmp_path):
    path = tmp_path / "heads"
    HeadStore(path).adopt(ORIGIN, SignedHead(1, b"r" * 32, b"n"))
    return path


def test_a_head_store_of_any_bytes(drive, strategies, head_store):
    seeds = [head_store.read_bytes(), b"", b"SQLite format 3\x00", b"This is not a database. " * 100]

    def check(data):
        for beside in head_store.parent.glob("heads-*"):
            beside.unlink(missing_ok=True)
        head_store.write_bytes(data)
        return heads_of(head_store) is not None

    drive("HeadStore", strategies.edited(seeds), check)


def journal_of(path):
    """Use a database in every way, and return whether all of it worked."""
    worked = True
    try:
        journal = Journal(path)
    except IndelibleError:
        return False
    try:
        uses = (
            # First: after a reading that failed half-way, SQLite would make it wait for that reader.
            lambda log: log.anonymize("cli_77", requested_by="client", actor=Staff("usr_12")),
            lambda log: list(log.read()),
            lambda log: [view.document() for view in log.page("client:cli_77 about:bk_1 Ana").views],
            lambda log: list(log.read("actor:staff -target:bk_2 stripe:ch_3N from:2020-01-01")),
            lambda log: story(log.reading(), "bk_1"),
            lambda log: inspect(log),
            lambda log: log.checkpoint(),
            lambda log: log.record_document(event(1, key="k9")),
        )
        for use in uses:
            try:
                use(journal.clinic("c_lisbon"))
            except IndelibleError:
                worked = False
    finally:
        journal.store.close()
    return worked


@pytest.mark.parametrize("part", ["a page", "anywhere"])
def test_a_database_of_any_bytes(drive, strategies, made, tmp_path, part):
    path = tmp_path / "activity.db"
    whole = (made / "activity.db").read_bytes()

    @st.composite
    def damaged(draw):
        if part == "anywhere":
            return draw(strategies.edited([whole, whole[:8192], b"SQLite format 3\x00", b""]))
        page = 4096 * draw(st.integers(0, len(whole) // 4096 - 1))
        changed = draw(strategies.edited([whole[page : page + 4096]]))
        return whole[:page] + changed[:4096].ljust(4096, b"\x00") + whole[page + 4096 :]

    def check(data):
        shutil.rmtree(tmp_path / "activity.db.keep", ignore_errors=True)
        for beside in tmp_path.glob("activity.db*"):
            beside.unlink(missing_ok=True)
        shutil.copy(made / "activity.db.key", tmp_path)
        shutil.copytree(made / "activity.db.keep", tmp_path / "activity.db.keep")
        path.write_bytes(data)
        return journal_of(path)

    assert check(whole), "an undamaged database works"
    drive(f"Journal, {part}", damaged(), check, 30)
