"""A stranger who runs the tests is told what did not run; the check of a change refuses to skip."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

ONE_RUNS_TWO_DO_NOT = """
    import pytest

    def test_runs():
        pass

    def test_needs_a_server():
        pytest.skip("postgres: no server answers")

    @pytest.mark.skip(reason="not on this system")
    def test_needs_another_system():
        pass
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of its own with our conftest.py, whose only environment is what the test sets."""
    monkeypatch.delenv("INDELIBLE_REQUIRE", raising=False)
    monkeypatch.delenv("INDELIBLE_SHARED", raising=False)
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    return pytester


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_skipped_tests_are_listed_by_reason_and_pass(inner: pytest.Pytester, workers: list[str]) -> None:
    inner.makepyfile(test_inner=ONE_RUNS_TWO_DO_NOT)
    result = inner.runpytest_subprocess(*workers)
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "=* NOT RUN =*",
            "not on this system (1)",
            "    test_inner.py::test_needs_another_system",
            "postgres: no server answers (1)",
            "    test_inner.py::test_needs_a_server",
            "=* 1 passed, 2 skipped *",
        ]
    )


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_nothing_may_be_skipped_when_all_is_required(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    monkeypatch.setenv("INDELIBLE_REQUIRE", "all")
    inner.makepyfile(test_inner=ONE_RUNS_TWO_DO_NOT)
    result = inner.runpytest_subprocess(*workers)
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 2
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*does not allow this to be skipped. postgres: no server answers", "NOT RUN: nothing"])


def test_only_the_named_needs_are_required(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDELIBLE_REQUIRE", "browser, postgres")
    inner.makepyfile(test_inner=ONE_RUNS_TWO_DO_NOT)
    inner.runpytest_subprocess().assert_outcomes(passed=1, failed=1, skipped=1)


def test_a_module_that_skips_itself_is_listed_or_fails(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    inner.makepyfile(test_inner="import pytest\npytest.importorskip('no_such_library')")
    inner.runpytest_subprocess().stdout.fnmatch_lines(["*no_such_library* (1)", "    test_inner.py"])
    monkeypatch.setenv("INDELIBLE_REQUIRE", "all")
    inner.runpytest_subprocess().assert_outcomes(errors=1)


def test_an_expected_failure_has_run(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDELIBLE_REQUIRE", "all")
    inner.makepyfile("import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it():\n    assert False")
    result = inner.runpytest_subprocess()
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["NOT RUN: nothing"])


def test_the_vectors_are_skipped_where_their_folder_is_absent(inner: pytest.Pytester) -> None:
    repository = inner.mkdir("outer") / "repository"
    (repository / "tests").mkdir(parents=True)
    (repository / "tests" / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (repository / "tests" / "test_inner.py").write_text("def test_it(shared): assert shared.is_dir()", encoding="utf-8")
    inner.runpytest_subprocess(repository).stdout.fnmatch_lines(
        ["shared: the vectors folder shared/ is not beside the repository (1)"]
    )
    (repository.parent / "shared").mkdir()
    inner.runpytest_subprocess(repository).assert_outcomes(passed=1)
