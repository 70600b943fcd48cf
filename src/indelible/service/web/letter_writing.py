"""The letter about a clinic's log, and what cannot wait for it, in the reader's language: subject, text and HTML.

A letter leaves the house, and what is in a mailbox cannot be anonymized. So it names no client: a client is "a
client", and a link leads to the entry, where whoever may see the name sees it, until it is erased. It names members of
staff, and services. At its foot is the log's signed checkpoint (`proof/letter.py`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...format import instant
from ...proof import letter
from ...read import query
from ...read.digest import Unusual, alarming, digest_of
from ...read.habits import NEW_DEVICE, NEW_NETWORK
from ...read.query import Choice, Query
from ...read.recorded import Recorded
from ...read.session import Session
from ...read.view import View
from ...stores.contract import CheckpointRow
from . import localization
from .localization import SPEECH

# Of what comes at once the newest are told; the log has all.
MOST_ALARMS = 10
_WIDTH = 76  # characters; a mail program that shows plain text breaks no line itself


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a letter tells, and the path of the page that has more of it."""

    text: str
    path: str

    @property
    def url(self) -> str:
        """The page's address, as a mailbox needs it."""
        return f"{settings.INDELIBLE_URL}{self.path}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter, written. `block` is the signed checkpoint, empty where nothing is signed; `last` the last entry that it
    is about."""

    subject: str
    heading: str
    lead: str
    lines: Sequence[Line]
    figures: Sequence[str]
    block: str
    last: int
    integrity_url: str
    choice_url: str

    @property
    def keep(self) -> str:
        """What the block is for, in one sentence or two."""
        return _("Keep this letter where nobody who runs the log can reach it. The lines below are signed by the log; "
                 "if anybody ever rewrites what was recorded up to today, they show it.")  # fmt: skip

    @property
    def how(self) -> str:
        return _("To compare a letter with the log, paste it here:")

    @property
    def choose(self) -> str:
        return _("How often you get it, or that you do not, you choose here:")

    @property
    def text(self) -> str:
        """The letter as plain text."""
        parts = [_wrapped(self.heading), _wrapped(self.lead)]
        parts += [_wrapped(one.text, "- ", "  ") + f"\n  {one.url}" for one in self.lines]
        if self.figures:
            parts.append("\n".join(_wrapped(one) for one in self.figures))
        if self.block:
            parts += [_wrapped(self.keep), self.block.rstrip("\n"), f"{_wrapped(self.how)}\n{self.integrity_url}"]
        if self.choice_url:
            parts.append(f"{_wrapped(self.choose)}\n{self.choice_url}")
        return "\n\n".join(parts) + "\n"

    @property
    def html(self) -> str:
        """The letter as a page of its own, without a style: a mail program has its own."""
        return render_to_string("indelible/letter/mail.html", {"letter": self})


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """The entries that a letter is about, and the days on which the log took them: the last one is not over where the
    span goes on until now."""

    first: int
    last: int
    begins: date
    ends: date

    @classmethod
    def between(cls, session: Session, since: int, until: int) -> Span:
        """The span of what was recorded from one instant, in microseconds, to before another."""
        return cls(session.first_recorded(since), session.first_recorded(until) - 1,
                   session.day(since), session.day(until - 1))  # fmt: skip


def write(session: Session, span: Span, checkpoint: CheckpointRow | None, *, with_money: bool) -> Letter:
    """Return the letter about a span, with what the session sees. `with_money` adds what came in and went out."""
    digest = digest_of(session, span.first, span.last, with_money=with_money)
    days = _days(span)
    found = digest.count
    short = _("nothing unusual") if not found else ngettext(
        "%(n)s thing to look at", "%(n)s things to look at", found) % {"n": localization.number(found)}  # fmt: skip
    lead = _("Nothing unusual was recorded in these days.") if not found else ngettext(
        "One thing is worth a look:", "%(n)s things are worth a look:", found) % {
        "n": localization.number(found)}  # fmt: skip
    return Letter(
        subject=_("Activity log of %(clinic)s: %(short)s") % {"clinic": session.name, "short": short},
        heading=f"{session.name}, {days}",
        lead=lead,
        lines=[line for one in digest.unusual for line in _lines(session, span, one)],
        figures=[
            ngettext("%(n)s new reservation, %(cancelled)s cancelled.",
                     "%(n)s new reservations, %(cancelled)s cancelled.", digest.booked) % {
                "n": localization.number(digest.booked), "cancelled": localization.number(digest.cancelled)},
            *(_("%(in)s came in, %(out)s went out.") % {
                "in": localization.amount(one.money_in.amount_minor, one.currency),
                "out": localization.amount(one.money_out.amount_minor, one.currency),
            } for one in digest.money),
            *([] if digest.whole else [
                _("There was more in these days than a letter looks through: the newest sign-ins and refunds were "
                  "looked at, and the log has all of them."),
            ]),
        ],
        last=digest.last,
        **_foot(session, checkpoint),
    )  # fmt: skip


def alert(
    session: Session, first: int, last: int, checkpoint: CheckpointRow | None, *, owners: frozenset[str], of: str | None
) -> Letter | None:
    """Return what of some entries cannot wait: for an owner, or with `of` only what concerns the member of staff of
    that id. `owners` are the ids of the owners. None where there is nothing (any more)."""
    found = [
        (view, new)
        for view, new in alarming(session, first, last)
        if is_alarm(view, owners) and of in (None, concerned(view))
    ]
    if not found:
        return None
    # The person's own role may not see the entry; their account they can put right.
    url = _url("account_security") if of else ""
    lines = [
        Line(_sentence_of_alarm(view, new, of), url or _entry_path(session, view)) for view, new in found[-MOST_ALARMS:]
    ]
    subject = lines[0].text if len(found) == 1 else ngettext(
        "%(n)s thing about accounts to look at now", "%(n)s things about accounts to look at now", len(found)) % {
        "n": localization.number(len(found))}  # fmt: skip
    return Letter(
        subject=f"{session.name}: {subject}",
        heading=session.name,
        lead=_("This cannot wait for the next letter. If it was not meant, sign out everywhere and set a new password "
               "at once."),
        lines=lines,
        figures=(),
        last=last,
        **(_NO_FOOT if of else _foot(session, checkpoint)),
    )  # fmt: skip


# For who may not verify.
_NO_FOOT = {"block": "", "integrity_url": "", "choice_url": ""}


def is_alarm(view: View, owners: frozenset[str]) -> bool:
    """Whether what is new about accounts cannot wait: of devices only an owner's, here or in the host's words."""
    return view.action != "account.logged_in" or concerned(view) in owners or view.actor.get("role") == "owner"


def concerned(view: View) -> str:
    """The id of the member of staff whose account an entry is about."""
    return str((view.target or view.actor).get("id") or "")


def _foot(session: Session, checkpoint: CheckpointRow | None) -> dict[str, str]:
    return {
        "block": letter.block(checkpoint.note) if checkpoint else "",
        "integrity_url": _url("integrity", session.clinic.id),
        "choice_url": _url("letter", session.clinic.id),
    }


def _days(span: Span) -> str:
    if span.begins == span.ends:
        return localization.day(span.begins)
    return _("%(first)s to %(last)s") % {
        "first": localization.day(span.begins), "last": localization.day(span.ends)}  # fmt: skip


# One sentence for each thing


def _lines(session: Session, span: Span, unusual: Unusual) -> list[Line]:
    """The things of a kind, and how many more of it there are."""
    say = _SENTENCES[unusual.kind]
    lines = [Line(say(view, unusual.marks.get(view.seq, ())), _entry_path(session, view)) for view in unusual.named]
    if (more := unusual.count - len(lines)) > 0:
        wanted = Query(Choice(actions=unusual.actions), recorded=Recorded(max(1, span.first), span.last))
        text = ngettext("And one more like these.", "And %(n)s more like these.", more) % {
            "n": localization.number(more)}  # fmt: skip
        lines.append(Line(text, f"{reverse('activity', args=[session.clinic.id])}?q={quote(query.format(wanted))}"))
    return lines


def _who(view: View) -> str:
    """The actor; of a client not the name, and not for whom somebody acted."""
    if view.members["actor"]["kind"] == "client":
        return _("A client")
    return view.own_name_in(SPEECH)


def _of(view: View) -> str:
    """Whose account it is: a member of staff's."""
    target = view.target or view.actor
    return str(target.get("name") or target.get("id") or _("somebody"))


