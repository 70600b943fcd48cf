"""Letters go through a real mail server: who gets which, what is in them, and that nothing is lost where it fails."""

from __future__ import annotations

import email
import email.policy
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from indelible.format import instant
from indelible.proof import letter
from indelible.testing.logs import event

from .conftest import AGENT

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)


class Server:
    """A mail server: keeps what it takes, and answers as it is told before it does."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        self.refuse_data = self.refuse_rcpt = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.refuse_rcpt and self.refuse_rcpt in address:
            return f"550 {address} is nobody"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse_data:
            return self.refuse_data
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.taken.extend((address, message) for address in envelope.rcpt_tos)
        return "250 OK"

    def to(self, user: Any) -> list[Any]:
        return [message for address, message in self.taken if address == user.email]


def text(message: Any) -> str:
    return str(message.get_body(("plain",)).get_content())


@pytest.fixture(scope="module")
def smtp() -> Iterator[tuple[Server, int]]:
    handler = Server()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture
def post(service: Any, smtp: tuple[Server, int]) -> Iterator[Any]:
    """What sends; its clock is the machine's until a test sets `now`, and everything else there is sent already."""
    from django.test import override_settings

    from indelible.service.accounts.models import Letter, Membership
    from indelible.service.run.letter_post import Post
    from indelible.service.shared_journal import journal

    server, port = smtp
    server.taken.clear()
    server.refuse_data = server.refuse_rcpt = ""

    class Sending(Post):
        now: int | None = None

        def __init__(self) -> None:
            super().__init__(lambda: journal().clock() if self.now is None else self.now)

        server: Server = smtp[0]

    Membership.objects.update(letters="never")  # of other tests
    Letter.objects.all().delete()
    mail = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": port, "EMAIL_TIMEOUT": 2, "EMAIL_USE_TLS": False,
            "DEFAULT_FROM_EMAIL": "log@clinic.example"}  # fmt: skip
    with override_settings(**mail):
        made = Sending()
        made.once()
        server.taken.clear()
        yield made


def joined(user: Any, days: int) -> None:
    """Let somebody have joined so many days ago."""
    user.memberships.update(since=datetime.now(UTC) - timedelta(days=days))


@pytest.fixture
def owner(service: Any, post: Any) -> tuple[Any, Any]:
    """An owner of long standing, and their clinic with something in it."""
    log = service.clinic()
    service.fill(log, "Zebra")
    user = service.user("owner", log)
    joined(user, 40)
    return user, log


def week_later(log: Any) -> int:
    """A Monday at eight in Lisbon, behind all that was recorded."""
    from indelible.service.run.letter_post import due

    now: int = log.clock()
    after = due("week", now, "Europe/Lisbon") + (7 * 24 + 8) * 3_600_000_000
    return after if after > now else after + 7 * 86_400_000_000


# When


@pytest.mark.parametrize(("kind", "now", "until"), [
    ("week", "2026-11-30T06:59:00Z", "2026-11-23"),
    ("week", "2026-11-30T07:00:00Z", "2026-11-30"),
    ("week", "2026-12-06T23:59:00Z", "2026-11-30"),
    ("day", "2026-12-02T06:59:00Z", "2026-12-01"),
    ("day", "2026-12-02T07:00:00Z", "2026-12-02"),
])  # fmt: skip
def test_a_letter_is_due_at_seven_in_the_clinics_morning(service, kind, now, until):
    from indelible.service.run.letter_post import due

    assert due(kind, instant.parse(now, ""), "Europe/Lisbon") == instant.parse(f"{until}T00:00:00Z", "")


# Who, and what


