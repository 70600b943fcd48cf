"""What a page says of amounts and of the host's own texts, in English and in Portuguese."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from indelible.testing.logs import event

SERVICE: dict[str, Any] = {"target": {"kind": "service", "id": "srv_1", "name": "none"}, "client": None}


def text_of(page):
    """The text of a page, its marks taken off and white space made one."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).replace("\u00a0", " ").split())


@pytest.fixture
def clinic(service):
    log = service.clinic()
    who = {"kind": "staff", "id": "usr_1", "name": "costa_reis", "role": "none"}
    changes = [{"field": "price_minor", "old": 3_000, "new": 2_900}, {"field": "currency", "old": "EUR", "new": "CHF"},
               {"field": "room", "old": "none", "new": "costa_reis"}]  # fmt: skip
    kept = {"name": "none", "price_minor": 5_500, "currency": "EUR", "steps": [{"fee_minor": 250, "by": "yes"}]}
    log.record_document(event(action="service.edited", actor=who, context={"changes": changes}, **SERVICE))
    log.record_document(event(action="service.deleted", actor=who, context={"snapshot": kept}, **SERVICE))
    for action, amount, more in (
        ("charge.succeeded", 5_000, {}), ("deposit.captured", 5_000, {}),
        ("charge.refunded", 2_000, {"source": "stripe_dashboard", "reason_code": "no_show"}),
        ("charge.refunded", 1_000, {"source": "staff", "reason_code": "none"}),
        ("charge.refund_failed", 2_000, {"failure_code": "lost_or_stolen_card"}),
    ):  # fmt: skip
        log.record_document(event(action=action, actor=who, target={"kind": "charge", "id": "none"},
                                  context={"amount_minor": amount, "currency": "EUR"} | more))  # fmt: skip
    return log


def pages(service, log, language, path):
    browser = service.client(service.user("owner", log), **{"accept-language": language})
    answer = browser.get(f"/c/{log.clinic.id}/{path}")
    assert answer.status_code == 200
    return text_of(answer)


@pytest.mark.parametrize(
    ("language", "old", "new", "kept", "fee"),
    [("en", "€30.00", "CHF 29.00", "€55.00", "€2.50"), ("pt", "30,00 €", "29,00 CHF", "55,00 €", "2,50 €")],
)
def test_prices_in_changes_and_snapshots_are_money(service, clinic, language, old, new, kept, fee):
    said = pages(service, clinic, language, "story/service/srv_1/")
    for text in (old, new, kept, fee):
        assert text in said
    assert not re.search(r"\b(3[,. ]000|2[,. ]900|5[,. ]500)\b", said)
    entry = clinic.entry(1)
    in_panel = pages(service, clinic, language, f"entries/{entry.id}/")
    assert old in in_panel
    assert new in in_panel


@pytest.mark.parametrize(("language", "translated"), [("en", "Stripe dashboard"), ("pt", "painel do Stripe")])
def test_only_declared_words_are_translated(service, clinic, language, translated):
    said = pages(service, clinic, language, "story/charge/none/")
    assert translated in said
    assert "lost_or_stolen_card" in said
    assert "costa_reis none" in pages(service, clinic, language, f"entries/{clinic.entry(1).id}/")  # the actor's role
    for reworded in ("nenhum", "costa reis", "lost or stolen"):
        assert reworded not in said
    said = pages(service, clinic, language, "story/service/srv_1/")
    assert "costa_reis" in said
    for reworded in ("nenhum", "costa reis", "sim"):
        assert not re.search(rf"\b{reworded}\b", said)


@pytest.mark.parametrize(
    ("language", "amounts"), [("en", ("€50.00", "€10.00", "€40.00")), ("pt", ("50,00 €", "10,00 €", "40,00 €"))]
)
def test_totals_count_a_charge_once_and_take_a_failed_refund_off_what_went_out(service, clinic, language, amounts):
    said = pages(service, clinic, language, "totals/")
    assert re.findall(r"€[0-9.]+|[0-9,]+ €", said) == list(amounts)


def test_only_what_was_deleted_is_shown_as_it_was_then(service):
    log = service.clinic()
    target = {"kind": "service", "id": "srv_9", "name": "Peel"}
    kept = {"name": "Peel", "price_minor": 4_500, "currency": "EUR"}
    heading = "What it was when it was deleted"
    log.record_document(event(action="service.created", target=target, client=None, context={"snapshot": kept}))
    assert heading not in pages(service, log, "en", "story/service/srv_9/")
    log.record_document(event(action="service.deleted", target=target, client=None, context={"snapshot": kept}))
    log.record_document(event(action="service.restored", target=target, client=None, context={"snapshot": kept}))
    assert f"{heading} Deleted by Maria Fernandes" in pages(service, log, "en", "story/service/srv_9/")
