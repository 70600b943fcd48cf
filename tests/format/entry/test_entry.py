"""The body: what `decode` takes, and the columns and links that follow from it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import InvalidInput, MalformedProof
from indelible.format import canonical, entry
from indelible.format.entry import Columns

VECTORS = json.loads((Path(__file__).resolve().parents[3] / "docs/spec/vectors/entry-v1.json").read_text("ascii"))
BODIES = [json.loads(vector["body"]) for vector in VECTORS["bodies"]]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, -1, 1, 2**53 - 1, "", "staff", "é", "2026-05-03T12:22:31.200000Z", [], [[]], {}, {"a": 1},
     {"person": 0}, {"person": 9}, {"person": True}, {"kind": "x", "id": "y"}, {"kind": "x", "id": None},
     {"kind": ["x"], "person": 0}, {"kind": {}, "id": "y"}, {"old": {"person": 0}, "new": {"person": -1}}, [{}], ["a"]]
).map(copy.deepcopy)  # fmt: skip


def places(value, path=()):
    """Every place in a JSON tree."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from places(member, (*path, name))


@given(st.sampled_from(BODIES), st.data())
def test_a_mutated_body_is_refused_or_says_what_its_bytes_say(members, data):
    members = copy.deepcopy(members)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in places(members) if path]))
        holder = members
        for name in path[:-1]:
            holder = holder[name]
        how = data.draw(st.sampled_from(["replace", "drop", "add"]))
        if how == "drop":
            del holder[path[-1]]
        elif how == "add" and isinstance(holder, dict):
            holder[data.draw(st.sampled_from(["person", "kind", "id", "a", "erases", "left_out", "note"]))] = data.draw(
                ODD
            )
        else:
            holder[path[-1]] = data.draw(ODD)
    encoded = canonical.encode(members)
    try:
        body = entry.decode(encoded)
    except MalformedProof:
        return
    assert canonical.encode(body.members) == encoded
    assert len(body.columns) == len(Columns._fields)
    list(entry.links(body.members))


@given(st.sampled_from(BODIES), st.data())
def test_a_body_with_changed_bytes_is_refused_or_says_what_its_bytes_say(members, data):
    encoded = bytearray(canonical.encode(members))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(encoded) - 1))
        length = data.draw(st.integers(0, 3))
        encoded[at : at + length] = data.draw(st.binary(max_size=3))
    try:
        body = entry.decode(bytes(encoded))
    except MalformedProof:
        return
    assert canonical.encode(body.members) == bytes(encoded)


@given(st.binary())
def test_any_bytes_are_no_body(data):
    with pytest.raises(MalformedProof):
        entry.decode(data)


def of_length(size):
    members = copy.deepcopy(BODIES[0])
    members["context"]["note"] = ""
    members["context"]["note"] = "a" * (size - len(canonical.encode(members)))
    return canonical.encode(members)


def test_a_body_has_at_most_65535_bytes():
    assert entry.decode(of_length(65_535)).seq == 1
    with pytest.raises(MalformedProof, match="65535"):
        entry.decode(of_length(65_536))


def test_a_body_may_nest_as_deep_as_canonical_json():
    members = copy.deepcopy(BODIES[0])
    value: list = []
    for _ in range(canonical.DEPTH_LIMIT - 3):
        value = [value]
    members["context"]["note"] = value
    assert entry.decode(canonical.encode(members)).members == members
    members["context"]["note"] = [value]
    with pytest.raises(InvalidInput):
        canonical.encode(members)
    with pytest.raises(MalformedProof):
        entry.decode(canonical.encode_checked(members))


def alike(value, is_in_context):
    """What Python takes for the same number, or would walk through like the same text."""
    if type(value) is str:
        return [] if is_in_context else [[value], list(value)]
    if type(value) not in (int, bool):
        return []
    return (
        [float(value)] if is_in_context or value not in (0, 1) or type(value) is bool else [float(value), bool(value)]
    )


@pytest.mark.parametrize("members", BODIES)
def test_nothing_in_a_body_may_be_what_python_takes_for_the_same(members):
    """1.0 and True are equal to 1, and neither stands for it, also where the right body was decoded just before."""
    assert entry.decode(canonical.encode(members)).members == members
    for *way, name in [path for path in places(members) if path]:
        other = holder = copy.deepcopy(members)
        for step in way:
            holder = holder[step]
        for same in alike(holder[name], "context" in way[:1]):
            holder[name] = same
            with pytest.raises(MalformedProof):
                entry.decode(canonical.encode_checked(other))


def body_of(**members):
    return entry.decode(canonical.encode(BODIES[0] | members))


TOKENS = BODIES[0]["tokens"]
FIRST, SECOND = (bytes.fromhex(token) for token in TOKENS)


