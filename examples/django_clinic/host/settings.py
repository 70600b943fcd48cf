"""All that recording needs is one app, one middleware, and who acts."""

import os
from pathlib import Path
from typing import Any

ROOT_URLCONF = "clinic.urls"
SECRET_KEY = "only for this example"
ALLOWED_HOSTS = ["localhost"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "indelible.django",
    "clinic",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "indelible.django.middleware.RecordingMiddleware",
    "clinic.views.Answers",
]
_DATABASE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": Path(os.environ.get("CLINIC_DB", "clinic.db")),
    # A transaction takes the write lock when it begins, and so cannot fail halfway for want of it.
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL"},
}
if "PGDATABASE" in os.environ:
    _DATABASE = {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"]}
    _DATABASE |= {name: os.environ.get(f"PG{name}", "") for name in ("HOST", "PORT", "USER", "PASSWORD")}
DATABASES = {"default": {**_DATABASE, "ATOMIC_REQUESTS": True}}

INDELIBLE_CLINIC = "c_lisbon"
INDELIBLE_ACTOR = "staff"  # whoever signs in here works for the clinic
INDELIBLE_CHANNEL = "staff_web"
