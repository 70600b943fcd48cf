"""On the pages, the records of one person that were merged are told together, and forgotten together."""

from __future__ import annotations

import pytest
from django.urls import reverse

MEANT = {"requested_by": "client", "sure": "on"}


@pytest.fixture
def log(service):
    """Two records of Ana, the second merged into the first, each with an entry of its own."""
    made = service.clinic()
    for number in (1, 2):
        ana = {"kind": "client", "id": f"cli_{number}", "name": f"Ana Planted{number}"}
        booking = {"kind": "booking", "id": f"bk_{number}"}
        made.record_document({"action": "booking.created", "actor": ana, "target": booking})
    made.record_document({
        "action": "client.merged", "actor": {"kind": "staff", "id": "usr_1", "name": "Maria"},
        "target": {"kind": "client", "id": "cli_1", "name": "Ana Planted1"},
        "context": {"merged": {"id": "cli_2", "name": "Ana Planted2"}},
    })  # fmt: skip
    return made


@pytest.fixture
def owner(service, log):
    return service.client(service.user("owner", log))


def known(log):
    return {number for number in (1, 2) if log.reading().token("client", f"cli_{number}") is not None}


def page(owner, log, name, thing):
    return owner.get(reverse(name, args=[log.clinic.id, *thing])).content.decode()


def test_the_story_of_one_says_which_entries_are_of_the_other(owner, log):
    text = page(owner, log, "story", ("client", "cli_1"))
    assert "bk_2" in text
    assert text.count("of a record that was merged with this one") == 1


def test_the_question_names_the_other_record_and_takes_it_too_unless_it_is_unticked(owner, log):
    text = page(owner, log, "anonymize", ("cli_1",))
    assert "Ana Planted2" in text
    assert 'name="merged"' in text
    address = reverse("anonymize", args=[log.clinic.id, "cli_1"])
    assert owner.post(address, MEANT | {"merged": "on"}).status_code == 302
    assert known(log) == set()
    assert len(list(log.read("action:client.anonymized"))) == 2


def test_who_unticks_it_keeps_the_other_record(owner, log):
    address = reverse("anonymize", args=[log.clinic.id, "cli_1"])
    assert owner.post(address, MEANT).status_code == 302
    assert known(log) == {2}


def test_who_was_merged_with_nobody_is_not_asked(service, log, owner):
    ids = service.fill(log)
    assert 'name="merged"' not in page(owner, log, "anonymize", (ids["client"],))


def test_the_clients_own_link_takes_all_of_the_records(service, log):
    from indelible.service.web.pages.story import sign

    address = f"/forget/{sign(log.reading(), 'cli_2')}/"
    assert service.client().post(address).status_code == 200
    assert known(log) == set()
    by_themselves = [view.members["actor"]["kind"] for view in log.read("action:client.anonymized")]
    assert by_themselves == ["client", "client"]


@pytest.mark.parametrize("by", ["link", "page"])
def test_another_record_that_went_meanwhile_keeps_nothing_of_the_clients_own(service, log, owner, monkeypatch, by):
    from indelible.service.web.pages.story import sign

    monkeypatch.setattr("indelible.service.web.pages.story.merged_with", lambda session, client_id: ("cli_gone",))
    monkeypatch.setattr("indelible.service.web.pages.story._records", lambda visit, clients: [])
    if by == "link":
        assert service.client().post(f"/forget/{sign(log.reading(), 'cli_1')}/").status_code == 200
    else:
        address = reverse("anonymize", args=[log.clinic.id, "cli_1"])
        assert owner.post(address, MEANT | {"merged": "on"}).status_code == 302
    assert known(log) == {2}
