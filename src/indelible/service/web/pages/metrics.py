"""The metrics of the outboxes, of signing and of requests, for a collector on this machine, or with a token."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ....drain import metrics as outbox_metrics
from ... import counting
from ...outbox_probe import probe
from ...shared_journal import journal

_BY_PROXIES = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    token = settings.ENVIRONMENT.metrics_token
    if token:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return HttpResponse("The metrics need the token.\n", status=401, content_type="text/plain",
                                headers={"WWW-Authenticate": "Bearer"})  # fmt: skip
    elif not _is_local(request):
        raise Http404
    opened = journal()
    outboxes = probe.at(settings.ENVIRONMENT.every_outbox)
    counting.COUNTS.flush()
    text = outbox_metrics.text(outboxes, opened.store, opened.clock(), counting.drained())
    text = text.removesuffix(outbox_metrics.END) + counting.text() + outbox_metrics.END
    return HttpResponse(text, content_type=outbox_metrics.CONTENT_TYPE)


def _is_local(request: HttpRequest) -> bool:
    """Whether a program of this machine asks. Behind a proxy everybody would seem to, so there it is nobody."""
    if settings.ENVIRONMENT.trusted_proxies or any(name in request.headers for name in _BY_PROXIES):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
