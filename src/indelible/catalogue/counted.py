"""Templates that speak of a number of things, and what they are when there is one.

    ONE["{sessions_total} sessions"]      One("sessions_total", "{sessions_total} session")

A template is declared as it reads for several. Both forms make one message, as gettext has it, so that a language with
other plurals has its own. A test finds the templates that are missing here.
"""

from __future__ import annotations

from typing import NamedTuple


class One(NamedTuple):
    """The field whose number decides, and the template when it is 1."""

    name: str
    text: str


ONE: dict[str, One] = {
    "{sessions_total} sessions of {service_name}": One("sessions_total", "{sessions_total} session of {service_name}"),
    "{sessions_total} sessions": One("sessions_total", "{sessions_total} session"),
    "{sessions_total} sessions for {price_minor}": One("sessions_total", "{sessions_total} session for {price_minor}"),
    "{sessions_left} of {sessions_total} sessions left": One(
        "sessions_total", "{sessions_left} of {sessions_total} session left"
    ),
    "{sessions_left} sessions left": One("sessions_left", "{sessions_left} session left"),
    "{sessions_lost} of {sessions_total} sessions lost": One(
        "sessions_total", "{sessions_lost} of {sessions_total} session lost"
    ),
    "{sessions_lost} sessions lost": One("sessions_lost", "{sessions_lost} session lost"),
    "valid for {validity_days} days": One("validity_days", "valid for {validity_days} day"),
    "{actor} awarded {points} points to {target}": One("points", "{actor} awarded {points} point to {target}"),
    "awarded {points} points": One("points", "awarded {points} point"),
    "{balance_after} points now": One("balance_after", "{balance_after} point now"),
    "{actor} redeemed {points} points of {target}": One("points", "{actor} redeemed {points} point of {target}"),
    "redeemed {points} points": One("points", "redeemed {points} point"),
    "took back {-points} points": One("points", "took back {-points} point"),
    "gave {points} points": One("points", "gave {points} point"),
    "{points} points": One("points", "{points} point"),
    "{rows} changes in table {table}": One("rows", "{rows} change in table {table}"),
    "{cost_points} points": One("cost_points", "{cost_points} point"),
    "on {entries} entries": One("entries", "on {entries} entry"),
    "{actor} noticed {rows} changes in table {table} outside the application": One(
        "rows", "{actor} noticed {rows} change in table {table} outside the application"
    ),
    "{actor} sent a letter about the activity log to {recipients} people": One(
        "recipients", "{actor} sent a letter about the activity log to {recipients} person"
    ),
    "noticed {rows} changes in table {table}": One("rows", "noticed {rows} change in table {table}"),
}
# A length of time, and what stands behind a cut list.
DAYS = ("{count} day", "{count} days")


def english(one: str, several: str, count: int) -> str:
    """Return the English form for a count."""
    return one if count == 1 else several
