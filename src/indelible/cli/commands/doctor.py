"""`indelible doctor`: whether the log and the hosts' outboxes are as they should be, each check with its mend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import orjson
import typer

from ...errors import IndelibleError, StorageFailure
from ...journal import Journal
from ...stores.contract import Store
from ..doctor_checks import Check, bad, look, ok, over_log, over_outbox
from ..options import AsJson, Database, database_path, given_outboxes
from ..terminal import printable

Urls = Annotated[
    list[str] | None,
    typer.Argument(metavar="[URL]...", help="Hosts' databases (default: those of INDELIBLE_OUTBOXES)."),
]
EndUsers = Annotated[
    list[str] | None, typer.Option("--end-user", metavar="ROLE", help="A further role of a host's end users.")
]


def doctor(
    urls: Urls = None,
    end_user: EndUsers = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Look over the log and the hosts' outboxes. Exit code 2 where something is bad."""
    checks = list(_every(given_outboxes(urls), end_user or [], database))
    if as_json:
        print(orjson.dumps([one._asdict() for one in checks], option=orjson.OPT_INDENT_2).decode())
    else:
        for one in checks:
            print(printable(f"{one.level:<4}  {one.about}: {one.text}"))
    if wrong := sum(one.level == "bad" for one in checks):
        raise StorageFailure(f"{wrong} of {len(checks)} checks {'is' if wrong == 1 else 'are'} bad")


def _every(urls: list[str], end_users: list[str], database: str | None) -> Iterator[Check]:
    seen: set[str] = set()
    journal: Journal | None = None
    try:
        journal = Journal(database_path(database))
    except IndelibleError as error:
        yield bad("log", str(error))
    store = None if journal is None else journal.store
    try:
        if journal is not None:
            yield from over_log(journal)
            if journal.places.accounts.exists():  # the service is a host, too
                yield from over_outbox(str(journal.places.accounts), journal, end_users, seen)
        for url in urls:
            yield from over_outbox(url, journal, end_users, seen)
        if store is not None:
            yield from _not_given(store, seen)
    finally:
        if store is not None:
            store.close()  # and not the journal, which would sign: a doctor looks
    if not urls:
        yield ok("outboxes", "none was given; name hosts' databases here or in INDELIBLE_OUTBOXES to look into them")


def _not_given(store: Store, seen: set[str]) -> Iterator[Check]:
    further = sum(row.outbox not in seen for row in store.sources())
    if further:
        yield look("outboxes", f"{further} of the databases that this log is drained from "
                               f"{'was' if further == 1 else 'were'} not looked into; name every one here or in "
                               "INDELIBLE_OUTBOXES")  # fmt: skip
