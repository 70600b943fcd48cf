"""What an action is, and the one register of all of them.

An action is declared once, by one class statement; importing its module registers it:

    class BookingCancelled(
        Action,
        code="booking.cancelled",                      # frozen once released
        label="Cancelled reservation",                 # message id, rendered at read time
        category="bookings",
        targets=("booking",),                          # kinds that the target may have
        sentence="{actor} cancelled reservation {target}",
        detail=("{service_name}", ("{-notice_minutes} after it began", "{notice_minutes} before it began")),
        brief="cancelled {target}",
    ):
        starts_at: Instant | None = None               # required is only what the sentence prints

A host declares its own in the same way, in a module of its own. Ours are imported when one of them is first asked for
(`modules.py`). An unknown code is refused on write and readable on read.

What a declaration must keep to, or the class statement raises TypeError:

- The sentence prints `{actor}`, `{target}`, `{client}`, `{amount}` and required fields; of a field that changed, `.old`
  and `.new`. `{amount}` is made of `amount_minor` and `currency`.
- `headline` is what a row says beside the label, and `detail` its second line, both made of optional fields too
  (`clauses.py`): each clause is printed where everything that it names is there. Without a headline a row says the
  name of the target, and what the sentence prints besides. `brief` names the entry where it is one of several of a
  click ("and 3 more: refunded 30.00 EUR"): a sentence without the actor, or a tuple of clauses, of which the first that
  fits is said. Without one, the label.
- `money` says what the action does to money: "in", "out", "none", or "in_undone" and "out_undone" for what takes back
  an amount that counted before (`indelible.format.money`). Where it counts, `amount_minor` and `currency` are required:
  they are the one amount of the entry that counts. Other amounts have names of their own (`fee_minor`).
- Whose a person is, is said and never guessed: a target that is a person is of kind `staff` or `client`, a person in
  the context a `StaffMember` or a `ClientPerson`. No other kind (`account`, `patient`) stands for one, and `Refers` for
  none.
- No field has the name of a secret (`secrecy.py`) unless it is true or false, or one of a list of words.
- An amount, a field whose name ends in `_minor`, needs a field `currency` beside it; an entry with the one and not the
  other is refused. A number under another name of money (`price`, `no_show_fee`) is no field. What is inside a list of
  changes or a JSON object is held to the same when it is recorded (`amounts.py`).
- A text that stands for itself (a name, an id, a code from the host's list) is shown as it was sent. Said in words, and
  translated, are the values of a `Literal` and the codes of a `Vocabulary`.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ..errors import InvalidInput
from . import amounts, clauses, modules
from .fields import BuiltOnce, Changed, Personal, Realm, Refers, Someone, Vocabulary, to_json
from .refusal import in_one_sentence
from .secrecy import is_secret_name

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)  # it has no public name

Money = Literal["in", "in_undone", "out", "out_undone", "none"]

# In the order in which a reader is shown them. A host adds its own with `name_category`.
CATEGORIES: dict[str, str] = {
    "bookings": "Reservations",
    "payments": "Payments",
    "vouchers": "Vouchers",
    "services": "Services and schedule",
    "clients": "Clients",
    "account": "Account",
    "loyalty": "Loyalty",
    "settings": "Settings",
    "log": "The log itself",
}
# Those that a page has an icon and a colour for, whatever a host adds.
OUR_CATEGORIES = frozenset(CATEGORIES)

# Kinds of things whose name is not just their code; a host adds its own with `name_kind`.
KINDS: dict[str, str] = {
    "api_key": "API key", "booking": "Reservation", "log": "Log", "loyalty_account": "Loyalty account",
}  # fmt: skip

# Kinds of target that are a person: the body holds a token in place of the id. The kind says whose id it is.
PERSON_KINDS = frozenset({"client", "staff", "loyalty_account"})

# Kinds that are a person by another name. Their ids would be in a body in clear, and nobody could say whose they are.
_OTHER_NAMES = frozenset(
    (
        *("account", "user", "person", "customer", "patient", "guest", "member", "contact", "lead", "guardian"),
        *("employee", "practitioner", "therapist", "doctor", "support"),
    )
)

_CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", re.ASCII)
_CODE_LIMIT = 64
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
# A word of a Literal that is one of a language; `17_1_a` is no word in any.
_SAYABLE = re.compile(r"[a-z]+(_[a-z]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """What the journal needs to know of one context field, worked out once when the class is declared."""

    name: str
    # Where it stands in a document.
    path: str
    required: bool
    personal: Personal | None
    refers: str | None
    realm: Literal["staff", "client"] | None
    changed: bool
    # Its texts that are said in words and translated; every other is shown as it was sent.
    words: frozenset[str]
    # Whether it holds times or days; else a text that looks like one is shown as it was sent.
    timed: bool
    # Whether it holds JSON of the host's own making.
    open: bool


_REGISTER: dict[str, type[Action]] = {}


class Made(ModelMetaclass):
    """Turns what pydantic says of a wrong argument into our one sentence; its own text may hold the value."""

    def __call__(self: Any, *args: Any, **fields: Any) -> Any:
        if args:
            raise InvalidInput(f"{self.__name__} takes its fields by name, such as {self.__name__}(field=...)")
        try:
            return type.__call__(self, **fields)
        except ValidationError as error:
            raise in_one_sentence(getattr(self, "code", self.__name__), tuple(self.model_fields), error) from None


class Action(BuiltOnce, BaseModel, metaclass=Made):
    """One thing that can happen. Fields are the context; class arguments are what is fixed about the action."""

    # Most programs use a few actions, and building the check of each one costs more than all else of the import.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    code: ClassVar[str]
    label: ClassVar[str]
    category: ClassVar[str]
    targets: ClassVar[tuple[str, ...]]
    sentence: ClassVar[str]
    # The clauses of a row's first and second line; each, and `brief`, is a message id like the sentence.
    headline: ClassVar[clauses.Detail] = ()
    detail: ClassVar[clauses.Detail] = ()
    brief: ClassVar[str | tuple[str, ...]] = ""
    version: ClassVar[int]
    money: ClassVar[Money]
    by_journal: ClassVar[bool]
    # Whether the target may also be of a kind that only a host's own actions have.
    every_kind: ClassVar[bool] = False
    fields_of_context: ClassVar[tuple[Field, ...]]
    amounts: ClassVar[tuple[str, ...]] = ()
    # Those that hold JSON of the host's own making, or its lists of changes.
    open_fields: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _currency_of_amounts(self) -> Self:
        if not (self.amounts or self.open_fields):
            return self
        currency = getattr(self, "currency", None)
        if self.amounts and currency is None:
            for name in self.amounts:
                if getattr(self, name) is not None:
                    raise ValueError(f"has {name} and no currency; send the currency's code, such as EUR")
        for name in self.open_fields:
            value = getattr(self, name)
            if value is not None:
                amounts.check(name, to_json(value), to_json(currency), (name,))
        return self

    def __init_subclass__(
        cls,
        *,
        code: str | None = None,
        label: str = "",
        category: str = "",
        targets: tuple[str, ...] = (),
        sentence: str = "",
        headline: clauses.Detail = (),
        detail: clauses.Detail = (),
        brief: str | tuple[str, ...] = "",
        version: int = 1,
        money: Money = "none",
        by_journal: bool = False,
        every_kind: bool = False,
    ) -> None:
        super().__init_subclass__()
        taken = _RESERVED & set(cls.__annotations__)
        if taken:
            raise TypeError(f"{cls.__name__}: a context field cannot be called {min(taken)}; the class uses that name")
        if code is None:
            return  # a shared base of several actions, not an action
        cls.code, cls.label, cls.category, cls.targets = code, label, category, targets
        cls.sentence, cls.headline, cls.detail, cls.brief = sentence, headline, detail, brief
        cls.version, cls.money, cls.by_journal, cls.every_kind = version, money, by_journal, every_kind

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Called by pydantic once the fields are known: work out what the journal needs of them, and register."""
        if "code" not in cls.__dict__:
            return
        derive(cls)
        _check_declaration(cls)
        if not is_built_in(cls):
            cls.model_rebuild()  # a host hears of a type that cannot be checked where it declares it
        _register(cls)


