"""A log that was recorded without the service is opened in the browser; another project's tables are left alone."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import subprocess
import sys
import urllib.error
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal
from indelible.manage.inspection import inspect
from indelible.testing.logs import event

from .test_server import Service, service  # noqa: F401 - a fixture


def recorded(service: Service, *clinics: str, closed: str = "") -> None:  # noqa: F811
    """What the command line or a Python program leaves."""
    with Journal.create(service.database) as journal:
        for clinic in clinics:
            journal.add_clinic(clinic, name=f"Clínica {clinic}", zone="Europe/Lisbon").record_document(event(1))
        if closed:
            from indelible.manage.lifetime import close_clinic
            from indelible.record.document import System

            close_clinic(journal, closed, service.folder / "closed.zip", actor=System("command:close"))


def page_names(page: str) -> list[str]:
    return re.findall(r'name="clinics" value="([^"]+)"', page)


def own(service: Service, **sent: str) -> Any:  # noqa: F811
    return service.post(service.welcome(), person="Maria Fernandes", email="maria@clinic.example",
                        password="a sentence that only I would write", **sent)  # fmt: skip


def test_the_first_owner_of_a_recorded_log_finds_its_clinics(service):  # noqa: F811
    recorded(service, "c_lisbon", "c_porto", "c_closed", closed="c_closed")
    service.start()
    page = service.get(service.welcome())
    assert page_names(page) == ["c_lisbon", "c_porto"], "what is closed cannot be opened"
    assert "Time zone" not in page
    with pytest.raises(urllib.error.HTTPError, match="400"):
        own(service)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        own(service, clinics="c_closed")
    with own(service, clinics="c_lisbon") as answer:
        assert answer.url.endswith("/c/c_lisbon/")
        assert "Clínica c_lisbon" in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        service.get("/c/c_porto/")
    assert service.stop() == 0
    with Journal(service.database) as journal:
        log = journal.clinic("c_lisbon")
        assert [view.action for view in log.read("category:account")][-1] == "staff.added"
        assert inspect(log).result == "intact"


def invite(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:  # noqa: F811
    command = [sys.executable, "-P", "-m", "indelible.service.run.invitation", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=service.folder, env=service.environment())


def test_an_invitation_can_be_made_at_any_time(service):  # noqa: F811
    recorded(service, "c_lisbon", "c_porto")
    before = invite(service, "maria@clinic.example", "c_porto")
    assert before.returncode == 0, before.stderr
    service.start()
    joining = {"name": "Maria Fernandes", "password": "a sentence that only I would write"}
    (link,) = re.findall(r"http://\S+/invitation/\S+", before.stdout)
    with service.post(link, **joining) as answer:
        assert answer.url.endswith("/c/c_porto/")
    (link,) = re.findall(r"http://\S+", invite(service, "Maria@Clinic.example", "c_lisbon", "--role=manager").stdout)
    with service.post(link) as answer:
        assert answer.url.endswith("/c/c_lisbon/")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        service.get(link)
    assert service.stop() == 0
    with Journal(service.database) as journal:
        changed = [view for view in journal.clinic("c_lisbon").read() if view.action == "settings.changed"]
        assert [view.document()["actor"]["reason"] for view in changed] == ["command:invite"]


@pytest.mark.parametrize("arguments, said", [
    (["not-an-address", "c_lisbon"], "EMAIL: must be an e-mail address"),
    (["", "c_lisbon"], "EMAIL: must be an e-mail address"),
    (["a@new.example", "c_nowhere"], "no open clinic with this id; open clinics here: c_lisbon, c_porto"),
    (["a@new.example"], "--clinic: must be given, since there is not exactly one; open clinics here: c_lisbon"),
    (["a@new.example", "c_lisbon", "--role=god"], "--role: must be one of owner, manager, staff, auditor"),
    (["a@new.example", "c_lisbon", "--role=auditor"], "--until: must be given for auditor"),
    (["a@new.example", "c_lisbon", "--role=auditor", "--until=2020-01-01"], "--until: is past"),
    (["a@new.example", "c_lisbon", "--until=2990-01-01"], "--until: is only for roles that end"),
    (["a@new.example", "c_lisbon", "--until=soon"], "must be a day, such as 2027-01-31"),
])  # fmt: skip
def test_what_cannot_be_an_invitation_is_one_sentence(invited_to, arguments, said):
    done = invite(invited_to, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "a@new.example" not in done.stderr


@pytest.fixture(scope="module")
def invited_to(tmp_path_factory):
    made = Service(tmp_path_factory.mktemp("invited"))
    recorded(made, "c_lisbon", "c_porto")
    return made


def test_nobody_is_invited_twice_into_one_clinic_nor_where_no_log_is(service):  # noqa: F811
    assert "there is no log at" in invite(service, "maria@clinic.example").stderr
    assert not service.database.exists()
    service.start()
    service.begin()
    done = invite(service, "maria@clinic.example")
    assert (done.returncode, "belongs to the clinic already, as owner" in done.stderr) == (2, True)


DJANGO_HOST = """
import sys
import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *sys.argv[2:]],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1], "OPTIONS":
               {"init_command": "PRAGMA journal_mode = WAL"}}},
    USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="x",
)
django.setup()
call_command("migrate", verbosity=0)
"""


def left(folder: Path) -> dict[str, str]:
    """Every file of a folder but the service's own output."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
            if path.name not in ("stderr", "activity.db.secret")}  # fmt: skip


