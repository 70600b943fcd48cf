"""Which outbox is meant: a URL or a path becomes an open source."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ..errors import InvalidInput, StorageFailure
from .waiting import Source


def open_source(where: str) -> Source:
    """Open a host's database: postgresql://..., sqlite:///path, or the path of an SQLite file.

    As elsewhere, three slashes stand before a relative path and four before an absolute one. Raises InvalidInput,
    StorageFailure. No message repeats the URL, which may hold a password.
    """
    scheme, separator, _ = where.partition("://")
    if not separator:
        return _sqlite(where)
    if scheme in ("postgresql", "postgres"):
        return _postgres(where)
    parts = urlsplit(where)
    if scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return _sqlite(unquote(parts.path[1:]))
    raise InvalidInput("must be postgresql://..., sqlite:///path, or the path of an SQLite file", "URL")


def _sqlite(path: str) -> Source:
    from .sqlite_source import SQLiteSource

    if not path or "\0" in path:
        raise InvalidInput("must be postgresql://..., sqlite:///path, or the path of an SQLite file", "URL")
    return SQLiteSource(path)


def _postgres(url: str) -> Source:
    try:
        import psycopg  # noqa: F401 - whether it is there
    except ModuleNotFoundError as error:
        raise StorageFailure(
            "PostgreSQL's driver is not installed; pip install 'indelible[postgres]' brings it"
        ) from error
    from .postgres_source import PostgresSource

    source: Source = PostgresSource(url)
    return source
