"""The clinic over HTTP: one session a request, committed before it is answered, or rolled back with its documents."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from pydantic import AwareDatetime, BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from indelible import Request as Origin
from indelible import Staff

from . import clinic, tables


class WhoAndWhere:
    """Says for each request who acts and where it came from. A host's own sign-in says who; here two headers do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        user, name, address = headers.get("x-user"), headers.get("x-user-name"), scope.get("client")
        token = clinic.click.set(
            clinic.Click(
                actor=Staff(user, name) if user else None,
                origin=Origin("staff_web", address[0] if address else None, headers.get("user-agent")),
                operation=f"op_{secrets.token_hex(8)}",
            )
        )
        try:
            await self.app(scope, receive, send)
        finally:
            clinic.click.reset(token)


class NewService(BaseModel):
    name: str
    minutes: int
    price_minor: int
    deposit_minor: int
    window_minutes: int


class NewBooking(BaseModel):
    service: str
    client: str
    starts_at: AwareDatetime
    voucher: str | None = None
    card: str = "good"


class Move(BaseModel):
    starts_at: AwareDatetime


class NewPack(BaseModel):
    service: str
    client: str
    sessions: int
    price_minor: int
    card: str = "good"


async def one_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(request.app.state.engine) as session, session.begin():
        yield session


# With this scope what comes behind `yield` runs before the answer is sent: nobody is told of what was not committed.
InTransaction = Annotated[AsyncSession, Depends(one_transaction, scope="function")]


async def _found(session: AsyncSession, table: type[Any], id: str) -> Any:
    thing = await session.get(table, id, with_for_update={"of": table})
    if thing is None:
        raise HTTPException(404)
    return thing


async def _booked(session: AsyncSession, id: str) -> tables.Booking:
    booking: tables.Booking = await _found(session, tables.Booking, id)
    if booking.state != "booked":
        raise HTTPException(409)
    return booking


def make_app(engine: AsyncEngine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> FastAPI:
    """The application on a database that has the tables and the outbox."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)
    app.state.engine = engine
    app.add_middleware(WhoAndWhere)

    @app.post("/services", status_code=201)
    async def create_service(body: NewService, session: InTransaction) -> dict[str, str]:
        return {"id": (await clinic.create_service(session, **body.model_dump())).id}

    @app.patch("/services/{id}")
    async def edit_service(id: str, body: dict[str, int | str], session: InTransaction) -> None:
        if not body.keys() <= NewService.model_fields.keys():
            raise HTTPException(422)
        await clinic.edit_service(session, await _found(session, tables.Service, id), **body)

    @app.delete("/services/{id}")
    async def delete_service(id: str, session: InTransaction) -> None:
        await clinic.delete_service(session, await _found(session, tables.Service, id))

    @app.post("/packs", status_code=201)
    async def sell_pack(body: NewPack, session: InTransaction) -> dict[str, str]:
        service = await _found(session, tables.Service, body.service)
        client = await _found(session, tables.Client, body.client)
        voucher = await clinic.sell_pack(session, service, client, body.sessions, body.price_minor, body.card)
        return {"id": voucher.id}

    @app.post("/bookings", status_code=201)
    async def book(body: NewBooking, session: InTransaction) -> dict[str, str]:
        voucher = None if body.voucher is None else await _found(session, tables.Voucher, body.voucher)
        if voucher is not None and voucher.sessions_left == 0:
            raise HTTPException(409)
        service = await _found(session, tables.Service, body.service)
        client = await _found(session, tables.Client, body.client)
        try:
            booking = await clinic.book(session, service, client, body.starts_at, voucher, body.card)
        except clinic.Declined:
            raise HTTPException(402) from None
        return {"id": booking.id}

    @app.post("/bookings/{id}/reschedule")
    async def reschedule(id: str, body: Move, session: InTransaction) -> None:
        await clinic.reschedule(session, await _booked(session, id), body.starts_at)

    @app.post("/bookings/{id}/cancel")
    async def cancel(id: str, session: InTransaction) -> None:
        await clinic.cancel(session, await _booked(session, id), now())

    return app


def from_environment() -> FastAPI:
    return make_app(create_async_engine(os.environ["DATABASE_URL"]))
