"""`indelible serve`: the service in this process's place, with what the options say put into its environment."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Annotated, NoReturn

import typer

from ...errors import InvalidInput
from ..options import ClinicId, Database, chosen_clinic, database_path

# The parts of the service that only its extra installs.
_NEEDED = ("allauth", "babel", "csp", "django", "django_htmx", "granian", "ninja", "whitenoise")

Port = Annotated[
    int | None, typer.Option(min=1, max=65_535, help="Port on this machine (default: INDELIBLE_PORT, else 8000).")
]


app = typer.Typer(invoke_without_command=True)


@app.callback()
def serve(
    context: typer.Context,
    database: Database = None,
    port: Port = None,
    url: Annotated[
        str | None, typer.Option(help="Address that people open, such as https://log.clinic.example (INDELIBLE_URL).")
    ] = None,
    trusted_proxies: Annotated[
        int | None, typer.Option(min=0, max=10, help="How many proxies stand in front (INDELIBLE_TRUSTED_PROXIES).")
    ] = None,
) -> None:
    """Serve the log in the browser; the first start prints a link to make the owner."""
    given = {"PORT": port, "URL": url, "TRUSTED_PROXIES": trusted_proxies}
    settings = {f"INDELIBLE_{name}": str(value) for name, value in given.items() if value is not None}
    if context.invoked_subcommand is not None:
        context.obj = (database, settings)
        return
    become("indelible.service", [], {"INDELIBLE_DATABASE": str(database_path(database)), **settings})


@app.command()
def invite(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="Whom to invite; the address is what they sign in with.")],
    clinic: ClinicId = None,
    role: Annotated[str, typer.Option(help="What they become: owner, manager, staff or auditor.")] = "owner",
    until: Annotated[str | None, typer.Option(help="An auditor's last day, such as 2027-01-31.")] = None,
    database: Database = None,
) -> None:
    """Print a link that lets somebody into a clinic's log, also one that was recorded without the service."""
    before, settings = context.obj
    options = [f"--role={role}", *([] if until is None else [f"--until={until}"])]
    arguments = [*options, "--", email, *filter(None, [chosen_clinic(clinic)])]
    path = database_path(database or before)
    become("indelible.service.run.invitation", arguments, {"INDELIBLE_DATABASE": str(path), **settings})


def become(module: str, arguments: list[str], settings: dict[str, str]) -> NoReturn:
    """Run a module of the service in place of this process. Raises InvalidInput where the extra is not installed."""
    require()
    sys.stdout.flush()
    sys.stderr.flush()
    # -P: a file in the current folder must not be taken for a module.
    command = [sys.executable, "-P", "-m", module, *arguments]
    os.execve(sys.executable, command, {**os.environ, **settings})  # noqa: S606 - no shell is meant


def require() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidInput(
            f"the service is not installed ({', '.join(missing)}); run: pip install 'indelible[service]'"
        )
