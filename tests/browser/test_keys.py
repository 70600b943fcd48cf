"""A key is made on the page, used by a program, and revoked."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest


def made(page: Any, site: Any, name: str) -> str:
    page.goto(f"{site.clinic}settings/")
    page.get_by_role("link", name="Keys", exact=True).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Read every entry, with proofs").check()
    page.get_by_label("Manage people, keys and settings").check()
    page.get_by_label("Your password").fill("indelible-demo")
    page.get_by_role("button", name="Make the key").click()
    return str(page.get_by_label("Key", exact=True).input_value())


def asked(site: Any, text: str) -> tuple[int, Any]:
    wanted = urllib.request.Request(
        site.clinic.replace("/c/", "/api/v1/clinics/") + "members", headers={"Authorization": f"Bearer {text}"}
    )
    try:
        with urllib.request.urlopen(wanted, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("how", [{}, {"script": False}, {"phone": True, "dark": True}], ids=["script", "none", "phone"])
def test_a_key_that_is_made_on_the_page_works_until_it_is_revoked(site, page_as, how):
    page = page_as("owner", **how)
    name = f"desk {' '.join(how) or 'wide'}"
    text = made(page, site, name)
    status, answer = asked(site, text)
    assert status == 200
    assert {one["role"] for one in answer["members"]} >= {"owner"}
    assert text in page.locator("#key-curl").inner_text()
    assert page.get_by_role("button", name="Copy the command").is_visible() == how.get("script", True)
    page.goto(f"{site.clinic}keys/")
    assert text not in page.content()
    assert text.rpartition("_")[2] not in page.content()
    line = page.locator("table.members tbody tr", has_text=name)
    assert "last used" in line.inner_text()
    line.locator("summary").click()
    page.get_by_role("button", name=f"Revoke {name}").click()
    assert page.get_by_text("it opens nothing any more").is_visible()
    assert asked(site, text)[0] == 401
    page.goto(f"{site.clinic}?q=action:api_key.revoked")
    assert page.locator("tr.entry", has_text=name).count() == 1


def test_a_manager_cannot_make_a_key_that_anonymizes(site, page_as):
    page = page_as("manager")
    page.goto(f"{site.clinic}keys/")
    assert page.get_by_label("Record what happens").is_visible()
    assert not page.get_by_label("Anonymize clients, for ever").count()
    assert not page.get_by_label("Manage people, keys and settings").count()
