"""`indelible tail`: the last entries, and each new one as it comes, whichever process records it."""

from __future__ import annotations

import io
import select
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import orjson
import typer

from ...read.session import Session
from ...read.view import View
from .. import table
from ..options import AsJson, ClinicId, Database, check_words, clinic_log
from .entries import Words, parse

# Between two looks at the log.
_POLL_MILLISECONDS = 200
# Entries that are read at once, so that a file of history that somebody imports meanwhile is not held in memory.
_AT_ONCE = 1_000
_FOLLOW = "-f"


def tail(
    words: Words = None,
    limit: Annotated[int, typer.Option(min=0, help="Last entries shown first.")] = 10,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with new entries as they are recorded, until Ctrl-C. Also: -f.")
    ] = False,
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Show the last entries, newest last, and with -f new ones as they are recorded."""
    # By hand: with an option -f, the filter's word -fee would be read as this option and more.
    follow = follow or _FOLLOW in (words or [])
    wanted = check_words([word for word in words or [] if word != _FOLLOW])
    with clinic_log(database, clinic) as log:
        session = log.reading()
        printer = _Printer(session, as_json)
        query = parse(session, wanted)
        printer.show(session, list(session.read(query, limit=limit))[::-1] if limit else [])
        seen = session.up_to
        with _interrupted() as interrupted:
            while follow and not interrupted.is_set() and not _is_closed(_POLL_MILLISECONDS):
                session = log.reading()
                while seen < session.up_to and not interrupted.is_set():
                    until = min(seen + _AT_ONCE, session.up_to)
                    printer.show(session, _between(session, wanted, seen + 1, until))
                    seen = until


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Ctrl-C ends between two looks at the log, as it is how one stops; pressed again, it ends at once."""
    event = threading.Event()

    def first(number: int, frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield event
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, before)


def _between(session: Session, words: list[str], first: int, last: int) -> Sequence[View]:
    """The entries of a filter with numbers from `first` to `last`, in the order in which they were recorded.

    The words are read anew: today is another day after midnight, and a name may be somebody's who has just come.
    """
    sought = session.seek(parse(session, words))
    selection = replace(sought.selection, from_seq=first, up_to=min(last, sought.selection.up_to))
    return sorted(session.views(selection, sought.words), key=lambda view: view.seq)


class _Printer:
    """Writes entries as `list` does, at once."""

    def __init__(self, session: Session, as_json: bool) -> None:
        self._as_json = as_json
        self._rows = None if as_json else table.Flowing(session.zone)

    def show(self, session: Session, views: Sequence[View]) -> None:
        if self._rows is not None:
            self._rows.show(views)
            return
        for view in views:
            sys.stdout.buffer.write(orjson.dumps(view.document(session.zone), option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.flush()


def _is_closed(milliseconds: int) -> bool:
    """Wait, and return whether nobody reads standard output any more: a pipe says so before the next entry comes."""
    try:
        output = sys.stdout.fileno()
    except io.UnsupportedOperation:
        threading.Event().wait(milliseconds / 1_000)
        return False
    watched = select.poll()
    watched.register(output, 0)
    return any(event & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, event in watched.poll(milliseconds))
