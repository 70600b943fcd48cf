"""Documents out of a request's body: one, an array, or lines; plain or compressed.

    application/json          an object: one document; an array: many
    application/x-ndjson      a document a line; blank lines are none

What is compressed is unpacked only as far as the limit, whatever it would become.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from ...errors import InvalidInput
from ...record import document
from .problems import Problem

DOCUMENTS = 10_000  # of one request: they are committed together
OBJECTS = 64 * DOCUMENTS  # in all of them: a document has some ten, and millions would be read for many seconds
BYTES = 16 * 1024 * 1024  # unpacked

_TOO_MANY = f"More than {DOCUMENTS:,} documents were sent at once; send them in parts. Nothing was recorded."
_TOO_LARGE = f"What was sent has more than {BYTES // 1024 // 1024} MiB; send it in parts. Nothing was recorded."
_ANNOUNCED = 31  # window bits of zlib with the header of gzip


@dataclass(frozen=True, slots=True)
class Sent:
    """What a body holds: JSON values, or in the place of one what is wrong with it; `many` where a list is answered."""

    documents: list[Any]
    many: bool


def read(request: HttpRequest) -> Sent:
    """Return the documents of a request. Raises Problem (400, 413, 415, 422)."""
    kind = request.content_type.lower()
    if kind not in ("application/json", "application/x-ndjson"):
        raise Problem(415, "Send application/json, or application/x-ndjson with a document a line.", "Content-Type")
    data = _unpacked(request)
    return _lines(data) if kind == "application/x-ndjson" else _json(data)


def _unpacked(request: HttpRequest) -> bytes:
    data: bytes = request.read()  # not `body`, which has the limit of forms
    packing = request.headers.get("Content-Encoding", "identity").strip().lower()
    if packing in ("gzip", "x-gzip"):
        data = _gunzip(data)
    elif packing not in ("", "identity"):
        raise Problem(415, "Send it plain, or with gzip.", "Content-Encoding")
    if len(data) > BYTES:
        raise Problem(413, _TOO_LARGE)
    if data.count(b"{") > OBJECTS:
        raise Problem(413, _TOO_MANY)
    return data


def _gunzip(data: bytes) -> bytes:
    """Unpack a gzip stream, perhaps of several members. Raises Problem."""
    parts, left, size = [], data, 0
    try:
        while left:
            unpacking = zlib.decompressobj(_ANNOUNCED)
            parts.append(unpacking.decompress(left, BYTES + 1 - size))
            size += len(parts[-1])
            if size > BYTES:
                raise Problem(413, _TOO_LARGE)
            if not unpacking.eof:
                raise Problem(400, "The gzip stream ends too early. Nothing was recorded.", "Content-Encoding")
            left = unpacking.unused_data
    except zlib.error:
        raise Problem(400, "The body is not a gzip stream. Nothing was recorded.", "Content-Encoding") from None
    return b"".join(parts)


def _json(data: bytes) -> Sent:
    """One document or an array of them. An array is split before its documents are read, so that a bad one of them is
    refused by itself."""
    try:
        value = document.json_value(data)
    except InvalidInput as error:
        raise Problem(422 if error.field else 400, str(error), error.field) from None
    documents = value if isinstance(value, list) else [value]
    if len(documents) > DOCUMENTS:  # before each is measured: there can be millions
        raise Problem(413, _TOO_MANY)
    if len(data) > document.DOCUMENT_LIMIT:
        documents = [_too_large() if _size(one) > document.DOCUMENT_LIMIT else one for one in documents]
    return Sent(documents, many=isinstance(value, list))


def _lines(data: bytes) -> Sent:
    found: list[Any] = []
    for line in data.split(b"\n"):
        if not (stripped := line.strip(b" \t\r")):
            continue
        if len(found) == DOCUMENTS:
            raise Problem(413, _TOO_MANY)
        try:
            found.append(_too_large() if len(stripped) > document.DOCUMENT_LIMIT else document.json_value(stripped))
        except InvalidInput as error:
            found.append(error)
    return Sent(found, many=True)


def _too_large() -> InvalidInput:
    return InvalidInput(f"the document has more than {document.DOCUMENT_LIMIT} bytes; leave out what is not needed")


def _size(value: Any) -> int:
    """How many bytes a value has as JSON without white space."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
