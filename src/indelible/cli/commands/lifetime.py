"""Commands over the life of a log: anonymize, bundle, backup, restore, upgrade, and the end of a clinic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from ...drain.erasure import Emptied, Outboxes
from ...erasure.anonymizing import is_copy_older
from ...errors import InvalidInput, NotFound
from ...export.bundling import Bundled, export_bundle, export_complete
from ...format import entry
from ...journal import Journal
from ...manage import lifetime
from ...places import Places
from ...proof.note import fingerprint
from ...read.query import Query
from ...stores.contract import Clinic
from ..options import (
    AsId,
    AsName,
    ClinicId,
    Database,
    actor,
    chosen_clinic,
    clinic_log,
    closed_clinic,
    database_path,
    given_outboxes,
    journal,
    say,
)
from ..terminal import watched
from .entries import Words, parse

_COPY_AGAIN = "run `indelible keep copy FOLDER` again."


def anonymize(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="The client's id, as the host knows it.")],
    requested_by: Annotated[
        Literal["client", "staff", "retention_rule"], typer.Option(help="Who asked for it; the log keeps this.")
    ],
    database: Database = None,
    clinic: ClinicId = None,
    as_id: AsId = None,
    as_name: AsName = None,
    outbox: Annotated[
        list[str] | None,
        typer.Option("--outbox", metavar="URL", help="A host's database to drain first (default: INDELIBLE_OUTBOXES)."),
    ] = None,
) -> None:
    """Destroy a client's names, texts, IP addresses and devices on every entry. It cannot be undone."""
    with clinic_log(database, clinic) as log:
        outboxes = Outboxes(log.shared, given_outboxes(outbox))
        try:
            done = log.anonymize(client, requested_by=requested_by, actor=actor(as_id, as_name, "anonymize"))
        except NotFound:
            _say_beside(outboxes.empty(log.clinic.id, [client]))  # what is held may name who the log does not know
            raise
        beside = outboxes.empty(log.clinic.id, [client])
        print(f"Erased, in this database and in every copy of it; entry {done.entry.seq} accounts for it.")
        print("Nobody has the keys of the client's names, ids, texts, IP addresses and devices any more.")
        print("Evidence values (Stripe ids) stay; by themselves they name nobody.")
        _say_beside(beside)
        say("What others wrote in entries about somebody else can still name the client: search for the name.")
        for other in done.merged:
            say(f"Another record of the same client was merged with this one, and is as it was: anonymize {other} too.")
        for path in done.unfinished:
            say(f"An export, bundle or backup is being written, and may hold the values as they were: {path}")
        if done.older_copy:
            say(f"A copy of the keep was made before, and can still open the values: {_COPY_AGAIN}")
        log.scrub()
    if not beside.complete or done.older_copy:
        raise typer.Exit(2)


def _say_beside(beside: Emptied) -> None:
    if beside.emptied:
        say(f"Emptied {beside.emptied} held documents that named the client.")
    for one in beside.unreached:
        say(f"May still name the client, so run this command again when it can be reached: {one}")
    if beside.unnamed:
        say(f"{beside.unnamed} further of the databases that this log is drained from may still name the client; name "
            "every one with --outbox or in INDELIBLE_OUTBOXES")  # fmt: skip


_RANGE = "the first and last number, such as 1-500"


def bundle(
    output: Annotated[
        Path, typer.Option(help="The zip file to write, or a folder: then the name says clinic, filter and days.")
    ],
    words: Words = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="Every entry of a range, so that none can have been left out.")
    ] = False,
    entries: Annotated[str | None, typer.Option(metavar="A-B", help=f"With --complete: {_RANGE}.")] = None,
    withhold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="Keep back identity, network or evidence values, or those at one place, such as context.reason_text.",
        ),
    ] = None,
    database: Database = None,
    clinic: ClinicId = None,
    as_id: AsId = None,
    as_name: AsName = None,
) -> None:
    """Write an evidence file: entries with all that it takes to check them offline. The export is itself recorded."""
    if str(output) == "-":
        raise InvalidInput("must be a file: a bundle cannot be written as it comes", "--output")
    held = set(withhold or ())
    paths = sorted(held - set(entry.CLASSES))
    if entries is not None and not complete:
        raise InvalidInput("goes with --complete only; a filter chooses the entries otherwise", "--entries")
    if complete and words:
        raise InvalidInput("takes no filter: every entry of the range is in it", "--complete")
    given = [name for name in entry.CLASSES if name not in held]
    with clinic_log(database, clinic) as log, watched("writing entries", log.size) as progress:
        by = actor(as_id, as_name, "bundle")
        if complete:
            first, last = _numbers(entries)
            done = export_complete(
                log, output, actor=by, first_seq=first, last_seq=last, given=given, withheld=paths, progress=progress
            )
        else:
            wanted: Query = parse(log.reading(), words or [])
            done = export_bundle(log, wanted, output, actor=by, given=given, withheld=paths, progress=progress)
        _tell(done, log.clinic.vkey)


def _tell(done: Bundled, vkey: str) -> None:
    print(f"{done.statement.rows} entries written to {done.path}; entry {done.recorded_as} records it")
    print(f"public key   {vkey}")
    print(f"fingerprint  {fingerprint(vkey)}")
    print("Give the auditor the key by another way than the file: the file can prove nothing about its own key.")


