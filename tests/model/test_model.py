"""The journal against a naive model: a list of what was acknowledged, and who was erased.

The machine takes random steps on a journal in a temporary folder (record, import, repeat a key, crash in a transaction
or between two steps of a checkpoint or an erasure, lose the process, anonymize, scrub, put back an older copy of the
keep, move the clock and the zone, export, bundle, page, back up, restore a newer or an older copy) and does the same to
the model. After each step the log must show exactly
the model's rows, in order, with each erased value empty, under every filter that is asked for; at the end the log and
every bundle made on the way must verify as intact.

`campaigns/model.py` runs the same machine for longer: INDELIBLE_EXAMPLES says how many runs, INDELIBLE_STEPS how many
steps each.
"""

from __future__ import annotations

import copy
import csv
import io
import os
import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from indelible.erasure import anonymizing as erasure
from indelible.errors import Conflict, InvalidInput, NotFound, SigningRefused
from indelible.export import run
from indelible.export.bundling import export_bundle, export_complete
from indelible.format import instant
from indelible.format.csv_row import decode_cell
from indelible.journal import Journal
from indelible.keep import signing
from indelible.keep.heads import HeadStore
from indelible.log import ClinicLog
from indelible.manage import lifetime
from indelible.manage.inspection import inspect
from indelible.proof.bundle import Line
from indelible.proof.verify import verify_bundle
from indelible.read.session import Cursor
from indelible.read.story import story
from indelible.record.append import Appended, append
from indelible.record.document import Actor, Agent, Client, Request, Staff, System, parse
from indelible.stores.sqlite.store import SQLiteStore
from indelible.testing.logs import Clock

CLINIC = "c_lisbon"
ZONES = ("Europe/Lisbon", "America/Sao_Paulo", "Asia/Kathmandu")
CLIENTS = ("cli_1", "cli_2", "cli_3")
STAFF = ("usr_1", "usr_2")
KINDS = ("staff", "client", "system", "integration", "support", "agent")
PAYMENTS = ("charge", "refund", "invoice", "dispute")
CATEGORY = {
    "booking.cancelled": "bookings",
    "booking.rescheduled": "bookings",
    "charge.refunded": "payments",
    "client.created": "clients",
    "client.anonymized": "clients",
    "service.created": "services",
    "clinic.time_zone_changed": "settings",
    "log.exported": "log",
    "log.scrubbed": "log",
}
TERMS = (
    *(("client", one) for one in (*CLIENTS, "client/cli_1")),
    *(("actor", one) for one in ("staff", "client", "system", "agent", "usr_1", "cli_1", "cli_2", "bot_1")),
    *(("action", one) for one in ("booking.cancelled", "charge.refunded", "client.anonymized", "log.exported")),
    *(("category", one) for one in ("bookings", "payments", "clients")),
    *(("target", one) for one in ("bk_1", "booking/bk_2", "cli_1", "client/cli_2", "re_1", "svc_1")),
    *(("about", one) for one in ("bk_1", "charge/ch_1", "cli_1", "staff/usr_1", "nothing/bk_1")),
    *(("operation", one) for one in ("op_1", "op_2")),
    *(("stripe", one) for one in ("re_1", "re_stripe_1", "ch_1")),
)
SECOND = 1_000_000
DAY = 86_400 * SECOND
FUTURE = 5 * 60 * SECOND

# Realm, id, and which one: who returns after an erasure is somebody else, and so is whoever a late record names.
Person = tuple[str, str, int]
Term = tuple[bool, str, str]  # not wanted, key, value


class Crash(Exception):
    """The process ends here."""


class CrashingHeads(HeadStore):
    """A head store in whose `swap` the process ends."""

    when = ""

    def swap(self, origin, old, new, seen=None):
        if self.when == "before the swap":
            raise Crash
        done = super().swap(origin, old, new, seen)
        if self.when == "after the swap":
            raise Crash
        return done


class CrashingStore(SQLiteStore):
    """A store in whose writing of a checkpoint the process ends."""

    when = ""

    @contextmanager
    def appending(self, clinic_id):
        if self.when == "before the row":
            raise Crash
        with super().appending(clinic_id) as tx:
            yield tx


@dataclass
class Row:
    """One acknowledged entry. `document` is what was recorded; `values` its personal values: path -> (owner, class)."""

    seq: int
    occurred_at: int
    document: dict[str, Any]
    actor: tuple[str, Person | str | None]
    refs: set[tuple[str, Any, str]]
    values: dict[str, tuple[Person | None, str]]
    stripes: set[str] = field(default_factory=set)
    words: dict[str, str] = field(default_factory=dict)  # a planted text, and the path of the value that holds it


def in_utc(value: Any) -> Any:
    """A planned time that a document shows on the clinic's clock, in UTC as it was recorded; anything else as it is."""
    if type(value) is dict:
        return {name: in_utc(one) for name, one in value.items()}
    is_local = type(value) is str and re.fullmatch(r"\d{4}-\d\d-\d\dT[0-9:.]{15}[+-]\d\d:\d\d", value)
    return instant.format(instant.parse(value, "")) if is_local else value


