"""Signing in and out, passwords, sessions: what each does, and what every clinic of the person has in its log of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from indelible.errors import StorageFailure
from indelible.outbox.prepared import Prepared

from .conftest import forget_counts

PASSWORD = "a sentence that nobody guesses"
NEW = "quite another sentence of mine"
PHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
         "Mobile/15E148 Safari/604.1")  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_limits(service):
    """Every test has the same address; the limits begin anew."""
    forget_counts()


def sign_in(service: Any, user: Any, password: str = PASSWORD, **headers: str) -> Any:
    browser = service.client(**headers)
    browser.answer = browser.post("/account/login/", {"login": user.email, "password": password})
    return browser


def is_signed_in(browser: Any) -> bool:
    return bool(browser.get("/account/").status_code == 200)


def told(log: Any) -> list[tuple[str, dict[str, Any]]]:
    """Action and context of every entry about accounts, oldest first."""
    views = list(log.read("category:account"))[::-1]
    return [(view.action.removeprefix("account."), dict(view.context)) for view in views]


def actions(log: Any) -> list[str]:
    return [action for action, _ in told(log)]


def test_a_sign_in_is_in_the_log_of_every_clinic_with_device_and_session(service):
    log, second, other = service.clinic(), service.clinic(), service.clinic()
    user = service.user("manager", log)
    from indelible.service.accounts.models import Membership

    Membership.objects.create(user=user, clinic_id=second.clinic.id, role="staff")
    browser = sign_in(service, user)
    assert browser.answer.status_code == 302
    assert is_signed_in(browser)
    assert actions(other) == []
    for clinic, role in ((log, "manager"), (second, "staff")):
        entry = next(clinic.read("action:account.logged_in"))
        assert (entry.document()["actor"]["id"], entry.document()["actor"]["role"]) == (user.public_id, role)
        assert entry.document()["target"]["kind"] == "staff"
        assert entry.device == "Firefox on Linux"
        assert entry.document()["request"]["ip"] == "127.0.0.1"
        assert entry.context["method"] == "password"
        assert entry.context["second_factor"] == "none"
        assert "new_device" not in entry.context  # the first sign-in of all
        assert entry.context["session"].startswith("ses_")
        assert browser.session.session_key not in str(entry.document())


def test_a_device_is_new_when_the_person_never_signed_in_with_it(service):
    log = service.clinic()
    user = service.user("staff", log)
    for headers in ({}, {}, {"user-agent": PHONE}, {"user-agent": PHONE}):
        sign_in(service, user, **headers)
    assert [context.get("new_device") for _, context in told(log)] == [None, False, True, False]


def test_a_wrong_password_is_recorded_and_what_was_typed_is_not(service):
    log = service.clinic()
    user = service.user("staff", log)
    browser = sign_in(service, user, "SECRETTYPED")
    assert not is_signed_in(browser)
    (entry,) = log.read("category:account")
    assert (entry.action, entry.context["reason_code"]) == ("account.login_failed", "wrong_password")
    assert (entry.document()["actor"]["kind"], entry.document()["actor"]["reason"]) == (
        "system",
        "login:wrong-password",
    )
    assert entry.document()["target"]["id"] == user.public_id
    assert "SECRETTYPED" not in str(entry.document())
    assert "SECRETTYPED" not in browser.answer.content.decode()
    assert [view.id for view in log.read(f"about:staff/{user.public_id}")] == [entry.id]


def test_after_five_wrong_passwords_the_right_one_waits_and_that_is_recorded(service):
    log = service.clinic()
    user = service.user("staff", log)
    for _ in range(5):
        sign_in(service, user, "wrong")
    assert not is_signed_in(sign_in(service, user))
    assert [context["reason_code"] for _, context in told(log)] == ["wrong_password"] * 5 + ["locked"]


def test_hammering_gets_a_429_in_our_look_and_fills_no_log(service):
    log = service.clinic()
    user = service.user("staff", log)
    statuses = [sign_in(service, user, "wrong").answer.status_code for _ in range(34)]
    assert statuses == [200] * 30 + [429] * 4
    assert len(told(log)) == 30
    page = sign_in(service, user, "wrong").answer.content.decode()
    assert "indelible/indelible.css" in page
    assert "Too many attempts" in page


def test_an_unknown_address_answers_like_a_wrong_password_and_is_the_only_clinics(service, monkeypatch):
    log = service.clinic()
    user = service.user("staff", log)
    from indelible.service.accounts import recording

    class Alone:
        """A journal that has only this clinic."""

        def clinics(self) -> list[Any]:
            return [(log.clinic, log.state())]

        def clinic(self, clinic_id: str) -> Any:
            return log

    known = sign_in(service, user, "wrong").answer
    user.email = "nobody@clinic.example"
    unknown = sign_in(service, user, "wrong").answer
    assert [bare(answer) for answer in (known, unknown)] == [bare(known)] * 2
    assert len(told(log)) == 1  # of several clinics nobody knows which was meant
    monkeypatch.setattr(recording, "journal", Alone)
    sign_in(service, user, "wrong")
    entry = next(iter(log.read("category:account")))
    assert entry.context["reason_code"] == "unknown_account"
    assert entry.document()["actor"]["reason"] == "login:unknown-account"
    assert (entry.document()["target"]["kind"], entry.document()["target"]["id"]) == ("clinic", log.clinic.id)
    assert "nobody@" not in str(entry.document())


def bare(answer: Any) -> str:
    """An answer's page without what differs each time."""
    import re

    return re.sub(r'value="[^"]*"', "", answer.content.decode())


