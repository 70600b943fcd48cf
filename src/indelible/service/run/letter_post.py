"""Sends the letters: each Monday or day to who gets one, and at once what cannot wait.

What is to be sent is a row of the accounts (`accounts.models.Letter`) before anything is sent, and waits there until
the mail server took it. So nothing is lost where the server is down or this process ends: it is tried again, for a
week, and where a crash leaves open whether it went out it goes out twice, under one Message-ID. What it says is written
when it is sent, of what its reader may see then; no name, address or sentence is in a row, in the log, or in the
service's logs.

A letter is due at seven in the clinic's morning, about what the log took since the last one that was sent. What cannot
wait is looked for in every entry that the log takes, from the service's own accounts and from hosts alike; how far it
was looked for is a row, too, so that a restart neither loses nor repeats it. It goes to the owners and to the person
whose account it is, MOST_ALERTS e-mails an hour each: what is more waits, and comes as one.
"""

from __future__ import annotations

import hashlib
import logging
import smtplib
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from ...errors import IndelibleError
from ...format import instant
from ...read.session import Session

SECONDS = 5.0  # between two looks
MOST_ALERTS = 5  # e-mails an hour to one member about one clinic
MORNING = 7  # the hour of the clinic's clock from which on a letter is due
_SECOND = 1_000_000  # microseconds, as all instants here
_HOUR, _DAY = 3_600 * _SECOND, 86_400 * _SECOND
# What a mail server says about one letter, and not about all.
_OF_ONE = (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)
# Behind each failure, in seconds; the last one goes on.
_AGAIN = (60, 300, 900, 3_600, 6 * 3_600)
# A letter that is being sent is nobody else's for so long; a crash here leaves it to be sent again then.
_HELD = 120 * _SECOND
_GIVEN_UP_AFTER = 7 * _DAY
_KEPT = 400 * _DAY  # what was sent, for who looks when
# A letter goes back as far as the last one that was sent, and no further.
_LONGEST = 35  # days

_LOG = logging.getLogger("indelible.letters")


