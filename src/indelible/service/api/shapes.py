"""What the operations answer, as the OpenAPI document says it. Nothing is checked against these when it is answered;
the tests compare what is answered with them.

Times are RFC 3339 with an offset. Hashes are 32 bytes in base64. Sizes count entries; an index counts from 0, a number
from 1.
"""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

Hash = str


class Problem(Schema):
    """Why a request is refused (RFC 9457). It holds no value that was sent."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(description="One sentence, with the mend.", examples=["context.late: must be true or false"])
    field: str | None = Field(None, description="The field or parameter.", examples=["context.late"])
    pointer: str | None = Field(None, description="The same as a JSON pointer (RFC 6901).", examples=["/context/late"])


class Somebody(Schema):
    """Who did it. Null stands for what was erased; the member `state` of the entry says so."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["staff", "client", "system", "integration", "support", "agent"]
    id: str | None = None
    name: str | None = None
    role: str | None = None
    reason: str | None = Field(None, description="Why the system acted.", examples=["policy:late-cancel"])


class Thing(Schema):
    """A thing or a person."""

    model_config = ConfigDict(extra="allow")

    kind: str | None = None
    id: str | None = None
    name: str | None = None


class Entry(Schema):
    """One entry: what the log added, then what was recorded. The same as a line of an export as JSON Lines."""

    model_config = ConfigDict(extra="allow")

    seq: int = Field(description="Its number in the log, counted from 1.", examples=[41], ge=1)
    id: str = Field(examples=["0196a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"])
    recorded_at: str = Field(description="When the log took it.", examples=["2026-05-03T14:22:31.123456+02:00"])
    time_zone: str = Field(description="On whose clock times are said.", examples=["Europe/Lisbon"])
    recorded_zone: str = Field(description="The clinic's zone when it was recorded.")
    category: str = Field(examples=["bookings"])
    label: str = Field(examples=["Cancelled reservation"])
    action: str = Field(examples=["booking.cancelled"])
    occurred_at: str = Field(description="When it happened, as its sender says.")
    actor: Somebody
    target: Thing | None = None
    client: Thing | None = None
    people: list[dict[str, Any]] | None = None
    context: dict[str, Any] = Field(description="What the action says; GET /actions has the fields of each.")
    request: dict[str, Any] | None = Field(None, description="From where: channel, ip, user_agent.")
    key: str | None = None
    operation: str | None = Field(None, description="Ties together the entries of one click.")
    state: dict[str, str] | None = Field(
        None,
        description="Why a value is null, by its path: erased, missing, unreadable or left_out.",
        examples=[{"client.name": "erased"}],
    )


class LookedUp(Schema):
    """Free words of a filter that were found by index; `people` is how many are called so, 0 for an id."""

    words: list[str]
    people: int


class Entries(Schema):
    """A part of the list, newest first."""

    entries: list[Entry]
    older: str | None = Field(description="Send it as `after`, with the same `q`; null at the end of the list.")
    up_to: int = Field(description="The list is of the first so many entries of the log, also behind `older`.")
    searched: int = Field(description="How many entries were opened to look for free words; 0 where none had to be.")
    searched_to: str | None = Field(
        description="How far back that came. With `older`, fewer entries than `limit` are no end of the list."
    )
    looked_up: list[LookedUp]


class StoryEntry(Entry):
    why: Literal["itself", "payment", "together", "merged"] = Field(description="Why it belongs to the story.")


class Story(Schema):
    """What happened to one thing or person, in order of time."""

    subject: str = Field(examples=["booking/bk_99812"])
    answer: str | None = Field(description="What the story comes to, in a sentence; only in the first answer.")
    entries: list[StoryEntry]
    older: str | None = Field(description="Send it as `after` for what is older; null where the story begins.")
    up_to: int


class Proof(Schema):
    """That an entry is in the log which a checkpoint signs. Trust no member but `body` and `checkpoint`, and of that
    only what the log's key signed: hash `body`, climb with `hashes`, compare with the root that is signed."""

    number: int
    id: str
    index: int = Field(description="The leaf's index: the number less one.")
    size: int = Field(description="Of the tree of the checkpoint.")
    leaf_hash: Hash
    hashes: list[Hash] = Field(description="The inclusion proof (RFC 9162 section 2.1.3), leaf side first.")
    root: Hash
    checkpoint: str = Field(description="The signed checkpoint: a note (c2sp.org/signed-note, tlog-checkpoint).")
    proof: str = Field(description="All of it but the body in one text (c2sp.org/tlog-proof).")
    body: str = Field(description="The bytes of the entry that the leaf is the hash of, as UTF-8.")


class Consistency(Schema):
    """That a tree is a beginning of another (RFC 9162 section 2.1.4)."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    to: int
    root_from: Hash
    root_to: Hash
    hashes: list[Hash]


class SignedHead(Schema):
    size: int
    root: Hash
    signed_at: str


class Held(Schema):
    reason: str = Field(examples=["unknown_action"])
    documents: int


class Guarded(Schema):
    """A table of a host that is guarded: its changes of the last days, and how many of them have an entry."""

    table: str
    mode: str
    stands: bool
    changes: int
    recorded: int
    outside: int
    reasoned: int
    held: int


class LastEntry(Schema):
    number: int
    id: str
    recorded_at: str


class Completeness(Schema):
    """Whether all that was sent is in the log, and all that is in the log is signed."""

    entries: int
    last_entry: LastEntry | None
    last_checkpoint: SignedHead | None
    unsigned: int = Field(description="Entries behind the last checkpoint.")
    waiting: int = Field(description="Documents that are on their way, in all outboxes.")
    more: bool = Field(description="Whether more wait than were counted.")
    oldest_seconds: float | None = Field(description="How long the oldest of them waits.")
    held: list[Held]
    outboxes: int
    silent: int = Field(description="Outboxes that did not answer; what waits there is not counted.")
    guarded: list[Guarded] = Field(description="Of the last `days` days.")
    days: int


class Action(Schema):
    """An action that can be recorded. `indelible actions --json` prints the same."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["booking.cancelled"])
    label: str = Field(description="In the language that was asked for.", examples=["Cancelled reservation"])
    category: str
    category_label: str
    targets: list[str] = Field(description="The kinds of things that it is done to.")
    sentence: str
    version: int
    money: Literal["in", "in_undone", "out", "out_undone", "none"]
    by_journal: bool = Field(description="Whether the log alone writes it.")
    schema_: dict[str, Any] = Field(alias="schema", description="The JSON Schema (2020-12) of its context.")


class Actions(Schema):
    actions: list[Action]


class Receipt(Schema):
    """What became of one document."""

    status: Literal["accepted", "recorded", "existing"]
    key: str = Field(description="The document's key, or one that was made for it: ask for the document by it.")
    id: str | None = Field(None, description="The entry's id, where it is in the log.")
    number: int | None = None
    recorded_at: str | None = None
    left_out: list[str] | None = Field(None, description="Paths of values that were not kept.")
    proof: str | None = Field(None, description="With wait=checkpoint: the proof (c2sp.org/tlog-proof).")


class Refused(Schema):
    status: Literal["refused"]
    problem: Problem


class Receipts(Schema):
    """What became of each document, in their order."""

    results: list[Receipt | Refused]


class Whereabouts(Schema):
    """Where a document is: on its way, in the log, or held aside and why."""

    status: Literal["waiting", "recorded", "held"]
    key: str
    id: str | None = None
    number: int | None = None
    recorded_at: str | None = None
    left_out: list[str] | None = None
    reason: str | None = Field(None, description="Why it is held, as a word.", examples=["unknown_action"])
    detail: str | None = None
