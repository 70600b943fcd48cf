"""The project of docs/howto/django.md, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

HOWTO = Path(__file__).parents[2] / "docs/howto/django.md"
_FILE = re.compile(r"```python\n# (\S+)\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(r"^    python (.+)$", re.MULTILINE)
_MANAGE = """import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "host.settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
_CANCELS = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "host.settings"
import django
django.setup()
from django.contrib.auth.models import User
from django.test import Client
from bookings.models import Booking
from indelible.django import recorded
Booking.objects.create(reference="bk_1", client_id="cli_7", client_name="Ana")
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.create_user("maria", first_name="Maria", last_name="Fernandes"))
with recorded() as documents:
    assert client.post("/cancel/bk_1/").status_code == 200
print(documents[0]["actor"]["name"], documents[0]["request"]["channel"], Booking.objects.get().cancelled)
"""


def test_it_cancels_a_booking_and_its_own_tests_pass_in_several_processes(tmp_path: Path) -> None:
    for name, text in _FILE.findall(HOWTO.read_text("utf-8")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        (path.parent / "__init__.py").touch()
    (tmp_path / "manage.py").write_text(_MANAGE)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run("manage.py", "makemigrations", "bookings")
    commands = _COMMAND.findall(HOWTO.read_text("utf-8"))
    assert len(commands) == 2
    assert "Ran 1 test" in [run(*shlex.split(command)) for command in commands][1]
    assert "no issues" in run("manage.py", "check", "--database", "default")
    assert run("-c", _CANCELS) == "Maria Fernandes staff_web True\n"
