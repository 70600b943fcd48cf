"""Places in a list, for programs: the text that an answer gives for what is older, and takes back.

    older = inner "." code          inner: the cursor of `read/session.py`; code: 22 characters of base64url

The code is made with the service's secret over the clinic, what is listed and the inner text. So a place that was
changed, or is of another clinic or filter, is refused, and none can be made up.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from django.utils.crypto import constant_time_compare, salted_hmac

from ...errors import InvalidInput

_SALT = "indelible/api/place/v1"


def seal(inner: str, *of: str) -> str:
    """Return the text for a place in what `of` names: the clinic, the kind of list, its filter."""
    return f"{inner}.{_code(inner, of)}"


def unseal(text: str, *of: str) -> str:
    """Return the inner text of a place that `seal` gave for the same. Raises InvalidInput."""
    inner, _, code = text.rpartition(".")
    if not constant_time_compare(code, _code(inner, of)):
        raise InvalidInput("is no place in this list; take it from the answer before, with the same filter", "after")
    return inner


def _code(inner: str, of: tuple[str, ...]) -> str:
    said = "\0".join((*of, inner))
    digest = salted_hmac(_SALT, said.encode("utf-8", "surrogatepass"), algorithm="sha256").digest()
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")
