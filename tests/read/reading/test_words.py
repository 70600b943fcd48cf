"""Free words: what they find in an entry, and how far back a page looked for them."""

from __future__ import annotations

import pytest

from indelible.read import session as reading
from indelible.read.matching import fold
from indelible.read.session import Cursor
from indelible.record.document import Staff
from indelible.testing.logs import event

SYSTEM = {"kind": "system", "reason": "policy:late-cancel"}


def seqs(log, words):
    return [view.seq for view in log.read(words)]


@pytest.fixture
def filled(log):
    log.record_document(event(1, client={"id": "cli_1", "name": "Inês Gonçalves"}))
    log.record_document(
        event(2, client={"id": "cli_2", "name": "Jürgen Strauß"}, context={"reason_text": "ill, again"})
    )
    log.record_document(event(3, actor=SYSTEM, client=None, request=None, context={}, operation="op_5f2c"))
    log.record_document(
        event(action="service.deleted", target={"kind": "service", "id": "srv_9", "name": "Facial"}, client=None,
              request=None, context={"snapshot": {"price": {"tiers": [{"label": "Sunday Ænima"}]}, "minutes": 45}})
    )  # fmt: skip
    return log


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ines", [1]),
        ("INÊS", [1]),
        ("goncalves", [1]),
        ("Inés", [1]),
        ("i\u0302nes", [1]),
        ("jurgen", [2]),
        ("STRASSE", []),
        ("strauss", [2]),
        ('"ill, again"', [2]),
        ('"ill again"', []),
        ("again ill", [2]),
        ("again train", []),
        ("train", [1]),
        ("203.0.113.9", [2, 1]),
        ("iphone", [2, 1]),
        ("cli_2", [2]),
        ("bk_3", [3]),
        ("op_5f2c", [3]),
        ("sunday", [4]),
        ('"sunday aenima"', [4]),
        ("srv_9", [4]),
        ('"deleted service"', [4]),
        ('"cancelled reservation"', [3, 2, 1]),
        ("reservation -again", [3, 1]),
        ("-reservation", [4]),
        ("reservation -again -jurgen -ines", [3]),
        ("actor:system reservation", [3]),
        ("client:cli_1 jurgen", []),
        ("nothing-like-this", []),
    ],
)
def test_free_words_are_found_without_case_and_accents(filled, words, found):
    assert seqs(filled, words) == found
    page = filled.page(words)
    assert [view.seq for view in page.views] == found
    assert page.older is None


def test_an_entrys_own_id_is_found(filled):
    assert seqs(filled, filled.entry(3).id) == [3]


def test_a_word_that_was_erased_is_not_found(filled):
    filled.anonymize("cli_1", requested_by="client", actor=Staff("usr_1"))
    for words in ("ines", "train", "cli_1"):
        assert seqs(filled, words) == []
    assert [view.seq for view in filled.page("reservation").views] == [3, 2, 1]


@pytest.mark.parametrize("text", ["straße", "STRASSE", "Strasse"])
def test_folding_makes_spellings_one(text):
    assert fold(text) == "strasse"


def test_folding_a_long_text_is_the_same_as_a_short_one():
    assert fold("É" * 300) == "e" * 300
    assert fold("É" * 3) == "eee"


# How far back

LIMIT, CHUNK = 20, 4


@pytest.fixture
def long(log, monkeypatch):
    """A log of 50 entries; the word "needle" is in those that the test plants."""
    monkeypatch.setattr(reading, "SEARCH_LIMIT", LIMIT)
    monkeypatch.setattr(reading, "CHUNK", CHUNK)

    def fill(needles, count=50):
        for number in range(1, count + 1):
            text = "needle" if number in needles else "hay"
            log.record_document(
                event(number, context={"reason_text": text}, occurred_at=f"2026-05-01T10:00:{number:02}Z")
            )
        return log

    return fill


def walk(log, words, limit):
    """Every page: (numbers, searched, whether there is more)."""
    page, pages = log.page(words, limit=limit), []
    while True:
        pages.append(([view.seq for view in page.views], page.searched, page.older is not None))
        if page.older is None:
            return pages
        page = log.page(words, after=Cursor.decode(page.older.encode()), limit=limit)


def test_a_page_stops_at_the_search_limit_and_the_next_one_goes_on(long):
    assert walk(long({5}), "needle", 10) == [([], 20, True), ([], 20, True), ([5], 10, False)]


def test_a_page_stops_when_it_is_full_and_says_how_far_it_came(long):
    log = long({50, 49, 30, 29, 2})
    assert walk(log, "needle", 2) == [([50, 49], 2, True), ([30, 29], 20, True), ([], 20, True), ([2], 8, False)]
    page = log.page("needle", limit=2)
    assert page.searched_to == log.entry(49).occurred_at


@pytest.mark.parametrize("count", [19, 20, 21])
def test_right_at_the_search_limit_no_entry_is_left_out_or_doubled(long, count):
    log = long({1, count}, count)
    pages = walk(log, "needle", 5)
    assert [seq for numbers, _, _ in pages for seq in numbers] == [count, 1]
    assert sum(searched for _, searched, _ in pages) == count
    assert all(searched <= LIMIT for _, searched, _ in pages)
    assert pages[-1][2] is False


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("needles", [set(), {1}, {50}, set(range(1, 51)), {31, 30}, {*range(1, 51, 7)}])
def test_all_pages_together_are_the_list(long, needles, limit):
    log = long(needles)
    pages = walk(log, "needle", limit)
    assert [seq for numbers, _, _ in pages for seq in numbers] == sorted(needles, reverse=True)
    assert [view.seq for view in log.read("needle", limit=limit)] == sorted(needles, reverse=True)[:limit]


def test_without_free_words_nothing_is_searched(long):
    page = long({5}).page("category:bookings", limit=2)
    assert (page.searched, page.searched_to) == (0, None)


def test_a_search_of_an_empty_filter_range_looked_at_nothing(long):
    page = long({5}).page("category:payments needle")
    assert (page.views, page.older, page.searched, page.searched_to) == ([], None, 0, None)
