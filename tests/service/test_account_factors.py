"""The second factor: codes of an authenticator app, recovery codes, passkeys, and what the log says of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from indelible.errors import StorageFailure

from .conftest import forget_counts

PASSWORD = "a sentence that nobody guesses"


@pytest.fixture(autouse=True)
def fresh_limits(service):
    """Every test has the same address, and a code counts only once in half a minute; both begin anew."""
    forget_counts()


def code(seed: str) -> str:
    """What the authenticator app shows."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(seed, int(time.time()) // 30)))


def type_password(service: Any, user: Any) -> Any:
    browser = service.client()
    browser.answer = browser.post("/account/login/", {"login": user.email, "password": PASSWORD})
    return browser


def confirm(browser: Any) -> None:
    """Type the password once more, which a change of factors asks for."""
    assert browser.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302


def turn_on(browser: Any) -> str:
    """Set an authenticator app up, as the page asks; return its secret."""
    confirm(browser)
    seed = str(browser.get("/account/2fa/totp/activate/").context["form"].secret)
    assert browser.post("/account/2fa/totp/activate/", {"code": code(seed)}).status_code == 302
    forget_counts()
    return seed


def told(log: Any) -> list[tuple[str, dict[str, Any]]]:
    views = list(log.read("category:account"))[::-1]
    return [(view.action.removeprefix("account."), dict(view.context)) for view in views]


def is_signed_in(browser: Any) -> bool:
    return bool(browser.get("/account/").status_code == 200)


def test_with_an_app_the_password_alone_does_not_sign_in(service):
    log = service.clinic()
    user = service.user("owner", log)
    seed = turn_on(type_password(service, user))
    assert told(log)[-1] == ("two_factor_enabled", {"factor": "totp"})
    browser = type_password(service, user)
    assert browser.answer.headers["location"] == "/account/2fa/authenticate/"
    assert not is_signed_in(browser)
    assert len(told(log)) == 2  # the password alone is no sign-in
    wrong = f"{(int(code(seed)) + 1) % 1_000_000:06}"
    assert browser.post("/account/2fa/authenticate/", {"code": wrong}).status_code == 200
    assert told(log)[-1] == ("login_failed", {"reason_code": "wrong_code", "method": "password"})
    assert browser.post("/account/2fa/authenticate/", {"code": code(seed)}).status_code == 302
    assert is_signed_in(browser)
    action, context = told(log)[-1]
    assert (action, context["method"], context["second_factor"]) == ("logged_in", "password", "totp")
    assert wrong not in json.dumps(told(log))


def test_guessing_codes_is_stopped_and_recorded(service):
    log = service.clinic()
    user = service.user("owner", log)
    seed = turn_on(type_password(service, user))
    browser = type_password(service, user)
    for _ in range(5):
        browser.post("/account/2fa/authenticate/", {"code": "nothing"})
    browser.post("/account/2fa/authenticate/", {"code": code(seed)})
    assert not is_signed_in(browser)
    assert [context["reason_code"] for _, context in told(log)[2:]] == ["wrong_code"] * 5 + ["locked"]


def test_a_recovery_code_works_once_and_the_log_says_how_many_are_left(service):
    log = service.clinic()
    user = service.user("owner", log)
    first = type_password(service, user)
    turn_on(first)
    spare = first.get("/account/2fa/recovery-codes/").context["unused_codes"][0]
    browser = type_password(service, user)
    assert browser.post("/account/2fa/authenticate/", {"code": spare}).status_code == 302
    assert is_signed_in(browser)
    assert told(log)[-2] == ("recovery_code_used", {"remaining": 9})
    assert told(log)[-1][1]["second_factor"] == "recovery_code"
    again = type_password(service, user)
    again.post("/account/2fa/authenticate/", {"code": spare})
    assert not is_signed_in(again)
    assert spare not in json.dumps(told(log))


def test_turning_the_app_off_is_recorded(service):
    log = service.clinic()
    user = service.user("owner", log)
    browser = type_password(service, user)
    turn_on(browser)
    assert browser.post("/account/2fa/totp/deactivate/").status_code == 302
    assert told(log)[-1] == ("two_factor_disabled", {"factor": "totp"})
    assert is_signed_in(type_password(service, user))


def test_changing_the_second_factor_needs_a_fresh_password(service, monkeypatch):
    log = service.clinic()
    user = service.user("owner", log)
    browser = type_password(service, user)
    confirm(browser)
    assert browser.get("/account/2fa/totp/activate/").status_code == 200
    later = time.time() + 601
    with monkeypatch.context() as patch:
        patch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: later)
        assert browser.get("/account/2fa/totp/activate/").status_code == 302
    browser = type_password(service, user)
    answer = browser.get("/account/2fa/totp/activate/")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/account/reauthenticate/")
    assert browser.post(answer.headers["location"], {"password": "wrong"}).status_code == 200
    assert told(log)[-1][1]["reason_code"] == "wrong_password"
    assert browser.post(answer.headers["location"], {"password": PASSWORD}).status_code == 302
    assert browser.get("/account/2fa/totp/activate/").status_code == 200


