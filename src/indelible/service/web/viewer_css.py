"""The stylesheet of a host's colours: the tokens of our own that follow from them, and no rule.

The tokens are read out of `indelible.css`, so that what is checked is what is shown. It is for the screen alone: paper
stays black on white.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from .. import colours
from ..colours import READABLE, contrast, is_dark, mix, readable

_SHEET = Path(__file__).parent / "static/indelible/indelible.css"
_BLOCK = re.compile(r":root \{\n\s*color-scheme: (light|dark);\n(.*?)\}", re.S)
_TOKEN = re.compile(r"--([a-z-]+): ([^;]+);")
# What text is written on, and what text is written in.
_GROUNDS = ("paper", "sheet", "sunk")
_INKS = (
    "ink", "ink-soft", "danger", "good", "warn", "bookings", "payments", "vouchers", "services", "clients", "account",
    "loyalty", "other",
)  # fmt: skip
_ENDS = {"light": "#000000", "dark": "#ffffff"}
# So much of the accent is in the ground of what is chosen.
_SOFT = 0.12


@lru_cache(maxsize=1)
def tokens() -> Mapping[str, Mapping[str, str]]:
    """Return our own tokens of each scheme, by name."""
    blocks = _BLOCK.findall(_SHEET.read_text("utf-8"))
    return {scheme: dict(_TOKEN.findall(body)) for scheme, body in reversed(blocks)}  # behind the screen's is paper's


def chosen(scheme: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the tokens of a scheme with a host's colours in them."""
    found, given = dict(tokens()[scheme]), colours.of_scheme(scheme, given)
    if "background" in given:
        paper, inks = given["background"], [found[ink] for ink in _INKS]
        # As our own stand to each other: a sheet is lighter than what it lies on, what is sunk is nearer to the ink.
        for name, derived in (
            ("paper", paper),
            ("sheet", mix(paper, "#ffffff", 0.5 if scheme == "light" else 0.04)),
            ("sunk", mix(paper, found["ink"], 0.05 if scheme == "light" else 0.1)),
        ):
            found[name] = readable(derived, inks, found[name])
        found["line"], found["line-button"] = (mix(found["paper"], found["ink"], part) for part in (0.1, 0.22))
    accent = given.get("accent") or ("background" in given and found["accent"])
    if accent:
        grounds = [found[name] for name in _GROUNDS]
        soft = mix(found["sheet"], accent, _SOFT)
        soft = readable(soft, [found["ink"], found["ink-soft"]], found["sheet"])
        found["accent-soft"] = soft
        found["accent"] = readable(accent, [*grounds, soft], _ENDS[scheme])
        on_it = (found["accent-ink"], "#ffffff", "#000000")
        found["accent-ink"] = next(ink for ink in on_it if contrast(ink, found["accent"]) >= READABLE)
    return found


def stylesheet(given: Mapping[str, str]) -> str:
    """Return the stylesheet, which follows `indelible.css`; empty for no colours."""
    if not given:
        return ""
    scheme = given.get("scheme") or _scheme_of(given)
    if scheme:
        return f":root {{ color-scheme: {scheme}; {_said(chosen(scheme, given))} }}\n"
    light, dark = (
        {name: value for name, value in chosen(one, given).items() if value != tokens()[one][name]}
        for one in colours.SCHEMES
    )
    return f":root {{ {_said(light)} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {_said(dark)} }} }}\n"


def _scheme_of(given: Mapping[str, str]) -> str:
    """A page of one background is light or dark for every reader."""
    if "background" not in given or "background_dark" in given:
        return ""
    return "dark" if is_dark(given["background"]) else "light"


def _said(values: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in values.items())
