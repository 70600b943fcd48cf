"""The story of one thing or person: which entries belong to it, why, and in what order."""

from __future__ import annotations

import pytest

from indelible.errors import NotFound
from indelible.read import story as stories
from indelible.read.story import story
from indelible.record.document import Staff
from indelible.testing.logs import event

STRIPE = {"kind": "integration", "id": "stripe"}
EURO = {"amount_minor": 4_500, "currency": "EUR"}


def at(hour, **members):
    return event(occurred_at=f"2026-05-01T{hour:02}:00:00Z", **members)


def paid(hour, charge, **context):
    return at(hour, action="charge.succeeded", actor=STRIPE, request=None, context=EURO | context,
              target={"kind": "charge", "id": charge})  # fmt: skip


def refunded(hour, target, source="stripe", client=None, **context):
    kind, refund = target
    return at(hour, action="charge.refunded", actor=STRIPE, request=None, client=client,
              context=EURO | {"source": source} | context, target={"kind": kind, "id": refund})  # fmt: skip


def told(log, subject):
    return [(one.view.seq, one.why) for one in story(log.reading(), subject).entries]


def record(log, *events):
    for one in events:
        log.record_document(one)


def test_a_booking_with_what_was_paid_refunded_and_done_in_the_same_click(log):
    booking = {"kind": "booking", "id": "bk_1"}
    record(
        log,
        refunded(14, ("charge", "ch_1")),  # reported by Stripe, which knows no booking; imported out of order
        at(9, action="booking.created", target=booking, context={}, operation="op_1"),
        at(9, action="client.created", target={"kind": "client", "id": "cli_77"}, client=None, context={},
           operation="op_1"),
        paid(10, "ch_1", booking="bk_1"),
        at(12, target=booking, context={"charge": "ch_1"}),
        refunded(15, ("refund", "re_1"), source="policy", charge="ch_1"),
        paid(11, "ch_2", booking="bk_2"),
        at(13, target={"kind": "booking", "id": "bk_2"}, context={}, operation="op_2"),
    )  # fmt: skip
    whole = story(log.reading(), "booking/bk_1")
    assert [(one.view.seq, one.why) for one in whole.entries] == [
        (2, "itself"), (3, "together"), (4, "itself"), (5, "itself"), (1, "payment"), (6, "payment"),
    ]  # fmt: skip
    assert (whole.subject, whole.whole) == ("booking/bk_1", True)
    assert told(log, "bk_1") == told(log, "booking/bk_1")


def test_two_kinds_with_one_id_are_apart_where_the_kind_is_said(log):
    record(
        log,
        at(9, target={"kind": "booking", "id": "7"}, context={}),
        at(10, action="voucher.expired", actor={"kind": "system", "reason": "job:x"}, request=None, client=None,
           target={"kind": "voucher", "id": "7"}, context={}),
        at(11, target={"kind": "booking", "id": "8"}, context={}, client={"id": "7"}),
    )  # fmt: skip
    assert told(log, "booking/7") == [(1, "itself")]
    assert told(log, "voucher/7") == [(2, "itself")]
    assert told(log, "client/7") == [(3, "itself")]
    assert told(log, "7") == [(1, "itself"), (2, "itself"), (3, "itself")]


def test_a_client_is_told_across_categories_without_other_peoples_part_in_the_same_click(log):
    record(
        log,
        at(9, client={"id": "cli_1"}, operation="op_1", context={}),
        paid(10, "ch_1", booking="bk_1") | {"client": {"id": "cli_1"}},
        at(11, action="points.awarded", target={"kind": "loyalty_account", "id": "loy_1"}, client={"id": "cli_1"},
           context={"points": 3}),
        at(12, client={"id": "cli_2"}, operation="op_1", context={}),
        at(13, client={"id": "cli_2"}, people=[{"role": "payer", "id": "cli_1"}], context={}),
        refunded(14, ("charge", "ch_1")),
    )  # fmt: skip
    assert told(log, "client/cli_1") == [(1, "itself"), (2, "itself"), (3, "itself"), (5, "itself")]


def test_a_service_from_its_making_to_its_deletion(log):
    service = {"kind": "service", "id": "srv_1", "name": "Facial"}
    record(
        log,
        at(9, action="service.created", target=service, client=None, context={}),
        at(10, context={"service": "srv_1"}),
        at(11, action="service.deleted", target=service, client=None, context={"snapshot": {"minutes": 45}}),
        at(12, context={"service": "srv_2"}),
    )
    assert told(log, "service/srv_1") == [(1, "itself"), (2, "itself"), (3, "itself")]


