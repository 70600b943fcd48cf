"""Requests that nobody would think of, made from the OpenAPI document, against the real process: nothing breaks, and
what is answered is what the document says.

`make campaign ARGS="api"` does the same for longer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks

from ..test_server import Service
from .process import filled, key_of

load_all_checks()

ROUNDS = int(os.environ.get("INDELIBLE_ROUNDS", "0"))
QUICK = 20
# Paths that lead somewhere, for most of what is asked: ids that are thought of are of nothing.
KNOWN = {"clinic": "c_one", "entry": "3", "kind": "booking", "id": "bk_1", "code": "booking.cancelled", "key": "k1"}
# A document has rules that no schema says, and a filter is a language of its own: that some of what fits is refused is
# right, and with which words is for other tests.
LEFT_OUT = [checks.positive_data_acceptance]


@schemathesis.serializer("application/x-ndjson")
def as_lines(context: Any, value: Any) -> bytes:
    """What was made up is a text, or with a wrong type whatever there is: each is sent as some lines."""
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else json.dumps(value).encode()


class Interface:
    """The process, and a key for everything in its one clinic."""

    def __init__(self, service: Service, key: str) -> None:
        self.service, self.key = service, key


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    service = filled(tmp_path_factory.mktemp("contract"))
    yield Interface(service, key_of(service))
    assert service.stop() == 0
    assert not [line for line in service.logged() if line["level"] == "error"], service.said()


schema = schemathesis.openapi.from_path(Path(__file__).parents[3] / "docs/spec/openapi.json")
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
# One that is too much is refused as too large, which is not among what is expected of a wrong one.
schema.config.checks.negative_data_rejection.expected_statuses.append("413")


@schema.parametrize()
@settings(max_examples=ROUNDS or QUICK, deadline=None, derandomize=not ROUNDS,
          suppress_health_check=list(HealthCheck))  # fmt: skip
def test_what_is_answered_is_what_is_described(case: Any, interface: Interface) -> None:
    for name, value in KNOWN.items():
        if name in case.path_parameters and len(str(case.path_parameters[name])) % 4:
            case.path_parameters[name] = value
    # Of many documents each is answered by itself: 200, whatever is wrong with some.
    many = (
        [checks.negative_data_rejection]
        if isinstance(case.body, list) or case.media_type == "application/x-ndjson"
        else []
    )
    case.call_and_validate(
        base_url=interface.service.url,
        headers={"Authorization": f"Bearer {interface.key}"},
        excluded_checks=LEFT_OUT + many,
        timeout=60,
    )
