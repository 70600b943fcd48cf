"""The accounts' file as it is now: another may be put in its place while the service runs, or none.

A connection stays open between requests. Its file may be deleted or replaced meanwhile, and it would go on writing into
the one that no path leads to any more: people sign in, and neither that nor its entry is anywhere afterwards. So each
request begins with the file that is there; where none is, a new connection fails (`mode=rw` in the settings) and the
request is refused.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from django.core.signals import request_started
from django.db import connection
from django.db.backends.signals import connection_created

# Which file this thread's connection has open.
_opened = threading.local()


def _note(connection: Any, **_: Any) -> None:
    _opened.file = _there()


def _look(**_: Any) -> None:
    """Close this thread's connection where its path leads to another file now, or to none."""
    if connection.connection is not None and _there() != _opened.file:
        connection.close()


def _there() -> tuple[int, int] | None:
    try:
        found = os.stat(url2pathname(urlsplit(str(connection.settings_dict["NAME"])).path))
    except OSError:
        return None
    return found.st_dev, found.st_ino


def watch() -> None:
    """From now on. Called once in a process, when Django is set up."""
    connection_created.connect(_note, dispatch_uid="indelible.same_file")
    request_started.connect(_look, dispatch_uid="indelible.same_file")
