"""The page "Activity" of the staff area: the log in a frame, and a client's page with nothing but their story."""

import json
import os
import urllib.request

from django.contrib import admin
from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.cache import never_cache

COLOURS = {"accent": "#417690", "background": "#ffffff", "accent_dark": "#81d4fa", "background_dark": "#121212"}


def viewer_url(user, **more):
    """Return the address for the frame. Only who works here comes so far: `admin_view` sees to it."""
    groups = user.groups.values_list("name", flat=True)
    role = "owner" if user.is_superuser else groups.first() or "staff"
    wanted = {"role": role, "user": {"id": user.username, "name": user.get_full_name()}, "colours": COLOURS, **more}
    request = urllib.request.Request(
        f"{os.environ['LOG_URL']}/api/v1/clinics/c_estrela/viewer",
        json.dumps(wanted).encode(),
        {"Authorization": f"Bearer {os.environ['LOG_KEY']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["url"]


def page(request, title, **more):
    its = {"title": title, "log": os.environ["LOG_URL"], "url": viewer_url(request.user, **more)}
    return render(request, "admin/activity.html", {**admin.site.each_context(request), **its})


@never_cache
def activity(request):
    return page(request, "Activity")


@never_cache
def of_client(request, username):
    client = get_object_or_404(User, username=username)
    return page(request, client.get_full_name(), only={"kind": "client", "id": client.username})


urlpatterns = [
    path("admin/activity/", admin.site.admin_view(activity), name="activity"),
    path("admin/activity/<str:username>/", admin.site.admin_view(of_client), name="activity-of"),
]
