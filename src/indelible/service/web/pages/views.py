"""Saved views: a filter that somebody gave a name to, for themselves in one clinic.

A view keeps the filter's text, so that what is relative to today stays so. It holds no client's id and no words to look
for: nothing here goes when a client is anonymized, so nothing here may name one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from ....errors import InvalidQuery
from ....read import query
from ....read.actors import Acting, acting
from ....read.filter_names import keepable
from ...accounts.models import SavedView
from ...accounts.roles import Right
from ...accounts.row_locks import hold
from ..access import Visit, in_clinic
from ..url_query import address
from ..validators import check_printable
from .bar import in_words, shown_chips

# More are a list that nobody finds anything in.
MOST_VIEWS = 50


class Name(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name of the view"), max_length=SavedView.LONGEST_NAME, validators=[check_printable],
        help_text=gettext_lazy("Not the name of a client: it would stay here when the client is anonymized."),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@in_clinic(Right.OWN_VIEWS)
def views(request: HttpRequest, visit: Visit) -> HttpResponse:
    if request.method != "POST":
        return _page(request, visit)
    text = request.POST.get("q", "")
    form = Name(request.POST)
    try:
        wanted = visit.session.parse(text)
    except InvalidQuery:
        return redirect(address("activity", visit.clinic_id, text))  # which says what is wrong with it
    kept = keepable(visit.session, wanted)
    if form.is_valid() and not query.format(wanted):
        form.add_error(None, _("There is no filter to save; choose one on the activity page first."))
    elif form.is_valid() and kept is None:
        form.add_error(None, _("A view keeps no client and no words to search for, as they would stay here when a "
                               "client is anonymized; take them out of the filter and save the rest."))  # fmt: skip
    if not form.is_valid() or kept is None or not _save(visit, form, query.format(kept)):
        return _page(request, visit, form, text, 400)
    messages.success(request, _("The view was saved; it is under “Views”."))
    return redirect(address("activity", visit.clinic_id, query.format(kept)))


def _save(visit: Visit, form: Name, text: str) -> bool:
    """Save a view; what there is already, or too much, is said in the form."""
    name = form.cleaned_data["name"]
    with transaction.atomic():
        hold(visit.membership)  # of two requests at once the second one counts what the first one saved
        mine = SavedView.of(visit.membership)
        if mine.filter(name=name).exists():
            form.add_error("name", _("There is a view of this name already; choose another one."))
        elif mine.count() >= MOST_VIEWS:
            form.add_error(None, _("There are %(n)s views, which is the most; delete one first.") % {"n": MOST_VIEWS})
        else:
            SavedView.objects.create(user=visit.user, clinic_id=visit.clinic_id, name=name, filter=text)
            return True
    return False


def _page(
    request: HttpRequest, visit: Visit, form: Name | None = None, text: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    who = acting(visit.session)
    mine = [{"view": one, "url": address("activity", visit.clinic_id, one.filter), "words": _words(visit, one, who)}
            for one in SavedView.of(visit.membership)]  # fmt: skip
    found = {"mine": mine, "form": form, "text": text, "most_characters": SavedView.LONGEST_NAME, **more}
    return render(request, "indelible/activity/views.html", found, status=status)


def _words(visit: Visit, one: SavedView, who: Sequence[Acting]) -> str:
    """What a view shows, in words; nothing for one that has no day today, or asks for an action that is gone."""
    try:
        wanted = visit.session.parse(one.filter)
    except InvalidQuery:
        return ""
    return " · ".join(in_words(chip) for chip in shown_chips(visit, wanted, who))


def _mine(visit: Visit, number: int) -> SavedView:
    """Return one of the visitor's own views; anybody else's is not there."""
    one: SavedView | None = SavedView.of(visit.membership).filter(pk=number).first()
    if one is None:
        raise Http404
    return one


@require_POST
@in_clinic(Right.OWN_VIEWS)
def rename(request: HttpRequest, visit: Visit, number: int) -> HttpResponse:
    form = Name(request.POST)
    with transaction.atomic():
        hold(visit.membership)
        one = _mine(visit, number)
        others = SavedView.of(visit.membership).exclude(pk=one.pk)
        if form.is_valid() and others.filter(name=form.cleaned_data["name"]).exists():
            form.add_error("name", _("There is a view of this name already; choose another one."))
        if form.is_valid():
            one.name = form.cleaned_data["name"]
            one.save(update_fields=["name"])
            return redirect("views", visit.clinic_id)
    return _page(request, visit, status=400, wrong=one.pk, wrong_name=form.errors["name"][0])


@require_POST
@in_clinic(Right.OWN_VIEWS)
def remove(request: HttpRequest, visit: Visit, number: int) -> HttpResponse:
    _mine(visit, number).delete()
    messages.success(request, _("The view was deleted."))
    return redirect("views", visit.clinic_id)
