"""`indelible`: the commands put together, and every failure turned into one line on standard error.

Exit codes: 0 done; 1 only from `verify`, for a log that is not intact; 2 for every other failure.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from ..errors import IndelibleError
from .command_list import AllCommands
from .options import ClinicId, Database, given_first
from .terminal import printable

app = typer.Typer(
    cls=AllCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The activity log of a clinic: read-only, provable, and still able to forget a person.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        print(f"indelible {metadata.version('indelible')}")
        raise typer.Exit


@app.callback()
def first(
    database: Database = None,
    clinic: ClinicId = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which release this is.")
    ] = False,
) -> None:
    given_first.update(database=database, clinic=clinic)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal's encoding lacks is shown as escapes
    code = run(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()  # a full disk was reported already
    sys.exit(code)


def _drop_output() -> None:
    """Lead standard output nowhere: what is still in its buffer cannot be written, and Python would try at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    code = 0
    try:
        if os.environ.get("INDELIBLE_ACTIONS"):
            from ..catalogue import host  # not above: without actions of a host, not every command needs the catalogue

            host.load()
        code = _invoke(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except IndelibleError as error:
        return _fail(str(error))
    except typer.TyperException as error:
        # Without a command, typer has printed the help already; its message would be the help again.
        helped = "NoArgs" in type(error).__name__
        return _fail("say which command" if helped else str(getattr(error, "format_message", error.__str__)()))
    except (typer.Abort, KeyboardInterrupt):
        return _fail("stopped")
    except BrokenPipeError:
        _drop_output()  # the reader (head, less) has seen enough
        return code
    except OSError as error:
        return _fail(f"the operating system refused: {error.strerror or type(error).__name__}")
    except Exception as error:
        if os.environ.get("INDELIBLE_DEBUG"):
            raise
        # The message could hold a personal value, so only its kind is shown.
        return _fail(f"this is a defect of Indelible ({type(error).__name__}); INDELIBLE_DEBUG=1 shows where")


def _invoke(arguments: list[str]) -> int:
    """Run the command without typer's own `main`, which makes of a closed pipe exit code 1: not intact, for verify."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("indelible", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0


def _fail(message: str) -> int:
    print(f"indelible: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
