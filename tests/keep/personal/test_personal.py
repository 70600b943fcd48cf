"""Sealed values: they open at their own place with their own keys, any other bytes are Unreadable, and keys die."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keep.personal.conftest import LOOKUP, NOBODY, ORIGIN, TREE, Keeping, sealer_of

from indelible.format import canonical
from indelible.keep import personal
from indelible.keep.folder import Kept
from indelible.keep.keytree import Cover, Node, point
from indelible.keep.personal import Dead, OpenedGroup, Part, Sealer, Unreadable, join, split

ID, LATER, TOKEN = bytes.fromhex("019dd97b3f587c4b9cce000000000001"), b"\x01\x9f" + b"i" * 14, b"t" * 16
SEALER = sealer_of()
OWN = (ID, TOKEN, "identity")
PERSON = {"realm": "client", "id": "cli_1", "n": 0, "since": 5, "name": "Ana", "named_at": 5}
CLASSES = ("evidence", "identity", "network")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PARTS = st.builds(Part, st.integers(0, 255), st.sampled_from(CLASSES), st.binary(max_size=60))


# Framing


@given(st.lists(PARTS, max_size=6))
def test_parts_are_split_as_they_were_joined(parts):
    assert split(join(parts)) == parts


@given(st.binary(max_size=80) | st.lists(PARTS, min_size=1, max_size=3).map(join).flatmap(
    lambda data: st.integers(0, len(data)).map(lambda end: data[:end])))  # fmt: skip
def test_any_bytes_are_unreadable_or_the_parts_that_they_are(data):
    try:
        parts = split(data)
    except Unreadable:
        return
    assert join(parts) == data


@given(st.lists(PARTS, min_size=1, max_size=3), st.data())
def test_parts_that_were_cut_off_or_grew_are_not_those_of_before(parts, data):
    sealed = join(parts)
    other = data.draw(st.integers(0, len(sealed) - 1).map(lambda end: sealed[:end])
                      | st.binary(min_size=1, max_size=9).map(lambda more: sealed + more))  # fmt: skip
    try:
        assert split(other) != parts
    except Unreadable:
        assert other not in (b"", sealed)


def test_nothing_sealed_is_no_part():
    assert (join([]), split(b"")) == (b"", [])


@pytest.mark.parametrize(
    "sealed", [b"\0", b"\0i", b"\0i\0\0\0", b"\0x\0\0\0\0", b"\0i\0\0\0\1", b"\0i\xff\xff\xff\xff"]
)
def test_a_part_of_another_form_is_unreadable(sealed):
    with pytest.raises(Unreadable):
        split(sealed)


# Sealing


@given(st.dictionaries(TEXTS, TEXTS, min_size=1))
def test_values_come_back_by_their_paths_with_their_seed(values):
    paths = sorted(values)
    sealed = SEALER.seal_values(ID, TOKEN, "identity", canonical.encode([values[path] for path in paths]))
    seed = SEALER.group(ID, TOKEN, "identity").seed(ID)
    assert SEALER.open_values(ID, TOKEN, "identity", sealed, paths) == OpenedGroup(seed, values)
    assert len(seed) == 32


def test_the_same_values_are_never_sealed_to_the_same_bytes():
    assert len({SEALER.seal_values(ID, TOKEN, "identity", b"[]") for _ in range(100)}) == 100
    assert len({SEALER.seal_person(TOKEN, PERSON) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "place",
    [(b"\x01\x9d" + b"j" * 14, TOKEN, "identity"), (LATER, TOKEN, "identity"), (ID, b"u" * 16, "identity"),
     (ID, NOBODY, "identity"), (ID, TOKEN, "network"), (ID, TOKEN, "evidence"), (TOKEN, ID, "identity")],
)  # fmt: skip
@pytest.mark.parametrize("back", [False, True])
def test_values_do_not_open_at_another_place(place, back):
    """In another entry of this month or another, of another person, of another class, and the other way round."""
    there: tuple[bytes, bytes, str] = OWN
    here: tuple[bytes, bytes, str] = place
    if back:
        there, here = here, there
    sealed = SEALER.seal_values(*there, b'["x"]')
    assert SEALER.open_values(*there, sealed, ["a"]).values == {"a": "x"}
    with pytest.raises(Unreadable):
        SEALER.open_values(*here, sealed, ["a"])


@pytest.mark.parametrize("personal_class", CLASSES)
@pytest.mark.parametrize(
    "other",
    [
        sealer_of(origin=ORIGIN[:-1] + "0"),
        sealer_of(cover=Cover([Node(0, 0, b"r" * 32)])),
    ],
    ids=["another log", "another tree"],
)
def test_values_do_not_open_in_another_log(other, personal_class):
    """Also where somebody gave the other log the same keys: the place has the log's origin."""
    sealed = SEALER.seal_values(ID, TOKEN, personal_class, b'["x"]')
    with pytest.raises(Unreadable):
        other.open_values(ID, TOKEN, personal_class, sealed, ["a"])
    with pytest.raises(Unreadable):
        other.open_person(TOKEN, SEALER.seal_person(TOKEN, PERSON))


