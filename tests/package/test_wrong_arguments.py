"""Whatever is handed to the public names: an IndelibleError in one sentence, or it works. Never Python's raw errors."""

from __future__ import annotations

import enum
import subprocess
import sys
import types
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from indelible import (
    Client,
    IndelibleError,
    Integration,
    InvalidInput,
    Journal,
    Person,
    Request,
    Staff,
    Support,
    System,
    Target,
)
from indelible.catalogue.bookings import BookingCancelled, BookingRescheduled
from indelible.catalogue.services import ServiceCreated
from indelible.format.money import minor
from indelible.read.story import story

Json = dict[str, Any]


class Colour(enum.Enum):
    RED = 1


NAIVE = datetime(2026, 5, 3)  # noqa: DTZ001 - what people hand over
WRONG: list[Any] = [
    *(None, True, 0, -1, 2**80, 10**5_000, 1.5, float("nan"), "", "Maria", "bk_1", "\ud800", "a\x00", b"bytes"),
    *([], {}, (), set(), ("booking",), ("booking", "b", "c", "d"), (1, 2), [None], {"id": 1}, object(), type),
    *(Decimal("1.5"), date(2026, 5, 3), NAIVE, uuid.UUID(int=7), Staff, Staff("u"), Target("booking", "b")),
    *(Person("p"), Request(), System("job:x"), BookingCancelled(), Colour.RED, lambda: None),
    *(iter(()), Exception("x")),
]
GOOD: Json = {"actor": Staff("usr_12", "Maria"), "target": ("booking", "bk_1")}


def works_or_says_why(call) -> bool:
    try:
        call()
    except IndelibleError as error:
        assert str(error)
        assert "\n" not in str(error)
        return False
    return True


@pytest.mark.parametrize("name", ["actor", "target", "client", "people", "request", "occurred_at", "operation", "key"])
def test_record_with_anything_in_each_place(log, name):
    for value in WRONG:
        works_or_says_why(lambda value=value: log.record(BookingCancelled(), **GOOD | {name: value}))


@pytest.mark.parametrize(
    "made", [Staff, Client, Support, Integration, System, Person, Request], ids=lambda one: one.__name__
)
def test_whoever_is_made_of_anything(log, made):
    for value in WRONG:
        for arguments in ((value,), (value, value), ("x", value)):

            def call(arguments=arguments):
                try:
                    one = made(*arguments)
                except TypeError as error:  # how many arguments there are, Python says itself
                    assert "positional argument" in str(error)
                    return
                place = {Person: "client", Request: "request"}.get(made, "actor")
                log.record(BookingCancelled(), **GOOD | {place: one})

            works_or_says_why(call)


@pytest.mark.parametrize("field", sorted(BookingCancelled.model_fields))
def test_an_action_of_anything(field):
    for value in WRONG:
        works_or_says_why(lambda value=value: BookingCancelled(**{field: value}))


def test_fields_that_are_not_there_or_missing():
    with pytest.raises(InvalidInput, match=r"notice_minute: is not a field here; did you mean notice_minutes\?"):
        BookingCancelled(notice_minute=3)
    with pytest.raises(InvalidInput, match="starts_at: is missing"):
        BookingRescheduled()
    with pytest.raises(InvalidInput, match="takes its fields by name"):
        BookingCancelled("late")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "method",
    ["record_document", "draft", "append", "read", "page", "entry", "anonymize", "rename", "set_time_zone"],
)
def test_every_method_of_a_log_with_anything(log, method):
    more: Json = {"anonymize": {"requested_by": "client", "actor": Staff("u")}, "rename": {"actor": Staff("u")}}
    for value in WRONG:

        def call(value=value):
            result = getattr(log, method)(value, **more.get(method, {}))
            if isinstance(result, types.GeneratorType) or hasattr(result, "__next__"):
                list(result)

        works_or_says_why(call)


@pytest.mark.parametrize(
    ("method", "given", "name"),
    [
        *(("rename", "Nova", name) for name in ("actor", "request", "was")),
        *(("set_time_zone", "Europe/Madrid", name) for name in ("actor", "request", "was")),
        *(("anonymize", "cli_77", name) for name in ("actor", "request", "requested_by", "key")),
    ],
)
def test_what_a_log_does_itself_with_anything_beside_it(log, method, given, name):
    more: Json = {"actor": Staff("u")} | ({"requested_by": "client"} if method == "anonymize" else {})
    for value in WRONG:
        log.record(BookingCancelled(), **GOOD, client=("cli_77", "Ana"))
        works_or_says_why(lambda value=value: getattr(log, method)(given, **more | {name: value}))