def test_an_owner_gets_one_letter_a_week_with_the_logs_checkpoint_at_its_foot(post, owner):
    user, log = owner
    post.now, signed = week_later(log), log.checkpoint().note
    post.once()
    post.once()
    (message,) = post.server.to(user)
    assert message["Subject"].strip() == "Activity log of Clínica da Graça: 1 thing to look at"
    said = text(message)
    assert "Maria Zebra deleted the service “Massage Zebra”" in said
    assert "http://localhost:8000/c/" in said
    assert letter.find(message.as_bytes()) == (signed,)
    only_html = message.get_body(("html",)).get_content().encode()
    assert letter.find(only_html) == (signed,)
    assert all(len(line) <= 78 for line in message.as_bytes().splitlines())
    post.now += 7 * 86_400_000_000
    post.once()
    assert "Nothing unusual" in text(post.server.to(user)[1])


def test_no_client_is_named_in_a_letter(post, owner):
    user, log = owner
    log.record_document(event(1, action="charge.refunded", target={"kind": "charge", "id": "ch_9"},
                              actor={"kind": "client", "id": "cli_77", "name": "Ana Sousa"}, client=None,
                              context={"amount_minor": 100, "currency": "EUR", "source": "staff"}))  # fmt: skip
    post.now = week_later(log)
    post.once()
    (message,) = post.server.to(user)
    assert "A client refunded" in text(message)
    assert "Ana Sousa" not in message.as_string() + text(message)
    assert "cli_77" not in message.as_string() + text(message)


def test_a_letter_that_did_not_look_at_everything_says_so(post, owner, monkeypatch):
    from indelible.read import digest

    user, log = owner
    monkeypatch.setattr(digest, "SEARCHED", 1)
    post.now = week_later(log)
    post.once()
    assert "There was more in these days" in " ".join(text(post.server.to(user)[0]).split())


def test_its_days_are_in_its_readers_language(post, owner):
    user, log = owner
    user.language = "pt"
    user.save()
    post.now = week_later(log)
    post.once()
    assert "segunda-feira" in text(post.server.to(user)[0])


def test_it_is_of_the_clinic_alone(post, owner, service):
    user, log = owner
    service.fill(service.clinic("Outra"), "Elsewhere")
    post.now = week_later(log)
    post.once()
    assert "Elsewhere" not in text(post.server.to(user)[0])


def test_who_may_not_verify_who_does_not_want_it_and_who_left_get_none(post, owner, service):
    user, log = owner
    others = [service.user(role, log) for role in ("manager", "staff", "auditor", "owner")]
    others[3].memberships.update(letters="never")
    gone = service.user("owner", log)
    gone.is_active = False
    gone.save()
    for one in (*others, gone):
        joined(one, 40)
    post.now = week_later(log)
    post.once()
    assert {address for address, _ in post.server.taken} == {user.email}


def test_who_joined_behind_the_span_waits_for_the_next_letter(post, owner, service):
    _, log = owner
    late = service.user("owner", log)
    post.now = week_later(log)
    late.memberships.update(since=instant.to_datetime(post.now))
    post.once()
    assert post.server.to(late) == []


def test_money_is_in_it_only_with_the_right_to_totals(post, owner, monkeypatch):
    from indelible.service.web.access import Visit

    user, log = owner
    may = Visit.may
    post.now = week_later(log)
    for has in (True, False):
        monkeypatch.setattr(Visit, "may", lambda self, right, has=has: has if right == "totals" else may(self, right))
        post.once()
        assert ("€55.00 came in" in text(post.server.to(user)[-1])) == has
        user.memberships.get().sent_letters.all().delete()


# Recorded


def test_what_was_sent_is_recorded_once_with_how_many_and_without_an_address(post, owner, service):
    user, log = owner
    second = service.user("owner", log)
    joined(second, 40)
    size = log.size
    post.now = week_later(log)
    post.once()
    post.once()
    (entry,) = log.reading().read("action:log.letter_sent")
    assert entry.context | {"letter": "week", "recipients": 2, "to_seq": size} == entry.context
    assert entry.context["checkpoint_size"] >= size
    assert user.email not in str(entry.members) + str(entry.values)


# Where the server fails


