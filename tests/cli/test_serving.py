"""`indelible serve` and `indelible demo --serve`: what they become, and with which settings."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest


class Became(BaseException):
    """Where the process would be another one."""


class Becoming:
    """Run a command that becomes another program; return that program's arguments, environment, and what was said."""

    def __init__(self, run, capsys) -> None:
        self._run, self._capsys = run, capsys

    def __call__(self, *arguments: str) -> tuple[list[str], dict[str, str], str]:
        with pytest.raises(Became) as became:
            self._run(*arguments)
        program, command, environment = became.value.args
        assert program == sys.executable
        assert command[1:3] == ["-P", "-m"]
        return command[3:], environment, "".join(self._capsys.readouterr())


@pytest.fixture
def become(empty, monkeypatch, capsys):
    def execve(program, arguments, environment):
        raise Became(program, arguments, environment)

    monkeypatch.setattr(os, "execve", execve)
    return Becoming(empty, capsys)


def test_the_options_are_settings_of_the_service(become):
    command, environment, _ = become(
        "serve", "--database", "log.db", "--port", "9000", "--url", "https://log.example.org", "--trusted-proxies", "2"
    )
    assert command == ["indelible.service"]
    assert environment["INDELIBLE_DATABASE"] == "log.db"
    assert environment["INDELIBLE_PORT"] == "9000"
    assert environment["INDELIBLE_URL"] == "https://log.example.org"
    assert environment["INDELIBLE_TRUSTED_PROXIES"] == "2"


def test_without_options_the_environment_stays(become, monkeypatch):
    monkeypatch.setenv("INDELIBLE_DATABASE", "kept.db")
    monkeypatch.setenv("INDELIBLE_PORT", "9001")
    _, environment, _ = become("serve")
    assert (environment["INDELIBLE_DATABASE"], environment["INDELIBLE_PORT"]) == ("kept.db", "9001")
    assert "INDELIBLE_URL" not in environment


def test_the_database_before_the_command_counts(become):
    assert become("--database", "before.db", "serve")[1]["INDELIBLE_DATABASE"] == "before.db"


def test_without_the_extra_it_is_one_sentence(empty, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "granian" else real(name, *more)
    )
    for command in (("serve",), ("demo", "--serve")):
        said = empty.refused(*command)
        assert "the service is not installed (granian); run: pip install 'indelible[service]'" in said
    assert not list(empty.folder.iterdir()), "the demo is not built first"


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_that_is_none_is_refused(empty, port):
    assert "--port" in empty.refused("serve", "--port", port)


def test_the_demo_prints_a_page_for_each_use_and_no_list(become):
    command, environment, out = become("demo", "--folder", "demo", "--days", "9", "--serve", "--port", "9002")
    assert command == ["indelible.service.run.demo", "demo", "9002"]
    assert environment.keys() == os.environ.keys(), "the demo has settings of its own"
    assert len(re.findall(r"^\d\. ", out, re.MULTILINE)) == 5
    assert "http://localhost:9002/c/c_estrela/export/?q=category:payments+category:vouchers" in out
    assert "not in this demo" in out
    assert "newest" not in out


def test_the_demo_without_serve_lists_as_before(empty):
    result = empty.ok("demo", "--folder", "demo", "--days", "2")
    assert "the newest entries" in result.out
    assert re.search(r"The same log in the browser, with you as its owner: \S+ serve", result.err)
    assert "http://" not in result.out


def test_the_demo_is_served_and_ctrl_c_stops_it_with_exit_code_0(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "indelible.cli.main", "demo", "--folder", "demo", "--days", "9", "--serve"],
            cwd=tmp_path, env=environment, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        said, end = "", time.monotonic() + 60
        while "Ctrl-C" not in said and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            said = (tmp_path / "out").read_text()
        found = re.search(r"The demo is at  (http://localhost:\d+)", said)
        assert found is not None, said
        assert "owner@demo.example" in said
        assert re.search(r"indelible serve --url http://localhost:\d+ invite EMAIL --database \S+/activity.db", said)
        assert f"{found[1]}/c/c_estrela/" in said, "the uses' pages are at the same address"
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"{found[1]}/ready/", timeout=5) as answer:
                    assert answer.read() == b"ready\n"
                    break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail("the demo does not answer")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "Traceback" not in (tmp_path / "out").read_text()


def test_an_invitation_is_made_by_the_service_with_the_same_settings(become, monkeypatch):
    monkeypatch.delenv("INDELIBLE_CLINIC", raising=False)
    command, environment, _ = become("serve", "--url", "https://log.example.org", "invite", "maria@clinic.example",
                                     "--clinic", "c_1", "--role", "auditor", "--until", "2030-01-31", "--database",
                                     "log.db")  # fmt: skip
    assert command == ["indelible.service.run.invitation", "--role=auditor", "--until=2030-01-31", "--",
                       "maria@clinic.example", "c_1"]  # fmt: skip
    assert (environment["INDELIBLE_DATABASE"], environment["INDELIBLE_URL"]) == ("log.db", "https://log.example.org")
    command, environment, _ = become("serve", "--database", "a.db", "invite", "maria@clinic.example")
    assert command == ["indelible.service.run.invitation", "--role=owner", "--", "maria@clinic.example"]
    assert environment["INDELIBLE_DATABASE"] == "a.db"


def test_an_invitation_needs_an_address(empty):
    assert "email" in empty.refused("serve", "invite")
