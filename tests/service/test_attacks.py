"""What somebody hostile tries: a curious receptionist, a former manager, whoever holds an old link, a stranger."""

from __future__ import annotations

import contextlib
import html
import re
import threading
from typing import Any

import pytest

from .conftest import PASSWORD, forget_counts

OTHER_PASSWORD = "another sentence that is hard"


def invitation(service: Any, log: Any, by: Any, role: str = "staff", email: str = "", **more: Any) -> str:
    """Invite as a member does, and return the link's path."""
    email = email or f"guest{service.user().pk}@new.example"
    answer = service.client(by).post(f"/c/{log.clinic.id}/people/invite/", {"email": email, "role": role, **more})
    assert answer.status_code == 302, answer.content.decode()
    return sent("invitation")


def password_link(service: Any, log: Any, by: Any, whose: Any) -> str:
    assert service.client(by).post(f"/c/{log.clinic.id}/people/{whose.public_id}/password/").status_code == 302
    return sent("new-password")


def sent(kind: str) -> str:
    """The path of the link in the newest e-mail."""
    from django.core import mail

    found = re.search(rf"/{kind}/\S+", mail.outbox[-1].body)
    assert found is not None
    return found[0]


def membership(user: Any, log: Any) -> Any:
    from indelible.service.accounts.models import Membership

    return Membership.objects.filter(user=user, clinic_id=log.clinic.id).first()


JOINING = {"name": "Somebody New", "password": OTHER_PASSWORD}


@pytest.mark.parametrize("then", ["removed", "demoted"])
def test_an_invitation_ends_with_the_right_to_invite(service, then):
    """A manager who is let go keeps a link for a second account."""
    from indelible.service.accounts.models import User

    log = service.clinic()
    owner, manager = service.user("owner", log), service.user("manager", log)
    link = invitation(service, log, manager)
    before = User.objects.count()
    if then == "removed":
        service.client(owner).post(f"/c/{log.clinic.id}/people/{manager.public_id}/remove/")
    else:
        service.client(owner).post(f"/c/{log.clinic.id}/people/{manager.public_id}/role/", {"role": "staff"})
    assert service.client().get(link).status_code == 404
    assert service.client().post(link, JOINING).status_code == 404
    assert User.objects.count() == before


def test_an_owner_who_was_demoted_cannot_come_back_by_an_own_invitation(service):
    log = service.clinic()
    first, second, again = service.user("owner", log), service.user("owner", log), service.user()
    link = invitation(service, log, second, "owner", again.email)
    service.client(first).post(f"/c/{log.clinic.id}/people/{second.public_id}/role/", {"role": "manager"})
    assert service.client(again).post(link).status_code == 404
    assert membership(again, log) is None


def test_an_invitation_still_works_while_the_inviter_may_invite(service):
    log = service.clinic()
    guest = service.user()
    link = invitation(service, log, service.user("manager", log), "staff", guest.email)
    assert service.client(guest).post(link).status_code == 302
    assert membership(guest, log).role == "staff"


@pytest.mark.parametrize("where", ["the same clinic", "another clinic"])
def test_a_password_link_does_not_open_what_its_owner_became_since(service, where):
    """A manager makes a link for a receptionist and keeps it until that one is an owner."""
    from indelible.service.accounts.models import Membership

    log, other = service.clinic(), service.clinic()
    manager, staff = service.user("manager", log), service.user("staff", log)
    link = password_link(service, log, manager, staff)
    if where == "the same clinic":
        Membership.objects.filter(user=staff).update(role="owner")
    else:
        Membership.objects.create(user=staff, clinic_id=other.clinic.id, role="owner")
    assert service.client().post(link, {"password": OTHER_PASSWORD}).status_code == 404
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)


def test_a_password_link_ends_when_its_maker_is_removed(service):
    log = service.clinic()
    owner, manager, staff = service.user("owner", log), service.user("manager", log), service.user("staff", log)
    link = password_link(service, log, manager, staff)
    service.client(owner).post(f"/c/{log.clinic.id}/people/{manager.public_id}/remove/")
    assert service.client().get(link).status_code == 404
    assert service.client().post(link, {"password": OTHER_PASSWORD}).status_code == 404
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)


