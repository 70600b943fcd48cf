"""What every answer keeps to, whoever asks for whatever: headers, cookies, forms, redirects, hostile input, logs."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PASSWORD = "a sentence that nobody guesses"
PLANTED = "Zebedeu-Planted"


def addresses(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
    """Every address of a page that the service knows, as its name and its route."""
    from django.urls import get_resolver

    for one in get_resolver("indelible.service.web.urls").url_patterns if patterns is None else patterns:
        route = before + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from addresses(one.url_patterns, route)
        else:
            yield one.name or route, route


class World:
    """A clinic with something in it, and its owner's browsers."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.log = service.clinic("Clínica do Teste")
        self.ids = service.fill(self.log, "sec")
        self.owner = service.user("owner", self.log)
        self.entry = next(self.log.read("action:booking.created")).id
        self.here = f"/c/{self.log.clinic.id}/"

    def browser(self, user: Any = None, **options: Any) -> Any:
        from django.test import Client

        made = Client(headers={"host": "localhost", "user-agent": AGENT}, **options)
        if user is not None:
            made.force_login(user)
        return made

    def link(self, kind: str) -> str:
        """The secret of a one-time link, or a token."""
        from datetime import timedelta

        from indelible.service.accounts import viewer_passes
        from indelible.service.accounts.models import OneTimeLink
        from indelible.service.web.pages.story import sign

        if kind == "viewer":
            return viewer_passes.make(self.log.clinic.id, "owner", "usr_host", "Marta Host").url.split("/")[-2]
        if kind == "forget":
            return sign(self.log.reading(), self.ids["client"])
        more = {"clinic_id": self.log.clinic.id, "role": "staff", "email": "new@clinic.example", "made_by": self.owner}
        if kind == "new_password":
            return OneTimeLink.make("password", timedelta(1), user=self.service.user("staff", self.log))[1]
        return OneTimeLink.make(kind, timedelta(1), **(more if kind == "invitation" else {}))[1]

    def address(self, name: str, route: str) -> str:
        """An address with things that are there."""
        known = {
            "clinic": self.log.clinic.id, "entry_id": self.entry, "kind": "booking", "number": "1", "pk": "1",
            "thing": self.ids["client"] if "client/" in route else self.ids["booking"],
            "person": self.owner.public_id, "key": "key_nobody",
        }  # fmt: skip
        if name in ("welcome", "invitation", "new_password", "forget", "viewer"):
            known |= dict.fromkeys(("secret", "token"), self.link(name))
        filled = re.sub(r"<\w+:(\w+)>", lambda match: known[match.group(1)], route)
        return "/" + re.sub(r"[\^$]|\(\?P<(\w+)>[^)]*\)", lambda match: "x1" if match.group(1) else "", filled)


@pytest.fixture(scope="module")
def world(service):
    return World(service)


@pytest.fixture(scope="module")
def signed_in(world):
    """The owner's browser, in which the password was just given, so that no page asks for it again."""
    browser = world.browser()
    sent = {"login": world.owner.email, "password": PASSWORD}
    assert browser.post("/account/login/", sent).status_code == 302
    assert browser.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return browser


# Every kind of answer


def answers(world: World) -> Iterator[tuple[str, Any]]:
    owner, nobody = world.browser(world.owner), world.browser()
    yield "the list", owner.get(world.here)
    yield "a part for htmx", owner.get(world.here, headers={"HX-Request": "true", "HX-Target": "older"})
    yield "a redirect", owner.get("/")
    yield "the way to the sign-in", nobody.get(world.here)
    yield "the sign-in", nobody.get("/account/login/")
    yield "a failed sign-in", nobody.post("/account/login/", {"login": "x@clinic.example", "password": "no"})
    yield "not there", owner.get("/c/c_none/")
    yield "no address", nobody.get("/wp-login.php")
    yield "not yours", world.browser(world.service.user("staff", world.log)).get(f"{world.here}export/")
    yield "no such method", owner.delete(world.here)
    yield "no token", world.browser(world.owner, enforce_csrf_checks=True).post(f"{world.here}export/file/")
    yield "a filter that is none", owner.get(world.here, {"q": "colour:red"})
    yield "another host", nobody.get("/", headers={"host": "evil.example"})
    yield "too much", owner.post(f"{world.here}settings/", {"name": "x" * 100_000})
    yield "a file", owner.post(f"{world.here}export/file/", {"format": "csv"})
    yield "a checkpoint", owner.get(f"{world.here}integrity/checkpoint/")
    yield "health", nobody.get("/health/")
    yield "metrics", nobody.get("/metrics")
    yield "the client's own page", nobody.get(f"/forget/{world.link('forget')}/")
    yield "the stylesheet", nobody.get("/static/indelible/indelible.css")
    yield "no stylesheet", nobody.get("/static/indelible/none.css")


