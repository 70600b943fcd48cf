"""What every command shares: where the database is, which clinic is meant, and who is at the keyboard."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote, urlsplit

import typer

from ..errors import InvalidInput

if TYPE_CHECKING:
    from ..journal import Journal
    from ..log import ClinicLog
    from ..record.document import Actor
    from ..stores.contract import Clinic

DEFAULT_DATABASE = "activity.db"

# The environment is read below, and not by typer: an option before the command must win over it, too.
Database = Annotated[
    str | None,
    typer.Option(
        "--database", help=f"Path or URL of the database (default: INDELIBLE_DATABASE, else {DEFAULT_DATABASE})."
    ),
]
ClinicId = Annotated[
    str | None,
    typer.Option("--clinic", help="Id of the clinic (default: INDELIBLE_CLINIC); unneeded where there is one."),
]
AsId = Annotated[str | None, typer.Option("--as", metavar="ID", help="Id of the staff member who does this.")]
AsName = Annotated[str | None, typer.Option("--as-name", metavar="NAME", help="Name of that staff member.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

# Options given before the command (`indelible --database x list`); those after it win.
given_first: dict[str, str | None] = {}


def database_path(database: str | None) -> Path:
    """Return the file of a database setting: a path, or sqlite:///path."""
    text = _setting(database, "database") or DEFAULT_DATABASE
    if "://" not in text:
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        # As elsewhere: three slashes before a relative path, four before an absolute one.
        return Path(unquote(parts.path[1:]))
    raise InvalidInput("must be a path or sqlite:///path; this release knows no other database", "--database")


def _setting(after: str | None, name: str) -> str | None:
    """An option's value: given after the command, before it, or in the environment."""
    return after or given_first.get(name) or os.environ.get(f"INDELIBLE_{name.upper()}") or None


def given_outboxes(urls: list[str] | None) -> list[str]:
    """The outboxes that are meant: those given, else those of INDELIBLE_OUTBOXES, each once."""
    return list(dict.fromkeys(urls or (os.environ.get("INDELIBLE_OUTBOXES") or "").split()))


def chosen_clinic(clinic: str | None) -> str | None:
    """The clinic's id that was given somewhere, if any."""
    return _setting(clinic, "clinic")


def closed_clinic(opened: Journal, clinic: str | None) -> Clinic | None:
    """The clinic that is meant, if it is one that was closed."""
    wanted, every = chosen_clinic(clinic), opened.clinics()
    return next(
        (
            info
            for info, state in every
            if state.closed_at is not None and (info.id == wanted or (wanted is None and len(every) == 1))
        ),
        None,
    )


@contextmanager
def journal(database: str | None) -> Iterator[Journal]:
    """Open the database for one command, and sign what it wrote."""
    from ..journal import Journal  # not above: a bundle is verified without it

    with Journal(database_path(database)) as opened:
        yield opened


@contextmanager
def clinic_log(database: str | None, clinic: str | None) -> Iterator[ClinicLog]:
    with journal(database) as opened:
        yield opened.clinic(chosen_clinic(clinic))


def actor(as_id: str | None, as_name: str | None, command: str) -> Actor:
    """Who did it: the staff member who says so, else the system, for the reason that this command was run."""
    from ..record.document import Staff, System

    if as_id is None and as_name is not None:
        raise InvalidInput("needs --as with the staff member's id", "--as-name")
    return System(f"command:{command}") if as_id is None else Staff(as_id, as_name)


def say(text: str) -> None:
    """Tell the person something that is not the command's output."""
    print(text, file=sys.stderr)


def check_words(words: list[str]) -> list[str]:
    """Refuse a mistyped option that would otherwise be read as a word of the filter."""
    for word in words:
        if word.startswith("--"):
            raise InvalidInput("is not an option of this command; see --help", word.split("=")[0][:40])
    return words


QUERY_SETTINGS: dict[str, Any] = {"ignore_unknown_options": True}  # `-actor:system` is a word, not five options