class Post:
    """Makes and sends what is due, once for each call of `once`. For one thread; Django is set up."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        from ..shared_journal import journal

        self._clock = clock or journal().clock
        self._told = ""
        self._silent_until = 0

    def once(self) -> None:
        """Look what is due, send it, and record what was sent. What is refused is logged once, and tried again."""
        from django.db import connection

        from ..accounts import mail

        try:
            if mail.is_set_up():
                self._find_alarms()
                self._make_letters()
                self._send()
            self._record()
        except Exception as error:  # whatever it is, it is tried again
            self._say("letters are not sent", error)
        finally:
            connection.close()  # its file may be another one by the next time

    # What is due

    def _find_alarms(self) -> None:
        """Look through what every log took since the last time."""
        from ..accounts.models import LookedThrough
        from ..shared_journal import journal

        looked = {one.clinic_id: one for one in LookedThrough.objects.all()}
        there = [(clinic, state) for clinic, state in journal().clinics() if state.closed_at is None]
        # What was recorded before anybody looked is the letter's to tell.
        new = [LookedThrough(clinic_id=clinic.id, seq=state.size) for clinic, state in there if clinic.id not in looked]
        LookedThrough.objects.bulk_create(new, ignore_conflicts=True)
        for clinic, state in there:
            before = looked.get(clinic.id)
            if before is None:
                continue
            if before.seq > state.size:  # an older copy of the log was put back
                LookedThrough.objects.filter(pk=before.pk).update(seq=state.size)
            elif before.seq < state.size:
                self._look(clinic.id, before.seq)

    def _look(self, clinic_id: str, seq: int) -> None:
        """Make the alerts about a clinic's entries behind `seq`: with how far was looked, in one transaction."""
        from django.db import transaction

        from ...read.digest import alarming
        from ..accounts.models import LookedThrough, Membership
        from ..shared_journal import journal
        from ..web.letter_writing import concerned, is_alarm

        try:
            _, session = journal().reading(clinic_id)
            found = [view for view, _ in alarming(session, seq + 1, session.up_to)]
        except IndelibleError as error:
            self._say("a log cannot be looked through", error)
            return
        members = list(Membership.objects.select_related("user").filter(clinic_id=clinic_id))
        owners = frozenset(one.user.public_id for one in members if one.role == "owner")
        recent = [
            view
            for view in found
            if is_alarm(view, owners) and (view.recorded_at or 0) > self._clock() - _DAY  # not of an old copy
        ]
        with transaction.atomic():
            if not LookedThrough.objects.filter(clinic_id=clinic_id, seq=seq).update(seq=session.up_to):
                return  # another process was first
            for one in members:
                theirs = [view.seq for view in recent
                          if one.role == "owner" or concerned(view) == one.user.public_id]  # fmt: skip
                if theirs:
                    self._alert(one, min(theirs), max(theirs))

    def _alert(self, membership: Any, first: int, last: int) -> None:
        from ..accounts.models import Letter

        alerts = Letter.objects.filter(membership=membership, kind=Letter.ALERT)
        # One that was begun to be sent may be written already, and would not tell of this.
        if waiting := alerts.filter(tries=0, next_try_at__isnull=False).first():
            Letter.objects.filter(pk=waiting.pk).update(last=max(last, waiting.last))
            return
        now = self._clock()
        lately = list(alerts.filter(made_at__gt=now - _HOUR).order_by("-made_at").values_list("made_at", flat=True))
        at = lately[MOST_ALERTS - 1] + _HOUR if len(lately) >= MOST_ALERTS else now
        _make(membership, Letter.ALERT, first, last, now, next_try_at=at)

    def _make_letters(self) -> None:
        from ..accounts.models import Membership
        from ..shared_journal import journal

        members = Membership.objects.select_related("user").filter(user__is_active=True).order_by("clinic_id")
        wanting = [one for one in members if one.wants_letters != "never"]
        for clinic_id, group in groupby(wanting, key=lambda one: str(one.clinic_id)):
            try:
                _, session = journal().reading(clinic_id)
            except IndelibleError:  # it was closed, or cannot be opened now
                continue
            for one in group:
                if not one.has_ended(session.today):
                    self._make_letter(one, session)

    def _make_letter(self, membership: Any, session: Session) -> None:
        from django.db import transaction

        from ..accounts.models import Letter

        kind, now = membership.wants_letters, self._clock()
        until = due(kind, now, session.zone)
        letters = Letter.objects.filter(membership=membership).exclude(kind=Letter.ALERT)
        if letters.filter(until__gte=until).exists():
            return
        joined = instant.from_datetime(membership.since, "since")
        if joined >= until:
            return
        sent = letters.filter(sent_at__isnull=False).order_by("-until").first()
        days = 7 if kind == Letter.WEEK else 1
        usual = _midnight(session.zone, session.day(until) - timedelta(days=days))
        since = usual if sent is None else max(sent.until, until - _LONGEST * _DAY)
        first, last = session.first_recorded(since), session.first_recorded(until) - 1
        with transaction.atomic():
            if not letters.filter(until__gte=until).exists():  # another process may have been first
                letters.filter(sent_at__isnull=True).delete()  # the new one tells all that they would have told
                _make(membership, kind, first, last, now, since=since, until=until, next_try_at=now)

    # Sending

    def _send(self) -> None:
        """Send what waits, in the order in which it was made; a server that takes nothing is not asked for each."""
        from ..accounts.models import Letter

        if (now := self._clock()) < self._silent_until:
            return
        waiting = Letter.objects.select_related("membership__user").filter(next_try_at__lte=now)
        for one in waiting.order_by("made_at", "pk"):
            mine = Letter.objects.filter(pk=one.pk, next_try_at=one.next_try_at).update(
                next_try_at=now + _HELD, tries=one.tries + 1
            )
            if not mine:  # another process sends it
                continue
            one.refresh_from_db(fields=["last"])  # an alert that came meanwhile may be in it now
            try:
                size = send(one)
            except _OF_ONE as error:
                self._put_off(one, error)
            except OSError as error:
                self._put_off(one, error)
                self._silent_until = now + _AGAIN[0] * _SECOND
                return
            except Exception as error:  # what is wrong with one must not keep the others
                self._put_off(one, error)
            else:
                if size is None:
                    one.delete()
                    continue
                Letter.objects.filter(pk=one.pk).update(sent_at=self._clock(), next_try_at=None, checkpoint_size=size)
                self._told = ""

    def _put_off(self, one: Any, error: Exception) -> None:
        from ..accounts.models import Letter

        now = self._clock()
        pause = _AGAIN[min(one.tries, len(_AGAIN) - 1)] * _SECOND
        again = None if now - one.made_at > _GIVEN_UP_AFTER else now + pause
        Letter.objects.filter(pk=one.pk).update(next_try_at=again)
        self._say("a letter was given up" if again is None else "a letter waits", error)

    # Recording

    def _record(self) -> None:
        """Record what was sent and is not in the log yet: one entry for all who got the same at a time."""
        from ..accounts.models import Letter

        sent = Letter.objects.select_related("membership").filter(sent_at__isnull=False, is_recorded=False)
        key = lambda one: (one.membership.clinic_id, one.kind, one.first, one.last)  # noqa: E731 - used twice
        for (clinic_id, kind, first, last), group in groupby(sorted(sent, key=key), key=key):
            letters = list(group)
            try:
                record(clinic_id, kind, first, last, letters)
            except IndelibleError as error:
                self._say("a letter that was sent is not recorded", error)
            else:
                Letter.objects.filter(pk__in=[one.pk for one in letters]).update(is_recorded=True)
                Letter.objects.filter(is_recorded=True, made_at__lt=self._clock() - _KEPT).delete()

    def _say(self, what: str, error: Exception) -> None:
        """Log what is new: the kind of an error, and a mail server's number. Its text may quote an address."""
        own = isinstance(error, IndelibleError)
        why = str(error) if own else f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".strip()
        if (told := f"{what}: {why}") != self._told:
            self._told = told
            _LOG.error("%s", told, exc_info=error if not isinstance(error, OSError) else None)


