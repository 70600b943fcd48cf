from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("service", "0002_savedview")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ClinicLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("clinic_id", models.CharField(max_length=64)),
                ("kind", models.CharField(max_length=64)),
                ("address", models.CharField(max_length=500)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("clinic_id", "kind"), name="one_link_a_kind")],
            },
        ),
    ]
