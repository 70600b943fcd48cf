"""Commands that make a log and its clinics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...format import instant
from ...journal import Journal
from ...keep import signing
from ...places import Places
from ..options import AsId, AsName, ClinicId, Database, actor, clinic_log, database_path, journal
from ..terminal import printable

_THREE = """
Three things, for three places:

database    all that was recorded. Back it up often: `indelible backup FILE`.
keep        what must die when somebody is erased, and the last signed heads. Never back it up with the database; have
            one current copy: `indelible keep copy FOLDER`. Lost, every name is lost; the proofs stay, and signing goes
            on after `indelible adopt`.
master key  opens the other two. Back it up once, away from both. Lost, every name is lost and nothing can be signed.

A backup of the folder or of the whole machine that carries all three makes erasing void: whoever is erased later can be
read in it."""


def init(
    database: Database = None,
    installation: Annotated[
        str | None, typer.Option(help="Host name that begins every log origin, such as log.example.org.")
    ] = None,
) -> None:
    """Make a new log: the database, the keep, and the master key."""
    path = database_path(database)
    key_is_new = not Places.beside(path).master_key.exists()
    with Journal.create(path, installation=installation) as made:
        places = made.places
        print(f"database    {places.database}")
        print(f"keep        {places.keep}   (a folder)")
        if places.master_key.exists():
            print(f"master key  {places.master_key}")
    print(_THREE)
    if key_is_new and Path(places.master_key).exists():
        print("\nBack the master key up now.")


def add(
    clinic_id: Annotated[str, typer.Argument(metavar="ID")],
    name: Annotated[str, typer.Option(help="The clinic's name, as its people know it.")],
    time_zone: Annotated[str, typer.Option(help="IANA name, such as Europe/Lisbon.")],
    continues: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A clinic whose log was lost but for an older backup: this one goes on."),
    ] = None,
    database: Database = None,
) -> None:
    """Start the log of a clinic."""
    with journal(database) as opened:
        log = opened.add_clinic(clinic_id, name=name, zone=time_zone, continues=continues)
        print(f"clinic      {clinic_id}  {name}  ({time_zone})")
        print(f"log origin  {log.clinic.origin}")
        print(f"public key  {log.clinic.vkey}")


def list_clinics(database: Database = None) -> None:
    """List the clinics of this database."""
    with journal(database) as opened:
        for clinic, state in opened.clinics():
            closed = "\tclosed" if state.closed_at is not None else ""
            print(f"{clinic.id}\t{printable(state.name)}\t{state.zone}\t{state.size}\t{clinic.vkey}{closed}")


def set_time_zone(
    time_zone: Annotated[str, typer.Argument(metavar="ZONE")],
    database: Database = None,
    clinic: ClinicId = None,
    as_id: AsId = None,
    as_name: AsName = None,
) -> None:
    """Move a clinic to another time zone from now on. Entries keep the zone that they were recorded in."""
    with clinic_log(database, clinic) as log:
        log.set_time_zone(time_zone, actor=actor(as_id, as_name, "set-time-zone"))
        print(f"{log.clinic.id} is in {log.state().zone}; filters by day now mean days there")


clock = typer.Typer(no_args_is_help=True, help="The machine's clock, where it cannot be believed.")


@clock.command("accept")
def accept_clock(database: Database = None) -> None:
    """Say that this machine's clock is right, where recording is refused because it jumped."""
    with journal(database) as opened:
        opened.accept_clock()
        now = instant.format(opened.clock())[:16].replace("T", " ")
        print(f"The clock is believed from now on: it is {now} UTC.")


def adopt(database: Database = None, clinic: ClinicId = None) -> None:
    """Trust the database's last checkpoint, where the keep's signed heads are lost for good."""
    with clinic_log(database, clinic) as log:
        signing.adopt(log.shared.store, log.shared.heads, log.clinic, log.signer)
        print(f"{log.shared.places.head_store} now holds the last checkpoint of {log.clinic.id}")
