"""A second verifier of bundles, written from docs/spec/bundle.md, entry.md and csv.md alone.

    python tests/proof/bundle/second_verifier.py FILE [VKEY]

It shares no line with the library: whatever the two say differently about a file, the text or one of them is wrong.
Nothing but the standard library, and `cryptography` for Ed25519. `check` gives

    {"findings": [(verdict, seq or None, text), ...], "erased": {seq: (erasure's seq, ...)}, "withheld": values}

and raises Refused for what is no bundle of version 1. No text has a personal value in it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import re
import struct
import sys
import zlib
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIRST = ["entries.jsonl", "entries.csv", "rendering.json", "bundle.json", "README.txt"]
LAST = ["export.json", "erasures.jsonl", "checkpoint", "key.txt"]
FILES = {"selection": [*FIRST, "proofs.jsonl", *LAST], "complete": [*FIRST, "range.json", *LAST]}
SEALED = ("README.txt", "bundle.json", "entries.csv", "entries.jsonl", "rendering.json")
CLASSES = ("evidence", "identity", "network")
TOP = 2**53 - 1
HEADER = (
    "seq,id,occurred_at,occurred_at_utc,time_zone,local_date,local_time,category,action,label,actor_kind,actor_id,"
    "actor_name,target_kind,target_id,target_name,client_id,client_name,amount,to_sum,amount_minor,currency,channel,ip,"
    "device,context,money,recorded_zone,recorded_at,on_behalf_of_kind,on_behalf_of_id,on_behalf_of_name"
)
NUMBERS = {"seq", "amount", "to_sum", "amount_minor"}
CELLS = {f"{who}.{what}" for who in ("actor", "actor.on_behalf_of", "target", "client") for what in ("id", "name")} | {
    "request.ip"
}
TRIGGERED = re.compile("'*[=+\\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")


class Refused(ValueError):
    """This is no bundle of version 1."""


def need(fine: object, what: str) -> None:
    if not fine:
        raise Refused(what)


def spell(value: Any, depth: int = 1) -> str:
    """The canonical text of a value."""
    if isinstance(value, (dict, list)):
        need(depth <= 64, "nested too deeply")
    if isinstance(value, dict):
        need(all(name.isascii() for name in value), "a member's name is not ASCII")
        return "{" + ",".join(f"{spell(n)}:{spell(value[n], depth + 1)}" for n in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(spell(each, depth + 1) for each in value) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        need(-TOP <= value <= TOP, "an integer beyond 2^53 - 1")
    return json.dumps(value, ensure_ascii=False)


def unfloat(text: str) -> None:
    raise Refused("a number that is no integer")


def strict(data: bytes) -> Any:
    """The value of canonical JSON; every other spelling is refused."""
    try:
        value = json.loads(data.decode(), parse_float=unfloat, parse_constant=unfloat)
        need(spell(value).encode() == data, "JSON that is not canonical")
    except (ValueError, RecursionError) as error:
        raise Refused(f"JSON: {error}" if isinstance(error, Refused) else "not JSON in UTF-8") from None
    return value


def lines(data: bytes, name: str) -> list[bytes]:
    need(not data or data.endswith(b"\n"), f"{name}: the last line has no LF")
    return data.split(b"\n")[:-1]


def shaped(value: Any, table: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    known = {name.rstrip("?"): (test, name.endswith("?")) for name, test in table.items()}
    present = set(value) <= set(known) and all(optional or name in value for name, (_, optional) in known.items())
    return present and all(known[name][0](each) for name, each in value.items())


def text(value: Any) -> bool:
    return isinstance(value, str)


def whole(least: int, most: int = TOP) -> Any:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def one_of(*values: str) -> Any:
    return lambda value: isinstance(value, str) and value in values


def matching(pattern: str) -> Any:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def listed(test: Any, least: int = 0) -> Any:
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(test, value))


def one_of_lists(*lists: list[str]) -> Any:
    return lambda value: value in lists


def always(value: Any) -> bool:
    return True


def a_true(value: Any) -> bool:
    return value is True


def a_dict(value: Any) -> bool:
    return isinstance(value, dict)


def instant(value: Any) -> bool:
    if not matching("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z")(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def hashed(value: Any) -> bool:
    return bool(matching("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")(value))


def given_classes(value: Any) -> bool:
    return bool(listed(one_of(*CLASSES))(value) and value == sorted(set(value)))


def offset_table(value: Any) -> bool:
    minutes = whole(-1439, 1439)
    if not listed(lambda pair: isinstance(pair, list) and len(pair) == 2, 1)(value):
        return False
    if not all(instant(begin) and minutes(ahead) for begin, ahead in value):
        return False
    begins = [begin for begin, _ in value]
    return begins == sorted(set(begins))


UUID7 = matching("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PERSON = {"person": whole(0)}
PRINCIPAL = {"kind": one_of("client", "staff"), "person": whole(0)}
BEHALF = {"on_behalf_of?": lambda value: shaped(value, PRINCIPAL)}
ACTORS: list[dict[str, Any]] = [
    {"kind": one_of("staff", "support"), "person": whole(0), "role?": text} | BEHALF,
    {"kind": one_of("client"), "person": whole(0), "role?": text},
    {"kind": one_of("agent"), "id": text, "name?": text} | BEHALF,
    {"kind": one_of("system"), "reason": text},
    {"kind": one_of("integration"), "id": text},
]
TARGETS: list[dict[str, Any]] = [{"kind": text, "id": text}, {"kind": text, "person": whole(0)}]
GROUP = {
    "owner": whole(0),
    "class": one_of(*CLASSES),
    "paths": lambda paths: listed(text, 1)(paths) and paths == sorted(set(paths)),
    "commitment": hashed,
}
BODY = {
    "v": whole(1, 1),
    "id": UUID7,
    "seq": whole(1),
    "recorded_at": instant,
    "occurred_at": instant,
    "zone": text,
    "offset_minutes": whole(-1439, 1439),
    "action": text,
    "action_version": whole(1),
    "actor": lambda value: any(shaped(value, form) for form in ACTORS),
    "target?": lambda value: any(shaped(value, form) for form in TARGETS),
    "client?": lambda value: shaped(value, PERSON),
    "people?": listed(lambda each: shaped(each, PERSON | {"role": text}), 1),
    "context": a_dict,
    "channel?": text,
    "operation?": text,
    "tokens": listed(matching("[0-9a-f]{32}")),
    "personal": listed(lambda each: shaped(each, GROUP)),
    "cut?": listed(text, 1),
    "left_out?": lambda paths: listed(text, 1)(paths) and paths == sorted(set(paths)),
    "imported?": a_true,
    "erases?": lambda value: shaped(
        value,
        PERSON | {"classes": one_of_lists(["identity"], ["network"], ["identity", "network"]), "up_to_seq": whole(1)},
    ),
}
STATEMENT = {
    "schema": one_of("indelible/bundle/v1"),
    "kind": one_of("selection", "complete"),
    "given": given_classes,
    "withheld": lambda value: listed(text)(value) and value == sorted(set(value)),
    "erasures": lambda value: listed(whole(1))(value) and value == sorted(set(value)),
    "nonce": hashed,
    **dict.fromkeys(("first_seq", "last_seq", "rows"), whole(0)),
    **dict.fromkeys(("log_origin", "clinic", "clinic_name", "time_zone", "filter", "filter_in_words"), text),
    "indelible": text,
}
WORDING = {
    "category": text,
    "label": text,
    "money": one_of("in", "in_undone", "out", "out_undone", "none"),
}
RENDERING = {
    "schema": one_of("indelible/rendering/v1"),
    "actions": lambda value: a_dict(value) and all(shaped(each, WORDING) for each in value.values()),
    "currencies": lambda value: a_dict(value) and all(map(whole(0, 9), value.values())),
    "devices": listed(lambda each: listed(text)(each) and len(each) == 2),
    "offsets": lambda value: a_dict(value) and all(map(offset_table, value.values())),
}
OPENING = {"salt": hashed, "value": always}
OPENED = {
    "group": whole(0),
    "leaves": listed(hashed),
    "openings": lambda value: a_dict(value) and all(shaped(each, OPENING) for each in value.values()),
}


def given_groups(value: Any) -> bool:
    if not listed(lambda each: shaped(each, OPENED))(value):
        return False
    places = [each["group"] for each in value]
    return places == sorted(set(places))


LINE = {
    "body": text,
    "leaf": hashed,
    "groups": given_groups,
    "seq": whole(1),
}
PROVEN = {"body": text, "path": listed(hashed), "seq": whole(1)}
RANGE = {"left": listed(hashed), "right": listed(hashed)}


def read(data: bytes, table: dict[str, Any], name: str) -> dict[str, Any]:
    value = strict(data)
    need(shaped(value, table), f"{name} has not the form of version 1")
    return dict(value)


def sides(context: dict[str, Any]) -> dict[str, Any]:
    """Every member of a context, and both sides of one that is a change, by path."""
    found: dict[str, Any] = {}
    for name, value in context.items():
        found |= {f"{name}.{side}": value[side] for side in value} if is_change(value) else {name: value}
    return found


def is_change(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"old", "new"}


def is_person(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"person"}


def is_thing(value: Any) -> bool:
    return shaped(value, TARGETS[0])


def erases_well(body: dict[str, Any]) -> bool:
    erases, target = body["erases"], body.get("target", {})
    return bool(
        body["action"] == "client.anonymized"
        and target == {"kind": "client", "person": erases["person"]}
        and erases["up_to_seq"] < body["seq"]
    )


def read_body(words: str) -> dict[str, Any] | None:
    """The body in its text, or None where it has not the form of entry.md."""
    try:
        data = words.encode()
        body = read(data, BODY, "body")
    except ValueError:
        return None
    persons = [each for each in sides(body["context"]).values() if is_person(each)]
    persons += [body[name] for name in ("actor", "target", "client", "erases") if "person" in body.get(name, {})]
    persons += body.get("people", [])
    principal = body["actor"].get("on_behalf_of")
    persons += [principal] if principal else []
    owners = [each["person"] for each in persons] + [group["owner"] for group in body["personal"]]
    order = [(group["owner"], group["class"]) for group in body["personal"]]
    paths = [path for group in body["personal"] for path in group["paths"]] + body.get("left_out", [])
    fine = (
        len(data) <= 65_535
        and ("erases" not in body or erases_well(body))
        and (principal is None or principal["person"] != body["actor"].get("person"))
        and all(whole(0, len(body["tokens"]) - 1)(owner) for owner in owners)
        and len(set(body["tokens"])) == len(body["tokens"])
        and order == sorted(set(order))
        and len(paths) == len(set(paths))
    )
    return body if fine else None


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def unhash(words: str) -> bytes:
    return base64.urlsafe_b64decode(words + "=")


def rehash(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def leaf_of(words: str) -> bytes:
    return sha(b"\0", words.encode())


def included(leaf: bytes, seq: int, size: int, path: list[str], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2."""
    if not 1 <= seq <= size:
        return False
    fn, sn, r = seq - 1, size - 1, leaf
    for p in map(unhash, path):
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def range_root(leaves: list[bytes], begin: int, size: int, proof: dict[str, Any]) -> bytes:
    """The root that the leaves from `begin` make with the hashes of range.json; empty where their number is wrong."""
    before = [1 << bit for bit in reversed(range(begin.bit_length())) if begin >> bit & 1]
    after, at = [], begin + len(leaves)
    while at < size:
        count = at & -at or 1 << size.bit_length()
        while count > size - at:
            count >>= 1
        after.append(count)
        at += count
    if (len(proof["left"]), len(proof["right"])) != (len(before), len(after)):
        return b""
    pairs: list[tuple[bytes, int]] = list(zip(map(unhash, proof["left"]), before, strict=True))
    for pair in [(leaf, 1) for leaf in leaves] + list(zip(map(unhash, proof["right"]), after, strict=True)):
        pairs.append(pair)
        while len(pairs) > 1 and pairs[-1][1] == pairs[-2][1]:
            (later, count), (earlier, _) = pairs.pop(), pairs.pop()
            pairs.append((sha(b"\1", earlier, later), 2 * count))
    if not pairs:
        return sha()
    r = pairs.pop()[0]
    while pairs:
        r = sha(b"\1", pairs.pop()[0], r)
    return r