def django_host(database: Path, *apps: str) -> None:
    subprocess.run([sys.executable, "-c", DJANGO_HOST, str(database), *apps], check=True, cwd=database.parent)


def own_tables(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


@pytest.mark.parametrize("whose", ["a project's", "its tables without its migrations", "an app called service"])
@pytest.mark.parametrize("asked", ["serve", "invite"])
def test_another_projects_tables_are_refused_and_nothing_is_touched(service, whose, asked):  # noqa: F811
    recorded(service, "c_lisbon")
    if whose == "a project's":
        django_host(service.accounts)
    elif whose == "an app called service":
        own_tables(service.accounts, "CREATE TABLE django_migrations (app, name)", "CREATE TABLE service_user (id)",
                   "INSERT INTO django_migrations VALUES ('service', '0001_initial')")  # fmt: skip
    else:
        own_tables(service.accounts, "CREATE TABLE auth_user (id)")
    before = left(service.folder)
    if asked == "serve":
        said = service.refusal()
    else:
        done = invite(service, "maria@clinic.example")
        said = done.stderr
        assert done.returncode == 2
    assert "holds the tables of another project" in said
    assert left(service.folder) == before


def test_a_file_that_a_host_has_open_is_looked_at_as_it_is(service):  # noqa: F811
    """What it wrote last may be in the write-ahead log alone."""
    with closing(sqlite3.connect(service.accounts)) as host:
        host.execute("PRAGMA journal_mode = WAL")
        host.execute("CREATE TABLE auth_user (id)")
        assert "another project" in service.refusal()
        assert host.execute("SELECT name FROM sqlite_master").fetchall() == [("auth_user",)]


def test_the_accounts_are_in_no_file_of_the_log(service):  # noqa: F811
    recorded(service, "c_lisbon")
    service.more["ACCOUNTS"] = str(service.database)
    assert "INDELIBLE_ACCOUNTS: must be another file than the log's" in service.refusal()


def test_a_file_that_is_no_database_is_refused(service):  # noqa: F811
    service.accounts.write_bytes(b"not a database, but text" * 100)
    assert "the accounts cannot be read" in service.refusal()


def test_the_logs_file_holds_the_log_and_nothing_else(service):  # noqa: F811
    service.start()
    service.begin()
    assert service.stop() == 0
    with closing(sqlite3.connect(service.database)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert [name for name in names if not name.startswith(("indelible_", "sqlite_"))] == []


def test_tables_that_are_no_djangos_are_no_hindrance(service):  # noqa: F811
    recorded(service, "c_lisbon")
    own_tables(service.database, "CREATE TABLE booking (id)")
    service.start()
    assert page_names(service.get(service.welcome())) == ["c_lisbon"]


def test_its_own_file_is_no_other_projects(service):  # noqa: F811
    service.start()
    service.begin()
    assert service.stop() == 0
    assert service.start().stop() == 0
