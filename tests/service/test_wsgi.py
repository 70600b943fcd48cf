"""What is sent while it is made: its failure is logged, and it is closed."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
from indelible.service.run import wsgi
from django.http import StreamingHttpResponse

closed = []

def blocks():
    yield b"first"
    raise ValueError("maria@clinic.example")

answer = StreamingHttpResponse(blocks())
answer._resource_closers.append(lambda: closed.append(True))
wsgi._answer = lambda environ, start: answer
sent = wsgi.application({}, None)
given = iter(sent)
assert next(given) == b"first"
try:
    next(given)
except ValueError:
    sent.close()
else:
    raise AssertionError("a failure must reach the server")
assert closed
"""


def test_a_response_that_breaks_off_is_logged_without_values_and_closed(tmp_path, monkeypatch):
    monkeypatch.setenv("INDELIBLE_DATABASE", str(tmp_path / "activity.db"))
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (line["event"], line["error"], line["level"]) == ("a response broke off", "ValueError", "error")
    assert line["where"][-1].endswith(" blocks")
    assert "maria" not in done.stderr
