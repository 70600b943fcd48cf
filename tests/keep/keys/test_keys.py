"""The master key's file, and the clinic keys that it wraps."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import KeyUnavailable
from indelible.keep import keys
from indelible.keep.keys import MasterKey

KEY = MasterKey(bytes(range(32)))
TEXT = "indelible-master-key-1:" + bytes(range(32)).hex()


def test_a_new_key_is_in_a_file_of_mode_0600_and_comes_back(tmp_path):
    made = keys.create(tmp_path / "a.key")
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert keys.load(None, tmp_path / "a.key") == made
    assert len(made.secret) == 32
    assert keys.create(tmp_path / "b.key") != made


def test_a_key_is_never_written_over(tmp_path):
    made = keys.create(tmp_path / "a.key")
    with pytest.raises(KeyUnavailable, match="could not be written"):
        keys.create(tmp_path / "a.key")
    assert keys.load(None, tmp_path / "a.key") == made


def test_a_symbolic_link_is_not_followed_to_make_a_key(tmp_path):
    (tmp_path / "a.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyUnavailable):
        keys.create(tmp_path / "a.key")
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_may_be_given_as_text_with_white_space_around_it(tmp_path):
    assert keys.load(f" {TEXT}\n", tmp_path / "none") == KEY


@pytest.mark.parametrize(
    "setting", [TEXT[:-1], TEXT + "0", TEXT.upper(), TEXT[23:], "1" + TEXT[24:], "A" * 64, TEXT.replace(":", " ")]
)
def test_a_key_with_a_typing_error_is_never_shown(tmp_path, setting):
    with pytest.raises(KeyUnavailable) as raised:
        keys.load(setting, tmp_path / "none")
    assert setting[30:60] not in str(raised.value)


@pytest.mark.parametrize("setting", ["/no/such/file", "relative.key", "0123456789abcdef"])
def test_a_path_where_no_key_is_is_named(tmp_path, setting):
    with pytest.raises(KeyUnavailable, match=f"not at {setting}"):
        keys.load(setting, tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\x00" * 80, TEXT.encode() + b"\n" + TEXT.encode()])
def test_a_file_without_a_key_is_one_sentence(tmp_path, content):
    path = tmp_path / "a.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnavailable, match=r"does not hold a master key|cannot be read"):
        keys.load(None, path)


def test_a_folder_is_no_key(tmp_path):
    with pytest.raises(KeyUnavailable, match="cannot be read"):
        keys.load(str(tmp_path), tmp_path / "none")


@given(st.binary(min_size=32, max_size=32), st.text(alphabet="ab._-1", min_size=1), st.integers(1, 9))
def test_a_wrapped_key_comes_back_at_its_place_only(secret, clinic, number):
    wrapped = KEY.wrap(secret, clinic, "signing", number)
    assert KEY.unwrap(wrapped, clinic, "signing", number) == secret
    for place in ((clinic + "x", "signing", number), (clinic, "lookup", number), (clinic, "signing", number + 1)):
        with pytest.raises(KeyUnavailable):
            KEY.unwrap(wrapped, *place)
    with pytest.raises(KeyUnavailable, match="does not open with this master key"):
        MasterKey(bytes(32)).unwrap(wrapped, clinic, "signing", number)


@given(st.binary(max_size=80))
def test_any_bytes_are_no_wrapped_key(wrapped):
    with pytest.raises(KeyUnavailable):
        KEY.unwrap(wrapped, "c", "signing", 1)


@given(st.data())
def test_a_changed_bit_is_noticed(data):
    wrapped = bytearray(KEY.wrap(bytes(32), "c", "signing", 1))
    bit = data.draw(st.integers(0, len(wrapped) * 8 - 1))
    wrapped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(KeyUnavailable):
        KEY.unwrap(bytes(wrapped), "c", "signing", 1)


@given(st.binary(max_size=80), st.binary(max_size=20), st.binary(max_size=20))
def test_what_is_sealed_opens_at_its_place_and_with_its_key_only(plain, place, other):
    sealed = KEY.seal(plain, place)
    assert KEY.open(sealed, place) == plain
    assert KEY.seal(plain, place) != sealed, "a nonce is used once"
    with pytest.raises(KeyUnavailable, match="does not open with this master key"):
        MasterKey(bytes(32)).open(sealed, place)
    if other != place:
        with pytest.raises(KeyUnavailable):
            KEY.open(sealed, other)


@given(st.binary(max_size=80))
def test_any_bytes_are_nothing_that_was_sealed(sealed):
    with pytest.raises(KeyUnavailable):
        KEY.open(sealed, b"place")


def test_a_key_is_not_printed():
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)


def test_the_fingerprint_tells_keys_apart_and_is_not_part_of_the_key():
    other = MasterKey(bytes(32))
    assert KEY.fingerprint != other.fingerprint
    assert len(KEY.fingerprint) == 16
    assert KEY.fingerprint not in KEY.secret.hex()


def test_a_file_that_others_may_read_is_refused_but_where_systemd_hands_it_to_this_service_alone(tmp_path, monkeypatch):
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    path = folder / "master.key"
    path.write_text(TEXT)
    path.chmod(0o440)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(KeyUnavailable, match="can be read by others"):
        keys.load(str(path), path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert keys.load(str(path), path) == KEY
    path.chmod(0o444)
    with pytest.raises(KeyUnavailable, match="can be read by others"):
        keys.load(str(path), path)
    path.chmod(0o440)
    folder.chmod(0o755)
    with pytest.raises(KeyUnavailable, match="can be read by others"):
        keys.load(str(path), path)
