"""Commands that take documents out of a host's outbox, and those that look after what could not be recorded."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ...drain import copies, health, metrics
from ...drain.passes import Drain, Drained, drain_all
from ...drain.sources import open_source
from ...errors import InvalidInput, StorageFailure
from ...format import instant
from ...record import document
from ..options import Database, journal, say
from ..terminal import printable

Url = Annotated[
    str,
    typer.Argument(
        metavar="URL", help="The host's database: postgresql://..., sqlite:///path, or the path of an SQLite file."
    ),
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The document's key, as `indelible outbox held` shows it.")]


def drain(
    url: Url,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing waits any more.")] = False,
    metrics_file: Annotated[
        Path | None,
        typer.Option("--metrics-file", metavar="FILE", help="Write metrics (OpenMetrics text) there every 10 seconds."),
    ] = None,
    keep_days: Annotated[
        int,
        typer.Option("--keep-days", min=0, max=3650, help="Keep recorded documents in the outbox for so many days."),
    ] = 0,
    database: Database = None,
) -> None:
    """Take the documents of a host's outbox into the log, until it is stopped."""
    with journal(database) as opened, closing(open_source(url, opened.places)) as source:

        def report() -> None:
            if metrics_file is not None:
                metrics.write(metrics_file, metrics.text([health.look(source)], opened.store, opened.clock()))

        report()  # says at the start that the file cannot be written
        if once:
            done = drain_all(opened, source, keep_days=keep_days)
            metrics.COUNTERS.add(appended=done.appended, repeated=done.repeated, held=done.held)
            report()
            print(_in_words(done))
            return
        work = Drain(opened, source, tell=say, report=report, keep_days=keep_days)
        with _until_stopped(work):
            done = work.run()
        print(_in_words(done))


def _in_words(done: Drained) -> str:
    return f"{done.appended} recorded, {done.repeated} there already, {done.held} held"


@contextmanager
def _until_stopped(work: Drain) -> Iterator[None]:
    """End the work, and not the process in the middle of it, at Ctrl-C and at a service manager's request."""

    def stop(number: int, frame: Any) -> None:
        work.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def held(url: Url) -> None:
    """List the documents that could not be recorded, and why. What they say is not shown."""
    with closing(open_source(url)) as source:
        for one in source.held():
            since = instant.format(one.since)[:16].replace("T", " ")
            again = "finally" if one.final else "for now"
            print(f"{one.waiting.key}\t{printable(one.waiting.clinic)}\t{since} UTC\t{again}\t{printable(one.reason)}")


def retry(
    url: Url,
    key: Key,
    corrected: Annotated[
        Path | None, typer.Option("--document", metavar="FILE", help="The corrected document; without it, as it is.")
    ] = None,
) -> None:
    """Let a held document wait again, as it is or corrected; the next pass takes it."""
    text = None if corrected is None else _read(corrected)
    with closing(open_source(url)) as source:
        source.retry(key, text)
    print("It waits again.")


def replay(
    url: Url,
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", help="When the log's backup was made: 2026-05-03T14:00Z, or a day."),
    ],
) -> None:
    """Let documents wait again that were kept since a time, for a log that was restored from an older backup."""
    moment = _moment(since)
    with closing(open_source(url)) as source:
        print(f"{source.replay(moment)} wait again")


def _moment(text: str) -> int:
    try:
        return instant.parse(f"{text}T00:00:00Z" if len(text) == 10 else text, "--since")
    except InvalidInput as error:
        raise InvalidInput("must be a time with an offset, such as 2026-05-03T14:00:00Z, or a day (UTC)",
                           "--since") from error  # fmt: skip


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(document.DOCUMENT_LIMIT + 1)
    except OSError as error:
        raise StorageFailure(f"{path} cannot be read: {error.strerror}") from error
    try:
        document.parse_json(data)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error
    return data.decode()


def adopt(url: Url, database: Database = None) -> None:
    """Drain from this database from now on, where it was moved or restored, or belongs to this log as another one."""
    with journal(database) as opened, closing(open_source(url, opened.places)) as source:
        copies.adopt(opened.store, source)
        print(f"{source.name} is drained from now on")
