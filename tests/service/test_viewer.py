"""The log in a host's page: who gets in and how far, and what somebody finds who attacks it."""

from __future__ import annotations

import json
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from indelible.errors import InvalidInput, NotFound

from .conftest import contents
from .test_matrix import RIGHTS, TABLE, parts, patterns

HOSTS = "https://app.example https://*.hosts.example"
# What is not in a host's page, whatever the role; written down a second time on purpose, as the table of rights is.
NOT_THERE = {"anonymize", "letters", "own_views", "people", "settings"}


def passes() -> Any:
    from indelible.service.accounts import viewer_passes

    return viewer_passes


def made(log: Any, role: str = "owner", user: str = "usr_12", name: str = "Maria Host", **more: Any) -> str:
    """Make a pass as a host does, and return the path that goes into its frame."""
    return str(urlsplit(passes().make(log.clinic.id, role, user, name, **more).url).path)


def enter(service: Any, log: Any, role: str = "owner", **more: Any) -> tuple[Any, str]:
    """Return a browser in a host's page, and what the addresses of its session begin with."""
    browser = service.client(None, sec_fetch_dest="iframe")
    answer = browser.get(made(log, role, **more))
    assert answer.status_code == 302, answer.content.decode()
    found = re.match(r"/v/[\w-]{43}", answer.headers["location"])
    assert found is not None
    return browser, found[0]


def row() -> Any:
    """The newest pass, as its row is."""
    from indelible.service.accounts.models import ViewerPass

    return ViewerPass.objects.order_by("-pk").first()


def is_over(answer: Any) -> bool:
    return answer.status_code == 403 and "Load your clinic’s page again" in answer.content.decode()


@pytest.fixture(scope="module")
def world(service):
    log, other = service.clinic("Own"), service.clinic("Other")
    return log, service.fill(log, "own"), other, service.fill(other, "other")


# What is there


def test_a_pass_leads_to_the_log_of_its_clinic(service, world):
    log, *_ = world
    browser, below = enter(service, log)
    page = browser.get(f"{below}/c/{log.clinic.id}/")
    assert page.status_code == 200
    assert "Ana own" in page.content.decode()


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_gets_there_what_it_gets_here_but_for_what_needs_an_account(service, world, role):
    log, ids, *_ = world
    browser, below = enter(service, log, role)
    entry_id = next(log.read("action:booking.created")).id
    for name, route in patterns().items():
        right, taken = TABLE[name]
        for method in ("GET", "POST", "PUT", "DELETE"):
            status = browser.generic(method, below + parts(route, log, ids, entry_id)).status_code
            if method not in taken.split():
                expected = {405}
            elif right not in RIGHTS[role] - NOT_THERE:
                expected = {403}
            else:
                expected = {200, 302, 400} if method == "POST" else {200}
            assert status in expected, (role, name, method, status)


@pytest.mark.parametrize(
    ("role", "only"), [*((role, None) for role in RIGHTS), ("owner", "client"), ("staff", "booking")]
)
def test_every_link_of_every_page_leads_to_a_page_of_the_same_session(service, world, role, only):
    log, ids, *_ = world
    browser, below = enter(service, log, role, only=only and (only, ids[only]))
    here = f"{below}/c/{log.clinic.id}/"
    waiting, seen = [here], set()
    while waiting:
        address = waiting.pop()
        path = address.partition("?")[0]
        if path in seen:
            continue
        seen.add(path)
        answer = browser.get(address)
        assert answer.status_code in (200, 204, 302), (address, answer.status_code)
        if "html" not in answer.headers["content-type"] or answer.streaming:
            continue
        text = answer.content.decode().replace("&amp;", "&")
        for link in re.findall(r'(?:href|action|hx-get|hx-post|data-suggest)="([^"#]+)', text):
            if link.startswith(("/static/", "?", "https://")):
                continue
            assert link.startswith((here, f"{below}/colours.css")), (path, link)
            if "/suggest/" not in link and not re.search(rf'(?:action|hx-post)="{re.escape(link)}"', text):
                waiting.append(link)
    assert len(seen) > 7


