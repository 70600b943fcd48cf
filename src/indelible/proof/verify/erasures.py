"""What was erased, and what is gone: told apart when every entry was seen, since an erasure comes after.

Whoever can write the database can append an entry that says it erased values. So one is believed only where its own
value at `erases` is there, fits and says the same, which takes the clinic's key to seal.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...format import entry
from .report import Finding, Report
from .source import Unopened

# Whose values and of which class: a token as a body has it, and the class.
Place = tuple[str, str]


class Erasures:
    """`known` are the erasures of the log that is verified, `later` those that came behind its size meanwhile: for each
    place up to which entry, and by which."""

    def __init__(self) -> None:
        self.known: dict[Place, list[tuple[int, int]]] = {}
        self.later: dict[Place, list[tuple[int, int]]] = {}
        self.gone: list[tuple[int, Place, bool]] = []
        # The first entry in which values of a place opened.
        self.there: dict[Place, int] = {}

    def take(self, body: entry.Body, said: object, size: int) -> Finding | None:
        """Note what a body says was erased. `said` is its value at `erases`; SEALED where nobody opens values here."""
        if (erasure := entry.erasure(body)) is None:
            return None
        person = erasure.token.hex()
        again = {"person": person, "classes": list(erasure.classes), "up_to_seq": erasure.up_to_seq}
        if said is not Unopened.SEALED and said != again:
            return Finding(
                "added", body.seq, "it says that it erased values, and was not written with the clinic's key"
            )
        known = self.known if body.seq <= size else self.later
        for personal_class in erasure.classes:
            known.setdefault((person, personal_class), []).append((erasure.up_to_seq, body.seq))
        return None

    def are_in_doubt(self) -> bool:
        """Whether something is gone that no entry so far accounts for."""
        return any(self._by(seq, place) is None for seq, place, _ in self.gone)

    def _by(self, seq: int, place: Place) -> int | None:
        every = (*self.known.get(place, ()), *self.later.get(place, ()))
        return next((by for up_to, by in every if seq <= up_to), None)

    def finish(self, report: Report, erased_to: int) -> None:
        """Judge what is gone. `erased_to` is the last erasure that the keys knew of: where it is behind the size, this
        database does not have it."""
        later = set()
        for seq, place, is_dead in self.gone:
            by = self._by(seq, place)
            if by is not None:
                report.erased[seq] = (*report.erased.get(seq, ()), by)
            elif is_dead and erased_to > report.size:
                later.add(seq)
            else:
                report.add("missing", seq, f"its {place[1]} values are gone, and no entry accounts for it")
        if later:
            report.notices.append(
                f"{len(later)} entries have values of people who were erased later than this database was copied; the "
                "entries that account for it are not in it"
            )
        report.notices += self._alive(report, erased_to)

    def _alive(self, report: Report, erased_to: int) -> Iterator[str]:
        """Judge what opens although it was erased. An erasure that is not in the keys yet is not finished. Nor need one
        be that came meanwhile: then its values were opened before."""
        unfinished = set[int]()
        for place, known in self.known.items():
            first = self.there.get(place)
            if first is None or first > max(up_to for up_to, _ in known):
                continue
            by_seq = max(by for _, by in known)
            if by_seq > erased_to:
                unfinished.add(by_seq)
            else:
                report.add("restored", first, f"its {place[1]} values open, and entry {by_seq} says they were erased")
        for by_seq in sorted(unfinished):
            yield (
                f"entry {by_seq} erases somebody whose keys are still in the keep; it is finished when the log is "
                "opened"
            )
