"""The link that a clinic hands to a client: opened in a browser of the client's own, without an account."""

from __future__ import annotations

import pytest

from indelible.journal import Journal
from indelible.read.view import View


@pytest.fixture
def paid(site) -> View:
    """A charge of a client of whom none of the five uses speaks: other tests look for those."""
    spoken_of = {value for use in site.uses.values() for value in use.ids.values()}
    database = site.folder / "activity.db"
    with Journal(database, master_key=str(database) + ".key", keep=str(database) + ".keep") as journal:
        for entry in journal.clinic("c_estrela").read("action:charge.succeeded"):
            client = entry.client
            if client and client.get("name") and client["id"] not in spoken_of and entry.target:
                return entry
    pytest.fail("nobody of the demo paid")


def test_a_client_removes_the_own_details_with_the_link(site, page_as, paid):
    owner = page_as("owner")
    owner.goto(f"{site.clinic}story/client/{paid.client['id']}/")
    assert paid.client["name"] in owner.inner_text("h1")
    owner.get_by_role("button", name="A link for the client").click()
    link = owner.get_by_label("Link", exact=True).input_value()

    client = page_as(None, phone=True)
    client.goto(link)
    client.get_by_role("button", name="Remove my details for good").click()
    client.get_by_role("heading", name="Your details are gone").wait_for()

    owner.goto(f"{site.clinic}?q=about:charge/{paid.target['id']}")
    rows = owner.locator("table.entries").inner_text()
    assert paid.target["id"] in rows
    assert paid.client["name"] not in rows


def test_a_filter_that_was_not_understood_stays_to_be_mended(site, page_as):
    page = page_as("staff")
    page.goto(f"{site.clinic}?q=colour:red")
    page.get_by_role("heading", name="The filter was not understood").wait_for()
    assert page.get_by_label("Search", exact=True).input_value() == "colour:red"
    assert page.get_by_label("The filter as text").input_value() == "colour:red"
