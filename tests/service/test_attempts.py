"""Failures to sign in hold who tries, not who is tried: strangers at one address, at many, and people at their own."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import PASSWORD, forget_counts
from .test_account_factors import code, turn_on

HOME, OFFICE = "203.0.113.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def fresh(service: Any, settings: Any) -> None:
    forget_counts()


@pytest.fixture
def settings(service: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One proxy stands in front, so that a request can come from anywhere."""
    from django.conf import settings

    monkeypatch.setattr(settings, "INDELIBLE_TRUSTED_PROXIES", 1)
    return settings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    from indelible.service import shared_state

    class Clock:
        now = 1_000.0

        def __call__(self) -> float:
            return self.now

    made = Clock()
    monkeypatch.setattr(shared_state, "clock", made)
    return made


def sign_in(service: Any, user: Any, password: str = PASSWORD, *, at: str, browser: Any = None) -> Any:
    browser = browser or service.client()
    browser.answer = browser.post("/account/login/", {"login": getattr(user, "email", user), "password": password},
                                  headers={"x-forwarded-for": at})  # fmt: skip
    return browser


def is_in(browser: Any) -> bool:
    return "_auth_user_id" in browser.session


def fail(service: Any, user: Any, times: int, at: Any) -> None:
    for number in range(times):
        assert not is_in(sign_in(service, user, "wrong wrong wrong", at=at(number) if callable(at) else at))


def reasons(log: Any) -> list[str]:
    return [view.context["reason_code"] for view in log.read() if view.action == "account.login_failed"][::-1]


def many(number: int) -> str:
    return f"192.0.2.{number % 250 + 1}"


def test_a_stranger_at_one_address_is_held_and_the_owner_at_another_is_not(service):
    log = service.clinic()
    owner = service.user("owner", log)
    fail(service, owner, 8, HOME)
    assert not is_in(sign_in(service, owner, at=HOME)), "the stranger, who has found it out at last"
    assert is_in(sign_in(service, owner, at=OFFICE))
    assert reasons(log) == ["wrong_password"] * 5 + ["locked"] * 4


def test_a_stranger_is_held_for_a_while_and_not_for_ever(service, clock):
    user = service.user()
    fail(service, user, 5, HOME)
    assert not is_in(sign_in(service, user, at=HOME))
    clock.now += 61
    assert is_in(sign_in(service, user, at=HOME))
    fail(service, user, 1, HOME)
    assert not is_in(sign_in(service, user, at=HOME)), "one more in a minute, and no fresh five"


def test_somebody_who_tries_many_accounts_is_held_at_all_of_them(service):
    users = [service.user() for _ in range(6)]
    for user in users[:5]:
        fail(service, user, 2, HOME)
    assert not is_in(sign_in(service, users[5], at=HOME))
    assert is_in(sign_in(service, users[5], at=OFFICE))


def test_a_network_of_ipv6_is_one_who_tries(service, clock):
    user = service.user()
    fail(service, user, 5, lambda number: f"2001:db8:1:2::{number:x}")
    assert not is_in(sign_in(service, user, at="2001:db8:1:2:ffff::1")), "its /64"
    assert is_in(sign_in(service, user, at="2001:db8:1:3::1"))
    for number in range(50):
        fail(service, f"nobody{number}@new.example", 1, f"2001:db8:9:{number:x}::1")
    assert not is_in(sign_in(service, user, at="2001:db8:9:fffe::1")), "its /48"
    assert is_in(sign_in(service, user, at="2001:db8:a::1"))


def test_guesses_from_everywhere_are_held_and_a_known_device_comes_in(service):
    log = service.clinic()
    owner = service.user("owner", log)
    known = sign_in(service, owner, at=OFFICE)
    known.post("/account/logout/")
    fail(service, owner, 60, many)
    right = sign_in(service, owner, at="203.0.113.77")
    wrong = sign_in(service, owner, "wrong wrong wrong", at="203.0.113.78")
    assert not is_in(right), "a password alone is not enough any more"
    assert alike(right) == alike(wrong), "and nobody learns whether it was right"
    assert is_in(sign_in(service, owner, at="203.0.113.79", browser=known)), "wherever it is now"
    assert reasons(log) == ["wrong_password"] * 50 + ["locked"], "one entry stands for what goes on"