# What the class says about the action; a context field of the same name would hide it.
_RESERVED = frozenset({*Action.__annotations__} - {"model_config"})


def derive(cls: type[Action]) -> None:
    """Work out from a class's fields what the journal needs of them."""
    cls.fields_of_context = tuple(field_of(cls, name) for name in cls.model_fields)
    cls.amounts = tuple(name for name in cls.model_fields if name.endswith(amounts.SUFFIX))
    cls.open_fields = tuple(field.name for field in cls.fields_of_context if field.open)


def field_of(cls: type[BaseModel], name: str) -> Field:
    """Return what the journal needs to know of one field of a class."""
    info = cls.model_fields[name]
    markers, leaves = [*info.metadata, *_markers(info.annotation)], _leaves(info.annotation)
    realm = next((marker.name for marker in markers if isinstance(marker, Realm)), None)
    return Field(
        name=name,
        path=f"context.{name}",
        required=info.is_required(),
        personal=next((marker for marker in markers if isinstance(marker, Personal)), None),
        refers=next((marker.kind for marker in markers if isinstance(marker, Refers)), None),
        realm=realm,
        changed=_mentions(info.annotation, Changed),
        words=frozenset(
            {word for marker in markers if isinstance(marker, Vocabulary) for word in marker.words}
            | {leaf for leaf in leaves if isinstance(leaf, str) and _SAYABLE.fullmatch(leaf)}
        ),
        timed=not leaves.isdisjoint((datetime, date)),
        open=any(leaf is dict or leaf is Any or _is_own(leaf) for leaf in leaves),
    )


