"""What the privacy campaign plants: a mark of its own in every personal field and every name of every action.

The clients who are erased later are planted in every role that a person can have, and beside them others, who stay.
"""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from indelible.catalogue import Action, registered
from indelible.catalogue.fields import ClientPerson, PersonalText
from indelible.catalogue.schema import describe
from indelible.log import ClinicLog
from indelible.read.filter_names import CLOSED
from indelible.read.query import Choice, Query
from indelible.record.document import PEOPLE_ROLES, Staff, parse
from indelible.record.drafting import Draft
from indelible.recorder import Recorder

BY = Staff("usr_1")
MARK = re.compile(rb"qz[0-9a-f]{12}zq")
# 198.18.0.0/15 is set aside for tests (RFC 2544); every address that is planted is in it.
NETWORK = ipaddress.ip_network("198.18.0.0/15")
ADDRESS = re.compile(rb"(?<![0-9.])198\.1[89]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")


class FriendReferred(
    Action,
    code="client.referred",
    label="Referred a friend",
    category="clients",
    targets=("client",),
    sentence="{actor} noted that {target} was referred",
):
    """A host's own action, with clients in its context."""

    friend: ClientPerson | None = None
    friends_words: PersonalText | None = None


@dataclass(slots=True)
class Planted:
    """What was planted. `mine` are the marks and addresses that erasing has to destroy, by the id of the client whose
    they are, `kept` the evidence of these clients, `others` what is of anybody else."""

    chance: random.Random
    mine: dict[str, set[bytes]]
    kept: set[bytes] = field(default_factory=set)
    others: set[bytes] = field(default_factory=set)
    named: set[bytes] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    @property
    def erased(self) -> set[bytes]:
        """What nothing may be left of. An address or a mark that somebody else has too is found for good reason."""
        return set[bytes]().union(*self.mine.values()) - self.others

    def take(self, draft: Draft) -> None:
        """Note whose the values of a draft are."""
        for value in draft.values:
            self.keys |= {value.data.decode().strip('"')} if value.path == "key" else set()
            person = draft.persons[value.owner]
            marks = {*MARK.findall(value.data), *ADDRESS.findall(value.data)}
            if person.realm != "client" or person.id not in self.mine:
                self.others |= marks
            elif value.personal_class == "evidence":
                self.kept |= marks
            else:
                self.mine[person.id] |= marks
                self.fields.add(f"{draft.stem['action']} {value.path}")

    def mark(self) -> str:
        return f"qz{self.chance.randbytes(6).hex()}zq"

    def address(self) -> str:
        return str(NETWORK[self.chance.randrange(NETWORK.num_addresses)])


# Planting


def _value(schema: dict[str, Any], planted: Planted, personal: bool) -> Any:
    """A value that a JSON Schema of the catalogue takes; its texts are marks where they are personal."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "integer":
        return 7
    if kind == "boolean":
        return True
    if kind == "array":
        return [_value(schema["items"], planted, personal)]
    if kind == "object":
        made = {name: _value(part, planted, personal) for name, part in schema.get("properties", {}).items()}
        return made or {"note": planted.mark() if personal else "x"}
    if schema.get("pattern"):
        return "EUR"
    if schema.get("format"):
        return "2026-05-04T09:00:00+02:00" if schema["format"] == "date-time" else "2026-05-04"
    return planted.mark() if personal else "word"


# What must fit the others of its entry, which are 7 each.
_FITTING = {"sessions_total": 20}


def _context(cls: type[Action], planted: Planted, friend: dict[str, Any]) -> dict[str, Any]:
    described = describe(cls)
    made: dict[str, Any] = {}
    for one in described["fields"]:
        name, person = one["name"], one["person"]
        if name in _FITTING:
            made[name] = _FITTING[name]
        elif person is None:
            made[name] = _value(described["schema"]["properties"][name], planted, one["personal"] is not None)
        else:
            someone = friend if person == "client" else {"id": f"usr_{planted.mark()}", "name": planted.mark()}
            made[name] = {"old": someone, "new": someone} if one["changed"] else someone
    return made


def _documents(cls: type[Action], c: str, planted: Planted) -> Iterator[dict[str, Any]]:
    """Documents of one action with C in each role, and as many with another client there."""
    for who in (c, f"cli_{planted.mark()}"):

        def person(who: str = who, **more: Any) -> dict[str, Any]:
            return {"id": who, "name": planted.mark()} | more

        def other(**more: Any) -> dict[str, Any]:
            return {"id": f"cli_{planted.mark()}", "name": planted.mark()} | more

        for kind in cls.targets:
            for role in ("client", "actor", "target", "context", *PEOPLE_ROLES):
                made: dict[str, Any] = {
                    "action": cls.code,
                    "actor": {"kind": "staff", "id": "usr_9", "name": planted.mark()},
                    "target": {"kind": kind, "id": f"{kind}_1", "name": planted.mark()},
                    "client": other(),
                    "context": _context(cls, planted, person() if role == "context" else other()),
                    "request": {"channel": "staff_web", "ip": planted.address(), "user_agent": planted.mark()},
                    "key": planted.mark(),
                }
                if role == "client":
                    made["client"] = person()
                elif role == "actor":
                    made["actor"] = person(kind="client")
                    made["client"] = None if planted.chance.random() < 0.5 else made["client"]
                elif role == "target":
                    if kind in ("client", "loyalty_account"):
                        made["target"] = person(kind=kind)
                        made["client"] = person() if kind == "loyalty_account" else None
                        by_system = planted.chance.random() < 0.5  # the address is then the client's too
                        made["actor"] = {"kind": "system", "reason": "job:x"} if by_system else made["actor"]
                elif role in PEOPLE_ROLES:
                    made["people"] = [person(role=role)]
                if kind == "loyalty_account" and made["client"] is None:
                    made["client"] = person()
                yield {name: value for name, value in made.items() if value is not None}


def _names(value: Any, c: str) -> Iterator[str]:
    """Every name that a document gives beside the id `c`."""
    if isinstance(value, dict):
        if value.get("id") == c:
            yield value["name"]
        for part in value.values():
            yield from _names(part, c)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part, c)


def drafts(log: ClinicLog, planted: Planted, c: str, others: list[str]) -> Iterator[Draft]:
    """Documents of every action with `c` in each role, as drafts; now and then one of `others` is the client."""
    for cls in registered():
        if cls.by_journal:
            continue
        for number, document in enumerate(_documents(cls, c, planted)):
            if number % 7 == 3 and document.get("client", {}).get("id") not in (None, c):
                document["client"]["id"] = planted.chance.choice(others)
            planted.named |= {name.encode() for name in _names(document, c)}
            yield log.draft(parse(document), imported=number % 5 == 0)


def ask(log: ClinicLog, c: str) -> int:
    """Record readings and exports by filters that name C; return how many."""
    spellings = [c, f"client/{c}", f"booking/{c}"]
    asked = 0
    for member in sorted({one.name for one in fields(Choice)} - CLOSED):
        for value in spellings:
            named, other = Choice(**{member: frozenset({value})}), Choice(clients=frozenset({"cli_other"}))
            for wanted in (Query(named), Query(unwanted=named), Query(other, named), Query(named, words=(c,))):
                Recorder(log, BY).viewed(log.reading(), wanted)
                Recorder(log, BY).exported(log.reading(), wanted, None, format="csv", profile="csv", up_to=log.size)
                asked += 2
    return asked
