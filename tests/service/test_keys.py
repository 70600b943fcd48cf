"""The page of keys: who may make which, that it is shown once, and what is recorded."""

from __future__ import annotations

import re

import pytest

PASSWORD = "a sentence that nobody guesses"


@pytest.fixture
def log(service):
    return service.clinic()


def make(page, log, **sent):
    form = {"name": "till", "scopes": ["record"], "password": PASSWORD, **sent}
    return page.post(f"/c/{log.clinic.id}/keys/", form)


def key_in(answer) -> str:
    found = re.search(r"ind_test_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", answer.content.decode())
    assert found is not None
    return found[0]


def recorded(log, code: str):
    return list(log.read(f"action:{code}"))


def test_a_key_is_shown_once_works_and_is_recorded_in_the_name_of_who_made_it(service, log):
    user = service.user("owner", log)
    page = service.client(user)
    made = make(page, log)
    text = key_in(made)
    assert "no-store" in made.headers["Cache-Control"]
    assert text.rpartition("_")[2] not in page.get(f"/c/{log.clinic.id}/keys/").content.decode()
    sent = {
        "action": "booking.cancelled",
        "actor": {"kind": "staff", "id": "u"},
        "target": {"kind": "booking", "id": "b"},
    }
    answer = service.client().post(f"/api/v1/clinics/{log.clinic.id}/entries", sent, content_type="application/json",
                                   headers={"authorization": f"Bearer {text}"})  # fmt: skip
    assert answer.status_code == 202
    (entry,) = recorded(log, "api_key.created")
    assert (entry.actor["id"], entry.target["name"]) == (user.public_id, "till")
    assert (entry.context["scopes"], entry.request["channel"]) == (["record"], "staff_web")


def test_the_last_day_is_a_day_of_the_clinic(service):
    from indelible.format import instant
    from indelible.service.accounts.models import ApiKey

    log = service.clinic(zone="Pacific/Auckland")
    page = service.client(service.user("owner", log))
    key_in(make(page, log, last_day="2126-07-01"))
    key = ApiKey.objects.get(clinic_id=log.clinic.id)
    assert instant.format(key.ends_at) == "2126-07-01T12:00:00.000000Z"


@pytest.mark.parametrize("sent", [
    {"password": "another one"}, {"password": ""}, {"scopes": []}, {"scopes": ["planted"]}, {"name": " "},
    {"name": "x" * 61}, {"name": "a\u202eb"}, {"last_day": "2001-01-01"}, {"last_day": "soon"},
], ids=str)  # fmt: skip
def test_what_is_wrong_makes_no_key(service, log, sent):
    from indelible.service.accounts.models import ApiKey

    answer = make(service.client(service.user("owner", log)), log, **sent)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not ApiKey.objects.filter(clinic_id=log.clinic.id).exists()
    assert not recorded(log, "api_key.created")


@pytest.mark.parametrize(
    ("role", "may"), [("owner", "record read export anonymize manage"), ("manager", "record export")]
)
def test_nobody_gives_a_key_more_than_they_may_do_themselves(service, log, role, may):
    page = service.client(service.user(role, log))
    for scope in ("record", "read", "export", "anonymize", "manage"):
        assert make(page, log, scopes=[scope]).status_code == (200 if scope in may.split() else 400), scope


def test_a_manager_revokes_a_key_at_once_and_only_their_clinics(service, log):
    from indelible.service.accounts import keys
    from indelible.service.accounts.models import ApiKey

    text = key_in(make(service.client(service.user("owner", log)), log, scopes=["manage"]))
    id = f"key_{text.split('_')[2]}"
    other = service.clinic()
    stranger = service.client(service.user("owner", other))
    assert stranger.post(f"/c/{other.clinic.id}/keys/{id}/revoke/").status_code == 404
    assert keys.find(text) is not None
    user = service.user("manager", log)
    page = service.client(user)
    for _ in range(2):
        assert page.post(f"/c/{log.clinic.id}/keys/{id}/revoke/").status_code == 302
    assert keys.find(text) is None
    assert [one.actor["id"] for one in recorded(log, "api_key.revoked")] == [user.public_id]
    platform, _ = keys.make("provisioning", ["manage"])
    assert page.post(f"/c/{log.clinic.id}/keys/{keys.log_id(platform)}/revoke/").status_code == 404
    assert not ApiKey.objects.get(pk=platform.pk).revoked_at
    assert "provisioning" in page.get(f"/c/{log.clinic.id}/keys/").content.decode()
