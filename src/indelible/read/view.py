"""A view: one entry opened for a reader, in the clinic's time and in words.

A view trusts the database; `indelible verify` is what checks it. A personal value that cannot be opened is None, and
its path is in `states` with the reason:

    erased       its person was anonymized, which an entry of the log accounts for
    missing      its row is gone, and nothing in the log accounts for it
    unreadable   its row was changed, or belongs to another entry, or its key is gone
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from ..catalogue import Action, Field, amounts, counted, device, find, kind_title, placeholders, vocabulary
from ..catalogue.vocabulary import REASON_NAMES, REASONS
from ..errors import StorageFailure
from ..format import entry, instant, money, offsets, planned
from ..format.opened import PRINCIPAL, Opened
from ..format.planned import Planned
from ..keep.personal import Dead, Sealer, Unreadable, split
from ..stores.contract import LATE_AFTER, EntryRow

# Things that a reader knows by name; everything else (a booking, a charge, a voucher) by its id.
KNOWN_BY_NAME = frozenset(
    {"client", "staff", "loyalty_account", "service", "schedule", "reward", "coupon", "clinic", "location", "api_key"}
)

# Who acts for whom: by itself, and before the verb of a sentence.
FOR = "{who}, for {principal}"
FOR_IN_SENTENCE = "{who}, for {principal},"
# A program and what it runs on, as `catalogue.device` has them in English.
ON = "{name} on {place}"


def plain_kind(kind: str) -> str:
    """Return what a kind of thing is called within a sentence, in English: part of a message id."""
    title = kind_title(kind)
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def some(kind: str) -> str:
    """Return "a reservation", "an invoice": a message id."""
    plain = plain_kind(kind)
    return f"{'an' if plain[:1] in 'aeiou' else 'a'} {plain}"


class Zones(NamedTuple):
    """The zone that an entry was recorded in, and the clinic's present one; IANA names."""

    recorded: str
    present: str


class Part(NamedTuple):
    """A part of a sentence. `name` is the placeholder that it stands for, or empty for the words between."""

    name: str
    text: str


def device_in(words: str, wording: Wording) -> str:
    """Return a device, given as `View.device` says it, in a reader's language."""
    name, on, place = words.rpartition(" on ")
    return wording.translate(ON).format(name=name, place=place) if on else words


@dataclass(frozen=True, slots=True)
class View(Opened):
    """One entry, opened, in the catalogue's words. `present_zone` is the clinic's now; empty: the entry's own."""

    present_zone: str = ""

    @property
    def zones(self) -> Zones:
        return Zones(self.zone, self.present_zone or self.zone)

    @property
    def local_time(self) -> datetime:
        """When it happened, on the clock of the clinic's present zone, with the offset."""
        us, zone = self.occurred_at, self.present_zone
        return instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone)) if zone else self.offset_minutes)

    @property
    def time_then(self) -> datetime | None:
        """When it happened on the clinic's clock of then, where that showed another time than `local_time`."""
        then = instant.to_datetime(self.occurred_at, self.offset_minutes)
        return None if then.utcoffset() == self.local_time.utcoffset() else then

    @property
    def recorded_at(self) -> int | None:
        """When the log took it, in microseconds; None where the body was changed."""
        return instant.if_canonical(str(self.members["recorded_at"]))

    @property
    def imported(self) -> bool:
        """Whether it was brought from a file: when it happened is the word of the system that it came from."""
        return bool(self.members.get("imported"))

    @property
    def delay(self) -> int | None:
        """How long after it happened the log took it, in microseconds, where that is more than LATE_AFTER."""
        recorded = self.recorded_at
        return None if recorded is None or recorded - self.occurred_at <= LATE_AFTER else recorded - self.occurred_at

    @property
    def declared(self) -> type[Action] | None:
        """The action's class; None for a code that nothing declares any more."""
        return find(self.action)

    @property
    def label(self) -> str:
        cls = self.declared
        return cls.label if cls else self.action

    @property
    def category(self) -> str:
        cls = self.declared
        return cls.category if cls else "other"

    @property
    def money(self) -> str:
        """What the entry does to money, one of money.EFFECTS: how its amount counts in a sum."""
        cls = self.declared
        return cls.money if cls else "none"

    @property
    def device(self) -> str:
        """The user agent in words ("Safari on iPhone"), or empty."""
        agent = self.values.get("request.user_agent")
        return device.words(agent) if isinstance(agent, str) else ""

    def device_in(self, wording: Wording) -> str:
        """The device in a reader's language; what is searched for, and compared, is the English of `device`."""
        return device_in(self.device, wording)

    @property
    def who(self) -> str:
        """The actor in words: "Maria Fernandes", "System", "stripe", "Booking assistant, for Ana Sousa"."""
        return self.who_in(ENGLISH)

    def who_in(self, wording: Wording) -> str:
        return self._acting(FOR, wording)

    def _acting(self, template: str, wording: Wording) -> str:
        """The actor, put into the template with the person on whose behalf, where there is one."""
        who = self.own_name_in(wording)
        if (principal := self.on_behalf_of) is None:
            return who
        said = self._named(principal, principal["kind"], PRINCIPAL, wording)
        return wording.translate(template).format(who=who, principal=said)

    def own_name_in(self, wording: Wording) -> str:
        """The actor in words, without on whose behalf."""
        return self._named(self.actor, self.members["actor"]["kind"], "actor", wording)

    @property
    def client_in_words(self) -> str:
        """The client concerned: "Ana Sousa", "Anonymous client"; empty where the entry concerns none."""
        return self.client_in(ENGLISH)

    def client_in(self, wording: Wording) -> str:
        role = self.client_role
        return self._named(self.client or {}, "client", role, wording) if role else ""

    def target_in(self, wording: Wording) -> str:
        """What it was done to, where that is known by name: "Facial", "Anonymous client"."""
        target = self.target or {"kind": "thing"}
        return self._named(target, target["kind"], "target", wording)

    @property
    def why(self) -> str:
        """For the system, why it acted: "policy: late cancellation"; a host's own name in quotes. Else empty."""
        return self.why_in(ENGLISH)

    def why_in(self, wording: Wording) -> str:
        reason = self.members["actor"].get("reason")
        return reason_in_words(reason, wording) if reason else ""

    @property
    def sentence(self) -> str:
        """The entry in one sentence, from the action's template."""
        cls = self.declared
        if cls is None:
            target = self.target
            return f"{self.who}: {self.action}" + (f" ({target['kind']})" if target else "")
        return ENGLISH.phrase(cls.sentence, self).format_map(_Words(self, cls, cls.sentence, ENGLISH))

    def sentence_in(self, wording: Wording) -> Iterator[Part]:
        """Yield the sentence in its parts, in a reader's language."""
        cls = self.declared
        if cls is None:
            yield Part("", self.sentence)
            return
        yield from self.told(cls.sentence, wording)

    def told(self, template: str, wording: Wording) -> Iterator[Part]:
        """Yield one of the action's templates in its parts, in a reader's language; its action is declared."""
        cls = self.declared
        assert cls is not None  # noqa: S101 - a template is the class's
        words = _Words(self, cls, template, wording)
        for before, name, _, _ in Formatter().parse(wording.phrase(template, self)):
            if before:
                yield Part("", before)
            if name is not None:
                value, _ = _FORMATTER.get_field(name, (), words)
                yield Part(name, str(value))

    def document(self, zone: str = "") -> dict[str, Any]:
        """Return the entry as JSON: what the log added, then the document's members.

        When it happened and was recorded is on the clock of `zone`, by default the clinic's present one; times in its
        context are always on the clock on which they were said.
        """
        zone = zone or self.zones.present
        recorded_at = instant.parse_canonical(self.members["recorded_at"])
        found: dict[str, Any] = {
            "seq": self.seq,
            "id": self.id,
            "recorded_at": instant.local_text(recorded_at, offsets.minutes(recorded_at, zone)),
            "time_zone": zone,
            "recorded_zone": self.zone,
            "category": self.category,
            "label": self.label,
            "action": self.action,
            "occurred_at": instant.local_text(self.occurred_at, offsets.minutes(self.occurred_at, zone)),
            "actor": self.actor,
        }
        if "target" in self.members:
            found["target"] = self.target
        if "client" in self.members:
            found["client"] = self.client
        if "people" in self.members:
            found["people"] = self.people
        found["context"] = self.context
        if request := self.request:
            found["request"] = request
        if "key" in self.values or "key" in self.states:
            found["key"] = self.values.get("key")
        for name in ("operation", "imported", "cut"):
            if name in self.members:
                found[name] = self.members[name]
        if "erases" in self.members:
            found["erases"] = {name: self.members["erases"][name] for name in ("classes", "up_to_seq")}
        if self.states:
            found["state"] = dict(self.states)
        return found

    def _named(self, who: Mapping[str, Any], kind: str, path: str, wording: Wording) -> str:
        if kind == "system":
            return wording.translate("System")
        if known := who.get("name") or who.get("id"):
            return str(known)
        gone = "Anonymous" if self._is_erased(path) else "Unknown"
        return wording.translate(f"{gone} {plain_kind(kind)}")


class _Words(dict[str, Any]):
    """The words for a sentence's placeholders. Values only: a template reads no attribute of them but old and new."""

    def __init__(self, view: View, cls: type[Action], template: str, wording: Wording) -> None:
        super().__init__()
        self._wording = wording
        context = view.context
        for name in {name.split(".")[0] for name in placeholders(template)}:
            self[name] = self._word(view, cls, context, name)

    def _word(self, view: View, cls: type[Action], context: Mapping[str, Any], name: str) -> Any:
        wording = self._wording
        if name == "actor":
            return view._acting(FOR_IN_SENTENCE, wording)
        if name == "target":
            target = view.target or {"kind": "thing"}
            kind = target["kind"]
            if kind in KNOWN_BY_NAME:
                return view.target_in(wording)
            return target.get("id") or wording.translate(some(kind))
        if name == "client":
            return view.client_in(wording) or wording.translate("an unknown client")
        if name == "amount":
            if not view.currency:
                return wording.translate("an unknown amount")
            return wording.money(view.amount_minor or 0, view.currency)
        return _in_words(context.get(name), _field(cls, name), view.zones, context.get("currency"), wording)


@dataclass(frozen=True, slots=True)
class _Change:
    """Both sides of a change, for `{starts_at.old}` in a template."""

    old: str
    new: str


def _field(cls: type[Action], name: str) -> Field:
    return next(field for field in cls.fields_of_context if field.name == name)


def _in_words(value: Any, field: Field, zones: Zones, currency: Any, wording: Wording) -> Any:
    if type(value) is dict and value.keys() == {"old", "new"}:
        codes = amounts.both(currency)
        sides = zip((value["old"], value["new"]), codes, strict=True)
        return _Change(*(str(_in_words(side, field, zones, code, wording)) for side, code in sides))
    if type(value) is dict and "id" in value:
        return value.get("name") or value["id"] or wording.translate("somebody")
    if type(value) is int and field.name.endswith(amounts.SUFFIX):
        code = amounts.both(currency)[1]
        return wording.money(value, code) if isinstance(code, str) and code in money.EXPONENTS else value
    if type(value) is str and field.timed and (said := planned.if_canonical(value)) is not None:
        return wording.moment(said, zones)
    if type(value) is str and value in field.words:
        return wording.translate(vocabulary.said(value))
    return "—" if value is None else value


def clock_text(us: int, zone: str) -> str:
    """Return an instant as a clinic reads it: `2026-05-04 09:00`, with the offset in an hour that comes twice."""
    place = instant.zone(zone)
    minutes = instant.offset_minutes(us, place)
    text = f"{instant.local_date(us, minutes)} {instant.local_time(us, minutes)[:5]}"
    return text + instant.local_text(us, minutes)[-6:] if _comes_twice(us, minutes, place) else text


def planned_clock(said: Planned, zones: Zones) -> tuple[datetime, str]:
    """Return a time that an entry speaks of, such as a booking's start, on the clock on which it was said.

    Of a time in UTC no clock was said: it is shown on that of the zone that the entry was recorded in. With it the
    offset, `+02:00`, where the clinic's present clock shows another time then, or shows this one twice; else nothing.
    """
    us, place = said.us, instant.zone(zones.present)
    minutes = said.offset_minutes or instant.offset_minutes(us, instant.zone(zones.recorded))
    known = minutes == instant.offset_minutes(us, place) and not _comes_twice(us, minutes, place)
    return instant.to_datetime(us, minutes), "" if known else instant.local_text(us, minutes)[-6:]


def planned_text(said: Planned, zones: Zones) -> str:
    """Return what `planned_clock` says: `2026-05-04 09:00`, or `2026-05-04 09:00+02:00`."""
    local, offset = planned_clock(said, zones)
    return f"{local.isoformat(' ', 'minutes')[:16]}{offset}"


def time_then_text(view: View) -> str:
    """Return `13:22 in Europe/Lisbon` where the clinic's clock showed another time then, with the day if it differs."""
    then = view.time_then
    if then is None:
        return ""
    day = "" if then.date() == view.local_time.date() else f"{then.date().isoformat()} "
    place = f"in {view.zone}" if view.zone != view.zones.present else f"at {then.isoformat()[-6:]}"
    return f"{day}{then:%H:%M} {place}"


def late_text(view: View) -> str:
    """Return `imported`, `recorded 3 days later`, or nothing where the log took the entry when it happened."""
    if view.imported:
        return "imported"
    if view.delay is None:
        return ""
    number, unit = length(view.delay)
    return f"recorded {number} {unit}s later"


def length(us: int) -> tuple[int, str]:
    """Return a length of time, cut, in the largest unit that it has two of: 90 minute, 47 hour, 3 day."""
    for unit, name in ((365 * instant.DAY, "year"), (instant.DAY, "day"), (instant.HOUR, "hour")):
        if us >= 2 * unit:
            return us // unit, name
    return us // instant.MINUTE, "minute"


def _comes_twice(us: int, minutes: int, place: ZoneInfo) -> bool:
    """Whether another instant shows the same wall time: the hour before or after the clock went back."""
    around = {instant.offset_minutes(us + hours * instant.HOUR, place) for hours in (-3, 3)}
    return any(
        other != minutes and instant.offset_minutes(us + (minutes - other) * instant.MINUTE, place) == other
        for other in around
    )


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Wording:
    """How a reader's language says what is not a value: our own words by their English text, amounts and instants.

    `money` is given minor units and a currency; `moment` a time that was said, and the zones of the entry that says it;
    `plural` a text of one and of several, and how many there are, as gettext has it.
    """

    translate: Callable[[str], str] = _as_it_is
    plural: Callable[[str, str, int], str] = counted.english
    money: Callable[[int, str], str] = money.display
    moment: Callable[[Planned, Zones], str] = planned_text

    def phrase(self, template: str, view: View) -> str:
        """Return a template of the catalogue in the reader's language, in the form that the entry's count asks for."""
        found = counted.ONE.get(template)
        count = view.context.get(found.name) if found else None
        if found is None or type(count) is not int:
            return self.translate(template)
        return self.plural(found.text, template, abs(count))


ENGLISH = Wording()


def reason_in_words(reason: str, wording: Wording = ENGLISH) -> str:
    """Return why the system acted in words: "policy: late cancellation"; a name that is a host's own in quotes."""
    kind, _, name = reason.partition(":")
    before = wording.translate(REASONS[kind]) if kind in REASONS else kind
    return f"{before}: {wording.translate(REASON_NAMES[name])}" if name in REASON_NAMES else f"{before} “{name}”"


_FORMATTER = Formatter()


# Finds what was destroyed of some persons' values, by token.
Erasures = Callable[[Sequence[bytes]], Mapping[bytes, entry.Erasure]]


def open_each(found: Iterable[EntryRow], sealer: Sealer, erasures: Erasures, zone: str = "") -> Iterator[View]:
    """Open the entries of a page with their personal values; `zone` is the clinic's present one.

    Raises StorageFailure for a body that cannot be read, KeyUnavailable where the keep is gone.

    One by one: a quarter faster for who drops each view before the next, as little lives at once.
    """
    opening = Opening(sealer, erasures, zone)
    for one in found:
        yield opening.view(unseal(one, sealer))


class Group(NamedTuple):
    """A group of an entry: `plain` is the JSON array of its values, None where it does not open, and `dead` where
    nobody can open it any more."""

    token: bytes
    personal_class: str
    paths: Sequence[str]
    plain: bytes | None
    dead: bool

    def values(self) -> dict[str, Any] | None:
        """Return the values by path, or None where the bytes are not there or of another form."""
        if self.plain is None:
            return None
        try:
            values = orjson.loads(self.plain)
        except orjson.JSONDecodeError:
            return None
        if type(values) is not list or len(values) != len(self.paths):
            return None
        return dict(zip(self.paths, values, strict=True))


class Unsealed(NamedTuple):
    """An entry on its way to a view: its body was read, and its groups are bytes. Searching looks into it here."""

    row: EntryRow
    members: dict[str, Any]
    groups: Sequence[Group]


def unseal(found: EntryRow, sealer: Sealer) -> Unsealed:
    """Open the groups of an entry. Raises StorageFailure for a body that cannot be read."""
    try:
        members = orjson.loads(found.body)
        entry_id = entry.id_bytes(members["id"])
        tokens = members["tokens"]
        try:
            parts = {(owner, personal_class): data for owner, personal_class, data in split(found.sealed)}
        except Unreadable:
            parts = {(group["owner"], group["class"]): b"" for group in members["personal"]}
        groups = []
        for group in members["personal"]:
            owner, personal_class, paths = group["owner"], group["class"], group["paths"]
            token = bytes.fromhex(tokens[owner])
            data = parts.get((owner, personal_class))
            plain, dead = None, data is None
            if data is not None:
                try:
                    plain = sealer.plain(entry_id, token, personal_class, data)
                except Dead:
                    dead = True
                except Unreadable:
                    pass
            groups.append(Group(token, personal_class, paths, plain, dead))
        return Unsealed(found, members, groups)
    except _OF_ANOTHER_FORM as error:
        raise _unreadable(found) from error


class Opening:
    """Makes views of the entries of a page. What was erased of a person is looked up once."""

    def __init__(self, sealer: Sealer, erasures: Erasures, zone: str = "") -> None:
        """Raises KeyUnavailable where the keep is gone."""
        sealer.refresh()
        self.sealer, self._erasures, self._zone = sealer, erasures, zone
        self._known: dict[bytes, entry.Erasure | None] = {}

    def view(self, unsealed: Unsealed) -> View:
        """Return the entry as a view. Raises StorageFailure for a body that cannot be read."""
        found, members, groups = unsealed
        values: dict[str, Any] = {}
        states: dict[str, str] = {}
        gone: list[Group] = []
        try:
            for group in groups:
                if (opened := group.values()) is not None:
                    values.update(opened)
                elif group.dead:
                    states.update(dict.fromkeys(group.paths, "missing"))
                    gone.append(group)
                else:
                    states.update(dict.fromkeys(group.paths, "unreadable"))
            if "left_out" in members:
                states.update(dict.fromkeys(members["left_out"], "left_out"))
        except _OF_ANOTHER_FORM as error:
            raise _unreadable(found) from error
        if gone:
            self._account(found.seq, gone, states)
        return View(found.seq, found.occurred_at, members, values, states, self._zone)

    def _account(self, seq: int, gone: Sequence[Group], states: dict[str, str]) -> None:
        """Put `erased` in the place of `missing` where the log accounts for it."""
        known = self._known
        unknown = [group.token for group in gone if group.token not in known]
        if unknown:
            found = self._erasures(unknown)
            known.update((token, found.get(token)) for token in unknown)
        for group in gone:
            erasure = known[group.token]
            if erasure is not None and group.personal_class in erasure.classes and seq <= erasure.up_to_seq:
                states.update((path, "erased") for path in group.paths)


# What a body raises that was changed.
_OF_ANOTHER_FORM = (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError, IndexError)


def _unreadable(found: EntryRow) -> StorageFailure:
    return StorageFailure(f"entry {found.seq} cannot be read: its body was changed; run indelible verify")
