"""What is new about a sign-in: compared with what the log knew of its person before, and with nothing else."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from indelible.catalogue.recognition import DEVICE, NETWORK, network
from indelible.format.instant import format as canonical
from indelible.journal import Journal
from indelible.keep.personal import Dead
from indelible.manage.inspection import inspect
from indelible.read.habits import NEW_DEVICE, NEW_NETWORK, marks
from indelible.record.document import Staff
from indelible.testing.logs import START, Clock

AGENTS = {
    "phone": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "linux": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
}
HOME, OFFICE, FAR = "203.0.113.9", "198.51.100.7", "192.0.2.44"
PEOPLE = {"usr_1": "staff", "usr_2": "staff", "cli_1": "client"}


def sign_in(log, person="usr_1", agent="linux", ip=HOME, *, failed=False, occurred_at=None, by=None, **context):
    kind = PEOPLE[person]
    document: dict[str, Any] = {
        "action": "account.login_failed" if failed else "account.logged_in",
        "actor": by or {"kind": kind, "id": person},
        "target": {"kind": kind, "id": person},
        "context": context,
        "request": {name: value for name, value in (("ip", ip), ("user_agent", AGENTS.get(agent))) if value},
    }
    if occurred_at is not None:
        document["occurred_at"] = canonical(occurred_at)
    return log.record_document(document).seq


def marks_of(log, *seqs):
    found = marks(log.reading(), [log.entry(seq) for seq in seqs])
    return [set(found.get(seq, ())) for seq in seqs]


@st.composite
def sign_ins(draw):
    return draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(PEOPLE)),
                st.sampled_from([*AGENTS, ""]),
                st.sampled_from([HOME, OFFICE, FAR, "203.0.113.77", ""]),
                st.booleans(),
                st.integers(0, 5),  # hours before it was recorded: some are dated back behind others
            ),
            max_size=14,
        )
    )


@given(sign_ins(), st.permutations(range(14)))
@example([("usr_1", "linux", HOME, False, 0), ("usr_1", "phone", FAR, True, 0), ("usr_1", "phone", FAR, False, 0)], [0])
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_a_mark_is_what_a_look_at_every_earlier_entry_finds_in_any_order_and_any_part(tmp_path_factory, told, order):
    clock = Clock()
    with Journal.create(tmp_path_factory.mktemp("log") / "a.db", clock=clock) as journal:
        log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
        known: list[tuple[int, int, str, str, str, bool]] = []
        for number, (person, agent, ip, failed, hours) in enumerate(told, 1):
            clock.advance(60)
            at = clock.now - hours * 3_600_000_000
            assert sign_in(log, person, agent, ip, failed=failed, occurred_at=at) == number
            known.append((number, at, person, agent, ip, failed))
        expected = {}
        for number, at, person, agent, ip, _ in known:
            before = [one for one in known if one[0] < number and one[1] <= at and one[2] == person and not one[5]]
            devices, networks = {one[3] for one in before} - {""}, {network(one[4]) for one in before} - {""}
            new = set()
            if agent and devices and agent not in devices:
                new.add(NEW_DEVICE)
            if ip and networks and network(ip) not in networks:
                new.add(NEW_NETWORK)
            expected[number] = new
        views = [log.entry(number) for number in expected]
        whole = marks(log.reading(), views)
        assert {number: set(whole.get(number, ())) for number in expected} == expected
        for number in [place + 1 for place in order if place < len(views)]:  # alone, and in any order: the same
            alone = marks(log.reading(), [views[number - 1]])
            assert set(alone.get(number, ())) == expected[number]


def test_a_later_habit_does_not_clear_a_sign_in_and_does_not_accuse_an_older_one(log, clock):
    first, stranger = sign_in(log), sign_in(log, agent="windows", ip=FAR)
    assert marks_of(log, first, stranger) == [set(), {NEW_DEVICE, NEW_NETWORK}]
    for _ in range(3):
        clock.advance(60)
        sign_in(log, agent="windows", ip=FAR)
    assert marks_of(log, first, stranger) == [set(), {NEW_DEVICE, NEW_NETWORK}]
    sign_in(log, agent="windows", ip=FAR, occurred_at=START - 86_400_000_000)  # imported afterwards
    assert marks_of(log, first, stranger) == [set(), {NEW_DEVICE, NEW_NETWORK}]


def test_failed_attempts_make_no_device_known(log):
    sign_in(log)
    attempts = [sign_in(log, agent="windows", ip=FAR, failed=True) for _ in range(5)]
    success = sign_in(log, agent="windows", ip=FAR)
    assert marks_of(log, *attempts, success) == [{NEW_DEVICE, NEW_NETWORK}] * 6


def test_whom_others_sign_in_for_is_not_compared_and_learns_nothing(log):
    sign_in(log)
    support = sign_in(log, agent="windows", ip=FAR, by={"kind": "support", "id": "sup_1"})
    own = sign_in(log, agent="windows", ip=FAR)
    assert marks_of(log, support, own) == [set(), {NEW_DEVICE, NEW_NETWORK}]


def test_an_attempt_on_an_unknown_account_has_no_mark(log):
    sign_in(log)
    seq = log.record_document({
        "action": "account.login_failed", "actor": {"kind": "system", "reason": "login:unknown-account"},
        "target": {"kind": "clinic", "id": "c_lisbon"}, "request": {"ip": FAR, "user_agent": AGENTS["windows"]},
    }).seq  # fmt: skip
    assert marks_of(log, seq) == [set()]


def test_who_was_erased_is_not_accused_and_comes_back_as_somebody_new(log):
    old = [sign_in(log, "cli_1"), sign_in(log, "cli_1", agent="phone", ip=FAR)]
    log.anonymize("cli_1", requested_by="client", actor=Staff("usr_1"))
    back = [sign_in(log, "cli_1", agent="windows", ip=OFFICE), sign_in(log, "cli_1", agent="phone", ip=FAR)]
    assert marks_of(log, *old, *back) == [set(), set(), set(), {NEW_DEVICE, NEW_NETWORK}]


def test_the_hosts_own_word_about_the_device_counts(log):
    sign_in(log)
    seqs = [sign_in(log, agent="windows", new_device=False), sign_in(log, new_device=True)]
    assert marks_of(log, *seqs) == [set(), {NEW_DEVICE}]


def test_a_habit_is_never_forgotten_and_a_page_opens_nothing_but_its_own(log, monkeypatch):
    sign_in(log, agent="phone", ip=FAR)
    usual = [sign_in(log) for _ in range(250)]
    assert marks_of(log, sign_in(log, agent="phone", ip=FAR, failed=True)) == [set()]
    views = [log.entry(seq) for seq in usual[-50:]]
    monkeypatch.setattr(type(log.sealer), "open_values", None)
    assert marks(log.reading(), views) == {}


def test_a_link_by_which_somebody_is_recognised_says_nothing_once_they_are_erased(log):
    sign_in(log, "cli_1", agent="phone", ip=FAR)
    token = next(bytes.fromhex(text) for text in log.entry(1).members["tokens"])
    links = [link for link in log.rows.links(0, log.size) if link.kind.startswith(".")]
    known = {(link.kind, link.ref) for link in links}
    texts = {DEVICE: "Safari on iPhone", NETWORK: (net := network(FAR))}
    assert known == {(kind, log.sealer.recognised(token, kind, text)) for kind, text in texts.items()}
    log.anonymize("cli_1", requested_by="client", actor=Staff("usr_1"))
    with pytest.raises(Dead):
        log.sealer.recognised(token, NETWORK, net)
    assert inspect(log).result == "intact"


@pytest.mark.parametrize("change", ["DELETE FROM indelible_link WHERE kind = '.network'",
                                    "UPDATE indelible_link SET ref = randomblob(16) WHERE kind = '.network'",
                                    "UPDATE indelible_link SET ref = randomblob(16) WHERE kind = '.device'",
                                    "INSERT INTO indelible_link SELECT clinic, kind, randomblob(16), 0, occurred_at, 2 "
                                    "FROM indelible_link WHERE kind = '.device'"])  # fmt: skip
def test_a_changed_link_to_a_device_or_network_is_found(tmp_path, change):
    with Journal.create(tmp_path / "a.db", clock=Clock()) as journal:
        log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
        sign_in(log, agent="phone", ip=FAR)
        sign_in(log, agent="", ip="")
        with sqlite3.connect(journal.places.database) as db:
            assert db.execute(change).rowcount == 1
        assert [(one.verdict, one.seq) for one in inspect(log).findings] in ([("misfiled", 1)], [("misfiled", 2)])


def test_an_ipv4_address_in_ipv6_is_of_its_own_network():
    assert network("::ffff:203.0.113.9") == network(HOME) == "203.0.113.0/24"
    assert network("2001:db8:7::1") == "2001:db8:7::/48"
    assert network("somewhere") == ""


def test_what_an_agent_or_support_does_for_a_person_is_no_habit_of_theirs(log):
    for_maria = {"on_behalf_of": {"kind": "staff", "id": "usr_1"}}
    sign_in(log)
    sign_in(log, agent="phone", by={"kind": "support", "id": "sup_1"} | for_maria)
    sign_in(log, agent="phone", by={"kind": "agent", "id": "assistant_1"} | for_maria)
    assert marks_of(log, sign_in(log, agent="phone")) == [{NEW_DEVICE}]
