"""Pins: what a test holds fast of actions whose entries are in a log, so that no change of theirs goes unnoticed.

    check_pins({"parlour.aired": "Aired room\t1\twindow: word; minutes: minutes"})

A pin is the label, the version and, where a third part is there, the fields of an action, with a tab between:

    label TAB version [TAB name: type in words, → kind, personal class; ...]

`pin(cls)` writes it. A label may change, as it is looked up when somebody reads: change its pin with it. A field may
not, without another version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..catalogue import Action, Field, registered
from ..catalogue.schema import type_in_words


def pin(cls: type[Action]) -> str:
    """Return the whole pin of an action."""
    fields = "; ".join(_field(cls, field) for field in cls.fields_of_context)
    return f"{cls.label}\t{cls.version}\t{fields}"


def _field(cls: type[Action], field: Field) -> str:
    said = f"{field.name}: {type_in_words(cls, field.name)}"
    said += f" → {field.refers}" if field.refers else ""
    return said + (f", {field.personal.personal_class}" if field.personal else "")


def check_pins(pinned: Mapping[str, str], actions: Iterable[type[Action]] | None = None) -> None:
    """Compare pins, by code, with the actions that are declared: by default those of hosts, and none of ours.

    Raises AssertionError with one sentence that names the code.
    """
    if actions is None:
        actions = (cls for cls in registered() if not cls.__module__.startswith("indelible."))
    declared = {cls.code: pin(cls) for cls in actions}
    for code, before in pinned.items():
        if code not in declared:
            raise AssertionError(
                f"{code} is pinned and no longer declared; entries have this code, so declare it again"
            )
        _compare(code, before, declared[code])
    parts = max((text.count("\t") for text in pinned.values()), default=2) + 1  # as the others are pinned
    new = ["\t".join([code, *text.split("\t")[:parts]]) for code, text in declared.items() if code not in pinned]
    if new:
        raise AssertionError(f"{new[0].partition(chr(9))[0]} is not pinned; add what is new:\n" + "\n".join(new))


def _compare(code: str, before: str, now: str) -> None:
    old, new = before.split("\t"), now.split("\t")
    if len(old) not in (2, 3):
        raise AssertionError(f"{code} has a pin that is no label, version and fields; write {now!r}")
    if old[0] != new[0]:
        raise AssertionError(
            f"{code} is pinned with the label {old[0]!r} and has {new[0]!r}; if it is meant, change the pin"
        )
    if old[1] != new[1]:
        raise AssertionError(f"{code} is pinned with version {old[1]} and has {new[1]}; if it is meant, change the pin")
    if old[2:] and old[2] != new[2]:
        raise AssertionError(
            f"{code} has fields that differ from its pin ({_difference(old[2], new[2])}); give it another version, and "
            "then change the pin"
        )


def _difference(old: str, new: str) -> str:
    """The first field that went, came or changed."""
    before, now = (dict(one.split(": ", 1) for one in text.split("; ") if one) for text in (old, new))
    for name in (*before, *now):
        if before.get(name) != now.get(name):
            return f"{name} was {before.get(name, 'not there')} and is {now.get(name, 'not there')}"
    return "their order"
