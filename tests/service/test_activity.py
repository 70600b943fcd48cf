"""What a row of the list says of itself, the same on every page: its clock, its marks, when the log took it."""

from __future__ import annotations

import logging
import re
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from indelible.catalogue import action, host
from indelible.format.instant import format as canonical

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def log(service):
    return service.clinic()


@pytest.fixture
def browser(service, log):
    made = service.client(service.user("owner", log))
    made.get(reverse("activity", args=[log.clinic.id]))  # that somebody read it is recorded once
    return made


def said(browser, name, log, *args, **query):
    page = browser.get(reverse(name, args=[log.clinic.id, *args]), query)
    assert page.status_code == 200
    return words(page.content.decode())


def words(html):
    return " ".join(strip_tags(html.replace("><", "> <")).split())


def rows(browser, name, log, *args, **query):
    """The text of each row of a table, or item of a story."""
    html = browser.get(reverse(name, args=[log.clinic.id, *args]), query).content.decode()
    found = re.findall(r'<(?:tr|li) class="(?:entry|signin)[^"]*">(.*?)</(?:tr|li)>', html, re.DOTALL)
    return [words(one) for one in found]


def booking(log, number=1, **members):
    return log.record_document({
        "action": "booking.created", "actor": {"kind": "staff", "id": "usr_1", "name": "Maria"},
        "target": {"kind": "booking", "id": f"bk_{number}"}, "client": {"id": "cli_1", "name": "Ana"},
    } | members)  # fmt: skip


def sign_in(log, agent=LINUX, ip="203.0.113.9"):
    return log.record_document({
        "action": "account.logged_in", "actor": {"kind": "staff", "id": "usr_1", "name": "Maria"},
        "target": {"kind": "staff", "id": "usr_1"}, "request": {"ip": ip, "user_agent": agent},
    })  # fmt: skip


def ago(**length):
    return canonical(round((datetime.now(UTC) - timedelta(**length)).timestamp() * 1_000_000))


def test_the_marks_of_a_sign_in_are_the_same_on_every_page_and_under_every_filter(browser, log):
    sign_in(log)
    stranger = sign_in(log, PHONE, "192.0.2.44")
    for _ in range(3):
        sign_in(log, PHONE, "192.0.2.44")  # what came behind it must not clear it
    pages = [
        ("sign_ins", [], {}), ("sign_ins", [], {"only": "sign-ins"}), ("sign_ins", [], {"person": "staff/usr_1"}),
        ("activity", [], {}), ("activity", [], {"q": "category:account"}),
        ("activity", [], {"q": f"recorded:#{stranger.seq}"}), ("story", ["staff", "usr_1"], {}),
    ]  # fmt: skip
    for name, args, query in pages:
        marked = ["new device new network" in row for row in rows(browser, name, log, *args, **query)]
        assert marked.count(True) == 1, (name, query)
    assert "new device new network" in said(browser, "entry", log, stranger.id)


def test_after_a_move_every_page_keeps_to_the_present_clock_and_says_what_the_clock_showed_then(browser, log):
    at = "2026-05-03T22:30:00Z"  # 3 May 23:30 in Lisbon, 4 May 07:30 in Tokyo
    seq = booking(log, occurred_at=at, context={"starts_at": "2026-05-04T08:00:00Z"})
    log.set_time_zone("Asia/Tokyo")
    later = booking(log, 2, occurred_at="2026-05-03T23:00:00Z", context={"starts_at": "2026-05-04T08:00:00Z"})
    (row,) = rows(browser, "activity", log, q="from:2026-05-04 to:2026-05-04 about:bk_1")
    assert row.startswith("07:30 ")
    assert "3 May 2026, 23:30 in Europe/Lisbon then" in row
    assert rows(browser, "activity", log, q="to:2026-05-03") == []
    page = said(browser, "activity", log, q="about:bk_1")
    assert "Monday 4 May 2026" in page or "Monday, 4 May 2026" in page
    assert "Sunday" not in page
    for name, args in (("entry", [seq.id]), ("story", ["booking", "bk_1"])):
        told = said(browser, name, log, *args)
        assert "07:30:00" in told
        assert "23:30 in Europe/Lisbon then" in told
        assert "09:00 +01:00" in told  # the booking's start, on the clock of the zone that it was made in
    told = said(browser, "entry", log, later.id)
    assert "then" not in told.split("What is proven")[0]
    assert "17:00" in told
    assert "+09:00" not in told.split("Begins")[1].split("What is proven")[0]