def test_a_manager_cannot_withdraw_the_invitation_of_an_owner(service):
    log = service.clinic()
    guest = service.user()
    link = invitation(service, log, service.user("owner", log), "owner", guest.email)
    from indelible.service.accounts.models import OneTimeLink

    number = OneTimeLink.objects.get(email=guest.email).pk
    manager = service.client(service.user("manager", log))
    assert manager.post(f"/c/{log.clinic.id}/people/invitations/{number}/withdraw/").status_code == 404
    assert service.client(guest).post(link).status_code == 302
    assert membership(guest, log).role == "owner"


def test_only_an_auditor_gets_a_last_day(service):
    log = service.clinic()
    guest = service.user()
    link = invitation(service, log, service.user("owner", log), "owner", guest.email, until="2999-01-01")
    service.client(guest).post(link)
    assert membership(guest, log).until is None


@pytest.mark.parametrize("what", ["role", "remove"])
def test_two_owners_cannot_end_each_other_at_once(service, monkeypatch, what):
    """One of them is demoted or removed between being let in and acting."""
    from indelible.service.accounts.models import Membership
    from indelible.service.web import access

    log = service.clinic()
    one, two = service.user("owner", log), service.user("owner", log)
    real = access.visit

    def read_before(user: Any, clinic: str) -> Any:
        visit = real(user, clinic)
        if user.pk == one.pk:
            monkeypatch.setattr(access, "visit", real)
            service.client(two).post(f"/c/{log.clinic.id}/people/{one.public_id}/{what}/", {"role": "staff"})
        return visit

    monkeypatch.setattr(access, "visit", read_before)
    answer = service.client(one).post(f"/c/{log.clinic.id}/people/{two.public_id}/{what}/", {"role": "staff"})
    assert answer.status_code == 409
    assert Membership.objects.filter(clinic_id=log.clinic.id, role="owner").count() == 1


