"""The sieve never holds back an entry that has the words: over the demo's entries, hostile texts and hostile words."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible import Action, Journal, demo
from indelible.catalogue.action import _REGISTER
from indelible.catalogue.fields import Amount, Changed, Currency, Instant, Name, Number, Personal, Word, Words
from indelible.errors import InvalidInput
from indelible.format import money
from indelible.manage.inspection import inspect
from indelible.read import searching
from indelible.read.matching import fold, pattern
from indelible.read.searching import Search, amounts, searchable
from indelible.read.sieve import Raw, Sieve
from indelible.read.tallying import count, per_day, totals
from indelible.read.view import Opening, unseal
from indelible.record.document import Staff
from indelible.testing.logs import Clock, event

# Sentences whose edges touch what they print, join two numbers, or print what JSON has in another form.
SENTENCES = {
    "vat.glued": "pre{actor}mi d{target}post {word}s",
    "vat.joined": "{target} {points} ({amount})/{word} 7 {actor}",
    "vat.closed": "{actor}{target}",
    "vat.listed": "{actor} listed {words} of {target}",
    "vat.timed": "{actor} moved {target} from {starts_at.old} to {starts_at.new} for {fee_minor}",
    "vat.dotted": "{actor} at {target}.{word},{points}",
    "vat.named": "{actor} has {word}'s {target}",
}
WHEN = datetime(2026, 5, 4, 22, 30, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def declared():
    made = [
        type("Vat", (Action,), {
            "__annotations__": {
                "word": Word, "words": Words, "points": Number, "amount_minor": Amount, "fee_minor": Amount,
                "currency": Currency, "starts_at": Changed[Instant], "name": Annotated[Name, Personal("identity")],
            },
            "__module__": __name__,
        }, code=code, label="Vat b", category="services", targets=("vat",), sentence=sentence)
        for code, sentence in SENTENCES.items()
    ]  # fmt: skip
    yield
    assert {one.__name__ for one in made} == {"Vat"}
    for code in SENTENCES:
        del _REGISTER[code]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    clock = Clock()
    with Journal.create(tmp_path_factory.mktemp("sieve") / "activity.db", clock=clock) as journal:
        log = journal.add_clinic("c", name="Lisbon", zone="Europe/Lisbon")
        for one in islice(demo.make_documents(1, start=date(2025, 3, 3)), 700):
            log.record_document(one)
        gone = next(view.client["id"] for view in log.read("category:bookings") if view.client)
        log.anonymize(gone, requested_by="client", actor=Staff("usr_1"))
        yield log
        assert inspect(log).result == "intact"


@pytest.fixture(scope="module")
def entries(log):
    """Some entries of each action, as they are on their way to a view, and the views."""
    session = log.reading()
    opening = session._opening()
    found = []
    seen: Counter[str] = Counter()
    for row in session.stored(session.seek("").selection, None, 1000):
        if seen[row.action] < 4:
            seen[row.action] += 1
            unsealed = unseal(row, session.sealer)
            found.append((unsealed, opening.view(unsealed)))
    return found


def held_back(entries, word):
    """The entries that have the word and do not pass the sieve."""
    looked_for, sieve = pattern(word), Sieve(pattern(word))
    return [
        (view.seq, searchable(view))
        for unsealed, view in entries
        if not sieve.passes(Raw(unsealed)) and looked_for.occurs(fold(searchable(view)), partial(amounts, view))
    ]


def is_word(text):
    return len(fold(text).replace(" ", "")) > 1 and "\0" not in text


# Which text of an entry, where in it, how much of it, written how.
CHOICES = st.tuples(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([2, 3, 4, 5, 7, 9, 12, 20, 40]),
                    st.integers(0, 3))  # fmt: skip


def chosen(view, choice):
    """A word that is, most often, in the entry: a part of its texts, as they are or folded, an amount, a number."""
    which, where, length, how = choice
    whole = searchable(view)
    texts = [whole, fold(whole), *whole.split("\0"), view.sentence, fold(view.sentence)]
    for value, currency in sorted(amounts(view)):
        texts += [str(value), f"{value:f}".replace(".", ","), f"{value:.2f}", f"€{value}", f"{value} {currency}"]
    text = texts[which % len(texts)]
    first = where % max(1, len(text) - 1)
    part = text[first : first + length].replace("\0", "")
    return [part, part.upper(), part.replace("-", " "), part.replace(" ", "")][how]


@given(st.integers(0, 10_000), CHOICES)
@settings(max_examples=250)
def test_of_the_demos_entries_none_that_has_a_word_is_held_back(entries, which, choice):
    word = chosen(entries[which % len(entries)][1], choice)
    assert not is_word(word) or held_back(entries, word) == []


HOSTILE = [
    "anonymous", "anonymous client", "unknown staff", "an unknown", "System", "late cancel", "policy", "safari",
    "on iphone", "00", "05", "30.00", "30,00", "0.05", "€30", "30 EUR", "1.000", "000", "true", "false", "null", "none",
    '"', '\\"', "\\n", "\\u0041", "{}", "[]", "n", "mi", "cancelled reservation", "d reservation", "reservation bk",
    "a booking", "loyalty account", "no show", "no_show", "no-show", "2026-05", "09:00", "2026050409", "123456",
    "198.51.100.", "198.51.100.0/24", "10.0.0.0/7", "0.0.0.0/0", "::1", "2001:db8::/32", "2001:", "--", "ﬁ", "½", "²",
    "ß", "İ", "́́", "..", ", for", "for ana", "somebody", "thing", "17b", "7 maria", "t17", "emid", "m, for", "—",
]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_no_hostile_word_holds_back_what_has_it(entries, word):
    assert held_back(entries, word) == []


TEXTS = st.text(
    st.one_of(
        st.sampled_from(
            "aAbs012379 '`\"\\/\t\n\r\x1c\x7f\u0085\u00a0\u200b\u00ad.,:;+-–−()€$_éÉßıİﬁ½²０９．’“”\u0301\u2028Ана中"
        ),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    min_size=1,
    max_size=24,
)
NAMES = st.one_of(TEXTS, st.sampled_from(["0030", "912\t345 678", "198.51.100.7", "2001:db8::1", "5", "3.30", "s"]))
AGENTS = st.sampled_from([
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:126.0) Gecko/20100101 Firefox/126.0", "198.51.100.9 \"quoted\"",
])  # fmt: skip
WORDLIKE = st.from_regex(r"[a-z0-9]([a-z0-9 _.-]{0,8}[a-z0-9])?", fullmatch=True)


@st.composite
def documents(draw):
    client = draw(st.sampled_from([None, {"id": "cli_1"}, {"id": "cli_2", "name": draw(NAMES)}]))
    actor = draw(st.sampled_from([
        {"kind": "staff", "id": "usr_1", "name": draw(NAMES)}, {"kind": "system", "reason": "policy:late-cancel"},
        {"kind": "agent", "id": "bot-7", "name": "Bot 12", "on_behalf_of": {"kind": "client", "id": "cli_3"}},
        {"kind": "integration", "id": "stripe"},
    ]))  # fmt: skip
    request = {"channel": "staff_web", "ip": draw(st.sampled_from(["198.51.100.7", "2001:db8::1"])),
               "user_agent": draw(AGENTS)}  # fmt: skip
    members = {"actor": actor, "client": client, "request": request}
    if draw(st.booleans()):
        return event(1, context={"reason_text": draw(TEXTS)}, **members)
    minor = draw(st.sampled_from([5, 0, 30, 3000, 123_456_789, 1_000_050]))
    fee = draw(st.sampled_from([5, 7777, 100_000]))
    zone = timedelta(hours=draw(st.integers(-3, 3)))
    context = {
        "word": draw(WORDLIKE), "words": [draw(WORDLIKE), draw(WORDLIKE)], "points": draw(st.integers(-50, 2_000_000)),
        "amount_minor": minor, "fee_minor": fee, "currency": draw(st.sampled_from(["EUR", "JPY", "BHD", "UYW"])),
        "starts_at": {"old": WHEN.isoformat(), "new": (WHEN + zone).isoformat()}, "name": draw(NAMES),
    }  # fmt: skip
    target = {"kind": "vat", "id": draw(st.sampled_from(["vat_1", "12 345", "198.51", "9"]))}
    return event(1, action=draw(st.sampled_from(sorted(SENTENCES))), target=target, context=context, **members)


def recorded(log, document):
    """Record a document; return its entry on the way to a view, and the view."""
    seq = log.record_document(document).seq
    session = log.reading()
    (row,) = session._rows.entries(seq - 1, seq)
    unsealed = unseal(row, session.sealer)
    return unsealed, Opening(session.sealer, session._erasures, session.zone).view(unsealed)


@given(documents(), st.lists(CHOICES, min_size=8, max_size=8))
@settings(max_examples=200)
def test_however_a_text_is_written_it_is_not_held_back(log, document, choices):
    try:
        made = recorded(log, document)
    except InvalidInput:  # a text of nothing but white space, or with what no log takes
        return
    for word in [*(chosen(made[1], choice) for choice in choices), *HOSTILE]:
        assert not is_word(word) or held_back([made], word) == [], word


def vat(code, target="vat_1", name="Zoe", **context):
    context = {"word": "w", "words": ["w"], "points": 1, "amount_minor": 5, "fee_minor": 7, "currency": "EUR",
               "starts_at": {"old": WHEN.isoformat(), "new": WHEN.isoformat()}, "name": "N"} | context  # fmt: skip
    return event(action=code, target={"kind": "vat", "id": target}, context=context, client=None,
                 actor={"kind": "staff", "id": "usr_1", "name": name})  # fmt: skip


NEGATIVE = [{"field": "balance_minor", "old": -3000, "new": 0, "currency": "EUR"}]


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (event(context={"reason_text": "O'Neill rang"}), "oneill"),
        (event(context={"reason_text": "912\t345 678"}), "912345678"),
        (event(context={"reason_text": "call 912 345 678"}), "912345678"),
        (event(action="service.edited", target={"kind": "service", "id": "s"}, context={"changes": NEGATIVE}), "30,00"),
        (event(), "web view"),
        (vat("vat.glued", name="Zoe"), "prezoe"),
        (vat("vat.glued", word="cloud"), "clouds"),
        (vat("vat.glued", name="Zoe"), "zoemi"),
        (vat("vat.joined", target="12 345", points=678), "12345678"),
        (vat("vat.joined", amount_minor=5), ".05"),
        (vat("vat.dotted", target="198.51.100", word="12"), "198.51.100.12"),
        (vat("vat.dotted", word="a 12", points=50), "12,50"),
        (vat("vat.timed"), "23:30"),
        (vat("vat.timed"), "2026050423"),
        (vat("vat.timed", fee_minor=7), "0.07"),
        (vat("vat.listed", words=["one", "two"]), "one', 'two"),
        (vat("vat.named", word="Vats"), "vatss vat_1"),
    ],
)
def test_what_is_put_together_is_found(log, document, word):
    made = recorded(log, document)
    assert pattern(word).occurs(fold(searchable(made[1])), lambda: amounts(made[1]))
    assert held_back([made], word) == []


@pytest.mark.parametrize(
    ("code", "word", "passes"),
    [
        ("vat.timed", "23:30", True),
        ("vat.timed", "2026050423", True),
        ("vat.named", "23:30", False),
        ("vat.joined", ".05", True),
        ("vat.joined", ".50", False),
        ("vat.named", ".05", False),
        ("vat.joined", "12345678", True),
        ("vat.named", "12345678", False),
        ("vat.dotted", "198.51.100.12", True),
        ("vat.named", "198.51.100.12", False),
        ("vat.dotted", "12,50", True),
        ("vat.named", "anonymous", True),
        ("vat.named", "vat b", True),
        ("vat.named", "zvat", False),
        ("vat.glued", "zvat", False),
        ("vat.glued", "zpost", True),
        ("vat.glued", "postz", False),
    ],
)
def test_what_an_action_says_need_not_be_in_the_bytes(log, code, word, passes):
    raw = Raw(recorded(log, vat(code))[0])
    raw.text = b""
    assert Sieve(pattern(word)).passes(raw) is passes


def test_most_entries_are_held_back(entries):
    for word in ("nowhere-at-all", "912999111", "77,77", "203.0.113.250"):
        sieve = Sieve(pattern(word))
        assert sum(sieve.passes(Raw(unsealed)) for unsealed, _ in entries) < len(entries) / 10


def test_a_body_with_letters_by_their_numbers_is_looked_into(log):
    unsealed, view = recorded(log, event(context={"late": True}, operation="needle"))
    body = unsealed.row.body.replace(b"needle", b"\\u006eeedle")
    assert held_back([(unsealed._replace(row=unsealed.row._replace(body=body)), view)], "needle") == []


@pytest.mark.parametrize("words", ["bk_9 in:text", "cancelled in:text", "-cancelled", "an in:text -ana",
                                   "30.00 in:text", "zzyzx", "anonymous", "charge refunded in:text"])  # fmt: skip
def test_list_count_chart_and_totals_are_those_of_every_entry_opened(log, words):
    session = log.reading()
    sought, has = session.seek(words), session.seek(words).words.test()
    hits = [view for view in session.views(sought.selection) if has(view)]
    wanted = session.parse(words)
    days = [view.local_time.date() for view in hits] or [date(2025, 3, 3)]
    assert [view.seq for view in session.read(wanted)] == [view.seq for view in hits]
    assert [view.seq for view in log.reading().read(wanted)] == [view.seq for view in hits]
    assert count(session, wanted).entries == len(hits)
    chart = per_day(session, wanted, first=max(min(days), date(2020, 1, 1)), last=max(days))
    assert sum(day.count for day in chart.days) == len(hits)
    effects = dict.fromkeys(("in", "out"), 0)
    for view in hits:
        side, sign = money.EFFECTS[view.money]
        if view.amount_minor is not None and view.currency == "EUR" and side:
            effects[side] += sign * view.amount_minor
    summed = {one.currency: one for one in totals(session, wanted).currencies}
    euros = summed.get("EUR")
    assert (
        (euros.money_in.amount_minor, euros.money_out.amount_minor) == tuple(effects.values())
        if euros
        else not any(effects.values())
    )


@pytest.fixture
def opened(monkeypatch):
    """The numbers of the entries that were opened, and of those that were made a view."""
    found: tuple[list[int], list[int]] = ([], [])
    original, view = unseal, Opening.view

    def unsealed(row, sealer):
        found[0].append(row.seq)
        return original(row, sealer)

    def viewed(self, unsealed):
        found[1].append(unsealed.row.seq)
        return view(self, unsealed)

    monkeypatch.setattr(searching, "unseal", unsealed)
    monkeypatch.setattr(Opening, "view", viewed)
    return found


def test_chart_and_totals_open_nothing_that_the_list_has_tested(log, opened):
    session = log.reading()
    wanted = session.parse("no show in:text")
    hits = {view.seq for view in session.read(wanted)}
    assert hits
    assert len(opened[0]) == len(set(opened[0])) == session.size
    assert hits <= set(opened[1])
    assert len(opened[1]) < session.size / 2
    opened[0].clear()
    per_day(session, session.parse("no show in:text category:bookings"), first=date(2025, 3, 3), last=date(2025, 4, 3))
    totals(session, wanted)
    assert count(session, wanted).entries == len(hits)
    assert opened[0] == []
    assert {view.seq for view in session.page(wanted, limit=5).views} <= hits
    assert set(opened[0]) <= hits


def test_no_more_is_remembered_than_the_limit(log):
    session = log.reading()
    search = Search(session.seek("cancelled in:text").words, 3)
    opening = session._opening()
    rows = session.stored(session.seek("").selection, None, 10)
    assert [search.has(row, opening) for row in rows] == [search.has(row, opening) for row in rows]
    assert len(search._known) == 3
