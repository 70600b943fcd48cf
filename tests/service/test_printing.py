"""Paper: all rows of a filter up to a limit that is said, who printed it, the log's fingerprint, what is recorded."""

from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

MINUS = "\u2212"
ANA = {"kind": "client", "id": "cli_1", "name": "Ana Sousa"}


@pytest.fixture
def printing(service):
    from indelible.service.web.pages import printing

    return printing


@pytest.fixture
def log(service):
    made = service.clinic("Clínica <Estrela>")
    for number in range(1, 8):
        made.record_document({
            "action": "charge.succeeded" if number % 2 else "charge.refunded", "actor": ANA,
            "target": {"kind": "charge", "id": f"ch_{number}"}, "occurred_at": f"2026-05-0{number}T09:00:00Z",
            "context": {"amount_minor": 100 * number, "currency": "EUR"} | ({} if number % 2 else {"source": "staff"}),
        })  # fmt: skip
    made.checkpoint()
    return made


@pytest.fixture
def owner(service, log):
    return service.client(service.user("owner", log, name="Olga Owner"))


def words(text):
    return " ".join(html.unescape(strip_tags(text.replace("><", "> <"))).replace("\u00a0", " ").split())


def printed(browser, log, query=""):
    answer = browser.get(reverse("print_list", args=[log.clinic.id]), {"q": query} if query else {})
    assert answer.status_code == 200
    return answer.content.decode()


def seqs(text):
    return [int(one) for one in re.findall(r'<td class="number">(\d+)</td>', text)]


def test_a_printed_list_has_every_row_of_the_filter_with_its_money(log, owner):
    text = printed(owner, log, "action:charge.refunded")
    assert seqs(text) == [6, 4, 2]
    assert "3, all that match" in words(text)
    assert "Filter What: Refunded charge" in words(text)
    assert re.findall(r'<td class="amount">([^<]*)</td>', text) == [f"{MINUS}€6.00", f"{MINUS}€4.00", f"{MINUS}€2.00"]
    assert re.findall(r'<td class="amount">([^<]*)</td>', printed(owner, log, "ch_7")) == ["+€7.00"]


def test_a_list_is_not_cut_at_a_page_of_the_screen(log, owner, printing):
    for number in range(8, 8 + printing.PAGE_LIMIT + 5):
        log.record_document({"action": "client.created", "actor": {"kind": "staff", "id": "usr_1"},
                             "target": {"kind": "client", "id": f"cli_{number}"}, "context": {}})  # fmt: skip
    assert len(seqs(printed(owner, log, "category:clients"))) == printing.PAGE_LIMIT + 5


def test_what_is_cut_is_said_with_how_many_there_are(log, owner, printing, monkeypatch):
    monkeypatch.setattr(printing, "ROWS_LIMIT", 3)
    text = printed(owner, log, "category:payments")
    assert seqs(text) == [7, 6, 5]
    assert "the newest 3 of 7: the others are not printed, export them" in words(text)
    assert "/export/?q=category%3Apayments" in text


def test_free_words_are_looked_for_no_further_than_in_a_list_and_it_says_so(log, owner, printing, monkeypatch):
    from indelible.read import session

    monkeypatch.setattr(session, "SEARCH_LIMIT", 3)
    monkeypatch.setattr(printing, "SEARCH_LIMIT", 3)
    text = words(printed(owner, log, "-category:log staff in:text"))
    assert "searched back to" in text


def test_paper_says_who_printed_it_when_and_the_signed_root(log, owner):
    checkpoint = log.reading().last_checkpoint()
    for text in (
        printed(owner, log),
        owner.get(reverse("print_story", args=[log.clinic.id, "charge", "ch_1"])).content.decode(),
        owner.get(reverse("story", args=[log.clinic.id, "charge", "ch_1"])).content.decode(),
    ):
        head = words(text[text.index('class="paper"') : text.index("<h1>")])
        assert "Clínica <Estrela>" in head
        assert "by Olga Owner (Owner), times in Europe/Lisbon" in head
        assert f"entries 1 to {checkpoint.size}, signed" in head
        digits = checkpoint.root.hex()
        assert " ".join(digits[at : at + 4] for at in range(0, 64, 4)) in head
        assert log.clinic.origin in head
        assert "<Estrela>" not in text


def test_a_log_of_which_nothing_is_signed_says_so(service, monkeypatch):
    from indelible.read.session import Session

    monkeypatch.setattr(Session, "last_checkpoint", lambda session: None)
    log = service.clinic()
    owner = service.client(service.user("owner", log))
    assert "nothing is signed yet" in words(printed(owner, log))
    assert "No entry matches." in words(printed(owner, log, "category:payments"))


def test_each_printing_of_a_list_is_recorded_with_its_filter(log, owner):
    printed(owner, log, "category:payments")
    printed(owner, log, "client:cli_1")
    views = [view.context.get("filter") for view in log.read("action:log.viewed")]
    assert views == ["client:mentioned", "category:payments"]


def test_who_may_not_export_prints_no_list_and_every_story_that_they_may_read(service, log):
    staff = service.client(service.user("staff", log))
    assert staff.get(reverse("print_list", args=[log.clinic.id])).status_code == 403
    assert staff.get(reverse("print_story", args=[log.clinic.id, "charge", "ch_1"])).status_code == 200
    assert len(list(log.read("action:log.viewed"))) == 1


def test_a_filter_that_is_none_leads_back_to_where_it_is_mended(log, owner):
    answer = owner.get(reverse("print_list", args=[log.clinic.id]), {"q": "category:nothing"})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(reverse("activity", args=[log.clinic.id]))


def test_a_long_story_is_printed_from_its_newest_part_and_says_so(log, owner, printing, monkeypatch):
    monkeypatch.setattr(printing, "STORY_ROWS_LIMIT", 3)
    text = owner.get(reverse("print_story", args=[log.clinic.id, "client", "cli_1"])).content.decode()
    assert "the newest 3 of 7: the others are not printed" in words(text)
    assert text.count('class="when"') == 3


def test_a_story_of_many_entries_is_printed_without_their_details_and_says_so(log, owner, printing, monkeypatch):
    address = reverse("print_story", args=[log.clinic.id, "client", "cli_1"])
    assert "<dt>Amount</dt>" in owner.get(address).content.decode()
    monkeypatch.setattr(printing, "DETAILED_LIMIT", 6)
    text = owner.get(address).content.decode()
    assert "7, the whole story; without the details of each" in words(text)
    assert "<dt>Amount</dt>" not in text
