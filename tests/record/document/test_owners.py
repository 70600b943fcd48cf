"""Which person owns which value, what is cut, and what a draft's stem is made of."""

from __future__ import annotations

import json

import pytest

from indelible.record import document, drafting
from indelible.testing.logs import START, event

MARIA, ANA, RUI = ("staff", "usr_12"), ("client", "cli_77"), ("client", "cli_78")


def drafted(data, **options):
    return drafting.draft(document.parse_json(json.dumps(data).encode()), now=START, by_journal=True, **options)


def owners(data):
    """{path: (realm, id) of the owner} of every personal value."""
    made = drafted(data)
    return {value.path: made.persons[value.owner][:2] for value in made.values}


STAFF = {"kind": "staff", "id": "usr_12", "name": "Maria"}
CLIENT = {"kind": "client", "id": "cli_77", "name": "Ana"}
SYSTEM = {"kind": "system", "reason": "policy:x"}
SUPPORT = {"kind": "support", "id": "sup_1"}
AGENT = {"kind": "agent", "id": "assistant_1", "name": "Booking assistant"}
FOR_ANA = AGENT | {"on_behalf_of": CLIENT}
BOOKING = {"kind": "booking", "id": "bk_1", "name": "Facial"}
REQUEST = {"ip": "203.0.113.9", "user_agent": "Mozilla/5.0"}
LATE = {"reason_text": "late"}
NOBODY, SUP = ("nobody", ""), ("support", "sup_1")


@pytest.mark.parametrize(
    ("actor", "client", "expected"),
    [
        # with a client concerned, that client owns the target's name and the context, and the actor the request
        (STAFF, {"id": "cli_77"}, {"target.name": ANA, "context.reason_text": ANA, "request.ip": MARIA}),
        (SYSTEM, {"id": "cli_77"}, {"target.name": ANA, "context.reason_text": ANA, "request.ip": ANA}),
        (SUPPORT, {"id": "cli_77"}, {"target.name": ANA, "context.reason_text": ANA, "request.ip": SUP}),
        ({"kind": "integration", "id": "x"}, {"id": "cli_77"}, {"target.name": ANA, "request.user_agent": ANA}),
        # a client who acts is the client concerned
        (CLIENT, None, {"target.name": ANA, "context.reason_text": ANA, "request.ip": ANA}),
        (CLIENT, {"id": "cli_78"}, {"target.name": RUI, "context.reason_text": RUI, "request.ip": ANA}),
        # the client on whose behalf somebody acts is the client concerned; an agent's request is that client's
        (AGENT, None, {"target.name": NOBODY, "context.reason_text": NOBODY, "request.ip": NOBODY}),
        (AGENT | {"on_behalf_of": CLIENT}, None, {"target.name": ANA, "context.reason_text": ANA, "request.ip": ANA}),
        (
            AGENT | {"on_behalf_of": CLIENT},
            {"id": "cli_78"},
            {"target.name": RUI, "request.ip": RUI, "actor.on_behalf_of.name": ANA},
        ),
        (
            AGENT | {"on_behalf_of": STAFF},
            None,
            {
                "target.name": NOBODY,
                "context.reason_text": NOBODY,
                "request.ip": NOBODY,
                "actor.on_behalf_of.id": MARIA,
            },
        ),
        (STAFF | {"on_behalf_of": CLIENT}, None, {"target.name": ANA, "context.reason_text": ANA, "request.ip": MARIA}),
        (
            SUPPORT | {"on_behalf_of": STAFF},
            None,
            {"target.name": NOBODY, "context.reason_text": SUP, "request.ip": SUP, "actor.on_behalf_of.name": MARIA},
        ),
        # without a client, the name of a thing is nobody's, and a reason is the actor's
        (STAFF, None, {"target.name": NOBODY, "context.reason_text": MARIA, "request.ip": MARIA}),
        (SYSTEM, None, {"target.name": NOBODY, "context.reason_text": NOBODY, "request.ip": NOBODY}),
    ],
)
def test_the_owner_of_what_is_said_about_a_booking(actor, client, expected):
    found = owners(event(actor=actor, client=client, target=BOOKING, context=LATE, request=REQUEST))
    assert {path: found[path] for path in expected} == expected
    assert found["request.user_agent"] == found["request.ip"]


@pytest.mark.parametrize(
    ("action", "target", "actor", "client", "target_owner", "context"),
    [
        ("client.edited", {"kind": "client", "id": "cli_77", "name": "Ana"}, STAFF, None, ANA, {}),
        ("client.edited", {"kind": "client", "id": "cli_77"}, CLIENT, None, ANA, {}),
        ("staff.deactivated", {"kind": "staff", "id": "usr_12"}, SYSTEM, None, MARIA, {}),
        ("staff.deactivated", {"kind": "staff", "id": "usr_12"}, CLIENT, None, MARIA, {}),
        ("account.logged_in", {"kind": "staff", "id": "usr_12"}, STAFF, None, MARIA, {}),
        ("account.logged_in", {"kind": "client", "id": "cli_77"}, CLIENT, None, ANA, {}),
        ("account.logged_in", {"kind": "client", "id": "cli_77"}, SYSTEM, {"id": "cli_77"}, ANA, {}),
        ("account.locked", {"kind": "client", "id": "cli_77"}, SYSTEM, None, ANA, {}),
        ("account.locked", {"kind": "client", "id": "usr_12"}, STAFF, None, ("client", "usr_12"), {}),
        ("account.locked", {"kind": "staff", "id": "cli_77"}, CLIENT, None, ("staff", "cli_77"), {}),
        ("account.locked", {"kind": "staff", "id": "usr_12"}, SYSTEM, None, MARIA, {}),
        ("points.awarded", {"kind": "loyalty_account", "id": "loy_1"}, STAFF, {"id": "cli_77"}, ANA, {"points": 5}),
        ("points.awarded", {"kind": "loyalty_account", "id": "loy_1"}, CLIENT, None, ANA, {"points": 5}),
        ("points.awarded", {"kind": "loyalty_account", "id": "loy_1"}, FOR_ANA, None, ANA, {"points": 5}),
        ("client.edited", {"kind": "client", "id": "cli_78"}, FOR_ANA, None, RUI, {}),
    ],
)  # fmt: skip
def test_the_owner_of_a_target_that_is_a_person(action, target, actor, client, target_owner, context):
    data = event(action=action, target=target | {"name": "N"}, actor=actor, client=client, context=context)
    found = owners(data)
    assert (found["target.id"], found["target.name"]) == (target_owner, target_owner)


