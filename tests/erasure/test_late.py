"""A record about somebody who was erased, of what was before it: it comes late, and the name does not come back."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from tests.outbox.conftest import Host

from indelible.cli import main
from indelible.drain.passes import drain_once
from indelible.errors import Conflict, NotFound
from indelible.journal import Journal
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import assert_intact, event

BY = Staff("usr_12", "Maria Fernandes")
ANA = {"id": "cli_77", "name": "Ana Planted"}
BRUNO = {"id": "cli_78", "name": "Bruno Kept"}
BEFORE, AFTER = "2026-05-03T10:00:00Z", "2026-05-03T12:30:00Z"
PLANTED = ["Ana Planted", "cli_77", "planted-text"]


def anonymize(log, client="cli_77"):
    return log.anonymize(client, requested_by="client", actor=BY)


@pytest.fixture
def erased(log, clock):
    """A log in which Ana was met and erased at 12:22:31, and it is 12:32:31 now."""
    log.record_document(event(1, client=ANA, occurred_at=BEFORE))
    log.record_document(event(2, client=BRUNO, occurred_at=BEFORE))
    anonymize(log)
    clock.advance(600)
    return log


def late(number=9, **members):
    text = {"late": True, "notice_minutes": 90, "reason_text": "planted-text"}
    return event(number, **({"client": ANA, "occurred_at": BEFORE, "context": text} | members))


def left(log, seq):
    """All that can be read of an entry."""
    view = log.entry(seq)
    return str(view.document()) + str(view.members) + str(view.values) + view.sentence


def test_the_name_is_left_out_and_the_answer_and_the_entry_say_what(journal, erased, attack):
    done = erased.record_document(late())
    assert done.left_out == ("client.id", "client.name", "context.reason_text", "target.name")
    view = erased.entry(done.seq)
    assert view.members["left_out"] == list(done.left_out)
    assert {path: view.states[path] for path in done.left_out} == dict.fromkeys(done.left_out, "left_out")
    assert view.actor["name"] == "Maria Fernandes"
    assert view.context["notice_minutes"] == 90
    assert [text for text in PLANTED if text in left(erased, done.seq)] == []
    assert attack(journal, PLANTED) == []
    assert erased.reading().token("client", "cli_77") is None
    assert list(erased.read("client:cli_77")) == []


def test_nothing_ties_late_records_to_each_other_or_to_the_erased(erased):
    seqs = [1, *(erased.record_document(late(number)).seq for number in (8, 9))]
    clients = [view.members["tokens"][view.members["client"]["person"]] for view in map(erased.entry, seqs)]
    assert len(set(clients)) == 3
    rows = {row.token.hex() for row in erased.rows.persons("all")}
    assert rows & set(clients) == {clients[0]}


@pytest.mark.parametrize(
    ("members", "gone"),
    [
        ({"actor": {"kind": "client"} | ANA, "client": None}, {"actor.id", "actor.name"}),
        ({"client": BRUNO, "people": [{"role": "payer"} | ANA]}, {"people.0.id", "people.0.name"}),
        ({"actor": {"kind": "agent", "id": "assistant_1", "on_behalf_of": {"kind": "client"} | ANA}, "client": None},
         {"actor.on_behalf_of.id", "actor.on_behalf_of.name"}),
        ({"action": "client.created", "target": {"kind": "client"} | ANA, "client": None, "context": {}},
         {"target.id", "target.name"}),
    ],
    ids=["actor", "payer", "acted for", "target"],
)  # fmt: skip
def test_in_every_part_of_a_document(erased, members, gone):
    done = erased.record_document(late(**members))
    assert gone <= set(done.left_out)
    assert [text for text in PLANTED[:2] if text in left(erased, done.seq)] == []
    if members["client"] == BRUNO:
        assert erased.entry(done.seq).client == BRUNO
        assert erased.entry(done.seq).context["reason_text"] == "planted-text"  # Bruno's


def test_evidence_is_kept_because_it_names_nobody(erased):
    done = erased.record_document(
        late(action="charge.succeeded", actor={"kind": "integration", "id": "stripe"},
             target={"kind": "charge", "id": "ch_1"},
             context={"amount_minor": 100, "currency": "EUR", "stripe_charge": "ch_3Nabc"})
    )  # fmt: skip
    assert erased.entry(done.seq).context["stripe_charge"] == "ch_3Nabc"
    assert [view.seq for view in erased.read("stripe:ch_3Nabc")] == [done.seq]
    assert "client.name" in done.left_out


def test_the_same_key_again_is_the_same_entry_and_says_again_what_was_left_out(erased):
    first = erased.record_document(late(key="k-9"))
    assert "key" in first.left_out
    again = erased.record_document(late(key="k-9"))
    assert (again.seq, again.repeated, again.left_out) == (first.seq, True, first.left_out)
    with pytest.raises(Conflict):
        erased.record_document(late(number=10, key="k-9"))
    assert erased.size == first.seq


def test_a_record_of_after_the_erasure_makes_somebody_new(erased):
    done = erased.record_document(late(occurred_at=AFTER))
    assert done.left_out == ()
    assert erased.entry(done.seq).client == ANA
    assert [view.seq for view in erased.read("client:cli_77")] == [done.seq]


def test_who_returned_is_known_from_their_first_record_on_and_what_was_before_that_is_late(erased, clock):
    first = erased.record_document(late(occurred_at=AFTER))
    assert erased.record_document(late(10)).left_out != ()
    anonymize(erased, "cli_78")  # somebody else's erasure makes nothing late of who is known
    clock.advance(60)
    again = erased.record_document(late(11, occurred_at="2026-05-03T12:30:01Z"))
    assert again.left_out == ()
    assert [view.seq for view in erased.read("client:cli_77")] == [again.seq, first.seq]


def test_late_and_new_in_one_batch_are_told_apart(erased):
    times = [BEFORE, AFTER, BEFORE]
    drafts = [erased.draft(document.parse(late(number, occurred_at=at))) for number, at in enumerate(times, 20)]
    done = erased.append(drafts)
    assert [bool(one.left_out) for one in done] == [True, False, True]


def test_returned_brings_the_client_back_whenever_it_occurred(erased):
    done = erased.record_document(late(returned=True))
    assert done.left_out == ()
    assert erased.entry(done.seq).client == ANA
    assert "returned" not in str(erased.entry(done.seq).members)


def test_somebody_else_s_old_records_are_not_late(erased):
    done = erased.record_document(late(client=BRUNO))
    assert done.left_out == ()
    new = erased.record_document(late(client={"id": "cli_80", "name": "Dora"}, occurred_at="2020-01-01T00:00:00Z"))
    assert erased.entry(new.seq).client["name"] == "Dora"


def test_an_id_that_was_erased_twice_stays_late_until_the_second_time(erased, clock):
    erased.record_document(late(occurred_at=AFTER))
    anonymize(erased)
    clock.advance(600)
    for at in (BEFORE, AFTER, "2026-05-03T12:32:00Z"):
        assert erased.record_document(late(occurred_at=at)).left_out != ()
    done = erased.record_document(late(occurred_at="2026-05-03T12:40:00Z"))
    assert done.left_out == ()
    tokens = {token for view in erased.read() for token in view.members["tokens"]}
    assert erased.sealer.token("client", "cli_77", 2).hex() in tokens
    assert [erased.sealer.token("client", "cli_77", n) for n in (0, 1)] == [None, None]


CASE = "late-after-erasure.jsonl"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a log in which client c1 was anonymized, for commands."""
    for name in ("INDELIBLE_DATABASE", "INDELIBLE_KEEP", "INDELIBLE_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with Journal.create("activity.db", installation="log.example.org") as journal:
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        log.record_document(event(1, client={"id": "c1", "name": "Zelda Quux"}, occurred_at="2026-01-01T10:00:00Z"))
        anonymize(log, "c1")
    return tmp_path


def of_before(shared):
    """The case's document, on a day that is before today whatever today is."""
    return json.loads((shared / "cases" / CASE).read_text("utf-8")) | {"occurred_at": "2026-01-02T10:00:00Z"}


def test_an_import_leaves_the_name_out_and_says_so(folder, shared, attack, capsys):
    (folder / "late.jsonl").write_text(json.dumps(of_before(shared)) + "\n", "utf-8")
    assert main.run(["import", "late.jsonl"]) == 0
    said = capsys.readouterr()
    assert "1 recorded" in said.out
    assert "Of before a person in them was anonymized: 1;" in said.err
    with Journal("activity.db") as journal:
        assert journal.clinic().entry(3).action == "charge.refunded"
        assert attack(journal, ["Zelda", "Quux"]) == []
        assert_intact(journal.clinic())


def test_a_command_that_records_says_what_was_left_out_and_how_to_keep_it(folder, shared, capsys):
    late = of_before(shared)
    assert main.run(["record", json.dumps(late)]) == 0
    said = capsys.readouterr()
    assert "client.id, client.name" in said.err
    assert '"returned": true' in said.err
    assert main.run(["record", "--json", json.dumps(late)]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["client.id", "client.name"]
    assert main.run(["record", "--json", json.dumps(late | {"returned": True})]) == 0
    assert "left_out" not in json.loads(capsys.readouterr().out)
    with Journal("activity.db") as journal:
        assert [view.seq for view in journal.clinic().read("client:c1")] == [5]


def test_what_a_host_s_outbox_brings_late_is_drained_without_the_name(journal, erased, tmp_path, attack):
    host = Host(tmp_path / "host.db")
    for number, client in ((40, ANA), (41, BRUNO)):
        host.put(late(number, client=client))
    with closing(SQLiteSource(host.path)) as source:
        assert drain_once(journal, source).appended == 2
    host.db.close()
    assert erased.entry(4).members["left_out"] == [
        "client.id",
        "client.name",
        "context.reason_text",
        "key",
        "target.name",
    ]
    assert erased.entry(5).client == BRUNO
    assert attack(journal, PLANTED[:2]) == []


def test_a_late_record_makes_nobody_who_could_be_erased(erased):
    erased.record_document(late())
    with pytest.raises(NotFound):
        anonymize(erased)


def test_a_late_record_reads_as_any_other_of_somebody_unknown(erased):
    done = erased.record_document(late())
    assert erased.entry(done.seq).sentence == "Maria Fernandes cancelled reservation bk_9"
    assert_intact(erased)
