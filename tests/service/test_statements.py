"""How many statements a page asks the log's database: a budget, so that no page asks once for each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

BUDGETS = [("", 8), ("sign-ins/", 10), ("entries/{entry}/", 6), ("export/", 6)]


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
    for _ in range(3):
        service.fill(log)
    user = service.user("owner", log)
    client = service.client(user)
    address = f"/c/{log.clinic.id}/" + page.format(entry=next(log.read("action:booking.cancelled")).id)
    assert client.get(address).status_code == 200  # that somebody reads is recorded once in a session
    with statements() as asked:
        assert client.get(address).status_code == 200
    assert 0 < len(asked) <= most, "\n".join(asked)