def test_a_person_and_values_do_not_open_in_each_others_place():
    with pytest.raises(Unreadable):
        SEALER.open_person(TOKEN, SEALER.seal_values(ID, TOKEN, "identity", b"[]"))
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", SEALER.seal_person(TOKEN, PERSON), [])
    with pytest.raises(Unreadable):
        SEALER.open_person(b"u" * 16, SEALER.seal_person(TOKEN, PERSON))


@given(st.binary(max_size=100))
def test_any_bytes_are_unreadable(sealed):
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", sealed, [])
    with pytest.raises(Unreadable):
        SEALER.open_person(TOKEN, sealed)


@given(st.data())
def test_a_changed_bit_is_noticed(data):
    for whole, opened in (
        (SEALER.seal_values(ID, TOKEN, "identity", b'["Ana"]'),
         lambda sealed: SEALER.open_values(ID, TOKEN, "identity", sealed, ["actor.name"])),
        (SEALER.seal_person(TOKEN, PERSON), lambda sealed: SEALER.open_person(TOKEN, sealed)),
    ):  # fmt: skip
        sealed = bytearray(whole)
        bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
        sealed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unreadable):
            opened(bytes(sealed))


@pytest.mark.parametrize("plain", [b"", b"{}", b"null", b"[", b"\xff", b"[]", b'["a","b"]', b'{"a":"b"}', b'"a"'])
def test_what_was_sealed_by_a_damaged_writer_is_unreadable(plain):
    """Among it fewer or more values than the body has paths."""
    with pytest.raises(Unreadable):
        SEALER.open_values(ID, TOKEN, "identity", SEALER.seal_values(ID, TOKEN, "identity", plain), ["a"])


def test_a_person_comes_back():
    assert SEALER.open_person(TOKEN, SEALER.seal_person(TOKEN, PERSON)) == PERSON


# Tokens and keys


def test_a_token_is_computed_and_is_the_same_wherever_the_tree_is():
    tokens = {
        (realm, host_id, n): SEALER.token(realm, host_id, n)
        for realm in ("client", "staff") for host_id in ("1", "11", "") for n in (0, 1, 256)
    }  # fmt: skip
    assert len({*tokens.values()}) == len(tokens)
    assert all(token is not None and len(token) == 16 for token in tokens.values())
    assert {which: sealer_of().token(*which) for which in tokens} == tokens
    assert {which: sealer_of(origin="another.log").token(*which) for which in tokens} == tokens  # its tree is the same
    for other in (sealer_of(lookup=b"L" * 32), sealer_of(cover=Cover.new())):
        assert not {other.token(*which) for which in tokens} & {*tokens.values()}


