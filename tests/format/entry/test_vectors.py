"""The published vectors of the body, docs/spec/vectors/entry-v1.json: made here by hand, and reproduced by our code.

Nothing of `indelible` makes a vector: `make` follows docs/spec/entry.md with hashlib, hmac and json alone.

    python tests/format/entry/test_vectors.py      writes the file anew
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[3] / "docs/spec/vectors/entry-v1.json"

ORIGIN = "log.example.org/c/3f0e8a3b5c7d9e1f2a4b6c8d0e2f4a6b"
TOKENS = [hashlib.sha256(f"token {n}".encode()).hexdigest()[:32] for n in range(4)]
TEXTS = {
    "ascii": "Ana Sousa",
    "other scripts": "Ana Sousa-Nuñez, 山田",
    "beyond the first plane": "\U0001f600",
    "not normalised": "e\u0301 is not é",
    "escapes": '"\\/\b\f\n\r\t\u001f\u007f\u2028',
    "empty": "",
}
VALUES = {
    **TEXTS,
    "integer": 9007199254740991,
    "negative": -1,
    "true": True,
    "null": None,
    "list": [1, "a", None],
    "object": {"b": 1, "a": {"d": [], "c": {}}, "B": "capital letters come first"},
}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def base64url(digest):
    return urlsafe_b64encode(digest).decode().strip("=")


def framed(*parts):
    return b"".join(len(part).to_bytes(4, byteorder="big") + part for part in parts)


def committed(seed, origin, entry_id, personal_class, by_path):
    """The salts, leaves and commitment of a group, by path in their order."""
    paths = sorted(by_path)
    stream = hashlib.shake_256(b"indelible/salts/v1" + b"\x00" + seed).digest(32 * len(paths))
    salts = {path: stream[32 * n : 32 * n + 32] for n, path in enumerate(paths)}
    leaves = {
        path: hashlib.sha256(framed(salts[path], path.encode(), canonical(by_path[path]))).digest() for path in paths
    }
    message = b"indelible/personal/v1" + b"\x00" + framed(origin.encode(), entry_id.encode(), personal_class.encode())
    return salts, leaves, hashlib.sha256(message + b"".join(leaves[path] for path in paths)).digest()


def groups():
    """Groups of one value of every kind, of two and of sixty-four."""
    cases = [(name, {"context.reason_text" if n % 2 else "client.name": value})
             for n, (name, value) in enumerate(VALUES.items())]  # fmt: skip
    cases.append(("two values", {"client.name": "Ana Sousa", "client.id": "cli_77"}))
    cases.append(("sixty-four values", {f"people.{n}.id": f"cli_{n}" for n in range(64)}))
    cases.append(("paths in order of their code points", {"context.\u00e9": 1, "context.z": 2, "context.\U00010000": 3,
                                                          "context.\uffee": 4}))  # fmt: skip
    for number, (name, values) in enumerate(cases):
        seed = hashlib.sha256(f"seed {number}".encode()).digest()
        entry_id = f"01890a5d-ac96-774b-bcce-b3020000{number:04x}"
        personal_class = ("identity", "network", "evidence")[number % 3]
        salts, leaves, digest = committed(seed, ORIGIN, entry_id, personal_class, values)
        yield {
            "name": name, "origin": ORIGIN, "entry_id": entry_id, "class": personal_class, "seed_hex": seed.hex(),
            "values": [
                {"path": path, "value": values[path], "value_canonical_hex": canonical(values[path]).hex(),
                 "salt_hex": salts[path].hex(), "leaf_hex": leaves[path].hex()} for path in sorted(values)
            ],
            "commitment": base64url(digest),
        }  # fmt: skip


def body(name, members, values):
    """A body around `members`; `values` has for each (owner, class) the personal values by path."""
    whole = {
        "v": 1, "id": f"019dd97b-3f58-7c4b-9cce-{members['seq']:012x}", "recorded_at": "2026-05-03T12:22:31.200000Z",
        "occurred_at": "2026-05-03T12:22:31.123456Z", "zone": "Europe/Lisbon", "offset_minutes": 60,
        "action_version": 1, "context": {}, "tokens": [], "personal": [],
    } | members  # fmt: skip
    openings = []
    for (owner, personal_class), by_path in sorted(values.items()):
        seed = hashlib.sha256(f"{name} {owner} {personal_class}".encode()).digest()
        made = base64url(committed(seed, ORIGIN, whole["id"], personal_class, by_path)[2])
        whole["personal"].append(
            {"owner": owner, "class": personal_class, "paths": sorted(by_path), "commitment": made}
        )
        openings.append({"owner": owner, "class": personal_class, "seed_hex": seed.hex(), "values": by_path})
    data = canonical(whole)
    return {
        "name": name, "origin": ORIGIN, "openings": openings, "body": data.decode(), "body_hex": data.hex(),
        "leaf_hash_hex": hashlib.sha256(b"\x00" + data).hexdigest(),
    }  # fmt: skip


def bodies():
    yield body(
        "the worked example: a member of staff cancels a client's booking",
        {
            "seq": 1, "action": "booking.cancelled", "actor": {"kind": "staff", "person": 0, "role": "receptionist"},
            "target": {"kind": "booking", "id": "bk_99812"}, "client": {"person": 1},
            "context": {"late": True, "notice_minutes": 90, "charge": {"kind": "charge", "id": "ch_1"}},
            "channel": "staff_web", "operation": "req_5f2c", "tokens": TOKENS[:2],
        },
        {
            (0, "identity"): {"actor.id": "usr_12", "actor.name": "Maria Fernandes"},
            (0, "network"): {"request.ip": "203.0.113.9", "request.user_agent": "Mozilla/5.0 (iPhone)"},
            (1, "identity"): {"client.id": "cli_77", "client.name": "Ana Sousa", "target.name": "Facial, 4 May 09:00",
                              "context.reason_text": "train was late"},
        },
    )  # fmt: skip
    yield body(
        "the least: the system, and nobody",
        {"seq": 2, "action": "voucher.expired", "actor": {"kind": "system", "reason": "job:voucher-expiry"}},
        {},
    )
    yield body(
        "an integration, money, evidence, and the clinic's nobody",
        {
            "seq": 3, "action": "charge.succeeded", "actor": {"kind": "integration", "id": "stripe"},
            "target": {"kind": "charge", "id": "ch_1"}, "context": {"amount_minor": 4500, "currency": "EUR"},
            "tokens": TOKENS[3:],
        },
        {(0, "evidence"): {"context.stripe_charge": "ch_3PexampleA", "context.card_last4": "4242"}},
    )  # fmt: skip
    yield body(
        "everything else: a target that is a person, people, a change of a person, cut, imported",
        {
            "seq": 4, "action": "booking.rescheduled", "occurred_at": "1999-12-31T23:59:59.999999Z",
            "zone": "America/St_Johns", "offset_minutes": -210, "actor": {"kind": "client", "person": 0},
            "target": {"kind": "client", "person": 0},
            "people": [{"role": "guardian", "person": 1}, {"role": "payer", "person": 1}],
            "context": {"starts_at": {"old": "2026-05-04T07:00:00.000000-02:30", "new": "2026-05-05T08:00:00.000000Z"},
                        "practitioner": {"old": {"person": 2}, "new": {"person": 3}}, "note": None, "list": [[], {}]},
            "tokens": TOKENS, "cut": ["actor.name"], "imported": True,
        },
        {
            (0, "identity"): {"actor.id": "cli_77", "actor.name": "Ñ" * 200, "target.id": "cli_77"},
            (1, "identity"): {"people.0.id": "cli_78", "people.1.id": "cli_78"},
            (2, "identity"): {"context.practitioner.old.id": "usr_1"},
            (3, "identity"): {"context.practitioner.new.id": "usr_2",
                              "context.practitioner.new.name": TEXTS["escapes"]},
        },
    )  # fmt: skip
    yield body(
        "an agent, which is no person, on behalf of a client",
        {
            "seq": 5, "action": "booking.created",
            "actor": {"kind": "agent", "id": "assistant_1", "name": "Booking assistant",
                      "on_behalf_of": {"kind": "client", "person": 0}},
            "target": {"kind": "booking", "id": "bk_99813"}, "channel": "api", "tokens": TOKENS[:1],
        },
        {(0, "identity"): {"actor.on_behalf_of.id": "cli_77", "actor.on_behalf_of.name": "Ana Sousa"},
         (0, "network"): {"request.ip": "203.0.113.9"}},
    )  # fmt: skip
    yield body(
        "support, in the place of a member of staff",
        {
            "seq": 6, "action": "settings.changed",
            "actor": {"kind": "support", "person": 0, "on_behalf_of": {"kind": "staff", "person": 1}},
            "target": {"kind": "settings", "id": "c_lisbon"}, "tokens": TOKENS[:2],
        },
        {(0, "identity"): {"actor.id": "sup_1"}, (1, "identity"): {"actor.on_behalf_of.id": "usr_12"}},
    )  # fmt: skip
    yield body(
        "late: the client was erased before the log heard of it, and of theirs only evidence is kept",
        {
            "seq": 7, "action": "charge.succeeded", "actor": {"kind": "integration", "id": "stripe"},
            "target": {"kind": "charge", "id": "ch_2"}, "client": {"person": 0},
            "context": {"amount_minor": 4500, "currency": "EUR"}, "tokens": TOKENS[2:3],
            "left_out": ["client.id", "client.name", "request.ip"],
        },
        {(0, "evidence"): {"context.stripe_charge": "ch_3PexampleB"}},
    )  # fmt: skip
    yield body(
        "an erasure: a member of staff anonymizes a client",
        {
            "seq": 8, "action": "client.anonymized", "actor": {"kind": "staff", "person": 0},
            "target": {"kind": "client", "person": 1},
            "context": {"requested_by": "client"},
            "erases": {"person": 1, "classes": ["identity", "network"], "up_to_seq": 7},
            "tokens": [*TOKENS[:2], TOKENS[3]],
        },
        {(0, "identity"): {"actor.id": "usr_12"},
         (2, "identity"): {"erases": {"person": TOKENS[1], "classes": ["identity", "network"], "up_to_seq": 7},
                           "key": "anonymize-5d0a3c"}},
    )  # fmt: skip


def erasures():
    """Bodies that are broken at `erases`, or at what it needs beside it."""
    whole = json.loads(list(bodies())[-1]["body"])

    def case(reason, **members):
        return {"reason": reason, "body_hex": canonical(whole | members).hex()}

    def erases(reason, **members):
        return case(reason, erases={k: v for k, v in (whole["erases"] | members).items() if v != "gone"})

    yield case("an erasure in another action", action="client.deleted")
    yield case("an erasure of another person than the target", target={"kind": "client", "person": 0})
    yield case("an erasure whose target is no client", target={"kind": "staff", "person": 1})
    yield case("an erasure whose target is a thing", target={"kind": "client", "id": "cli_77"})
    without = {name: whole[name] for name in whole if name != "target"}
    yield {"reason": "an erasure without a target", "body_hex": canonical(without).hex()}
    yield case("an erasure that is a list", erases=[whole["erases"]])
    yield case("nothing erased, said with null", erases=None)
    yield case("nothing erased, said with an empty object", erases={})
    for name in ("person", "classes", "up_to_seq"):
        yield erases(f"an erasure without {name}", **{name: "gone"})
    yield erases("an erasure with a member more", why="asked")
    yield erases("an erasure beyond the tokens", person=3)
    yield erases("an erasure of evidence", classes=["evidence", "identity", "network"])
    yield erases("an erasure of an unknown class", classes=["health"])
    yield erases("an erasure of no class", classes=[])
    yield erases("an erasure of classes out of order", classes=["network", "identity"])
    yield erases("an erasure of a class twice", classes=["identity", "identity"])
    yield erases("an erasure of classes that are no list", classes="identity")
    yield erases("an erasure up to its own entry", up_to_seq=8)
    yield erases("an erasure of later entries", up_to_seq=9)
    yield erases("an erasure up to entry 0", up_to_seq=0)
    yield erases("an erasure up to true", up_to_seq=True)


def principals():
    """Bodies that are broken at an agent, or at the person on whose behalf somebody acted."""
    whole = json.loads(next(iter(bodies()))["body"])
    agent = {"kind": "agent", "id": "assistant_1", "name": "Booking assistant"}
    client = {"kind": "client", "person": 1}

    def case(reason, actor):
        return {"reason": reason, "body_hex": canonical(whole | {"actor": actor}).hex()}

    yield case("an agent that is a person", {"kind": "agent", "person": 0})
    yield case("an agent with an id and a person", agent | {"person": 0})
    yield case("an agent without an id", {"kind": "agent", "name": "Booking assistant"})
    yield case("an agent whose id is no text", agent | {"id": 1})
    yield case("an agent whose name is no text", agent | {"name": None})
    yield case("an agent with a role", agent | {"role": "owner"})
    yield case("a client on behalf of somebody", {"kind": "client", "person": 0, "on_behalf_of": client})
    yield case("the system on behalf of somebody", {"kind": "system", "reason": "job:x", "on_behalf_of": client})
    yield case("an integration on behalf of somebody", {"kind": "integration", "id": "stripe", "on_behalf_of": client})
    yield case("on behalf of nobody, said with null", agent | {"on_behalf_of": None})
    yield case("on behalf of a list", agent | {"on_behalf_of": [client]})
    yield case("on behalf of support", agent | {"on_behalf_of": client | {"kind": "support"}})
    yield case("on behalf of a kind that is no text", agent | {"on_behalf_of": client | {"kind": ["client"]}})
    yield case("on behalf of a person without a kind", agent | {"on_behalf_of": {"person": 1}})
    yield case("on behalf of a kind without a person", agent | {"on_behalf_of": {"kind": "client"}})
    yield case("on behalf of an id in clear", agent | {"on_behalf_of": {"kind": "client", "id": "cli_77"}})
    yield case("on behalf of a person with a name", agent | {"on_behalf_of": client | {"name": "Ana Sousa"}})
    yield case("on behalf of a person beyond the tokens", agent | {"on_behalf_of": client | {"person": 2}})
    yield case("on behalf of true", agent | {"on_behalf_of": client | {"person": True}})
    yield case("on behalf of the actor", {"kind": "staff", "person": 1, "on_behalf_of": {"kind": "staff", "person": 1}})


def refused():
    yield from erasures()
    yield from principals()
    whole = json.loads(next(iter(bodies()))["body"])
    good = canonical(whole)

    def case(reason, data):
        return {"reason": reason, "body_hex": data.hex()}

    def changed(reason, **members):
        return case(reason, canonical({k: v for k, v in (whole | members).items() if v != "gone"}))

    def replaced(reason, old, new):
        assert good.count(old) == 1
        return case(reason, good.replace(old, new))

    group = whole["personal"][0]
    yield case("not JSON", good[:-1])
    yield case("not UTF-8", good[:-1] + b"\xff")
    yield case("white space", good.replace(b":", b": "))
    yield case("a newline at the end", good + b"\n")
    yield case("a byte order mark", b"\xef\xbb\xbf" + good)
    yield case("members out of order", b"{" + good[1:-1].split(b",", 1)[1] + b"," + good[1:].split(b",", 1)[0] + b"}")
    yield replaced("a member twice", b'"seq":1', b'"seq":1,"seq":1')
    yield replaced("a float", b'"seq":1', b'"seq":1.0')
    yield replaced("another spelling of a string", b'"action":"b', b'"action":"\\u0062')
    yield case("a lone surrogate", good.replace(b"req_5f2c", b"\\ud800"))
    yield replaced("an integer beyond 2^53 - 1", b'"notice_minutes":90', b'"notice_minutes":9007199254740992')
    yield changed("another version", v=2)
    yield changed("an unknown member", erased=True)
    for name in ("v", "id", "seq", "recorded_at", "occurred_at", "zone", "offset_minutes", "action", "action_version",
                 "actor", "context", "tokens", "personal"):  # fmt: skip
        yield changed(f"no {name}", **{name: "gone"})
    yield changed("null in the place of an absent member", channel=None)
    yield changed("an id that is no UUIDv7", id="01890a5d-ac96-474b-bcce-b302099a8057")
    yield changed("an id in capital letters", id=whole["id"].upper())
    yield changed("a seq of 0", seq=0)
    yield changed("a seq that is true", seq=True)
    yield changed("a time with another zone", occurred_at="2026-05-03T13:22:31.123456+01:00")
    yield changed("a time with three digits", occurred_at="2026-05-03T12:22:31.123Z")
    yield changed("a day that does not exist", recorded_at="2026-02-30T12:22:31.200000Z")
    yield changed("an offset of a day", offset_minutes=1440)
    yield changed("an actor that is neither", actor={"kind": "robot", "id": "r2"})
    yield changed("a kind of actor that is not text", actor={"kind": ["staff"], "person": 0})
    yield changed("a member of staff with an id in clear", actor={"kind": "staff", "person": 0, "id": "usr_12"})
    yield changed("a system without a reason", actor={"kind": "system"})
    yield changed("an actor beyond the tokens", actor={"kind": "staff", "person": 2})
    yield changed("a client before the tokens", client={"person": -1})
    yield changed("a person in the context beyond the tokens", context={"practitioner": {"person": 2}})
    yield changed("a target that is a thing and a person", target={"kind": "client", "id": "cli_77", "person": 1})
    yield changed("no people, said with an empty list", people=[])
    yield changed("nothing cut, said with an empty list", cut=[])
    yield changed("nothing left out, said with an empty list", left_out=[])
    yield changed("what was left out is no list", left_out={"client.id": 1})
    yield changed("a path left out that is no text", left_out=[1])
    yield changed("paths left out that are out of order", left_out=["people.0.name", "people.0.id"])
    yield changed("a path left out twice", left_out=["people.0.id", "people.0.id"])
    yield changed("a path left out that has a value", left_out=["actor.name"])
    yield changed("not imported, said with false", imported=False)
    yield changed("a token twice", tokens=[TOKENS[0], TOKENS[0]])
    yield changed("a token in capital letters", tokens=[TOKENS[0], "AB" * 16])
    yield changed("a token of 15 bytes", tokens=[TOKENS[0], "ab" * 15])
    yield changed("an owner beyond the tokens", personal=[{**group, "owner": 2}])
    yield changed("an unknown class", personal=[{**group, "class": "health"}])
    yield changed("a group without values", personal=[{**group, "paths": []}])
    yield changed("paths out of order", personal=[{**group, "paths": group["paths"][::-1]}])
    yield changed("a path twice in a group", personal=[{**group, "paths": ["actor.id", "actor.id"]}])
    yield changed("a path that is no text", personal=[{**group, "paths": [1]}])
    yield changed("paths that are no list", personal=[{**group, "paths": {"actor.id": 1}}])
    yield changed("values each with a commitment", personal=[{"owner": 0, "class": "identity", "values": {}}])
    yield changed("groups out of order", personal=whole["personal"][::-1])
    yield changed("a group twice", personal=[group, group])
    yield changed("a path in two groups", personal=[group, {**group, "class": "network"}])
    yield changed("a commitment of 42 characters", personal=[{**group, "commitment": "A" * 42}])
    yield changed("another spelling of a commitment", personal=[{**group, "commitment": "A" * 42 + "B"}])
    yield case("nested too deeply", good.replace(b'"late":true', b'"late":' + b"[" * 63 + b"]" * 63))
    yield case("an array", b"[" + good + b"]")


def times():
    """Planned times: the text of a body, its instant, and what its clock is ahead of UTC in minutes."""
    for text in (
        "2026-05-04T10:00:00.000000+02:00", "2026-05-04T10:00:00.000000-03:30", "2026-05-04T10:00:00.000000Z",
        "2026-05-04T10:00:00.123456+05:45", "2026-05-04T10:00:00.000000+23:59", "2026-05-04T10:00:00.000000-23:59",
        "2026-10-25T01:30:00.000000+01:00", "0001-01-01T00:00:00.000000-00:01", "9999-12-31T23:59:59.999999+00:01",
    ):  # fmt: skip
        local, ahead = datetime.fromisoformat(text[:26]), datetime.fromisoformat(text).utcoffset() or timedelta()
        instant = (local - ahead).isoformat(timespec="microseconds") + "Z"
        yield {"text": text, "instant": instant, "offset_minutes": ahead // timedelta(minutes=1)}


def refused_times():
    """Texts that no planned time has in a body."""
    yield from (
        {"reason": reason, "text": text}
        for reason, text in (
            ("another spelling of UTC", "2026-05-04T10:00:00.000000+00:00"),
            ("a clock that is not known", "2026-05-04T10:00:00.000000-00:00"),
            ("a small z", "2026-05-04T10:00:00.000000z"),
            ("an offset of a day", "2026-05-04T10:00:00.000000+24:00"),
            ("an offset of 60 minutes", "2026-05-04T10:00:00.000000+02:60"),
            ("an offset without a colon", "2026-05-04T10:00:00.000000+0200"),
            ("an offset with seconds", "2026-05-04T10:00:00.000000+02:00:00"),
            ("no offset", "2026-05-04T10:00:00.000000"),
            ("three digits of a second", "2026-05-04T10:00:00.000+02:00"),
            ("a day that does not exist", "2026-02-30T10:00:00.000000+02:00"),
            ("before the year 1 in UTC", "0001-01-01T00:00:00.000000+00:01"),
            ("after the year 9999 in UTC", "9999-12-31T23:59:59.999999-00:01"),
        )
    )


def make():
    made_by = "Made by tests/format/entry/test_vectors.py without the library."
    about = f"Vectors of docs/spec/entry.md. {made_by} Values are examples."
    return {"about": about, "groups": [*groups()], "bodies": [*bodies()], "refused": [*refused()],
            "times": [*times()], "refused_times": [*refused_times()]}  # fmt: skip


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(make(), indent=1) + "\n", encoding="ascii")
    raise SystemExit

from indelible.errors import MalformedProof  # noqa: E402
from indelible.format import canonical as ours  # noqa: E402 - the part above runs without the library
from indelible.format import commitment, entry, instant, planned  # noqa: E402
from indelible.proof import merkle  # noqa: E402

VECTORS = json.loads(FILE.read_text(encoding="ascii"))


def test_the_file_is_what_the_specification_gives():
    assert make() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["groups"], ids=lambda vector: vector["name"])
def test_a_commitment_is_reproduced(vector):
    seed, listed = bytes.fromhex(vector["seed_hex"]), vector["values"]
    values = [(one["path"], ours.encode(one["value"])) for one in listed]
    assert [data.hex() for _, data in values] == [one["value_canonical_hex"] for one in listed]
    assert [salt.hex() for salt in commitment.salts(seed, len(values))] == [one["salt_hex"] for one in listed]
    leaves = commitment.leaves(seed, values)
    assert [leaf.hex() for leaf in leaves] == [one["leaf_hex"] for one in listed]
    made = commitment.Committer(vector["origin"], vector["entry_id"]).commit(vector["class"], leaves)
    assert made == vector["commitment"]


@pytest.mark.parametrize("vector", VECTORS["bodies"], ids=lambda vector: vector["name"])
def test_a_body_is_read_and_printed_again_byte_for_byte(vector):
    data = bytes.fromhex(vector["body_hex"])
    body = entry.decode(data)
    assert ours.encode(body.members) == data
    assert merkle.leaf_hash(data).hex() == vector["leaf_hash_hex"]


@pytest.mark.parametrize("vector", VECTORS["bodies"], ids=lambda vector: vector["name"])
def test_the_openings_of_a_body_give_its_commitments(vector):
    body = entry.decode(bytes.fromhex(vector["body_hex"]))
    committer = commitment.Committer(vector["origin"], body.id)
    made = [
        entry.Group(
            opening["owner"],
            opening["class"],
            tuple(sorted(opening["values"])),
            committer.commit(
                opening["class"],
                commitment.leaves(
                    bytes.fromhex(opening["seed_hex"]),
                    [(path, ours.encode(opening["values"][path])) for path in sorted(opening["values"])],
                ),
            ),
        )
        for opening in vector["openings"]
    ]
    assert list(body.groups) == made


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["reason"])
def test_a_broken_body_is_refused(vector):
    with pytest.raises(MalformedProof):
        entry.decode(bytes.fromhex(vector["body_hex"]))


@pytest.mark.parametrize("vector", VECTORS["times"], ids=lambda vector: vector["text"])
def test_a_planned_time_is_read_and_printed_again(vector):
    said = planned.parse_canonical(vector["text"])
    assert (instant.format(said.us), said.offset_minutes) == (vector["instant"], vector["offset_minutes"])
    assert planned.format(said) == vector["text"]


@pytest.mark.parametrize("vector", VECTORS["refused_times"], ids=lambda vector: vector["reason"])
def test_a_text_that_is_no_planned_time_is_refused(vector):
    with pytest.raises(MalformedProof):
        planned.parse_canonical(vector["text"])


def test_the_worked_example_of_the_specification_is_the_first_body():
    text = (FILE.parents[1] / "entry.md").read_text(encoding="utf-8")
    example = text.split("## A worked example")[1]
    body = example[example.index("    {") : example.index("Its leaf hash")]
    first = VECTORS["bodies"][0]
    assert "".join(line.strip() for line in body.splitlines()) == first["body"]
    assert f"(its {len(first['body']):,} bytes are one line)" in " ".join(example.split())
    group = first["openings"][0]
    seed, entry_id = bytes.fromhex(group["seed_hex"]), json.loads(first["body"])["id"]
    salts, leaves, digest = committed(seed, ORIGIN, entry_id, "identity", group["values"])
    shown = [first["leaf_hash_hex"], group["seed_hex"], digest.hex(), base64url(digest), leaves["actor.id"].hex()]
    shown += [salts["actor.name"].hex(), leaves["actor.name"].hex()]
    for text in shown:
        assert text in example
