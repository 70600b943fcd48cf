"""docs/howto/money.md says of every action that counts what it does to money, and of no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from indelible.catalogue import registered
from indelible.catalogue.action import Money
from indelible.catalogue.reference import built_in
from indelible.format import money

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "money.md").read_text()


def test_the_page_has_what_every_action_does_to_money():
    table = PAGE.partition("## What counts")[2].partition("## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([a-z ]+) \|", table, re.MULTILINE)
    assert {code: effect.replace(" ", "_") for code, effect in rows} == {
        cls.code: cls.money for cls in built_in() if cls.money != "none"
    }


def test_the_page_names_only_actions_that_exist():
    codes = {cls.code for cls in registered()}
    sent = PAGE.partition("## What to send for what")[2].partition("## Stripe")[0]
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", sent))
    assert named
    assert named <= codes


def test_what_an_action_can_do_to_money_is_what_sums_know():
    assert set(get_args(Money)) == set(money.EFFECTS)


def test_one_action_alone_brings_money_in_and_what_takes_it_out_has_one_that_undoes_it():
    # Two of a kind could tell of the same money, which would then count twice: the clinic gives back a refund, and the
    # bank takes what is disputed, so no amount is both.
    counted = [cls.money for cls in built_in() if cls.money != "none"]
    assert sorted(counted) == ["in", "out", "out", "out_undone", "out_undone"]
