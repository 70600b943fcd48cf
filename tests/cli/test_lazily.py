"""A command is imported when it is called; what the list says of it is what it says of itself."""

from __future__ import annotations

import pytest

from indelible.cli.command_list import AllCommands, ClinicCommands
from indelible.cli.lazy_commands import load

EVERY = [*AllCommands.listed.items(), *ClinicCommands.listed.items()]


@pytest.mark.parametrize(("name", "listed"), EVERY, ids=[f"{name} {listed.where}" for name, listed in EVERY])
def test_the_list_says_of_a_command_what_its_own_help_begins_with(name, listed):
    paragraph = " ".join(load(name, listed).help.split("\n\n")[0].split())
    assert listed.help == paragraph


def test_a_command_s_module_is_not_taken_for_a_command(cli):
    assert "No such command 'setup'" in cli.refused("setup")
    assert "Did you mean 'list'?" in cli.refused("lst")
