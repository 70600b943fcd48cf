"""A host's colours: whatever they are, what is written can be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.service import colours
from indelible.service.colours import contrast
from indelible.service.web import viewer_css

COLOURS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")
# What is written in which token, on which.
GROUNDS = ("paper", "sheet", "sunk")
INKS = ("ink", "ink-soft", "danger", "good", "warn", "bookings", "payments", "vouchers", "services", "clients",
        "account", "loyalty", "other")  # fmt: skip


def pairs(chosen: dict[str, str]) -> list[tuple[str, str]]:
    found = [(ink, ground) for ink in (*INKS, "accent") for ground in GROUNDS]
    return [*found, ("accent", "accent-soft"), ("ink", "accent-soft"), ("accent-ink", "accent")]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59)],
)
def test_contrast_is_that_of_the_guidelines(one, other, expected):
    assert contrast(one, other) == pytest.approx(expected, abs=0.005) == contrast(other, one)


def test_the_tokens_are_those_of_the_screen():
    assert viewer_css.tokens()["light"]["paper"] == "#f8f5ee"
    assert viewer_css.tokens()["dark"]["paper"] == "#11141c"


@given(st.sampled_from(colours.SCHEMES), st.none() | COLOURS, st.none() | COLOURS)
def test_everything_can_be_read_in_any_colours(scheme, accent, background):
    given = {name: value for name, value in (("accent", accent), ("background", background)) if value}
    chosen = viewer_css.chosen(scheme, given)
    for ink, ground in pairs(chosen):
        assert contrast(chosen[ink], chosen[ground]) >= 4.5, (ink, ground, given)


@given(*[st.none() | COLOURS] * 4, st.none() | st.sampled_from(colours.SCHEMES))
def test_a_stylesheet_holds_nothing_but_tokens(accent, background, accent_dark, background_dark, scheme):
    given = colours.parse({
        "accent": accent, "background": background, "accent_dark": accent_dark, "background_dark": background_dark,
        "scheme": scheme,
    })  # fmt: skip
    sheet = viewer_css.stylesheet(given)
    bare = re.sub(
        r"--[a-z-]+: (#[0-9a-f]{6}|rgb\([0-9 /%]+\)|[0-9a-z #()/%,]+);|color-scheme: (light|dark);", "", sheet
    )
    assert re.sub(r"@media \(prefers-color-scheme: dark\)|:root|[{}\s]", "", bare) == ""


def test_what_can_be_read_already_is_left_as_it_is():
    chosen = viewer_css.chosen("light", {"accent": "#0a5a40", "background": "#ffffff"})
    assert (chosen["accent"], chosen["paper"]) == ("#0a5a40", "#ffffff")


def test_a_page_that_is_light_or_dark_has_colours_for_both():
    given = {"background": "#ffffff", "background_dark": "#121212", "accent": "#0a5a40"}
    sheet = viewer_css.stylesheet(given)
    light, dark = sheet.split("@media (prefers-color-scheme: dark)")
    assert "--paper: #121212" in dark
    assert "--paper: #ffffff" in light
    assert "color-scheme" not in light + dark
    assert viewer_css.chosen("dark", {**given, "accent_dark": "#7fdcb8"})["accent"] == "#7fdcb8"
    for ink, ground in pairs(chosen := viewer_css.chosen("dark", given)):
        assert contrast(chosen[ink], chosen[ground]) >= 4.5, (ink, ground)


def test_a_page_of_one_background_has_one_scheme():
    assert "color-scheme: light" in viewer_css.stylesheet({"background": "#fafafa"})
    assert "color-scheme: dark" in viewer_css.stylesheet({"background": "#101010"})
    assert "prefers-color-scheme" in viewer_css.stylesheet({"accent": "#0a5a40"})
    assert "color-scheme: dark" in viewer_css.stylesheet({"scheme": "dark"})
