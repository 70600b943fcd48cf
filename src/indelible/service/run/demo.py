"""`make demo` in the browser: the demo's folder served on a free port, with an account for each role.

Everybody can read the password, so only this machine is served.
"""

from __future__ import annotations

import os
import socket
import sys
from datetime import date, timedelta
from pathlib import Path

from ...demo.founding import CLINIC_ID
from ...demo.people import staff

PASSWORD = "indelible-demo"  # noqa: S105 - printed for everybody
DAYS_OF_AUDITOR = 90
# Which members of the demo's clinic can sign in, by role; the auditor is nobody of its staff.
_ROLES = {"usr_1": "owner", "usr_2": "manager", "usr_12": "staff"}
_AUDITOR = ("usr_90", "Teresa Antunes", "auditor")


def addresses() -> list[tuple[str, str]]:
    """Every account of the demo: its role and its e-mail address."""
    return [(role, f"{role}@demo.example") for role in (*_ROLES.values(), "auditor")]


def environment(folder: Path, port: int) -> dict[str, str]:
    """Return what the environment must say: the folder's own database, key and keep, and no others."""
    database = folder.resolve() / "activity.db"
    return {
        "INDELIBLE_DATABASE": str(database),
        "INDELIBLE_MASTER_KEY": str(database.with_name("activity.db.key")),
        "INDELIBLE_KEEP": str(database.with_name("activity.db.keep")),
        "INDELIBLE_KEEP_BESIDE": "yes",  # one folder that is thrown away as a whole
        "INDELIBLE_ACCOUNTS": str(database.with_name("activity.db.accounts")),
        "INDELIBLE_OUTBOXES": "",
        "INDELIBLE_METRICS_TOKEN": "",
        "INDELIBLE_URL": f"http://localhost:{port}",
        "INDELIBLE_PORT": str(port),
        "INDELIBLE_BIND": "127.0.0.1",
        "INDELIBLE_SMTP": "",
        "INDELIBLE_LOG_LEVEL": os.environ.get("INDELIBLE_LOG_LEVEL", "WARNING"),  # not a line for each request
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def add_accounts() -> None:
    """Make the accounts where they are not there yet. Django is set up, and the tables are there."""
    from ..accounts.models import Membership, User

    names = {member.id: member.name for member in staff()}
    people = [(usr, names[usr], role) for usr, role in _ROLES.items()] + [_AUDITOR]
    for public_id, name, role in people:
        if User.objects.filter(public_id=public_id).exists():
            continue
        user = User.objects.create_user(f"{role}@demo.example", PASSWORD, name=name, public_id=public_id)
        until = date.today() + timedelta(days=DAYS_OF_AUDITOR) if role == "auditor" else None  # noqa: DTZ011
        Membership.objects.create(user=user, clinic_id=CLINIC_ID, role=role, until=until)


def main() -> int:
    """Serve the demo of a folder; the port is free, or the one given."""
    from . import server

    folder, port = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else free_port()
    os.environ.update(environment(folder, port))

    def ready() -> None:
        print(f"\nThe demo is at  http://localhost:{port}\n")  # noqa: T201
        for role, address in addresses():
            print(f"  {role:<8} {address:<22} password {PASSWORD}")  # noqa: T201
        database = environment(folder, port)["INDELIBLE_DATABASE"]
        print("\nSomebody else, as with any log:\n  indelible serve "  # noqa: T201
              f"--url http://localhost:{port} invite EMAIL --database {database}")  # fmt: skip
        print("\nCtrl-C stops it.", flush=True)  # noqa: T201

    return server.run(lambda: server.serve(lambda link: None, ready, before=add_accounts))


if __name__ == "__main__":
    sys.exit(main())
