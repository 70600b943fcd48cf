"""Write docs/spec/openapi.json: the interface for programs, as the service itself describes it. `make openapi`;
with a path, it is written there."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "docs" / "spec" / "openapi.json"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "indelible.service.run.settings",
            "INDELIBLE_DATABASE": f"{folder}/activity.db",
            "INDELIBLE_URL": "http://localhost:8000",
            "INDELIBLE_KEEP_BESIDE": "yes",
        }
        from indelible.service import environment
        from indelible.service.run import startup

        startup.prepare(environment.read())
        from indelible.service.api.application import printed

        (Path(sys.argv[1]) if len(sys.argv) > 1 else FILE).write_text(printed())


if __name__ == "__main__":
    main()
