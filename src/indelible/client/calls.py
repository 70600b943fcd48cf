"""Each thing that can be asked of the service: the request, and how its answer is read. No network in here.

Both clients send a `Call` and give its answer to `take`. `again` says whether a call may be sent again where it is not
known if the first one arrived: all but those that make something new without a key of the caller's.
"""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlsplit

from ..errors import InvalidInput
from . import answers
from .answers import Answer, Page, Receipt, Result
from .documents import Prepared

T_co = TypeVar("T_co", covariant=True)

API = "/api/v1"
# How long the service itself waits for an entry, in seconds, beside what the network takes.
SERVICE_WAITS = 10.0
# What is smaller is not worth the time that packing takes.
_PACKED_FROM = 4096
WAITS = ("entry", "checkpoint")
FORMATS = ("csv", "csv-data", "xlsx", "jsonl", "bundle")


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One request below the API's address, and `take`, which makes of its answer what the caller gets."""

    method: str
    path: str
    take: Callable[[Answer], T_co]
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    kind: str = "application/json"
    accept: str = "application/json, application/problem+json"
    again: bool = True
    longer: float = 0.0

    def headers(self) -> dict[str, str]:
        return {"Accept": self.accept} | ({"Content-Type": self.kind} if self.body is not None else {})

    def packed(self) -> tuple[dict[str, str], bytes | None]:
        """Headers and body, the body packed where that saves something."""
        headers = self.headers()
        if self.body is None or len(self.body) < _PACKED_FROM:
            return headers, self.body
        return headers | {"Content-Encoding": "gzip"}, gzip.compress(self.body, 1, mtime=0)


def address(url: object) -> str:
    """Return the address of the API at a service's address. Raises InvalidInput."""
    mend = "must be the address of the service, such as https://log.example"
    if not isinstance(url, str):
        raise InvalidInput(mend, "url")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidInput(mend, "url") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidInput(mend, "url")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("has a name or a password in it; leave out what stands before the @", "url")
    return url.rstrip("/").removesuffix(API) + API


def authorization(key: object) -> str:
    """Return the header that shows an API key. Raises InvalidInput, without the key."""
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or not key or " " in key:
        raise InvalidInput("must be an API key, such as the service showed when it was made: ind_live_…", "key")
    return f"Bearer {key}"


def _path(*parts: object) -> str:
    if any(str(part) in ("", ".", "..") for part in parts):
        raise InvalidInput("an id in the address is empty, or nothing but dots; give the id that the host has")
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def _of(clinic: str, *parts: object) -> str:
    return _path("clinics", clinic, *parts)


