"""What the middleware knows of a request: who asks, in which clinic, from where. The next request knows none of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.django.conftest import Host

SEEN = """
from indelible.django.middleware import RecordingMiddleware
from indelible.django.context import current, current_actor, current_clinic
def seen(**meta):
    request = RequestFactory().get("/", **meta)
    return RecordingMiddleware(lambda request: current_request())(request)
"""

ADDRESSES: list[tuple[int, str, str | None, str | None]] = [
    # trusted proxies, REMOTE_ADDR, X-Forwarded-For, the client's address
    (0, "203.0.113.9", None, "203.0.113.9"),
    (0, "203.0.113.9", "198.51.100.1", "203.0.113.9"),
    (0, "203.0.113.9:8443", None, "203.0.113.9"),
    (0, "[2001:db8::1]:443", None, "2001:db8::1"),
    (0, "[2001:DB8::1]", None, "2001:db8::1"),
    (0, "2001:db8:0::1", None, "2001:db8::1"),
    (0, "fe80::1%eth0", None, "fe80::1"),
    (0, "::ffff:203.0.113.9", None, "203.0.113.9"),
    (0, "", None, None),
    (0, "unix:", None, None),
    (1, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
    (1, "10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
    (1, "10.0.0.1", "6.6.6.6,[2001:db8::7]:5000", "2001:db8::7"),
    (1, "10.0.0.1", "6.6.6.6, unknown", None),
    (1, "10.0.0.1", "6.6.6.6, ", None),
    (1, "10.0.0.1", "' OR 1=1 --", None),
    (1, "10.0.0.1", None, None),
    (1, "10.0.0.1", "", None),
    (2, "10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
    (2, "10.0.0.1", "198.51.100.1", None),
    (-1, "203.0.113.9", "6.6.6.6, 7.7.7.7", "203.0.113.9"),
]


def test_the_address_is_the_one_that_the_last_trusted_proxy_saw(host: Host) -> None:
    cases = [[trusted, remote, forwarded] for trusted, remote, forwarded, _ in ADDRESSES]
    found = host.run(f"""{SEEN}
found = []
for trusted, remote, forwarded in json.loads({json.dumps(json.dumps(cases))}):
    with override_settings(INDELIBLE_TRUSTED_PROXIES=trusted):
        more = {{}} if forwarded is None else {{"HTTP_X_FORWARDED_FOR": forwarded}}
        found.append(seen(REMOTE_ADDR=remote, **more).ip)
tell(found)
""")
    assert [(*case, ip) for case, ip in zip(cases, found, strict=True)] == ADDRESSES


@pytest.mark.parametrize("agent", ["Mozilla/5.0\\x00 (iPhone)", "caf\\udce9", "x" * 9_000, ""])
def test_no_user_agent_stops_a_booking(host: Host, agent: str) -> None:
    host.run(f"""{SEEN}
def answer(request):
    record(BookingCancelled(), target=("booking", "bk_1"), actor=MARIA)
    return current_request()
RecordingMiddleware(answer)(RequestFactory().get("/", HTTP_USER_AGENT="{agent}", REMOTE_ADDR="fe80::1%eth0"))
""")
    assert len(host.sentences()) == 1


def test_entries_of_one_request_share_an_operation_and_those_of_two_do_not(host: Host) -> None:
    host.run(f"""{SEEN}
def answer(request):
    for number in range(2):
        record(BookingCancelled(), target=("booking", f"bk_{{number}}"), actor=MARIA)
for _ in range(2):
    RecordingMiddleware(answer)(RequestFactory().get("/"))
record(BookingCancelled(), target=("booking", "bk_9"), actor=MARIA)
operations = [journal().clinic().entry(seq).document().get("operation") for seq in range(1, 6)]
assert operations[0] == operations[1] != operations[2] == operations[3], operations
assert operations[4] is None, operations
""")


def test_nothing_of_a_request_is_left_when_it_is_answered_or_fails(host: Host) -> None:
    told = host.run(f"""{SEEN}
from indelible.django.context import Context
def fail(request):
    raise RuntimeError
seen()
try:
    RecordingMiddleware(fail)(RequestFactory().get("/"))
except RuntimeError:
    pass
tell(current() == Context())
""")
    assert told is True


def test_requests_at_the_same_time_do_not_see_each_other(host: Host) -> None:
    told = host.run(f"""{SEEN}
both, found = threading.Barrier(2), {{}}
def answer(request):
    both.wait(60)
    found[request.META["REMOTE_ADDR"]] = current_request().ip
    both.wait(60)
