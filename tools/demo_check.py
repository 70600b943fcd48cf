"""Start the demo as `make demo` does, sign in, fetch the page, stop it: exit code 0 where all of that works."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

WITHIN = 120  # seconds, on a busy machine
DAYS = "20"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="indelible-demo-") as folder:
        program = Path(sys.executable).with_name("indelible")
        process = subprocess.Popen(
            [program, "demo", "--folder", folder, "--days", DAYS, "--serve"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            address, said = _address(process)
            clinic = _look(address)
        finally:
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=60)
    if process.returncode != 0:
        print(f"{said}{rest}\nthe demo did not stop well: exit code {process.returncode}")
        return 1
    print(f"the demo starts, signs in, shows {clinic} and stops")
    return 0


def _address(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the line that says where the demo is, and until it answers there."""
    assert process.stdout is not None
    said, end = "", time.monotonic() + WITHIN
    while time.monotonic() < end and (line := process.stdout.readline()):
        said += line
        if found := re.search(r"http://localhost:\d+", line):
            break
    else:
        raise SystemExit(f"{said}\nthe demo did not say where it is")
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{found[0]}/ready/", timeout=5).close()
            return found[0], said
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit(f"{said}\nthe demo does not answer")


def _look(address: str) -> str:
    """Sign in as the owner; return the heading of the page that comes."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(cookies)
    browser.addheaders = [("Origin", address), ("Referer", f"{address}/account/login/")]
    form = browser.open(f"{address}/account/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    if token is None:
        raise SystemExit("the sign-in page has no form")
    sent = {"csrfmiddlewaretoken": token[1], "login": "owner@demo.example", "password": "indelible-demo"}
    page = browser.open(f"{address}/account/login/", urllib.parse.urlencode(sent).encode()).read().decode()
    if not re.search(r"<h1[^>]*>Activity</h1>", page) or page.count('class="entry ') < 10:
        raise SystemExit("after signing in, the page is not a list of entries")
    name = re.search(r"<title>\s*(.*?)\s*</title>", page, re.S)
    return name[1] if name else "the list"


if __name__ == "__main__":
    sys.exit(main())