def test_a_look_up_tells_kinds_and_clinics_apart():
    other = sealer_of(lookup=b"L" * 32)
    found = {SEALER.find("key", "1"), SEALER.find("evidence", "1"), SEALER.find_evidence("1"), other.find("key", "1"),
             SEALER.recognised(TOKEN, "device", "1"), SEALER.recognised(b"u" * 16, "device", "1"),
             SEALER.recognised(TOKEN, "network", "1")}  # fmt: skip
    assert len(found) == 7
    assert {len(one) for one in found} == {16}
    assert SEALER.find("key", "1") == sealer_of(origin="another.log", cover=Cover.new()).find("key", "1")


@pytest.mark.parametrize("personal_class", CLASSES)
def test_two_persons_never_share_a_key_and_a_nonce(personal_class, monkeypatch):
    """Evidence of everybody hangs on the key of nobody: even where chance gave out one nonce for all."""
    monkeypatch.setattr("indelible.keep.personal.os.urandom", bytes)
    owners = [bytes([n]) * 16 for n in range(20)] + [NOBODY]
    sealed = {SEALER.seal_values(ID, owner, personal_class, b'["the same value"]') for owner in owners}
    assert {one[:12] for one in sealed} == {bytes(12)}
    assert len({one[12:-16] for one in sealed}) == len(owners)  # one key stream would give one ciphertext
    assert len({SEALER.group(ID, owner, personal_class).seed(ID) for owner in owners}) == len(owners)


def test_each_class_and_month_has_keys_of_its_own(monkeypatch):
    monkeypatch.setattr("indelible.keep.personal.os.urandom", bytes)
    months = [ID, LATER, bytes(16), b"\xff" * 16]  # 1970, and a time that no calendar has
    sealed = {
        SEALER.seal_values(each, TOKEN, name, b'["the same value"]')[12:-16] for each in months for name in CLASSES
    }
    assert len(sealed) == 12
    same_month = ID[:6] + b"\x01" * 10
    assert SEALER.group(ID, TOKEN, "identity") is SEALER.group(same_month, TOKEN, "identity")
    assert SEALER.group(ID, TOKEN, "identity").seed(ID) != SEALER.group(ID, TOKEN, "identity").seed(same_month)


def test_keys_are_not_printed():
    assert repr(SEALER) == str(SEALER) == "Sealer()"
    assert repr(LOOKUP)[2:-1] not in repr(SEALER.group(ID, TOKEN, "identity"))


# The end of keys


@pytest.fixture
def keeping():
    return Keeping()


def use(sealer, token=TOKEN):
    """Everything that hangs on a person's key, by what it is."""
    return {
        "group": lambda: sealer.group(ID, token, "identity"),
        "seal_values": lambda: sealer.seal_values(ID, token, "network", b"[]"),
        "seal_person": lambda: sealer.seal_person(token, PERSON),
        "open_person": lambda: sealer.open_person(token, b"x" * 60),
        "open_values": lambda: sealer.open_values(ID, token, "identity", b"x" * 60, []),
        "recognised": lambda: sealer.recognised(token, "device", "phone"),
        "recognised at all": lambda: sealer.recognised(token, "network"),
    }


def test_what_hangs_on_a_person_is_dead_after_the_cut_and_everybody_elses_is_not(keeping):
    sealer, other = keeping.sealer(), b"u" * 16
    values = {token: sealer.seal_values(ID, token, "identity", b'["x"]') for token in (TOKEN, other)}
    row, theirs = sealer.seal_person(TOKEN, PERSON), sealer.seal_person(other, PERSON)
    keeping.cut(point("person", TOKEN))
    sealer.refresh()
    for now in (sealer, keeping.sealer()):  # who had the keys in memory, and who opens the keep now
        for used in use(now).values():
            with pytest.raises(Dead):
                used()
        for opening in (lambda now=now: now.open_values(ID, TOKEN, "identity", values[TOKEN], ["a"]),
                        lambda now=now: now.open_person(TOKEN, row)):  # fmt: skip
            with pytest.raises(Dead):
                opening()
        assert now.is_dead(TOKEN)
        assert not now.is_dead(other)
        assert now.open_values(ID, other, "identity", values[other], ["a"]).values == {"a": "x"}
        assert now.open_person(other, theirs) == PERSON


