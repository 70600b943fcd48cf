"""The OpenAPI 3.1 document: what ninja reads off the operations, and what they have in common.

Every operation that asks for a key says with which scope; each has the refusals that it can answer, as problem details.
`docs/spec/openapi.json` is this document for the actions that come with the log; `make openapi` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from ...catalogue import find
from ...record.json_schema import document_schema
from .callers import Bearer
from .problems import CONTENT_TYPE, Problem
from .shapes import Problem as ProblemShape

_SCHEME = "key"
# Refusals that an operation can answer, beside those of its own.
_ALL = (400, 405, 408, 422, 503)
_WITH_A_KEY = (401, 403, 429)
_WITH_A_BODY = (409, 413, 415)
_RETRIED = frozenset({429, 503})

_MEANINGS = {
    400: "The request cannot be read.",
    401: "No key that is in use was shown.",
    403: "The key is not for this.",
    404: "There is no such thing here for this key: it is not there, or another clinic's.",
    405: "This address takes other methods; Allow says which.",
    406: "No form of the answer is one that was asked for.",
    408: "The body did not come in time.",
    409: "The same key was used before with other things.",
    413: "More was sent than is taken at once.",
    415: "The body is of another type than is taken.",
    422: "A parameter or document is refused; `field` says which.",
    429: "Too much at once; Retry-After says when to come back.",
    503: "Not at this moment; Retry-After says when to come back.",
}

_PARAMETERS = {
    "clinic": "The clinic's id.",
    "kind": "Of a thing or person: booking, client, staff, voucher, charge, service.",
    "id": "The host's own id of it.",
    "key": "The document's key, or the one that was answered.",
    "wait": "For what the answer waits: the commit, the entry, or the checkpoint that has it; at most 10 s.",
    "atomic": "All of many documents, or none.",
    "code": "The action's code.",
}

_TAGS = {
    "Recording": "Documents into the log. What is answered is on disk.",
    "Reading": "Lists, entries and stories, each of one moment.",
    "Proving": "What an auditor checks without us.",
    "Exporting": "Files, and the evidence. Each export is recorded.",
    "Managing": "Clinics, who belongs to them, keys, and anonymizing. Each change is recorded.",
    "Viewer": "The log in your own page.",
    "Describing": "What the interface is; open to everybody.",
}

_TEXTS: dict[str, dict[str, Any]] = {
    "text/plain": {"type": "string"},
    "text/csv": {"type": "string"},
    "application/schema+json": {"type": "object"},
    "application/json": {"type": "object"},
    "application/x-ndjson": {"type": "string", "description": "A JSON object a line."},
}


def also(*media_types: str, refusals: Sequence[int] = ()) -> dict[str, Any]:
    """Return, for `openapi_extra`, that an answer is (also) of these media types, and what else is refused."""
    content = {one: {"schema": _TEXTS.get(one, {"type": "string", "format": "binary"})} for one in media_types}
    return {"responses": {200: {"content": content}, **{status: refusal(status) for status in refusals}}}


def refusal(status: int) -> dict[str, Any]:
    """Return the reference to a refusal, for an operation's `responses`."""
    return {"$ref": f"#/components/responses/{status}"}


def documents(*, naming_clinics: bool) -> dict[str, Any]:
    """Return, for `openapi_extra`, the body that records: one document, an array, or lines."""
    one = {"$ref": f"#/components/schemas/{'DocumentOfAClinic' if naming_clinics else 'Document'}"}
    example = _EXAMPLE | ({"clinic": "c_lisbon"} if naming_clinics else {})
    return {
        "requestBody": {
            "required": True,
            "description": "One document, an array, or one a line; at most 10,000 documents and 16 MiB unpacked. With "
            "`Content-Encoding: gzip` it may be packed.",
            "content": {
                "application/json": {
                    "schema": {"oneOf": [one, {"type": "array", "items": one, "maxItems": 10_000}]},
                    "example": example,
                },
                "application/x-ndjson": {"schema": {"type": "string", "description": "A document a line."}},
            },
        },
        "responses": {status: refusal(status) for status in (404, 409, 413, 415, 429)},
    }


_EXAMPLE: dict[str, Any] = {
    "action": "booking.cancelled",
    "occurred_at": "2026-05-03T14:22:31+02:00",
    "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes", "role": "receptionist"},
    "target": {"kind": "booking", "id": "bk_99812"},
    "client": {"id": "cli_77", "name": "Ana Sousa"},
    "context": {"late": True, "notice_minutes": 90},
    "key": "cancel-99812-7",
}


class Interface(NinjaAPI):
    """The API, which refuses a parameter that an operation does not know, and describes itself."""

    def create_temporal_response(self, request: Any) -> Any:
        """Where ninja has asked for the key and reads values next: a wrong word must not tell who has none."""
        unknown: Problem | None = getattr(request, "unknown_parameter", None)
        if unknown is not None:
            raise unknown
        return super().create_temporal_response(request)

    def get_openapi_schema(self, **more: Any) -> OpenAPISchema:
        return Described(self, more.get("path_prefix") or self.get_root_path({}))


