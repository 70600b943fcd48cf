"""The check of an action is built when it is first used, by however many threads that is."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import PydanticUserError

from indelible.catalogue import Action, find

TOGETHER = """
import sys, threading
sys.setswitchinterval(1e-6)
from indelible.catalogue import registered
from indelible.errors import InvalidInput

actions, wrong, gate = registered(), [], threading.Barrier(8)
assert not any(cls.__pydantic_complete__ for cls in actions)

def use():
    for cls in actions:
        gate.wait()
        try:
            cls(no_such_field=1)
        except InvalidInput as error:
            if "no_such_field" not in str(error) and "is missing" not in str(error):
                wrong.append((cls.code, repr(error)))
        except Exception as error:
            wrong.append((cls.code, repr(error)))
        else:
            wrong.append((cls.code, "taken"))
        if not any(field.required for field in cls.fields_of_context):
            try:
                cls(**dict.fromkeys(cls.model_fields))
            except Exception as error:
                wrong.append((cls.code, repr(error)))

threads = [threading.Thread(target=use) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*wrong, sep="\\n", end="")
"""


def test_eight_threads_may_use_every_action_first_at_once():
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == ""


def test_a_host_hears_where_it_declares_it_of_a_type_that_cannot_be_checked():
    with pytest.raises(PydanticUserError, match="Kitchen"):

        class RoomPainted(
            Action,
            code="room.painted",
            label="Painted room",
            category="services",
            targets=("room",),
            sentence="{actor} painted {target}",
        ):
            colour: Kitchen | None = None

    assert find("room.painted") is None


class Kitchen:
    """No type of a context."""
