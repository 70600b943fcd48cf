"""Money in and out of a list: beside it and on a page of its own, as a picture and as a table, for who may see it."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags


def today():
    """Asked each time: a run may begin on one day and end on the next."""
    return datetime.now(UTC).date()


@pytest.fixture
def log(service):
    return service.clinic(zone="UTC")


@pytest.fixture
def browser(service, log):
    return service.client(service.user("owner", log))


def pay(log, amount, day, *, action="charge.succeeded", currency="EUR"):
    log.record_document({
        "action": action, "occurred_at": f"{day}T00:00:01Z", "actor": {"kind": "staff", "id": "usr_1"},
        "target": {"kind": "charge", "id": f"ch_{amount}_{day}"},
        "context": {"amount_minor": amount, "currency": currency}
        | ({"source": "staff"} if action == "charge.refunded" else {}),
    })  # fmt: skip


def beside(browser, log, **query):
    """The part that htmx asks for, into #totals."""
    headers = {"HX-Request": "true", "HX-Target": "totals"}
    return browser.get(reverse("totals", args=[log.clinic.id]), query, headers=headers).content.decode()


def page(browser, log, **query):
    answer = browser.get(reverse("totals", args=[log.clinic.id]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def table(text):
    """The rows of every table, as text."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', text, re.DOTALL)
    return [[html.unescape(strip_tags(cell)) for cell in re.split(r"</th>|</td>", row)][:4] for row in rows]


def months_ago(number):
    month = today().year * 12 + today().month - 1 - number
    return date(month // 12, month % 12 + 1, 1)


def test_in_out_and_net_are_told_by_month_and_add_up(browser, log):
    pay(log, 10_000, months_ago(2))
    pay(log, 2_500, months_ago(2), action="charge.refunded")
    pay(log, 500, months_ago(0))
    text = page(browser, log)
    words = html.unescape(" ".join(strip_tags(text.replace("><", "> <")).split()))
    assert "In €105.00 2 entries Out €25.00 1 entry Net €80.00" in words
    names = [f"{months_ago(number):%B %Y}" for number in (0, 1, 2)]
    assert table(text) == [
        [names[0], "€5.00", "€0.00", "€5.00"],
        [names[1], "€0.00", "€0.00", "€0.00"],
        [names[2], "€100.00", "€25.00", "€75.00"],
    ]


def test_the_part_beside_a_list_has_one_line_for_narrow_screens_and_the_picture_as_a_table(browser, log):
    pay(log, 10_000, months_ago(2))
    pay(log, 500, months_ago(0), action="charge.refunded")
    text = beside(browser, log)
    line = re.search(r'<span id="money-line" hx-swap-oob="true">(.*?)</span>', text, re.DOTALL)
    assert line is not None
    assert strip_tags(line[1]).strip() == "In €100.00 · Out €5.00 · Net €95.00"
    assert len(table(text)) == 3
    assert re.search(r'<svg[^>]*role="img" aria-label="Money in above the line', text)
    assert "<html" not in text
    heights = [float(one) for one in re.findall(r'class="in"[^>]*height="([\d.]+)"', text)]
    assert heights[0] > 70
    assert heights[1:] == [0, 0]


def test_few_days_are_told_by_day_and_each_leads_to_its_list(browser, log):
    days = [today() - timedelta(days=number) for number in (3, 1)]
    for number, day in enumerate(days, 1):
        pay(log, number * 1_000, day)
    text = page(browser, log, q=f"from:{today() - timedelta(days=9)}")
    rows = table(text)
    assert [row[1] for row in rows] == ["€0.00", "€20.00", "€0.00", "€10.00"]
    links = re.findall(r'<th scope="row"><a href="([^"]+)"', text)
    listed = browser.get(html.unescape(links[3])).content.decode()
    assert listed.count('class="entry') == 1
    assert f"ch_1000_{days[0]}" in listed


def test_currencies_have_pictures_and_tables_of_their_own(browser, log):
    for currency in ("EUR", "JPY"):
        pay(log, 7_000, months_ago(1), currency=currency)
        pay(log, 9_000, months_ago(0), currency=currency)
    text = page(browser, log)
    assert text.count('role="img"') == 2
    assert [row[1] for row in table(text)] == ["€90.00", "€70.00", "JP¥9,000", "JP¥7,000"]


def test_more_that_came_back_than_went_out_is_told_below_zero_and_drawn_as_nothing(browser, log):
    pay(log, 900, months_ago(1), action="charge.refund_failed")
    pay(log, 100, months_ago(0))
    text = page(browser, log)
    assert [row[2] for row in table(text)] == ["€0.00", "-€9.00"]
    assert set(re.findall(r'class="out"[^>]*height="([\d.]+)"', text)) == {"0.00"}


def test_one_period_and_no_money_have_no_picture(browser, log):
    assert "No money in this list." in page(browser, log)
    pay(log, 100, today())
    assert "<svg" not in page(browser, log).partition("totals-page")[2].partition("</main>")[0]


@pytest.mark.parametrize(
    "words", ["from:0001-01-01", "from:0001-01-01 to:0001-01-31", "to:9999-12-31", "from:9999-12-01", "to:0001-02-03",
              "from:2026-01-01 to:2026-12-31", "from:1900-01-01", "usr_1", "zzzz", "zz from:2020-01-01"],
)  # fmt: skip
def test_any_days_answer_a_page(browser, log, words):
    pay(log, 100, "2026-03-04")
    pay(log, 300, today())
    page(browser, log, q=words)
    beside(browser, log, q=words)


def test_who_may_not_see_totals_finds_no_sums_and_no_way_to_them(service, log):
    pay(log, 123_456, today())
    staff = service.client(service.user("staff", log))
    assert staff.get(reverse("totals", args=[log.clinic.id])).status_code == 403
    listed = staff.get(reverse("activity", args=[log.clinic.id])).content.decode()
    assert "totals/" not in listed
    assert "Money in and out" not in listed
    assert 'class="chart"' in listed
    for role in ("owner", "manager", "auditor"):
        listed = service.client(service.user(role, log)).get(reverse("activity", args=[log.clinic.id])).content.decode()
        assert reverse("totals", args=[log.clinic.id]) in listed
