"""The rows of the list as HTML, written here and not by templates: fifty rows of includes took longer than all else.

    <tr class="entry bookings">  when | what: icon, label · subject · people, second line | who | amount  </tr>

The label opens the entry, also for whoever taps anywhere else on the row (`indelible.js`); every other name is a door
to what it names. Each value is escaped where it is put in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape

from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, gettext_lazy, ngettext

from .entry_rows import DayRows, Row
from .localization import number

# Kinds of actors, each with an icon of its own. The kind is said to who does not see it where the name does not say it.
KINDS = {
    "staff": gettext_lazy("Staff"),
    "client": gettext_lazy("Client"),
    "system": "",
    "integration": gettext_lazy("Integration"),
    "support": gettext_lazy("Support"),
    "agent": gettext_lazy("Assistant"),
}


class RowWriter:
    """Writes rows in the reader's language; `query` is the end of an entry's address, with the filter of the list."""

    def __init__(self, query: str = "") -> None:
        self._query = escape(query)
        self._icons = escape(static("indelible/icons.svg"))
        self._kinds = {kind: self._icon(f"kind-{kind}", escape(str(name))) for kind, name in KINDS.items()}
        self._categories: dict[str, str] = {}
        self._new = {"new_device": gettext("new device"), "new_network": gettext("new network")}

    def days(self, days: Iterable[DayRows], begun: date | None = None) -> SafeString:
        """Return the bodies of the table, one for each day; `begun` is the day that the page before ended in."""
        written = []
        for number_of_day, day in enumerate(days):
            again = f" <small>{escape(gettext('continued'))}</small>" if not number_of_day and day.day == begun else ""
            rows = "".join(map(self.row, day.rows))
            heading = f'<tr class="day"><th scope="rowgroup" colspan="4">{escape(day.heading)}{again}</th></tr>'
            written.append(f"<tbody>{heading}{rows}</tbody>")
        return mark_safe("".join(written))  # noqa: S308 - every value is escaped

    def row(self, row: Row) -> str:
        amount = row.amount
        money = f' class="amount{"" if row.moves_money else " still"}"'
        return (
            f'<tr class="entry {escape(row.category)}"><td class="when">{self._time(row)}</td>'
            f'<td class="what">{self._category(row.category)}{self._what(row)}</td>'
            f'<td class="who">{self._who(row)}</td><td{money}>{escape(amount)}</td></tr>'
        )

    def _time(self, row: Row) -> str:
        then = row.then
        said = f'<small class="then">{escape(then)}</small>' if then else ""
        return f'<time datetime="{escape(row.iso)}" title="{row.time}">{escape(row.minute)}</time>{said}'

    def _what(self, row: Row) -> str:
        said = [f'<p class="first">{self._first(row)}</p>']
        second = self._second(row)
        if row.others:
            second += self._click(row)
        if second:
            said.append(f'<div class="second">{second}</div>')
        return f'<div class="telling">{"".join(said)}</div>'

    def _first(self, row: Row) -> str:
        """Label, subject, people, and what is new or late about it."""
        address = escape(row.url) + self._query
        parts = [f'<a class="label" href="{address}" hx-get="{address}" hx-target="#panel">{escape(row.label)}</a>']
        headline = row.headline
        if subject := headline.subject:
            parts.append(_door(row.story(subject.kind, subject.id), subject.text, "subject"))
        parts += [_door(row.story(one.kind, one.id), one.text, "person") for one in headline.people]
        if headline.rest:
            parts.append(f'<span class="rest">{escape(headline.rest)}</span>')
        return ' <span class="dot" aria-hidden="true">·</span> '.join(parts) + self._marks(row)

    def _marks(self, row: Row) -> str:
        marks = [f' <span class="mark {escape(mark)}">{escape(self._new.get(mark, mark))}</span>' for mark in row.marks]
        if late := row.late:
            marks.append(f' <span class="mark {"imported" if row.view.imported else "late"}">{escape(late)}</span>')
        return "".join(marks)

    def _second(self, row: Row) -> str:
        second, thing = row.headline.second, row.target_id
        said = f'<span class="detail">{escape(second)}</span>' if second else ""
        if not thing:
            return said
        subject = row.headline.subject
        kind = (row.view.target or {}).get("kind", "")
        led = subject is not None and (subject.kind, subject.id) == (kind, thing)
        return said + _door("" if led else row.story(kind, thing), thing, "id")

    def _click(self, row: Row) -> str:
        count = len(row.others)
        if row.repeated:
            summary = escape(ngettext("and once before", "and %(n)s times before", count) % {"n": number(count)})
            others = "".join(self._other(one, f"{self._time(one)} ") for one in row.others)
        else:
            more = ngettext("and %(n)s more: %(what)s", "and %(n)s more: %(what)s", count)
            summary = escape(more % {"n": number(count), "what": row.more})
            others = "".join(map(self._other, row.others))
        return f'<details class="click"><summary>{summary}</summary><ol>{others}</ol></details>'

    def _other(self, row: Row, begins: str = "") -> str:
        amount = f' <span class="amount">{escape(row.amount)}</span>' if row.amount else ""
        second = self._second(row)
        return f'<li><p class="first">{begins}{self._first(row)}{amount}</p>' + (
            f'<div class="second">{second}</div></li>' if second else "</li>"
        )

    def _who(self, row: Row) -> str:
        second = f"<small>{escape(row.second)}</small>" if row.second else ""
        return f"{self._kinds.get(row.kind, '')}<div>{_door(row.actor_url, row.who, 'name')}{second}</div>"

    def _category(self, name: str) -> str:
        if name not in self._categories:
            self._categories[name] = self._icon(escape(name))
        return self._categories[name]

    def _icon(self, name: str, label: str = "") -> str:
        seen = f'role="img" aria-label="{label}"' if label else 'aria-hidden="true"'
        return f'<svg class="icon" {seen}><use href="{self._icons}#{name}"/></svg>'


def _door(address: str, text: str, kind: str) -> str:
    """A name with where it leads; one that leads nowhere is only said."""
    if not address:
        return f'<span class="{kind}">{escape(text)}</span>'
    return f'<a class="{kind}" href="{escape(address)}">{escape(text)}</a>'


def rows(days: Sequence[DayRows], query: str = "", begun: date | None = None) -> SafeString:
    """Return the days of a page of the list."""
    return RowWriter(query).days(days, begun)