def member(document: dict[str, Any], path: str) -> tuple[Any, Any]:
    """The holder of a path's value in a document, and the name or index of it there."""
    *parts, last = path.split(".")
    holder: Any = document
    for part in parts:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    return holder, last


class Model:
    """What the log should hold."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.known: dict[tuple[str, str], Person] = {}
        self.since: dict[Person, int] = {}
        self.erased: set[Person] = set()
        self.late: set[Person] = set()
        self.zone = ZONES[0]
        self.people = 0

    def copy(self) -> Model:
        return copy.deepcopy(self)

    def person(self, realm: str, host_id: str, occurred_at: int, returned: bool) -> Person:
        known = self.known.get((realm, host_id))
        erasures = [row.occurred_at for row in self.rows if row.document["action"] == "client.anonymized"]
        was_erased = any(one[:2] == (realm, host_id) for one in self.erased)
        if was_erased and not returned and occurred_at < (max(erasures) if known is None else self.since[known]):
            self.people += 1
            self.late.add(late := (realm, host_id, self.people))
            return late
        if known is None:
            self.people += 1
            self.known[realm, host_id] = known = (realm, host_id, self.people)
            self.since[known] = occurred_at
        return known

    def add(self, document: dict[str, Any], occurred_at: int, returned: bool = False) -> Row:
        """Acknowledge a document as the next entry."""
        people, refs, values = self._people(document, occurred_at, returned)
        actor, target, client = document["actor"], document.get("target"), people.get("client")
        who: Person | str | None = people.get("actor") or actor.get("id")
        if client is None and actor["kind"] == "client":
            client = people["actor"]
        if client is None and actor.get("on_behalf_of", {}).get("kind") == "client":
            client = people["actor.on_behalf_of"]
        if target is not None and target["kind"] == "client":
            client = client or people["target"]
        if target is not None:
            owner = people.get("target", client)
            refs.add((target["kind"], target["id"], "target") if "target" not in people else
                     ("person", people["target"], "target"))  # fmt: skip
            values |= {"target.name": (owner, "identity")} if "name" in target else {}
        context, network = document.get("context", {}), people.get("actor", client)
        values |= {f"request.{name}": (network, "network") for name in ("ip", "user_agent")
                   if name in document.get("request", {})}  # fmt: skip
        mine = client or people.get("actor")
        for name in ("reason_text", "filter", "filter_in_words"):
            values |= {f"context.{name}": (mine, "identity")} if name in context else {}
        values |= {"key": (mine, "identity")} if "key" in document else {}
        stripes = set()
        if "stripe_refund" in context:
            values["context.stripe_refund"] = (mine, "evidence")
            stripes.add(context["stripe_refund"])
        refs |= {(kind, context[kind], f"context.{kind}") for kind in ("charge", "booking") if kind in context}
        refs |= {("operation", document["operation"], "operation")} if "operation" in document else set()
        words = {}
        for path in values:
            holder, name = member(document, path)
            if "planted" in str(holder[name]):
                words[holder[name].split()[-1]] = path
        row = Row(len(self.rows) + 1, occurred_at, document, (actor["kind"], who), refs, values, stripes, words)
        self.rows.append(row)
        return row

    def _people(self, document, occurred_at, returned):
        """The people of a document by role, their links, and the values that are theirs."""
        people: dict[str, Person] = {}
        met: dict[tuple[str, str], Person] = {}
        refs: set[tuple[str, Any, str]] = set()
        values: dict[str, tuple[Person | None, str]] = {}
        named = {"actor": document["actor"], "client": document.get("client")}
        named["actor.on_behalf_of"] = document["actor"].get("on_behalf_of")
        if document.get("target", {}).get("kind") == "client":
            named["target"] = document["target"]
        named |= {f"people.{index}": one for index, one in enumerate(document.get("people", ()))}
        for place, one in named.items():
            if one is None or (place == "actor" and one["kind"] not in ("staff", "client", "support")):
                continue
            realm = one["kind"] if place.startswith("actor") else "client"
            if (realm, one["id"]) not in met:
                met[realm, one["id"]] = self.person(realm, one["id"], occurred_at, returned)
            people[place] = person = met[realm, one["id"]]
            role = one.get("role", place) if place.startswith("people") else place.removeprefix("actor.")
            refs.add(("person", person, role))
            values |= {f"{place}.{name}": (person, "identity") for name in ("id", "name") if name in one}
        return people, refs, values

    def is_gone(self, row: Row, path: str) -> bool:
        owner, personal_class = row.values[path]
        return (owner in self.erased or owner in self.late) and personal_class != "evidence"

    def shown(self, row: Row) -> dict[str, Any]:
        """The document as a reader may see it: an erased value is None."""
        document = copy.deepcopy(row.document)
        for path in row.values:
            if self.is_gone(row, path):
                holder, name = member(document, path)
                holder[name] = None
        return document

    def lost(self, rows: list[Row]) -> set[int]:
        """The numbers of the entries that lost values, which had them once."""
        return {row.seq for row in rows
                if any(owner in self.erased and one != "evidence" for owner, one in row.values.values())}  # fmt: skip

    def listed(self, terms: list[Term] = [], days: tuple[date | None, date | None] = (None, None)) -> list[Row]:  # noqa: B006
        """The rows that a filter means, newest first."""
        found = [row for row in self.rows if self._means(row, terms, days)]
        return sorted(found, key=lambda row: (row.occurred_at, row.seq), reverse=True)

    def _means(self, row: Row, terms: list[Term], days: tuple[date | None, date | None]) -> bool:
        there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row.occurred_at)
        day = there.astimezone(ZoneInfo(self.zone)).date()
        keys = {key for unwanted, key, _ in terms if not unwanted}
        return (
            (days[0] is None or day >= days[0])
            and (days[1] is None or day <= days[1])
            and not any(unwanted and self.has(row, key, value) for unwanted, key, value in terms)
            and all(any(key == one and not unwanted and self.has(row, key, value) for unwanted, one, value in terms)
                    for key in keys)
        )  # fmt: skip

    def has(self, row: Row, key: str, value: str) -> bool:
        things = {(kind, ref, role) for kind, ref, role in row.refs if kind != "operation"}
        if key == "actor":
            kind, who = row.actor
            if kind == "agent":
                return value in (kind, who)
            return kind == value or (who is not None and who == self.known.get((kind, value)))
        if key == "action":
            return bool(row.document["action"] == value)
        if key == "category":
            return CATEGORY[row.document["action"]] == value
        if key == "operation":
            return ("operation", value, "operation") in row.refs
        if key == "stripe":
            return value in row.stripes or self._about(things, value)
        if key == "client":
            return self._about({one for one in things if one[0] == "person"}, f"client/{value.removeprefix('client/')}")
        if key == "target":
            things = {one for one in things if one[2] == "target"}
        return self._about(things, value)

    def _about(self, things: set[tuple[str, Any, str]], text: str) -> bool:
        kind, slash, bare = text.partition("/")
        if slash:
            person = self.known.get((kind, bare))
            return any(one[:2] in ((kind, bare), ("person", person)) for one in things)
        people = [self.known[realm, text] for realm in KINDS if (realm, text) in self.known]
        return any(ref == text or ref in people for _, ref, _ in things)

    def filter_clients(self, terms: list[Term]) -> list[str]:
        """The clients that a filter names: by an id that the log knows as a client's, or by a Stripe id of theirs."""
        named = set()
        for _, key, value in terms:
            owners = {row.values["context.stripe_refund"][0] for row in self.rows if value in row.stripes}
            named |= {bare for (realm, bare), person in self.known.items() if realm == "client" and person in owners}
            bare = value.removeprefix("client/")
            if key in ("client", "actor", "target", "about") and ("client", bare) in self.known:
                named.add(bare)
        return sorted(named)


