"""A clinic with a year of life, to look at and to try things on. Everything and everybody in it is made up.

    made = demo.build(Path(".demo"))            # makes .demo/activity.db with its key and keep, or completes it
    with demo.reopen(Path(".demo")) as journal:
        journal.clinic().read("category:payments")

`make_documents` gives the event documents alone; `uses` and `stories` say what there is to look for in them.
"""

from __future__ import annotations

from .folder import Built, build, reopen
from .founding import CLINIC_ID, CLINIC_NAME
from .stories import stories
from .uses import Sight, Use, uses
from .year import make_documents

__all__ = ["CLINIC_ID", "CLINIC_NAME", "Built", "Sight", "Use", "build", "make_documents", "reopen", "stories", "uses"]
