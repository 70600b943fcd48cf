"""A host's ids in addresses: they may hold anything that can be printed, a slash and a lone dot too.

    a/b  →  a~2Fb          ..  →  ~2E~2E          bk_99812  →  bk_99812

Percent signs would not do: a server undoes them before the address is taken apart.
"""

from __future__ import annotations

import re

_ESCAPED = {"~": "~7E", "/": "~2F", "\\": "~5C"}
_MEANT = {code: mark for mark, code in _ESCAPED.items()} | {"~2E": "."}


class HostsId:
    """Django's converter of one part of a path."""

    regex = "[^/]+"

    def to_python(self, text: str) -> str:
        return re.sub("~(7E|2F|5C|2E)", lambda found: _MEANT[found[0]], text)

    def to_url(self, thing: str) -> str:
        if thing in (".", ".."):  # browsers take them for folders
            return thing.replace(".", "~2E")
        return "".join(_ESCAPED.get(mark, mark) for mark in str(thing))
