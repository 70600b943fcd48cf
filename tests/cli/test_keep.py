"""`indelible keep`: the one current copy, and the way on where the keep is lost for good."""

from __future__ import annotations

import json
import os
import shutil
import stat

import pytest

from indelible.testing.logs import event

from .conftest import blanked

RUI = event(2, client={"id": "cli_78", "name": "Rui Alves"})


@pytest.fixture
def two(cli):
    cli.record(event(1), RUI)
    return cli


def test_a_copy_put_in_the_keeps_place_opens_every_name_and_signing_goes_on_after_adopt(two):
    said = two.ok("keep", "copy", "copy").out
    assert "c_lisbon: of whom nobody was erased" in said
    assert "The signed heads are not in it" in said
    assert [path.suffix for path in (two.folder / "copy").iterdir() if path.suffix != ".lock"] == [".cover"]
    assert stat.S_IMODE((two.folder / "copy").stat().st_mode) == 0o700
    shutil.rmtree("activity.db.keep")
    assert "put its newest copy back, or, if it is lost for good, run `indelible keep renew`" in two.refused("list")
    os.rename("copy", "activity.db.keep")
    assert {line["client"]["name"] for line in two.ok("list", "--json").lines} == {"Ana Sousa", "Rui Alves"}
    assert "`indelible adopt`" in two.refused("checkpoint")
    two.ok("adopt")
    two.record(event(3))
    assert two.ok("verify").code == 0


def test_the_proofs_hold_without_the_keep_and_the_structure_is_verified(two):
    for cover in (two.folder / "activity.db.keep").glob("*.cover"):
        cover.unlink()
    assert "does not know the log of clinic c_lisbon" in two.refused("verify")
    assert (
        two.ok("verify", "--structure").out.splitlines()[0].endswith("nothing was changed, removed, added or reordered")
    )


def test_a_copy_knows_of_every_erasure_and_an_older_one_there_is_replaced(two):
    two.ok("keep", "copy", "copy")
    older = two.folder / "older"
    shutil.copytree("copy", older)
    two("anonymize", "cli_77", "--requested-by", "client")
    assert "c_lisbon: knows of the erasures up to entry 3" in two.ok("keep", "copy", "copy").out
    shutil.rmtree("activity.db.keep")
    os.rename("copy", "activity.db.keep")
    assert "Ana" not in two.ok("list", "--json").out
    two.ok("adopt")
    shutil.copytree(older, "activity.db.keep", dirs_exist_ok=True)
    assert "Ana" not in two.ok("list", "--json").out, "what an older copy knows is erased again before anybody reads"


@pytest.mark.parametrize("folder", ["activity.db.keep", "activity.db.keep/copy", "./x/../activity.db.keep"])
def test_the_keep_is_not_copied_into_itself(two, folder):
    assert "the keep itself" in two.refused("keep", "copy", folder)


def test_a_copy_beside_the_database_is_made_and_said(two):
    assert "a copy belongs on another disk" in two.ok("keep", "copy", "copy").err


def test_a_copy_that_knows_more_than_the_keep_is_not_overwritten(two):
    shutil.copytree("activity.db.keep", "before")
    two.ok("anonymize", "cli_77", "--requested-by", "client")
    two.ok("keep", "copy", "copy")
    two.ok("backup", "erased.db")
    shutil.rmtree("activity.db.keep")
    os.rename("before", "activity.db.keep")
    for end in ("", "-wal", "-shm"):
        (two.folder / f"activity.db{end}").unlink(missing_ok=True)
    two("restore", "erased.db")
    assert "Ana" not in two.ok("list", "--json").out
    assert two.ok("keep", "copy", "copy").code == 0, "erased again from the database, it knows as much"


def test_renewing_is_refused_where_a_keep_is_there(two):
    assert two.refused("keep", "renew", "--yes") == (
        "the keep activity.db.keep knows every log here, so there is nothing to renew"
    )
    assert "knows the log of clinic c_lisbon" in two.refused("keep", "renew", "--yes", "--clinic", "c_lisbon")


def test_renewing_is_refused_where_the_keep_does_not_open(two):
    (cover,) = (two.folder / "activity.db.keep").glob("*.cover")
    cover.write_bytes(cover.read_bytes()[:-1])
    assert "does not open" in two.refused("keep", "renew", "--yes")


def lose(cli, *, heads: bool) -> None:
    for path in (cli.folder / "activity.db.keep").iterdir():
        if heads or path.name != "heads":
            path.unlink()


def test_renewing_asks_first(two):
    lose(two, heads=False)
    assert two.refused("keep", "renew").startswith("--yes: is needed where nobody can be asked")
    assert not list((two.folder / "activity.db.keep").glob("*.cover"))


@pytest.mark.parametrize("heads", [False, True])
def test_after_renewing_entries_and_proofs_stay_and_recording_goes_on_with_new_people(two, heads):
    two.ok("anonymize", "cli_78", "--requested-by", "client")  # entries 3 and 4
    lose(two, heads=heads)
    said = two.ok("keep", "renew", "--yes").out
    assert "c_lisbon: renewed; of the entries up to now nobody can read a name, and every proof stays." in said
    assert ("run `indelible adopt --clinic c_lisbon`" in said) == heads
    if heads:
        two.ok("adopt")
    two.record(event(6))
    lines = {line["seq"]: line for line in two.ok("list", "--json").lines}
    assert lines[6]["client"] == {"id": "cli_77", "name": "Ana Sousa"}
    assert lines[1]["client"]["name"] is None
    assert (lines[5]["action"], lines[5]["context"]) == ("log.keep_renewed", {"up_to_seq": 4})
    assert [line["seq"] for line in two.ok("list", "client:cli_77", "--json").lines] == [6]
    report = two.ok("verify").out
    assert "INTACT" in report
    assert "entries up to entry 4 have values that nobody can read: the keep was lost" in report


def test_what_is_altered_after_renewing_or_said_to_be_lost_without_the_keys_is_found(two):
    lose(two, heads=False)
    two.ok("keep", "renew", "--yes")
    two.record(event(4))
    two.reseal(blanked("network"))
    findings = json.loads(two("verify", "--json").out)["findings"]
    assert [(one["seq"], one["what"]) for one in findings] == [(4, "its sealed network values do not open")]
    two.sql("UPDATE indelible_entry SET sealed = x'' WHERE seq = 3")  # the entry that says so says nothing any more
    assert {one["seq"] for one in json.loads(two("verify", "--json").out)["findings"]} >= {1, 2, 3, 4}


def test_a_bundle_of_what_was_lost_is_made_without_its_values_alone(two):
    lose(two, heads=False)
    two.ok("keep", "renew", "--yes")
    assert "where it says that the keep was lost, withhold" in two.refused("bundle", "--complete", "--output", "b.zip")
    withheld = [part for name in ("identity", "network", "evidence") for part in ("--withhold", name)]
    two.ok("bundle", "--complete", "--output", "b.zip", *withheld)
    key = two.ok("clinic", "list").out.split("\t")[4].strip()
    assert "INTACT" in two.ok("verify", "b.zip", "--key", key).out
