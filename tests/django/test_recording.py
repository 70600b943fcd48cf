"""An entry is part of Django's transaction: it commits and rolls back with the change that it tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.django.conftest import Host


def test_a_change_and_its_entry_are_committed_together_with_what_the_request_says(host: Host) -> None:
    told = host.run("""
from django.contrib.auth.models import User
book("bk_1")
client = Client(SERVER_NAME="localhost", HTTP_USER_AGENT="Mozilla/5.0 (iPhone)", REMOTE_ADDR="203.0.113.9")
client.force_login(User.objects.create_user("maria", first_name="Maria", last_name="Fernandes"))
assert client.post("/cancel/bk_1/").status_code == 200
entry = journal().clinic().entry(1)
tell([Booking.objects.get().cancelled, entry.sentence, entry.client["id"], entry.request, entry.document()])
""")
    cancelled, sentence, client, request, document = told
    assert (cancelled, sentence, client) == (True, "Maria Fernandes cancelled reservation bk_1", "cli_77")
    assert request == {"channel": "staff_web", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (iPhone)"}
    assert document["operation"].startswith("op_")


def test_what_rolls_back_takes_its_entry_with_it(host: Host) -> None:
    left = host.run("""
booking = book("bk_1")
try:
    with transaction.atomic(), recording_as(MARIA):
        Booking.objects.update(cancelled=True)
        record(BookingCancelled(), target=booking)
        raise RuntimeError
except RuntimeError:
    tell(Booking.objects.filter(cancelled=True).count())
""")
    assert left == 0
    assert host.sentences() == []


def test_a_savepoint_that_rolls_back_takes_its_entry_with_it_and_no_number_is_skipped(host: Host) -> None:
    host.run("""
with transaction.atomic(), recording_as(MARIA):
    record(BookingCancelled(), target=("booking", "bk_1"))
    for depth in (1, 2):
        try:
            with transaction.atomic():
                record(BookingCancelled(), target=("booking", "bk_gone"))
                if depth == 2:
                    with transaction.atomic():
                        record(BookingCancelled(), target=("booking", "bk_gone_too"), client=("cli_new", "Nobody Yet"))
                raise RuntimeError
        except RuntimeError:
            pass
    with transaction.atomic():
        record(BookingCancelled(), target=("booking", "bk_2"), client=("cli_new", "Rita Lopes"))
""")
    assert [line.rpartition(" ")[2] for line in host.sentences()] == ["bk_1", "bk_2"]
    assert [line[0] for line in host.sentences()] == ["1", "2"]


def test_a_process_that_is_killed_before_the_commit_leaves_neither(host: Host) -> None:
    host.run(
        """
booking = book("bk_1")
with transaction.atomic():
    Booking.objects.update(cancelled=True)
    record(BookingCancelled(), target=booking, actor=MARIA)
    os._exit(9)
""",
        code=9,
    )
    assert host.run("tell(Booking.objects.get().cancelled)") is False
    host.run('record(BookingCancelled(), target=("booking", "bk_2"), actor=MARIA)')
    assert host.sentences() == ["1 Maria Fernandes cancelled reservation bk_2"]


MANY = """
for number in range(20):
    with transaction.atomic():
        booking = book(f"bk_{os.getpid()}_{threading.get_ident()}_{number}")
        record(BookingCancelled(), target=booking, client=booking, actor=MARIA)
"""


def test_processes_that_record_at_once_number_their_entries_one_after_the_other(host: Host) -> None:
    processes = [host.script(MANY) for _ in range(2)]
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    assert [int(line.split()[0]) for line in host.sentences()] == list(range(1, 41))
    assert host.run("tell(Booking.objects.count())") == 40


def test_threads_share_the_journal_and_each_has_a_context_of_its_own(host: Host) -> None:
    told = host.run("""
def work(name):
    with recording_as(Staff(f"usr_{name}", name)):
        for number in range(10):
            with transaction.atomic():
                record(BookingCancelled(), target=("booking", f"bk_{name}_{number}"))
    opened.append(journal())
    connection.close()