def unbase64(words: str) -> bytes:
    try:
        data = base64.b64decode(words, validate=True)
    except ValueError:
        raise Refused("base64") from None
    need(base64.b64encode(data).decode() == words, "base64 in another spelling")
    return data


def read_key(vkey: str) -> tuple[str, bytes, bytes]:
    """The name, the id and the 32 bytes of a verifier key of C2SP signed-note, Ed25519."""
    need(vkey.count("+") >= 2, "a key is NAME+ID+KEY")
    name, key_id, words = vkey.split("+", 2)
    key = unbase64(words)
    need(name and not any(each.isspace() for each in name), "the key's name")
    need(len(key) == 33 and key[0] == 1, "the key is not one of Ed25519")
    need(key_id == sha(name.encode(), b"\n", key)[:4].hex(), "the key's id is not that of the key")
    return name, bytes.fromhex(key_id), key[1:]


def parse_checkpoint(data: bytes) -> dict[str, Any]:
    try:
        note = data.decode()
    except ValueError:
        raise Refused("checkpoint: not UTF-8") from None
    need(all(each == "\n" or each >= " " for each in note), "checkpoint: a control character")
    head, blank, tail = note.rpartition("\n\n")
    need(blank and tail.endswith("\n"), "checkpoint: no signed note")
    found = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and parts[1] and "+" not in parts[1], "checkpoint: a signature")
        signature = unbase64(parts[2])
        need(len(signature) > 4, "checkpoint: a signature")
        found.append((parts[1], signature[:4], signature[4:]))
    first = head.split("\n")
    need(len(first) == 3 and first[0] and re.fullmatch("0|[1-9][0-9]{0,18}", first[1]), "checkpoint: its three lines")
    root = unbase64(first[2])
    need(len(root) == 32, "checkpoint: its root")
    signed = (head + "\n").encode()
    return {"origin": first[0], "size": int(first[1]), "root": root, "signed": signed, "signatures": found}


