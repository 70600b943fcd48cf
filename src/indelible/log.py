"""One clinic's log: record, read, erase, sign.

    log = Journal("activity.db").clinic("c_lisbon")
    log.record(BookingCancelled(late=True), actor=Staff("usr_12", "Maria Fernandes"), target=("booking", "bk_99812"))
    with log.reading() as session:
        page = session.page("category:bookings from:2026-05-01")

Who the clinic is never changes and is `log.clinic`. What it is called, its time zone and its head change, also by other
processes: they are read in the transaction that writes (`own.At`), or in the session that reads (`Session.state`), and
remembered nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from .catalogue import Action
from .erasure import anonymizing, scrubbing
from .erasure.anonymizing import Anonymized
from .errors import Conflict, IndelibleError, InvalidInput, KeyUnavailable, StorageFailure
from .files import unfinished
from .format import entry, instant
from .keep import signing
from .keep.folder import Kept
from .keep.personal import Sealer
from .places import Shared
from .proof.note import Signer
from .read.directory import Directory
from .read.merging import merged_with
from .read.only import Only
from .read.session import Cursor, Filter, Page, Session
from .read.view import View
from .record import document, drafting, own
from .record.append import Appended, append, check_open, know_devices, repeated
from .record.document import Actor, Document, Person, Request, System, Target
from .record.drafting import Draft
from .stores import entries as stored
from .stores.contract import Appending, Batch, CheckpointRow, Clinic, State

# Documents of one append: bounds its memory and how long other writers wait.
BATCH_LIMIT = 10_000
CHECKPOINT_INTERVAL = 1_000_000  # microseconds


class ClinicLog:
    """The log of one clinic. Any thread may use it."""

    def __init__(self, shared: Shared, clinic: Clinic, secret: dict[str, dict[int, bytes]]) -> None:
        """`secret` are the clinic's keys by kind and number."""
        self.shared, self.clinic, self.clock = shared, clinic, shared.clock
        lookup_key = secret["lookup"][max(secret["lookup"])]
        self.sealer = Sealer(clinic.origin, lookup_key, clinic.nobody, self._kept)
        self.signer = Signer(clinic.origin, secret["signing"][max(secret["signing"])])
        self.rows = shared.store.rows(clinic.id)
        self._directory = Directory(self.sealer)
        self.unsigned = False
        self._signed_at = 0

    def _kept(self) -> Kept:
        return anonymizing.kept_of(self.shared.keep, self.clinic)

    def state(self) -> State:
        """What changes of the clinic, as it is now: name, zone, head."""
        return self.rows.state()

    # Recording

    def record(
        self,
        action: Action,
        *,
        actor: Actor,
        target: Target | tuple[str, str] | tuple[str, str, str] | None = None,
        client: Person | tuple[str, str] | None = None,
        people: Iterable[Person] = (),
        request: Request | None = None,
        occurred_at: datetime | None = None,
        operation: str | None = None,
        key: str | None = None,
        returned: bool = False,
    ) -> Appended:
        """Record one action in a transaction of the log's own, and return its entry's number and id.

        A program with a database of its own records into an outbox there instead: `indelible.outbox.Outbox`.
        `returned` says that a client who was anonymized is there again, whenever it occurred. Raises InvalidInput,
        Conflict, StorageFailure.
        """
        if not isinstance(action, Action):
            raise InvalidInput("must be an action of the catalogue, such as BookingCancelled(...)", "action")
        event = document.of_action(
            action,
            actor=actor,
            target=target,
            client=client,
            people=people,
            request=request,
            occurred_at=occurred_at,
            operation=operation,
            key=key,
            returned=returned,
        )
        return self.record_document(event)

    def record_document(self, event: Document | dict[str, Any]) -> Appended:
        """Record one event document. Raises InvalidInput, Conflict, StorageFailure."""
        parsed = event if isinstance(event, Document) else document.parse(event)
        result = self.append([self.draft(parsed)])[0]
        if isinstance(result, Conflict):
            raise result
        return result

    def draft(self, event: Document, *, imported: bool = False) -> Draft:
        """Check a document and return its draft. Raises InvalidInput."""
        if not isinstance(event, Document):
            raise InvalidInput("must be a Document, as indelible.record.document.parse makes of a JSON object", "event")
        return drafting.draft(event, now=self.clock(), imported=imported)

    def append(self, drafts: Sequence[Draft]) -> list[Appended | Conflict]:
        """Append drafts in one transaction and return what became of each, in their order. Raises StorageFailure."""
        if not isinstance(drafts, list | tuple) or not all(isinstance(one, Draft) for one in drafts):
            raise InvalidInput("must be a list of drafts, as draft() returns them", "drafts")
        if len(drafts) > BATCH_LIMIT:
            raise InvalidInput(f"a batch has at most {BATCH_LIMIT} documents; send it in parts")
        without_key = [one.id for one in drafts if one.key is None]
        if len(set(without_key)) < len(without_key):
            raise InvalidInput("hold one twice; draft each document by itself", "drafts")
        know_devices(drafts)
        with self.appending() as (tx, at):
            return append(tx, drafts, self.clinic, self.sealer, at.now)

    def recorded(self, keys: Sequence[str]) -> Mapping[str, int]:
        """Return the numbers of the entries that were recorded under idempotency keys, of those that were."""
        lookups = {self.sealer.find("key", key): key for key in keys}
        return {lookups[found]: seq for found, seq in self.rows.seqs("key", [*lookups]).items()}

    def appended(self, seq: int) -> Appended:
        """Return what `append` answered for the entry of a number. Raises NotFound, MalformedProof."""
        body = entry.decode(stored.one(self.rows, seq).body)
        return Appended(seq, body.id, body.recorded_at, left_out=tuple(body.members.get("left_out", ())))

    def repeated(self, draft: Draft, seq: int) -> Appended:
        """Return the entry of a number, recorded under the draft's key. Raises Conflict where it says other things."""
        return repeated(self.rows, self.sealer, draft, seq)

    def append_own(self, make: own.Make) -> Appended | Conflict:
        """Append one of the log's own entries, made under the clinic's head. Raises StorageFailure."""
        with self.appending() as (tx, at):
            return append(tx, [make(at)], self.clinic, self.sealer, at.now)[0]

    @contextmanager
    def appending(self) -> Iterator[tuple[Appending, own.At]]:
        """A transaction that holds the clinic's head, and what is so under it; afterwards the head is signed if due.

        Raises StorageFailure where the clock cannot be believed, or the clinic was closed.
        """
        with self.shared.store.appending(self.clinic.id) as tx:
            state = tx.state()
            check_open(self.clinic, state)
            now = self.clock()
            if state.size:
                self.shared.time.check(now, state.recorded_at)
            yield tx, own.At(self.clinic, state, now)
        self.unsigned = True
        self.sign_when_due()

    def rename(self, name: str, *, actor: Actor, request: Request | None = None, was: str | None = None) -> None:
        """Give the clinic another name from now on, and record it. Entries keep the name of their time.

        `was` is the name that whoever asks has seen; Conflict where it is another one by now.
        """
        check_name(name)
        self._change(name, "name", was, lambda at: own.renamed(at, name, actor, request))

    def set_time_zone(
        self, zone: str, *, actor: Actor | None = None, request: Request | None = None, was: str | None = None
    ) -> None:
        """Move the clinic to another zone from now on, and record it. Entries keep the zone of their time.

        `was` is the zone that whoever asks has seen; Conflict where it is another one by now.
        """
        instant.zone(zone, "time-zone")
        by = actor or System("command:set-time-zone")
        self._change(zone, "zone", was, lambda at: own.moved(at, zone, by, request))

    def _change(self, new: str, what: str, was: str | None, make: own.Make) -> None:
        """Set what the clinic's state says of itself, with an entry that says what it was: both under the head."""
        with self.appending() as (tx, at):
            old = getattr(at.state, what)
            if was is not None and was != old:
                raise Conflict("the clinic's settings were changed at the same moment; look at them, and try again")
            if new != old:
                tx.write(Batch(state=at.state._replace(name=new) if what == "name" else at.state._replace(zone=new)))
                append(tx, [make(at)], self.clinic, self.sealer, at.now)

    # Erasing

    def anonymize(
        self,
        client_id: str,
        *,
        requested_by: own.RequestedBy,
        actor: Actor,
        request: Request | None = None,
        key: str | None = None,
        asked_at: int | None = None,
    ) -> Anonymized:
        """Make a client's personal values unreadable for ever, on every entry, and record that it was done.

        It does not matter how many entries there are: two keys go. `actor` is whoever did it, also the client: nothing
        about the client is then kept with it. With a `key`, for an order that may come twice, it is done once; it names
        no person. `asked_at` is the instant in microseconds of an order that waited: what occurred from then on is no
        longer of who was erased.
        Raises NotFound, with nothing written, where nobody is known by the id (any more), or somebody of the staff;
        InvalidInput, StorageFailure. Where the keep could not be written, that is raised, and the erasure is recorded:
        it is done when the log is opened next.
        """
        if requested_by not in get_args(own.RequestedBy):
            raise InvalidInput(f"must be one of {', '.join(get_args(own.RequestedBy))}", "requested_by")
        anonymizing.check_id(client_id)
        document.as_actor(actor)
        request = document.as_request(request)
        if key is not None:
            drafting.check_key(key)
        self.replay()  # what another process or an earlier attempt did not get to
        merged = merged_with(self.reading(), client_id)
        with self.appending() as (tx, at):
            self.sealer.refresh()
            done = anonymizing.anonymize(
                tx,
                client_id,
                at,
                self.sealer,
                requested_by=requested_by,
                actor=actor,
                request=request,
                key=key,
                asked_at=asked_at,
            )
        self.sign_when_due(0)
        try:
            self._cut_out(done.entry.seq - 1)
        except (StorageFailure, KeyUnavailable) as error:
            raise type(error)(
                f"the erasure is recorded, as entry {done.entry.seq}, and the client's keys are not gone yet: {error}. "
                "They go when the log is opened next"
            ) from error
        self._directory.forget(self.rows)
        left = tuple(str(path) for path in unfinished.sweep(self.shared.places.database))
        older_copy = anonymizing.is_copy_older(self.sealer.kept)
        return replace(done, unfinished=left, merged=merged, older_copy=older_copy)

    def replay(self) -> int:
        """Cut out of the keep whom the log erased and it still has: nobody but for a crash, or an older copy of it.

        Returns how many. Raises KeyUnavailable, StorageFailure.
        """
        return self._cut_out(None)

    def _cut_out(self, behind: int | None) -> int:
        shared = self.shared
        return anonymizing.replay(shared.store, shared.keep, shared.heads, self.clinic, self.sealer, behind)

    def scrub(self) -> int:
        """Remove what is sealed and dead of who was erased; return of how many people (`erasure/scrubbing.py`)."""
        return scrubbing.scrub(self.rows, self.sealer, self.appending)

    # Checkpoints

    def checkpoint(self) -> CheckpointRow | None:
        """Sign the committed head if that was not done; return the newest checkpoint. Raises SigningRefused."""
        before, self.unsigned = self.unsigned, False  # what another thread records meanwhile sets it again
        shared = self.shared
        try:
            now = self.clock()
            seen = shared.time.saw(now)
            row = signing.sign_head(shared.store, shared.heads, self.clinic, self.signer, now, self.sealer, seen)
        except BaseException:
            self.unsigned |= before
            raise
        self._signed_at = self.clock()
        return row

    def sign_when_due(self, interval: int = CHECKPOINT_INTERVAL) -> None:
        """Sign the committed head if the last checkpoint is `interval` microseconds old. Never inside a transaction."""
        if 0 <= self.clock() - self._signed_at < interval:
            return  # not where the clock went back: nothing would be signed until it is where it was
        try:
            self.checkpoint()
        except IndelibleError:
            # The entry is recorded and stays recorded. `unsigned` is still set, so `close` says it aloud.
            self._signed_at = self.clock()

    # Reading

    def reading(
        self,
        *,
        up_to: int | None = None,
        hidden: frozenset[str] = frozenset(),
        only: Only | None = None,
        within: Appending | None = None,
    ) -> Session:
        """Begin a reading session: one view of the log as it is now, or of its first `up_to` entries, without the
        categories in `hidden`, and of nothing but what refers to `only`; `within` a transaction that holds the head,
        nobody is erased while it is used. Raises StorageFailure."""
        rows = self.rows if within is None else within
        return Session(
            rows, self.clinic, self.sealer, self._directory, self.clock(), up_to=up_to, hidden=hidden, only=only
        )

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.state().size

    def read(
        self, words: Filter = "", *, limit: int | None = None, up_to: int | None = None, after_seq: int = 0
    ) -> Iterator[View]:
        """Yield the entries that a filter means, newest first, in constant memory: `Session.read` of a new session.

        The session begins with the call, and a filter that cannot be read is refused by it.
        """
        return self.reading(up_to=up_to).read(words, limit=limit, after_seq=after_seq)

    def page(self, words: Filter = "", *, after: Cursor | None = None, limit: int = 50) -> Page:
        """Return one page of the entries that a filter means: `Session.page` of a new session."""
        return self.reading().page(words, after=after, limit=limit)

    def entry(self, which: int | str) -> View:
        """Return one entry by its seq or its id. Raises NotFound."""
        return self.reading().entry(which)

    def know_names(self) -> None:
        """Open the names of all people now, so that who searches first does not wait: some seconds for 60,000."""
        self._directory.follow(self.rows, self.state())


def check_name(name: str) -> None:
    """Check what a clinic is to be called. Raises InvalidInput."""
    if not document.is_plain_text(name) or not name.strip() or len(name) > 200 or not name.isprintable():
        raise InvalidInput("must be 1 to 200 printable characters", "name")
