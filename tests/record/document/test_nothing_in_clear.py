"""No personal value is on the disk in clear: every field of every action is planted, and the files are searched."""

from __future__ import annotations

import base64
import itertools
import json
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import orjson
import pytest
from pydantic import BaseModel

from indelible.catalogue import PERSON_KINDS, Action
from indelible.catalogue.fields import Kind, Personal, Someone
from indelible.catalogue.reference import built_in
from indelible.format import entry
from indelible.record import document, drafting
from indelible.record.document import ACTOR_KINDS, PEOPLE_ROLES
from indelible.testing.logs import START

PLAIN: dict[str, Any] = {
    "count": 3, "whole number": -3, "minutes": 90, "basis points, hundredths of a percent": 5000,
    "amount in minor units": 1250, "currency code": "EUR",
    "time with an offset": "2026-05-03T14:22:31+02:00", "date": "2026-05-03",
}  # fmt: skip


class Garden:
    """Plants texts that occur nowhere else, and remembers which of them may be read on the disk."""

    def __init__(self) -> None:
        self.numbers = itertools.count(0x1000)
        self.secret: dict[str, str] = {}
        self.clear: dict[str, str] = {}

    def plant(self, where: str, *, secret: bool, form: str = "zq{}zq") -> str:
        text = form.format(next(self.numbers))
        (self.secret if secret else self.clear)[text] = where
        return text

    def event(self, cls: type[Action], actor_kind: str, target_kind: str) -> dict[str, Any]:
        """A document of this action with every member and every field that there is."""
        where = f"{cls.code} by {actor_kind} on {target_kind}:"

        def person(role: str) -> dict[str, str]:
            return {name: self.plant(f"{where} {role}.{name}", secret=True) for name in ("id", "name")}

        return {
            "action": cls.code,
            "actor": self.actor(where, actor_kind, person("actor")) | self.principal(actor_kind, person),
            "target": {
                "kind": target_kind,
                "id": self.plant(f"{where} target.id", secret=target_kind in PERSON_KINDS),
                "name": self.plant(f"{where} target.name", secret=True),
            },
            "client": person("client"),
            "people": [{"role": role} | person(f"people {role}") for role in PEOPLE_ROLES],
            "context": self.context(where, cls),
            "request": {
                "channel": self.plant(f"{where} channel", secret=False, form="zq{}zq_web"),
                "ip": self.plant(f"{where} ip", secret=True, form="2001:db8::{:x}"),
                "user_agent": self.plant(f"{where} user_agent", secret=True, form="Mozilla/5.0 (zq{}zq)"),
            },
            "operation": self.plant(f"{where} operation", secret=False),
            "key": self.plant(f"{where} key", secret=True),
        }

    def context(self, where: str, cls: type[Action]) -> dict[str, Any]:
        context = {
            name: self.value(f"{where} context.{name}", field.annotation, tuple(field.metadata))
            for name, field in cls.model_fields.items()
            if name != "booking_service"
        }
        if "booking_service" in cls.model_fields:
            context["booking_service"] = context["service"]  # a voucher is of one service
        if "sessions_total" in context:
            context["sessions_total"] = 10  # what was used and what is left are together no more
        return context

    def principal(self, actor_kind: str, person: Callable[[str], dict[str, str]]) -> dict[str, Any]:
        kinds = {"agent": "client", "staff": "client", "support": "staff"}
        if actor_kind not in kinds:
            return {}
        return {"on_behalf_of": {"kind": kinds[actor_kind]} | person("on behalf of")}

    def actor(self, where: str, kind: str, person: dict[str, str]) -> dict[str, Any]:
        if kind == "system":
            return {"kind": kind, "reason": self.plant(f"{where} reason", secret=False, form="policy:zq{}zq")}
        if kind == "integration":
            return {"kind": kind, "id": self.plant(f"{where} integration", secret=False)}
        if kind == "agent":
            return {"kind": kind} | {name: self.plant(f"{where} agent {name}", secret=False) for name in ("id", "name")}
        role = {"role": self.plant(f"{where} role", secret=False)} if kind == "staff" else {}
        return {"kind": kind} | person | role

    def value(self, where: str, annotation: Any, marks: tuple[Any, ...]) -> Any:
        """A document's value of a field type. Personal is what is marked so, and whoever is a person."""
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated:
            return self.value(where, parts[0], (*annotation.__metadata__, *marks))
        kind = next((mark.words for mark in marks if isinstance(mark, Kind)), "")
        secret = any(isinstance(mark, Personal) for mark in marks)
        if kind in PLAIN:
            return PLAIN[kind]
        if kind in ("JSON without floats", "object without floats"):
            return {"room": [self.plant(where, secret=secret), None, {"deep": self.plant(where, secret=secret)}]}
        if kind == "e-mail address":
            return self.plant(where, secret=True, form="zq{}zq@example.org")
        if kind in ("id", "word") or kind.startswith(("name", "text")):
            return self.plant(where, secret=secret or kind.startswith(("name", "text")))
        if origin in (Union, types.UnionType):
            return self.value(where, parts[0], marks)
        if origin is Literal:
            return parts[0]
        if origin is list:
            return [self.value(where, parts[0], self.passed_on(marks)) for _ in range(2)]
        if annotation is bool:
            return True
        assert issubclass(annotation, BaseModel), (where, annotation)
        inner = (*self.passed_on(marks), Personal()) if annotation is Someone else self.passed_on(marks)
        return {
            name: self.value(f"{where}.{name}", field.annotation, (*field.metadata, *inner))
            for name, field in annotation.model_fields.items()
        }

    @staticmethod
    def passed_on(marks: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(mark for mark in marks if isinstance(mark, Personal))


def every_document(garden: Garden) -> Iterator[dict[str, Any]]:
    for cls in built_in():
        for target_kind, actor_kind in itertools.product(cls.targets, ACTOR_KINDS):
            yield garden.event(cls, actor_kind, target_kind)


def spellings(text: str) -> list[bytes]:
    data = text.encode()
    return [data, data.hex().encode(), base64.b64encode(data).rstrip(b"="), text.encode("utf-16-le")]


# The part of a planted text that occurs nowhere else.
PLANTED = re.compile(r"zq[0-9]+zq|2001:db8::[0-9a-f]+")


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file but the master key's, also those of the keep."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".key"}


@pytest.fixture
def planted(log):
    """A log with one entry for every action, kind of actor and kind of target, and what was planted in them."""
    garden = Garden()
    drafts = [
        drafting.draft(document.parse_json(orjson.dumps(event)), now=START, by_journal=True)
        for event in every_document(garden)
    ]
    log.append(drafts)
    log.checkpoint()
    return garden


def test_no_planted_personal_value_is_in_any_body_or_file(log, planted, tmp_path):
    files = files_of(tmp_path)  # the write-ahead log is still there
    assert {"activity.db", "activity.db-wal", "heads"} <= files.keys()
    assert any(name.endswith(".cover") for name in files)
    everything = b"".join(files.values())
    there = set(PLANTED.findall(everything.decode("latin-1")))
    assert [where for text, where in planted.secret.items() if PLANTED.findall(text)[0] in there] == []
    # What may be read is read: the search does find what is there.
    assert [where for text, where in planted.clear.items() if PLANTED.findall(text)[0] not in there] == []
    assert len(planted.secret) > 4_000


def test_no_planted_personal_value_is_there_in_another_spelling(planted, tmp_path):
    everything = b"".join(files_of(tmp_path).values())
    for text, where in itertools.islice(planted.secret.items(), 0, None, 50):
        assert not [form for form in spellings(text) if form in everything], where


def test_every_planted_value_is_read_again(log, planted):
    shown = orjson.dumps([view.document() for view in log.read()]).decode()
    keys = {text for text, where in planted.secret.items() if where.endswith(" key")}
    unused = {text for text, where in planted.secret.items() if re.search("by (system|integration|agent) ", where)}
    unused = {text for text in unused if planted.secret[text].split(": ")[1].startswith("actor.")}
    every = planted.secret | planted.clear
    missing = [where for text, where in every.items() if text not in shown and text not in keys and text not in unused]
    assert missing == []


def test_every_body_is_one_that_decode_takes(log, planted):
    for body in (one.body for one in log.rows.entries(0, log.size)):
        members = entry.decode(body).members
        assert json.loads(body) == members


def test_the_largest_document_of_all_still_fits_a_body(log):
    """Every limit reached at once, with characters of four bytes: what was drafted is appended."""
    face = "\U0001f600"
    people = [{"role": "mentioned", "id": face * 250 + f"{n:05}", "name": face * 201} for n in range(25)]
    changes = {"room": "a" * 49_000}
    event = {
        "action": "service.deleted",
        "actor": {"kind": "staff", "id": face * 255, "name": face * 300, "role": face * 100},
        "target": {"kind": "service", "id": face * 255, "name": face * 300},
        "client": {"id": face * 254 + "c", "name": face * 300},
        "people": people,
        "context": {"snapshot": changes},
        "request": {"channel": "c" * 100, "ip": "::1", "user_agent": face * 600},
        "operation": face * 255,
        "key": face * 255,
    }
    made = log.append([log.draft(document.parse(event))])
    assert made[0].seq == 1
    body = next(log.rows.entries(0, 1)).body
    assert 55_000 < len(body) <= entry.BODY_LIMIT