def test_another_zone_with_the_same_clock_has_nothing_to_say(browser, log):
    booking(log, occurred_at="2026-05-03T12:00:00Z", context={"starts_at": "2026-05-04T08:00:00Z"})
    log.set_time_zone("Europe/London")
    (row,) = rows(browser, "activity", log, q="about:bk_1")
    assert row.startswith("13:00 ")
    assert "then" not in row


def test_what_the_log_took_late_says_so_on_every_page_and_is_found_by_when_it_was_taken(browser, log):
    booking(log, 1)
    late = booking(log, 2, occurred_at=ago(days=3, minutes=1))
    booking(log, 3, occurred_at=ago(minutes=50))
    for name, args, query in (
        ("activity", [], {}), ("activity", [], {"q": "recorded:late"}), ("story", ["booking", "bk_2"], {}),
    ):  # fmt: skip
        marked = [row for row in rows(browser, name, log, *args, **query) if "recorded 3 days later" in row]
        assert len(marked) == 1
        assert "bk_2" in marked[0]
    assert len(rows(browser, "activity", log, q="recorded:late")) == 1
    today = canonical(log.clock())[:10]
    assert len(rows(browser, "activity", log, q=f"recorded:{today}..")) >= 3
    told = said(browser, "entry", log, late.id)
    assert "recorded 3 days later" in told
    assert "Recorded " in told
    assert "more than an hour after it happened" in said(browser, "activity", log, q="recorded:late")


def test_an_imported_entry_says_so(browser, log):
    from indelible.record.document import parse

    document = parse({
        "action": "booking.created", "actor": {"kind": "staff", "id": "usr_1"},
        "target": {"kind": "booking", "id": "bk_9"}, "occurred_at": "2019-05-03T12:00:00Z",
    })  # fmt: skip
    log.append([log.draft(document, imported=True)])
    (row,) = rows(browser, "activity", log, q="about:bk_9")
    assert "imported" in row
    assert "imported" in rows(browser, "story", log, "booking", "bk_9")[0]


def test_one_new_entry_leads_to_it_also_where_it_is_dated_back(browser, log):
    for number in range(1, 4):
        booking(log, number)

    def announced(since, q=""):
        page = browser.get(reverse("new", args=[log.clinic.id]), {"since": since, "q": q}).content.decode()
        return re.search(r'href="([^"]*)"', page)

    assert announced(log.size) is None
    size = log.size
    booking(log, 4)
    assert announced(size).group(1) == reverse("activity", args=[log.clinic.id])  # at the top of the list
    size = log.size
    booking(log, 5, occurred_at=ago(days=40))
    for q in ("", "category:bookings", "recorded:2020-01-01..", "recorded:late"):
        address = announced(size, q).group(1).replace("&amp;", "&")
        html = browser.get(address).content.decode()
        listed = re.findall(r'<tr class="entry[^"]*">(.*?)</tr>', html, re.DOTALL)
        assert len(listed) == 1 or q == "recorded:late", (q, address)
        assert "bk_5" in listed[0]
    assert f"from entry {size + 1} on" in said(browser, "activity", log, q=f"recorded:#{size + 1}..")


HOST = """
from indelible.catalogue import Action, name_category, name_kind

name_category("rooms", "Rooms and cabins")
name_kind("treatment_room", "Treatment cabin")


class RoomAired(
    Action, code="treatment_room.aired", label="Aired cabin", category="rooms", targets=("treatment_room",),
    sentence="{actor} aired cabin {target}",
):
    minutes_open: int | None = None


class PlantWatered(
    Action, code="plant.watered", label="Watered plant", category="green_things", targets=("plant",),
    sentence="{actor} watered {target}",
):
    pass
"""


@pytest.fixture
def hosts_actions(tmp_path, monkeypatch):
    (tmp_path / "clinic_actions_of_a_host.py").write_text(textwrap.dedent(HOST))
    monkeypatch.syspath_prepend(str(tmp_path))
    before = [set(codes) for codes in _declared()]
    host.load({"INDELIBLE_ACTIONS": " , clinic_actions_of_a_host ,"})
    yield
    sys.modules.pop("clinic_actions_of_a_host")
    for codes, was in zip(_declared(), before, strict=True):
        for code in codes.keys() - was:
            del codes[code]


def _declared() -> list[dict[str, Any]]:
    return [action._REGISTER, action.CATEGORIES, action.KINDS]