def test_evidence_outlives_its_person_and_opens_as_before(keeping):
    sealer = keeping.sealer()
    sealed = sealer.seal_values(ID, TOKEN, "evidence", b'["ch_1"]')
    before = sealer.open_values(ID, TOKEN, "evidence", sealed, ["a"])
    keeping.cut(point("person", TOKEN))
    sealer.refresh()
    for now in (sealer, keeping.sealer()):
        assert now.open_values(ID, TOKEN, "evidence", sealed, ["a"]) == before
    keeping.cut(point("person", NOBODY))  # which nobody ever does
    with pytest.raises(Dead):
        keeping.sealer().open_values(ID, TOKEN, "evidence", sealed, ["a"])


@pytest.mark.parametrize("personal_class", CLASSES)
def test_a_class_and_month_can_be_cut_out_by_themselves(keeping, personal_class):
    sealer = keeping.sealer()
    sealed = {(each, name): sealer.seal_values(each, TOKEN, name, b'["x"]') for each in (ID, LATER) for name in CLASSES}
    keeping.cut(point("period", personal_class.encode() + b"\x002026-04"))  # that of the time in ID
    sealer.refresh()
    for (each, name), one in sealed.items():
        if (each, name) == (ID, personal_class):
            with pytest.raises(Dead):
                sealer.open_values(each, TOKEN, name, one, ["a"])
        else:
            assert sealer.open_values(each, TOKEN, name, one, ["a"]).values == {"a": "x"}


def test_somebody_of_an_id_that_was_erased_is_somebody_new(keeping):
    sealer = keeping.sealer()
    every = [sealer.token("client", "cli_1", n) for n in range(4)]
    for n in range(3):
        assert next(sealer.tokens("client", "cli_1")) == (n, every[n])
        row = sealer.seal_person(every[n], PERSON | {"n": n})
        points = sealer.points(every[n], row)
        assert len(points) == 2
        keeping.cut(*points)
        sealer.refresh()
        assert sealer.token("client", "cli_1", n) is keeping.sealer().token("client", "cli_1", n) is None
        assert sealer.points(every[n], row) == set()
    assert next(sealer.tokens("client", "cli_1")) == (3, every[3])


def test_a_name_whose_person_was_cut_out_without_it_leads_to_nobody(keeping):
    """The row that says whose the token is was lost: its name could not be cut out."""
    sealer = keeping.sealer()
    token = sealer.token("client", "cli_1", 0)
    for lost in (None, b"", b"damaged", sealer.seal_person(token, {"realm": "client"})):
        assert sealer.points(token, lost) == {point("person", token)}
    keeping.cut(*sealer.points(token, None))
    sealer.refresh()
    assert sealer.token("client", "cli_1", 0) is None
    assert next(sealer.tokens("client", "cli_1"))[0] == 1


def test_a_row_that_names_somebody_else_does_not_take_their_name_away(keeping):
    """Whoever holds the keys could seal anything: a name dies only with the token that follows from it."""
    sealer = keeping.sealer()
    victim, token = (sealer.token("client", host_id, 0) for host_id in ("cli_1", "cli_2"))
    assert sealer.points(token, sealer.seal_person(token, PERSON)) == {point("person", token)}
    assert len(sealer.points(victim, sealer.seal_person(victim, PERSON))) == 2


# What is held in memory


