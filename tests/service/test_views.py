"""Saved views: one's own, by name, with days that stay relative, and with nobody in them who may have to go."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from indelible.record.document import Staff


@pytest.fixture
def log(service):
    return service.clinic()


@pytest.fixture
def ids(service, log):
    return service.fill(log)


def saved(user=None):
    from indelible.service.accounts.models import SavedView

    every = SavedView.objects.all()
    return list(every.filter(user=user) if user else every)


def save(browser, log, text, name):
    return browser.post(reverse("views", args=[log.clinic.id]), {"q": text, "name": name})


def test_a_view_is_saved_found_under_its_name_renamed_and_deleted(service, log, ids):
    user = service.user("owner", log)
    browser = service.client(user)
    answer = save(browser, log, "from:last-month to:last-month category:payments", " Payments of last month ")
    assert answer.status_code == 302
    (view,) = saved(user)
    assert (view.name, view.filter) == (
        "Payments of last month", "category:payments from:last-month to:last-month")  # fmt: skip
    page = browser.get(reverse("activity", args=[log.clinic.id])).content.decode()
    assert re.search(r'href="\?q=category%3Apayments%20from%3Alast-month%20to%3Alast-month"[^>]*>\s*'
                     r"<span>Payments of last month</span>", page)  # fmt: skip
    listed = browser.get(reverse("views", args=[log.clinic.id])).content.decode()
    assert "Last month · What: Payments" in listed and "category:payments</" not in listed
    renamed = browser.post(reverse("rename_view", args=[log.clinic.id, view.pk]), {"name": "Month"})
    assert renamed.status_code == 302 and [one.name for one in saved(user)] == ["Month"]
    removed = browser.post(reverse("remove_view", args=[log.clinic.id, view.pk]), follow=True)
    assert "The view was deleted." in removed.content.decode() and saved(user) == []


def test_a_view_is_nobody_else_s_and_of_one_clinic(service, log, ids):
    other_clinic = service.clinic()
    mine, other = service.user("owner", log), service.user("owner", log)
    from indelible.service.accounts.models import Membership

    Membership.objects.create(user=mine, clinic_id=other_clinic.clinic.id, role="owner")
    save(service.client(mine), log, "category:payments", "Mine alone")
    (view,) = saved(mine)
    for browser, clinic in ((service.client(other), log), (service.client(mine), other_clinic)):
        assert "Mine alone" not in browser.get(reverse("activity", args=[clinic.clinic.id])).content.decode()
        assert "Mine alone" not in browser.get(reverse("views", args=[clinic.clinic.id])).content.decode()
        for name in ("rename_view", "remove_view"):
            answer = browser.post(reverse(name, args=[clinic.clinic.id, view.pk]), {"name": "Taken"})
            assert answer.status_code == 404
    assert [one.name for one in saved(mine)] == ["Mine alone"]


def test_who_is_removed_from_a_clinic_leaves_no_views_there(service, log, ids):
    from indelible.service.accounts.models import Membership

    other = service.clinic()
    user = service.user("staff", log)
    Membership.objects.create(user=user, clinic_id=other.clinic.id, role="staff")
    for clinic in (log, other):
        assert save(service.client(user), clinic, "category:payments", "Payments").status_code == 302
    owner = service.client(service.user("owner", log))
    assert owner.post(reverse("remove", args=[log.clinic.id, user.public_id])).status_code == 302
    assert [one.clinic_id for one in saved(user)] == [other.clinic.id]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("category:payments", "", "This field is required."),
        ("category:payments", "x" * 61, "at most 60 characters"),
        ("category:payments", "a\u202eb", "a character in it that cannot be printed"),
        ("", "Everything", "There is no filter to save"),
        ("late", "Late", "A view keeps no client and no words"),
        ("-late category:payments", "Not late", "A view keeps no client and no words"),
        ("ip:203.0.113.9", "There", "A view keeps no client and no words"),
    ],
)
def test_what_cannot_be_saved_is_said_and_what_was_typed_stays(service, log, ids, text, name, said):
    user = service.user("owner", log)
    answer = save(service.client(user), log, text, name)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert saved(user) == []


def test_a_name_is_there_once_and_views_are_at_most_fifty(service, log, ids):
    user = service.user("owner", log)
    browser = service.client(user)
    for number in range(50):
        assert save(browser, log, "category:payments", f"View {number}").status_code == 302
    again = save(browser, log, "category:vouchers", "View 7")
    assert again.status_code == 400 and "a view of this name already" in again.content.decode()
    more = save(browser, log, "category:vouchers", "One more")
    assert more.status_code == 400 and "There are 50 views" in more.content.decode()
    first, second = saved(user)[:2]
    taken = browser.post(reverse("rename_view", args=[log.clinic.id, first.pk]), {"name": second.name})
    assert taken.status_code == 400 and "a view of this name already" in taken.content.decode()
    same = browser.post(reverse("rename_view", args=[log.clinic.id, first.pk]), {"name": first.name})
    assert same.status_code == 302
    assert len(saved(user)) == 50


def test_a_filter_that_cannot_be_read_leads_to_where_it_can_be_mended(service, log, ids):
    answer = save(service.client(service.user("owner", log)), log, "colour:red", "Red")
    assert answer.status_code == 302
    assert answer["Location"].endswith("?q=colour%3Ared")


@pytest.mark.parametrize("key", ["client", "actor", "target", "about", "operation", "stripe"])
def test_no_view_holds_a_client_whatever_the_key_so_none_outlives_the_client(service, log, ids, key):
    user = service.user("owner", log)
    browser = service.client(user)
    client = ids["client"]
    for value in (client, f"client/{client}", f"booking/{client}", f'"{client} x"', "cli_comes_later"):
        for hyphen in ("", "-"):
            answer = save(browser, log, f"category:payments {hyphen}{key}:{value}", f"{key} {value}"[:60])
            assert answer.status_code == 400, value
    assert saved(user) == []


def test_views_of_staff_things_and_actions_are_kept_and_go_on_when_a_client_goes(service, log, ids):
    user = service.user("owner", log)
    browser = service.client(user)
    texts = ["actor:usr_desk from:-7d", f"about:{ids['booking']}", "action:charge.refunded -actor:system",
             f"about:service/{ids['service']}", "recorded:late -actor:integration"]  # fmt: skip
    for number, text in enumerate(texts):
        assert save(browser, log, text, f"View {number}").status_code == 302
    kept = [one.filter for one in saved(user)]
    assert kept[1] == f"about:booking/{ids['booking']}"  # so that no client of that id can be meant
    log.anonymize(ids["client"], requested_by="client", actor=Staff("usr_desk"))
    assert [one.filter for one in saved(user)] == kept
    assert not any(ids["client"] in text for text in kept)


def test_a_view_that_has_no_day_today_can_still_be_deleted(service, log, ids):
    from indelible.service.accounts.models import SavedView

    user = service.user("owner", log)
    browser = service.client(user)
    one = SavedView.objects.create(user=user, clinic_id=log.clinic.id, name="Early", filter="from:year to:last-year")
    assert "Early" in browser.get(reverse("views", args=[log.clinic.id])).content.decode()
    assert browser.get(reverse("activity", args=[log.clinic.id]), {"q": one.filter}).status_code == 400
    assert browser.post(reverse("remove_view", args=[log.clinic.id, one.pk])).status_code == 302
    assert saved(user) == []


def test_what_somebody_typed_as_a_name_is_text_on_the_page(service, log, ids):
    browser = service.client(service.user("owner", log))
    save(browser, log, "category:payments", "<b>bold</b>")
    for name in ("activity", "views"):
        page = browser.get(reverse(name, args=[log.clinic.id])).content.decode()
        assert "<b>bold" not in page and "&lt;b&gt;bold" in page
