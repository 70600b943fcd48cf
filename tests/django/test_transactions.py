"""A document commits and rolls back with the change that it tells of, and a refused one lets neither commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.django.conftest import Host


def test_change_and_document_commit_together(host: Host) -> None:
    told = host.run("""
with transaction.atomic():
    booking = Booking.objects.create(reference="bk_1")
    key = record(BookingCancelled(), target=booking, client=booking, actor=MARIA, operation="op_1")
    before = waiting()
(row,) = documents()
tell([before, bookings(), ask(f"SELECT CAST(key AS text) FROM {OUTBOX}") == [[key]], row])
""")
    before, bookings, same, document = told
    assert (before, bookings, same) == ([], ["bk_1"], True)
    assert document == {
        "action": "booking.cancelled",
        "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"},
        "target": {"kind": "booking", "id": "bk_1"},
        "client": {"id": "cli_77", "name": "Ana Sousa"},
        "operation": "op_1",
    }


def test_what_rolls_back_takes_its_document_with_it_also_to_a_savepoint(host: Host) -> None:
    told = host.run("""
with suppress(RuntimeError), transaction.atomic():
    Booking.objects.create(reference="bk_1")
    cancel("bk_1")
    raise RuntimeError
with transaction.atomic():
    cancel("bk_2")
    with suppress(RuntimeError), transaction.atomic():
        cancel("bk_3")
        raise RuntimeError
    with transaction.atomic():
        cancel("bk_4")
tell([bookings(), waiting()])
""")
    assert told == [[], ["bk_2", "bk_4"]]


def test_outside_of_atomic_it_is_a_transaction_of_its_own(host: Host) -> None:
    assert host.run('cancel("bk_1"); tell(waiting())') == ["bk_1"]


def test_that_a_client_is_back_is_said_with_the_action(host: Host) -> None:
    told = host.run("""
cancel("bk_1", returned=True)
cancel("bk_2")
with connection.cursor() as cursor:
    cursor.execute(f"SELECT document FROM {OUTBOX}")
    tell(sorted("returned" in str(document) for (document,) in cursor.fetchall()))
""")
    assert told == [False, True]


SWALLOWED = {
    "plain": """
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    refused(lambda: cancel(**BAD))
    Booking.objects.count()
""",
    "durable": """
with transaction.atomic(durable=True):
    Booking.objects.create(reference="bk_1")
    refused(lambda: cancel(**BAD))
""",
    "in a block without a savepoint": """
with transaction.atomic():
    with transaction.atomic(savepoint=False):
        Booking.objects.create(reference="bk_1")
        refused(lambda: cancel(**BAD))
""",
    "beside a savepoint that is released later": """
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    refused(lambda: cancel(**BAD))
    with transaction.atomic():
        Booking.objects.create(reference="bk_2")
""",
    "beside a savepoint that is rolled back later": """
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    refused(lambda: cancel(**BAD))
    with suppress(RuntimeError), transaction.atomic():
        raise RuntimeError
""",
    "by the database": """
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE indelible_outbox RENAME TO gone" if connection.vendor == "sqlite" else
                       "ALTER SCHEMA indelible RENAME TO gone")
    told = refused(cancel)
    assert told == "this database has no outbox; run `manage.py migrate`", told
""",
    "for an error of the host's own": """
class Mine:
    def activity_target(self):
        raise LookupError("mine")
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    refused(lambda: record(BookingCancelled(), target=Mine(), actor=MARIA), LookupError)
""",
    "without autocommit": """
transaction.set_autocommit(False)
try:
    Booking.objects.create(reference="bk_1")
    refused(lambda: cancel(**BAD))
    transaction.commit()
finally:
    transaction.rollback()
    transaction.set_autocommit(True)
""",
}


@pytest.mark.parametrize("how", SWALLOWED)
def test_a_swallowed_refusal_is_raised_when_the_transaction_ends_and_nothing_of_it_is_committed(
    host: Host, how: str
) -> None:
    told = host.run(f"""
def act():
{"".join(f"    {line}" for line in SWALLOWED[how].splitlines(keepends=True))}
message = refused(act, InvalidInput, StorageFailure, LookupError)
after = bookings()
with transaction.atomic():
    Booking.objects.create(reference="bk_9")
    cancel("bk_9")
tell([message, after, bookings(), waiting()])
""")
    message, after, bookings, waiting = told
    assert message is not None
    assert after == []
    assert (bookings, waiting) == (["bk_9"], ["bk_9"])


def test_one_in_a_savepoint_is_raised_when_that_ends_and_what_is_around_it_can_go_on(host: Host) -> None:
    told = host.run("""
def inner():
    with transaction.atomic():
        Booking.objects.create(reference="bk_2")
        refused(lambda: cancel("bk_2", **BAD))
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    cancel("bk_1")
    message = refused(inner)
tell([message, bookings(), waiting()])
""")
    message, bookings, waiting = told
    assert message.startswith("key: begins with outbox:")
    assert (bookings, waiting) == (["bk_1"], ["bk_1"])


def test_a_savepoint_made_by_hand_keeps_to_the_same(host: Host) -> None:
    told = host.run("""
with transaction.atomic():
    kept = transaction.savepoint()
    Booking.objects.create(reference="bk_1")
    refused(lambda: cancel(**BAD))
    later = transaction.savepoint()
    transaction.savepoint_commit(later)
    first = refused(lambda: transaction.savepoint_commit(kept))
    gone = transaction.savepoint()
    Booking.objects.create(reference="bk_2")
    refused(lambda: cancel(**BAD))
    transaction.savepoint_rollback(gone)
    Booking.objects.create(reference="bk_3")
    cancel("bk_3")
