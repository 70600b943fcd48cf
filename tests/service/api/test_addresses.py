"""What is no operation: methods, slashes, parameters, bytes that are no text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from indelible.log import ClinicLog

from .conftest import Api
from .test_reading import many

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}


# What each operation asks for; written down a second time, so that it does not change unnoticed.
SCOPES = {
    "record": ["record"], "recordAnywhere": ["record"], "getDocument": ["record"],
    "listEntries": ["read"], "getEntry": ["read"], "getStory": ["read"], "getCompleteness": ["read"],
    "getEntryBody": ["read"], "getEntryProof": ["read"], "getCheckpoint": ["read"], "getVerifierKey": ["read"],
    "getConsistency": ["read"], "exportEntries": ["export"],
    "listActions": None, "getActionSchema": None, "getOpenAPI": None,
}  # fmt: skip


def operations() -> dict[str, set[str]]:
    from indelible.service.api.application import described

    return {path: {method.upper() for method in found} for path, found in json.loads(described())["paths"].items()}


def test_each_address_says_which_methods_it_takes(api: Api, log: ClinicLog) -> None:
    for address, takes in operations().items():
        path = address.removeprefix("/api/v1").replace("{clinic}", log.clinic.id).replace("{", "").replace("}", "")
        allow = ", ".join(sorted(takes | {"OPTIONS"} | ({"HEAD"} if "GET" in takes else set())))
        for method in sorted(METHODS - takes - {"HEAD"}):
            answer = api.ask(method, path)
            assert answer.headers["Allow"] == allow, (method, path)
            if method == "OPTIONS":
                assert (answer.status, answer.content) == (204, b"")
            else:
                assert (answer.status, answer.headers["Content-Type"]) == (405, "application/problem+json")


def test_head_is_get_without_its_body(api: Api, log: ClinicLog) -> None:
    many(log, 3)
    for path in ("/entries", "/entries/1", "/checkpoint", "/entries/77"):
        get, head = (api.ask(method, f"/clinics/{log.clinic.id}{path}") for method in ("GET", "HEAD"))
        assert (head.status, head.content) == (get.status, b"")
        assert head.headers["Content-Length"] == str(len(get.content)) or path == "/entries"
        assert head.headers["Content-Type"] == get.headers["Content-Type"]


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/clinics/{clinic}/entries/", "/clinics/{clinic}/entries/1/", "/docs/", "/%00",
             "/clinics/%FF/entries", "/clinics/{clinic}%00/entries", "/clinics/{clinic}/%F0%9F%98%80", "//entries"]
)  # fmt: skip
def test_an_address_of_nothing_is_a_problem(api: Api, log: ClinicLog, path: str) -> None:
    answer = api.get(path.format(clinic=log.clinic.id))
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("words", ["fitler=x", "q=a&Limit=3", "q[]=1", "%FF=1", "limit=10&cursor=1", "\u0000=1"])
def test_a_parameter_that_is_not_known_is_refused(api: Api, log: ClinicLog, words: str) -> None:
    answer = api.get(f"/clinics/{log.clinic.id}/entries?{words}")
    assert (answer.status, "limit" in answer.json["detail"]) == (422, True)
    assert "fitler" not in answer.content.decode()


@pytest.mark.parametrize("words", ["q=%FF", "q=%00", "q=%ED%A0%80", "q=" + "x" * 5_000, "q=%F0%9F%98%80"])
def test_a_filter_of_strange_bytes_is_no_defect(api: Api, log: ClinicLog, words: str) -> None:
    many(log, 1)
    assert api.get(f"/clinics/{log.clinic.id}/entries?{words}").status in (200, 422)


def test_the_description_is_the_one_in_the_repository(service: Any, tmp_path: Path) -> None:
    """`make openapi` writes it, in a process in which no test has declared actions of its own."""
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, root / "tools/openapi.py", tmp_path / "made.json"], check=True)
    assert (root / "docs/spec/openapi.json").read_text() == (tmp_path / "made.json").read_text()


def test_the_description_is_sent_and_known_again(service: Any) -> None:
    from indelible.service.api.application import printed

    sent = Api(service.client(), None).get("/openapi.json")
    assert sent.json == json.loads(printed())
    assert Api(service.client(), None).get("/openapi.json", **{"if-none-match": sent.headers["ETag"]}).status == 304


def test_the_description_says_of_each_operation_what_it_asks_for_and_can_answer(service: Any) -> None:
    from indelible.service.api.application import described

    whole = json.loads(described())
    ids = []
    for path, methods in whole["paths"].items():
        for method, one in methods.items():
            ids.append(one["operationId"])
            where = f"{method} {path}"
            assert one["summary"] and one["description"] and one["tags"], where
            assert ("401" in one["responses"]) == bool(one["security"]), where
            for status, answer in one["responses"].items():
                if "$ref" in answer:
                    assert whole["components"]["responses"][status], where
                elif status not in ("204", "304"):
                    assert answer["content"], (where, status)
    assert len(set(ids)) == len(ids)
    scopes = {
        one["operationId"]: one["security"][0]["key"] if one["security"] else None
        for methods in whole["paths"].values()
        for one in methods.values()
    }
    assert scopes | SCOPES == scopes
