"""What a story comes to, in one sentence: from the last entry that decided, and nothing that no entry says."""

from __future__ import annotations

import pytest

from indelible.read.answer import COUNTED, DECIDING, LEADS, MESSAGES, answer
from indelible.read.details import Speech
from indelible.read.story import known, outline
from indelible.read.view import ON
from indelible.record.document import Staff
from indelible.testing.logs import event

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)
ANA = {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}
MARIA = {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes", "role": "receptionist"}
POLICY = {"kind": "system", "reason": "policy:late-cancel"}
BOOKING = {"kind": "booking", "id": "bk_1", "name": "Facial, 4 May 09:00"}
CHARGE = {"kind": "charge", "id": "ch_1"}
EURO = {"currency": "EUR"}


def at(hour, action, target=BOOKING, context=None, **members):
    return event(**{"occurred_at": f"2026-05-01T{hour:02}:00:00Z", "action": action, "target": target, "request": None,
                    "context": context or {}} | members)  # fmt: skip


def text(log, subject, *events):
    for one in events:
        log.record_document(one)
    kind, _, thing = subject.partition("/")
    found = answer(kind, thing, known(outline(log.reading(), subject), kind))
    return found and found.text


MADE = at(8, "booking.created", actor=ANA, context={"starts_at": "2026-05-04T09:00:00+01:00"})
CANCELLED = at(
    9, "booking.cancelled", actor=ANA, request={"channel": "client_app", "user_agent": PHONE},
    context={"notice_minutes": 702, "fee_minor": 3_000, "policy": "pol_1", "refund_due_minor": 3_000} | EURO,
)  # fmt: skip


def test_a_cancellation_says_who_when_from_which_device_how_long_before_and_what_was_kept(log):
    assert text(log, "booking/bk_1", MADE, CANCELLED) == (
        "Cancelled by the client, Ana Sousa, 2026-05-01 10:00, Safari on iPhone, 11 h 42 min before it began; "
        "30.00 EUR kept by policy; 30.00 EUR goes back."
    )


def test_what_was_refunded_since_stands_for_what_was_to_go_back_and_a_refund_that_failed_is_none(log):
    refund = at(10, "charge.refunded", CHARGE, {"amount_minor": 3_000, "source": "policy", "booking": "bk_1"} | EURO,
                actor=POLICY)  # fmt: skip
    failed = at(11, "charge.refund_failed", CHARGE, {"amount_minor": 3_000, "booking": "bk_1"} | EURO, actor=POLICY)
    assert text(log, "booking/bk_1", CANCELLED, refund).endswith("kept by policy; 30.00 EUR refunded so far.")
    assert text(log, "booking/bk_1", failed).endswith("kept by policy; 30.00 EUR goes back.")


def test_what_was_never_recorded_is_not_said(log):
    bare = at(9, "booking.cancelled", actor={"kind": "staff", "id": "usr_12"}, client=None)
    assert text(log, "booking/bk_1", bare) == "Cancelled by usr_12 (staff), 2026-05-01 10:00."


def test_of_a_client_who_was_anonymized_no_name_is_said(log):
    log.record_document(CANCELLED)
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    said = text(log, "booking/bk_1")
    assert said.startswith("Cancelled by the client, 2026-05-01 10:00")
    assert "Ana" not in said
    assert "cli_77" not in said


def test_another_client_who_did_it_is_not_the_client(log):
    mother = {"kind": "client", "id": "cli_1", "name": "Rita Sousa"}
    assert text(log, "booking/bk_1", at(9, "booking.cancelled", actor=mother)).startswith(
        "Cancelled by Rita Sousa (client), "
    )


@pytest.mark.parametrize(
    ("actor", "by"),
    [
        (MARIA, "Maria Fernandes (receptionist)"),
        (POLICY, "System (policy: late cancellation)"),
        ({"kind": "agent", "id": "a", "name": "Booking assistant", "on_behalf_of": ANA},
         "Booking assistant, for Ana Sousa"),
        (MARIA | {"role": "none"}, "Maria Fernandes (none)"),
    ],
)  # fmt: skip
def test_who_did_it_is_said_in_words(log, actor, by):
    client = None if actor["kind"] == "agent" else {"id": "cli_77"}
    assert text(log, "booking/bk_1", at(9, "booking.completed", actor=actor, client=client)).startswith(
        f"Completed, marked by {by}, 2026-05-01 10:00"
    )


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (at(9, "booking.no_show_marked", actor=POLICY, context={"fee_minor": 900} | EURO),
         "Not shown up, marked by System (policy: late cancellation), 2026-05-01 10:00; 45.00 EUR paid; "
         "fee of 9.00 EUR."),
        (at(9, "booking.rescheduled", actor=MARIA, context={
            "notice_minutes": -5, "starts_at": {"old": "2026-05-04T09:00:00+01:00", "new": "2026-05-05T10:00:00+01:00"},
        }), "Reservation moved by Maria Fernandes (receptionist), 2026-05-01 10:00, 5 min after it began; "
            "now 2026-05-05 10:00; 45.00 EUR paid."),
        (at(9, "booking.reinstated", actor=MARIA, context={"from_status": "cancelled"}),
         "Reinstated by Maria Fernandes (receptionist), 2026-05-01 10:00; 45.00 EUR paid."),
        (at(9, "booking.edited", actor=MARIA),
         "Reserved by the client, Ana Sousa, 2026-05-01 09:00; 2026-05-04 09:00; 45.00 EUR paid."),
    ],
)  # fmt: skip
def test_the_last_entry_that_decided_is_what_holds(log, last, said):
    paid = at(8, "charge.succeeded", CHARGE, {"amount_minor": 4_500, "booking": "bk_1"} | EURO, actor=ANA)
    assert text(log, "booking/bk_1", MADE, paid, last) == said


