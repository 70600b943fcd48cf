"""import: a file of documents, with bad lines among them, again, and after it was cut short."""

from __future__ import annotations

import json
from typing import Any

import pytest

from indelible.testing.logs import event


def lines(*numbers, **members):
    return [json.dumps(event(number, **members)) for number in numbers]


def text(rows):
    return "".join(row + "\n" for row in rows).encode()


def targets(cli):
    return [one["target"]["id"] for one in reversed(cli.ok("list", "--json", "--limit", "0").lines)]


@pytest.fixture
def file(cli):
    def write(rows):
        path = cli.folder / "events.jsonl"
        path.write_bytes(rows if isinstance(rows, bytes) else text(rows))
        return str(path)

    return write


def test_a_file_and_standard_input_are_recorded_in_their_order(cli, file):
    assert cli.ok("import", file(lines(1, 2, 3))).out == "3 recorded, 0 there already, 0 refused\n"
    cli.ok("import", "-", stdin=text(lines(4, 5)))
    assert targets(cli) == ["bk_1", "bk_2", "bk_3", "bk_4", "bk_5"]
    assert all(one["imported"] for one in cli.ok("list", "--json").lines)


def test_without_keys_and_without_a_run_the_same_file_goes_in_again(cli, file):
    cli.ok("import", file(lines(1)))
    cli.ok("import", file(lines(1)))
    assert targets(cli) == ["bk_1", "bk_1"]


def test_a_named_run_is_resumable(cli, file):
    path = file(lines(1, 2, 3))
    assert cli.ok("import", path, "--run", "june").out == "3 recorded, 0 there already, 0 refused\n"
    assert cli.ok("import", path, "--run", "june").out == "0 recorded, 3 there already, 0 refused\n"
    assert cli.ok("import", file(lines(1, 2, 3, 4)), "--run", "june").out == "1 recorded, 3 there already, 0 refused\n"
    assert cli.ok("import", path, "--run", "july").out == "4 recorded, 0 there already, 0 refused\n"


def test_a_run_goes_on_after_it_stopped_at_a_bad_line(cli, file):
    rows = lines(1, 2, 3, 4)
    assert cli("import", file([*rows[:2], "{", rows[3]]), "--run", "june", "--strict").code == 2
    assert targets(cli) == ["bk_1", "bk_2"]
    assert cli.ok("import", file(rows), "--run", "june").out == "2 recorded, 2 there already, 0 refused\n"
    assert targets(cli) == ["bk_1", "bk_2", "bk_3", "bk_4"]


def test_a_changed_line_of_a_run_is_a_conflict_with_its_number(cli, file):
    cli.ok("import", file(lines(1, 2, 3)), "--run", "june")
    result = cli("import", file(lines(1, 9, 3, 4)), "--run", "june")
    assert (result.code, result.out) == (2, "1 recorded, 2 there already, 1 refused\n")
    assert result.err.startswith("line 2: key: was used before, by entry 2, with another document")
    assert targets(cli) == ["bk_1", "bk_2", "bk_3", "bk_4"]


def test_a_lines_own_key_stays_its_key_in_a_run(cli, file):
    cli.ok("import", file(lines(1, key="own")), "--run", "june")
    assert (
        cli.ok("import", file(lines(1, key="own")), "--run", "july").out == "0 recorded, 1 there already, 0 refused\n"
    )


@pytest.mark.parametrize("name", ["", "a b", "é", "-x", "a/b", "x" * 101, "ana@example.org"])
def test_a_run_has_a_plain_name(cli, file, name):
    assert cli.refused("import", file(lines(1)), f"--run={name}").startswith("--run: must be")


def test_a_bad_line_is_reported_with_its_number_and_the_rest_goes_in(cli, file):
    rows = [
        *lines(1),
        "{broken",
        "",
        *lines(2),
        json.dumps(event(3, actor={"kind": "staff", "id": "ana@example.org"})),
        *lines(4),
    ]
    result = cli("import", file(rows))
    assert (result.code, result.out) == (2, "3 recorded, 0 there already, 2 refused\n")
    first, second = result.err.splitlines()
    assert first.startswith("line 2: the document is not JSON")
    assert second.startswith("line 5: actor.id: looks like an e-mail")
    assert "ana@" not in result.err
    assert targets(cli) == ["bk_1", "bk_2", "bk_4"]
    assert cli.ok("verify").code == 0


def test_strict_stops_at_the_first_bad_line(cli, file):
    result = cli("import", file([*lines(1), "{", *lines(2), "{"]), "--strict")
    assert (result.code, result.out) == (2, "1 recorded, 0 there already, 1 refused\n")
    assert result.err.count("\n") == 1
    assert targets(cli) == ["bk_1"]


