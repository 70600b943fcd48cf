"""One process of the service does what one must do for all: it drains the outboxes, signs, and sends letters.

It is the one that holds the file `activity.db.leader` locked (flock). The others wait for the lock, each in a thread
that sleeps in the operating system; when the process ends, however it ends, the lock is free and another one has it at
once. Two leaders do no harm (each of the three kinds of work is safe beside another program that does the same), so
what is lost where the file is deleted or a file system knows no locks is speed.

Whoever puts something into an outbox wakes the leader. In its own process that is a flag; from another one it is a
datagram to a port of this machine, with a word that only who reads the shared state knows. Where that does not arrive,
the leader looks into the outboxes ten times a second as it is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hmac
import logging
import os
import secrets
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ..shared_state import shared_state

_AGAIN = 5.0  # seconds, where the lock cannot be asked for
_HOST = "127.0.0.1"
_WORD_BYTES = 16

_LOG = logging.getLogger("indelible.leader")
_is_leading = threading.Event()


def start(path: Path, lead: Callable[[], None], wake: Callable[[], None]) -> threading.Thread:
    """Wait for the lock for as long as this process lives; call `lead` once it is here, and `wake` for each datagram.

    `lead` starts threads and returns.
    """

    def run() -> None:
        _wait(path)
        lead()
        _is_leading.set()
        _listen(wake)

    thread = threading.Thread(target=run, name="leader", daemon=True)
    thread.start()
    return thread


def is_leading() -> bool:
    """Whether this process is the one."""
    return _is_leading.is_set()


def _wait(path: Path) -> int:
    """Return when this process holds the lock, which it does until it ends. What refuses is logged once."""
    never, told = threading.Event(), False
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_there(path, descriptor):
                return descriptor
            os.close(descriptor)  # somebody deleted the file while this waited: the lock of the new one counts
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                _LOG.warning("this file system knows no locks, so each process drains, signs and sends letters")
                return -1
            if not told:
                told = True
                _LOG.error("nobody is sure to drain and to sign: %s cannot be locked (%s)", path.name, error.strerror)
            never.wait(_AGAIN)


def _is_there(path: Path, descriptor: int) -> bool:
    mine = os.fstat(descriptor)
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _listen(wake: Callable[[], None]) -> None:
    """Call `wake` for each datagram with the word of this leader, which only the shared state tells."""
    word = secrets.token_bytes(_WORD_BYTES)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind((_HOST, 0))
            port = int(listener.getsockname()[1])
            shared_state().change(lambda db: db.execute("INSERT OR REPLACE INTO leader VALUES (1, ?, ?)", (port, word)))
            while True:
                if hmac.compare_digest(listener.recv(_WORD_BYTES + 1), word):
                    wake()
    except OSError as error:
        _LOG.warning("other processes cannot wake this one (%s); it looks ten times a second", error.strerror)


def call() -> None:
    """Wake the leader where that is another process. Never fails, never waits."""

    def ask(db: sqlite3.Connection) -> tuple[int, bytes] | None:
        return db.execute("SELECT port, word FROM leader").fetchone()

    with contextlib.suppress(OSError, sqlite3.Error):
        if (found := shared_state().change(ask)) is not None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
                caller.setblocking(False)
                caller.sendto(found[1], (_HOST, found[0]))


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only one for the block of those that start on a database of a folder: tables are made once.

    Where the folder cannot be locked, the block runs all the same.
    """
    descriptor = -1
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)
