"""Probe at outboxes for pages: quick, seldom, one at a time; and the page of metrics, and who may read it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from indelible.drain.health import Health
from indelible.service.outbox_probe import Probe

from ..outbox.test_metrics import parsed


class Slow:
    """A look that ends when the test lets it, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str | None]] = []
        self.free = threading.Event()

    def __call__(self, where: str, clinic: str | None) -> Health:
        self.begun.append((where, clinic))
        assert self.free.wait(60)
        return Health(where, waiting=len(self.begun))


def test_who_does_not_answer_in_time_is_silent_and_the_others_are_there():
    slow = Slow()
    look = Probe(lambda where, clinic: slow(where, clinic) if where == "slow" else Health(where), within=0.2)
    try:
        begun = time.monotonic()
        silent, quick = look.at(["slow", "quick"])
        assert time.monotonic() - begun < 30
        assert (silent.answers, quick.problem) == (False, None)
        # However often it is asked for, and by whatever clinic, nothing more is begun while it lasts.
        for clinic in (None, "c_lisbon", "c_porto"):
            assert not look.at(["slow"], clinic)[0].answers
        assert slow.begun == [("slow", None)]
    finally:
        slow.free.set()
    (found,) = Probe(slow).at(["slow"])
    assert found.answers


def test_what_was_found_is_used_again_for_a_while_and_by_clinic():
    count = Slow()
    count.free.set()
    look = Probe(count, fresh=60)
    assert look.at(["a", "a"]) == look.at(["a", "a"])
    look.at(["a"], "c_lisbon")
    look.at(["a"], "c_lisbon")
    assert count.begun == [("a", None), ("a", "c_lisbon")]
    old = Probe(count, fresh=0.0, within=0.05)
    old.at(["b"])
    old.at(["b"])
    assert count.begun.count(("b", None)) >= 2


def test_who_comes_meanwhile_waits_for_the_look_that_is_under_way():
    slow = Slow()
    look = Probe(slow, within=30)
    found: list[Health] = []
    threads = [threading.Thread(target=lambda: found.extend(look.at(["a"]))) for _ in range(5)]
    for thread in threads:
        thread.start()
    while not slow.begun:
        time.sleep(0.001)
    slow.free.set()
    for thread in threads:
        thread.join(30)
    assert [one.waiting for one in found] == [1] * 5


def test_a_look_that_breaks_says_only_of_what_kind_it_was():
    def broken(where: str, clinic: str | None) -> Health:
        raise ValueError("Ana Sousa")

    (found,) = Probe(broken).at(["a"])
    assert found.problem == "could not be looked at (ValueError)"


# /metrics


@pytest.fixture
def environment(service, settings):
    """Changes what the environment said."""

    def change(**named):
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, **named)

    return change


@pytest.fixture
def settings(service):
    from django.conf import settings

    before = settings.ENVIRONMENT
    yield settings
    settings.ENVIRONMENT = before


def test_a_program_of_this_machine_reads_the_metrics(service):
    answer = service.client().get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "indelible_entries_unsigned" in parsed(answer.content.decode())


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=1"}, {"Via": "1.1 x"}])
def test_what_came_through_a_proxy_is_no_program_of_this_machine(service, headers):
    assert service.client().get("/metrics", headers=headers).status_code == 404


def test_others_and_everybody_behind_a_proxy_get_nothing(service, environment):
    assert service.client().get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404
    assert service.client().get("/metrics", REMOTE_ADDR="").status_code == 404
    assert service.client().get("/metrics", REMOTE_ADDR="::1").status_code == 200
    environment(trusted_proxies=1)
    assert service.client().get("/metrics").status_code == 404


def test_with_a_token_who_has_it_reads_them_from_anywhere(service, environment):
    environment(metrics_token="t" * 32, trusted_proxies=1)
    assert service.client().get("/metrics").status_code == 401
    for wrong in ("Bearer x", f"Basic {'t' * 32}", "t" * 32, f"Bearer {'t' * 31}é"):
        answer = service.client().get("/metrics", headers={"Authorization": wrong})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    right = service.client().get("/metrics", headers={"Authorization": f"Bearer {'t' * 32}"}, REMOTE_ADDR="203.0.113.9")
    assert right.status_code == 200


def test_an_outbox_that_is_gone_is_down_and_the_page_is_there(service, environment, tmp_path):
    environment(outboxes=(str(tmp_path / "nowhere.db"),))
    found = parsed(service.client().get("/metrics").content.decode())
    assert found['indelible_outbox_up{outbox="1"}'] == 1  # that of the accounts
    assert found['indelible_outbox_up{outbox="2"}'] == 0