def read_checkpoint(data: bytes, vkey: str) -> dict[str, Any]:
    """The checkpoint where it is signed with the key, else that of an empty log: then nothing is proven."""
    name, key_id, key = read_key(vkey)
    try:
        checkpoint = parse_checkpoint(data)
        ours = [signature for who, which, signature in checkpoint["signatures"] if (who, which) == (name, key_id)]
        need(len(ours) == 1 and checkpoint["origin"] == name, "checkpoint: not one signature of the log's key")
        Ed25519PublicKey.from_public_bytes(key).verify(ours[0], checkpoint["signed"])
    except (Refused, InvalidSignature):
        return {"size": 0, "root": sha()}
    return checkpoint


def cell(column: str, value: str) -> str:
    if column not in NUMBERS and TRIGGERED.match(value):
        value = "'" + value
    return '"' + value.replace('"', '""') + '"' if re.search('[,"\r\n]', value) else value


def ahead(moment: str, zone: str, rendering: dict[str, Any]) -> int:
    """How many minutes the clock of a zone is ahead of UTC, as rendering.json has it."""
    return next((minutes for begin, minutes in reversed(rendering["offsets"].get(zone, [])) if begin <= moment), 0)


def context_cell(body: dict[str, Any], shown: dict[str, Any], committed: set[str]) -> str:
    def put(value: Any, path: str) -> Any:
        if is_person(value):
            names = ["id"] + ["name"] * (f"{path}.name" in committed)
            return {name: shown.get(f"{path}.{name}") for name in names}
        return value["id"] if is_thing(value) else value

    made: dict[str, Any] = {}
    for name, value in body["context"].items():
        path = f"context.{name}"
        if is_change(value):
            made[name] = {side: put(value[side], f"{path}.{side}") for side in value}
        else:
            made[name] = put(value, path)
    made |= {path[8:]: shown.get(path) for path in committed if path.startswith("context.") and path.count(".") == 1}
    return json.dumps(made, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def money_cells(context: dict[str, Any], money: str, digits_of: dict[str, int]) -> dict[str, str]:
    minor, currency = context.get("amount_minor"), context.get("currency")
    if not isinstance(minor, int) or isinstance(minor, bool):
        return {}
    cells = {"amount_minor": str(minor), "currency": currency if isinstance(currency, str) else ""}
    if cells["currency"] in digits_of:
        digits = digits_of[cells["currency"]]
        amount = -minor if money in ("out", "in_undone") else minor
        figures = str(abs(amount)).rjust(digits + 1, "0")
        point = len(figures) - digits
        cells["amount"] = "-" * (amount < 0) + figures[:point] + ("." + figures[point:] if digits else "")
        cells["to_sum"] = "" if money == "none" else cells["amount"]
    return cells


def who_cells(body: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    actor, target = body["actor"], body.get("target", {})
    actor_id = actor.get("id", actor.get("reason")) if "person" not in actor else shown.get("actor.id")
    principal = actor.get("on_behalf_of", {})
    client = "client" if "client" in body else "target" if target.get("kind") == "client" else "actor"
    if client == "actor" and principal.get("kind") == "client":
        client = "actor.on_behalf_of"
    has_client = client != "actor" or actor["kind"] == "client"
    target_id = shown.get("target.id") if "person" in target else target.get("id")
    cells = {
        "actor_kind": actor["kind"],
        "actor_id": actor_id,
        "actor_name": "System" if actor["kind"] == "system" else actor.get("name", shown.get("actor.name")),
        "on_behalf_of_kind": principal.get("kind"),
        "on_behalf_of_id": shown.get("actor.on_behalf_of.id"),
        "on_behalf_of_name": shown.get("actor.on_behalf_of.name"),
        "target_kind": target.get("kind"),
        "target_id": target_id,
        "target_name": shown.get("target.name"),
    }
    if has_client:
        cells["client_name"] = shown.get(f"{client}.name")
        cells["client_id"] = shown.get(f"{client}.id")
    return cells


def local_time(instant: str, offset: int) -> str:
    utc = datetime.fromisoformat(instant)
    try:
        local = utc + timedelta(minutes=offset)
    except OverflowError:
        local, offset = utc, 0
    hours = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    return local.replace(tzinfo=None).isoformat(timespec="microseconds") + hours


def row(parts: tuple[Any, Any, Any], rendering: dict[str, Any], zone: str) -> str:
    """The row of an entry, without its CR LF; `parts` are its body, the values that are shown, all committed paths.

    `zone` is the clinic's at the export.
    """
    body, shown, committed = parts
    wording = rendering["actions"].get(body["action"], {"category": "other", "label": body["action"], "money": "none"})
    local, recorded = (
        local_time(body[name], ahead(body[name], zone, rendering)) for name in ("occurred_at", "recorded_at")
    )
    devices = dict(rendering["devices"])
    agent = shown.get("request.user_agent")
    cells: dict[str, Any] = {
        "seq": str(body["seq"]),
        "occurred_at": local,
        "occurred_at_utc": body["occurred_at"],
        "time_zone": zone,
        "recorded_zone": body["zone"],
        "recorded_at": recorded,
        "local_date": local[:10],
        "local_time": local[11:19],
        "id": body["id"],
        "action": body["action"],
        "channel": body.get("channel"),
        "ip": shown.get("request.ip"),
        "device": devices.get(agent) if isinstance(agent, str) else None,
        "context": context_cell(body, shown, committed),
        **wording,
        **who_cells(body, shown),
        **money_cells(body["context"], wording["money"], rendering["currencies"]),
    }
    values = [(column, cells.get(column)) for column in HEADER.split(",")]
    return ",".join(cell(column, value if isinstance(value, str) else "") for column, value in values)


def table(entries: list[dict[str, Any]], rendering: dict[str, Any], zone: str) -> bytes:
    """The table of lines of entries.jsonl whose bodies and openings are right."""
    rows = []
    for entry in entries:
        body = json.loads(entry["body"])
        committed = {path for group in body["personal"] for path in group["paths"]} | set(body.get("left_out", []))
        shown = {path: opening["value"] for group in entry["groups"] for path, opening in group["openings"].items()}
        rows.append(row((body, shown, committed), rendering, zone) + "\r\n")
    return f"\ufeff{HEADER}\r\n{''.join(rows)}".encode()


def check_table(state: dict[str, Any], found: list[Any]) -> None:
    """Make the table again, byte by byte; then look for the rows that differ."""
    header = f"\ufeff{HEADER}\r\n"
    rendering, zone = state["rendering"], state["statement"]["time_zone"]
    made = [row(entry["row"], rendering, zone) if entry["row"] else None for entry in state["entries"]]
    data = state["files"]["entries.csv"]
    if None not in made and data == (header + "".join(f"{each}\r\n" for each in made)).encode():
        return
    try:
        words = data.decode()
        rows = list(csv.reader(io.StringIO(words, newline=""), strict=True))
    except (ValueError, csv.Error):
        return found.append(("edited", None, "entries.csv is no table"))
    before = len(found)
    if not words.startswith(header):
        found.append(("edited", None, "entries.csv: the header"))
    for entry, line, there in zip(state["entries"], made, rows[1:], strict=False):
        if not there or there[0] != str(entry["seq"]):
            found.append(("edited", entry["seq"], "entries.csv has another row in the place of this entry"))
            break
        if line is not None and next(csv.reader(io.StringIO(line, newline=""))) != there:
            found.append(("edited", entry["seq"], "the row of entries.csv is not what the entry makes it"))
    else:
        if len(rows) - 1 > len(made):
            found.append(("added", None, "entries.csv has more rows than there are entries"))
        if len(rows) - 1 < len(made):
            found.append(("edited", None, "entries.csv has fewer rows than there are entries"))
    if len(found) == before and None not in made:
        found.append(("edited", None, "entries.csv is spelled in another way"))


def open_zip(path: Path | str) -> dict[str, bytes]:
    try:
        data = path.read() if hasattr(path, "read") else Path(path).read_bytes()
        return unzip(data)
    except (struct.error, EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
        raise Refused(f"no zip file: {type(error).__name__}") from None


def unzip(data: bytes) -> dict[str, bytes]:
    """The files of a zip with the one spelling that the specification gives; none is so large that it needs ZIP64."""
    count, length, offset = struct.unpack("<HII", data[-22:][10:20])
    need(count <= 10 and offset + length + 22 == len(data), "the end of the zip")
    files: dict[str, bytes] = {}
    members, directory, at = b"", b"", offset
    for _ in range(count):
        crc, packed, size, name_length = struct.unpack("<IIIH", data[at + 16 : at + 30])
        begins = struct.unpack("<I", data[at + 42 : at + 46])[0]
        name = data[at + 46 : at + 46 + name_length]
        at += 46 + name_length
        numbers = struct.pack("<5H3I2H", 20, 0, 8, 0, 0x21, crc, packed, size, name_length, 0)
        need(begins == len(members), f"where {name!r} begins")
        start = begins + 30 + name_length
        stream = zlib.decompressobj(-15)
        need(size <= 100 * packed + (1 << 20), f"how well {name!r} packs")
        content = stream.decompress(data[start : start + packed])
        need(stream.eof and not stream.unused_data and len(data[start : start + packed]) == packed, f"{name!r}")
        need((len(content), zlib.crc32(content)) == (size, crc), f"{name!r}")
        members += b"PK\x03\x04" + numbers + name + data[start : start + packed]
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + numbers + bytes(10) + struct.pack("<I", begins) + name
        need(name.decode() not in files, "a file twice")
        files[name.decode()] = content
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, count, count, len(directory), len(members), 0)
    need(members + directory + end == data, "the headers of the zip")
    return files


def open_files(path: Path | str) -> dict[str, Any]:
    """Everything in the file that has the form of version 1."""
    files = open_zip(path)
    need("bundle.json" in files, "no bundle.json")
    statement = read(files["bundle.json"], STATEMENT, "bundle.json")
    need(list(files) == FILES[statement["kind"]], "not the files of its kind, in their order")
    first, last = statement["first_seq"], statement["last_seq"]
    need(first >= 1 and last >= first - 1 and (statement["kind"] == "complete" or first == 1), "its range")
    key = files["key.txt"]
    need(key.endswith(b"\n") and key.isascii(), "key.txt")
    read_key(key[:-1].decode())
    state = {
        "files": files,
        "statement": statement,
        "key": key[:-1].decode(),
        "rendering": read(files["rendering.json"], RENDERING, "rendering.json"),
        "entries": [read(each, LINE, "entries.jsonl") for each in lines(files["entries.jsonl"], "entries.jsonl")],
        "erasures": [read(each, PROVEN, "erasures.jsonl") for each in lines(files["erasures.jsonl"], "erasures.jsonl")],
    }
    exports = lines(files["export.json"], "export.json")
    need(len(exports) == 1, "export.json is one line")
    state["export"] = read(exports[0], PROVEN, "export.json")
    if statement["kind"] == "complete":
        state["range"] = read(files["range.json"], RANGE, "range.json")
    else:
        state["proofs"] = [strict(each) for each in lines(files["proofs.jsonl"], "proofs.jsonl")]
        need(all(listed(hashed)(each) for each in state["proofs"]), "proofs.jsonl")
    return state


def check_bodies(state: dict[str, Any], found: list[Any]) -> None:
    """Each line by itself: its leaf, its body, its number."""
    for entry in state["entries"]:
        seq = entry["seq"]
        entry["read"] = read_body(entry["body"])
        entry["fine"] = leaf_of(entry["body"]) == unhash(entry["leaf"])
        if not entry["fine"]:
            found.append(("edited", seq, "the body does not hash to its leaf"))
        if entry["read"] is None:
            entry["fine"] = False
            found.append(("edited", seq, "the body has not the form of version 1"))
        elif entry["read"]["seq"] != seq:
            entry["fine"] = False
            found.append(("reordered", seq, "the body says another number"))


def check_numbers(state: dict[str, Any], found: list[Any]) -> None:
    """The lines together: none twice, none outside, none gone, in their order."""
    statement, numbers = state["statement"], [entry["seq"] for entry in state["entries"]]
    first, last = statement["first_seq"], statement["last_seq"]
    for at, seq in enumerate(numbers):
        if seq in numbers[:at]:
            found.append(("added", seq, "the line comes twice"))
        if not first <= seq <= last:
            found.append(("added", seq, "the line is outside the range"))
    if statement["kind"] == "complete":
        highest = max((seq for seq in numbers if first <= seq <= last), default=first - 1)
        for seq in sorted(set(range(first, min(last, state["checkpoint"]["size"] or highest) + 1)) - set(numbers)):
            verdict = "removed" if seq < highest else "truncated"
            found.append((verdict, seq, "the number is missing"))
    if len(numbers) < statement["rows"]:
        found.append(("removed", None, "fewer lines than rows"))
    if len(numbers) > statement["rows"]:
        found.append(("added", None, "more lines than rows"))
    keys = [(entry["read"]["occurred_at"], entry["seq"]) for entry in state["entries"] if entry["read"]]
    if any(later <= earlier for later, earlier in pairwise(keys)):
        found.append(("reordered", None, "entries.jsonl is not newest first"))


def check_tree(state: dict[str, Any], found: list[Any]) -> None:
    """The entries in the tree: one by one in a selection, all together in a complete bundle."""
    size, root, statement = state["checkpoint"]["size"], state["checkpoint"]["root"], state["statement"]
    if statement["kind"] == "selection":
        if len(state["proofs"]) > len(state["entries"]):
            found.append(("removed", None, "more proofs than entries"))
        for entry, path in zip_longest(state["entries"], state["proofs"][: len(state["entries"])]):
            entry["proven"] = path is not None and included(leaf_of(entry["body"]), entry["seq"], size, path, root)
            if not entry["proven"]:
                found.append(("edited", entry["seq"], "not proven to be in the log at this number"))
        return None
    first, last = statement["first_seq"], statement["last_seq"]
    if not state["signed"]:
        return None
    need(last <= size, "a range that the tree does not have")
    by_number = {entry["seq"]: unhash(entry["leaf"]) for entry in state["entries"] if first <= entry["seq"] <= last}
    if len(by_number) != last - first + 1:
        return None
    fits = range_root([by_number[seq] for seq in sorted(by_number)], first - 1, size, state["range"]) == root
    for entry in state["entries"]:
        entry["proven"] = fits
    if not fits:
        found.append(("forked", None, "the entries do not make the root of the checkpoint"))
    return None


def check_proven(line: dict[str, Any], state: dict[str, Any], found: list[Any], what: str) -> dict[str, Any] | None:
    """The body of a line with its own inclusion proof, where all of it is right."""
    body, seq = read_body(line["body"]), line["seq"]
    if not included(leaf_of(line["body"]), seq, state["checkpoint"]["size"], line["path"], state["checkpoint"]["root"]):
        found.append(("added", seq, f"{what} that the tree does not know"))
    elif body is None:
        raise Refused(f"{what} has not the form of version 1")
    elif body["seq"] != seq:
        found.append(("reordered", seq, f"{what} says another number"))
    else:
        return body
    return None


def check_erasures(state: dict[str, Any], found: list[Any]) -> None:
    """Which proven entry destroyed what: (token, class, up to which number, by which entry)."""
    proven = [entry["read"] for entry in state["entries"] if entry["fine"] and entry.get("proven")]
    listed_from = len(proven)
    for line in state["erasures"]:
        body = check_proven(line, state, found, "an erasure")
        if body is not None and body["seq"] not in state["statement"]["erasures"]:
            found.append(("added", line["seq"], "an erasure that bundle.json does not name"))
        if body is not None and "erases" not in body:
            found.append(("added", line["seq"], "an erasure that erases nothing"))
        proven += [body] if body is not None else []
    numbers, named = [line["seq"] for line in state["erasures"]], set(state["statement"]["erasures"])
    for seq in named - {body["seq"] for body in proven[listed_from:]}:
        found.append(("removed", seq, "an erasure that bundle.json names is not there"))
    if numbers != sorted(set(numbers)):
        found.append(("reordered", None, "erasures.jsonl is not in order of seq, each once"))
    state["gone"] = {
        (body["tokens"][body["erases"]["person"]], kind, body["erases"]["up_to_seq"], body["seq"])
        for body in proven
        for kind in body.get("erases", {}).get("classes", ())
    }


def check_export(state: dict[str, Any], found: list[Any]) -> None:
    line, statement, files = state["export"], state["statement"], state["files"]
    if line["seq"] <= statement["last_seq"]:
        found.append(("reordered", line["seq"], "the record of the export is not behind the entries"))
    body = check_proven(line, state, found, "a record of export")
    if body is None:
        return None
    seals = body["context"].get("files")
    if body["action"] != "log.exported" or not isinstance(seals, dict):
        return found.append(("added", line["seq"], "the record of the export records no bundle"))
    for name in SEALED:
        seal = rehash(hmac.digest(unhash(statement["nonce"]), sha(files[name]), "sha256"))
        if seals.get(name) != seal:
            found.append(("edited", None, f"{name} is not the file that was exported"))


def check_group(place: int, entry: dict[str, Any], state: dict[str, Any], found: list[Any]) -> dict[str, Any]:
    """The values by path that a line shows of a group of its body, which must have been committed."""
    body, seq, origin = entry["read"], entry["seq"], state["statement"]["log_origin"]
    group = body["personal"][place]
    given = next((each for each in entry["groups"] if each["group"] == place), None)
    if given is None:
        return {}
    frame = lambda each: len(each).to_bytes(4, "big") + each  # noqa: E731
    begin = b"".join(frame(each.encode()) for each in (origin, body["id"], group["class"]))
    hashes = [unhash(each) for each in given["leaves"]]
    whole = rehash(sha(b"indelible/personal/v1\0", begin + b"".join(hashes)))
    if len(hashes) != len(group["paths"]) or whole != group["commitment"]:
        found.append(("altered", seq, f"the leaves of group {place} do not fit"))
    for path, opening in given["openings"].items():
        if path not in group["paths"]:
            found.append(("added", seq, f"group {place} has no path {path}"))
            continue
        number = group["paths"].index(path)
        framed = b"".join(map(frame, (unhash(opening["salt"]), path.encode(), spell(opening["value"]).encode())))
        if hashes[number : number + 1] != [hashlib.sha256(framed).digest()]:
            found.append(("altered", seq, f"the opening does not fit at {path}"))
    return {path: each["value"] for path, each in given["openings"].items() if path in group["paths"]}


def check_values(entry: dict[str, Any], state: dict[str, Any], found: list[Any], result: dict[str, Any]) -> None:
    """Every personal value of an entry: it fits, or its absence is accounted for."""
    body, seq, statement = entry["read"], entry["seq"], state["statement"]
    entry["row"] = None
    if body is None:
        return None
    there = [each["group"] for each in entry["groups"]]
    found += [("added", seq, f"no group {place}") for place in there if place >= len(body["personal"])]
    shown: dict[str, Any] = {}
    for place, group in enumerate(body["personal"]):
        owner = (body["tokens"][group["owner"]], group["class"])
        by = {which for token, kind, up_to, which in state["gone"] if (token, kind) == owner and seq <= up_to}
        opened = check_group(place, entry, state, found)
        shown |= opened
        if by and place in there:
            found.append(("restored", seq, f"group {place} was destroyed"))
        for path in set(group["paths"]) - set(opened):
            if by:
                result["erased"][seq] = tuple(sorted({*result["erased"].get(seq, ()), *by}))
            elif group["class"] not in statement["given"] or path in statement["withheld"]:
                result["withheld"] += 1
            else:
                found.append(("missing", seq, f"no value at {path}, and nothing accounts for it"))
    committed = {path for group in body["personal"] for path in group["paths"]} | set(body.get("left_out", []))
    if body["action"] not in state["rendering"]["actions"]:
        found.append(("missing", seq, "rendering.json has no words for the action"))
    if any(not isinstance(shown.get(path), str | None) for path in CELLS):
        return found.append(("edited", seq, "a value that stands in a cell is no text"))
    entry["row"] = (body, shown, committed)
    return None


def check(path: Path | str, vkey: str | None = None) -> dict[str, Any]:
    """Check a bundle with the key, or without one against the key inside."""
    state = open_files(path)
    found: list[tuple[str, int | None, str]] = []
    result: dict[str, Any] = {"findings": found, "erased": {}, "withheld": 0}
    state["checkpoint"] = read_checkpoint(state["files"]["checkpoint"], vkey or state["key"])
    if vkey not in (None, state["key"]):
        found.append(("unsigned", None, "key.txt has another key than the one that was given"))
    state["signed"] = state["checkpoint"]["size"] > 0
    if not state["signed"]:
        found.append(("unsigned", None, "the checkpoint is not signed with the key"))
    elif state["checkpoint"]["origin"] != state["statement"]["log_origin"]:
        found.append(("unsigned", None, "the checkpoint is of another log"))
    for part in (check_bodies, check_numbers, check_tree, check_erasures, check_export):
        part(state, found)
    for entry in state["entries"]:
        check_values(entry, state, found, result)
    check_table(state, found)
    return result


if __name__ == "__main__":
    outcome = check(*sys.argv[1:3])
    for verdict, seq, what in outcome["findings"]:
        sys.stdout.write(f"{verdict:10} {seq or '-':>6}  {what}\n")
    for seq, accounts in outcome["erased"].items():
        sys.stdout.write(f"erased     {seq:>6}  by entry {', '.join(map(str, accounts))}\n")
    sys.stdout.write(f"{len(outcome['findings'])} findings, {outcome['withheld']} values withheld\n")
    sys.exit(1 if outcome["findings"] else 0)
