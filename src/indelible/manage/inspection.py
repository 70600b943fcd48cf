"""Inspection: a live database, with its keys, as the source of a verification.

report = inspect(Journal("activity.db").clinic())
print(report.result, [finding.what for finding in report.findings])
"""

from __future__ import annotations

from collections.abc import Callable

from ..erasure import renewal
from ..errors import KeyUnavailable, StorageFailure
from ..keep.personal import Sealer
from ..log import ClinicLog
from ..places import Shared
from ..proof.note import Verifier
from ..proof.verify import Report, Signed, verify_log
from ..proof.verify.log import CLOCK_TOLERANCE
from ..read.session import PAGE_LIMIT
from ..stores.contract import Clinic, Selection
from .live import Live
from .stored import Rows, StoredRows


def inspect(log: ClinicLog, progress: Callable[[int], None] = lambda done: None, *, open_values: bool = True) -> Report:
    """Verify a clinic's log as it stands, and return the report. Signs nothing and writes nothing.

    Without `open_values` only what needs no key is checked: bodies, tree, signatures, columns, and links by token and
    id. Raises StorageFailure where the database cannot be read.
    """
    return inspect_clinic(log.shared, log.clinic, log.sealer if open_values else None, progress, log.signer.verifier)


def inspect_clinic(
    shared: Shared,
    info: Clinic,
    sealer: Sealer | None,
    progress: Callable[[int], None] = lambda done: None,
    verifier: Verifier | None = None,
) -> Report:
    """`inspect` for a clinic whose keys may be gone, since it was closed. Without `verifier`, the row's key is used."""
    # Both before the rows: a checkpoint or an erasure in between is then behind the size, never ahead of it.
    signed, erased_to = shared.heads.get(info.origin), _erased_to(shared, info)
    last = None if signed is None else Signed(signed.size, signed.root, signed.note)
    rows = StoredRows(shared.store.rows(info.id))
    report = inspect_rows(shared, info, sealer, rows, last, erased_to, progress, verifier)
    unguarded = []
    for defect in shared.store.defects():
        if defect.kind == "guard":
            unguarded.append(defect.text)
        else:
            report.add("misfiled", None, defect.text)
    if unguarded:
        report.notices.append(
            f"the database does not refuse change any more: {', '.join(unguarded)} is gone; `indelible upgrade` "
            "makes it again"
        )
    for what in shared.heads.defects():
        report.add("misfiled", None, f"in the head store, {what}")
    return report


def inspect_rows(
    shared: Shared,
    info: Clinic,
    sealer: Sealer | None,
    rows: Rows,
    last: Signed | None,
    erased_to: int,
    progress: Callable[[int], None] = lambda done: None,
    verifier: Verifier | None = None,
) -> Report:
    """`inspect_clinic` of the rows alone, without what is around them in the database. `last` is the head store's
    checkpoint and `erased_to` the last erasure that the keep knew of, both from before the rows are read."""
    state, renewed_to = rows.state(), 0
    if sealer is not None:
        sealer.refresh()  # after the size was read: what was erased up to there, and is finished, does not open
        renewed_to = _renewed_to(shared, info, sealer, state.size)
    live = Live(info, verifier or Verifier.decode(info.vkey), sealer, rows, state, last, erased_to, renewed_to)
    try:
        report = verify_log(live, progress)
    except (TypeError, AttributeError, OverflowError) as error:
        raise StorageFailure(
            "a cell is of another kind than its column, so the database was changed; restore a backup"
        ) from error
    _note_clock(report, live, shared.clock())
    if state.closed_at is not None and not live.is_closed(shared.store.keys(info.id)):
        report.add("misfiled", None, "the clinic is marked as closed, and its log or its keys do not say so")
    if sealer is None and any(by > report.signed_size for seqs in report.erased.values() for by in seqs):
        report.doubts.append(
            "an erasure that is not signed yet can be told from a forged one only by opening values; verify again "
            "without --structure"
        )
    if (now := shared.heads.get(info.origin)) is not None and now.size < live.newest_checkpoint:
        report.doubts.append("the head store is older than the database, so an older copy of it was put back")
    return report


def _note_clock(report: Report, live: Live, now: int) -> None:
    """Say that the log is ahead of this machine's clock, where nothing in it says so."""
    ahead = live.state.recorded_at - now
    if ahead > CLOCK_TOLERANCE and not any("by a clock" in notice for notice in report.notices):
        report.notices.append(
            f"the last entries, from entry {live.newest_time_began} on, were recorded {ahead // CLOCK_TOLERANCE} "
            "days or more after what this machine's clock says now; theirs or this one is wrong"
        )


def _erased_to(shared: Shared, info: Clinic) -> int:
    """The number of the last erasure that the keep knows of; 0 where there is no keep."""
    try:
        kept = shared.keep.read(info.origin)
    except (KeyUnavailable, StorageFailure):
        return 0
    return 0 if kept is None else kept.up_to


def _renewed_to(shared: Shared, info: Clinic, sealer: Sealer, size: int) -> int:
    """The number of the last entry whose values were lost with a keep; 0 where none was."""
    selection = Selection(size, actions=(renewal.ACTION,))
    return renewal.renewed_to(shared.store.rows(info.id).page(selection, None, PAGE_LIMIT), info, sealer)
