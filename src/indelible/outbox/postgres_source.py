"""The outbox in a PostgreSQL database, as draining reads it.

Works behind a pooler in transaction mode: each statement is its own transaction, nothing is prepared, and the session
has no state. Used by one thread at a time; the connection is opened when it is needed, and again after it was lost.

**The floor.** Rows come in the order of (xid, id). What a read cannot see yet is not below the lowest transaction that
was running then, and what it saw is not below its first row. So the next read begins there, and walks through none of
the rows that were deleted since and that an open snapshot (a dump, a long report) keeps in the table. Rows of a
restored dump have numbers of another server, perhaps below the floor: so once a minute everything is looked at.

**Durable.** With `synchronous_commit=off` a committed row can still be lost in a crash. Rows are handed out when the
server's log is flushed past them.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

from ..errors import InvalidInput, NotFound, StorageFailure
from . import sql
from .source import FIRST, Backlog, Held, Identity, Place, Unreachable, Waiting

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as missing:
    raise StorageFailure(
        "PostgreSQL is reached through psycopg, which is not installed: pip install 'indelible[postgres]'"
    ) from missing

# How often rows below the floor are looked for.
SWEEP_SECONDS = 60.0
# How long the server is waited for when it is connected to, unless the URL says otherwise.
CONNECT_SECONDS = 10

# A table of the outbox's own in the server's message, whatever language that is in; not the one it is named after.
_OTHER_TABLE = re.compile(r"indelible\.(?!outbox\b)[a-z_]+")
_AT: LiteralString = "(extract(epoch FROM at) * 1000000)::bigint"
_ROW: LiteralString = (
    "xid::text::bigint AS xid, id, key::text AS key, clinic, document::text AS document, " + _AT + " AS at, "
    "imported, erasure"
)
_WHOLE: LiteralString = (
    "xid, id, key, clinic, action, target_kind, target_id, document, at, role, login, imported, erasure"
)

_FIRST: LiteralString = f"""
SELECT pg_is_in_recovery(), pg_snapshot_xmin(running)::text::bigint, o.*
FROM pg_current_snapshot() running LEFT JOIN LATERAL (
    SELECT {_ROW} FROM indelible.outbox waits
    WHERE (waits.xid, waits.id) >= (%s::text::xid8, %s) ORDER BY waits.xid, waits.id LIMIT %s
) o ON true
"""  # noqa: S608 - of constants
# From one clinic to the next by the index, however many rows each has.
_SHARES: LiteralString = f"""
WITH RECURSIVE clinics (clinic) AS (
    (SELECT clinic FROM indelible.outbox WHERE NOT imported ORDER BY clinic LIMIT 1)
    UNION ALL
    SELECT further.clinic FROM clinics CROSS JOIN LATERAL (
        SELECT clinic FROM indelible.outbox WHERE NOT imported AND clinic > clinics.clinic ORDER BY clinic LIMIT 1
    ) further
), many AS (SELECT greatest(1, %(limit)s / greatest(1, count(*)), %(share)s) AS share FROM clinics)
SELECT o.* FROM clinics CROSS JOIN many CROSS JOIN LATERAL (
    SELECT {_ROW} FROM indelible.outbox waits WHERE NOT imported AND waits.clinic = clinics.clinic
    ORDER BY waits.xid, waits.id LIMIT many.share
) o ORDER BY o.xid, o.id LIMIT %(limit)s
"""  # noqa: S608 - of constants
# Every scan ends at the bound, and a clinic's rows are found by the index of shares.
_FIRST_ROWS: LiteralString = "(SELECT at FROM indelible.outbox {where} ORDER BY xid, id LIMIT %(bound)s)"
_OF_ALL: LiteralString = _FIRST_ROWS.replace("{where}", "")
_OF_CLINIC: LiteralString = " UNION ALL ".join(
    _FIRST_ROWS.replace("{where}", f"WHERE {which} AND clinic = %(clinic)s") for which in ("NOT imported", "imported")
)
_COUNT: LiteralString = (
    "SELECT least(count(*), %(bound)s), extract(epoch FROM clock_timestamp() - min(at))::float8 FROM ({rows}) rows"
)
_HELD: LiteralString = (
    "SELECT split_part(reason, ':', 1), final, count(*) FROM (SELECT reason, final FROM indelible.held"
    " WHERE %(clinic)s::text IS NULL OR clinic = %(clinic)s LIMIT %(bound)s) rows GROUP BY 1, 2 ORDER BY 1, 2"
)
_PLACES: LiteralString = (
    "(xid, id) IN (SELECT place.xid::xid8, place.id FROM unnest(%s::text[], %s::bigint[]) place(xid, id))"
)


class PostgresSource:
    """The outbox in the database of a URL. Implements `indelible.outbox.source.Source`."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Connects to nothing yet. `monotonic` gives the seconds that sweeps are timed by. Raises InvalidInput."""
        self._url, self._monotonic = url, monotonic
        self.name = name_of(url)
        self._connection: psycopg.Connection[Any] | None = None
        self._floor = FIRST
        self._swept = monotonic()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def identity(self) -> Identity:
        """Which database it is. Where pg_control_system() may not be called, `database` begins with `unknown`: then a
        copy on another server is told by its transactions alone.
        """
        with self._engine() as db:
            # The highest number that has ended, so that its end is in the server's log; those above may be given anew
            # after a crash.
            row = db.execute(
                "SELECT pg_is_in_recovery(), (SELECT outbox::text FROM indelible.identity),"
                " (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),"
                " has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'),"
                " pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1"
            ).fetchone()
            assert row is not None  # noqa: S101 - of a SELECT without FROM
            recovering, outbox, oid, known, xid = row
            self._refuse_standby(recovering)
            if outbox is None:
                raise StorageFailure(f"the outbox in {self.name} has lost its identity; run `indelible outbox install`")
            self._flush(db)
            server = "unknown"
            if known:
                found = db.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
                server = found[0] if found else server
        return Identity(outbox, f"{server}/{oid}", xid)

    def read(self, limit: int) -> Sequence[Waiting]:
        with self._engine() as db:
            now = self._monotonic()
            if sweeping := now - self._swept >= SWEEP_SECONDS:
                self._floor = FIRST
            found = db.execute(_FIRST, (str(self._floor[0]), self._floor[1], limit)).fetchall()
            recovering, running = found[0][:2]
            self._refuse_standby(recovering)
            rows = [_waiting(row[2:]) for row in found if row[2] is not None]
            if sweeping:
                self._swept = now
            self._floor = min([(running, 0), *(row.place for row in rows[:1])])
            if not rows:
                return []
            if len(rows) == limit:
                rows = self._shared_out(db, rows, limit)
            self._flush(db)
        return sorted(rows, key=lambda row: (row.imported, row.place))

    def delete(self, places: Sequence[Place]) -> None:
        with self._engine() as db:
            db.execute(f"DELETE FROM indelible.outbox WHERE {_PLACES}", _columns(places))  # noqa: S608

    def hold(self, held: Sequence[tuple[Waiting, str, bool]]) -> None:
        xids, ids = _columns([row.place for row, _, _ in held])
        with self._engine() as db:
            db.execute(
                f"WITH told AS (SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::boolean[])"  # noqa: S608
                f" told(xid, id, reason, final)), gone AS (DELETE FROM indelible.outbox WHERE {_PLACES} RETURNING *)"
                f" INSERT INTO indelible.held ({_WHOLE}, reason, final)"
                f" SELECT {_WHOLE.replace('xid, id', 'gone.xid, gone.id')}, told.reason, told.final"
                " FROM gone JOIN told ON told.xid::xid8 = gone.xid AND told.id = gone.id",
                (xids, ids, [reason for _, reason, _ in held], [final for _, _, final in held], xids, ids),
            )

    def held(self, clinic: str | None = None, limit: int | None = None, behind: Place = FIRST) -> Sequence[Held]:
        with self._engine() as db:
            rows = db.execute(
                f"SELECT {_ROW}, reason, final, {_AT.replace('at)', 'held_at)')} FROM indelible.held waits"  # noqa: S608
                " WHERE (%s::text IS NULL OR clinic = %s) AND (waits.xid, waits.id) > (%s::text::xid8, %s)"
                " ORDER BY waits.xid, waits.id LIMIT %s",
                (clinic, clinic, str(behind[0]), behind[1], limit),
            ).fetchall()
        return [Held(_waiting(row[:-3]), *row[-3:]) for row in rows]

    def release(self, rows: Sequence[Waiting]) -> None:
        with self._engine() as db:
            db.execute("SELECT indelible.retry(key) FROM unnest(%s::uuid[]) key", ([row.key for row in rows],))

    def empty(self, places: Sequence[Place], reason: str) -> None:
        # Anew instead of changed: whoever drains may insert and delete what is held, and not update it.
        kept = _WHOLE.replace("target_id", "NULL").replace("document", "'{}'")
        with self._engine() as db:
            db.execute(
                f"WITH gone AS (DELETE FROM indelible.held WHERE {_PLACES} RETURNING *)"  # noqa: S608
                f" INSERT INTO indelible.held ({_WHOLE}, reason, final, held_at)"
                f" SELECT {kept}, %s, true, held_at FROM gone",
                (*_columns(places), reason),
            )

    def retry(self, key: str, document: str | None) -> None:
        """Raises NotFound; InvalidInput for a document that the outbox refuses."""
        with self._engine() as db:
            try:
                row = db.execute("SELECT indelible.retry(%s::uuid, %s::json)", (key, document)).fetchone()
            except psycopg.errors.InvalidTextRepresentation as error:
                raise InvalidInput("must be the key of a row (a UUID), and a document JSON text", "key") from error
            except (psycopg.errors.DataError, psycopg.errors.IntegrityError) as error:
                raise InvalidInput(error.diag.message_primary or "the outbox refuses this document") from error
        if row is None or not row[0]:
            raise NotFound("no document is held under this key; `indelible outbox held` lists those that are")

    def keep(self, places: Sequence[Place]) -> None:
        columns = _WHOLE.removesuffix(", erasure")
        with self._engine() as db:
            db.execute(
                f"WITH gone AS (DELETE FROM indelible.outbox WHERE {_PLACES} RETURNING *)"  # noqa: S608
                f" INSERT INTO indelible.kept ({columns}) SELECT {columns} FROM gone",
                _columns(places),
            )

    def kept(self, clinic: str) -> Sequence[Waiting]:
        row = _ROW.replace("erasure", "false AS erasure")
        with self._engine() as db:
            rows = db.execute(
                f"SELECT {row} FROM indelible.kept WHERE clinic = %s ORDER BY xid, id",  # noqa: S608
                (clinic,),
            ).fetchall()
        return [_waiting(row) for row in rows]

    def discard(self, places: Sequence[Place]) -> None:
        with self._engine() as db:
            db.execute(f"DELETE FROM indelible.kept WHERE {_PLACES}", _columns(places))  # noqa: S608

    def expire(self, days: int) -> None:
        with self._engine() as db:
            db.execute(
                "DELETE FROM indelible.kept WHERE kept_at <= clock_timestamp() - make_interval(days => %s)", (days,)
            )

    def replay(self, since: int) -> int:
        with self._engine() as db:
            row = db.execute("SELECT indelible.replay(to_timestamp(%s::numeric / 1000000))", (since,)).fetchone()
        return 0 if row is None else int(row[0])

    def oldest(self) -> int | None:
        """The time of the first row that waits: the oldest, but for one that was held in between."""
        with self._engine() as db:
            row = db.execute(
                f"SELECT {_AT} FROM indelible.outbox WHERE (xid, id) >= (%s::text::xid8, %s) ORDER BY xid, id LIMIT 1",  # noqa: S608
                (str(self._floor[0]), self._floor[1]),
            ).fetchone()
        return None if row is None else int(row[0])

    def backlog(self, bound: int, clinic: str | None = None) -> Backlog:
        given = {"bound": bound + 1, "clinic": clinic}
        with self._engine() as db:
            count = _COUNT.replace("{rows}", _OF_ALL if clinic is None else _OF_CLINIC)
            row = db.execute(count, given).fetchone()
            held = db.execute(_HELD, given).fetchall()
        assert row is not None  # noqa: S101 - of an aggregate
        return Backlog(row[0], row[1], {(word, final): rows for word, final, rows in held})

    @contextmanager
    def postgres(self) -> Iterator[psycopg.Connection[Any]]:
        with self._engine() as db:
            yield db

    def _shared_out(self, db: psycopg.Connection[Any], first: list[Waiting], limit: int) -> list[Waiting]:
        """Live rows of every clinic, each its share; then those of clinics that have more; then history, of `first`.

        Each list begins with a clinic's first rows, so what is put together does, too.
        """
        chosen = self._live(db, limit, 0)
        more = Counter(row.clinic for row in chosen)
        if len(chosen) < limit and max(more.values(), default=0) >= limit // max(1, len(more)):
            further = self._live(db, limit, limit)
            there = {row.place for row in chosen}
            chosen += [row for row in further if row.place not in there][: limit - len(chosen)]
        if len(chosen) < limit:
            chosen += [row for row in first if row.imported][: limit - len(chosen)]
        return chosen

    def _live(self, db: psycopg.Connection[Any], limit: int, share: int) -> list[Waiting]:
        return [_waiting(row) for row in db.execute(_SHARES, {"limit": limit, "share": share}).fetchall()]

    def _flush(self, db: psycopg.Connection[Any]) -> None:
        """Wait until the server's log is on disk as far as it is written now, and so every commit that was seen."""
        row = db.execute("SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()").fetchone()
        if row is not None and row[0]:
            return
        # A commit that waits for the disk takes everything before it along. An empty message is the least that is
        # written; without anything written a commit does not wait.
        with db.transaction():
            db.execute("SET LOCAL synchronous_commit = local")
            db.execute("SELECT pg_logical_emit_message(true, 'indelible', '')")

    def _refuse_standby(self, recovering: bool) -> None:
        if recovering:
            raise StorageFailure(f"{self.name} is a standby, which is never drained; give the primary")

    @contextmanager
    def _engine(self) -> Iterator[psycopg.Connection[Any]]:
        """The open connection; what goes wrong on it becomes one sentence, without values."""
        with told(self.name):
            try:
                yield self._connected()
            finally:
                if self._connection is not None and self._connection.broken:
                    self.close()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        opened = connect(self._url)
        # The server behind the same name may be another one now.
        self._floor = FIRST
        try:
            found = sql.installed(opened)
            sql.refuse_newer(found)
            if found < sql.version("postgres"):
                raise StorageFailure(_missing(self.name) if found == 0 else (
                    f"the outbox in {self.name} has version {found}, and this release needs {sql.version('postgres')}: "
                    "run `indelible outbox install`"))  # fmt: skip
        except BaseException:
            opened.close()
            raise
        self._connection = opened
        return opened


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a host's database: each statement commits by itself, nothing is prepared. Raises psycopg's errors."""
    settings = {
        "connect_timeout": CONNECT_SECONDS,
        "fallback_application_name": "indelible",
        # A server that is gone without a word is noticed in a minute, and not in the hours that a system takes.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    given = conninfo_to_dict(url)
    missing: dict[str, Any] = {name: value for name, value in settings.items() if name not in given}
    return psycopg.connect(url, autocommit=True, prepare_threshold=None, **missing)


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn what goes wrong at a database of this name into one sentence. Raises StorageFailure, Unreachable."""
    try:
        yield
    except psycopg.Error as error:
        raise _failure(name, error) from error


