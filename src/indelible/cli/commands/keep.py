"""Commands over the keep: its one copy, and a new one where it is lost for good."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InvalidInput
from ..options import ClinicId, Database, chosen_clinic, journal, say


def copy(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder on another disk, for this alone.")],
    database: Database = None,
) -> None:
    """Make the one current copy of the keep in another folder. An older copy there is overwritten."""
    with journal(database) as opened:
        copied = opened.copy_keep(folder)
        places = opened.places
        for clinic_id, kept in copied.items():
            erased = f"knows of the erasures up to entry {kept.up_to}" if kept.up_to else "of whom nobody was erased"
            print(f"{clinic_id}: {erased if len(kept.cover) else 'closed; its keys are in no copy any more'}")
    print(f"{folder} holds the covers of the keep {places.keep}, sealed under the master key.")
    print(
        "The signed heads are not in it: where the keep is lost, put the copy in its place, and run `indelible adopt`."
    )
    print(
        "Copy again whenever somebody was anonymized: from an older copy their values can be read. Keep no other copy."
    )
    if folder.resolve().is_relative_to(places.database.resolve().parent):
        say(f"{folder} lies beside the database, and is lost or copied with it; a copy belongs on another disk.")


def renew(
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Begin a new keep where it is lost for good. Nobody can read a name that was recorded before; proofs stay."""
    with journal(database) as opened:
        wanted = chosen_clinic(clinic)
        lost = [one.id for one in opened.unkept() if wanted in (None, one.id)]
        if not lost:
            which = "every log here" if wanted is None else f"the log of clinic {wanted}"
            raise InvalidInput(f"the keep {opened.places.keep} knows {which}, so there is nothing to renew")
        if not yes:
            if not sys.stdin.isatty():
                raise InvalidInput("is needed where nobody can be asked", "--yes")
            say("Where a copy of the keep is left, put it in the keep's place instead.")
            typer.confirm(f"Give up every name recorded so far of {', '.join(lost)}?", abort=True)
        for clinic_id in lost:
            log = opened.renew_keep(clinic_id)
            print(f"{clinic_id}: renewed; of the entries up to now nobody can read a name, and every proof stays.")
            if log.unsigned:
                opened.forget(clinic_id)  # or closing would say the same again
                print(
                    f"  Nothing is signed: the signed heads are lost, too; run `indelible adopt --clinic {clinic_id}`."
                )
    print("Whoever was known before is somebody new from now on. Make a copy now: `indelible keep copy FOLDER`.")
