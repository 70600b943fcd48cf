"""Managing over HTTP: clinics, people, keys and anonymizing, by the key that asks."""

from __future__ import annotations

import re
import secrets
import threading
from typing import Any

import pytest

from ..conftest import contents, forget_counts

PUT = {"name": "Clínica Nova", "zone": "Europe/Lisbon"}
KEY = {"name": "till", "scopes": ["record"]}
# Each operation on a clinic that is there: the scopes that let it in, and what is sent.
OF_CLINIC: dict[tuple[str, str], tuple[str, Any]] = {
    ("GET", ""): ("read manage", None),
    ("GET", "/members"): ("manage", None),
    ("POST", "/members"): ("manage", {"email": "new@clinic.example", "role": "staff"}),
    ("PATCH", "/members/usr_nobody"): ("manage", {"role": "staff"}),
    ("DELETE", "/members/usr_nobody"): ("manage", None),
    ("GET", "/keys"): ("manage", None),
    ("POST", "/keys"): ("manage", {"name": "till", "scopes": ["manage"]}),
    ("DELETE", "/keys/key_nobody"): ("manage", None),
    ("POST", "/clients/cli_nobody/anonymize"): ("anonymize", {"requested_by": "client"}),
}
OF_PLATFORM: dict[tuple[str, str], Any] = {
    ("PUT", "/clinics/{}"): PUT,
    ("GET", "/keys"): None,
    ("POST", "/keys"): KEY,
    ("DELETE", "/keys/key_nobody"): None,
}
SCOPES = ("record", "read", "export", "anonymize", "manage")


def new_id() -> str:
    return f"c_{secrets.token_hex(5)}"


def entries(clinic_id: str) -> list[Any]:
    from indelible.service.shared_journal import journal

    return list(journal().clinic(clinic_id).read())[::-1]


def codes(clinic_id: str) -> list[str]:
    """What is recorded of a clinic, but for what is told of keys of the platform."""
    return [one.action for one in entries(clinic_id) if not one.action.startswith("api_key.")]


@pytest.fixture
def platform(key_of):
    return key_of(None)


