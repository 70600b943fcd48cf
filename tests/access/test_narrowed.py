"""Somebody who sees the entries of one client, booking or person: what they are handed, and what is recorded of it."""

from __future__ import annotations

import csv
import io
from zipfile import ZipFile

import orjson
import pytest

from indelible.access import Access, Principal
from indelible.errors import NotFound
from indelible.export.formats import LISTS
from indelible.export.written import exhaust
from indelible.proof.verify import verify_bundle
from indelible.read import query
from indelible.read.only import Only
from indelible.record.document import Staff
from indelible.testing.logs import event, last_connection

RIGHTS = frozenset({"read", "export", "totals", "sign_ins_of_all", "verify", "people", "settings", "anonymize"})
ANA, BRUNO = {"id": "cli_1", "name": "Ana Own"}, {"id": "cli_2", "name": "Bruno Other"}
ONLY = Only("client", "cli_1")


def enter(journal, only=ONLY, hidden=frozenset()):
    return Access.enter(journal, "c_lisbon", Principal(Staff("usr_9", "Rui", "owner"), RIGHTS, hidden, only))


def signed_in(who, **more):
    return event(action="account.logged_in", actor=who, target={"kind": who["kind"], "id": who["id"]}, client=None,
                 context={}, **more)  # fmt: skip


@pytest.fixture
def filled(log):
    """Entries 1, 3 and 6 are Ana's."""
    for said in (
        event(1, client=ANA), event(2, client=BRUNO),
        event(3, client=BRUNO, people=[ANA | {"role": "payer"}]), event(4, client=BRUNO),
        signed_in({"kind": "staff", "id": "usr_9", "name": "Rui"}), signed_in({"kind": "client"} | ANA),
    ):  # fmt: skip
        log.record_document(said)
    return log


def test_who_sees_a_part_has_no_right_over_the_whole(journal, filled):
    access = enter(journal)
    assert access.principal.rights == {"read", "export", "totals", "sign_ins_of_all"}
    assert enter(journal, only=None).principal.rights == RIGHTS
    for ask in (access.verify, lambda: access.compare(b"")):
        with pytest.raises(NotFound, match="of the whole log"):
            ask()
    assert not list(filled.read("action:log.verified"))


@pytest.mark.parametrize("hidden", [frozenset(), frozenset({"account"})])
@pytest.mark.parametrize("person", ["", "all", "staff/usr_9", "client/cli_1"])
def test_one_s_own_sign_ins_are_no_way_out(journal, filled, hidden, person):
    access = enter(journal, hidden=hidden)
    session, page = access.sign_ins(person, frozenset({"account.logged_in"}), after=None, limit=9)
    assert session.only == ONLY
    seen = person in ("all", "client/cli_1") and not hidden
    assert [view.seq for view in page.views] == ([6] if seen else [])
    found = access.unusual(person)
    assert not found.items
    assert not found.people


def rows_of(format, data):
    if format.startswith("csv"):
        return len(list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))) - 1
    if format == "jsonl":
        return len(data.splitlines())
    from openpyxl import load_workbook

    sheet = load_workbook(io.BytesIO(data))["entries"]
    return sum(1 for row in sheet.iter_rows(values_only=True) if any(value is not None for value in row)) - 1


@pytest.mark.parametrize("format", LISTS)
def test_a_list_that_is_exported_has_nothing_else_and_its_entry_says_so(journal, filled, format):
    access = enter(journal)
    begun = access.export(query.Query(), format)
    blocks: list[bytes] = []
    manifest = exhaust(begun.blocks("x"), blocks.append)
    assert [view.seq for view in begun.session.read(begun.wanted)] == [6, 3, 1]
    assert manifest.written.rows == 3
    recorded = filled.entry(begun.recorded.seq)
    assert (recorded.action, recorded.context["filter"]) == ("log.exported", "only:client/cli_1")
    assert "only client/cli_1" in recorded.context["filter_in_words"]
    assert recorded.client["id"] == "cli_1"
    filled.anonymize("cli_1", requested_by="client", actor=Staff("usr_9", "Rui"))
    assert "cli_1" not in str(filled.entry(begun.recorded.seq).document())


def test_a_bundle_has_nothing_else_and_holds(journal, filled, tmp_path):
    access = enter(journal)
    bundled = access.bundle(query.Query(), tmp_path / "b.zip")
    assert bundled.statement.rows == 3
    assert bundled.statement.filter == "only:client/cli_1"
    with bundled.path.open("rb") as file:
        assert verify_bundle(file, filled.signer.verifier).result == "intact"
    with ZipFile(bundled.path) as parts:
        whole = b"".join(parts.read(name) for name in parts.namelist())
    assert b"bk_2" not in whole
    assert b"bk_4" not in whole
    assert b"bk_3" in whole


@pytest.mark.parametrize("only", [Only("booking", "bk_1"), Only("staff", "usr_12"), ONLY], ids=lambda only: only.kind)
@pytest.mark.parametrize("text", ["", "about:bk_2", "client:cli_1 about:bk_1", "client:cli_1 client:cli_2"])
def test_the_recorded_filter_finds_what_was_handed_over(journal, filled, only, text):
    access = enter(journal, only=only)
    begun = access.export(access.session.parse(text), "csv")
    handed = [view.seq for view in begun.session.read(begun.wanted)]
    assert handed == [view.seq for view in access.session.read(text)]
    wanted = filled.reading().parse(query.format(begun.wanted))
    assert handed == [view.seq for view in filled.read(wanted, up_to=begun.recorded.seq - 1)]
    said = filled.entry(begun.recorded.seq).context["filter"]
    assert f"only:{only.value}" in said or "only:mentioned" in said


