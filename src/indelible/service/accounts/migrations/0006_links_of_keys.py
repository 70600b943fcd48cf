"""Invitations that a key made, and the language of the account that one makes."""

from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar[list[Any]] = [("service", "0005_apikey")]

    operations: ClassVar[list[Any]] = [
        migrations.AddField("onetimelink", "language", models.CharField(blank=True, max_length=8, default=""),
                            preserve_default=False),
        migrations.AddField("onetimelink", "made_by_key", models.ForeignKey(
            null=True, on_delete=django.db.models.deletion.CASCADE, related_name="links_made", to="service.apikey",
        )),
    ]  # fmt: skip