def test_every_kind_of_answer_has_the_headers(world):
    for name, answer in answers(world):
        headers = answer.headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'", name
        assert policy["script-src"] == policy["style-src"] == "'self'", name
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'", name
        assert policy["form-action"] == "'self'", name
        assert "unsafe" not in headers["Content-Security-Policy"], name
        assert headers["X-Content-Type-Options"] == "nosniff", name
        assert headers["X-Frame-Options"] == "DENY", name
        assert headers["Referrer-Policy"] == "same-origin", name
        assert "camera=()" in headers["Permissions-Policy"], name
        if hasattr(answer, "streaming_content"):
            b"".join(answer.streaming_content)
            answer.close()


def test_a_defect_of_ours_has_the_headers_too_and_quotes_nothing(world, monkeypatch):
    def broken(*given: object) -> None:
        raise ValueError(PLANTED)

    monkeypatch.setattr("indelible.service.web.entry_rows.by_day", broken)
    answer = world.browser(world.owner, raise_request_exception=False).get(world.here, {"q": PLANTED})
    assert answer.status_code == 500
    assert PLANTED not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_a_member_sees_is_kept_by_no_cache(world):
    owner = world.browser(world.owner)
    for address in (world.here, f"{world.here}integrity/", f"{world.here}entries/{world.entry}/", "/account/"):
        assert "no-store" in owner.get(address).headers["Cache-Control"], address
    for kind in ("new_password", "invitation"):
        answer = world.browser().get(world.address(kind, f"{kind.replace('_', '-')}/<str:secret>/"))
        assert answer.status_code == 200
        assert "no-cache" in answer.headers["Cache-Control"], kind


# What pages are made of