def test_a_voucher_with_the_charge_that_bought_it(log):
    record(
        log,
        at(9, action="voucher.purchased", target={"kind": "voucher", "id": "vo_1"}, context={"charge": "ch_1"} | EURO),
        paid(8, "ch_1"),
        at(10, action="voucher.expired", target={"kind": "voucher", "id": "vo_1"}, context={}),
    )
    assert told(log, "voucher/vo_1") == [(2, "payment"), (1, "itself"), (3, "itself")]


@pytest.mark.parametrize(
    "subject", ["bk_9", "booking/bk_9", "voucher/bk_1", "client/bk_1", "", "/", "booking/", "/bk_1"]
)
def test_a_subject_that_no_entry_is_about_is_not_found(log, subject):
    record(log, at(9, context={}))
    with pytest.raises(NotFound, match="kind and id"):
        story(log.reading(), subject)


def test_an_anonymized_client_has_no_story_and_the_booking_keeps_its_own(log):
    record(log, at(9, context={}), paid(10, "ch_1", booking="bk_1"))
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    with pytest.raises(NotFound):
        story(log.reading(), "client/cli_77")
    assert told(log, "booking/bk_1") == [(1, "itself"), (2, "itself")]
    assert story(log.reading(), "bk_1").entries[0].view.client == {"id": None, "name": None}


@pytest.mark.parametrize(("count", "whole"), [(4, True), (5, True), (6, False), (12, False)])
def test_a_long_story_is_its_newest_part_and_says_so(log, monkeypatch, count, whole):
    monkeypatch.setattr(stories, "STORY_LIMIT", 5)
    record(log, *[at(hour, context={}) for hour in range(1, count + 1)])
    found = story(log.reading(), "booking/bk_1")
    assert found.whole is whole
    assert [one.view.seq for one in found.entries] == list(range(max(1, count - 4), count + 1))


def test_what_belongs_to_it_otherwise_counts_to_the_limit_too(log, monkeypatch):
    monkeypatch.setattr(stories, "STORY_LIMIT", 3)
    record(
        log, at(1, context={}), paid(2, "ch_1", booking="bk_1"), *[refunded(h, ("charge", "ch_1")) for h in (3, 4, 5)]
    )
    found = story(log.reading(), "booking/bk_1")
    assert [(one.view.seq, one.why) for one in found.entries] == [(3, "payment"), (4, "payment"), (5, "payment")]
    assert found.whole is False


def test_the_stretches_of_a_long_story_have_each_entry_once(log, monkeypatch):
    monkeypatch.setattr(stories, "STORY_LIMIT", 3)
    record(log, *[at(hour, context={}, operation=f"op_{hour}") for hour in range(1, 9)],
           *[at(hour, action="client.created", target={"kind": "client", "id": f"cli_{hour}"}, client=None, context={},
                operation=f"op_{hour}") for hour in (2, 5, 7)])  # fmt: skip
    session = log.reading()
    found, older = [], None
    while True:
        stretch = stories.outline(session, "booking/bk_1", older)
        assert not stretch.whole
        found.append([(line.row.seq, line.why) for line in stretch.lines])
        older = stretch.older
        if older is None:
            break
    every = [seq for part in reversed(found) for seq, _ in part]
    assert len(every) == len(set(every))
    assert {seq for seq in every if seq <= 8} == set(range(1, 9))
    assert all(len(part) <= 3 for part in found)


def test_a_service_that_very_many_bookings_name_does_not_look_for_their_clicks(log, monkeypatch):
    monkeypatch.setattr(stories, "LINKED_LIMIT", 3)
    service = {"kind": "service", "id": "srv_1"}
    record(log, at(1, action="service.edited", target=service, client=None, context={}, operation="op_s"),
           at(1, action="client.created", target={"kind": "client", "id": "cli_8"}, client=None, context={},
              operation="op_s"),
           *[at(hour, context={"service": "srv_1"}, operation="op_b") for hour in (2, 3, 4)],
           at(5, action="client.created", target={"kind": "client", "id": "cli_9"}, client=None, context={},
              operation="op_b"))  # fmt: skip
    assert told(log, "service/srv_1") == [
        (1, "itself"), (2, "together"), (3, "itself"), (4, "itself"), (5, "itself"),
    ]  # fmt: skip
