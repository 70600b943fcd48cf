"""An id may be longer than a value of a filter: then no filter says it, and every page is there all the same."""

from __future__ import annotations

import pytest

LONG = "x" * 255


@pytest.fixture
def log(service):
    log = service.clinic()
    system = {"kind": "system", "reason": "policy:late-cancel"}
    money = {"amount_minor": 2_500, "currency": "EUR"}
    maria = {"kind": "staff", "id": LONG, "name": "Maria"}
    for action, kind, context, actor in (
        ("charge.refunded", "charge", {**money, "source": "policy"}, system),
        ("booking.cancelled", "booking", {"late": True}, maria),
        ("service.deleted", "service", {"snapshot": {"name": "Massage"}}, maria),
        ("account.logged_in", "staff", {}, maria),
    ):
        log.record_document({
            "action": action, "context": context, "actor": actor,
            "target": {"kind": kind, "id": LONG, **({"name": "Maria"} if kind == "staff" else {})},
            **({"client": {"id": LONG, "name": "Ana"}} if kind in ("charge", "booking") else {}),
            "request": {"channel": "staff_web", "ip": "203.0.113.9"},
        })  # fmt: skip
    return log


_KINDS = ("booking", "charge", "service", "client", "staff")


@pytest.mark.parametrize("path", [
    "", "letter/", "letter/file/", "sign-ins/", f"suggest/?q={LONG[:200]}", "print/",
    *(f"{page}/{kind}/{LONG}/" for page in ("story", "print") for kind in _KINDS),
])  # fmt: skip
def test_a_page_about_a_thing_of_the_longest_id_is_there(service, log, path):
    assert service.client(service.user("owner", log)).get(f"/c/{log.clinic.id}/{path}").status_code == 200


def test_a_refund_of_a_charge_of_the_longest_id_is_told_in_the_letter(service, log):
    page = service.client(service.user("owner", log)).get(f"/c/{log.clinic.id}/letter/").content.decode()
    assert "and no reservation was cancelled for it" in page
