"""A passkey from its making to a sign-in without a password, in a browser with an authenticator made of software."""

from __future__ import annotations

import re

PASSWORD = "indelible-demo"


def test_a_passkey_signs_in_alone_and_all_of_it_is_recorded(site, page_as):
    page = page_as(None)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    page.goto(f"{site.address}/account/login/?next=/account/2fa/webauthn/add/")
    page.get_by_label("Email").fill("manager@demo.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Is it you?").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("The desk's computer")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()

    page.goto(f"{site.address}/account/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.goto(f"{site.address}/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(site.clinic)

    page.goto(f"{site.clinic}sign-ins/")
    entered = page.locator("tr.signin", has_text="Logged in").first.inner_text()
    assert re.search("passkey", entered, re.I), entered
    assert page.locator("tr.signin", has_text="Enabled 2FA").first.is_visible()

    page.goto(f"{site.address}/account/2fa/webauthn/")
    page.get_by_role("link", name=re.compile("Remove")).click()
    if page.get_by_role("heading", name="Is it you?").count():  # without a password, it was no proof of being there
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_text("You have none.").wait_for()
