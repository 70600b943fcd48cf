"""Cells, quotes and times, without a log: the guard loses nothing, the short ways print what the long ways print."""

from __future__ import annotations

import csv
import io
import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from indelible.export.manifest import GUARD_PATTERN
from indelible.format import csv_row, instant
from indelible.format.csv_row import TRIGGERS, decode_cell, encode_cell

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\",;\r\n" + TRIGGERS))


def test_every_short_text_comes_back_and_none_begins_with_a_trigger():
    for length in range(5):
        for characters in itertools.product("'a \" ," + TRIGGERS, repeat=length):
            text = "".join(characters)
            cell = encode_cell(text)
            assert decode_cell(cell) == text
            assert cell[:1] not in TRIGGERS or not cell


@given(ANY_TEXT)
def test_any_text_comes_back_and_none_begins_with_a_trigger(text: str):
    cell = encode_cell(text)
    assert decode_cell(cell) == text
    assert not cell or cell[0] not in TRIGGERS


@given(ANY_TEXT)
def test_the_manifest_s_pattern_is_the_decode_rule(cell: str):
    pattern = re.compile(GUARD_PATTERN)
    assert decode_cell(cell) == (cell[1:] if pattern.search(cell) else cell)


def test_what_is_harmless_is_not_touched():
    assert [encode_cell(text) for text in ("", "Ana", "O'Neill", "'quoted'", "1-2", " =1")] == [
        "", "Ana", "O'Neill", "'quoted'", "1-2", " =1",
    ]  # fmt: skip


@given(st.lists(ANY_TEXT, min_size=len(csv_row.COLUMNS), max_size=len(csv_row.COLUMNS)))
def test_a_line_is_what_the_csv_module_prints(cells: list[str]):
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    assert csv_row.line(cells) == out.getvalue()


@given(st.integers(instant.EARLIEST, instant.LATEST), st.integers(-1439, 1439))
def test_times_are_what_instant_prints(us: int, offset: int):
    local, utc, day, clock = csv_row._times(us, offset)
    assert (local, utc) == (instant.local_text(us, offset), instant.format(us))
    assert (day, clock) == (instant.local_date(us, offset), instant.local_time(us, offset))


def test_the_columns_and_their_order_are_fixed():
    assert ", ".join(csv_row.COLUMNS) == (
        "seq, id, occurred_at, occurred_at_utc, time_zone, local_date, local_time, category, action, label, "
        "actor_kind, actor_id, actor_name, target_kind, target_id, target_name, client_id, client_name, amount, "
        "to_sum, amount_minor, currency, channel, ip, device, context, money, recorded_zone, recorded_at, "
        "on_behalf_of_kind, on_behalf_of_id, on_behalf_of_name"
    )
