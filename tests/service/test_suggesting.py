"""The search box's suggestions over HTTP: fragments of links that lead somewhere, for whoever may see them."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest

from indelible.record.document import Staff


@pytest.fixture
def clinic(service):
    log = service.clinic()
    return log, service.client(service.user("owner", log)), service.fill(log, "Quim")


def suggested(browser, log, text, **headers):
    answer = browser.get(f"/c/{log.clinic.id}/suggest/?q={quote(text)}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def options(fragment):
    """The options of the list, as (address, text)."""
    found = re.findall(r'<a [^>]*role="option"[^>]* href="([^"]+)"[^>]*>(.*?)</a>', fragment, re.DOTALL)
    words = re.compile(r"<[^>]+>")
    return [(html.unescape(address), " ".join(html.unescape(words.sub(" ", text)).split())) for address, text in found]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("an qu", "Ana Quim Client 6 entries"),
        ("mari", "Maria Quim Staff 8 entries"),
        ("booking_Quim", "booking_Quim Reservation 2 entries"),
        ("55", "€55.00 1 of the newest 3 with money"),
        ("cancelled r", "Cancelled reservation 1 entry"),
        ("loyal", "Loyalty Category 1 entry"),
        ("203.0.113.9", "203.0.113.9 Internet address"),
    ],
)
def test_each_suggestion_says_what_it_is_and_leads_to_its_entries(clinic, text, says):
    log, browser, _ = clinic
    found = options(suggested(browser, log, text))
    assert found[0][1] == says
    assert found[-1][1] == f"Search every text for “{text}”"
    for address, _ in found:
        assert browser.get(address).status_code == 200


def test_people_and_things_have_a_second_link_to_their_story(clinic):
    log, browser, ids = clinic
    fragment = suggested(browser, log, "an qu")
    assert [address for address, _ in options(fragment)][1] == f"/c/{log.clinic.id}/story/client/{ids['client']}/"
    assert "Story of Ana Quim" in fragment


def test_days_and_actions_are_understood_in_the_readers_language(clinic):
    log, browser, ids = clinic
    log.record_document({
        "action": "booking.created", "actor": {"kind": "staff", "id": "usr_desk"},
        "target": {"kind": "booking", "id": "bk_christmas"}, "client": {"id": ids["client"], "name": "Ana Quim"},
        "context": {"starts_at": "2099-12-24T15:30:00Z", "service_name": "Facial"},
    })  # fmt: skip
    for text in ("24 de dezembro de 2099", "24 dez 2099", "2099-12-24", "24/12/2099"):
        found = options(suggested(browser, log, text, accept_language="pt"))
        assert found[0][1].startswith("15:30 Facial, Ana Quim"), text
    assert "action%3Abooking.cancelled" in suggested(browser, log, "marc cancel", accept_language="pt")


@pytest.mark.parametrize("text", ["x" * 201, "ana\x00", "a\x07b", "\x1b[31m"])
def test_what_nobody_types_is_refused_in_one_sentence(clinic, text):
    log, browser, _ = clinic
    answer = browser.get(f"/c/{log.clinic.id}/suggest/", {"q": text})
    assert answer.status_code == 400
    assert re.fullmatch(r"q [^.\n]+\.", answer.content.decode())


@pytest.mark.parametrize(
    "text",
    ["", "a", '"', '"ana', "from:", "from:2026-99-99", "category:nothing ana", "-ana", "-", "%", "'; DROP", "\\", "(((",
     "12:30", "::1", "2001:db8::/32", "1e9", "99999999999999.99", "32/13", "0/0", "31 feb", "9999-12-31", "0001-01-01",
     "\u202eana", "\U0001f480", "ǅ" * 50, "client/", "/", "a" * 200, "actor:" + "b" * 190, "in:text"],
)  # fmt: skip
def test_anything_that_can_be_typed_is_answered(clinic, text):
    log, browser, _ = clinic
    for address, _ in options(suggested(browser, log, text)):
        assert browser.get(address).status_code in (200, 400)


def test_markup_in_a_name_is_text(service):
    log = service.clinic()
    browser = service.client(service.user("owner", log))
    name = '<img src=x onerror=alert(1)> "Eve" & {{ 7 }}'
    log.record_document({
        "action": "client.created", "actor": {"kind": "staff", "id": "usr_1", "name": "Maria"},
        "target": {"kind": "client", "id": "cli_1", "name": name}, "context": {"method": "staff"},
    })  # fmt: skip
    fragment = suggested(browser, log, "onerror")
    assert "<img" not in fragment
    assert html.escape(name, quote=False) in html.unescape(html.escape(fragment)).replace("&quot;", '"')
    page = browser.get(f"/c/{log.clinic.id}/?q=onerr").content.decode()
    assert "Did you mean" in page
    assert "<img" not in page


def test_a_role_is_suggested_only_what_it_sees(clinic, service):
    log, _, _ = clinic
    staff = service.client(service.user("staff", log))
    whole = options(suggested(clinic[1], log, "mari"))[0][1]
    assert options(suggested(staff, log, "mari"))[0][1] != whole  # sign-ins and settings are not counted
    assert len(options(suggested(clinic[1], log, "settings"))) == 3  # the category, its action, the search
    assert len(options(suggested(staff, log, "settings"))) == 1


def test_nobody_else_is_told_anything(clinic, service):
    log, _, _ = clinic
    assert service.client().get(f"/c/{log.clinic.id}/suggest/?q=ana").status_code == 302
    stranger = service.client(service.user("owner", service.clinic()))
    assert stranger.get(f"/c/{log.clinic.id}/suggest/?q=ana").status_code == 404


def test_who_was_anonymized_is_suggested_no_more(clinic):
    log, browser, ids = clinic
    assert "Ana Quim" in suggested(browser, log, "ana")
    log.anonymize(ids["client"], requested_by="client", actor=Staff("usr_desk"))
    assert "Ana Quim" not in suggested(browser, log, "ana")
    assert "Ana Quim" not in suggested(browser, log, "booking_Quim")


def test_people_of_one_name_are_told_apart_by_their_ids(service):
    log = service.clinic()
    browser = service.client(service.user("owner", log))
    for number in range(8):
        log.record_document({
            "action": "client.created", "actor": {"kind": "staff", "id": "usr_1", "name": "Maria"},
            "target": {"kind": "client", "id": f"cli_{number}", "name": "Ana Sousa"}, "context": {"method": "staff"},
        })  # fmt: skip
    fragment = suggested(browser, log, "ana so")
    assert len({text for _, text in options(fragment) if text.startswith("Ana Sousa Client cli_")}) == 6
    assert "6 of 8 who have such a name" in fragment


# Without a script


def test_where_words_are_looked_for_in_texts_the_list_says_what_may_be_meant(clinic):
    log, browser, ids = clinic
    page = browser.get(f"/c/{log.clinic.id}/?q=an+qui").content.decode()
    meant = page[page.index('<nav class="meant"') :]
    meant = meant[: meant.index("</nav>")]
    assert "Ana Quim" in meant
    assert f"story/client/{ids['client']}/" in meant


@pytest.mark.parametrize("words", ["Ana", "booking_Quim", "category:payments", "", "an in:text"])
def test_where_nothing_else_may_be_meant_nothing_is_asked(clinic, words):
    log, browser, _ = clinic
    assert "Did you mean" not in browser.get(f"/c/{log.clinic.id}/?q={quote(words)}").content.decode()


def test_that_somebody_reads_names_is_in_the_log(clinic):
    log, browser, _ = clinic
    before = len(list(log.read("action:log.viewed")))
    suggested(browser, log, "ana")
    suggested(browser, log, "ana q")
    viewed = list(log.read("action:log.viewed"))
    assert len(viewed) == before + 1
    assert "ana" not in str(viewed[0].context).lower()
