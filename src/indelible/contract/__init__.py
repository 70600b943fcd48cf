"""The event document for programs in other languages: as a JSON Schema, and as type declarations of TypeScript.

Both are made from the classes of the catalogue, a host's own actions and fields included. `json_schema.py` says all
that a schema can say of a document; `typescript.py` writes the same as types.
"""

from __future__ import annotations

from .json_schema import document_schema
from .typescript import declarations

__all__ = ["declarations", "document_schema"]