@pytest.fixture
def closed(service, tmp_path):
    """A clinic whose account has ended."""
    from indelible.manage.lifetime import close_clinic
    from indelible.record.document import Staff
    from indelible.service.shared_journal import journal

    log = service.clinic()
    close_clinic(journal(), log.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"))
    return log


# Who may do what


def test_the_table_has_every_operation(service):
    from indelible.service.api import managing
    from indelible.service.api.routes import router

    found = set()
    for path, view in router.path_operations.items():
        for operation in [one for one in view.operations if one.view_func.__module__ == managing.__name__]:
            found |= {(method, re.sub(r"\{\w+\}", "*", path)) for method in operation.methods}
    ours = {(method, "/clinics/*" + re.sub(r"/\w+_nobody", "/*", path)) for method, path in OF_CLINIC}
    ours |= {(method, re.sub(r"\{\}|\w+_nobody", "*", path)) for method, path in OF_PLATFORM}
    assert found == ours | {("GET", "/clinics")}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(("method", "path"), OF_CLINIC, ids=lambda part: str(part))
def test_an_operation_needs_its_scope_and_a_clinic_of_the_key(service, key_of, log, closed, scope, method, path):
    needed, body = OF_CLINIC[method, path]
    mine, platform = key_of(log, scope), key_of(None, scope)
    places = {name: f"/clinics/{clinic}{path}" for name, clinic in {
        "own": log.clinic.id, "another": service.clinic().clinic.id, "none": new_id(), "closed": closed.clinic.id,
        "odd": "c%20%2e%2e", "long": "c" * 400,
    }.items()}  # fmt: skip
    if scope not in needed.split():
        for who in (mine, platform):
            refused = {(a.status, a.content) for a in (who.ask(method, place, body) for place in places.values())}
            assert len(refused) == 1, "what is there shows before the scope is looked at"
            assert refused.pop()[0] == 403
        return
    answers = {name: mine.ask(method, place, body) for name, place in places.items()}
    assert answers["own"].status in ((404,) if "nobody" in path else (200, 201))
    not_there = {(answers[name].status, answers[name].content) for name in ("another", "none", "closed", "odd", "long")}
    assert len(not_there) == 1, "another clinic's, and none, answer alike"
    assert not_there.pop()[0] == 404
    if "nobody" not in path:
        assert platform.ask(method, places["another"], body).status in (200, 201)
    assert platform.ask(method, places["none"], body).status == 404


@pytest.mark.parametrize(("method", "path"), OF_PLATFORM, ids=lambda part: str(part))
def test_what_is_the_platforms_is_refused_to_a_clinics_key_whatever_is_there(key_of, log, platform, method, path):
    mine, body = key_of(log), OF_PLATFORM[method, path]
    answers = [mine.ask(method, path.format(clinic), body) for clinic in (log.clinic.id, new_id())]
    assert {(one.status, one.content) for one in answers} == {(403, answers[0].content)}
    assert key_of(None, "read").ask(method, path.format(new_id()), body).status == 403
    assert platform.ask(method, path.format(log.clinic.id), body).status in ((404,) if "nobody" in path else (200, 201))


def test_a_key_lists_the_clinics_that_it_opens(key_of, log, service, platform):
    other = service.clinic()
    assert [one["id"] for one in key_of(log, "read").get("/clinics").json["clinics"]] == [log.clinic.id]
    found: list[str] = []
    after = ""
    while True:
        page = platform.get(f"/clinics?limit=7&after={after}").json
        found += [one["id"] for one in page["clinics"]]
        after = page["after"]
        if after is None:
            break
    assert {log.clinic.id, other.clinic.id} <= set(found)
    assert found == sorted(set(found))


@pytest.mark.parametrize("spoiled", [
    "forged", "truncated", "longer", "other kind", "no key", "not ASCII", "basic", "revoked", "ended", "empty",
])  # fmt: skip
def test_a_key_that_is_none_opens_nothing_and_all_are_told_the_same(service, key_of, log, monkeypatch, spoiled):
    from indelible.service.accounts import attempts, keys
    from indelible.service.accounts.models import ApiKey

    monkeypatch.setattr(attempts, "take", lambda buckets: True)  # of the limit there is a test of its own
    who = key_of(log)
    assert who.get(f"/clinics/{log.clinic.id}").status == 200
    good = who.key
    id = good.split("_")[2]
    row = ApiKey.objects.get(public_id=id)
    header = "Bearer " + {
        "forged": f"{good.rpartition(id)[0]}{id}_{secrets.token_urlsafe(32)}",
        "truncated": good[:-1],
        "longer": good + "A",
        "other kind": good.replace("ind_test_", "ind_live_"),
        "not ASCII": good[:-1] + "é",
        "empty": "",
    }.get(spoiled, good)
    if spoiled == "basic":
        header = header.replace("Bearer", "Basic")
    if spoiled == "revoked":
        keys.revoke(row)
    if spoiled == "ended":
        ApiKey.objects.filter(pk=row.pk).update(ends_at=keys.now())
    who.key = None
    for method, path in (*OF_CLINIC, *OF_PLATFORM):
        place = path.format(new_id()) if (method, path) in OF_PLATFORM else f"/clinics/{log.clinic.id}{path}"
        answer = who.ask(method, place, b"no json", **({} if spoiled == "no key" else {"authorization": header}))
        assert answer.status == 401, (method, place)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert good not in answer.content.decode()
        assert answer.json["title"] == "Unauthorized"


def test_an_address_that_guesses_keys_is_held_and_a_right_key_from_it_is_not(service, key_of, log):
    who = key_of(log)
    nobody = [key_of(None).ask("GET", "/clinics", authorization=f"Bearer {secrets.token_hex(9)}") for _ in range(40)]
    wrong = [
        key_of(None).ask("GET", "/clinics", authorization=f"Bearer ind_test_{secrets.token_hex(6)}_{'x' * 43}")
        for _ in range(40)
    ]
    assert {one.status for one in nobody} == {401}  # what has not the form of a key costs nothing, and is no guess
    assert [one.status for one in wrong[:3]] == [401] * 3
    held = wrong[-1]
    assert (held.status, held.headers["Retry-After"]) == (429, "2")
    assert who.get(f"/clinics/{log.clinic.id}").status == 200
    forget_counts()


def test_a_key_that_changes_too_much_is_held(key_of, log, monkeypatch):
    from indelible.service import shared_state

    monkeypatch.setattr(shared_state, "clock", lambda: 0.0)
    who = key_of(log)
    answers = [who.ask("DELETE", f"/clinics/{log.clinic.id}/keys/key_nobody") for _ in range(101)]
    assert [one.status for one in answers] == [404] * 100 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert key_of(log).ask("DELETE", f"/clinics/{log.clinic.id}/keys/key_nobody").status == 404


def test_when_a_key_was_used_is_noted_once_a_minute(key_of, log, monkeypatch):
    from indelible.service.accounts import keys
    from indelible.service.accounts.models import ApiKey

    who = key_of(log)
    row = ApiKey.objects.get(public_id=who.key.split("_")[2])
    seen = []
    for at in (10**15, 10**15 + 59_000_000, 10**15 + 61_000_000):
        monkeypatch.setattr(keys, "now", lambda at=at: at)
        who.get("/clinics")
        row.refresh_from_db()
        seen.append(row.used_at)
    assert seen == [10**15, 10**15, 10**15 + 61_000_000]


# Keys


def test_a_key_is_made_shown_once_recorded_and_revoked(key_of, log, caplog):
    who = key_of(log)
    made = who.post(f"/clinics/{log.clinic.id}/keys", {**KEY, "ends_at": "2126-01-31T00:00:00+01:00"})
    assert made.status == 201
    text, id = made.json["key"], made.json["id"]
    new = type(who)(who._browser, text)
    assert made.json["ends_at"] == "2126-01-30T23:00:00.000000Z"
    assert new.post(f"/clinics/{log.clinic.id}/members", {}).status == 403
    listed = who.get(f"/clinics/{log.clinic.id}/keys")
    assert id in [one["id"] for one in listed.json["keys"]]
    assert text.split("_", 3)[3].encode() not in listed.content
    entry = entries(log.clinic.id)[-1]
    assert (entry.action, entry.actor["id"]) == ("api_key.created", f"key_{who.key.split('_')[2]}")
    assert (entry.target["id"], entry.target["name"], entry.context["scopes"]) == (id, "till", ["record"])
    assert entry.request["channel"] == "api"
    assert who.ask("DELETE", f"/clinics/{log.clinic.id}/keys/{id}").status == 204
    assert who.ask("DELETE", f"/clinics/{log.clinic.id}/keys/{id}").status == 204
    assert new.post(f"/clinics/{log.clinic.id}/entries", {}).status == 401
    assert [one.action for one in entries(log.clinic.id)].count("api_key.revoked") == 1
    assert text not in caplog.text
    _nowhere(text)


def _nowhere(text: str) -> None:
    """The secret is in no file of the installation."""
    from django.conf import settings

    secret = text.split("_", 3)[3].encode()
    assert secret not in contents(one for one in settings.ENVIRONMENT.database.parent.rglob("*") if one.is_file())


def test_a_key_gives_no_scope_that_it_lacks(key_of, log):
    who = key_of(log, "manage", "record")
    refused = who.post(f"/clinics/{log.clinic.id}/keys", {"name": "x", "scopes": ["record", "anonymize"]})
    assert (refused.status, refused.json["field"], refused.json["pointer"]) == (422, "scopes", "/scopes")
    assert who.post(f"/clinics/{log.clinic.id}/keys", KEY).status == 201


def test_another_clinics_key_and_the_platforms_are_not_there_to_be_revoked(key_of, service, log):
    from indelible.service.accounts.models import ApiKey

    others = [key_of(service.clinic()), key_of(None)]
    for other in others:
        id = other.key.split("_")[2]
        assert key_of(log).ask("DELETE", f"/clinics/{log.clinic.id}/keys/key_{id}").status == 404
        assert not ApiKey.objects.get(public_id=id).revoked_at


def test_a_platforms_key_is_told_in_every_log_and_in_one_that_begins_later(platform, log):
    made = platform.post("/keys", {"name": "provisioning", "scopes": ["record", "manage"]}).json
    later = new_id()
    assert platform.ask("PUT", f"/clinics/{later}", PUT).status == 201
    assert platform.ask("DELETE", f"/keys/{made['id']}").status == 204
    last = new_id()
    platform.ask("PUT", f"/clinics/{last}", PUT)
    told = [[one.action for one in entries(clinic) if (one.target or {}).get("id") == made["id"]]
            for clinic in (log.clinic.id, later, last)]  # fmt: skip
    assert told == [["api_key.created", "api_key.revoked"]] * 2 + [[]]


# Clinics


def test_a_clinic_is_begun_once_named_and_owned(platform):
    clinic = new_id()
    body = {**PUT, "language": "pt", "owner": {"email": f"Dona.{clinic}@Clinic.example", "name": "Dona"}}
    made = platform.ask("PUT", f"/clinics/{clinic}", body)
    assert (made.status, made.json["status"]) == (201, "created")
    assert made.json["owner"]["link"].startswith("http://localhost:8000/invitation/")
    before = codes(clinic)
    again = platform.ask("PUT", f"/clinics/{clinic}", body)
    assert (again.status, again.json["status"]) == (200, "unchanged")
    assert "link" not in again.json["owner"]
    assert codes(clinic) == before == ["clinic.created", "settings.changed"]
    moved = platform.ask("PUT", f"/clinics/{clinic}", {**body, "name": "Outra", "zone": "Europe/Madrid"})
    assert (moved.status, moved.json["status"], moved.json["name"]) == (200, "changed", "Outra")
    assert codes(clinic)[2:] == ["settings.changed", "clinic.time_zone_changed"]
    assert all(one.actor["kind"] == "integration" for one in entries(clinic))


def test_the_invited_owner_joins_in_their_language_and_the_entry_names_the_key(service, platform):
    from indelible.service.accounts.models import User

    clinic = new_id()
    email = f"{clinic}@clinic.example"
    link = platform.ask("PUT", f"/clinics/{clinic}", {**PUT, "language": "pt", "owner": {"email": email}}).json["owner"]
    page = service.client()
    joined = page.post(link["link"].removeprefix("http://localhost:8000"),
                       {"name": "Dona", "password": "uma frase que ninguém adivinha"})  # fmt: skip
    assert joined.status_code == 302
    user = User.objects.get(email=email)
    assert (user.language, user.memberships.get().role) == ("pt", "owner")
    added = next(one for one in entries(clinic) if one.action == "staff.added")
    assert added.actor["id"] == f"key_{platform.key.split('_')[2]}"


def test_an_invitation_ends_with_the_key_that_made_it(service, key_of, platform, log):
    from indelible.service.accounts import keys
    from indelible.service.accounts.models import ApiKey

    who = key_of(log, "manage")
    link = who.post(f"/clinics/{log.clinic.id}/members", {"email": "a@b.example", "role": "owner"}).json["link"]
    address = link.removeprefix("http://localhost:8000")
    assert service.client().get(address).status_code == 200
    keys.revoke(ApiKey.objects.get(public_id=who.key.split("_")[2]))
    assert service.client().get(address).status_code == 404


def test_who_has_an_account_owns_the_clinic_at_once_and_is_not_made_one_twice(service, platform):
    clinic, user = new_id(), service.user()
    body = {**PUT, "owner": {"email": user.email.upper()}}
    assert platform.ask("PUT", f"/clinics/{clinic}", body).json["owner"]["status"] == "member"
    assert platform.ask("PUT", f"/clinics/{clinic}", body).json["status"] == "unchanged"
    assert user.memberships.get().role == "owner"
    assert codes(clinic) == ["clinic.created", "staff.added"]


def test_a_clinic_that_was_closed_is_not_begun_again(platform, closed):
    answer = platform.ask("PUT", f"/clinics/{closed.clinic.id}", PUT)
    assert answer.status == 409
    assert "closed" in answer.json["detail"]


def test_a_clinic_that_a_request_began_and_did_not_record_is_recorded_by_the_next(service, platform):
    log = service.clinic("Clínica Nova")  # as a process left it that died behind the log's commit
    for _ in range(2):
        assert platform.ask("PUT", f"/clinics/{log.clinic.id}", PUT).status == 200
    assert codes(log.clinic.id) == ["clinic.created"]


def test_of_many_who_begin_one_clinic_at_once_one_does(platform):
    from django.conf import settings
    from django.db import connections

    clinic, answers = new_id(), []
    body = {**PUT, "owner": {"email": f"{clinic}@clinic.example"}}
    ready = threading.Barrier(8)
    kept = len(list(_covers(settings)))

    def ask() -> None:
        try:
            ready.wait()
            answers.append(platform.ask("PUT", f"/clinics/{clinic}", body))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.status for one in answers) == [200] * 7 + [201], [one.content for one in answers]
    assert sum("link" in one.json["owner"] for one in answers) == 1
    assert codes(clinic) == ["clinic.created", "settings.changed"]
    assert len(list(_covers(settings))) == kept + 1, "the keep has a cover of a log that is not there"


