"""A user agent in words."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.catalogue import device

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"{IPHONE} {WEBKIT} Version/17.4.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} {WEBKIT} CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"{IPHONE} {WEBKIT} FxiOS/125.0 Mobile/15E148 Safari/605.1.15", "Firefox on iPhone"),
        (f"{IPHONE} {WEBKIT} Version/17.0 EdgiOS/124.0.2478.50 Mobile/15E148 Safari/604.1", "Edge on iPhone"),
        (f"{IPHONE} {WEBKIT} Mobile/15E148", "App with web view on iPhone"),
        (
            f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {WEBKIT} Version/16.6 Mobile/15E148 Safari/604.1",
            "Safari on iPad",
        ),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/17.4.1 Safari/605.1.15", "Safari on Mac"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/124.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {BLINK} Chrome/124.0.6367.82 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) {BLINK} SamsungBrowser/24.0 Chrome/117.0.0.0 "
            "Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        ("Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0", "Firefox on Android"),
        (f"{WINDOWS} {BLINK} Chrome/124.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{WINDOWS} {BLINK} Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} {BLINK} Chrome/122.0.0.0 Safari/537.36 OPR/108.0.0.0", "Opera on Windows"),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "Firefox on Linux"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/124.0.0.0 Safari/537.36", "Chrome on Chrome OS"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.31.0", "Python Requests"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot (robot)"),
    ],
)
def test_a_user_agent_is_named_by_browser_and_device(user_agent: str, words: str) -> None:
    assert device.words(user_agent) == words


@pytest.mark.parametrize(
    "user_agent", ["", "   ", "\0", "\ud800", "asdf", "x" * 1_000_000, "Mozilla/5.0 " + "(" * 50_000]
)
def test_what_names_no_browser_gives_no_words(user_agent: str) -> None:
    assert device.words(user_agent) == ""


def test_a_browser_named_before_the_limit_is_found_in_a_long_text() -> None:
    user_agent = f"{WINDOWS} {BLINK} Chrome/124.0.0.0 Safari/537.36"
    assert device.words(user_agent + "x" * 1_000_000) == "Chrome on Windows"


def test_a_name_that_a_stranger_made_up_brings_no_formula_and_no_markup() -> None:
    for name in ("=cmd|' /C calc'!A0 Bot/1.0", "<script>alert(1)</script>bot/1.0", "@SUM(1)spider"):
        assert not re.search(r"^[=+@-]|[<>|'!()]", device.words(name).replace(" (robot)", ""))


@given(
    st.text()
    | st.text(st.characters())
    | st.lists(st.sampled_from([IPHONE, WINDOWS, BLINK, "Bot/1.0", "Chrome/124", "\ud800", "\0", "é=<"])).map(" ".join)
)
def test_any_text_gives_short_plain_words(user_agent: str) -> None:
    found = device.words(user_agent)
    assert len(found) <= 84
    assert found.isascii() and (not found or found.isprintable())


def test_importing_the_module_does_not_load_the_parser() -> None:
    check = "import sys, indelible.catalogue.device; sys.exit('ua_parser' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
