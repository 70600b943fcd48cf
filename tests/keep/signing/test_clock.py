"""A clock that goes back does not keep entries unsigned."""

from __future__ import annotations

from indelible.testing.logs import event


def test_after_the_clock_went_back_an_hour_the_next_entry_is_signed_all_the_same(log, clock):
    clock.advance(10)
    log.record_document(event(1))
    clock.advance(-3600)
    log.record_document(event(2))
    assert log.shared.heads.get(log.clinic.origin).size == 2
