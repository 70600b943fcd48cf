"""Canonical JSON: RFC 8785 without floating-point numbers.

    value   = object | array | string | integer | true | false | null
    object  = members sorted by name; a name is ASCII, so that byte order, code point order and the UTF-16 order of
              RFC 8785 section 3.2.3 are the same order
    integer = -(2^53 - 1) .. 2^53 - 1, the range that every JSON reader keeps exactly (RFC 7493 section 2.2)
    string  = Unicode scalar values, unchanged (no normalisation); a lone surrogate is refused
    depth   = at most 64 objects and arrays inside each other, so that no reader's stack decides what is valid

UTF-8, no white space. `decode` is the strict inverse of `encode`: bytes that `encode` would not have printed are
refused, which also refuses duplicate names, floats, and other spellings of the same string. The encoder is orjson; the
tests show that it prints what the `rfc8785` package prints.
"""

from __future__ import annotations

from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any

import orjson

from ..errors import InvalidInput, MalformedProof

LARGEST_INTEGER = 2**53 - 1
# A host's object may nest 32 deep (catalogue/fields.py), and a body puts a handful of levels around it.
DEPTH_LIMIT = 64

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_NESTING = frozenset({dict, list})
_UNWRITABLE = "cannot be written as canonical JSON (lone surrogate, or nested too deeply)"


def encode(value: Any) -> bytes:
    """Return the canonical bytes of `value`, a tree of dict, list, str, int, bool and None.

    Raises InvalidInput for anything that has no canonical form: a float, an integer beyond 2^53 - 1, a lone surrogate,
    a name that is not an ASCII string, another type, more than DEPTH_LIMIT levels.
    """
    check(value)
    return encode_checked(value)


def encode_checked(value: Any) -> bytes:
    """`encode` for a tree that `check` has passed already, or that the program itself built of checked parts."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidInput(_UNWRITABLE) from error


def encode_each(values: Iterable[Any]) -> list[bytes]:
    """Return `encode_checked` of each value."""
    try:
        return [orjson.dumps(value, option=_OPTIONS) for value in values]
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidInput(_UNWRITABLE) from error


def encode_text(value: str) -> bytes:
    """`encode` for one string, without a buffer that is larger than it."""
    try:
        return encode_basestring(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("holds a lone surrogate, half of a character; send whole Unicode text") from error


def decode(data: bytes) -> Any:
    """Return the value of canonical bytes. Raises MalformedProof for every other input."""
    value = decode_typed(data)
    if not is_plain(value):
        raise MalformedProof("not canonical JSON")
    return value


def decode_typed(data: bytes) -> Any:
    """`decode` for a caller who then checks the type of each member, and `is_plain` where it may be any."""
    try:
        value = orjson.loads(data)
        # Names that are not ASCII would be printed again, in another order than RFC 8785's.
        if not data.isascii():
            check(value)
        again = encode_checked(value)
    except (orjson.JSONDecodeError, InvalidInput, RecursionError) as error:
        raise MalformedProof("not canonical JSON") from error
    if again != data:
        raise MalformedProof("JSON, but not in its canonical form")
    return value


def is_plain(value: Any) -> bool:
    """Whether there is no float and no deeper level: what orjson prints again, and `check` refuses."""
    return are_plain((value,))


def are_plain(values: Iterable[Any], levels: int = DEPTH_LIMIT) -> bool:
    """`is_plain` of each value, of which none may have more levels than these."""
    for _ in range(levels + 1):
        kinds = set(map(type, values))
        if float in kinds:
            return False
        if kinds.isdisjoint(_NESTING):
            return True
        deeper: list[Any] = []
        for value in values:
            if type(value) is dict:
                deeper += value.values()
            elif type(value) is list:
                deeper += value
        values = deeper
    return False


def check(value: Any, field: str = "", levels: int = DEPTH_LIMIT) -> None:
    """Raise InvalidInput, naming the place below `field`, where `value` has no canonical form."""
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _check_string(value, field)
    elif kind is int:
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise InvalidInput("is an integer beyond 2^53 - 1; send it as text", field)
    elif kind is dict:
        _check_depth(levels, field)
        for name, member in value.items():
            if type(name) is not str or not name.isascii():
                raise InvalidInput("has a member whose name is not plain ASCII; rename it", field)
            check(member, f"{field}.{name}" if field else name, levels - 1)
    elif kind is list:
        _check_depth(levels, field)
        for index, member in enumerate(value):
            check(member, f"{field}.{index}" if field else str(index), levels - 1)
    elif value is None or kind is bool:
        return
    elif kind is float:
        raise InvalidInput("is a floating-point number; send an integer (money in minor units) or text", field)
    else:
        raise InvalidInput(f"is of type {kind.__name__}, which JSON does not have", field)


def _check_depth(levels: int, field: str) -> None:
    if levels == 0:
        raise InvalidInput(f"is nested deeper than {DEPTH_LIMIT} levels; send it flatter", field)


def _check_string(value: str, field: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("holds a lone surrogate, half of a character; send whole Unicode text", field) from error
