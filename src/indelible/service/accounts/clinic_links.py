"""The addresses under which a clinic's host shows its things: the clinic's own, else the installation's."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from ...catalogue import registered
from ...catalogue.settings import SettingsChanged
from ...django import record
from ...errors import Conflict
from ...record.document import Actor, Target
from .. import links
from ..links import Links
from .models import ClinicLink


def kinds() -> Sequence[str]:
    """The kinds of things and persons that an entry can be about, a host's own among them."""
    return sorted({kind for action in registered() for kind in action.targets} | {"staff", "client"})


def own(clinic_id: str) -> dict[str, str]:
    """What the clinic set itself."""
    return dict(ClinicLink.objects.filter(clinic_id=clinic_id).order_by("kind").values_list("kind", "address"))


def of(clinic_id: str) -> Links:
    """Every address that holds for a clinic."""
    return {**settings.ENVIRONMENT.links, **own(clinic_id)}


def change(clinic_id: str, name: str, wanted: Links, was: Links, actor: Actor) -> None:
    """Set what differs from what somebody saw, and record it. Raises Conflict where it was changed meanwhile."""
    differing = sorted(kind for kind in {*wanted, *was} if wanted.get(kind) != was.get(kind))
    if not differing:
        return
    with transaction.atomic():
        now = own(clinic_id)
        if any(now.get(kind) != was.get(kind) for kind in differing):
            raise Conflict("the addresses were changed at the same moment; look again, and repeat what is still needed")
        for kind in differing:
            if kind in wanted:
                ClinicLink.objects.update_or_create(
                    clinic_id=clinic_id, kind=kind, defaults={"address": wanted[kind]}
                )  # fmt: skip
            else:
                ClinicLink.objects.filter(clinic_id=clinic_id, kind=kind).delete()
        changes = [{"field": kind, "old": was.get(kind), "new": wanted.get(kind)} for kind in differing]
        record(SettingsChanged.model_validate({"section": "links", "changes": changes}), actor=actor,
               clinic=clinic_id, target=Target("clinic", clinic_id, name))  # fmt: skip


def parsed(text: str) -> dict[str, str]:
    """Return what the text of the settings' field means. Raises WrongLine."""
    return links.parse(text, kinds())
