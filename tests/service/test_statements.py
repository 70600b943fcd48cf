"""How many statements a page asks the log's database: a budget, so that no page asks once for each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile

import pytest

# A text that may be an id is looked for under each kind of thing that the log knows: one seek in an index for each.
BUDGETS = [
    ("", 8),
    ("suggest/?q=zzz-nowhere", 40),
    ("suggest/?q=ana", 20),
    ("sign-ins/", 11),
    ("entries/{entry}/", 6),
    ("export/", 6),
    ("print/", 6),
    ("story/booking/{booking}/", 12),
    ("story/client/{client}/", 11),
    ("story/service/srv_many/", 9),
    ("print/booking/{booking}/", 11),
]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], object]]:
    """`with statements() as asked`: every statement that this process sends to the log's database meanwhile."""
    from indelible.service.shared_journal import journal

    asked: list[str] = []
    pool = journal().store._pool  # type: ignore[attr-defined]
    take = pool.take

    def traced():
        connection = take()
        connection.set_trace_callback(asked.append)
        return connection

    @contextmanager
    def watched() -> Iterator[list[str]]:
        asked.clear()
        monkeypatch.setattr(pool, "take", traced)
        yield asked
        monkeypatch.undo()

    yield watched
    with journal().store._db() as connection:  # type: ignore[attr-defined]
        connection.set_trace_callback(None)


@pytest.mark.parametrize(("page", "most"), BUDGETS)
def test_a_page_asks_the_log_few_questions_however_many_rows_it_shows(service, statements, page, most):
    log = service.clinic()
    ids = service.fill(log)
    for _ in range(2):
        service.fill(log)
    for number in range(300):  # more than those whose clicks are looked for
        log.record_document({
            "action": "booking.created", "actor": {"kind": "client", "id": f"cli_{number}"},
            "operation": f"op_{number}", "target": {"kind": "booking", "id": f"bk_{number}"},
            "context": {"service": "srv_many"},
        })  # fmt: skip
    user = service.user("owner", log)
    client = service.client(user)
    address = f"/c/{log.clinic.id}/" + page.format(entry=next(log.read("action:booking.cancelled")).id, **ids)
    assert client.get(address).status_code == 200  # that somebody reads is recorded once in a session
    with statements() as asked:
        assert client.get(address).status_code == 200
    read = list(takewhile(lambda statement: not statement.startswith("BEGIN"), asked))  # then it is recorded
    assert 0 < len(read) <= most, "\n".join(read)
