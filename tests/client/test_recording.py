"""Recording over HTTP: what is sent, what comes back, and what is tried again with the same key."""

from __future__ import annotations

from typing import Any

import pytest
from tests.client.conftest import AT_ONCE, KEY

from indelible import Staff
from indelible.catalogue.bookings import BookingCancelled
from indelible.client import (
    Client,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    Receipt,
    Refused,
    Unavailable,
    document,
)
from indelible.client.retrying import Retry, asked
from indelible.testing.logs import event


def test_an_action_is_sent_as_its_document_with_a_key_made_for_it(client, server):
    receipt = client.record(
        BookingCancelled(late=True),
        actor=Staff("usr_12", "Maria Fernandes"),
        target=("booking", "bk_1"),
        client=("c1",),
    )
    (sent,) = server.taken["c_lisbon"].values()
    assert receipt == Receipt("accepted", sent["key"])
    assert sent["actor"] == {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"}
    assert (sent["action"], sent["context"], sent["client"]) == ("booking.cancelled", {"late": True}, {"id": "c1"})
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_what_an_action_cannot_say_is_refused_before_anything_is_sent(client, server):
    with pytest.raises(InvalidInput, match=r"^actor: "):
        client.record(BookingCancelled(late=True), target=("booking", "bk_1"))
    with pytest.raises(InvalidInput, match="must be JSON"):
        client.record(event(context={"late": float("nan")}))
    with pytest.raises(InvalidInput, match="more than 49152 bytes"):
        client.record(event(context={"reason_text": "x" * 50_000}))
    with pytest.raises(InvalidInput, match="whole document"):
        client.record(event(), actor=Staff("usr_12"))
    assert server.asked == []


@pytest.mark.parametrize(
    "failure",
    [
        "lost",
        (408, {}),
        (429, {"Retry-After": "0"}),
        (502, {"Content-Type": "text/html"}, b"<html>bad gateway</html>"),
        (503, {}),
        (504, {}),
    ],
)
def test_what_passes_by_itself_is_tried_again_with_the_same_bytes(client, server, failure):
    server.failures.extend([failure, failure])
    receipt = client.record(event())
    assert [receipt.key] == server.keys_of()
    assert receipt.status == ("existing" if failure == "lost" else "accepted")
    assert len(server.asked) == 3
    assert all(body == server.bodies[0] for body in server.bodies)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (401, NotAllowed), (403, NotAllowed), (404, NotFound), (409, Conflict), (413, Refused),
     (415, Refused), (422, Refused), (301, Refused)],
)  # fmt: skip
def test_what_does_not_pass_is_tried_once_and_has_a_type(client, server, status, kind):
    server.failures.append((status, {}))
    with pytest.raises(kind):
        client.record(event())
    assert len(server.asked) == 1


def test_a_refusal_names_field_and_pointer(client, server):
    server.refuses = lambda _: {"status": 422, "detail": "context.late: must be true", "field": "context.late",
                                "pointer": "/context/late"}  # fmt: skip
    with pytest.raises(Refused) as refused:
        client.record(event())
    assert (refused.value.field, refused.value.pointer, refused.value.status) == ("context.late", "/context/late", 422)
    assert str(refused.value) == "context.late: must be true"


def test_it_gives_up_after_its_tries_and_the_same_document_is_then_recorded_once(client, server):
    server.failures.extend([(503, {"Retry-After": "0"})] * 4 + ["lost"])
    with pytest.raises(Unavailable):
        client.record(event(key="mine"))
    assert len(server.asked) == 5
    assert client.record(event(key="mine")).status == "existing"
    assert server.keys_of() == ["mine"]


def test_a_retry_after_that_is_too_long_is_the_callers_to_decide(client, server):
    server.failures.append((429, {"Retry-After": "120"}))
    with pytest.raises(Unavailable) as unavailable:
        client.record(event())
    assert unavailable.value.retry_after == 120
    assert len(server.asked) == 1


def test_a_service_that_is_not_there_is_unavailable_and_no_message_holds_a_value(server):
    server.stop()
    with Client(server.url, KEY, clinic="c_lisbon", retry=AT_ONCE) as client, pytest.raises(Unavailable) as unavailable:
        client.entry("ana@example.org")
    assert str(unavailable.value) == "the service cannot be reached; try again later"


