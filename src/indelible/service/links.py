"""Doors back: where a host shows its own things, so that a story ends where it can be put right.

    booking: https://app.example/bookings/{id}          one line for each kind of thing that the log knows
    client: https://app.example/clients/{id}/card

    links = one kind and one address a line; empty lines do not count
    address = https://…, or http://… on this machine, with {id} once, behind the host

An id is a host's own text and goes into an address percent-encoded, so that it leads to that host and nowhere else:
scheme, name and port are whole before any id comes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from ..errors import InvalidInput

PLACEHOLDER = "{id}"
# More kinds than a host has, and more than a reader of the settings reads.
LINES_LIMIT = 40
# Browsers and proxies take 2,000 characters; an id has up to 255, each of up to twelve when it is encoded.
ADDRESS_LIMIT = 500
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+", re.ASCII)
_NEVER = "\\\"'<>`^|"  # a browser reads a backslash as a slash
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)

Links = Mapping[str, str]

# What can be wrong with a line: message ids.
NO_LINE = "is no kind and address; write it as booking: https://app.example/bookings/{id}"
NO_KIND = (
    "names a kind of thing that the log does not know; write booking, client, charge, voucher or service, or another "
    "kind that entries are about"
)
TWICE = "gives a kind a second address; leave one of them out"
TOO_LONG = "has an address longer than 500 characters; give a shorter one"
NO_MARKS = "has an address with a space or a character that no address has; leave it out, or percent-encode it"
ONE_ID = "needs {id} once, and no other braces; write {id} where the id of the thing goes"
NO_ADDRESS = "has no address that a browser takes; write it as https://app.example/bookings/{id}"
NO_HTTPS = "needs an address that begins with https://"
NO_SECRET = "has a name or a password in its address; leave out what stands before the @"  # noqa: S105 - no password
ID_IN_HOST = "has {id} in the name of the host; put it behind it, as in https://app.example/bookings/{id}"
TOO_MANY = "is one line too many: 40 are enough; leave some out"
MESSAGES = (
    NO_LINE, NO_KIND, TWICE, TOO_LONG, NO_MARKS, ONE_ID, NO_ADDRESS, NO_HTTPS, NO_SECRET, ID_IN_HOST, TOO_MANY,
)  # fmt: skip


class WrongLine(InvalidInput):
    """A line of the addresses is wrong. `what` is a message id, for a page in a reader's language."""

    def __init__(self, number: int, what: str, field: str) -> None:
        super().__init__(f"line {number} {what}", field)
        self.number, self.what = number, what


class Door(NamedTuple):
    """Where a thing is shown in its host's program; `host` is what the address's name is, for a reader."""

    address: str
    host: str


def parse(text: str, kinds: Iterable[str] | None = None, field: str = "links") -> dict[str, str]:
    """Return the address of each kind; without `kinds` of any. Raises WrongLine."""
    known = None if kinds is None else frozenset(kinds)
    found: dict[str, str] = {}
    for number, line in _lines(text):
        kind, colon, address = (part.strip(" \t") for part in line.partition(":"))
        if not colon or not address or not _KIND.fullmatch(kind):
            raise WrongLine(number, NO_LINE, field)
        if known is not None and kind not in known:
            raise WrongLine(number, NO_KIND, field)
        if kind in found:
            raise WrongLine(number, TWICE, field)
        if reason := _refused(address):
            raise WrongLine(number, reason, field)
        if len(found) == LINES_LIMIT:
            raise WrongLine(number, TOO_MANY, field)
        found[kind] = address
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines as a form sends them: another break, such as U+2028, is the end of none."""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if stripped := line.strip(" \t"):
            yield number, stripped


def _refused(address: str) -> str:
    """Why an address is none, or nothing."""
    if len(address) > ADDRESS_LIMIT:
        return TOO_LONG
    if not _PRINTABLE.fullmatch(address) or any(mark in address for mark in _NEVER):
        return NO_MARKS
    if address.count(PLACEHOLDER) != 1 or set("{}") & set(address.replace(PLACEHOLDER, "")):
        return ONE_ID
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port  # a port that is no number raises
    except ValueError:
        return ID_IN_HOST if PLACEHOLDER in address.partition("//")[2].partition("/")[0] else NO_ADDRESS
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
        return NO_HTTPS
    if "@" in parts.netloc:
        return NO_SECRET
    if PLACEHOLDER in parts.netloc:
        return ID_IN_HOST
    # Written out as it was taken apart, so that no browser can read another host in it.
    if not _HOST.fullmatch(host) or not address.lower().startswith(f"{parts.scheme}://{parts.netloc.lower()}"):
        return NO_ADDRESS
    return ""


def door(links: Links, kind: str, thing: str | None) -> Door | None:
    """Return the way to a thing; None where no address is known for its kind, or no id (any more)."""
    address = links.get(kind)
    if address is None or not thing or thing in (".", ".."):  # a browser takes dots for folders, encoded or not
        return None
    try:
        encoded = quote(thing, safe="")
    except UnicodeEncodeError:  # half a character
        return None
    return Door(address.replace(PLACEHOLDER, encoded), urlsplit(address).netloc)


def text(links: Links) -> str:
    """Return what `parse` reads."""
    return "\n".join(f"{kind}: {address}" for kind, address in links.items())
