"""E-mails: whether there is a server for them, and what they say."""

from __future__ import annotations

from email.charset import QP, Charset

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.translation import gettext as _

# Lines of 76 characters and ASCII alone, whatever servers on the way can carry.
_QUOTED_PRINTABLE = Charset("utf-8")
_QUOTED_PRINTABLE.body_encoding = QP


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


def message(
    subject: str, text: str, html: str, to: str, message_id: str, sender: str | None = None
) -> EmailMultiAlternatives:
    """Return an e-mail of text and HTML that arrives as it was sent, and is shown once however often it is sent."""
    made = EmailMultiAlternatives(
        " ".join(subject.split()),
        text,
        sender,
        [to],
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
    )
    made.encoding = _QUOTED_PRINTABLE
    made.attach_alternative(html, "text/html")
    return made
