"""Canonical JSON against the rfc8785 package, and what it refuses."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import InvalidInput, MalformedProof
from indelible.format import canonical

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(max_codepoint=127))
INTEGERS = st.integers(-canonical.LARGEST_INTEGER, canonical.LARGEST_INTEGER)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=30,
)


@given(JSON)
def test_encode_prints_what_the_reference_prints(value):
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(TEXTS | st.text(st.characters(max_codepoint=160)))
def test_a_single_text_is_printed_the_same(text):
    assert canonical.encode_text(text) == rfc8785.dumps(text)


@given(JSON)
def test_decode_is_the_inverse_of_encode(value):
    assert canonical.decode(canonical.encode(value)) == value


@given(JSON, st.sampled_from([None, 1, 2]), st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_decode_takes_no_other_spelling(value, indent, separators, ascii_only):
    other = json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only).encode()
    if other == canonical.encode(value):
        assert canonical.decode(other) == value
    else:
        with pytest.raises(MalformedProof):
            canonical.decode(other)


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:0123456789-+eE.\\utrefalsn \n\x00é').map(str.encode))
def test_decode_returns_or_raises_malformed_proof_for_any_bytes(data):
    try:
        value = canonical.decode(data)
    except MalformedProof:
        return
    assert rfc8785.dumps(value) == data


@given(JSON, st.data())
def test_one_changed_byte_is_refused_or_another_value(value, data):
    encoded = bytearray(canonical.encode(value))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    try:
        found = canonical.decode(bytes(encoded))
    except MalformedProof:
        return
    assert canonical.encode(found) == bytes(encoded)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}', b'{"b":1,"a":2}', b'{"a": 1}', b' 1', b"1\n", b"1.0", b"1e2", b"-0", b"01", b"+1", b"NaN",
        b"Infinity", b'"\\u0061"', b'"\\/"', b'"\\u00e9"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\xed\xa0\x80"',
        b'"\xff"', b"\xef\xbb\xbf1", b"", b"tru", b"'a'", b"[1,]", b"9007199254740992", b"-9007199254740992",
        b"123456789012345678901234567890", b"1E2", b"1e-2", b"[0.5]", b'["a",1e2]', b'["\\"",1.5]',
        b'{"\xc3\xa9":1}', b'"\t"', b'"\\u001F"',
    ],
)  # fmt: skip
def test_other_spellings_and_other_values_are_refused(data):
    with pytest.raises(MalformedProof):
        canonical.decode(data)


@pytest.mark.parametrize("name", ["é", "€", "\ue000", "\U00010000", "a\x80"])
def test_a_name_that_is_not_ascii_is_refused(name):
    # U+E000 and U+10000 are where byte order and the UTF-16 order of RFC 8785 part.
    with pytest.raises(InvalidInput, match="not plain ASCII"):
        canonical.encode({name: 1})


@pytest.mark.parametrize("name", [1, None, True, b"a", ("a",)])
def test_a_name_that_is_not_text_is_refused(name):
    with pytest.raises(InvalidInput, match="not plain ASCII"):
        canonical.encode({name: 1})


def test_integers_are_exact_up_to_2_to_the_53_less_1():
    largest = 2**53 - 1
    assert canonical.encode([largest, -largest]) == b"[9007199254740991,-9007199254740991]"
    for beyond in (largest + 1, -largest - 1, 2**64, -(2**80)):
        with pytest.raises(InvalidInput, match="beyond 2"):
            canonical.encode({"a": beyond})


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", "\ude00\ud83d"])
def test_a_lone_surrogate_is_refused_and_its_field_named(value):
    with pytest.raises(InvalidInput, match=r"^a\.0: .*lone surrogate"):
        canonical.encode({"a": [value]})
    with pytest.raises(InvalidInput, match="lone surrogate"):
        canonical.encode_text(value)


def test_a_character_beyond_the_first_plane_is_no_surrogate():
    assert canonical.encode("\U0001f600") == b'"\xf0\x9f\x98\x80"'


class _Text(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [1.0, float("nan"), (1,), {1}, b"a", 1j, object(), _Text("a")])
def test_what_json_without_floats_does_not_have_is_refused(value):
    with pytest.raises(InvalidInput, match=r"^a: "):
        canonical.encode({"a": value})


def nested(levels: int) -> object:
    value: object = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_depth_is_limited_in_both_directions_by_the_same_number():
    deepest = nested(canonical.DEPTH_LIMIT)
    assert canonical.decode(canonical.encode(deepest)) == deepest
    deeper = nested(canonical.DEPTH_LIMIT + 1)
    with pytest.raises(InvalidInput, match="nested deeper"):
        canonical.encode(deeper)
    with pytest.raises(MalformedProof):
        canonical.decode(json.dumps(deeper, separators=(",", ":")).encode())


@pytest.mark.parametrize("levels", [100, 1_000, 1_020, 1_030, 60_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_never_reaches_the_readers_stack(levels, opening, closing):
    with pytest.raises(MalformedProof):
        canonical.decode(opening * levels + b"1" + closing * levels)