def test_nothing_but_a_clinics_pages_is_there(service, world):
    log, *_ = world
    browser, below = enter(service, log)
    for path in ("/account/login/", "/account/sessions/", "/clinics/new/", "/language/", "/metrics", "/health/",
                 "/viewer.js", "/welcome/x/", "/forget/x/", "/api/v1/openapi.json", "/viewer/over/"):  # fmt: skip
        assert browser.get(below + path).status_code in (403, 404), path
        assert browser.post(below + path).status_code in (403, 404, 405), path
    assert browser.get(f"{below}/").headers["location"] == f"{below}/c/{log.clinic.id}/"
    assert browser.get(f"{below}/c/{log.clinic.id}").headers["location"] == f"{below}/c/{log.clinic.id}/"


def test_what_is_read_and_exported_is_recorded_with_the_hosts_user(service):
    log = service.clinic()
    service.fill(log)
    browser, below = enter(service, log, "manager", user="usr_desk_7", name="Rui Host")
    here = f"{below}/c/{log.clinic.id}/"
    for _ in range(2):
        browser.get(here)
    answer = browser.post(f"{here}export/file/", {"q": "", "format": "csv"})
    assert b"Rui Host" in b"".join(answer.streaming_content) or answer.status_code == 200
    told = [(one.action, one.actor["id"], one.actor["name"], one.actor["role"]) for one in log.read("category:log")]
    assert told.count(("log.viewed", "usr_desk_7", "Rui Host", "manager")) == 1
    assert told.count(("log.exported", "usr_desk_7", "Rui Host", "manager")) == 1


def test_its_language_is_the_hosts_word_else_the_browsers(service, world):
    log, *_ = world
    browser, below = enter(service, log, language="pt")
    assert 'lang="pt"' in browser.get(f"{below}/c/{log.clinic.id}/", headers={"accept-language": "es"}).content.decode()
    browser, below = enter(service, log)
    assert 'lang="es"' in browser.get(f"{below}/c/{log.clinic.id}/", headers={"accept-language": "es"}).content.decode()
    over = browser.get("/viewer/over", headers={"accept-language": "en"})
    assert 'lang="en"' in over.content.decode()


def test_a_door_to_the_hosts_page_opens_there_and_no_address_is_there_to_copy(service, world, monkeypatch):
    from django.conf import settings

    log, ids, *_ = world
    object.__setattr__(settings.ENVIRONMENT, "links", {"booking": "https://app.example/b/{id}"})
    try:
        browser, below = enter(service, log)
        story = browser.get(f"{below}/c/{log.clinic.id}/story/booking/{ids['booking']}/").content.decode()
        entry = next(log.read("action:booking.created"))
        panel = browser.get(
            f"{below}/c/{log.clinic.id}/entries/{entry.id}/",
            headers={"hx-request": "true", "hx-target": "panel"},
        ).content.decode()
    finally:
        object.__setattr__(settings.ENVIRONMENT, "links", {})
    for text in (story, panel):
        assert f'href="https://app.example/b/{ids["booking"]}" target="_top"' in text
        assert "data-copy=" not in text


def test_a_page_about_one_client_has_no_way_to_itself_and_no_sign_ins_of_the_staff(service, world, monkeypatch):
    from django.conf import settings

    log, ids, *_ = world
    links = {"client": "https://app.example/c/{id}", "booking": "https://app.example/b/{id}"}
    object.__setattr__(settings.ENVIRONMENT, "links", links)
    try:
        texts = []
        for only in (("client", ids["client"]), None):
            browser, below = enter(service, log, only=only)
            story = f"{below}/c/{log.clinic.id}/story"
            texts.append(browser.get(f"{story}/client/{ids['client']}/").content.decode())
        browser, below = enter(service, log, only=("client", ids["client"]))
        booking = browser.get(f"{below}/c/{log.clinic.id}/story/booking/{ids['booking']}/").content.decode()
    finally:
        object.__setattr__(settings.ENVIRONMENT, "links", {})
    assert ["https://app.example/c/" in text for text in texts] == [False, True]
    assert ["/sign-ins/" in text for text in texts] == [False, True]
    assert f"https://app.example/b/{ids['booking']}" in booking


