"""Every error that Indelible raises on purpose.

One base class. A class's docstring is its message when none is given; a subclass exists only where a caller branches on
it. A message names the field, the kind of the value and the mend. It never holds a personal value.
"""

from __future__ import annotations


class IndelibleError(Exception):
    """Indelible could not do this."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class InvalidInput(IndelibleError):
    """The input is not valid.

    `field` is the dotted path of the field in the document (`context.starts_at`), or empty where the whole is meant.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class InvalidQuery(IndelibleError):
    """The filter cannot be read. `position` is the index of the offending word's first character in the text; `nearest`
    is the word that was probably meant, spelled right, where there is one."""

    def __init__(self, message: str, position: int, nearest: str = "") -> None:
        super().__init__(message)
        self.position, self.nearest = position, nearest


class Conflict(IndelibleError):
    """This key was used before with another document; use a new key, or send the same document."""


class NotFound(IndelibleError):
    """There is no such thing in this log."""


class MalformedProof(IndelibleError):
    """These bytes are not a valid body, note, checkpoint or proof. The one family that parsing and checking raise."""


class KeyUnavailable(IndelibleError):
    """The master key is missing, or it is not the one that this database was made with."""


class StorageFailure(IndelibleError):
    """The database could not be read or written; nothing was recorded."""


class SigningRefused(IndelibleError):
    """The log and the head store disagree, so no checkpoint is signed."""
