"""Keys of the HTTP interface; and the outbox's rows found by their keys, which only this outbox is asked for."""

from typing import Any, ClassVar

from django.db import migrations, models

_BY_KEY = "CREATE INDEX {0}_key ON {0} (key)"


class Migration(migrations.Migration):
    dependencies: ClassVar[list[Any]] = [("service", "0004_letters"), ("indelible_outbox", "0003_kept")]

    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(max_length=32, unique=True)),
                ("digest", models.CharField(max_length=64)),
                ("clinic_id", models.CharField(blank=True, db_index=True, max_length=64)),
                ("name", models.CharField(max_length=60)),
                ("scopes", models.CharField(max_length=100)),
                ("made_at", models.BigIntegerField()),
                ("ends_at", models.BigIntegerField(default=0)),
                ("used_at", models.BigIntegerField(default=0)),
                ("revoked_at", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.RunSQL(_BY_KEY.format("indelible_outbox"), "DROP INDEX indelible_outbox_key"),
        migrations.RunSQL(_BY_KEY.format("indelible_outbox_held"), "DROP INDEX indelible_outbox_held_key"),
    ]
