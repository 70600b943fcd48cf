"""What is unusual among sign-ins: told once, with all its signs, and nothing told that is usual."""

from __future__ import annotations

from typing import Any

import pytest

from indelible.format.instant import format as canonical
from indelible.format.instant import parse
from indelible.read import unusual as reading
from indelible.read.habits import NEW_DEVICE, NEW_NETWORK
from indelible.read.unusual import (
    ENTERED,
    FACTOR_OFF,
    GUESSING,
    HABIT,
    LOCKED,
    ODD_HOUR,
    RECOVERY_CODE,
    REVOKED,
    unusual,
)
from indelible.testing.logs import START

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
HOME, FAR = "203.0.113.9", "192.0.2.44"
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
BOTH = (NEW_DEVICE, NEW_NETWORK)


def note(log, action="account.logged_in", at=0, person="usr_1", *, far=False, by=None, target=None, **context):
    """Record something about an account, `at` microseconds from a month before the clock's now."""
    kind = "client" if person.startswith("cli") else "staff"
    document: dict[str, Any] = {
        "action": action,
        "occurred_at": canonical(START - 30 * DAY + at),
        "actor": by or {"kind": kind, "id": person, "name": f"Name of {person}"},
        "target": target or {"kind": kind, "id": person},
        "context": context,
        "request": {"ip": FAR if far else HOME, "user_agent": PHONE if far else LINUX},
    }
    return log.record_document(document).seq


def fail(log, times, at=0, **more):
    return [note(log, "account.login_failed", at + number * MINUTE, **more) for number in range(times)]


def told(log, person=""):
    found = unusual(log.reading(), person)
    assert found.whole
    return [(item.view.seq, item.signs, item.grave, item.failed) for item in found.items]


def test_failed_attempts_and_then_in_from_somewhere_new_are_one_grave_item(log):
    note(log)
    fail(log, 7, at=DAY, far=True)
    seq = note(log, at=DAY + 8 * MINUTE, far=True)
    assert told(log) == [(seq, (ENTERED, *BOTH), True, 7)]
    (item,) = unusual(log.reading()).items
    assert item.since == START - 29 * DAY


@pytest.mark.parametrize(
    ("times", "far", "expected"),
    [(2, False, None), (4, False, None), (5, False, (ENTERED,)), (2, True, BOTH), (3, True, (ENTERED, *BOTH))],
)
def test_a_slip_of_the_hand_is_not_unusual_and_many_are(log, times, far, expected):
    note(log)
    fail(log, times, at=DAY, far=far)
    seq = note(log, at=DAY + times * MINUTE, far=far)
    assert [(one[0], one[1]) for one in told(log)] == ([(seq, expected)] if expected else [])


def test_attempts_of_which_none_got_in_are_one_item_by_their_last(log):
    note(log)
    *_, last = fail(log, 6, at=DAY, far=True)
    fail(log, 4, at=3 * DAY)
    assert told(log) == [(last, (GUESSING,), False, 6)]


@pytest.mark.parametrize("minutes", [60, 61])
def test_a_sign_in_more_than_an_hour_after_the_last_attempt_does_not_follow_from_it(log, minutes):
    note(log)
    *_, last = fail(log, 5, at=DAY)
    seq = note(log, at=DAY + (4 + minutes) * MINUTE)
    assert told(log) == ([(seq, (ENTERED,), False, 5)] if minutes == 60 else [(last, (GUESSING,), False, 5)])


def test_attempts_before_and_after_a_sign_in_are_two_runs_and_of_two_people_are_apart(log):
    fail(log, 5)
    seq = note(log, at=5 * MINUTE)
    *_, last = fail(log, 5, at=6 * MINUTE)
    fail(log, 4, at=DAY, person="usr_2")
    note(log, at=DAY + 4 * MINUTE, person="usr_3")
    assert told(log) == [(last, (GUESSING,), False, 5), (seq, (ENTERED,), False, 5)]


def test_attempts_on_accounts_that_do_not_exist_are_nobodys(log):
    nobody = {"kind": "system", "reason": "login:unknown-account"}
    *_, last = fail(log, 5, by=nobody, target={"kind": "clinic", "id": "c_lisbon"})
    note(log, at=5 * MINUTE)
    assert told(log) == [(last, (GUESSING,), False, 5)]


def test_a_new_device_on_a_new_network_is_told_and_is_grave_where_the_account_is_changed_at_once(log):
    note(log)
    first = note(log, at=DAY, far=True)
    note(log, person="usr_2")
    second = note(log, at=2 * DAY, person="usr_2", far=True)
    change = note(log, "account.password_changed", 2 * DAY + HOUR, "usr_2", far=True)
    assert told(log) == [(second, BOTH, True, 0), (first, BOTH, False, 0)]
    assert [one.seq for one in unusual(log.reading()).items[0].after] == [change]