def test_the_page_of_a_proxy_is_no_receipt(client, server):
    server.failures.append((200, {"Content-Type": "text/html"}, b"<html>Welcome to the hotel of Ana</html>"))
    with pytest.raises(Unavailable) as unavailable:
        client.record(event())
    assert "Ana" not in str(unavailable.value)
    server.failures.append((200, {"Content-Type": "application/json"}, b'{"status":"accepted","key":"another"}'))
    with pytest.raises(Unavailable):
        client.record(event())


def test_each_of_many_has_its_outcome_in_order(client, server):
    server.refuses = lambda one: {"status": 422, "field": "actor", "pointer": "/actor"} if one["key"] == "b" else None
    client.record(event(1, key="a"))
    found = client.record_many([event(1, key="a"), event(2, key="b"), event(3, key="c"), event(4, key="a")])
    assert [type(one) for one in found] == [Receipt, Refused, Receipt, Conflict]
    assert [one.status for one in found if isinstance(one, Receipt)] == ["existing", "accepted"]
    assert found[1].pointer == "/actor"


def test_more_than_a_request_holds_goes_in_parts_in_order_and_each_to_its_clinic(server):
    many: list[Any] = [event(n, key=f"k{n}", clinic="c_lisbon") for n in range(1, 1203)]
    many += [event(n, key=f"k{n}", clinic="c_porto") for n in range(1, 4)]
    with Client(server.url, KEY, retry=AT_ONCE) as client:
        found = client.record_many(many)
    assert len(found) == 1205
    assert server.keys_of("c_lisbon") == [f"k{n}" for n in range(1, 1203)]
    assert server.keys_of("c_porto") == ["k1", "k2", "k3"]
    assert len(server.asked) == 3
    assert server.headers[0]["content-encoding"] == "gzip"


def test_all_or_none_is_one_request_or_refused(client, server):
    client.record_many([event(n) for n in range(1500)], atomic=True)
    assert [path for _, path in server.asked] == ["/api/v1/clinics/c_lisbon/entries?atomic=true"]
    with pytest.raises(InvalidInput, match="10000 documents"):
        client.record_many([event(n) for n in range(10_001)], atomic=True)


def test_a_document_made_of_an_action_keeps_its_key(client, server):
    made = document(BookingCancelled(late=True), actor=Staff("usr_12"), target=("booking", "bk_1"))
    client.record_many([made, made])
    assert server.keys_of() == [made["key"]]


def test_a_client_without_a_clinic_says_so(server):
    with Client(server.url, KEY, retry=AT_ONCE) as client:
        with pytest.raises(InvalidInput, match="clinic: is missing"):
            client.record(event())
        assert client.of("c_porto").record(event()).status == "accepted"
        with pytest.raises(InvalidInput, match="another one"):
            client.of("c_porto").record(event(clinic="c_lisbon"))
    assert len(server.keys_of("c_porto")) == 1


@pytest.mark.parametrize("url", ["", "log.example", "ftp://log.example", "https://", "https://me:x@log.example", 3,
                                 "https://log.example/?a=1", "https://log.example:port"])  # fmt: skip
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidInput, match=r"^url: "):
        Client(url, KEY)


def test_a_key_that_is_none_is_refused_and_not_shown():
    for key in ("", "two words", "sch\u00f6n", "line\n", None):
        with pytest.raises(InvalidInput) as refused:
            Client("https://log.example", key)  # type: ignore[arg-type]
        assert "two words" not in str(refused.value)


def test_pauses_double_with_jitter_up_to_a_bound():
    retry = Retry(tries=20, first=0.25, longest=10.0)
    for tried in range(1, 20):
        most = min(10.0, 0.25 * 2 ** (tried - 1))
        assert all(most / 2 <= (retry.pause(tried) or 0) <= most for _ in range(50))
    assert retry.pause(20) is None
    assert (retry.pause(1, 7.0) or 0) == 7.0


def test_a_retry_after_is_a_number_or_a_date():
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert asked("7") == 7
    assert asked("Wed, 21 Oct 2026 07:28:30 GMT", date) == 30
    assert asked("Wed, 21 Oct 2026 07:27:30 GMT", date) == 0
    assert [asked(one, date) for one in (None, "", "soon", "-3", "٣")] == [None] * 5
    assert asked("9" * 400) == 86_400
