"""Which outbox is meant: a URL or a path becomes an open source."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import InvalidInput, StorageFailure
from ..outbox.source import Identity, Source
from ..outbox.sqlite_source import SQLiteSource
from ..places import Places
from .copies import OWN


class Accounts(SQLiteSource):
    """The outbox in the service's own database, which belongs to the log wherever both are."""

    def identity(self) -> Identity:
        return super().identity()._replace(database=OWN)


def open_source(where: str, places: Places | None = None) -> Source:
    """Open a host's database: postgresql://..., sqlite:///path, or the path of an SQLite file.

    As elsewhere, three slashes stand before a relative path and four before an absolute one. With the `places` of a
    log, the path of its own accounts is known as that. Raises InvalidInput, StorageFailure. No message repeats the URL,
    which may hold a password.
    """
    scheme, separator, _ = where.partition("://")
    if not separator:
        return _sqlite(where, places)
    if scheme in ("postgresql", "postgres"):
        return _postgres(where)
    parts = urlsplit(where)
    if scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return _sqlite(unquote(parts.path[1:]), places)
    raise InvalidInput("must be postgresql://..., sqlite:///path, or the path of an SQLite file", "URL")


def name_of(where: str) -> str:
    """Where an outbox is, for messages, without user and password; what `open_source` takes. Raises InvalidInput."""
    scheme, separator, _ = where.partition("://")
    if not separator:
        return where
    if scheme in ("postgresql", "postgres"):
        try:
            from ..outbox.postgres_source import name_of as postgres_name
        except StorageFailure:  # the driver is missing, which whoever opens it is told
            return "postgresql://"
        return postgres_name(where)
    return unquote(urlsplit(where).path[1:])


def _sqlite(path: str, places: Places | None) -> Source:
    if not path or "\0" in path:
        raise InvalidInput("must be postgresql://..., sqlite:///path, or the path of an SQLite file", "URL")
    if places is not None and Path(path).resolve() == places.accounts.resolve():
        return Accounts(path)
    return SQLiteSource(path)


def _postgres(url: str) -> Source:
    try:
        import psycopg  # noqa: F401 - whether it is there
    except ModuleNotFoundError as error:
        raise StorageFailure(
            "PostgreSQL's driver is not installed; pip install 'indelible[postgres]' brings it"
        ) from error
    from ..outbox.postgres_source import PostgresSource

    source: Source = PostgresSource(url)
    return source
