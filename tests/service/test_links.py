"""Doors back: which addresses of a host are taken, what becomes of an id in one, and where a reader finds it."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote, urlsplit

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import InvalidInput
from indelible.service import links
from indelible.service.links import WrongLine, door, parse

GOOD = "https://app.example/bookings/{id}"
KINDS = ("booking", "client", "service")


def test_lines_are_kinds_and_addresses_and_are_written_as_they_are_read():
    text = (
        f"booking: {GOOD}\r\n\r\n  client:https://app.example:8443/c?id={{id}}#top \nservice: http://localhost:9/{{id}}"
    )
    found = parse(text, KINDS)
    assert found == {
        "booking": GOOD,
        "client": "https://app.example:8443/c?id={id}#top",
        "service": "http://localhost:9/{id}",
    }
    assert parse(links.text(found), KINDS) == found
    assert parse("", KINDS) == {}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("javascript:alert({id})", links.NO_HTTPS),
        ("JAVASCRIPT://app.example/%0aalert({id})", links.NO_HTTPS),
        ("data:text/html,{id}", links.NO_HTTPS),
        ("http://app.example/{id}", links.NO_HTTPS),
        ("http://localhost.evil.example/{id}", links.NO_HTTPS),
        ("//app.example/{id}", links.NO_HTTPS),
        ("/bookings/{id}", links.NO_HTTPS),
        ("https://{id}.app.example/", links.ID_IN_HOST),
        ("https://app.example:{id}/", links.ID_IN_HOST),
        ("https://{id}/", links.ID_IN_HOST),
        ("https://[{id}]/", links.ID_IN_HOST),
        ("https://user:secret@app.example/{id}", links.NO_SECRET),
        ("https://app.example@evil.example/{id}", links.NO_SECRET),
        ("https://{id}@app.example/", links.NO_SECRET),
        ("https://app.example/", links.ONE_ID),
        ("https://app.example/{id}/{id}", links.ONE_ID),
        ("https://app.example/{id}/{name}", links.ONE_ID),
        ("https://app.example/{{id}}", links.ONE_ID),
        ("https://app.example/{id", links.ONE_ID),
        ("https://app.example/ {id}", links.NO_MARKS),
        ("https://app.example\\@evil.example/{id}", links.NO_MARKS),
        ("https://app.example/\t{id}", links.NO_MARKS),
        ("https://app.example/\x00{id}", links.NO_MARKS),
        ("https://app.example/\x1b{id}", links.NO_MARKS),
        ("https://app.example/\r{id}", links.NO_MARKS),
        ("https://app.example/\u2028{id}", links.NO_MARKS),
        ("https://\u0430pp.example/{id}", links.NO_MARKS),
        ('https://app.example/"onclick="{id}', links.NO_MARKS),
        ("https:///{id}", links.NO_ADDRESS),
        ("https:/app.example/{id}", links.NO_ADDRESS),
        ("https:app.example/{id}", links.NO_ADDRESS),
        ("https://app.example:99999/{id}", links.NO_ADDRESS),
        ("https://app.example:port/{id}", links.NO_ADDRESS),
        ("https://-/{id}", links.NO_ADDRESS),
        ("https://[::1/{id}", links.NO_ADDRESS),
        ("https://app.example/" + "a" * 500 + "{id}", links.TOO_LONG),
        ("", links.NO_LINE),
    ],
)
def test_an_address_that_leads_elsewhere_is_refused_with_its_line(address, why):
    with pytest.raises(WrongLine) as refused:
        parse(f"client: https://app.example/{{id}}\nbooking: {address}", KINDS)
    assert (refused.value.number, refused.value.what) == (2, why)
    assert str(refused.value) == f"links: line 2 {why}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"spaceship: {GOOD}", links.NO_KIND),
        (f"Booking: {GOOD}", links.NO_LINE),
        (GOOD, links.NO_KIND),  # "https" is read as a kind
        ("booking", links.NO_LINE),
        (f": {GOOD}", links.NO_LINE),
        (f"booking: {GOOD}\nbooking: {GOOD}", links.TWICE),
    ],
)
def test_a_line_that_is_none_is_refused(text, why):
    with pytest.raises(WrongLine) as refused:
        parse(text, KINDS)
    assert refused.value.what == why


def test_very_many_lines_are_refused():
    with pytest.raises(WrongLine) as refused:
        parse("\n".join(f"kind_{number}: {GOOD}" for number in range(41)))
    assert refused.value.number == 41
    assert refused.value.what == links.TOO_MANY


@given(st.text(max_size=300), st.sampled_from(["", "booking: ", "booking: https://app.example/"]))
def test_no_text_is_anything_but_taken_or_refused_in_a_sentence(text, before):
    try:
        found = parse(before + text, KINDS)
    except InvalidInput as error:
        assert "\n" not in str(error)
    else:
        assert parse(links.text(found), KINDS) == found


@given(st.text(max_size=60))
def test_an_id_stays_in_its_place_whatever_it_is(thing):
    for address in (GOOD, "https://app.example/b?of={id}&x=1", "https://app.example/#/b/{id}"):
        found = door({"booking": address}, "booking", thing)
        if found is None:
            assert thing in ("", ".", "..") or any("\ud800" <= mark <= "\udfff" for mark in thing)
            continue
        start, end = address.split("{id}")
        assert found.address.startswith(start)
        assert found.address.endswith(end)
        middle = found.address.removeprefix(start).removesuffix(end)
        assert unquote(middle) == thing
        assert re.fullmatch(r"[A-Za-z0-9_.~%-]*", middle)
        assert urlsplit(found.address).netloc == found.host == "app.example"


@pytest.mark.parametrize("thing", [None, "", ".", ".."])
def test_there_is_no_door_without_an_id_or_to_a_folder(thing):
    assert door({"booking": GOOD}, "booking", thing) is None
    assert door({"booking": GOOD}, "client", "cli_1") is None


# Where a reader finds it


@pytest.fixture
def log(service):
    return service.clinic()


@pytest.fixture
def ids(service, log):
    return service.fill(log)


@pytest.fixture
def owner(service, log):
    return service.client(service.user("owner", log, name="Olga Owner"))


def page(browser, name, log, *parts, status=200):
    answer = browser.get(reverse(name, args=[log.clinic.id, *parts]))
    assert answer.status_code == status
    return answer.content.decode()


def save(browser, log, text, was="", status=302):
    state = log.state()
    sent = {"name": state.name, "initial-name": state.name, "zone": state.zone, "initial-zone": state.zone,
            "links": text, "initial-links": was}  # fmt: skip
    answer = browser.post(reverse("settings", args=[log.clinic.id]), sent)
    assert answer.status_code == status
    return answer.content.decode()


def changes(log):
    return [view for view in log.read("action:settings.changed") if view.context["section"] == "links"]


def test_who_sets_an_address_is_recorded_and_stories_and_entries_lead_there(service, log, ids, owner):
    save(owner, log, f"booking: {GOOD}")
    (entry,) = changes(log)
    assert entry.context["changes"] == [{"field": "booking", "old": None, "new": GOOD}]
    assert entry.actor["name"] == "Olga Owner"
    address = GOOD.replace("{id}", ids["booking"])
    cancelled = next(log.read("action:booking.cancelled"))
    for said in (page(owner, "story", log, "booking", ids["booking"]), page(owner, "entry", log, cancelled.id)):
        (tag,) = re.findall(rf'<a [^>]*href="{re.escape(address)}"[^>]*>', said)
        assert 'rel="noopener noreferrer"' in tag
        assert "Open in app.example" in said
    assert "Open in" not in page(owner, "story", log, "client", ids["client"])
    assert GOOD in html.unescape(page(owner, "settings", log))
    save(owner, log, "", was=f"booking: {GOOD}")
    assert changes(log)[0].context["changes"] == [{"field": "booking", "old": GOOD, "new": None}]
    assert "Open in" not in page(owner, "story", log, "booking", ids["booking"])


def test_saving_without_a_change_records_nothing(log, owner):
    save(owner, log, f"booking: {GOOD}")
    save(owner, log, f"booking: {GOOD}\r\n", was=f"booking: {GOOD}")
    assert len(changes(log)) == 1


def test_an_old_page_does_not_undo_what_others_set_since(log, owner):
    save(owner, log, f"booking: {GOOD}")
    save(owner, log, "client: https://app.example/c/{id}")  # a page from before the booking's address
    said = html.unescape(page(owner, "settings", log))
    assert GOOD in said
    assert "https://app.example/c/{id}" in said
    save(owner, log, "booking: https://other.example/{id}", was="", status=409)
    assert len(changes(log)) == 2


def test_a_wrong_line_is_one_sentence_that_names_it_and_nothing_is_saved(log, owner):
    said = html.unescape(save(owner, log, f"booking: {GOOD}\nclient: javascript:alert({{id}})", status=400))
    assert "Line 2 needs an address that begins with https://." in said
    assert changes(log) == []
    save(owner, log, "booking: x", was="booking: javascript:1{id}", status=400)


def test_an_address_is_a_clinics_own(service, log, ids, owner):
    other = service.clinic()
    service.fill(other, "other")
    save(owner, log, f"booking: {GOOD}")
    stranger = service.client(service.user("owner", other))
    assert "Open in" not in page(stranger, "story", other, "booking", "booking_other")


def test_the_installations_address_holds_where_a_clinic_has_none(service, log, ids, owner, monkeypatch):
    from django.conf import settings

    monkeypatch.setattr(
        settings, "ENVIRONMENT", _with_links(settings.ENVIRONMENT, {"booking": "https://all.example/{id}"})
    )
    assert "Open in all.example" in page(owner, "story", log, "booking", ids["booking"])
    save(owner, log, f"booking: {GOOD}")
    assert "Open in app.example" in page(owner, "story", log, "booking", ids["booking"])


def _with_links(environment, addresses):
    from dataclasses import replace

    return replace(environment, links=addresses)


def test_nothing_leads_to_who_was_anonymized(service, log, ids, owner):
    save(owner, log, "client: https://app.example/c/{id}")
    assert "Open in app.example" in page(owner, "story", log, "client", ids["client"])
    cancelled = next(log.read("action:booking.cancelled")).id
    assert f"https://app.example/c/{ids['client']}" in page(owner, "entry", log, cancelled)
    from indelible.record.document import Staff

    log.anonymize(ids["client"], requested_by="client", actor=Staff("usr_1"))
    page(owner, "story", log, "client", ids["client"], status=404)
    assert "Open in" not in page(owner, "entry", log, cancelled)


@pytest.mark.parametrize("role", ["staff", "auditor"])
def test_only_who_may_change_settings_sets_an_address(service, log, role):
    save(service.client(service.user(role, log)), log, f"booking: {GOOD}", status=403)
    assert changes(log) == []


def test_an_address_of_a_kind_that_is_not_known_any_more_can_be_taken_away(log, owner):
    from indelible.service.accounts.models import ClinicLink

    ClinicLink.objects.create(clinic_id=log.clinic.id, kind="boat_rental", address=GOOD)
    save(owner, log, f"client: {GOOD}", was=f"boat_rental: {GOOD}")
    assert [one.kind for one in ClinicLink.objects.filter(clinic_id=log.clinic.id)] == ["client"]
