"""A booking platform of clinics, as its public pages describe it: what it would send is taken, said and proven."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from indelible.format.money import EFFECTS
from indelible.manage.inspection import inspect

LINES = Path(__file__).with_name("platform.jsonl").read_text(encoding="utf-8").splitlines()
DOCUMENTS = [orjson.loads(line) for line in LINES]


@pytest.fixture
def filled(log):
    for document in DOCUMENTS:
        log.record_document(document)
    return log


def test_every_document_is_recorded_read_back_with_a_sentence_and_verified(filled):
    entries = [filled.entry(seq) for seq in range(1, len(DOCUMENTS) + 1)]
    assert [entry.action for entry in entries] == [document["action"] for document in DOCUMENTS]
    for document, entry in zip(DOCUMENTS, entries, strict=True):
        assert entry.context.keys() == document.get("context", {}).keys()
        assert not entry.states
        assert entry.sentence
        assert "{" not in entry.sentence
        assert "—" not in entry.sentence, entry.sentence
    filled.checkpoint()
    assert inspect(filled).result == "intact"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("voucher.session_returned", "System returned a session to voucher vch_70031"),
        ("points.redeemed", "Paula Ríos redeemed 400 points of Paula Ríos"),
        ("points.adjusted", "Marta Soler adjusted the points of Irene Castaño by -55"),
        ("booking.reinstated", "Marta Soler reinstated reservation bkg_88407 from no-show"),
        ("deposit.forfeited", "System kept a deposit of 18.00 EUR on chg_40189"),
        ("dispute.opened", "Dispute dsp_311 over 330.00 EUR was opened"),
        ("dispute.closed", "Dispute dsp_311 was closed: won"),
        ("client.merged", "Marta Soler merged client Ainhoa E. into Ainhoa Etxeberria"),
        ("integration.connected", "Lucía Herrera connected stripe"),
    ],
)
def test_a_sentence_is_what_a_clinic_would_say(filled, code, sentence):
    (number,) = [number for number, document in enumerate(DOCUMENTS, 1) if document["action"] == code]
    assert filled.entry(number).sentence == sentence


def test_a_dispute_that_was_won_leaves_what_was_charged(filled):
    moved = {
        document["action"]: EFFECTS[filled.entry(number).money].net * document["context"]["amount_minor"]
        for number, document in enumerate(DOCUMENTS, 1)
        if document.get("context", {}).get("voucher") == "vch_70031" and filled.entry(number).money != "none"
    }
    assert moved == {
        "charge.succeeded": 33_000,
        "dispute.funds_withdrawn": -33_000,
        "dispute.funds_returned": 33_000,
    }
