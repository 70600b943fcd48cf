"""Names of zones and the version of their rules."""

from __future__ import annotations

import importlib.metadata

import pytest

from indelible.errors import InvalidInput
from indelible.format import instant


@pytest.mark.parametrize(
    "name", ["Europe/Lisbon", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Asia/Kolkata"]
)
def test_an_iana_name_gives_its_zone(name: str) -> None:
    assert instant.zone(name).key == name
    assert instant.zone(name) is instant.zone(name)


@pytest.mark.parametrize(
    "name",
    [
        *("Factory", "localtime", "posixrules", "posix/Europe/Lisbon", "right/Europe/Lisbon"),
        *("/etc/localtime", "/usr/share/zoneinfo/Europe/Lisbon", "../zoneinfo/UTC", "Europe/../UTC", "Europe", "zones"),
        *("europe/lisbon", "EUROPE/LISBON", "Europe/Lisbon ", "Europe/Lisbon\0", "utc", "+02:00", "WEST", ""),
        *(None, 7, [], "\ud800", "x" * 10_000),
    ],
)
def test_what_is_no_iana_name_is_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match=r"^time_zone: is not the name of a time zone"):
        instant.zone(name, "time_zone")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("europe/lisbon", "Europe/Lisbon"),
        ("Europe/Lisboa", "Europe/Lisbon"),
        ("Lisbon", "Europe/Lisbon"),
        ("New York", "America/New_York"),
        ("Europe/Berlim", "Europe/Berlin"),
        ("utc", "UTC"),
    ],
)
def test_a_refused_name_comes_with_the_nearest_one(name: str, meant: str) -> None:
    with pytest.raises(InvalidInput, match=rf"did you mean {meant}\?$"):
        instant.zone(name)


def test_a_name_without_a_near_one_comes_with_an_example_and_is_not_repeated() -> None:
    with pytest.raises(InvalidInput, match=r"write one such as Europe/Lisbon$") as caught:
        instant.zone("maria@example.com")
    assert "maria" not in str(caught.value)


def test_the_version_is_that_of_the_package_the_rules_come_from() -> None:
    release = instant.zone_data_version()
    year, number = importlib.metadata.version("tzdata").split(".")[:2]
    assert release == year + "abcdefghijklmnopqrstuvwxyz"[int(number) - 1]


def test_the_rules_do_not_come_from_the_operating_system(tmp_path, monkeypatch) -> None:
    import zoneinfo

    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Malta").write_bytes(b"not a zone file")
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    zoneinfo.reset_tzpath([tmp_path])
    try:
        instant._load.cache_clear()
        assert instant.offset_minutes(0, instant.zone("Europe/Malta")) == 60
    finally:
        monkeypatch.undo()
        zoneinfo.reset_tzpath()
