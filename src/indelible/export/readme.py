"""README.txt of a bundle: what it is, how to check it, what is proven and what is not, for somebody who has never
heard of us."""

from __future__ import annotations

import textwrap

from ..proof.bundle import Statement
from ..proof.note import fingerprint

_SELECTION = """\
This bundle holds the entries that the filter meant. Each of them is proven to be in the log, at its number and
unchanged. Whether the filter left out what you would have liked to see cannot be told from it: ask for a complete
bundle for that. What the export itself held is sealed: no row can have been taken out of this file since."""
_COMPLETE = """\
This bundle holds every entry of the log from number {first} to number {last}. None of them can have been left out,
added, changed or moved, or the check below says so."""
_TEXT = """\
{title}

{what}

    clinic       {clinic}
    entries      {rows}, among the numbers {first} to {last}
    filter       {filter}
    time zone    {zone}
    log          {origin}

HOW TO CHECK IT

No network is needed, and nothing of the clinic's but its public key.

    pip install 'indelible[cli]'                  (Python 3.11 or later)
    indelible verify THIS-FILE.zip --key 'KEY'

KEY is the log's public key. Take it from the clinic by another way than this file: on paper, by telephone, from its
web site. Its fingerprint is

    {fingerprint}

The key inside (key.txt) is only what whoever made this file says. docs/spec/bundle.md in Indelible's repository gives
the format byte by byte, so that you can have the check written by somebody else.

WHAT IS IN IT

    entries.csv      the entries as a table, for a spreadsheet; UTF-8, times in the clinic's zone and in UTC, planned
                     times on the clock on which they were recorded, each with its offset
    entries.jsonl    the same entries as they were recorded, with what is needed to check each value
    rendering.json   the wording of the table: labels, categories, signs of amounts, devices in words, offsets of zones
    the rest         proofs, the signed head of the log (checkpoint), and the record of this export

WHAT IS PROVEN

The content of each entry, its number and its order among the others, and every personal value that is shown.
{given}
An empty cell can also be a value that was erased when a client was anonymized. The check names the entry of the log
that accounts for it, and tells it from a value that is gone for no reason.

WHAT IS NOT PROVEN

That what was recorded is true. That the wording in rendering.json is right: labels, devices, what an entry does to
money, and the offsets of zones are the exporter's. And that nobody who holds the log's signing key built the whole log
anew: only a checkpoint that somebody else has kept since shows that.
"""


def readme(statement: Statement, vkey: str) -> str:
    """Return the text for a bundle, in lines of at most 120 characters."""
    about = _COMPLETE if statement.kind == "complete" else _SELECTION
    withheld = sorted({"evidence", "identity", "network"} - set(statement.given))
    held = [f"of the class {' and '.join(withheld)}"] if withheld else []
    held += [f"at {', '.join(statement.withheld)}"] if statement.withheld else []
    given = "Nothing was held back."
    if held:
        given = f"Personal values {' and '.join(held)} were held back by the exporter and are empty."
    title = f"Activity log of {statement.clinic_name}"
    return _TEXT.format(
        title=f"{title}\n{'=' * len(title)}",
        what=about.format(first=statement.first_seq, last=statement.last_seq),
        clinic=f"{statement.clinic_name} ({statement.clinic})",
        rows=statement.rows,
        first=statement.first_seq,
        last=statement.last_seq,
        filter=textwrap.shorten(statement.filter_in_words, 2_000, placeholder=" …"),
        zone=statement.time_zone,
        origin=statement.log_origin,
        fingerprint=fingerprint(vkey),
        given=given,
    )
