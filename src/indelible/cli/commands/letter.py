"""`indelible letter`: the service's letter about a clinic's log, printed or sent now."""

from __future__ import annotations

from typing import Annotated

import typer

from ..options import ClinicId, Database, chosen_clinic, database_path
from .serve import become


def letter(
    send: Annotated[
        bool, typer.Option("--send", help="Send the letters of every clinic that are due, to who gets them.")
    ] = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Print the letter about a clinic's last seven days, or send what is due. Exit code 1 where a letter still
    waits."""
    arguments = [*(["--send"] if send else []), "--", *filter(None, [chosen_clinic(clinic)])]
    become("indelible.service.run.letter_command", arguments, {"INDELIBLE_DATABASE": str(database_path(database))})
