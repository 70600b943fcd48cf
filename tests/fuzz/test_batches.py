"""Whatever the lines of an import hold: each is taken or refused for itself, and none stops the others."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indelible.errors import InvalidInput
from indelible.record.document import parse_json
from indelible.testing.logs import event

# What ends a batch somewhere: at the edge of a type, of a format, of a library.
HOSTILE: list[Any] = [
    None, True, False, 0, -1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -(2**64), 10**400, 1.5, 1e308, math.inf, math.nan,
    "", " ", "\u0000", "\ud800", "a\u0000b", "a\ud800b", "\u2028", "\ufeff", "x" * 300, "x" * 5_000, "é" * 5_000,
    "0001-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59",
    "1684-06-01T00:00:00Z", "1899-12-31T23:59:59.999999Z", "1900-01-01T00:00:00Z", "1911-12-31T23:23:23+23:59",
    "2026-06-30T23:59:60Z", "2026-06-30T24:00:00Z", "2026-02-30T00:00:00Z", "2026-05-03T10:00:00+24:00", "-1-1-1T",
    "2026-05-03", "now", "2026-10-25T01:30:00Z", "2026-05-03T10:00:00.123456789Z",
    [], {}, [[]], [{}], {"old": None, "new": None}, {"person": 0}, {"kind": "a", "id": "b"}, {"": ""}, ["x"] * 300,
    {"id": "x", "name": None}, {"id": "x" * 300}, {"id": "é" * 255, "name": "é" * 300},
    "2001:db8::1", "fe80::1%eth0", "999.1.1.1", "policy:x", "job:", "EUR", "XXX", "SKK", "ana@example.org", "+351",
]  # fmt: skip
NESTED: Any = []
for _ in range(200):
    NESTED = [NESTED]
HOSTILE.append(NESTED)
PATHS = [
    *("action", "occurred_at", "actor", "actor.kind", "actor.id", "actor.name", "actor.role", "target", "target.id"),
    *("target.name", "client", "client.id", "client.name", "people", "context", "context.reason_text"),
    *("context.notice_minutes", "context.reason_code", "context.starts_at", "context.fee_minor", "context.currency"),
    *("context.policy", "context.practitioner", "request", "request.ip", "request.user_agent", "request.channel"),
    *("operation", "key", "unknown"),
]


def put(document: dict[str, Any], path: str, value: Any) -> None:
    *outer, name = path.split(".")
    for one in outer:
        document = document.setdefault(one, {}) if isinstance(document.get(one, {}), dict) else {}
    document[name] = value


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    made = event(draw(st.integers(1, 9)))
    made = json.loads(json.dumps(made))
    for _ in range(draw(st.integers(0, 3))):
        put(made, draw(st.sampled_from(PATHS)), draw(st.sampled_from(HOSTILE)))
    text = json.dumps(made, ensure_ascii=draw(st.booleans()))
    data = text.encode("utf-8", "surrogatepass")
    how = draw(st.sampled_from(["as it is"] * 6 + ["cut", "twice", "bytes"]))
    if how == "cut":
        return data[: draw(st.integers(0, len(data)))]
    if how == "twice":
        return data[:-1] + b"," + data[1:]
    return data[:9] + b"\xff\xfe" + data[9:] if how == "bytes" else data


def taken(log, lines: list[bytes]) -> tuple[int, int]:
    """How many lines go in and how many are refused; nothing else may happen to one."""
    drafts, refused = [], 0
    for line in lines:
        try:
            drafts.append(log.draft(parse_json(line), imported=True))
        except InvalidInput as error:
            assert "\n" not in str(error)
            refused += 1
    before = log.size
    results = log.append(drafts)
    repeated = sum(1 for one in results if isinstance(one, Exception) or one.repeated)
    assert log.size == before + len(drafts) - repeated
    return len(drafts), refused


def test_each_hostile_value_at_each_place_is_taken_or_refused_for_itself(log):
    for value in HOSTILE:
        lines = []
        for path in PATHS:
            made = json.loads(json.dumps(event()))
            put(made, path, value)
            lines.append(json.dumps(made).encode("utf-8", "surrogatepass"))
        went, refused = taken(log, [*lines, json.dumps(event()).encode()])
        assert went + refused == len(lines) + 1
        assert went >= 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(lines=st.lists(documents(), max_size=8))
def test_any_lines_together(log, lines):
    taken(log, [*lines, json.dumps(event()).encode()])


@pytest.mark.parametrize("size", [200, 1_000, 4_000])
def test_a_document_as_large_as_it_may_be_fits_into_a_body_or_is_refused_before(log, size):
    people = [{"role": "guardian", "id": f"{number}{'é' * 200}", "name": "é" * 200} for number in range(60)]
    for count in range(0, 61, 6):
        for text in ("x", "é", '"'):
            made = event(people=people[:count], context={"reason_text": text * size, "policy": "p" * 255})
            taken(log, [json.dumps(made).encode(), json.dumps(event()).encode()])
