"""docs/howto/http.md: every command of it runs in one shell, as it stands there, against the real service."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from indelible import Journal
from indelible.testing.logs import assert_intact, event
from indelible.testing.serving import Served

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "http.md"


def test_each_command_of_the_page_runs(tmp_path):
    served = Served(tmp_path, "c_lisbon")
    with Journal(served.database) as journal:
        log = journal.clinic("c_lisbon")
        for number in range(60):
            log.record_document(event(key=f"k{number}"))
    served.start()
    try:
        key = served.key("record read export", "c_lisbon")
        typed = "\n".join(re.findall(r"(?m)^    (.*)$", re.sub(r"(?s)```.*?```", "", PAGE.read_text(encoding="utf-8"))))
        typed = re.sub(r"(?m)^(export KEY=)\S+", rf"\1{key}", typed)
        typed = typed.replace("https://log.example.org", served.url)
        typed = re.sub(r"(?m)^(pip install|entry 41: ).*$", ":", typed)
        done = subprocess.run(
            ["bash", "-euc", typed], cwd=tmp_path, capture_output=True, text=True, timeout=120,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )  # fmt: skip
        assert done.returncode == 0, (done.stderr, done.stdout[-500:])
        assert json.loads(done.stdout[: done.stdout.index("}") + 1])["status"] == "recorded"
        assert "entry 41: IN THE LOG, as it was recorded" in done.stdout
        assert list(tmp_path.glob("*.xlsx"))
    finally:
        served.kill()
    with Journal(served.database) as journal:
        assert_intact(journal.clinic("c_lisbon"))
