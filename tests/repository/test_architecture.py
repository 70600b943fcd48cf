"""docs/architecture.md names what is there, and tells the walks of an entry as they are."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Callable
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import pytest

from indelible import Staff
from indelible.catalogue.bookings import BookingCancelled
from indelible.export import run
from indelible.log import ClinicLog
from indelible.manage import inspection

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "src" / "indelible"
PAGE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
# What is written as code and names a module, class or function below the package.
NAMES = sorted({
    name for name in re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`", PAGE) if not name.endswith((".py", ".toml"))
} - {"log.exported", "tool.importlinter"})  # fmt: skip
FILES = sorted(set(re.findall(r"`((?:[a-z_]+/)+|(?:[a-z_]+/)*[a-z_]+\.py)`", PAGE)))
WALKS = re.findall(r"^## (From [^\n]*): (\w+) hops\n\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _named(name: str) -> Any:
    """What a dotted name stands for, as it is written down: no property is asked."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        if not _is_module(parts[:cut]):
            continue
        found: Any = importlib.import_module(".".join(("indelible", *parts[:cut])))
        for part in parts[cut:]:
            if isinstance(found, ModuleType):
                found = getattr(found, part)
            else:
                found = next(vars(cls)[part] for cls in found.__mro__ if part in vars(cls))
        return found
    raise AttributeError(f"{name} begins with no module")


def _is_module(parts: list[str]) -> bool:
    return SOURCE.joinpath(*parts).is_dir() or SOURCE.joinpath(*parts).with_suffix(".py").is_file()


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("service.")])
def test_what_it_names_is_there(name: str) -> None:
    assert _named(name) is not None


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("service.")])
def test_what_it_names_of_the_service_is_there(name: str) -> None:
    module, _, last = name.rpartition(".")  # without importing it: Django would have to be set up
    text = SOURCE.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    assert re.search(rf"^(def|class) {last}\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_its_files_and_folders_are_there(name: str) -> None:
    places = (SOURCE, REPOSITORY, SOURCE / "service", SOURCE / "proof")
    assert any((place / name).exists() for place in places)


def test_its_table_has_every_layer_in_order() -> None:
    config = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["name"] == "imports go downward")
    place = {name: number for number, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
    table = PAGE.partition("| folder or module |")[2].splitlines()[2:]
    rows = [line.split("|")[1] for line in takewhile(lambda line: line.startswith("|"), table)]
    listed = [name.removesuffix("/").removesuffix(".py") for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(listed) == sorted(place)
    assert [place[name] for name in listed] == sorted(place.values())


def _walk_write(log: ClinicLog, folder: Path) -> None:
    log.record(BookingCancelled(late=True), actor=Staff("usr_1", "Maria"), target=("booking", "bk_1"))


def _walk_page(log: ClinicLog, folder: Path) -> None:
    with log.reading() as session:
        for view in session.page("category:bookings").views:
            assert view.sentence


def _walk_file(log: ClinicLog, folder: Path) -> None:
    run.export(log, "category:bookings", folder / "bookings.csv", actor=Staff("usr_1", "Maria"))


def _walk_verdict(log: ClinicLog, folder: Path) -> None:
    assert inspection.inspect(log).result == "intact"


WALKED = {
    "From `record()` to the row": _walk_write,
    "From the row to the page": _walk_page,
    "From the row to the file": _walk_file,
    "From the row to the verdict": _walk_verdict,
}


def test_every_walk_that_it_tells_is_walked() -> None:
    assert [title for title, _, _ in WALKS] == list(WALKED)


@pytest.mark.parametrize(("title", "hops", "steps"), WALKS, ids=[title for title, _, _ in WALKS])
def test_a_walk_goes_as_it_is_told(title: str, hops: str, steps: str, log: ClinicLog, tmp_path: Path) -> None:
    _walk_write(log, tmp_path)
    called = _called(lambda: WALKED[title](log, tmp_path))
    told = [re.match(r"\d+\. `([^`]+)`", line) for line in steps.splitlines()]
    names = [match.group(1) for match in told if match]
    assert hops == WORDS[len(names)]
    assert [names.index(name) for name in sorted(names, key=lambda name: _first(called, name))] == list(
        range(len(names))
    )


def test_a_record_goes_through_no_more_modules_than_it_says(log: ClinicLog, tmp_path: Path) -> None:
    _walk_write(log, tmp_path)
    modules = {code.co_filename for code in _called(lambda: _walk_write(log, tmp_path))}
    assert "twenty modules at the most" in PAGE
    assert len(modules) <= 20


def _called(walk: Callable[[], None]) -> list[CodeType]:
    """The functions of the package that are called, in their order."""
    found: list[CodeType] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(f"{SOURCE}/"):
            found.append(frame.f_code)

    sys.setprofile(note)
    try:
        walk()
    finally:
        sys.setprofile(None)
    return found


def _first(called: list[CodeType], name: str) -> int:
    """Where a function was first called. One of a protocol is whatever an engine has under its name."""
    found = _named(name)
    if isinstance(found, property):
        found = found.fget
    if isinstance(found, cached_property):
        found = found.func
    code = inspect.unwrap(found).__code__
    if name.startswith("stores.contract."):
        return next(place for place, one in enumerate(called)
                    if one.co_name == code.co_name and "/stores/" in one.co_filename)  # fmt: skip
    return called.index(code)
