"""Reading over HTTP: the same entries as everywhere, of one moment, and recorded once a day."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from indelible.catalogue import registered
from indelible.log import ClinicLog
from indelible.read.query import Choice, Query
from indelible.record.document import System

from .conftest import CANCELLED, Api


@pytest.fixture
def filled(service: Any, log: ClinicLog) -> dict[str, str]:
    """The ids of what happened in the clinic of the test."""
    ids: dict[str, str] = service.fill(log)
    return ids


def many(log: ClinicLog, count: int) -> None:
    log.append([log.draft(_parsed(CANCELLED | {"key": f"k{number}"})) for number in range(count)])


def _parsed(document: dict[str, Any]) -> Any:
    from indelible.record import document as documents

    return documents.parse(document)


def test_a_list_has_the_lines_of_the_export(api: Api, log: ClinicLog, filled: dict[str, str]) -> None:
    answer = api.get(f"/clinics/{log.clinic.id}/entries?q=category:payments")

    zone = log.reading().zone
    assert answer.status == 200
    assert answer.json["entries"] == [
        json.loads(json.dumps(view.document(zone))) for view in log.read("category:payments")
    ]
    assert len(answer.json["entries"]) >= 2
    assert answer.json["older"] is None


def test_pages_are_of_one_moment_whatever_is_recorded_meanwhile(api: Api, log: ClinicLog) -> None:
    many(log, 25)
    first = api.get(f"/clinics/{log.clinic.id}/entries?limit=10").json
    seqs = [one["seq"] for one in first["entries"]]
    many_more = first
    log.record_document(CANCELLED | {"key": "late", "occurred_at": "2020-01-01T00:00:00Z"})
    while many_more["older"]:
        many_more = api.get(f"/clinics/{log.clinic.id}/entries?limit=10&after={many_more['older']}").json
        assert many_more["up_to"] == first["up_to"] == 25
        seqs += [one["seq"] for one in many_more["entries"]]
    assert sorted(seqs) == list(range(1, 26))


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "", "1&limit=2"])
def test_a_limit_that_is_none_is_refused_by_its_name(api: Api, log: ClinicLog, limit: str) -> None:
    answer = api.get(f"/clinics/{log.clinic.id}/entries?limit={limit}")
    assert (answer.status, answer.json["field"]) == (422, "limit")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_place_is_of_its_clinic_and_filter_and_cannot_be_made_up(
    api: Api, key_of: Callable[..., Api], service: Any, log: ClinicLog
) -> None:
    many(log, 4)
    other = service.clinic()
    many(other, 4)
    older = api.get(f"/clinics/{log.clinic.id}/entries?limit=2").json["older"]
    platform = key_of(None)
    assert platform.get(f"/clinics/{log.clinic.id}/entries?after={older}").status == 200
    bare = older.rpartition(".")[0]
    for path in (
        f"/clinics/{other.clinic.id}/entries?after={older}",
        f"/clinics/{log.clinic.id}/entries?after={older}&q=category:payments",
        f"/clinics/{log.clinic.id}/entries?after={bare}",
        f"/clinics/{log.clinic.id}/entries?after={bare}.",
        f"/clinics/{log.clinic.id}/entries?after=9{older}",
        f"/clinics/{log.clinic.id}/entries?after={older}A",
        f"/clinics/{log.clinic.id}/entries?after=",
        f"/clinics/{log.clinic.id}/entries?after=%F0%9F%98%80",
        f"/clinics/{log.clinic.id}/stories/booking/bk_1?after={older}",
    ):
        answer = platform.get(path)
        assert (answer.status, answer.json.get("field")) == (422, "after"), path


def test_a_filter_that_cannot_be_read_is_one_sentence(api: Api, log: ClinicLog) -> None:
    answer = api.get(f"/clinics/{log.clinic.id}/entries?q=categori:payments")
    assert (answer.status, answer.json["field"]) == (422, "q")
    assert "position" in answer.json


def test_free_words_say_how_far_they_came(api: Api, log: ClinicLog, monkeypatch: pytest.MonkeyPatch) -> None:
    many(log, 30)
    answer = api.get(f"/clinics/{log.clinic.id}/entries?q=nowhere-to-be-found").json
    assert (answer["searched"], answer["older"], answer["entries"]) == (30, None, [])
    monkeypatch.setattr("indelible.read.session.SEARCH_LIMIT", 10)
    answer = api.get(f"/clinics/{log.clinic.id}/entries?q=nowhere-to-be-found").json
    assert answer["searched"] == 10
    assert answer["older"] is not None
    assert answer["searched_to"]
    named = api.get(f"/clinics/{log.clinic.id}/entries?q=Maria").json
    assert named["looked_up"] == [{"words": ["Maria"], "people": 1}]


def test_an_entry_by_number_and_by_id(api: Api, log: ClinicLog, filled: dict[str, str]) -> None:
    by_number = api.get(f"/clinics/{log.clinic.id}/entries/3")
    by_id = api.get(f"/clinics/{log.clinic.id}/entries/{log.entry(3).id}")
    assert by_number.status == by_id.status == 200
    assert by_number.json == by_id.json == json.loads(json.dumps(log.entry(3).document(log.reading().zone)))


@pytest.mark.parametrize("which", ["0", "99999", "-1", "1.0", "01", "9" * 30, "x", "%00", "%F0%9F%98%80", "٣",
                                   "00000000-0000-7000-8000-000000000000"])  # fmt: skip
def test_an_entry_that_is_not_there(api: Api, log: ClinicLog, which: str) -> None:
    many(log, 3)
    answer = api.get(f"/clinics/{log.clinic.id}/entries/{which}")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_who_has_an_entry_is_not_sent_it_again_until_something_is_erased(api: Api, log: ClinicLog) -> None:
    log.record_document(CANCELLED | {"client": {"id": "cli_9", "name": "Ana Sousa"}})
    path = f"/clinics/{log.clinic.id}/entries/1"
    first = api.get(path)
    assert (
        first.json["client"] == {"kind": "client", "id": "cli_9", "name": "Ana Sousa"} or first.json["client"]["name"]
    )
    again = api.get(path, **{"if-none-match": first.headers["ETag"]})
    assert (again.status, again.content) == (304, b"")

    log.anonymize("cli_9", requested_by="client", actor=System("policy:test"))

    erased = api.get(path, **{"if-none-match": first.headers["ETag"]})
    assert erased.status == 200
    assert erased.json["client"]["name"] is None
    assert erased.json["state"]["client.name"] == "erased"
    assert b"Ana Sousa" not in erased.content


def test_a_story_is_told_and_can_be_followed_back(api: Api, log: ClinicLog, filled: dict[str, str]) -> None:
    answer = api.get(f"/clinics/{log.clinic.id}/stories/booking/{filled['booking']}").json
    assert answer["subject"] == f"booking/{filled['booking']}"
    assert answer["answer"].startswith("Cancelled by the client")
    assert {one["why"] for one in answer["entries"]} >= {"itself"}
    whole = [one["seq"] for one in answer["entries"]]
    assert whole == sorted(whole)

    found: list[int] = []
    after = ""
    while True:
        part = api.get(f"/clinics/{log.clinic.id}/stories/booking/{filled['booking']}?limit=2{after}").json
        found = [one["seq"] for one in part["entries"]] + found
        if part["older"] is None:
            break
        log.record_document(CANCELLED | {"target": {"kind": "booking", "id": filled["booking"]},
                                         "occurred_at": "2020-01-01T00:00:00Z"})  # fmt: skip
        after = f"&after={part['older']}"
    assert found == whole


def test_a_story_of_an_id_with_slashes_and_of_nobody(api: Api, log: ClinicLog) -> None:
    log.record_document(CANCELLED | {"target": {"kind": "booking", "id": "2026/05/b?#1"}})
    answer = api.get(f"/clinics/{log.clinic.id}/stories/booking/2026%2F05%2Fb%3F%231")
    assert [one["seq"] for one in answer.json["entries"]] == [1]
    assert api.get(f"/clinics/{log.clinic.id}/stories/booking/nobody").status == 404
    assert api.get(f"/clinics/{log.clinic.id}/stories/booking/%00").status == 404


def test_that_a_key_reads_is_recorded_once_a_day_and_adds_no_write_to_a_request(
    api: Api, key_of: Callable[..., Api], log: ClinicLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indelible.service.api import view_recording

    def views() -> int:
        return len(list(log.read(Query(Choice(actions=frozenset({"log.viewed"}))))))

    many(log, 3)
    assert api.get(f"/clinics/{log.clinic.id}/entries").json["up_to"] == 3  # what is read first is without it
    assert views() == 1
    (seen,) = log.read("action:log.viewed")
    assert seen.actor["kind"] == "integration"
    assert seen.actor["id"].startswith("key_")
    for path in ("entries", "entries/1", "stories/booking/bk_1", "entries/1/body", "entries/1/proof"):
        assert api.get(f"/clinics/{log.clinic.id}/{path}").status == 200
    assert (log.size, views()) == (4, 1)
    monkeypatch.setattr(view_recording, "_noted", {})  # as after a start
    assert api.get(f"/clinics/{log.clinic.id}/entries").status == 200
    assert views() == 1
    assert key_of(log).get(f"/clinics/{log.clinic.id}/entries/1").status == 200  # another key
    assert views() == 2
    tomorrow = log.reading().today.replace(year=2020)
    monkeypatch.setattr(view_recording, "_noted", dict.fromkeys(view_recording._noted, tomorrow))
    assert api.get(f"/clinics/{log.clinic.id}/entries/404").status == 404  # nothing was read
    assert views() == 2


def test_completeness_says_what_waits_and_what_is_signed(api: Api, log: ClinicLog) -> None:
    empty = api.get(f"/clinics/{log.clinic.id}/completeness").json
    assert (empty["entries"], empty["last_entry"], empty["last_checkpoint"], empty["unsigned"]) == (0, None, None, 0)
    many(log, 3)
    log.checkpoint()
    found = api.get(f"/clinics/{log.clinic.id}/completeness").json
    assert found["last_entry"] == {
        "number": 3, "id": log.entry(3).id, "recorded_at": found["last_entry"]["recorded_at"]}  # fmt: skip
    assert (found["last_checkpoint"]["size"], found["unsigned"]) == (3, 0)
    assert (found["outboxes"], found["silent"], found["held"], found["guarded"]) == (1, 0, [], [])


def test_actions_are_described_to_everybody_in_their_language(service: Any) -> None:
    nobody = Api(service.client(), None)
    found = {one["code"]: one for one in nobody.get("/actions").json["actions"]}
    assert set(found) == {cls.code for cls in registered()}
    cancelled = found["booking.cancelled"]
    assert (cancelled["label"], cancelled["category"], cancelled["targets"]) == (
        "Cancelled reservation", "bookings", ["booking"])  # fmt: skip
    assert cancelled["schema"]["properties"]["late"]
    portuguese = nobody.get("/actions?language=pt")
    labels = {one["code"]: one["label"] for one in portuguese.json["actions"]}
    assert labels["booking.cancelled"] not in ("", "Cancelled reservation")
    assert nobody.get("/actions", **{"if-none-match": nobody.get("/actions").headers["ETag"]}).status == 304
    assert nobody.get("/actions?language=xx").status == 422
    schema = nobody.get("/actions/booking.cancelled")
    assert schema.json["$defs"]["booking.cancelled"]
    for code in ("nothing.there", "log.viewed", "%00"):
        assert nobody.get(f"/actions/{code}").status == 404
