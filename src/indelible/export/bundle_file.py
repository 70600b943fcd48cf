"""Writing a bundle: first the rows, then what the log says about them, then the proofs.

1. `Writer.rows` writes entries.jsonl into the zip and the CSV beside it, in one pass and constant memory
2. `Writer.seal` adds the other files that the log is to seal, and returns the seals
3. whoever writes records them in the log and takes a checkpoint
4. `Writer.prove` adds the record, the proofs and the checkpoint

The format is that of `proof/bundle.py`, in the zip of `proof/archive.py`.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, Self

from ..errors import InvalidInput, MalformedProof, StorageFailure
from ..format import canonical, commitment, entry, money, offsets
from ..keep.opening import openings
from ..keep.personal import OpenedGroup, Sealer, Unreadable
from ..proof import bundle, merkle
from ..proof.archive import Packer
from ..proof.bundle import GivenGroup, Line, Opening, Proven, Rendering, Statement, Wording
from ..read.view import View
from ..stores.contract import EntryRow
from . import csv_file

# A file waits beside the zip until it is complete; so much of it in memory, the rest in an unnamed file.
_SPOOL = 4 * 1024 * 1024

_AGENT = "request.user_agent"


class _Hashed(io.RawIOBase):
    """What is written here goes to a file, and its digest is taken."""

    def __init__(self, file: io.RawIOBase) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.file.write(data)
        return len(data)


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_SPOOL)


class Writer:
    """One bundle under way. `given` are the classes of personal values whose openings it gives, but those of `withheld`
    paths.

    `zone` is the clinic's now, on whose clock the table is.
    """

    def __init__(
        self, out: BinaryIO, sealer: Sealer, given: frozenset[str], withheld: frozenset[str], zone: str
    ) -> None:
        self._zip = Packer(out, _spool)
        self._sealer, self._given, self._withheld, self._zone = sealer, given, withheld, zone
        self._offsets = offsets.Used()
        self._digests: dict[str, bytes] = {}
        self._actions: dict[str, Wording] = {}
        self._devices: dict[str, str] = {}
        self._currencies: dict[str, int] = {}
        self.seqs = array("q")
        self.gone: set[bytes] = set()
        self.owners: set[bytes] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Finish the zip; after an error the file is thrown away."""
        if kind is None:
            self._zip.close()

    def rows(self, stored: Iterable[EntryRow], has: Callable[[View], bool] = lambda view: True) -> None:
        """Write the entries, newest first, and their CSV; `has` says which of them are meant."""
        with self._file("entries.csv") as table, self._file("entries.jsonl") as lines:  # the second is complete first
            table.write(csv_file.BOM + csv_file.HEADER.encode())
            for found in stored:
                line, view = self._line(found)
                if has(view):
                    lines.write(line.encode())
                    table.write(csv_file.row(self._as_given(view), self._zone, self._offsets.minutes).encode())
                    self._notice(view)

    def _line(self, found: EntryRow) -> tuple[Line, View]:
        """Open an entry; the line has the openings that are given, the view every value."""
        try:
            body = entry.decode(found.body)
            # Where the keep was lost, a bundle without its values can still be made.
            there = openings(self._sealer, body, found.sealed, needed=self._given)
            values: dict[str, Any] = {}
            states = dict.fromkeys(body.members.get("left_out", ()), "left_out")
            groups = []
            for place, group in enumerate(body.groups):
                opened = there.get(place)
                if opened is None:
                    states.update(dict.fromkeys(group.paths, "missing"))
                    continue
                values |= opened.values
                if group.personal_class in self._given:
                    groups.append(self._given_group(place, group, opened))
        except (MalformedProof, InvalidInput, KeyError, IndexError, Unreadable) as error:
            raise StorageFailure(
                f"entry {found.seq} was changed in the database, so no bundle is made; run indelible verify: where "
                "it says that the keep was lost, withhold identity, network and evidence"
            ) from error
        view = View(found.seq, found.occurred_at, body.members, values, states)
        return Line(found.seq, merkle.leaf_hash(found.body), found.body, tuple(groups)), view

    def _given_group(self, place: int, group: entry.Group, opened: OpenedGroup) -> GivenGroup:
        salts = commitment.salts(opened.seed, len(group.paths))
        leaves = [
            commitment.leaf(salt, path, canonical.encode_checked(opened.values[path]))
            for salt, path in zip(salts, group.paths, strict=True)
        ]
        openings = {
            path: Opening(salt, opened.values[path])
            for salt, path in zip(salts, group.paths, strict=True)
            if path not in self._withheld
        }
        return GivenGroup(place, tuple(leaves), openings)

    def _as_given(self, view: View) -> View:
        """The view without the values that are withheld: what the reader of the bundle can make of it."""
        withheld = {
            path: "withheld"
            for group in view.members["personal"]
            for path in group["paths"]
            if group["class"] not in self._given or path in self._withheld
        }
        if not withheld:
            return view
        values = {path: value for path, value in view.values.items() if path not in withheld}
        return View(view.seq, view.occurred_at, view.members, values, {**view.states, **withheld})

    def _notice(self, view: View) -> None:
        self.seqs.append(view.seq)
        for group in view.members["personal"]:
            owner = bytes.fromhex(view.members["tokens"][group["owner"]])
            self.owners.add(owner)
            if not view.values.keys() >= set(group["paths"]):
                self.gone.add(owner)
        self._actions.setdefault(view.action, Wording(view.label, view.category, view.money))
        agent = view.values.get(_AGENT)
        shown = "network" in self._given and _AGENT not in self._withheld
        if shown and isinstance(agent, str) and agent not in self._devices:
            self._devices[agent] = view.device
        if view.currency in money.EXPONENTS:
            self._currencies[view.currency] = money.EXPONENTS[view.currency]

    def seal(self, statement: Statement, readme: str) -> dict[str, str]:
        """Add the files that say what this is; return the seal of each file in bundle.SEALED, by name."""
        rendering = Rendering(self._actions, self._devices, self._currencies, self._offsets.tables())
        self._put("rendering.json", rendering.encode())
        self._put("bundle.json", statement.encode())
        self._put("README.txt", readme.encode())
        return {name: bundle.seal(statement.nonce, self._digests[name]) for name in bundle.SEALED}

    def prove(
        self,
        statement: Statement,
        prover: merkle.Proofs,
        record: tuple[int, bytes],
        erasures: Sequence[tuple[int, bytes]],
        note: bytes,
        vkey: str,
    ) -> None:
        """Add what proves it: the record of this export, the erasures (each a seq and a body), proofs, checkpoint."""
        if statement.kind == "complete":
            sides = prover.range(statement.first_seq - 1, statement.last_seq)
            self._put("range.json", bundle.encode_range(sides.left, sides.right))
        else:
            with self._file("proofs.jsonl") as proofs:
                for seq in self.seqs:
                    proofs.write(bundle.encode_path(prover.inclusion(seq - 1)))

        def proven(one: tuple[int, bytes]) -> bytes:
            return Proven(*one, prover.inclusion(one[0] - 1)).encode()

        self._put("export.json", proven(record))
        self._put("erasures.jsonl", b"".join(map(proven, erasures)))
        self._put("checkpoint", note)
        self._put("key.txt", f"{vkey}\n".encode())

    @contextmanager
    def _file(self, name: str) -> Iterator[IO[bytes]]:
        with self._zip.file(name) as file:
            hashed = _Hashed(file)
            buffered = io.BufferedWriter(hashed, 1 << 16)
            yield buffered
            buffered.flush()
            self._digests[name] = hashed.digest.digest()

    def _put(self, name: str, data: bytes) -> None:
        with self._file(name) as file:
            file.write(data)
