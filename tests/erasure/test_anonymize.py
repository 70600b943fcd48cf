"""Anonymize: what goes, what stays, and the entry that accounts for it."""

from __future__ import annotations

import threading

import pytest

from indelible.catalogue.bookings import BookingCancelled
from indelible.erasure import anonymizing as erasure
from indelible.errors import InvalidInput, NotFound
from indelible.format import entry
from indelible.keep.personal import Dead, split
from indelible.manage.inspection import inspect
from indelible.proof import merkle
from indelible.record import document
from indelible.record.document import Client, Person, Request, Staff, System
from indelible.testing.logs import assert_intact, event

ANA = {"id": "cli_77", "name": "Ana Planted"}
OTHER = {"id": "cli_78", "name": "Bruno Sousa"}
BY = Staff("usr_12", "Maria Fernandes")
PHONE = {"channel": "client_app", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (iPhone)"}
EURO = {"amount_minor": 4_500, "currency": "EUR"}
STRIPE = {"kind": "integration", "id": "stripe"}

# Ana in every part that a person can have in an entry, with somebody else beside her where that is possible.
ROLES = {
    "actor": event(1, actor={"kind": "client"} | ANA, client=None, request=PHONE),
    "actor and client": event(1, actor={"kind": "client"} | ANA, client=ANA, request=PHONE),
    "client": event(1, client=ANA),
    "acted for by an agent": event(
        1, actor={"kind": "agent", "id": "assistant_1", "name": "Booking assistant",
                  "on_behalf_of": {"kind": "client"} | ANA}, client=None, request=PHONE,
    ),
    "acted for by support": event(
        1, actor={"kind": "support", "id": "sup_1", "on_behalf_of": {"kind": "client"} | ANA}, client=OTHER,
        request=None,
    ),
    "target": event(action="client.created", target={"kind": "client"} | ANA, client=None, context={}),
    "account": event(
        action="account.logged_in", actor={"kind": "client"} | ANA, client=None, context={}, request=PHONE,
        target={"kind": "client", "id": "cli_77", "name": "Ana Planted"},
    ),
    "loyalty account": event(
        action="points.awarded", target={"kind": "loyalty_account", "id": "loy_5", "name": "Ana's points"},
        client=ANA, context={"points": 10},
    ),
    **{role: event(1, client=OTHER, people=[{"role": role} | ANA])
       for role in ("payer", "recipient", "guardian", "mentioned")},
    "key and evidence": event(
        action="charge.succeeded", actor=STRIPE, target={"kind": "charge", "id": "ch_1"}, client=ANA, request=PHONE,
        context=EURO | {"stripe_charge": "ch_3Nabc"}, key="cli_77-pays",
    ),
}  # fmt: skip


def anonymize(log, client="cli_77", **options):
    return log.anonymize(client, **({"requested_by": "client", "actor": BY} | options))


def if_known(log):
    """What anonymizing did, in a list; an empty one where nobody was known."""
    try:
        return [anonymize(log)]
    except NotFound:
        return []


def bodies(log):
    return [row.body for row in log.rows.entries(0, log.size)]


def groups(log):
    """Every sealed group: (seq, token, class) to its values, None where its key is gone."""
    found = {}
    log.sealer.refresh()
    for row in log.rows.entries(0, log.size):
        body = entry.decode(row.body)
        tokens = [bytes.fromhex(text) for text in body.tokens]
        paths = {(group.owner, group.personal_class): group.paths for group in body.groups}
        for owner, personal_class, sealed in split(row.sealed):
            place = (row.seq, tokens[owner], personal_class)
            try:
                found[place] = log.sealer.open_values(row.id, *place[1:], sealed, paths[owner, personal_class]).values
            except Dead:
                found[place] = None
    return found


def said(view):
    """The values of an erasing entry, without its own random key and what it says again of the erasure."""
    assert view.values["key"].startswith("anonymize-")
    erases = view.members["erases"]
    person = view.members["tokens"][erases["person"]]
    assert view.values["erases"] == {"person": person} | {name: erases[name] for name in ("classes", "up_to_seq")}
    return {path: value for path, value in view.values.items() if path not in ("key", "erases")}


@pytest.mark.parametrize("document", ROLES.values(), ids=ROLES)
def test_in_every_role_the_client_loses_names_and_devices_and_the_others_keep_theirs(log, document):
    log.record_document(document)
    log.record_document(event(2, client=OTHER))
    token = log.reading().token("client", "cli_77")
    before, stored = groups(log), bodies(log)
    anonymize(log)
    mine = {place for place in before if place[1] == token and place[2] != "evidence"}
    after = {place: values for place, values in groups(log).items() if place[0] <= 2}
    assert mine
    assert after == {place: None if place in mine else values for place, values in before.items()}
    assert log.scrub() == 1
    left = {place: values for place, values in groups(log).items() if place[0] <= 2}
    assert left == {place: values for place, values in before.items() if place not in mine}
    assert bodies(log)[:2] == stored
    assert log.reading().token("client", "cli_77") is None
    view = log.entry(1)
    gone = {path for place in mine for path in before[place]}
    assert view.states == dict.fromkeys(gone, "erased")
    assert "Planted" not in str(view.document()) + view.sentence
    assert "cli_77" not in str(view.document())


def test_a_person_in_the_context_is_anonymized_as_a_client_only_where_it_is_one(log):
    log.record_document(event(context={"practitioner": {"id": "cli_77", "name": "Rui"}}, client=OTHER))
    with pytest.raises(NotFound):  # a colleague with the same id is another person
        anonymize(log)
    assert log.entry(1).context["practitioner"] == {"id": "cli_77", "name": "Rui"}


def test_the_entry_says_who_asked_and_the_scrubbing_counts_exactly_what_went(log):
    for one in ROLES.values():
        log.record_document(one)
    before = groups(log)
    token = log.reading().token("client", "cli_77")
    done = anonymize(log, requested_by="retention_rule", actor=System("job:retention"))
    view = log.entry(done.entry.seq)
    assert view.members["context"] == {"requested_by": "retention_rule"}
    person = view.members["target"]["person"]
    assert view.members["tokens"][person] == token.hex()
    assert view.members["erases"] == {"person": person, "classes": ["identity", "network"], "up_to_seq": len(ROLES)}
    assert said(view) == {}
    assert view.who == "System"
    mine = {place: values for place, values in before.items() if place[1] == token}
    counted = {
        name: sum(len(values) for place, values in mine.items() if place[2] == name)
        for name in ("identity", "network", "evidence")
    }
    assert log.scrub() == 1
    assert log.entry(log.size).action == "log.scrubbed"
    assert log.entry(log.size).members["context"] == {
        "erased_by": done.entry.seq, "entries": len({place[0] for place in mine}),
        "identity_values": counted["identity"], "network_values": counted["network"],
    }  # fmt: skip
    kept = {place: values for place, values in groups(log).items() if place[1] == token}
    assert sum(map(len, kept.values())) == counted["evidence"] == 1
    assert log.scrub() == 0


@pytest.mark.parametrize(
    ("client", "error", "words"),
    [
        ("cli_77", NotFound, "no client is known by this id: none was recorded with it, or the client was anonymized"),
        ("cli_nobody", NotFound, "Give the id by which your system knows the client"),
        ("Ana Planted", NotFound, "no name, address or number"),
        ("usr_12", NotFound, "record staff.deactivated; if the same person is a client too, give the client's id"),
        ("sup_1", NotFound, "the id of somebody of the staff"),
        ("client/cli_78", NotFound, "give the id alone"),
        ("ana@planted.example", InvalidInput, "client: looks like an e-mail address"),
        (" cli_78", InvalidInput, "client: is empty or has white space around it"),
        ("", InvalidInput, "client: is empty"),
        ("Planted\udc80", InvalidInput, "client: holds a control or invisible character"),
        (None, InvalidInput, "client: must be text"),
    ],
)
def test_anonymizing_again_or_nobody_is_said_and_writes_nothing(log, client, error, words):
    log.record_document(event(client=ANA))
    log.record_document(event(2, actor={"kind": "support", "id": "sup_1"}, client=OTHER))
    assert anonymize(log).entry.seq == 3
    size, before = log.size, bodies(log)
    with pytest.raises(error) as refused:
        anonymize(log, client)
    assert words in str(refused.value)
    assert "lanted" not in str(refused.value)
    assert (log.size, bodies(log)) == (size, before)
    assert log.entry(1).actor["name"] == "Maria Fernandes"


def test_a_crash_before_the_commit_leaves_everything(log, monkeypatch):
    log.record_document(event())
    before, values = bodies(log), groups(log)

    def crash(*arguments, **options):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(erasure, "append", crash)
        with pytest.raises(RuntimeError):
            anonymize(log)
    assert (bodies(log), groups(log)) == (before, values)
    assert log.entry(1).client == {"id": "cli_77", "name": "Ana Sousa"}
    assert_intact(log)
    assert anonymize(log).entry.seq == 2


def test_no_body_changes_and_an_older_checkpoint_still_comes_out(log):
    for number in range(1, 8):
        log.record_document(event(number, client=ANA))
    signed, before = log.checkpoint(), bodies(log)
    anonymize(log)
    assert bodies(log)[:7] == before
    assert merkle.extend(merkle.Frontier(), map(merkle.leaf_hash, bodies(log)[:7])).root() == signed.root
    assert log.checkpoint().size == 8


def test_the_client_as_actor_leaves_no_id_no_name_and_no_device(log):
    log.record_document(event())
    actor = Client("cli_77", "Ana Sousa")
    done = anonymize(log, actor=actor, request=Request("client_app", "203.0.113.9", "Mozilla/5.0 (iPhone)"))
    view = log.entry(done.entry.seq)
    assert view.members["actor"] == {"kind": "client", "person": view.members["target"]["person"]}
    assert view.members["channel"] == "client_app"
    assert said(view) == {}
    assert log.reading().token("client", "cli_77") is None


def test_a_member_of_staff_as_actor_is_kept_with_name_and_device(log):
    log.record_document(event())
    done = anonymize(log, requested_by="staff", request=Request("staff_web", "203.0.113.9"))
    assert said(log.entry(done.entry.seq)) == {
        "actor.id": "usr_12", "actor.name": "Maria Fernandes", "request.ip": "203.0.113.9"
    }  # fmt: skip


def test_another_client_as_actor_is_kept(log):
    log.record_document(event())
    done = anonymize(log, requested_by="client", actor=Client("cli_78", "Bruno Sousa"))
    assert log.entry(done.entry.seq).values["actor.name"] == "Bruno Sousa"


@pytest.mark.parametrize("who", ["", "Client", "owner", None])
def test_who_asked_is_one_of_three(log, who):
    log.record_document(event())
    with pytest.raises(InvalidInput, match="requested_by"):
        anonymize(log, requested_by=who)
    assert log.size == 1


def test_a_client_who_returns_is_another_person(log):
    log.record_document(event(1))
    first = log.reading().token("client", "cli_77")
    anonymize(log)
    log.record_document(event(2))
    second = log.reading().token("client", "cli_77")
    assert second not in (None, first)
    assert [view.seq for view in log.read("client:cli_77")] == [3]
    anonymize(log)
    assert log.reading().token("client", "cli_77") is None
    assert [log.entry(seq).who for seq in (1, 3)] == ["Maria Fernandes"] * 2
    assert set(inspect(log).erased) == {1, 3}


@pytest.mark.parametrize("document", [event(key="cli_77-k"), ROLES["key and evidence"]], ids=["plain", "evidence"])
def test_a_key_used_before_answers_with_the_old_entry_and_does_not_bring_the_person_back(log, document):
    first = log.record_document(document)
    anonymize(log)
    again = log.record_document(document)
    assert (again.seq, again.id, again.repeated) == (first.seq, first.id, True)
    assert log.reading().token("client", "cli_77") is None
    assert log.size == 2
    assert_intact(log)


def test_a_key_used_before_in_a_batch_beside_something_else_does_not_bring_the_person_back(log):
    log.record_document(event(1, key="k"))
    anonymize(log)
    drafts = [log.draft(document.parse(one)) for one in (event(1, key="k"), event(2, client=OTHER))]
    assert [result.repeated for result in log.append(drafts)] == [True, False]
    assert log.reading().token("client", "cli_77") is None


def test_a_late_event_of_before_names_a_new_person_whom_nothing_ties_to_the_old(log):
    log.record_document(event(1))
    old = log.entry(1).members["tokens"]
    anonymize(log)
    log.record_document(event(2, occurred_at="2020-01-01T10:00:00Z"))
    assert len(set(log.entry(3).members["tokens"]) & set(old)) == 1  # the receptionist
    assert_intact(log)


def test_what_a_reader_sees_is_an_anonymous_client(log):
    log.record_document(event(1, actor={"kind": "client"} | ANA, client=None))
    anonymize(log)
    view = log.entry(1)
    assert view.who == "Anonymous client"
    assert view.sentence == "Anonymous client cancelled reservation bk_1"
    assert view.actor["name"] is view.actor["id"] is None
    assert log.entry(2).sentence == "Maria Fernandes anonymized a client (asked for by: client)"
    assert list(log.read("Planted")) == []
    assert list(log.read("client:cli_77")) == []


def test_a_writer_at_the_same_time_loses_nothing_and_brings_nobody_back_by_halves(journal, log):
    failed = []
    log.record_document(event(0))

    def record():
        try:
            for number in range(30):
                log.record(BookingCancelled(), actor=BY, target=("booking", f"bk_{number}"),
                           client=Person("cli_77", "Ana Sousa"), people=[Person("cli_78", role="payer")])  # fmt: skip
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    done = [one for _ in range(5) for one in if_known(log)]
    for thread in threads:
        thread.join()
    assert failed == []
    done += if_known(log)
    assert log.size == 61 + len(done)
    people = list(log.rows.persons("all"))
    known = {log.sealer.open_person(row.token, row.sealed)["id"] for row in people if row.erased_by is None}
    assert known == {"usr_12", "cli_78"}
    assert {row.erased_by for row in people} - {None} == {one.entry.seq for one in done}
    assert len(inspect(log).erased) == 61
    assert log.scrub() == len(done)
    assert sum(view.context["entries"] for view in log.read("action:log.scrubbed")) == 61


def test_clinics_are_apart(journal, log):
    porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    for one in (log, porto):
        one.record_document(event())
    anonymize(log)
    assert porto.entry(1).client == {"id": "cli_77", "name": "Ana Sousa"}
    assert porto.size == 1
