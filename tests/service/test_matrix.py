"""Every role against every address and method, in one's own clinic and in another's.

The table says for each of our addresses which right it needs. An address that is not in it fails the test.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

# The pages' addresses; the HTTP interface has a table of its own.
PAGES = "indelible.service.web.urls"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ROLES = ("owner", "manager", "staff", "auditor")

# Name of the address: the right that it needs, and the methods that it takes. Everything under /c/<clinic>/.
TABLE: dict[str, tuple[str, str]] = {
    "activity": ("read", "GET"),
    "new": ("read", "GET"),
    "suggest": ("read", "GET"),
    "totals": ("totals", "GET"),
    "views": ("own_views", "GET POST"),
    "rename_view": ("own_views", "POST"),
    "remove_view": ("own_views", "POST"),
    "export": ("export", "GET"),
    "download": ("export", "POST"),
    "entry": ("read", "GET"),
    "anonymize": ("anonymize", "GET POST"),
    "forget_link": ("anonymize", "POST"),
    "story": ("read", "GET"),
    "print_list": ("export", "GET"),
    "print_story": ("read", "GET"),
    "sign_ins": ("read", "GET"),
    "integrity": ("verify", "GET"),
    "verify": ("verify", "POST"),
    "checkpoint": ("verify", "GET"),
    "compare_letter": ("letters", "POST"),
    "letter": ("letters", "GET POST"),
    "letter_file": ("letters", "GET"),
    "people": ("people", "GET"),
    "invite": ("people", "POST"),
    "withdraw": ("people", "POST"),
    "change_role": ("people", "POST"),
    "remove": ("people", "POST"),
    "password_link": ("people", "POST"),
    "keys": ("settings", "GET POST"),
    "revoke_key": ("settings", "POST"),
    "settings": ("settings", "GET POST"),
    "first_entry": ("settings", "GET"),
    "test_mail": ("settings", "POST"),
}
# Outside of a clinic: whether one must be signed in. The accounts' own addresses are django-allauth's.
ELSEWHERE = {
    "home": True,
    "health": False,
    "ready": False,
    "metrics": False,
    "language": False,
    "account_security": True,
    "new_clinic": True,
    "welcome": False,
    "invitation": False,
    "new_password": False,
    "forget": False,
    "viewer": False,
    "viewer_over": False,
    "viewer_colours": False,
    "viewer_script": False,
}
# django-allauth's: whether one must be signed in. The rest are ways in, or say that there is none.
ACCOUNTS = dict.fromkeys((
    "account_login", "account_logout", "account_inactive", "account_signup", "account_email", "account_confirm_email",
    "account_email_verification_sent", "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done", "account_confirm_login_code",
    "mfa_authenticate", "mfa_login_webauthn",
), False) | dict.fromkeys((
    "account_reauthenticate", "account_change_password", "account_set_password", "mfa_index", "mfa_reauthenticate",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn", "mfa_edit_webauthn", "usersessions_list",
), True)  # fmt: skip
# What the table's rights mean, written down a second time on purpose: roles.py must not change unnoticed.
RIGHTS = {
    "owner": {"read", "own_views", "totals", "export", "anonymize", "verify", "letters", "people", "settings"},
    "manager": {"read", "own_views", "totals", "export", "anonymize", "people", "settings"},
    "staff": {"read", "own_views"},
    "auditor": {"read", "own_views", "totals", "export", "verify", "letters"},
}


def patterns() -> dict[str, str]:
    """The clinic's addresses by name, as Django's resolver has them."""
    found = {}
    for pattern in pages():
        if str(pattern.pattern) == "c/<str:clinic>/":
            found = {one.name: str(one.pattern) for one in pattern.url_patterns}
    return found


def pages() -> list[Any]:
    """The addresses of pages; those of the HTTP interface have a table of their own (`api/test_managing.py`)."""
    from django.urls import get_resolver

    return [
        one
        for part in get_resolver().url_patterns
        for one in (part.url_patterns if str(part.pattern) == "" else [part])
        if str(part.pattern) != "api/v1/"
    ]


def parts(route: str, log: Any, ids: dict[str, str], entry_id: str) -> str:
    """An address of a clinic with things that are there."""
    known = {
        "entry_id": entry_id, "thing": ids["client"] if "client/" in route else ids["booking"], "kind": "booking",
        "number": "1", "person": "usr_nobody", "key": "key_nobody",
    }  # fmt: skip
    return f"/c/{log.clinic.id}/" + re.sub(r"<\w+:(\w+)>", lambda match: known[match.group(1)], route)


def bare(response: Any) -> str:
    """An answer's body without what differs each time."""
    text = response.content.decode()
    return re.sub(r'value="[A-Za-z0-9]{64}"|name="next" value="[^"]*"', "", text)


@pytest.fixture(scope="module")
def world(service):
    log, other = service.clinic("Own"), service.clinic("Other")
    return log, service.fill(log, "own"), other, service.fill(other, "other")


def test_every_address_is_in_the_table(service):
    assert patterns().keys() == TABLE.keys()
    ours = {one.name for one in pages() if getattr(one, "name", None)}
    assert ours == ELSEWHERE.keys()


def elsewhere(patterns: Any = None, before: str = "") -> dict[str, str]:
    """The addresses outside of clinics by name, each with something in the place of an id."""
    found: dict[str, str] = {}
    for one in pages() if patterns is None else patterns:
        route = before + str(one.pattern)
        if hasattr(one, "url_patterns"):
            found |= {} if route.startswith("c/<") else elsewhere(one.url_patterns, route)
        elif one.name:
            found[one.name] = "/" + re.sub(
                r"[\^$]|\(\?P<\w+>[^)]*\)|<\w+:\w+>", lambda m: "1" if m[0][1:] else "", route
            )
    return found


