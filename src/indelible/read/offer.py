"""The offer: what a clinic's services and rewards are called, so that one is found by its name as it is typed.

Their names are sealed as every name is, and kept in the memory of the process alone, beside those of people
(`directory.py`). They are taken from the entries that make, change or delete such a thing, of which a log has few: the
newest ones of each action. A name from an entry about a client is not taken; tied to a client it tells about them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import StorageFailure
from ..keep.personal import Sealer
from ..stores.contract import EntryRow, Rows, Selection
from .matching import fold
from .view import unseal

# The actions that say what such a thing is called.
_NAMING = frozenset({
    "service.created", "service.edited", "service.deleted", "service.restored",
    "reward.created", "reward.edited", "reward.deleted",
})  # fmt: skip
# Entries of each that are opened at first: more than a clinic makes services in its life.
_MOST_OPENED = 500
# Things that are remembered, so that no host fills the memory.
_MOST_THINGS = 5_000

_WORD = re.compile(r"\w+")


class Offered(NamedTuple):
    """A thing that the clinic offers, or did: `deleted` says that its newest entry took it away."""

    kind: str
    id: str
    name: str
    deleted: bool


class Offer:
    """The names of what one clinic offers. One thread at a time."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._things: dict[tuple[str, str], tuple[Offered, str]] = {}

    def read(self, rows: Rows, up_to: int) -> None:
        """Open the newest entries that name something. Raises StorageFailure."""
        found: dict[int, EntryRow] = {}
        for action in sorted(_NAMING):
            selection = Selection(up_to=up_to, actions=(action,))
            found.update((row.seq, row) for row in rows.page(selection, None, _MOST_OPENED))
        for seq in sorted(found):
            self.take(found[seq])

    def take(self, row: EntryRow) -> None:
        """Take up what an entry, newer than those before, says that something is called."""
        if row.action not in _NAMING:
            return
        try:
            unsealed = unseal(row, self._sealer)
        except StorageFailure:
            return  # verify reports the body that was changed
        target = unsealed.members.get("target", {})
        if "client" in unsealed.members or "id" not in target:
            return
        which = target["kind"], target["id"]
        known = self._things.get(which)
        name = next((values["target.name"] for group in unsealed.groups
                     if "target.name" in group.paths and (values := group.values())), None)  # fmt: skip
        if not isinstance(name, str):
            name = known[0].name if known else ""
        if known or (name and len(self._things) < _MOST_THINGS):
            thing = Offered(*which, name, row.action.endswith(".deleted"))
            self._things[which] = thing, f" {' '.join(_WORD.findall(fold(name)))} "

    def begin(self, parts: Sequence[str], limit: int | None) -> Sequence[Offered]:
        """Return up to so many things, None for all, whose names have words with these folded beginnings; what is
        offered first."""
        sought = [f" {part}" for part in parts]
        found = [thing for thing, words in self._things.values() if all(part in words for part in sought)]
        return sorted(found, key=lambda one: (one.deleted, one.name, one.id))[:limit]