tell([first, bookings(), waiting()])
""")
    message, bookings, waiting = told
    assert message.startswith("key: begins with outbox:")
    assert (bookings, waiting) == (["bk_3"], ["bk_3"])


def test_one_word_lets_the_change_go_on_without_its_entry(host: Host) -> None:
    told = host.run("""
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    told = [refused(lambda: cancel(may_refuse=True, **BAD))]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE indelible_outbox RENAME TO gone" if connection.vendor == "sqlite" else
                       "ALTER SCHEMA indelible RENAME TO gone")
    told.append(refused(lambda: cancel(may_refuse=True)))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO indelible_outbox" if connection.vendor == "sqlite" else
                       "ALTER SCHEMA gone RENAME TO indelible")
    cancel("bk_2", may_refuse=True)
tell([told, bookings(), waiting()])
""")
    messages, bookings, waiting = told
    assert all(messages)
    assert (bookings, waiting) == (["bk_1"], ["bk_2"])


def test_a_refusal_ends_with_a_connection_that_is_closed(host: Host) -> None:
    told = host.run("""
with suppress(RuntimeError), transaction.atomic():
    Booking.objects.create(reference="bk_1")
    refused(lambda: cancel(**BAD))
    connection.close()
    raise RuntimeError
with transaction.atomic():
    Booking.objects.create(reference="bk_2")
    cancel("bk_2")
tell([bookings(), waiting()])
""")
    assert told == [["bk_2"], ["bk_2"]]


def test_a_second_database_in_whose_transaction_the_change_is_not_is_refused(host: Host) -> None:
    told = host.run("""
def act():
    with transaction.atomic(using="other"):
        Booking.objects.using("other").create(reference="bk_1")
        told.append(refused(cancel))
told = []
told.append(refused(act))
tell([told, bookings("other"), waiting(), waiting("other")])
""")
    messages, bookings, here, there = told
    sentence = (
        "using: the outbox of default is in no transaction and other is in one, so they would not commit together; say "
        "using='other', or open atomic(using='default')"
    )
    assert messages == [sentence, sentence]
    assert (bookings, here, there) == ([], [], [])


def test_the_outbox_is_in_the_database_of_the_target(host: Host) -> None:
    told = host.run("""
with transaction.atomic(using="other"):
    booking = Booking.objects.using("other").create(reference="bk_1")
    record(BookingCancelled(), target=booking, actor=MARIA)
    record(BookingCancelled(), target=("booking", "bk_2"), client=booking, actor=MARIA)
    cancel("bk_3", using="other")
tell([waiting(), waiting("other")])
""")
    assert told == [[], ["bk_1", "bk_2", "bk_3"]]


def test_what_is_apart_survives_the_rollback(host: Host) -> None:
    told = host.run("""
with suppress(RuntimeError), transaction.atomic():
    Booking.objects.create(reference="bk_1")
    with transaction.atomic():
        cancel("bk_1", apart=True)
    cancel("bk_2")
    raise RuntimeError
failed = [bookings(), waiting()]
with transaction.atomic():
    Booking.objects.create(reference="bk_3")
    cancel("bk_3", apart=True)
cancel("bk_4", apart=True)
tell([failed, bookings(), waiting()])
""")
    assert told == [[[], ["bk_1"]], ["bk_3"], ["bk_1", "bk_3", "bk_4"]]


def test_a_refusal_apart_does_not_stop_the_transaction(host: Host) -> None:
    told = host.run("""
with transaction.atomic():
    Booking.objects.create(reference="bk_1")
    message = refused(lambda: cancel(apart=True, **BAD))
tell([message, bookings(), waiting()])
""")
    message, bookings, waiting = told
    assert message.startswith("key: ")
    assert (bookings, waiting) == (["bk_1"], [])


def test_a_drainer_is_woken_after_a_commit_and_not_after_a_rollback(host: Host) -> None:
    told = host.run("""
with override_settings(INDELIBLE_OUTBOX_WAKE="bookings.who.wake"):
    with suppress(RuntimeError), transaction.atomic():
        cancel()
        raise RuntimeError
    told = [len(who.woken)]
    with transaction.atomic():
        cancel()
        told.append(len(who.woken))
    told.append(len(who.woken))
    cancel()
    told.append(len(who.woken))
    cancel(apart=True)
    told.append(len(who.woken))
tell(told)
""")
    assert told == [0, 0, 1, 2, 3]


def test_history_is_marked_and_says_when_it_was(host: Host) -> None:
    told = host.run("""
past = {"action": "booking.cancelled", "actor": {"kind": "staff", "id": "usr_12"},
        "target": {"kind": "booking", "id": "bk_1"}, "occurred_at": "2019-05-03T14:22:31Z"}
with transaction.atomic():
    record_imported(past)
    record(past | {"target": {"kind": "booking", "id": "bk_2"}})
def act():
    with transaction.atomic():
        Booking.objects.create(reference="bk_1")
        refused(lambda: record_imported({**past, "occurred_at": None}))
message = refused(act)
tell([[int(one) for (one,) in ask(f"SELECT imported FROM {OUTBOX} ORDER BY id")], message, bookings()])
""")
    assert told == [[1, 0], "occurred_at: is missing; history says when it happened", []]
