"""What a page shows depends on who asks; the filter itself leaves out what a role does not see."""

from __future__ import annotations

from datetime import timedelta


def test_an_owner_sees_every_category(service):
    log = service.clinic()
    service.fill(log, "todo")
    page = service.client(service.user("owner", log)).get(f"/c/{log.clinic.id}/")
    assert page.status_code == 200
    text = page.content.decode()
    for word in ("reservation", "charge", "service", "Logged in", "settings"):
        assert word in text


def test_staff_see_neither_sign_ins_nor_settings(service):
    log = service.clinic()
    service.fill(log, "todo")
    text = service.client(service.user("staff", log)).get(f"/c/{log.clinic.id}/").content.decode()
    assert "Cancelled reservation" in text
    assert "Logged in" not in text
    assert "Changed settings" not in text


def test_an_entry_that_the_role_does_not_see_is_not_there(service):
    log = service.clinic()
    service.fill(log)
    hidden = next(log.read("action:account.logged_in"))
    shown = next(log.read("action:booking.cancelled"))
    client = service.client(service.user("staff", log))
    assert client.get(f"/c/{log.clinic.id}/entries/{hidden.id}/").status_code == 404
    assert client.get(f"/c/{log.clinic.id}/entries/{shown.id}/").status_code == 200


def test_an_auditor_is_let_in_until_the_last_day(service):
    log = service.clinic()
    service.fill(log)
    day = log.reading().today
    assert service.client(service.user("auditor", log, until=day)).get(f"/c/{log.clinic.id}/").status_code == 200
    ended = service.user("auditor", log, until=day - timedelta(days=1))
    assert service.client(ended).get(f"/c/{log.clinic.id}/").status_code == 404


def test_reading_is_recorded_once_in_a_session(service):
    log = service.clinic()
    service.fill(log)
    client = service.client(service.user("manager", log))
    for _ in range(3):
        client.get(f"/c/{log.clinic.id}/")
    assert len(list(log.read("action:log.viewed"))) == 1


def test_who_may_enter_and_until_when_is_recorded(service):
    log = service.clinic()
    owner, day = service.user("owner", log), log.reading().today
    auditor = service.user("auditor", log, until=day)
    client, people = service.client(owner), f"/c/{log.clinic.id}/people/"
    client.post(f"{people}invite/", {"email": "new@clinic.example", "role": "staff"})
    client.post(f"{people}{auditor.public_id}/role/", {"role": "auditor", "until": day + timedelta(days=9)})
    link = owner.links_made.get()
    client.post(f"{people}invitations/{link.pk}/withdraw/")
    changes = [view.context["changes"] for view in log.read("action:settings.changed")]
    assert [[one["field"] for one in change] for change in changes] == [
        ["email", "invitation"], ["email", "until"], ["email", "invitation"]]  # fmt: skip
    assert [(change[1]["old"], change[1]["new"]) for change in changes] == [
        ("staff", None), (str(day), str(day + timedelta(days=9))), (None, "staff")]  # fmt: skip
    assert all(view.actor["id"] == owner.public_id for view in log.read("action:settings.changed"))


def test_an_id_by_which_no_client_is_known_is_told_on_the_page_and_nothing_is_written(service):
    log = service.clinic()
    ids = service.fill(log, "gone")
    manager = service.client(service.user("manager", log))
    here = f"/c/{log.clinic.id}/story/client"
    meant = {"requested_by": "client", "sure": "on"}
    assert manager.post(f"{here}/{ids['client']}/anonymize/", meant).status_code == 302
    for who, words in ((ids["client"], "was anonymized before"), ("cli_nobody", "knows no client by this id"),
                       ("usr_desk", "somebody of the staff")):  # fmt: skip
        for answer in (manager.get(f"{here}/{who}/anonymize/"), manager.post(f"{here}/{who}/anonymize/", meant)):
            assert answer.status_code == 404
            assert words in answer.content.decode()
    assert len(list(log.read("action:client.anonymized"))) == 1
