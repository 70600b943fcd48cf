"""tail: the last entries, and new ones as other processes record them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from indelible.testing.logs import event

WITHIN = 30  # seconds, on a busy machine


@pytest.fixture
def followed(cli) -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for one in started:
        one.kill()
        one.communicate()


def follow(cli, followed, *words: str) -> subprocess.Popen[str]:
    """`indelible tail` in a process of its own, whose output is a pipe."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INDELIBLE_")}
    started = subprocess.Popen(
        [sys.executable, "-c", "from indelible.cli.start import main; main()", "tail", *words],
        cwd=cli.folder, env=kept | {"INDELIBLE_KEEP_BESIDE": "yes"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    followed.append(started)
    return started


def shown(cli, *words: str) -> list[int]:
    return [one["seq"] for one in cli.ok("tail", "--json", *words).lines]


def test_the_last_entries_newest_last(cli):
    cli.record(*[event(number) for number in range(1, 15)])
    assert shown(cli) == list(range(5, 15))
    assert shown(cli, "--limit", "3") == [12, 13, 14]
    assert shown(cli, "--limit", "0") == []
    assert shown(cli, "category:payments") == []
    assert cli.ok("tail", "--json", "--limit", "1").out == cli.ok("list", "--json", "--limit", "1").out


def test_rows_are_those_of_list(cli):
    cli.record(event(1))
    (row,) = [line.split() for line in cli.ok("list").out.splitlines() if line.split()[:1] == ["1"]]
    (mine,) = [line.split() for line in cli.ok("tail").out.splitlines() if line.split()[:1] == ["1"]]
    assert mine[:4] == row[:4]


def test_a_wrong_filter_is_one_sentence(cli):
    cli.record(event(1))
    assert "filter, word 2" in cli.refused("tail", "-f", "category:payments", "nonsense:x:y")
    assert "is not an option" in cli.refused("tail", "--folow")


def test_a_word_that_is_not_wanted_may_begin_with_the_letter_of_an_option(cli):
    cli.record(event(1), event(2))
    assert shown(cli, "-fnordless") == [1, 2]
    assert shown(cli, "-noshow") == [1, 2]


def test_new_entries_of_another_process_come_in_the_order_in_which_they_are_recorded(cli, followed):
    cli.record(event(1))
    process = follow(cli, followed, "-f", "--json", "category:bookings")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["seq"] == 1
    late = event(2, occurred_at="2020-01-01T10:00:00Z")
    payment = event(3, action="charge.succeeded", target={"kind": "charge", "id": "ch_1"},
                    context={"amount_minor": 4_500, "currency": "EUR"})  # fmt: skip
    cli.record(late, payment, event(4))
    assert [json.loads(process.stdout.readline())["seq"] for _ in range(2)] == [2, 4]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WITHIN)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_ends_when_nobody_reads_on_although_nothing_comes(cli, followed):
    cli.record(event(1))
    process = follow(cli, followed, "-f", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(WITHIN) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_what_was_erased_meanwhile_is_shown_as_list_does(cli, followed):
    cli.record(event(1))
    process = follow(cli, followed, "-f", "--json")
    assert process.stdout is not None
    name = event(1)["client"]["name"]
    assert json.loads(process.stdout.readline())["client"]["name"] == name
    cli.ok("anonymize", event(1)["client"]["id"], "--requested-by", "client")
    told = [json.loads(process.stdout.readline())]
    newest_first = cli.ok("list", "--json").lines
    assert told == [one for one in newest_first if one["seq"] == told[0]["seq"]]
    assert cli.ok("tail", "--json").lines == newest_first[::-1]
    assert name not in cli.ok("tail").out
    assert "anonymized" in cli.ok("tail").out.lower()
