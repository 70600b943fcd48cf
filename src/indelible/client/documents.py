"""The JSON of what is to be recorded: one document, always with a key, so that the same one can be sent again.

An action of the catalogue is checked whole, as an outbox does it. Of a document that is given as a dict only what can
be said without the catalogue is checked here; the rest is the service's to refuse.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from ..errors import InvalidInput

if TYPE_CHECKING:
    from ..catalogue import Action

# As in the contract: what is larger is refused there, and would be kept in a spool for nothing.
DOCUMENT_LIMIT = 48 * 1024
_CLINIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)  # `record/document.py`, without the catalogue


def document(action: Action | Mapping[str, Any], **beside: Any) -> dict[str, Any]:
    """Return the event document of an action and what is said beside it, as in `ClinicLog.record`, or of a dict itself.

    It has a key: its own, or one made for it. Raises InvalidInput naming the field.
    """
    said = {name: value for name, value in beside.items() if value is not None and value != () and value is not False}
    if _is_action(action):
        from ..outbox.prepared import prepare

        made: dict[str, Any] = json.loads(prepare("c", action, **said).document)
    elif isinstance(action, Mapping):
        if said:
            raise InvalidInput("is a whole document; say actor, target and the rest in it and not beside it", "action")
        made = dict(action)
    else:
        raise InvalidInput("must be an action of the catalogue, such as BookingCancelled(...), or a document", "action")
    if made.get("key") is None:
        made["key"] = str(uuid.uuid4())
    return made


def _is_action(thing: object) -> TypeGuard[Action]:
    # Whoever has an action has loaded the catalogue.
    catalogue = sys.modules.get("indelible.catalogue")
    return catalogue is not None and isinstance(thing, catalogue.Action)


def encode(made: Mapping[str, Any]) -> bytes:
    """Return a document as JSON, the same bytes for the same document. Raises InvalidInput."""
    try:
        text = json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
        data = text.encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(
            "the document must be JSON: objects, lists, texts, whole numbers, true, false and null"
        ) from None
    if len(data) > DOCUMENT_LIMIT:
        raise InvalidInput(f"the document has more than {DOCUMENT_LIMIT} bytes; leave out what is not needed")
    return data


class Prepared(NamedTuple):
    """A document as it is sent: its clinic, its key, its JSON, and whether it says itself when it happened."""

    clinic: str
    key: str
    data: bytes
    dated: bool


def prepared(made: dict[str, Any], clinic: str | None) -> Prepared:
    """Return a document as it is sent, of the clinic that it names or else of the client's. Raises InvalidInput."""
    members = dict(made)
    named = clinic_of(members.pop("clinic", None), clinic)
    key = members.get("key")
    if not isinstance(key, str) or not key:
        raise InvalidInput("must be a text that is not empty", "key")
    return Prepared(named, key, encode(members), members.get("occurred_at") is not None)


def clinic_of(*said: object) -> str:
    """Return the one clinic that is said, by a document, a call or the client. Raises InvalidInput."""
    names = {one for one in said if one is not None}
    if not names:
        raise InvalidInput(
            'is missing; say it with the client, such as clinic="c_lisbon", or in the document', "clinic"
        )
    if len(names) > 1:
        raise InvalidInput("is another one in the document than the client's", "clinic")
    name = names.pop()
    if not isinstance(name, str) or not _CLINIC.fullmatch(name):
        raise InvalidInput("must be 1 to 64 letters, digits, dots, hyphens or underscores", "clinic")
    return name


# Of one request, where more are sent than one can hold: well below what the service takes.
_REQUEST_DOCUMENTS = 1_000
_REQUEST_BYTES = 4 * 1024 * 1024
# What the service takes at once.
BATCH_LIMIT = 10_000
BATCH_BYTES_LIMIT = 16 * 1024 * 1024


def requests(ready: Sequence[Prepared], atomic: bool) -> Iterator[list[Prepared]]:
    """Yield documents as they are sent together: in their order, each time of one clinic. Raises InvalidInput."""
    if atomic and len({one.clinic for one in ready}) > 1:
        raise InvalidInput("all or none is of one clinic; record each clinic's by themselves", "atomic")
    most, size = (BATCH_LIMIT, BATCH_BYTES_LIMIT - 2) if atomic else (_REQUEST_DOCUMENTS, _REQUEST_BYTES)
    part: list[Prepared] = []
    total = 0
    for one in ready:
        full = len(part) == most or total + len(one.data) + 1 > size
        if atomic and full:
            raise InvalidInput(f"all or none is of {BATCH_LIMIT} documents or 16 MiB at most; send fewer", "atomic")
        if part and (full or one.clinic != part[0].clinic):
            yield part
            part, total = [], 0
        part.append(one)
        total += len(one.data) + 1
    if part:
        yield part