opened = []
threads = [threading.Thread(target=work, args=(name,)) for name in ("Ana", "Rui", "Eva")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
tell(len(opened) == 3 and len(set(map(id, opened))) == 1)
""")
    assert told is True
    assert len(host.sentences()) == 30
    assert all(f" {line.split()[1]} cancelled reservation bk_{line.split()[1]}_" in line for line in host.sentences())


@pytest.mark.parametrize("threads", [0, 1])
def test_parent_and_child_both_record_after_a_fork(host: Host, threads: int) -> None:
    host.run(f"""
import warnings
warnings.simplefilter("ignore")  # a fork with threads, which is what is tried
stop = threading.Event()
for _ in range({threads}):
    threading.Thread(target=stop.wait, daemon=True).start()
record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
before = journal()
connection.close()
if {threads}:
    close_journal()
child = os.fork()
if child == 0:
    record(BookingCancelled(), target=("booking", "bk_2"), actor=MARIA)
    assert journal() is not before
    close_journal()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
record(BookingCancelled(), target=("booking", "bk_3"), actor=MARIA)
close_journal()
""")
    assert [line.rpartition(" ")[2] for line in host.sentences()] == ["bk_1", "bk_2", "bk_3"]


def test_a_parent_that_closes_does_not_take_the_files_from_under_its_child(host: Host) -> None:
    host.run("""
journal().clinic().checkpoint()
connection.close()
(asked, ask), (answered, answer) = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
    os.write(answer, b".")
    os.read(asked, 1)
    record(BookingCancelled(), target=("booking", "bk_2"), actor=MARIA)
    os._exit(0)
os.read(answered, 1)
close_journal()
os.write(ask, b".")
assert os.waitpid(child, 0)[1] == 0
""")
    assert [line[0] for line in host.sentences()] == ["1", "2"]


def test_a_child_forked_while_others_open_the_journal_is_not_locked_out(host: Host) -> None:
    host.run("""
import signal, warnings
warnings.simplefilter("ignore")
from indelible.django import log
held, stop = threading.Event(), threading.Event()
def hold():
    with log._lock:
        held.set()
        stop.wait(60)
threading.Thread(target=hold, daemon=True).start()
held.wait(60)
child = os.fork()
if child == 0:
    signal.alarm(20)
    record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
stop.set()
""")
    assert len(host.sentences()) == 1


def test_the_same_key_is_the_same_entry_and_another_document_is_refused(host: Host) -> None:
    told = host.run("""
with transaction.atomic(), recording_as(MARIA):
    first = record(BookingCancelled(late=True), target=("booking", "bk_1"), key="k")
with transaction.atomic(), recording_as(MARIA):
    again = record(BookingCancelled(late=True), target=("booking", "bk_1"), key="k")
    book("bk_2")
    try:
        record(BookingCancelled(late=False), target=("booking", "bk_1"), key="k")
    except Conflict:
        tell([first.repeated, again.repeated, first.id == again.id])
""")
    assert told == [False, True, True]
    assert len(host.sentences()) == 1
    assert host.run("tell(Booking.objects.count())") == 1  # the transaction went on


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ('target=("booking", "bk_1"), actor=MARIA, clinic="c_porto"', "NotFound", "there is no clinic c_porto"),
        ('target=("booking", "bk_1")', "InvalidInput", "actor: is not known here"),
        ('target=("voucher", "bk_1"), actor=MARIA', "InvalidInput", "target.kind: must be booking"),
        ('target=object(), actor=MARIA', "InvalidInput", "target: must be a kind and an id"),
        ('target=("booking", "a@b.example"), actor=MARIA', "InvalidInput", "target.id: "),
        ('target=("booking", "bk_1"), client="Bruno", actor=MARIA', "InvalidInput", "client: must be an id and a name"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_without_values_and_the_transaction_can_go_on(
    host: Host, said: str, error: str, words: str
) -> None:
    told = host.run(f"""
with transaction.atomic():
    book("bk_1")
    try:
        record(BookingCancelled(), {said})
    except IndelibleError as error:
        said = [type(error).__name__, str(error)]
    record(BookingCancelled(), target=("booking", "bk_2"), actor=MARIA)
tell([*said, Booking.objects.count()])
""")
    assert (told[0], told[2]) == (error, 1)
    assert told[1].startswith(words)
    assert "Bruno" not in told[1]
    assert "a@b" not in told[1]
    assert host.sentences() == ["1 Maria Fernandes cancelled reservation bk_2"]


def test_nothing_is_recorded_in_a_transaction_that_can_only_roll_back(host: Host) -> None:
    told = host.run("""
from django.db.transaction import TransactionManagementError
try:
    with transaction.atomic():
        try:
            with transaction.atomic(savepoint=False):
                raise RuntimeError
        except RuntimeError:
            pass
        record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
except TransactionManagementError:
    tell("refused")
""")
    assert told == "refused"
    assert host.sentences() == []


def test_outside_of_a_transaction_an_entry_is_one_of_its_own(host: Host) -> None:
    told = host.run("""
record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
tell([connection.in_atomic_block, journal().store.last_checkpoint("c_lisbon").size])
os._exit(0)
""")
    assert told == [False, 1]


def test_the_log_is_signed_after_the_commit_and_not_before(host: Host) -> None:
    before, after = host.run("""
with transaction.atomic():
    with transaction.atomic():
        record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
    before = journal().store.last_checkpoint("c_lisbon")
tell([before, journal().store.last_checkpoint("c_lisbon").size])
os._exit(0)
""")
    assert before is None
    assert after == host.signed() == 1


def test_the_next_transaction_within_the_same_second_is_not_signed_and_closing_signs_it(host: Host) -> None:
    told = host.run("""
log = journal().clinic()
log.clock = lambda: 1_800_000_000_000_000
for number in (1, 2):
    with transaction.atomic():
        record(BookingCancelled(), target=("booking", f"bk_{number}"), actor=MARIA)
tell(log.store.last_checkpoint("c_lisbon").size)
close_journal()
""")
    assert told == 1
    assert host.signed() == 2


def test_a_head_store_that_cannot_be_used_does_not_make_the_commit_fail(host: Host) -> None:
    heads = host.folder / "clinic.db.heads"
    kept = heads.read_bytes()
    host.run("""
journal().clinic()
with open("clinic.db.heads", "wb") as file:
    file.write(b"not a database" * 100)
with transaction.atomic():
    record(BookingCancelled(), target=book("bk_1"), actor=MARIA)
assert Booking.objects.count() == 1
os._exit(0)
""")
    heads.write_bytes(kept)
    assert len(host.sentences()) == 1


def test_a_deferred_transaction_takes_the_lock_when_it_records(host: Host) -> None:
    host.settings('DATABASES["default"]["OPTIONS"].pop("transaction_mode")')
    host.run("""
with transaction.atomic():
    Booking.objects.count()
    record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
""")
    assert len(host.sentences()) == 1


def test_the_jobs_entries_are_its_own_and_come_once(host: Host) -> None:
    host.run("""
from bookings.jobs import cancel_expired
book("bk_1")
for _ in range(2):
    cancel_expired()
    Booking.objects.update(cancelled=False)
entry = journal().clinic().entry(1)
assert entry.request["channel"] == "job", entry.request
assert Booking.objects.count() == 1
""")
    assert len(host.sentences()) == 1


def test_the_projects_own_tests_run_on_a_log_of_their_own(host: Host) -> None:
    for _ in range(2):  # the second run finds the key and the head store of the first
        assert "Ran 1 test" in host.manage("test")
    assert host.sentences() == []


def test_threads_that_end_leave_no_connection_open(host: Host) -> None:
    left = host.run("""
from django.contrib.auth.models import User
from django.core.signals import request_finished
user = User.objects.create_user("maria")
def answer():
    record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
    connection.close()  # as Django does at the end of a request
    request_finished.send(sender=None)
for _ in range(3):
    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()
tell(len(journal().store._open))
""")
    assert left == 0
