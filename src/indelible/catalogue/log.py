"""What the log records about itself: who read it, took it out, checked it. Only the journal's own operations write it.

A filter may name a person, so its two forms are personal: `filter` as the list and the command line take it, and
`filter_in_words`. Where the filter of an export names one client, the journal gives that client as the document's
`client`, so that the filter goes when the client is anonymized; where it names several, each is given as a mentioned
person, and in the filter stands "mentioned" for the id. What else a recorded filter may hold: `read/filter_names.py`.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import Count, Id, JsonObject, PersonalText, Word
from .vocabulary import FileFormat, FileProfile


class LogViewed(
    Action,
    code="log.viewed",
    label="Viewed activity log",
    category="log",
    targets=("log",),
    sentence="{actor} viewed the activity log",
    headline=("{filter_in_words}",),
    detail=("{filter_in_words}",),
    by_journal=True,
):
    """One entry for a burst of reading, not one per page."""

    filter: PersonalText | None = None
    filter_in_words: PersonalText | None = None
    pages: Count | None = None


class LogExported(
    Action,
    code="log.exported",
    label="Exported activity log",
    category="log",
    targets=("log",),
    sentence="{actor} exported the activity log up to entry {up_to_seq}",
    headline=("{filter_in_words}",),
    detail=(
        "{filter_in_words}",
        "{format}",
        "rows: {rows}",
    ),
    by_journal=True,
):
    """Appended before the first byte is handed over.

    For a list that is streamed the number of rows is not known then: its manifest says it. For a bundle, which is
    written first and handed over after, `rows` and the seals of its `files` by name are here.
    """

    up_to_seq: Count
    filter: PersonalText | None = None
    filter_in_words: PersonalText | None = None
    format: FileFormat | None = None
    profile: FileProfile | None = None
    checkpoint_size: Count | None = None
    checkpoint_root: Word | None = None  # base64, as in the checkpoint
    purpose: Literal["tax", "dispute", "subject_access", "security", "other"] | None = None
    free_words: Count | None = None  # how many the filter had; they are not recorded, since a word may be a name
    rows: Count | None = None
    files: JsonObject | None = None


class LogVerified(
    Action,
    code="log.verified",
    label="Verified activity log",
    category="log",
    targets=("log",),
    sentence="{actor} verified the activity log: {result}",
    detail=("findings: {findings}",),
    by_journal=True,
):
    result: Literal["intact", "not_intact", "could_not_tell"]
    from_seq: Count | None = None
    to_seq: Count | None = None
    findings: Count | None = None
    first_bad_seq: Count | None = None
    checkpoint_size: Count | None = None
    checkpoint_root: Word | None = None  # base64, as in the checkpoint


class LogLetterSent(
    Action,
    code="log.letter_sent",
    label="Sent letter about the log",
    category="log",
    targets=("log",),
    sentence="{actor} sent a letter about the activity log to {recipients} people",
    detail=(
        "{letter}",
        ("entries {from_seq} to {to_seq}", "up to entry {to_seq}"),
        "signed up to entry {checkpoint_size}",
    ),
    by_journal=True,
):
    """One entry for a letter to some people; their addresses are not in it. An `alert` is about the entries of its
    span that could not wait, the others about all of theirs."""

    recipients: Count
    letter: Literal["day", "week", "alert"] | None = None
    from_seq: Count | None = None
    to_seq: Count | None = None
    checkpoint_size: Count | None = None


class LogContinued(
    Action,
    code="log.continued",
    label="Continued activity log",
    category="log",
    targets=("clinic",),
    sentence="{actor} continued the activity log of {target} after its entry {size}",
    headline=("after entry {size}",),
    by_journal=True,
):
    """The first entry of a log that goes on where another one was lost. It names that one's last signed head."""

    size: Count
    log_origin: Id | None = None
    root: Word | None = None  # base64, as in the checkpoint


class LogHeld(
    Action,
    code="log.held",
    label="Held documents",
    category="log",
    targets=("log",),
    sentence="{actor} held documents back that could not be recorded: {reason}",
    detail=("documents: {documents}",),
    by_journal=True,
):
    """Documents of a host's outbox wait outside the log. One entry a reason and day; it says nothing of what they say.

    `documents` are those that were held at that moment; what the same day brings behind them is not in it.
    """

    reason: Literal["conflict", "invalid", "newer_version", "unknown_action"]
    documents: Count | None = None


class LogGuardMissing(
    Action,
    code="log.guard_missing",
    label="Guard missing",
    category="log",
    targets=("log",),
    sentence="{actor} noticed that the guard of table {table} does not stand: {state}",
    headline=("table {table}: {state}",),
    detail=("mode: {mode}",),
    by_journal=True,
):
    """A table of the host's database is watched no longer, or not as it was: what nobody records is not noticed there.

    One entry a table and day for as long as it lasts, in the log of each clinic that the table has to do with.
    """

    table: Word
    state: Literal["trigger_missing", "trigger_disabled", "changed", "table_gone"]
    mode: Literal["refuse", "record", "count"] | None = None


class LogScrubbed(
    Action,
    code="log.scrubbed",
    label="Removed erased values",
    category="log",
    targets=("log",),
    sentence="{actor} removed the sealed values of somebody who was anonymized by entry {erased_by}",
    headline=("anonymized by entry {erased_by}",),
    detail=("on {entries} entries",),
    by_journal=True,
):
    """What was sealed of somebody who was anonymized is removed. It was dead before: nobody has the key any more."""

    erased_by: Count
    entries: Count | None = None
    identity_values: Count | None = None
    network_values: Count | None = None


class LogKeepRenewed(
    Action,
    code="log.keep_renewed",
    label="Renewed keep",
    category="log",
    targets=("log",),
    sentence="{actor} renewed the keep, which was lost: no name up to entry {up_to_seq} can be read any more",
    headline=("up to entry {up_to_seq}",),
    by_journal=True,
):
    """The keep was lost for good, and with it the keys of every personal value that was recorded up to an entry."""

    up_to_seq: Count
