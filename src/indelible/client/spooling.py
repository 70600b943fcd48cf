"""A client's spool and its sender, together: what both clients do with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .documents import Prepared
from .wire import Wire

if TYPE_CHECKING:
    from .sending import Trouble
    from .spool import Standing


class Spooling:
    """Puts documents into a spool, and sees to it that they are sent."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        limit: int | None,
        wire: Wire,
        clinic: str | None,
        on_problem: Callable[[Trouble], object] | None,
    ) -> None:
        """Open the spool; what waits in it already is sent from now on. Raises StorageFailure, InvalidInput."""
        from . import sending, spool  # only who has a spool loads a database

        self.spool = spool.Spool(path, spool.LIMIT if limit is None else limit)
        self._sender = sending.Sender(self.spool, wire, clinic, on_problem)
        self._sender.ensure()
        self._wire = wire
        self._left: Standing | None = None

    def put(self, ready: Sequence[Prepared]) -> None:
        """Return when the documents are on the disk. Raises SpoolFull, Conflict, StorageFailure."""
        self.spool.put([(one.clinic, one.key, one.data.decode(), one.dated) for one in ready])
        self._sender.ensure()

    def settled(self, one: Prepared, seconds: float) -> bool:
        """Wait until a document has left the spool; return whether it has. Raises what it is held for."""
        done = self._sender.settled(one.clinic, one.key, seconds)
        found = self.spool.find(one.clinic, one.key) if done else None
        problem = getattr(found, "problem", None)
        if problem is not None:
            raise problem
        return done

    def close(self, seconds: float) -> Standing:
        """Send what waits, in this time, close the connection, and return what is left. A second time it only says
        that again."""
        if self._left is not None:
            return self._left
        self._left = left = self._sender.flush(seconds)
        if self._sender.stop(1.0 if seconds else 0.0):
            self.spool.tidy()
            self.spool.close()
            self._wire.close()
        return left
