"""What an action puts into a body in clear, and what it marks as personal."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Union

import pytest

from indelible.catalogue import PERSON_KINDS, Action, find
from indelible.catalogue.fields import Changed, Kind, Personal, PersonalText, Text, Word
from indelible.catalogue.reference import built_in

ACTIONS = built_in()

every_action = pytest.mark.parametrize("cls", ACTIONS, ids=lambda cls: cls.code)


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
    in_clear = {
        f"{cls.code} {field.name}"
        for cls in ACTIONS
        for field in cls.fields_of_context
        if field.personal is None and any(_is_open(leaf) for leaf, _ in leaves(cls.model_fields[field.name].annotation))
    }
    assert in_clear == {
        "service.created snapshot", "service.edited changes", "service.deleted snapshot", "service.restored snapshot",
        "schedule.created hours", "voucher_offer.edited changes", "voucher_offer.deleted snapshot",
        "reward.edited changes", "reward.deleted snapshot",
        "log.exported files",
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
                "stripe_refund", "stripe_dispute", "card_last4", "receipt_number", "sha256")  # fmt: skip
    assert marked == {
        ("bookings", "service_name"): "identity",
        ("bookings", "reason_text"): "identity",
        ("bookings", "changes"): "identity",
        **{("payments", name): "evidence" for name in payments},
        ("payments", "reason_text"): "identity",
        ("vouchers", "code_last4"): "evidence",
        ("vouchers", "service_name"): "identity",
        ("loyalty", "reason_text"): "identity",
        ("services", "changes"): "identity",
        ("services", "snapshot"): "identity",
        ("clients", "changes"): "identity",
        ("clients", "reason_text"): "identity",
        ("account", "email"): "identity",
        ("settings", "changes"): "identity",
        ("settings", "reason"): "identity",
        ("settings", "role"): "identity",
        ("settings", "stripe_account"): "evidence",
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
        "booking", "charge", "refund", "voucher", "service", "schedule", "clinic", "coupon", "reward",
        "settings", "log", "voucher_offer", "dispute", "invoice", "schedule_block", "integration", "api_key",
    }  # fmt: skip
