"""The letter: read it here, take it as a file, and choose how often it comes by e-mail."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from ...accounts import mail
from ...accounts.models import Letter, Membership
from ...accounts.roles import Right
from .. import letter_writing, localization
from ..access import Visit, in_clinic

CHOICES = [
    ("week", gettext_lazy("Every Monday")),
    ("day", gettext_lazy("Every day")),
    ("never", gettext_lazy("Never")),
]
# The days that it is about when it is looked at: those of the letter that comes by default.
_DAYS = 7


@require_http_methods(["GET", "HEAD", "POST"])
@in_clinic(Right.LETTERS)
def letter(request: HttpRequest, visit: Visit) -> HttpResponse:
    problem = ""
    if request.method == "POST":
        often = request.POST.get("often", "")
        if often in dict(CHOICES):
            Membership.objects.filter(pk=visit.membership.pk).update(letters=often)
            return redirect("letter", visit.clinic_id)
        problem = _("How often: choose one of the three.")
    newest = Letter.objects.filter(membership=visit.membership).exclude(kind=Letter.ALERT).order_by("-made_at").first()
    found: dict[str, Any] = {
        "letter": _written(visit),
        "choices": CHOICES,
        "often": visit.membership.wants_letters,
        "problem": problem,
        "last_sent": localization.moment(newest.sent_at, visit.session.zone) if newest and newest.sent_at else "",
        "given_up": newest is not None and newest.sent_at is None and newest.next_try_at is None,
    }
    return render(request, "indelible/letter/page.html", found, status=400 if problem else 200)


@require_safe
@in_clinic(Right.LETTERS)
def file(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The letter as the file of an e-mail, to be kept where there is no mail server."""
    written = _written(visit)
    sender = settings.ENVIRONMENT.mail.sender if settings.ENVIRONMENT.mail else f"indelible@{settings.ENVIRONMENT.host}"
    name = f"<{secrets.token_hex(16)}@{settings.ENVIRONMENT.host}>"
    made = mail.message(written.subject, written.text, written.html, visit.user.email, name, sender)
    response = HttpResponse(made.message().as_bytes(linesep="\r\n"), content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="letter-{visit.session.today.isoformat()}.eml"'
    return response


def _written(visit: Visit) -> letter_writing.Letter:
    """Signed first: what it tells and what its checkpoint covers are then of one moment, or the checkpoint has more."""
    span = letter_writing.last_days(visit.session, _DAYS)
    return letter_writing.write(visit.session, span, visit.access.checkpoint(), with_money=visit.may("totals"))
