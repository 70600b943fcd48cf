"""init, clinic, and where the database and the clinic are named."""

from __future__ import annotations

import json
import stat

import pytest

from indelible.testing.logs import event


def test_init_makes_three_things_and_says_what_each_is_for_and_what_losing_it_means(empty):
    out = " ".join(empty.ok("init").out.split())
    assert {path.name for path in empty.folder.iterdir()} == {"activity.db", "activity.db.key", "activity.db.keep"}
    assert stat.S_IMODE((empty.folder / "activity.db.keep").stat().st_mode) == 0o700
    assert "Back the master key up now" in out
    assert "what must die when somebody is erased, and the last signed heads. Never back it up with the database" in out
    assert "Lost, every name is lost; the proofs stay, and signing goes on after `indelible adopt`" in out
    assert "that carries all three makes erasing void" in out


def test_only_its_owner_may_read_the_master_key(empty):
    empty.ok("init")
    assert stat.S_IMODE((empty.folder / "activity.db.key").stat().st_mode) == 0o600


def test_init_with_a_key_in_the_environment_makes_no_key_file(empty, monkeypatch):
    monkeypatch.setenv("INDELIBLE_MASTER_KEY", "indelible-master-key-1:" + "5" * 64)
    out = empty.ok("init").out
    assert not (empty.folder / "activity.db.key").exists()
    assert "5555" not in out


def test_a_second_init_is_refused_and_changes_nothing(cli):
    key = (cli.folder / "activity.db.key").read_bytes()
    assert cli.refused("init") == "activity.db already holds an activity log"
    assert (cli.folder / "activity.db.key").read_bytes() == key
    assert cli.ok("verify").code == 0


def test_init_refuses_a_bad_installation_name_and_makes_nothing(empty):
    assert empty.refused("init", "--installation", "a b").startswith("installation: ")
    assert list(empty.folder.iterdir()) == []


def test_init_in_a_folder_that_is_not_there(empty):
    assert "nowhere" in empty.refused("--database", "nowhere/activity.db", "init")


def test_init_in_a_file_that_is_no_database_leaves_it_as_it_is(empty):
    (empty.folder / "activity.db").write_text("a letter to my mother, not a database, and longer than a header" * 20)
    before = (empty.folder / "activity.db").read_bytes()
    assert empty.refused("init") == "the file is not an SQLite database"
    assert (empty.folder / "activity.db").read_bytes() == before
    assert not (empty.folder / "activity.db.key").exists()


def test_clinic_add_prints_the_public_key_that_verify_shows(empty):
    empty.ok("init")
    out = empty.ok("clinic", "add", "c1", "--name", "Porto", "--time-zone", "Europe/Lisbon").out
    vkey = out.splitlines()[-1].split()[-1]
    assert f"public key {vkey}" in empty.ok("verify").out


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("Europe/Lisbom", "did you mean Europe/Lisbon?"),
        ("europe/lisbon", "Europe/Lisbon"),
        ("Mars/Olympus", ""),
        ("", ""),
        ("../etc/passwd", ""),
        ("/etc/localtime", ""),
        ("Europe/Lisbon\n", ""),
    ],
)
def test_clinic_add_refuses_an_unknown_zone(empty, name, suggestion):
    empty.ok("init")
    line = empty.refused("clinic", "add", "c1", "--name", "Porto", "--time-zone", name)
    assert line.startswith("time-zone: ")
    assert suggestion in line
    assert empty.ok("clinic", "list").out == ""


