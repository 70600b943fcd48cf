"""What happens before the first request: the log is made where there is none, the accounts' tables are brought up to
this release, and on the first start a link to become the owner is printed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ... import stores
from ...catalogue import host
from ...errors import InvalidInput, NotFound, StorageFailure
from ...journal import Journal
from ...places import Places
from ..accounts import file_ownership
from ..environment import Environment
from . import leader

FIRST_START_LASTS = timedelta(days=2)


def prepare(settings: Environment) -> None:
    """Make or bring up to date the log and the accounts. Raises IndelibleError."""
    host.load()
    _check_keep(settings)
    file_ownership.check(settings.accounts, settings.database)
    if settings.database.exists():
        Journal(settings.database).close()  # says what is wrong with the file or its keys
        stores.check_writable(settings.database)
    else:
        make_folder(settings.database)
        # Its address is the first part of every log origin.
        Journal.create(settings.database, installation=settings.host if settings.production else None).close()
    make_folder(settings.accounts)
    _make_file(settings.accounts)
    _bring_up_tables()


def prepare_there(settings: Environment) -> None:
    """The same for a command, which makes no log. Raises NotFound where there is none, IndelibleError."""
    if not settings.database.is_file():
        raise NotFound(f"there is no log at {settings.database}; `indelible init` makes one, and so does "
                       "`indelible serve`")  # fmt: skip
    with leader.alone_in(settings.database.parent):  # a service may be starting on it for the first time
        prepare(settings)


def _check_keep(settings: Environment) -> None:
    """Refuse what makes erasing void: one copy of one folder would have the database and what must die outside it."""
    places = Places.beside(settings.database)
    if places.is_keep_beside() and not settings.keep_beside:
        # Whoever only named a new folder would begin an empty keep there, and no name in the log could be read.
        there = places.keep.exists()
        mend = "move it to another disk and name that folder" if there else "name a folder on another disk"
        raise InvalidInput(
            f"the keep {places.keep} lies in the database's folder, and whoever is erased could be read in a copy of "
            f"that folder; {mend}, or set INDELIBLE_KEEP_BESIDE=yes if this is meant",
            "INDELIBLE_KEEP",
        )


def make_folder(file: Path) -> None:
    """Make the folder that a file is to lie in. Raises StorageFailure."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailure(f"the folder {file.parent} cannot be made: {error.strerror}") from error


def _make_file(accounts: Path) -> None:
    try:
        accounts.touch()
    except OSError as error:
        raise StorageFailure(f"the accounts at {accounts} cannot be written: {error.strerror}") from error


def _bring_up_tables() -> None:
    import django
    from django.core.management import call_command
    from django.db import DatabaseError

    django.setup()
    try:
        call_command("migrate", interactive=False, verbosity=0)
        _write_nothing()
    except DatabaseError as error:
        raise StorageFailure(
            f"the accounts cannot be written ({error}); check that their file and its folder can be written, and that "
            "no other program holds it locked"
        ) from error


def _write_nothing() -> None:
    """Fail where the file is only readable, also when every table is there already."""
    from ..accounts.models import User

    User.objects.filter(pk=0).update(is_active=False)  # there is no user 0


def first_start(url: str) -> str | None:
    """Return the one-time address where the owner is made; None where somebody can sign in already.

    Each start makes a new link and ends the older ones.
    """
    from ..accounts.models import OneTimeLink, User

    if User.objects.exists():
        return None
    OneTimeLink.objects.filter(kind=OneTimeLink.WELCOME).delete()
    _, secret = OneTimeLink.make(OneTimeLink.WELCOME, FIRST_START_LASTS)
    return f"{url}/welcome/{secret}/"
