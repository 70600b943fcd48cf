"""Fuzzing: a parser gets changed copies of valid inputs, and may only return a value or raise its own errors.

    fuzz("entry.decode", seeds, entry.decode, MalformedProof, encode=lambda body: canonical.encode(body.members))

`seeds` are valid inputs, bytes or texts. An input is one of them after up to three edits: bytes taken out, put in,
doubled, replaced; the end of another seed; for JSON, a part of the tree replaced by a value of another kind, printed
again in the canonical form. What a parser accepts, `encode` must print again, byte for byte.

INDELIBLE_ROUNDS says how many inputs each parser gets (`campaigns/fuzz.py`); a run that sets it ends with a table of
how many were accepted and refused.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.export.bundling import export_bundle, export_complete
from indelible.journal import Journal
from indelible.record.document import Client, Staff
from indelible.testing.logs import Clock, event

ROUNDS = int(os.environ.get("INDELIBLE_ROUNDS", "0"))
QUICK = 60

_PIECES = (
    *("", "\x00", "\n", "\r\n", " ", '"', "\\", "{", "}", "[", "]", ":", ",", "+", "-", "/", ".", "=", "—", "— "),
    *("0", "1", "-1", "00", "1e3", "1.5", "9007199254740993", "9" * 25, "4_2", "٣", "null", "true", "NaN", "é"),
    *("\u2028", "\x85", "\ufeff", "\x1b[2J", "a" * 300, "'", "%", "@", "..", "Ω", "\U0001f600"),
)
_RAW = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00" * 16, b"PK\x05\x06", b"\x80" * 4)
# Values of every kind that a member may be replaced by; none of them has a canonical form that is refused by itself.
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 63, 2**53 - 1, -(2**53 - 1), "", "x", "é\u2028", [], {}, [0], [[]], ["x", "x"]),
    *("2026-05-03T12:22:31.123456Z", {"x": 1}, {"person": 0}, {"person": -1}, {"kind": "booking", "id": "x"}),
    *({"kind": [], "id": {}}, {"old": {"person": 9}, "new": None}, ["identity"], "A" * 43, "client.anonymized"),
)  # fmt: skip

Text = TypeVar("Text", bytes, str)

_counts: dict[str, Counter[str]] = {}


def _pieces(like: Text) -> st.SearchStrategy[Any]:
    if isinstance(like, bytes):
        known = [*(piece.encode() for piece in _PIECES), *_RAW]
        return st.one_of(st.sampled_from(known), st.binary(min_size=1, max_size=3))
    return st.one_of(st.sampled_from(_PIECES), st.text(min_size=1, max_size=3))


class _Seeds(tuple[Any, ...]):
    """Valid inputs. Hypothesis prints what strategies are made of, and whole bundles would be a screen each."""

    def __repr__(self) -> str:
        return f"<{len(self)} seeds>"


def edited(seeds: Sequence[Text]) -> st.SearchStrategy[Text]:
    """One of the seeds, or what some edits make of it."""
    return _edited(_Seeds(seeds))


def regrown(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """A canonical JSON text in whose tree some parts were replaced, taken out, or moved."""
    return _regrown(_Seeds(seeds))


@st.composite
def _edited(draw: Any, seeds: Sequence[Text]) -> Text:
    data: Any = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 1, 1, 2, 8, 100]))
        piece = draw(_pieces(data))
        edit = draw(st.sampled_from(["replace", "double", "cut", "splice"]))
        if edit == "replace":
            data = data[:at] + piece + data[at + length :]
        elif edit == "double":
            data = data[: at + length] + data[at:]
        elif edit == "cut":
            data = data[:at] + data[at + length :] if length else data[:at]
        else:
            data = data[:at] + draw(st.sampled_from(seeds))[at:]
    return data  # type: ignore[no-any-return]


@st.composite
def _regrown(draw: Any, seeds: Sequence[bytes]) -> bytes:
    seed = draw(st.sampled_from(seeds))
    tree = [orjson.loads(seed)]
    for _ in range(draw(st.integers(1, 3))):
        holder, name = draw(st.sampled_from(_places(tree)))
        edit = draw(st.sampled_from(["odd", "odd", "odd", "out", "copy", "wrap"]))
        if edit == "out" and holder is not tree:
            del holder[name]
        elif edit == "copy":
            other, place = draw(st.sampled_from(_places(tree)))
            holder[name] = copy.deepcopy(other[place])
        elif edit == "wrap":
            holder[name] = draw(st.sampled_from([[holder[name]], {"old": holder[name], "new": None}]))
        else:
            holder[name] = copy.deepcopy(draw(st.sampled_from(_ODD)))
    end = b"\n" if seed.endswith(b"\n") else b""
    return orjson.dumps(tree[0], option=orjson.OPT_SORT_KEYS) + end


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every part of a tree, as its holder and its name or index there."""
    found: list[tuple[Any, Any]] = []
    names = range(len(tree)) if isinstance(tree, list) else list(tree)
    for name in names:
        found.append((tree, name))
        if isinstance(tree[name], dict | list):
            found += _places(tree[name])
    return found


