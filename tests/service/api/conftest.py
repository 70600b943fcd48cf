"""The HTTP interface as a program with a key finds it, without a socket between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from indelible.log import ClinicLog

CANCELLED: dict[str, Any] = {
    "action": "booking.cancelled",
    "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"},
    "target": {"kind": "booking", "id": "bk_1"},
    "context": {"late": True},
}


class Answer:
    """What was answered, when it was known."""

    def __init__(self, response: Any) -> None:
        self.status, self.headers = response.status_code, response.headers
        self.content = b"".join(response.streaming_content) if response.streaming else response.content

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Api:
    """Somebody with a key. `path` is below /api/v1."""

    def __init__(self, browser: Any, key: str | None) -> None:
        self._browser, self.key = browser, key

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json", **headers: str) -> Answer:
        from indelible.service.api.later import wait

        if self.key is not None:
            headers = {"authorization": f"Bearer {self.key}", **headers}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        made = self._browser.generic(method, f"/api/v1{path}", data, content_type=kind, headers=headers)
        return Answer(wait(made))

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, kind: str = "application/json", **headers: str) -> Answer:
        return self.ask("POST", path, body, kind, **headers)


@pytest.fixture
def log(service: Any) -> ClinicLog:
    made: ClinicLog = service.clinic()
    return made


@pytest.fixture
def key_of(service: Any) -> Callable[..., Api]:
    """Makes a key, and returns who has it."""

    def make(log: ClinicLog | None, *scopes: str, **more: Any) -> Api:
        from indelible.service.accounts import keys

        _, text = keys.make("desk", scopes or tuple(keys.Scope), clinic_id="" if log is None else log.clinic.id, **more)
        return Api(service.client(), text)

    return make


@pytest.fixture
def api(key_of: Callable[..., Api], log: ClinicLog) -> Api:
    """Somebody with a key for everything in the clinic of the test."""
    return key_of(log)
