"""Verification of a bundle takes time in proportion to its size, whatever is in it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from indelible.errors import MalformedProof
from indelible.export.bundling import export_bundle
from indelible.format import csv_row
from indelible.proof import bundle
from indelible.proof.verify import verify_bundle
from indelible.proof.verify.bundle import BundleReport, _Rows
from indelible.record.document import Staff
from indelible.testing.bundles import pack, unpack
from indelible.testing.logs import event

HEADER = b"\xef\xbb\xbf" + csv_row.line(list(csv_row.COLUMNS)).encode()


class Line(bytes):
    """A line that counts how many bytes are looked at for quotes."""

    looked_at = 0

    def count(self, *what) -> int:
        Line.looked_at += len(self)
        return super().count(*what)


class File(io.BytesIO):
    def readline(self, *limit) -> Line:
        return Line(super().readline(*limit))


def work(data: bytes) -> int:
    """How many bytes are looked at to read a table to its end."""
    Line.looked_at = 0
    header: Any = io.BytesIO(HEADER)
    rows: Any = _Rows(header, BundleReport(size=0), lambda us, zone: 0)
    rows.lines = File(data)
    while rows._next():
        pass
    return Line.looked_at


@pytest.mark.parametrize(
    "data",
    [b'"' + b"x\n" * 50_000, b'"\n"\n' * 50_000, b'""\n' * 50_000, b"\n" * 50_000, b'"' + b"x" * 100_000],
    ids=["open quote", "quotes across lines", "pairs", "empty lines", "one line"],
)
def test_every_byte_of_a_table_is_looked_at_once(data):
    assert work(data) <= len(data)


def test_a_row_longer_than_any_entrys_is_refused():
    with pytest.raises(MalformedProof, match="longer than any entry"):
        work(b'"' + b"x\n" * bundle.LINE_LIMIT)


def test_an_open_quote_before_many_lines_is_a_finding_or_a_refusal(log, tmp_path):
    for number in range(3):
        log.record_document(event(number))
    export_bundle(log, "", tmp_path / "b.zip", actor=Staff("usr_12"))
    files = unpack(tmp_path / "b.zip")
    files["entries.csv"] = files["entries.csv"].replace(b"\r\n", b'\r\n"', 1) + b"x\r\n" * 200_000
    report = verify_bundle(io.BytesIO(pack(files)), log.signer.verifier)
    assert report.result == "not_intact"
    files["entries.csv"] += b"x\r\n" * 2_000_000
    with pytest.raises(MalformedProof):
        verify_bundle(io.BytesIO(pack(files)), log.signer.verifier)