def _covers(settings: Any) -> Any:
    from indelible.places import Places

    return (one for one in Places.beside(settings.ENVIRONMENT.database).keep.rglob("*") if one.suffix == ".cover")


# People


def test_members_are_invited_changed_and_let_go(service, key_of, log):
    from django.core import mail

    who, place = key_of(log, "manage"), f"/clinics/{log.clinic.id}/members"
    service.user("owner", log)
    user = service.user("staff", log, name="Rui")
    assert [one["role"] for one in who.get(place).json["members"] if one["id"] == user.public_id] == ["staff"]
    changed = who.ask("PATCH", f"{place}/{user.public_id}", {"role": "auditor", "until": "2126-01-31"})
    assert (changed.status, changed.json["role"], changed.json["until"]) == (200, "auditor", "2126-01-31")
    assert who.post(place, {"email": user.email, "role": "staff"}).status == 409
    invited = who.post(place, {"email": "nova@clinic.example", "role": "manager"})
    assert (invited.status, invited.json["sent"]) == (201, True)
    assert invited.json["link"] in mail.outbox[-1].body
    assert [one["email"] for one in who.get(place).json["invitations"]] == ["nova@clinic.example"]
    assert who.ask("DELETE", f"{place}/{user.public_id}").status == 204
    assert who.ask("DELETE", f"{place}/{user.public_id}").status == 404
    assert [one.action for one in entries(log.clinic.id)] == [
        "staff.role_changed", "settings.changed", "settings.changed", "staff.deactivated",
    ]  # fmt: skip


