"""The master key, the clinic keys that it wraps, and what else is sealed under it.

The master key is 32 random bytes, written `indelible-master-key-1:` and 64 hexadecimal digits on one line of a file
that only its owner may read. It is not in the database. It wraps, with AES-256-GCM, two kinds of clinic key:

    lookup   HMAC-SHA256 key from which names, and what idempotency keys and evidence ids are found by, follow
    signing  seed of the clinic's Ed25519 key, which signs its checkpoints

    wrapped = 0x01 || nonce[12] || AES-256-GCM(master key, nonce, key, place)
    place   = "indelible/key/v1" 0x00 clinic id 0x00 kind 0x00 number

Whatever else is sealed under it is sealed in the same way, for a place of its own, without the first byte.

Who loses the master key can read no name and sign nothing; the bodies and the proofs made before stay as they are.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import KeyUnavailable

KEY_BYTES = 32
_PREFIX = "indelible-master-key-1:"
_TEXT = re.compile(r"indelible-master-key-1:([0-9a-f]{64})", re.ASCII)
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{48}", re.ASCII)  # no file is called so, and a key with a typing error is
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The installation's master key: 32 bytes that are never printed."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell one master key from another and give nothing of it away."""
        return hashlib.sha256(b"indelible/master-key-fingerprint/v1\x00" + self.secret).hexdigest()[:16]

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Return nonce, ciphertext and tag of `plain`, sealed under the master key for one place; `open` undoes it.

        `place` begins with what is sealed and in which version, so that no two kinds of thing have the same one.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.secret).encrypt(nonce, plain, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return what was sealed. Raises KeyUnavailable where it was changed, or sealed for another place or key."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self.secret).decrypt(nonce, ciphertext, place)
        except (InvalidTag, ValueError) as error:  # ValueError: too short for a nonce
            raise KeyUnavailable("what is sealed here does not open with this master key") from error

    def wrap(self, key: bytes, clinic_id: str, kind: str, number: int) -> bytes:
        """Return `key` sealed under the master key for one place; `unwrap` is its inverse."""
        return b"\x01" + self.seal(key, _place(clinic_id, kind, number))

    def unwrap(self, wrapped: bytes, clinic_id: str, kind: str, number: int) -> bytes:
        """Return the key. Raises KeyUnavailable where the wrapping was changed or made with another master key."""
        if wrapped[:1] != b"\x01":
            raise KeyUnavailable(
                f"the {kind} key of clinic {clinic_id} is wrapped in a form this version does not know"
            )
        try:
            return self.open(wrapped[1:], _place(clinic_id, kind, number))
        except KeyUnavailable as error:
            raise KeyUnavailable(f"the {kind} key of clinic {clinic_id} does not open with this master key") from error


def _place(clinic_id: str, kind: str, number: int) -> bytes:
    return b"indelible/key/v1\x00" + f"{clinic_id}\x00{kind}\x00{number}".encode()


def parse(text: str, source: str) -> MasterKey:
    """Return the master key written in `text`; `source` names it in the error."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise KeyUnavailable(f"{source} does not hold a master key ({_PREFIX} and 64 hexadecimal digits)")
    return MasterKey(bytes.fromhex(match[1]))


def create(path: Path) -> MasterKey:
    """Make a new master key in a new file that only its owner may read (mode 0600), and return it."""
    key = MasterKey(secrets.token_bytes(KEY_BYTES))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{_PREFIX}{key.secret.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyUnavailable(f"the master key could not be written to {path}: {error.strerror}") from error
    return key


def load(setting: str | None, default: Path) -> MasterKey:
    """Return the master key: `setting` is the key's text or a file's path; without it the file `default` is read."""
    if setting is not None and not isinstance(setting, str):
        raise KeyUnavailable("the master key must be text, the key's own or the path of its file")
    if setting is not None and setting.strip().startswith(_PREFIX):
        return parse(setting, "INDELIBLE_MASTER_KEY")
    if setting is not None and _HEXADECIMAL.search(setting):
        # Shown in an error as the path of a missing file, it would give the key away.
        raise KeyUnavailable(f"INDELIBLE_MASTER_KEY is neither a path nor a master key ({_PREFIX} and 64 digits)")
    path = Path(setting) if setting else default
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except FileNotFoundError as error:
        raise KeyUnavailable(
            f"the master key is not at {path}; put it back there, or set INDELIBLE_MASTER_KEY to the key or its path"
        ) from error
    except (OSError, ValueError) as error:  # also a name that no file can have, and text that is not ASCII
        raise KeyUnavailable(f"the master key at {path} cannot be read; check the file and who may read it") from error
    # systemd hands a credential out in a folder that no other user gets into, and shows its reader as a group (an ACL).
    others = 0o007 if _is_credential(path) else 0o077
    if mode & others:
        raise KeyUnavailable(f"the master key at {path} can be read by others; run: chmod 600 {path}")
    return parse(text, str(path))


def _is_credential(path: Path) -> bool:
    """Whether a file is one that systemd gave to this service (LoadCredential=, systemd.exec(5))."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.parent == Path(str(folder)) and not path.parent.stat().st_mode & 0o007