def _missing(name: str) -> str:
    return (
        f"{name} has no outbox: put what `indelible outbox sql` prints into the host's migrations, "
        "or run `indelible outbox install`"
    )


def _failure(name: str, error: psycopg.Error) -> StorageFailure:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return StorageFailure(f"this role may not do that in {name}: draining needs GRANT indelible_drainer TO it, and "
                              "installing the owner of the database")  # fmt: skip
    if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)):
        other = _OTHER_TABLE.search(error.diag.message_primary or "")
        return StorageFailure(_missing(name) if other is None else (
            f"the outbox in {name} lacks its table {other[0]}, which was dropped or renamed: give it its name again, "
            "or run `indelible outbox install`"))  # fmt: skip
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return StorageFailure(f"{name} is read-only; documents wait there until it can be written")
    if isinstance(error, (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory)):
        return StorageFailure(f"{name} is out of room; documents wait there until it has some")
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    if isinstance(error, psycopg.OperationalError):
        return Unreachable(f"{name} does not answer{state}; its documents wait there")
    return StorageFailure(f"{name} refused{state}; nothing was lost")


def name_of(url: str) -> str:
    """Where the database of a URL is, for messages: host, port and name, without user and password.

    Raises InvalidInput for what is no URL of PostgreSQL's.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise InvalidInput("must be a URL such as postgresql://user@host:5432/database", "database") from error
    host, port = parts.get("host") or parts.get("hostaddr") or "", parts.get("port")
    return f"postgresql://{host}{f':{port}' if port else ''}/{parts.get('dbname') or ''}"


def _columns(places: Sequence[Place]) -> tuple[list[str], list[int]]:
    return [str(xid) for xid, _ in places], [number for _, number in places]


def _waiting(row: Sequence[Any]) -> Waiting:
    xid, number, *rest = row
    return Waiting((xid, number), *rest)
