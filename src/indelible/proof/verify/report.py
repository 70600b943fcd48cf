"""What a verification says: findings, each with a verdict, and what could be told at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from .. import merkle

Verdict = Literal[
    "edited",  # a body is not what was hashed and signed
    "removed",  # entries are gone from the middle
    "added",  # something is there that the log does not account for
    "reordered",  # an entry stands at another number than its own
    "truncated",  # entries are gone from the end
    "forked",  # the tree is not the one that was signed
    "altered",  # a personal value is not the one that was committed
    "missing",  # a personal value is gone and nothing accounts for it
    "restored",  # a personal value is there that an entry says was erased
    "misfiled",  # a column, link or person row disagrees with the body: lists and searches may be wrong
    "unsigned",  # a signature is missing or wrong
]

# A damaged database of a million entries would fill the terminal; the first ones tell what happened.
FINDINGS_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong. `seq` is the entry, or None where it concerns the log as a whole."""

    verdict: Verdict
    seq: int | None
    what: str


@dataclass(slots=True)
class Report:
    """The outcome. `findings` are what is wrong, `doubts` what could not be told; `notices` leave the evidence as it
    is, and ask for a mend.

    `erased` maps the seq of an entry that lost values to those of the entries that account for it.
    """

    size: int
    entries: int = 0
    values: int = 0
    erased: dict[int, tuple[int, ...]] = field(default_factory=dict)
    checkpoints: int = 0
    signed_size: int = 0
    root: bytes = merkle.EMPTY_ROOT
    findings: list[Finding] = field(default_factory=list)
    findings_left_out: int = 0
    doubts: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def result(self) -> Literal["intact", "not_intact", "could_not_tell"]:
        if self.findings:
            return "not_intact"
        return "could_not_tell" if self.doubts else "intact"

    def add(self, verdict: Verdict, seq: int | None, what: str) -> None:
        if len(self.findings) < FINDINGS_LIMIT:
            self.findings.append(Finding(verdict, seq, what))
        else:
            self.findings_left_out += 1

    def take(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding.verdict, finding.seq, finding.what)
