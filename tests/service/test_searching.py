"""The search box: what its placeholder names is found, and a miss says how far back it looked and goes on."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from indelible.read import session as reading

# Searched in steps of so many entries.
STEP = 4


@pytest.fixture
def clinic(service):
    log = service.clinic()
    return log, service.client(service.user("owner", log)), service.fill(log, "Quim")


@pytest.fixture
def stepwise(monkeypatch):
    monkeypatch.setattr(reading, "SEARCH_LIMIT", STEP)
    monkeypatch.setattr(reading, "CHUNK", 2)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def rows(page: str) -> int:
    """How many entries a page lists, also those that a click's row folds up."""
    return page.count('hx-target="#panel"')


def searched(browser, clinic_id: str, words: str, page: str = "") -> str:
    answer = browser.get(f"/c/{clinic_id}/{page}?q={quote(words)}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def walk(browser, page: str, link: str) -> Iterator[str]:
    """The page, and those that its link of this text leads to, one after the other."""
    yield page
    while found := re.search(rf'href="([^"]+)"[^>]*>{link}</a>', page):
        answer = browser.get(html.unescape(found[1]))
        assert answer.status_code == 200
        yield (page := answer.content.decode())


@pytest.mark.parametrize(
    ("words", "least"),
    [("Ana", 6), ("ana quim", 6), ("Maria", 7), ("booking_Quim", 2), ("charge_Quim", 2), ("client_Quim", 6)],
)
def test_what_the_placeholder_names_is_found_without_a_search(clinic, stepwise, words, least):
    log, browser, _ = clinic
    page = searched(browser, log.clinic.id, words)
    assert rows(page) >= least
    assert "the texts of other entries were not searched" in text_of(page)
    link = re.search(r'href="([^"]+)">Search every text too', page)
    assert link is not None
    assert "in%3Atext" in link[1]


def test_the_form_keeps_that_every_text_is_searched(clinic):
    log, browser, _ = clinic
    answer = browser.get(f"/c/{log.clinic.id}/", {"words": "Ana in:text", "rest": ""})
    assert answer.status_code == 302
    page = browser.get(answer["Location"]).content.decode()
    assert "every text" in text_of(page)
    assert 'value="Ana in:text"' in page
    assert "not searched" not in text_of(page)


def test_a_miss_says_how_far_back_it_looked_and_goes_on_to_the_end(clinic, stepwise):
    log, browser, _ = clinic
    size, pages = log.size, list(walk(browser, searched(browser, log.clinic.id, "zzz-none"), "Search older entries"))
    assert len(pages) >= size // STEP
    for page in pages[:-1]:
        assert "Nothing matches" not in page
        assert "no such entry" not in page
        assert re.search(r"not in the next \d entries, back to \d+ \w+ 20\d\d", text_of(page))
    assert "Everything back to the beginning was looked at" in pages[-1]


def test_nothing_matches_where_everything_was_looked_at(clinic):
    log, browser, _ = clinic
    page = searched(browser, log.clinic.id, "zzz-none")
    assert "Nothing matches" in page
    assert "Search older entries" not in page


def test_a_name_none_of_whose_entries_fits_offers_the_texts(clinic):
    log, browser, _ = clinic
    page = searched(browser, log.clinic.id, "Ana category:settings")
    assert "Nothing matches" not in page
    assert "Search every text too" in page


def test_a_hit_far_back_is_reached_page_by_page(clinic, stepwise):
    log, browser, _ = clinic
    pages = list(walk(browser, searched(browser, log.clinic.id, '"created service"'), "Search older entries"))
    assert [rows(page) for page in pages if rows(page)] == [1]
    assert len(pages) > 1


def test_totals_go_on_further_back(clinic, stepwise):
    log, browser, _ = clinic
    first = searched(browser, log.clinic.id, "charge", "totals/")
    assert "back to" not in first  # four amounts at most: all were looked at
    for _ in range(4):
        log.record_document({"action": "charge.succeeded", "actor": {"kind": "staff", "id": "usr_desk"},
                             "target": {"kind": "charge", "id": "another"},
                             "context": {"amount_minor": 700, "currency": "EUR"}})  # fmt: skip
    pages = list(walk(browser, searched(browser, log.clinic.id, "charge", "totals/"), "Add up what is further back"))
    assert len(pages) == 2
    assert "Only of what was searched, back to" in text_of(pages[0])
    assert "back to the beginning" in text_of(pages[1])
    assert "€55.00" in text_of(pages[0]) + text_of(pages[1])


def test_the_export_counts_on_further_back(clinic, stepwise):
    log, browser, _ = clinic
    pages = list(walk(browser, searched(browser, log.clinic.id, "-zzz", "export/"), "Count further back"))
    assert "at least 4 entries" in text_of(pages[0])
    whole = re.search(r"(\d+) entries, exactly the list", text_of(pages[-1]))
    assert whole is not None
    assert log.size - 2 <= int(whole[1]) <= log.size  # the reading itself was recorded meanwhile


def test_the_chart_says_how_far_back_it_counted(clinic, stepwise):
    log, browser, _ = clinic
    assert re.search(r"searched back to \d+ \w+ 20\d\d only", text_of(searched(browser, log.clinic.id, "-zzz")))


def test_who_does_not_see_a_category_finds_nothing_of_it_by_a_name(service, clinic):
    log, _, _ = clinic
    browser = service.client(service.user("staff", log))
    shown = searched(browser, log.clinic.id, "Maria")
    assert rows(shown)
    assert "Logged in" not in text_of(shown)
