"""The service's log lines: JSON, one a line, and never a value."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from indelible.errors import InvalidInput
from indelible.format.instant import zone
from indelible.service.run.json_logs import JSONLines

VALUE = "maria@clinic.example"


def line(name: str, message: object, *args: object, exc_info=None, **extra: object) -> dict:
    record = logging.LogRecord(name, logging.ERROR, "file.py", 1, message, args, exc_info)
    record.__dict__.update(extra)
    text = JSONLines().format(record)
    assert "\n" not in text
    found: dict = json.loads(text)
    return found


def raised(error: Exception):
    try:
        raise error
    except type(error):
        return sys.exc_info()


def test_our_own_message_is_whole():
    found = line("indelible.keep.signing", "the log of %s is signed\nagain", "c_1", status=503, route="c/<str:clinic>/")
    assert found["event"] == "the log of c_1 is signed\nagain"
    assert (found["level"], found["logger"]) == ("error", "indelible.keep.signing")
    assert (found["status"], found["route"]) == (503, "c/<str:clinic>/")
    assert found["time"].endswith("+00:00")


def test_of_others_the_values_are_left_out():
    assert line("django.db", "waited for %s", VALUE)["event"] == "waited for %s"
    failed = line("django.request", "%s: %s", "Not Found", VALUE, status_code=404)
    assert (failed["event"], failed["status"]) == ("a request failed", 404)
    assert VALUE not in json.dumps(failed)
    for name in ("django.security.DisallowedHost", "indelibles", "allauth", "_granian.serve"):
        assert VALUE not in json.dumps(line(name, f"Invalid header: {VALUE}"))


def test_an_error_is_its_kind_and_where_it_was_raised():
    found = line("django.request", "Internal Server Error: %s", VALUE, exc_info=raised(ValueError(VALUE)))
    assert found["error"] == "ValueError"
    assert found["where"][-1].endswith(" raised")
    assert ".py:" in found["where"][-1]
    assert VALUE not in json.dumps(found)


def test_the_places_of_our_code_do_not_tell_where_it_is_installed():
    with pytest.raises(InvalidInput) as refused:
        zone("No/Where", "zone")
    found = line("indelible.x", "failed", exc_info=(InvalidInput, refused.value, refused.tb))
    assert found["where"][-1].startswith("indelible/format/instant.py:")


def test_what_else_is_passed_along_is_left_out():
    found = line("indelible.x", "request", request=object(), method=None, email=VALUE, status="200")
    assert found.keys() == {"time", "level", "logger", "event"}
    assert line("indelible.x", "request", request="0123456789abcdef")["request"] == "0123456789abcdef"


UUID = "0b9dbb1c-3f3a-4a59-9d0c-3a4e6f1f7d11"


@pytest.mark.parametrize(
    "given", [UUID, "5f" * 16, "01J9Z8Q3V7M2K4N6P8R0T2W4Y6", "Root=1-67891233-abcdef012345678912345678"]
)
def test_a_request_is_called_what_the_proxy_calls_it(service, caplog, given):
    with caplog.at_level("INFO", "indelible.requests"):
        answer = service.client().get("/health/", headers={"x-request-id": given})
    assert answer.headers["X-Request-ID"] == given
    assert caplog.records[-1].__dict__["request"] == given


@pytest.mark.parametrize(
    "given", ["", "maria", VALUE, "4111111111111111", f"{UUID}\n", f"{UUID} x", "é" * 32, "5f" * 15]
)
def test_a_request_is_not_called_what_could_be_somebody(service, caplog, given):
    with caplog.at_level("INFO", "indelible.requests"):
        answer = service.client().get("/health/", headers={"x-request-id": given})
    assert answer.headers["X-Request-ID"] != given
    assert len(caplog.records[-1].__dict__["request"]) == 16


def test_the_line_of_a_request_has_the_key_and_no_value(service, caplog, monkeypatch):
    from indelible.service.web.pages import home

    def health(request):
        request.api_key_id = "key_7"
        return answered(request)

    answered = home.health
    pattern = next(one for one in urls() if one.name == "health")
    monkeypatch.setattr(pattern, "callback", health)
    with caplog.at_level("INFO", "indelible.requests"):
        service.client().get(f"/health/?email={VALUE}")
    found = json.loads(JSONLines().format(caplog.records[-1]))
    assert found["key"] == "key_7"
    assert (found["route"], found["status"], found["method"]) == ("health/", 200, "GET")
    assert found["milliseconds"] >= 0
    assert VALUE not in json.dumps(found)


def urls():
    from indelible.service.web.urls import urlpatterns

    return urlpatterns
