"""The examples of examples/http, each as it stands there, against the real service: also when it is away at first."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal
from indelible.testing.logs import assert_intact
from indelible.testing.serving import Served

EXAMPLES = Path(__file__).parents[2] / "examples" / "http"
HOSTS = {"curl": "record.sh", "node": "record.mjs", "php": "record.php"}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("service"), "c_lisbon").start()
    yield made
    made.kill()
    with Journal(made.database) as journal:
        assert_intact(journal.clinic("c_lisbon"))


@pytest.fixture(params=HOSTS)
def host(request, served, tmp_path) -> Callable[..., subprocess.Popen[str]]:
    """Start the example of a language with a booking, and perhaps another API key."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param}: it is not installed; `make test` installs Node and PHP where it can")
    good = served.key("record read", "c_lisbon")

    def start(booking: str, key: str = good) -> subprocess.Popen[str]:
        command = [request.param, str(EXAMPLES / HOSTS[request.param]), booking]
        if request.param == "curl":
            (tmp_path / "key.header").write_text(f"Authorization: Bearer {key}")
            command = ["sh", str(EXAMPLES / HOSTS["curl"]), str(tmp_path / "key.header"), booking, f"key-{booking}"]
        more = {"INDELIBLE_URL": served.url, "INDELIBLE_KEY": key, "CLINIC": "c_lisbon"}
        return subprocess.Popen(
            command, env=os.environ | more, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    start.language = request.param  # type: ignore[attr-defined]
    return start


def seen(host: Any, said: str) -> tuple[str, list[str]]:
    """What an example says became of the document, and the labels of the entries that it read."""
    lines = said.splitlines()
    if host.language == "curl":
        return json.loads(lines[0])["status"], [entry["label"] for entry in json.loads(lines[1])["entries"]]
    return lines[0].partition(" ")[0], [line.partition(" ")[2] for line in lines[1:]]


def test_it_records_one_and_reads_it(host):
    done = host(f"bk_{host.language}")
    said, wrong = done.communicate(timeout=60)
    assert done.returncode == 0, wrong
    assert seen(host, said) == ("recorded", ["Cancelled reservation"])


def test_while_the_service_is_away_it_tries_again_and_records_once(host, served):
    served.kill()
    done = host(f"bk_later_{host.language}")
    served.start()
    said, wrong = done.communicate(timeout=120)
    assert done.returncode == 0, wrong
    assert seen(host, said)[1] == ["Cancelled reservation"]


def test_what_is_refused_is_told_and_not_tried_again(host):
    done = host("bk_1", "ind_test_0123456789ab_" + "x" * 43)
    said, wrong = done.communicate(timeout=60)
    assert done.returncode != 0
    assert "401" in said + wrong
    assert "Maria" not in said + wrong


def test_what_others_on_the_machine_can_read_holds_no_secret_and_no_name():
    commands = (EXAMPLES / "record.sh").read_text(encoding="utf-8").split("<<DOCUMENT")[0]
    assert "--header @" in commands
    assert "--data-binary @-" in commands
    assert "$INDELIBLE_KEY" not in commands