class _Input:
    """One input, of which a failure prints the beginning; Hypothesis gives the whole to reproduce."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __repr__(self) -> str:
        return repr(self.data)[:2_000]


Fuzz = Callable[..., None]


@pytest.fixture(scope="session")
def drive() -> Callable[..., None]:
    """`drive(name, inputs, check)` calls `check` with many inputs; it returns whether the input was accepted."""

    def run(name: str, inputs: st.SearchStrategy[Any], check: Callable[[Any], bool], quick: int = QUICK) -> None:
        counts = _counts.setdefault(name, Counter())

        @settings(max_examples=ROUNDS or quick, database=None)
        @given(inputs.map(_Input))
        def one(given: _Input) -> None:
            counts["inputs"] += 1
            counts["accepted" if check(given.data) else "refused"] += 1

        one()

    return run


@pytest.fixture(scope="session")
def fuzz(drive: Callable[..., None]) -> Fuzz:
    """`fuzz(name, seeds, parse, errors, encode=None, json=False)`: see the head of this file."""

    def run(
        name: str,
        seeds: Sequence[Any],
        parse: Callable[[Any], Any],
        errors: type[Exception] | tuple[type[Exception], ...],
        *,
        encode: Callable[[Any], Any] | None = None,
        json: bool = False,
    ) -> None:
        def check(data: Any) -> bool:
            try:
                value = parse(data)
            except errors:
                assert data not in seeds, "a valid input was refused"
                return False
            if encode is not None:
                assert encode(value) == data
            return True

        inputs: st.SearchStrategy[Any] = edited(seeds)
        drive(name, st.one_of(inputs, regrown(seeds), regrown(seeds)) if json else inputs, check)

    return run


@pytest.fixture(scope="session")
def strategies() -> Any:
    """The two ways to change an input, for tests that do more with it than one parser."""

    class Strategies:
        edited = staticmethod(edited)
        regrown = staticmethod(regrown)

    return Strategies


_STAFF = {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"}
_MOVED = {"starts_at": {"old": "2026-05-04T09:00:00+02:00", "new": "2026-05-05T10:00:00+02:00"}}
_PAID = {"amount_minor": 4_500, "currency": "EUR", "stripe_charge": "ch_3N", "booking": "bk_1", "card_last4": "4242"}
_DOCUMENTS = (
    event(1, key="k1", operation="op_1", people=[{"role": "payer", "id": "cli_78", "name": "Bruno Sousa"}]),
    event(2, action="booking.rescheduled", actor={"kind": "client", "id": "cli_77"}, client=None, context=_MOVED),
    event(action="charge.succeeded", actor={"kind": "integration", "id": "stripe"}, request=None, context=_PAID,
          target={"kind": "charge", "id": "ch_1"}, occurred_at="2026-05-03T14:00:00+02:00"),
    event(action="client.created", client=None, context={"method": "staff", "fields_present": ["name", "phone"]},
          target={"kind": "client", "id": "cli_79", "name": "Carla Dias"}),
    event(action="account.logged_in", target={"kind": "staff", "id": "usr_12"}, client=None, context={}),
    event(3, actor={"kind": "agent", "id": "assistant_1", "name": "Booking assistant",
                    "on_behalf_of": {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}}, client=None),
    event(action="voucher.expired", actor={"kind": "system", "reason": "job:voucher-expiry"}, request=None,
          target={"kind": "voucher", "id": "vo_1"}, context={"balance_lost_minor": 100, "currency": "EUR"}),
)  # fmt: skip


@pytest.fixture(scope="session")
def documents() -> list[bytes]:
    """Event documents as JSON text."""
    return [orjson.dumps(one) for one in _DOCUMENTS]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small log, `activity.db`, in which a client was anonymized, and bundles of it."""
    folder = tmp_path_factory.mktemp("fuzz")
    clock = Clock()
    with Journal.create(folder / "activity.db", installation="log.example.org", clock=clock) as journal:
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        for one in _DOCUMENTS:
            log.record_document(one)
        clock.advance(2)
        log.anonymize("cli_79", requested_by="client", actor=Client("cli_79"))
        export_bundle(log, "category:bookings", folder / "bookings.zip", actor=Staff("usr_12"))
        export_bundle(log, "", folder / "selection.zip", actor=Staff("usr_12"), given=("identity",))
        export_complete(log, folder / "complete.zip", actor=Staff("usr_12"), last_seq=7)
        (folder / "vkey").write_text(log.clinic.vkey)
    return folder


@pytest.fixture(scope="session")
def bundles(made: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(made.glob("*.zip"))]


@pytest.fixture(scope="session")
def bodies(made: Path) -> list[bytes]:
    """Every body of the log."""
    with closing(connect(made / "activity.db")) as db:
        return [body for (body,) in db.execute("SELECT body FROM indelible_entry ORDER BY seq")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROUNDS:
        return
    terminalreporter.write_sep("=", "FUZZED")
    for name, counts in sorted(_counts.items()):
        terminalreporter.write_line(
            f"{name:28} {counts['inputs']:>8} inputs {counts['accepted']:>8} accepted {counts['refused']:>8} refused"
        )
