"""The operations under /api/v1, and what each refusal answers. https://django-ninja.dev"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Any

import orjson
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from ninja.errors import HttpError, ValidationError

from ...catalogue.refusal import shown
from ...errors import IndelibleError
from . import (  # noqa: F401 - each adds its operations
    answers,
    describing,
    exporting,
    managing,
    proving,
    reading,
    recording,
    viewing,
)
from .openapi import Interface, also, known_parameters
from .problems import Problem, of_error, unavailable
from .routes import router

_LOG = logging.getLogger("indelible.requests")

api = Interface(
    title="Indelible",
    version="1",
    description="The activity log of a clinic: read-only, provable, and still able to forget a person.",
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
)
api.add_decorator(known_parameters, mode="view")
api.add_router("", router)


@api.get(
    "/openapi.json",
    auth=None,
    response={200: None, 304: None},
    operation_id="getOpenAPI",
    summary="This description",
    tags=["Describing"],
    openapi_extra=also("application/json"),
)
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI 3.1 document of this interface."""
    return describing.public(request, HttpResponse(described(), content_type=answers.JSON))


def printed() -> str:
    """Return the same for people, as `docs/spec/openapi.json` has it."""
    return json.dumps(json.loads(described()), indent=1, ensure_ascii=False) + "\n"


@lru_cache(maxsize=1)
def described() -> bytes:
    """Return the OpenAPI document as it is sent."""
    return orjson.dumps(api.get_openapi_schema(), option=orjson.OPT_NON_STR_KEYS)


@api.exception_handler(Problem)
def _problem(request: HttpRequest, error: Problem) -> HttpResponse:
    return error.response()


@api.exception_handler(IndelibleError)
def _refused(request: HttpRequest, error: IndelibleError) -> HttpResponse:
    problem = of_error(error)
    if problem.status >= 500:
        _LOG.error("the log refused: %s", type(error).__name__)
    return problem.response()


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A parameter that is none of what the operation takes: by its name and the kind of fault, without its value."""
    first: dict[str, Any] = error.errors[0] if error.errors else {}
    where = first.get("loc", ())
    # Of a body's member the name of the function's parameter is a part, which nobody outside knows.
    parts = [str(part) for part in where[2 if where[:1] == ("body",) else 1 :]]
    if first.get("type") == "extra_forbidden":
        parts = [*parts[:-1], shown(parts[-1])]  # a name is the sender's own text
        said = "is nothing that is read here; leave it out"
    else:
        said = str(first.get("msg", "cannot be read")).removeprefix("Value error, ")
    field = ".".join(parts)
    return Problem(422, f"{field}: {said}" if field else f"the body {said}", field).response()


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return Problem(error.status_code, str(error.message)).response()


@api.exception_handler(DatabaseError)
def _database(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    _LOG.error("the database refused: %s", type(error).__name__)
    return unavailable().response()
