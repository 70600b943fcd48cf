"""verify --letter: what a kept letter says of the log, in the first line and in the exit code."""

from __future__ import annotations

import json
import shutil

import pytest

from indelible.proof import letter
from indelible.proof.verify.__main__ import main as verify_main
from indelible.testing.logs import event


@pytest.fixture
def kept(cli):
    """A letter that was kept when the log had three entries; it has five now."""
    cli.record(*(event(number) for number in range(1, 4)))
    signed = cli.ok("checkpoint").out.encode()
    (cli.folder / "letter.txt").write_text(f"> Dear owner,\n{letter.block(signed)}", encoding="utf-8")
    cli.record(*(event(number) for number in range(4, 6)))
    return cli


def test_a_log_that_went_on_is_told_to_have_the_same_entries(kept):
    result = kept.ok("verify", "--letter", "letter.txt")
    first, second, *_ = result.out.splitlines()
    assert first.startswith("This letter covers entries 1 to 3. The log still has exactly these")
    assert "INTACT" in second


def test_it_is_told_as_json(kept):
    told = json.loads(kept.ok("verify", "--json", "--letter", "letter.txt").out)
    assert told["letters"] == [{"outcome": "same", "size": 3, "log_size": 5}]


def test_a_log_whose_entry_was_changed_is_told_from_the_letter(kept):
    kept.sql("DROP TRIGGER IF EXISTS indelible_entry_no_update")
    body = b'{"rewritten":true}'
    kept.sql("UPDATE indelible_entry SET body = ? WHERE seq = 2", body)
    result = kept("verify", "--structure", "--letter", "letter.txt")
    assert result.code == 1
    assert result.out.startswith("REWRITTEN: This letter covers entries 1 to 3,")


def test_a_log_that_its_keeper_wrote_anew_and_signed_is_intact_and_not_the_letters(cli, tmp_path_factory, monkeypatch):
    cli.record(event(1))
    anew = tmp_path_factory.mktemp("anew") / "log"
    shutil.copytree(cli.folder, anew)
    cli.record(event(2), event(3))
    kept = anew / "letter.txt"
    kept.write_text(letter.block(cli.ok("checkpoint").out.encode()), encoding="utf-8")
    monkeypatch.chdir(anew)
    cli.record(*(event(number) for number in range(4, 9)))  # with the same keys, another history
    assert "INTACT" in cli.ok("verify").out
    result = cli("verify", "--letter", str(kept))
    assert result.code == 1
    assert result.out.startswith("REWRITTEN: This letter covers entries 1 to 3,")
    assert ": INTACT" in result.out


def test_an_older_copy_that_was_put_back_is_shorter_than_the_letter(cli, tmp_path_factory, monkeypatch):
    cli.record(event(1))
    older = tmp_path_factory.mktemp("older") / "log"
    shutil.copytree(cli.folder, older)
    cli.record(event(2), event(3))
    kept = older / "letter.txt"
    kept.write_text(letter.block(cli.ok("checkpoint").out.encode()), encoding="utf-8")
    monkeypatch.chdir(older)
    result = cli("verify", "--letter", str(kept))
    assert result.code == 1
    assert result.out.startswith("SHORTER: This letter covers entries 1 to 3, and the log has only 1 now")


def test_a_letter_of_another_clinic_is_none_of_this_log_and_the_check_cannot_tell(kept):
    kept.ok("clinic", "add", "c_porto", "--name", "Porto", "--time-zone", "Europe/Lisbon")
    kept.ok("import", "--clinic", "c_porto", "-", stdin=json.dumps(event(1)).encode())
    result = kept("verify", "--clinic", "c_porto", "--letter", "letter.txt")
    assert result.code == 2
    assert result.out.startswith("This is not a letter of this log")


@pytest.mark.parametrize(("content", "says"), [
    (None, "--letter: cannot be read"),
    (b"nothing", "--letter: there is no checkpoint in it"),
    (b"\xff" * ((1 << 20) + 9), "--letter: a letter is at most 1 MiB"),
])  # fmt: skip
def test_what_is_no_letter_is_refused_before_anything_is_checked(kept, content, says):
    if content is not None:
        (kept.folder / "other.txt").write_bytes(content)
    assert kept.refused("verify", "--letter", "other.txt").startswith(says)


def key(cli) -> str:
    return str(json.loads(cli.ok("verify", "--json", "--structure").out)["vkey"])


def test_a_complete_bundle_is_compared_offline(kept, monkeypatch, capsys):
    kept.ok("bundle", "--complete", "--output", "all.zip")
    result = kept.ok("verify", "all.zip", "--key", key(kept), "--letter", "letter.txt")
    assert result.out.startswith("This letter covers entries 1 to 3. The log still has exactly these")
    monkeypatch.setattr("sys.argv", ["verify", "all.zip", "--key", key(kept), "--letter", "letter.txt"])
    assert verify_main() == 0
    assert capsys.readouterr().out.startswith("This letter covers entries 1 to 3.")


def test_a_bundle_of_some_entries_leaves_it_open(kept):
    kept.ok("bundle", "--output", "some.zip", "action:booking.created")
    result = kept("verify", "some.zip", "--key", key(kept), "--letter", "letter.txt")
    assert result.code == 2
    assert "It could not be told: this file does not hold all of them." in result.out


def test_a_letter_that_is_newer_than_a_bundle_does_not_say_that_the_log_is_shorter(kept):
    kept.ok("bundle", "--complete", "--output", "all.zip")
    kept.record(event(9))
    (kept.folder / "newer.txt").write_text(letter.block(kept.ok("checkpoint").out.encode()), encoding="utf-8")
    result = kept("verify", "all.zip", "--key", key(kept), "--letter", "newer.txt")
    assert result.code == 2
    assert "It could not be told: this file does not hold all of them." in result.out
    assert "SHORTER" not in result.out
