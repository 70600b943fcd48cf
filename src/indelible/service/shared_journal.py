"""The log that the service reads and anonymizes in: one journal in a process, for all its threads.

What accounts do is not appended here: it goes into the outbox beside them (`accounts/recording.py`), in their
transaction.
"""

from __future__ import annotations

import contextlib
import threading

from django.conf import settings

from ..errors import IndelibleError
from ..journal import Journal

_lock = threading.Lock()
_opened: Journal | None = None


def journal() -> Journal:
    """Return the journal of this process, opened when it is first asked for. Raises IndelibleError."""
    global _opened
    with _lock:
        if _opened is None:
            _opened = Journal(settings.ENVIRONMENT.database)
        return _opened


def know_names() -> None:
    """Open the names of every log, for the first search. Of what cannot be opened whoever asks is told."""
    with contextlib.suppress(IndelibleError):
        for clinic, _ in journal().clinics():
            with contextlib.suppress(IndelibleError):
                journal().clinic(clinic.id).know_names()


def close_journal() -> None:
    """Sign what is not signed and close, for a program that ends or is about to fork.

    Raises SigningRefused, StorageFailure.
    """
    global _opened
    with _lock:
        found, _opened = _opened, None
    if found is not None:
        found.close()
