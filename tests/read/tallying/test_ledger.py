"""Money adds up: random lives of charges, told as docs/howto/money.md says, against a ledger that only knows the till.

A life is told as a host would: in the order in which its program hears of it, and with what it may send besides. The
sums of the log, and the plain sum of a CSV's column `amount`, are those of the ledger.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.export import csv_file
from indelible.format.money import exponent
from indelible.journal import Journal
from indelible.read.tallying import totals
from indelible.record import document
from indelible.testing.logs import Clock, event, last_connection

DAYS = ("2026-04-29", "2026-05-01", "2026-05-02")


class Moved(NamedTuple):
    """What the till knows of one entry: what came in, what went out, in minor units. A refund undone is less out."""

    document: dict[str, Any]
    came_in: int = 0
    went_out: int = 0


@st.composite
def lives(draw: st.DrawFn, number: int) -> list[Moved]:
    """The life of one charge: at the desk, online, or from an authorization; then refunds, some of which fail."""
    charge, currency = f"ch_{number}", draw(st.sampled_from(("EUR", "JPY", "KWD")))
    amount = draw(st.integers(1, 10**6))
    told: list[Moved] = []

    def tell(action: str, amount_minor: int, came_in: int = 0, went_out: int = 0, **context: Any) -> None:
        made = event(
            action=action,
            target={"kind": "charge", "id": charge},
            occurred_at=f"{draw(st.sampled_from(DAYS))}T10:00:00Z",
            context={"amount_minor": amount_minor, "currency": currency} | context,
        )
        told.append(Moved(made, came_in, went_out))

    for _ in range(draw(st.integers(0, 1))):
        tell("charge.failed", amount)
    if draw(st.booleans()):
        tell("deposit.authorized", amount)
        if draw(st.integers(0, 3)) == 0:
            tell("deposit.released", amount)
            return told
        taken = draw(st.integers(1, amount))
        # Of a capture a host tells the charge, and perhaps what became of the deposit, before or after.
        others = draw(st.sampled_from(((), ("before",), ("after",), ("before", "after"))))
        if "before" in others:
            tell("deposit.captured", taken, authorized_minor=amount)
        tell("charge.succeeded", taken, came_in=taken)
        if "after" in others:
            tell("deposit.captured", taken)
        if taken < amount and draw(st.booleans()):
            tell("deposit.released", amount - taken)
    else:
        taken = amount
        tell("charge.succeeded", taken, came_in=taken, method=draw(st.sampled_from(("card", "cash", "transfer"))))
    left, refunds = taken, draw(st.integers(0, 3))
    for refund in range(refunds):
        if left == 0:
            break
        back = draw(st.integers(1, left))
        left -= back
        source = draw(st.sampled_from(("staff", "policy", "stripe_dashboard", "stripe")))
        tell("charge.refunded", back, went_out=back, source=source, refund=f"re_{number}_{refund}")
        if draw(st.booleans()):
            left += back
            tell("charge.refund_failed", back, went_out=-back, refund=f"re_{number}_{refund}")
    return told


@st.composite
def years(draw: st.DrawFn) -> list[Moved]:
    """Some lives, told one beside another in any order that keeps each."""
    waiting = [draw(lives(number)) for number in range(draw(st.integers(1, 6)))]
    told = []
    while waiting:
        life = draw(st.sampled_from(waiting))
        told.append(life.pop(0))
        waiting = [one for one in waiting if one]
    return told


FILTERS = {
    "": lambda moved: True,
    "from:2026-05-01": lambda moved: moved.document["occurred_at"] >= "2026-05-01",
    "action:charge.refund_failed": lambda moved: moved.document["action"] == "charge.refund_failed",
    "-action:charge.succeeded": lambda moved: moved.document["action"] != "charge.succeeded",
    "about:charge/ch_0": lambda moved: moved.document["target"]["id"] == "ch_0",
    "maria": lambda moved: True,
}


@settings(max_examples=80, deadline=None)
@given(years())
def test_sums_of_the_log_are_those_of_the_till(told: list[Moved]):
    with TemporaryDirectory() as folder, Journal.create(Path(folder) / "a.db", clock=Clock()) as journal:
        last_connection(journal.store).execute("PRAGMA synchronous = OFF")
        log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
        log.append([log.draft(document.parse(moved.document)) for moved in told])
        for text, means in FILTERS.items():
            sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
            for moved in told:
                if means(moved):
                    side = sums[moved.document["context"]["currency"]]
                    side[0] += moved.came_in
                    side[1] += moved.went_out
            found = {
                one.currency: [one.money_in.amount_minor, one.money_out.amount_minor]
                for one in totals(log.reading(), log.reading().parse(text)).currencies
            }
            assert found == {code: side for code, side in sums.items() if code in found}, text
            assert all(code in found for code, side in sums.items() if side != [0, 0]), text
            assert all(one.net_minor == sums[one.currency][0] - sums[one.currency][1]
                       for one in totals(log.reading(), log.reading().parse(text)).currencies)  # fmt: skip
            assert added_up(log.read(text)) == {
                code: Decimal(side[0] - side[1]).scaleb(-exponent(code)) for code, side in sums.items() if code in found
            }, text


def added_up(views: Any) -> dict[str, Decimal]:
    """What a spreadsheet makes of an export: the plain sum of `amount` by currency, where `money` is not none."""
    file = b"".join(csv_file.rows(views, zone="Europe/Lisbon", bom=False))
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(file.decode(), newline="")):
        if row["money"] != "none":
            sums[row["currency"]] += Decimal(row["amount"])
    return sums


def test_a_refund_that_failed_is_not_income(log: Any):
    for moved in (("charge.succeeded", 5000, {}), ("charge.refunded", 2000, {"source": "staff"}),
                  ("charge.refund_failed", 2000, {})):  # fmt: skip
        action, amount, more = moved
        log.record_document(event(action=action, target={"kind": "charge", "id": "ch_1"},
                                  context={"amount_minor": amount, "currency": "EUR"} | more))  # fmt: skip
    (euro,) = totals(log.reading(), log.reading().parse("")).currencies
    assert (euro.money_in.amount_minor, euro.money_out.amount_minor, euro.net_minor) == (5000, 0, 5000)
    (euro,) = totals(log.reading(), log.reading().parse("action:charge.refund_failed")).currencies
    assert (euro.money_in.amount_minor, euro.money_out.amount_minor, euro.net_minor) == (0, -2000, 2000)


def test_a_deposit_counts_once_whatever_is_sent_of_it_and_in_which_order(log: Any):
    for action in ("deposit.captured", "charge.succeeded", "deposit.captured"):
        log.record_document(event(action=action, target={"kind": "charge", "id": "ch_1"},
                                  context={"amount_minor": 3000, "currency": "EUR"}))  # fmt: skip
    (euro,) = totals(log.reading(), log.reading().parse("")).currencies
    assert euro.money_in.amount_minor == 3000
