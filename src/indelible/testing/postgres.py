"""A PostgreSQL server to test with: a cluster of its own in a temporary folder, on a free port, gone at the end.

    from indelible.testing.postgres import server            # pytest fixtures, in a conftest.py

    def test_it(server):
        with server.database() as url:
            ...

It touches no other cluster. INDELIBLE_TEST_POSTGRES=/path/to/bin chooses among several versions. PostgreSQL refuses to
run as root, so where the tests are root it runs as `nobody`.
"""
# ruff: noqa: S603 - this module is part of tests, and starts what it found itself

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# What is slow in earnest and needless for data that is thrown away; a test of durability turns it on again.
_QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on", "autovacuum": "off",
          "max_connections": "60", "max_prepared_transactions": "10", "shared_buffers": "64MB",
          "listen_addresses": "127.0.0.1", "wal_level": "logical", "log_min_messages": "fatal"}  # fmt: skip


@dataclass
class Server:
    """A running cluster. `url` is that of its maintenance database, as superuser; `settings` differ from _QUICK."""

    binaries: Path
    folder: Path
    port: int
    user: int | None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str, role: str = "postgres") -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """A new database, dropped at the end: its URL as superuser."""
        import psycopg

        name = f"t_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield self.url_of(name)
        finally:
            with psycopg.connect(self.url, autocommit=True) as admin:
                admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def program(self, name: str) -> Path:
        """One of the programs of the server's own version. Skips the test where this PostgreSQL came without it."""
        found = self.binaries / name
        if not found.exists():
            pytest.skip(f"postgres: this PostgreSQL came without {name}")
        return found

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs as the server's user. Raises CalledProcessError."""
        subprocess.run(
            [self.program(program), *arguments],
            check=True,
            user=self.user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in (_QUICK | self.settings).items())
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "60", "-l", str(self.folder / "log"), "-o",
                 f"-p {self.port} -k {self.folder} {options}", "start")  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is as if its machine's power went."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")


def find() -> Path | None:
    """The folder of PostgreSQL's programs, or None. INDELIBLE_TEST_POSTGRES names the only one that is looked at.

    A name that leads to no server fails the test, as one that ran on another version would have shown nothing.
    """
    named = os.environ.get("INDELIBLE_TEST_POSTGRES")
    if named:
        if not _has_server(Path(named)):
            pytest.fail("INDELIBLE_TEST_POSTGRES names no folder with PostgreSQL's initdb and pg_ctl")
        return Path(named)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: -int(one.parent.name))
    return next(filter(_has_server, (*found, *_on_path())), None)


def _has_server(folder: Path) -> bool:
    return (folder / "initdb").exists() and (folder / "pg_ctl").exists()


def _on_path() -> Iterator[Path]:
    if (initdb := shutil.which("initdb")) is not None:
        yield Path(initdb).resolve().parent


@contextmanager
def cluster(**settings: str) -> Iterator[Server]:
    """A new cluster, stopped and deleted at the end. Skips the test where no server is installed.

    `settings` are the server's own, where it must be as in earnest: cluster(fsync="on").
    """
    binaries = find()
    if binaries is None:
        pytest.skip("postgres: no PostgreSQL server is installed; `make test` installs one where it can")
    folder = Path(tempfile.mkdtemp(prefix="indelible-pg-", dir="/tmp"))  # a socket's path must be short
    user = 65_534 if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user, user)
    server = Server(binaries, folder, _free_port(), user, settings)
    try:
        server.run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
                   "--locale=C.UTF-8")  # fmt: skip
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One cluster for the tests of a process."""
    with cluster() as made:
        yield made


@pytest.fixture
def postgres(server: Server) -> Iterator[str]:
    """The URL of a new database, as superuser."""
    with server.database() as url:
        yield url


@pytest.fixture
def connection(postgres: str) -> Iterator[Any]:
    """A connection to a new database, as superuser."""
    import psycopg

    with psycopg.connect(postgres) as opened:
        yield opened


@pytest.fixture
def pooled(server: Server, postgres: str) -> Iterator[str]:
    """The database's URL behind PgBouncer in transaction mode, with two connections to the server."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer: PgBouncer is not installed; `make test` installs it where it can")
    port = _free_port()
    folder = server.folder / f"pooler_{port}"
    folder.mkdir()
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder / 'users'}\n"
        "pool_mode = transaction\ndefault_pool_size = 2\n"
    )
    process = subprocess.Popen([program, "-q", folder / "ini"], user=server.user, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield postgres.replace(f":{server.port}/", f":{port}/")
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise AssertionError("PgBouncer does not answer")
