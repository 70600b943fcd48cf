"""What every test folder shares: a journal, the public vectors, Hypothesis's profile, and the list of what was not run.

The journal is in a temporary folder, with a clock that stands still, and is verified at the end of each test.

A run ends with a section NOT RUN: every skipped test, grouped by the reason it gave, or "nothing". The environment
variable INDELIBLE_REQUIRE turns skips into failures: `all` turns each of them; `shared,postgres` turns those whose
reason begins with one of these words and a colon (`shared: the vectors folder ...`). A test that was expected to fail
and did has run.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from indelible.testing.logs import clock, journal, log

__all__ = ["clock", "journal", "log"]

settings.register_profile(
    "indelible",
    deadline=None,  # speed is measured in benchmarks/, and a busy machine is not a fault of the code
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,  # a change is judged by its own cases, not by luck
    print_blob=True,
)
settings.load_profile("indelible")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public vectors and fixtures: INDELIBLE_SHARED, or `shared/` beside the repository."""
    named = os.environ.get("INDELIBLE_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(
            "shared: INDELIBLE_SHARED does not name a folder"
            if named
            else "shared: the vectors folder shared/ is not beside the repository"
        )
    return folder


def _is_required(reason: str) -> bool:
    required = {word.strip() for word in os.environ.get("INDELIBLE_REQUIRE", "").split(",")}
    return "all" in required or reason.partition(":")[0] in required - {""}


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    # pytest describes a skip by (file, line, "Skipped: reason").
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
    return text.removeprefix("Skipped").removeprefix(": ") or "no reason given"


def _fail_if_required(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and _is_required(_reason(report)):
        report.longrepr = f"INDELIBLE_REQUIRE does not allow this to be skipped. {_reason(report)}"
        report.outcome = "failed"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_required(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield  # a whole module can be skipped, by importorskip for one
    _fail_if_required(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        skipped[_reason(report)].append(report.nodeid)
    if not skipped:
        terminalreporter.write_line("NOT RUN: nothing")
        return
    terminalreporter.write_sep("=", "NOT RUN")
    for reason, tests in sorted(skipped.items()):
        terminalreporter.write_line(f"{reason} ({len(tests)})")
        for test in sorted(tests):
            terminalreporter.write_line(f"    {test}")
