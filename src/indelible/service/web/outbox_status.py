"""What is on its way into a clinic's log, and what never set out: for its owner, in plain words.

The accounts' own outbox and those of the hosts are looked at (`service/outbox_probe.py`); one that does not answer is
said so, and breaks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ...drain.health import Health
from ..environment import Environment
from ..outbox_probe import probe
from ..outbox_status import OutboxStatus, counted

# Why a document is held, as its owner reads it; a reason's word is in drain/refusals.py.
_REASONS: dict[str, Promise | str] = {
    "invalid": _("not written as the log needs it; whoever runs the reservation system must correct that"),
    "conflict": _("with the number of another event; whoever runs the reservation system must correct that"),
    "unknown_action": _("of something that this release does not know yet; an update takes it in"),
    "newer_version": _("of a newer version than this release; an update takes it in"),
    "older_log": _("from behind the backup that was restored; taken in when a newer backup is there"),
    "unknown_clinic": _("from before the clinic was there; taken in by itself"),
    "anonymized": _("about somebody who was anonymized; nothing of it is left"),
    "closed": _("from after the clinic's account was closed"),
}
_OTHER = _("could not be recorded; whoever runs the service can see why")


def look(settings: Environment, clinic: str) -> OutboxStatus:
    """Look at every outbox for one clinic; answers within two seconds."""
    urls = settings.every_outbox
    return told(probe.at(urls, clinic), len(urls) - 1)


def told(found: Sequence[Health], hosts: int) -> OutboxStatus:
    """What was found, put together, and why documents are held in words."""
    status = counted(found, hosts)
    return replace(status, held=[(count, _REASONS.get(str(word), _OTHER)) for count, word in status.held])
