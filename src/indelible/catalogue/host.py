"""The actions that a host declares, in modules of its own.

    INDELIBLE_ACTIONS=clinic.actions,other.module

Every program of ours that reads or writes a log loads them before it does: the commands, the service and each of its
processes. A module declares actions (`Action`), and what its own categories and kinds of things are called
(`name_category`, `name_kind`).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping

from ..errors import InvalidInput


def load(environment: Mapping[str, str] = os.environ) -> None:
    """Import the modules that the environment names, each once. Raises InvalidInput."""
    for name in filter(None, (part.strip() for part in environment.get("INDELIBLE_ACTIONS", "").split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:  # the module is the host's, and may fail in any way
            raise InvalidInput(
                f"{name} cannot be imported or declares an action wrongly ({type(error).__name__}: {error})",
                "INDELIBLE_ACTIONS",
            ) from error
