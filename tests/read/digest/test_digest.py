"""What a digest calls unusual, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from indelible.read.digest import MOST_NAMED, alarming, digest_of
from indelible.read.habits import NEW_DEVICE, NEW_NETWORK
from indelible.testing.logs import event

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
HOME, FAR = "203.0.113.9", "192.0.2.44"
NIGHT = 12 * 3600  # seconds after the tests' clock begins at 13:22: 01:22
MARIA = {"kind": "staff", "id": "usr_1", "name": "Maria"}


def tell(log: Any, action: str, target: tuple[str, str], actor: dict[str, Any] = MARIA, **members: Any) -> int:
    context = members.pop("context", {})
    document = {"action": action, "actor": actor, "target": dict(zip(("kind", "id"), target, strict=True))}
    seq: int = log.record_document(document | {"context": context} | members).seq
    return seq


def sign_in(log: Any, agent: str = LINUX, ip: str = HOME, who: dict[str, Any] = MARIA) -> int:
    return tell(log, "account.logged_in", (who["kind"], who["id"]), who, request={"ip": ip, "user_agent": agent})


def unusual(log: Any, first: int = 1) -> dict[str, list[int]]:
    session = log.reading()
    digest = digest_of(session, first, session.up_to)
    assert digest.whole
    assert digest.count == sum(one.count for one in digest.unusual)
    return {one.kind: [view.seq for view in one.named] for one in digest.unusual}


def test_an_ordinary_week_has_nothing_unusual(log):
    for number in range(3):
        tell(log, "booking.created", ("booking", f"bk_{number}"), context={"starts_at": "2026-05-04T09:00:00Z"})
        sign_in(log)
    log.record_document(event(1))
    digest = digest_of(log.reading(), 1, 99)
    assert (digest.unusual, digest.booked, digest.cancelled) == ([], 3, 1)


def test_a_sign_in_by_night_from_a_new_network_is_unusual_and_by_day_it_is_not(log, clock):
    sign_in(log)
    sign_in(log, ip=FAR)
    assert unusual(log) == {}
    clock.advance(NIGHT)
    by_night = sign_in(log, ip="198.51.100.7")
    sign_in(log)
    assert unusual(log) == {"signed_in": [by_night]}
    (found,) = digest_of(log.reading(), 1, 99).unusual
    assert found.marks == {by_night: [NEW_NETWORK]}


def test_a_new_device_in_a_new_network_is_unusual_at_any_hour_but_not_a_clients(log):
    client = {"kind": "client", "id": "cli_1"}
    for who in (MARIA, client):
        sign_in(log, who=who)
    seq = sign_in(log, PHONE, FAR)
    sign_in(log, PHONE, FAR, client)
    assert unusual(log) == {"signed_in": [seq]}


def refund(log: Any, **context: Any) -> int:
    context = {"amount_minor": 3_000, "currency": "EUR", "source": "staff", **context}
    return tell(log, "charge.refunded", ("charge", "ch_1"), context=context)


def test_a_refund_is_unusual_where_its_booking_was_not_cancelled(log):
    tell(log, "booking.created", ("booking", "bk_1"), context={"starts_at": "2026-05-04T09:00:00Z"})
    seq = refund(log, booking="bk_1")
    assert unusual(log) == {"refunded": [seq]}
    log.record_document(event(1))
    assert unusual(log) == {}


def test_a_refund_that_names_no_booking_is_judged_by_what_its_charge_was_for(log):
    paid = {"amount_minor": 3_000, "currency": "EUR", "booking": "bk_1"}
    tell(log, "charge.succeeded", ("charge", "ch_1"), context=paid)
    seq = refund(log)
    assert unusual(log) == {"refunded": [seq]}
    log.record_document(event(1))
    assert unusual(log) == {}


def test_a_refund_by_the_click_that_cancelled_is_not_unusual(log):
    log.record_document(event(1, operation="click-1"))
    spent = {"amount_minor": 3_000, "currency": "EUR", "source": "policy"}
    tell(log, "charge.refunded", ("charge", "ch_1"), context=spent, operation="click-1")
    assert unusual(log) == {}


@pytest.mark.parametrize(("kind", "action", "target", "context"), [
    ("deleted", "service.deleted", ("service", "srv_1"), {}),
    ("outside", "record.changed_outside", ("booking", "bk_1"), {"table": "booking"}),
    ("outside", "record.changed_in_bulk", ("clinic", "c_lisbon"), {"table": "booking", "rows": 7}),
    ("factor_off", "account.two_factor_disabled", ("staff", "usr_1"), {"factor": "totp"}),
])  # fmt: skip
def test_what_is_unusual_by_itself(log, kind, action, target, context):
    seq = tell(log, action, target, context=context)
    assert unusual(log) == {kind: [seq]}


def test_a_span_has_its_own_entries_alone_and_names_the_newest(log):
    seqs = [tell(log, "service.deleted", ("service", f"srv_{number}")) for number in range(9)]
    assert unusual(log, seqs[2]) == {"deleted": seqs[:1:-1][:MOST_NAMED]}
    assert digest_of(log.reading(), seqs[2], seqs[3]).count == 2
    assert digest_of(log.reading(), 10, 99).count == 0


def test_a_category_that_is_hidden_is_not_in_it(log):
    tell(log, "account.two_factor_disabled", ("staff", "usr_1"), context={"factor": "totp"})
    assert digest_of(log.reading(hidden=frozenset({"account"})), 1, 9).count == 0


def test_money_is_in_it_only_for_who_asks(log):
    refund(log)
    session = log.reading()
    assert digest_of(session, 1, 9).money == ()
    (euro,) = digest_of(session, 1, 9, with_money=True).money
    assert (euro.currency, euro.money_out.amount_minor) == ("EUR", 3_000)


# What cannot wait


def test_a_new_device_and_a_second_factor_that_is_off_cannot_wait(log):
    sign_in(log)
    sign_in(log, ip=FAR)
    device = sign_in(log, PHONE)
    off = tell(log, "account.two_factor_disabled", ("staff", "usr_1"), context={"factor": "totp"})
    found = alarming(log.reading(), 1, 99)
    assert [(view.seq, list(new)) for view, new in found] == [(device, [NEW_DEVICE]), (off, [])]
    assert alarming(log.reading(), off, 99)[0][0].seq == off
    assert alarming(log.reading(), off + 1, 99) == []


def test_what_a_client_does_with_an_account_is_no_alarm_and_neither_is_what_is_long_ago(log):
    tell(log, "account.two_factor_disabled", ("client", "cli_1"), {"kind": "client", "id": "cli_1"})
    tell(log, "account.two_factor_disabled", ("staff", "usr_1"), occurred_at="2026-05-01T09:00:00Z")
    assert alarming(log.reading(), 1, 99) == []
