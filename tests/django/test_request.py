"""A request says who acts and where from, and its transaction keeps to what was refused; sync and async."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.django.conftest import Host


def test_a_request_says_who_where_from_and_what_belongs_together(host: Host) -> None:
    told = host.run("""
for agent in ("Mozilla/5.0 (iPhone) Mobile", "Mozilla/5.0\\x00\\ud800 (X11)"):
    answer = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR="203.0.113.9").post("/plain")
    assert answer.status_code == 200
tell(documents())
""")
    first, second = told
    assert first["actor"] == {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"}
    assert first["request"] == {
        "channel": "client_app",
        "ip": "203.0.113.9",
        "user_agent": "Mozilla/5.0 (iPhone) Mobile",
    }
    assert first["operation"].startswith("op_")
    assert second["operation"] != first["operation"]
    assert second["request"].keys() == {"ip", "user_agent"}  # nothing is guessed


@pytest.mark.parametrize(("path", "status", "left"), [("/swallowing", 500, []), ("/opted_out", 400, ["bk_1"])])
def test_a_view_that_swallows_a_refusal_fails_with_its_whole_request(
    host: Host, path: str, status: int, left: list[str]
) -> None:
    told = host.run(f"""
answer = Client(raise_request_exception=False).post("{path}")
tell([answer.status_code, bookings(), waiting()])
""")
    assert told == [status, left, []]


def test_what_a_failed_request_recorded_apart_is_there(host: Host) -> None:
    told = host.run("""
answer = Client(raise_request_exception=False).post("/failing")
tell([answer.status_code, bookings(), waiting()])
""")
    assert told == [500, [], ["bk_9"]]


def test_an_async_view_records_within_sync_to_async(host: Host) -> None:
    told = host.run("""
import asyncio
async def ask_both():
    client = AsyncClient(raise_request_exception=False)
    return [(await client.post(path)).status_code for path in ("/awaited", "/awaited_swallowing")]
told = asyncio.run(ask_both())
tell([told, bookings(), waiting(), documents()[0]["operation"][:3]])
""")
    assert told == [[200, 500], ["bk_1"], ["bk_1"], "op_"]


def test_a_job_says_of_itself_who_it_is(host: Host) -> None:
    told = host.run("""
with recording_as(System("job:night"), clinic="c_porto", channel="job", operation="op_night"):
    record(BookingCancelled(), target=("booking", "bk_1"))
(clinic,) = ask(f"SELECT clinic FROM {OUTBOX}")
tell([clinic, documents()[0]])
""")
    (clinic,), document = told
    assert clinic == "c_porto"
    assert document["actor"] == {"kind": "system", "reason": "job:night"}
    assert (document["request"], document["operation"]) == ({"channel": "job"}, "op_night")


def test_without_a_clinic_or_an_actor_it_says_what_to_do(host: Host) -> None:
    told = host.run("""
with override_settings(INDELIBLE_CLINIC=None):
    told = [refused(cancel)]
told.append(refused(lambda: record(BookingCancelled(), target=("booking", "bk_1"))))
tell(told)
""")
    assert told == [
        "clinic: is not known here; give it, say it with recording_as(...), or set INDELIBLE_CLINIC",
        "actor: is not known here; give it, or say it with recording_as(...)",
    ]


def test_threads_each_have_a_transaction_and_a_context_of_their_own(host: Host) -> None:
    told = host.run("""
def work(number):
    with recording_as(Staff(f"usr_{number}")):
        for _ in range(5):
            with suppress(InvalidInput), transaction.atomic():
                cancel(f"bk_{number}", actor=None)
                if number % 2:
                    refused(lambda: cancel(**BAD))
    connections.close_all()
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
tell(sorted((one["target"]["id"], one["actor"]["id"]) for one in documents()))
""")
    assert told == [["bk_0", "usr_0"]] * 5 + [["bk_2", "usr_2"]] * 5
