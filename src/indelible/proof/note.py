"""The signed note of C2SP (c2sp.org/signed-note, v1.0.0), with Ed25519 keys.

    note      = text LF signature-line...          one or more lines; the last empty line of a note ends its text
    text      = UTF-8 without control characters below U+0020 other than LF; ends with LF; may hold empty lines
    line      = U+2014 SP name SP base64(key id (4 bytes) || signature) LF
    name      = one or more characters, none of them white space, a control character or "+"
    signature = Ed25519 over the text with its last LF, without the empty line; 64 bytes
    key id    = first 4 bytes of SHA-256(name || LF || 0x01 || public key (32 bytes))
    vkey      = name "+" key id in 8 lower-case hex digits "+" base64(0x01 || public key)

base64 is the standard alphabet with padding (RFC 4648 section 4), and only the one spelling that an encoder prints.

A line is known where a verifier has its name and its key id. `open` checks every known line, wants at least one,
refuses a key that signed twice, and leaves out the lines that it does not know: those may be of other kinds (a
cosignature, an ECDSA key), so nothing can be said about them. `decode` is the strict inverse of `encode` and checks no
signature.

Everything here raises MalformedProof, and nothing else, for bytes and texts that are not as above.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..errors import MalformedProof

LARGEST_NOTE = 1_000_000  # bytes; what Go's note package reads. A checkpoint with 100 signatures is below 20,000
MOST_SIGNATURES = 100  # lines; what Go's note package reads. The specification asks for 16 at least
KEY_ID_SIZE = 4
KEY_SIZE = 32  # of an Ed25519 public key, and of the seed of a private key (RFC 8032 section 5.1)

_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Verifier:
    """The name of a signer and its 32-byte Ed25519 public key."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if type(self.public_key) is not bytes or len(self.public_key) != KEY_SIZE:
            raise MalformedProof("an Ed25519 public key is 32 bytes")

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand for this name and key in a signature line (signed-note, "Signatures")."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:KEY_ID_SIZE]

    def check(self, text: str, signature: bytes) -> None:
        """Return if the 64-byte `signature` is this key's over `text`. Raises MalformedProof if not."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError, TypeError) as error:
            raise MalformedProof("a signature does not fit the text and the key") from error

    def encode(self) -> str:
        """Return the vkey, the text form that a log hands out."""
        return f"{self.name}+{self.key_id.hex()}+{_encode_base64(_ED25519 + self.public_key)}"

    @classmethod
    def decode(cls, vkey: str) -> Verifier:
        """Return the verifier of a vkey. Raises MalformedProof also for a wrong key id and for other kinds of key."""
        parts = vkey.split("+", 2)  # base64 may hold a "+"
        if len(parts) != 3:
            raise MalformedProof("a vkey is name+id+key")
        key = decode_base64(parts[2])
        if key[:1] != _ED25519:
            raise MalformedProof("the key is not an Ed25519 key (type 0x01)")
        verifier = cls(parts[0], key[1:])
        if verifier.encode() != vkey:
            raise MalformedProof("the key id of the vkey is not that of its name and key")
        return verifier


def fingerprint(vkey: str) -> str:
    """Return what people compare of a vkey: half of its SHA-256, 128 bits, as eight groups of hexadecimal digits."""
    digits = sha256(vkey.encode()).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


@dataclass(frozen=True, slots=True)
class Signer:
    """The name of a signer and the 32-byte seed of its Ed25519 private key, which is secret."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if type(self.seed) is not bytes or len(self.seed) != KEY_SIZE:
            raise MalformedProof("the seed of an Ed25519 key is 32 bytes")

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self._private_key().public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """Return this key's signature line for `text`."""
        return Signature(self.name, self.verifier.key_id, self._private_key().sign(text.encode()))

    def _private_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the signer's name, the 4-byte key id, and the signature (64 bytes where it is Ed25519)."""

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if type(self.key_id) is not bytes or len(self.key_id) != KEY_ID_SIZE:
            raise MalformedProof("a key id is 4 bytes")
        if type(self.signature) is not bytes or not self.signature:
            raise MalformedProof("a signature is one byte or more")

    def encode(self) -> str:
        """Return the line without its LF."""
        return f"{_DASH}{self.name} {_encode_base64(self.key_id + self.signature)}"

    @classmethod
    def decode(cls, line: str) -> Signature:
        """Return the signature of one line without its LF. Raises MalformedProof."""
        parts = line.removeprefix(_DASH).split(" ")
        if not line.startswith(_DASH) or len(parts) != 2:
            raise MalformedProof("a signature line is a long dash, a name and base64, with one space between")
        payload = decode_base64(parts[1])
        return cls(parts[0], payload[:KEY_ID_SIZE], payload[KEY_ID_SIZE:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with LF, and its signatures in the order of their lines (1 to MOST_SIGNATURES)."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not 1 <= len(self.signatures) <= MOST_SIGNATURES:
            raise MalformedProof(f"a note has 1 to {MOST_SIGNATURES} signature lines")


def encode(note: Note) -> bytes:
    """Return the bytes of the note. Raises MalformedProof where they would be more than LARGEST_NOTE."""
    lines = "".join(f"{signature.encode()}\n" for signature in note.signatures)
    data = f"{note.text}\n{lines}".encode()
    if len(data) > LARGEST_NOTE:
        raise MalformedProof(f"a note is at most {LARGEST_NOTE} bytes")
    return data


def decode(data: bytes) -> Note:
    """Return the note that `encode` wrote as `data`, its signatures **not checked**. Raises MalformedProof."""
    if type(data) is not bytes or len(data) > LARGEST_NOTE:
        raise MalformedProof(f"a note is at most {LARGEST_NOTE} bytes")
    try:
        text, blank, lines = data.decode("utf-8").rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise MalformedProof("a note is UTF-8") from error
    if not blank or not lines.endswith("\n"):
        raise MalformedProof("a note is a text, an empty line and signature lines, each ended by LF")
    return Note(text + "\n", tuple(map(Signature.decode, lines[:-1].split("\n"))))


def sign(text: str, *signers: Signer) -> bytes:
    """Return the note of `text`, which ends with LF, signed by each signer in this order.

    Raises MalformedProof where the text or the number of signers cannot make a note, or a signer is given twice.
    """
    _check_text(text)
    signatures = tuple(signer.sign(text) for signer in signers)
    if len({(line.name, line.key_id) for line in signatures}) != len(signatures):
        raise MalformedProof("a key signs a note once")
    return encode(Note(text, signatures))


def open(data: bytes, *verifiers: Verifier) -> Note:
    """Return the text of a note with the signatures that were checked, and only those.

    Raises MalformedProof where no verifier's signature is there, where any of theirs is wrong or there twice, and where
    two verifiers have the same name and key id.
    """
    note = decode(data)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(known) != len(verifiers):
        raise MalformedProof("two verifiers have the same name and key id")
    lines = [line for line in note.signatures if (line.name, line.key_id) in known]
    if not lines:
        raise MalformedProof("the note has no signature by a known key")
    if len({(line.name, line.key_id) for line in lines}) != len(lines):
        raise MalformedProof("a known key signed the note more than once")
    for line in lines:
        known[line.name, line.key_id].check(note.text, line.signature)
    return Note(note.text, tuple(lines))


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 with padding, in the spelling that an encoder prints. Raises MalformedProof.

    The library alone accepts several spellings of the same bytes: the unused bits of the last character may be set.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise MalformedProof("not base64") from error
    if _encode_base64(data) != text:
        raise MalformedProof("base64, but not in the spelling that an encoder prints")
    return data


def _encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _check_name(name: str) -> None:
    if type(name) is not str or not name or any(c.isspace() or c < " " or c == "+" for c in name):
        raise MalformedProof('a key name is not empty and has no white space, control character or "+"')
    _check_unicode(name)


def _check_text(text: str) -> None:
    if type(text) is not str or not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise MalformedProof("the text of a note ends with LF and has no other control characters")
    _check_unicode(text)


def _check_unicode(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedProof("a note holds whole Unicode characters only") from error
