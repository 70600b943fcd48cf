"""The migration makes the outbox by its own SQL, and `check` says what stands in the way."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from indelible.outbox import sql

if TYPE_CHECKING:
    from tests.django.conftest import Host


def test_a_second_run_leaves_what_waits(host: Host) -> None:
    told = host.run("""
cancel("bk_1")
with open(os.devnull, "w") as nowhere:
    call_command("migrate", "indelible_outbox", "zero", fake=True, stdout=nowhere)
    call_command("migrate", stdout=nowhere)
tell(waiting())
""")
    assert told == ["bk_1"]


def test_there_is_no_way_back(host: Host) -> None:
    told = host.run("""
from django.db.migrations.exceptions import IrreversibleError
with open(os.devnull, "w") as nowhere:
    told = refused(lambda: call_command("migrate", "indelible_outbox", "zero", stdout=nowhere), IrreversibleError)
cancel("bk_1")
tell([told, waiting()])
""")
    assert told == ["documents may wait in the outbox, so it is not dropped; take the app out instead", ["bk_1"]]


@pytest.mark.parametrize("engine", sql.ENGINES)
def test_each_file_of_sql_has_a_migration_of_django_that_brings_it(engine: str) -> None:
    folder = files("indelible.django").joinpath("migrations")
    assert sum(one.name[:4].isdigit() for one in folder.iterdir()) >= sql.version(engine)


def test_django_finds_nothing_that_has_no_migration(host: Host) -> None:
    told = host.run("""
import io
out = io.StringIO()
call_command("makemigrations", "indelible_outbox", check_changes=True, dry_run=True, stdout=out)
tell(out.getvalue())
""")
    assert told.startswith("No changes detected")


def test_a_code_that_a_host_declares_later_is_known_after_the_next_migrate(host: Host) -> None:
    told = host.run("""
from indelible.catalogue import Action
class RoomCleaned(Action, code="room.cleaned", label="Cleaned room", category="services", targets=("booking",),
                  sentence="{actor} cleaned {target}"):
    pass
def act():
    record(RoomCleaned(), target=("booking", "bk_1"), actor=MARIA)
before = refused(act)
with open(os.devnull, "w") as nowhere:
    call_command("migrate", stdout=nowhere)
act()
tell([before, waiting()[-1:]])
""")
    before, waiting = told
    assert waiting == ["bk_1"]
    assert before == (
        None
        if host.engine == "sqlite"
        else 'action: is no code of this outbox; correct it, or add it with the SQL of "indelible outbox sql"'
    )


CHECK = """
from django.core.checks import run_checks
tell([f"{one.id} {one.msg}" for one in run_checks(databases=["default"]) if one.id.startswith("indelible")])
"""


def test_nothing_is_found_where_all_is_well(host: Host) -> None:
    assert host.run(CHECK) == []


def test_a_missing_outbox_is_found(host: Host) -> None:
    table = "indelible_outbox_identity" if host.engine == "sqlite" else "indelible.version"
    told = host.run(f"""
from django.core.checks import run_checks
ask("ALTER TABLE {table} RENAME TO gone")
try:
    told = [f"{{one.id}} {{one.msg}} {{one.hint}}" for one in run_checks(databases=["default"])]
finally:
    ask("ALTER TABLE {table.replace("version", "gone") if "." in table else "gone"} RENAME TO {table.split(".")[-1]}")
tell(told)
""")
    assert told == [
        "indelible_outbox.W002 default has no outbox, or an older one. Run `manage.py migrate --database default`."
    ]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("INDELIBLE_OUTBOX_ALIAS='gone'", "E001 INDELIBLE_OUTBOX_ALIAS: there is no gone in DATABASES."),
        (
            "INDELIBLE_ACTOR='bookings.who.gone'",
            "E002 INDELIBLE_ACTOR must be staff, client, or the dotted path of a function.",
        ),
        (
            "INDELIBLE_OUTBOX_WAKE='bookings.who.woken'",
            "E002 INDELIBLE_OUTBOX_WAKE must be the dotted path of a function.",
        ),
        ("INDELIBLE_CHANNEL='gone.channel'", "E002 INDELIBLE_CHANNEL must be the dotted path of a function."),
        ("INDELIBLE_TRUSTED_PROXIES=-1", "E003 INDELIBLE_TRUSTED_PROXIES must be an integer, 0 or more."),
    ],
)
def test_a_setting_that_cannot_be_used_is_found(host: Host, settings: str, found: str) -> None:
    script = "\n".join(f"    {line}" for line in CHECK.strip().splitlines())
    assert host.run(f"with override_settings({settings}):\n{script}") == [f"indelible_outbox.{found}"]


@pytest.mark.parametrize(("alias", "found"), [("default", "E001"), ("other", "W001")])
def test_a_database_of_another_engine_is_found_and_recording_there_is_refused(
    host: Host, alias: str, found: str
) -> None:
    told = host.run(f"""
from django.core.checks import run_checks
vendor = type(connections["{alias}"]).vendor
try:
    connections["{alias}"].vendor = "mysql"
    told = [f"{{one.id}} {{one.msg}}" for one in run_checks()]
    refusal = refused(lambda: cancel(using="{alias}"))
finally:
    del connections["{alias}"].vendor
tell([told, refusal])
""")
    sentence = f"{alias} is a database of mysql, which cannot hold an outbox; PostgreSQL and SQLite can."
    assert told == [
        [f"indelible_outbox.{found} {sentence}"],
        "connection: is a database of mysql, which has no outbox; PostgreSQL and SQLite have",
    ]