def _make(membership: Any, kind: str, first: int, last: int, now: int, **more: int) -> Any:
    from django.conf import settings

    from ..accounts.models import Letter

    name = f"{membership.pk} {kind} {first} {last} {more.get('until', 0)} {now}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    message_id = f"<{digest}@{settings.ENVIRONMENT.host}>"
    return Letter.objects.create(
        membership=membership, kind=kind, first=first, last=last, made_at=now, message_id=message_id, **more
    )


def send(one: Any) -> int | None:
    """Write a letter in its reader's language and hand it to the mail server; return the size of its checkpoint.

    None, with nothing sent, where its reader may not have it any more, or there is nothing (any more) to tell. Raises
    OSError, which is what smtplib raises.
    """
    from django.utils import translation

    from ..accounts import mail
    from ..accounts.models import Letter, Membership
    from ..shared_journal import journal
    from ..web import letter_writing
    from ..web.access import visit as enter

    user = one.membership.user
    visit = enter(user, one.membership.clinic_id) if user.is_active else None
    if visit is None:
        return None
    checkpoint = visit.access.checkpoint()
    with translation.override(user.language or "en"):
        if one.kind == Letter.ALERT:
            owners = Membership.objects.filter(clinic_id=visit.clinic_id, role="owner")
            ids = frozenset(owners.values_list("user__public_id", flat=True))
            # What somebody is told of their own account, their role may not see in the log.
            _, session = journal().reading(visit.clinic_id)
            of = None if visit.role.code == "owner" else user.public_id
            written = letter_writing.alert(session, one.first, one.last, checkpoint, owners=ids, of=of)
        else:
            days = (visit.session.day(one.since), visit.session.day(one.until - 1))
            span = letter_writing.Span(one.first, one.last, *days)
            written = letter_writing.write(visit.session, span, checkpoint, with_money=visit.may("totals"))
        if written is None:
            return None
        mail.message(written.subject, written.text, written.html, user.email, one.message_id).send()
    return checkpoint.size if checkpoint else 0


def record(clinic_id: str, kind: str, first: int, last: int, letters: Sequence[Any]) -> None:
    """Record that letters were sent, once: after a crash the same ones are recorded under the same key."""
    from ...catalogue.log import LogLetterSent
    from ...record import own
    from ..shared_journal import journal

    context = LogLetterSent.model_validate({
        "letter": kind, "recipients": len(letters), "from_seq": first if first <= last else None,
        "to_seq": last or None, "checkpoint_size": max(one.checkpoint_size for one in letters) or None,
    })  # fmt: skip
    key = f"letter-{kind}-{last}-{min(one.pk for one in letters)}-{len(letters)}"
    journal().clinic(clinic_id).append_own(lambda at: own.letter_sent(at, context, key))


# When a letter is due


def due(kind: str, now: int, zone: str) -> int:
    """Return the end of the last span that a letter is due about: the midnight before today, or before Monday, in the
    clinic's zone, once it is MORNING there."""
    local = instant.to_datetime(now, instant.offset_minutes(now, instant.zone(zone)))
    day = local.date() - timedelta(days=local.weekday() if kind == "week" else 0)
    if day == local.date() and local.hour < MORNING:
        day -= timedelta(days=7 if kind == "week" else 1)
    return _midnight(zone, day)


def _midnight(zone: str, day: date) -> int:
    """The instant at which a day begins in a zone."""
    return next(_begins(instant.day_intervals(zone, day, None)), instant.EARLIEST)


def _begins(intervals: Iterable[tuple[int | None, int | None]]) -> Any:
    return (start for start, _ in intervals if start is not None)


def start(interval: float = SECONDS) -> threading.Thread:
    """Send for as long as this process lives."""
    never = threading.Event()

    def run() -> None:
        post = Post()
        while True:
            post.once()
            never.wait(interval)

    thread = threading.Thread(target=run, name="letters", daemon=True)
    thread.start()
    return thread
