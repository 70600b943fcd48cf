"""What two requests at once must not do together, on a database with many writers as well.

SQLite has one writer, which hides such a race. So here another request's commit lands between a page's decision and
its first write, as it can where transactions run beside each other: it is made in the page's own transaction, before
the first statement that writes to the accounts' tables. A page that decided on what it had read would go on; one whose
writes name what they rest on is refused, and all is undone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .conftest import PASSWORD, forget_counts
from .test_attacks import JOINING, OTHER_PASSWORD, invitation, membership, password_link


@pytest.fixture(autouse=True)
def fresh_limits(service: Any) -> None:
    forget_counts()


@contextmanager
def meanwhile(change: Callable[[], object]) -> Iterator[list[str]]:
    """Make a change before the first statement that writes to the accounts' tables. Yields that statement."""
    from django.db import connection

    met: list[str] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not met and sql.startswith(("UPDATE", "INSERT", "DELETE")) and '"service_' in sql:
            met.append(sql)
            change()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield met


def role(user: Any, log: Any, other: str) -> Callable[[], object]:
    from indelible.service.accounts.models import Membership

    return lambda: Membership.objects.filter(user=user, clinic_id=log.clinic.id).update(role=other)


def gone(user: Any, log: Any) -> Callable[[], object]:
    from indelible.service.accounts.models import Membership

    return lambda: Membership.objects.filter(user=user, clinic_id=log.clinic.id).delete()


def joins(user: Any, log: Any, other: str) -> Callable[[], object]:
    from indelible.service.accounts.models import Membership

    return lambda: Membership.objects.create(user=user, clinic_id=log.clinic.id, role=other)


def taken(email: str) -> Callable[[], object]:
    from indelible.service.accounts.models import OneTimeLink

    return lambda: OneTimeLink.objects.filter(email=email).delete()


@pytest.mark.parametrize("what", ["role", "remove"])
@pytest.mark.parametrize("how", [role, gone])
def test_who_is_no_owner_any_more_ends_no_other_owner(service, what, how):
    log = service.clinic()
    one, two = service.user("owner", log), service.user("owner", log)
    end = how(one, log, "staff") if how is role else how(one, log)
    browser = service.client(one)
    with meanwhile(end) as met:
        answer = browser.post(f"/c/{log.clinic.id}/people/{two.public_id}/{what}/", {"role": "staff"})
    assert met
    assert answer.status_code == 409
    assert membership(two, log).role == "owner"
    assert not [view.action for view in log.read("category:account") if "staff" in view.action]


@pytest.mark.parametrize("what", ["role", "remove", "password"])
@pytest.mark.parametrize("how", [role, gone])
def test_a_manager_does_nothing_to_who_was_made_an_owner(service, what, how):
    from indelible.service.accounts.models import OneTimeLink

    log = service.clinic()
    manager, staff = service.user("manager", log), service.user("staff", log)
    end = how(staff, log, "owner") if how is role else how(staff, log)
    browser = service.client(manager)
    with meanwhile(end) as met:
        answer = browser.post(f"/c/{log.clinic.id}/people/{staff.public_id}/{what}/", {"role": "auditor",
                                              "until": "2999-01-01"})  # fmt: skip
    assert met
    assert answer.status_code == 409
    assert "Somebody changed this at the same moment" in answer.content.decode()
    assert membership(staff, log).role == "staff"
    assert not OneTimeLink.objects.filter(user=staff).exists()


@pytest.mark.parametrize("when", ["made", "used"])
def test_a_password_link_does_not_open_a_clinic_that_its_person_joins_at_that_moment(service, when):
    log, other = service.clinic(), service.clinic()
    manager, staff = service.user("manager", log), service.user("staff", log)
    address, sent = f"/c/{log.clinic.id}/people/{staff.public_id}/password/", {}
    if when == "used":
        address, sent = password_link(service, log, manager, staff), {"password": OTHER_PASSWORD}
    browser = service.client(manager if when == "made" else None)
    with meanwhile(joins(staff, other, "owner")) as met:
        assert browser.post(address, sent).status_code == 409
    assert met
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)


def test_who_may_not_invite_any_more_makes_no_invitation(service):
    from indelible.service.accounts.models import OneTimeLink

    log = service.clinic()
    owner = service.user("owner", log)
    browser = service.client(owner)
    with meanwhile(role(owner, log, "staff")) as met:
        sent = {"email": "late@new.example", "role": "owner"}
        assert browser.post(f"/c/{log.clinic.id}/people/invite/", sent).status_code == 409
    assert met
    assert not OneTimeLink.objects.filter(email="late@new.example").exists()