def known_parameters(run: Any) -> Any:
    """A decorator of operations (ninja's mode "view"): notes a parameter that the operation does not take, or one that
    is there twice. One that is written wrong must not pass for a list without a filter."""
    operation: Operation = run.__self__
    models = [model for model in operation.models if model.__ninja_param_source__ == "query"]
    known = frozenset(name for model in models for name in model.__ninja_flatten_map__)

    def checked(request: Any, **parts: Any) -> Any:
        for name, values in request.GET.lists():
            if name not in known:
                names = ", ".join(sorted(known))
                said = f"It takes {names}." if known else "It takes none."
                request.unknown_parameter = Problem(422, f"The query has a parameter that is not known here. {said}")
                break
            if len(values) > 1:
                request.unknown_parameter = Problem(422, f"{name}: is given twice; give it once", name)
                break
        return run(request, **parts)

    return checked


class Described(OpenAPISchema):
    """The document. Its order is that of the operations, so that the same operations always give the same bytes."""

    def __init__(self, api: NinjaAPI, path_prefix: str) -> None:
        super().__init__(api, path_prefix)
        components = self["components"]
        components["schemas"].update(_documents())
        components["schemas"]["Problem"] = ProblemShape.model_json_schema()
        components["responses"] = {str(status): _response(status) for status in _MEANINGS}
        components["securitySchemes"] = {
            _SCHEME: {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "ind_live_… or ind_test_…",
                "description": "A key of a clinic, or of the platform. An operation's scope stands beside it.",
            }
        }
        self["tags"] = [{"name": name, "description": said} for name, said in _TAGS.items()]
        components["schemas"] = dict(sorted(components["schemas"].items()))
        del self["servers"]

    def operation_security(self, operation: Operation) -> list[dict[str, Any]] | None:
        if operation.auth_param is None:
            return []
        scopes = [str(scope) for one in operation.auth_callbacks if isinstance(one, Bearer) for scope in one.scopes]
        return [{_SCHEME: scopes}]

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        found: dict[str, Any] = super().operation_details(operation)
        statuses = [*_ALL, *(() if operation.auth_param is None else _WITH_A_KEY)]
        if "{" in operation.path:
            statuses.append(404)
        if set(operation.methods) & {"POST", "PUT", "PATCH"}:
            statuses += _WITH_A_BODY
        responses = found["responses"]
        for status in statuses:
            responses.setdefault(status, refusal(status))
        for parameter in found["parameters"]:
            if (said := _PARAMETERS.get(parameter["name"])) is not None:
                parameter.setdefault("description", said)
        found["responses"] = {str(status): responses[status] for status in sorted(responses)}
        if found.get("security") == [] or operation.auth_param is None:
            found["security"] = []
        return found


def _response(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    example = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": _MEANINGS[status]}
    found: dict[str, Any] = {
        "description": _MEANINGS[status],
        "content": {CONTENT_TYPE: {"schema": schema, "example": example}},
    }
    if status in _RETRIED:
        found["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    if status == 401:
        found["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status == 405:
        found["headers"] = {"Allow": {"schema": {"type": "string"}}}
    return found


def _documents() -> dict[str, Any]:
    """The event document of any action: members as every action has them; `GET /actions` has each action's context."""
    cls = find("booking.cancelled")
    assert cls is not None  # noqa: S101 - ours
    whole = document_schema()
    parts = whole["$defs"]
    one = dict(parts[cls.code])
    members = dict(one["properties"])
    members["action"] = {
        "enum": whole["properties"]["action"]["enum"],
        "description": "What happened. `GET /actions` has all of them, `GET /actions/{code}` the schema of one.",
    }
    of_one_kind = members["target"]
    members["target"] = _or_null(of_one_kind | {"properties": of_one_kind["properties"] | {"kind": {"type": "string"}}})
    members["context"] = _or_null({"type": "object", "description": "What the action says; each has its own schema."})
    document = {
        "type": "object",
        "description": "What happened: one document of one action. Further rules are in `GET /actions/{code}`.",
        "required": ["action", "actor"],
        "properties": members | {"clinic": _or_null({"type": "string", "description": "As in the address."})},
        "additionalProperties": False,
        "example": _EXAMPLE,
    }
    used: dict[str, Any] = {}
    _gather(document, parts, used)
    clinic = {"type": "string", "description": "The id of the clinic whose it is."}
    of_a_clinic = document | {
        "required": ["clinic", "action", "actor"],
        "properties": {"clinic": clinic} | members,
        "example": {"clinic": "c_lisbon"} | _EXAMPLE,
    }
    made = {"Document": document, "DocumentOfAClinic": of_a_clinic}
    return {name: _renamed(schema) for name, schema in made.items()} | {
        _name(name): _renamed(schema) for name, schema in used.items()
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_REF = "#/$defs/"


def _gather(node: Any, parts: Mapping[str, Any], used: dict[str, Any]) -> None:
    """Put into `used` every part that a schema refers to."""
    if isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str) and (name := ref.removeprefix(_REF)) not in used:
            used[name] = parts[name]
            _gather(parts[name], parts, used)
        for member in node.values():
            _gather(member, parts, used)
    elif isinstance(node, list):
        for member in node:
            _gather(member, parts, used)


def _renamed(node: Any) -> Any:
    """A schema with references to components in the place of those within its own document."""
    if isinstance(node, dict):
        return {
            name: f"#/components/schemas/{_name(member.removeprefix(_REF))}"
            if name == "$ref" and isinstance(member, str)
            else _renamed(member)
            for name, member in node.items()
        }
    return [_renamed(member) for member in node] if isinstance(node, list) else node


def _name(part: str) -> str:
    return "Document_" + part
