"""Recording over HTTP: one, many, lines, compressed; what is answered when, and what the same key answers again."""

from __future__ import annotations

import gzip
import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from indelible.log import ClinicLog
from indelible.proof.note import Verifier
from indelible.proof.tlog_proof import EntryProof
from indelible.record.document import System

from .conftest import CANCELLED, Api


def cancelled(**members: Any) -> dict[str, Any]:
    return CANCELLED | members


def entries(log: ClinicLog) -> str:
    return f"/clinics/{log.clinic.id}/entries"


def outbox(service: Any) -> int:
    with sqlite3.connect(service.database.with_name("activity.db.accounts")) as db:
        (count,) = db.execute("SELECT count(*) FROM indelible_outbox").fetchone()
    return int(count)


def test_one_is_accepted_and_then_an_entry(api: Api, log: ClinicLog) -> None:
    answer = api.post(entries(log), cancelled(key="cancel-1"))

    assert (answer.status, answer.json) == (202, {"status": "accepted", "key": "cancel-1"})
    (view,) = log.read()
    assert (view.action, view.actor["name"]) == ("booking.cancelled", "Maria Fernandes")
    again = api.get(f"/clinics/{log.clinic.id}/documents/cancel-1")
    assert (again.status, again.json["status"], again.json["number"]) == (200, "recorded", 1)


def test_a_document_without_a_key_is_found_by_the_one_that_is_answered(api: Api, log: ClinicLog) -> None:
    key = api.post(entries(log), CANCELLED).json["key"]

    assert api.get(f"/clinics/{log.clinic.id}/documents/{key}").json["number"] == 1
    assert api.get(f"/clinics/{log.clinic.id}/documents/{key[:-1]}0").status == 404


def test_who_waits_is_told_the_entry(api: Api, log: ClinicLog) -> None:
    answer = api.post(f"{entries(log)}?wait=entry", cancelled(key="cancel-1"))

    view = log.entry(1)
    assert answer.status == 201
    assert answer.json == {
        "status": "recorded", "key": "cancel-1", "id": view.id, "number": 1,
        "recorded_at": answer.json["recorded_at"],
    }  # fmt: skip


def test_who_waits_for_a_checkpoint_gets_a_proof_that_holds(api: Api, log: ClinicLog) -> None:
    api.post(entries(log), [cancelled(key=f"cancel-{number}") for number in range(5)])

    answer = api.post(f"{entries(log)}?wait=checkpoint", cancelled(key="the one"))

    proof = EntryProof.decode(answer.json["proof"])
    (row,) = log.rows.entries(5, 6)
    assert answer.json["number"] == 6
    assert proof.check(row.body, Verifier.decode(log.clinic.vkey)).size >= 6


def test_the_same_again_is_the_entry_that_is_there(api: Api, log: ClinicLog) -> None:
    first = api.post(f"{entries(log)}?wait=entry", cancelled(key="cancel-1")).json

    again = api.post(entries(log), cancelled(key="cancel-1"))

    assert (again.status, again.json) == (200, first | {"status": "existing"})
    assert log.size == 1


def test_the_same_key_with_another_document_is_a_conflict(api: Api, log: ClinicLog) -> None:
    api.post(entries(log), cancelled(key="cancel-1"))

    answer = api.post(entries(log), cancelled(key="cancel-1", context={"late": False}))

    assert (answer.status, answer.headers["Content-Type"]) == (409, "application/problem+json")
    assert answer.json["field"] == "key"
    assert log.size == 1


def test_a_conflict_is_seen_while_the_first_still_waits(
    api: Api, log: ClinicLog, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "INDELIBLE_OUTBOX_WAKE", f"{__name__}._nothing")
    assert api.post(entries(log), cancelled(key="cancel-1")).status == 202

    waiting = api.get(f"/clinics/{log.clinic.id}/documents/cancel-1")
    again = api.post(entries(log), cancelled(key="cancel-1"))
    other = api.post(entries(log), cancelled(key="cancel-1", context={"late": False}))

    assert waiting.json == {"status": "waiting", "key": "cancel-1"}
    assert (again.status, again.json) == (200, {"status": "existing", "key": "cancel-1"})
    assert other.status == 409
    assert log.size == 0


