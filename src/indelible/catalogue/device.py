"""A user agent in words: "Safari on iPhone", "Chrome on Windows".

The words are what the browser says about itself, made readable by the `ua-parser` package; a browser may say anything.
An iPad that asks for desktop pages says that it is a Mac. The words are made when an entry is read and are no part of
its body, so a later release may word them better.

    words = name " on " place | name | place | ""     at most 84 characters, printable ASCII; "" where nothing is known
"""

from __future__ import annotations

import re
from functools import lru_cache

# A browser's user agent has 100 to 300 characters; what comes later names no browser. It bounds the time for one text.
LONGEST_USER_AGENT = 1000

_NAMES = {
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "App with web view",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "App with web view",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer",
    "Opera Mobile": "Opera",
}

_PLACES = {
    "Mac OS X": "Mac",
    "Mac OS": "Mac",
    "iOS": "iPhone or iPad",
    "Ubuntu": "Linux",
    "Debian": "Linux",
    "Fedora": "Linux",
    "Red Hat": "Linux",
    "Other": "",
}

_DEVICES = frozenset({"iPhone", "iPad"})

# Some names are cut from the user agent itself; nothing else that a stranger wrote gets into a page or a cell.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/+-]{0,39}", re.ASCII)


def words(user_agent: str) -> str:
    """Return browser and device in words, or "" where nothing is known. Raises nothing for any text."""
    return _words(user_agent[:LONGEST_USER_AGENT])


# A clinic is used from a few hundred devices; a page or an export meets the same ones again and again.
@lru_cache(maxsize=4096)
def _words(user_agent: str) -> str:
    if not user_agent.strip():
        return ""
    import ua_parser  # late: it loads its rules, and most commands never show a device

    # The parser takes UTF-8; a lone surrogate has none.
    found = ua_parser.parse(user_agent.encode("utf-8", "replace").decode("utf-8"))
    family = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    device = found.device.family if found.device else ""
    name = _plain(_NAMES.get(family, family))
    if device == "Spider":
        return f"{name} (robot)" if name else "Robot"
    place = device if device in _DEVICES else _plain(_PLACES.get(system, system))
    return f"{name} on {place}" if name and place else name or place


def _plain(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text != "Other" else ""
