"""What holds a lock, a thread or a connection begins anew in a forked process (gunicorn with `--preload`)."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    def forked(self) -> None:
        """Begin anew, in a process in which no other thread runs yet. Raises nothing."""


_KNOWN: WeakSet[Forked] = WeakSet()


def begins_anew(one: Forked) -> None:
    """Call `one.forked()` in every process that is forked from this one."""
    _KNOWN.add(one)


def _in_child() -> None:
    for one in list(_KNOWN):
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
