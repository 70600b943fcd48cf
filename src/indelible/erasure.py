"""Erasure: anonymize a client. Values go, bodies stay, and an entry accounts for it.

In one transaction, under the clinic's head:

1. the client's token is looked up; where there is none, nobody is known by the id, which is said and nothing is written
2. the client's identity and network rows are deleted, on every entry where the client owns values, in whatever role,
   and with them the seeds, without which no commitment can be tried against a guess
3. the person's row is deleted, so that nothing leads from the host's id to the token any more
4. `client.anonymized` is appended. Its `erases` names the token, the classes and the last entry that they went from. It
   holds no value of the client, not even where the client is the actor.

A crash before the commit leaves everything, after it nothing. Then SQLite's leftovers are wiped; where a crash prevents
that, the next `anonymize` of anybody does it. What stays: the token, which stands for "the same unknown person"; what
the bodies have in clear (times, amounts, services, opaque ids of bookings); evidence values (Stripe ids), which name
nobody by themselves; and HMACs of idempotency keys and evidence ids under the clinic's lookup key, with which whoever
holds that key can test a guess of such an id.

The head store keeps the list of erasures, from the checkpoint on that covers them. A database restored from an older
backup is brought up to it before anybody reads a name.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import orjson

from . import drafting, entry
from .append import Appended, append
from .catalogue.fields import opaque_id
from .document import Actor, Document, Request, System, is_text
from .drafting import NOBODY, Draft, Named
from .errors import Conflict, InvalidInput, NotFound, StorageFailure
from .headstore import HeadStore
from .personal import Sealer
from .store import Appending, Clinic, PersonRow, Store

if TYPE_CHECKING:
    from .catalogue.clients import ClientAnonymized

RequestedBy = Literal["client", "staff", "retention_rule"]

# What is said where SQLite could not truncate its write-ahead log after an erasure.
NOT_WIPED = "Another program is reading the database, so SQLite's -wal file still holds what was deleted."

# Stands in a draft for the person whose row is deleted; append gets its token from here and never looks it up.
_ERASED = Named("erased", "", None)


@dataclass(frozen=True, slots=True)
class Anonymized:
    """What went, and the entry that accounts for it.

    `unfinished` are files that an export, bundle or backup is writing at this moment, with the values as they were:
    they are whole files soon, or gone. `wiped` is false where another program's reading kept SQLite from truncating
    its write-ahead log, so that deleted rows are still in that file until the next `anonymize`. `merged` are the ids of
    other records of the same person (`merging.py`), of which nothing went: who asked for the one means these too.
    """

    entry: Appended
    entries: int
    identity_values: int
    network_values: int
    evidence_values_kept: int
    unfinished: tuple[str, ...] = ()
    wiped: bool = True
    merged: tuple[str, ...] = ()


def anonymize(
    tx: Appending,
    client_id: str,
    clinic: Clinic,
    sealer: Sealer,
    now: int,
    *,
    requested_by: RequestedBy,
    actor: Actor,
    request: Request,
    key: str | None = None,
) -> Anonymized:
    """Erase a client's values in the open transaction `tx` and append the entry that accounts for it.

    With a `key` it is done once: where an erasure was done under it before, that one is the answer, although the client
    may have returned since. Raises NotFound where the log knows no client by the id: never recorded, or anonymized
    before; Conflict where the key was used for something else.
    """
    from .catalogue.clients import ClientAnonymized

    if key is not None and (before := _done_before(tx, sealer, key)):
        return before
    known = _known(tx, sealer, "client", client_id)
    if known is None:
        raise NotFound(_nobody(tx, sealer, client_id))
    entries, values = _count(tx, known.token)
    context = ClientAnonymized(
        requested_by=requested_by,
        entries=entries,
        identity_values=values["identity"],
        network_values=values["network"],
        evidence_values_kept=values["evidence"],
    )
    draft = _draft(context, client_id, actor, request, clinic, now, tx.head.size, key)
    tx.erase(known.token, entry.ERASED_CLASSES)
    appended = append(tx, [draft], clinic, sealer, now, tokens={(_ERASED.realm, _ERASED.id): known.token})[0]
    assert isinstance(appended, Appended)  # noqa: S101 - its key was looked up, or is random
    return Anonymized(appended, entries, values["identity"], values["network"], values["evidence"])


def _done_before(tx: Appending, sealer: Sealer, key: str) -> Anonymized | None:
    """What was erased under this key, None where nothing was."""
    lookup = sealer.find("key", key)
    seq = tx.seqs_of_keys([lookup]).get(lookup)
    if seq is None:
        return None
    body = entry.decode(tx.body(seq))
    if body.members["action"] != entry.ANONYMIZED:
        raise Conflict(f"key: was used before, by entry {seq}, which erases nobody; use a new key")
    told = body.members["context"]
    return Anonymized(
        Appended(seq, body.id, body.recorded_at, repeated=True),
        *(told.get(name, 0) for name in ("entries", "identity_values", "network_values", "evidence_values_kept")),
    )


def _known(tx: Appending, sealer: Sealer, realm: str, host_id: str) -> PersonRow | None:
    lookup = sealer.find_person(realm, host_id)
    return tx.persons([lookup]).get(lookup)


def _nobody(tx: Appending, sealer: Sealer, client_id: str) -> str:
    """Why nobody can be anonymized by an id, and what to do. The id itself is not said again: it may be a name."""
    kind, _, bare = client_id.partition("/")
    if kind == "client" and bare and _known(tx, sealer, "client", bare) is not None:
        return "no client is known by this id, but one by what stands behind client/; give the id alone"
    if any(_known(tx, sealer, realm, client_id) is not None for realm in ("staff", "support")):
        return (
            "this is the id of somebody of the staff, and the log keeps who did what: only clients are anonymized. "
            "When somebody leaves, record staff.deactivated; if the same person is a client too, give the client's id"
        )
    return (
        "no client is known by this id: none was recorded with it, or the client was anonymized before. Give the id by "
        "which your system knows the client, letter by letter, and no name, address or number"
    )


def _count(tx: Appending, token: bytes) -> tuple[int, Counter[str]]:
    """How many entries hold values of a person, and how many values of each class."""
    seqs, values = set(), Counter[str]()
    text = token.hex()
    for seq, personal_class, body in tx.groups_of(token):
        seqs.add(seq)
        try:
            members = orjson.loads(body)
            owner = members["tokens"].index(text)
            for group in members["personal"]:
                if group["owner"] == owner and group["class"] == personal_class:
                    values[personal_class] += len(group["paths"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise StorageFailure(f"entry {seq} cannot be read: its body was changed; run indelible verify") from error
    return len(seqs), values


def check_id(client_id: object) -> str:
    """Return what can be the id of a client. Raises InvalidInput."""
    try:
        return opaque_id(is_text(client_id, "client"))
    except ValueError as error:
        raise InvalidInput(str(error), "client") from error


def _draft(
    context: ClientAnonymized,
    client_id: str,
    actor: Actor,
    request: Request,
    clinic: Clinic,
    now: int,
    size: int,
    key: str | None,
) -> Draft:
    themselves = actor.kind == "client" and actor.id == client_id
    principal = actor.on_behalf_of
    for_them = principal is not None and (principal.kind, principal.id) == ("client", client_id)
    # What an agent's request says would be the client's, for whom it acts.
    silent = themselves or (for_them and actor.kind == "agent")
    event = Document(
        action=context.code,
        context=context,
        actor=System("client:themselves") if themselves else replace(actor, on_behalf_of=None) if for_them else actor,
        request=Request(channel=request.channel) if silent else request,
        # A sealed value, so that whoever can write the database and has no key cannot make such an entry. It belongs to
        # nobody: it must never be erased itself.
        key=key or f"anonymize-{secrets.token_hex(16)}",
    )
    draft = drafting.draft(event, zone=clinic.zone, now=now, by_journal=True)
    person = len(draft.persons)
    draft.stem["target"] = {"kind": "client", "person": person}
    draft.stem["erases"] = {"person": person, "classes": list(entry.ERASED_CLASSES), "up_to_seq": size}
    if themselves:
        draft.stem["actor"] = {"kind": "client", "person": person}
    if for_them:
        draft.stem["actor"]["on_behalf_of"] = {"kind": "client", "person": person}
    persons = (*draft.persons, _ERASED) if NOBODY in draft.persons else (*draft.persons, _ERASED, NOBODY)
    nobody = persons.index(NOBODY)
    values = tuple(one._replace(owner=nobody) if one.path == "key" else one for one in draft.values)
    return replace(draft, persons=persons, values=values)


def replay(store: Store, heads: HeadStore, clinic: Clinic) -> int:
    """Erase again what an older backup brought back; return how many erasures it did not know."""
    size = store.head(clinic.id).size
    lost: Sequence[entry.Erasure] = heads.erasures(clinic.origin, after=size)
    if lost:
        with store.appending(clinic.id) as tx:
            for erasure in lost:
                tx.erase(erasure.token, erasure.classes)
        store.wipe()
    return len(lost)
