"""What README, CONTRIBUTING, how-tos, specifications and docstrings name is there: modules, imports, files, pages."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    *(page for folder in ("docs", "docs/howto", "docs/spec") for page in sorted((REPOSITORY / folder).glob("*.md"))),
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
]
# What is told of earlier times may name what is gone; where it leads must be there all the same.
TOLD = [page for folder in ("docs/why", "docs/adr") for page in sorted((REPOSITORY / folder).glob("*.md"))]
TEXTS = {page.relative_to(REPOSITORY).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
IMPORT = re.compile(r"^\s*from (indelible[\w.]*) import (\([^)]*\)|[\w ,]+)", re.MULTILINE)
# Names of more than one part behind ours: those of one part are SQL's as often as Python's.
DOTTED = re.compile(r"`(indelible(?:\.\w+){2,})[`(]")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def _each(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    return sorted({(page, match.group(0)) for page, text in TEXTS.items() for match in pattern.finditer(text)})


@pytest.mark.parametrize(("page", "statement"), _each(IMPORT))
def test_what_a_page_imports_can_be_imported(page: str, statement: str) -> None:
    match = IMPORT.match(statement)
    assert match is not None
    module = importlib.import_module(match.group(1))
    names = re.findall(r"\w+", match.group(2))
    missing = [name for name in names if not hasattr(module, name)
               and importlib.util.find_spec(f"{match.group(1)}.{name}") is None]  # fmt: skip
    assert not missing


@pytest.mark.parametrize(("page", "name"), _each(DOTTED))
def test_what_a_page_names_in_python_is_there(page: str, name: str) -> None:
    parts = name.strip("`(").split(".")
    for cut in range(len(parts), 0, -1):
        if (REPOSITORY / "src").joinpath(*parts[:cut]).is_dir() or _file(parts[:cut]).is_file():
            break
    if parts[cut:] and "django" not in parts and "service" not in parts:  # these want settings first
        found = importlib.import_module(".".join(parts[:cut]))
        for part in parts[cut:]:
            found = getattr(found, part)
    else:
        assert len(parts) - cut <= 1
        text = _file(parts[:cut]).read_text(encoding="utf-8") if parts[cut:] else parts[-1]
        assert re.search(rf"\b{parts[-1]}\b", text)


def _file(parts: list[str]) -> Path:
    return (REPOSITORY / "src").joinpath(*parts).with_suffix(".py")


@pytest.mark.parametrize("page", [page.relative_to(REPOSITORY).as_posix() for page in (*PAGES, *TOLD)])
def test_what_a_page_links_to_is_there(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    links = {link for link in LINK.findall(text) if "//" not in link}
    assert [link for link in sorted(links) if not (REPOSITORY / page).parent.joinpath(link).exists()] == []


def test_every_picture_is_shown_by_a_page() -> None:
    shown = {Path(link).name for page in (*PAGES, *TOLD) for link in LINK.findall(page.read_text(encoding="utf-8"))}
    assert {picture.name for picture in (REPOSITORY / "docs/pictures").iterdir()} - shown == set()


def test_a_file_that_a_docstring_or_comment_names_is_in_its_folder_or_has_the_path_from_the_package() -> None:
    package = REPOSITORY / "src/indelible"
    lost = [
        (source.relative_to(package).as_posix(), name)
        for source in sorted(package.rglob("*.py"))
        for name in re.findall(r"`([\w/]+\.py)`", source.read_text(encoding="utf-8"))
        if not (source.parent / name).is_file() and not (package / name).is_file()
    ]
    assert lost == []