def test_a_link_for_a_new_password_leaves_the_second_factor(service):
    from datetime import timedelta

    from indelible.service.accounts.models import OneTimeLink

    log = service.clinic()
    user = service.user("owner", log)
    turn_on(type_password(service, user))
    _, secret = OneTimeLink.make(OneTimeLink.PASSWORD, timedelta(hours=1), user=user)
    service.client().post(f"/new-password/{secret}/", {"password": PASSWORD})
    browser = type_password(service, user)
    assert browser.answer.headers["location"] == "/account/2fa/authenticate/"
    assert not is_signed_in(browser)


def test_without_the_log_no_factor_is_turned_on_or_off(service, monkeypatch):
    from allauth.mfa.models import Authenticator

    log = service.clinic()
    user = service.user("owner", log)
    browser = type_password(service, user)

    def refusing(*_: Any, **__: Any) -> Any:
        raise StorageFailure("the disk is full")

    confirm(browser)
    with monkeypatch.context() as patch:
        patch.setattr("indelible.django.recording._insert", refusing)
        seed = browser.get("/account/2fa/totp/activate/").context["form"].secret
        assert browser.post("/account/2fa/totp/activate/", {"code": code(seed)}).status_code == 503
    assert not Authenticator.objects.filter(user=user).exists()
    fresh = type_password(service, user)
    spare_of = turn_on(fresh)
    before = told(log)
    with monkeypatch.context() as patch:
        patch.setattr("indelible.django.recording._insert", refusing)
        assert fresh.post("/account/2fa/totp/deactivate/").status_code == 503
        asked = type_password(service, user)
        assert asked.post("/account/2fa/authenticate/", {"code": code(spare_of)}).status_code == 503
        assert not is_signed_in(asked)
    assert Authenticator.objects.filter(user=user, type="totp").exists()
    assert told(log) == before


@pytest.mark.parametrize("sent", ["", "{}", "[]", "null", '{"response": {"userHandle": "AAAA"}}'])
def test_what_is_no_passkey_is_a_failed_sign_in_and_no_defect(service, sent):
    log = service.clinic()
    service.user("owner", log)
    browser = service.client()
    browser.get("/account/2fa/webauthn/login/", headers={"x-requested-with": "XMLHttpRequest"})
    answer = browser.post("/account/2fa/webauthn/login/", {"credential": sent})
    assert (answer.status_code, answer.headers["location"]) == (302, "/account/login/")
    assert not is_signed_in(browser)


def test_a_forged_passkey_is_recorded_for_whose_it_pretends_to_be(service):
    from base64 import urlsafe_b64encode

    from allauth.account.utils import user_pk_to_url_str

    log = service.clinic()
    user = service.user("owner", log)
    browser = service.client()
    browser.get("/account/2fa/webauthn/login/", headers={"x-requested-with": "XMLHttpRequest"})

    def text(raw: bytes) -> str:
        return urlsafe_b64encode(raw).decode().rstrip("=")

    data = json.dumps({"type": "webauthn.get", "challenge": text(b"x" * 32), "origin": "http://localhost:8000"})
    forged = {"id": text(b"key"), "rawId": text(b"key"), "type": "public-key", "response": {
        "clientDataJSON": text(data.encode()), "authenticatorData": text(b"\0" * 37), "signature": text(b"none"),
        "userHandle": text(user_pk_to_url_str(user).encode())}}  # fmt: skip
    answer = browser.post("/account/2fa/webauthn/login/", {"credential": json.dumps(forged)})
    assert answer.status_code == 302
    assert not is_signed_in(browser)
    assert told(log) == [("login_failed", {"reason_code": "wrong_code", "method": "passkey"})]


PAGES = ("account/", "account/password/change/", "account/sessions/", "account/2fa/", "account/2fa/totp/activate/",
         "account/2fa/totp/deactivate/", "account/2fa/webauthn/", "account/2fa/webauthn/add/",
         "account/2fa/recovery-codes/", "account/2fa/recovery-codes/generate/", "account/reauthenticate/",
         "account/2fa/reauthenticate/", "account/logout/")  # fmt: skip


def test_every_page_of_an_account_has_our_look_a_title_and_a_sentence_of_help(service):
    import re

    log = service.clinic()
    user = service.user("owner", log)
    browser = type_password(service, user)
    confirm(browser)
    before = browser.get("/account/2fa/totp/activate/").content.decode()
    turn_on(browser)
    pages = {"activate": before}
    for address in PAGES:
        answer = browser.get(f"/{address}", follow=True)
        assert answer.status_code == 200, address
        pages[address] = answer.content.decode()
    other = type_password(service, user)
    for address in ("account/2fa/authenticate/", "account/login/", "account/password/reset/", "account/signup/",
                    "account/password/reset/done/", "account/inactive/", "account/password/reset/key/1-x/",
                    "account/password/reset/key/done/"):  # fmt: skip
        pages[address] = other.get(f"/{address}", follow=True).content.decode()
    for address, page in pages.items():
        assert page.count("<h1") == 1, address
        assert "indelible/indelible.css" in page, address
        assert re.search(r'<p class="help">[^<]{20,}', page) or "account/inactive" in address, address
        assert not re.search(r"<title>\s*·", page), address
        assert " style=" not in page, address
        assert not re.search(r"\son\w+=", page), address
        for script in re.findall(r"<script[^>]*>", page):
            assert "src=" in script or "application/json" in script, (address, script)