def _at(view: View) -> str:
    return localization.short_moment(view.local_time)


def _signed_in(view: View, new: Sequence[str]) -> str:
    said = {"who": _who(view), "at": _at(view)}
    if {NEW_DEVICE, NEW_NETWORK} <= set(new):
        return _("%(who)s signed in from a new device, in a network that is new for them: %(at)s.") % said
    if NEW_DEVICE in new:
        return _("%(who)s signed in from a new device: %(at)s.") % said
    return _("%(who)s signed in from a network that is new for them: %(at)s.") % said


def _refunded(view: View, new: Sequence[str]) -> str:
    amount = localization.amount(view.amount_minor or 0, view.currency or "EUR")
    return _("%(who)s refunded %(amount)s, and no reservation was cancelled for it: %(at)s.") % {
        "who": _who(view), "amount": amount, "at": _at(view)}  # fmt: skip


def _deleted(view: View, new: Sequence[str]) -> str:
    name = (view.target or {}).get("name") or (view.context.get("snapshot") or {}).get("name")
    said = {"who": _who(view), "at": _at(view), "service": name}
    if not name:
        return _("%(who)s deleted a service: %(at)s.") % said
    return _("%(who)s deleted the service “%(service)s”: %(at)s.") % said


def _outside(view: View, new: Sequence[str]) -> str:
    rows = view.context.get("rows")
    if rows:
        return ngettext("%(n)s change was made outside the application: %(at)s.",
                        "%(n)s changes were made outside the application: %(at)s.", rows) % {
            "n": localization.number(rows), "at": _at(view)}  # fmt: skip
    return _("Something was changed outside the application: %(at)s.") % {"at": _at(view)}


