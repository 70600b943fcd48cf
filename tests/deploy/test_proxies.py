"""The service behind the proxies of deploy/, with TLS: the files as they are, but for ports, names and certificates."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal
from indelible.testing.logs import event

from ..service.test_server import ENDS_WITHIN, ENTRIES, STARTS_WITHIN, Service, fill, free_port, until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
HOST = "log.clinic.example"
PASSWORD = "a sentence that only I would write"
SIXTEEN_MIB = 16 * 1024 * 1024
_KEY = """
import sys
import django
django.setup()
from indelible.service.accounts import keys
print(keys.make("desk", ["record"], clinic_id=sys.argv[1])[1])
"""


@dataclass
class Site:
    """A service behind a proxy; `trusted` is the file of whom a client believes."""

    service: Service
    port: int
    trusted: Path
    opened: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def browser(self, address: str = "127.0.0.1") -> Browser:
        """Somebody whose own address is this one of the machine's."""
        return Browser(self, address)


class Browser:
    """Keeps cookies, follows redirects, and fills in forms, over TLS."""

    def __init__(self, site: Site, address: str) -> None:
        self.site, self.address, self.cookies = site, address, dict[str, str]()

    def open(self, method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
        """The answer, whose body nobody has read yet."""
        context = ssl.create_default_context(cafile=str(self.site.trusted))
        connection = http.client.HTTPConnection(HOST, self.site.port)
        keep = self.site.opened.enter_context
        plain = keep(socket.create_connection(("127.0.0.1", self.site.port), 60, (self.address, 0)))
        connection.sock = keep(context.wrap_socket(plain, server_hostname=HOST))
        here = f"https://{HOST}:{self.site.port}"
        said = {"Host": f"{HOST}:{self.site.port}", "Origin": here, "Referer": f"{here}{path}"}
        if self.cookies:
            said["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body, said | headers)
        answer = keep(connection.getresponse())
        for one in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = one.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def get(self, path: str) -> str:
        answer = self.open("GET", path)
        page = answer.read().decode()
        if answer.status in (301, 302, 303):
            return self.get(answer.headers["Location"])
        assert answer.status == 200, page
        return page

    def post(self, form: str, action: str = "", **fields: str) -> http.client.HTTPResponse:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(form))
        assert token is not None
        sent = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        return self.open("POST", action or form, sent, **{"Content-Type": "application/x-www-form-urlencoded"})

    def begin(self) -> str:
        """Make the owner and the clinic as the first start's link lets one; return the clinic's id."""
        welcome = urllib.parse.urlsplit(re.findall(r"https://\S+/welcome/\S+", self.site.service.said())[-1]).path
        answer = self.post(welcome, person="Maria Fernandes", email="maria@clinic.example", password=PASSWORD,
                           name="Clínica da Estrela", zone="Europe/Lisbon")  # fmt: skip
        assert answer.status == 302, answer.read()
        found = re.search(r"/c/([^/]+)/", answer.headers["Location"])
        assert found is not None
        return found[1]


@pytest.fixture(params=["caddy", "nginx"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    name = str(request.param)
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"proxies: {name} is not installed; `make test` installs it where it can")
    port = free_port()
    service = Service(tmp_path / "service", URL=f"https://{HOST}:{port}", TRUSTED_PROXIES="1", WORKERS="2")
    service.folder.mkdir()
    folder = tmp_path / "proxy"
    folder.mkdir()
    with (folder / "said").open("wb") as said:
        proxy = None
        try:
            service.start()
            command, trusted = (_caddy if name == "caddy" else _nginx)(program, folder, port, service.port)
            proxy = subprocess.Popen(command, stdout=said, stderr=said, env=os.environ | {
                "INDELIBLE_HOST": f"https://{HOST}:{port}", "INDELIBLE_UPSTREAM": f"127.0.0.1:{service.port}",
                "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder),
            })  # fmt: skip
            made = Site(service, port, trusted)
            with made.opened:
                assert until(lambda: _answers(made), STARTS_WITHIN), (folder / "said").read_text()
                yield made
        finally:
            for one in (proxy, service.process):
                if one is not None and one.poll() is None:
                    one.terminate()
                    one.wait(ENDS_WITHIN)


def _answers(site: Site) -> bool:
    try:
        return site.trusted.exists() and site.browser().open("GET", "/ready/").read() == b"ready\n"
    except (OSError, http.client.HTTPException):
        return False


def _caddy(program: str, folder: Path, port: int, upstream: int) -> tuple[list[str], Path]:
    """Its file as it is; certificates by an authority of its own, and no port but this one."""
    options = ("{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n"
               f"\tstorage file_system {folder}/kept\n\tdefault_bind 127.0.0.1\n}}\n")  # fmt: skip
    file = folder / "Caddyfile"
    file.write_text(options + (DEPLOY / "Caddyfile").read_text())
    return [program, "run", "--adapter", "caddyfile", "--config", str(file)], (
        folder / "kept/pki/authorities/local/root.crt"
    )


def _nginx(program: str, folder: Path, port: int, upstream: int) -> tuple[list[str], Path]:
    """Its file with other ports and a certificate that is made here, in a main file as Debian's."""
    text = (DEPLOY / "nginx.conf").read_text()
    certificate, key = _self_signed(folder)
    for before, after in {
        "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80": f"listen 127.0.0.1:{free_port()}",
        "/etc/ssl/log.clinic.example.pem": str(certificate),
        "/etc/ssl/log.clinic.example.key": str(key),
    }.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    (folder / "indelible.conf").write_text(text)
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in (
        "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    (folder / "nginx.conf").write_text(
        f"{'user root; ' if os.getuid() == 0 else ''}daemon off; pid {folder}/pid; error_log stderr warn;\n"
        f"events {{ worker_connections 256; }}\n"
        f"http {{ access_log off; gzip on; {temporary} include {folder}/indelible.conf; }}\n"
    )
    return [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")], certificate


def _self_signed(folder: Path) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))  # fmt: skip
    return certificate, secret


def test_signing_in_works_and_the_log_has_the_clients_own_address(site):
    clinic = site.browser().begin()
    guest = site.browser("127.0.0.7")
    assert guest.post("/account/login/", login="maria@clinic.example", password=PASSWORD).status == 302
    assert "Clínica da Estrela" in guest.get(f"/c/{clinic}/")
    assert all(name.startswith("__Host-") or name in ("indelible-device", "__Secure-indelible-device")
               for name in guest.cookies), guest.cookies  # fmt: skip
    liar = site.browser("127.0.0.8")
    answer = liar.open("GET", "/account/login/", **{"X-Forwarded-For": "198.51.100.7", "X-Real-IP": "198.51.100.7"})
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
    assert token is not None
    sent = urllib.parse.urlencode(
        {"csrfmiddlewaretoken": token[1], "login": "maria@clinic.example", "password": "a wrong one"}
    ).encode()
    liar.open("POST", "/account/login/", sent, **{
        "Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": "198.51.100.7",
        "Forwarded": "for=198.51.100.7",
    }).read()  # fmt: skip

    def seen() -> dict[str, Any]:
        with Journal(site.service.database) as journal:
            views = list(journal.clinic(clinic).read("category:account"))
        return {view.action: view.request.get("ip") for view in views[::-1]}  # the newest of each

    assert until(lambda: "account.login_failed" in seen(), 10)
    assert seen()["account.login_failed"] == "127.0.0.8"
    assert seen()["account.logged_in"] == "127.0.0.7"


def test_a_request_has_one_number_at_the_proxy_and_in_the_services_lines(site):
    answer = site.browser().open("GET", "/health/")
    number = answer.headers["X-Request-ID"]
    answer.read()
    assert re.fullmatch(r"[0-9a-f]{32}|[0-9a-f-]{36}", number), "the proxy's"
    assert until(lambda: number in {line.get("request") for line in site.service.logged()}, 10)


def key_of(service: Service, clinic: str) -> str:
    """A key of the clinic that records."""
    env = service.environment() | {"DJANGO_SETTINGS_MODULE": "indelible.service.run.settings"}
    command = [sys.executable, "-c", _KEY, clinic]
    made = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return made.stdout.strip()


def test_sixteen_mebibytes_pass_the_proxy_and_more_do_not(site):
    clinic = site.browser().begin()
    said = {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {key_of(site.service, clinic)}"}
    line = json.dumps(event(1)).encode() + b"\n"
    padded = line + b" " * (SIXTEEN_MIB // 400 - len(line) - 1) + b"\n"  # lines are counted, and spaces are not one
    body = (padded * 400).ljust(SIXTEEN_MIB)[:SIXTEEN_MIB]
    answer = site.browser().open("POST", f"/api/v1/clinics/{clinic}/entries", body, **said)
    results = json.loads(answer.read())["results"]
    assert (answer.status, len(body)) == (200, SIXTEEN_MIB)
    assert {one["status"] for one in results} == {"accepted"}
    with contextlib.suppress(OSError):  # whoever refuses may close before it has all of it
        refused = site.browser().open("POST", f"/api/v1/clinics/{clinic}/entries", bytes(18 * 1024 * 1024), **said)
        assert refused.status == 413


def test_an_export_goes_out_as_it_is_read_and_is_not_held_whole_by_the_proxy(site):
    """So where the service dies, what was not made yet does not come, and it is seen that it broke off."""
    owner = site.browser()
    clinic = owner.begin()
    fill(site.service.database, clinic, ENTRIES)
    answer = owner.post(f"/c/{clinic}/export/", f"/c/{clinic}/export/file/", q="", format="jsonl")
    assert answer.status == 200
    assert answer.readline()
    workers = site.service.workers()
    assert until(lambda: _is_idle(workers), 60), "nobody reads on, so it waits"
    assert site.service.process is not None
    site.service.process.send_signal(signal.SIGSTOP)
    for one in workers:
        os.kill(one, signal.SIGKILL)
    rows = 1
    with pytest.raises((http.client.IncompleteRead, OSError)):
        while block := answer.read1(65_536):
            rows += block.count(b"\n")
        raise http.client.IncompleteRead(b"") if rows < ENTRIES else AssertionError("all of it came")
    site.service.process.send_signal(signal.SIGCONT)
    assert 1 < rows < ENTRIES


def _is_idle(processes: list[int]) -> bool:
    """Whether none of them works: their time on a processor stands still for a while."""

    def spent() -> list[str]:
        return [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11] for one in processes]

    before = spent()
    return not until(lambda: spent() != before, 1.0)
