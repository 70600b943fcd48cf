"""The export page's files: streamed as they are made, recorded before, closed when nobody reads them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from indelible.errors import StorageFailure
from indelible.read.session import Session
from indelible.read.view import View


@pytest.fixture
def world(service: Any) -> Any:
    log = service.clinic()
    service.fill(log)
    return log, service.client(service.user("owner", log))


def sent(world: Any, format: str, words: str = "") -> Any:
    log, browser = world
    return browser.post(f"/c/{log.clinic.id}/export/file/", {"q": words, "format": format})


def test_each_format_is_streamed_and_holds_the_list(world):
    log, _ = world
    listed = [view.id for view in log.read("category:payments")]
    files = {}
    for format in ("csv", "csv-data", "jsonl", "xlsx"):
        answer = sent(world, format, "category:payments")
        assert answer.streaming and not answer.has_header("Content-Length")
        files[format] = b"".join(answer.streaming_content)
        assert log.entry(log.size).context["format"] == format
    assert files["csv"] == b"\xef\xbb\xbf" + files["csv-data"]
    rows = csv.DictReader(io.StringIO(files["csv-data"].decode(), newline=""))
    sheet = openpyxl.load_workbook(io.BytesIO(files["xlsx"]))["entries"]
    assert listed == [row["id"] for row in rows]
    assert listed == [json.loads(line)["id"] for line in files["jsonl"].splitlines()]
    assert listed == [row[1].value for row in sheet.iter_rows(min_row=2)]


def test_a_list_without_entries_is_an_empty_file(world):
    assert b"".join(sent(world, "jsonl", "actor:nobody-there").streaming_content) == b""


class Watched:
    """Stands in for `Session.read`: each view is noted, and whether the reading was closed."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.read, self.closed, self._fails_at = 0, False, fails_at

    def __call__(self, session: Session, *words: Any, **options: Any) -> Iterator[View]:
        (view,) = _read(session, "", limit=1)
        try:
            for number in range(10_000):
                if number == self._fails_at:
                    raise StorageFailure("entry 1 cannot be read")
                self.read += 1
                yield view
        finally:
            self.closed = True


_read = Session.read


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_who_goes_away_ends_the_reading(world, monkeypatch, format):
    watched = Watched()
    monkeypatch.setattr(Session, "read", lambda *a, **k: watched(*a, **k))
    answer = sent(world, format)
    assert next(answer.streaming_content)
    assert 0 < watched.read < 5_000 and not watched.closed
    answer.close()
    assert watched.closed and watched.read < 5_000


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_what_cannot_be_begun_is_a_page_and_stays_recorded(world, monkeypatch, format):
    log, _ = world
    monkeypatch.setattr(Session, "read", lambda *a, **k: Watched(fails_at=1)(*a, **k))
    answer = sent(world, format)
    assert answer.status_code == 503 and b"<h1" in answer.content
    assert log.entry(log.size).action == "log.exported"


@pytest.mark.parametrize(
    ("format", "end"), [("csv", b"Export it again.\r\n"), ("jsonl", b'export it again"}\n'), ("xlsx", b"")]
)
def test_what_breaks_off_is_not_taken_for_whole(world, monkeypatch, format, end):
    monkeypatch.setattr(Session, "read", lambda *a, **k: Watched(fails_at=5_000)(*a, **k))
    answer = sent(world, format)
    blocks: list[bytes] = []
    with pytest.raises(StorageFailure):
        for block in answer.streaming_content:
            blocks.append(block)
    data = b"".join(blocks)
    assert len(data) > 50_000 and data.endswith(end)
    assert not zipfile.is_zipfile(io.BytesIO(data))