def test_a_hosts_own_category_kind_label_and_sentence_are_in_its_words(browser, log, hosts_actions):
    who = {"kind": "staff", "id": "usr_1", "name": "Maria"}
    aired = log.record_document({"action": "treatment_room.aired", "actor": who, "context": {"minutes_open": 5},
                                 "target": {"kind": "treatment_room", "id": "r_4"}})  # fmt: skip
    log.record_document({"action": "plant.watered", "actor": who, "target": {"kind": "plant", "id": "p_1"}})
    page = said(browser, "activity", log)
    assert "Rooms and cabins Aired cabin" in page
    assert "Green things Watered" in page
    assert re.search(r"Aired cabin (· 5 )?r_4 Maria", page)
    assert "What: Rooms and cabins" in said(browser, "activity", log, q="category:rooms")
    html = browser.get(reverse("activity", args=[log.clinic.id])).content.decode()
    assert "rooms" not in re.findall(r'<tr class="entry ([^"]*)"', html)  # a class of the stylesheet is never a host's
    assert "#rooms" not in html
    told = said(browser, "entry", log, aired.id)
    assert "Aired cabin" in told
    assert "Treatment cabin r_4" in told
    assert "Maria aired cabin r_4" in said(browser, "story", log, "treatment_room", "r_4")


@pytest.mark.parametrize("given", ["", "rooms ", "Rooms"])
def test_a_category_has_a_code_and_a_title(given):
    with pytest.raises(TypeError):
        action.name_category(given, "Rooms")
    with pytest.raises(TypeError):
        action.name_category("rooms", " ")
    with pytest.raises(TypeError, match="already called"):
        action.name_category("payments", "Money")
    action.name_category("payments", "Payments")


ASSISTED = {
    "action": "booking.created", "target": {"kind": "booking", "id": "bk_7"},
    "actor": {"kind": "agent", "id": "assistant_1", "name": "Booking assistant",
              "on_behalf_of": {"kind": "client", "id": "cli_7", "name": "Ana Sousa"}},
}  # fmt: skip


def test_the_list_says_for_whom_an_assistant_acted_and_offers_it_by_name(browser, log):
    log.record_document(ASSISTED)
    booking(log)
    (shown,) = rows(browser, "activity", log, q="actor:agent")
    assert shown.endswith("Created reservation bk_7 Booking assistant, for Ana Sousa")
    assert rows(browser, "activity", log, q="actor:assistant_1") == [shown]
    html = browser.get(reverse("activity", args=[log.clinic.id]), {"q": "actor:assistant_1"}).content.decode()
    assert re.search(r'<a href="\?q=actor%3Aagent">.*?<span>Any assistant</span>', html)
    assert re.search(r'<a href="\?" aria-current="true">.*?<span>Booking assistant</span>', html)
    assert "Who: Booking assistant" in words(html)  # the chip


def test_an_entry_says_the_assistant_and_for_whom_with_the_way_to_each(browser, log):
    entry = log.record_document(ASSISTED)
    html = browser.get(reverse("entry", args=[log.clinic.id, entry.id])).content.decode()
    story, listed = reverse("story", args=[log.clinic.id, "client", "cli_7"]), reverse("activity", args=[log.clinic.id])
    assert f'<dt>On behalf of</dt><dd><a href="{story}">Ana Sousa</a>' in html
    assert f'<dt>Who</dt><dd><a href="{listed}?q=actor%3Aassistant_1">Booking assistant</a>' in html
    told = browser.get(story).content.decode()
    assert "<h1>Ana Sousa" in told or "Ana Sousa</h1>" in told
    assert len(rows(browser, "story", log, "client", "cli_7")) == 1


def test_an_assistant_without_a_name_or_with_an_id_too_long_for_a_filter_is_shown_all_the_same(browser, log):
    for name in ("assistant_9", "a" * 255, "agent"):
        entry = log.record_document(ASSISTED | {"actor": {"kind": "agent", "id": name}})
        assert name in said(browser, "entry", log, entry.id)
    listed = said(browser, "activity", log)
    assert "People assistant_9" in listed
    html = browser.get(reverse("activity", args=[log.clinic.id])).content.decode()
    assert "actor%3Aaaaa" not in html  # no line leads to what a filter cannot say


def test_a_look_for_new_entries_that_finds_none_says_nothing_and_is_not_logged(browser, log, caplog):
    booking(log)
    address = reverse("new", args=[log.clinic.id])
    browser.get(address)  # a first page of a session may be noted
    caplog.clear()
    looked = browser.get(address, {"since": str(log.size)})
    assert (looked.status_code, looked.content) == (204, b"")
    assert [one for one in caplog.records if one.levelno >= logging.INFO] == []
    booking(log, 2)
    found = browser.get(address, {"since": str(log.size - 1)})
    assert found.status_code == 200
    assert "1 new entry" in found.content.decode()