def _leaves(annotation: Any) -> set[Any]:
    """The types that a field's values have in the end, and, as themselves, the words of every Literal."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return set(parts)
    if origin is dict:
        return {dict}
    if origin is Annotated:
        parts = parts[:1]
    if isinstance(annotation, type) and issubclass(annotation, Changed):
        parts = (annotation.model_fields["new"].annotation,)
    return set().union(*map(_leaves, parts)) if parts else {annotation}


def _is_own(leaf: Any) -> bool:
    """Whether a type is an object with members of its own: a change, or a part that a host declared."""
    return isinstance(leaf, type) and issubclass(leaf, BaseModel) and not issubclass(leaf, Someone)


def _markers(annotation: Any) -> list[Any]:
    """The marks in `X | None`, `Annotated[X, ...]` and, for `Changed[...]`, in what it changes."""
    found: list[Any] = []
    if typing.get_origin(annotation) is Annotated:
        found += annotation.__metadata__
    if isinstance(annotation, type) and issubclass(annotation, Changed):
        new = annotation.model_fields["new"]
        found += [*new.metadata, *_markers(new.annotation)]
    for part in typing.get_args(annotation):
        found += _markers(part)
    return found


def _mentions(annotation: Any, wanted: type) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, wanted):
        return True
    if isinstance(annotation, type) and issubclass(annotation, Changed):
        return _mentions(annotation.model_fields["new"].annotation, wanted)
    return any(_mentions(part, wanted) for part in typing.get_args(annotation))


def takes_target(cls: type[Action], kind: str) -> bool:
    """Whether an action may have a target of this kind; one of `every_kind` takes those of a host's own, too."""
    return kind in cls.targets or (cls.every_kind and any(kind in other.targets for other in _REGISTER.values()))


@lru_cache(maxsize=1024)
def placeholders(sentence: str) -> tuple[str, ...]:
    """The names between braces in a sentence, in order: `actor`, `target`, `client`, `amount`, `starts_at.old`, ..."""
    return tuple(name for _, name, _, _ in Formatter().parse(sentence) if name is not None)


def _check_declaration(cls: type[Action]) -> None:
    code = cls.code
    if not _CODE.fullmatch(code) or len(code) > _CODE_LIMIT:
        raise TypeError(f"{code!r} is not an action code; write noun.past in lower case, such as room.cleaned")
    if not (cls.label and cls.category and cls.targets and cls.sentence):
        raise TypeError(f"{code} needs a label, a category, targets and a sentence")
    for kind in cls.targets:
        if kind in _OTHER_NAMES:
            raise TypeError(f"{code} has the target {kind}, which is a person; say whose: staff or client")
    check_fields(code, cls, "currency" in cls.model_fields)
    required = {field.name for field in cls.fields_of_context if field.required}
    money = {"amount_minor", "currency"}
    if cls.money != "none" and not money <= required:
        raise TypeError(f"{code} counts as money {cls.money}, so amount_minor and currency must be required fields")
    printable = {"target", "client"} | ({"amount"} if money <= required else set())
    for field in cls.fields_of_context:
        if field.required:
            printable |= {f"{field.name}.old", f"{field.name}.new"} if field.changed else {field.name}
    _check_prints(code, "sentence", cls.sentence, printable | {"actor"})
    if isinstance(cls.brief, tuple):
        check_detail(code, (cls.brief,), cls)
    else:
        _check_prints(code, "brief", cls.brief, printable)
    check_detail(code, cls.headline, cls)
    check_detail(code, cls.detail, cls)


def _check_prints(code: str, what: str, template: str, printable: set[str]) -> None:
    try:
        named = placeholders(template)
    except ValueError:
        raise TypeError(f"{code}: the {what} has braces that are no placeholders; write {{field}}") from None
    for name in named:
        if name == "actor" and name not in printable:
            raise TypeError(f"{code}: the {what} prints {{actor}}, who is said before it; leave it out")
        if name not in printable:
            raise TypeError(f"{code}: the {what} prints {{{name}}}, which is not there in every entry of it")