def test_a_story_of_anything(log):
    for value in WRONG:
        works_or_says_why(lambda value=value: story(log.reading(), value))


@pytest.mark.parametrize("where", ["database", "master_key", "keep"])
def test_a_journal_of_anything(journal, tmp_path, where):
    for value in WRONG:
        arguments = {"database": journal.places.database} | {where: value}
        works_or_says_why(lambda arguments=arguments: Journal(**arguments).close())
    with pytest.raises(IndelibleError, match="a log is one SQLite file in this release"):
        Journal("postgresql://localhost/clinic")


def test_clinics_of_anything(journal):
    for value in WRONG:
        works_or_says_why(lambda value=value: journal.clinic(value))
        works_or_says_why(lambda value=value: journal.add_clinic(value, name="x", zone="UTC"))
        works_or_says_why(lambda value=value: journal.add_clinic(f"c{id(value)}", name=value, zone="UTC"))
        works_or_says_why(lambda value=value: journal.add_clinic(f"d{id(value)}", name="x", zone=value))


def test_integers_and_uuids_are_ids(log):
    number = uuid.UUID("5f2c8f1a-0000-4000-8000-000000000001")
    payer: Any = 78
    log.record(
        BookingCancelled(policy=3, charge=number), actor=Staff(12, "Maria"), target=("booking", number),
        client=(77, "Ana"), people=[Person(payer, role="payer")], operation=number, key=9,
    )  # fmt: skip
    entry = log.entry(1)
    assert (entry.actor["id"], entry.target["id"], entry.client["id"]) == ("12", str(number), "77")
    assert (entry.context["policy"], entry.context["charge"]) == ("3", str(number))
    assert [one.seq for one in log.read("client:77 actor:12")] == [1]
    document = {
        "action": "booking.created",
        "actor": {"kind": "staff", "id": 12},
        "target": {"kind": "booking", "id": 5},
    }
    log.record_document(document)
    assert log.entry(2).target["id"] == "5"
    with pytest.raises(InvalidInput, match=r"actor\.id: must be text"):
        log.record_document(document | {"actor": {"kind": "staff", "id": True}})
    with pytest.raises(InvalidInput, match=r"actor\.id: must be text"):
        log.record_document(document | {"actor": {"kind": "staff", "id": 1.5}})


def test_a_decimal_price_has_a_helper_and_the_refusal_names_it():
    assert ServiceCreated(price_minor=minor(Decimal("30.00"), "EUR"), currency="EUR").price_minor == 3_000
    assert [minor("30", "JPY"), minor(30, "KWD"), minor("-0.01", "EUR")] == [30, 30_000, -1]
    with pytest.raises(InvalidInput, match=r"indelible\.format\.money\.minor"):
        ServiceCreated(price_minor=Decimal("30.00"), currency="EUR")
    for amount, said in ((Decimal("1.005"), "more decimals"), (0.1, "a float is not"), ("x", "is not an amount"),
                         (Decimal("NaN"), "is not an amount"), ("1e999999999", "is not an amount")):  # fmt: skip
        with pytest.raises(InvalidInput, match=said):
            minor(amount, "EUR")  # type: ignore[arg-type]


def test_a_lazy_text_is_text():
    code = """
import django
from django.conf import settings
settings.configure(USE_I18N=False)
django.setup()
from django.utils.translation import gettext_lazy as _
from indelible import Journal, Staff
from indelible.catalogue.bookings import BookingCancelled
import sys
journal = Journal.create(sys.argv[1])
log = journal.add_clinic("c", name="x", zone="UTC")
log.record(BookingCancelled(reason_text=_("too late")), actor=Staff("u", _("Reception")),
           target=("booking", "b", _("Facial")))
entry = log.entry(1)
print(entry.actor["name"], entry.target["name"], entry.context["reason_text"], sep="|")
journal.close()
"""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", code, f"{folder}/a.db"], capture_output=True, text=True)
    assert done.stdout.strip() == "Reception|Facial|too late", done.stderr


def test_the_command_line_without_its_libraries_says_what_to_install():
    code = "import sys; sys.modules['typer'] = None\nfrom indelible.cli.start import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "indelible: the command line is not installed; pip install 'indelible[cli]' brings it\n"