@pytest.mark.parametrize("clinic", ["", "a b", "a/b", ".hidden", "x" * 65, "é", "a\x1b[31m", "ana@example.org"])
def test_clinic_add_refuses_a_bad_id(empty, clinic):
    empty.ok("init")
    line = empty.refused("clinic", "add", clinic, "--name", "Porto", "--time-zone", "Europe/Lisbon")
    assert line.startswith("clinic: must be")


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x1b[31m", "a\u202eb"])
def test_clinic_add_refuses_a_name_that_cannot_be_shown(empty, name):
    empty.ok("init")
    assert empty.refused("clinic", "add", "c1", "--name", name, "--time-zone", "UTC").startswith("name: must be")


def test_clinic_add_twice_is_refused(cli):
    line = cli.refused("clinic", "add", "c_lisbon", "--name", "Again", "--time-zone", "Europe/Lisbon")
    assert line == "there is already a clinic c_lisbon"


# Where the database is


def test_the_database_may_be_named_before_or_after_the_command(cli):
    for path in (
        "activity.db",
        str(cli.folder / "activity.db"),
        "sqlite:///activity.db",
        f"sqlite:///{cli.folder}/activity.db",
    ):
        assert cli.ok("--database", path, "clinic", "list").out.startswith("c_lisbon\t")
        assert cli.ok("clinic", "list", "--database", path).out.startswith("c_lisbon\t")


def test_a_url_may_have_escapes(empty):
    (empty.folder / "my logs").mkdir()
    empty.ok("--database", "sqlite:///my%20logs/activity.db", "init")
    assert (empty.folder / "my logs" / "activity.db").is_file()


@pytest.mark.parametrize(
    "url", ["postgresql://localhost/log", "sqlite://", "sqlite:///", "sqlite://host/x.db", "x://y"]
)
def test_another_kind_of_url_is_refused(cli, url):
    assert cli.refused("--database", url, "list").startswith("--database: ")


@pytest.fixture
def two_databases(cli):
    (cli.folder / "other").mkdir()
    cli.ok("--database", "other/o.db", "init")
    cli.ok("--database", "other/o.db", "clinic", "add", "c_other", "--name", "Other", "--time-zone", "UTC")
    return cli


def test_the_environment_names_the_database(two_databases, monkeypatch):
    monkeypatch.setenv("INDELIBLE_DATABASE", "other/o.db")
    assert two_databases.ok("clinic", "list").out.startswith("c_other")


@pytest.mark.parametrize("before", [True, False])
def test_an_option_wins_over_the_environment_wherever_it_stands(two_databases, monkeypatch, before):
    monkeypatch.setenv("INDELIBLE_DATABASE", "other/o.db")
    option = ("--database", "activity.db")
    command = (*option, "clinic", "list") if before else ("clinic", "list", *option)
    assert two_databases.ok(*command).out.startswith("c_lisbon")


def test_the_option_after_the_command_wins_over_the_one_before_it(two_databases):
    command = ("--database", "activity.db", "clinic", "list", "--database", "other/o.db")
    assert two_databases.ok(*command).out.startswith("c_other")


# Which clinic


@pytest.fixture
def two_clinics(cli):
    cli.ok("clinic", "add", "c_porto", "--name", "Porto", "--time-zone", "Europe/Lisbon")
    cli.ok("record", json.dumps(event()), "--clinic", "c_porto")
    return cli


def test_with_two_clinics_one_must_be_named(two_clinics):
    assert two_clinics.refused("list") == "say which clinic; there are: c_lisbon, c_porto"
    assert two_clinics.refused("record", json.dumps(event())).startswith("say which clinic")


def test_a_clinic_may_be_named_before_or_after_the_command_or_in_the_environment(two_clinics, monkeypatch):
    assert len(two_clinics.ok("--clinic", "c_porto", "list", "--json").lines) == 1
    assert len(two_clinics.ok("list", "--json", "--clinic", "c_porto").lines) == 1
    monkeypatch.setenv("INDELIBLE_CLINIC", "c_porto")
    assert len(two_clinics.ok("list", "--json").lines) == 1
    assert len(two_clinics.ok("--clinic", "c_lisbon", "list", "--json").lines) == 0
    assert len(two_clinics.ok("list", "--json", "--clinic", "c_lisbon").lines) == 0


def test_an_unknown_clinic_is_refused_with_those_that_there_are(two_clinics):
    line = two_clinics.refused("list", "--clinic", "c_faro")
    assert line == "there is no clinic c_faro; there are: c_lisbon, c_porto"


def test_a_database_without_a_clinic_says_how_to_make_one(empty):
    empty.ok("init")
    assert "`indelible clinic add` makes one" in empty.refused("list")


# The zone


def test_set_time_zone_is_recorded_and_days_follow(cli):
    late = event(1, occurred_at="2026-05-03T23:30:00+01:00")  # in Kiritimati it is the 4th
    cli.record(late)
    assert len(cli.ok("list", "--json", "from:2026-05-03", "to:2026-05-03").lines) == 1
    cli.ok("clinic", "set-time-zone", "Pacific/Kiritimati", "--as", "usr_1", "--as-name", "Maria")
    assert len(cli.ok("list", "--json", "from:2026-05-03", "to:2026-05-03").lines) == 0
    assert len(cli.ok("list", "--json", "from:2026-05-04", "to:2026-05-04").lines) == 1
    (change,) = cli.ok("list", "--json", "action:clinic.time_zone_changed").lines
    assert change["actor"] == {"kind": "staff", "id": "usr_1", "name": "Maria"}
    assert change["context"]["zone"] == {"old": "Europe/Lisbon", "new": "Pacific/Kiritimati"}
    shown = cli.ok("show", "1", "--json").lines[0]
    assert (shown["occurred_at"], shown["recorded_zone"]) == ("2026-05-04T12:30:00.000000+14:00", "Europe/Lisbon")
    assert cli.ok("verify").code == 0


def test_set_time_zone_to_the_same_zone_records_nothing(cli):
    cli.ok("clinic", "set-time-zone", "Europe/Lisbon")
    assert cli.ok("list", "--json").out == ""


def test_set_time_zone_refuses_an_unknown_zone_and_a_name_without_an_id(cli):
    assert "did you mean Europe/Madrid?" in cli.refused("clinic", "set-time-zone", "Europe/Madird")
    assert cli.refused("clinic", "set-time-zone", "UTC", "--as-name", "Maria").startswith("--as-name: ")
    assert cli.ok("list", "--json").out == ""
