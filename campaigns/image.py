"""The image of deploy/Dockerfile, built and run without a container engine: Buildah with chroot isolation, as root.

The base is a small Debian with Python that debootstrap makes, in the place of a registry's. Every step of the
Dockerfile runs; then the image's own command does, as the image's own user, with two volumes and a master key: it must
refuse to start without an address, answer its own health check, serve the page of the first start, keep what it wrote
to the two volumes and nowhere else, and end with exit code 0 at SIGTERM.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
NEEDED = ("buildah", "debootstrap", "tar")
USER = 10_001
_MIRROR = "http://deb.debian.org/debian"
_PROGRAM = b"indelible.service"
# Where this machine says by which way packages come; the build has none of its own.
_FROM_HERE = ("/etc/pip.conf", "/etc/ssl/certs", "/etc/resolv.conf")
_SECONDS = 120


class Builder:
    """Buildah with everything that it keeps below one folder."""

    def __init__(self, folder: Path) -> None:
        self._command = ["buildah", "--storage-driver", "vfs", "--root", str(folder / "root"),
                         "--runroot", str(folder / "run")]  # fmt: skip

    def __call__(self, *words: str) -> str:
        done = subprocess.run([*self._command, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"buildah {words[0]} failed:\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}")
        return done.stdout.strip()

    def run(self, container: str, settings: dict[str, str], folders: dict[Path, str], command: list[str]) -> list[str]:
        """The words that run a command in a container."""
        words = [*self._command, "run", "--isolation", "chroot"]
        for name, value in settings.items():
            words += ["--env", f"{name}={value}"]
        for folder, place in folders.items():
            words += ["--volume", f"{folder}:{place}"]
        return [*words, container, "--", *command]


def run(rounds: int, seed: int) -> int:
    """Build once and run, whatever `rounds` and `seed` are; return 0, or 1 where something is not as it should be."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.getuid():
        print(f"image: NOT RUN, as it needs {', '.join(missing) or 'to be root'} (apt-get install {' '.join(NEEDED)})")
        return 1
    with tempfile.TemporaryDirectory(prefix="indelible-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        build = Builder(folder / "buildah")
        _base(build, folder)
        here = [word for one in _FROM_HERE if Path(one).exists() for word in ("--volume", f"{one}:{one}:ro")]
        build("bud", "--isolation", "chroot", "--format", "docker", "--pull-never", *here,
              "--build-arg", "BASE=localhost/base",
              "--file", str(REPOSITORY / "deploy/Dockerfile"),
              "--tag", "localhost/indelible", str(REPOSITORY))  # fmt: skip
        wrong = [*_described(build), *_started(build, folder)]
    for one in wrong:
        print(f"image: {one}")
    print(f"image: built and run as user {USER}, {len(wrong)} things wrong")
    return 1 if wrong else 0


def _base(build: Builder, folder: Path) -> None:
    root = folder / "debian"
    subprocess.run(["debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm",
                    str(root), _MIRROR], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    context = folder / "base"
    context.mkdir()
    subprocess.run(["tar", "-C", str(root), "-cf", str(context / "base.tar"), "."], check=True)
    shutil.rmtree(root)
    (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
    build("bud", "--isolation", "chroot", "--tag", "localhost/base", str(context))


def _described(build: Builder) -> list[str]:
    """What the image says of itself, and should not."""
    said: Any = json.loads(build("inspect", "--type", "image", "localhost/indelible"))["Docker"]["config"]
    wanted = {"User": f"{USER}:{USER}", "Cmd": ["serve"], "StopSignal": "SIGTERM", "WorkingDir": "/data"}
    wrong = [f"{name} is {said.get(name)!r}" for name, value in wanted.items() if said.get(name) != value]
    if set(said.get("Volumes", ())) != {"/data", "/keep"}:
        wrong.append(f"Volumes are {said.get('Volumes')!r}")
    if "/ready/" not in str(said.get("Healthcheck")):
        wrong.append("there is no health check")
    wrong += [f"{one.partition('=')[0]} is in the environment" for one in said["Env"]
              if re.match(r"INDELIBLE_(MASTER_KEY|SECRET_KEY|SMTP)=", one)]  # fmt: skip
    return wrong


def _started(build: Builder, folder: Path) -> list[str]:
    container = build("from", "--pull-never", "localhost/indelible")
    said: Any = json.loads(build("inspect", "--type", "image", "localhost/indelible"))["Docker"]["config"]
    command = [*said["Entrypoint"], *said["Cmd"]]
    refused = subprocess.run(build.run(container, {}, {}, command), capture_output=True, text=True, check=False)
    wrong = [] if "INDELIBLE_URL must be" in refused.stderr or "INDELIBLE_BIND" in refused.stderr else [
        f"without an address it says {refused.stderr[-300:]!r}"
    ]  # fmt: skip
    volumes = {folder / name: f"/{place}" for name, place in (("data", "data"), ("keep", "keep"), ("s", "run/secrets"))}
    for one in volumes:
        one.mkdir(mode=0o700)
        os.chown(one, USER, USER)
    key = folder / "s/master_key"
    key.write_text(f"indelible-master-key-1:{secrets.token_hex(32)}\n")
    key.chmod(0o600)
    os.chown(key, USER, USER)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    settings = {"INDELIBLE_URL": "https://log.clinic.example", "INDELIBLE_TRUSTED_PROXIES": "1",
                "INDELIBLE_WORKERS": "2", "INDELIBLE_PORT": str(port),
                "INDELIBLE_MASTER_KEY": "/run/secrets/master_key"}  # fmt: skip
    with (folder / "said").open("wb") as output:
        started = subprocess.Popen(build.run(container, settings, volumes, command), stdout=output, stderr=output)
    try:
        health = subprocess.run(["true"], check=False)
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and started.poll() is None:
            health = subprocess.run(build.run(container, settings, {}, said["Healthcheck"]["Test"][1:]),
                                    capture_output=True, check=False)  # fmt: skip
            if health.returncode == 0:
                break
            time.sleep(1)
        if health.returncode or started.poll() is not None:
            return [*wrong, f"it does not answer its health check: {(folder / 'said').read_text()[-500:]}"]
        wrong += _looked_at(folder, port)
        for pid in _main(folder):
            os.kill(pid, signal.SIGTERM)
        if started.wait(60) != 0:
            wrong.append("it does not end with exit code 0")
    finally:
        for pid in _main(folder):
            os.kill(pid, signal.SIGKILL)
        started.wait(60)
    return wrong


def _looked_at(folder: Path, port: int) -> list[str]:
    wrong = []
    link = re.search(r"https://log\.clinic\.example(/welcome/\S+)", (folder / "said").read_text())
    if link is None:
        return ["it prints no link of a first start"]
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{link[1]}", headers={
        "Host": "log.clinic.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"})  # fmt: skip
    with urllib.request.urlopen(asked, timeout=30) as answer:
        if b"csrfmiddlewaretoken" not in answer.read():
            wrong.append("the first start's page is not there")
    ours = _processes(folder)
    if len(ours) != 3 or any(os.stat(f"/proc/{pid}").st_uid != USER for pid in ours):
        wrong.append(f"its processes are {len(ours)}, and not all of them the image's user's")
    if not (folder / "data/activity.db").exists() or not (folder / "keep/heads").exists():
        wrong.append("the database or the keep is not in its volume")
    return wrong


def _processes(folder: Path) -> list[int]:
    """The service's processes: those that have the database of this run open."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if _PROGRAM in (entry / "cmdline").read_bytes() and _is_in(entry, folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _is_in(process: Path, folder: Path) -> bool:
    """Whether a process works in the volume of this run."""
    return os.path.samefile(process / "cwd", folder / "data")


def _main(folder: Path) -> list[int]:
    """Of those the one that the others were started by."""
    every = _processes(folder)
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in every}
    return [pid for pid in every if parents[pid] not in every]


if __name__ == "__main__":
    sys.exit(run(1, 1))
