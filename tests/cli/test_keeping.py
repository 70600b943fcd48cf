"""bundle, verify FILE, backup, restore, upgrade and clinic close, as they are typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from indelible.testing.bundles import pack, unpack
from indelible.testing.logs import event


@pytest.fixture
def three(cli):
    cli.record(*(event(number) for number in (1, 2, 3)))
    return cli


def key(cli):
    return cli.ok("clinic", "list").out.split("\t")[4].strip()


def test_a_bundle_is_made_and_verified_with_the_key(three):
    made = three.ok("bundle", "action:booking.cancelled", "--output", "b.zip")
    assert made.out.startswith("3 entries written to b.zip; entry 4 records it\n")
    assert f"public key   {key(three)}" in made.out
    shown = three.ok("verify", "b.zip", "--key", key(three)).out
    assert "INTACT: everything in this bundle is as it was recorded" in shown
    assert "Not proven: that the filter left nothing out" in shown


def test_the_key_may_be_in_the_environment(three, monkeypatch):
    three.ok("bundle", "--output", "b.zip")
    monkeypatch.setenv("INDELIBLE_VKEY", key(three))
    assert "INTACT" in three.ok("verify", "b.zip").out


def test_without_a_key_it_is_only_consistent_and_the_exit_code_says_so(three):
    three.ok("bundle", "--output", "b.zip")
    result = three("verify", "b.zip")
    assert result.code == 2
    assert "CONSISTENT WITH THE KEY INSIDE" in result.out
    assert "compare that key's fingerprint" in result.out


def test_a_changed_bundle_is_not_intact_and_names_the_cell(three):
    three.ok("bundle", "--output", "b.zip")
    changed = three.folder / "changed.zip"
    files = unpack(three.folder / "b.zip")
    files["entries.csv"] = files["entries.csv"].replace(b"Ana Sousa", b"Eva Sousa", 1)
    changed.write_bytes(pack(files))
    result = three("verify", "changed.zip", "--key", key(three))
    assert result.code == 1
    assert "entry 3: its cell client_name in entries.csv is not what its entry says" in result.out
    found = json.loads(three("verify", "changed.zip", "--json", "--key", key(three)).out)
    assert found["differing_cells"] == [{"seq": 3, "column": "client_name"}]


def test_the_key_of_another_log_is_told(three):
    three.ok("clinic", "add", "c_other", "--name", "Other", "--time-zone", "UTC")
    other = three.ok("clinic", "list").out.splitlines()[1].split("\t")[4]
    three.ok("bundle", "--output", "b.zip", "--clinic", "c_lisbon")
    assert three("verify", "b.zip", "--key", other).code == 1
    assert "public key" in three.refused("verify", "b.zip", "--key", "nonsense")


@pytest.mark.parametrize("content", [b"PK", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + b"x" * 500])
def test_a_file_that_only_begins_like_a_zip_is_one_sentence(three, content):
    (three.folder / "b.zip").write_bytes(content)
    assert "bundle" in three.refused("verify", "b.zip", "--key", key(three))


def test_a_complete_bundle_and_a_range_of_it(three):
    three.ok("bundle", "--complete", "--output", "all.zip")
    shown = three.ok("verify", "all.zip", "--key", key(three)).out
    assert "Proven: these are all entries from number 1 to 3" in shown
    three.ok("bundle", "--complete", "--entries", "2-3", "--output", "some.zip", "--withhold", "network")
    shown = three.ok("verify", "some.zip", "--key", key(three)).out
    assert "all entries from number 2 to 3" in shown
    assert "withheld: 4 values" in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--complete", "action:booking.cancelled"), "--complete: takes no filter"),
        (("--entries", "1-2"), "--entries: goes with --complete only"),
        (("--complete", "--entries", "2"), "--entries: must be the first and last number"),
        (("--complete", "--entries", "2-99"), "entries: must be within 1 and 3"),
        (("--complete", "--entries", "3-1"), "entries: must be within"),
        (("--withhold", "names"), "withheld: must be evidence, identity, network, or a value's place"),
        (("acton:x",), "unknown key"),
    ],
)
def test_a_bundle_that_cannot_be_meant_is_refused_and_nothing_is_recorded(three, arguments, reason):
    assert reason in three.refused("bundle", "--output", "b.zip", *arguments)
    assert len(three.ok("list", "--json").lines) == 3
    assert not (three.folder / "b.zip").exists()


def test_the_verifier_runs_alone_without_catalogue_keys_or_database(three):
    three.ok("bundle", "--output", "b.zip")
    code = "import sys; sys.argv = ['v', 'b.zip']; " \
        "from indelible.proof.verify import __main__ as v; code = v.main(); " \
        "bad = {'indelible.catalogue', 'indelible.keep', 'sqlite3', 'pydantic', 'typer'} & sys.modules.keys(); " \
        "sys.exit(bad and str(bad) or code)"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=three.folder,
        capture_output=True,
        text=True,
        env=os.environ | {"INDELIBLE_VKEY": key(three)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "INTACT" in done.stdout


def test_backup_and_restore(three):
    three.ok("backup", "saved.db")
    three.record(event(4))
    for name in ("activity.db", "activity.db-wal", "activity.db-shm"):
        (three.folder / name).unlink(missing_ok=True)
    result = three("restore", "saved.db")
    assert result.code == 2
    assert "c_lisbon: OLDER than what was signed: 1 entries are not in it." in result.out
    assert "--continues c_lisbon" in result.out
    assert len(three("list", "--json").lines) == 3
    three.ok("clinic", "add", "c_new", "--name", "Lisbon", "--time-zone", "Europe/Lisbon", "--continues", "c_lisbon")
    assert "Continued the activity log" in three.ok("list", "--clinic", "c_new").out


def test_a_restored_newest_backup_is_complete(three):
    three.ok("backup", "saved.db")
    for name in ("activity.db", "activity.db-wal", "activity.db-shm"):
        (three.folder / name).unlink(missing_ok=True)
    assert "c_lisbon: complete, 3 entries" in three.ok("restore", "saved.db").out
    three.ok("verify")


def test_nothing_is_restored_over_a_database(three):
    three.ok("backup", "saved.db")
    assert "is there already" in three.refused("restore", "saved.db")


def test_upgrade_says_which_schema_there_is(three):
    assert three.ok("upgrade").out == "schema 1 already\n"


def test_a_closed_clinic_has_its_bundle_and_is_still_verified(three):
    vkey = key(three)
    assert "--yes: is needed" in three.refused("clinic", "close", "--output", "final.zip")
    said = three.ok("clinic", "close", "--output", "final.zip", "--yes").out
    assert "c_lisbon is closed after entry 5" in said
    assert "nobody can sign its log any more, or open its values in any copy" in said
    three.ok("verify", "final.zip", "--key", vkey)
    assert "its keys destroyed" in three.refused("list")
    assert "its keys destroyed" in three.refused("record", json.dumps(event(9)))
    assert "INTACT" in three.ok("verify", "--key", vkey).out
    assert three.ok("clinic", "list").out.endswith("\tclosed\n")


def test_of_a_closed_clinic_a_copy_of_the_keep_is_named_until_it_is_made_again(three):
    three.ok("keep", "copy", "copy")
    said = three.ok("clinic", "close", "--output", "final.zip", "--yes").err
    assert "A copy of the keep was made before, and can still open them: run `indelible keep copy FOLDER` again" in said
    assert "its copy is older than the last erasure of clinic c_lisbon" in three("doctor").out
    assert "c_lisbon: closed; its keys are in no copy any more" in three.ok("keep", "copy", "copy").out
    assert "its copy is older" not in three.ok("doctor").out


def test_a_backup_has_neither_keep_nor_master_key_and_says_where_these_belong(three):
    said = three.ok("backup", "saved.db").out
    assert "The keep (activity.db.keep) belongs in no backup of the database" in said
    assert "The master key (activity.db.key) belongs elsewhere" in said
    assert sorted(path.name for path in three.folder.glob("saved.db*")) == ["saved.db"]


def test_structure_alone_is_verified_without_opening_values(three):
    shown = three.ok("verify", "--structure").out
    assert "checked 3 entries, 0 personal values" in shown
