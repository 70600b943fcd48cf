"""Which module of this package declares which of our codes. Each is imported when one of its codes is first asked for.

Most programs use a few actions, and declaring all of them costs more than all else of an import. Several threads may
ask at once: Python lets the others wait until a module is there as a whole.
"""

from __future__ import annotations

import importlib

# Of every noun that our codes begin with, the module that declares them. A new action needs a line here only where its
# noun is new.
MODULES = {
    "booking": "bookings",
    "charge": "payments",
    "deposit": "payments",
    "dispute": "payments",
    "invoice": "payments",
    "voucher": "vouchers",
    "voucher_offer": "vouchers",
    "service": "services",
    "schedule": "services",
    "client": "clients",
    "account": "account",
    "staff": "account",
    "api_key": "account",
    "points": "loyalty",
    "coupon": "loyalty",
    "reward": "loyalty",
    "clinic": "settings",
    "integration": "settings",
    "settings": "settings",
    "log": "log",
    "record": "settings",
}


def load(code: str) -> None:
    """Import the module that would declare a code, if it is one of ours."""
    module = MODULES.get(code.partition(".")[0])
    if module is not None:
        importlib.import_module(f"{__package__}.{module}")


def load_all() -> None:
    """Import every module that declares actions."""
    for module in dict.fromkeys(MODULES.values()):
        importlib.import_module(f"{__package__}.{module}")