def test_another_booking_of_the_same_click_decides_nothing(log):
    other = {"kind": "booking", "id": "bk_2"}
    said = text(log, "booking/bk_1", MADE | {"operation": "op_1"},
                at(10, "booking.cancelled", other, actor=ANA, operation="op_1"))  # fmt: skip
    assert said.startswith("Reserved by")


VOUCHER = {"kind": "voucher", "id": "vch_1"}
PACK = {"sessions_total": 5, "service_name": "Facial", "expires_on": "2026-11-01"}


def test_a_voucher_says_what_is_left_and_until_when(log):
    bought = at(8, "voucher.purchased", VOUCHER, PACK, actor=ANA)
    used = at(
        9, "voucher.redeemed", VOUCHER, {"sessions_used": 1, "sessions_left": 4, "sessions_total": 5}, actor=MARIA
    )
    gone = at(10, "voucher.expired", VOUCHER, {"sessions_lost": 4, "sessions_total": 5}, actor=POLICY)
    assert text(log, "voucher/vch_1", bought) == (
        "5 sessions of Facial; valid until 2026-11-01; bought 2026-05-01 09:00."
    )  # fmt: skip
    assert text(log, "voucher/vch_1", used) == (
        "4 of 5 sessions left; valid until 2026-11-01; bought 2026-05-01 09:00; last used 2026-05-01 10:00."
    )
    assert text(log, "voucher/vch_1", gone) == (
        "Expired 2026-05-01 11:00; 4 of 5 sessions lost; bought 2026-05-01 09:00."
    )  # fmt: skip


SERVICE = {"kind": "service", "id": "srv_1", "name": "Facial"}


def service(hour, action, **context):
    return at(hour, f"service.{action}", SERVICE, context, actor=MARIA, client=None)


def test_a_service_says_whether_it_is_on_offer_and_its_price(log):
    raised = [{"field": "price_minor", "old": 5_500, "new": 5_900} | EURO]
    by = "by Maria Fernandes (receptionist), 2026-05-01"
    assert text(log, "service/srv_1", service(8, "created", price_minor=5_500, **EURO)) == (
        f"On offer, created {by} 09:00; price now 55.00 EUR."
    )
    assert text(log, "service/srv_1", service(9, "edited", changes=raised)) == (
        f"On offer, last edited {by} 10:00; price now 59.00 EUR."
    )
    kept = {"name": "Facial", "price_minor": 5_900} | EURO
    assert text(log, "service/srv_1", service(10, "deleted", snapshot=kept)) == (
        f"Service deleted {by} 11:00; last price 59.00 EUR."
    )
    assert text(log, "service/srv_1", service(11, "restored", snapshot=kept)) == (
        f"On offer again, restored {by} 12:00; price now 59.00 EUR."
    )


