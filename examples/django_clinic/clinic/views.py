"""The clinic over HTTP. ATOMIC_REQUESTS: one transaction a request, committed before it is answered."""

import json

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from . import doing
from .models import Booking, Client, Service, Voucher


class Answers:
    """What an error of the clinic's means over HTTP. It comes here when the transaction is rolled back."""

    def __init__(self, answer):
        self._answer = answer

    def __call__(self, request):
        return self._answer(request)

    def process_exception(self, request, error):
        return HttpResponse("declined", status=402) if isinstance(error, doing.Declined) else None


def _found(model, pk):
    return get_object_or_404(model.objects.select_for_update(), pk=pk)


def _made(thing):
    return JsonResponse({"id": thing.pk}, status=201)


@require_POST
def services(request):
    return _made(doing.create_service(**json.loads(request.body)))


@require_http_methods(["PATCH", "DELETE"])
def service(request, pk):
    found = _found(Service, pk)
    if request.method == "DELETE":
        doing.delete_service(found)
    else:
        doing.edit_service(found, **json.loads(request.body))
    return HttpResponse()


@require_POST
def packs(request):
    body = json.loads(request.body)
    of, client = _found(Service, body.pop("service")), _found(Client, body.pop("client"))
    return _made(doing.sell_pack(of, client, **body))


@require_POST
def bookings(request):
    body = json.loads(request.body)
    of, client = _found(Service, body["service"]), _found(Client, body["client"])
    voucher = _found(Voucher, body["voucher"]) if "voucher" in body else None
    if voucher is not None and voucher.sessions_left == 0:
        return HttpResponse("used up", status=409)
    return _made(doing.book(of, client, parse_datetime(body["starts_at"]), voucher, body.get("card", "good")))


@require_POST
def reschedule(request, pk):
    booking = _found(Booking, pk)
    if booking.state != "booked":
        return HttpResponse("not booked any more", status=409)
    doing.reschedule(booking, parse_datetime(json.loads(request.body)["starts_at"]))
    return HttpResponse()


@require_POST
def cancel(request, pk):
    booking = _found(Booking, pk)
    if booking.state != "booked":
        return HttpResponse("not booked any more", status=409)
    doing.cancel(booking, timezone.now())
    return HttpResponse()