def test_a_key_leaves_the_clinic_an_owner(service, key_of, log):
    who, place = key_of(log, "manage"), f"/clinics/{log.clinic.id}/members"
    first, second = service.user("owner", log), service.user("owner", log)
    assert who.ask("DELETE", f"{place}/{first.public_id}").status == 204
    assert who.ask("DELETE", f"{place}/{second.public_id}").status == 409
    assert who.ask("PATCH", f"{place}/{second.public_id}", {"role": "staff"}).status == 409
    assert second.memberships.get().role == "owner"


# Anonymizing


def test_a_client_is_anonymized_once_under_a_key_and_the_answer_says_what_is_left(service, key_of, log):
    ids = service.fill(log, "zulmira")
    place = f"/clinics/{log.clinic.id}/clients/{ids['client']}/anonymize"
    who = key_of(log, "anonymize")
    done = who.post(place, {"requested_by": "client", "key": "order-1"})
    assert done.status == 200, done.json
    assert done.json["outboxes"] == {"complete": True, "emptied": 0, "unreached": [], "unnamed": 0}
    again = who.post(place, {"requested_by": "client", "key": "order-1"})
    assert (again.status, again.json["number"]) == (200, done.json["number"])
    assert who.post(place, {"requested_by": "client"}).status == 404
    entry = log.entry(done.json["number"])
    assert (entry.action, entry.actor["kind"]) == ("client.anonymized", "integration")