def test_signing_out_needs_a_post_and_names_the_session(service):
    log = service.clinic()
    browser = sign_in(service, service.user("staff", log))
    assert browser.get("/account/logout/").status_code == 200
    assert is_signed_in(browser)
    browser.post("/account/logout/")
    assert not is_signed_in(browser)
    (_, entered), (action, left) = told(log)
    assert action == "logged_out"
    assert left["session"] == entered["session"]


def test_a_new_password_ends_the_other_sessions_and_keeps_this_ones_id(service):
    log = service.clinic()
    user = service.user("staff", log)
    browser, other = sign_in(service, user), sign_in(service, user)
    assert is_signed_in(browser)
    assert is_signed_in(other)
    sent = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert browser.post("/account/password/change/", sent).status_code == 302
    assert is_signed_in(browser)
    assert not is_signed_in(other)
    assert told(log)[-1] == ("password_changed", {"sessions_revoked": 1})
    browser.post("/account/logout/")
    assert told(log)[-1][1]["session"] == told(log)[0][1]["session"]
    assert is_signed_in(sign_in(service, user, NEW))


def test_a_wrong_old_password_changes_and_records_nothing(service):
    log = service.clinic()
    user = service.user("staff", log)
    browser = sign_in(service, user)
    browser.post("/account/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW})
    assert actions(log) == ["logged_in"]
    assert is_signed_in(sign_in(service, user))


def test_one_session_is_ended_from_the_page(service):
    log = service.clinic()
    user = service.user("staff", log)
    browser, other, third = (sign_in(service, user, **{"user-agent": agent}) for agent in (PHONE, "Curl", PHONE))
    page = browser.get("/account/sessions/")
    number = next(one.pk for one in page.context["sessions"] if one.user_agent == "Curl")
    assert browser.post("/account/sessions/", {"session": number}).status_code == 302
    assert [is_signed_in(one) for one in (browser, other, third)] == [True, False, True]
    entry = next(iter(log.read("category:account")))
    assert entry.context["scope"] == "one"
    assert entry.document()["target"] == {"kind": "staff", "id": user.public_id, "name": user.name}
    assert entry.context["session"] == told(log)[1][1]["session"]


def test_nobody_ends_the_session_of_somebody_else(service):
    log = service.clinic()
    browser, victim = sign_in(service, service.user("owner", log)), sign_in(service, service.user("staff", log))
    from allauth.usersessions.models import UserSession

    number = UserSession.objects.get(session_key=victim.session.session_key).pk
    assert browser.post("/account/sessions/", {"session": number}).status_code == 404
    assert is_signed_in(victim)
    assert "session_revoked" not in actions(log)


def test_all_other_sessions_are_ended_at_once(service):
    log = service.clinic()
    user = service.user("staff", log)
    browser, *others = (sign_in(service, user) for _ in range(3))
    assert browser.post("/account/sessions/").status_code == 302
    assert is_signed_in(browser)
    assert not any(is_signed_in(one) for one in others)
    assert told(log)[-1] == ("session_revoked", {"scope": "all_others", "cause": "user", "sessions_revoked": 2})


def test_another_address_needs_the_password_and_is_recorded(service):
    log = service.clinic()
    user = service.user("staff", log)
    browser, before = sign_in(service, user), user.email
    sent = {"name": "Inês Faria", "email": f"new.{user.email}"}
    for wrong in ("", "wrong"):
        assert browser.post("/account/", {**sent, "password": wrong}).status_code == 400
    assert browser.post("/account/", {**sent, "password": PASSWORD}).status_code == 302
    assert told(log)[-1] == ("email_changed", {"email": {"old": before, "new": f"new.{before}"}})
    assert actions(log).count("login_failed") == 2  # a guess at the password is one, wherever it is made
    user.refresh_from_db()
    assert is_signed_in(sign_in(service, user))


def test_an_address_cannot_be_taken_from_somebody(service):
    log = service.clinic()
    user, other = service.user("staff", log), service.user("staff", log)
    browser = sign_in(service, user)
    sent = {"name": "x", "email": other.email.upper(), "password": PASSWORD}
    assert browser.post("/account/", sent).status_code == 400


def test_the_forgotten_password_page_says_whom_to_ask_where_no_mail_is_set_up(service):
    from django.test import override_settings

    log = service.clinic()
    user = service.user("staff", log)
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend"):
        assert "owner or manager" in service.client().get("/account/password/reset/").content.decode()
        service.client().post("/account/password/reset/", {"email": user.email})
    assert actions(log) == []


@pytest.fixture
def outbox(service):
    """Django's own tests keep mails in a list, as if a server were set up."""
    from django.core import mail

    mail.outbox.clear()
    return mail.outbox


def test_a_forgotten_password_is_reset_by_mail(service, outbox):
    log = service.clinic()
    user = service.user("staff", log)
    old, browser = sign_in(service, user), service.client()
    answers = [browser.post("/account/password/reset/", {"email": email}) for email in (user.email, "x@y.example")]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (302, "/account/password/reset/done/")] * 2  # fmt: skip
    assert told(log)[-1] == ("password_reset_requested", {"medium": "email"})
    assert next(iter(log.read("category:account"))).document()["actor"]["kind"] == "system"
    link = next(word for word in outbox[0].body.split() if "/password/reset/key/" in word)
    assert link.startswith("http://localhost/account/")
    page = browser.get(link, follow=True)
    browser.post(page.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    assert told(log)[-1] == ("password_reset", {"sessions_revoked": 1})
    assert not is_signed_in(old)
    assert is_signed_in(sign_in(service, user, NEW))
    assert browser.get(link, follow=True).context["token_fail"]


def test_a_mail_server_that_fails_undoes_nothing(service, outbox, monkeypatch):
    from django.core.mail.backends.locmem import EmailBackend

    def broken(*_: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", broken)
    log = service.clinic()
    user = service.user("staff", log)
    browser = sign_in(service, user)
    sent = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert browser.post("/account/password/change/", sent).status_code == 302
    assert actions(log)[-1] == "password_changed"


def test_a_link_for_a_new_password_works_once_and_ends_every_session(service):
    from indelible.service.accounts.models import OneTimeLink

    log = service.clinic()
    user = service.user("staff", log)
    browser = sign_in(service, user)
    _, secret = OneTimeLink.make(OneTimeLink.PASSWORD, timedelta(hours=1), user=user)
    page = service.client()
    assert page.post(f"/new-password/{secret}/", {"password": "short"}).status_code == 400
    assert is_signed_in(browser)
    assert page.post(f"/new-password/{secret}/", {"password": NEW}).status_code == 302
    assert not is_signed_in(browser)
    assert not is_signed_in(page)
    assert told(log)[-1] == ("password_reset", {"sessions_revoked": 1})
    assert page.get(f"/new-password/{secret}/").status_code == 404
    assert is_signed_in(sign_in(service, user, NEW))


def test_who_opens_the_link_while_signed_in_is_signed_out_too(service):
    from indelible.service.accounts.models import OneTimeLink

    log = service.clinic()
    user = service.user("staff", log)
    browser = sign_in(service, user)
    _, secret = OneTimeLink.make(OneTimeLink.PASSWORD, timedelta(hours=1), user=user)
    assert browser.post(f"/new-password/{secret}/", {"password": NEW}).status_code == 302
    assert not is_signed_in(browser)


def test_an_invitation_signs_in_and_says_how(service):
    from indelible.service.accounts.models import OneTimeLink

    log = service.clinic()
    owner = service.user("owner", log)
    _, secret = OneTimeLink.make(OneTimeLink.INVITATION, timedelta(hours=1), clinic_id=log.clinic.id, role="staff",
                                 email="guest@clinic.example", made_by=owner)  # fmt: skip
    browser = sign_in(service, owner)  # who invites may try the link in their own browser
    browser.post(f"/invitation/{secret}/", {"name": "Rui Lopes", "password": NEW})
    entered = next(iter(log.read("action:account.logged_in")))
    assert entered.context["method"] == "magic_link"
    assert entered.document()["actor"]["name"] == "Rui Lopes"
    assert actions(log) == ["logged_in", "staff.added", "logged_out", "logged_in"]


def test_a_former_auditor_leaves_no_traces_in_the_clinic(service):

    log = service.clinic()
    user = service.user("auditor", log, until=log.reading().today - timedelta(days=1))
    assert is_signed_in(sign_in(service, user))
    sign_in(service, user, "wrong")
    assert told(log) == []


@pytest.mark.parametrize("after", [0, 1])
def test_what_cannot_be_recorded_does_not_happen(service, monkeypatch, after):
    """The outbox refuses, for the first clinic or only the second: nothing changes, and neither has an entry."""
    from indelible.django import recording
    from indelible.service.accounts.models import Membership, OneTimeLink

    log, second = service.clinic(), service.clinic()
    user = service.user("staff", log)
    Membership.objects.create(user=user, clinic_id=second.clinic.id, role="staff")
    browser, other = sign_in(service, user), sign_in(service, user)
    _, secret = OneTimeLink.make(OneTimeLink.PASSWORD, timedelta(hours=1), user=user)
    before = told(log), told(second)
    whole = recording._insert

    def refusing(connection: Any, row: Prepared) -> str:
        if row.clinic == (log, second)[after].clinic.id:
            raise StorageFailure("the disk is full")
        return whole(connection, row)

    monkeypatch.setattr(recording, "_insert", refusing)
    attempts = {
        "/account/password/change/": {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
        "/account/": {"name": "x", "email": "taken@clinic.example", "password": PASSWORD},
        "/account/sessions/": {},
        f"/new-password/{secret}/": {"password": NEW},
        "/account/logout/": {},
    }
    for address, sent in attempts.items():
        assert browser.post(address, sent).status_code == 503, address
        assert is_signed_in(browser), address
        assert is_signed_in(other), address
    stranger = sign_in(service, user)
    assert stranger.answer.status_code == 503
    assert not is_signed_in(stranger)
    assert sign_in(service, user, "wrong").answer.status_code == 503
    monkeypatch.undo()
    assert (told(log), told(second)) == before
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert user.email != "taken@clinic.example"
    assert service.client().get(f"/new-password/{secret}/").status_code == 200


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(service, place):
    user = service.user("staff", service.clinic())
    for address in ("/account/login/", f"/account/login/?next={place}"):
        answer = service.client().post(address, {"login": user.email, "password": PASSWORD, "next": place})
        assert answer.status_code == 302
        assert answer.headers["location"] == "/"


def test_the_cookie_of_a_session_is_not_for_scripts(service):
    browser = sign_in(service, service.user("staff", service.clinic()))
    cookie = browser.cookies["indelible"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 7 * 86_400


def test_the_rescue_command_prints_a_link_that_is_recorded(service, capsys):
    from indelible.service.run import rescue

    log = service.clinic()
    user = service.user("owner", log)
    address = rescue.link(f" {user.email.upper()}")
    entry = next(iter(log.read("category:account")))
    assert entry.action == "account.password_reset_requested"
    assert entry.document()["actor"]["reason"] == "command:rescue"
    assert address.startswith("http://localhost:8000/new-password/")
    path = address.removeprefix("http://localhost:8000")
    assert service.client().post(path, {"password": NEW}).status_code == 302
    assert is_signed_in(sign_in(service, user, NEW))


def test_the_rescue_command_says_what_is_wrong():
    from indelible.errors import NotFound
    from indelible.service.run import rescue

    with pytest.raises(NotFound, match="no account has this e-mail address"):
        rescue.link("nobody@clinic.example")
    assert rescue.main([]) == 2
