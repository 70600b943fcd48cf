"""Which names people and clinics may have: those that every reader sees as they are."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def check_printable(name: str) -> None:
    """Refuse what turns text around, hides in it or breaks its line. Raises ValidationError."""
    if not name.isprintable():
        raise ValidationError(_("The name has a character in it that cannot be printed; leave it out."))
