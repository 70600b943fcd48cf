"""Commands that are imported when they are called: neither their list nor another command needs them.

    class ClinicCommands(CommandGroup):
        listed: ClassVar = {"add": Listed("commands.setup:add", "Start the log of a clinic.")}

`where` is a module of this package and, in it, a command's function or the typer.Typer of a group. `help` is what the
list of commands says of it: the first paragraph of its own help, or a test fails.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Listed(NamedTuple):
    """One row of the list of commands. `settings` are those of the command's context."""

    where: str
    help: str
    settings: Mapping[str, Any] | None = None


class CommandGroup(TyperGroup):
    """A group that knows its commands by name and help, and imports the one that is called."""

    listed: ClassVar[Mapping[str, Listed]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=one.help) for name, one in self.listed.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, known, rest = super().resolve_command(ctx, args)
        return name, known if name is None else load(name, self.listed[name]), rest


def load(name: str, listed: Listed) -> Any:
    """Import a command and return it, as typer has it."""
    module, _, attribute = listed.where.partition(":")
    found = getattr(importlib.import_module(f".{module}", __package__), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(context_settings=dict(listed.settings or {}))(found)
        command = typer.main.get_command(alone)
    command.name = name
    gc.freeze()  # what is imported stays: a long import or export need not walk it again and again
    return command
