"""`indelible serve`: the processes that answer HTTP.

Granian's main process watches worker processes and hands them the port. A worker reads requests on an event loop
(`gateway.py`) and runs Django in a few threads. One of them, of all that serve this database, also drains, signs and
sends letters (`leader.py`). A signal to stop is passed on: the workers answer the requests under way and end, and the
main process then signs what is not signed yet. A worker that crashes is started again; one that cannot stay up ends
all.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from ...errors import IndelibleError, InvalidInput
from ..environment import Environment

SECONDS_TO_STOP = 20
# A connection that sends no whole header for so long is closed, also one that is kept open for the next request.
SECONDS_FOR_HEADERS = 20
CONNECTIONS = 800  # at once; the next ones wait until one of these ends
_OTHER_FILES = 200  # of the database, for every thread; of exports; of the program itself
_SECONDS_BETWEEN_LOOKS = 1.0


class _Stopped(BaseException):
    """A signal to stop came before the server was there to take it."""


def _nothing() -> None:
    pass


def serve(
    announce: Callable[[str], None], ready: Callable[[], None] = _nothing, before: Callable[[], None] = _nothing
) -> int:
    """Prepare the installation that the environment describes, and serve it until a signal says stop.

    `announce` is given the one-time link of a first start; `before` runs when the tables are there, `ready` when the
    port is about to open. Returns the exit code. Raises IndelibleError for what is refused.
    """
    from .. import environment
    from . import leader, startup

    with _early_signals(), _static_folder() as static:
        settings = environment.read()
        os.environ["INDELIBLE_STATIC"] = str(static)
        os.environ["DJANGO_SETTINGS_MODULE"] = "indelible.service.run.settings"
        _check_port(settings)
        startup.make_folder(settings.database)
        with leader.alone_in(settings.database.parent):  # another service may be starting on this database
            startup.prepare(settings)
            _collect_static()
            _load_pages()
            before()
            link = startup.first_start(settings.url)
        _leave_database()
        if link is not None:
            announce(link)
        ready()
        code = _run(settings)
        _finish(settings)
        return code
    return 0


@contextlib.contextmanager
def _early_signals() -> Iterator[None]:
    """End quietly where the signal to stop comes before the server takes it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Stopped

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with contextlib.suppress(_Stopped):
        yield


@contextlib.contextmanager
def _static_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="indelible-static-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_port(settings: Environment) -> None:
    """Say that the port is taken before anything is made. The server itself would share it with a second one."""
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.bind, settings.port))
            listener.listen()
        except OSError as error:
            raise InvalidInput(
                f"cannot listen at {settings.bind} port {settings.port} ({error.strerror}); stop the other program or "
                "choose another port",
                "INDELIBLE_PORT",
            ) from error


def _collect_static() -> None:
    """Lay out the static files under names that tell their content, so that browsers keep them for ever."""
    from django.core.management import call_command

    # Of ninja's files those of Swagger UI are shown, and not the larger ones of ReDoc beside them.
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["redoc*"])


def _load_pages() -> None:
    """Import everything that answers, so that a defect in it stops the start, and not each request."""
    from django.urls import get_resolver

    from . import wsgi  # noqa: F401

    get_resolver().url_patterns  # noqa: B018 - imports every page


def _leave_database() -> None:
    """The worker opens its own connections: SQLite's must not go through a fork."""
    from django.db import connections

    from ..shared_journal import close_journal
    from ..shared_state import shared_state

    connections.close_all()
    shared_state().close()
    close_journal()


def _connections() -> int:
    """How many connections may be open, so that whoever opens many leaves the database its files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - _OTHER_FILES, _OTHER_FILES // 4)
    return CONNECTIONS


def _run(settings: Environment) -> int:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server import Server

    from .json_logs import server_config

    server = Server(
        "indelible.service.run.wsgi:application",
        address=settings.bind,
        port=settings.port,
        interface=Interfaces.ASGINL,
        workers=settings.workers,
        http=HTTPModes.http1,  # what proxies speak to what is behind them
        http1_settings=HTTP1Settings(header_read_timeout=SECONDS_FOR_HEADERS * 1000),
        backpressure=_connections(),
        log_access=False,
        log_level=LogLevels.warning,
        log_dictconfig=server_config(),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_STOP,
    )
    try:
        server.serve(target_loader=_Worker(settings, os.getpid()), wrap_loader=False)
    except SystemExit:
        # With a signal to stop, a worker may have heard it too and be gone first; the server calls that a failure.
        if not server.interrupt_signal:
            print("indelible: the worker process keeps ending; the lines above say where", file=sys.stderr)  # noqa: T201
            return 1
    return 0


class _Worker:
    """What the worker process runs before its first request; returns the application."""

    def __init__(self, settings: Environment, parent: int) -> None:
        self._settings, self._parent = settings, parent

    def __call__(self) -> Any:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # until the server sets its own
        with contextlib.suppress(PermissionError):
            os.setpgid(0, 0)  # Ctrl-C in a terminal is for the main process, which passes it on
        from ...catalogue import host
        from .. import shared_journal
        from . import counts, drain_threads, leader, letter_post, signer

        host.load()
        from ..api import callers
        from .gateway import Gateway
        from .wsgi import application

        def lead() -> None:
            signer.start(self._settings.database)
            drain_threads.start(self._settings)
            letter_post.start()

        leader.start(self._settings.leader, lead, drain_threads.wake_here)
        counts.start()
        threading.Thread(target=shared_journal.know_names, name="names", daemon=True).start()
        threading.Thread(target=self._follow, name="parent", daemon=True).start()
        return Gateway(application, self._settings.threads, may_be_large=callers.may_send_much)

    def _follow(self) -> None:
        """End with the main process, also where that was killed: nobody else would stop this one."""
        never = threading.Event()
        while os.getppid() == self._parent:
            never.wait(_SECONDS_BETWEEN_LOOKS)
        os.kill(os.getpid(), signal.SIGTERM)


def _finish(settings: Environment) -> None:
    """Take in and sign what the worker left. A refusal is logged, and the next start goes on there."""
    from . import drain_threads, signer

    drain_threads.settle(settings)
    signer.sign_once(settings.database)


def run(serving: Callable[[], int]) -> int:
    """Run a service; what is refused is one sentence on standard error and exit code 2."""
    try:
        return serving()
    except IndelibleError as error:
        print(f"indelible: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
    except Exception as error:
        if os.environ.get("INDELIBLE_DEBUG"):
            raise
        # The message could hold a personal value, so only its kind is shown.
        print(  # noqa: T201
            f"indelible: this is a defect of Indelible ({type(error).__name__}); INDELIBLE_DEBUG=1 shows where",
            file=sys.stderr,
        )
    return 2


def _announce(link: str) -> None:
    print(f"Make the owner's account here, once:\n\n    {link}\n", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Serve what the environment describes."""
    return run(lambda: serve(_announce))
