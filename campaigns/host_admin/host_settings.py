"""The project of examples/django_appointment without its receivers, with the page "Activity" in its staff area."""

import os

os.environ["ACTIVITY"] = "off"
from settings import *  # type: ignore[import-not-found] # noqa: F403 - the project's own

ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "host_urls"
TEMPLATES[0]["DIRS"] = [os.path.join(os.path.dirname(__file__), "templates")]  # type: ignore[name-defined] # noqa: F405
