"""A story's page: its answer and what belongs to it above, long ones in pages, what was deleted as it was on offer."""

from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

MARIA = {"kind": "staff", "id": "usr_1", "name": "Maria Fernandes", "role": "receptionist"}
ANA = {"kind": "client", "id": "cli_1", "name": "Ana Sousa"}


@pytest.fixture
def pages(service):
    from indelible.service.web.pages import story

    return story


@pytest.fixture
def log(service):
    return service.clinic()


@pytest.fixture
def owner(service, log):
    return service.client(service.user("owner", log))


def words(text):
    return " ".join(html.unescape(strip_tags(text.replace("><", "> <"))).replace("\u00a0", " ").split())


def page(browser, log, kind, thing, status=200, **query):
    answer = browser.get(reverse("story", args=[log.clinic.id, kind, thing]), query)
    assert answer.status_code == status
    return answer.content.decode()


def numbers(log, text):
    """Which entries a page has, in its order; that the reader signed in is number 0."""
    return [log.reading().seq_of(one) - 1 for one in re.findall(r'<a class="when" href="[^"]*/entries/([^/]*)/"', text)]


def booked(log, number, hour=9, **members):
    return log.record_document({
        "action": "booking.created", "actor": ANA, "target": {"kind": "booking", "id": f"bk_{number}"},
        "occurred_at": f"2026-05-01T{hour:02}:00:00Z", "context": {"service": "srv_1", "service_name": "Facial"},
    } | members)  # fmt: skip


def link(text, rel):
    found = re.search(rf'<a class="button" href="([^"]*)" rel="{rel}"', text)
    return html.unescape(found[1]) if found else ""


def test_the_answer_comes_first_and_then_what_belongs_to_it(service, log, owner):
    booked(log, 1)
    log.record_document({
        "action": "charge.succeeded", "actor": ANA, "target": {"kind": "charge", "id": "ch_1"},
        "context": {"amount_minor": 4_500, "currency": "EUR", "booking": "bk_1"},
    })  # fmt: skip
    text = page(owner, log, "booking", "bk_1")
    head = text[text.index("<h1>") : text.index('<ol class="story">')]
    assert "Reserved by the client, Ana Sousa, 1 May 2026, 10:00; Facial; €45.00 paid." in words(head)
    for kind, thing, shown in (("client", "cli_1", "Ana Sousa"), ("service", "srv_1", "Facial"),
                               ("charge", "ch_1", "ch_1")):  # fmt: skip
        assert f'<a href="{reverse("story", args=[log.clinic.id, kind, thing])}">{shown}</a>' in head
    assert reverse("print_story", args=[log.clinic.id, "booking", "bk_1"]) in head
    assert "/export/?q=about%3Abooking%2Fbk_1" in head
    staff = page(service.client(service.user("staff", log)), log, "booking", "bk_1")
    assert "/export/" not in staff


def test_details_are_folded_and_there(log, owner):
    booked(log, 1)
    text = page(owner, log, "booking", "bk_1")
    assert '<details class="fields"><summary>' in text
    assert re.search(r"Details \d\d:\d\d:\d\d Service Facial \(srv_1\)", words(text))