class Parts(HTMLParser):
    """Collects what the policy would refuse to run, and what would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.token_missing: list[str] = []
        self._script: str | None = None
        self._form: dict[str, Any] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith(("on", "hx-on"))]
        for name in ("src", "href", "action", "formaction", "hx-get", "hx-post"):
            if re.match(r"\s*(javascript:|https?:|//)", given.get(name, ""), re.IGNORECASE):
                self.found.append(f"<{tag} {name}={given[name]}>")
        if tag == "style":
            self.found.append("<style>")
        if tag == "script":
            self._script = given.get("type", "")
        if tag == "form" and given.get("method", "").lower() == "post":
            self._form = {"action": given.get("action"), "token": False}
        if tag == "input" and given.get("name") == "csrfmiddlewaretoken" and self._form:
            self._form["token"] = True

    def handle_data(self, data: str) -> None:
        if self._script is not None and self._script != "application/json" and data.strip():
            self.found.append(f"<script>{data.strip()[:60]}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None
        if tag == "form" and self._form is not None:
            if not self._form["token"]:
                self.token_missing.append(str(self._form["action"]))
            self._form = None


def pages(world: World, signed_in: Any) -> Iterator[tuple[str, Any]]:
    """Every page that an address gives to an owner and to nobody, the parts, and the pages after a form."""
    nobody = world.browser()
    for name, route in addresses():
        if name not in ("account_logout",):
            yield name, signed_in.get(world.address(name, route))
            yield f"{name} for nobody", nobody.get(world.address(name, route))
    yield "sign out", signed_in.get("/account/logout/")
    for kind in ("client", "service", "voucher"):
        yield kind, signed_in.get(f"{world.here}story/{kind}/{world.ids[kind]}/")
    for path, target in (("", "older"), (f"entries/{world.entry}/", "panel"), ("totals/", "totals"),
                         ("integrity/", "check"), ("sign-ins/", "older")):  # fmt: skip
        yield target, signed_in.get(world.here + path, headers={"HX-Request": "true", "HX-Target": target})
    yield "a problem", signed_in.get(world.here, {"q": f"colour:{PLANTED}"})
    yield "nothing found", signed_in.get(world.here, {"q": PLANTED})
    yield "invited", signed_in.post(f"{world.here}people/invite/", {"email": "a@clinic.example", "role": "staff"})
    yield "not invited", signed_in.post(f"{world.here}people/invite/", {"email": "a"})
    yield "not saved", signed_in.post(f"{world.here}settings/", {})
    yield "not signed in", nobody.post("/account/login/", {"login": "a@b.example", "password": "x"})
    yield "a link for a client", signed_in.post(f"{world.here}story/client/{world.ids['client']}/link/")
    yield "not anonymized", signed_in.post(f"{world.here}story/client/{world.ids['client']}/anonymize/")
    yield "forged", world.browser(enforce_csrf_checks=True).post("/account/login/")


def test_no_page_has_a_script_a_style_or_anything_from_elsewhere_in_it(world, signed_in, monkeypatch):
    from django.conf import settings

    # Without a mail server links are shown.
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
    seen = set()
    for name, answer in pages(world, signed_in):
        assert answer.status_code < 500, name
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        seen.add((name, answer.status_code))
        parts = Parts()
        parts.feed(answer.content.decode())
        assert parts.found == [], name
        assert parts.token_missing == [], name
    shown = {name for name, status in seen if status == 200}
    assert len(shown) > 35, "most addresses must have shown a page"
    assert {"activity", "mfa_activate_totp", "export", "integrity", "people", "forget", "account_login for nobody",
            "panel", "invited"} <= shown  # fmt: skip


# Forms


def test_no_form_is_taken_without_its_token(world):
    browser = world.browser(world.owner, enforce_csrf_checks=True)
    for name, route in addresses():
        address = world.address(name, route)
        refused = 405 if name == "viewer" else 403  # a pass takes no form
        assert browser.post(address).status_code == refused, name
        assert browser.post(address, {"csrfmiddlewaretoken": "x" * 64}).status_code == refused, name
    nobody = world.browser(enforce_csrf_checks=True)
    for address in ("/account/login/", f"/forget/{world.link('forget')}/", "/language/", "/account/password/reset/"):
        assert nobody.post(address).status_code == 403, address


def test_a_form_from_another_site_is_refused_even_with_the_token(world):
    browser = world.browser(enforce_csrf_checks=True)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)', browser.get("/account/login/").content.decode())
    assert token
    sent = {"login": world.owner.email, "password": PASSWORD, "csrfmiddlewaretoken": token.group(1)}
    from_there = browser.post("/account/login/", sent, headers={"origin": "https://evil.example"})
    assert from_there.status_code == 403
    assert browser.post("/account/login/", sent, headers={"origin": "http://localhost:8000"}).status_code == 302


ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "/\\evil.example", "https:evil.example", "javascript:alert(1)",
    "\thttps://evil.example", "///evil.example", "http://localhost@evil.example/", "%2f%2fevil.example",
]  # fmt: skip


@pytest.mark.parametrize("next", ELSEWHERE)
def test_nobody_is_sent_to_another_site(world, next):
    def safe(answer: Any) -> bool:
        """Whether a browser stays: it reads \\ as / and leaves tabs out."""
        where = re.sub(r"[\t\r\n]", "", answer.headers.get("location", "/")).replace("\\", "/")
        return urlsplit(urljoin("http://localhost/account/login/", where))[:2] == ("http", "localhost")

    sent = {"login": world.owner.email, "password": PASSWORD, "next": next}
    browser = world.browser()
    answer = browser.post("/account/login/?" + urlencode({"next": next}), sent)
    assert answer.status_code == 302
    assert safe(answer), answer.headers["location"]
    assert safe(browser.post("/language/", {"language": "pt", "next": next}))
    assert safe(browser.post("/language/", {"language": "pt"}, headers={"referer": next}))
    assert safe(browser.get("/account/login/?" + urlencode({"next": next})))
    assert safe(browser.post("/account/logout/", {"next": next}))


def test_signing_out_needs_a_form(world):
    browser = world.browser(world.owner)
    browser.get("/account/logout/")
    assert browser.get(world.here).status_code == 200
    browser.post("/account/logout/")
    assert browser.get(world.here).status_code == 302


@pytest.mark.parametrize("kind", ["urlencoded", "multipart", "fields", "files", "json", "cut"])
def test_a_body_that_is_too_large_or_broken_is_refused(world, kind):

    browser, address = world.browser(world.owner), f"{world.here}settings/"
    large = "x" * 200_000
    form = "application/x-www-form-urlencoded"
    answer = {
        "urlencoded": lambda: browser.post(address, f"name={large}", content_type=form),
        "multipart": lambda: browser.post(address, {"name": large}),
        "fields": lambda: browser.post(address, "&".join(f"f{n}=1" for n in range(500)), content_type=form),
        "files": lambda: browser.post(address, {"name": io.BytesIO(b"x" * 300_000)}),
        "json": lambda: browser.post(address, large, content_type="application/json"),
        "cut": lambda: browser.post(address, "--x\r\nContent-Dispo", content_type="multipart/form-data; boundary=x"),
    }[kind]()
    empty = kind in ("json", "cut")  # for the service these are forms without a field
    assert answer.status_code in ((200, 400) if empty else (400, 413))
    assert world.log.state().name == "Clínica do Teste"


def test_a_form_for_which_the_password_is_asked_again_leads_there(world):
    """Also where it is posted at once: the page that asks, and not a failure."""
    browser = world.browser(world.owner)
    answer = browser.post("/account/2fa/totp/activate/", {"code": "123456"})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/account/reauthenticate/?next=")


def test_where_the_log_refuses_an_account_is_as_before_and_the_page_says_so(world, monkeypatch):
    from indelible.errors import StorageFailure

    user = world.service.user("staff", world.log)
    before = user.password

    def refuse(*given: object, **more: object) -> None:
        raise StorageFailure("the disk is full")

    browser = world.browser(user)
    monkeypatch.setattr("indelible.django.recording._insert", refuse)
    new = {"oldpassword": PASSWORD, "password1": "another long sentence", "password2": "another long sentence"}
    answer = browser.post("/account/password/change/", new)
    assert answer.status_code == 503
    assert "the disk is full" in answer.content.decode()
    user.refresh_from_db()
    assert user.password == before
    nobody = world.browser()
    assert nobody.post("/account/login/", {"login": user.email, "password": PASSWORD}).status_code == 503
    assert nobody.get(world.here).status_code == 302, "nobody is signed in"


# Hostile input

HOSTILE = st.one_of(
    st.sampled_from(["", "\0", "'", '"', "<script>alert(1)</script>", "../../etc/passwd", "%s%n", "{{7*7}}", "ß" * 3000,
                     "9" * 400, "-1", "1e309", "NaN", "2026-02-30", "0000-00-00", "9999-12-31", "actor:", ":", "-",
                     "from:9999-12-31", "to:0001-01-01", "from:0000-01-01", "from:-9999d",
                     "from:-2h", "to:last-year", "from:9999-12-31T23:59", "to:0001-01-01T00:00", "23:59",
                     "from:week to:yesterday", "about:client/", "about:/x", "operation:\0",
                     "action:" + "x" * 900, "category:none", "9.9.9", "0.1.1", "-1.1.1", "253402300799999999.1.1",
                     "-999999999999999999.999999999999999999.999999999999999999", "999999999999999999",
                     "\u202e", "\ud7ff\ue000", "a\u0301" * 50, '"a', "client:cli_1 client:cli_2 -client:cli_3"]),
    st.text(max_size=40),
)  # fmt: skip
NAMES = (
    "q", "after", "since", "words", "rest", "from", "from_at", "to", "to_at", "person", "only", "next", "format",
    "page", "name", "zone", "email", "password", "role", "until", "requested_by", "sure", "language", "login", "code",
    "oldpassword", "password1", "password2", "client", "credential", "action",
)  # fmt: skip
FORMS = st.dictionaries(st.sampled_from(NAMES), HOSTILE, max_size=6)
PARTS = st.lists(HOSTILE, min_size=4, max_size=4)
FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@FUZZ
@given(
    number=st.integers(0, 10_000), sent=FORMS, raw=st.binary(max_size=20), htmx=st.sampled_from(["", "older", "panel"])
)
@example(number=0, sent={"q": "from:9999-12-31"}, raw=b"%ff%00=\xff", htmx="")
def test_no_query_string_breaks_a_page(world, signed_in, number, sent, raw, htmx):
    routes = [pair for pair in addresses() if pair[0] != "account_logout"]
    name, route = routes[number % len(routes)]
    query = urlencode(sent) + "&" + raw.decode("latin-1").replace("#", "")
    headers = {"HX-Request": "true", "HX-Target": htmx} if htmx else {}
    answer = signed_in.generic("GET", world.address(name, route), QUERY_STRING=query, headers=headers)
    assert answer.status_code < 500, (name, query)


@FUZZ
@given(number=st.integers(0, 10_000), parts=PARTS)
def test_no_id_in_an_address_breaks_a_page(world, signed_in, number, parts):
    routes = [(name, route) for name, route in addresses() if "<" in route]
    name, route = routes[number % len(routes)]
    left = list(parts)

    def one(match: re.Match[str]) -> str:
        if match.group(1) == "clinic" and number % 3:
            return str(world.log.clinic.id)
        return quote(left.pop() if left else "x", safe="")

    filled = re.sub(r"<\w+:(\w+)>", one, route)
    address = "/" + re.sub(r"[\^$]|\(\?P<(\w+)>[^)]*\)", lambda match: one(match) if match.group(1) else "", filled)
    assert signed_in.get(address).status_code < 500, (name, address)
    assert world.browser().get(address).status_code < 500, (name, address)


@FUZZ
@given(number=st.integers(0, 10_000), sent=FORMS, cursor=HOSTILE)
def test_no_form_breaks_the_service(world, number, sent, cursor):
    from indelible.service.web.pages.integrity import checks

    routes = list(addresses())
    name, route = routes[number % len(routes)]
    browser = world.browser(world.service.user("owner", world.log))
    address = world.address(name, route) + "?" + urlencode({"after": cursor})
    answer = browser.post(address, sent)
    assert answer.status_code < 500, (name, sent)
    if hasattr(answer, "streaming_content"):
        b"".join(answer.streaming_content)
        answer.close()
    assert checks.wait(world.log.clinic.id, 60)


# The service's own logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the service logs meanwhile, as it is written to standard error."""
    from indelible.service.run.json_logs import JSONLines

    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JSONLines())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def test_nothing_personal_is_in_the_services_logs(world, lines, monkeypatch):
    service, planted = world.service, f"{PLANTED}-{secrets.token_hex(4)}"
    log = service.clinic(planted)
    ids = service.fill(log, planted)
    person = service.user("owner", log, name=planted)
    person.email = f"{planted}@clinic.example".lower()
    person.save()
    browser = world.browser(person, raise_request_exception=False)
    here = f"/c/{log.clinic.id}/"
    strange = {"user-agent": planted, "cookie": f"a={planted}", "referer": f"http://localhost/{planted}"}
    browser.get(f"{here}?q={planted}", headers=strange)
    browser.get(f"{here}story/client/{ids['client']}/")
    browser.get(f"{here}story/client/{planted}-none/")
    browser.get(f"/{planted}/")
    browser.get(f"/static/{planted}")
    browser.get("/", headers={"host": f"{planted}.example"})
    browser.post(f"{here}settings/", {"name": planted, "zone": planted})
    browser.post(f"{here}settings/", {"name": planted * 9_000})
    browser.post(f"{here}people/invite/", {"email": f"{planted}@clinic.example", "role": "staff"})
    browser.post(f"{here}story/client/{ids['client']}/link/")
    browser.generic(planted[:4], f"{here}?q={planted}")
    world.browser(person, enforce_csrf_checks=True).post(f"{here}settings/", {"name": planted}, headers=strange)
    nobody = world.browser(raise_request_exception=False)
    nobody.post("/account/login/", {"login": f"{planted}@clinic.example", "password": planted})
    nobody.post("/account/login/", {"login": person.email, "password": planted})
    nobody.get(f"/forget/{planted}/")

    def broken(*given: object) -> None:
        raise ValueError(planted)

    monkeypatch.setattr("indelible.service.web.entry_rows.by_day", broken)
    assert browser.get(f"{here}?q={planted}").status_code == 500
    text = lines.getvalue()
    assert planted.lower() not in text.lower()
    assert person.public_id not in text
    assert "203.0.113.9" not in text
    written = [json.loads(line) for line in text.splitlines()]
    assert {line["event"] for line in written if line["logger"] == "indelible.requests"} == {"request"}
    assert "c/<str:clinic>/story/<str:kind>/<hosts_id:thing>/" in {line.get("route") for line in written}
    assert any(line.get("error") == "ValueError" for line in written)


