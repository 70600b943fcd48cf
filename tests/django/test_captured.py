"""A host's own tests see what was recorded, in `TestCase`'s transaction and without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.django.conftest import Host

# Django's own test cases, run on the worker's databases, which are made.
INSIDE = """
import unittest
from indelible.testing.django import RecordsMixin

class Case(RecordsMixin, {base}):
    databases = ["default", "other"]
    def test(self):
{body}
result = unittest.TestResult()
Case("test").run(result) if "{base}" == "TransactionTestCase" else unittest.TestSuite([Case("test")]).run(result)
tell([[text for _, text in result.errors + result.failures], waiting()])
"""


def case(host: Host, base: str, body: str) -> tuple[list[str], list[str]]:
    lines = "".join(f"        {line}" for line in body.strip().splitlines(keepends=True))
    problems, waiting = host.run(INSIDE.format(base=base, body=lines))
    return problems, waiting


BODY = """
cancel("bk_0")
with recorded() as documents:
    with transaction.atomic():
        cancel("bk_1")
    with suppress(RuntimeError), transaction.atomic():
        cancel("bk_2")
        cancel("bk_3", apart=True)
        raise RuntimeError
    cancel("bk_4")
self.assertEqual(sorted(one["target"]["id"] for one in documents), ["bk_1", "bk_3", "bk_4"])
"""


def test_in_a_transaction_that_is_rolled_back(host: Host) -> None:
    assert case(host, "TestCase", BODY) == ([], [])


def test_without_one(host: Host) -> None:
    problems, waiting = case(host, "TransactionTestCase", BODY)
    assert problems == []
    assert waiting == ["bk_0", "bk_1", "bk_3", "bk_4"]


def test_what_is_expected_is_compared(host: Host) -> None:
    problems, _ = case(
        host,
        "TestCase",
        """
with self.assertRecords("booking.cancelled"):
    cancel("bk_1")
with self.assertRecords():
    pass
with self.assertRecords("booking.completed", using="default"):
    cancel("bk_1")
""",
    )
    (problem,) = problems
    assert problem.strip().endswith("AssertionError: recorded booking.cancelled, not booking.completed")


def test_in_a_testcase_a_refusal_ends_the_hosts_own_block_and_not_the_test(host: Host) -> None:
    problems, _ = case(
        host,
        "TestCase",
        """
def act():
    with transaction.atomic():
        Booking.objects.create(reference="bk_1")
        refused(lambda: cancel(**BAD))
with self.assertRaises(InvalidInput):
    act()
with self.assertRaises(InvalidInput):
    cancel(**BAD)
self.assertEqual(Booking.objects.count(), 0)
""",
    )
    assert problems == []


def test_in_a_testcase_another_databases_transaction_is_refused_as_without(host: Host) -> None:
    problems, _ = case(
        host,
        "TestCase",
        """
with self.assertRaisesMessage(InvalidInput, "they would not commit together"):
    with transaction.atomic(using="other"):
        cancel()
""",
    )
    assert problems == []


def test_where_an_exception_ends_the_block_the_list_stays_empty(host: Host) -> None:
    told = host.run("""
with suppress(RuntimeError), recorded() as documents:
    cancel("bk_1")
    raise RuntimeError
tell([documents, waiting()])
""")
    assert told == [[], ["bk_1"]]
