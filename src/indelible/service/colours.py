"""A host's colours, so that the log looks at home in its page: checked, and moved until everybody can read them.

{"accent": "#0a7d5c", "background": "#ffffff", "background_dark": "#121212"}          each may be left out

accent           what can be clicked: links, buttons, what is chosen
background       the ground of the page; it says the scheme too, unless that is given
accent_dark      the accent where the page is dark; without it, accent
background_dark  the ground where the page is dark: the host has a page for light and one for dark
scheme           light or dark, where the host's page has only one; else the reader's system says it

colour = # and six hexadecimal digits; contrast is that of WCAG 2.2 (relative luminance of sRGB)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ..errors import InvalidInput

# What WCAG 2.2 asks of text (AA), 1.4.3.
READABLE = 4.5
SCHEMES = ("light", "dark")
_NAMES = ("accent", "background", "accent_dark", "background_dark", "scheme")
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_STEPS = 64  # from a colour to black or white, or from a ground to another


def parse(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a host's colours in lower case. Raises InvalidInput naming `colours.<name>`."""
    if not isinstance(given, Mapping):
        raise InvalidInput('must be an object, such as {"accent": "#0a7d5c"}', "colours")
    found = {}
    for name, value in given.items():
        if name not in _NAMES:
            raise InvalidInput(f"has a member that is not known; it takes {', '.join(_NAMES)}", "colours")
        if value is None:
            continue
        text = value.lower() if isinstance(value, str) else ""
        if name == "scheme" and text not in SCHEMES:
            raise InvalidInput(
                "must be light or dark; leave it out where the reader's system says it", "colours.scheme"
            )
        if name != "scheme" and not _COLOUR.fullmatch(text):
            raise InvalidInput("must be a colour as # and six hexadecimal digits, such as #0a7d5c", f"colours.{name}")
        found[name] = text
    return found


def of_scheme(scheme: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the accent and the background, as far as they are given, of a host's page in a scheme."""
    dark = "_dark" if scheme == "dark" else ""
    found = {name: given.get(name + dark) or given.get(name) for name in ("accent", "background")}
    return {name: colour for name, colour in found.items() if colour}


@lru_cache(maxsize=4096)
def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, from 0 (black) to 1 (white)."""
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def is_dark(colour: str) -> bool:
    """Whether white is read better on it than black."""
    return contrast(colour, "#ffffff") > contrast(colour, "#000000")


def mix(one: str, other: str, part: float) -> str:
    """Return the colour that lies a part (0 to 1) of the way from one to the other, in sRGB."""
    channels = (
        round(int(one[at : at + 2], 16) * (1 - part) + int(other[at : at + 2], 16) * part) for at in (1, 3, 5)
    )  # fmt: skip
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def readable(colour: str, beside: Iterable[str], towards: str) -> str:
    """Return the colour, moved towards another only as far as text can be read with each of those beside it: an ink on
    its grounds, or a ground under its inks."""
    every = tuple(beside)
    for step in range(_STEPS + 1):
        moved = mix(colour, towards, step / _STEPS)
        if all(contrast(moved, one) >= READABLE for one in every):
            return moved
    return towards
