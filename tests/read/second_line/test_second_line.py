"""The second line of a row: what fits of its clauses, in words; and how an entry is named among others of a click."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest

from indelible import catalogue
from indelible.catalogue import Action
from indelible.catalogue.fields import (
    Amount,
    Changed,
    ChangeList,
    Count,
    Currency,
    Day,
    Id,
    Instant,
    Minor,
    Minutes,
    Number,
    PersonalName,
    PersonalText,
    Refers,
    StaffMember,
)
from indelible.read.details import PLAIN, Speech
from indelible.read.second_line import CHANGES_LIMIT, TEXT_LIMIT, brief, line, second_line
from indelible.record.document import Staff
from indelible.testing.logs import event


class TubMoved(
    Action,
    code="tub.moved",
    label="Moved tub",
    category="tubs",
    targets=("tub",),
    sentence="{actor} moved {target}",
    detail=(
        "{service_name}",
        "{left} of {whole} left",
        ("{-notice_minutes} after it began", "{notice_minutes} before it began"),
        "asks for {window_minutes}",
        "{share_basis_points} kept",
        "costs {price_minor}",
        "price {fee_minor.old} to {fee_minor.new}",
        "fee {fee_minor}",
        "{?late}late",
        ("at {starts_at}", "on {day}"),
        "by {by}",
        "from {room}",
        "{how}",
        "{changes}",
        "“{remark}”",
        "points {points}",
        "for {client}",
    ),
    brief="moved {target}",
):
    service_name: PersonalName | None = None
    left: Count | None = None
    whole: Count | None = None
    notice_minutes: Minutes | None = None
    window_minutes: Minutes | None = None
    share_basis_points: Number | None = None
    price_minor: Minor | None = None
    fee_minor: Changed[Minor] | None = None
    currency: Currency | None = None
    late: bool | None = None
    starts_at: Instant | None = None
    day: Day | None = None
    by: StaffMember | None = None
    room: Annotated[Id, Refers("room")] | None = None
    how: Literal["by_hand", "by_crane"] | None = None
    changes: ChangeList | None = None
    remark: PersonalText | None = None
    points: Changed[Number] | None = None


class TubSold(
    Action, code="tub.sold", label="Sold tub", category="tubs", targets=("tub",), sentence="{actor} sold {target}",
    detail=("for {amount}",), brief="sold for {amount}",
):  # fmt: skip
    amount_minor: Amount
    currency: Currency


@pytest.fixture
def moved(log):
    """Record a move with this context, and return its view."""

    def record(context, **members):
        members = {"action": "tub.moved", "target": {"kind": "tub", "id": "t_1"}, "client": None} | members
        return log.entry(log.record_document(event(context=context, **members)).seq)

    return record


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({}, ""),
        ({"service_name": "Facial"}, "Facial"),
        ({"left": 4, "whole": 5}, "4 of 5 left"),
        ({"left": 0, "whole": 5}, "0 of 5 left"),
        ({"left": 4}, ""),
        ({"notice_minutes": 702}, "11 h 42 min before it began"),
        ({"notice_minutes": -20}, "20 min after it began"),
        ({"notice_minutes": 0}, "0 min before it began"),
        ({"window_minutes": 1440}, "asks for 24 h"),
        ({"window_minutes": 4319}, "asks for 71 h 59 min"),
        ({"window_minutes": 4320}, "asks for 3 days"),
        ({"window_minutes": 5040}, "asks for 3 days 12 h"),
        ({"share_basis_points": 5000}, "50 % kept"),
        ({"price_minor": 5500, "currency": "EUR"}, "costs 55.00 EUR"),
        ({"fee_minor": {"old": 5500, "new": 5900}, "currency": "EUR"},
         "price 55.00 EUR to 59.00 EUR; fee 55.00 EUR → 59.00 EUR"),
        ({"late": True}, "late"),
        ({"late": False}, ""),
        ({"starts_at": "2026-05-04T08:00:00Z"}, "at 2026-05-04 09:00"),
        ({"day": "2026-05-04"}, "on 2026-05-04"),
        ({"starts_at": "2026-05-04T08:00:00Z", "day": "2026-05-04"}, "at 2026-05-04 09:00"),
        ({"by": {"id": "u_1", "name": "Rita"}}, "by Rita"),
        ({"by": {"id": "u_1"}}, "by u_1"),
        ({"room": "r_7"}, "from r_7"),
        ({"how": "by_hand"}, "by hand"),
        ({"points": {"old": 120, "new": 20}}, "points 120 → 20"),
        ({"points": {"old": 20, "new": 20}}, ""),
        ({"changes": [{"field": "price_minor", "old": 5500, "new": 5900, "currency": "EUR"},
                      {"field": "note", "old": None, "new": "on"}]}, "price 55.00 EUR → 59.00 EUR, note — → on"),
        ({"left": 4, "whole": 5, "notice_minutes": 60, "late": True}, "4 of 5 left; 1 h before it began; late"),
    ],
)  # fmt: skip
def test_a_clause_is_said_where_all_that_it_names_is_there(moved, context, said):
    assert second_line(moved(context)) == said


def test_the_client_is_named_where_no_other_word_of_the_row_names_them(moved):
    ana = {"id": "cli_77", "name": "Ana Sousa"}
    assert second_line(moved({}, client=ana)) == "for Ana Sousa"
    assert second_line(moved({}, client={"id": "cli_77"})) == "for cli_77"
    assert second_line(moved({}, client=ana, actor={"kind": "client", **ana})) == ""


def test_what_was_erased_is_not_said(log, moved):
    ana = {"id": "cli_77", "name": "Ana Sousa"}
    seq = moved({"service_name": "Facial", "left": 1, "whole": 5, "remark": "was late"}, client=ana).seq
    assert second_line(log.entry(seq)) == "Facial; 1 of 5 left; “was late”; for Ana Sousa"
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    assert second_line(log.entry(seq)) == "1 of 5 left"


def test_clauses_words_amounts_and_numbers_are_in_the_readers_language(moved):
    said = {
        "{left} of {whole} left": "{whole}, restam {left}",
        "by hand": "à mão",
    }
    speech = Speech(
        translate=lambda text: said.get(text, text),
        plural=lambda _, several, count: f"{several} ({count})",
        money=lambda minor, code: f"{code}\u00a0{minor}",
        number=lambda value: f"n{value}",
    )
    view = moved({"left": 4, "whole": 5, "how": "by_hand", "price_minor": 1, "currency": "EUR", "window_minutes": 5760})
    assert second_line(view, speech) == "n5, restam n4; asks for n4 days (4); costs EUR\u00a01; à mão"


@pytest.mark.parametrize(("total", "said"), [(1, "1 session of Facial"), (5, "5 sessions of Facial")])
def test_a_count_of_one_is_one(log, total, said):
    bought = event(action="voucher.purchased", target={"kind": "voucher", "id": "v_1"},
                   context={"sessions_total": total, "service_name": "Facial"})  # fmt: skip
    assert second_line(log.entry(log.record_document(bought).seq)).split(";")[0] == said


@pytest.mark.parametrize(("points", "said"), [(1, "took back 1 point"), (12, "took back 12 points")])
def test_a_count_of_one_is_one_where_it_is_taken_away(log, points, said):
    adjusted = event(action="points.adjusted", target={"kind": "loyalty_account", "id": "l_1"},
                     context={"points": -points})  # fmt: skip
    assert brief(log.entry(log.record_document(adjusted).seq)) == said


def test_a_row_stays_a_row(moved):
    many = [{"field": f"field_{number}", "old": number, "new": number + 1} for number in range(CHANGES_LIMIT + 2)]
    assert second_line(moved({"changes": many})).endswith("field 2 2 → 3, and 2 more")
    said = second_line(moved({"remark": "one\ntwo " + "long " * 100}))
    assert said.startswith("“one two long")
    assert said.endswith("…”")
    assert len(said) <= TEXT_LIMIT + 2


def test_braces_in_a_value_are_no_placeholder(moved):
    assert second_line(moved({"service_name": "{left} {0} {x.y}"})) == "{left} {0} {x.y}"


def test_the_line_says_what_it_named(moved):
    assert line(moved({"left": 4, "whole": 5}, client={"id": "c"})).names == {"left", "whole", "client"}


def test_an_entry_of_an_action_that_declares_none_has_no_second_line(log):
    class TubPainted(Action, code="tub.painted", label="SPA tub painted", category="tubs", targets=("tub",),
                     sentence="{actor} painted {target}"):  # fmt: skip
        pass

    done = log.record_document(
        event(action="tub.painted", target={"kind": "tub", "id": "t_1"}, client=None, context={})
    )
    view = log.entry(done.seq)
    assert second_line(view) == ""
    assert brief(view) == "SPA tub painted"
    catalogue.action._REGISTER.pop("tub.painted")
    assert (second_line(log.entry(done.seq)), brief(log.entry(done.seq))) == ("", "tub.painted")


def test_among_others_of_its_click_an_entry_is_named_by_its_brief_or_its_label(log, moved):
    assert brief(moved({})) == "moved t_1"
    sold = event(action="tub.sold", target={"kind": "tub", "id": "t_1"}, client=None,
                 context={"amount_minor": 3000, "currency": "EUR"})  # fmt: skip
    view = log.entry(log.record_document(sold).seq)
    assert (brief(view), second_line(view)) == ("sold for 30.00 EUR", "for 30.00 EUR")
    portuguese = Speech(translate=lambda text: {"sold for {amount}": "vendida por {amount}"}.get(text, text))
    assert brief(view, portuguese) == "vendida por 30.00 EUR"
    plain = log.entry(log.record_document(event(action="client.edited", client=None, context={},
                                                target={"kind": "client", "id": "c"})).seq)  # fmt: skip
    edited = catalogue.find("client.edited")
    assert edited is not None
    assert brief(plain, PLAIN) == (edited.brief or "edited client")