def test_the_hosts_colours_are_a_stylesheet_of_the_session(service, world):
    log, *_ = world
    browser, below = enter(service, log, colours={"accent": "#0A7D5C", "background": "#ffffff"})
    assert f'href="{below}/colours.css" media="screen"' in browser.get(f"{below}/c/{log.clinic.id}/").content.decode()
    sheet = browser.get(f"{below}/colours.css")
    assert sheet.headers["content-type"].startswith("text/css")
    assert "--paper: #ffffff" in sheet.content.decode()
    assert browser.get("/colours.css").status_code == 404
    browser, below = enter(service, log)
    assert "colours.css" not in browser.get(f"{below}/c/{log.clinic.id}/").content.decode()


def test_the_hosts_script_is_small_and_stays_where_it_is(service):
    answer = service.client().get("/viewer.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "public" in answer.headers["cache-control"]
    assert len(answer.content) < 2_200
    assert not answer.cookies


# What gets nobody in


def test_a_pass_is_used_once(service, world):
    log, *_ = world
    path = made(log)
    assert service.client().get(path).status_code == 302
    assert is_over(service.client().get(path))
    assert is_over(service.client().get(path))


def test_of_many_who_use_a_pass_at_once_one_gets_in(service, world):
    from django.db import connection

    log, *_ = world
    for _ in range(5):
        path, start = made(log), threading.Barrier(6)

        def use(path: str = path, start: threading.Barrier = start) -> int:
            start.wait()
            try:
                return int(service.client().get(path).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            answers = sorted(one.result() for one in [pool.submit(use) for _ in range(6)])
        assert answers == [302, 403, 403, 403, 403, 403]


def test_who_read_a_pass_before_another_used_it_up_is_too_late(service, world, monkeypatch):
    """Between reading the row and taking it somebody else took it."""
    log, *_ = world
    path, found = made(log), passes()
    secret = path.split("/")[2]
    read = found._row
    taken: list[int] = []

    def slow(given: str, **wanted: Any) -> Any:
        one = read(given, **wanted)
        if not taken:
            taken.append(1)
            monkeypatch.setattr(found, "_row", read)
            assert found.use(secret) is not None
        return one

    monkeypatch.setattr(found, "_row", slow)
    assert found.use(secret) is None


def test_looking_whether_the_link_is_good_does_not_use_it_up(service, world):
    log, *_ = world
    path = made(log)
    assert service.client().head(path).status_code == 405
    assert service.client().post(path).status_code == 405
    assert is_over(service.client(None, sec_fetch_dest="document").get(path))
    assert service.client(None, sec_fetch_dest="iframe").get(path).status_code == 302


def test_a_forged_secret_opens_nothing(service, world):
    log, *_ = world
    path = made(log)
    secret = path.split("/")[2]
    _, below = enter(service, log)
    other = "A" if secret[5] != "A" else "B"
    for wrong in (
        secret[:5] + other + secret[6:],
        secret[:-1],
        secret + "A",
        "x",
        secret.swapcase(),
        "%00",
        secret[:-1] + "é",
    ):
        assert is_over(service.client().get(f"/viewer/{wrong}/")), wrong
        assert is_over(service.client().get(f"/v/{wrong}/c/{log.clinic.id}/")), wrong
    assert is_over(service.client().get(f"/v/{secret}/c/{log.clinic.id}/"))  # a pass is no session
    assert is_over(service.client().get(f"/viewer/{below[3:]}/"))  # nor a session a pass
    assert is_over(service.client().get("/v/"))
    assert is_over(service.client().get("/v//c/x/"))
    assert service.client().get(path).status_code == 302


def test_a_pass_ends_after_its_minutes(service, world):
    from django.utils import timezone

    log, *_ = world
    path = made(log, minutes=1)
    one = row()
    assert timedelta(seconds=50) < one.expires_at - timezone.now() <= timedelta(minutes=1)
    one.expires_at = timezone.now() - timedelta(seconds=1)
    one.save()
    assert is_over(service.client().get(path))


@pytest.mark.parametrize(
    ("field", "ago"), [("last_seen_at", timedelta(minutes=31)), ("used_at", timedelta(hours=8, seconds=1))]
)
def test_a_session_ends(service, world, field, ago):
    from django.utils import timezone

    log, *_ = world
    browser, below = enter(service, log)
    here, one = f"{below}/c/{log.clinic.id}/", row()
    assert browser.get(here).status_code == 200
    setattr(one, field, timezone.now() - ago)
    one.save(update_fields=[field])
    for path in (here, f"{here}export/", f"{below}/colours.css", f"{here}new/?since=1"):
        assert is_over(browser.get(path)), path
    assert is_over(browser.post(f"{here}export/file/", {"format": "csv"}))


def test_use_puts_off_the_end_and_a_page_that_is_only_open_does_not(service, world):
    from django.utils import timezone

    log, *_ = world
    browser, below = enter(service, log)
    here, one = f"{below}/c/{log.clinic.id}/", row()
    before = timezone.now() - timedelta(minutes=20)
    for path, put_off in ((f"{here}new/?since=1", False), (here, True)):
        one.last_seen_at = before
        one.save(update_fields=["last_seen_at"])
        assert browser.get(path).status_code == 200
        assert (row().last_seen_at > before) is put_off, path


def test_what_ended_is_deleted_when_the_next_pass_is_made(service, world):
    from django.utils import timezone

    from indelible.service.accounts.models import ViewerPass

    log, *_ = world
    now, found = timezone.now(), set()
    for change in (
        {"expires_at": now},
        {"used_at": now - timedelta(hours=9)},
        {"last_seen_at": now - timedelta(hours=1)},
    ):
        made(log)
        one = row()
        found.add(one.pk)
        ViewerPass.objects.filter(pk=one.pk).update(
            **change, session_digest=None if "expires_at" in change else str(one.pk)
        )
    made(log)
    assert not ViewerPass.objects.filter(pk__in=found).exists()
    assert ViewerPass.objects.filter(pk=row().pk).exists()


def test_with_its_key_ends_what_a_host_was_given(service, world):
    from indelible.service.accounts import keys
    from indelible.service.accounts.models import ApiKey

    log, *_ = world
    for end in (keys.revoke, lambda key: ApiKey.objects.filter(pk=key.pk).update(ends_at=1)):
        key, _ = keys.make("Host", ["manage"], clinic_id=log.clinic.id)
        browser, below = enter(service, log, key=key)
        unused, here = made(log, key=key), f"{below}/c/{log.clinic.id}/"
        assert browser.get(here).status_code == 200
        end(key)
        assert is_over(browser.get(here))
        assert is_over(browser.get(unused))


def test_a_closed_clinic_is_open_to_nobody(service, tmp_path):
    from indelible.manage.lifetime import close_clinic
    from indelible.record.document import System
    from indelible.service.shared_journal import journal

    log = service.clinic()
    service.fill(log)
    browser, below = enter(service, log)
    unused = made(log)
    close_clinic(journal(), log.clinic.id, tmp_path / "final.indelible", actor=System("job:closing"))
    for path in (f"{below}/c/{log.clinic.id}/", f"{below}/c/{log.clinic.id}/export/"):
        assert browser.get(path).status_code == 404, path
    answer = browser.get(unused)
    assert browser.get(answer.headers["location"]).status_code == 404


# How far somebody gets


def test_another_clinic_is_as_if_it_were_not_there(service, world):
    log, _, other, ids = world
    browser, below = enter(service, log)
    entry_id = next(other.read("action:booking.created")).id
    for name, route in patterns().items():
        address = parts(route, other, ids, entry_id)
        for method in TABLE[name][1].split():
            assert browser.generic(method, below + address).status_code == 404, (name, method)
    here = f"{below}/c/{log.clinic.id}/"
    cursor = other.page(limit=2).older.encode()
    asked = [f"{here}?after={cursor}", f"{here}?q=client:{ids['client']}", f"{here}export/?after={cursor}"]
    asked += [f"{here}entries/{view.id}/" for view in other.read(limit=12)]
    asked += [f"{here}story/{kind}/{ids[kind]}/" for kind in ("booking", "client", "voucher", "service")]
    for address in asked:
        text = browser.get(address).content.decode()
        for mark in ("Ana other", "Maria other", "Massage other"):
            assert mark not in text.replace(address, ""), address
    for format in ("csv", "jsonl"):
        answer = browser.post(f"{here}export/file/", {"q": f"client:{ids['client']}", "format": format})
        assert b"Ana other" not in b"".join(answer.streaming_content)


def test_whoever_is_signed_in_beside_lends_a_viewer_nothing(service, world):
    """The cookie of an owner of both clinics goes with a viewer's request: browsers send it where the sites are one."""
    from indelible.service.accounts.models import Membership

    log, _, other, _ = world
    owner = service.user("owner", log)
    Membership.objects.create(user=owner, clinic_id=other.clinic.id, role="owner")
    _, below = enter(service, log, "staff")
    signed_in = service.client(owner)
    assert signed_in.get(f"/c/{log.clinic.id}/people/").status_code == 200
    for path in (f"/c/{log.clinic.id}/people/", f"/c/{log.clinic.id}/export/", f"/c/{log.clinic.id}/integrity/"):
        assert signed_in.get(below + path).status_code == 403, path
    assert signed_in.get(f"{below}/c/{other.clinic.id}/").status_code == 404
    assert signed_in.get(f"{below}/account/security/").status_code == 404
    assert "user-menu" in signed_in.get(f"/c/{log.clinic.id}/").content.decode()
    assert "user-menu" not in signed_in.get(f"{below}/c/{log.clinic.id}/").content.decode()


def test_no_cookie_is_set_and_no_form_needs_one(service, world):
    from django.test import Client as Browser

    log, *_ = world
    browser = Browser(enforce_csrf_checks=True, headers={"host": "localhost", "sec-fetch-dest": "iframe"})
    answer = browser.get(made(log))
    here = answer.headers["location"]
    answers = [
        answer,
        browser.get(here),
        browser.get(f"{here}export/"),
        browser.get("/viewer/over"),
        browser.get(f"{here}x/"),
    ]
    answers += [browser.post(f"{here}export/file/", {"q": "", "format": "csv"}, headers={"origin": "null"})]
    assert answers[-1].status_code == 200
    assert [one.cookies for one in answers] == [{}] * len(answers)
    assert not browser.cookies
    # Elsewhere a form without its token is refused, as before.
    signed_in = Browser(enforce_csrf_checks=True, headers={"host": "localhost"})
    signed_in.force_login(service.user("owner", log))
    assert signed_in.post(f"/c/{log.clinic.id}/export/file/", {"q": "", "format": "csv"}).status_code == 403


def test_a_page_that_is_opened_by_itself_is_not_shown(service, world):
    log, *_ = world
    _, below = enter(service, log)
    tab = service.client(None, sec_fetch_dest="document")
    for path in ("/", f"/c/{log.clinic.id}/", f"/c/{log.clinic.id}/export/", "/colours.css", "/nothing"):
        assert is_over(tab.get(below + path)), path
    assert is_over(tab.post(f"{below}/c/{log.clinic.id}/export/file/", {"format": "csv"}))


def test_what_lies_in_the_database_opens_nothing_and_names_nobody(service, world):
    """Somebody has the file, or writes into it."""
    from django.conf import settings
    from django.db import connection

    from indelible.service.accounts.models import ViewerPass

    log, _, other, _ = world
    browser, below = enter(service, log, "staff", user="usr_secretive", name="Zulmira Unseen")
    one, secret = row(), below[3:]
    unused = made(log, "staff", user="usr_secretive", name="Zulmira Unseen")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = contents(settings.ENVIRONMENT.accounts.parent.glob("*.accounts*"))
    for text in (secret, unused.split("/")[2], "usr_secretive", "Zulmira"):
        assert text.encode() not in data, text
    here = f"{below}/c/{log.clinic.id}/"
    assert browser.get(here).status_code == 200
    made(log, "owner")
    owners = row()
    for change in (
        {"clinic_id": other.clinic.id},
        {"claims": owners.claims},
        {"claims": one.claims[:-1] + b"\0"},
        {"claims": b""},
    ):
        ViewerPass.objects.filter(pk=one.pk).update(**{"clinic_id": log.clinic.id, "claims": one.claims} | change)
        assert is_over(browser.get(here)), change.keys()
        assert is_over(browser.get(f"{below}/c/{other.clinic.id}/")), change.keys()


def test_other_pages_and_threads_know_nothing_of_a_session(service, world):
    """Addresses begin with a session's secret while its request is answered, and not in the next one of the thread."""
    log, ids, *_ = world
    owner = service.client(service.user("owner", log))
    browser, below = enter(service, log)
    here = f"/c/{log.clinic.id}/"
    for path in (
        here,
        f"{here}sign-ins/",
        f"{here}export/",
        f"{here}story/booking/{ids['booking']}/",
        f"{here}nothing/",
    ):
        browser.get(below + path)
        assert "/v/" not in owner.get(path).content.decode(), path
        _, another = enter(service, log)
        assert below not in browser.get(another + path).content.decode(), path


@pytest.mark.parametrize("role", RIGHTS)
@pytest.mark.parametrize("kind", ["client", "booking"])
def test_who_is_shown_one_thing_sees_nothing_else_anywhere(service, role, kind):
    log = service.clinic()
    ids, others = service.fill(log, "own"), service.fill(log, "zed")
    browser, below = enter(service, log, role, only=(kind, ids[kind]))
    here = f"{below}/c/{log.clinic.id}/"
    assert browser.get(f"{below}/").headers["location"] == f"{here}story/{kind}/{ids[kind]}/"
    assert browser.get(f"{here}story/{kind}/{ids[kind]}/").status_code == 200
    shown = browser.get(here).content.decode()
    assert ids["booking"] in shown
    asked = [here, f"{here}?q=zed", f"{here}?q=text:zed", f"{here}suggest/?q=Ana+z", f"{here}suggest/?q=zed",
             f"{here}totals/", f"{here}export/", f"{here}print/", f"{here}sign-ins/?person=all", f"{here}new/?since=0",
             f"{here}?q=operation:{others['operation']}", f"{here}?q=client:{others['client']}"]  # fmt: skip
    asked += [f"{here}story/{one}/{others[one]}/" for one in ("booking", "client", "voucher", "service", "charge")]
    asked += [f"{here}print/{one}/{others[one]}/" for one in ("booking", "client")]
    asked += [f"{here}entries/{view.id}/" for view in log.read(f"client:{others['client']}")]
    asked += [f"{here}?q=about:{one}/{others[one]}" for one in ("booking", "charge", "voucher")]
    for address in asked:
        answer = browser.get(address)
        assert answer.status_code in (200, 204, 400, 403, 404), address
        for mark in ("Ana zed", "Massage zed"):
            assert mark not in answer.content.decode(), (address, mark)
        if "/entries/" in address or ("/story/" in address and "/service/" not in address):
            assert answer.status_code == 404, address
    for path in ("integrity/", "integrity/checkpoint/", "letter/"):
        assert browser.get(here + path).status_code == 403, path
    answer = browser.post(f"{here}export/file/", {"q": "", "format": "jsonl"})
    assert (answer.status_code == 200) is ("export" in RIGHTS[role])
    if answer.status_code == 200:
        data = b"".join(answer.streaming_content)
        assert ids["booking"].encode() in data
        assert b"zed" not in data


# What is sent with it


def test_who_may_show_it_in_a_frame_is_said_with_each_answer(service, world):
    log, *_ = world
    browser, below = enter(service, log)
    here = f"{below}/c/{log.clinic.id}/"
    for path in (
        here,
        f"{here}export/",
        f"{below}/",
        f"{below}/nothing",
        f"{below}/c/c_none/",
        "/viewer/over",
        "/v/x",
        made(log),
    ):
        answer = browser.get(path)
        assert f"frame-ancestors {HOSTS};" in f"{answer.headers['content-security-policy']};", path
        assert "x-frame-options" not in answer.headers, path
        assert answer.headers["referrer-policy"] == "no-referrer", path
        assert answer.headers["cache-control"] == "no-store", path


def test_no_other_page_can_be_shown_in_a_frame(service, world):
    log, *_ = world
    owner = service.client(service.user("owner", log))
    for path in (f"/c/{log.clinic.id}/", f"/c/{log.clinic.id}/export/", "/account/login/", "/account/", "/",
                 "/colours.css", "/c/v/x/", "/viewer.js", "/viewerx/", "/health/"):  # fmt: skip
        answer = owner.get(path)
        assert answer.headers["x-frame-options"] == "DENY", path
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path


def test_without_hosts_no_page_may_show_it_and_no_pass_is_made(service, world):
    from django.conf import settings

    log, *_ = world
    before = settings.ENVIRONMENT.frame_ancestors
    browser, below = enter(service, log)
    object.__setattr__(settings.ENVIRONMENT, "frame_ancestors", ())
    try:
        with pytest.raises(InvalidInput, match="INDELIBLE_FRAME_ANCESTORS: names no page"):
            made(log)
        answer = browser.get(f"{below}/c/{log.clinic.id}/")
    finally:
        object.__setattr__(settings.ENVIRONMENT, "frame_ancestors", before)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_no_log_line_and_no_metric_has_a_secret(service, world, capfd):
    from indelible.service.run.json_logs import JSONLines

    log, *_ = world
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JSONLines().format(record))

    kept = Kept(logging.DEBUG)
    root, ours = logging.getLogger(), logging.getLogger("indelible")
    levels = root.level, ours.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    ours.setLevel(logging.DEBUG)
    try:
        path = made(log)
        browser = service.client()
        below = browser.get(path).headers["location"].partition("/c/")[0]
        for one in ("", "nothing/", "entries/x/", "?q=wrong:", "export/"):
            browser.get(f"{below}/c/{log.clinic.id}/{one}")
        browser.get(path)
        browser.get(f"{below}/c/c_none/")
        browser.get(f"{below}x/c/c_none/")
        browser.get("/metrics")
        said = browser.get("/metrics").content.decode()
    finally:
        root.removeHandler(kept)
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
    routes = {json.loads(line).get("route") for line in lines}
    assert {"viewer/<str:secret>/", "c/<str:clinic>/", "viewer/over"} <= routes
    for secret in (path.split("/")[2], below[3:]):
        assert secret not in "\n".join(lines) + said
        assert secret not in "".join(capfd.readouterr())


# What a host asks for


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("role", {"role": "root"}), ("role", {"role": ""}),
        ("user.id", {"user": ""}), ("user.id", {"user": "maria@clinic.example"}), ("user.id", {"user": None}),
        ("user.name", {"name": ""}), ("user.name", {"name": "x" * 201}), ("user.name", {"name": "a\nb"}),
        ("language", {"language": "fr"}), ("minutes", {"minutes": 0}), ("minutes", {"minutes": 61}),
        ("minutes", {"minutes": True}), ("only.kind", {"only": ("voucher", "v_1")}),
        ("only.id", {"only": ("client", "+351 912 345 678")}),
        ("colours.accent", {"colours": {"accent": "red"}}), ("colours.background", {"colours": {"background": "#fff"}}),
        ("colours.scheme", {"colours": {"scheme": "sepia"}}), ("colours", {"colours": {"font": "x"}}),
        ("colours", {"colours": "#ffffff"}),
    ],
)  # fmt: skip
def test_what_a_host_asks_for_wrongly_is_refused_by_its_name(service, world, field, wrong):
    log, *_ = world
    with pytest.raises(InvalidInput) as refused:
        made(log, **wrong)
    assert refused.value.field == field
    for value in ("maria@clinic.example", "912 345"):
        assert value not in str(refused.value)


