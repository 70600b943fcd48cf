"""`recorded`: what a block put into the outbox, inside the host's own transaction."""

from __future__ import annotations

import contextlib

import pytest

from indelible import InvalidInput
from indelible.outbox import Outbox
from indelible.testing.logs import event

outbox = Outbox("c_lisbon")


def targets(documents):
    return [one["target"]["id"] for one in documents]


def test_it_has_the_documents_of_the_block_in_order_before_anything_is_committed(host, recorded):
    with contextlib.closing(host.connect()) as connection:
        outbox.record(connection, event(1))
        with recorded(connection) as documents:
            outbox.record(connection, event(2))
            outbox.record(connection, event(3))
        outbox.record(connection, event(4))
        connection.rollback()
    assert targets(documents) == ["bk_2", "bk_3"]
    assert documents[0]["context"]["reason_text"] == "train was late"


def test_what_was_rolled_back_in_the_block_is_not_in_it(host, recorded):
    with contextlib.closing(host.connect()) as connection, recorded(connection) as documents:
        outbox.record(connection, event(1))
        connection.execute("SAVEPOINT inner_one")
        outbox.record(connection, event(2))
        connection.execute("ROLLBACK TO SAVEPOINT inner_one")
    assert targets(documents) == ["bk_1"]


def test_it_has_what_was_committed_in_the_block(host, recorded):
    with contextlib.closing(host.connect()) as connection, recorded(connection) as documents:
        for number in (1, 2):
            outbox.record(connection, event(number))
            connection.commit()
    assert targets(documents) == ["bk_1", "bk_2"]


@pytest.mark.parametrize("host", ["postgresql"], indirect=True)
def test_an_open_transaction_does_not_see_what_another_commits_meanwhile(host, recorded):
    with contextlib.closing(host.connect()) as connection, contextlib.closing(host.connect()) as other:
        with recorded(connection) as documents:
            outbox.record(connection, event(1))
            outbox.record(other, event(2))
            other.commit()
        connection.rollback()
    assert targets(documents) == ["bk_1"]


def test_a_block_that_an_exception_ends_raises_it(host, recorded):
    connection = host.connect()
    block = recorded(connection)
    with contextlib.closing(connection), pytest.raises(ZeroDivisionError), block:
        outbox.record(connection, event(1))
        raise ZeroDivisionError


def test_what_is_no_connection_is_refused(recorded):
    with pytest.raises(InvalidInput, match="no DB-API connection"), recorded(object()):
        pass
