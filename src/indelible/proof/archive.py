"""The zip of a bundle: one spelling for each list of files, so that every program takes the same files out of it.

    zip       = member, ... directory entry, ... end           each of the files in the order of `bundle.order`
    member    = local header, name, extra, data                one directly behind the other, from the first byte on
    data      = one raw deflate stream (RFC 1951) that ends with its last byte

Two programs that read a zip may see two different lists of files: one goes by the headers in front of the files, the
other by the directory behind them; one reads on behind the end of a stream, the other takes another name from an extra
field. So nothing here is free but the content. All numbers are little-endian; both headers of a file say the same:

    local header      "PK\\3\\4" version=20|45 flags=0 method=8 time=0 date=0x21 crc packed size name extra
    directory entry   "PK\\1\\2" made=20|45 version=20|45 flags=0 method=8 time=0 date=0x21 crc packed size name extra
                      comment=0 disk=0 internal=0 external=0 offset
    end               "PK\\5\\6" 0 0 count count length offset 0

    size, packed      u32, bytes of the file and of its data; date=0x21 is 1 January 1980, the earliest that a zip has
    name              u16, length of the name in ASCII; extra: u16, length of the extra field
    count             u16 how many files; length, offset: u32, of the directory

Where a size or an offset is 2^32 - 1 or more, and only there, a file has the ZIP64 form (PKWARE APPNOTE 4.5.3): version
45, 0xffffffff in the place of the number, and as extra field `0x0001 u16(length) u64 ...` with what was replaced, in
this order: size and packed (always both), then in the directory the offset. Where length or offset of the directory
needs it, "PK\\6\\6" and "PK\\6\\7" stand before the end, which then has 0xffffffff for both.

`Unpacker` reads the numbers, prints with them what `Packer` would print, and accepts only that.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, BinaryIO, NamedTuple

from ..errors import MalformedProof

# Stands in the place of a number that is in the extra field, and the first number that must be there.
_WIDE = _FROM = 0xFFFFFFFF
_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_DATE = 0x21
_CHUNK = 1 << 16
# No list of entries packs better than by 20, since ids, hashes and salts are random. More than this is a bomb.
RATIO_LIMIT = 100
_SMALL = 1 << 20


class Entry(NamedTuple):
    """What both headers say of a file. `offset` is that of its local header."""

    name: str
    crc: int
    packed: int
    size: int
    offset: int


def local_header(one: Entry) -> bytes:
    """Return what stands in front of a file's data: header, name, extra."""
    extra, version, size, packed = _wide_sizes(one)
    name = one.name.encode("ascii")
    fields = (b"PK\x03\x04", version, 0, 8, 0, _DATE, one.crc, packed, size, len(name), len(extra))
    return _LOCAL.pack(*fields) + name + extra


def directory_entry(one: Entry) -> bytes:
    """Return a file's entry in the directory: header, name, extra."""
    extra, version, size, packed = _wide_sizes(one)
    offset = one.offset
    if offset >= _FROM:
        wide = extra[4:] + struct.pack("<Q", offset)
        extra, version, offset = struct.pack("<2H", 1, len(wide)) + wide, 45, _WIDE
    name = one.name.encode("ascii")
    fields = (version, version, 0, 8, 0, _DATE, one.crc, packed, size, len(name), len(extra), 0, 0, 0, 0, offset)
    return _ENTRY.pack(b"PK\x01\x02", *fields) + name + extra


def _wide_sizes(one: Entry) -> tuple[bytes, int, int, int]:
    """extra field, version, size and packed size as the fixed part of a header has them."""
    if max(one.size, one.packed) < _FROM:
        return b"", 20, one.size, one.packed
    return struct.pack("<2H2Q", 1, 16, one.size, one.packed), 45, _WIDE, _WIDE


def end(count: int, length: int, offset: int) -> bytes:
    """Return what stands behind the directory."""
    wide = b""
    if max(length, offset) >= _FROM:
        wide = _END_64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, offset)
        wide += _LOCATOR_64.pack(b"PK\x06\x07", 0, offset + length, 1)
        length = offset = _WIDE
    return wide + _END.pack(b"PK\x05\x06", 0, 0, count, count, length, offset, 0)


class Packer:
    """Writes a zip to an output that need not be sought in. `spool` gives an unnamed file for the data of one file."""

    def __init__(self, out: BinaryIO, spool: Callable[[], IO[bytes]]) -> None:
        self._out, self._spool = out, spool
        self._entries: list[Entry] = []
        self._at = 0

    @contextmanager
    def file(self, name: str) -> Iterator[io.RawIOBase]:
        """Give a file to write one file's bytes to; they are in the zip when the block has ended without an error."""
        with self._spool() as spool:
            stream = _Deflating(spool)
            yield stream
            stream.finish()
            one = Entry(name, stream.crc, stream.packed, stream.size, self._at)
            self._put(local_header(one))
            spool.seek(0)
            while data := spool.read(_CHUNK):
                self._put(data)
            self._entries.append(one)

    def close(self) -> None:
        """Write the directory."""
        offset = self._at
        for one in self._entries:
            self._put(directory_entry(one))
        self._put(end(len(self._entries), self._at - offset, offset))

    def _put(self, data: bytes) -> None:
        self._out.write(data)
        self._at += len(data)


class _Deflating(io.RawIOBase):
    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._deflate = out, zlib.compressobj(6, zlib.DEFLATED, -15)
        self.crc = self.packed = self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # whatever has bytes
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)
        self._put(self._deflate.compress(data))
        return len(data)

    def finish(self) -> None:
        self._put(self._deflate.flush())

    def _put(self, data: bytes) -> None:
        self.packed += len(data)
        self._out.write(data)


