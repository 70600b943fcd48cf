"""What processes know together: limits, Django's cache, counts; and a file that is damaged or cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

VALUE = "maria@clinic.example"


@pytest.fixture
def clock(service, monkeypatch):
    from indelible.service import shared_state

    class Clock:
        now = 1_000_000.0

        def __call__(self) -> float:
            return self.now

    made = Clock()
    monkeypatch.setattr(shared_state, "clock", made)
    return made


@pytest.fixture
def state(service, tmp_path, monkeypatch):
    """A file of this test's own."""
    from indelible.service import shared_state

    made = shared_state.SharedState(tmp_path / "activity.db.shared")
    monkeypatch.setattr(shared_state, "_state", made)
    yield made
    made.close()


def test_a_bucket_takes_a_burst_and_then_one_each_while(state, clock):
    from indelible.service.rate_limits import take

    assert [take("a", 3, 10) for _ in range(3)] == [0, 0, 0]
    assert take("a", 3, 10) == pytest.approx(10)
    clock.now += 4
    assert take("a", 3, 10) == pytest.approx(6)
    assert take("b", 3, 10) == 0
    clock.now += 6
    assert take("a", 3, 10) == 0
    assert take("a", 3, 10) > 0


def test_many_uses_at_once_go_into_a_bucket_that_has_room(state, clock):
    from indelible.service.rate_limits import take

    assert take("a", 100, 0.5, uses=60) == 0
    assert take("a", 100, 0.5, uses=60) == pytest.approx(10)
    assert take("a", 100, 0.5, uses=40) == 0
    assert take("b", 100, 0.5, uses=10_000) == 0
    assert take("b", 100, 0.5) == pytest.approx(4_950.5)


def test_a_clock_that_is_put_back_holds_nobody_for_longer_than_the_limit(state, clock):
    from indelible.service.rate_limits import take

    take("a", 1, 60)
    clock.now -= 86_400
    assert take("a", 1, 60) == pytest.approx(60)
    clock.now += 61
    assert take("a", 1, 60) == 0


def test_threads_take_no_more_than_there_is(state):
    from indelible.service.rate_limits import take

    got: list[float] = []
    threads = [threading.Thread(target=lambda: got.extend(take("a", 50, 3_600) for _ in range(20))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(got), got.count(0.0)) == (160, 50)


def test_nothing_in_the_file_says_who(state, tmp_path):
    from django.core.cache import cache

    from indelible.service.rate_limits import take

    take(f"pair:203.0.113.9:{VALUE}", 3, 10)
    cache.set(f"login:{VALUE}", [1.5], 60)
    state.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert VALUE.encode() not in kept
    assert b"203.0.113" not in kept
    assert (tmp_path / "activity.db.shared").stat().st_mode & 0o777 == 0o600


def test_the_cache_is_djangos(state, clock):
    from django.core.cache import cache

    assert cache.add("a", [1.5, "y"], 10) is True
    assert cache.add("a", 2, 10) is False
    assert cache.get("a") == [1.5, "y"]
    clock.now += 10
    assert cache.get("a", "gone") == "gone"
    assert cache.add("a", 1, None) is True
    assert cache.incr("a", 4) == 5
    assert cache.touch("a", 5) is True
    assert cache.touch("b") is False
    with pytest.raises(ValueError, match="nothing is kept"):
        cache.incr("b")
    assert cache.get_or_set("c", 7) == 7
    assert cache.delete("c") is True
    assert cache.delete("c") is False
    cache.set_many({"d": 1, "e": 2})
    assert cache.get_many(["d", "e", "f"]) == {"d": 1, "e": 2}
    cache.clear()
    assert cache.get("a") is None


def test_what_counts_no_more_is_swept(state, clock):
    from django.core.cache import cache

    from indelible.service.rate_limits import take

    take("a", 3, 10)
    cache.set("a", 1, 10)
    cache.set("b", 1, None)
    clock.now += 11
    state.sweep(clock.now)
    counted = state.change(lambda db: db.execute("SELECT (SELECT count(*) FROM bucket), (SELECT count(*) FROM kept)"))
    assert counted.fetchone() == (0, 1)


@pytest.mark.parametrize("harm", ["damaged", "another release's", "deleted"])
def test_a_file_that_is_of_no_use_is_made_anew(state, tmp_path, harm):
    from indelible.service.rate_limits import take

    path = tmp_path / "activity.db.shared"
    assert take("a", 1, 3_600) == 0
    assert take("a", 1, 3_600) > 0
    state.close()
    if harm == "deleted":
        path.unlink()
    elif harm == "damaged":
        path.write_bytes(b"something else" * 1_000)
    else:
        with closing(sqlite3.connect(path)) as db:
            db.executescript("PRAGMA user_version = 99; CREATE TABLE other (x); DROP TABLE bucket;")
    assert take("a", 1, 3_600) == 0
    assert take("a", 1, 3_600) > 0


def test_a_file_that_opens_and_is_damaged_behind_its_head_is_made_anew(state, tmp_path, caplog):
    """Else limits would be each process's own, and forgotten whenever a table that is whole was read."""
    from indelible.service.rate_limits import take

    path = tmp_path / "activity.db.shared"
    assert take("a", 1, 3_600) == 0
    state.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'bucket'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    waits = []
    for _ in range(2):
        state.change(lambda db: db.execute("SELECT count(*) FROM counted").fetchone())
        waits.append(take("a", 1, 3_600))
    assert [wait > 0 for wait in waits] == [False, True]
    assert not caplog.records


def test_without_the_file_a_process_counts_for_itself_and_says_so_once(state, tmp_path, caplog):
    from indelible.service.rate_limits import take

    (tmp_path / "activity.db.shared").mkdir()
    assert take("a", 1, 3_600) == 0
    assert take("a", 1, 3_600) > 0
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1
    (tmp_path / "activity.db.shared").rmdir()
    assert take("b", 1, 3_600) == 0
    assert "counts are shared by every process again" in caplog.messages


def test_a_backup_and_an_export_leave_the_files_alone(tmp_path):
    from indelible import InvalidInput
    from indelible.places import Places

    places = Places.beside(tmp_path / "activity.db")
    for path in (places.shared, Path(f"{places.shared}-wal"), places.leader):
        with pytest.raises(InvalidInput, match="file of the log itself"):
            places.check_output(path)


def test_counts_of_requests_are_a_histogram(state):
    from indelible.service import counting

    counts = counting.Counts()
    for seconds in (0.004, 0.02, 0.02, 45.0):
        counts.request("api", 201, seconds)
    counts.documents("accepted", 3)
    counts.wait(ended=False)
    assert 'route="api"' not in counting.text(), "it is this process's until it is flushed"
    counts.flush(is_worker=True)
    counts.flush(is_worker=True)
    lines = counting.text().splitlines()
    for line in (
        'indelible_http_requests_total{route="api",status="2xx"} 4',
        'indelible_http_request_duration_seconds_bucket{route="api",le="0.005"} 1',
        'indelible_http_request_duration_seconds_bucket{route="api",le="0.025"} 3',
        'indelible_http_request_duration_seconds_bucket{route="api",le="30"} 3',
        'indelible_http_request_duration_seconds_bucket{route="api",le="+Inf"} 4',
        'indelible_http_request_duration_seconds_count{route="api"} 4',
        'indelible_http_request_duration_seconds_sum{route="api"} 45.044',
        'indelible_api_documents_total{outcome="accepted"} 3',
        'indelible_api_waits_total{outcome="gave_up"} 1',
        "indelible_workers 1",
    ):
        assert line in lines
