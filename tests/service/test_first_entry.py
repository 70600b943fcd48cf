"""The first start leads to a log with something in it: each way to record the first entry runs as the page has it."""

from __future__ import annotations

import html
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from indelible.drain.passes import drain_all
from indelible.drain.sources import open_source
from indelible.outbox.sql import install
from indelible.record import document

from .test_server import Service as Process

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def clinic(service):
    log = service.clinic()
    return log, service.client(service.user("owner", log))


def shown(browser, log, way):
    """The code of a way, as who copies it from the page has it."""
    from django.urls import reverse

    return code_on(browser.get(reverse("first_entry", args=[log.clinic.id]), {"way": way}).content.decode())


def code_on(page, place="first-code"):
    found = re.search(rf'(?s)<pre id="{place}"[^>]*><code>(.*?)</code>', page)
    assert found is not None
    return html.unescape(found[1])


def run(service, folder, *command, **more):
    """Run a program beside the service, which goes on; `PATH` has this package's commands."""
    environment = os.environ | {"INDELIBLE_DATABASE": str(service.database), "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, done.stderr


def recorded(log):
    return [view.sentence for view in log.read("action:integration.connected")]


@pytest.fixture
def process(tmp_path):
    """The service as it is started in an empty folder."""
    made = Process(tmp_path).start()
    yield made
    assert made.stop() == 0


def test_http_comes_first_and_runs_with_a_key_of_the_page_that_it_leads_to(process, tmp_path):
    clinic = process.begin()
    first = f"/c/{clinic}/first-entry/"
    page = process.get(first)
    assert f'href="/c/{clinic}/keys/"' in page
    with process.post(
        f"/c/{clinic}/keys/", name="desk", scopes="record", password="a sentence that only I would write"
    ) as answer:
        made = answer.read().decode()
    found = re.search(r'id="new-key"[^>]* value="([^"]+)"', made)
    assert found is not None
    assert "Waiting for the first entry" in process.get(first)  # the key is none of what a clinic does
    for number, code in ((1, code_on(page)), (2, code_on(made, "key-curl"))):
        done = subprocess.run(["sh", "-euc", code], env=os.environ | {"INDELIBLE_KEY": found[1]}, cwd=tmp_path,
                              capture_output=True, text=True, timeout=120)  # fmt: skip
        answered = json.loads(done.stdout)
        assert answered["status"] == "recorded", number
        assert f"/entries/{answered['id']}/" in process.get(first)
    assert "It is here" in process.get(first)


def test_without_a_key_curl_is_told_what_to_do(process):
    code = code_on(process.get(f"/c/{process.begin()}/first-entry/"))
    bare = {name: value for name, value in os.environ.items() if name != "INDELIBLE_KEY"}
    done = subprocess.run(["sh", "-c", code], env=bare, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["status"] == 401


def test_the_command_and_the_import_run_in_a_shell(service, clinic, tmp_path):
    log, browser = clinic
    run(service, tmp_path, "sh", "-euc", shown(browser, log, "command"))
    assert recorded(log) == ["System connected booking-program"]
    for _ in range(2):
        run(service, tmp_path, "sh", "-euc", shown(browser, log, "file"))
    assert len(recorded(log)) == 2  # a second import doubles nothing


def test_the_python_runs(service, clinic, tmp_path):
    log, browser = clinic
    run(service, tmp_path, sys.executable, "-c", shown(browser, log, "python"))
    assert recorded(log) == ["System connected booking-program"]


def test_the_django_runs_in_a_project(service, clinic):
    """This process is one, with the accounts' database as its own, which the service drains."""
    from django.conf import settings

    from indelible.service.shared_journal import journal

    log, browser = clinic
    exec(compile(shown(browser, log, "django"), "views.py", "exec"), {})
    with closing(open_source(str(settings.ENVIRONMENT.accounts), journal().places)) as source:
        drain_all(journal(), source)
    assert recorded(log) == ["System connected booking-program"]


def test_the_sql_runs_in_a_hosts_database(service, clinic, tmp_path):
    from indelible.service.shared_journal import journal

    log, browser = clinic
    path = tmp_path / "host.db"
    with closing(sqlite3.connect(path)) as host:
        install(host)
        host.executescript(shown(browser, log, "sqlite"))
    with closing(open_source(str(path))) as source:
        drain_all(journal(), source)
    assert recorded(log) == ["System connected booking-program"]
    # PostgreSQL's function takes the same document.
    asked = re.fullmatch(r"SELECT indelible\.record\('(.*?)', '(.*)'\);\n", shown(browser, log, "postgresql"))
    assert asked is not None
    clinic_id, said = asked.groups()
    assert clinic_id == log.clinic.id
    log.record_document(document.parse_json(said.encode()))
    assert len(recorded(log)) == 2


def test_an_id_with_signs_is_quoted_in_each_language():
    from indelible.service.web.first_entry import WAYS

    said = {name: way.code("it's; $(id)") for name, way in WAYS.items()}
    compile(said["python"], "x", "exec")
    compile(said["django"], "x", "exec")
    assert "'it''s; $(id)'" in said["postgresql"]
    assert "'it''s; $(id)'" in said["sqlite"]
    assert """'it'"'"'s; $(id)'""" in said["command"]
    assert "/clinics/it%27s%3B%20%24%28id%29/entries" in said["http"]


def test_a_log_of_sign_ins_alone_leads_there_and_says_when_the_entry_is_here(service, clinic):
    from django.urls import reverse

    log, browser = clinic
    where = reverse("first_entry", args=[log.clinic.id])
    activity = reverse("activity", args=[log.clinic.id])
    log.record_document({"action": "account.logged_in", "actor": {"kind": "staff", "id": "usr_1"},
                         "target": {"kind": "staff", "id": "usr_1"}, "context": {"method": "password"},
                         "request": {"ip": "203.0.113.9"}})  # fmt: skip
    assert where in browser.get(activity).content.decode()
    asking = {"HX-Request": "true"}
    waiting = browser.get(where, headers=asking).content.decode()
    assert "Waiting for the first entry" in waiting
    assert f'hx-get="{where}"' in waiting
    service.fill(log)
    here = browser.get(where, headers=asking).content.decode()
    assert "It is here" in here
    assert "hx-get" not in here
    assert where not in browser.get(activity).content.decode()
    # Who may not set the clinic up is not led there.
    staff = service.client(service.user("staff", log))
    assert staff.get(where).status_code == 403


def test_the_zone_that_is_chosen_first_is_that_of_the_readers_language(service):
    from django.utils import translation

    from indelible.service.web.pages.one_time_links import Owner

    for language, zone in (("pt", "Europe/Lisbon"), ("es", "Europe/Madrid"), ("en", "Europe/London")):
        with translation.override(language):
            assert f'value="{zone}" selected' in str(Owner()["zone"])
    assert "data-zone" in str(Owner()["zone"])
