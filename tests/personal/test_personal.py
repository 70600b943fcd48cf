"""Sealed rows: they open at their own place with their own key, and any other bytes are Unreadable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible import canonical
from indelible.errors import KeyUnavailable
from indelible.personal import Opened, Sealer, Unreadable

ID, TOKEN, SEED = b"i" * 16, b"t" * 16, b"s" * 32
SEALER = Sealer({1: b"k" * 32}, b"l" * 32)
OTHER = Sealer({1: b"K" * 32}, b"L" * 32)
VALUES = st.dictionaries(st.text(st.characters(max_codepoint=127)), st.text(st.characters(exclude_categories=["Cs"])))


@given(VALUES)
def test_values_come_back_with_their_seed(values):
    sealed = SEALER.seal_values(ID, TOKEN, "identity", SEED, canonical.encode(values))
    assert SEALER.open_values(ID, TOKEN, "identity", sealed) == Opened(SEED, values)


def test_the_same_values_are_never_sealed_to_the_same_bytes():
    rows = {SEALER.seal_values(ID, TOKEN, "identity", SEED, b"{}") for _ in range(100)}
    assert len(rows) == 100


@pytest.mark.parametrize(
    "place",
    [(b"j" * 16, TOKEN, "identity"), (ID, b"u" * 16, "identity"), (ID, TOKEN, "network"), (TOKEN, ID, "identity")],
)
def test_values_do_not_open_at_another_place(place: tuple[bytes, bytes, str]) -> None:
    sealed = SEALER.seal_values(ID, TOKEN, "identity", SEED, b"{}")
    with pytest.raises(Unreadable):
        SEALER.open_values(*place, sealed)


def test_values_do_not_open_with_another_clinics_key_or_as_a_person():
    sealed = SEALER.seal_values(ID, TOKEN, "identity", SEED, b"{}")
    with pytest.raises(Unreadable):
        OTHER.open_values(ID, TOKEN, "identity", sealed)
    with pytest.raises(Unreadable):
        SEALER.open_person(TOKEN, sealed)
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", SEALER.seal_person(TOKEN, {"id": "x"}))


@given(st.binary(max_size=100) | st.binary(max_size=60).map(lambda tail: b"\x01\x00\x00\x00\x01" + tail))
def test_any_bytes_are_unreadable(sealed):
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", sealed)
    with pytest.raises(Unreadable):
        SEALER.open_person(TOKEN, sealed)


@given(st.data())
def test_a_changed_bit_is_noticed(data):
    sealed = bytearray(SEALER.seal_values(ID, TOKEN, "identity", SEED, b'{"actor.name":"Ana"}'))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", bytes(sealed))


@pytest.mark.parametrize("plain", [b"", b"short", SEED, SEED + b"[]", SEED + b"null", SEED + b"{", SEED + b"\xff"])
def test_what_was_sealed_by_a_damaged_writer_is_unreadable(plain):
    sealed = SEALER.seal_values(ID, TOKEN, "identity", plain[:32], plain[32:])
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", sealed)


def test_after_a_rotation_old_rows_open_and_new_ones_are_under_the_new_key():
    old = SEALER.seal_values(ID, TOKEN, "identity", SEED, b"{}")
    rotated = Sealer({1: b"k" * 32, 2: b"n" * 32}, b"l" * 32)
    new = rotated.seal_values(ID, TOKEN, "identity", SEED, b"{}")
    assert rotated.open_values(ID, TOKEN, "identity", old) == rotated.open_values(ID, TOKEN, "identity", new)
    assert int.from_bytes(new[1:5], "big") == 2
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", new)


def test_without_a_data_key_nothing_opens():
    with pytest.raises(KeyUnavailable, match="data keys were destroyed"):
        Sealer({}, b"l" * 32)


def test_a_look_up_tells_realms_ids_and_clinics_apart():
    found = {
        SEALER.find_person("staff", "1"), SEALER.find_person("client", "1"), SEALER.find_person("client", "11"),
        OTHER.find_person("staff", "1"), SEALER.find("key", "1"), SEALER.find("evidence", "1"),
    }  # fmt: skip
    assert len(found) == 6
    assert SEALER.find_person("staff", "1") == Sealer({9: bytes(32)}, b"l" * 32).find_person("staff", "1")


def test_keys_are_not_printed():
    assert "kkkk" not in repr(SEALER)
    assert "llll" not in repr(SEALER)