@pytest.mark.parametrize(
    ("actor", "kind", "reference", "is_linked"),
    [
        ({"kind": "staff", "person": 0}, "staff", FIRST, True),
        ({"kind": "staff", "person": 1, "role": "owner"}, "staff", SECOND, True),
        ({"kind": "client", "person": 1}, "client", SECOND, True),
        ({"kind": "support", "person": 0}, "support", FIRST, True),
        ({"kind": "system", "reason": "job:expiry"}, "system", None, False),
        ({"kind": "integration", "id": "stripe"}, "integration", b"stripe", False),
        ({"kind": "agent", "id": "assistant_1", "name": "A"}, "agent", b"assistant_1", False),
    ],
)
def test_the_columns_and_the_link_of_an_actor(actor, kind, reference, is_linked):
    body = body_of(actor=actor)
    found = body.columns
    assert (found.actor_kind, found.actor) == (kind, reference)
    links = {link for link in entry.links(body.members) if link[0] == "person"} - {("person", SECOND, False)}
    others = is_linked and reference != SECOND  # SECOND is the client in any case
    assert links == ({("person", reference, False)} if others else set())
    assert ("person", SECOND, False) in entry.links(body.members)


@pytest.mark.parametrize("actor", [{"kind": "agent", "id": "a"}, {"kind": "support", "person": 0}])
def test_the_person_acted_for_is_linked_beside_the_actor(actor):
    members = {name: value for name, value in BODIES[0].items() if name != "client"}
    members["actor"] = actor | {"on_behalf_of": {"kind": "client", "person": 1}}
    body = entry.decode(canonical.encode(members))
    people = {link for link in entry.links(body.members) if link[0] == "person"}
    assert people == {("person", SECOND, False)} | ({("person", FIRST, False)} if "person" in actor else set())
    assert body.columns.actor == (FIRST if "person" in actor else b"a")


@pytest.mark.parametrize(
    ("target", "link"),
    [
        ({"kind": "booking", "id": "bk_é"}, ("booking", "bk_é".encode(), True)),
        ({"kind": "client", "person": 1}, ("person", SECOND, True)),
        ({"kind": "staff", "person": 0}, ("person", FIRST, True)),
        ({"kind": "loyalty_account", "person": 1}, ("person", SECOND, True)),
    ],
)
def test_what_was_acted_on_is_linked_once_as_the_target_whatever_else_names_it(target, link):
    """The two persons are actor and client too, and the context names the booking."""
    body = body_of(target=target, context={"booking": {"kind": "booking", "id": "bk_é"}})
    links = entry.links(body.members)
    assert {one for one in links if one[2]} == {link}
    assert sum(one[:2] == link[:2] for one in links) == 1


def test_without_a_target_nothing_is_linked_as_one():
    members = {name: value for name, value in BODIES[0].items() if name != "target"}
    body = entry.decode(canonical.encode(members))
    assert not [link for link in entry.links(body.members) if link[2]]


@given(st.sampled_from(BODIES))
def test_nothing_is_linked_twice(members):
    links = entry.links(entry.decode(canonical.encode(members)).members)
    assert len({link[:2] for link in links}) == len(links)


def test_the_other_columns_are_those_of_the_body():
    body = body_of(context={"amount_minor": 4500, "currency": "EUR"})
    assert body.columns == Columns(
        id=bytes.fromhex("019dd97b3f587c4b9cce000000000001"),
        occurred_at=1_777_810_951_123_456,
        recorded_at=1_777_810_951_200_000,
        action="booking.cancelled",
        actor_kind="staff",
        actor=FIRST,
        amount_minor=4500,
        currency="EUR",
    )


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"amount_minor": 4500, "currency": "EUR"}, (4500, "EUR")),
        ({"amount_minor": 0, "currency": "JPY"}, (0, "JPY")),
        ({"amount_minor": 4500}, (4500, None)),
        ({"currency": "EUR"}, (None, None)),
        ({"amount_minor": "4500", "currency": "EUR"}, (None, None)),
        ({"amount_minor": True, "currency": "EUR"}, (None, None)),
        ({"amount_minor": 1, "currency": 978}, (1, None)),
    ],
)
def test_money_is_an_integer_amount_with_its_currency(context, expected):
    found = body_of(context=context).columns
    assert (found.amount_minor, found.currency) == expected


def test_every_link_of_an_entry():
    body = body_of(
        people=[{"role": "payer", "person": 0}],
        context={
            "booking": {"kind": "booking", "id": "bk_1"},
            "practitioner": {"old": {"person": 0}, "new": {"person": 1}},
            "room": {"old": {"kind": "room", "id": "r_1"}, "new": None},
            "snapshot": {"kind": "not a reference", "id": "x", "and": "more"},
            "starts_at": {"old": "2026-05-04T07:00:00.000000Z", "new": "2026-05-04T08:00:00.000000Z"},
        },
    )
    assert entry.links(body.members) == {
        ("booking", b"bk_99812", True), ("person", FIRST, False), ("person", SECOND, False),
        ("booking", b"bk_1", False), ("room", b"r_1", False), ("operation", b"req_5f2c", False),
    }  # fmt: skip


def test_an_erasure_says_whose_values_of_which_classes_went_up_to_where():
    erasing = next(members for members in BODIES if "erases" in members)
    body = entry.decode(canonical.encode(erasing))
    token = bytes.fromhex(erasing["tokens"][erasing["erases"]["person"]])
    assert entry.erasure(body) == entry.Erasure(token, ("identity", "network"), 7)
    assert entry.erasure(body_of()) is None
