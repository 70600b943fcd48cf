"""SQLAlchemy's pools, and a pooler between host and database: nothing of one session is left for the next."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.exc import TimeoutError as PoolIsEmpty
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from tests.adapters.tables import Booking

from indelible import InvalidInput, Staff
from indelible.catalogue.bookings import BookingCompleted, BookingCreated
from indelible.outbox import sql
from indelible.sqlalchemy import Recorder
from indelible.testing.logs import event
from indelible.testing.postgres import pooled

__all__ = ["pooled"]

log = Recorder("c_lisbon", actor=lambda: Staff("usr_12", "Maria Fernandes"))

# One connection for all, which every session has in turn; and one for each session.
POOLS: dict[str, dict[str, Any]] = {
    "one for all": {"pool_size": 1, "max_overflow": 0, "pool_timeout": 1},
    "none": {"poolclass": NullPool},
}
# What each driver needs behind a pooler in transaction mode: nothing prepared, or under a name that is nobody else's.
BEHIND_A_POOLER: dict[str, dict[str, Any]] = {
    "psycopg": {"prepare_threshold": None},
    "psycopg2": {},
    "asyncpg": {"statement_cache_size": 0, "prepared_statement_name_func": lambda: f"__{uuid4()}__"},
}


@pytest.fixture
def host(postgres):
    with psycopg.connect(postgres) as made:
        made.execute("CREATE TABLE booking (id TEXT PRIMARY KEY, state TEXT NOT NULL)")
        sql.install(made)
        made.execute("DELETE FROM indelible.action WHERE code = 'booking.completed'")
    return postgres


@pytest.fixture(params=[False, True], ids=["straight", "behind a pooler"])
def way(request, host):
    """The URL that the host connects to, and whether a pooler answers there."""
    return (request.getfixturevalue("pooled") if request.param else host), request.param


def engine_of(url: str, driver: str, is_pooled: bool, pool: dict[str, Any], make: Any) -> Any:
    arguments = BEHIND_A_POOLER[driver] if is_pooled else {}
    return make(url.replace("postgresql://", f"postgresql+{driver}://"), connect_args=arguments, **pool)


def committed(url: str) -> tuple[list[str], list[str]]:
    """The ids of bookings, and those that the documents are about."""
    with psycopg.connect(url) as reading:
        found = [reading.execute(f"SELECT {what} ORDER BY 1").fetchall() for what in
                 ("id FROM booking", "target_id FROM indelible.outbox")]  # fmt: skip
    bookings, documents = ([row[0] for row in rows] for rows in found)
    return bookings, documents


GOOD = [f"bk_{number:02}" for number in range(0, 12, 4)]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_what_one_session_leaves_is_not_the_next_ones(way, host, driver, pool):
    url, is_pooled = way
    engine = engine_of(url, driver, is_pooled, POOLS[pool], sqlalchemy.create_engine)
    for number in range(12):
        with contextlib.suppress(InvalidInput, ZeroDivisionError), Session(engine) as session, session.begin():
            session.add(made := Booking(id=f"bk_{number:02}"))
            log.record(session, BookingCreated(), target=made)
            if number % 4 == 1:
                raise ZeroDivisionError
            if number % 4 == 2:  # refused here
                with contextlib.suppress(InvalidInput):
                    log.record(session, event(key="outbox:mine"))
            if number % 4 == 3:  # refused by the database
                log.record(session, BookingCompleted(), target=made)
    engine.dispose()
    assert committed(host) == (GOOD, GOOD)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_nor_is_it_of_sessions_that_run_at_the_same_time(way, host, driver, pool):
    url, is_pooled = way

    async def one(engine, number):
        with contextlib.suppress(InvalidInput, ZeroDivisionError):
            async with AsyncSession(engine) as session, session.begin():
                session.add(made := Booking(id=f"bk_{number:02}"))
                await log.record(session, BookingCreated(), target=made)
                if number % 4 == 1:
                    raise ZeroDivisionError
                if number % 4 > 1:
                    with contextlib.suppress(InvalidInput):
                        await log.record(session, event(key="outbox:mine"))

    async def main():
        waiting = POOLS[pool] | ({"pool_timeout": 30} if pool == "one for all" else {})
        engine = engine_of(url, driver, is_pooled, waiting, create_async_engine)
        try:
            await asyncio.gather(*(one(engine, number) for number in range(12)))
        finally:
            await engine.dispose()

    asyncio.run(main())
    assert committed(host) == (GOOD, GOOD)


@pytest.mark.parametrize("pool", POOLS)
def test_apart_takes_a_connection_of_its_own_or_says_that_there_is_none(host, pool):
    engine = engine_of(host, "psycopg", False, POOLS[pool], sqlalchemy.create_engine)
    with contextlib.suppress(ZeroDivisionError), Session(engine) as session, session.begin():
        session.add(Booking(id="bk_1"))
        session.flush()
        if pool == "none":
            log.record(session, event(7), apart=True)
        else:
            with pytest.raises(PoolIsEmpty):
                log.record(session, event(7), apart=True)
        raise ZeroDivisionError
    engine.dispose()
    assert committed(host) == ([], ["bk_7"] if pool == "none" else [])


def test_pg8000_records_through_a_session_too(host):
    engine = engine_of(host, "pg8000", False, {}, sqlalchemy.create_engine)
    with Session(engine) as session, session.begin():
        session.add(made := Booking(id="bk_1"))
        log.record(session, BookingCreated(), target=made)
    with psycopg.connect(host) as admin:
        admin.execute("DELETE FROM indelible.action")
    with pytest.raises(InvalidInput, match="is no code of this outbox"), Session(engine) as session, session.begin():
        session.add(made := Booking(id="bk_2"))
        log.record(session, BookingCreated(), target=made)
    engine.dispose()
    assert committed(host) == (["bk_1"], ["bk_1"])
