"""A voucher's sessions: what cannot be is refused in one sentence, whatever can be is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.catalogue.vouchers import VoucherExpired, VoucherPurchased, VoucherRedeemed, VoucherSessionReturned
from indelible.errors import InvalidInput

counts = st.none() | st.integers(0, 12)


@pytest.mark.parametrize(
    ("cls", "context", "words"),
    [
        (VoucherPurchased, {"sessions_total": -1}, "context.sessions_total: is negative; it counts from 0"),
        (VoucherRedeemed, {"sessions_left": -1}, "context.sessions_left: is negative; it counts from 0"),
        (VoucherRedeemed, {"sessions_total": 5, "sessions_used": 6}, "has sessions_used above sessions_total"),
        (VoucherRedeemed, {"sessions_total": 5, "sessions_left": 6}, "has sessions_left above sessions_total"),
        (
            VoucherRedeemed,
            {"sessions_total": 5, "sessions_used": 2, "sessions_left": 4},
            "has sessions_used and sessions_left that are together above sessions_total",
        ),
        (
            VoucherSessionReturned,
            {"sessions_returned": 2, "sessions_left": 1},
            "has sessions_returned above sessions_left",
        ),
        (VoucherSessionReturned, {"sessions_total": 5, "sessions_left": 6}, "has sessions_left above sessions_total"),
        (VoucherExpired, {"sessions_total": 5, "sessions_lost": 6}, "has sessions_lost above sessions_total"),
    ],
)
def test_sessions_that_cannot_be_are_refused_with_the_mend(cls, context, words):
    with pytest.raises(InvalidInput) as caught:
        cls(**context)
    assert words in str(caught.value)
    assert ";" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(total=counts, used=counts, left=counts)
def test_a_redemption_is_taken_wherever_its_counts_agree(total, used, left):
    agree = total is None or (used or 0) + (left or 0) <= total
    try:
        VoucherRedeemed(sessions_total=total, sessions_used=used, sessions_left=left)
    except InvalidInput:
        assert not agree
    else:
        assert agree


@pytest.mark.parametrize("cls", [VoucherRedeemed, VoucherSessionReturned])
def test_a_voucher_of_another_service_is_refused(cls):
    assert cls(service="svc_peel", booking_service="svc_peel").booking_service == "svc_peel"
    assert cls(booking_service="svc_laser").service is None
    with pytest.raises(InvalidInput, match="a voucher pays for its own service only") as caught:
        cls(service="svc_peel", booking_service="svc_laser")
    assert "svc_" not in str(caught.value)


def test_the_last_session_leaves_none():
    last = VoucherRedeemed(sessions_total=5, sessions_used=1, sessions_left=0)
    assert last.sessions_left == 0


def test_a_log_refuses_a_document_with_such_counts_and_keeps_nothing_of_it(log):
    with pytest.raises(InvalidInput, match="sessions_used above sessions_total"):
        log.record_document(
            {
                "action": "voucher.redeemed",
                "actor": {"kind": "staff", "id": "usr_1"},
                "target": {"kind": "voucher", "id": "vch_1"},
                "context": {"sessions_total": 5, "sessions_used": 6},
            }
        )
    assert list(log.read()) == []
