"""Print the figures. `make bench ARGS="--entries 100000"` for a larger log; `make bench ARGS=outbox` for the outbox,
`make bench ARGS=http` for recording over HTTP; `make bench ARGS=proofs` for inclusion proofs; `python -m
benchmarks.format --help` for what an entry costs."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3

from . import http, outbox, proofs, reading, writing
from .data import filled_log

_ROW = "{:46} {:>16} {:>16} {:>8} {:>8}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("log", "http", "outbox", "proofs"), default="log")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=500)
    options = parser.parse_args()
    if options.what == "outbox":
        outbox.main()
        return
    if options.what == "http":
        http.main()
        return
    if options.what == "proofs":
        proofs.main()
        return
    print(
        f"{options.entries} entries of the demo clinic · Python {platform.python_version()}"
        f" · SQLite {sqlite3.sqlite_version} · {os.cpu_count()} cores, {platform.machine()}\n"
    )
    print(_ROW.format("what", "ours", "baseline", "ratio", "goal"))
    _writing(options.entries, options.records)
    _reading(options.entries)


def _writing(entries: int, records: int) -> None:
    drafting, appending, bare = writing.append(entries)
    print(
        _ROW.format(
            "append of drafts, against bare executemany",
            f"{appending:.0f} us",
            f"{bare:.0f} us",
            f"{bare / appending:.2f}",
            "—",
        )
    )
    total = drafting + appending
    print(
        _ROW.format(
            "append of documents: validated, everything on",
            f"{total:.0f} us",
            f"{bare:.0f} us",
            f"{bare / total:.2f}",
            "0.4",
        )
    )
    ours, plain = writing.record(records)
    print(
        _ROW.format(
            "record(), against a bare durable insert", f"{ours:.2f} ms", f"{plain:.2f} ms", f"{ours / plain:.2f}", "—"
        )
    )


def _reading(entries: int) -> None:
    with filled_log(entries // 4) as log:
        _, small = reading.export(log)
    with filled_log(entries) as log:
        rate, peak = reading.export(log)
        print(_ROW.format("CSV export, values opened", f"{rate:,.0f} rows/s", "", "", "25,000"))
        print(
            _ROW.format(
                f"  peak memory; at {entries // 4} entries",
                f"{peak:.0f} MB",
                f"{small:.0f} MB",
                f"{peak / small:.2f}",
                "1.0",
            )
        )
        print("  (up to 64 MB of it is SQLite's page cache, which a small log does not fill: see docs/why/figures.md)")
        print(_ROW.format("verify, values opened, one core", f"{reading.verify(log):,.0f} /s", "", "", "30,000"))
        print(_ROW.format("disk for each entry", f"{reading.disk(log) / 1024:.1f} KB", "", "", "—"))
        print("\npage of 50, opened: median and 99th percentile in ms")
        for name, (median, last) in reading.pages(log).items():
            print(f"  {name:20} {median:7.1f} {last:7.1f}")


if __name__ == "__main__":
    main()
