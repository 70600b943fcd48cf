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