def test_there_is_no_pass_for_a_clinic_that_is_not_there(service):
    with pytest.raises(NotFound):
        passes().make("c_none", "owner", "usr_1", "Maria")


# Over HTTP


def ask(service: Any, clinic: str, text: str | None, body: Any) -> Any:
    return service.client().post(
        f"/api/v1/clinics/{clinic}/viewer", json.dumps(body), content_type="application/json",
        headers={} if text is None else {"authorization": f"Bearer {text}"},
    )  # fmt: skip


BODY = {"role": "staff", "user": {"id": 12, "name": "Maria Host"}}


def test_a_host_makes_a_pass_over_http(service, world):
    from indelible.service.accounts import keys

    log, *_ = world
    for clinic_id in (log.clinic.id, ""):
        _, text = keys.make("Host", ["manage"], clinic_id=clinic_id)
        more = {"language": "es", "colours": {"accent": "#0a7d5c", "scheme": "dark"}, "minutes": 5}
        answer = ask(service, log.clinic.id, text, BODY | more)
        assert answer.status_code == 201, answer.content
        made = answer.json()
        assert made.keys() == {"url", "expires_at"}
        assert made["url"].startswith("http://localhost:8000/viewer/")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", made["expires_at"])
        browser = service.client()
        page = browser.get(browser.get(urlsplit(made["url"]).path).headers["location"]).content.decode()
        assert 'lang="es"' in page
        assert "colours.css" in page