def check_detail(owner: str, detail: clauses.Detail, *classes: type[BaseModel]) -> None:
    """Check that clauses print only what the fields of these classes can say. Raises TypeError, naming the owner."""
    leaves = {name: _leaves(info.annotation) for cls in classes for name, info in cls.model_fields.items()}
    printable = clauses.Printable(
        leaves,
        {name for cls in classes for name, info in cls.model_fields.items() if _mentions(info.annotation, Changed)},
        {name for name, found in leaves.items() if int in found},
        {name for name, found in leaves.items() if bool in found},
    )
    clauses.check(detail, printable, lambda rest: TypeError(f"{owner} {rest}"))


def check_fields(owner: str, cls: type[BaseModel], has_currency: bool) -> None:
    """Check the fields of a class, by what the module's docstring says of secrets, amounts and people.

    `has_currency` says whether there is a field `currency` beside them. Raises TypeError, naming the owner.
    """
    fields = [field_of(cls, name) for name in cls.model_fields]
    _check_people(owner, cls, fields)
    for field in fields:
        name, annotation = field.name, cls.model_fields[field.name].annotation
        if is_secret_name(name) and not _tells_no_secret(annotation):
            raise TypeError(
                f"{owner} has the field {name}, the name of a secret, and a log keeps none; declare "
                f"{name}_changed: bool"
            )
        if _mentions(annotation, float):
            raise TypeError(
                f"{owner}: {name} is a floating-point number, which is not written in one way only; declare an integer "
                "in a smaller unit, or text"
            )
        if name.endswith(amounts.SUFFIX):
            if not has_currency:
                raise TypeError(f"{owner} has the amount {name} and no field currency")
        elif amounts.is_money(name) and int in _leaves(annotation):
            raise TypeError(f"{owner}: {name} is money without its unit; declare {name}_minor: Minor, and a currency")


def _check_people(owner: str, cls: type[BaseModel], fields: Sequence[Field]) -> None:
    for field in fields:
        if field.realm is None and _mentions(cls.model_fields[field.name].annotation, Someone):
            raise TypeError(
                f"{owner} has a person in {field.name} and does not say whose; use StaffMember or ClientPerson"
            )
        if field.refers in _OTHER_NAMES | PERSON_KINDS:
            raise TypeError(
                f"{owner} refers to a person in {field.name}, whose id would be in clear; use StaffMember or "
                "ClientPerson"
            )


def _tells_no_secret(annotation: Any) -> bool:
    """Whether what a field takes is true or false, or one of a list of words."""
    parts = [part for part in typing.get_args(annotation) if part is not type(None)]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union, Annotated):
        return _tells_no_secret(parts[0])
    return annotation is bool or typing.get_origin(annotation) is Literal


def is_built_in(cls: type[Action]) -> bool:
    """Whether an action comes with Indelible, and is not one that a host declared."""
    return cls.__module__.startswith(f"{__package__}.")


def _register(cls: type[Action]) -> None:
    # A host hears where it declares it that a code is ours already, also if nobody has asked for it yet.
    other = _REGISTER.get(cls.code) if is_built_in(cls) else find(cls.code)
    if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(f"{cls.code} is declared twice, by {other.__module__} and by {cls.__module__}")
    _REGISTER[cls.code] = cls


def name_category(code: str, title: str) -> None:
    """Say what a host's own category is called where a reader sees it. Raises TypeError."""
    _name(CATEGORIES, code, title, "category")


def name_kind(code: str, title: str) -> None:
    """Say what a host's own kind of thing is called where a reader sees it. Raises TypeError."""
    _name(KINDS, code, title, "kind")


def _name(names: dict[str, str], code: str, title: str, what: str) -> None:
    if not _WORD.fullmatch(code) or not title.strip():
        raise TypeError(f"{code!r} is not the code of a {what} with a title; write one in lower case, such as rooms")
    if names.get(code, title) != title:
        raise TypeError(f"the {what} {code} is already called {names[code]!r}")
    names[code] = title


def category_title(code: str) -> str:
    """Return what a category is called: a message id. One that was not named is called by its code."""
    return CATEGORIES.get(code) or _plain(code)


def kind_title(code: str) -> str:
    """Return what a kind of thing is called: a message id. One that was not named is called by its code."""
    return KINDS.get(code) or _plain(code)


def _plain(code: str) -> str:
    return code.replace("_", " ").capitalize()


def find(code: str) -> type[Action] | None:
    """Return the class of an action code, or None where nothing declares it."""
    found = _REGISTER.get(code)
    if found is None:
        modules.load(code)
        found = _REGISTER.get(code)
    return found


def registered() -> tuple[type[Action], ...]:
    """Every declared action, by category in reading order; in each ours in order of declaration, then the hosts'."""
    modules.load_all()
    order = {category: index for index, category in enumerate(CATEGORIES)}

    def place(cls: type[Action]) -> tuple[int, bool]:
        return order.get(cls.category, len(order)), not is_built_in(cls)

    return tuple(sorted(_REGISTER.values(), key=place))
