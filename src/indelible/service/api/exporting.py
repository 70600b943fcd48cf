"""Taking entries out over HTTP: the files of the export page, made and recorded as there.

GET /clinics/{clinic}/export?q=&format=
"""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Query

from ...export.formats import BUNDLES, LISTS
from ..accounts.keys import Scope
from ..file_answer import Chosen, file_of
from .callers import Bearer, caller_of
from .openapi import also
from .problems import Problem
from .reading import Filter
from .routes import router

TAGS = ["Exporting"]

_Format = Annotated[
    Chosen,
    Query("jsonl", description="csv is for spreadsheets, csv-data for programs; bundle is the evidence, a ZIP file."),
]


@router.get(
    "/clinics/{clinic}/export",
    auth=Bearer(Scope.EXPORT),
    response={200: None},
    tags=TAGS,
    operation_id="exportEntries",
    summary="Export entries",
    openapi_extra=also(*dict.fromkeys(kind.media_type.partition(";")[0] for kind in (*LISTS.values(), BUNDLES))),
)
def export(request: HttpRequest, clinic: str, q: Filter = "", format: _Format = "jsonl") -> HttpResponseBase:
    """Return all entries that a filter means as a file, and record in the log that they left. A list is sent as it is
    made: one that breaks off says so in its last line, and the connection ends without the last chunk."""
    if request.META["REQUEST_METHOD"] == "HEAD":
        raise Problem(405, "An export is recorded and sent; ask with GET.", headers={"Allow": "GET, OPTIONS"})
    access = caller_of(request).enter(clinic)
    return file_of(access, access.session.parse(q), format)
