"""docs/howto/http-client.md: its first and its second program run as they stand there."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from tests.client.conftest import KEY

from indelible.testing.logs import event

HOWTO = Path(__file__).parents[2] / "docs/howto/http-client.md"
BLOCKS = re.findall(r"```python\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)


def test_it_records_through_its_spool(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INDELIBLE_URL", server.url)
    monkeypatch.setenv("INDELIBLE_KEY", KEY)
    names: dict[str, object] = {}
    exec(compile(BLOCKS[0], str(HOWTO), "exec"), names)
    names["log"].close(30)  # type: ignore[attr-defined]
    (document,) = server.taken["c_lisbon"].values()
    assert (document["action"], document["client"]["name"]) == ("booking.cancelled", "Ana Sousa")


def test_it_tells_of_what_is_held_and_of_what_is_left(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"url": server.url, "key": KEY, "document": event(key="k1")}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(BLOCKS[1], str(HOWTO), "exec"), names)
    assert str(names["left"]) == "Standing(waiting=0, held=0)"
    assert server.keys_of() == ["k1"]