def test_a_long_story_has_every_entry_once_on_its_pages_both_ways(log, owner, pages, monkeypatch):
    monkeypatch.setattr(pages, "AT_ONCE", 4)
    for number in range(10):
        booked(log, number, hour=9 + number // 3)  # three at each hour
    text = page(owner, log, "service", "srv_1")
    assert "4 of 10 entries, in order of time." in words(text)
    assert link(text, "next") == ""
    seen, texts = [numbers(log, text)], [text]
    while older := link(texts[-1], "prev"):
        texts.append(owner.get(older).content.decode())
        seen.append(numbers(log, texts[-1]))
    assert seen == [[7, 8, 9, 10], [3, 4, 5, 6], [1, 2]]
    back = [numbers(log, texts[-1])]
    text = texts[-1]
    while newer := link(text, "next"):
        text = owner.get(newer).content.decode()
        back.append(numbers(log, text))
    assert back == [[1, 2], [3, 4, 5, 6], [7, 8, 9, 10]]
    for text in texts:
        assert "Facial" in text


def test_a_story_longer_than_is_read_at_once_goes_on_all_the_same(log, owner, pages, monkeypatch):
    from indelible.read import story

    monkeypatch.setattr(story, "STORY_LIMIT", 5)
    monkeypatch.setattr(pages, "AT_ONCE", 3)
    for number in range(12):
        booked(log, number)
    text = page(owner, log, "client", "cli_1")
    seen: list[int] = []
    while True:
        assert "of more than" in words(text)
        seen = numbers(log, text) + seen
        if not (older := link(text, "prev")):
            break
        text = owner.get(older).content.decode()
    assert seen == list(range(1, 13))
    assert "Back to the newest" in text
    assert "Reservations: 12." in words(text)  # of the whole story, on whichever page


@pytest.mark.parametrize("place", ["x", "1.2", "1.2.3.4", "99.0.1", "9" * 40])
def test_a_place_that_is_none_is_a_sentence(log, owner, place):
    booked(log, 1)
    for name in ("before", "behind", "start"):
        assert "is not a place in the list" in page(owner, log, "booking", "bk_1", status=400, **{name: place})
    page(owner, log, "booking", "bk_1", status=404, before="1.1.1")


def test_a_deleted_service_reads_as_on_the_price_list(log, owner):
    kept = {"id": "srv_1", "name": "Facial <b>", "duration_minutes": 60, "price_minor": 5_500, "currency": "EUR",
            "description": "Cleans and calms.\nWith mask.", "online_bookable": True}  # fmt: skip
    deleted = log.record_document({
        "action": "service.deleted", "actor": MARIA, "target": {"kind": "service", "id": "srv_1", "name": "Facial"},
        "context": {"snapshot": kept},
    })  # fmt: skip
    entry = owner.get(reverse("entry", args=[log.clinic.id, deleted.id])).content.decode()
    for text in (page(owner, log, "service", "srv_1"), entry):
        assert "Facial <b> 1 h €55.00 Cleans and calms. With mask. Can be booked online yes" in words(
            text[text.index('class="priced"') - 3 : text.index("<pre id=")]
        )
        assert "<b>" not in text
        (copied,) = re.findall(r'<pre id="offer-text" hidden>(.*?)</pre>', text, re.DOTALL)
        assert html.unescape(copied).replace("\u00a0", " ").split("\n") == [
            "Facial <b>", "1 h", "€55.00", "Cleans and calms.", "With mask.", "Can be booked online: yes",
        ]  # fmt: skip
        assert '<details class="raw"><summary>As text, for a program</summary>' in text
        assert '"duration_minutes": 60' in html.unescape(text)
    row = owner.get(reverse("activity", args=[log.clinic.id]), {"q": "action:service.deleted"}).content.decode()
    assert "1 h, €55.00, Cleans and calms. With mask." in words(row)


@pytest.mark.parametrize(
    "kept", [{}, {"name": "Facial"}, {"price_minor": 5, "currency": "EUR", "name": None, "description": 7}]
)
def test_what_a_host_kept_little_of_is_shown_as_far_as_it_is_there(log, owner, kept):
    log.record_document({
        "action": "service.deleted", "actor": MARIA, "target": {"kind": "service", "id": "srv_1", "name": "Facial"},
        "context": {"snapshot": kept},
    })  # fmt: skip
    text = page(owner, log, "service", "srv_1")
    assert ("What it was when it was deleted" in text) is bool(kept)
    assert "Service deleted by Maria Fernandes (receptionist)" in words(text)


def test_what_a_role_does_not_see_is_in_no_answer(service, log):
    log.record_document({
        "action": "staff.invited", "actor": MARIA, "target": {"kind": "staff", "id": "usr_2", "name": "Rui"},
        "occurred_at": "2026-05-01T08:00:00Z", "context": {},
    })  # fmt: skip
    booked(log, 1, actor={"kind": "staff", "id": "usr_2", "name": "Rui"}, client={"id": "cli_1"})
    seen = words(page(service.client(service.user("manager", log)), log, "staff", "usr_2"))
    hidden = words(page(service.client(service.user("staff", log)), log, "staff", "usr_2"))
    assert "invited by Maria Fernandes" in seen
    assert "invited" not in hidden
    assert "In the log since 1 May 2026, 10:00" in hidden