def test_a_letter_that_the_server_refuses_for_now_is_sent_later_under_its_message_id(post, owner):
    user, log = owner
    post.server.refuse_data = "451 try again later"
    post.now = week_later(log)
    post.once()
    assert post.server.taken == []
    post.once()  # too early
    post.server.refuse_data = ""
    post.once()
    assert post.server.taken == []
    post.now += 61_000_000
    post.once()
    assert len(post.server.to(user)) == 1


def test_a_crash_behind_the_sending_sends_the_same_letter_again_and_not_another(post, owner, monkeypatch):
    from indelible.service.accounts.models import Letter

    user, log = owner
    post.now = week_later(log)
    post.once()
    Letter.objects.update(sent_at=None, is_recorded=False, next_try_at=post.now)  # as before it was noted
    post.once()
    first, second = post.server.to(user)
    assert first["Message-ID"] == second["Message-ID"]


def test_one_address_that_is_refused_does_not_keep_the_others_and_is_in_no_log(post, owner, service, caplog):
    user, log = owner
    bad = service.user("owner", log)
    joined(bad, 40)
    post.server.refuse_rcpt = bad.email
    post.now = week_later(log)
    with caplog.at_level(logging.DEBUG):
        post.once()
    assert len(post.server.to(user)) == 1
    assert "a letter waits: SMTPRecipientsRefused" in caplog.text
    ours = "\n".join(str(one.args) + one.getMessage() for one in caplog.records if one.name.startswith("indelible"))
    assert "letters" in "".join(one.name for one in caplog.records)
    assert bad.email not in ours
    assert "Zebra" not in ours


def test_a_server_that_is_not_there_is_asked_once_and_all_letters_wait(post, owner, service, caplog):
    from django.conf import settings
    from django.test import override_settings

    from indelible.service.accounts.models import Letter

    _, log = owner
    joined(service.user("owner", log), 40)
    post.now = week_later(log)
    with override_settings(EMAIL_PORT=9), caplog.at_level(logging.ERROR):
        post.once()
        post.once()
    assert sorted(Letter.objects.values_list("tries", flat=True)) == [0, 1]
    assert caplog.text.count("a letter waits") == 1
    assert settings.EMAIL_PORT != 9
    post.now += 61_000_000
    post.once()
    assert len(post.server.taken) == 2


def test_a_server_that_says_nothing_is_left_after_the_timeout_and_nothing_is_lost(post, owner):
    from django.test import override_settings

    user, log = owner
    post.now = week_later(log)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with override_settings(EMAIL_PORT=silent.getsockname()[1], EMAIL_TIMEOUT=0.2):
            post.once()
    assert post.server.taken == []
    post.now += 61_000_000
    post.once()
    assert len(post.server.to(user)) == 1


def test_a_letter_that_is_refused_for_a_week_is_given_up_and_the_next_one_tells_its_days_too(post, owner):
    from indelible.service.accounts.models import Letter

    user, log = owner
    post.server.refuse_data = "554 never"
    post.now = week_later(log)
    for _ in range(40):
        post.once()
        post.now += 6 * 3_600_000_000
    assert Letter.objects.filter(sent_at=None).count() == 1  # the second week's, in the place of the first
    post.server.refuse_data = ""
    post.once()
    assert "Massage Zebra" not in text(post.server.to(user)[0])


# What cannot wait


def sign_in(log: Any, user: Any, agent: str = AGENT, ip: str = "203.0.113.9") -> None:
    log.record_document({
        "action": "account.logged_in", "context": {},
        "actor": {"kind": "staff", "id": user.public_id, "name": user.name},
        "target": {"kind": "staff", "id": user.public_id, "name": user.name},
        "request": {"ip": ip, "user_agent": agent},
    })  # fmt: skip


def test_a_new_device_of_an_owner_is_told_to_the_owners_at_once_and_once(post, owner, service):
    user, log = owner
    other = service.user("owner", log, name="Rui Lopes")
    staff = service.user("staff", log)
    for one in (user, staff):
        sign_in(log, one)
    post.once()
    post.server.taken.clear()
    sign_in(log, user)
    sign_in(log, staff, PHONE)
    post.once()
    assert post.server.taken == []
    sign_in(log, user, PHONE)
    post.once()
    post.once()
    assert {address for address, _ in post.server.taken} == {user.email, other.email}
    (message,) = post.server.to(other)
    assert "signed in from a new device" in message["Subject"]
    assert letter.find(message.as_bytes())