def test_a_client_says_since_when_and_how_many_reservations_of_the_own(log):
    made = at(7, "client.created", {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}, actor=MARIA, client=None)
    friend = at(9, "booking.created", {"kind": "booking", "id": "bk_9"}, client={"id": "cli_9"}, actor=MARIA,
                people=[{"role": "mentioned", "id": "cli_77"}])  # fmt: skip
    said = text(log, "client/cli_77", made, MADE, CANCELLED, friend)
    assert said == (
        "In the log since 2026-05-01 08:00; created by Maria Fernandes (receptionist); reservations: 1; cancelled: 1."
    )


def test_a_charge_says_what_was_refunded_of_it_and_that_it_is_disputed(log):
    whole = at(8, "charge.succeeded", CHARGE, {"amount_minor": 4_500} | EURO, actor=ANA)
    part = at(9, "charge.refunded", CHARGE, {"amount_minor": 500, "source": "staff"} | EURO, actor=MARIA)
    opened = at(10, "dispute.opened", {"kind": "dispute", "id": "dp_1"}, {"amount_minor": 4_000, "charge": "ch_1"} |
                EURO, actor={"kind": "integration", "id": "stripe"})  # fmt: skip
    assert text(log, "charge/ch_1", whole, part, opened) == (
        "45.00 EUR charged by the client, Ana Sousa, 2026-05-01 09:00; 5.00 EUR of 45.00 EUR refunded so far; "
        "disputed by the client's bank."
    )


def test_somebody_of_the_staff_says_since_when_and_the_last_act(log):
    said = text(log, "staff/usr_12", MADE | {"actor": MARIA}, at(9, "booking.completed", actor=MARIA))
    assert said == "In the log since 2026-05-01 09:00; last act: Completed reservation, 2026-05-01 10:00."


def test_a_thing_of_any_other_kind_says_what_was_done_to_it_last(log):
    reward = {"kind": "reward", "id": "rwd_1", "name": "Free facial"}
    said = text(log, "reward/rwd_1", at(9, "reward.created", reward, actor=MARIA, client=None))
    assert said.startswith("Created reward: Maria Fernandes (receptionist), 2026-05-01 10:00")


def test_every_text_is_a_message_that_is_said_in_the_readers_language(log):
    asked = []

    def translate(text):
        asked.append(text)
        return text

    log.record_document(MADE)
    log.record_document(CANCELLED)
    answer("booking", "bk_1", known(outline(log.reading(), "booking/bk_1"), "booking"), Speech(translate=translate))
    assert LEADS["booking.cancelled"] in asked
    assert {text for text in asked if "{" in text and "minutes" not in text and "refund_due" not in text} <= {
        *MESSAGES,
        ON,
    }


def test_only_actions_that_are_declared_decide():
    from indelible.catalogue import find

    for codes in (*DECIDING.values(), *COUNTED.values(), LEADS):
        assert all(find(code) for code in codes), codes


def test_the_answer_of_a_story_longer_than_one_stretch_is_of_the_whole(log, monkeypatch):
    from indelible.read import story

    monkeypatch.setattr(story, "STORY_LIMIT", 4)
    for number in range(8):
        log.record_document(at(10, "booking.created", {"kind": "booking", "id": f"bk_{number}"}, actor=ANA,
                               context={"service": "srv_1"}))  # fmt: skip
    said = text(log, "service/srv_1", service(8, "created", price_minor=5_500, **EURO))
    assert said == "On offer, created by Maria Fernandes (receptionist), 2026-05-01 09:00; price now 55.00 EUR."
    assert text(log, "client/cli_77") == "Reservations: 8."
