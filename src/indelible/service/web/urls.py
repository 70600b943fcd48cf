"""Every address. A clinic's pages are under /c/<its id>/."""

from __future__ import annotations

from django.urls import include, path, register_converter
from django.views.i18n import set_language

from . import failures
from .pages import (
    activity,
    clinic,
    entry,
    export,
    home,
    integrity,
    keys,
    letter,
    metrics,
    one_time_links,
    people,
    printing,
    security,
    signins,
    story,
    suggest,
    summary,
    viewer,
    views,
)
from .path_converters import HostsId

handler400 = "indelible.service.web.failures.bad_request"
handler403 = "indelible.service.web.failures.csrf"
handler404 = "indelible.service.web.failures.not_found"
handler500 = "indelible.service.web.failures.broken"

register_converter(HostsId, "hosts_id")

_clinic = [
    path("", activity.activity, name="activity"),
    path("new/", activity.new, name="new"),
    path("suggest/", suggest.suggestions, name="suggest"),
    path("totals/", summary.money, name="totals"),
    path("views/", views.views, name="views"),
    path("views/<int:number>/rename/", views.rename, name="rename_view"),
    path("views/<int:number>/remove/", views.remove, name="remove_view"),
    path("export/", export.export, name="export"),
    path("export/file/", export.download, name="download"),
    path("entries/<str:entry_id>/", entry.entry, name="entry"),
    path("story/client/<hosts_id:thing>/anonymize/", story.anonymize, name="anonymize"),
    path("story/client/<hosts_id:thing>/link/", story.link, name="forget_link"),
    path("print/", printing.print_list, name="print_list"),
    path("print/<str:kind>/<hosts_id:thing>/", printing.print_story, name="print_story"),
    path("story/<str:kind>/<hosts_id:thing>/", story.story, name="story"),
    path("sign-ins/", signins.sign_ins, name="sign_ins"),
    path("integrity/", integrity.integrity, name="integrity"),
    path("integrity/verify/", integrity.verify, name="verify"),
    path("integrity/checkpoint/", integrity.checkpoint, name="checkpoint"),
    path("integrity/letter/", integrity.compare, name="compare_letter"),
    path("letter/", letter.letter, name="letter"),
    path("letter/file/", letter.file, name="letter_file"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/invitations/<int:number>/withdraw/", people.withdraw, name="withdraw"),
    path("people/<str:person>/role/", people.change, name="change_role"),
    path("people/<str:person>/remove/", people.remove, name="remove"),
    path("people/<str:person>/password/", people.password_link, name="password_link"),
    path("first-entry/", clinic.first_entry, name="first_entry"),
    path("keys/", keys.clinic_keys, name="keys"),
    path("keys/<str:key>/revoke/", keys.revoke, name="revoke_key"),
    path("settings/", clinic.settings, name="settings"),
    path("settings/test-mail/", clinic.test_mail, name="test_mail"),
]

_account = [
    path("email/", failures.not_found),  # changed at account_security, with the password
    path("sessions/", security.sessions, name="usersessions_list"),  # django-allauth's page, which ends all at once
]

urlpatterns = [
    path("", home.home, name="home"),
    path("health/", home.health, name="health"),
    path("ready/", home.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("language/", set_language, name="language"),
    path("account/", security.security, name="account_security"),
    path("account/", include(_account)),
    path("account/", include("allauth.urls")),
    path("clinics/new/", clinic.new_clinic, name="new_clinic"),
    path("welcome/<str:secret>/", one_time_links.welcome, name="welcome"),
    path("invitation/<str:secret>/", one_time_links.invitation, name="invitation"),
    path("new-password/<str:secret>/", one_time_links.new_password, name="new_password"),
    path("forget/<str:token>/", story.forget, name="forget"),
    path("viewer.js", viewer.script, name="viewer_script"),
    path("viewer/over", viewer.over, name="viewer_over"),
    path("viewer/<str:secret>/", viewer.enter, name="viewer"),
    path("colours.css", viewer.colours, name="viewer_colours"),
    path("c/<str:clinic>/", include(_clinic)),
]
