"""E-mails: whether there is a server for them, and what they say."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _


def is_set_up() -> bool:
    """Whether INDELIBLE_SMTP names a server; else links are shown, to be copied."""
    return not settings.EMAIL_BACKEND.endswith("dummy.EmailBackend")


def texts(kind: str, clinic_name: str, link: str) -> tuple[str, str]:
    """Return subject and text of an e-mail with a link. `kind` is invitation or password."""
    if kind == "invitation":
        return (
            _("You are invited to the activity log of %(clinic)s") % {"clinic": clinic_name},
            _("Open this link within seven days to make your account:\n\n%(link)s\n") % {"link": link},
        )
    return (
        _("Set a new password for the activity log"),
        _("Open this link within a day to set a new password:\n\n%(link)s\n") % {"link": link},
    )