ask = lambda ip: RecordingMiddleware(answer)(RequestFactory().get("/", REMOTE_ADDR=ip))
threads = [threading.Thread(target=ask, args=(f"203.0.113.{{n}}",)) for n in (1, 2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
tell([list(found) == list(found.values()), len(found)])
""")
    assert told == [True, 2]


def test_async_requests_have_their_own_and_record_in_a_thread(host: Host) -> None:
    host.run(f"""{SEEN}
import asyncio
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.models import User
def work(request):
    with transaction.atomic():
        record(BookingCancelled(), target=("booking", "bk_" + current_request().ip))
async def answer(request):
    await asyncio.sleep(0)
    await sync_to_async(work)(request)
middleware = RecordingMiddleware(answer)
assert iscoroutinefunction(middleware)
async def ask(number):
    request = RequestFactory().get("/", REMOTE_ADDR=f"203.0.113.{{number}}")
    request.user = User(pk=number, first_name="N", last_name=str(number))
    await middleware(request)
async def everybody():
    await asyncio.gather(*map(ask, range(1, 5)))
asyncio.run(everybody())
""")
    assert sorted(line.partition(" ")[2] for line in host.sentences()) == [
        f"N {number} cancelled reservation bk_203.0.113.{number}" for number in range(1, 5)
    ]


def test_the_actor_is_the_user_unless_a_function_of_the_host_says_otherwise(host: Host) -> None:
    (host.folder / "bookings/who.py").write_text("""
from indelible import Support
def actor(request):
    return Support("sup_1", "Support") if request.GET.get("support") else None
def clinic(request):
    return request.GET.get("clinic")
""")
    told = host.run(f"""{SEEN}
from django.contrib.auth.models import AnonymousUser, User
class Bare:
    is_authenticated, pk = True, 7
found = []
def ask(user, path="/"):
    request = RequestFactory().get(path)
    request.user = user
    RecordingMiddleware(lambda request: found.append([current_actor(), current_clinic()]))(request)
ask(User(pk=12, first_name="Maria", last_name="Fernandes"))
ask(User(pk=13))
ask(AnonymousUser())
ask(Bare())
with override_settings(INDELIBLE_ACTOR="bookings.who.actor", INDELIBLE_CLINIC="bookings.who.clinic"):
    ask(User(pk=12), "/?support=1&clinic=c_porto")
    ask(User(pk=12))
    found.append([current_actor(), current_clinic()])
tell([[actor and [actor.kind, actor.id, actor.name], clinic] for actor, clinic in found])
""")
    assert told == [
        [["staff", "12", "Maria Fernandes"], "c_lisbon"],
        [["staff", "13", None], "c_lisbon"],
        [None, "c_lisbon"],
        [["staff", "7", None], "c_lisbon"],
        [["support", "sup_1", "Support"], "c_porto"],
        [None, None],
        [None, None],
    ]


def test_nobody_is_taken_for_staff_without_a_word_of_it(host: Host) -> None:
    """A client who books for themselves signs in too: filed as staff, they would outlive their own anonymization."""
    told = host.run(f"""{SEEN}
from django.contrib.auth.models import AnonymousUser, User
def ask(user):
    request = RequestFactory().get("/")
    request.user = user
    found = []
    RecordingMiddleware(lambda request: found.append(current_actor()))(request)
    return found[0] and [found[0].kind, found[0].id]
found = []
for setting in ("staff", "client", None):
    with override_settings(INDELIBLE_ACTOR=setting):
        found.append(ask(AnonymousUser()))
        try:
            found.append(ask(User(pk=12, username="Planted")))
        except InvalidInput as error:
            found.append(str(error))
tell(found)
""")
    assert told[:5] == [None, ["staff", "12"], None, ["client", "12"], None]
    assert told[5].startswith("actor: is a signed-in user, and nothing says whether that is staff or a client")
    assert "Planted" not in told[5]


def test_what_a_job_says_holds_in_its_block_and_inner_blocks_add_to_it(host: Host) -> None:
    told = host.run(f"""{SEEN}
def now():
    actor, request = current_actor(), current_request()
    return [actor and actor.reason, current_clinic(), request.channel, current().operation]
found = [now()]
with recording_as(System("job:a"), clinic="c_porto", operation="op_1"):
    with recording_as(System("job:b"), channel="job"):
        found.append(now())
    found.append(now())
found.append(now())
tell(found)
""")
    assert told == [
        [None, "c_lisbon", None, None],
        ["job:b", "c_porto", "job", "op_1"],
        ["job:a", "c_porto", None, "op_1"],
        [None, "c_lisbon", None, None],
    ]
