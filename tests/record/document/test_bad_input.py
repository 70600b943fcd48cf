"""Every wrong document gets one sentence that names the field, and no value of a person."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.catalogue.bookings import BookingCancelled, BookingCreated
from indelible.errors import InvalidInput
from indelible.format import instant
from indelible.record import document, drafting
from indelible.record.document import Actor, Document, Person, Request, Staff, Target
from indelible.testing.logs import START, event

ANA = {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}
AGENT = {"kind": "agent", "id": "assistant_1", "name": "Booking assistant"}
GOOD = event(
    occurred_at="2026-05-03T14:22:31+02:00",
    people=[{"role": "payer", "id": "cli_78", "name": "Rui Sousa"}],
    operation="req_1",
    key="cancel-1",
)


def drafted(data, **options):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return drafting.draft(document.parse_json(text), now=START, **options)


def with_(path, value):
    """GOOD with the member at a dotted path replaced."""
    made = copy.deepcopy(GOOD)
    holder: Any = made
    *way, last = [int(name) if name.isdigit() else name for name in path.split(".")]
    for name in way:
        holder = holder[name]
    holder[last] = value
    return made


def test_the_good_document_is_good():
    assert len(drafted(GOOD).values) == 11


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"action":', "not JSON: expecting value at character 11"),
        (b"", "not JSON"),
        (b"{'action': 1}", "not JSON"),
        (b"\xff{}", r"not UTF-8 text \(byte 1\)"),
        (b'{"action":"a","action":"b"}', "same member twice"),
        (b'{"context":{"a":1,"a":1}}', "same member twice"),
        (b'{"action":NaN}', "NaN, which is not JSON"),
        (b'{"action":-Infinity}', "-Infinity, which is not JSON"),
        (b'{"action":1' + b"0" * 5_000 + b"}", "more digits than any field takes"),
        (b"[" * 20_000 + b"]" * 20_000, "nested too deeply"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b" " * 49_153, "more than 49152 bytes"),
    ],
)
def test_broken_json_is_refused(data, words):
    with pytest.raises(InvalidInput, match=words):
        document.parse_json(data)


@pytest.mark.parametrize(
    ("path", "value", "field", "words"),
    [
        # unknown action or field
        ("action", "booking.canceled", "action", "did you mean booking.cancelled"),
        ("action", "nothing.like_it", "action", "indelible actions"),
        ("action", "log.exported", "action", "written only by the log itself"),
        ("action", "client.anonymized", "action", "written only by the log itself"),
        ("acton", "x", "acton", "did you mean action"),
        ("actor.nick", "x", "actor.nick", "not a field here"),
        ("request.agent", "x", "request.agent", "not a field here"),
        ("people.0.email", "x", "people.0.email", "not a field here"),
        ("context.reason", "x", "context.reason", "did you mean reason_"),
        ("context.practitioner", {"id": "u", "nick": "x"}, "context.practitioner.nick", "not a field here"),
        # wrong type
        ("action", 7, "action", "must be text, not a number"),
        ("actor", "usr_12", "actor", "must be an object"),
        ("actor.id", 1.5, "actor.id", "must be text, not a number"),
        ("actor.kind", None, "actor.kind", "text"),
        ("target.id", ["bk_1"], "target.id", "must be text, not a list"),
        ("client.name", {"first": "Ana"}, "client.name", "must be text, not an object"),
        ("people", {}, "people", "must be a list"),
        ("people.0", "cli_78", "people.0", "must be an object"),
        ("context", [], "context", "must be an object"),
        ("context.late", "yes", "context.late", "must be true or false"),
        ("context.notice_minutes", "90", "context.notice_minutes", "must be an integer"),
        ("context.notice_minutes", True, "context.notice_minutes", "must be an integer"),
        ("context.reason_text", 5, "context.reason_text", "must be text"),
        ("context.practitioner", "u", "context.practitioner", "must be an object"),
        ("context.confirmation", "phone", "context.confirmation", "must be one of"),
        ("occurred_at", 1777810951, "occurred_at", "must be text, not a number"),
        ("key", True, "key", "must be text, not true or false"),
        # money
        ("context.fee_minor", 12.5, "context.fee_minor", "floating-point number"),
        ("context.fee_minor", 12.0, "context.fee_minor", "floating-point number"),
        ("context.fee_minor", 2**53, "context.fee_minor", "beyond 2"),
        ("context.fee_minor", 100, "context", "currency"),
        ("context.currency", "eur", "context.currency", "write the code as EUR"),
        ("context.currency", "XYZ", "context.currency", "not a currency code"),
        # time
        ("occurred_at", "2026-05-03T14:22:31", "occurred_at", "no offset"),
        ("occurred_at", "2026-05-03 14:22", "occurred_at", "RFC 3339"),
        ("occurred_at", "2026-02-30T14:22:31Z", "occurred_at", "does not exist"),
        ("occurred_at", "2026-05-03T12:27:32Z", "occurred_at", "more than 5 minutes ahead"),
        ("occurred_at", "9999-12-31T23:59:59Z", "occurred_at", "more than 5 minutes ahead"),
        ("context.starts_at", "2026-05-04T09:00:00", "context.starts_at", "no offset"),
        ("context.starts_at", "2026-05-04T09:00:00-00:00", "context.starts_at", "its clock is not known"),
        ("context.starts_at", "2026-05-04T09:00:00+24:00", "context.starts_at", "RFC 3339"),
        ("context.starts_at", 1777810951, "context.starts_at", "RFC 3339"),
        # ids
        ("actor.id", "maria@example.org", "actor.id", "opaque id"),
        ("client.id", "ana@example.org", "client.id", "opaque id"),
        ("people.0.id", "+351912345678", "people.0.id", "opaque id"),
        ("target.id", "a@b", "target.id", "opaque id"),
        ("context.practitioner", {"id": "a@b"}, "context.practitioner.id", "opaque id"),
        ("context.charge", "a@b", "context.charge", "opaque id"),
        ("operation", "a@b", "operation", "opaque id"),
        ("key", "a@b", "key", "without @"),
        ("key", "", "key", "1 to 255"),
        ("actor.id", "", "actor.id", "empty"),
        ("actor.id", " usr_1", "actor.id", "white space"),
        ("actor.id", "u" * 256, "actor.id", "longer than 255"),
        # lone surrogates and NUL
        ("actor.id", "usr\ud800", "actor.id", "invisible character"),
        ("actor.name", "Maria\ud800", "actor.name", "lone surrogate"),
        ("actor.name", "Maria\x00", "actor.name", "NUL"),
        ("actor.role", "a\x00", "actor.role", "printable"),
        ("target.name", "Facial\udfff", "target.name", "lone surrogate"),
        ("target.name", "\x00", "target.name", "NUL"),
        ("target.id", "bk\x00", "target.id", "invisible character"),
        ("client.name", "\udc00", "client.name", "lone surrogate"),
        ("people.0.name", "\x00", "people.0.name", "NUL"),
        ("context.reason_text", "late\x00", "context.reason_text", "NUL"),
        ("context.reason_text", "late\ud83d", "context.reason_text", "lone surrogate"),
        ("context.reason_code", "\ud83d", "context.reason_code", "lone surrogate|printable"),
        ("context.practitioner", {"id": "u", "name": "\x00"}, "context.practitioner.name", "NUL"),
        ("context.practitioner", {"id": "u", "name": "\ud800"}, "context.practitioner.name", "lone surrogate"),
        ("request.user_agent", "Mozilla\x00", "request.user_agent", "NUL"),
        ("request.user_agent", "Mozilla\ud800", "request.user_agent", "lone surrogate"),
        ("request.channel", "web\x00", "request.channel", "lower case"),
        ("operation", "req\x00", "operation", "invisible character"),
        ("key", "k\ud800", "key", "printable"),
        ("action", "booking\x00", "action", "not an action"),
        # the rest
        ("request.ip", "203.0.113.9:80", "request.ip", "IPv4 or IPv6"),
        ("request.ip", "fe80::1%eth0", "request.ip", "without a zone"),
        ("request.ip", "localhost", "request.ip", "IPv4 or IPv6"),
        ("request.channel", "Staff Web", "request.channel", "lower case"),
        ("actor.kind", "robot", "actor.kind", "must be one of staff, client"),
        ("actor.reason", "policy:x", "actor.reason", "does not belong"),
        ("actor", {"kind": "system"}, "actor.reason", "must say why"),
        ("actor", {"kind": "system", "reason": "because"}, "actor.reason", "must say why"),
        ("actor", {"kind": "staff"}, "actor.id", "is missing"),
        # agents, and on whose behalf
        ("actor", {"kind": "agent"}, "actor.id", "is missing; an actor of kind agent has one"),
        ("actor", AGENT | {"id": "bot@example.org"}, "actor.id", "opaque id"),
        ("actor", AGENT | {"name": ""}, "actor.name", "1 to 100 printable characters"),
        ("actor", AGENT | {"name": "B" * 101}, "actor.name", "1 to 100 printable characters"),
        ("actor", AGENT | {"name": "ana@example.org"}, "actor.name", "the name of the software and of no person"),
        ("actor", AGENT | {"name": "Bot\x00"}, "actor.name", "printable"),
        ("actor", AGENT | {"name": "Bot\ud800"}, "actor.name", "printable"),
        ("actor", AGENT | {"name": "Bot ghp_0123456789abcdefghij"}, "actor.name", "a token of GitHub"),
        ("actor", AGENT | {"role": "owner"}, "actor.role", "does not belong"),
        ("actor", AGENT | {"reason": "job:x"}, "actor.reason", "does not belong"),
        ("actor", AGENT | {"on_behalf_of": "cli_77"}, "actor.on_behalf_of", "must be an object"),
        ("actor", AGENT | {"on_behalf_of": {"id": "cli_77"}}, "actor.on_behalf_of.kind", "is missing"),
        ("actor", AGENT | {"on_behalf_of": {"kind": "client"}}, "actor.on_behalf_of.id", "is missing"),
        ("actor", AGENT | {"on_behalf_of": ANA | {"kind": "robot"}}, "actor.on_behalf_of.kind", "client or staff"),
        ("actor", AGENT | {"on_behalf_of": ANA | {"kind": "agent"}}, "actor.on_behalf_of.kind", "client or staff"),
        ("actor", AGENT | {"on_behalf_of": ANA | {"id": "a@b"}}, "actor.on_behalf_of.id", "opaque id"),
        ("actor", AGENT | {"on_behalf_of": ANA | {"name": "\x00"}}, "actor.on_behalf_of.name", "NUL"),
        ("actor", AGENT | {"on_behalf_of": ANA | {"role": "x"}}, "actor.on_behalf_of.role", "is not a field here"),
        ("actor", ANA | {"on_behalf_of": ANA}, "actor.on_behalf_of", "does not belong to an actor of kind client"),
        ("actor", {"kind": "system", "reason": "job:x", "on_behalf_of": ANA}, "actor.on_behalf_of", "does not belong"),
        ("actor", {"kind": "integration", "id": "x", "on_behalf_of": ANA}, "actor.on_behalf_of", "does not belong"),
        ("actor", {"kind": "staff", "id": "usr_1", "on_behalf_of": {"kind": "staff", "id": "usr_1"}},
         "actor.on_behalf_of", "is the actor; leave it out"),
        ("actor", {"kind": "integration", "id": "stripe", "name": "S"}, "actor.name", "does not belong"),
        ("actor", {}, "actor.kind", "is missing"),
        ("target.kind", "charge", "target.kind", "must be booking"),
        ("people.0.role", "friend", "people.0.role", "must be one of payer"),
    ],
)  # fmt: skip
def test_the_error_names_the_field(path, value, field, words):
    with pytest.raises(InvalidInput, match=words) as raised:
        drafted(with_(path, value))
    assert raised.value.field == field
    assert str(raised.value).startswith(f"{field}: ")


@pytest.mark.parametrize("name", ["action", "actor", "target"])
def test_a_missing_member_is_named(name):
    with pytest.raises(InvalidInput, match="is missing") as raised:
        drafted({member: value for member, value in GOOD.items() if member != name})
    assert raised.value.field == name


def test_a_missing_field_of_the_context_is_named():
    with pytest.raises(InvalidInput, match=r"^context\.starts_at: is missing; booking\.rescheduled needs it$"):
        drafted(event(action="booking.rescheduled", context={}))


def test_an_unknown_zone_is_refused_and_the_nearest_named():
    with pytest.raises(InvalidInput, match="did you mean Europe/Lisbon"):
        instant.zone("Europe/Lisboa", "time-zone")


def test_a_document_may_be_five_minutes_ahead_and_from_1900():
    assert drafted(with_("occurred_at", "2026-05-03T12:27:31Z")).occurred_at == START + 300_000_000
    assert drafted(with_("occurred_at", "1900-01-01T00:00:00Z")).occurred_at == drafting.EARLIEST


def test_at_most_64_personal_values():
    people = [{"role": "mentioned", "id": f"cli_{n}", "name": f"Name {n}"} for n in range(40)]
    with pytest.raises(InvalidInput, match="more than 64 personal values"):
        drafted(GOOD | {"people": people})


@pytest.mark.parametrize(
    "snapshot",
    [
        {"kind": "client", "id": "cli_77"},
        {"person": 0},
        {"old": {"id": "q"}, "new": {"person": 3}},
        {"old": 1, "new": {"kind": "a", "id": "b"}},
    ],
)
def test_an_object_that_reads_as_a_reference_is_refused(snapshot):
    with pytest.raises(InvalidInput, match="keeps these for references") as raised:
        drafted({"action": "service.deleted", "actor": GOOD["actor"], "target": {"kind": "service", "id": "s"},
                 "context": {"snapshot": snapshot}})  # fmt: skip
    assert raised.value.field == "context.snapshot"


SECRETS = ("maria@example.org", "Ana Maria Sousa", "+351912345678", "203.0.113.250", "sk_live_secret")


@pytest.mark.parametrize("secret", SECRETS)
def test_no_error_repeats_a_value(secret):
    paths = [
        "action", "occurred_at", "actor", "actor.kind", "actor.id", "actor.name", "actor.role", "actor.reason",
        "target", "target.kind", "target.id", "client", "client.id", "people", "people.0", "people.0.id",
        "people.0.role", "context", "context.late", "context.notice_minutes", "context.starts_at", "context.currency",
        "context.practitioner",
        "context.confirmation", "context.charge", "context.fee_minor", "request", "request.ip", "request.channel",
        "operation", "key",
    ]  # fmt: skip
    refused = 0
    for path in paths:
        # The name of a member comes from the host's program, so it is shown unless it looks like an address.
        named = [{secret: 1}] if "@" in secret else []
        for value in (secret, [secret], {"id": secret, "name": 5}, secret + "\x00", *named):
            try:
                drafted(with_(path, value))
            except InvalidInput as error:
                refused += 1
                assert secret not in str(error), path
    assert refused > 90


# Any bytes, any JSON, any object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_with_invalid_input(data):
    with pytest.raises(InvalidInput):
        document.parse_json(data)


def places(value, path=()):
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from places(member, (*path, name))


WIDE = event(
    action="booking.rescheduled",
    people=[{"role": "payer", "id": "cli_78", "name": "Rui"}],
    context={
        "starts_at": {"old": "2026-05-04T09:00:00Z", "new": "2026-05-05T09:00:00Z"},
        "practitioner": {"old": {"id": "u1", "name": "A"}, "new": {"id": "u2"}},
        "service": "svc_1",
        "notice_minutes": 3,
        "reason_text": "late",
        "reason_code": "train",
    },
)
EDITED = event(action="client.edited", target={"kind": "client", "id": "cli_1"}, client=None, context={
    "changes": [{"field": "email", "old": "a@b", "new": {"deep": [1, None]}}], "fields_changed": ["email"]
})  # fmt: skip


@given(st.sampled_from([GOOD, WIDE, EDITED]), st.data())
def test_a_mutated_document_is_drafted_or_refused_with_invalid_input(value, data):
    value = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in places(value) if path]))
        holder = value
        for name in path[:-1]:
            holder = holder[name]
        odd: st.SearchStrategy[Any] = st.sampled_from(
            ["", "\x00", "\ud800", "a" * 5_000, "-", "@", 0, -1, 2**63, 1e300, None, True, [], {}]
        )
        holder[path[-1]] = data.draw(odd | JSON)
    try:
        drafted(value)
    except InvalidInput as error:
        assert len(str(error)) < 600


THINGS = st.sampled_from(
    [None, 7, 1.5, True, b"x", [], {}, object(), "ok_1", "staff", "system", "a@b", "\x00", "\ud800"]
)


@given(THINGS, THINGS, THINGS, THINGS, THINGS, THINGS, THINGS)
def test_python_objects_of_any_type_are_drafted_or_refused_with_invalid_input(kind, who, name, role, channel, ip, key):
    given = Document(
        action="booking.created",
        context=BookingCreated(),
        actor=Actor(kind, who, name, role),
        target=Target("booking", who, name),
        client=Person(who, name),
        people=(Person(who, name, role),),
        request=Request(channel, ip, name),
        operation=who,
        key=key,
    )
    try:
        drafting.draft(given, now=START)
    except InvalidInput as error:
        assert error.field


def test_a_number_that_is_no_integer_as_an_id_is_refused_in_words():
    given = Document("booking.created", Staff(1.5), BookingCreated(), target=Target("booking", "b"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"^actor\.id: must be text, not a number$"):
        drafting.draft(given, now=START)


def test_an_action_object_of_another_class_is_refused():
    given = Document("booking.created", Staff("u"), BookingCancelled(), target=Target("booking", "b"))
    with pytest.raises(InvalidInput, match="another action"):
        drafting.draft(given, now=START)
