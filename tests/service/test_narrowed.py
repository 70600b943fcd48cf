"""Every page for somebody who sees one client, booking or person: nothing of others, and nothing over the whole."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from indelible.access import Access
from indelible.export.formats import BUNDLE, LISTS
from indelible.read.only import Only
from indelible.record.document import Client

from .test_matrix import TABLE, parts, patterns

# Rights that who is narrowed has, of those of an owner.
RIGHTS = {"read", "totals", "export"}
OTHERS = ("Ana other", "Massage other", *(f"{kind}_other" for kind in (
    "booking", "client", "charge", "voucher", "service", "reward", "operation")))  # fmt: skip


@pytest.fixture(scope="module")
def filled(service):
    """A clinic with two clients, of which the second one came last."""
    log = service.clinic()
    other = service.fill(log, "other")
    return log, service.fill(log, "own"), other


@pytest.fixture(params=["client", "booking"])
def narrowed(request, service, filled, monkeypatch):
    """A browser in which whoever enters a clinic is narrowed."""
    log, own, _ = filled
    only = Only(request.param, own[request.param])
    enter = Access.enter

    def narrow(journal, clinic_id, principal, request=None):
        return enter(journal, clinic_id, replace(principal, only=only), request)

    monkeypatch.setattr(Access, "enter", narrow)
    return service.client(service.user("owner", log)), only


def body(response: Any) -> str:
    """What a browser gets: a page, or a file."""
    return unpacked(b"".join(response.streaming_content) if response.streaming else response.content)


def unpacked(data: bytes) -> str:
    """What is in a file, also where it is a ZIP."""
    if data[:2] == b"PK":
        with ZipFile(BytesIO(data)) as parts:
            data = b"".join(parts.read(name) for name in parts.namelist())
    return data.decode("utf-8", "replace")


def seen(text: str, address: str = "") -> list[str]:
    """What is of others, but for what was asked for and is repeated."""
    return [one for one in OTHERS if one in text and one not in address]


def test_every_address_is_narrowed_or_closed(narrowed, filled):
    browser, only = narrowed
    log, own, other = filled
    mine = next(log.reading(only=only).read("action:booking.created"))
    theirs = next(one for one in log.read("action:booking.created") if one.id != mine.id)
    for name, route in patterns().items():
        right, taken = TABLE[name]
        for method in taken.split():
            for ids, entry in ((own, mine.id), (other, theirs.id)):
                address = parts(route, log, ids, entry)
                response = browser.generic(method, address)
                if right not in RIGHTS:
                    assert response.status_code == 403, (name, method)
                    continue
                assert response.status_code in ({200, 302, 400, 404} if method == "POST" else {200, 404}), name
                assert not seen(body(response), address), (name, method)
                if ids is other and ("entry_id" in route or "thing" in route):
                    assert response.status_code == 404, (name, method)


@pytest.mark.parametrize("text", [
    "", "category:bookings", "client:client_other", "about:booking/booking_other", "about:service/service_other",
    "operation:operation_other", "Ana", '"Ana other"', "other", "Massage", "Maria", "55.00", "from:2020-01-01",
    "actor:usr_desk", "only:client/client_other", "Ana in:text", "recorded:late",
])  # fmt: skip
@pytest.mark.parametrize("page", ["", "totals/", "export/", "print/", "suggest/", "new/"])
def test_no_filter_leads_to_anybody_else(narrowed, filled, text, page):
    browser, _ = narrowed
    log, _, _ = filled
    response = browser.get(f"/c/{log.clinic.id}/{page}", {"q": text, "since": "1"})
    assert response.status_code in (200, 204), response.status_code
    assert not seen(body(response), text)


@pytest.mark.parametrize("format", [*LISTS, BUNDLE])
def test_what_is_downloaded_has_nobody_else(narrowed, filled, format):
    browser, only = narrowed
    log, _, _ = filled
    data = body(browser.post(f"/c/{log.clinic.id}/export/file/", {"q": "", "format": format}))
    assert only.id in data
    assert not seen(data)
    recorded = next(log.read("action:log.exported", limit=1)).context["filter"]
    assert recorded == f"only:{only.value}"


def test_what_can_be_chosen_is_what_occurs(narrowed, filled):
    browser, _ = narrowed
    log, _, _ = filled
    page = browser.get(f"/c/{log.clinic.id}/").content.decode()
    chosen = set(re.findall(r"action%3A([a-z_.]+)", page))
    assert {"booking.created", "booking.cancelled"} <= chosen
    assert not chosen & {"service.created", "reward.created", "settings.changed", "account.logged_in", "log.viewed"}


def test_what_others_do_is_no_news(narrowed, filled):
    """The page asks every two seconds whether there is more; an entry about somebody else must not even be noticed."""
    from indelible.catalogue.bookings import BookingCreated

    browser, _ = narrowed
    log, _, _ = filled
    page = browser.get(f"/c/{log.clinic.id}/").content.decode()
    (address,) = set(re.findall(r'"(/c/[^"]*new/[^"]*)"', page))
    before = browser.get(address)
    log.record(BookingCreated(), actor=Client("client_other", "Ana other"), target=("booking", "booking_other"))
    after = browser.get(address)
    assert (after.status_code, after.content) == (before.status_code, before.content)
    assert after.status_code == 204
    again = browser.get(f"/c/{log.clinic.id}/").content.decode()
    assert address in again