def test_a_known_device_elsewhere_and_a_first_sign_in_of_all_are_usual(log):
    note(log, far=True)
    log.record_document({
        "action": "account.logged_in", "occurred_at": canonical(START - DAY), "actor": {"kind": "staff", "id": "usr_1"},
        "target": {"kind": "staff", "id": "usr_1"}, "request": {"ip": HOME, "user_agent": PHONE},
    })  # fmt: skip
    assert told(log) == []


def test_a_sign_in_at_an_hour_at_which_that_person_never_does_is_told_once_there_is_a_habit(log):
    for day in range(HABIT - 2):
        note(log, at=day * DAY // 2 // DAY * DAY + (day % 2) * HOUR)
    note(log, at=20 * DAY + 12 * HOUR)
    assert told(log) == []  # one too few
    note(log, at=21 * DAY + HOUR)
    assert [signs for _, signs, _, _ in told(log)] == [(ODD_HOUR,)]
    for number in range(3):  # the same night again and again is one night still
        note(log, at=20 * DAY + 12 * HOUR + number * MINUTE)
    assert len(told(log)) == 4
    note(log, at=22 * DAY + 13 * HOUR)  # and another day's makes it a habit
    assert told(log) == []


def test_hours_are_those_of_the_clinics_clock_when_the_clocks_change():
    hours = reading._Hours("Europe/Lisbon")
    for text, day, hour in [
        ("2026-03-29T00:59:59.000000Z", "2026-03-29", 0),  # the clocks go forward an hour at 01:00 UTC
        ("2026-03-29T01:00:00.000000Z", "2026-03-29", 2),
        ("2026-10-25T00:30:00.000000Z", "2026-10-25", 1),  # and back at 01:00 UTC
        ("2026-10-25T01:30:00.000000Z", "2026-10-25", 1),
        ("2026-07-01T23:30:00.000000Z", "2026-07-02", 0),
    ]:
        assert hours.of(parse(text, "at")) == (parse(f"{day}T00:00:00.000000Z", "at") // DAY, hour)


def test_what_an_entry_says_by_itself_is_told_and_ending_ones_own_session_is_not(log):
    note(log)
    owner = {"kind": "staff", "id": "usr_9"}
    off = note(log, "account.two_factor_disabled", DAY)
    code = note(log, "account.recovery_code_used", 3 * DAY)
    note(log, "account.session_revoked", 5 * DAY, cause="user")
    note(log, "account.session_revoked", 6 * DAY, cause="password_change")
    revoked = note(log, "account.session_revoked", 7 * DAY, by=owner)
    risk = note(log, "account.session_revoked", 8 * DAY, cause="risk")
    locked = note(log, "account.locked", 9 * DAY, by={"kind": "system", "reason": "job:too-many-failures"})
    note(log, "account.two_factor_enabled", 10 * DAY)
    note(log, "account.password_changed", 11 * DAY)
    assert [(seq, signs) for seq, signs, _, _ in told(log)] == [
        (locked, (LOCKED,)), (risk, (REVOKED,)), (revoked, (REVOKED,)), (code, (RECOVERY_CODE,)), (off, (FACTOR_OFF,)),
    ]  # fmt: skip


def test_what_was_done_about_an_account_is_told_with_the_sign_in_and_not_again(log):
    note(log)
    seq = note(log, at=DAY, far=True)
    owner = {"kind": "staff", "id": "usr_9"}
    after = [
        note(log, "account.session_revoked", DAY + 6 * HOUR, by=owner, cause="risk"),
        note(log, "account.password_changed", DAY + 7 * HOUR),
        note(log, "account.two_factor_enabled", DAY + 8 * HOUR),
    ]
    note(log, "account.password_changed", DAY + 8 * HOUR, person="usr_2")
    assert told(log) == [(seq, BOTH, False, 0)]
    assert [one.seq for one in unusual(log.reading()).items[0].after] == after


def test_what_the_person_did_within_six_hours_of_a_grave_sign_in_is_told_as_far_as_the_reader_sees_it(log):
    note(log)
    fail(log, 5, at=DAY, far=True)
    note(log, at=DAY + 5 * MINUTE, far=True)
    settings = {"kind": "settings", "id": "set_payouts"}
    payouts = note(log, "settings.changed", DAY + HOUR, target=settings, section="payouts")
    note(log, "settings.changed", DAY + HOUR, "usr_2", target=settings, section="booking")
    note(log, "settings.changed", DAY + 7 * HOUR, target=settings, section="opening")
    (item,) = unusual(log.reading()).items
    assert [one.seq for one in item.did] == [payouts]
    (item,) = unusual(log.reading(), seen=log.reading(hidden=frozenset({"settings"}))).items
    assert item.did == []


def test_clients_sign_in_from_anywhere_and_nothing_of_it_is_told(log):
    note(log)
    note(log, person="cli_1")
    fail(log, 9, at=DAY, person="cli_1", far=True)
    note(log, at=DAY + 9 * MINUTE, person="cli_1", far=True)
    note(log, "account.two_factor_disabled", 2 * DAY, person="cli_1")
    assert told(log) == []
    assert [one.id for one in unusual(log.reading()).people] == ["usr_1"]


def test_of_one_person_nothing_of_another_is_told(log):
    for person in ("usr_1", "usr_2"):
        note(log, person=person)
        note(log, at=DAY, person=person, far=True)
        note(log, "account.two_factor_disabled", 2 * DAY, person=person)
    found = unusual(log.reading(), "staff/usr_2")
    assert {(item.view.target or {})["id"] for item in found.items} == {"usr_2"}
    assert [one.id for one in found.people] == ["usr_2"]
    for person in ("staff/nobody", "client/usr_2", "staff/", "usr_2", "system/x", 'staff/"', "staff/\x00"):
        assert unusual(log.reading(), person).items == ()


def test_what_is_older_than_the_span_is_not_told_and_its_devices_are_known(log):
    long_ago = -reading.SPAN_DAYS * DAY
    note(log, at=long_ago)
    note(log, at=long_ago + 2 * DAY, far=True)
    note(log, "account.two_factor_disabled", long_ago)
    note(log, at=DAY, far=True)
    assert told(log) == []
    (person,) = unusual(log.reading()).people
    assert [(one.words, one.entries) for one in person.devices] == [("Safari on iPhone", 2), ("Firefox on Linux", 1)]


def test_devices_are_told_with_since_when_how_often_and_where_from_mostly(log):
    for day in range(3):
        note(log, at=day * DAY)
    note(log, at=DAY // 2, far=True)
    (person,) = unusual(log.reading()).people
    begun = START - 30 * DAY
    assert [(one.words, one.first_at - begun, one.last_at - begun, one.entries) for one in person.devices] == [
        ("Firefox on Linux", 0, 2 * DAY, 3), ("Safari on iPhone", DAY // 2, DAY // 2, 1),
    ]  # fmt: skip
    assert (person.name, person.network, person.networks, person.more) == ("Name of usr_1", "203.0.113.0/24", 2, 0)


def test_what_somebody_writes_into_their_user_agent_and_name_is_told_as_text_and_breaks_nothing(log):
    evil = '<script>alert("1")</script>\u202e' + "x" * 3_000
    for at, ip in ((0, HOME), (DAY, "2001:db8::1"), (2 * DAY, FAR)):
        log.record_document({
            "action": "account.logged_in", "occurred_at": canonical(START - 30 * DAY + at),
            "actor": {"kind": "staff", "id": "usr_'\"<", "name": evil[:150]},
            "target": {"kind": "staff", "id": "usr_'\"<"}, "request": {"ip": ip, "user_agent": f"{at}{evil}"},
        })  # fmt: skip
    found = unusual(log.reading())
    assert all("<" not in device.words for person in found.people for device in person.devices)
    assert unusual(log.reading(), "staff/usr_'\"<").people == found.people


def test_more_than_is_looked_at_is_said(log, monkeypatch):
    monkeypatch.setattr(reading, "MOST_SIGN_INS", 5)
    for number in range(4):
        note(log, at=number * HOUR)
    assert unusual(log.reading()).whole
    note(log, at=5 * HOUR)
    assert not unusual(log.reading()).whole


def test_it_asks_few_questions_however_many_people_and_entries_there_are(log, monkeypatch):
    asked = []
    for person in range(8):
        for number in range(4):
            note(log, at=number * DAY, person=f"usr_{person}", far=number % 2 == 1)
        fail(log, 6, at=2 * DAY, person=f"usr_{person}", far=True)
    rows = type(log.rows)

    def counting(inner):
        def counted(*args, **more):
            asked.append(inner.__name__)
            return inner(*args, **more)

        return counted

    for name in ("page", "moments", "known", "linked", "occurring", "persons", "counts"):
        monkeypatch.setattr(rows, name, counting(getattr(rows, name)))
    unusual(log.reading())
    assert 0 < len(asked) < 10, asked
