"""The built-in actions: the description's are all there, codes are frozen, each keeps to the rules of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from indelible.catalogue import CATEGORIES, find, placeholders
from indelible.catalogue.fields import to_json
from indelible.catalogue.reference import built_in, render
from indelible.format import canonical
from indelible.testing.pins import check_pins

ACTIONS = built_in()
PINNED = Path(__file__).with_name("pinned_codes.txt")
REFERENCE = Path(__file__).parents[2] / "docs" / "actions.md"

# "What gets logged", line by line, typed over from the description.
DESCRIPTION = [
    ("bookings", "created", "booking.created", "Created reservation"),
    ("bookings", "rescheduled", "booking.rescheduled", "Rescheduled reservation"),
    ("bookings", "cancelled", "booking.cancelled", "Cancelled reservation"),
    ("bookings", "marked as completed", "booking.completed", "Completed reservation"),
    ("bookings", "no-show", "booking.no_show_marked", "Marked reservation as no-show"),
    ("payments", "successful charges", "charge.succeeded", "Processed charge"),
    ("payments", "failed attempts", "charge.failed", "Failed charge"),
    ("payments", "refunds (automatic and manual)", "charge.refunded", "Refunded charge"),
    ("vouchers", "purchased", "voucher.purchased", "Purchased voucher"),
    ("vouchers", "redeemed", "voucher.redeemed", "Redeemed voucher"),
    ("vouchers", "expired", "voucher.expired", "Expired voucher"),
    ("services", "service created", "service.created", "Created service"),
    ("services", "service edited", "service.edited", "Edited service"),
    ("services", "service deleted", "service.deleted", "Deleted service"),
    ("services", "schedule created", "schedule.created", "Created schedule"),
    ("services", "schedule edited", "schedule.edited", "Edited schedule"),
    ("services", "schedule deleted", "schedule.deleted", "Deleted schedule"),
    ("clients", "created manually", "client.created", "Created client"),
    ("clients", "deleted", "client.deleted", "Deleted client"),
    ("clients", "anonymized (by you or by the client)", "client.anonymized", "Anonymized client"),
    ("account", "logins", "account.logged_in", "Logged in"),
    ("account", "logins that failed", "account.login_failed", "Failed login"),
    ("account", "password changes", "account.password_changed", "Changed password"),
    ("account", "2FA enabled", "account.two_factor_enabled", "Enabled 2FA"),
    ("account", "2FA disabled", "account.two_factor_disabled", "Disabled 2FA"),
    ("account", "session revocations", "account.session_revoked", "Revoked session"),
    ("loyalty", "points awarded", "points.awarded", "Awarded points"),
    ("loyalty", "coupons redeemed", "coupon.redeemed", "Redeemed coupon"),
    ("loyalty", "rewards created", "reward.created", "Created reward"),
    ("loyalty", "rewards edited", "reward.edited", "Edited reward"),
]

every_action = pytest.mark.parametrize("cls", ACTIONS, ids=lambda cls: cls.code)


@pytest.mark.parametrize(("category", "bullet", "code", "label"), DESCRIPTION, ids=lambda text: text)
def test_what_the_description_names_is_an_action_with_its_label(category, bullet, code, label):
    cls = find(code)
    assert cls is not None, f"the description says {category}: {bullet}"
    assert (cls.category, cls.label) == (category, label)


def test_codes_labels_and_versions_are_those_pinned():
    """If this fails with what is new, append it to pinned_codes.txt, and run `make catalogue`."""
    pinned = dict(line.split("\t", 1) for line in PINNED.read_text(encoding="utf-8").splitlines())
    check_pins(pinned, ACTIONS)


def test_the_reference_of_actions_is_up_to_date():
    assert REFERENCE.is_file() and REFERENCE.read_text(encoding="utf-8") == render(), "run `make catalogue`"


def test_the_reference_names_every_action_once():
    rows = [line for line in render().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [cls.code for cls in ACTIONS]


@every_action
def test_required_is_exactly_what_the_sentence_prints(cls):
    printed = {name.partition(".")[0] for name in placeholders(cls.sentence)} - {"actor", "target", "client"}
    if "amount" in printed:
        printed = printed - {"amount"} | {"amount_minor", "currency"}
    assert {field.name for field in cls.fields_of_context if field.required} == printed


@every_action
@pytest.mark.parametrize("optional", [False, True], ids=["required", "all"])
def test_an_action_takes_a_context_made_from_its_types_and_gives_canonical_json(cls, optional, context_of):
    context = context_of(cls, optional=optional)
    action = cls.model_validate(context)
    assert {name for name in cls.model_fields if getattr(action, name) is not None} == set(context)
    canonical.check({name: to_json(getattr(action, name)) for name in context})


@every_action
def test_an_action_is_in_a_category_that_readers_are_shown(cls):
    assert cls.category in CATEGORIES


def test_the_journal_alone_writes_about_the_log_and_about_erasing():
    assert {cls.code for cls in ACTIONS if cls.by_journal} == {
        "client.anonymized", "log.viewed", "log.exported", "log.verified", "log.letter_sent", "log.continued",
        "log.held", "log.guard_missing", "log.keep_renewed", "log.scrubbed", "clinic.closed",
    }  # fmt: skip


def test_money_counts_once_and_only_where_it_moved():
    counted = {cls.code: cls.money for cls in ACTIONS if cls.money != "none"}
    assert counted == {
        "charge.succeeded": "in",
        "charge.refunded": "out",
        "charge.refund_failed": "out_undone",
        "dispute.funds_withdrawn": "out",
        "dispute.funds_returned": "out_undone",
    }


def test_a_refund_says_whether_staff_a_policy_or_stripe_made_it(context_of):
    cls = find("charge.refunded")
    assert cls is not None
    context = context_of(cls, optional=False)
    for source in ("staff", "policy", "stripe_dashboard", "stripe"):
        assert cls.model_validate({**context, "source": source}).model_dump()["source"] == source


def test_what_was_deleted_comes_back_whole_from_the_snapshot():
    row = {
        "name": "Facial",
        "price_minor": 6500,
        "currency": "EUR",
        "rooms": ["r_1", {"beds": 2}],
        "online": True,
        "note": None,
    }
    for code in ("service.deleted", "schedule.deleted", "reward.deleted"):
        cls = find(code)
        assert cls is not None
        assert to_json(cls.model_validate({"snapshot": row}).model_dump()["snapshot"]) == row