def test_a_link_makes_one_account_even_for_two_requests_at_once(service):
    from django.db import connections

    from indelible.service.accounts.models import User

    log = service.clinic()
    link = invitation(service, log, service.user("owner", log), "staff", "race@new.example")
    together, statuses = threading.Barrier(4), []

    def take(number: int) -> None:
        try:
            browser = service.client()
            together.wait()
            statuses.append(browser.post(link, {**JOINING, "name": f"Guest {number}"}).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(statuses) == [302, 404, 404, 404]
    assert User.objects.filter(email="race@new.example").count() == 1


@pytest.mark.parametrize("field, value", [("role", "owner"), ("role", "manager"), ("role", ""), ("role", "god")])
def test_a_manager_gives_nobody_more_than_staff(service, field, value):
    log = service.clinic()
    manager, staff = service.user("manager", log), service.user("staff", log)
    browser = service.client(manager)
    for address in (f"people/{staff.public_id}/role/", f"people/{manager.public_id}/role/", "people/invite/"):
        browser.post(f"/c/{log.clinic.id}/{address}", {field: value, "email": "x@new.example", "user": manager.pk,
                                                     "clinic_id": log.clinic.id, "is_active": "1"})  # fmt: skip
    assert membership(staff, log).role == "staff"
    assert membership(manager, log).role == "manager"


def test_what_else_is_sent_with_a_profile_changes_nothing(service):
    log = service.clinic()
    user = service.user("staff", log)
    former = user.public_id
    sent = {"name": "Eve", "email": user.email, "public_id": "usr_other", "role": "owner", "is_active": "", "until": ""}
    service.client(user).post("/account/", sent)
    user.refresh_from_db()
    assert (user.public_id, user.is_active, user.name) == (former, True, "Eve")
    assert membership(user, log).role == "staff"


NAMES = ["\u202eerotsecer", "a\x07b", "a\u2028b", "\u200b\u200b", "é" * 200, "\U0001f600" * 200, "=1+1",
         "<img src=x onerror=alert(1)>"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_nobody_protects_themselves_with_a_name_that_the_log_refuses(service, name):
    log = service.clinic()
    user = service.user("staff", log)
    browser = service.client(user)
    browser.post("/account/", {"name": name, "email": user.email})
    owner = service.client(service.user("owner", log))
    page = owner.get(f"/c/{log.clinic.id}/people/").content.decode()
    assert "<img src=x" not in page
    assert "\u202e" not in page
    removed = owner.post(f"/c/{log.clinic.id}/people/{user.public_id}/remove/")
    assert removed.status_code == 302
    assert membership(user, log) is None


def test_a_member_cannot_find_out_who_else_has_an_account(service):
    stranger, user = service.user(), service.user()
    browser = service.client(user)

    def told(email: str) -> list[str]:
        answer = browser.post("/account/", {"name": user.name, "email": email, "password": "wrong wrong wrong"})
        assert answer.status_code == 400
        return re.findall(r'class="[^"]*error[^"]*"[^>]*>([^<]+)', answer.content.decode())

    assert told(stranger.email) == told("nobody-at-all@new.example")


@pytest.mark.parametrize("spelling", [str.upper, str.title, lambda text: f"  {text} "])
def test_a_lock_holds_however_the_address_is_spelt(service, spelling):
    forget_counts()
    log = service.clinic()
    user = service.user("staff", log)
    browser = service.client()
    for _ in range(5):
        browser.post("/account/login/", {"login": user.email, "password": "wrong wrong wrong"})
    answer = browser.post("/account/login/", {"login": spelling(user.email), "password": PASSWORD},
                          headers={"x-forwarded-for": "198.51.100.7"})  # fmt: skip
    assert "_auth_user_id" not in browser.session
    assert answer.status_code in (200, 400, 429)
    forget_counts()


def test_counts_of_failures_are_not_pushed_out_by_many_others(service):
    from indelible.service import rate_limits

    for _ in range(5):
        assert rate_limits.take("attack", 5, 60) == 0
    for number in range(2_000):
        rate_limits.take(f"attack-{number}", 5, 60)
    assert rate_limits.take("attack", 5, 60) > 0
    forget_counts()


def test_a_clients_own_link_is_dead_once_it_was_used_even_where_the_client_came_back(service):
    log = service.clinic()
    ids = service.fill(log, "back")
    manager = service.client(service.user("manager", log))
    page = manager.post(f"/c/{log.clinic.id}/story/client/{ids['client']}/link/").content.decode()
    link = re.search(r"/forget/[^\"<\s]+", page)
    assert link is not None
    stranger = service.client()
    assert stranger.get(link[0]).status_code == 200
    assert log.reading().token("client", ids["client"]) is not None, "a GET has no effect"
    assert stranger.post(link[0]).status_code == 200
    assert log.reading().token("client", ids["client"]) is None
    assert "Your details are gone" in stranger.get(link[0]).content.decode()
    service.fill(log, "back")
    size = log.size
    again = stranger.post(link[0]).content.decode()
    assert "Your details are gone" not in again, "the log knows the client again"
    assert "This link was used already" in again
    assert log.reading().token("client", ids["client"]) is not None
    assert log.size == size


def test_a_clients_own_link_cannot_be_bent(service):
    from indelible.service.web.pages.story import sign

    log, other = service.clinic(), service.clinic()
    service.fill(log, "bent")
    service.fill(other, "bent")
    token = sign(log.reading(), "client_bent")
    theirs = sign(other.reading(), "client_bent")
    mixed = f"{token.split(':', 1)[0]}:{theirs.split(':', 1)[1]}"
    for bent in (token[:-1], token + "A", mixed, token.replace(":", "."), "x", token.swapcase()):
        assert service.client().post(f"/forget/{bent}/").status_code == 404
    assert log.reading().token("client", "client_bent") is not None


WIDER = ["-action:booking.created", "-actor:usr_desk -category:bookings", "category:account", "-category:bookings",
         "action:settings.changed", "actor:staff category:settings category:account", "todo", "-todo",
         "operation:operation_todo", "about:staff/usr_desk", "target:staff/usr_desk"]  # fmt: skip


@pytest.mark.parametrize("words", WIDER)
def test_no_filter_brings_staff_what_they_do_not_see(service, words):
    from indelible.service.web.access import visit

    log = service.clinic()
    service.fill(log, "todo")
    user = service.user("staff", log)
    found = visit(user, log.clinic.id)
    assert found is not None
    page = found.session.page(words, limit=500)
    assert not {view.category for view in page.views} & found.role.hidden
    text = service.client(user).get(f"/c/{log.clinic.id}/new/", {"since": "0", "q": words}).content.decode()
    count = re.search(r"\d+", re.sub(r"<[^>]+>", "", text))
    assert int(count[0] if count else 0) == len(page.views)


@pytest.mark.parametrize(
    "words", ["to:0001-01-01", "from:0001-01-01", "from:9999-12-31", "from:0001-01-01 to:9999-12-31"]
)
@pytest.mark.parametrize("place", ["", "totals/", "new/", "export/"])
def test_no_day_of_the_calendar_breaks_a_page(service, words, place):
    log = service.clinic()
    answer = service.client(service.user("owner", log)).get(f"/c/{log.clinic.id}/{place}", {"q": words, "since": "0"})
    assert answer.status_code == 200


IDS = ["a/b", "..", ".", "x/anonymize", "javascript:alert(1)", "http://evil.example/", "a?b#c", "%2e%2e%2f", "a~2Fb",
       "\\", '"onx="', "<script>alert(1)</script>", "{{ x }}", "\u65e5\u672c"]  # fmt: skip


@pytest.mark.parametrize("thing", IDS)
def test_an_id_of_the_host_breaks_no_page_and_leads_to_its_own_story(service, thing):
    log = service.clinic()
    markup = "\"><img src=x onerror=alert(1)>'<script>alert(2)</script>"
    log.record_document({
        "action": "client.created", "actor": {"kind": "staff", "id": thing, "name": markup, "role": markup},
        "target": {"kind": "client", "id": thing, "name": markup}, "context": {"method": "staff"}, "operation": thing,
        "request": {"channel": "staff_web", "user_agent": markup},
    })  # fmt: skip
    browser = service.client(service.user("owner", log))
    here = f"/c/{log.clinic.id}/"
    entry = next(log.read("action:client.created"))
    pages = [browser.get(here), browser.get(f"{here}entries/{entry.id}/")]
    links = set(re.findall(r'href="([^"]*/story/client/[^"]*)"', pages[0].content.decode()))
    assert len(links) == 1
    pages += [browser.get(html.unescape(links.pop())), browser.get(here, {"q": f'client:"{thing}"'})]
    for page in pages:
        text = page.content.decode()
        assert page.status_code in (200, 400)
        assert "<img src=x" not in text
        assert "<script>alert" not in text
        assert 'href="javascript' not in text
        assert 'href="http://evil' not in text
    assert pages[2].status_code == 200
    assert entry.id in pages[2].content.decode()


def test_a_clinic_that_another_process_closed_is_closed_here_too(service, tmp_path):
    """Its keys are destroyed: no name may be read with those that this process still held."""
    from indelible.journal import Journal
    from indelible.manage.lifetime import close_clinic
    from indelible.record.document import System
    from indelible.service.web.pages.story import sign

    log = service.clinic()
    ids = service.fill(log, "gone")
    browser = service.client(service.user("owner", log))
    addresses = [f"/c/{log.clinic.id}/", f"/c/{log.clinic.id}/story/client/{ids['client']}/",
                 f"/forget/{sign(log.reading(), ids['client'])}/"]  # fmt: skip
    assert [browser.get(one).status_code for one in addresses] == [200, 200, 200]
    with contextlib.closing(Journal(service.database)) as another:
        close_clinic(another, log.clinic.id, tmp_path / "final.zip", actor=System("command:close"))
    assert [browser.get(one).status_code for one in addresses] == [404, 404, 404]


@pytest.mark.parametrize(
    ("role", "place"),
    [("staff", "story/client/client_quiet/"), ("staff", "sign-ins/"), ("staff", "entries/{entry}/"),
     ("manager", "totals/")],
)  # fmt: skip
def test_nobody_reads_a_log_without_being_in_it(service, role, place):
    """Whoever knows an address need not open the list first."""
    log = service.clinic()
    service.fill(log, "quiet")
    user = service.user(role, log)
    browser = service.client(user)
    entry = next(log.read("action:client.created")).id
    for _ in range(2):
        assert browser.get(f"/c/{log.clinic.id}/{place.format(entry=entry)}").status_code == 200
    assert [view.actor["id"] for view in log.read("action:log.viewed")] == [user.public_id]


def test_a_database_that_cannot_be_written_is_said_and_changes_nothing(service):
    from django.db import connection

    log = service.clinic()
    owner, staff = service.user("owner", log), service.user("staff", log)
    browser, stranger = service.client(owner), service.client()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            removed = browser.post(f"/c/{log.clinic.id}/people/{staff.public_id}/remove/")
            entered = stranger.post("/account/login/", {"login": owner.email, "password": PASSWORD})
        finally:
            cursor.execute("PRAGMA query_only = OFF")
    assert (removed.status_code, entered.status_code) == (503, 503)
    assert membership(staff, log) is not None
    assert "_auth_user_id" not in stranger.session