@pytest.mark.parametrize("key", ["client", "about", "target", "actor", "only", "operation", "stripe"])
def test_a_client_of_whom_nothing_is_seen_is_neither_named_nor_linked_by_what_is_recorded(journal, filled, key):
    filled.record_document(event(7, client={"id": "cli_3", "name": "Carla Other"}))
    # The same id is that of a booking of Ana's and of somebody who works here.
    filled.record_document(event(8, client=ANA, target={"kind": "booking", "id": "cli_3"},
                                 actor={"kind": "staff", "id": "cli_3", "name": "Zé"}))  # fmt: skip
    access = enter(journal)
    wanted = access.session.parse(f"{key}:cli_3")
    for seq in (
        access.export(wanted, "csv").recorded.seq,
        access.recorder.viewed(access.session, wanted).seq,
    ):
        recorded = filled.entry(seq)
        assert f"{key}:unknown" in recorded.context["filter"]
        assert "cli_3" not in str(recorded.document())
    assert not enter(journal).session.people([filled.reading().token("client", "cli_3")])


def test_a_reading_is_recorded_as_narrowed_and_names_no_client(journal, filled):
    access = enter(journal)
    recorded = filled.entry(access.recorder.viewed(access.session, query.Query()).seq)
    assert recorded.context["filter"] == "only:mentioned"
    assert "cli_1" not in str(recorded.document())


# What it costs


def steps(log, ask):
    """How many steps SQLite's machine makes for what is asked."""
    counted = 0

    def count():
        nonlocal counted
        counted += 1

    db = last_connection(log.shared.store)
    db.set_progress_handler(count, 1)
    try:
        ask()
    finally:
        db.set_progress_handler(None, 0)
    return counted


@pytest.fixture
def bounds(monkeypatch):
    """Counts that end at a bound end soon, so that a log of some hundred entries is a large one."""
    monkeypatch.setattr("indelible.stores.plan.FEW_LINKS", 40)
    monkeypatch.setattr("indelible.stores.plan.FEW_OF_ACTIONS", 20)
    monkeypatch.setattr("indelible.read.session.LOOKED_AT", 40)


def whole_page(log, only):
    session = log.reading(only=only)
    session.page("category:bookings")
    session.page("about:booking/bk_1")
    session.page("client:cli_1")
    session.counts(session.select(session.parse("")), (0, 2**62))
    return session.actions, session.kinds, session.actors(200), session.token("client", "cli_2")


@pytest.mark.parametrize("only", [ONLY, Only("booking", "bk_1"), Only("staff", "usr_7")], ids=lambda only: only.kind)
def test_a_page_costs_the_same_in_a_log_of_any_size(log, bounds, only):
    by = {"kind": "staff", "id": "usr_7", "name": "Zé"}
    log.record_document(event(1, client=ANA, actor=by))
    log.append([log.draft(_parsed(event(number, client=BRUNO))) for number in range(2, 102)])
    whole_page(log, only)
    few = steps(log, lambda: whole_page(log, only))
    log.append([log.draft(_parsed(event(number, client=BRUNO))) for number in range(102, 602)])
    many = steps(log, lambda: whole_page(log, only))
    assert many <= few * 1.01


def test_a_page_costs_the_same_however_much_a_person_does(log, bounds):
    """Who works here has many entries: a filter by one client leads to few of them."""
    by, only = {"kind": "staff", "id": "usr_7", "name": "Zé"}, Only("staff", "usr_7")

    def ask():
        session = log.reading(only=only)
        return session.page("client:cli_1"), session.page("about:booking/bk_1"), session.page("", limit=50)

    log.record_document(event(1, client=ANA, actor=by))
    log.append([log.draft(_parsed(event(number, client=BRUNO, actor=by))) for number in range(2, 102)])
    few = steps(log, ask)
    log.append([log.draft(_parsed(event(number, client=BRUNO, actor=by))) for number in range(102, 602)])
    assert steps(log, ask) <= few * 1.01


def _parsed(said):
    from indelible.record import document

    return document.parse(said)


@pytest.mark.parametrize("words", ["", "actor:staff", "about:bk_1", "recorded:late"])
def test_a_page_walks_the_links_in_their_order(filled, words):
    session = filled.reading(only=ONLY)
    selection = session.select(session.parse(words))
    statements: list[str] = []
    db = last_connection(filled.shared.store)
    db.set_trace_callback(statements.append)
    session.stored(selection, None, 50)
    db.set_trace_callback(None)
    walks = [one for one in statements if "ORDER BY occurred_at DESC" in one]
    assert walks
    for walk in walks:
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {walk}")]
        assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step], plan
        assert [step for step in plan if step.startswith("SEARCH l ")], plan


def test_json_of_an_export_is_of_the_entries_alone(journal, filled):
    begun = enter(journal).export(query.Query(), "jsonl")
    blocks: list[bytes] = []
    exhaust(begun.blocks("x"), blocks.append)
    assert sorted(orjson.loads(line)["seq"] for line in b"".join(blocks).splitlines()) == [1, 3, 6]
