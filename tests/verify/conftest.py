"""A log of forty entries of every kind, made once and copied for each test, and raw hands to change it with.

Two clinics: `c_lisbon`, which is verified, and `c_porto`, whose rows are there to be swapped in. Checkpoints of
`c_lisbon` stand at the sizes in SIGNED_AT.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from indelible.format import entry
from indelible.journal import Journal
from indelible.keep.personal import Part, join, split
from indelible.manage.inspection import inspect
from indelible.proof import checkpoint, merkle
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.note import Signer
from indelible.proof.tiles import WIDTH, Edge
from indelible.record.document import parse
from indelible.testing.logs import Clock, event

SIZE = 40
SIGNED_AT = (7, 16, 33, 40)
TILED_SIZE = WIDTH + 10
# What SQLite keeps beside a database while somebody reads it; nothing is in it where nobody writes.
_BESIDE = shutil.ignore_patterns("*-wal", "*-shm")
LINK = "clinic, kind, ref, as_target, occurred_at, seq"
CLINIC = "c_lisbon"
NUMBER = 1  # of that clinic, in every table; the other is 2

_STAFF = {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes", "role": "receptionist"}
_CLIENT = {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}
_STRIPE = {"kind": "integration", "id": "stripe"}
_POLICY = {"kind": "system", "reason": "policy:late-cancel"}
_ASSISTANT = {"kind": "agent", "id": "assistant_1", "name": "Booking assistant", "on_behalf_of": _CLIENT}
_EURO = {"amount_minor": 4_500, "currency": "EUR"}
_PHONE = {"channel": "client_app", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (iPhone)"}


def _varied() -> list[dict]:
    """Ten documents that between them have every kind of actor, target, link and personal class."""
    moved = {"starts_at": {"old": "2026-05-04T09:00:00+02:00", "new": "2026-05-05T10:00:00+02:00"}}
    who = {"practitioner": {"id": "usr_13", "name": "Rui Alves"}, "service": "svc_1", "service_name": "Facial"}
    return [
        event(1),
        event(2, action="booking.created", context=who | {"price_minor": 4_500, "currency": "EUR"}),
        event(3, action="booking.rescheduled", actor=_CLIENT, client=None, context=moved, request=_PHONE),
        event(
            action="charge.succeeded",
            actor=_STRIPE,
            target={"kind": "charge", "id": "ch_1"},
            request=None,
            context=_EURO | {"stripe_charge": "ch_3Nabc", "stripe_payment_intent": "pi_3Nabc", "booking": "bk_1"},
        ),
        event(
            action="charge.refunded",
            actor=_POLICY,
            target={"kind": "refund", "id": "re_1"},
            request=None,
            context=_EURO | {"source": "policy", "charge": "ch_1", "stripe_refund": "re_3N"},
            operation="op_1",
        ),
        event(
            action="service.created",
            target={"kind": "service", "id": "svc_1", "name": "Facial"},
            client=None,
            context={"duration_minutes": 45},
        ),
        event(action="account.logged_in", target={"kind": "staff", "id": "usr_12"}, client=None, context={}),
        event(
            action="points.awarded",
            actor=_ASSISTANT,
            target={"kind": "loyalty_account", "id": "loy_5"},
            context={"points": 10},
            people=[{"role": "payer", "id": "cli_78", "name": "Bruno Sousa"}],
        ),
        event(
            action="client.created",
            target={"kind": "client", "id": "cli_79", "name": "Carla Dias"},
            client=None,
            context={"method": "staff"},
        ),
        event(
            action="voucher.expired",
            actor={"kind": "system", "reason": "job:voucher-expiry"},
            request=None,
            target={"kind": "voucher", "id": "vo_1"},
            context={"balance_lost_minor": 100, "currency": "EUR"},
        ),
    ]


def _fill(log, clock: Clock, size: int, signed_at: tuple[int, ...] = ()) -> None:
    varied = _varied()
    for seq in range(1, size + 1):
        document = varied[(seq - 1) % len(varied)] | {"key": f"k{seq}"}
        log.append([log.draft(parse(document), imported=seq % 9 == 0)])
        clock.advance(0.01)  # less than a second: checkpoints stand only where they are asked for
        if seq in signed_at:
            log.checkpoint()


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("template")
    clock = Clock()
    with Journal.create(folder / "activity.db", installation="log.example.org", clock=clock) as journal:
        logs: list[tuple[str, int, tuple[int, ...]]] = [(CLINIC, SIZE, SIGNED_AT), ("c_porto", 10, ())]
        for clinic_id, size, signed_at in logs:
            log = journal.add_clinic(clinic_id, name=clinic_id, zone="Europe/Lisbon")
            log._signed_at = clock()
            _fill(log, clock, size, signed_at)
    return folder


@pytest.fixture(scope="session")
def tiled(tmp_path_factory):
    """A log with one full tile and ten entries behind it, signed."""
    folder = tmp_path_factory.mktemp("tiled")
    clock = Clock()
    with Journal.create(folder / "activity.db", installation="log.example.org", clock=clock) as journal:
        log = journal.add_clinic(CLINIC, name="Lisbon", zone="Europe/Lisbon")
        log.append([log.draft(parse(event(number))) for number in range(1, TILED_SIZE + 1)])
        log.checkpoint()
    return folder


class Tampering:
    """A copy of the log without its triggers, and a raw connection to it."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.template, self.folder = template, folder
        self.path = folder / "activity.db"
        self.db: sqlite3.Connection
        self.restore()

    def restore(self) -> None:
        """Put the unchanged log back, all of its files."""
        if self.folder.exists():
            self.db.close()
            shutil.rmtree(self.folder)
        shutil.copytree(self.template, self.folder, ignore=_BESIDE)
        self.db = sqlite3.connect(self.path, isolation_level=None)
        for (name,) in self.db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            self.db.execute(f"DROP TRIGGER {name}")

    def run(self, sql: str, *values) -> int:
        return self.db.execute(sql, values).rowcount

    def one(self, sql: str, *values):
        return self.db.execute(sql, values).fetchone()

    def heads(self, sql: str, *values) -> None:
        with closing(sqlite3.connect(self.folder / "activity.db.keep" / "heads", isolation_level=None)) as db:
            assert db.execute(sql, values).rowcount != 0

    def verify(self):
        with Journal(self.path) as journal:
            return inspect(journal.clinic(CLINIC))

    def found(self) -> set[tuple[str, int | None]]:
        """Every finding as (verdict, seq). The log must not be intact."""
        report = self.verify()
        assert report.result == "not_intact"
        return {(finding.verdict, finding.seq) for finding in report.findings}

    def verdicts(self) -> set[str]:
        return {verdict for verdict, _ in self.found()}

    def sealed(self, seq: int, clinic: int = NUMBER) -> bytes:
        (sealed,) = self.one("SELECT sealed FROM indelible_entry WHERE clinic = ? AND seq = ?", clinic, seq)
        return bytes(sealed)

    def parts(self, seq: int, clinic: int = NUMBER) -> list[Part]:
        """What is sealed of each group of an entry."""
        return split(self.sealed(seq, clinic))

    def seal(self, seq: int, sealed: bytes | Iterable[Part], clinic: int = NUMBER) -> None:
        """Put other sealed values into an entry."""
        data = sealed if isinstance(sealed, bytes) else join(sealed)
        sql = "UPDATE indelible_entry SET sealed = ? WHERE clinic = ? AND seq = ?"
        assert self.run(sql, data, clinic, seq) == 1

    # What somebody with the database, but without the keys, would do to cover the traces.

    def rewrite(self, seq: int, change, *, rehash: bool = True) -> None:
        """Change the members of a body, written canonically again, with the tiles that hold its hash where `rehash`."""
        members = json.loads(self.one("SELECT body FROM indelible_entry WHERE clinic = ? AND seq = ?", NUMBER, seq)[0])
        change(members)
        body = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        assert self.run("UPDATE indelible_entry SET body = ? WHERE clinic = ? AND seq = ?", body, NUMBER, seq) == 1
        if rehash:
            self.retile()

    def retile(self) -> None:
        """Recompute the tiles from the bodies that are there."""
        self.run("DELETE FROM indelible_tile WHERE clinic = ?", NUMBER)
        _, full = Edge().extend(self.leaves(None))
        for tile in full:
            row = (NUMBER, tile.level, tile.index, tile.root, tile.hashes)
            self.run("INSERT INTO indelible_tile VALUES (?, ?, ?, ?, ?)", *row)

    def rehead(self) -> None:
        """Recompute the committed head from the bodies that are there."""
        frontier = self.frontier(None)
        self.run(
            "UPDATE indelible_head SET size = ?, frontier = ?, root = ? WHERE clinic = ?",
            frontier.size,
            frontier.encode(),
            frontier.root(),
            NUMBER,
        )

    def resign(self, signer: Signer) -> None:
        """Write every checkpoint row anew, signed with another key."""
        for size, frontier in [(size, self.frontier(size)) for size in SIGNED_AT]:
            note = checkpoint.sign(Checkpoint(signer.name, size, frontier.root()), signer)
            self.run(
                "UPDATE indelible_checkpoint SET root = ?, frontier = ?, note = ? WHERE clinic = ? AND size = ?",
                frontier.root(),
                frontier.encode(),
                note,
                NUMBER,
                size,
            )

    def frontier(self, size: int | None) -> merkle.Frontier:
        return merkle.extend(merkle.Frontier(), self.leaves(size))

    def leaves(self, size: int | None) -> list[bytes]:
        """The hashes of the bodies up to a size, or of all."""
        sql = "SELECT body FROM indelible_entry WHERE clinic = ? AND seq <= ? ORDER BY seq"
        return [merkle.leaf_hash(body) for (body,) in self.db.execute(sql, (NUMBER, size or 10**6))]

    def project(self, seq: int) -> None:
        """Bring the columns and the links of an entry in line with its body."""
        body = entry.decode(self.one("SELECT body FROM indelible_entry WHERE clinic = ? AND seq = ?", NUMBER, seq)[0])
        columns = body.columns
        names = ", ".join(f"{name} = ?" for name in columns._fields)
        self.run(f"UPDATE indelible_entry SET {names} WHERE clinic = ? AND seq = ?", *columns, NUMBER, seq)
        self.run("DELETE FROM indelible_link WHERE clinic = ? AND seq = ? AND kind <> 'evidence'", NUMBER, seq)
        for link in entry.links(body.members):
            row = (NUMBER, *link, columns.occurred_at, seq)
            self.run(f"INSERT INTO indelible_link ({LINK}) VALUES (?, ?, ?, ?, ?, ?)", *row)


@pytest.fixture
def tampering(template, tmp_path):
    made = Tampering(template, tmp_path / "log")
    yield made
    made.db.close()


@pytest.fixture
def log(tampering):
    """The copied log, opened with its keys: for attacks that take the keys too."""
    with Journal(tampering.path) as journal:
        yield journal.clinic(CLINIC)
