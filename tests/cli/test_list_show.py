"""list and show: the filter, JSON for programs, the table for people, and hostile text."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from sqlite3 import connect
from typing import Any

import pytest

from indelible.testing.logs import event

from .conftest import blanked, without

SYSTEM = event(2, actor={"kind": "system", "reason": "policy:late-cancel"}, request=None)
PAID = event(
    action="charge.succeeded",
    actor={"kind": "integration", "id": "stripe"},
    request=None,
    target={"kind": "charge", "id": "ch_1"},
    context={"amount_minor": 4_500, "currency": "EUR"},
)


def at(number, time, **members):
    return event(number, occurred_at=time, **members)


@pytest.fixture
def three(cli):
    cli.record(
        at(1, "2026-05-01T10:00:00Z"),
        SYSTEM | {"occurred_at": "2026-05-02T10:00:00Z"},
        PAID | {"occurred_at": "2026-05-03T10:00:00Z"},
    )
    return cli


def seqs(cli, *words):
    return [one["seq"] for one in cli.ok("list", "--json", *words).lines]


def test_json_is_the_document_with_what_the_log_added_newest_first(three):
    newest, _, oldest = three.ok("list", "--json").lines
    assert (newest["seq"], oldest["seq"]) == (3, 1)
    assert (oldest["category"], oldest["label"]) == ("bookings", "Cancelled reservation")
    given = at(1, "2026-05-01T10:00:00Z")
    for name in ("action", "actor", "target", "client", "context", "request"):
        assert oldest[name] == given[name]
    assert oldest["occurred_at"] == "2026-05-01T11:00:00.000000+01:00"
    assert {"id", "recorded_at", "category", "label"} <= oldest.keys()
    assert "state" not in oldest


def test_order_is_by_time_of_the_event_and_then_by_number(cli):
    cli.record(at(1, "2026-05-03T10:00:00Z"), at(2, "2020-05-03T10:00:00Z"), at(3, "2026-05-03T10:00:00Z"))
    assert seqs(cli) == [3, 1, 2]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), [3, 2, 1]),
        (("actor:usr_12",), [1]),
        (("actor:system",), [2]),
        (("-actor:system",), [3, 1]),
        (("-actor:system", "-actor:stripe"), [1]),
        (("category:bookings", "-actor:system"), [1]),
        (("category:payments",), [3]),
        (("action:charge.succeeded",), [3]),
        (("-category:payments",), [2, 1]),
        (("from:2026-05-02",), [3, 2]),
        (("to:2026-05-02",), [2, 1]),
        (("from:2026-05-02", "to:2026-05-02"), [2]),
        (("from:2026-05-02 -actor:system",), [3]),
        (("actor:nobody",), []),
        (("actor:stripe", "actor:usr_12"), [3, 1]),
        (("--", "-actor:system"), [3, 1]),
        (("-action:booking.cancelled", "--limit", "1"), [3]),
    ],
)
def test_words_of_the_filter_may_stand_anywhere(three, words, expected):
    assert seqs(three, *words) == expected
    if "--" not in words:
        assert [one["seq"] for one in three.ok("list", *words, "--json").lines] == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("category:paymnts",), "filter, word 1: unknown category"),
        (("actor:x", "acton:y"), "filter, word 2: unknown key"),
        (("from:tomorrow",), "filter, word 1: from is not a day"),
        (("from:2026-05-02", "to:2026-05-01"), "filter, word 2: from is after"),
        (("-from:2026-05-01",), "filter, word 1: from cannot be excluded"),
        (("s",), "filter, word 1: a text to search for"),
        (("action:booking.canceled",), "did you mean booking.cancelled?"),
        (("from:2026-02-30",), "calendar"),
    ],
)
def test_an_error_in_the_filter_points_at_the_word(three, words, says):
    assert says in three.refused("list", *words)
    assert says in three.refused("export", *words)


def test_a_filter_that_holds_a_name_is_not_repeated_in_its_error(three):
    assert "Sousa" not in three.refused("list", 'Ana "Sousa')
    assert "sousa" not in three.refused("list", "mail:ana.sousa@example.org")


def test_limits(cli):
    cli.record(*(event(number) for number in range(60)))
    assert len(cli.ok("list", "--json").lines) == 50
    assert seqs(cli, "--limit", "3") == [60, 59, 58]
    assert len(seqs(cli, "--limit", "0")) == 60
    assert "50 of 60 entries, newest first.\nThere are more: --older" in cli.ok("list").err
    assert cli.ok("list", "--limit", "0").err == "60 of 60 entries, newest first.\n"


def test_an_empty_log_and_a_filter_that_nothing_fits_say_so(cli):
    assert cli.ok("list").err.startswith("Nothing has been recorded in this log yet")
    assert cli.ok("list").out == cli.ok("list", "--json").out == ""
    cli.record(event())
    assert cli.ok("list", "actor:system").err.startswith("No entry fits this filter")
    assert cli.ok("list", "--json", "actor:system").out == ""


def test_a_missing_and_an_unreadable_value_are_null_with_their_state(cli):
    cli.record(event(1), event(2))
    cli.reseal(without("network"), 1)
    cli.reseal(blanked("network"), 2)
    second, first = cli.ok("list", "--json").lines
    for one, state in ((first, "missing"), (second, "unreadable")):
        assert one["request"] == {"channel": "staff_web", "ip": None, "user_agent": None}
        assert one["state"] == {"request.ip": state, "request.user_agent": state}
        assert one["actor"]["name"] == "Maria Fernandes"
    cli.reseal(lambda part: None)
    gone = cli.ok("list", "--json").lines[0]
    assert gone["actor"] == {"kind": "staff", "id": None, "name": None, "role": "receptionist"}
    assert gone["context"]["reason_text"] is None
    assert "Unknown staff" in cli.ok("list").out


def test_the_table_says_who_what_and_when_and_why_for_the_system(three):
    out = three.ok("list").out
    assert "When (Europe/Lisbon)" in out
    assert "Maria Fernandes" in out
    assert "System" in out
    assert "late cancel" in out
    assert "2026-05-01 11:00:00" in out  # Lisbon is an hour ahead of UTC in May
    assert "45.00" in out
    assert "train was late" in out


HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "a\u202egnp.exe",
    "\u2066x\u2069",
    "a\rb",
    "a\nb",
    "\x9b31m",
    "\u200bx",
    "\x7f",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_reaches_the_terminal_that_controls_it(cli, text):
    cli.record(
        event(
            1,
            actor={"kind": "staff", "id": "u", "name": text},
            context={"reason_text": text},
            client={"id": "c", "name": text},
            target={"kind": "booking", "id": "b", "name": text},
        )
    )
    for command in (("list",), ("show", "1")):
        out = cli.ok(*command).out
        assert out.replace("\n", "").isprintable(), ascii(out)
    assert cli.ok("list", "--json").lines[0]["actor"]["name"] == text  # a program gets what was recorded


@pytest.mark.parametrize(
    "text", ["[red]danger[/red]", "[link=https://example.org]x[/link]", "[/]", "\\[bold]", ":smile:"]
)
def test_markup_is_shown_as_it_is(cli, text):
    cli.record(event(1, actor={"kind": "staff", "id": "u", "name": text}, context={"reason_text": text}))
    assert text in cli.ok("list").out
    assert text in cli.ok("show", "1").out


def test_days_are_the_clinics_when_the_clocks_change(cli):
    """29 March 2026 has 23 hours in Lisbon, 25 October 25. Each day has every entry of it, and no other."""
    times = [
        "2026-03-28T23:59:59Z",
        "2026-03-29T00:00:00Z",
        "2026-03-29T00:59:59Z",
        "2026-03-29T01:00:00Z",
        "2026-03-29T22:59:59Z",
        "2026-03-29T23:00:00Z",
    ]
    cli.record(*(at(number, time) for number, time in enumerate(times, 1)))
    assert seqs(cli, "from:2026-03-29", "to:2026-03-29") == [5, 4, 3, 2]
    assert seqs(cli, "to:2026-03-28") == [1]
    assert seqs(cli, "from:2026-03-30") == [6]


def test_the_hour_that_comes_twice_belongs_to_its_day_twice(cli, monkeypatch):
    times = [
        "2025-10-25T22:59:59Z",
        "2025-10-25T23:00:00Z",
        "2025-10-26T00:30:00Z",
        "2025-10-26T01:30:00Z",
        "2025-10-26T23:59:59Z",
        "2025-10-27T00:00:00Z",
    ]
    cli.record(*(at(number, time) for number, time in enumerate(times, 1)))
    assert seqs(cli, "from:2025-10-26", "to:2025-10-26") == [5, 4, 3, 2]
    assert seqs(cli, "to:2025-10-25") == [1]
    out = cli.ok("list").out
    assert "2025-10-26 01:30:00+01:00" in out
    assert "2025-10-26 01:30:00+00:00" in out


# show


def test_show_by_number_and_by_id(three):
    (one,) = three.ok("show", "1", "--json").lines
    assert one == three.ok("list", "--json").lines[2]
    assert three.ok("show", one["id"], "--json").lines == [one]
    out = three.ok("show", "1").out
    for text in (
        "Maria Fernandes cancelled reservation bk_1",
        "203.0.113.9",
        "train was late",
        one["id"],
        "Europe/Lisbon",
    ):
        assert text in out


@pytest.mark.parametrize(
    "which", ["0", "4", "99999999999999999999", "x", "", "01a20523-88d1-7fa2-b66a-99e6ef4895a8", "1.0"]
)
def test_show_of_what_is_not_there(three, which):
    assert three.refused("show", which).startswith("there is no entry")


def test_raw_is_exactly_the_bytes_that_the_leaf_hash_covers(three):
    with closing(connect(three.folder / "activity.db")) as db:
        bodies = [body for (body,) in db.execute("SELECT body FROM indelible_entry ORDER BY seq")]
        ((size, root),) = db.execute("SELECT size, root FROM indelible_head")
    raws = [three.ok("show", str(seq), "--raw").out.encode() for seq in (1, 2, 3)]
    assert raws == bodies
    first, second, third = (hashlib.sha256(b"\x00" + raw).digest() for raw in raws)
    both = hashlib.sha256(b"\x01" + first + second).digest()
    assert (size, hashlib.sha256(b"\x01" + both + third).digest()) == (3, root)
    assert json.loads(raws[0])["seq"] == 1


# actions


def test_actions_lists_every_code_with_its_label(empty):
    out = empty.ok("actions").out
    for text in ("booking.cancelled", "Cancelled reservation", "service.created", "Created service", "Refunded charge"):
        assert text in out


def test_the_schemas_of_actions_know_the_fields_of_real_contexts(empty, three):
    described = {one["code"]: one for one in json.loads(empty.ok("actions", "--json").out)}
    for one in three.ok("list", "--json").lines:
        schema = described[one["action"]]["schema"]
        assert set(one["context"]) <= set(schema["properties"])
        assert set(schema.get("required", ())) <= set(one["context"])
        assert schema["additionalProperties"] is False


def test_show_says_amounts_as_money_also_inside_changes_and_snapshots(cli):
    service: dict[str, Any] = {"target": {"kind": "service", "id": "srv_1", "name": "Facial"}, "client": None}
    changes = [{"field": "price_minor", "old": 3_000, "new": 3_200}, {"field": "currency", "old": "EUR", "new": "CHF"}]
    snapshot = {"name": "none_left", "price_minor": 5_500, "currency": "JPY", "tiers": [{"fee_minor": 1, "n": 2}]}
    cli.record(
        event(action="service.edited", context={"changes": changes}, **service),
        event(action="service.deleted", context={"snapshot": snapshot}, **service),
        event(
            action="booking.cancelled", context={"fee_minor": 2_500, "currency": "EUR", "reason_code": "no_such_code"}
        ),
    )

    def row(seq, name):
        (line,) = (line for line in cli.ok("show", seq).out.splitlines() if line.split()[:1] == [f"context.{name}"])
        return line.split(None, 1)[1].strip()

    assert row("1", "changes.price_minor") == "30.00 EUR → 32.00 CHF"
    assert row("2", "snapshot.price_minor") == "5500 JPY"
    assert row("2", "snapshot.name") == "none_left"
    assert "1 JPY" in row("2", "snapshot.tiers")
    assert (row("3", "fee_minor"), row("3", "reason_code")) == ("25.00 EUR", "no_such_code")
    # For programs amounts stay as they were recorded.
    assert cli.ok("show", "1", "--json").lines[0]["context"]["changes"] == changes


def test_the_table_and_an_entry_say_for_whom_somebody_acted(cli):
    ana = {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}
    agent = {"kind": "agent", "id": "assistant_1", "name": "Booking assistant"}
    cli.record(event(1, actor=agent | {"on_behalf_of": ana}, client=None, context={}))
    shown = cli.ok("list", "actor:assistant_1").out
    assert "Booking assistant, for Ana Sousa" in shown and "Cancelled reservation bk_1" in shown
    assert shown.count("Ana Sousa") == 1
    one = cli.ok("show", "1").out
    for field, text in (("actor.id", "assistant_1"), ("actor.on_behalf_of.name", "Ana Sousa")):
        assert any(line.split()[:1] == [field] and text in line for line in one.splitlines()), one
    said = cli.ok("list", "actor:assistant_1", "from:2099-01-01").err
    assert "Nobody acted" not in said
    assert "Nobody acted" in cli.ok("list", "actor:assistant_2").err
