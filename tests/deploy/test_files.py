"""The files of deploy/ fit the repository: pinned as its lock, with settings that there are, and a unit that systemd
takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
FILES = ("Dockerfile", "compose.yaml", "Caddyfile", "nginx.conf", "indelible.service")
# What an administrator may leave between safe and convenient, as systemd-analyze counts it: 10 is no protection at all.
MOST_EXPOSED = 1.5


def pins(lock: Path) -> dict[str, frozenset[str]]:
    """The hashes of each `name==version`."""
    found: dict[str, frozenset[str]] = {}
    for part in re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]:
        name = re.match(r"\S+", part)
        assert name is not None
        found[name[0]] = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", part))
    return found


@pytest.mark.parametrize("name", ["requirements.lock", "build.lock"])
def test_the_image_has_what_the_tests_ran_with(name):
    whole, part = pins(REPOSITORY / "requirements.lock"), pins(DEPLOY / name)
    assert part, "make lock writes it"
    for pin, hashes in part.items():
        assert hashes, f"{pin} has no hash"
        assert whole.get(pin) == hashes, f"{pin} is not in requirements.lock: run make lock"
    assert not {pin for pin in part if pin.startswith(("pytest", "playwright", "hypothesis"))}


def test_what_the_image_needs_is_in_its_lock():
    import tomllib

    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = [*extras["dependencies"], *(one for name in ("cli", "postgres", "service")
                                         for one in extras["optional-dependencies"][name])]  # fmt: skip
    names = {pin.partition("==")[0] for pin in pins(DEPLOY / "requirements.lock")}
    for one in needed:
        found = re.match(r"[A-Za-z0-9_.-]+", one)
        assert found is not None
        assert found[0].lower().replace("_", "-") in names, f"{one}: run make lock"


@pytest.mark.parametrize("name", FILES)
def test_every_setting_in_them_is_one_that_the_service_reads(name):
    page = (REPOSITORY / "docs/howto/serve.md").read_text()
    described = set(re.findall(r"^\| `(INDELIBLE_[A-Z_]+)` \|", page, re.MULTILINE))
    used = set(re.findall(r"INDELIBLE_[A-Z_]+", (DEPLOY / name).read_text()))
    assert used - described <= {"INDELIBLE_HOST", "INDELIBLE_UPSTREAM"}, "these two are the proxy's own"


def test_the_image_copies_what_is_there_and_what_is_let_in():
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
              for word in line.split()[:-1]]  # fmt: skip
    assert copied
    for word in copied:
        assert (REPOSITORY / word).exists(), word
        assert word in allowed, f"{word} is not in .dockerignore"


def test_the_image_is_run_by_nobody_special_with_two_volumes_and_a_health_check():
    text = (DEPLOY / "Dockerfile").read_text()
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert 'VOLUME ["/data", "/keep"]' in last
    assert "/ready/" in last
    assert text.count("--require-hashes") == text.count("install --no-cache-dir --require-hashes") == 2
    assert not re.search(r"(KEY|SECRET|PASSWORD|TOKEN)=", text)


def test_the_compose_file_lets_nobody_but_the_proxy_reach_the_service():
    yaml: Any = pytest.importorskip("yaml", reason="yaml: PyYAML is not installed")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    own = services["indelible"]
    assert "ports" not in own
    assert own["read_only"] is True
    assert own["cap_drop"] == ["ALL"]
    assert {one.partition(":")[2] for one in own["volumes"]} == {"/data", "/keep"}
    assert {one.partition(":")[0] for one in own["volumes"]} == {"data", "keep"}
    assert own["environment"]["INDELIBLE_MASTER_KEY"] == f"/run/secrets/{own['secrets'][0]}"


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd: systemd-analyze is not installed; `make test` installs it where it can")
    return found


def test_systemd_takes_the_unit(analyze, tmp_path):
    text = (DEPLOY / "indelible.service").read_text()
    assert text.count("/opt/indelible/bin/python") == 1
    unit = tmp_path / "indelible.service"
    unit.write_text(text.replace("/opt/indelible/bin/python", "/bin/true"))
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    about_it = [line for line in done.stderr.splitlines() if "indelible" in line]  # not about other units
    assert (done.returncode, about_it) == (0, [])


def test_the_unit_takes_away_what_the_service_does_not_need(analyze):
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(DEPLOY / "indelible.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for indelible\.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED
