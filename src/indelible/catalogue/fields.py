"""The types that an action's context is made of, and what each becomes in a body.

    type                     in a document              in the body
    Id, Word, Literal[...]   text                       the same
    Count, Number, bool      integer, true or false     the same
    Minutes, BasisPoints     integer                    the same
    Amount, Minor            integer, minor units       the same
    Currency                 ISO 4217 code              the same
    Instant                  RFC 3339 with an offset    the same clock and offset, six digits (`format/planned.py`)
    Day                      YYYY-MM-DD                 the same: a date has no zone
    BookingRef, ...          text, an opaque id         {"kind": "booking", "id": ...}: a body says what it points at
    StaffMember,             {"id", "name"}             {"person": index of the token}; id and name are personal
    ClientPerson
    Changed[T]               {"old", "new"}             {"old", "new"}
    JsonObject               an object without floats   the same
    ChangeList               [{"field", "old", "new",   the same
                               "currency"}]
    Personal(...)            whatever it annotates      absent; committed, and sealed outside the body

Free text (`Text`, `Name`) is always annotated as personal: a sentence that somebody types may name somebody. A `Word`
is text in clear: a label or a code from a list that the host keeps, never typed for one entry. None in an optional
field is the same as leaving it out.

A personal value is about the client concerned if there is one, else about the actor, else about nobody; `about="actor"`
skips the first step.

No JSON, id or word holds a secret: `secrecy.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from threading import RLock
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from ..errors import InvalidInput
from ..format import canonical, money, planned
from . import secrecy

# Longer than any name in civil registers that we know of; a longer one is an attack or a mistake, and is cut.
NAME_LIMIT = 200
# Two screens of text: enough for a reason, too little to smuggle a document in.
TEXT_LIMIT = 4_000
# Real user agents end near 300 characters.
USER_AGENT_LIMIT = 500
# Stripe's ids may have up to 255 characters; nobody's are longer.
ID_LIMIT = 255
# RFC 5321 section 4.5.3.1.3: a path of 256 characters, less its two brackets. A longer one is no address.
EMAIL_LIMIT = 254
# Labels of a role, a field, a code.
WORD_LIMIT = 100
# The whole, in basis points.
WHOLE_BASIS_POINTS = 10_000
# A snapshot of rows and their parts nests four or five deep; a reader's stack must never depend on what is sent.
DEPTH_LIMIT = 32
# How many names a list of words may have: the fields of a form, the permissions of a role.
LIST_LIMIT = 200

PersonalClass = Literal["identity", "network", "evidence"]


class CutText(str):
    """Text that was cut at its limit. It exists from validation to draft, which lists the cut paths."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a context field as a personal value: it enters the body as a commitment only."""

    personal_class: PersonalClass = "identity"
    about: Literal["client", "actor"] = "client"


@dataclass(frozen=True, slots=True)
class Refers:
    """Marks a context field as the id of a thing of this kind, so that the thing's story finds the entry."""

    kind: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Marks a Word whose codes are known: these are said in words, and translated. Another is shown as it was sent."""

    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """Says in words what a field of this type takes, for the reference of actions."""

    words: str


def no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("holds a NUL character; remove it")
    return value


def scalars(value: str) -> str:
    """Check that text is whole: no half of a character, which UTF-8 cannot write."""
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("holds a lone surrogate, half of a character; send whole Unicode text")
    return value


def _whole(value: str) -> str:
    return scalars(no_nul(value))


def no_secret(value: str) -> str:
    secrecy.check_id(value)
    return value


def as_id(value: Any) -> Any:
    """Return an id as text where a host has it as an integer or a UUID; anything else as it is."""
    if type(value) is str:
        return value
    if type(value) is UUID or (type(value) is int and abs(value) < 10**ID_LIMIT):
        return str(value)
    return as_text(value)


def as_text(value: Any) -> Any:
    """Return a lazy text, as Django's gettext_lazy makes it, as its text; anything else as it is."""
    kind = type(value)
    if kind is str:
        return value
    if kind.__name__ == "__proxy__" and kind.__module__ == "django.utils.functional":
        return str(value)
    return value


# What most ids are, and many words: nothing that is refused anywhere is short and made of these characters alone.
is_plain = re.compile(rf"[A-Za-z0-9_-]{{1,{secrecy.SHORTEST - 1}}}").fullmatch


def opaque_id(value: str) -> str:
    """Check an id: text of 1 to 255 characters that names nothing about a person."""
    if is_plain(value):
        return value
    if not value or value != value.strip():
        raise ValueError("is empty or has white space around it; send the bare id")
    if "@" in value or value[0] == "+":
        raise ValueError("looks like an e-mail address or a telephone number; send your system's opaque id, "
                         "because an id can never be changed and must not identify a person by itself")  # fmt: skip
    if len(value) > ID_LIMIT:
        raise ValueError(f"is longer than {ID_LIMIT} characters; send a shorter id")
    if not value.isprintable():
        raise ValueError("holds a control or invisible character; remove it")
    return no_secret(value)


def _id(value: Any, check: ValidatorFunctionWrapHandler) -> str:
    if type(value) is str and is_plain(value):
        return value
    return opaque_id(check(as_id(value)))


def cut(limit: int) -> AfterValidator:
    def shorten(value: str) -> str:
        _whole(value)
        return value if len(value) <= limit else CutText(value[:limit])

    return AfterValidator(shorten)


def _word(value: str) -> str:
    if is_plain(value):
        return value
    if not value or len(value) > WORD_LIMIT or not value.isprintable() or "@" in value:
        raise ValueError(f"must be 1 to {WORD_LIMIT} printable characters without @")
    return no_secret(value)


def _email(value: str) -> str:
    if not value or len(value) > EMAIL_LIMIT or not value.isprintable():
        raise ValueError(f"must be 1 to {EMAIL_LIMIT} printable characters")
    return value


def _instant(value: object) -> datetime:
    try:
        if isinstance(value, str):
            return planned.read(value, "")
        if isinstance(value, datetime):
            return planned.to_datetime(planned.from_datetime(value, ""))
    except InvalidInput as error:
        raise ValueError(str(error)) from error
    raise ValueError("must be a time as RFC 3339 text with an offset, such as 2026-05-03T14:22:31+02:00")


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("must be a date that exists, written YYYY-MM-DD")


def _currency(value: str) -> str:
    try:
        return money.check_currency(value, "")
    except InvalidInput as error:
        raise ValueError(str(error)) from error


def _safe_integer(value: int) -> int:
    if abs(value) > canonical.LARGEST_INTEGER:
        raise ValueError("is an integer beyond 2^53 - 1")
    return value


def _not_negative(value: int) -> int:
    if value < 0:
        raise ValueError("is negative; it counts from 0")
    return _safe_integer(value)


def _basis_points(value: int) -> int:
    if not 0 <= value <= WHOLE_BASIS_POINTS:
        raise ValueError(f"must be 0 to {WHOLE_BASIS_POINTS}, in hundredths of a percent: half is 5000")
    return value


def _amount(value: int) -> int:
    if value < 0:
        raise ValueError("is negative; send the amount without a sign, because the action says its direction")
    return _safe_integer(value)


def _check_depth(value: object, levels: int) -> None:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        if levels == 0:
            raise ValueError(f"is nested deeper than {DEPTH_LIMIT} levels; send it flatter")
        _check_depth(member, levels - 1)


def _json(value: object) -> object:
    _check_depth(value, DEPTH_LIMIT)
    try:
        canonical.check(value)
    except InvalidInput as error:
        raise ValueError(str(error)) from error
    secrecy.check_json(value)
    return value


def _few(words: list[str]) -> list[str]:
    if len(words) > LIST_LIMIT:
        raise ValueError(f"has more than {LIST_LIMIT} words; send fewer")
    return words


def _json_object(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    return _json(value)


_ID_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": ID_LIMIT}
_WORD_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": WORD_LIMIT}
_SIGNED_SCHEMA: dict[str, Any] = {
    "type": "integer",
    "minimum": -canonical.LARGEST_INTEGER,
    "maximum": canonical.LARGEST_INTEGER,
}
_UNSIGNED_SCHEMA: dict[str, Any] = {**_SIGNED_SCHEMA, "minimum": 0}

Id = Annotated[str, WrapValidator(_id), Kind("id"), WithJsonSchema(_ID_SCHEMA)]
Word = Annotated[str, AfterValidator(_word), Kind("word"), WithJsonSchema(_WORD_SCHEMA)]
Email = Annotated[
    str,
    AfterValidator(_email),
    Kind("e-mail address"),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": EMAIL_LIMIT}),
]
PersonName = Annotated[
    str, BeforeValidator(as_text), AfterValidator(_whole), Kind(f"name, cut at {NAME_LIMIT} characters")
]
Name = Annotated[str, BeforeValidator(as_text), cut(NAME_LIMIT), Kind(f"name, cut at {NAME_LIMIT} characters")]
Text = Annotated[str, BeforeValidator(as_text), cut(TEXT_LIMIT), Kind(f"text, cut at {TEXT_LIMIT} characters")]
# How many; from 0.
Count = Annotated[int, AfterValidator(_not_negative), Kind("count"), WithJsonSchema(_UNSIGNED_SCHEMA)]
# A whole number that may be negative, such as a balance of points.
Number = Annotated[int, AfterValidator(_safe_integer), Kind("whole number"), WithJsonSchema(_SIGNED_SCHEMA)]
# Hundredths of a percent, of a whole that is never exceeded: from 0 to 10000.
BasisPoints = Annotated[
    int,
    AfterValidator(_basis_points),
    Kind("basis points, hundredths of a percent"),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": WHOLE_BASIS_POINTS}),
]
# May be negative: the notice of a cancellation after the start.
Minutes = Annotated[int, AfterValidator(_safe_integer), Kind("minutes"), WithJsonSchema(_SIGNED_SCHEMA)]
# The amount of the action itself, `amount_minor`. Never negative: a minus would turn money out into money in.
Amount = Annotated[int, AfterValidator(_amount), Kind("amount in minor units"), WithJsonSchema(_UNSIGNED_SCHEMA)]
# Any other amount: a fee, a price, a balance.
Minor = Annotated[int, AfterValidator(_safe_integer), Kind("amount in minor units"), WithJsonSchema(_SIGNED_SCHEMA)]
Currency = Annotated[
    str,
    AfterValidator(_currency),
    Kind("currency code"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}),
]
# A time on the clock on which it was said: the offset that is sent, or that a datetime has, is kept.
# Validated by our own rule: pydantic would also take numbers and times without offset.
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    Kind("time with an offset"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[date, BeforeValidator(_day), Kind("date"), WithJsonSchema({"type": "string", "format": "date"})]
Json = Annotated[Any, BeforeValidator(_json), Kind("JSON without floats")]
JsonObject = Annotated[dict[str, Any], BeforeValidator(_json_object), Kind("object without floats")]
Words = Annotated[list[Word], AfterValidator(_few), Kind("list of words")]

# How much of a deposit goes back to a client who cancels too late, or did go back.
LateRefund = Literal["full", "partial", "none"]

PersonalText = Annotated[Text, Personal("identity")]
PersonalName = Annotated[Name, Personal("identity")]
PersonalObject = Annotated[JsonObject, Personal("identity")]
EvidenceId = Annotated[Id, Personal("evidence")]


# A host writes Annotated[Id, Refers("room")] for a kind of its own.
BookingRef = Annotated[Id, Refers("booking")]
ChargeRef = Annotated[Id, Refers("charge")]
RefundRef = Annotated[Id, Refers("refund")]
InvoiceRef = Annotated[Id, Refers("invoice")]
VoucherRef = Annotated[Id, Refers("voucher")]
VoucherOfferRef = Annotated[Id, Refers("voucher_offer")]
DisputeRef = Annotated[Id, Refers("dispute")]
ServiceRef = Annotated[Id, Refers("service")]
RewardRef = Annotated[Id, Refers("reward")]
CouponRef = Annotated[Id, Refers("coupon")]
SessionRef = Annotated[Id, Refers("session")]
PolicyRef = Annotated[Id, Refers("policy")]
LocationRef = Annotated[Id, Refers("location")]
SeriesRef = Annotated[Id, Refers("series")]


# Two threads may be the first to use a class at once; pydantic builds under a lock of its own from 2.14 only.
_BUILDING = RLock()


class BuiltOnce:
    """Beside BaseModel: a class whose check is built when it is first used, by whichever thread comes first."""

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Any = None,
    ) -> bool | None:
        with _BUILDING:
            rebuilt: bool | None = super().model_rebuild(  # type: ignore[misc]  # BaseModel's
                force=force,
                raise_errors=raise_errors,
                _parent_namespace_depth=_parent_namespace_depth + 1,  # this function is one frame more
                _types_namespace=_types_namespace,
            )
        return rebuilt


class _Part(BuiltOnce, BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class Someone(_Part):
    """A person named in a context field, declared as StaffMember or ClientPerson: whose ids `id` is one of.

    `id` is the host's id of the person; both members are personal values.

    A name of any length is taken: the draft cuts it and says so, as it does with the name of every other person.
    """

    id: Id
    name: PersonName | None = None


@dataclass(frozen=True, slots=True)
class Realm:
    """Whose ids a `Someone` field uses: the host's staff or its clients."""

    name: Literal["staff", "client"]


StaffMember = Annotated[Someone, Realm("staff"), Kind("staff member (id, name)")]
ClientPerson = Annotated[Someone, Realm("client"), Kind("client (id, name)")]

T = TypeVar("T")


class Changed(_Part, Generic[T]):
    """A value before and after."""

    old: T
    new: T


class FieldChange(_Part):
    """One field of an edited thing, before and after. Values are JSON without floats; None where there was none.

    An amount is a field whose name ends in `_minor`; `currency` is that of both its sides (`amounts.py`).
    """

    # What a body leaves out where it is None.
    unsaid: ClassVar[frozenset[str]] = frozenset({"currency"})

    field: Word
    old: Json = None
    new: Json = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _no_secret(self) -> Self:
        secrecy.check_field(self.field, (self.old, self.new))
        return self


def _some(changes: list[FieldChange]) -> list[FieldChange]:
    if not changes:
        raise ValueError("is empty; say at least one field that changed")
    return changes


ChangeList = Annotated[list[FieldChange], AfterValidator(_some), Kind("list of changes (field, old, new, currency)")]

# Before and after of things that name or describe a person; one value, so that it is erased whole.
PersonalChanges = Annotated[ChangeList, Personal("identity")]
EmailChange = Annotated[Changed[Email], Personal("identity")]


def to_json(value: Any) -> Any:
    """Return the JSON value of a validated field value: times and dates as text, models as objects."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is CutText:
        return str.__str__(value)
    if kind is datetime:
        return planned.write(value)
    if kind is date:
        return value.isoformat()
    if kind is list:
        return [to_json(member) for member in value]
    if kind is dict:
        return value
    if isinstance(value, BaseModel):
        unsaid = getattr(type(value), "unsaid", ())
        return {
            name: to_json(member) for name, member in value.__dict__.items() if member is not None or name not in unsaid
        }
    return to_json(str(value)) if isinstance(value, str) else value
