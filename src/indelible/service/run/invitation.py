"""An invitation from the operator: for a log that was recorded without the service, or a clinic that nobody owns.

    python -m indelible.service.run.invitation EMAIL [CLINIC] [--role owner] [--until 2027-01-31]

`indelible serve invite` runs it. Prints a one-time address where the invited person makes an account, or signs in to
the one they have. Whoever may run this on the service's machine may write its database too; what it does is recorded
all the same.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date, timedelta

from ...errors import Conflict, IndelibleError, InvalidInput, NotFound
from ...log import ClinicLog

LASTS = timedelta(days=7)


def link(email: str, clinic_id: str | None, role: str, until: date | None) -> tuple[str, str]:
    """Return a new one-time address, and the name of the clinic that it invites to. Django is set up.

    Raises InvalidInput for what is none, NotFound for a clinic that is not there, Conflict for who belongs to it.
    """
    from django.conf import settings
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email
    from django.db import transaction
    from django.urls import reverse

    from ...record.document import System
    from ..accounts.models import Membership, OneTimeLink
    from ..accounts.people import check_role
    from ..accounts.recording import record_access

    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput("must be an e-mail address, such as maria@clinic.example", "EMAIL") from None
    log = _clinic(clinic_id)
    today = log.reading().today
    check_role(role, until, today, prefix="--")
    there = Membership.objects.filter(clinic_id=log.clinic.id, user__email=email).first()
    if there is not None and not there.has_ended(today):
        raise Conflict(
            f"somebody with this address belongs to the clinic already, as {there.role}; an owner changes roles on the "
            "page People, and `python -m indelible.service.run.rescue EMAIL` sets a new password"
        )
    with transaction.atomic():
        _, secret = OneTimeLink.make(
            OneTimeLink.INVITATION, LASTS, clinic_id=log.clinic.id, email=email, role=role, until=until
        )
        record_access(log.clinic.id, log.state().name, email, "invitation", None, role, System("command:invite"))
    return f"{settings.ENVIRONMENT.url}{reverse('invitation', args=[secret])}", log.state().name


def _clinic(clinic_id: str | None) -> ClinicLog:
    from ..shared_journal import journal

    every = {clinic.id: clinic for clinic, state in journal().clinics() if state.closed_at is None}
    known = ", ".join(sorted(every)) or "none: `indelible clinic add` makes one"
    if clinic_id is None and len(every) != 1:
        raise InvalidInput(f"must be given, since there is not exactly one; open clinics here: {known}", "--clinic")
    wanted = clinic_id or next(iter(every))
    if wanted not in every:
        raise NotFound(f"--clinic: there is no open clinic with this id; open clinics here: {known}")
    return journal().clinic(wanted)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a day, such as 2027-01-31") from None


def main(arguments: list[str]) -> int:
    """Print the address. Exit code 0; 2 for what is refused."""
    parser = argparse.ArgumentParser(prog="python -m indelible.service.run.invitation")
    parser.add_argument("email")
    parser.add_argument("clinic", nargs="?")
    parser.add_argument("--role", default="owner")
    parser.add_argument("--until", type=_day)
    given = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "indelible.service.run.settings"

    def invite() -> int:
        from .. import environment
        from ..shared_journal import close_journal
        from . import drain_threads, startup

        settings = environment.read()
        startup.prepare_there(settings)
        try:
            address, clinic = link(given.email, given.clinic, given.role, given.until)
        finally:
            close_journal()
        drain_threads.settle(settings)
        print(f"Open this address within {LASTS.days} days to join {clinic} as {given.role}. It works once:\n\n"  # noqa: T201
              f"  {address}\n\nIt is answered while `indelible serve` runs.")  # fmt: skip
        return 0

    from . import server

    return server.run(invite)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except IndelibleError as error:
        sys.exit(f"indelible: {error}")
