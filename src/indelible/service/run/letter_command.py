"""`indelible letter`: the letter about a clinic's last seven days, printed; or what is due, sent now.

    python -m indelible.service.run.letter_command [--send] [CLINIC]

It is for who has letters sent by cron, and not by a service that always runs.
"""

from __future__ import annotations

import argparse
import os
import sys

from ...errors import NotFound

_DAYS = 7


def printed(clinic_id: str | None) -> str:
    """Return the letter as an owner would read it. Raises NotFound, KeyUnavailable, SigningRefused."""
    from ...access import Access, Principal
    from ...record.document import System
    from ..accounts.roles import Right
    from ..shared_journal import journal
    from ..web import letter_writing

    clinic, _ = journal().info(clinic_id)
    reader = Principal(System("command:letter"), frozenset(Right))
    access = Access.enter(journal(), clinic.id, reader)
    span = letter_writing.last_days(access.session, _DAYS)
    return letter_writing.write(access.session, span, access.checkpoint(), with_money=True).text


def post() -> int:
    """Send what is due; return how many letters still wait, of which the service's logs say why."""
    from ..accounts.models import Letter
    from . import letter_post

    letter_post.Post().once()
    return int(Letter.objects.filter(next_try_at__isnull=False).count())


def main(arguments: list[str]) -> int:
    """Print or send. Exit code 0; 1 where a letter still waits, 2 for what is refused."""
    parser = argparse.ArgumentParser(prog="python -m indelible.service.run.letter_command")
    parser.add_argument("clinic", nargs="?")
    parser.add_argument("--send", action="store_true")
    given = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "indelible.service.run.settings"

    def run() -> int:
        from .. import environment
        from ..accounts import mail
        from ..shared_journal import close_journal
        from . import startup

        settings = environment.read()
        startup.prepare_there(settings)
        try:
            if not given.send:
                print(printed(given.clinic), end="")  # noqa: T201
                return 0
            if not mail.is_set_up():
                raise NotFound("INDELIBLE_SMTP names no mail server, so nothing is sent; set it, or leave out --send")
            return 1 if post() else 0
        finally:
            close_journal()

    from . import server

    return server.run(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