# What is sent


@pytest.mark.parametrize(("method", "path", "body", "status", "field"), [
    ("PUT", "/clinics/{new}", {"name": "x"}, 422, "zone"),
    ("PUT", "/clinics/{new}", {**PUT, "zone": "Europe/Lisbn"}, 422, "zone"),
    ("PUT", "/clinics/{new}", {**PUT, "name": " "}, 422, "name"),
    ("PUT", "/clinics/{new}", {**PUT, "name": "a\nb"}, 422, "name"),
    ("PUT", "/clinics/{new}", {**PUT, "name": "x" * 201}, 422, "name"),
    ("PUT", "/clinics/{new}", {**PUT, "language": "xx"}, 422, "language"),
    ("PUT", "/clinics/{new}", {**PUT, "owner": {"email": "planted@"}}, 422, "owner.email"),
    ("PUT", "/clinics/{new}", {**PUT, "owner": {"planted@x.example": 1, "email": "a@b.io"}}, 422, "owner.(a member)"),
    ("PUT", "/clinics/{new}", {**PUT, "nick": "planted"}, 422, "nick"),
    ("PUT", "/clinics/a%20b", PUT, 422, "clinic"),
    ("PUT", "/clinics/{new}", [PUT], 422, None),
    ("PUT", "/clinics/{new}", b"{planted", 400, None),
    ("PUT", "/clinics/{new}", b"\xff\xfe", 400, None),
    ("PUT", "/clinics/{new}", b"", 422, None),
    ("POST", "/clinics/{own}/keys", {"name": "x", "scopes": ["planted"]}, 422, "scopes.0"),
    ("POST", "/clinics/{own}/keys", {"name": "x", "scopes": []}, 422, "scopes"),
    ("POST", "/clinics/{own}/keys", {"name": "a\x00b", "scopes": ["read"]}, 422, "name"),
    ("POST", "/clinics/{own}/keys", {**KEY, "ends_at": "2126-01-31T00:00:00"}, 422, "ends_at"),
    ("POST", "/clinics/{own}/keys", {**KEY, "ends_at": "2001-01-31T00:00:00Z"}, 422, "ends_at"),
    ("POST", "/clinics/{own}/keys", {**KEY, "ends_at": "0001-01-01T00:00:00+14:00"}, 422, "ends_at"),
    ("POST", "/clinics/{own}/members", {"email": "a@b.example", "role": "planted"}, 422, "role"),
    ("POST", "/clinics/{own}/members", {"email": "a@b.example", "role": "auditor"}, 422, "until"),
    ("POST", "/clinics/{own}/members", {"email": "a@b.io", "role": "auditor", "until": "2001-01-01"}, 422, "until"),
    ("POST", "/clinics/{own}/clients/c/anonymize", {"requested_by": "planted"}, 422, "requested_by"),
    ("POST", "/clinics/{own}/clients/planted%40x/anonymize", {"requested_by": "client"}, 422, None),
    ("GET", "/clinics?limit=0", None, 422, "limit"),
    ("POST", "/clinics", None, 405, None),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_its_field_without_its_value(platform, log, method, path, body, status, field):
    answer = platform.ask(method, path.format(new=new_id(), own=log.clinic.id), body)
    assert answer.status == status, answer.content
    assert b"planted" not in answer.content
    assert b"Traceback" not in answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    if status == 422 and field is not None:
        assert answer.json["field"] == field
        assert answer.json["pointer"] == "/" + field.replace(".", "/")