def test_two_factor_that_is_off_is_told_to_the_person_and_the_owners_and_the_person_gets_no_more_than_their_own(
    post, owner, service
):
    user, log = owner
    staff = service.user("staff", log, name="Joana Reis")
    post.once()
    post.server.taken.clear()
    for who in (staff, user):
        target = {"kind": "staff", "id": who.public_id, "name": who.name}
        log.record_document({"action": "account.two_factor_disabled", "actor": target, "target": target, "context": {}})
    post.once()
    (theirs,), (owners,) = post.server.to(staff), post.server.to(user)
    assert "Two-step sign-in was turned off for your account" in text(theirs)
    assert user.name not in text(theirs)
    assert "/account/" in text(theirs)
    assert "BEGIN INDELIBLE" not in text(theirs)
    assert "Joana Reis turned off two-step sign-in" in text(owners)


def test_what_was_recorded_while_nothing_ran_is_told_by_whoever_runs_next(post, owner):
    user, log = owner
    sign_in(log, user)
    post.once()
    post.server.taken.clear()
    sign_in(log, user, PHONE)
    type(post)().once()
    assert len(post.server.to(user)) == 1


def test_many_alarms_are_some_mails_an_hour_and_the_last_one_has_what_waited(post, owner):
    user, log = owner
    sign_in(log, user)
    post.once()
    post.server.taken.clear()
    post.now = log.clock()
    for _ in range(9):
        target = {"kind": "staff", "id": user.public_id, "name": user.name}
        log.record_document({"action": "account.two_factor_disabled", "actor": target, "target": target, "context": {}})
        post.once()
    assert len(post.server.to(user)) == 5
    post.now += 3_601_000_000
    post.once()
    assert len(post.server.to(user)) == 6
    assert text(post.server.to(user)[-1]).count("turned off two-step") == 4


def test_an_alert_that_does_not_name_all_says_how_many_there_are(post, owner):
    user, log = owner
    post.once()
    post.server.taken.clear()
    target = {"kind": "staff", "id": user.public_id, "name": user.name}
    for _ in range(12):
        log.record_document({"action": "account.two_factor_disabled", "actor": target, "target": target, "context": {}})
    post.once()
    (message,) = post.server.to(user)
    assert "12 things about accounts" in " ".join(message["Subject"].split())
    assert text(message).count("turned off two-step") == 10


def test_without_a_mail_server_nothing_is_made_and_nothing_fails(service, owner):
    from django.test import override_settings

    from indelible.service.accounts.models import Letter
    from indelible.service.run.letter_post import Post

    _, log = owner
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend"):
        Post(lambda: week_later(log)).once()
    assert Letter.objects.count() == 0


def test_a_letter_that_another_process_sends_at_this_moment_is_left_to_it(post, owner, monkeypatch):
    from indelible.service.run import letter_post

    user, log = owner
    post.now = week_later(log)
    send = letter_post.send

    def both(one: Any) -> int | None:
        monkeypatch.setattr(letter_post, "send", send)
        other = type(post)()
        other.now = post.now
        other.once()
        return send(one)

    monkeypatch.setattr(letter_post, "send", both)
    post.once()
    assert len(post.server.to(user)) == 1


def test_an_alarm_that_comes_while_an_alert_is_on_its_way_is_told_too(post, owner, monkeypatch):
    from indelible.service.run import letter_post

    user, log = owner
    sign_in(log, user)
    post.once()
    post.server.taken.clear()
    target = {"kind": "staff", "id": user.public_id, "name": user.name}
    off = {"action": "account.two_factor_disabled", "actor": target, "target": target, "context": {}}
    send = letter_post.send

    def meanwhile(one: Any) -> int | None:
        size = send(one)
        monkeypatch.setattr(letter_post, "send", send)
        log.record_document(off)
        type(post)().once()
        return size

    log.record_document(off)
    monkeypatch.setattr(letter_post, "send", meanwhile)
    post.once()
    post.once()
    assert sum(text(one).count("turned off two-step") for one in post.server.to(user)) == 2


