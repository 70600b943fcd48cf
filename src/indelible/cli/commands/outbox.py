"""The outbox in a host's own database: its SQL, and whether it is as it should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

import typer

from ...errors import InvalidInput, StorageFailure
from ..options import database_path, say
from ..terminal import printable

Url = Annotated[str, typer.Argument(metavar="URL", help="The host's database: postgresql://user@host/name.")]


def print_sql(
    engine: Annotated[str, typer.Option("--engine", help="postgres or sqlite.")] = "postgres",
    since: Annotated[int, typer.Option("--since", help="The version that is there already.", min=0)] = 0,
) -> None:
    """Print the outbox's SQL, for the host's own migrations. It may be run again, in one transaction."""
    from ...outbox import sql

    print(sql.text(engine, since), end="")


def install(
    where: Annotated[
        str,
        typer.Argument(metavar="URL|FILE", help="postgresql://user@host/name, or an SQLite file."),
    ],
) -> None:
    """Make the outbox in a host's database, or bring it up to date. What waits there stays."""
    from ...outbox import sql

    if _is_postgres(where):
        with connected(where) as connection, connection.transaction():
            sql.install(connection)
        say(f"The outbox is there (version {sql.version('postgres')}). Grant indelible_recorder to the host's servers, "
            "and indelible_drainer to the role that drains.")  # fmt: skip
        return
    path = database_path(where)
    if not path.exists():
        raise StorageFailure(f"there is no database at {path}; the outbox goes into the one that the host has")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as file, file:
            sql.install(file)
    except sqlite3.Error as error:
        raise StorageFailure(f"{path} cannot be opened or written as a database of SQLite") from error
    say("The outbox is there.")


def check(
    url: Url,
    end_user: Annotated[
        list[str] | None, typer.Option("--end-user", metavar="ROLE", help="A further role of the host's end users.")
    ] = None,
) -> None:
    """Look over the outbox and who may do what with it. Exit code 2 where something is to be mended."""
    from ...outbox import grants

    with connected(url) as connection:
        found = grants.findings(connection, end_user or ())
    for good, text in found:
        print(f"{'ok  ' if good else 'MEND'}  {printable(text)}")
    if wrong := sum(not good for good, _ in found):
        raise StorageFailure(f"{wrong} of {len(found)} findings {'is' if wrong == 1 else 'are'} to be mended")


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection to a host's PostgreSQL. Raises InvalidInput, StorageFailure."""
    if not _is_postgres(url):
        raise InvalidInput("must be a URL such as postgresql://user@host:5432/database", "URL")
    from ...outbox import postgres_source

    with postgres_source.told(postgres_source.name_of(url)), closing(postgres_source.connect(url)) as connection:
        yield connection


def _is_postgres(where: str) -> bool:
    return where.startswith(("postgresql://", "postgres://"))
