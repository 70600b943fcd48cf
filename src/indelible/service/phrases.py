"""An entry's words in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from django.utils.translation import gettext as _

from ..view import View


class Phrases:
    def who(self, view: View) -> str:
        return _(view.who) if view.members["actor"]["kind"] == "system" else view.who

    def why(self, view: View) -> str:
        return view.why

    def label(self, view: View) -> str:
        return _(view.label)

    def role(self, view: View) -> str:
        return view.actor.get("role") or ""

    def sentence(self, view: View) -> Iterator[tuple[str, str]]:
        yield "", view.sentence


@lru_cache(maxsize=1)
def phrases() -> Phrases:
    return Phrases()