# With https

_SECURE = """
import json, os
from indelible.service import environment
from indelible.service.run import drain_threads, startup
startup.prepare(environment.read())
from django.conf import settings
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
from django.test import Client
from indelible.service.accounts.models import Membership, User
from indelible.service.accounts.clinics import begin_log, own
from indelible.service.shared_journal import close_journal, journal
user = User.objects.create_user("owner@clinic.example", "a sentence that nobody guesses", name="Owner")
clinic_id = begin_log("Clinic", "Europe/Lisbon")
own(clinic_id, user)
def browser(proto):
    return Client(headers={"host": "log.clinic.example", "x-forwarded-proto": proto, "x-forwarded-for": "203.0.113.7"})
one = browser("https")
login = one.get("/account/login/", secure=True)
one.post("/language/", {"language": "pt"}, secure=True, headers={"origin": "https://log.clinic.example"})
sent = {"login": "owner@clinic.example", "password": "a sentence that nobody guesses", "remember": "on"}
done = one.post("/account/login/", sent, secure=True, headers={"origin": "https://log.clinic.example"})
listed = one.get(f"/c/{clinic_id}/", secure=True)
drain_threads.settle(settings.ENVIRONMENT)
print(json.dumps({
    "cookies": {name: {key: value for key, value in morsel.items() if value} for name, morsel in one.cookies.items()},
    "headers": dict(listed.headers), "statuses": [login.status_code, done.status_code, listed.status_code],
    "to": done.headers["location"],
    "ip": next(journal().clinic(clinic_id).read("action:account.logged_in")).request.get("ip"),
}))
close_journal()
"""


