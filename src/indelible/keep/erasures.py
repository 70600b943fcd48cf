"""The entries that say they erased somebody, found by their action or by whom they name.

An account erases few people, so each of these is short. Whether one of them is to be believed: `authenticity.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..format import entry
from ..stores import entries
from ..stores.contract import EVERY, EntryRow, Reference, Rows, Selection

# Persons whose erasures are looked for at once.
_TOKENS = 100


def newest(rows: Rows) -> int | None:
    """Return the occurred_at of the newest entry that erases somebody."""
    page = rows.page(Selection(up_to=EVERY, actions=(entry.ANONYMIZED,)), None, 1)
    return page[0].occurred_at if page else None


def behind(rows: Rows, seq: int) -> Sequence[EntryRow]:
    """Return the entries that erase somebody behind a number, in order."""
    selection = Selection(up_to=EVERY, actions=(entry.ANONYMIZED,), from_seq=seq + 1)
    return sorted(entries.every(rows, selection))


def of(rows: Rows, tokens: Sequence[bytes]) -> Iterator[EntryRow]:
    """Yield the entries by which these persons were erased."""
    for start in range(0, len(tokens), _TOKENS):
        group = tuple(Reference("person", token, as_target=True) for token in tokens[start : start + _TOKENS])
        yield from entries.every(rows, Selection(up_to=EVERY, actions=(entry.ANONYMIZED,), references=(group,)))
