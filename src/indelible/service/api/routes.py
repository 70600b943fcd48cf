"""The one router of all operations: two that have an address in common are found only where one router has both."""

from __future__ import annotations

from ninja import Router

router = Router()
