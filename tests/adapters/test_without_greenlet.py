"""SQLAlchemy brings no greenlet by itself: who records in sessions that are not asynchronous needs none."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["greenlet"] = None  # as if it were not installed
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from indelible import Staff
from indelible.catalogue.bookings import BookingCancelled
from indelible.outbox.sql import install
from indelible.sqlalchemy import Recorder
import sqlite3
with sqlite3.connect("host.db") as file:
    install(file)
with Session(create_engine("sqlite:///host.db")) as session, session.begin():
    Recorder("c_lisbon").record(session, BookingCancelled(), actor=Staff("u"), target=("booking", "bk_1"))
    print(session.execute(text("SELECT count(*) FROM indelible_outbox")).scalar_one())
"""


def test_a_session_records(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
