"""What a key does not open: another clinic, under every address, says no more than what is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indelible.log import ClinicLog
from indelible.record.document import System

from .conftest import Api

# Every address that reads, of a clinic; `{id}` is of an entry.
PATHS = (
    "", "/entries", "/entries?q=category:payments", "/entries/1", "/entries/{id}", "/entries/1/body",
    "/entries/{id}/body", "/entries/1/proof", "/entries/{id}/proof", "/stories/booking/{booking}", "/export",
    "/export?format=bundle", "/checkpoint", "/key", "/consistency?from=1", "/completeness", "/documents/any",
)  # fmt: skip


@pytest.fixture
def two(service: Any) -> tuple[ClinicLog, ClinicLog, dict[str, str]]:
    own, other = service.clinic("Own"), service.clinic("Other")
    service.fill(own)
    ids: dict[str, str] = service.fill(other)
    other.checkpoint()
    return own, other, ids | {"id": other.entry(1).id}


@pytest.mark.parametrize("path", PATHS)
def test_another_clinics_things_answer_as_what_is_not_there(
    key_of: Callable[..., Api], two: tuple[ClinicLog, ClinicLog, dict[str, str]], path: str
) -> None:
    own, other, ids = two
    api, size = key_of(own), other.size
    theirs = api.get(f"/clinics/{other.clinic.id}{path.format(**ids)}")
    nowhere = api.get(f"/clinics/c_nowhere{path.format(**ids)}")
    assert theirs.status == nowhere.status == 404
    assert theirs.content == nowhere.content
    each = {"X-Request-ID": ""}  # which is another for every request
    assert dict(theirs.headers) | each == dict(nowhere.headers) | each
    assert other.size == size  # nothing was recorded there


def test_another_clinics_entry_is_not_found_in_ones_own(
    key_of: Callable[..., Api], two: tuple[ClinicLog, ClinicLog, dict[str, str]]
) -> None:
    own, _, ids = two
    api = key_of(own)
    for path in ("/entries/{id}", "/entries/{id}/body", "/entries/{id}/proof", "/stories/booking/{booking}"):
        answer = api.get(f"/clinics/{own.clinic.id}{path.format(**ids)}")
        nothing = api.get(f"/clinics/{own.clinic.id}{path.format(id='0' * 32, booking='bk_none')}")
        assert (answer.status, answer.content) == (404, nothing.content), path
    found = api.get(f"/clinics/{own.clinic.id}/entries?q={ids['booking']}").json
    assert found["entries"] == []
    exported = api.get(f"/clinics/{own.clinic.id}/entries").json["entries"]
    assert not {ids["booking"], ids["client"]} & set(json.dumps(exported).split('"'))


def test_a_clinic_is_not_looked_for_before_it_is_known_to_be_the_keys(
    key_of: Callable[..., Api], two: tuple[ClinicLog, ClinicLog, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that how long a 404 takes tells nothing: of no clinic but the key's own is anything asked."""
    from indelible.journal import Journal

    own, other, ids = two
    api, asked = key_of(own), []

    def noted(name: str) -> Any:
        real = getattr(Journal, name)

        def look(self: Journal, clinic_id: str, *more: Any, **named: Any) -> Any:
            asked.append(clinic_id)
            return real(self, clinic_id, *more, **named)

        return look

    for name in ("clinic", "reading"):
        monkeypatch.setattr(Journal, name, noted(name))
    for path in PATHS:
        assert api.get(f"/clinics/{other.clinic.id}{path.format(**ids)}").status == 404
    assert asked == []
    assert api.get(f"/clinics/{own.clinic.id}/entries").status == 200
    assert set(asked) == {own.clinic.id}


def test_each_address_asks_for_its_scope_and_for_a_key_first(
    key_of: Callable[..., Api], service: Any, two: tuple[ClinicLog, ClinicLog, dict[str, str]]
) -> None:
    own, _, _ = two
    for path in PATHS[1:]:
        path = path.format(id=own.entry(1).id, booking="bk_none")
        scope = "export" if path.startswith("/export") else "record" if path.startswith("/documents") else "read"
        others = [one for one in ("record", "read", "export", "anonymize", "manage") if one != scope]
        asked = f"/clinics/{own.clinic.id}{path}"
        refused = key_of(own, *others).get(asked)
        assert (refused.status, scope in refused.json["detail"]) == (403, True), path
        nobody = Api(service.client(), None).get(f"{asked}{'&' if '?' in asked else '?'}nonsense=1&limit=x")
        assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, "Bearer"), path
        taken = key_of(own, scope).get(asked)
        assert taken.status in (200, 404), (path, taken.content)


def test_a_closed_clinic_is_not_there(key_of: Callable[..., Api], service: Any, tmp_path: Path) -> None:
    from indelible.manage.lifetime import close_clinic
    from indelible.service.shared_journal import journal

    log = service.clinic()
    service.fill(log)
    api = key_of(log)
    assert api.get(f"/clinics/{log.clinic.id}/entries").status == 200
    close_clinic(journal(), log.clinic.id, tmp_path / "final.zip", actor=System("command:close"))
    for path in ("/entries", "/entries/1", "/checkpoint", "/export", "/key"):
        assert api.get(f"/clinics/{log.clinic.id}{path}").status == 404, path