actors = st.sampled_from(["staff", "client", "another client", "system", "an agent for the client"])
filters = st.lists(
    st.tuples(st.booleans(), st.sampled_from(TERMS)).map(lambda pair: (pair[0], *pair[1])), max_size=3, unique=True
)
ages = st.sampled_from([None, None, 0, SECOND, DAY, 40 * DAY, 10 * 365 * DAY])


def text(terms: list[Term], days: tuple[date | None, date | None] = (None, None)) -> list[str]:
    """The filter as somebody types it."""
    words = [f"{'-' if unwanted else ''}{key}:{value}" for unwanted, key, value in terms]
    return words + [f"{key}:{day}" for key, day in zip(("from", "to"), days, strict=True) if day is not None]


class JournalMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="indelible-model-"))
        self.folders = self.planted = self.steps = 0
        self.clock = Clock()
        self.model = Model()
        self.backups: list[tuple[Path, int]] = []
        self.covers: list[bytes] = []
        self.erasing: dict[int, Person] = {}
        self.zips: list[tuple[Path, int, set[int]]] = []
        self.path = self._folder() / "activity.db"
        with Journal.create(self.path, installation="log.example.org", clock=self.clock) as made:
            made.add_clinic(CLINIC, name="Lisbon", zone=ZONES[0])
        self.journal: Journal
        self.log: ClinicLog
        self._open()

    def _folder(self) -> Path:
        self.folders += 1
        made = self.base / str(self.folders)
        made.mkdir()
        return made

    def _open(self) -> None:
        self.journal = Journal(self.path, clock=self.clock)
        self.log = self.journal.clinic()

    # Documents

    def _plant(self) -> str:
        self.planted += 1
        return f"planted{self.planted}x"

    def _document(self, shape, client, other, number, operation, age, keyed, returned=False) -> dict[str, Any]:
        """An event with a text in it that no other has."""
        staff = {"kind": "staff", "id": STAFF[number % 2], "name": f"Maria {self._plant()}", "role": "receptionist"}
        named = {"id": client, "name": f"Ana {self._plant()}"}
        booking = {"kind": "booking", "id": f"bk_{number}", "name": f"Facial {self._plant()}"}
        phone = {"channel": "client_app", "ip": "203.0.113.9", "user_agent": f"Mozilla/5.0 (iPhone) {self._plant()}"}
        reason = f"late {self._plant()}"
        made: dict[str, Any]
        if shape == "cancelled":
            made = {"action": "booking.cancelled", "actor": staff, "target": booking, "client": named, "request": phone,
                    "context": {"late": True, "notice_minutes": 90, "reason_text": reason}}  # fmt: skip
        elif shape == "rescheduled":
            moved = {"old": "2026-05-04T07:00:00.000000Z", "new": "2026-05-05T08:00:00.000000Z"}
            made = {"action": "booking.rescheduled", "actor": {"kind": "client"} | named, "target": booking,
                    "request": phone, "context": {"starts_at": moved, "reason_text": reason}}  # fmt: skip
        elif shape == "assisted":
            whose = {"kind": "client"} | named if number == 1 else staff | {"role": None}
            made = {"action": "booking.cancelled", "target": booking, "request": phone,
                    "actor": {"kind": "agent", "id": f"bot_{number}", "name": "Assistant", "on_behalf_of":
                              {name: whose[name] for name in ("kind", "id", "name")}},
                    "context": {"reason_text": reason}}  # fmt: skip
        elif shape == "refunded":
            made = {"action": "charge.refunded", "actor": {"kind": "system", "reason": "policy:late-cancel"},
                    "target": {"kind": "refund", "id": f"re_{number}"},
                    "context": {"amount_minor": 4_500, "currency": "EUR", "source": "policy", "charge": f"ch_{number}",
                                "booking": f"bk_{number}", "stripe_refund": f"re_stripe_{number}"}}  # fmt: skip
            made |= {"client": named} if other else {}
        elif shape == "created":
            made = {"action": "client.created", "actor": staff, "target": {"kind": "client"} | named,
                    "context": {"method": "staff"}}  # fmt: skip
        else:
            service = {"kind": "service", "id": f"svc_{number}", "name": f"Facial {self._plant()}"}
            made = {"action": "service.created", "actor": staff, "target": service, "context": {"duration_minutes": 45}}
        if other:
            made |= {"people": [{"role": "payer", "id": other, "name": f"Rui {self._plant()}"}]}
            made |= {"client": {"id": other}} if shape == "rescheduled" else {}
        made |= {"operation": operation} if operation else {}
        made |= {"key": f"key {self._plant()}"} if keyed else {}
        made |= {"occurred_at": instant.format(self.clock() - age)} if age is not None else {}
        made |= {"returned": True} if returned else {}
        return made

    def _draft(self, document: dict[str, Any], imported: bool = False):
        return self.log.draft(parse(document), imported=imported)

    def _acknowledge(self, document: dict[str, Any], imported: bool = False) -> Row:
        kept = {name: value for name, value in document.items() if name not in ("occurred_at", "returned")}
        occurred = document.get("occurred_at")
        at = self.clock() if occurred is None else instant.parse_canonical(occurred)
        return self.model.add(kept | ({"imported": True} if imported else {}), at, "returned" in document)

    documents = st.fixed_dictionaries(
        {
            "shape": st.sampled_from(["cancelled", "rescheduled", "assisted", "refunded", "created", "service"]),
            "client": st.sampled_from(CLIENTS),
            "other": st.sampled_from([None, None, *CLIENTS]),
            "number": st.integers(1, 2),
            "operation": st.sampled_from([None, "op_1", "op_2"]),
            "age": ages,
            "keyed": st.booleans(),
            "returned": st.sampled_from([False, False, False, True]),
        }
    )

    @rule(drawn=documents)
    def record(self, drawn):
        document = self._document(**drawn)
        got = self.log.record_document(document)
        row = self._acknowledge(document)
        assert (got.seq, got.repeated) == (row.seq, False)
        assert set(got.left_out) == {path for path in row.values if self.model.is_gone(row, path)}

    @rule(drawn=st.lists(documents, min_size=1, max_size=4), imported=st.booleans())
    def append_batch(self, drawn, imported):
        documents = [self._document(**one) for one in drawn]
        got = self.log.append([self._draft(one, imported) for one in documents])
        assert self._seqs(got) == [self._acknowledge(one, imported).seq for one in documents]

    @staticmethod
    def _seqs(results: Sequence[Appended | Conflict]) -> list[int]:
        return [one.seq for one in results if isinstance(one, Appended)]

    def _keyed(self, choice: int) -> Row | None:
        rows = [row for row in self.model.rows if "key" in row.document and "imported" not in row.document]
        return rows[choice % len(rows)] if rows else None

    @rule(choice=st.integers(0, 1_000), change=st.sampled_from(["nothing", "what is in clear", "a value"]))
    def the_same_key_again(self, choice, change):
        row = self._keyed(choice)
        if row is None:
            return
        document = copy.deepcopy(row.document)
        conflict = change == "what is in clear"
        if conflict:
            document["operation"] = "op_other"
        elif change == "a value":
            path = next(path for path in ("context.reason_text", "context.stripe_refund", "target.name")
                        if path in row.values)  # fmt: skip
            holder, name = member(document, path)
            holder[name] = "Another"
            conflict = not self.model.is_gone(row, path)
        if conflict:
            with pytest.raises(Conflict):
                self.log.record_document(document)
        else:
            got = self.log.record_document(document)
            assert (got.seq, got.repeated) == (row.seq, True)

    @rule(drawn=st.tuples(documents, documents), choice=st.integers(0, 1_000))
    def a_batch_with_a_conflict_keeps_the_others(self, drawn, choice):
        row = self._keyed(choice)
        if row is None:
            return
        first, last = (self._document(**one) for one in drawn)
        bad = copy.deepcopy(row.document) | {"operation": "op_other"}
        got = self.log.append([self._draft(first), self._draft(bad), self._draft(last)])
        assert isinstance(got[1], Conflict)
        assert self._seqs(got) == [self._acknowledge(first).seq, self._acknowledge(last).seq]

    @rule(drawn=documents)
    def a_batch_with_a_draft_that_cannot_be_written_leaves_nothing(self, drawn):
        good = self._draft(self._document(**drawn))
        bad = replace(good, stem=good.stem | {"context": {"a": "x" * 70_000}}, key=None)
        with pytest.raises(InvalidInput):
            self.log.append([good, bad])

    @rule(ahead=st.integers(FUTURE + 1, DAY))
    def a_time_to_come_is_refused(self, ahead):
        document = self._document("cancelled", CLIENTS[0], None, 1, None, -ahead, False)
        with pytest.raises(InvalidInput, match="ahead of our clock"):
            self.log.record_document(document)

    # Crashes

    @rule(drawn=st.lists(documents, min_size=1, max_size=3), dies=st.booleans())
    def crash_while_appending(self, drawn, dies):
        drafts = [self._draft(self._document(**one)) for one in drawn]
        copied = None
        with suppress(Crash), self.log.appending() as (tx, _):
            append(tx, drafts, self.log.clinic, self.log.sealer, self.clock())
            copied = self._copied() if dies else None
            raise Crash
        if copied is not None:
            self._go_on_in(copied)

    @rule(client=st.sampled_from(CLIENTS))
    def crash_while_anonymizing(self, client):
        with suppress(Crash, NotFound), self.log.appending() as (tx, at):
            erasure.anonymize(
                tx, client, at, self.log.sealer, requested_by="staff", actor=Staff("usr_1"),
                request=Request(),
            )  # fmt: skip
            raise Crash

    @rule(when=st.sampled_from(["before the swap", "after the swap", "before the row"]), verified=st.booleans())
    def crash_while_signing(self, when, verified):
        store, heads = CrashingStore(self.path), CrashingHeads(self.journal.places.head_store)
        store.when = heads.when = when
        with suppress(Crash):
            signing.sign_head(store, heads, self.log.clinic, self.log.signer, self.clock())
        store.close()
        if verified:
            assert inspect(self.log).result == "intact"

    @rule()
    def lose_the_process(self):
        self._go_on_in(self._copied())

    def _copied(self) -> Path:
        """The files as the system has them at this instant."""
        folder = self._folder()
        for name in ("", "-wal", ".key"):
            with suppress(FileNotFoundError):
                shutil.copy2(self.path.with_name(self.path.name + name), folder)
        shutil.copytree(self.journal.places.keep, folder / self.journal.places.keep.name)
        return folder

    def _go_on_in(self, folder: Path) -> None:
        self.journal.store.close()
        self.path = folder / self.path.name
        self._open()

    # Erasure, clock, zone, checkpoints

    @rule(client=st.sampled_from((*CLIENTS, "cli_unknown")), who=actors,
          requested_by=st.sampled_from(["client", "staff", "retention_rule"]), dies=st.booleans())  # fmt: skip
    def anonymize(self, client, who, requested_by, dies):
        other = CLIENTS[(CLIENTS.index(client) + 1) % 3] if client in CLIENTS else CLIENTS[0]
        actor: Actor = {"staff": Staff("usr_2"), "client": Actor("client", client),
                        "another client": Actor("client", other), "system": System("job:retention"),
                        "an agent for the client": Agent("bot_1", "Assistant", on_behalf_of=Client(client))
                        }[who]  # fmt: skip
        request = Request(channel="client_app", ip="203.0.113.9")
        person = self.model.known.pop(("client", client), None)
        if person is None:
            with pytest.raises(NotFound):
                self.log.anonymize(client, requested_by=requested_by, actor=actor, request=request)
            return
        seq = None
        with pytest.MonkeyPatch.context() as patched, suppress(Crash):
            if dies:
                patched.setattr(self.log, "_cut_out", self._dying(self.log._cut_out))
            seq = self.log.anonymize(client, requested_by=requested_by, actor=actor, request=request).entry.seq
        context = {"requested_by": requested_by}
        said = {"kind": actor.kind} | {name: getattr(actor, name) for name in ("id", "name", "reason")
                                       if getattr(actor, name)}  # fmt: skip
        document: dict[str, Any] = {"action": "client.anonymized", "actor": said, "context": context,
                    "request": {"channel": "client_app", "ip": "203.0.113.9"}}  # fmt: skip
        if who == "client":
            document["actor"] = {"kind": "system", "reason": "stands in"}
        if who in ("client", "an agent for the client"):
            del document["request"]["ip"]
        row = self._acknowledge(document)
        row.refs.add(("person", person, "target"))
        row.document["target"] = {"kind": "client", "id": None}
        if who == "an agent for the client":
            row.document["actor"]["on_behalf_of"] = {"kind": "client", "id": None}
            row.refs.add(("person", person, "on_behalf_of"))
        if who == "client":
            row.document["actor"], row.actor = {"kind": "client", "id": None}, ("client", person)
            row.refs.add(("person", person, "actor"))
        self.model.erased.add(person)
        self.erasing[row.seq] = person
        assert seq == (None if dies else row.seq)
        if dies:
            self._go_on_in(self._copied())

    @staticmethod
    def _dying(cut_out):
        """The process ends behind the commit of an erasure, before its keys go."""

        def die(behind):
            if behind is not None:
                raise Crash
            return cut_out(behind)

        return die

    @rule()
    def scrub(self):
        owed = {}
        for by, person in self.erasing.items():
            theirs = [[one for owner, one in row.values.values() if owner == person and one != "evidence"]
                      for row in self.model.rows]  # fmt: skip
            counts = Counter(one for row in theirs for one in row)
            owed[by] = {"erased_by": by, "entries": sum(map(bool, theirs)), "identity_values": counts["identity"],
                        "network_values": counts["network"]}  # fmt: skip
        size = len(self.model.rows)
        assert self.log.scrub() == len(owed)
        for seq in range(size + 1, size + 1 + len(owed)):
            self._acknowledge(
                {"action": "log.scrubbed", "actor": {"kind": "system", "reason": "job:scrub"},
                 "target": {"kind": "log", "id": CLINIC, "name": "Lisbon"},
                 "context": owed.pop(self.log.entry(seq).context["erased_by"])}
            )  # fmt: skip
        assert owed == {}
        self.erasing.clear()

    @rule()
    def copy_the_keep(self):
        self.covers.append(self._cover().read_bytes())

    @precondition(lambda self: self.covers)
    @rule(choice=st.integers(0, 1_000), dies=st.booleans())
    def put_back_an_older_keep(self, choice, dies):
        self._cover().write_bytes(self.covers[choice % len(self.covers)])
        if dies:
            self._go_on_in(self._copied())

    def _cover(self) -> Path:
        (found,) = self.journal.places.keep.glob("*.cover")
        return found

    @rule(seconds=st.sampled_from([0.4, 2, 90, 90_000, 40 * 86_400, -0.4, -30, -100_000]))
    def move_the_clock(self, seconds):
        self.clock.advance(seconds)

    @rule(zone=st.sampled_from(ZONES))
    def set_time_zone(self, zone):
        self.log.set_time_zone(zone)
        if zone != self.model.zone:
            self._acknowledge(
                {"action": "clinic.time_zone_changed", "actor": {"kind": "system", "reason": "command:set-time-zone"},
                 "target": {"kind": "clinic", "id": CLINIC, "name": "Lisbon"},
                 "context": {"zone": {"old": self.model.zone, "new": zone}}}
            )  # fmt: skip
            self.model.zone = zone

    @rule()
    def checkpoint(self):
        row = self.log.checkpoint()
        assert (0 if row is None else row.size) == len(self.model.rows)

    # Reading and taking out

    @rule(terms=filters, first=ages, last=ages, limit=st.sampled_from([None, 3]))
    def look_for(self, terms, first, last, limit):
        today = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.clock())
        days = [None if age is None else (today - timedelta(microseconds=age)).date() for age in (first, last)]
        if None not in days:
            days.sort()
        self._compare(terms, (days[0], days[1]), limit)

    def _compare(self, terms, days=(None, None), limit=None):
        got = [view.seq for view in self.log.read(text(terms, days), limit=limit)]
        assert got == [row.seq for row in self.model.listed(terms, days)][:limit], text(terms, days)

    @rule(choice=st.integers(0, 1_000))
    def look_for_a_text(self, choice):
        planted = [(word, row, path) for row in self.model.rows for word, path in row.words.items()]
        if planted:
            word, row, path = planted[choice % len(planted)]
            got = [view.seq for view in self.log.page(word.upper()).views]
            owner, gone = row.values[path][0], self.model.is_gone(row, path)
            is_thing = path == "target.name" and row.document["target"]["kind"] != "client"
            if not gone and path.endswith(".name") and not is_thing:
                # Where it is still the person's name it finds all that the person is part of, and else this entry.
                whose = {one.seq for one in self.model.rows if any(ref[:2] == ("person", owner) for ref in one.refs)}
                assert row.seq in got
                assert len(got) == 1 or set(got) == whose
            else:
                assert got == ([] if gone else [row.seq])

    @rule(number=st.integers(1, 2))
    def tell_the_story_of_a_booking(self, number):
        subject = ("booking", f"bk_{number}")
        own = [row for row in self.model.rows if any(ref[:2] == subject for ref in row.refs)]
        if not own:
            with pytest.raises(NotFound):
                story(self.log.reading(), "/".join(subject))
            return
        shared = {ref[:2] for row in own for ref in row.refs if ref[0] in (*PAYMENTS, "operation")}
        told = [row for row in self.model.rows if row in own or any(ref[:2] in shared for ref in row.refs)]
        told.sort(key=lambda row: (row.occurred_at, row.seq))
        assert [one.view.seq for one in story(self.log.reading(), "/".join(subject)).entries] == [
            row.seq for row in told
        ]

    @rule(terms=filters, limit=st.integers(1, 4), drawn=documents)
    def page_through_while_recording(self, terms, limit, drawn):
        expected = [row.seq for row in self.model.listed(terms)]
        page = self.log.page(text(terms), limit=limit)
        got = [view.seq for view in page.views]
        while page.older is not None:
            if len(got) < 3 * limit:
                before = dict(self.model.known)
                self.record(drawn=drawn)
                if before != self.model.known:  # somebody who is met only now may be whom the filter means
                    return
            page = self.log.page(text(terms), after=Cursor.decode(page.older.encode()), limit=limit)
            got += [view.seq for view in page.views]
        assert got == expected

    def _exported(self, terms: list[Term]) -> Row:
        """Acknowledge the entry that records an export by usr_1."""
        clients = self.model.filter_clients(terms)
        document: dict[str, Any] = {
            "action": "log.exported",
            "actor": {"kind": "staff", "id": "usr_1"},
            "target": {"kind": "log", "id": CLINIC, "name": "Lisbon"},
            "context": {"filter_in_words": ""} | ({"filter": ""} if terms else {}),
        }
        if len(clients) == 1:
            document["client"] = {"id": clients[0]}
        elif clients:
            document["people"] = [{"role": "mentioned", "id": one} for one in clients]
        return self._acknowledge(document)

    @rule(terms=filters, given=st.sampled_from([("evidence", "identity", "network"), ("evidence",), ("identity",)]))
    def bundle_a_selection(self, terms, given):
        rows = self.model.listed(terms)
        made = self._folder() / "bundle.zip"
        got = export_bundle(self.log, text(terms), made, actor=Staff("usr_1"), given=given)
        assert got.recorded_as == self._exported(terms).seq
        self._check_bundle(made, rows)

    @rule(span=st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)))
    def bundle_a_range(self, span):
        size = len(self.model.rows)
        first, last = sorted(1 + number % size for number in span) if size else (1, 0)
        rows = [row for row in self.model.listed() if first <= row.seq <= last]
        made = self._folder() / "bundle.zip"
        got = export_complete(self.log, made, actor=Staff("usr_1"), first_seq=first, last_seq=last)
        assert got.recorded_as == self._exported([]).seq
        self._check_bundle(made, rows)

    def _check_bundle(self, path: Path, rows: list[Row]) -> None:
        with zipfile.ZipFile(path) as archive:
            lines = archive.read("entries.jsonl").splitlines(keepends=True)
        assert [Line.decode(line).seq for line in lines] == [row.seq for row in rows]
        self.zips.append((path, len(rows), self.model.lost(rows)))
        self._verify_bundle(*self.zips[-1])

    def _verify_bundle(self, path: Path, entries: int, lost: set[int]) -> None:
        with path.open("rb") as file:
            report = verify_bundle(file, self.log.signer.verifier)
        assert (report.result, report.findings) == ("intact", [])
        assert (report.entries, set(report.erased)) == (entries, lost)

    @rule(terms=filters)
    def export_csv(self, terms):
        rows = self.model.listed(terms)
        out = io.BytesIO()
        run.export(self.log, text(terms), out, format="csv-data", actor=Staff("usr_1"))
        self._exported(terms)
        found = list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))
        assert [int(cells["seq"]) for cells in found] == [row.seq for row in rows]
        for cells, row in zip(found, rows, strict=True):
            said = self.model.shown(row)
            target, actor = said.get("target", {}), said["actor"]
            assert decode_cell(cells["target_name"]) == (target.get("name") or "")
            assert decode_cell(cells["actor_id"]) == (actor.get("id") or actor.get("reason") or "")
            assert decode_cell(cells["actor_name"]) == (actor.get("name") or ("System" if "reason" in actor else ""))

    # Backup and restore

    @rule()
    def back_up(self):
        made = self._folder() / "backup.db"
        lifetime.backup(self.journal, made)
        self.backups.append((made, len(self.model.rows)))

    @rule()
    def restore_the_newest(self):
        self.back_up()
        self.journal.close()
        self._moved_away()
        (said,) = lifetime.restore(self.backups[-1][0], self.path)
        size = len(self.model.rows)
        assert (said.state, said.size, said.signed_size, said.erased_since) == ("complete", size, size, False)
        self._open()

    @precondition(lambda self: self.backups)
    @rule(choice=st.integers(0, 1_000))
    def restore_an_older_one_and_go_back(self, choice):
        backup, size = self.backups[choice % len(self.backups)]
        older = size < len(self.model.rows)
        self.journal.close()
        self.clock.advance(2)
        with Journal(self.path, clock=self.clock) as journal:
            journal.clinic().checkpoint()
        aside = self._moved_away()
        (said,) = lifetime.restore(backup, self.path)
        behind = any(row.document["action"] == "client.anonymized" for row in self.model.rows[size:])
        assert (said.state, said.size, said.erased_since) == ("older" if older else "complete", size, behind)
        self._open()
        self._check_the_older(size, older)
        self.journal.close()
        self._moved_away()
        for file in aside.iterdir():
            file.rename(self.path.with_name(file.name))
        self._open()

    def _check_the_older(self, size: int, older: bool) -> None:
        self._check_list([row for row in self.model.listed() if row.seq <= size], {"erased", "left_out", "missing"})
        known = self.journal.heads.get(self.log.clinic.origin)
        if older:
            with pytest.raises(SigningRefused, match="older backup"):
                self.log.checkpoint()
            assert inspect(self.log).result != "intact"
        else:
            assert inspect(self.log).result == "intact"
        assert self.journal.heads.get(self.log.clinic.origin) == known

    def _moved_away(self) -> Path:
        """Move the database away; key and head store stay."""
        aside = self._folder()
        for name in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + name).rename(aside / (self.path.name + name))
        return aside

    # What always holds

    @invariant()
    def the_log_is_the_model(self):
        self.steps += 1
        assert self.log.size == len(self.model.rows)
        self._check_list(self.model.listed(), {"erased", "left_out"})

    def _check_list(self, rows: list[Row], states: set[str]) -> None:
        views = list(self.log.read())
        assert [view.seq for view in views] == [row.seq for row in rows]
        gone = [word for row in self.model.rows for word, path in row.words.items() if self.model.is_gone(row, path)]
        for view, row in zip(views, rows, strict=True):
            said = view.document()
            shown = f"{said} {view.sentence}"
            assert not any(word in shown for word in gone)
            assert view.occurred_at == row.occurred_at
            assert view.category == CATEGORY[row.document["action"]]
            assert set(view.states.values()) <= states
            expected = self.model.shown(row)
            if view.action == "log.exported":  # its context says sizes, roots and seals, which the model does not have
                del expected["context"]
            said["context"] = {name: in_utc(value) for name, value in said["context"].items()}
            assert {name: said.get(name) for name in expected} == expected
            assert said.get("people", []) == expected.get("people", [])
            assert said.get("client") == expected.get("client")
        in_order = sorted(views, key=lambda view: view.seq)
        recorded = [view.members["recorded_at"] for view in in_order]
        assert recorded == sorted(recorded)

    @invariant()
    def some_filters_find_what_they_mean(self):
        for index in range(3):
            key, value = TERMS[(self.steps * 3 + index) % len(TERMS)]
            self._compare([(False, key, value)])
        self._compare([(True, *TERMS[self.steps % len(TERMS)]), (False, *TERMS[self.steps * 7 % len(TERMS)])])

    def teardown(self):
        try:
            report = inspect(self.log)
            assert (report.result, report.findings, report.doubts) == ("intact", [], [])
            assert set(report.erased) == self.model.lost(self.model.rows)
            for made in self.zips:
                self._verify_bundle(*made)
            self.journal.close()
        finally:
            self.journal.store.close()
            shutil.rmtree(self.base, ignore_errors=True)


def test_the_journal_does_what_the_model_does():
    run_state_machine_as_test(
        JournalMachine,
        settings=settings(
            max_examples=int(os.environ.get("INDELIBLE_EXAMPLES", "15")),
            stateful_step_count=int(os.environ.get("INDELIBLE_STEPS", "25")),
        ),
    )
