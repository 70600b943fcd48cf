"""What a host or the author of a store tests with. Needs pytest, but for `django`; the package does not depend on it.

store_contract     `StoreContract`, the suite that every engine passes
dictionary_store   an engine of plain dictionaries, which passes it
outbox             `recorded`, a fixture for a host's tests: the documents that a block put into the outbox
django             `RecordsMixin`, the same for Django's `TestCase`
postgres           a PostgreSQL server of the tests' own
logs               a journal in a temporary folder whose clock stands still until it is told to move on
bundles            the files of a bundle by name, and back
pins               what a test holds fast of actions whose entries are in a log
"""

from __future__ import annotations

import contextlib

with contextlib.suppress(ModuleNotFoundError):
    import pytest

    # A failed assert shows its values only where pytest has rewritten the module.
    pytest.register_assert_rewrite("indelible.testing.store_contract", "indelible.testing.logs")