def alike(browser: Any) -> tuple[int, str]:
    import re

    page = re.sub(r'value="[^"]*"', "", browser.answer.content.decode())
    return browser.answer.status_code, page


def test_guesses_from_everywhere_end_and_so_does_what_they_cause(service, clock):
    owner = service.user()
    fail(service, owner, 50, many)
    assert not is_in(sign_in(service, owner, at=HOME))
    clock.now += 601
    assert is_in(sign_in(service, owner, at=HOME))


def test_guesses_from_everywhere_do_not_stop_a_second_factor(service):
    owner = service.user()
    seed = turn_on(sign_in(service, owner, at=OFFICE))
    forget_counts()
    fail(service, owner, 60, many)
    browser = sign_in(service, owner, at=HOME)  # a device that was never here
    assert browser.answer.headers["location"] == "/account/2fa/authenticate/"
    browser.post("/account/2fa/authenticate/", {"code": code(seed)}, headers={"x-forwarded-for": HOME})
    assert is_in(browser)


def test_a_link_for_a_new_password_makes_a_device_known(service):
    from .test_attacks import OTHER_PASSWORD, password_link

    log = service.clinic()
    owner, staff = service.user("owner", log), service.user("staff", log)
    fail(service, staff, 60, many)
    browser = service.client()
    assert browser.post(password_link(service, log, owner, staff), {"password": OTHER_PASSWORD}).status_code == 302
    assert is_in(sign_in(service, staff, OTHER_PASSWORD, at=HOME, browser=browser))


def test_a_known_device_may_guess_no_more_than_its_own_ten(service):
    owner = service.user()
    known = sign_in(service, owner, at=OFFICE)
    known.post("/account/logout/")
    for number in range(10):
        sign_in(service, owner, "wrong wrong wrong", at=many(number), browser=known)
    assert not is_in(sign_in(service, owner, at=HOME, browser=known)), "wherever it goes"
    assert is_in(sign_in(service, owner, at=HOME))


def test_a_device_is_known_to_who_signed_in_with_it_and_to_nobody_else(service):
    mine, theirs = service.user(), service.user()
    browser = sign_in(service, mine, at=HOME)
    browser.post("/account/logout/")
    fail(service, theirs, 5, HOME)
    assert not is_in(sign_in(service, theirs, at=HOME, browser=browser))
    assert is_in(sign_in(service, mine, at=HOME, browser=browser)), "a stranger next door holds nobody"


@pytest.mark.parametrize("forged", ["", "x", "a:b:c", "\x00", "é" * 5_000])
def test_a_cookie_that_was_not_given_makes_nothing_known(service, forged):
    owner = service.user()
    fail(service, owner, 5, HOME)
    browser = service.client()
    browser.cookies["indelible-device"] = forged
    assert not is_in(sign_in(service, owner, at=HOME, browser=browser))


def test_an_address_without_an_account_is_held_as_any_other(service):
    answers = []
    for email in (service.user().email, "nobody-at-all@new.example"):
        for _ in range(5):
            sign_in(service, email, "wrong wrong wrong", at=OFFICE if "nobody" in email else HOME)
        answers.append(alike(sign_in(service, email, at=OFFICE if "nobody" in email else HOME)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("where", ["one address", "everywhere"])
def test_wrong_codes_hold_who_gives_them(service, where):
    """Somebody found the password out, and guesses at the code."""
    owner = service.user()
    known = sign_in(service, owner, at=OFFICE)
    seed = turn_on(known)
    known.post("/account/logout/")
    forget_counts()
    for number in range(5 if where == "one address" else 20):
        at = HOME if where == "one address" else many(number)
        thief = sign_in(service, owner, at=at)
        thief.post("/account/2fa/authenticate/", {"code": "nothing"}, headers={"x-forwarded-for": at})
    thief = sign_in(service, owner, at=HOME)
    thief.post("/account/2fa/authenticate/", {"code": code(seed)}, headers={"x-forwarded-for": HOME})
    assert not is_in(thief)
    sign_in(service, owner, at=HOME, browser=known)
    known.post("/account/2fa/authenticate/", {"code": code(seed)}, headers={"x-forwarded-for": HOME})
    assert is_in(known)


def test_what_succeeds_counts_for_nothing(service):
    user = service.user()
    for _ in range(20):
        assert is_in(sign_in(service, user, at=HOME))
