"""Way back in for somebody whom nobody can help in the browser: the only owner, who forgot the password.

    python -m indelible.service.run.rescue owner@clinic.example

Prints a one-time address where a new password is set. Whoever may run this on the service's machine may read its
database too; what it does is recorded all the same. A second factor stays as it is.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

from ...errors import IndelibleError, NotFound

LASTS = timedelta(hours=1)


def link(email: str) -> str:
    """Return a new one-time address for an account, and end the older ones. Django is set up. Raises NotFound."""
    from django.conf import settings
    from django.db import transaction
    from django.urls import reverse

    from ...catalogue.account import PasswordResetRequested
    from ...record.document import System
    from ..accounts.models import OneTimeLink, User
    from ..accounts.recording import record_everywhere

    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise NotFound("no account has this e-mail address; check its spelling")
    with transaction.atomic():
        OneTimeLink.objects.filter(kind=OneTimeLink.PASSWORD, user=user).delete()
        _, secret = OneTimeLink.make(OneTimeLink.PASSWORD, LASTS, user=user)
        record_everywhere(PasswordResetRequested(), user, actor=System("command:rescue"))
    return f"{settings.ENVIRONMENT.url}{reverse('new_password', args=[secret])}"


def main(arguments: list[str]) -> int:
    """Print the address. Exit code 0; 2 for a wrong call, 1 where it cannot be made."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m indelible.service.run.rescue EMAIL", file=sys.stderr)  # noqa: T201
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "indelible.service.run.settings"
    try:
        import django

        from ...catalogue import host
        from .. import environment
        from ..shared_journal import close_journal
        from . import drain_threads

        host.load()
        django.setup()
        try:
            address = link(arguments[0])
        finally:
            close_journal()
        drain_threads.settle(environment.read())
    except IndelibleError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"Open this address within an hour to set a new password. It works once:\n\n  {address}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
