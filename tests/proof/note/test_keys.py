"""Verifier and signer keys: the vkey text, the key id, and that a seed never shows."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof.note import Signer, Verifier, decode_base64

# The worked example of c2sp.org/signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def test_the_vkey_of_the_specification_decodes_and_encodes_to_itself() -> None:
    verifier = Verifier.decode(VKEY)
    assert (verifier.name, verifier.key_id.hex(), len(verifier.public_key)) == ("example.com/foo", "530d903a", 32)
    assert verifier.encode() == VKEY


def test_the_public_key_is_that_of_the_seed() -> None:
    # RFC 8032 section 7.1, test 1.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert Signer("a", seed).verifier.public_key.hex() == public


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("530d903a", "30d903a"),
        VKEY.replace("example.com/foo", "example.com/bar"),
        VKEY.replace("example.com/foo", ""),
        VKEY.replace("foo", "f o"),
        VKEY.replace("foo", "f\x01o"),
        VKEY.replace("foo", "f\ud800o"),
        VKEY + "\n",
        " " + VKEY,
        VKEY[:-4],
        VKEY[:-1],
        VKEY[:-1] + "!",
        VKEY + "AAAA",
    ],
)
def test_a_vkey_that_no_encoder_prints_is_refused(vkey: str) -> None:
    with pytest.raises(MalformedProof):
        Verifier.decode(vkey)


def test_a_key_of_another_kind_is_refused_as_such() -> None:
    cosigner = "witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN"  # type 0x04
    with pytest.raises(MalformedProof, match="not an Ed25519 key"):
        Verifier.decode(cosigner)


@given(st.text())
def test_any_text_is_refused_as_vkey_with_malformed_proof_or_encodes_to_itself(text: str) -> None:
    for vkey in (text, VKEY + text, text + VKEY, VKEY[: len(text)] + text + VKEY[len(text) :]):
        with contextlib.suppress(MalformedProof):
            assert Verifier.decode(vkey).encode() == vkey


def test_keys_of_another_length_and_names_that_no_line_can_hold_are_refused() -> None:
    for size in (0, 31, 33, 64):
        for kind in (Signer, Verifier):
            with pytest.raises(MalformedProof):
                kind("name", bytes(size))
    for name in ("", "a b", "a+b", "a\nb", "a\x01b", "a\N{IDEOGRAPHIC SPACE}b", "\ud800"):
        for kind in (Signer, Verifier):
            with pytest.raises(MalformedProof):
                kind(name, bytes(32))


def test_a_signer_does_not_show_its_seed() -> None:
    assert "seed" not in repr(Signer("name", b"s" * 32))
    assert "ssss" not in repr(Signer("name", b"s" * 32))


@pytest.mark.parametrize(
    "text", ["AB==", "AAB=", "AA", "AA=", "A", "AA==\n", " AA==", "AA== ", "A-__", "AAAA=", "ÄAAA", "AA==AA=="]
)
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(MalformedProof):
        decode_base64(text)


@given(st.text("AB/+=Q\n "))
def test_any_base64_that_is_read_is_what_an_encoder_prints(text: str) -> None:
    with contextlib.suppress(MalformedProof):
        assert base64.b64encode(decode_base64(text)).decode() == text
