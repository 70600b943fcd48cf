"""Answers: JSON, text and bytes, with an ETag where somebody may have them already."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from ...export import jsonl_file
from ...read.view import View

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


def json(value: Any, status: int = 200) -> HttpResponse:
    """Return a value as JSON. Raises StorageFailure for an entry in it that cannot be read."""
    return HttpResponse(orjson.dumps(value), status=status, content_type=JSON)


def text(said: bytes | str) -> HttpResponse:
    return HttpResponse(said, content_type=TEXT)


def tagged(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Return an answer with the ETag of its bytes, or 304 to who has them."""
    tag = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    answer.headers["ETag"] = tag
    return get_conditional_response(request, etag=tag, response=answer) or answer


def entry(view: View, zone: str, **more: str) -> orjson.Fragment:
    """Return an entry as an export as JSON Lines has it, on the clock of `zone`. Raises StorageFailure where it cannot
    be read."""
    line = jsonl_file.line(view, zone).rstrip(b"\n")
    return orjson.Fragment(line[:-1] + b"," + orjson.dumps(more)[1:] if more else line)


def base64(data: bytes) -> str:
    """Return a hash as the answers have it."""
    return b64encode(data).decode()
