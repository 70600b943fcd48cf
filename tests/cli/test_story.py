"""`indelible story`: what it prints, for a person and for a program."""

from __future__ import annotations

from indelible.testing.logs import event

EURO = {"amount_minor": 4_500, "currency": "EUR"}
PAID = event(action="charge.succeeded", actor={"kind": "integration", "id": "stripe"}, request=None,
             target={"kind": "charge", "id": "ch_1"}, context=EURO | {"booking": "bk_1"},
             occurred_at="2026-05-01T10:00:00Z")  # fmt: skip
REFUNDED = event(action="charge.refunded", actor={"kind": "integration", "id": "stripe"}, request=None, client=None,
                 target={"kind": "charge", "id": "ch_1"}, context=EURO | {"source": "stripe_dashboard"},
                 occurred_at="2026-05-02T10:00:00Z")  # fmt: skip


def test_the_story_comes_oldest_first_and_names_what_belongs_to_it_otherwise(cli):
    cli.record(REFUNDED, PAID, event(2))
    result = cli.ok("story", "booking/bk_1")
    assert result.out.index("Processed charge") < result.out.index("Refunded 45.00 EUR")
    assert "bk_2" not in result.out
    assert "2 entries, oldest first." in result.err
    assert "a payment of it, of the same click, or of a record merged with it: 1" in result.err


def test_the_story_as_json_says_why_each_entry_belongs(cli):
    cli.record(REFUNDED, PAID, event(2))
    lines = cli.ok("story", "bk_1", "--json").lines
    assert [(line["seq"], line["belongs_as"]) for line in lines] == [(2, "itself"), (1, "payment")]


def test_a_subject_that_is_not_in_the_log_is_refused_with_the_form_to_use(cli):
    cli.record(event(1))
    assert "kind and id, such as booking/bk_99812" in cli.refused("story", "bk_nothing")


def test_a_client_who_was_anonymized_has_no_story(cli):
    cli.record(event(1))
    cli.ok("anonymize", "cli_77", "--requested-by", "client")
    assert "no entry is about this" in cli.refused("story", "client/cli_77")
    assert "Ana" not in cli.ok("story", "booking/bk_1").out
