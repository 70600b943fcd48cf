"""Accounts: what happens to a client's account is in the client's story, whoever did it, and goes with the client."""

from __future__ import annotations

import pytest

from indelible.catalogue import find, registered
from indelible.catalogue.reference import built_in
from indelible.errors import InvalidInput
from indelible.record.document import Staff
from indelible.testing.logs import assert_intact, event

PLANTED = ["cli_77", "Ana Planted", "198.51.100.77", "Planted/1.0"]
TARGET = {"kind": "client", "id": "cli_77", "name": "Ana Planted"}
REQUEST = {"channel": "client_app", "ip": "198.51.100.77", "user_agent": "Planted/1.0"}
ACTORS = {
    "system": {"kind": "system", "reason": "login:wrong-password"},
    "integration": {"kind": "integration", "id": "identity-provider"},
    "client": {"kind": "client", "id": "cli_77", "name": "Ana Planted"},
    "staff": {"kind": "staff", "id": "usr_12"},
    "staff with the client's id": {"kind": "staff", "id": "cli_77"},
    "support": {"kind": "support", "id": "sup_1"},
}
ACCOUNT = [cls.code for cls in built_in() if cls.code.startswith("account.")]


def about(action, actor, target=TARGET, **more):
    # Where a person of the clinic's acts, the request is theirs.
    request = REQUEST if actor["kind"] in ("system", "integration", "client") else {}
    return event(action=action, actor=actor, client=None, target=target, context={}, request=request, **more)


@pytest.mark.parametrize("actor", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("action", ACCOUNT)
def test_what_is_about_a_client_s_account_is_in_the_client_s_story_and_goes_with_the_client(log, action, actor):
    log.record_document(about(action, actor))
    assert [view.seq for view in log.read("client:cli_77")] == [1]
    owned = {path for path in log.entry(1).values if path.startswith(("target.", "request."))}
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_9"))
    assert {path for path in owned if log.entry(1).states.get(path) == "erased"} == owned
    left = str(log.entry(1).document() | {"actor": None if actor["kind"] == "staff" else log.entry(1).actor})
    assert [text for text in PLANTED if text in left] == []
    assert_intact(log)


def test_nothing_of_a_client_s_account_is_left_in_the_files(journal, log, attack):
    for action in ACCOUNT:
        for name in ("system", "integration", "client"):
            log.record_document(about(action, ACTORS[name]))
    assert {value for _, value, _ in attack(journal, PLANTED)} == set(PLANTED)
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_9"))
    assert attack(journal, PLANTED) == []


@pytest.mark.parametrize("kind", ["account", "session", "user"])
@pytest.mark.parametrize("action", ACCOUNT)
def test_an_account_that_does_not_say_whose_it_is_is_refused_with_the_mend(log, action, kind):
    with pytest.raises(InvalidInput) as refused:
        log.record_document(about(action, ACTORS["system"], TARGET | {"kind": kind}))
    assert "must be staff or client" in str(refused.value)
    assert ("named by the person whose it is" in str(refused.value)) == (kind != "user")
    assert log.size == 0


def test_a_member_of_staff_and_a_client_with_one_id_have_two_accounts(log):
    log.record_document(about("account.locked", ACTORS["system"], TARGET))
    log.record_document(about("account.locked", ACTORS["system"], TARGET | {"kind": "staff", "name": "Rui Kept"}))
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_9"))
    assert log.entry(1).target == {"kind": "client", "id": None, "name": None}
    assert log.entry(2).target == {"kind": "staff", "id": "cli_77", "name": "Rui Kept"}


def test_a_client_s_deed_on_another_client_is_the_other_s_and_goes_with_the_other(journal, log, attack):
    """A parent who corrects a child's record: what it says is the child's, as a reader of the body finds it too."""
    changes = [{"field": "phone", "old": "planted-old", "new": "planted-new"}]
    parent = {"kind": "client", "id": "cli_1", "name": "Parent Kept"}
    log.record_document(event(action="client.edited", actor=parent, client=None, target=TARGET,
                              context={"changes": changes}))  # fmt: skip
    assert log.entry(1).client == {"id": "cli_77", "name": "Ana Planted"}
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_9"))
    assert attack(journal, ["cli_77", "Ana Planted", "planted-old", "planted-new"]) == []
    assert log.entry(1).actor == parent


@pytest.mark.parametrize("code", [cls.code for cls in registered()])
def test_no_action_has_a_person_without_saying_whose(code):
    """Every person that an entry of the catalogue may have is filed under a realm that its document states."""
    cls = find(code)
    assert cls is not None
    assert not {"account", "user", "person", "support"} & set(cls.targets)
    for field in cls.fields_of_context:
        assert field.refers not in ("client", "staff", "support", "account")
