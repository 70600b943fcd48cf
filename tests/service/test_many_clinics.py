"""What a request costs does not grow with the number of clinics: none reads them all."""

from __future__ import annotations

import pytest


@pytest.fixture
def unread(service, monkeypatch):
    """From here on whoever reads every clinic fails."""
    from indelible.stores.sqlite.store import SQLiteStore

    clinics = SQLiteStore.clinics

    def some(self, only=None):
        assert only is not None, "every clinic of the installation is read"
        return clinics(self, only)

    def begin() -> None:
        monkeypatch.setattr(SQLiteStore, "clinics", some)

    return begin


def test_pages_sign_ins_and_draining_read_no_other_clinics(service, unread):
    log = service.clinic()
    user = service.user("owner", log)
    page = service.client(user)
    unread()
    for path in ("/", f"/c/{log.clinic.id}/", f"/c/{log.clinic.id}/people/", f"/c/{log.clinic.id}/keys/", "/ready/"):
        assert page.get(path, follow=True).status_code == 200, path
    stranger = service.client()
    sent = {"login": user.email, "password": "a sentence that nobody guesses"}
    assert stranger.post("/account/login/", sent).status_code == 302  # and what it recorded is drained
    assert "127.0.0.1" in [view.values.get("request.ip") for view in log.read("action:account.logged_in")]


def test_recording_and_managing_over_http_read_no_other_clinics(service, unread):
    from indelible.service.accounts import keys

    log = service.clinic()
    _, text = keys.make("platform", list(keys.Scope))
    page = service.client()
    bearer = {"authorization": f"Bearer {text}"}
    unread()
    below = f"/api/v1/clinics/{log.clinic.id}"
    assert page.get(below, headers=bearer).status_code == 200
    assert page.get(f"{below}/members", headers=bearer).status_code == 200
    sent = {"name": "Clinic", "zone": "UTC", "owner": {"email": "a@b.example"}}
    new = f"/api/v1/clinics/{log.clinic.id}_2"
    for address, status in ((below, 200), (new, 201), (new, 200)):
        made = page.put(address, sent, content_type="application/json", headers=bearer)
        assert made.status_code == status, made.content


def test_who_has_many_clinics_finds_them_all_on_one_page_and_a_few_in_the_menu(service):
    from indelible.service.accounts.models import Membership
    from indelible.service.web.context_processors import IN_MENU

    logs = [service.clinic(f"Clinic {number:02}") for number in range(IN_MENU + 1)]
    user = service.user("owner", logs[0])
    Membership.objects.bulk_create(Membership(user=user, clinic_id=log.clinic.id, role="staff") for log in logs[1:])
    page = service.client(user)
    shown = page.get("/").content.decode()
    assert all(f"/c/{log.clinic.id}/" in shown for log in logs)
    menu = page.get(f"/c/{logs[0].clinic.id}/").content.decode().partition("</details>")[0]
    assert menu.count("/c/") == IN_MENU
    assert "All your clinics" in menu
