"""The log in a host's page: `POST /clinics/{clinic}/viewer` makes a pass, whose address goes into a frame.

    {"role": "staff", "user": {"id": "usr_12", "name": "Maria Fernandes"}, "only": {"kind": "client", "id": "cli_77"},
     "language": "pt", "colours": {"accent": "#0a7d5c"}, "minutes": 10}

    201 {"url": "https://log.example/viewer/…/", "expires_at": "2026-05-04T09:10:00.000000Z"}

Only role and user are needed. What else is said in `service/accounts/viewer_passes.py` and `service/colours.py`.
"""

from __future__ import annotations

from typing import Literal

from django.conf import settings
from django.http import HttpRequest
from ninja import Schema, Status
from pydantic import ConfigDict, StrictInt

from ...format import instant
from ..accounts import viewer_passes
from ..accounts.keys import Scope
from .callers import Bearer, caller_of
from .problems import Problem
from .routes import router

_NO_PAGE = (
    "This service says of no page that it may show the log; whoever runs it sets INDELIBLE_FRAME_ANCESTORS to the "
    "addresses of your pages, such as https://app.example."
)


class _Strict(Schema):
    model_config = ConfigDict(extra="forbid")


class User(_Strict):
    """Your own user, as entries name them."""

    id: str | int
    name: str


class Only(_Strict):
    """The one thing or person whose entries are shown."""

    kind: Literal["client", "booking", "staff"]
    id: str | int


class Colours(_Strict):
    """Colours as # and six hexadecimal digits; those with `_dark` where your page is dark for readers whose system is,
    and `scheme` where it is always the same."""

    accent: str | None = None
    background: str | None = None
    accent_dark: str | None = None
    background_dark: str | None = None
    scheme: Literal["light", "dark"] | None = None


class Wanted(_Strict):
    """For whom a pass is."""

    role: Literal["owner", "manager", "staff", "auditor"]
    user: User
    only: Only | None = None
    language: Literal["en", "pt", "es"] | None = None
    colours: Colours | None = None
    minutes: StrictInt = viewer_passes.MINUTES


class Pass(Schema):
    """The address for the frame; it opens the log once, until then."""

    url: str
    expires_at: str


@router.post(
    "/clinics/{clinic}/viewer",
    auth=Bearer(Scope.MANAGE),
    response={201: Pass},
    tags=["Viewer"],
    operation_id="makeViewerPass",
    summary="Make a pass for the log in your own page",
)
def make(request: HttpRequest, clinic: str, wanted: Wanted) -> Status[Pass]:
    """Make a pass that opens the log of a clinic once, in a frame of your page, for one of your users."""
    who = caller_of(request)
    who.log(clinic)
    if not settings.ENVIRONMENT.frame_ancestors:
        raise Problem(409, _NO_PAGE)
    url, expires_at = viewer_passes.make(
        clinic,
        wanted.role,
        wanted.user.id,
        wanted.user.name,
        only=None if wanted.only is None else (wanted.only.kind, wanted.only.id),
        language=wanted.language,
        colours=None if wanted.colours is None else wanted.colours.model_dump(exclude_none=True),
        minutes=wanted.minutes,
        key=who.key,
    )
    return Status(201, Pass(url=url, expires_at=instant.format(instant.from_datetime(expires_at, "expires_at"))))