def _params(**said: object) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in said.items() if value is not None and value != "")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _said(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _which(entry: int | str) -> int | str:
    if isinstance(entry, bool) or entry == "":
        raise InvalidInput("must be the number or the id of an entry", "entry")
    return entry


# Recording


def waiting(wait: str | None) -> float:
    """How much longer a call may take that waits. Raises InvalidInput."""
    if wait is not None and wait not in WAITS:
        raise InvalidInput('must be "entry" or "checkpoint", or left out', "wait")
    return SERVICE_WAITS if wait else 0.0


def record(clinic: str, document: bytes, key: str, wait: str | None = None) -> Call[Receipt]:
    def take(answer: Answer) -> Receipt:
        return answers.receipt(answers.obj(answer), key)

    longer = waiting(wait)
    return Call("POST", _of(clinic, "entries"), take, _params(wait=wait), document, longer=longer)


def record_many(
    clinic: str, documents: Sequence[bytes], keys: Sequence[str], wait: str | None = None, atomic: bool = False
) -> Call[list[Result]]:
    def take(answer: Answer) -> list[Result]:
        return answers.results(answer, keys)

    params = _params(wait=wait, atomic="true" if atomic else None)
    body = b"[" + b",".join(documents) + b"]"
    return Call("POST", _of(clinic, "entries"), take, params, body, longer=waiting(wait))


def of_part(part: Sequence[Prepared], wait: str | None, atomic: bool) -> Call[list[Result]]:
    """The call that records documents of one clinic together, as `documents.requests` yields them."""
    return record_many(part[0].clinic, [one.data for one in part], [one.key for one in part], wait, atomic)


def whereabouts(clinic: str, key: str) -> Call[dict[str, Any]]:
    return Call("GET", _of(clinic, "documents", key), answers.obj)


# Reading


def page(clinic: str, q: str = "", limit: int | None = None, after: str | None = None) -> Call[Page]:
    return Call("GET", _of(clinic, "entries"), answers.page, _params(q=q, limit=limit, after=after))


def entry(clinic: str, which: int | str) -> Call[dict[str, Any]]:
    return Call("GET", _of(clinic, "entries", _which(which)), answers.obj)


def body(clinic: str, which: int | str) -> Call[bytes]:
    return Call(
        "GET", _of(clinic, "entries", _which(which), "body"), answers.content, accept="application/octet-stream"
    )


def proof(clinic: str, which: int | str, size: int | None = None) -> Call[str]:
    return Call(
        "GET", _of(clinic, "entries", _which(which), "proof"), answers.text, _params(size=size), accept="text/plain"
    )


def story(clinic: str, kind: str, id: str) -> Call[dict[str, Any]]:
    return Call("GET", _of(clinic, "stories", kind, id), answers.obj)


def checkpoint(clinic: str) -> Call[str]:
    return Call("GET", _of(clinic, "checkpoint"), answers.text, accept="text/plain")


def verifier_key(clinic: str) -> Call[str]:
    return Call("GET", _of(clinic, "key"), answers.text, accept="text/plain")


def consistency(clinic: str, old_size: int, new_size: int) -> Call[dict[str, Any]]:
    return Call("GET", _of(clinic, "consistency"), answers.obj, (("from", str(old_size)), ("to", str(new_size))))


def completeness(clinic: str) -> Call[dict[str, Any]]:
    return Call("GET", _of(clinic, "completeness"), answers.obj)


def export(clinic: str, q: str, format: str) -> Call[None]:
    """Its content is read as it comes; sent again it would be another export, with an entry of its own."""
    if format not in FORMATS:
        raise InvalidInput(f"must be one of {', '.join(FORMATS)}", "format")
    params = _params(q=q, format=format)
    return Call("GET", _of(clinic, "export"), answers.nothing, params, accept="*/*", again=False, longer=60.0)


# Erasing and managing


def anonymize(clinic: str, client: str, requested_by: str, key: str | None = None) -> Call[dict[str, Any]]:
    body = _json({"requested_by": requested_by, "key": key or str(uuid.uuid4())})
    return Call("POST", _of(clinic, "clients", client, "anonymize"), answers.obj, body=body)


def members(clinic: str) -> Call[dict[str, Any]]:
    return Call("GET", _of(clinic, "members"), answers.obj)


def add_member(clinic: str, member: Mapping[str, Any]) -> Call[dict[str, Any]]:
    return Call("POST", _of(clinic, "members"), answers.obj, body=_json(dict(member)), again=False)


def change_member(clinic: str, user: str, changes: Mapping[str, Any]) -> Call[dict[str, Any]]:
    return Call("PATCH", _of(clinic, "members", user), answers.obj, body=_json(dict(changes)))


def remove_member(clinic: str, user: str) -> Call[None]:
    return Call("DELETE", _of(clinic, "members", user), answers.nothing, again=False)


def _keys(clinic: str | None, *parts: str) -> str:
    return _path("keys", *parts) if clinic is None else _of(clinic, "keys", *parts)


def keys(clinic: str | None) -> Call[dict[str, Any]]:
    return Call("GET", _keys(clinic), answers.obj)


def add_key(clinic: str | None, wanted: Mapping[str, Any]) -> Call[dict[str, Any]]:
    return Call("POST", _keys(clinic), answers.obj, body=_json(dict(wanted)), again=False)


def revoke_key(clinic: str | None, id: str) -> Call[None]:
    return Call("DELETE", _keys(clinic, id), answers.nothing, again=False)


def put_clinic(
    clinic: str, name: str, zone: str, language: str | None = None, owner: Mapping[str, str] | None = None
) -> Call[dict[str, Any]]:
    body = _json(_said(name=name, zone=zone, language=language, owner=None if owner is None else dict(owner)))
    return Call("PUT", _of(clinic), answers.obj, body=body)


def clinic(clinic: str) -> Call[dict[str, Any]]:
    return Call("GET", _of(clinic), answers.obj)


def clinics() -> Call[dict[str, Any]]:
    return Call("GET", _path("clinics"), answers.obj)


def actions() -> Call[dict[str, Any]]:
    return Call("GET", _path("actions"), answers.obj)


def viewer(
    clinic: str,
    role: str,
    user: Mapping[str, str],
    only: Mapping[str, str] | None = None,
    language: str | None = None,
    colours: Any = None,
    minutes: int | None = None,
) -> Call[str]:
    def take(answer: Answer) -> str:
        found = answers.obj(answer).get("url")
        if not isinstance(found, str):
            raise answers.not_ours()
        return found

    members = _said(role=role, user=user, only=only, language=language, colours=colours, minutes=minutes)
    return Call("POST", _of(clinic, "viewer"), take, body=_json(members))
