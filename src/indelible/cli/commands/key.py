"""`indelible key`: keys with which programs record and read over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from ..options import ClinicId, Database, chosen_clinic, database_path
from .serve import become

Platform = Annotated[bool, typer.Option("--platform", help="Of the platform: it opens every clinic, also later ones.")]


def add(
    name: Annotated[str, typer.Argument(help="What people call it, such as 'booking program'.")],
    scope: Annotated[
        list[str], typer.Option(help="What it is for: record, read, export, anonymize or manage; may be given again.")
    ],
    clinic: ClinicId = None,
    platform: Platform = False,
    until: Annotated[
        str | None, typer.Option(help="Its last day, such as 2027-01-31, or an instant (default: until it is revoked).")
    ] = None,
    database: Database = None,
) -> None:
    """Make a key and print it, once. It is recorded in the log of each clinic that it opens."""
    _become(
        database, ["add", *_of(clinic, platform), *([] if until is None else [f"--until={until}"]), "--", name, *scope]
    )


def list_keys(clinic: ClinicId = None, platform: Platform = False, database: Database = None) -> None:
    """List the keys of a clinic, or of the platform, also those that ended. What they are is not shown."""
    _become(database, ["list", *_of(clinic, platform)])


def revoke(
    key: Annotated[str, typer.Argument(help="Its id, such as key_3f9c2a7d10be.")], database: Database = None
) -> None:
    """End a key now. It is recorded."""
    _become(database, ["revoke", "--", key])


def _of(clinic: str | None, platform: bool) -> list[str]:
    if platform:
        return ["--platform", *([] if clinic is None else [f"--clinic={clinic}"])]
    return [f"--clinic={chosen}"] if (chosen := chosen_clinic(clinic)) else []


def _become(database: Database, arguments: list[str]) -> None:
    become("indelible.service.run.key_command", arguments, {"INDELIBLE_DATABASE": str(database_path(database))})