def test_an_invitation_is_taken_or_withdrawn_and_not_both(service):
    from indelible.service.accounts.models import OneTimeLink

    log = service.clinic()
    owner = service.user("owner", log)
    invitation(service, log, owner, "staff", "both@new.example")
    number = OneTimeLink.objects.get(email="both@new.example").pk
    browser = service.client(owner)
    entries = log.size
    with meanwhile(taken("both@new.example")) as met:
        assert browser.post(f"/c/{log.clinic.id}/people/invitations/{number}/withdraw/").status_code == 409
    assert met
    assert log.size == entries


def made(email: str) -> Callable[[], object]:
    from indelible.service.accounts.models import User

    return lambda: User.objects.create_user(email, PASSWORD, name="Quicker")


@pytest.mark.parametrize("who", ["nobody yet", "a known account"])
@pytest.mark.parametrize("event", ["taken", "inviter demoted", "inviter gone", "account made"])
def test_an_invitation_that_something_happens_to_joins_nobody(service, who, event):
    """Never a 500, never an account without what it was for."""
    from indelible.service.accounts.models import User

    log = service.clinic()
    owner, guest = service.user("owner", log), service.user() if who == "a known account" else None
    email = guest.email if guest else f"{event.replace(' ', '')}@new.example"
    link = invitation(service, log, owner, "staff", email)
    happens = {"taken": taken(email), "inviter demoted": role(owner, log, "staff"), "inviter gone": gone(owner, log),
               "account made": made(email if guest is None else "other@new.example")}[event]  # fmt: skip
    browser = service.client(guest)
    with meanwhile(happens) as met:
        status = browser.post(link, JOINING).status_code
    assert met
    if event == "account made" and guest is not None:
        assert status == 302
        return
    assert status in (404, 409)
    assert User.objects.filter(email=email).count() == (0 if guest is None else 1)
    assert guest is None or membership(guest, log) is None


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_an_older_invitation_makes_nobody_less_than_they_became(service, when):
    """The only owner, say, who takes up an invitation as staff from before."""
    log = service.clinic()
    owner, guest = service.user("owner", log), service.user()
    link = invitation(service, log, owner, "staff", guest.email)
    if when == "before":
        joins(guest, log, "owner")()
    browser = service.client(guest)
    with meanwhile(joins(guest, log, "owner") if when == "meanwhile" else lambda: None) as met:
        assert browser.post(link).status_code == 409
    assert met
    assert membership(guest, log) is None if when == "meanwhile" else membership(guest, log).role == "owner"


def test_an_auditor_whose_time_is_over_can_be_invited_again(service):
    from datetime import date

    from indelible.service.accounts.models import Membership

    log = service.clinic()
    owner, guest = service.user("owner", log), service.user()
    link = invitation(service, log, owner, "auditor", guest.email, until="2999-01-01")
    Membership.objects.create(user=guest, clinic_id=log.clinic.id, role="auditor", until=date(2020, 1, 1))
    assert service.client(guest).post(link).status_code == 302
    assert membership(guest, log).until == date(2999, 1, 1)