def _nothing() -> None:
    """Wakes nobody."""


def test_one_key_from_many_at_once_is_one_entry(log: ClinicLog, key_of: Callable[..., Api]) -> None:
    answers: list[int] = []
    who = [key_of(log, "record") for _ in range(8)]

    def send(one: Api, number: int) -> None:
        answers.append(one.post(entries(log), cancelled(key="cancel-1", context={"late": number % 2 == 0})).status)

    threads = [threading.Thread(target=send, args=(one, number)) for number, one in enumerate(who)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert log.size == 1
    assert sorted(answers) == [200] * 3 + [202] + [409] * 4


def test_many_have_a_result_each_in_order(api: Api, log: ClinicLog) -> None:
    answer = api.post(
        f"{entries(log)}?wait=entry",
        [cancelled(key="a"), cancelled(context={"late": "perhaps"}), cancelled(key="a"), {"action": "nothing.done"}, 5],
    )

    results = answer.json["results"]
    assert answer.status == 200
    assert [one["status"] for one in results] == ["recorded", "refused", "existing", "refused", "refused"]
    assert results[1]["problem"]["pointer"] == "/context/late"
    assert "perhaps" not in answer.content.decode()
    assert results[2]["number"] == results[0]["number"] == 1
    assert log.size == 1


def test_an_atomic_request_is_recorded_whole_or_not_at_all(api: Api, log: ClinicLog) -> None:
    bad = api.post(f"{entries(log)}?atomic=true", [cancelled(key="a"), cancelled(context={"late": 3})])
    taken = api.post(entries(log), cancelled(key="used"))
    conflict = api.post(
        f"{entries(log)}?atomic=true", [cancelled(key="b"), cancelled(key="used", context={"late": False})]
    )
    good = api.post(f"{entries(log)}?atomic=true&wait=entry", [cancelled(key="c"), cancelled(key="d")])

    assert bad.status == 422
    assert [(one["index"], one["pointer"]) for one in bad.json["problems"]] == [(1, "/1/context/late")]
    assert (taken.status, conflict.status, good.status) == (202, 409, 200)
    assert [one["index"] for one in conflict.json["problems"]] == [1]
    assert log.size == 3
    assert api.get(f"/clinics/{log.clinic.id}/documents/b").status == 404


def test_lines_and_what_is_compressed(api: Api, log: ClinicLog) -> None:
    lines = b"".join(json.dumps(cancelled(key=f"line-{n}")).encode() + b"\n" for n in range(50)) + b"\n{broken\n"

    plain = api.post(entries(log), lines, "application/x-ndjson")
    packed = api.post(
        entries(log), gzip.compress(lines, mtime=0), "application/x-ndjson", **{"content-encoding": "gzip"}
    )

    assert [one["status"] for one in plain.json["results"]] == ["accepted"] * 50 + ["refused"]
    assert [one["status"] for one in packed.json["results"]] == ["existing"] * 50 + ["refused"]
    assert log.size == 50


def test_documents_name_their_clinics(log: ClinicLog, service: Any, key_of: Callable[..., Api]) -> None:
    other, strange = service.clinic("Other"), service.clinic("Strange")
    platform, of_one = key_of(None, "record"), key_of(log, "record")

    both = platform.post("/entries?wait=entry", [cancelled(clinic=log.clinic.id), cancelled(clinic=other.clinic.id)])
    only_own = of_one.post("/entries", [cancelled(clinic=log.clinic.id), cancelled(clinic=strange.clinic.id)])
    nobody = platform.post("/entries", CANCELLED)
    elsewhere = platform.post(entries(log), cancelled(clinic=other.clinic.id))

    assert [one["status"] for one in both.json["results"]] == ["recorded", "recorded"]
    assert [one["status"] for one in only_own.json["results"]] == ["accepted", "refused"]
    assert only_own.json["results"][1]["problem"]["status"] == 404
    assert (nobody.status, nobody.json["field"]) == (422, "clinic")
    assert (elsewhere.status, elsewhere.json["field"]) == (422, "clinic")
    assert (log.size, other.size, strange.size) == (2, 1, 0)


@pytest.mark.parametrize(
    ("body", "kind", "packing", "status"),
    [
        (b"{", "application/json", "", 400),
        (b'{"action": "a", "action": "b"}', "application/json", "", 400),
        (b"\xff", "application/json", "", 400),
        (b"[" * 100_000, "application/json", "", 400),
        (b"NaN", "application/json", "", 400),
        (b" ", "application/json", "", 400),
        (b"", "", "", 415),
        (b"null", "application/json", "", 422),
        (b"a=1", "application/x-www-form-urlencoded", "", 415),
        (b"{}", "application/json", "br", 415),
        (b"{}", "application/json", "gzip", 400),
        (gzip.compress(b"{}", mtime=0)[:-9], "application/json", "gzip", 400),
        (gzip.compress(b"[" + b" " * 40_000_000 + b"]", mtime=0), "application/json", "gzip", 413),
        (b"[" + b" " * 17_000_000 + b"]", "application/json", "", 413),
        (b"{}\n" * 10_001, "application/x-ndjson", "", 413),
        (b"[" + b"1," * 10_000 + b"1]", "application/json", "", 413),
        (json.dumps(cancelled(context={"reason_text": "é" * 30_000})).encode(), "application/json", "", 422),
    ],
)
def test_a_bad_body_is_one_sentence_and_nothing_recorded(
    api: Api, log: ClinicLog, service: Any, body: bytes, kind: str, packing: str, status: int
) -> None:
    headers = {"content-encoding": packing} if packing else {}

    answer = api.post(entries(log), body, kind, **headers)

    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert len(answer.json["detail"]) < 200
    assert "\n" not in answer.json["detail"]
    assert (log.size, outbox(service)) == (0, 0)


def test_what_the_log_does_not_take_is_kept_aside_and_told(
    api: Api, log: ClinicLog, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "INDELIBLE_OUTBOX_WAKE", f"{__name__}._nothing")
    api.post(entries(log), cancelled(key="late one"))
    log.record_document(cancelled(key="late one", context={"late": False}))  # by another way in, meanwhile
    service.drain()

    there = api.get(f"/clinics/{log.clinic.id}/documents/late%20one")

    assert (there.json["status"], there.json["number"]) == ("recorded", 1)
    assert api.post(entries(log), cancelled(key="late one")).status == 409


def test_a_closed_clinic_takes_nothing(api: Api, log: ClinicLog, tmp_path: Path) -> None:
    from indelible.manage.lifetime import close_clinic
    from indelible.service.shared_journal import journal

    close_clinic(journal(), log.clinic.id, tmp_path / "final.zip", actor=System("command:close"))

    assert api.post(entries(log), CANCELLED).status == 404


def test_a_clinic_that_sends_more_than_its_log_takes_is_asked_to_wait_and_nobody_else(
    api: Api, log: ClinicLog, service: Any, key_of: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    from indelible.service.api import accepting

    other = service.clinic("Other")
    monkeypatch.setattr(settings, "INDELIBLE_OUTBOX_WAKE", f"{__name__}._nothing")
    monkeypatch.setattr(accepting, "CLINIC_WAITING", 20)
    for _ in range(2):
        assert api.post(entries(log), [CANCELLED] * 10).status == 200

    full = api.post(entries(log), CANCELLED)
    elsewhere = key_of(other).post(entries(other), CANCELLED)
    service.drain()
    later = api.post(entries(log), CANCELLED)

    assert (full.status, full.headers["Retry-After"], full.json["status"]) == (429, "2", 429)
    assert (elsewhere.status, later.status) == (202, 202)
    service.drain()
    assert log.size == 21


def test_a_service_that_waits_for_the_log_says_so(
    api: Api, log: ClinicLog, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    from indelible.service.api import accepting

    monkeypatch.setattr(settings, "INDELIBLE_OUTBOX_WAKE", f"{__name__}._nothing")
    monkeypatch.setattr(accepting, "WAITING", 5)
    api.post(entries(log), [CANCELLED] * 10)

    full = api.post(entries(log), CANCELLED)
    service.drain()

    assert (full.status, full.headers["Retry-After"]) == (503, "2")
    assert api.post(entries(log), CANCELLED).status == 202


def test_an_outbox_that_cannot_be_written_acknowledges_nothing(
    api: Api, log: ClinicLog, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indelible.service.api import accepting

    api.post(entries(log), CANCELLED)  # the thread has its connection
    monkeypatch.setattr(accepting, "_LOCKED_SECONDS", 0.2)
    accepting.accepting()._close()
    with sqlite3.connect(service.database.with_name("activity.db.accounts"), isolation_level=None) as db:
        db.execute("BEGIN IMMEDIATE")
        locked = api.post(entries(log), CANCELLED)
        db.execute("ROLLBACK")

    assert (locked.status, locked.headers["Retry-After"]) == (503, "2")
    assert "OperationalError" not in locked.content.decode()
    assert api.post(entries(log), CANCELLED).status == 202
    assert log.size == 2


def test_whoever_stops_waiting_stops_nobody_else(api: Api, log: ClinicLog) -> None:
    """A gateway whose reader went away cancels what it waits for; the thread that commits must not end with it."""
    from indelible.outbox.prepared import prepare
    from indelible.service.api.accepting import accepting
    from indelible.service.api.arrivals import Asked, arrivals

    future = accepting().put([prepare(log.clinic.id, CANCELLED)])
    waits = arrivals().wait([Asked(log, "outbox:nothing", "nothing")])
    assert not future.cancel()
    assert not waits.cancel()

    assert api.post(f"{entries(log)}?wait=entry", CANCELLED).status == 201


def test_who_was_anonymized_does_not_come_back_with_a_retry(
    api: Api, log: ClinicLog, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document waits, another is held, when their client is anonymized; then both are sent again."""
    from django.conf import settings

    from indelible.drain.sources import open_source

    ana = {"client": {"id": "cli_77", "name": "Ana Sousa"}}
    accounts = service.database.with_name("activity.db.accounts")
    log.record_document(cancelled(**ana))
    monkeypatch.setattr(settings, "INDELIBLE_OUTBOX_WAKE", f"{__name__}._nothing")
    assert api.post(entries(log), cancelled(key="held", **ana)).status == 202
    with closing(open_source(str(accounts), log.shared.places)) as source:
        source.hold([(one, "older_log: the log is older than what was signed of it", True) for one in source.read(9)])
    assert api.post(entries(log), cancelled(key="waits", **ana)).status == 202

    done = api.post(f"/clinics/{log.clinic.id}/clients/cli_77/anonymize", {"requested_by": "client"})
    again = [api.post(entries(log), cancelled(key=key, **ana)) for key in ("held", "waits")]
    service.drain()

    assert (done.status, done.json["outboxes"]["emptied"]) == (200, 1)
    assert [one.status for one in again] == [422, 200]
    assert again[0].json["reason"] == "anonymized"
    assert "Ana" not in api.get(f"{entries(log)}?q=category:bookings").content.decode()
    with closing(sqlite3.connect(accounts)) as db:
        for table in ("indelible_outbox", "indelible_outbox_held"):
            assert not db.execute(f"SELECT 1 FROM {table} WHERE document LIKE '%Ana Sousa%'").fetchone()