def test_only_a_key_that_manages_the_clinic_makes_one(service, world):
    from indelible.service.accounts import keys

    log, _, other, _ = world
    _, reads = keys.make("Reader", ["read", "record", "export", "anonymize"], clinic_id=log.clinic.id)
    _, mine = keys.make("Host", ["manage"], clinic_id=log.clinic.id)
    assert ask(service, log.clinic.id, None, BODY).status_code == 401
    assert ask(service, log.clinic.id, "ind_test_x", BODY).status_code == 401
    assert ask(service, log.clinic.id, reads, BODY).status_code == 403
    there, nowhere = ask(service, other.clinic.id, mine, BODY), ask(service, "c_none", mine, BODY)
    assert there.status_code == nowhere.status_code == 404
    assert there.content == nowhere.content


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("role", {"role": "root"}), ("user.id", {"user": {"name": "x"}}),
        ("user.id", {"user": {"id": "a@b.example", "name": "x"}}), ("rights", {"rights": ["people"]}),
        ("colours.accent", {"colours": {"accent": "red"}}), ("minutes", {"minutes": 600}),
        ("language", {"language": "fr"}), ("only.kind", {"only": {"kind": "clinic", "id": "c_1"}}),
    ],
)  # fmt: skip
def test_a_wrong_request_is_a_problem_that_names_its_field(service, world, field, wrong):
    from indelible.service.accounts import keys

    log, *_ = world
    _, text = keys.make("Host", ["manage"], clinic_id=log.clinic.id)
    answer = ask(service, log.clinic.id, text, BODY | wrong)
    assert answer.status_code == 422, answer.content
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("field", "") == field  # the name of a member that is too much is the sender's own text
    assert b"a@b.example" not in answer.content
