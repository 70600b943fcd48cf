"""How SQLite finds a tally: in the order of an index, and without reading the rows where an index has everything."""

from __future__ import annotations

import pytest

from indelible.format import instant
from indelible.record import document
from indelible.testing.logs import event, last_connection

SYSTEM = {"kind": "system", "reason": "job:x"}


@pytest.fixture
def filled(log):
    log.append([log.draft(document.parse(event(n, actor=SYSTEM if n % 2 else event()["actor"]))) for n in range(6)])
    return log


def plans(log, words, edges):
    """What SQLite says it does for every statement that counts in entries or links."""
    db = last_connection(log.shared.store)
    statements: list[str] = []
    selection = log.reading().select(log.reading().parse(words))
    db.set_trace_callback(statements.append)
    try:
        counts = log.rows.counts(selection, edges)
    finally:
        db.set_trace_callback(None)
    counting = [text for text in statements if "count(*)" in text]
    assert counting
    return sum(counts), [row[3] for text in counting for row in db.execute(f"EXPLAIN QUERY PLAN {text}")]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", 6),
        ("category:bookings", 6),
        ("-category:payments", 6),
        ("actor:system", 3),
        ("-actor:system", 3),
        ("actor:usr_12", 3),
        ("actor:staff category:bookings", 3),
        ("-actor:usr_12 -category:payments", 3),
        ("client:cli_77", 6),
        ("target:bk_1", 1),
    ],
)
def test_counting_reads_indexes_alone_in_the_range_that_is_asked_for(filled, words, found):
    edges = [instant.EARLIEST, *range(0, 3 * instant.DAY, instant.DAY), instant.LATEST]
    counted, steps = plans(filled, words, edges)
    assert counted == found
    for step in steps:
        assert "TEMP B-TREE" not in step, steps
        if step.startswith("SEARCH l "):
            assert "PRIMARY KEY" in step
            assert "occurred_at>? AND occurred_at<?" in step
        elif step.startswith("SEARCH e ") and "seq=?" not in step:
            assert "COVERING INDEX" in step, steps
            assert "occurred_at>? AND occurred_at<?" in step, steps
        else:
            assert "SCAN e" not in step, steps
            assert "SCAN l" not in step, steps
