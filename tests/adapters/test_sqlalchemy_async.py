"""Recording in an AsyncSession: the same call, awaited, with each driver."""

from __future__ import annotations

import asyncio
import contextlib
from contextvars import ContextVar

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
from tests.adapters.tables import Booking

from indelible import InvalidInput, Staff
from indelible.catalogue.bookings import BookingCancelled, BookingCreated
from indelible.outbox import recorded
from indelible.record.document import Actor
from indelible.sqlalchemy import Recorder
from indelible.testing.logs import event

MARIA = Staff("usr_12", "Maria Fernandes")
who: ContextVar[Actor] = ContextVar("who", default=MARIA)
log = Recorder("c_lisbon", actor=who.get)


@pytest.fixture
def run(driven, driver):
    """A function that runs a coroutine function with a session on the host's database."""

    def run(test):
        async def main():
            engine = create_async_engine(driven.alchemy(driver))
            try:
                async with AsyncSession(engine) as session:
                    return await test(session)
            finally:
                await engine.dispose()

        return asyncio.run(main())

    return run


async def book(session, booking):
    session.add(made := Booking(id=booking))
    return await log.record(session, BookingCreated(), target=made)


def test_a_change_and_its_document_are_committed_or_rolled_back_together(driven, run):
    async def test(session):
        async with session.begin():
            key = await book(session, "bk_1")
        with contextlib.suppress(ZeroDivisionError):
            async with session.begin():
                await book(session, "bk_2")
                raise ZeroDivisionError
        return key

    key = run(test)
    assert driven.bookings() == driven.waiting("target_id") == ["bk_1"]
    assert [str(one) for one in driven.waiting("key")] == [key]


def test_an_object_whose_attributes_must_be_loaded_again_is_told_of(driven, run):
    async def test(session):
        await book(session, "bk_1")
        await session.commit()  # which expires it
        booking = (await session.execute(select(Booking))).scalar_one()
        booking.state = "cancelled"
        await session.flush()
        session.expire(booking)
        await log.record(session, BookingCancelled(), target=booking)
        await session.commit()

    run(test)
    assert driven.waiting() == ["booking.created", "booking.cancelled"]


def test_a_refusal_that_was_swallowed_is_raised_when_the_transaction_would_commit(driven, run):
    async def test(session):
        with pytest.raises(InvalidInput, match=r"target\.kind"):
            async with session.begin():
                session.add(Booking(id="bk_1"))
                with contextlib.suppress(InvalidInput):
                    await log.record(session, BookingCancelled(), target=("room", "r_1"))
        async with session.begin():
            await book(session, "bk_2")

    run(test)
    assert driven.bookings() == ["bk_2"]


def test_a_call_that_nobody_awaited_cannot_be_committed(driven, run):
    async def test(session):
        forgotten = []
        with pytest.raises(InvalidInput, match="was not awaited"):
            async with session.begin():
                session.add(Booking(id="bk_1"))
                forgotten.append(log.record(session, BookingCreated(), target=("booking", "bk_1")))
        forgotten[0].close()  # as the collector would, with a warning

    run(test)
    assert driven.bookings() == []


def test_what_failed_survives_the_rollback_of_its_request(driven, run):
    async def test(session):
        with contextlib.suppress(ZeroDivisionError):
            async with session.begin():
                await session.execute(select(Booking))
                await log.record(session, event(), apart=True)
                raise ZeroDivisionError

    run(test)
    assert driven.waiting() == ["booking.cancelled"]


def test_the_one_who_acts_is_the_one_of_the_task(driven, run):
    async def test(session):
        who.set(Staff("usr_99"))
        async with session.begin():
            await book(session, "bk_1")
        async with session.begin(), recorded(session) as documents:
            await log.record(session, BookingCancelled(), target=("booking", "bk_1"))
        return documents

    assert [one["actor"] for one in run(test)] == [{"kind": "staff", "id": "usr_99"}]


def test_a_scoped_session_is_the_session_of_its_task(driven, run):
    async def test(session):
        scoped = async_scoped_session(async_sessionmaker(session.bind), scopefunc=asyncio.current_task)
        await log.record(scoped, event())
        await scoped.commit()
        await scoped.remove()

    run(test)
    assert driven.waiting() == ["booking.cancelled"]


def test_an_asynchronous_session_is_read_asynchronously(run):
    async def test(session):
        with pytest.raises(InvalidInput, match="async with"), recorded(session):
            pass

    run(test)
