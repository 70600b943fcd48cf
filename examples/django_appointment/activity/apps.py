from django.apps import AppConfig


class ActivityConfig(AppConfig):
    name = "activity"

    def ready(self):
        from . import receivers  # noqa: F401 - importing them connects them
