"""What happens to others while one clinic's log, or one file, is in trouble: they are answered as ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from indelible.errors import IndelibleError, StorageFailure
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.outbox.prepared import Prepared, prepare
from indelible.testing.logs import event

from .conftest import CANCELLED

LONG = 30.0  # seconds, for what comes at once or never


@pytest.fixture
def journal(service: Any, tmp_path: Path) -> Iterator[Journal]:
    """A log of this test's own, with two clinics and an entry in each, recorded under the key `k`."""
    with Journal.create(tmp_path / "activity.db") as made:
        for clinic in ("c_one", "c_two"):
            made.add_clinic(clinic, name=clinic, zone="Europe/Lisbon").record_document(event(key="k"))
        yield made


def change(journal: Journal, *statements: str) -> None:
    with closing(sqlite3.connect(journal.places.database)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def damage(journal: Journal, clinic: str) -> None:
    """Put something else in the place of the first entry of a clinic."""
    change(
        journal,
        "DROP TRIGGER indelible_entry_no_update",
        "UPDATE indelible_entry SET body = x'7b7d' WHERE clinic ="
        f" (SELECT clinic FROM indelible_clinic WHERE clinic_id = '{clinic}')",
    )


def asked(log: ClinicLog) -> Any:
    from indelible.service.api.arrivals import Asked

    return [Asked(log, "k", "no row")]


def test_a_log_that_cannot_be_read_keeps_nobody_else_waiting(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indelible.service.api import arrivals

    monkeypatch.setattr(arrivals, "LONGEST", LONG)
    damage(journal, "c_one")
    looking = arrivals.Arrivals(tmp_path / "activity.db.accounts")

    one = looking.wait(asked(journal.clinic("c_one")))
    two = looking.wait(asked(journal.clinic("c_two")))

    found = two.result(LONG / 2)[0].appended
    assert found is not None
    assert found.seq == 1
    assert not one.done()


def test_who_waits_for_a_checkpoint_is_answered_where_none_can_be_read_and_so_is_the_next(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indelible.service.api import arrivals

    monkeypatch.setattr(arrivals, "LONGEST", 0.3)
    log = journal.clinic("c_one")
    looking = arrivals.Arrivals(tmp_path / "activity.db.accounts")
    change(journal, "ALTER TABLE indelible_checkpoint RENAME TO elsewhere")
    unsigned = looking.wait(asked(log), signed=True).result(LONG)
    change(journal, "ALTER TABLE elsewhere RENAME TO indelible_checkpoint")
    signed = looking.wait(asked(log), signed=True).result(LONG)

    assert [one.appended is not None and one.appended.seq for one in (*unsigned, *signed)] == [1, 1]


def test_what_one_log_refuses_is_told_to_its_own_sender_alone(journal: Journal, tmp_path: Path) -> None:
    """Requests are committed together; one of them repeats a document whose entry is damaged."""
    from indelible.service.api.accepting import Accepting, _Work, under_way, with_own_key

    damage(journal, "c_one")
    accepting = Accepting(accounts_of(tmp_path), journal)
    works = [
        _Work([one], False, under_way())
        for one in (row("c_two", "before"), with_own_key(prepare("c_one", event(key="k")), "k"), row("c_two", "after"))
    ]

    accepting._commit(works)
    before, damaged, after = (work.future for work in works)

    assert [one.result(0)[0].state for one in (before, after)] == ["accepted", "accepted"]
    assert isinstance(damaged.exception(0), IndelibleError)


def accounts_of(folder: Path) -> Path:
    """The service's outbox as its migrations make it, in a file of this test's own."""
    from django.conf import settings

    with (
        closing(sqlite3.connect(settings.ENVIRONMENT.accounts)) as made,
        closing(sqlite3.connect(folder / "activity.db.accounts")) as db,
    ):
        made.backup(db)
        db.execute("DELETE FROM indelible_outbox")
        db.commit()
    return folder / "activity.db.accounts"


def row(clinic: str, key: str, late: bool = True) -> Prepared:
    from indelible.service.api.accepting import with_own_key

    return with_own_key(prepare(clinic, CANCELLED | {"key": key, "context": {"late": late}}), key)


def waiting(accounts: Path) -> int:
    with closing(sqlite3.connect(accounts)) as db:
        (count,) = db.execute("SELECT count(*) FROM indelible_outbox").fetchone()
    return int(count)


def test_two_processes_let_no_more_wait_than_one_but_for_what_they_did_not_count_yet(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indelible.service.api import accepting

    monkeypatch.setattr(accepting, "CLINIC_WAITING", 100)
    monkeypatch.setattr(accepting, "COUNTED_EACH", 10)
    accounts = accounts_of(tmp_path)
    both = [accepting.Accepting(accounts, journal) for _ in range(2)]

    refused = 0
    for number in range(60):
        sent = [prepare("c_one", CANCELLED) for _ in range(4)]
        refused += isinstance(both[number % 2].put(sent).exception(LONG), accepting.ClinicFull)

    assert refused > 0
    assert 100 - 4 < waiting(accounts) <= 110
    assert both[0].put([prepare("c_two", CANCELLED)]).exception(LONG) is None


def test_one_row_that_stays_does_not_fill_the_service(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that come and go behind it are numbered on."""
    from indelible.service.api import accepting

    monkeypatch.setattr(accepting, "WAITING", 5)
    accounts = accounts_of(tmp_path)
    one = accepting.Accepting(accounts, journal)
    one.put([prepare("c_one", CANCELLED)]).result(LONG)
    for _ in range(10):
        one.put([prepare("c_two", CANCELLED)]).result(LONG)
        with closing(sqlite3.connect(accounts)) as db:
            db.execute("DELETE FROM indelible_outbox WHERE clinic = 'c_two'")
            db.commit()

    assert one.put([prepare("c_two", CANCELLED)]).exception(LONG) is None


def test_an_array_of_too_many_is_refused_before_each_of_them_is_measured(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen mebibytes of numbers are eight million, and twenty kilobytes on the way."""
    from django.test import RequestFactory

    from indelible.service.api import bodies
    from indelible.service.api.problems import Problem

    measured: list[object] = []
    size = bodies._size

    def measure(value: object) -> int:
        measured.append(value)
        return size(value)

    monkeypatch.setattr(bodies, "_size", measure)
    body = b"[" + b"0," * 60_000 + b"0]"

    with pytest.raises(Problem, match="More than"):
        bodies.read(RequestFactory().post("/", body, content_type="application/json"))

    assert not measured


@pytest.mark.parametrize(("error", "status"), [(StorageFailure("no disk"), 503), (ZeroDivisionError("x"), 500)])
def test_what_fails_behind_the_commit_is_a_problem_and_a_line_in_the_logs(
    service: Any, error: Exception, status: int
) -> None:
    """No view and no middleware is there any more; the connection would end without an answer."""
    from concurrent.futures import Future

    from django.http import HttpResponse

    from indelible.service.api.later import Later, wait

    def settle(done: Future[Any]) -> HttpResponse:
        raise error

    done: Future[None] = Future()
    done.set_result(None)
    noted: list[HttpResponse] = []
    later = Later(done, settle)
    later.afterwards = noted.append

    answer = wait(later)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert noted == [answer]
    assert str(error) not in answer.content.decode()


def test_the_proofs_of_one_answer_read_the_tree_once(api: Any, log: ClinicLog, monkeypatch: pytest.MonkeyPatch) -> None:
    from indelible.service.api import proofs

    read: list[int] = []
    real = proofs.prover

    def prover(log: ClinicLog, signed: Any) -> Any:
        read.append(signed.size)
        return real(log, signed)

    monkeypatch.setattr(proofs, "prover", prover)
    sent = [CANCELLED | {"key": f"k{number}"} for number in range(5)]

    answer = api.post(f"/clinics/{log.clinic.id}/entries?wait=checkpoint", sent)

    assert ["proof" in one for one in answer.json["results"]] == [True] * 5
    assert len(read) == 1


def test_accounts_that_cannot_be_written_keep_no_program_from_reading(api: Any, log: ClinicLog) -> None:
    from django.db import connection

    api.post(f"/clinics/{log.clinic.id}/entries", CANCELLED)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE service_apikey SET used_at = 0")
        cursor.execute("PRAGMA query_only = ON")
        try:
            assert api.get(f"/clinics/{log.clinic.id}/entries").status == 200
        finally:
            cursor.execute("PRAGMA query_only = OFF")


def test_a_batch_that_is_sent_again_is_compared_before_the_lock_that_others_wait_for(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indelible.service.api import accepting

    log, accounts = journal.clinic("c_one"), accounts_of(tmp_path)
    sent = [row("c_one", f"k{number}") for number in range(accepting._FEW + 1)]
    for number in range(len(sent) - 1):
        log.record_document(CANCELLED | {"key": f"k{number}"})
    sent[3] = row("c_one", "k3", late=False)
    locked: list[bool] = []
    real = accepting.Accepting._repeated

    def repeated(self: Any, *given: Any) -> Any:
        locked.append(self._db is not None and self._db.in_transaction)
        return real(self, *given)

    monkeypatch.setattr(accepting.Accepting, "_repeated", repeated)
    one = accepting.Accepting(accounts, journal)

    found = one.put(sent).result(LONG)

    states = ["existing"] * 3 + ["conflict"] + ["existing"] * (len(sent) - 5) + ["accepted"]
    assert [each.state for each in found] == states
    assert locked == [False] * (len(sent) - 1)
    assert waiting(accounts) == 1
    atomic = one.put([*sent[:-1], row("c_one", "new")], atomic=True).result(LONG)
    assert [each.state for each in atomic][3] == "conflict"
    assert waiting(accounts) == 1


def test_millions_of_objects_are_refused_before_they_are_read(service: Any) -> None:
    """Thirty kilobytes on the way, and many seconds of a process."""
    from django.test import RequestFactory

    from indelible.service.api import bodies
    from indelible.service.api.problems import Problem

    line = b'{"a":[' + b"{}," * 2_000 + b"{}]}\n"
    for body in (line * 321, b"{" * (bodies.OBJECTS + 1)):
        with pytest.raises(Problem, match="send them in parts"):
            bodies.read(RequestFactory().post("/", body, content_type="application/x-ndjson"))
