"""A project around django-appointment. What recording needs stands at the end."""

import os
import sys
from pathlib import Path
from typing import Any

SECRET_KEY = "only for this example"
ALLOWED_HOSTS = ["localhost", "testserver"]
ROOT_URLCONF = "urls"
LANGUAGE_CODE, TIME_ZONE, USE_TZ = "en", "Europe/Lisbon", True
LANGUAGES = [("en", "English"), ("fr", "French"), ("es", "Spanish")]
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
APPOINTMENT_BUFFER_TIME = 0
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "appointment",
]
MIGRATION_MODULES = {"appointment": "appointment_migrations"}  # it has none of its own: `manage.py makemigrations`
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
_DATABASE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": Path(os.environ.get("CLINIC_DB", "clinic.db")),
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL"},
}
if "PGDATABASE" in os.environ:
    _DATABASE = {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"]}
    _DATABASE |= {name: os.environ.get(f"PG{name}", "") for name in ("HOST", "PORT", "USER", "PASSWORD")}
DATABASES = {"default": {**_DATABASE, "ATOMIC_REQUESTS": True}}
if "test" in sys.argv:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # its tests make some thousand users

# Without these the project is what it was: ACTIVITY=off.
if os.environ.get("ACTIVITY") != "off":
    INSTALLED_APPS += ["indelible.django", "activity"]
    MIDDLEWARE += ["indelible.django.middleware.RecordingMiddleware"]
    INDELIBLE_CLINIC = "c_lisbon"
    INDELIBLE_ACTOR = "activity.who.acts"
    INDELIBLE_CHANNEL = "activity.who.channel"
