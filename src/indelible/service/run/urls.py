"""Every address of the service: the pages, and the log over HTTP."""

from __future__ import annotations

from django.urls import include, path

from ..api.application import api
from ..web.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    path("api/v1/", api.urls),
    path("", include("indelible.service.web.urls")),
]