def test_a_client_who_is_the_target_owns_what_is_said():
    found = owners(event(action="client.deleted", target={"kind": "client", "id": "cli_77"}, client=None, context=LATE))
    assert found["context.reason_text"] == ANA


def test_people_own_their_own_ids_and_names():
    people = [{"role": "payer", "id": "cli_78", "name": "Rui"}, {"role": "guardian", "id": "cli_78"}]
    context = {"practitioner": {"id": "usr_12", "name": "Maria"}}
    found = owners(event(people=people, context=context))
    assert {path: found[path] for path in ("people.0.id", "people.0.name", "people.1.id")} == {
        "people.0.id": RUI, "people.0.name": RUI, "people.1.id": RUI,
    }  # fmt: skip
    assert (found["context.practitioner.id"], found["context.practitioner.name"]) == (MARIA, MARIA)
    assert (found["actor.id"], found["client.id"]) == (MARIA, ANA)


def test_the_same_person_is_one_person_with_one_number():
    data = event(people=[{"role": "payer", "id": "cli_77"}, {"role": "mentioned", "id": "usr_12"}])
    made = drafted(data)
    # A client with the id of a member of staff is somebody else.
    assert [person[:2] for person in made.persons] == [MARIA, ANA, ("client", "usr_12")]
    assert made.stem["people"] == [{"role": "payer", "person": 1}, {"role": "mentioned", "person": 2}]


def test_ids_and_names_are_not_in_the_stem():
    assert "usr_12" not in json.dumps(drafted(event()).stem)
    assert drafted(event()).stem["actor"] == {"kind": "staff", "person": 0, "role": "receptionist"}


def texts(length):
    return {
        "actor": {"kind": "staff", "id": "u", "name": "\U0001f600" * length},
        "client": {"id": "c", "name": "é" * length},
        "target": {"kind": "booking", "id": "b", "name": "t" * length},
        "people": [{"role": "payer", "id": "p", "name": "n" * length}],
    }


def test_at_the_limit_nothing_is_cut():
    made = drafted(event(**texts(200), context={"reason_text": "r" * 4_000}, request={"user_agent": "u" * 500}))
    assert "cut" not in made.stem


def test_beyond_the_limit_the_text_is_cut_and_marked():
    practitioner = {"old": {"id": "p1", "name": "x" * 201}, "new": {"id": "p2", "name": "y"}}
    starts_at = {"old": "2026-05-04T09:00:00Z", "new": "2026-05-05T09:00:00Z"}
    context = {
        "reason_text": "r" * 4_001,
        "practitioner": practitioner,
        "starts_at": starts_at,
        "service_name": "s" * 201,
    }
    made = drafted(
        event(action="booking.rescheduled", **texts(201), context=context, request={"user_agent": "u" * 501})
    )
    values = {value.path: json.loads(value.data) for value in made.values}
    lengths = {path: len(values[path]) for path in made.stem["cut"]}
    assert lengths == {
        "actor.name": 200, "client.name": 200, "target.name": 200, "people.0.name": 200, "request.user_agent": 500,
        "context.reason_text": 4_000, "context.practitioner.old.name": 200, "context.service_name": 200,
    }  # fmt: skip
    assert made.stem["cut"] == sorted(made.stem["cut"])
    assert values["actor.name"] == "\U0001f600" * 200


def test_an_entry_has_the_offset_of_its_own_time(log):
    for text in ("2026-01-03T12:00:00Z", "2026-05-03T14:00:00+02:00"):
        log.record_document(event(occurred_at=text))
    winter, summer = log.entry(1).members, log.entry(2).members
    assert (winter["offset_minutes"], summer["offset_minutes"]) == (0, 60)
    assert summer["occurred_at"] == "2026-05-03T12:00:00.000000Z"


def test_an_address_is_kept_in_its_one_spelling():
    data = event(request={"ip": "2001:0DB8:0:0:0:0:0:0001"})
    assert [json.loads(value.data) for value in drafted(data).values if value.path == "request.ip"] == ["2001:db8::1"]


def test_new_ids_are_version_7_and_carry_the_clock():
    ids = {drafting.new_id(START) for _ in range(100)}
    assert len(ids) == 100
    for made in ids:
        assert (made[14], made[19] in "89ab") == ("7", True)
        assert int(made[:8] + made[9:13], 16) == START // 1000
