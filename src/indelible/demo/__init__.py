"""A clinic with a year of life, to look at and to try things on. Everything and everybody in it is made up.

    made = demo.build(Path(".demo"))            # makes .demo/activity.db with its key and head store, or completes it
    with demo.reopen(Path(".demo")) as journal:
        journal.clinic().read("category:payments")

`make_documents` gives the event documents alone.
"""

from __future__ import annotations

from .folder import Built, build, reopen
from .office import CLINIC_ID, CLINIC_NAME
from .year import make_documents

__all__ = ["CLINIC_ID", "CLINIC_NAME", "Built", "build", "make_documents", "reopen"]
