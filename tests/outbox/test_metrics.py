"""The metrics: a text that OpenMetrics' grammar takes, with the right numbers and nobody's name."""

from __future__ import annotations

import re

import pytest

from indelible.drain import health, metrics
from indelible.drain.health import Health
from indelible.drain.metrics import Counters
from indelible.drain.passes import Drain
from indelible.errors import StorageFailure
from indelible.outbox.guard import Guard
from indelible.stores.contract import SourceRow
from indelible.testing.logs import event

_SAMPLE = re.compile(r'(indelible_[a-z_]+)(\{[a-z]+="[^"\\\n]*"(?:,[a-z]+="[^"\\\n]*")*\})? (\d+(?:\.\d+)?)')

_ENDS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def parsed(text: str) -> dict[str, float]:
    """The samples of a text that keeps to the grammar: its families in one piece each, counters in _total, one EOF."""
    assert text.endswith("# EOF\n")
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    family = ""
    for line in text.removesuffix("# EOF\n").splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in kinds
            kinds[family] = kind
        elif line.startswith("# UNIT "):
            assert line.split(" ")[2] == family
            assert family.endswith(f"_{line.split(' ')[3]}")
        elif line.startswith("# HELP "):
            assert line.split(" ")[2] == family
        else:
            match = _SAMPLE.fullmatch(line)
            assert match is not None, line
            assert match[1].removeprefix(family) in _ENDS[kinds[family]]
            assert match[1] + (match[2] or "") not in found
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_every_number_is_in_its_place(journal, log, clock):
    log.record_document(event(1))
    log.record_document(event(2))
    clock.advance(30)
    totals = Counters()
    totals.add(appended=5, repeated=1)
    totals.add(appended=2, held=3, errors=4)
    well = Health(
        "host.db", waiting=12, age_seconds=7.25, held={("invalid", True): 2, ("unknown_clinic", False): 1},
        guards=(Guard("booking", "booking", "count", "in order"), Guard("item", "booking", "count", "trigger missing")),
    )  # fmt: skip
    gone = Health("postgresql://db/clinic", problem="does not answer", answers=False)
    assert parsed(metrics.text([well, gone], journal.store, journal.clock(), totals)) == {
        'indelible_outbox_up{outbox="1"}': 1,
        'indelible_outbox_up{outbox="2"}': 0,
        'indelible_outbox_waiting{outbox="1"}': 12,
        'indelible_outbox_oldest_seconds{outbox="1"}': 7.25,
        'indelible_outbox_held{outbox="1",reason="invalid"}': 2,
        'indelible_outbox_held{outbox="1",reason="unknown_clinic"}': 1,
        'indelible_guards_broken{outbox="1"}': 1,
        "indelible_drain_appended_total": 7,
        "indelible_drain_repeated_total": 1,
        "indelible_drain_held_total": 3,
        "indelible_drain_errors_total": 4,
        "indelible_entries_unsigned": 1,
        "indelible_last_signed_age_seconds": 30,
    }


def test_a_log_without_entries_or_outboxes_has_a_text_too(journal):
    found = parsed(metrics.text([], journal.store, journal.clock(), Counters()))
    assert found["indelible_entries_unsigned"] == 0
    assert "indelible_last_signed_age_seconds" not in found


def test_nobody_is_named(journal, host, source):
    host.events(1)
    host.put("{}")
    said: list[str] = []
    work = Drain(journal, source, tell=said.append, report=lambda: work.stop())
    work.run()
    host.events(2)
    text = metrics.text([health.look(source)], journal.store, journal.clock())
    for name in ("c_lisbon", "Lisbon", "host.db", "Ana", "bk_", "cli_", "log.example.org"):
        assert name not in text


def test_what_a_drain_did_is_counted_and_so_is_what_stopped_it(journal, host, source, monkeypatch):
    totals = Counters()
    monkeypatch.setattr("indelible.drain.passes.COUNTERS", totals)
    host.events(1)
    host.put(event(2, key="a"))
    host.put(event(2, key="a"))
    host.put("{}")
    drain = Drain(journal, source, tell=lambda _: None)
    monkeypatch.setattr(drain, "_pause", lambda seconds: drain.stop())
    drain.run()
    assert totals.counts() == {"appended": 2, "repeated": 1, "held": 1, "errors": 0}
    journal.store.keep_source(SourceRow(*source.identity()._replace(xid=10**9)))
    with pytest.raises(StorageFailure, match="is older"):
        Drain(journal, source, tell=lambda _: None).run()
    assert totals.counts()["errors"] == 1


def test_a_file_of_metrics_is_put_in_place_whole_and_another_user_may_read_it(tmp_path):
    path = tmp_path / "indelible.prom"
    metrics.write(path, "one\n")
    metrics.write(path, "two\n")
    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["indelible.prom"]
    with pytest.raises(StorageFailure, match="cannot be written"):
        metrics.write(tmp_path / "nowhere" / "indelible.prom", "")