# The command


def command(service: Any, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {"INDELIBLE_DATABASE": str(service.database), "INDELIBLE_KEEP_BESIDE": "yes",
                "INDELIBLE_SMTP": f"smtp://127.0.0.1:{port}?security=none"}  # fmt: skip
    program = str(Path(sys.executable).with_name("indelible"))
    return subprocess.run([program, "letter", *arguments], capture_output=True, text=True, env=os.environ | settings)


def test_the_command_prints_the_letter_and_sends_what_is_due(service, post, owner, smtp):
    user, log = owner
    printed = command(service, smtp[1], "--clinic", log.clinic.id)
    assert printed.returncode == 0, printed.stderr
    assert "Massage Zebra" in printed.stdout
    assert letter.find(printed.stdout.encode()) == (log.checkpoint().note,)
    post.server.refuse_data = "451 later"
    assert command(service, smtp[1], "--send").returncode == 1
    post.server.refuse_data = ""
    user.memberships.get().sent_letters.update(next_try_at=0)
    done = command(service, smtp[1], "--send")
    assert done.returncode == 0, done.stderr
    (message,) = post.server.to(user)
    assert "Nothing unusual was recorded" in text(message)  # of the week before the clinic was there


# The pages


def test_the_letter_can_be_read_and_taken_as_a_file_that_has_the_checkpoint(service, owner):
    user, log = owner
    browser = service.client(user)
    page = browser.get(f"/c/{log.clinic.id}/letter/").content.decode()
    assert "Massage Zebra" in page
    answer = browser.get(f"/c/{log.clinic.id}/letter/file/")
    assert answer["Content-Type"] == "message/rfc822"
    assert letter.find(answer.content) == (log.checkpoint().note,)


def test_where_no_mail_is_set_up_the_pages_say_so(service):
    from django.test import override_settings

    log = service.clinic()
    browser = service.client(service.user("owner", log))
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend"):
        for address in ("letter/", "integrity/"):
            assert "No mail server is set up" in browser.get(f"/c/{log.clinic.id}/{address}").content.decode()


def test_how_often_is_ones_own_choice(service, owner):
    user, log = owner
    browser = service.client(user)
    address = f"/c/{log.clinic.id}/letter/"
    assert browser.post(address, {"often": "day"}).status_code == 302
    assert user.memberships.get().wants_letters == "day"
    refused = browser.post(address, {"often": "hourly"})
    assert refused.status_code == 400
    assert "How often: choose one of the three." in refused.content.decode()
    assert user.memberships.get().wants_letters == "day"


def compare(browser: Any, log: Any, kept: bytes, *, as_file: bool = False) -> tuple[int, str]:
    from django.core.files.uploadedfile import SimpleUploadedFile

    data = {"file": SimpleUploadedFile("letter.eml", kept)} if as_file else {"letter": kept.decode()}
    answer = browser.post(f"/c/{log.clinic.id}/integrity/letter/", data, follow=True)
    return answer.status_code, " ".join(answer.content.decode().split())


@pytest.mark.parametrize("as_file", [False, True])
def test_a_kept_letter_is_compared_in_the_browser(service, as_file):
    log = service.clinic()
    service.fill(log)
    kept = letter.block(log.checkpoint().note)
    size = log.size
    service.fill(log)
    status, page = compare(service.client(service.user("owner", log)), log, kept.encode(), as_file=as_file)
    assert status == 200
    assert "Nothing of before was rewritten." in page
    assert f"This letter covers entries 1 to {size}, up to " in page


def test_a_letter_of_another_clinic_is_told_from_this_ones(service):
    log, other = service.clinic(), service.clinic()
    for one in (log, other):
        service.fill(one)
    kept = letter.block(other.checkpoint().note)
    _, page = compare(service.client(service.user("owner", log)), log, kept.encode())
    assert "This is not a letter of this log." in page


def test_what_came_of_a_letter_is_told_to_whoever_gave_it_and_not_as_said_of_another_one(service, monkeypatch):
    from indelible.access import Access
    from indelible.service.web.pages import integrity

    log, other = service.clinic(), service.clinic()
    for one in (log, other):
        service.fill(one)
    mine, strange = (letter.block(one.checkpoint().note).encode() for one in (log, other))
    user, auditor = service.user("owner", log), service.user("auditor", log)
    go_on, compared = threading.Event(), Access.compare

    def slow(self: Any, *given: Any) -> Any:
        assert go_on.wait(30)
        return compared(self, *given)

    monkeypatch.setattr(Access, "compare", slow)
    monkeypatch.setattr(integrity, "_SECONDS_TO_COMPARE", 0.0)
    assert compare(service.client(user), log, mine)[0] == 200
    status, page = compare(service.client(user), log, strange)
    assert (status, "Another letter of yours is being compared" in page) == (400, True)
    assert "Comparing:" not in compare(service.client(auditor), log, b"")[1]
    go_on.set()
    assert integrity.comparisons.wait(f"{log.clinic.id}/{user.public_id}", 30)
    address = f"/c/{log.clinic.id}/integrity/"
    assert "Nothing of before was rewritten." in service.client(user).get(address).content.decode()
    assert "Nothing of before was rewritten." not in service.client(auditor).get(address).content.decode()


def test_what_came_of_a_letter_is_not_said_for_ever(service):
    from indelible.service import shared_state

    log = service.clinic()
    service.fill(log)
    user = service.user("owner", log)
    browser = service.client(user)
    assert "Nothing of before was rewritten." in compare(browser, log, letter.block(log.checkpoint().note).encode())[1]
    mine = f"compare {log.clinic.id}/{user.public_id}"
    shared_state.shared_state().change(
        lambda db: db.execute("UPDATE task SET at = at - 3601000000 WHERE whose = ?", (mine,))
    )
    assert "Nothing of before was rewritten." not in browser.get(f"/c/{log.clinic.id}/integrity/").content.decode()


@pytest.mark.parametrize(("kept", "says"), [
    (b"", "Paste the letter, or choose its file."),
    (b"hello", "There is no signed checkpoint in this."),
    (b"&#" + b"1" * 5_000, "There is no signed checkpoint in this."),
    (b"-----BEGIN INDELIBLE CHECKPOINT 1-----\nx\n-----END INDELIBLE CHECKPOINT 1-----", "damaged on the way"),
    (b"-----BEGIN INDELIBLE CHECKPOINT 7-----\nx\n-----END INDELIBLE CHECKPOINT 7-----", "newer kind"),
])  # fmt: skip
def test_what_is_no_letter_is_answered_in_a_sentence(service, kept, says):
    log = service.clinic()
    service.fill(log)
    browser = service.client(service.user("owner", log))
    compare(browser, log, letter.block(log.checkpoint().note).encode())
    status, page = compare(browser, log, kept)
    assert status == 400
    assert says in page
    assert "Nothing of before was rewritten." not in page  # that was said of the letter before


def test_the_verdict_comes_first_and_says_when_by_whom_and_how_much_came_since(service):
    log = service.clinic()
    service.fill(log)
    browser = service.client(service.user("owner", log, name=f"Inês {secrets.token_hex(3)}"))
    address = f"/c/{log.clinic.id}/integrity/"
    assert "Not checked yet." in browser.get(address).content.decode()
    browser.post(f"{address}verify/")
    from indelible.service.web.pages.integrity import checks

    assert checks.wait(log.clinic.id, 30)
    page = browser.get(address).content.decode()
    assert page.index("Nothing was changed since it was recorded.") < page.index("Was everything recorded?")
    assert "by Inês" in page
    assert "Nothing came since." in page
    service.fill(log)
    assert "entries came since." in browser.get(address).content.decode()