def _unguarded(view: View, new: Sequence[str]) -> str:
    return _("A part of the reservation system’s database was not watched for changes that nobody records: %(at)s.") % {
        "at": _at(view)}  # fmt: skip


def _held(view: View, new: Sequence[str]) -> str:
    return _("Something that happened could not be recorded and is held back: %(at)s.") % {"at": _at(view)}


def _factor_off(view: View, new: Sequence[str]) -> str:
    said = {"who": _who(view), "whose": _of(view), "at": _at(view)}
    if concerned(view) == str(view.actor.get("id") or ""):
        return _("%(who)s turned off two-step sign-in: %(at)s.") % said
    return _("%(who)s turned off two-step sign-in for %(whose)s: %(at)s.") % said


def _not_intact(view: View, new: Sequence[str]) -> str:
    return _("A check found that the log was changed: %(at)s.") % {"at": _at(view)}


_SENTENCES: dict[str, Callable[[View, Sequence[str]], str]] = {
    "signed_in": _signed_in,
    "refunded": _refunded,
    "deleted": _deleted,
    "outside": _outside,
    "unguarded": _unguarded,
    "held": _held,
    "factor_off": _factor_off,
    "not_intact": _not_intact,
}


def _sentence_of_alarm(view: View, new: Sequence[str], of: str | None) -> str:
    """As in the letter; to the person themselves it says "your account"."""
    if of is None:
        return _signed_in(view, new) if view.action == "account.logged_in" else _factor_off(view, new)
    if view.action == "account.logged_in":
        return _("Somebody signed in to your account from a new device: %(at)s.") % {"at": _at(view)}
    return _("Two-step sign-in was turned off for your account: %(at)s.") % {"at": _at(view)}


# Links


def _entry_path(session: Session, view: View) -> str:
    return reverse("entry", args=[session.clinic.id, view.id])


def _url(name: str, *parts: str) -> str:
    return f"{settings.INDELIBLE_URL}{reverse(name, args=parts)}"


def last_days(session: Session, days: int) -> Span:
    """The span of the last days up to now: what the next letter would be about."""
    begins = session.today - timedelta(days=days)
    return Span(session.first_recorded(_midnight(session, begins)), session.up_to, begins, session.today)


def _midnight(session: Session, day: date) -> int:
    return instant.day_intervals(session.zone, day, None)[0][0] or instant.EARLIEST