def _numbers(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 1, None
    first, dash, last = text.partition("-")
    if not (dash and first.isascii() and first.isdecimal() and last.isascii() and last.isdecimal() and len(text) < 40):
        raise InvalidInput(f"must be {_RANGE}", "--entries")
    return int(first), int(last)


def backup(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")], database: Database = None
) -> None:
    """Copy the database, while it is used, and the accounts. The master key and the keep are not in the copy."""
    with journal(database) as opened, watched("copying pages") as progress:
        unsigned = lifetime.backup(opened, output, progress)
        places = opened.places
    print(f"{output} holds the database {places.database}")
    if (accounts := lifetime.beside_backup(output)).exists():
        print(f"{accounts} holds the accounts {places.accounts}")
    for clinic_id in unsigned:
        print(f"{clinic_id}: its log could not be signed, and is in the backup as it is; run indelible verify")
    print(f"The master key ({places.master_key}) belongs elsewhere; without it the backup can be read by nobody.")
    print(
        f"The keep ({places.keep}) belongs in no backup of the database: whoever is erased later could be read in it."
    )
    print("Its one current copy, on another disk, is made by `indelible keep copy FOLDER`.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="A file that `indelible backup` wrote.")],
    only_accounts: Annotated[
        bool, typer.Option("--only-accounts", help="The log is there: put back who may sign in, and nothing else.")
    ] = False,
    database: Database = None,
) -> None:
    """Put a backup where no database is, and say what the keep knows beyond it."""
    path = database_path(database)
    if only_accounts:
        _restore_accounts(lifetime.beside_backup(file), path)
        return
    with watched("copying pages") as progress:
        clinics = lifetime.restore(file, path, progress)
    print(f"{path} restored from {file}")
    for one in clinics:
        if one.erased_since:
            print(f"{one.clinic_id}: who was anonymized after the backup was made is erased in it too")
        if one.state == "complete":
            print(f"{one.clinic_id}: complete, {one.size} entries")
        elif one.state == "unknown":
            print(f"{one.clinic_id}: the keep does not know this log; put it back, or run `indelible adopt`")
        else:
            print(f"{one.clinic_id}: OLDER than what was signed: {one.signed_size - one.size} entries are not in it.")
            print(
                "  It can be read, but nothing will be signed. Restore a newer backup; or, if there is none, go on in"
            )
            print(f"  a new log: indelible clinic add NEW --name … --time-zone … --continues {one.clinic_id}")
    if (accounts := lifetime.beside_backup(file)).exists():
        _restore_accounts(accounts, path)
        if any(one.state == "older" for one in clinics):
            print("  Who was let go, and which key was revoked, after the backup was made, no log here says any more:")
            print("  look through the pages People and Keys.")
    if any(one.state != "complete" for one in clinics):
        raise typer.Exit(2)


def _restore_accounts(file: Path, database: Path) -> None:
    again = lifetime.restore_accounts(file, database)
    print(f"{Places.beside(database).accounts} restored from {file}")
    for one in again:
        if one.is_key:
            print(f"{one.clinic_id}: {one.id} opens the log again, and was revoked by entry {one.seq}:")
            print("  revoke it on the page Keys, or where the platform's keys are, unless that is meant")
        else:
            print(f"{one.clinic_id}: {one.id} may enter again, and was let go by entry {one.seq}:")
            print("  remove them on the page People, unless that is meant")


def upgrade(database: Database = None) -> None:
    """Bring a database of an older release to this one's schema. Make a backup first."""
    before, after = lifetime.upgrade(database_path(database))
    print(f"schema {after}" + (" already" if before == after else f", from {before}"))


def close(
    output: Annotated[Path, typer.Option(help="Where the final bundle goes: the only readable record afterwards.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    database: Database = None,
    clinic: ClinicId = None,
    as_id: AsId = None,
    as_name: AsName = None,
) -> None:
    """End a clinic's account: write its final bundle, record the end, and destroy its keys. It cannot be undone."""
    with journal(database) as opened:
        if (shut := closed_clinic(opened, clinic)) is not None:
            lifetime.finish_closing(opened, shut)
            _tell_closed(opened, shut)
            return
        log = opened.clinic(chosen_clinic(clinic))
        if not yes:
            if not sys.stdin.isatty():
                raise InvalidInput("is needed where nobody can be asked", "--yes")
            typer.confirm(f"Destroy the keys of {log.clinic.id} for good, after writing {output}?", abort=True)
        with watched("writing entries", log.size) as progress:
            done = lifetime.close_clinic(
                opened, log.clinic.id, output, actor=actor(as_id, as_name, "clinic-close"), progress=progress
            )
        print(f"{log.clinic.id} is closed after entry {done.size}")
        print(f"final bundle {output}, SHA-256 {done.sha256}")
        print(f"public key   {log.clinic.vkey}")
        _tell_closed(opened, log.clinic)


def _tell_closed(opened: Journal, clinic: Clinic) -> None:
    print(f"The keys of {clinic.id} are destroyed: nobody can sign its log any more, or open its values in any copy.")
    kept = opened.keep.read(clinic.origin)
    if kept is not None and is_copy_older(kept):
        say(f"A copy of the keep was made before, and can still open them: {_COPY_AGAIN}")