def test_keys_of_before_are_dropped_with_the_cover_that_they_followed_from(keeping):
    sealer = keeping.sealer()
    held, values = sealer.group(ID, TOKEN, "identity"), sealer.seal_values(ID, TOKEN, "identity", b'["x"]')
    sealer.refresh()
    assert sealer.group(ID, TOKEN, "identity") is held  # nothing changed, so nothing is computed anew
    keeping.cut(point("person", TOKEN))
    assert sealer.open_values(ID, TOKEN, "identity", values, ["a"]).values == {"a": "x"}  # not looked at yet
    sealer.refresh()
    assert sealer.kept is keeping.now
    keys = sealer._keys
    assert not (keys.tokens or keys.persons or keys.periods or keys.groups)


@pytest.mark.parametrize("version", [1, 3, 2])
def test_another_cover_is_taken_up_whatever_its_version(keeping, version):
    """A copy of the keep that was put back has a lower one; replaced since, it may have come to the same."""
    keeping.cut(point("person", b"somebody else..."))
    sealer = keeping.sealer()
    keeping.now = Kept(TREE.without([point("person", TOKEN)]), version, 1)
    sealer.group(ID, TOKEN, "identity")
    sealer.refresh()
    assert sealer.is_dead(TOKEN)
    assert not sealer.is_dead(b"somebody else...")


def test_an_older_copy_of_the_keep_is_not_taken_up_by_who_knows_better(keeping):
    before = keeping.now
    keeping.cut(point("person", TOKEN))
    sealer = keeping.sealer()
    keeping.now = before
    sealer.refresh()
    assert sealer.is_dead(TOKEN)
    assert not keeping.sealer().is_dead(TOKEN)  # who opens it now has nothing to compare it with: the log replays


def test_a_sealer_of_another_moment_has_the_keys_of_that_moment(keeping):
    sealer, before = keeping.sealer(), keeping.now
    values = sealer.seal_values(ID, TOKEN, "identity", b'["x"]')
    keeping.cut(point("person", TOKEN))
    sealer.refresh()
    then = sealer.at(before)
    then.refresh()
    assert then.open_values(ID, TOKEN, "identity", values, ["a"]).values == {"a": "x"}
    assert sealer.is_dead(TOKEN)
    assert sealer.at(keeping.now).is_dead(TOKEN)


def test_the_same_cover_read_anew_costs_no_keys(keeping):
    sealer = keeping.sealer()
    held = sealer.group(ID, TOKEN, "identity")
    keeping.now = Kept(Cover.decode(TREE.encode()), 1, 0)
    sealer.refresh()
    assert sealer.group(ID, TOKEN, "identity") is held
    assert sealer.kept is keeping.now


def test_what_the_keep_refuses_is_not_hidden_by_what_is_held(keeping):
    class Gone(Exception):
        pass

    def gone():
        raise Gone

    sealer = Sealer(ORIGIN, LOOKUP, NOBODY, keeping)
    sealer._read = gone
    with pytest.raises(Gone):
        sealer.refresh()


def test_no_more_keys_are_held_than_the_limit_and_all_open_the_same(keeping, monkeypatch):
    monkeypatch.setattr(personal, "_HELD", 10)
    sealer = keeping.sealer()
    people = [sealer.token("client", f"cli_{n}", 0) for n in range(35)]
    days = [(n * 86_400_000 * 31).to_bytes(6, "big") + b"i" * 10 for n in range(35)]
    sealed = [sealer.seal_values(day, token, "identity", b'["x"]') for day, token in zip(days, people, strict=True)]
    for _ in range(2):
        for day, token, one in zip(days, people, sealed, strict=True):
            assert sealer.open_values(day, token, "identity", one, ["a"]).values == {"a": "x"}
            keys = sealer._keys
            caches = (keys.tokens, keys.persons, keys.periods, keys.groups, sealer._months)
            assert max(map(len, caches)) <= 10
    assert [sealer.token("client", f"cli_{n}", 0) for n in range(35)] == people