def test_strict_stops_at_the_first_conflict(cli, file):
    cli.ok("import", file(lines(1, key="k")))
    result = cli("import", file([*lines(2), *lines(3, key="k"), *lines(4)]), "--strict")
    assert (result.code, result.out) == (2, "1 recorded, 0 there already, 1 refused\n")
    assert result.err.startswith("line 2: key: was used before")
    assert targets(cli) == ["bk_1", "bk_2"]


def test_line_ends_blank_lines_and_a_byte_order_mark_are_no_matter(cli, file):
    one, two, three = (row.encode() for row in lines(1, 2, 3))
    cli.ok("import", file(b"\xef\xbb\xbf" + one + b"\r\n\r\n   \n" + two + b"\n" + three))  # no line feed at the end
    assert targets(cli) == ["bk_1", "bk_2", "bk_3"]


def test_separators_of_unicode_do_not_end_a_line(cli, file):
    cli.ok("import", file([json.dumps(event(1, context={"reason_text": "a\u2028b\u0085c\x0bd"}), ensure_ascii=False)]))
    assert cli.ok("list", "--json").lines[0]["context"]["reason_text"] == "a\u2028b\u0085c\x0bd"


def test_a_line_beyond_the_limit_is_refused_and_the_next_is_read(cli, file):
    result = cli("import", file([*lines(1), "x" * 200_000, *lines(2)]))
    assert result.err.startswith("line 2: the document has more than 49152 bytes")
    assert targets(cli) == ["bk_1", "bk_2"]


def test_more_lines_than_a_batch(cli, file, monkeypatch):
    monkeypatch.setattr("indelible.cli.commands.record.BATCH", 7)
    rows = lines(*range(30))
    rows[12] = "{"
    assert cli("import", file(rows), "--run", "r").out == "29 recorded, 0 there already, 1 refused\n"
    rows[12] = lines(12)[0]
    assert cli.ok("import", file(rows), "--run", "r").out == "1 recorded, 29 there already, 0 refused\n"


@pytest.mark.parametrize("rows", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_records_nothing(cli, file, rows):
    assert cli.ok("import", file(rows)).out == "0 recorded, 0 there already, 0 refused\n"


def test_a_file_that_is_not_there_or_a_folder(cli):
    for path in ("nowhere.jsonl", "."):
        result = cli("import", path)
        assert result.code == 2
        assert result.err.startswith(f"indelible: {path} cannot be read: ")
        assert result.err.count("\n") == 1


def test_bytes_that_are_not_text_are_bad_lines_only(cli, file):
    result = cli("import", file(b"\xff\xfe\n\x00\n" + text(lines(1))))
    assert (result.code, result.out) == (2, "1 recorded, 0 there already, 2 refused\n")
    assert [line.split(":")[0] for line in result.err.splitlines()] == ["line 1", "line 2"]


def test_a_price_without_its_currency_is_reported_and_the_rest_goes_in(cli, file):
    service: dict[str, Any] = {"action": "service.edited", "target": {"kind": "service", "id": "srv_1"}, "client": None}

    def priced(**change):
        return event(context={"changes": [{"old": 5_000, "new": 6_000, **change}]}, **service)

    rows = [priced(field="price_minor"), priced(field="price"), priced(field="price_minor", currency="EUR")]
    done = cli("import", file([json.dumps(row) for row in rows]))
    assert done.code == 2
    assert "1 recorded, 0 there already, 2 refused" in done.out
    said = " ".join((done.out + done.err).split())
    assert "context.changes.0.old: is an amount without its currency; write the code beside price_minor" in said
    assert "context.changes.0.old: is money without its unit; write price_minor" in said


@pytest.mark.parametrize(
    "zero", ["0001-01-01T00:00:00Z", "1601-01-01T00:00:00Z", "1753-01-01T00:00:00Z", "1899-12-30T00:00:00Z"]
)
def test_the_zero_time_of_a_platform_is_reported_and_the_others_go_in(cli, file, zero):
    done = cli("import", file([*lines(1), *lines(2, occurred_at=zero), *lines(3, occurred_at="1970-01-01T00:00:00Z")]))
    assert done.code == 2
    assert done.out == "2 recorded, 0 there already, 1 refused\n"
    assert done.err.startswith("line 2: occurred_at: is before 1900")
    assert sorted(targets(cli)) == ["bk_1", "bk_3"]


def test_what_append_cannot_take_is_reported_and_the_others_go_in(cli, file, monkeypatch):
    """Nothing that a draft takes is refused by append; should one be, it is refused alone."""
    monkeypatch.setattr("indelible.record.drafting._check_size", lambda stem, work: None)
    monkeypatch.setattr("indelible.format.entry.BODY_LIMIT", 1_200)
    rows = [*lines(1), *lines(2, context={"reason_code": "x" * 90, "policy": "y" * 200}), *lines(3)]
    done = cli("import", file(rows))
    assert done.out == "2 recorded, 0 there already, 1 refused\n"
    assert done.err.startswith("line 2: ")
    assert targets(cli) == ["bk_1", "bk_3"]
