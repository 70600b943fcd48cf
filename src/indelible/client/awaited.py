"""`AsyncClient`: the service's API for programs with asyncio. Method for method as `blocking.py`, to be awaited."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, TypeVar

from ..errors import InvalidInput, MalformedProof
from . import calls, documents, proofs
from .answers import Page, Receipt, Result
from .calls import Call
from .problems import Unavailable
from .proofs import Proven
from .retrying import Retry
from .spooling import Spooling
from .wire import AsyncWire, Wire, destination

if TYPE_CHECKING:
    from ..catalogue import Action
    from ..record.document import Actor, Person, Request, Target
    from .sending import Trouble
    from .spool import Spool, Standing

T = TypeVar("T")


class AsyncClient:
    """What a program does with the logs of a service, by an API key, from one event loop.

    Every method raises Refused, Conflict, NotAllowed, NotFound or Unavailable (`problems.py`), and InvalidInput before
    anything is sent. What is read is JSON as the service gives it (`GET /api/v1/docs`).
    """

    def __init__(
        self,
        url: str,
        key: str,
        clinic: str | None = None,
        spool: str | os.PathLike[str] | None = None,
        *,
        timeout: float = 10.0,
        retry: Retry | None = None,
        spool_limit: int | None = None,
        on_problem: Callable[[Trouble], object] | None = None,
    ) -> None:
        """`url` is the service's address, `clinic` whose log is meant where a document or `of` does not say another.

        With `spool`, a folder or a file, `record` returns as soon as the document is on this machine's disk, and a
        thread sends it; `spool_limit` bounds it in bytes, and `on_problem` is called, by that thread, where a document
        is refused for good or a clinic's documents cannot be sent. `timeout` is in seconds, for each try of `retry`.
        """
        self.clinic = None if clinic is None else documents.clinic_of(clinic)
        self._wire = AsyncWire(url, key, timeout, retry or Retry())
        self._timeout = timeout
        self._spooling: Spooling | None = None
        if spool is not None:  # what waits is sent by a thread of its own, as in `Client`
            self._sending = Wire(url, key, timeout, retry or Retry())
            self._spooling = Spooling(spool, spool_limit, self._sending, self.clinic, on_problem)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, seconds: float = 5.0) -> Standing | None:
        """Send what waits, in this time; return what is left in the spool, None where there is no spool.

        What is left is sent by whoever opens the spool next.
        """
        left = None
        if self._spooling is not None:
            left = await asyncio.to_thread(self._spooling.close, seconds)
        await self._wire.close()
        return left

    def of(self, clinic: str) -> AsyncClient:
        """Return this client for another clinic, with the same connection and spool. Close the first one only."""
        if self._spooling is not None and self.clinic is not None and clinic != self.clinic:
            raise InvalidInput(
                "the spool sends the documents of one clinic; make the client without a clinic", "clinic"
            )
        other = copy.copy(self)
        other.clinic = documents.clinic_of(clinic)
        return other

    @property
    def spool(self) -> Spool:
        """The spool: what waits, and what is held. Raises InvalidInput where there is none."""
        if self._spooling is None:
            raise InvalidInput('this client has none; give it a folder, such as spool="/var/lib/host/spool"', "spool")
        return self._spooling.spool

    @property
    def _clinic(self) -> str:
        return documents.clinic_of(self.clinic)

    async def ask(self, call: Call[T]) -> T:
        """Send a call of `calls.py`, again where that may help."""
        return await self._wire.ask(call)

    # Recording

    async def record(
        self,
        action: Action | Mapping[str, Any],
        *,
        actor: Actor | None = None,
        target: Target | tuple[str, str] | tuple[str, str, str] | None = None,
        client: Person | tuple[str, str] | None = None,
        people: Iterable[Person] = (),
        request: Request | None = None,
        occurred_at: datetime | None = None,
        operation: str | None = None,
        key: str | None = None,
        returned: bool = False,
        wait: str | None = None,
    ) -> Receipt:
        """Record one action, with the rest beside it as in `ClinicLog.record`, or one whole document, a dict.

        Without a spool it returns when the service has committed it, and tries again until then with the same key;
        after Unavailable, the same document with the same key of your own is recorded once. With a spool it returns
        when it is on this machine's disk. `wait="entry"` waits until it is in the log, `"checkpoint"` until it is
        signed; where that takes too long the receipt says how far it is. Raises SpoolFull, StorageFailure.
        """
        made = documents.document(
            action,
            actor=actor,
            target=target,
            client=client,
            people=people,
            request=request,
            occurred_at=occurred_at,
            operation=operation,
            key=key,
            returned=returned,
        )
        one = documents.prepared(made, self.clinic)
        call = calls.record(one.clinic, one.data, one.key, wait)
        if self._spooling is None:
            return await self.ask(call)
        await asyncio.to_thread(self._spooling.put, [one])
        longest = self._timeout + calls.SERVICE_WAITS
        if wait is None or not await asyncio.to_thread(self._spooling.settled, one, longest):
            return Receipt("spooled", one.key)
        try:
            return await self.ask(call)
        except Unavailable:
            return Receipt("accepted", one.key)

    async def record_many(
        self, many: Iterable[Mapping[str, Any]], *, wait: str | None = None, atomic: bool = False
    ) -> list[Result]:
        """Record documents (`document(...)` makes one of an action), and return what became of each, in their order.

        What was refused stands in its place as the error; the others are recorded. `atomic` records all or none: of
        one clinic, 10,000 at most. Raises Unavailable, whose `results` are those of the documents before.
        """
        ready = [documents.prepared(documents.document(one), self.clinic) for one in many]
        if self._spooling is not None:
            if atomic or wait:
                raise InvalidInput("cannot be had through a spool; make a client without one for it", "atomic or wait")
            await asyncio.to_thread(self._spooling.put, ready)
            return [Receipt("spooled", one.key) for one in ready]
        done: list[Result] = []
        for part in documents.requests(ready, atomic):
            try:
                got: list[Result] = await self.ask(calls.of_part(part, wait, atomic))
                done += got
            except Unavailable as problem:
                problem.results = done
                raise
        return done

    async def whereabouts(self, key: str) -> dict[str, Any]:
        """Return what became of a document: waiting, recorded (with its entry) or held (with the reason)."""
        return await self.ask(calls.whereabouts(self._clinic, key))

    # Reading

    async def entries(self, q: str = "", *, page: int = 200) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the entries that a filter means, newest first: those that there were when the first page was read."""
        async for one in self.pages(q, page=page):
            for entry in one.entries:
                yield entry

    async def pages(self, q: str = "", *, page: int = 50) -> AsyncIterator[Page]:
        """Yield pages of the entries that a filter means, newest first, all of the moment of the first one."""
        after: str | None = None
        while True:
            got = await self.ask(calls.page(self._clinic, q, page, after))
            yield got
            after = got.older
            if after is None:
                return

    async def entry(self, which: int | str) -> dict[str, Any]:
        """Return one entry by its number or its id."""
        return await self.ask(calls.entry(self._clinic, which))

    async def story(self, kind: str, id: str) -> dict[str, Any]:
        """Return the story of one thing or person, such as ("booking", "bk_99812")."""
        return await self.ask(calls.story(self._clinic, kind, id))

    async def export(self, to: str | os.PathLike[str] | IO[bytes], q: str = "", *, format: str = "csv") -> None:
        """Write the entries that a filter means as csv, xlsx, jsonl or bundle, in constant memory.

        A file has its name only when it is whole; a stream that was broken off has what came before Unavailable.
        """
        async with self._wire.stream(calls.export(self._clinic, q, format)) as chunks:
            with destination(to) as file:
                async for chunk in chunks:
                    file.write(chunk)

    async def checkpoint(self) -> str:
        """Return the newest signed checkpoint, a signed note."""
        return await self.ask(calls.checkpoint(self._clinic))

    async def verifier_key(self) -> str:
        """Return the key that the log's checkpoints are checked with (vkey). Keep it: a new one from the service itself
        proves nothing."""
        return await self.ask(calls.verifier_key(self._clinic))

    async def proof(self, which: int | str, size: int | None = None) -> str:
        """Return an entry's inclusion proof (c2sp.org/tlog-proof), of the newest checkpoint or the one of a size."""
        return await self.ask(calls.proof(self._clinic, which, size))

    async def prove(self, which: int | str, verifier_key: str, size: int | None = None) -> Proven:
        """Fetch an entry's body and proof, and check them here with the log's key. Raises MalformedProof."""
        data = await self.ask(calls.body(self._clinic, which))
        return proofs.entry(which, data, await self.proof(which, size), verifier_key)

    async def grown(self, earlier: str, verifier_key: str) -> str:
        """Return the newest checkpoint, once checked here that the log only grew since an earlier one. Raises
        MalformedProof."""
        later = await self.checkpoint()
        old, new = (proofs.opened(note, verifier_key).size for note in (earlier, later))
        if old > new:
            raise MalformedProof("the newest checkpoint has fewer entries than the earlier one")
        if old:  # every log grows out of an empty one
            proofs.growth(earlier, later, await self.ask(calls.consistency(self._clinic, old, new)), verifier_key)
        return later

    async def completeness(self) -> dict[str, Any]:
        """Return what is missing in the log as far as it is known: what waits in outboxes, what is held, guards."""
        return await self.ask(calls.completeness(self._clinic))

    # Erasing and managing

    async def anonymize(self, client: str, *, requested_by: str, key: str | None = None) -> dict[str, Any]:
        """Make a client's personal values unreadable for ever. With the same key of your own it is done once."""
        return await self.ask(calls.anonymize(self._clinic, client, requested_by, key))

    async def members(self) -> dict[str, Any]:
        """Return who may read the clinic's log."""
        return await self.ask(calls.members(self._clinic))

    async def add_member(self, **member: Any) -> dict[str, Any]:
        """Let somebody read the clinic's log."""
        return await self.ask(calls.add_member(self._clinic, member))

    async def change_member(self, user: str, **changes: Any) -> dict[str, Any]:
        """Change what somebody may."""
        return await self.ask(calls.change_member(self._clinic, user, changes))

    async def remove_member(self, user: str) -> None:
        """Let somebody read the clinic's log no more."""
        await self.ask(calls.remove_member(self._clinic, user))

    async def keys(self) -> dict[str, Any]:
        """Return the API keys of the clinic, or without one of the platform."""
        return await self.ask(calls.keys(self.clinic))

    async def add_key(self, **wanted: Any) -> dict[str, Any]:
        """Make an API key; the answer shows its secret this once."""
        return await self.ask(calls.add_key(self.clinic, wanted))

    async def revoke_key(self, id: str) -> None:
        """End an API key at once."""
        await self.ask(calls.revoke_key(self.clinic, id))

    async def put_clinic(
        self,
        clinic: str,
        *,
        name: str,
        zone: str,
        language: str | None = None,
        owner: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make a clinic, or change what it is called; the same again changes nothing. `owner` has email and name."""
        return await self.ask(calls.put_clinic(clinic, name, zone, language, owner))

    async def clinics(self) -> dict[str, Any]:
        """Return the clinics that the key may see."""
        return await self.ask(calls.clinics())

    async def viewer(
        self,
        *,
        role: str,
        user: Mapping[str, str],
        only: Mapping[str, str] | None = None,
        language: str | None = None,
        colours: Any = None,
        minutes: int | None = None,
    ) -> str:
        """Return an address for an `<iframe>` that shows the log to one user of the host for a short time."""
        return await self.ask(calls.viewer(self._clinic, role, user, only, language, colours, minutes))
