"""The modules of our actions are imported when somebody asks for one, and nobody notices when that was."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

from indelible import catalogue
from indelible.catalogue import modules
from indelible.catalogue.reference import built_in

DECLARE = """
class Mine(Action, code={code!r}, label="L", category={category!r}, targets=("room",), sentence="{{actor}}"):
    pass
"""

TOGETHER = """
import sys, threading
sys.setswitchinterval(1e-6)
from indelible.catalogue import find, registered

codes, wrong, gate = {codes!r}, [], threading.Barrier(8)

def use(turn):
    gate.wait()
    for code in codes[turn:] + codes[:turn]:
        cls = find(code)
        if cls is None or cls.code != code or list(cls.model_fields) != [one.name for one in cls.fields_of_context]:
            wrong.append(code)
    if [cls.code for cls in registered()] != codes:
        wrong.append("another order")

threads = [threading.Thread(target=use, args=(turn * len(codes) // 8,)) for turn in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*wrong, sep="\\n", end="")
"""

FIRST = """
from indelible.catalogue import Action, find, registered
exec({own!r}, {{"Action": Action, "__name__": "host.actions"}})
find("log.viewed")
print(*(cls.code for cls in registered()), sep="\\n")
"""

TWICE = """
from indelible.catalogue import Action, find
try:
    exec({own!r}, {{"Action": Action, "__name__": "host.actions"}})
except TypeError as error:
    print(error)
print(find("booking.cancelled").__module__)
"""

# Also those that the table does not know.
for each in pkgutil.iter_modules(catalogue.__path__, f"{catalogue.__name__}."):
    importlib.import_module(each.name)


def fresh(code: str) -> list[str]:
    """What a program prints that has loaded nothing yet."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.splitlines()


@pytest.mark.parametrize("cls", built_in(), ids=lambda cls: cls.code)
def test_the_noun_of_a_code_leads_to_the_module_that_declares_it(cls):
    noun, module = cls.code.partition(".")[0], cls.__module__.rpartition(".")[2]
    assert modules.MODULES.get(noun) == module, (
        f'{cls.code} would not be found: MODULES in src/indelible/catalogue/modules.py needs the line "{noun}": '
        f'"{module}", and a noun is declared in one module'
    )


def test_every_noun_of_the_table_is_one_of_a_code():
    assert set(modules.MODULES) == {cls.code.partition(".")[0] for cls in built_in()}


@pytest.mark.parametrize("cls", built_in(), ids=lambda cls: cls.code)
def test_the_actions_of_a_category_are_declared_in_its_module(cls):
    assert cls.__module__ == f"{catalogue.__name__}.{cls.category}"


def test_eight_threads_may_ask_for_codes_first_at_once():
    assert fresh(TOGETHER.format(codes=[cls.code for cls in built_in()])) == []


def test_a_host_hears_where_it_declares_it_of_a_code_of_ours_that_is_not_loaded():
    assert fresh(TWICE.format(own=DECLARE.format(code="booking.cancelled", category="rooms"))) == [
        "booking.cancelled is declared twice, by indelible.catalogue.bookings and by host.actions",
        "indelible.catalogue.bookings",
    ]


def test_the_order_is_the_same_whatever_was_loaded_first():
    own = [DECLARE.format(code=f"{noun}.aired", category=f"{noun}s") for noun in ("room", "booking")]
    ours = [cls.code for cls in built_in()]
    last = max(number for number, cls in enumerate(built_in()) if cls.category == "bookings") + 1
    assert fresh(FIRST.format(own="".join(own))) == [*ours[:last], "booking.aired", *ours[last:], "room.aired"]
