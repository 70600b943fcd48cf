"""The built-in actions: the description's are all there, codes are frozen, and each keeps to the rules of the catalogue."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union

import pytest
from indelible import canonical
from indelible.catalogue import CATEGORIES, PERSON_KINDS, Action, find, placeholders
from indelible.catalogue.fields import Changed, Kind, Personal, PersonalText, Someone, Text, Word, to_json
from indelible.catalogue.reference import built_in, render

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
    ("account", "2FA enabled", "account.two_factor_enabled", "Enabled two-factor"),
    ("account", "2FA disabled", "account.two_factor_disabled", "Disabled two-factor"),
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
    pinned = dict(line.split("\t", 1) for line in PINNED.read_text(encoding="utf-8").splitlines())
    declared = {cls.code: f"{cls.label}\t{cls.version}" for cls in ACTIONS}
    broken = sorted(code for code, rest in pinned.items() if declared.get(code) != rest)
    new = [f"{code}\t{rest}" for code, rest in declared.items() if code not in pinned]
    assert not broken, f"codes are frozen once released, and these changed or went: {', '.join(broken)}"
    assert not new, f"append to {PINNED.name}, then run `make catalogue`:\n" + "\n".join(new)


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
        "client.anonymized", "log.viewed", "log.exported", "log.verified"
    }  # fmt: skip


def test_money_counts_once_and_only_where_it_moved():
    counted = {cls.code: cls.money for cls in ACTIONS if cls.money != "none"}
    assert counted == {
        "charge.succeeded": "in",
        "deposit.captured": "in",
        "charge.refunded": "out",
        "charge.refund_failed": "in",
    }


def test_a_refund_says_whether_staff_a_policy_or_stripe_made_it(context_of):
    cls = find("charge.refunded")
    assert cls is not None
    context = context_of(cls, optional=False)
    for source in ("staff", "policy", "stripe_dashboard", "stripe"):
        assert cls.model_validate({**context, "source": source}).model_dump()["source"] == source


def test_what_was_deleted_comes_back_whole_from_the_snapshot():
    row = {"name": "Facial", "price_minor": 6500, "rooms": ["r_1", {"beds": 2}], "online": True, "note": None}
    for code in ("service.deleted", "schedule.deleted", "reward.deleted"):
        cls = find(code)
        assert cls is not None
        assert to_json(cls.model_validate({"snapshot": row}).model_dump()["snapshot"]) == row


# --- what is in clear, and what is personal ---


def leaves(annotation: Any, marks: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The types at the ends of an annotation, each with all marks on the way to it."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        yield from leaves(parts[0], (*marks, *annotation.__metadata__))
    elif typing.get_origin(annotation) in (Union, types.UnionType, list):
        for part in parts:
            yield from leaves(part, marks)
    elif isinstance(annotation, type) and issubclass(annotation, Changed):
        new = annotation.model_fields["new"]
        yield from leaves(new.annotation, (*marks, *new.metadata))
    else:
        yield annotation, marks


def text_in_clear(cls: type[Action]) -> list[str]:
    """The fields of an action that put free text into a body."""
    found = []
    for name, field in cls.model_fields.items():
        for leaf, marks in leaves(field.annotation, tuple(field.metadata)):
            kinds = {mark.words for mark in marks if isinstance(mark, Kind)}
            personal = any(isinstance(mark, Personal) for mark in marks)
            if leaf is str and not personal and not kinds & {"id", "word", "currency code"}:
                found.append(name)
    return found


@every_action
def test_no_free_text_is_in_clear(cls):
    assert text_in_clear(cls) == []


def test_a_plain_str_and_an_unmarked_text_are_found_out():
    class NoteTaken(Action):
        plain: str | None = None
        unmarked: Text | None = None
        changed: Changed[Text] | None = None
        several: list[str] | None = None
        word: Word | None = None
        marked: PersonalText | None = None

    assert text_in_clear(NoteTaken) == ["plain", "unmarked", "changed", "several"]


def test_objects_in_clear_are_those_that_name_no_person():
    def holds_json(annotation: Any) -> bool:
        return any(
            leaf is not Someone and leaf not in (str, int, bool) and _is_open(leaf) for leaf, _ in leaves(annotation)
        )

    in_clear = {
        f"{cls.code} {field.name}"
        for cls in ACTIONS
        for field in cls.fields_of_context
        if field.personal is None and holds_json(cls.model_fields[field.name].annotation)
    }
    assert in_clear == {
        "service.edited changes", "service.deleted snapshot", "schedule.created hours",
        "reward.edited changes", "reward.deleted snapshot",
    }  # fmt: skip


def _is_open(leaf: Any) -> bool:
    return typing.get_origin(leaf) is dict or getattr(leaf, "__name__", "") == "FieldChange"


def test_personal_fields_are_those_typed_over_here():
    marked = {
        (cls.category, field.name): field.personal.personal_class
        for cls in ACTIONS
        for field in cls.fields_of_context
        if field.personal is not None
    }
    payments = ("invoice_number", "stripe_account", "stripe_payment_intent", "stripe_charge", "stripe_event",
                "stripe_refund", "card_last4", "receipt_number")  # fmt: skip
    assert marked == {
        ("bookings", "service_name"): "identity",
        ("bookings", "reason_text"): "identity",
        **{("payments", name): "evidence" for name in payments},
        ("payments", "reason_text"): "identity",
        ("vouchers", "code_last4"): "evidence",
        ("services", "changes"): "identity",
        ("services", "snapshot"): "identity",
        ("clients", "changes"): "identity",
        ("clients", "reason_text"): "identity",
        ("account", "email"): "identity",
        ("settings", "changes"): "identity",
        ("log", "filter"): "identity",
        ("log", "filter_in_words"): "identity",
    }


def test_a_field_that_is_called_stripe_is_evidence_everywhere():
    stripe = [field for cls in ACTIONS for field in cls.fields_of_context if field.name.startswith("stripe_")]
    assert stripe
    assert all(field.personal == Personal("evidence") for field in stripe)


def test_a_failed_login_has_nowhere_to_put_what_was_typed():
    cls = find("account.login_failed")
    assert cls is not None
    assert set(cls.model_fields) == {"reason_code", "method", "attempt"}


def test_targets_that_are_persons_are_among_the_kinds_that_become_tokens():
    kinds = {kind for cls in ACTIONS for kind in cls.targets}
    assert kinds >= PERSON_KINDS
    assert kinds - PERSON_KINDS == {
        "booking", "charge", "refund", "voucher", "service", "schedule", "session", "clinic", "coupon", "reward",
        "settings", "log",
    }  # fmt: skip
