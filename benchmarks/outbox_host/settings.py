"""Settings of the measured host. The database is that of PGHOST, PGPORT, PGUSER and PGDATABASE."""

import os

SECRET_KEY = "only for this benchmark"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "auditlog",
    "simple_history",
    "indelible.django",
    "outbox_host",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
    }
}
INDELIBLE_CLINIC = "c_lisbon"
