"""The name of an exported file: which clinic, which filter, which days.

    name   = clinic "_" filter "_" days "." ending           clinica-estrela_payments_2026-05-01_2026-05-31.csv
    clinic = its name, else its id, in small letters a-z, digits and hyphens
    filter = categories, actions and kinds of actor by their codes; of an id or a text only that there is one:
             "one-client", "some-targets", "text"; "all-activity" without a filter, "filtered" where it is a long one
    days   = first "_" last | "until-" last                  last: the day of the export, where the filter has no `to:`
           | "entries-" first "-" last                       a complete bundle

No id, name or word of a filter is in it: a file name is seen by who may not open the file, and an id or a name may be
a client's. Every name is safe on Windows, macOS and Linux and in a header of HTTP: letters a-z, digits, `-`, `_`, and
one dot.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ..catalogue import CATEGORIES, find
from ..format import instant, offsets
from ..log import ClinicLog
from ..read import bounds
from ..read.query import Choice, Query
from ..stores.contract import Clinic, State

# Three parts of such lengths leave room for `.manifest.json` within what eCryptfs takes, 143 characters.
_LONGEST_PART = 40
# More than these are no name any more.
_MOST_PARTS = 3

# Letters that Unicode does not take apart into one of ASCII and a mark.
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ß": "ss",
        "\u0131": "i",
        "ħ": "h",
        "ŋ": "n",
    }
)
# What is said of ids, by the member of Choice.
_IDS = {
    "actors": "actor", "targets": "target", "clients": "client", "abouts": "subject", "onlys": "subject",
    "operations": "operation", "stripes": "stripe-id",
}  # fmt: skip


def file_name(
    clinic: Clinic, state: State, query: Query, ending: str, now: int, entries: tuple[int, int] | None = None
) -> str:
    """Return the name of a file with this ending that is exported at the instant `now`.

    `entries` are the first and last number of a complete bundle.
    """
    today = instant.to_datetime(now, offsets.minutes(now, state.zone)).date()
    first, last = bounds.days(query.first, query.last, now, state.zone)
    whose = _slug(state.name) or _slug(clinic.id) or "clinic"
    days = _days(first, last or today) if entries is None else f"entries-{entries[0]}-{entries[1]}"
    return f"{whose}_{_filter(query)}_{days}.{ending}"


def output_path(
    log: ClinicLog, query: Query, output: Path, ending: str, entries: tuple[int, int] | None = None
) -> Path:
    """Return where an export goes: to `output`, or in that folder to a file of its name where there is none yet.

    Raises InvalidInput where that is a file of the journal's own.
    """
    if output.is_dir():
        output = _free_path(output, file_name(log.clinic, log.state(), query, ending, log.clock(), entries))
    log.shared.places.check_output(output)
    return output


def _free_path(folder: Path, name: str) -> Path:
    """Return a path of this name in a folder where there is no file yet: with "-2", "-3" behind it if need be."""
    stem, _, ending = name.rpartition(".")
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.{ending}"
    return path


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS)).encode("ascii", "ignore").decode()
    plain = re.sub(r"['`]", "", plain)
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_PART].strip("-")


def _filter(query: Query) -> str:
    parts = [
        *_parts(query.wanted),
        *(["recorded"] if query.recorded or query.late else []),
        *(["text"] if query.words else []),
    ]
    parts += [f"not-{part}" for part in (*_parts(query.unwanted), *(["text"] if query.unwanted_words else []))]
    if not parts:
        return "all-activity"
    said = "-".join(parts)
    return said if len(parts) <= _MOST_PARTS and len(said) <= _LONGEST_PART else "filtered"


def _parts(choice: Choice) -> Iterator[str]:
    yield from sorted(_slug(category) if category in CATEGORIES else "category" for category in choice.categories)
    yield from sorted(_slug(code) if find(code) else "action" for code in choice.actions)
    yield from (f"by-{kind}" for kind in sorted(choice.kinds))
    for member, what in _IDS.items():
        if ids := getattr(choice, member):
            yield f"one-{what}" if len(ids) == 1 else f"some-{what}s"


def _days(first: date | None, last: date) -> str:
    if first is None:
        return f"until-{last.isoformat()}"
    if first >= last:
        return first.isoformat()
    return f"{first.isoformat()}_{last.isoformat()}"
