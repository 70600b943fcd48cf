"""Proofs over HTTP, for whoever checks them without us.

    GET /clinics/{clinic}/entries/{entry}/body              the bytes that the leaf is the hash of
    GET /clinics/{clinic}/entries/{entry}/proof?size=       that they are in the log
    GET /clinics/{clinic}/checkpoint                        the newest signed head
    GET /clinics/{clinic}/key                               the key that signs
    GET /clinics/{clinic}/consistency?from=&to=             that the log only grew

A body has no personal value: tokens stand for persons, commitments for values. The openings by which a value is checked
against its commitment are in the evidence bundle (`exporting.py`), whose making is recorded, and not here.
"""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query

from ...errors import InvalidInput
from ...log import ClinicLog
from ...proof import merkle
from ...proof.merkle import LARGEST_SIZE
from ...stores import entries as stored
from ...stores import proofs as stored_proofs
from ..accounts.keys import Scope
from . import answers, shapes
from .callers import Bearer, caller_of
from .openapi import also
from .problems import Problem, not_found
from .proofs import entry_proof, newest, prover, signed_at
from .reading import Which, view_of
from .routes import router
from .view_recording import note_reading

TAGS = ["Proving"]

READS = Bearer(Scope.READ)

Size = Annotated[int | None, Query(None, ge=1, le=LARGEST_SIZE, description="Of an older checkpoint.")]


@router.get(
    "/clinics/{clinic}/entries/{entry}/body",
    auth=READS,
    response={200: None, 304: None},
    tags=TAGS,
    operation_id="getEntryBody",
    summary="The bytes of an entry",
    openapi_extra=also("application/octet-stream"),
)
def body(request: HttpRequest, clinic: str, entry: Which) -> HttpResponse:
    """Return the bytes that the entry's leaf is the hash of: SHA-256(0x00 || body). They never change."""
    access = caller_of(request).enter(clinic)
    log = caller_of(request).log(clinic)
    data = stored.one(log.rows, view_of(access, entry).seq).body
    note_reading(access)
    return answers.tagged(request, HttpResponse(data, content_type="application/octet-stream"))


@router.get(
    "/clinics/{clinic}/entries/{entry}/proof",
    auth=READS,
    response=shapes.Proof,
    tags=TAGS,
    operation_id="getEntryProof",
    summary="Prove an entry",
    openapi_extra=also("text/plain", refusals=[406]),
)
def proof(request: HttpRequest, clinic: str, entry: Which, size: Size = None) -> HttpResponse:
    """Return the inclusion proof of an entry in the newest checkpoint, or in the one of a size: JSON, or with
    `Accept: text/plain` one text (c2sp.org/tlog-proof). An entry of this second may not be signed yet: 404 with
    Retry-After."""
    kind = request.get_preferred_type([answers.JSON, "text/plain"])
    if kind is None:
        raise Problem(406, "Ask for application/json or text/plain.", "Accept")
    access = caller_of(request).enter(clinic)
    log = caller_of(request).log(clinic)
    view = view_of(access, entry)
    signed = newest(log) if size is None else signed_at(log, size)
    if signed is None or view.seq > signed.size:
        if size is not None:
            raise InvalidInput("is of a checkpoint before the entry; leave it out for the newest", "size")
        raise Problem(404, "This entry is in no checkpoint yet; ask again in a second.", headers={"Retry-After": "1"})
    made = entry_proof(log, view.seq, signed)
    note_reading(access)
    if kind == "text/plain":
        return _varied(answers.text(made.encode()))
    data = stored.one(log.rows, view.seq).body
    return _varied(answers.json({
        "number": view.seq,
        "id": view.id,
        "index": made.index,
        "size": signed.size,
        "leaf_hash": answers.base64(merkle.leaf_hash(data)),
        "hashes": [answers.base64(one) for one in made.hashes],
        "root": answers.base64(signed.root),
        "checkpoint": signed.note.decode(),
        "proof": made.encode(),
        "body": data.decode(),
    }))  # fmt: skip


def _varied(answer: HttpResponse) -> HttpResponse:
    answer.headers["Vary"] = "Accept"
    return answer


@router.get(
    "/clinics/{clinic}/checkpoint",
    auth=READS,
    response={200: None, 304: None},
    tags=TAGS,
    operation_id="getCheckpoint",
    summary="The newest signed head",
    openapi_extra=also("text/plain"),
)
def checkpoint(request: HttpRequest, clinic: str) -> HttpResponse:
    """Return the newest checkpoint, a signed note. What is not signed is signed before, at most once a second. Keep it:
    a later one must be consistent with it."""
    signed = newest(caller_of(request).log(clinic))
    if signed is None:
        raise not_found()
    return answers.tagged(request, answers.text(signed.note))


@router.get(
    "/clinics/{clinic}/key",
    auth=READS,
    response={200: None, 304: None},
    tags=TAGS,
    operation_id="getVerifierKey",
    summary="The key that signs",
    openapi_extra=also("text/plain"),
)
def key(request: HttpRequest, clinic: str) -> HttpResponse:
    """Return the public key of the log, as one line (c2sp.org/signed-note). Take it once, and from somewhere that you
    trust: who can change the log can change this answer."""
    return answers.tagged(request, answers.text(f"{caller_of(request).log(clinic).clinic.vkey}\n"))


First = Annotated[int, Query(alias="from", ge=1, le=LARGEST_SIZE, description="The size of the older tree.")]
Last = Annotated[int | None, Query(None, alias="to", ge=1, le=LARGEST_SIZE, description="Default: the newest one.")]


@router.get(
    "/clinics/{clinic}/consistency",
    auth=READS,
    response=shapes.Consistency,
    tags=TAGS,
    operation_id="getConsistency",
    by_alias=True,
    summary="Prove that the log only grew",
)
def consistency(request: HttpRequest, clinic: str, first: First, last: Last = None) -> HttpResponse:
    """Return the proof that the tree of the first `from` entries is a beginning of that of the first `to`. Compare the
    roots with those of the checkpoints that you have; any sizes up to the newest checkpoint's are taken."""
    log = caller_of(request).log(clinic)
    signed = newest(log)
    size = signed.size if signed else 0
    end = size if last is None else last
    if signed is None or end > size:
        raise InvalidInput(f"is larger than the newest checkpoint, which is of {size} entries", "to")
    if first > end:
        raise InvalidInput("is larger than `to`", "from")
    tree = prover(log, signed) if end == size else stored_proofs.prover(log.rows, end)
    return answers.json({
        "from": first,
        "to": end,
        "root_from": answers.base64(_root(log, first)),
        "root_to": answers.base64(tree.root()),
        "hashes": [answers.base64(one) for one in tree.consistency(first)],
    })  # fmt: skip


def _root(log: ClinicLog, size: int) -> bytes:
    return stored_proofs.prover(log.rows, size).root()
