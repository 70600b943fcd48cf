"""Two ids that come to one point of the key tree, by chance: each stays somebody of their own."""

from __future__ import annotations

import pytest

from indelible.errors import NotFound
from indelible.keep.keytree import point
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import event

BY = Staff("usr_1")


@pytest.fixture
def colliding(log, monkeypatch):
    """A log in which the first person of every id `same_...` has the same point."""
    same = {log.sealer._who("client", f"same_{number}", 0): number for number in range(3)}
    monkeypatch.setattr(
        "indelible.keep.personal.point", lambda kind, x: 7 if kind == "name" and x in same else point(kind, x)
    )
    return log


def record(log, number, client, **members):
    return log.record_document(event(number, client={"id": client, "name": f"Name {client[-1]}"}, **members)).seq


def seqs(log, words):
    return [view.seq for view in log.read(words)]


def test_each_takes_the_next_number_that_is_theirs(colliding):
    log = colliding
    for number, client in enumerate(["same_0", "same_1", "other", "same_1", "same_0"], 1):
        record(log, number, client)
    assert log.sealer.token("client", "same_0", 0) == log.sealer.token("client", "same_1", 0)
    assert len({log.entry(seq).members["tokens"][1] for seq in (1, 2, 3)}) == 3
    assert (seqs(log, "client:same_0"), seqs(log, "client:same_1"), seqs(log, "client:other")) == ([5, 1], [4, 2], [3])
    assert [log.entry(seq).client["id"] for seq in (1, 2)] == ["same_0", "same_1"]


def test_one_of_a_batch_and_one_who_was_never_met(colliding):
    log = colliding
    events = [event(n, client={"id": f"same_{n % 2}"}) for n in range(4)]
    log.append([log.draft(document.parse(one)) for one in events])
    assert (seqs(log, "client:same_0"), seqs(log, "client:same_1")) == ([3, 1], [4, 2])
    assert seqs(log, "client:same_2") == []
    assert seqs(log, "about:same_2") == []
    with pytest.raises(NotFound):
        log.anonymize("same_2", requested_by="client", actor=BY)


@pytest.mark.parametrize("first", [0, 1])
def test_erasing_one_leaves_the_other_whole_and_still_the_same(colliding, first):
    log = colliding
    for number in (1, 2):
        record(log, number, f"same_{number - 1}")
    gone, left = f"same_{first}", f"same_{1 - first}"
    log.anonymize(gone, requested_by="client", actor=BY)
    assert seqs(log, f"client:{gone}") == []
    assert [log.entry(seq).client["id"] for seq in seqs(log, f"client:{left}")] == [left]
    again = record(log, 3, left)
    assert seqs(log, f"client:{left}") == [again, 2 - first]
    back = record(log, 4, gone, occurred_at=None)
    assert seqs(log, f"client:{gone}") == [back]
    log.anonymize(left, requested_by="client", actor=BY)
    assert seqs(log, f"client:{left}") == []
    assert seqs(log, f"client:{gone}") == [back]
