"""The service's own logs: one JSON object a line, on standard error, without personal values.

A request is logged by its route ("c/<clinic>/entries/<id>/"), never by its path, query or address, which may hold ids.
`request` is what the proxy in front calls it (X-Request-ID), where that is no word that somebody could be known by,
else a number of ours; `key` is the id of the API key that it was made with.
An error is logged by its kind and the lines of code that led to it, never by its message, which may quote a value.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

# What `extra` may add, and as what; anything else that somebody passes along is left out.
_KNOWN: dict[str, tuple[type, ...]] = {
    "method": (str,),
    "route": (str,),
    "status": (int,),
    "status_code": (int,),
    "milliseconds": (int, float),
    "request": (str,),
    "key": (str,),  # an API key's id
}
_RENAMED = {"status_code": "status"}  # Django's own name for it
# Only these are known to put nothing personal into their messages: ourselves, and the server's main process.
_TRUSTED = ("indelible", "_granian")
_OUR_CODE = f"{Path(__file__).parents[3]}/"
_PLACES = 8


class JSONLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
        }
        for name, types in _KNOWN.items():
            if isinstance(value := getattr(record, name, None), types):
                line[_RENAMED.get(name, name)] = value
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def server_config() -> dict[str, Any]:
    """Logging of the server around the application, in the same form: what goes wrong with its processes."""
    return {
        "formatters": {"json": {"()": JSONLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {"_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
    }


def _event(record: logging.LogRecord) -> str:
    """The message of a trusted logger; of others the text without its values, or nothing where they are in it."""
    if record.name in _TRUSTED or record.name.startswith("indelible."):
        return record.getMessage()
    if record.name == "django.request":
        return "a request failed"  # its text is nothing but values
    return str(record.msg)[:200] if record.args else "a message that is not logged, because it may quote values"


def _where(trace: TracebackType | None) -> list[str]:
    """The lines of code that led to an error."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        file = code.co_filename.removeprefix(_OUR_CODE).rpartition("/site-packages/")[2]
        places.append(f"{file}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-_PLACES:]