def test_what_is_not_public_leads_to_the_sign_in_whatever_the_method(service):
    table = ELSEWHERE | ACCOUNTS
    assert elsewhere().keys() == table.keys()
    nobody = service.client()
    for name, address in elsewhere().items():
        for method in METHODS:
            answer = nobody.generic(method, address)
            assert answer.status_code < 500, (name, method)
            led = answer.status_code == 302 and answer.headers["location"].startswith("/account/login/")
            if table[name]:
                assert led or answer.status_code == 405, (name, method, answer.status_code)
                assert led or method != "GET", name


def test_the_table_of_rights_is_the_one_in_the_code(service):
    from indelible.service.accounts import roles

    assert roles.ROLES.keys() == RIGHTS.keys()
    for role, rights in RIGHTS.items():
        assert {right.value for right in roles.ROLES[role].rights} - {"sign_ins_of_all", "new_clinic"} == rights


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_what_the_table_says_and_no_more(service, world, role):
    log, ids, _, _ = world
    client = service.client(service.user(role, log))
    entry_id = next(log.read("action:booking.created")).id
    for name, route in patterns().items():
        right, taken = TABLE[name]
        for method in METHODS:
            status = client.generic(method, parts(route, log, ids, entry_id)).status_code
            allowed = method in taken.split() or (method == "HEAD" and "GET" in taken)
            if not allowed:
                expected = {405}
            elif right not in RIGHTS[role]:
                expected = {403}
            else:
                expected = {200, 302, 400, 404} if method == "POST" else {200}
            assert status in expected, (role, name, method, status)


@pytest.mark.parametrize("role", ["nobody", "ended", "stranger", *ROLES])
def test_another_clinic_is_as_if_it_were_not_there(service, world, role):
    log, _, other, ids = world
    user = {
        "nobody": lambda: None,
        "stranger": lambda: service.user(),
        "ended": lambda: service.user("auditor", other, until=other.reading().today - timedelta(days=1)),
    }.get(role, lambda: service.user(role, log))()
    client = service.client(user)
    entry_id = next(other.read("action:booking.created")).id
    for name, route in patterns().items():
        address = parts(route, other, ids, entry_id)
        missing = address.replace(other.clinic.id, "c_none")
        for method in TABLE[name][1].split():
            there, nowhere = client.generic(method, address), client.generic(method, missing)
            if user is None:
                assert there.status_code == nowhere.status_code == 302, (name, method)
                assert there.headers["location"].startswith("/account/login/")
            else:
                assert there.status_code == nowhere.status_code == 404, (role, name, method)
                assert bare(there) == bare(nowhere), (role, name, method)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_another_clinic_is_in_any_answer(service, world, role):
    """With ids, entries and cursors of the other clinic in addresses of one's own."""
    log, _, other, ids = world
    client = service.client(service.user(role, log))
    here = f"/c/{log.clinic.id}/"
    cursor = other.page(limit=2).older
    assert cursor is not None
    asked = [here, f"{here}?after={cursor.encode()}", f"{here}totals/", f"{here}sign-ins/?person=staff/usr_desk",
             f"{here}sign-ins/?after={cursor.encode()}", f"{here}export/"]  # fmt: skip
    asked += [f"{here}?q=about:{kind}/{ids[kind]}" for kind in ("booking", "charge", "voucher", "service")]
    asked += [f"{here}?q=client:{ids['client']}", f"{here}?q=operation:{ids['operation']}"]
    asked += [f"{here}story/{kind}/{ids[kind]}/" for kind in ("booking", "client", "voucher", "service")]
    asked += [f"{here}entries/{view.id}/" for view in other.read(limit=12)]
    for address in asked:
        response = client.get(address)
        assert response.status_code in (200, 403, 404), address
        text = response.content.decode()
        text = text.replace("/".join(address.split("/")[3:]), "")  # the address itself may be repeated
        for mark in ("Ana other", "Maria other", "Massage other"):
            assert mark not in text, address


def test_hidden_categories_are_nowhere_for_staff(service):
    from indelible.catalogue.settings import SettingsChanged
    from indelible.record.document import Staff

    log = service.clinic()
    service.fill(log)
    log.record(SettingsChanged(section="SECRETSECTION"), actor=Staff("usr_secret", "SECRETNAME"),
               target=("clinic", log.clinic.id), operation="op_secret")  # fmt: skip
    client = service.client(service.user("staff", log))
    hidden = next(log.read("category:settings"))
    here = f"/c/{log.clinic.id}/"
    for address in (here, f"{here}?q=category:settings", f"{here}?q=SECRETNAME", f"{here}?q=actor:usr_secret",
                    f"{here}?q=operation:op_secret", f"{here}story/staff/usr_secret/", f"{here}totals/",
                    f"{here}entries/{hidden.id}/", f"{here}sign-ins/?person=staff/usr_secret",
                    f"{here}new/?since=1&q=category:settings"):  # fmt: skip
        text = client.get(address).content.decode()
        text = re.sub(r"<form.*?</form>|<ul class=\"chips\".*?</ul>|<ul id=\"people\".*?</ul>", "", text, flags=re.S)
        assert "SECRETSECTION" not in text, address
        assert "changed the" not in text, address
    shown = client.get(here).content.decode()
    assert "SECRETNAME" not in re.sub(r"<ul id=\"people\".*?</ul>", "", shown, flags=re.S)