class Unpacker:
    """Reads a zip that `Packer` could have printed. Raises MalformedProof for any other bytes.

    Headers are checked at once, each file's data as it is read; `finish` checks those that nobody read to their end.
    """

    def __init__(self, file: BinaryIO, orders: Sequence[Sequence[str]]) -> None:
        """`orders` are the lists of files, by name and in order, of which the zip must have one."""
        self._file = file
        entries = _directory(file)
        names = [one.name for one in entries]
        if names not in [list(order) for order in orders]:
            raise MalformedProof(_wrong_names(names, orders))
        at = 0
        for one in entries:
            header = local_header(one)
            if one.offset != at or _read_at(file, at, len(header)) != header:
                raise MalformedProof(
                    f"the zip says one thing of {one.name} in its directory and another in front of the file"
                )
            at += len(header) + one.packed
        written = b"".join(map(directory_entry, entries))
        written += end(len(entries), len(written), at)
        if _read_at(file, at, len(written) + 1) != written:
            raise MalformedProof("the zip holds something else before, between or behind its files")
        self._entries = {one.name: one for one in entries}
        self._unread = set(names)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Give a file to read. Raises MalformedProof where its data are not one stream of its size and checksum."""
        one = self._entries[name]
        if one.size > RATIO_LIMIT * one.packed + _SMALL:
            raise MalformedProof(f"{name} unpacks to more than {RATIO_LIMIT} times its size; no list of entries does")
        start = one.offset + len(local_header(one))
        with io.BufferedReader(_Inflating(self._file, one, start, self._unread), _CHUNK) as reader:
            yield reader

    def finish(self) -> None:
        """Read every file to its end that was not read so far."""
        for name in sorted(self._unread):
            with self.open(name) as file:
                while file.read(_CHUNK):
                    pass


class _Inflating(io.RawIOBase):
    """The bytes of one file. Several may be read in turn, so each goes to its own place before it reads."""

    def __init__(self, file: BinaryIO, one: Entry, start: int, unread: set[str]) -> None:
        self._file, self._one, self._unread = file, one, unread
        self._at, self._end = start, start + one.packed
        self._inflate = zlib.decompressobj(-15)
        self._crc = self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # a buffer has no name in Python 3.11
        data = b""
        while not data and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._next()
            try:
                data = self._inflate.decompress(packed, len(buffer))
            except zlib.error as error:
                raise self._wrong() from error
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        if self._size > self._one.size:
            raise self._wrong()
        if not data:
            whole = self._at == self._end and not self._inflate.unused_data and not self._inflate.unconsumed_tail
            if not whole or (self._size, self._crc) != (self._one.size, self._one.crc):
                raise self._wrong()
            self._unread.discard(self._one.name)
        buffer[: len(data)] = data
        return len(data)

    def _next(self) -> bytes:
        data = _read_at(self._file, self._at, min(_CHUNK, self._end - self._at))
        if not data:
            raise self._wrong()
        self._at += len(data)
        return data

    def _wrong(self) -> MalformedProof:
        return MalformedProof(f"{self._one.name} is damaged in the zip, or is not what its headers say")


def _directory(file: BinaryIO) -> list[Entry]:
    """The entries of the directory as they stand there; whether they are written rightly is not checked here."""
    length = file.seek(0, io.SEEK_END)
    try:
        signature, *_, count, _, size, offset, comment = _END.unpack(_read_at(file, length - _END.size, _END.size))
        if signature != b"PK\x05\x06" or comment:
            raise MalformedProof("the file is not a bundle: it is no zip, or holds something else behind its files")
        if offset == _WIDE or size == _WIDE:
            at = length - _END.size - _LOCATOR_64.size - _END_64.size
            *_, size, offset = _END_64.unpack(_read_at(file, at, _END_64.size))
        if count > _MOST or size > _MOST * (_ENTRY.size + _LONGEST):
            raise MalformedProof("the zip holds more files than a bundle has")
        return [*_entries(_read_at(file, offset, size), count)]
    except (struct.error, UnicodeDecodeError, OSError, ValueError) as error:
        raise MalformedProof("the file is not a bundle, or a damaged one") from error


# A directory of more files, or with longer names and extra fields, is no bundle's.
_MOST, _LONGEST = 32, 96


def _entries(directory: bytes, count: int) -> Iterator[Entry]:
    at = 0
    for _ in range(count):
        fields = _ENTRY.unpack_from(directory, at)
        crc, packed, size, name_length, extra_length, offset = *fields[7:12], fields[-1]
        at += _ENTRY.size
        name = directory[at : at + name_length].decode("ascii")
        extra = directory[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length
        wide = [number for (number,) in struct.iter_unpack("<Q", extra[4:])]
        if size == _WIDE or packed == _WIDE:
            size, packed, *wide = wide
        if offset == _WIDE:
            offset, *wide = wide
        yield Entry(name, crc, packed, size, offset)


def _read_at(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _wrong_names(found: Sequence[str], orders: Sequence[Sequence[str]]) -> str:
    known = {name for order in orders for name in order}
    if len(found) != len(set(found)):
        return "the bundle has two files of one name"
    if not known.issuperset(found):
        return "the bundle has a file that does not belong into one"
    missing = min((set(order) - set(found) for order in orders), key=len)
    return f"the bundle has no file {min(missing)}" if missing else "the files of the bundle stand in another order"
