"""Making a bundle, in this order; a crash after any step leaves what it says:

1. a checkpoint is taken, whose size bounds the rows                 nothing
2. the rows are written into the part file                           a part file
3. `log.exported` is appended, with the seals of the files           the entry, and no bundle: an export that was begun
4. a checkpoint is taken that covers it, and the proofs are added    the same
5. the part file is synced and renamed                               the bundle

The bundle holds its own `log.exported`, which seals it: `proof/bundle.py`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ..errors import InvalidInput, MalformedProof, StorageFailure
from ..files.whole import whole_files
from ..format import entry
from ..keep import erasures as erasing
from ..log import ClinicLog
from ..proof.bundle import Kind, Statement
from ..read import query
from ..read.filter_names import without_clients
from ..read.only import Only
from ..read.query import Query
from ..read.session import CHUNK
from ..record.document import Actor, Request
from ..recorder import Recorder
from ..stores import entries as stored
from ..stores import proofs
from ..stores.contract import CheckpointRow, EntryRow, Selection
from .bundle_file import Writer
from .file_name import output_path
from .formats import BUNDLE, BUNDLES
from .manifest import version
from .readme import readme

_PATH = re.compile(r"[a-z_]+(?:\.\w+)+")
_ANONYMIZED = "a client was anonymized while the bundle was written; make it again"


@dataclass(frozen=True, slots=True)
class Bundled:
    """What a bundle holds, and where it is. `recorded_as` is the seq of its `log.exported`."""

    statement: Statement
    checkpoint: CheckpointRow
    recorded_as: int
    path: Path


def export_bundle(
    log: ClinicLog,
    words: Query | str | Sequence[str],
    output: Path,
    *,
    actor: Actor,
    given: Sequence[str] = entry.CLASSES,
    withheld: Sequence[str] = (),
    progress: Callable[[int], None] = lambda done: None,
    request: Request | None = None,
    hidden: frozenset[str] = frozenset(),
    only: Only | None = None,
) -> Bundled:
    """Write the entries that a filter means, each proven and nothing else shown; return what was written.

    What is of a category in `hidden` is left out, and what does not refer to `only`; the filter says so.

    `given` are the classes of personal values whose openings go along, but for those at the paths `withheld`, such as
    context.reason_text. In a folder the bundle gets the name that `file_name.py` gives it. Raises InvalidQuery,
    SigningRefused and StorageFailure.
    """
    wanted = words if isinstance(words, Query) else log.reading().parse(words)
    return _Bundling(log, wanted, "selection", given, withheld, actor, progress, request, hidden, only).write(output)


def export_complete(
    log: ClinicLog,
    output: Path,
    *,
    actor: Actor,
    first_seq: int = 1,
    last_seq: int | None = None,
    given: Sequence[str] = entry.CLASSES,
    withheld: Sequence[str] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Bundled:
    """Write every entry of a range of numbers, so that none can have been left out; by default the whole log.

    Raises InvalidInput, SigningRefused and StorageFailure.
    """
    return _Bundling(log, Query(), "complete", given, withheld, actor, progress).write(output, first_seq, last_seq)


class _Bundling:
    def __init__(
        self,
        log: ClinicLog,
        wanted: Query,
        kind: Kind,
        given: Sequence[str],
        withheld: Sequence[str],
        actor: Actor,
        progress: Callable[[int], None],
        request: Request | None = None,
        hidden: frozenset[str] = frozenset(),
        only: Only | None = None,
    ) -> None:
        if not set(given) <= set(entry.CLASSES):
            raise InvalidInput(f"must be some of {', '.join(entry.CLASSES)}", "given")
        self.log, self.wanted, self.kind, self.actor = log, wanted, kind, actor
        if wrong := [path for path in withheld if not _PATH.fullmatch(path)]:
            raise InvalidInput(
                f"must be {', '.join(entry.CLASSES)}, or a value's place, such as context.reason_text; it was "
                f"{wrong[0][:40]!r}",
                "withheld",
            )
        self.given, self.withheld = tuple(sorted(set(given))), tuple(sorted(set(withheld)))
        self.progress, self.request, self.hidden, self.only = progress, request, hidden, only

    def write(self, output: Path, first: int = 1, last: int | None = None) -> Bundled:
        checkpoint = self.log.checkpoint()
        # Who is erased by an entry that is among these is dead before a value is read: the erasure may be on its way.
        self.log.replay()
        self.size = size = 0 if checkpoint is None else checkpoint.size
        last = size if last is None else last
        if not (1 <= first <= last <= size or (first, last, size) == (1, 0, 0)):
            raise InvalidInput(f"must be within 1 and {size}, the numbers of this log's signed entries", "entries")
        entries = (first, last) if self.kind == "complete" else None
        self.path = output = output_path(self.log, self.wanted, output, BUNDLES.ending, entries)
        with whole_files(output.resolve(), database=self.log.shared.places.database) as (file,):
            return self._write(file, checkpoint, first, last)

    def _write(self, file: BinaryIO, checkpoint: CheckpointRow | None, first: int, last: int) -> Bundled:
        self.session = session = self.log.reading(up_to=last, hidden=self.hidden, only=self.only)
        self.wanted = session.resolve(session.narrow(self.wanted))
        sought = session.seek(self.wanted)
        selection, words = replace(sought.selection, from_seq=first), sought.words
        with Writer(file, session.sealer, frozenset(self.given), frozenset(self.withheld), session.zone) as writer:
            writer.rows(self._stored(selection), words.test() if words else lambda view: True)
            erasures = self._erasures(writer)
            statement = self._statement(first, last, len(writer.seqs), tuple(seq for seq, _ in erasures))
            files = writer.seal(statement, readme(statement, self.log.clinic.vkey))
            recorded = Recorder(self.log, self.actor, self.request).exported(
                session, self.wanted, checkpoint, format=BUNDLE, profile=self.kind, up_to=last,
                rows=statement.rows, files=files,
            )  # fmt: skip
            return self._prove(writer, statement, recorded.seq, erasures)

    def _prove(self, writer: Writer, statement: Statement, seq: int, erasures: list[tuple[int, bytes]]) -> Bundled:
        """Take the checkpoint that covers the record of this export, and add the proofs against it."""
        log = self.log
        if any(found.seq <= seq and _concerns(found, writer) for found in erasing.behind(log.rows, self.size)):
            raise StorageFailure(_ANONYMIZED)
        signed = log.checkpoint()
        assert signed is not None  # noqa: S101 - there is an entry, the one just recorded
        record = (seq, stored.one(log.rows, seq).body)
        try:
            prover = proofs.prover(log.rows, signed.size)
            if prover.root() != signed.root:
                raise MalformedProof("the tree has another root")
            writer.prove(statement, prover, record, erasures, signed.note, log.clinic.vkey)
        except MalformedProof as error:
            raise StorageFailure(
                "the entries do not come to the signed root, so no bundle is made; run indelible verify"
            ) from error
        return Bundled(statement, signed, seq, self.path)

    def _stored(self, selection: Selection) -> Iterator[EntryRow]:
        before: tuple[int, int] | None = None
        done = 0
        while found := self.session.stored(selection, before, CHUNK):
            self.log.sealer.refresh()
            yield from found
            before = (found[-1].occurred_at, found[-1].seq)
            done += len(found)
            self.progress(done)

    def _erasures(self, writer: Writer) -> list[tuple[int, bytes]]:
        """The entries that account for the values which are not there. Refuses where one came while rows were read."""
        found = []
        for one in erasing.of(self.log.rows, sorted(writer.gone)):
            decoded = entry.decode(one.body)
            if decoded.seq > self.size:
                raise StorageFailure(_ANONYMIZED)
            found.append((decoded.seq, one.body))
        return sorted(found)

    def _statement(self, first: int, last: int, rows: int, erasures: tuple[int, ...]) -> Statement:
        info = self.log.clinic
        # Who withholds identities means also the ids and words in the filter.
        shown = self.wanted if "identity" in self.given else without_clients(self.session, self.wanted)
        return Statement(
            kind=self.kind,
            log_origin=info.origin,
            clinic=info.id,
            clinic_name=self.session.name,
            time_zone=self.session.zone,
            filter=query.format(shown),
            filter_in_words=query.in_words(shown, self.session.zone),
            first_seq=first,
            last_seq=last,
            rows=rows,
            given=self.given,
            withheld=self.withheld,
            erasures=erasures,
            indelible=version(),
            nonce=secrets.token_bytes(32),
        )


def _concerns(found: EntryRow, writer: Writer) -> bool:
    """Whether an erasing entry is about somebody who owns values in the bundle."""
    try:
        erasure = entry.erasure(entry.decode(found.body))
    except MalformedProof:  # nobody recorded it here; verify reports it
        return True
    return erasure is None or erasure.token in writer.owners
