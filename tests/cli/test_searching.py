"""Free words at the command line: what was looked up, how far back a search came, and how it goes on."""

from __future__ import annotations

import re

import pytest

from indelible.read import session as reading
from indelible.testing.logs import event


@pytest.fixture
def ten(cli, monkeypatch):
    monkeypatch.setattr(reading, "SEARCH_LIMIT", 4)
    monkeypatch.setattr(reading, "CHUNK", 2)
    days = (f"2026-04-{number:02}T10:00:00Z" for number in range(1, 11))
    cli.record(*(event(number, occurred_at=day) for number, day in enumerate(days, 1)))
    return cli


def test_a_miss_is_no_miss_before_everything_was_looked_at(ten):
    said = ten.ok("list", "zzz-none").err
    assert "Nothing found yet" in said
    assert "No entry fits" not in said
    assert "Looked for the text in 4 entries, back to 2026-04-07" in said
    steps = 1
    while found := re.search(r"--older (\S+)", said):
        said, steps = ten.ok("list", "zzz-none", "--older", found[1]).err, steps + 1
    assert steps == 3
    assert "No entry fits this filter" in said


def test_all_is_searched_where_no_limit_is_wanted(ten):
    assert "No entry fits this filter" in ten.ok("list", "zzz-none", "--limit", "0").err


def test_a_name_and_an_id_are_looked_up_and_it_is_said(ten):
    done = ten.ok("list", "sousa", "bk_2")
    assert "“sousa” is the name of 1 person here" in done.err
    assert "“bk_2” is the id of something here" in done.err
    assert "in:text searches every text too" in done.err
    assert "Looked for the text" not in done.err
    assert [one["seq"] for one in ten.ok("list", "--json", "sousa", "bk_2").lines] == [2]


def test_a_wrong_address_is_one_sentence_with_the_mend(ten):
    failed = ten("list", "ip:sousa")
    assert failed.code == 2
    assert "ip:203.0.113.0/24" in failed.err
    assert "sousa" not in failed.err.replace("ip:sousa", "")


def test_an_ipv6_address_needs_no_quotes(ten):
    assert ten.ok("list", "2001:db8::1", "--limit", "0").code == 0
