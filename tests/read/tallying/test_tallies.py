"""Tallies against a look at every entry that the list shows, on random small logs with random filters."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.format.canonical import LARGEST_INTEGER
from indelible.journal import Journal
from indelible.log import BATCH_LIMIT
from indelible.read import session as reading
from indelible.read.tallying import Counted, CurrencyTotal, Sum, by_period, count, per_day, totals
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import Clock, event, last_connection

SYSTEM = {"kind": "system", "reason": "job:x"}
MONEY = {
    "charge.succeeded": "in", "charge.refunded": "out", "charge.refund_failed": "out_undone", "charge.failed": "none"
}  # fmt: skip
# Words of a filter; those of one key mean "or", those of different keys "and".
FILTER = (
    *("actor:staff", "actor:client", "actor:system", "actor:usr_1", "actor:cli_1", "actor:stripe"),
    *("category:payments", "action:charge.refunded", "action:booking.cancelled", "client:cli_1", "client:cli_2"),
    *("about:ch_1", "about:cli_1", "target:ch_1", "stripe:ch_2", "from:2026-03-28", "to:2026-03-30"),
    *("cli_1", "late", "usr_2"),
)  # fmt: skip


def charge(action, amount, currency="EUR", **members):
    context = {"amount_minor": amount, "currency": currency}
    context |= {"source": "staff"} if action == "charge.refunded" else {}
    return event(action=action, context=context | members.pop("context", {}), request=None,
                 target={"kind": "charge", "id": "ch_1"}, **members)  # fmt: skip


@st.composite
def documents(draw):
    """A document of one of few people, about one of few things, on one of few days around a change of the clocks."""
    client = {"id": draw(st.sampled_from(("cli_1", "cli_2")))}
    members = {
        "actor": draw(st.sampled_from((
            {"kind": "staff", "id": "usr_1"}, {"kind": "staff", "id": "usr_2"}, {"kind": "client", **client}, SYSTEM,
            {"kind": "integration", "id": "stripe"},
        ))),
        "client": client,
        "occurred_at": f"2026-03-{draw(st.integers(27, 31))}T{draw(st.sampled_from(('00:30', '22:59', '23:30')))}:00Z",
    }  # fmt: skip
    if draw(st.booleans()):
        charged = draw(st.sampled_from(("ch_1", "ch_2")))
        return event(context={"charge": charged, "reason_text": draw(st.sampled_from(("late", "ill")))}, **members)
    action = draw(st.sampled_from(tuple(MONEY)))
    made = charge(action, draw(st.integers(0, 10**6)), draw(st.sampled_from(("EUR", "JPY"))), **members)
    made["target"]["id"] = draw(st.sampled_from(("ch_1", "ch_2")))
    if action == "charge.refunded" and draw(st.booleans()):
        made["context"]["charge"] = made["target"]["id"]  # one thing in two roles
    return made


@st.composite
def filters(draw):
    words = draw(st.lists(st.sampled_from(FILTER), max_size=4, unique=True))
    return " ".join(
        f"-{word}" if draw(st.booleans()) and not word.startswith(("from:", "to:")) else word for word in words
    )


def naive_days(views, zone, first, last):
    """The same as per_day, from what is shown: wall clocks of the zone."""
    found = Counter(view.local_time.astimezone(ZoneInfo(zone)).date() for view in views)
    return [(day, found[day]) for day in (first + timedelta(days=n) for n in range((last - first).days + 1))]


def naive_totals(views):
    sums: dict[str, dict[str, list[int]]] = {}
    for view in views:
        if view.money != "none":
            side, sign = ("out", -1) if view.action == "charge.refund_failed" else (view.money, 1)
            sums.setdefault(view.currency, {"in": [], "out": []})[side].append(sign * view.amount_minor)
    return [
        CurrencyTotal(code, *(Sum(len(sides[side]), sum(sides[side])) for side in ("in", "out")))
        for code, sides in sorted(sums.items())
    ]


def days_of(tally):
    return [(day.day, day.count) for day in tally.days]


@settings(max_examples=60)
@given(st.lists(documents(), max_size=25), st.lists(filters(), min_size=1, max_size=8), st.booleans(), st.data())
def test_tallies_are_what_a_look_at_every_entry_finds(docs, texts, moves, data):
    with TemporaryDirectory() as folder, Journal.create(Path(folder) / "a.db", clock=Clock()) as journal:
        last_connection(journal.store).execute("PRAGMA synchronous = OFF")
        log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
        log.append([log.draft(document.parse(doc)) for doc in docs])
        if moves:
            log.set_time_zone("Asia/Tokyo")
        first = date(2026, 3, data.draw(st.integers(25, 31)))
        last = first + timedelta(days=data.draw(st.integers(-1, 7)))
        up_to = data.draw(st.none() | st.integers(0, 30))
        for text in texts:
            wanted = log.reading().parse(text)
            views = list(log.read(wanted, up_to=up_to))
            counted = count(log.reading(up_to=up_to), wanted)
            assert (counted.entries, counted.whole, counted.reached) == (len(views), True, None), text
            days = per_day(log.reading(up_to=up_to), wanted, first=first, last=last)
            assert (days_of(days), days.whole) == (naive_days(views, log.state().zone, first, last), True), text
            summed = totals(log.reading(up_to=up_to), wanted)
            assert (list(summed.currencies), summed.whole) == (naive_totals(views), True), text
            spans = [(first + timedelta(days=n), first + timedelta(days=n + 1)) for n in range(0, 8, 3)]
            told = by_period(log.reading(up_to=up_to), wanted, spans)
            zone = ZoneInfo(log.state().zone)
            assert told.whole
            for (begin, end), period in zip(spans, told.periods, strict=True):
                within = [view for view in views if begin <= view.local_time.astimezone(zone).date() <= end]
                assert list(period.currencies) == naive_totals(within), (text, begin)


# Money


def test_money_counts_by_its_action_and_never_across_currencies(log):
    for doc in (
        charge("charge.succeeded", 5000), charge("charge.succeeded", 250), charge("charge.refunded", 1250),
        charge("charge.refund_failed", 50), charge("charge.failed", 9999), charge("charge.succeeded", 700, "JPY"),
        charge("charge.refunded", 900, "SEK"),
    ):  # fmt: skip
        log.record_document(doc)
    found = totals(log.reading(), log.reading().parse(""))
    assert list(found.currencies) == [
        CurrencyTotal("EUR", Sum(2, 5250), Sum(2, 1200)),
        CurrencyTotal("JPY", Sum(1, 700), Sum()),
        CurrencyTotal("SEK", Sum(), Sum(1, 900)),
    ]
    assert [one.net_minor for one in found.currencies] == [4050, 700, -900]
    assert totals(log.reading(), log.reading().parse("action:charge.failed")).currencies == []
    assert totals(log.reading(), log.reading().parse("category:bookings")).currencies == []


def test_an_empty_log_has_no_money_and_no_entries(log):
    assert totals(log.reading(), log.reading().parse("")).currencies == []
    assert count(log.reading(), log.reading().parse("")).entries == 0
    day = date(2026, 5, 3)
    assert days_of(per_day(log.reading(), log.reading().parse(""), first=day, last=day)) == [(day, 0)]


@pytest.mark.parametrize("text", ["", "about:ch_1", "usr_12"])
def test_a_sum_beyond_64_bits_is_exact(log, text):
    # One amount has at most 53 bits, so 1,025 of the largest leave what a database's integer holds.
    drafts = [log.draft(document.parse(charge("charge.succeeded", LARGEST_INTEGER))) for _ in range(1025)]
    assert len(drafts) <= BATCH_LIMIT
    log.append(drafts)
    (euro,) = totals(log.reading(), log.reading().parse(text)).currencies
    assert euro.money_in == Sum(1025, 1025 * LARGEST_INTEGER)
    assert euro.money_in.amount_minor > 2**63


def test_an_anonymized_clients_money_still_counts(log):
    log.record_document(charge("charge.succeeded", 5000))
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    assert totals(log.reading(), log.reading().parse("")).currencies == [CurrencyTotal("EUR", Sum(1, 5000), Sum())]
    assert totals(log.reading(), log.reading().parse("client:cli_77")).currencies == []


# Free words


@pytest.fixture
def long(log, monkeypatch):
    """Seven charges of 1, 2, 4 ... cents, one a day from 1 April; on odd days of a client of the name Oddly, whom the
    part "odd" of the name does not find by index."""
    monkeypatch.setattr(reading, "SEARCH_LIMIT", 4)
    for number in range(7):
        client = {"id": f"cli_{number}", "name": "Even" if number % 2 else "Oddly"}
        time = f"2026-04-0{number + 1}T10:00:00Z"
        log.record_document(charge("charge.succeeded", 2**number, client=client, occurred_at=time))
    return log


def test_with_free_words_tallies_say_how_far_they_came(long):
    wanted = long.reading().parse("odd")
    reached = long.entry(4).occurred_at
    counted, summed = count(long.reading(), wanted), totals(long.reading(), wanted)
    assert (counted.entries, counted.whole, counted.reached) == (2, False, reached)
    assert (summed.currencies, summed.whole, summed.reached) == (
        [CurrencyTotal("EUR", Sum(2, 2**6 + 2**4), Sum())], False, reached,
    )  # fmt: skip
    days = per_day(long.reading(), wanted, first=date(2026, 4, 1), last=date(2026, 4, 8))
    assert [day.count for day in days.days] == [0, 0, 0, 0, 1, 0, 1, 0]
    assert (days.whole, days.reached) == (False, reached)
    unwanted = count(long.reading(), long.reading().parse("-odd"))
    assert (unwanted.entries, unwanted.whole) == (2, False)


def test_a_tally_that_goes_on_is_bounded_as_it_was_when_it_began(long, monkeypatch):
    """Each part is asked for by another look at the page; what is imported meanwhile comes into none of them."""
    monkeypatch.setattr(reading, "SEARCH_LIMIT", 2)
    counted: list[Counted] = []
    while not counted or counted[-1].older is not None:
        session, after = long.reading(), counted[-1].older if counted else None
        counted.append(count(session, session.parse("odd"), after=after))
        late = {"client": {"id": "cli_0", "name": "Oddly"}, "occurred_at": f"2026-03-0{len(counted)}T10:00:00Z"}
        long.record_document(charge("charge.succeeded", 1_000, **late))
    assert [part.entries for part in counted] == [1, 1, 1, 1]


def test_right_at_the_limit_a_search_is_whole(long):
    counted = count(long.reading(), long.reading().parse("odd from:2026-04-04"))
    assert (counted.entries, counted.whole, counted.reached) == (2, True, None)


def test_a_chart_opens_only_what_its_days_have(long):
    days = per_day(long.reading(), long.reading().parse("odd"), first=date(2026, 4, 2), last=date(2026, 4, 5))
    assert [day.count for day in days.days] == [0, 1, 0, 1]
    assert days.whole
    narrowed = per_day(
        long.reading(), long.reading().parse("odd to:2026-04-03"), first=date(2026, 4, 2), last=date(2026, 4, 5)
    )
    assert [day.count for day in narrowed.days] == [0, 1, 0, 0]
    assert narrowed.whole


def test_without_free_words_the_limit_does_not_matter(long):
    assert (
        count(long.reading(), long.reading().parse("")).entries,
        count(long.reading(), long.reading().parse("")).whole,
    ) == (7, True)
    assert totals(long.reading(), long.reading().parse("")).currencies == [CurrencyTotal("EUR", Sum(7, 127), Sum())]
