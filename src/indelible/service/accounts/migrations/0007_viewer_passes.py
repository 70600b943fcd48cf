# Written as Django 5.2 makes it

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("service", "0006_links_of_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="ViewerPass",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("session_digest", models.CharField(max_length=64, null=True, unique=True)),
                ("clinic_id", models.CharField(db_index=True, max_length=64)),
                ("claims", models.BinaryField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("last_seen_at", models.DateTimeField(null=True)),
                ("kept", models.JSONField(default=dict)),
                (
                    "key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="viewer_passes",
                        to="service.apikey",
                    ),
                ),
            ],
        ),
    ]
