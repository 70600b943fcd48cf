"""Every parser of outside bytes or text raises its own family of errors only, and prints what it accepts."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing, suppress
from sqlite3 import connect

import pytest
from hypothesis import strategies as st

from indelible.catalogue import device
from indelible.errors import InvalidInput, InvalidQuery, KeyUnavailable, MalformedProof
from indelible.format import canonical, csv_row, entry, instant, money, planned
from indelible.keep import keys, personal
from indelible.proof import bundle, checkpoint, letter, merkle, note
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.note import Signer, Verifier
from indelible.proof.tlog_proof import EntryProof
from indelible.proof.verify import single
from indelible.read import query
from indelible.read.session import Cursor
from indelible.record import document
from indelible.record.drafting import draft
from indelible.testing.bundles import unpack
from indelible.testing.logs import START


def of(files, *names):
    """The lines of some files of the bundles, each with its end."""
    return [line for one in files for name in names if name in one for line in one[name].splitlines(keepends=True)]


@pytest.fixture(scope="session")
def files(bundles):
    """The files of each bundle, by name."""
    return [unpack(data) for data in bundles]


def test_canonical_json(fuzz, bodies):
    fuzz("canonical.decode", bodies, canonical.decode, MalformedProof, encode=canonical.encode, json=True)


def test_the_body_of_an_entry_and_what_is_derived_from_it(fuzz, bodies):
    def parse(data):
        body = entry.decode(data)
        body.columns, set(entry.links(body.members)), entry.erasure(body)
        return body

    assert any(b'"erases"' in body for body in bodies)
    fuzz("entry.decode", bodies, parse, MalformedProof, encode=lambda body: canonical.encode(body.members), json=True)


def test_the_sealed_values_of_an_entry(fuzz, made):
    with closing(connect(made / "activity.db")) as db:
        seeds = [sealed for (sealed,) in db.execute("SELECT sealed FROM indelible_entry ORDER BY seq")]
    assert all(seeds)
    fuzz("personal.split", seeds, personal.split, personal.Unreadable, encode=personal.join)


def test_a_kept_letter(fuzz, files):
    blocks = [letter.block(one["checkpoint"]) for one in files]
    seeds = [text.encode() for block in blocks for text in (block, f"Subject: x\n\n> {block}", f"<pre>{block}</pre>")]

    def parse(data):
        for one in letter.find(data):
            assert note.encode(note.decode(one)) == one

    fuzz("letter.find", seeds, parse, MalformedProof)


def test_the_statement_of_a_bundle(fuzz, files):
    seeds = [one["bundle.json"] for one in files]
    fuzz("Statement.decode", seeds, bundle.Statement.decode, MalformedProof, encode=lambda x: x.encode(), json=True)


def test_a_line_of_a_bundle(fuzz, files):
    seeds = of(files, "entries.jsonl")
    fuzz("Line.decode", seeds, bundle.Line.decode, MalformedProof, encode=lambda line: line.encode(), json=True)


def test_a_proven_entry_of_a_bundle(fuzz, files):
    seeds = of(files, "export.json", "erasures.jsonl")
    fuzz("Proven.decode", seeds, bundle.Proven.decode, MalformedProof, encode=lambda x: x.encode(), json=True)


def test_the_rendering_of_a_bundle(fuzz, files):
    seeds = [one["rendering.json"] for one in files]
    fuzz("Rendering.decode", seeds, bundle.Rendering.decode, MalformedProof, encode=lambda x: x.encode(), json=True)


def test_the_proofs_of_a_bundle(fuzz, files):
    seeds = of(files, "proofs.jsonl")
    fuzz("decode_path", seeds, bundle.decode_path, MalformedProof, encode=bundle.encode_path, json=True)


def test_the_range_of_a_bundle(fuzz, files):
    seeds = of(files, "range.json")
    fuzz("decode_range", seeds, bundle.decode_range, MalformedProof, encode=lambda sides: bundle.encode_range(*sides),
         json=True)  # fmt: skip


SIGNER = Signer("log.example.org/c/1", b"s" * 32)
NOTES = [checkpoint.sign(Checkpoint(SIGNER.name, 7, b"r" * 32), SIGNER), note.sign("one\n\ntwo\n", SIGNER)]


def test_a_note(fuzz):
    fuzz("note.decode", NOTES, note.decode, MalformedProof, encode=note.encode)


def test_the_proof_of_an_entry(fuzz):
    seeds = [EntryProof(41, (b"h" * 32, b"i" * 32), NOTES[0]).encode(), EntryProof(0, (), NOTES[0]).encode()]
    fuzz("EntryProof.decode", seeds, EntryProof.decode, MalformedProof, encode=EntryProof.encode)


def test_a_proof_that_was_kept_with_its_entry(fuzz):
    seeds = [json.dumps({"proof": EntryProof(0, (), NOTES[0]).encode(), "body": "{}"}).encode()]

    def parse(data):
        try:
            found, body = single.read(data)
        except MalformedProof:
            found, body = single.read(data, data)
        with suppress(MalformedProof):
            single.check(found, body, SIGNER.verifier)

    fuzz("single.read", seeds, parse, MalformedProof, json=True)


def test_a_signed_checkpoint_is_believed_only_as_it_was_signed(fuzz):
    said = Checkpoint(SIGNER.name, 7, b"r" * 32)
    fuzz("checkpoint.open", NOTES[:1], lambda data: checkpoint.open(data, SIGNER.verifier), MalformedProof,
         encode=lambda opened: NOTES[0] if opened == said else b"")  # fmt: skip


def test_the_text_of_a_checkpoint(fuzz):
    seeds = [checkpoint.encode(Checkpoint("log.example.org/c/1", size, b"r" * 32)) for size in (1, 2**63 - 1)]
    fuzz("checkpoint.decode", seeds, checkpoint.decode, MalformedProof, encode=checkpoint.encode)


def test_a_public_key(fuzz):
    fuzz("Verifier.decode", [SIGNER.verifier.encode()], Verifier.decode, MalformedProof, encode=Verifier.encode)


@pytest.mark.parametrize("size", [0, 1, 7, 2**63 - 1])
def test_a_frontier(fuzz, size):
    seeds = [b"h" * (32 * bin(size).count("1"))]
    fuzz("Frontier.decode", seeds, lambda data: merkle.Frontier.decode(size, data), MalformedProof,
         encode=lambda frontier: frontier.encode())  # fmt: skip


def test_a_cursor(fuzz):
    seeds = ["1777810951000000.17.42", "-62135596800000000.1.1", "0.1.1"]
    fuzz("Cursor.decode", seeds, Cursor.decode, InvalidInput, encode=Cursor.encode)


FILTERS = [
    "",
    "category:payments from:2026-05-01 to:2026-05-31 -actor:system",
    'client:cli_77 about:"booking/bk 1" operation:op_1 stripe:ch_3N "late cancel" -"no \\"show\\"" Ana',
    "actor:staff actor:usr_12 action:booking.cancelled target:service/7 -client:cli_1",
]


def test_a_filter(fuzz):
    def parse(text):
        wanted = query.parse(text)
        assert query.parse(query.format(wanted)) == wanted
        query.in_words(wanted, "Europe/Lisbon")
        query.format(query.without_words(wanted))

    fuzz("query.parse", FILTERS, parse, InvalidQuery)


def test_where_a_filter_is_wrong_can_be_shown(drive, strategies):
    def check(text):
        try:
            query.parse(text)
        except InvalidQuery as error:
            assert query.point_at(text, error).count("\n") == 1
            return False
        return True

    drive("query.point_at", strategies.edited(FILTERS), check)


def test_a_document_and_its_draft(fuzz, documents):
    def parse(data):
        return draft(document.parse_json(data), now=START)

    fuzz("document.parse_json, draft", documents, parse, InvalidInput, json=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), lambda x: st.lists(x) |
    st.dictionaries(st.sampled_from(["action", "actor", "target", "kind", "id", "context", "key"]) | st.text(), x),
    max_leaves=12,
)  # fmt: skip


def test_a_document_of_any_json_value(drive):
    def check(value):
        try:
            draft(document.parse(value), now=START)
        except InvalidInput:
            return False
        return True

    members = st.sampled_from(["action", "actor", "target", "client", "people", "context", "request", "operation"])
    drive("document.parse", JSON | st.dictionaries(members, JSON), check)


TIMES = ["2026-05-03T14:22:31+02:00", "0001-01-01T00:00:00Z", "9999-12-31t23:59:59.123456789-00:00"]


def test_a_time(fuzz):
    fuzz("instant.parse", TIMES, lambda text: instant.parse(text, "occurred_at"), InvalidInput)


def test_a_time_in_its_canonical_form(fuzz):
    seeds = ["2026-05-03T12:22:31.123456Z", "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]
    fuzz("instant.parse_canonical", seeds, instant.parse_canonical, MalformedProof, encode=instant.format)


def test_a_planned_time(fuzz):
    def parse(text):
        said = planned.parse(text, "starts_at")
        assert planned.parse_canonical(planned.format(said)) == said

    fuzz("planned.parse", [*TIMES[:2], "9999-12-31t23:59:59.123456789+23:59"], parse, InvalidInput)


def test_a_planned_time_in_its_canonical_form(fuzz):
    seeds = ["2026-05-04T10:00:00.000000+02:00", "2026-05-04T10:00:00.000000Z", "0001-01-01T00:00:00.000000-23:59"]
    fuzz("planned.parse_canonical", seeds, planned.parse_canonical, MalformedProof, encode=planned.format)


def test_the_name_of_a_zone(fuzz):
    seeds = ["Europe/Lisbon", "America/Argentina/Ushuaia", "UTC"]
    fuzz("instant.zone", seeds, instant.zone, InvalidInput, encode=lambda zone: zone.key)


def test_a_master_key(fuzz):
    def parse(text):
        assert keys.parse(text, "it").secret.hex() in text

    fuzz("keys.parse", [f"indelible-master-key-1:{'0123456789abcdef' * 4}"], parse, KeyUnavailable)


def test_a_currency(fuzz):
    def parse(text):
        return money.check_currency(text, "currency")

    fuzz("money.check_currency", ["EUR", "JPY", "KWD"], parse, InvalidInput, encode=str)


def test_an_amount_reads_back_as_the_integer(drive):
    def check(pair):
        text = money.decimal_text(*pair)
        assert int(text.replace(".", "")) == pair[0]
        return True

    drive("money.decimal_text", st.tuples(st.integers(), st.sampled_from(sorted(money.EXPONENTS))), check)


CELLS = ["", "Ana Sousa", "=1+1", "'=1", "''+", "@x", "\tx", 'a "b", c', "\uff1d", "line\r\nline"]


def test_a_cell_reads_back_and_no_cell_begins_as_a_formula(drive, strategies):
    def check(text):
        cell = csv_row.encode_cell(text)
        assert csv_row.decode_cell(cell) == text
        assert cell[:1] not in set(csv_row.TRIGGERS)
        csv_row.decode_cell(text)
        return True

    drive("csv_row.decode_cell", strategies.edited(CELLS), check)


def test_a_line_of_csv_reads_back(drive, strategies):
    def check(cells):
        (row,) = csv.reader(io.StringIO(csv_row.line(cells), newline=""), strict=True)
        assert row == cells
        return True

    size = len(csv_row.COLUMNS)
    some = st.lists(strategies.edited(CELLS), min_size=size, max_size=size)
    drive("csv_row.line", some, check)


def test_a_user_agent(drive, strategies):
    agents = ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1", "curl/8.5.0"]
    drive("device.words", strategies.edited(agents), lambda agent: type(device.words(agent)) is str)