def test_two_new_passwords_at_once_are_one(service):
    from indelible.service.accounts.models import User

    log = service.clinic()
    user = service.user("staff", log)
    browser = service.client()
    browser.post("/account/login/", {"login": user.email, "password": PASSWORD})
    sent = {"oldpassword": PASSWORD, "password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}
    with meanwhile(lambda: User.objects.filter(pk=user.pk).update(password="somebody else's")) as met:
        assert browser.post("/account/password/change/", sent).status_code == 409
    assert met
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("event", ["address changed", "address taken"])
def test_an_address_is_changed_from_the_one_that_was_shown_to_one_that_is_free(service, event):
    from indelible.service.accounts.models import User

    log = service.clinic()
    user = service.user("staff", log)
    wanted = f"new.{user.email}"
    browser = service.client(user)
    happens = made(wanted) if event == "address taken" else (
        lambda: User.objects.filter(pk=user.pk).update(email=f"x.{user.email}"))  # fmt: skip
    sent = {"name": user.name, "email": wanted, "password": PASSWORD}
    with meanwhile(happens) as met:
        assert browser.post("/account/", sent).status_code == 409
    assert met
    assert not User.objects.filter(email=wanted).exists()
    assert not [view for view in log.read("category:account") if view.action == "account.email_changed"]


def form(page: str, **changed: str) -> dict[str, str]:
    """What a browser sends of the settings' page: the fields, and what they were."""
    import re

    shown = dict(re.findall(r'<input type="hidden" name="(initial-\w+)" value="([^"]*)"', page))
    assert set(shown) == {"initial-name", "initial-zone"}
    return {**shown, "name": shown["initial-name"], "zone": shown["initial-zone"], **changed}


def test_an_old_page_of_settings_undoes_nothing(service):
    log = service.clinic(name="First name")
    browser, address = service.client(service.user("owner", log)), f"/c/{log.clinic.id}/settings/"
    old = browser.get(address).content.decode()
    assert browser.post(address, form(old, name="Second name")).status_code == 302
    assert browser.post(address, form(old, zone="Europe/Madrid")).status_code == 302
    assert (log.state().name, log.state().zone) == ("Second name", "Europe/Madrid")
    assert browser.post(address, form(old, name="Third name")).status_code == 409
    assert log.state().name == "Second name"


@pytest.mark.parametrize("what", ["name", "zone"])
def test_a_recorded_setting_is_the_one_that_was_changed(service, what, monkeypatch):
    """Between reading the old value and writing the new one, another one sets a third, and comes after it."""
    from indelible.journal import Journal
    from indelible.record import drafting
    from indelible.record.document import Staff

    log = service.clinic(name="First name")
    by, real = Staff("usr_1", "Maria"), drafting.draft
    others: list[threading.Thread] = []

    def change(log: Any, name: str, zone: str) -> None:
        if what == "name":
            log.rename(name, actor=by)
        else:
            log.set_time_zone(zone, actor=by)

    def theirs() -> None:
        with Journal(service.database) as other:
            change(other.clinic(log.clinic.id), "Their name", "Europe/Madrid")

    def late(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(drafting, "draft", real)
        others.append(threading.Thread(target=theirs))
        others[0].start()
        others[0].join(0.2)
        assert others[0].is_alive()  # it waits for the head
        return real(*given, **named)

    monkeypatch.setattr(drafting, "draft", late)
    change(log, "Our name", "Europe/Rome")
    others[0].join()
    if what == "name":
        said = [view.context["changes"][0] for view in log.read("action:settings.changed")]
        expected = [("Our name", "Their name"), ("First name", "Our name")]
    else:
        said = [view.context["zone"] for view in log.read("action:clinic.time_zone_changed")]
        expected = [("Europe/Rome", "Europe/Madrid"), ("Europe/Lisbon", "Europe/Rome")]
    assert [(one["old"], one["new"]) for one in said] == expected


def test_no_password_is_hashed_while_the_write_lock_is_held(service, monkeypatch):
    """It takes a tenth of a second on purpose: a lock that is held for it is one that strangers hold."""
    from django.contrib.auth.hashers import MD5PasswordHasher
    from django.db import connection

    hashed: list[bool] = []
    real = MD5PasswordHasher.encode

    def watched(self: Any, password: str, salt: str) -> str:
        hashed.append(connection.in_atomic_block)
        return str(real(self, password, salt))

    log = service.clinic()
    owner, staff = service.user("owner", log), service.user("staff", log)
    links = [invitation(service, log, owner, email="hashed@new.example"), password_link(service, log, owner, staff)]
    monkeypatch.setattr(MD5PasswordHasher, "encode", watched)

    def post(browser: Any, address: str, status: int, **sent: str) -> None:
        hashed.clear()
        assert browser.post(address, sent).status_code == status, address
        assert hashed, f"{address} hashes a password"
        assert not any(hashed), f"{address} does it in a transaction"

    post(service.client(), "/account/login/", 200, login=owner.email, password="wrong wrong wrong")
    post(service.client(), "/account/login/", 200, login="nobody@new.example", password="wrong wrong wrong")
    browser = service.client()
    post(browser, "/account/login/", 302, login=owner.email, password=PASSWORD)
    post(browser, "/account/reauthenticate/", 302, password=PASSWORD)
    post(browser, "/account/", 302, name="Inês", email=f"h.{owner.email}", password=PASSWORD)
    post(browser, "/account/password/change/", 302, oldpassword=PASSWORD, password1=OTHER_PASSWORD,
         password2=OTHER_PASSWORD)  # fmt: skip
    post(service.client(), links[0], 302, **JOINING)
    post(service.client(), links[1], 302, password=OTHER_PASSWORD)