def test_with_https_cookies_are_bound_to_it_and_browsers_told_to_stay(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
    own = {"INDELIBLE_DATABASE": str(tmp_path / "activity.db"), "INDELIBLE_URL": "https://log.clinic.example",
           "INDELIBLE_TRUSTED_PROXIES": "1", "DJANGO_SETTINGS_MODULE": "indelible.service.run.settings",
           "INDELIBLE_KEEP_BESIDE": "yes"}  # fmt: skip
    ended = subprocess.run([sys.executable, "-c", _SECURE], env=kept | own, cwd=Path(tmp_path), capture_output=True,
                           text=True, timeout=120)  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout)
    assert found["statuses"] == [200, 302, 200]
    assert found["cookies"].keys() == {"__Host-indelible", "__Host-indelible-csrf", "__Host-indelible-device",
                                      "indelible_language"}  # fmt: skip
    for name, cookie in found["cookies"].items():
        assert cookie["secure"] is True, name
        assert cookie["httponly"] is True, name
        assert cookie["samesite"] == "Lax", name
        assert (cookie["path"], "domain" in cookie) == ("/", False), name
    assert re.fullmatch(r"max-age=\d{8,}(; includeSubDomains)?", found["headers"]["Strict-Transport-Security"])
    assert found["to"] == "/", "to a path and not to an address in clear"
    assert found["ip"] == "203.0.113.7", "the address that the proxy says"


def test_without_https_no_browser_is_told_to_stay_there(world):
    answer = world.browser(world.owner).get(world.here)
    assert "Strict-Transport-Security" not in answer.headers
