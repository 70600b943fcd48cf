"""The zip of a bundle has one spelling: whatever passes, every program takes the same files out of it."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib

import pytest

from indelible.errors import MalformedProof
from indelible.proof import archive, bundle
from indelible.proof.archive import Unpacker
from indelible.testing.bundles import pack

ORDER = bundle.order("selection")
FILES = {name: f"{name}\n".encode() * (number + 1) for number, name in enumerate(ORDER)}
FORGED = b"seq,amount\r\n1,0.01\r\n"


def read(data: bytes) -> dict[str, bytes]:
    """The files that our reader takes out of a zip, each read to its end."""
    unpacker = Unpacker(io.BytesIO(data), [ORDER])
    found = {}
    for name in unpacker.names:
        with unpacker.open(name) as file:
            found[name] = file.read()
    unpacker.finish()
    return found


def members(data: bytes) -> list[tuple[int, int, int]]:
    """(where its header begins, where its data begin, where they end) of each file."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        starts = [(one.header_offset, one.header_offset + 30 + len(one.filename)) for one in opened.infolist()]
        return [(at, start, start + one.compress_size) for (at, start), one in
                zip(starts, opened.infolist(), strict=True)]  # fmt: skip


GOOD = pack(FILES)


def test_what_we_print_is_read_again_and_by_every_program(extract, second_unzip):
    assert read(GOOD) == second_unzip(GOOD) == FILES
    assert extract(GOOD) == FILES


def test_a_large_file_reads_the_same_from_zip64(monkeypatch, extract):
    """A file of 4 GiB is not made here: the form is chosen from 1,000 bytes on instead, and is the same."""
    files = FILES | {"entries.jsonl": random.Random(1).randbytes(5_000), "key.txt": random.Random(2).randbytes(2_000)}
    monkeypatch.setattr(archive, "_FROM", 1_000)
    data = pack(files)
    assert b"PK\x06\x06" in data
    assert read(data) == files
    assert extract(data) == files
    monkeypatch.undo()
    with pytest.raises(MalformedProof):  # the form where it is not needed is another spelling
        read(data)


# Forgeries: each hides something from one reader that another one shows. (name, bytes)


