"""What the interface is and what can be recorded: open to everybody, as it is the same for everybody.

GET /actions?language=       every action, with the JSON Schema of its context
GET /actions/{code}          the JSON Schema of its whole document
GET /openapi.json            the whole interface (`application.py`)
GET /docs                    the same as a page to try things out
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from ninja import Path, Query

from ...catalogue import category_title, find, registered
from ...catalogue.schema import describe
from ...record.json_schema import document_schema
from . import answers, shapes
from .openapi import also
from .problems import not_found
from .routes import router

TAGS = ["Describing"]

Language = Annotated[Literal["en", "pt", "es"], Query("en", description="Of the labels.")]


@router.get(
    "/actions",
    auth=None,
    response={200: shapes.Actions, 304: None},
    tags=TAGS,
    operation_id="listActions",
    by_alias=True,
    summary="What can be recorded",
)
def actions(request: HttpRequest, language: Language = "en") -> HttpResponse:
    """Return every action: its code, its label, and the JSON Schema of its context."""
    return public(request, HttpResponse(_actions(language, len(registered())), content_type=answers.JSON))


@lru_cache(maxsize=8)
def _actions(language: str, count: int) -> bytes:
    """`count` is of the actions, which a host's own add to."""
    with translation.override(language):
        return orjson.dumps({"actions": [
            describe(cls) | {"label": gettext(cls.label), "category_label": gettext(category_title(cls.category))}
            for cls in registered()
        ]})  # fmt: skip


@router.get(
    "/actions/{code}",
    auth=None,
    response={200: None, 304: None},
    tags=TAGS,
    operation_id="getActionSchema",
    summary="The JSON Schema of a document",
    openapi_extra=also("application/schema+json"),
)
def action(request: HttpRequest, code: Annotated[str, Path(examples=["booking.cancelled"])]) -> HttpResponse:
    """Return the JSON Schema (2020-12) of the documents that record an action."""
    found = find(code)
    if found is None or found.by_journal:
        raise not_found()
    schema = orjson.dumps(document_schema([found]))
    return public(request, HttpResponse(schema, content_type="application/schema+json"))


@router.get("/docs", auth=None, include_in_schema=False)
def docs(request: HttpRequest) -> HttpResponse:
    """The page that shows the OpenAPI document, by Swagger UI, from files of our own server."""
    return render(request, "indelible/api/docs.html", {"described": reverse("api:openapi")})


def public(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """The same for everybody, and as it is until the service is updated."""
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answers.tagged(request, answer)
