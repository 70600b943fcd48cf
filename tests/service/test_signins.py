"""The page of sign-ins: it begins with what is unusual, each thing named leads to its entries, and days narrow it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from indelible.format.instant import format as canonical

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def log(service):
    return service.clinic()


def note(log, action="account.logged_in", *, hours=0.0, person="usr_1", name="Rui", ip="203.0.113.9", agent=LINUX,
         target=None, **context):  # fmt: skip
    """Record something about an account, so many hours before now."""
    at = datetime.now(UTC) - timedelta(hours=hours)
    return log.record_document({
        "action": action, "occurred_at": canonical(round(at.timestamp() * 1_000_000)),
        "actor": {"kind": "staff", "id": person, "name": name}, "target": target or {"kind": "staff", "id": person},
        "request": {"ip": ip, "user_agent": agent}, "context": context,
    })  # fmt: skip


def break_in(log, hours=30.0, **more):
    far = {"ip": "192.0.2.44", "agent": PHONE, **more}
    note(log, hours=hours + 90, **more)
    for number in range(7):
        note(log, "account.login_failed", hours=hours + 0.5 - number / 60, **far)
    entered = note(log, hours=hours, **far)
    note(log, "settings.changed", hours=hours - 1, target={"kind": "settings", "id": "set_1"}, section="payouts",
         **far)  # fmt: skip
    return entered


def page(browser, log, **query):
    return browser.get(reverse("sign_ins", args=[log.clinic.id]), query)


def words(answer):
    return html.unescape(" ".join(strip_tags(answer.content.decode().replace("><", "> <")).split()))


def items(answer):
    section = answer.content.decode().partition('class="unusual"')[2].partition('class="bound"')[0]
    found = re.split(r'<li class="item(?: grave)?">', section)[1:]
    return [html.unescape(" ".join(strip_tags(one.replace("><", "> <")).split())) for one in found]


def test_seven_attempts_and_then_in_are_one_item_at_the_head_with_what_came_of_it_and_what_to_do(service, log):
    break_in(log)
    browser = service.client(service.user("owner", log))
    answer = page(browser, log)
    (item,) = items(answer)
    assert "Rui: 7 failed attempts, then in new device new network" in item
    assert "Safari on iPhone 192.0.2.44 192.0.2.x" in item
    assert "What came of it" in item
    assert "Rui changed the payouts settings" in item
    assert "Ask Rui whether it was them" in item
    for step in ("end all sessions", "change the password", "turn on 2FA"):
        assert step in item
    text = answer.content.decode()
    assert text.index("7 failed attempts") < text.index("All sign-ins")


def test_everything_named_in_an_item_leads_to_entries_that_are_there(service, log):
    entered = break_in(log)
    browser = service.client(service.user("owner", log))
    text = page(browser, log).content.decode()
    section = text[text.index('class="unusual"') : text.index('id="all-sign-ins"')]
    links = {html.unescape(one) for one in re.findall(r'<a [^>]*?href="([^"]+)"', section)}
    assert f"/c/{log.clinic.id}/entries/{entered.id}/" in links
    lists = [one for one in links if "?q=" in one]
    assert len(lists) >= 4  # device, address, network, what the account did; devices
    for link in links:
        answer = browser.get(link)
        assert answer.status_code == 200, link
        if link in lists:
            assert 'class="entry' in answer.content.decode() or "tr" in answer.content.decode(), link
            assert "Nothing matches" not in answer.content.decode(), link


def test_whose_account_it_is_is_led_to_where_this_service_does_it(service, log):
    user = service.user("owner", log, name="Inês")
    break_in(log, person=user.public_id, name="Inês")
    text = page(service.client(user), log).content.decode()
    for name in ("usersessions_list", "account_change_password", "mfa_index"):
        assert f'href="{reverse(name)}"' in text
    other = page(service.client(service.user("owner", log)), log).content.decode()
    assert reverse("account_change_password") not in other
    assert "Send a link for a new password" in other


def test_who_does_not_see_accounts_is_told_of_their_own_and_not_what_was_changed_elsewhere(service, log):
    user = service.user("staff", log, name="Inês")
    break_in(log)
    break_in(log, hours=60, person=user.public_id, name="Inês")
    browser = service.client(user)
    for query in ({}, {"person": "staff/usr_1"}, {"person": "all"}):
        answer = page(browser, log, **query)
        (item,) = items(answer)
        assert "Inês: 7 failed attempts, then in" in item
        assert "Rui" not in words(answer)
        assert "payouts" not in words(answer)
        assert "this account since" in words(answer)
        # No list of theirs has a sign-in, so nothing leads to one.
        assert "192.0.2.44" in item
        assert "192.0.2" not in "".join(re.findall(r'href="[^"]*"', answer.content.decode()))


def test_nothing_unusual_is_said_with_since_when(service, log):
    note(log, hours=3)
    text = words(page(service.client(service.user("owner", log)), log))
    assert "Nothing unusual since" in text
    assert "Looked at: everything about the accounts of the people who work here since" in text


def test_with_what_each_person_signs_in_is_said_in_words(service, log):
    for days in (200, 190, 3):
        note(log, hours=24 * days)
    note(log, hours=24 * 100, agent=PHONE, ip="192.0.2.44")
    text = words(page(service.client(service.user("owner", log)), log))
    assert re.search(r"Rui Firefox on Linux since \d+ \w+ \d{4}; Safari on iPhone once, \d+ \w+ \d{4}", text)
    assert "mostly 203.0.113.x" in text


def test_a_device_that_is_used_no_more_is_said_with_until_when(service, log):
    for days in (200, 190):
        note(log, hours=24 * days, agent=PHONE)
    note(log)
    assert re.search(r"Safari on iPhone from \d+ \w+ \d{4} to \d+ \w+ \d{4}",
                     words(page(service.client(service.user("owner", log)), log)))  # fmt: skip


def test_days_narrow_the_list(service, log):
    for days in (40, 20, 2):
        note(log, hours=24 * days, ip=f"198.51.100.{days}")
    browser = service.client(service.user("owner", log))
    day = [(datetime.now(UTC) - timedelta(days=days)).date().isoformat() for days in (21, 19)]

    def shown(**query):
        return set(re.findall(r"198\.51\.100\.(\d+)", words(page(browser, log, **query)).partition("All sign-ins")[2]))

    assert shown() == {"40", "20", "2"}
    assert shown(days="30") == {"20", "2"}
    assert shown(days="7") == {"2"}
    assert shown(**{"from": day[0]}) == {"20", "2"}
    assert shown(to=day[1]) == {"40", "20"}
    assert shown(to=day[1], **{"from": day[0]}) == {"20"}
    assert shown(to=day[1], person="staff/nobody", **{"from": day[0]}) == set()


def test_the_next_page_keeps_person_and_days(service, log):
    for number in range(60):
        note(log, hours=number)
    browser = service.client(service.user("owner", log))
    first = page(browser, log, person="staff/usr_1", days="7").content.decode()
    older = html.unescape(re.findall(r'href="([^"]+after=[^"]+)"', first)[0])
    assert "person=staff%2Fusr_1" in older
    assert "days=7" in older
    second = browser.get(older)
    assert second.status_code == 200
    assert len(re.findall(r'<tr class="signin', second.content.decode())) == 10
    assert "Unusual" not in words(second)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "yesterday"}, "“From” is no day; write it as 2026-05-04."),
        ({"to": "2026-13-01"}, "“To” is no day"),
        ({"to": "\x00"}, "“To” is no day"),
        ({"from": "2026-05-04", "to": "2026-05-03"}, "“From” is after “To”; swap the two days."),
    ],
)
def test_a_day_that_cannot_be_read_is_told_in_one_sentence(service, log, query, said):
    note(log)
    answer = page(service.client(service.user("owner", log)), log, **query)
    assert answer.status_code == 400
    assert said in words(answer)


@pytest.mark.parametrize(
    "query",
    [{"days": "999999999"}, {"days": "x"}, {"from": "0001-01-01"}, {"to": "9999-12-31"}, {"person": "\x00"},
     {"person": "staff/" + "x" * 5_000}, {"only": "<"}, {"after": "1.2"}],
)  # fmt: skip
def test_strange_choices_answer_a_page(service, log, query):
    note(log)
    assert page(service.client(service.user("owner", log)), log, **query).status_code in (200, 400)


def test_what_a_stranger_wrote_is_text(service, log):
    evil = "<script>alert(1)</script>\u202e"
    break_in(log, name=evil, person="usr'\"<x>")
    text = page(service.client(service.user("owner", log)), log).content.decode()
    assert "<script>alert" not in text
    assert "usr'\"<x>" not in text


def test_a_page_with_a_break_in_asks_the_log_few_questions(service, log):
    from indelible.service.shared_journal import journal

    for person in range(9):
        break_in(log, hours=30 + 5 * person, person=f"usr_{person}")
    browser = service.client(service.user("owner", log))
    assert len(items(page(browser, log))) == 9
    asked: list[str] = []
    pool = journal().store._pool  # type: ignore[attr-defined]
    take = pool.take
    connections = []

    def traced():
        connection = take()
        connection.set_trace_callback(asked.append)
        connections.append(connection)
        return connection

    pool.take = traced
    try:
        page(browser, log)
    finally:
        pool.take = take
        for connection in connections:
            connection.set_trace_callback(None)
    assert 0 < len(asked) <= 14, "\n".join(asked)
