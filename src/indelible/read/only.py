"""Only: the one client, booking or person whose entries a session sees, and nothing besides them.

    Only("client", "cli_77")        what refers to this client in any role
    Only.parse("booking/bk_1")

It is the other side of `hidden`: that leaves categories out, this leaves everything out but one story's own entries
(those with a link to the thing: `format.entry.links`). What belongs to a story for another reason, such as a refund
that names no booking, is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

from ..errors import InvalidInput
from ..record.document import is_plain_text
from .query import Choice

Kind = Literal["client", "booking", "staff"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Only:
    """A client or somebody of the staff, by the host's id, or a booking. Raises InvalidInput."""

    kind: Kind
    id: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInput(f"must be one of {', '.join(KINDS)}", "only.kind")
        if not is_plain_text(self.id) or not self.id:
            raise InvalidInput("must be an id, as text", "only.id")
        Choice(onlys=frozenset({self.value}))  # an export's filter says it

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `kind/id` names. Raises InvalidInput."""
        kind, slash, bare = text.partition("/")
        if not slash:
            raise InvalidInput("must be kind/id, such as client/cli_77", "only")
        return cls(cast(Kind, kind), bare)

    @property
    def value(self) -> str:
        """What `only:` of a filter takes."""
        return f"{self.kind}/{self.id}"

    @property
    def is_person(self) -> bool:
        return self.kind != "booking"
