"""Django's settings, all from the environment (`service/environment.py`). There is no debug mode."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from whitenoise.compress import Compressor

from .. import environment

ENVIRONMENT = environment.read()
_WEB = Path(__file__).parents[1] / "web"

SECRET_KEY = ENVIRONMENT.secret
DEBUG = False
ALLOWED_HOSTS = [ENVIRONMENT.host, *sorted(environment.LOCAL_HOSTS - {ENVIRONMENT.host}), "[::1]"]
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.url]
INDELIBLE_URL = ENVIRONMENT.url  # what links that are handed out begin with, whatever address a request came by

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "ninja",  # for the files of Swagger UI
    "indelible.django",
    "indelible.service.accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "indelible.service.web.middleware.Journalled",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "indelible.service.api.straight.Straight",
    "indelible.service.web.viewer_middleware.InHostsPage",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "indelible.service.web.middleware.Compressed",
    "indelible.service.web.viewer_middleware.Sessions",
    "indelible.service.web.middleware.ReadersLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "indelible.django.middleware.RecordingMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "indelible.service.web.middleware.KnownDevice",
    "indelible.service.web.middleware.LastSeen",
    "django_htmx.middleware.HtmxMiddleware",
    "indelible.service.web.middleware.AccountsInOne",
]
ROOT_URLCONF = "indelible.service.run.urls"
WSGI_APPLICATION = "indelible.service.run.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_WEB / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "indelible.service.web.context_processors.everywhere",
            ],
            "builtins": ["indelible.service.web.template_filters"],
        },
    }
]

# The accounts, with an outbox in the same file: a sign-in and the document that tells of it commit together. A
# transaction takes the write lock when it begins, so that it cannot fail halfway for want of it. A file that is gone
# is not made anew (mode=rw): `startup.py` makes it.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{ENVIRONMENT.accounts.absolute().as_uri()}?mode=rw",
        "OPTIONS": {
            "timeout": 30,  # seconds
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON",
        },
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# One for every process: a code of an authenticator app that was used in one of them is used.
CACHES = {"default": {"BACKEND": "indelible.service.shared_cache.SharedCache"}}

# What the log records about a request.
INDELIBLE_ACTOR = "indelible.service.accounts.recording.actor_of"
INDELIBLE_CLINIC = "indelible.service.accounts.recording.clinic_of"
INDELIBLE_CHANNEL = "indelible.service.accounts.recording.channel_of"
INDELIBLE_OUTBOX_WAKE = "indelible.service.run.drain_threads.wake"
INDELIBLE_TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies

# Reading
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("pt", _("Portuguese")), ("es", _("Spanish"))]
LOCALE_PATHS = [_WEB / "locale"]
LANGUAGE_COOKIE_NAME = "indelible_language"
LANGUAGE_COOKIE_SECURE = ENVIRONMENT.secure
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_AGE = 31_536_000
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [_WEB / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STATIC_ROOT = ENVIRONMENT.static
_NAMED_BY_CONTENT = "whitenoise.storage.CompressedManifestStaticFilesStorage"
_AS_THEY_ARE = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {"staticfiles": {"BACKEND": _NAMED_BY_CONTENT if STATIC_ROOT else _AS_THEY_ARE}}
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
# Source maps are asked for by who looks into a defect; packing them would slow each start.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map"]

# Accounts
AUTH_USER_MODEL = "service.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
     "OPTIONS": {"user_attributes": ["email", "name"]}},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]  # fmt: skip
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "indelible.service.accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": None}  # by attempts.py, which counts who tries and not who is tried
MFA_ADAPTER = "indelible.service.accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "authenticate": "indelible.service.accounts.second_factor.Code",
    "reauthenticate": "indelible.service.accounts.second_factor.CodeAgain",
    "add_webauthn": "indelible.service.accounts.second_factor.NewPasskey",
    "authenticate_webauthn": "indelible.service.accounts.second_factor.Passkey",
    "reauthenticate_webauthn": "indelible.service.accounts.second_factor.PasskeyAgain",
    "login_webauthn": "indelible.service.accounts.second_factor.PasskeyAlone",
}
MFA_TOTP_ISSUER = "Indelible"
MFA_RECOVERY_CODES_SHOW_ONCE = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not ENVIRONMENT.secure  # only http://localhost comes here, which browsers trust
USERSESSIONS_ADAPTER = "indelible.service.accounts.adapters.UserSessionsAdapter"
USERSESSIONS_TRACK_ACTIVITY = True  # by middleware.LastSeen, once a minute

# Security
SESSION_COOKIE_NAME = "__Host-indelible" if ENVIRONMENT.secure else "indelible"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.secure
SESSION_COOKIE_AGE = 7 * 86_400
CSRF_COOKIE_NAME = "__Host-indelible-csrf" if ENVIRONMENT.secure else "indelible-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "indelible.service.web.failures.csrf"
SECURE_SSL_REDIRECT = False  # the proxy in front does that; health checks come to this port in clear
SECURE_HSTS_SECONDS = 63_072_000 if ENVIRONMENT.secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.trusted_proxies else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 65_536  # no form here is larger
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 1  # a kept letter
FILE_UPLOAD_HANDLERS = ["indelible.service.web.uploads.SmallFile"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # the QR code of an authenticator app
        "connect-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Mail
if ENVIRONMENT.mail is None:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # links are shown instead, to be copied
else:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = ENVIRONMENT.mail.host, ENVIRONMENT.mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = ENVIRONMENT.mail.user, ENVIRONMENT.mail.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = ENVIRONMENT.mail.security == "starttls", ENVIRONMENT.mail.security == "tls"
    EMAIL_TIMEOUT = 10
    DEFAULT_FROM_EMAIL = ENVIRONMENT.mail.sender

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "indelible.service.run.json_logs.JSONLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "indelible": {"level": ENVIRONMENT.log_level},
        "django.request": {"level": "ERROR"},  # each request has its line already
    },
}
