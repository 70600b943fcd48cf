"""A data migration gives the guard its name as the reason, so that one entry says what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.django.conftest import Host

MIGRATION = """
from django.db import migrations

def rename(apps, schema_editor):
    schema_editor.execute("UPDATE bookings_booking SET state = state || '+'")

class Migration(migrations.Migration):
    atomic = {atomic}
    operations = [migrations.RunPython(rename, rename)]
"""


SCRIPT = """
Booking.objects.bulk_create(Booking(reference=f"bk_{{number}}") for number in range(3))
guarded = connection.vendor == "postgresql"
if guarded:
    ask("SELECT indelible.guard('bookings_booking', 'booking', 'reference', only_clinic => 'c_lisbon')")
told = []
with override_settings(MIGRATION_MODULES={{"bookings": {module!r}}}):
    for target in ("0042_merge", "zero"):
        with open(os.devnull, "w") as nowhere:
            call_command("migrate", "bookings", target, stdout=nowhere)
        told.append([[one["action"], one["target"]["kind"], one["context"].get("reason"), one["context"].get("rows")]
                     for one in documents()])
        ask(f"DELETE FROM {{OUTBOX}}")
if guarded:
    ask("SELECT indelible.unguard('bookings_booking')")
states = [state for (state,) in ask("SELECT DISTINCT state FROM bookings_booking")]
tell([told, states])
"""


@pytest.mark.parametrize("atomic", [True, False])
def test_one_document_says_which_migration_changed_how_many_rows(host: Host, atomic: bool) -> None:
    folder = host.folder / f"moved_{atomic}".lower()
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "0042_merge.py").write_text(MIGRATION.format(atomic=atomic))
    (forwards, backwards), states = host.run(SCRIPT.format(module=folder.name))
    assert states == ["booked++"]
    if host.engine == "sqlite":
        expected = []
    elif atomic:
        expected = [["record.changed_in_bulk", "clinic", "migration bookings.0042_merge", 3]]
    else:
        expected = [["record.changed_outside", "booking", None, None]] * 3
    assert forwards == backwards == expected