def rebuilt(data: bytes, edit) -> bytes:
    """The zip with its local parts changed, and every offset of the directory moved along."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        infos = opened.infolist()
    spans = members(data)
    parts = [bytearray(data[at:end]) for at, _, end in spans]
    directory = bytearray(data[spans[-1][2] :])
    edit(parts, directory)
    at, place = 0, 0
    for part, one in zip(parts, infos, strict=True):
        place = directory.index(b"PK\x01\x02", place)
        directory[place + 42 : place + 46] = struct.pack("<I", at)
        place += 46 + len(one.filename)
        at += len(part)
    end = directory.rindex(b"PK\x05\x06")
    directory[end + 16 : end + 20] = struct.pack("<I", at)
    return b"".join(parts) + bytes(directory)


def deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(content) + stream.flush()


def local(name: str, content: bytes, data: bytes, flags: int = 0, extra: bytes = b"") -> bytes:
    fields = (20, flags, 8, 0, 0x21, zlib.crc32(content), len(data), len(content), len(name), len(extra))
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", *fields) + name.encode() + extra + data


def hidden_behind_the_stream() -> bytes:
    """Bytes behind the end of a stream, inside the packed size: rows that only some readers go on to."""

    def edit(parts, directory):
        more = deflated(FORGED)
        parts[1] += more
        packed = struct.unpack("<I", parts[1][18:22])[0] + len(more)
        parts[1][18:22] = struct.pack("<I", packed)
        place = directory.index(b"PK\x01\x02", 4)
        directory[place + 20 : place + 24] = struct.pack("<I", packed)

    return rebuilt(GOOD, edit)


def another_file_inside_a_member() -> bytes:
    """A whole member with a forged table behind the stream of another one: a reader of local headers shows it."""

    def edit(parts, directory):
        more = local("entries.csv", FORGED, deflated(FORGED))
        parts[0] += more
        packed = struct.unpack("<I", parts[0][18:22])[0] + len(more)
        parts[0][18:22] = struct.pack("<I", packed)
        directory[20:24] = struct.pack("<I", packed)

    return rebuilt(GOOD, edit)


def stored_longer_than_said() -> bytes:
    """A local header that says another size than the directory: a streaming reader goes by the first."""

    def edit(parts, directory):
        data = deflated(FORGED)
        parts[1] = bytearray(local("entries.csv", FORGED, data))

    return rebuilt(GOOD, edit)


def other_name_in_front() -> bytes:
    def edit(parts, directory):
        parts[1] = bytearray(bytes(parts[1]).replace(b"entries.csv", b"entries.bak", 1))

    return rebuilt(GOOD, edit)


def other_name_in_an_extra_field() -> bytes:
    """Info-ZIP's Unicode path: some programs name the file after it."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as opened:
        infos = opened.infolist()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for one in infos:
            info = zipfile.ZipInfo(one.filename, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            if one.filename == "entries.csv":
                name = b"README.txt"
                body = b"\x01" + struct.pack("<I", zlib.crc32(b"entries.csv")) + name
                info.extra = struct.pack("<2H", 0x7075, len(body)) + body
            made.writestr(info, FILES[one.filename])
    return out.getvalue()


def flags(bit: int):
    def made() -> bytes:
        def edit(parts, directory):
            parts[1][6:8] = struct.pack("<H", bit)
            place = directory.index(b"PK\x01\x02", 4)
            directory[place + 8 : place + 10] = struct.pack("<H", bit)

        return rebuilt(GOOD, edit)

    return made


def a_symbolic_link() -> bytes:
    def edit(parts, directory):
        place = directory.index(b"PK\x01\x02", 4)
        directory[place + 4 : place + 6] = struct.pack("<H", 3 << 8 | 20)  # made on Unix
        directory[place + 38 : place + 42] = struct.pack("<I", 0o120777 << 16)

    return rebuilt(GOOD, edit)


def stored() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in FILES.items():
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def unseekable() -> bytes:
    """Sizes behind the data, as a program writes them that cannot seek."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.data += data
            return len(data)

    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in FILES.items():
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return bytes(out.data)


def twice_in_the_directory() -> bytes:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as made, pytest.warns(UserWarning):
        made.writestr("entries.csv", FORGED)
    return out.getvalue()


def with_comment() -> bytes:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as made:
        made.comment = b"PK\x05\x06" + bytes(18)
    return out.getvalue()


def with_comment_of_a_member() -> bytes:
    def edit(parts, directory):
        place = directory.index(b"PK\x01\x02", 4) + 46 + len("entries.csv")
        directory[place:place] = b"hello"
        directory[place - len("entries.csv") - 14 : place - len("entries.csv") - 12] = struct.pack("<H", 5)

    return rebuilt(GOOD, edit)


def two_ends() -> bytes:
    other = pack(FILES | {"entries.csv": FORGED})
    return other + GOOD


def another_order() -> bytes:
    return pack(dict(sorted(FILES.items())))


FORGERIES = [
    hidden_behind_the_stream, another_file_inside_a_member, stored_longer_than_said, other_name_in_front,
    other_name_in_an_extra_field, a_symbolic_link, stored, unseekable, twice_in_the_directory, with_comment,
    with_comment_of_a_member, two_ends, another_order,
    *(flags(1 << bit) for bit in (0, 3, 5, 6, 11, 13)),
    lambda: b"x" + GOOD, lambda: GOOD + b"x", lambda: GOOD[:-1], lambda: b"", lambda: b"PK\x05\x06" + bytes(18),
    lambda: pack(FILES | {"../key.txt": b"x"}), lambda: pack(FILES | {"ENTRIES.CSV": b"x"}),
    lambda: pack({name: FILES[name] for name in ORDER[1:]}), lambda: pack(FILES | {"entries.csv": bytes(200_000_000)}),
]  # fmt: skip


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_zip_that_can_be_read_in_two_ways_is_no_bundle(forge, second_unzip):
    data = forge()
    with pytest.raises(MalformedProof) as caught:
        read(data)
    assert "\n" not in str(caught.value)
    assert second_unzip(data) is None


def test_no_byte_of_a_zip_can_be_changed_unless_nobody_unpacks_another_byte(extract):
    """One bit at a time: what still passes is the same content for our reader, and a sample of it for the program."""
    passed = []
    for place in range(len(GOOD)):
        for bit in range(8):
            data = bytearray(GOOD)
            data[place] ^= 1 << bit
            try:
                assert read(bytes(data)) == FILES
            except MalformedProof:
                continue
            passed.append(bytes(data))
    assert passed  # the last bits of a stream mean nothing
    for same in random.Random(3).sample(passed, min(6, len(passed))):
        assert extract(same) == FILES


def test_bytes_put_in_or_taken_out_anywhere_are_noticed():
    rng = random.Random(4)
    for place in range(0, len(GOOD), 3):
        for data in (GOOD[:place] + rng.randbytes(rng.randint(1, 40)) + GOOD[place:],
                     GOOD[:place] + GOOD[place + rng.randint(1, 9) :], GOOD[:place]):  # fmt: skip
            if data != GOOD:
                with pytest.raises(MalformedProof):
                    read(data)


def test_a_file_that_nobody_reads_is_checked_at_the_end():
    data = bytearray(GOOD)
    _, start, end = members(GOOD)[-1]
    data[(start + end) // 2] ^= 0x10
    unpacker = Unpacker(io.BytesIO(bytes(data)), [ORDER])
    with pytest.raises(MalformedProof, match=r"key\.txt"):
        unpacker.finish()
