"""Fields of a host's own on an action of ours.

    class Room(Extra, of=(BookingCreated, BookingRescheduled), prefix="acme", detail=("room {acme_room}",)):
        acme_room: Annotated[Id, Refers("room")] | None = None
        acme_wish: PersonalText | None = None

From then on these actions take the fields as they take their own: in Python, in documents, in exports and stories. A
type checker, which cannot know them, takes them as `BookingCreated(starts_at=..., **Room(acme_room="r7"))`.

What a declaration must keep to, or the class statement raises TypeError:

- Every field begins with the prefix and an underscore, and none of ours begins so: a name such as your company's, that
  no field of a later release will take. Each is optional, as entries without it are there.
- The rules of an action's fields (`action.py`). An amount needs a field `currency` in every action that it widens.
- What the log itself writes (`by_journal`) is not widened.

`detail` adds clauses to the end of the second line. Whoever has not loaded the declaration reads the entries all the
same: the field is shown under its plain name.

The same class declared again, as when its module is loaded again, takes the place of the first.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from . import clauses
from .action import Action, Made, check_detail, check_fields, derive, find, registered

_PREFIX = re.compile(r"[a-z][a-z0-9]{1,19}", re.ASCII)


class Extra(BaseModel, metaclass=Made):
    """Optional fields for the actions `of`, each named `prefix_…`. An instance unpacks with `**` to what was given."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    of: ClassVar[tuple[type[Action], ...]] = ()
    detail: ClassVar[clauses.Detail] = ()
    _given: dict[str, Any]

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._given = given  # as it came: the action checks it again, and cuts what is too long

    def keys(self) -> Iterator[str]:
        return iter(self._given)

    def __getitem__(self, name: str) -> Any:
        return self._given[name]

    def __init_subclass__(
        cls, *, of: Sequence[type[Action]] = (), prefix: str = "", detail: clauses.Detail = (), **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.of, cls.detail = tuple(of), detail

    @classmethod
    def __pydantic_init_subclass__(cls, *, prefix: str = "", **kwargs: Any) -> None:
        """Called by pydantic once the fields are known: check all of it, and only then widen."""
        before = next((one for one in _DECLARED if _place(one) == _place(cls)), None)
        if before is not None:
            undo(before)
        try:
            _check(cls, prefix)
        except TypeError:
            if before is not None:
                _widen(before)
            raise
        _widen(cls)


# Those that widen an action now, in order of declaration; and the second lines without them.
_DECLARED: list[type[Extra]] = []
_OWN_DETAIL: dict[type[Action], clauses.Detail] = {}


def undo(extra: type[Extra]) -> None:
    """Take the fields of a declaration away again: for tests, as a log keeps what was recorded with them."""
    _DECLARED.remove(extra)
    for cls in extra.of:
        for name in extra.model_fields:
            del cls.__pydantic_fields__[name]
        _rebuild(cls)


def _place(extra: type[Extra]) -> tuple[str, str]:
    return extra.__module__, extra.__qualname__


def _check(extra: type[Extra], prefix: str) -> None:
    name = extra.__name__
    if not _PREFIX.fullmatch(prefix):
        raise TypeError(f'{name} needs a prefix of 2 to 20 small letters and digits, such as prefix="acme"')
    if taken := _ours(prefix):
        raise TypeError(f"{name} has the prefix {prefix}, and {taken} is a field of ours; use a name of your own")
    if not extra.of or not extra.model_fields:
        raise TypeError(f"{name} needs actions and fields; write of=(BookingCreated,) and a field {prefix}_...")
    for field, info in extra.model_fields.items():
        if not re.fullmatch(rf"{prefix}_[a-z0-9_]+", field, re.ASCII):
            raise TypeError(f"{name} has the field {field}, whose name does not begin with {prefix}_")
        if info.is_required():
            raise TypeError(
                f"{name} has the required field {field}; write `| None = None`, as entries without it are there"
            )
    for cls in extra.of:
        _check_action(extra, cls)


def _ours(prefix: str) -> str:
    """A field of a built-in action that begins with the prefix, or nothing."""
    widened = {field for extra in _DECLARED for field in extra.model_fields}
    ours = (cls.model_fields for cls in registered() if cls.__module__.startswith("indelible."))
    found = (field for fields in ours for field in fields if field.startswith(f"{prefix}_") and field not in widened)
    return next(found, "")


def _check_action(extra: type[Extra], cls: type[Action]) -> None:
    name, code = extra.__name__, getattr(cls, "code", "")
    if not code or find(code) is not cls:
        raise TypeError(f"{name} widens {getattr(cls, '__name__', 'something')}, which is no declared action")
    if cls.by_journal:
        raise TypeError(f"{name} widens {code}, which the log itself writes; declare an action of your own")
    for field in extra.model_fields:
        if field in cls.model_fields:
            raise TypeError(f"{name} has the field {field}, which {code} has already; give it another name")
    check_fields(f"{name}, for {code},", extra, "currency" in cls.model_fields)
    check_detail(name, extra.detail, cls, extra)


def _widen(extra: type[Extra]) -> None:
    _DECLARED.append(extra)
    for cls in extra.of:
        for name, info in extra.model_fields.items():
            cls.__pydantic_fields__[name] = copy.copy(info)
        _rebuild(cls)


def _rebuild(cls: type[Action]) -> None:
    own = _OWN_DETAIL.setdefault(cls, cls.detail)
    cls.detail = own + tuple(clause for extra in _DECLARED if cls in extra.of for clause in extra.detail)
    derive(cls)
    if cls.__pydantic_complete__:  # else it is built, with these fields, when it is first used
        cls.model_rebuild(force=True)
