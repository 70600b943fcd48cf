"""`indelible key`: keys of the HTTP interface, made, listed and revoked on the service's machine.

    python -m indelible.service.run.key_command add NAME SCOPE... [--clinic CLINIC | --platform] [--until DAY|INSTANT]
    python -m indelible.service.run.key_command list [--clinic CLINIC | --platform]
    python -m indelible.service.run.key_command revoke KEY

Of a new key nothing but its text goes to standard output, so that a script can take it. The first key of a platform is
made here, since nobody could show one yet. Whoever may run this may write the service's database too; what it does is
recorded all the same.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from ...errors import InvalidInput, NotFound
from ...format import instant

if TYPE_CHECKING:
    from ..accounts.models import ApiKey

_BY = "command:key"
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def add(name: str, scopes: Sequence[str], clinic_id: str, until: str | None) -> tuple[ApiKey, str]:
    """Make a key, of the platform without a clinic; return it with its text. Raises InvalidInput, NotFound."""
    from ...record.document import System
    from ..accounts import key_issuing

    ends_at = 0 if until is None else _end(until, clinic_id)
    return key_issuing.issue(name, scopes, by=System(_BY), clinic_id=clinic_id, ends_at=ends_at)


def _end(until: str, clinic_id: str) -> int:
    """The instant that is meant; of a last day the end of it, in the clinic's zone, for the platform in UTC."""
    from ..shared_journal import journal

    if _DAY.fullmatch(until) is None:
        return instant.parse(until, "until")
    zone = journal().info(clinic_id)[1].zone if clinic_id else "UTC"
    try:
        first = datetime.combine(date.fromisoformat(until) + timedelta(days=1), time(), instant.zone(zone))
    except (ValueError, OverflowError):
        raise InvalidInput("is not a day of the calendar; write it as 2027-01-31", "until") from None
    return instant.from_datetime(first, "until")


def lines(clinic_id: str) -> list[str]:
    """Return a line for each key of a clinic, or of the platform."""
    from ..accounts import keys
    from ..accounts.models import ApiKey

    def state(key: ApiKey) -> str:
        if key.revoked_at:
            return f"revoked {instant.format(key.revoked_at)[:10]}"
        ends = f"until {instant.format(key.ends_at)[:16]}Z" if key.ends_at else "without an end"
        return ends if keys.stands(key) else f"ended {instant.format(key.ends_at)[:10]}"

    return [
        f"{keys.log_id(key)}  {key.name}  {key.scopes.replace(' ', ',')}  made {instant.format(key.made_at)[:10]}  "
        f"{'used ' + instant.format(key.used_at)[:16] + 'Z' if key.used_at else 'never used'}  {state(key)}"
        for key in ApiKey.objects.filter(clinic_id=clinic_id).order_by("pk")
    ]


def revoke(text: str) -> bool:
    """Revoke the key that the log calls so; return whether it was not revoked before. Raises NotFound."""
    from ...record.document import System
    from ..accounts import key_issuing
    from ..accounts.models import ApiKey

    found = ApiKey.objects.filter(public_id=text.removeprefix("key_")).first()
    if found is None:
        raise NotFound("there is no such key; `indelible key list` shows their ids")
    return key_issuing.withdraw(found, by=System(_BY))


def _clinic(given: argparse.Namespace) -> str:
    """The id of the clinic that is meant, which may be the only one; nothing for the platform."""
    from ..shared_journal import journal

    if given.platform and given.clinic:
        raise InvalidInput("is of one clinic or of the platform; leave out --clinic or --platform", "key")
    if given.platform:
        return ""
    clinic, state = journal().info(given.clinic)
    if state.closed_at is not None:
        raise NotFound("the clinic was closed; a key would open nothing")
    return clinic.id


def main(arguments: list[str]) -> int:
    """Do one of the three. Exit code 0; 2 for what is refused."""
    parser = argparse.ArgumentParser(prog="python -m indelible.service.run.key_command")
    what = parser.add_subparsers(dest="what", required=True)
    adding, listing, revoking = (what.add_parser(name) for name in ("add", "list", "revoke"))
    for one in (adding, listing):
        one.add_argument("--clinic")
        one.add_argument("--platform", action="store_true")
    adding.add_argument("--until")
    adding.add_argument("name")
    adding.add_argument("scopes", nargs="*")
    revoking.add_argument("key")
    given = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "indelible.service.run.settings"

    def run() -> int:
        from .. import environment
        from ..shared_journal import close_journal
        from . import drain_threads, startup

        settings = environment.read()
        startup.prepare_there(settings)
        try:
            if given.what == "list":
                print("\n".join(lines(_clinic(given))) or "no key", flush=True)  # noqa: T201
                return 0
            if given.what == "add":
                made, text = add(given.name, given.scopes, _clinic(given), given.until)
                print(f"key_{made.public_id} was made. This is shown once:", file=sys.stderr, flush=True)  # noqa: T201
                said = text
            else:
                said = "It opens nothing any more." if revoke(given.key) else "It was revoked before."
        finally:
            close_journal()
        drain_threads.settle(settings)
        print(said)  # noqa: T201
        return 0

    from . import server

    return server.run(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
