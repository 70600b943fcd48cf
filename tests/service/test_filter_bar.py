"""The filter bar: what its fields and links mean, what its chips say, and where what is wrong is marked."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from urllib.parse import parse_qs, unquote

import pytest
from django.utils.html import strip_tags
from hypothesis import given
from hypothesis import strategies as st

from indelible.read import query
from indelible.read.bounds import Back, Minute, Named
from indelible.read.query import Choice, Query

ids = st.sampled_from(["usr_1", "usr 2", 'a"b', "staff", "system", "-x", "cli_7", "é:1"])
codes = st.sampled_from(["booking.cancelled", "charge.refunded", "x y"])
people = ids.filter(lambda one: one not in query.KINDS)
choices = st.builds(
    Choice,
    actors=st.frozensets(people, max_size=2),
    kinds=st.frozensets(st.sampled_from(query.KINDS), max_size=2),
    actions=st.frozensets(codes, max_size=2),
    categories=st.frozensets(codes, max_size=2),
    clients=st.frozensets(ids, max_size=2),
    abouts=st.frozensets(ids, max_size=1),
)
words = st.lists(st.sampled_from(["late", "10:30", "203.0.113.9", "Ana Sousa"]), max_size=2, unique=True).map(tuple)
queries = st.builds(
    Query,
    choices,
    choices,
    st.sampled_from([None, Named("week"), Back(7, "d"), date(2026, 5, 1)]),
    words=words,
    unwanted_words=words,
    in_text=st.booleans(),
)
KEYS = ("actor", "action", "category", "client", "about", "")


@pytest.fixture(scope="module")
def bar(service):
    from indelible.service.web import filter_bar

    return filter_bar


@pytest.fixture(scope="module")
def log(service):
    log = service.clinic()
    service.fill(log, "bar")
    return log


@pytest.fixture(scope="module")
def owner(service, log):
    return service.client(service.user("owner", log))


def here(log):
    return f"/c/{log.clinic.id}/"


def meant(answer):
    """The filter of the list that a form leads to."""
    assert answer.status_code == 302
    return parse_qs(answer["Location"].partition("?")[2]).get("q", [""])[0]


def text_of(answer):
    return " ".join(unescape(strip_tags(answer.content.decode().replace("><", "> <"))).split())


def links(answer):
    """The filter behind each link that is relative to the list, by its words."""
    found = re.findall(r'<a [^>]*?href="\?(?:q=([^"]*))?"[^>]*>(.*?)</a>', answer.content.decode(), re.DOTALL)
    return {" ".join(unescape(strip_tags(label)).split()): unquote(unescape(text)) for text, label in found}


# Doors


@given(queries, st.sampled_from(KEYS), ids)
def test_a_door_shows_only_what_has_a_value_or_all_but_that(bar, wanted, key, value):
    only, without = map(query.parse, bar.doors(wanted, key, value))
    if not key:
        assert value in only.words and value not in only.unwanted_words
        assert value in without.unwanted_words and value not in without.words
        assert set(wanted.words) <= set(only.words)
    else:
        assert {one for name, one in only.wanted.pairs() if name == key} == {value}
        assert (key, value) not in only.unwanted.pairs()
        assert (key, value) in without.unwanted.pairs() and (key, value) not in without.wanted.pairs()
    others = [pair for pair in wanted.wanted.pairs() if pair[0] != key and not {pair[0], key} <= {"action", "category"}]
    assert set(others) <= set(only.wanted.pairs())
    assert (only.first, only.in_text) == (without.first, without.in_text) == (wanted.first, wanted.in_text)


def test_what_a_filter_cannot_say_has_no_door(bar):
    assert bar.doors(Query(), "actor", "x" * 201) == ("", "")
    assert bar.doors(Query(), "", "x") == ("", "")
    full = Query(Choice(clients=frozenset(map(str, range(50)))))
    assert bar.doors(full, "client", "another").without == ""
    assert bar.doors(full, "client", "another").only == "client:another"


def test_the_doors_of_a_page_are_addresses_of_its_list(service, log):
    from indelible.service.web.access import visit
    from indelible.service.web.url_query import doors

    entered = visit(service.user("owner", log), log.clinic.id)
    assert entered is not None
    found = doors(entered, query.parse("from:week"), "client", "cli_1")
    assert found.only == f"{here(log)}?q=client%3Acli_1+from%3Aweek"
    assert found.without == f"{here(log)}?q=from%3Aweek+-client%3Acli_1"


# Lists to choose from


@given(queries, st.sampled_from(["actor", "action", "category"]), ids)
def test_a_line_of_a_list_leads_to_the_filter_that_its_door_means(bar, wanted, key, value):
    chosen = (key, value) in wanted.wanted.pairs()
    address = bar._Chooser(wanted, key)(value, chosen)
    assert address.startswith("?")
    text = unquote(address.removeprefix("?q=").removeprefix("?"))
    if chosen:
        assert (key, value) not in query.parse(text).wanted.pairs()
    else:
        assert text == bar.doors(wanted, key, value).only


def test_what_is_chosen_is_one_link_and_chosen_again_goes(owner, log):
    first = links(owner.get(here(log)))
    assert first["Last 7 days"] == "from:-7d"
    assert first["Last month"] == "from:last-month to:last-month"
    assert first["This year"] == "from:year"
    assert first["Any staff"] == "actor:staff"
    assert first["Maria bar"] == "actor:usr_desk"
    assert first["Payments"] == "category:payments"
    assert first["Refunded charge"] == "action:charge.refunded"
    text = "actor:usr_desk action:charge.refunded from:-7d"
    then = owner.get(here(log), {"q": text})
    assert then.content.decode().count('aria-current="true"') >= 3
    second = links(then)
    assert second["Last 7 days"] == "actor:usr_desk action:charge.refunded"
    assert second["Maria bar"] == "action:charge.refunded from:-7d"
    assert second["Refunded charge"] == "actor:usr_desk from:-7d"
    assert second["Payments"] == "actor:usr_desk category:payments from:-7d"


def test_only_what_occurs_and_what_a_role_sees_is_offered(service, log):
    offered = links(service.client(service.user("staff", log)).get(here(log)))
    assert "Cancelled reservation" in offered
    assert "Rescheduled reservation" not in offered
    assert "Logged in" not in offered and "Account" not in offered
    assert "Logged in" in links(service.client(service.user("owner", log)).get(here(log)))


def test_views_for_everybody_are_there_where_something_of_them_occurs(owner, log):
    offered = links(owner.get(here(log)))
    assert offered["Cancelled reservations"] == "action:booking.cancelled"
    assert "Failed payments" not in offered


def test_every_view_for_everybody_is_a_filter_in_its_own_spelling(bar):
    from indelible.catalogue import find

    for _, actions, text in bar.VIEWS:
        assert query.format(query.parse(text)) == text
        assert all(find(code) for code in actions)


# Forms


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"words": "Ana late"}, "Ana late"),
        ({"words": "late", "rest": "client:cli_1 from:week"}, "client:cli_1 from:week late"),
        ({"words": "from:today -late", "rest": "from:last-month to:last-month"}, "from:today -late"),
        ({"words": "", "rest": "client:cli_1"}, "client:cli_1"),
        ({"words": "client:cli_2", "rest": "client:cli_1"}, "client:cli_1 client:cli_2"),
        ({"rest": "late", "from": "2026-05-01", "to": "2026-05-31"}, "from:2026-05-01 to:2026-05-31 late"),
        ({"rest": "", "from": "2026-12-05", "from_at": "14:00", "to": "2026-12-05", "to_at": "18:00"},
         "from:2026-12-05T14:00 to:2026-12-05T18:00"),
        ({"from": "2026-12-05", "from_at": "14:00:00"}, "from:2026-12-05T14:00"),
        ({"rest": "late", "from": "", "to": ""}, "late"),
    ],
)  # fmt: skip
def test_a_form_leads_to_the_filter_that_its_fields_mean(owner, log, sent, text):
    assert meant(owner.get(here(log), sent)) == text


@given(queries)
def test_what_the_bar_shows_sent_again_means_the_same(bar, log, wanted):
    session = log.reading()
    shown = bar.form(session, wanted)
    sent = dict.fromkeys(bar.FIELDS, "") | {"words": shown.words, "rest": shown.rest}
    try:
        found = bar.merged(session, sent)
    except bar.InvalidQuery as error:
        assert "unknown" in str(error)  # of a code that the catalogue does not have
    else:
        assert query.format(found) == query.format(wanted)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"from": "2026-05-02", "to": "2026-05-01"}, "The first day is after the last one; exchange them."),
        ({"from_at": "14:00"}, "There is a time without a day; choose the day too."),
        ({"from": "2026-02-30"}, "From: is a day that the calendar does not have"),
        ({"from": "tomorrow"}, "is not a day; write it as from:2026-05-31"),
        ({"to": "-7d"}, "cannot count back"),
        ({"words": "colour:red", "rest": "late"}, "Unknown key"),
    ],
)
def test_fields_that_mean_nothing_are_refused_with_the_mend(owner, log, sent, said):
    answer = owner.get(here(log), sent)
    assert answer.status_code == 400
    assert said in text_of(answer)


def test_days_that_are_relative_stay_so_and_the_fields_show_what_they_are_now(owner, log):
    page = owner.get(here(log), {"q": "from:today to:today category:payments"}).content.decode()
    today = log.reading().today.isoformat()
    assert page.count(f'value="{today}"') == 2
    assert 'name="rest" value="category:payments from:today to:today"' in page
    assert 'name="rest" value="category:payments"' in page


# Chips


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from:-7d", "Last 7 days"),
        ("from:-3d", "Last 3 days"),
        ("from:-1h", "Last 1 hour"),
        ("from:month", "This month"),
        ("from:last-quarter to:last-quarter", "Last quarter"),
        ("from:last-month", "from last month on"),
        ("to:yesterday", "up to yesterday"),
        ("from:week to:week", "This week"),
        ("from:2026-05-01 to:2026-05-01", "1 May 2026"),
        ("from:2026-05-01 to:2026-05-31", "1 May 2026 – 31 May 2026"),
        ("from:2026-12-05T14:00 to:2026-12-05T18:00", "5 Dec 2026, 14:00 – 18:00"),
        ("from:2026-12-05T14:00", "from 5 Dec 2026, 14:00 on"),
        ("actor:usr_desk", "Who: Maria bar"),
        ("-actor:system", "not Who: System"),
        ("-category:log", "not What: The log itself"),
        ("client:client_bar", "Client: Ana bar"),
        ("client:cli_nobody", "Client: cli_nobody"),
        ("about:booking/booking_bar", "About: Reservation booking_bar"),
        ("-late", "not With: late"),
    ],
)
def test_a_chip_says_a_part_of_the_filter_in_words(owner, log, text, said):
    page = owner.get(here(log), {"q": text}).content.decode()
    (chip,) = re.findall(r'<li class="chip[^"]*">(.*?)</li>', page, re.DOTALL)
    assert " ".join(unescape(strip_tags(chip)).split()) == said


@given(queries)
def test_the_filter_without_each_of_its_chips_is_no_filter(bar, wanted):
    left = wanted
    for _ in range(60):
        found = bar.chips(left)
        if not found:
            break
        left = query.parse(found[0].without)
    assert left == Query()


@given(queries)
def test_a_chip_turned_around_is_left_out_or_shown_again(bar, wanted):
    for chip in bar.chips(wanted):
        if chip.turned:
            turned = query.parse(chip.turned)
            pairs = (turned.wanted if chip.negated else turned.unwanted).pairs()
            others = turned.words if chip.negated else turned.unwanted_words
            assert (chip.key, chip.value) in pairs or (not chip.key and chip.value in others)


# What is wrong, at the word


def test_the_word_that_is_wrong_is_marked_with_its_mend(owner, log):
    answer = owner.get(here(log), {"q": "from:month category:payment late"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "<code>from:month <mark>category:payment</mark> late</code>" in page
    assert 'aria-describedby="f-text-error f-text-where"' in page
    assert page.count('id="f-text-error"') == page.count('id="f-text-where"') == page.count('id="f-text"') == 1
    assert 'name="q" value="from:month category:payment late"' in page
    assert links(answer)["Take category:payments"] == "from:month category:payments late"


def test_a_word_that_is_wrong_in_the_box_is_marked_behind_the_filter_that_was_there(owner, log):
    page = owner.get(here(log), {"words": "late acton:x", "rest": "category:payments"}).content.decode()
    assert "<code>category:payments late <mark>acton:x</mark></code>" in page
    assert 'name="words" value="category:payments late acton:x"' in page


def test_what_is_typed_is_text_on_the_page(owner, log):
    page = owner.get(here(log), {"q": '"><script>alert(1)</script> colour:<b>'}).content.decode()
    assert "<script>alert" not in page and "<b>" not in page


def test_minutes_narrow_the_list_its_chart_and_its_sums(service):
    log = service.clinic()
    for clock in ("13:59:59", "14:00:00", "18:00:59", "18:01:00"):
        log.record_document({
            "action": "charge.succeeded", "actor": {"kind": "staff", "id": "usr_1"},
            "target": {"kind": "charge", "id": f"ch_{clock}"}, "context": {"amount_minor": 100, "currency": "EUR"},
            "occurred_at": f"2025-12-05T{clock}+00:00",
        })  # fmt: skip
    owner = service.client(service.user("owner", log))
    text = "from:2025-12-05T14:00 to:2025-12-05T18:00"
    page = text_of(owner.get(here(log), {"q": text}))
    assert [clock in page for clock in ("13:59:59", "14:00:00", "18:00:59", "18:01:00")] == [False, True, True, False]
    assert "2 entries" in page
    assert "€2.00" in text_of(owner.get(f"{here(log)}totals/", {"q": text}))


def test_an_export_is_of_the_days_that_its_page_shows(service, log, owner):
    today = log.reading().today.isoformat()
    page = owner.get(f"{here(log)}export/", {"q": "category:payments from:today"}).content.decode()
    assert f'value="category:payments from:{today}"' in page
    sent = owner.post(f"{here(log)}export/file/", {"q": "category:payments from:-2d to:today", "format": "jsonl"})
    assert b"".join(sent.streaming_content)
    recorded = next(log.read("action:log.exported")).context
    first = log.reading().days(query.parse("from:-2d"))[0]
    assert recorded["filter"] == f"category:payments from:{first} to:{today}"
    assert isinstance(query.parse("from:2026-12-05T14:00").first, Minute)


def test_lists_of_a_filter_with_an_id_or_a_word_are_not_remembered(service):
    from indelible.service.web.pages import bar as pages

    log = service.clinic()
    ids = service.fill(log)
    owner = service.client(service.user("owner", log))
    pages._lists.cache_clear()
    for text in (f"client:{ids['client']}", f"-about:{ids['booking']}", "Ana", "-Ana", "actor:usr_desk"):
        assert owner.get(here(log), {"q": text}).status_code == 200
    assert pages._lists.cache_info().currsize == 0
    for _ in range(2):
        owner.get(here(log), {"q": "category:payments from:week"})
    assert (pages._lists.cache_info().currsize, pages._lists.cache_info().hits) == (1, 1)
