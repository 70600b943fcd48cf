"""The environment's settings: what is refused, what is made, and that every variable is documented."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from indelible.errors import InvalidInput, StorageFailure
from indelible.service import environment

ROOT = Path(__file__).parents[2]
SECRET = "correct-horse-battery-staple-0123456789"
PRODUCTION = {"INDELIBLE_URL": "https://log.clinic.example", "INDELIBLE_TRUSTED_PROXIES": "1"}


@pytest.fixture
def read(tmp_path):
    def read(**settings: str) -> environment.Environment:
        given = {f"INDELIBLE_{name}": value for name, value in settings.items()}
        return environment.read({"INDELIBLE_DATABASE": str(tmp_path / "activity.db"), **given})

    return read


def production(**more: str) -> dict[str, str]:
    return {name.removeprefix("INDELIBLE_"): value for name, value in PRODUCTION.items()} | more


def test_without_any_setting_it_serves_this_machine_alone(read):
    found = read()
    assert (found.url, found.host, found.bind, found.port) == ("http://localhost:8000", "localhost", "127.0.0.1", 8000)
    assert (found.production, found.secure, found.trusted_proxies, found.mail) == (False, False, 0, None)


def test_in_production_it_is_https_behind_a_proxy(read):
    found = read(**production(BIND="0.0.0.0", URL="https://Log.Clinic.example/"))
    assert (found.url, found.host, found.bind) == ("https://log.clinic.example", "log.clinic.example", "0.0.0.0")
    assert (found.production, found.secure, found.trusted_proxies) == (True, True, 1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"URL": "http://log.clinic.example"}, "INDELIBLE_URL: must begin with https"),
        ({"URL": "https://log.clinic.example"}, "INDELIBLE_TRUSTED_PROXIES: must say how many"),
        ({"URL": "https://log.clinic.example", "TRUSTED_PROXIES": ""}, "INDELIBLE_TRUSTED_PROXIES: must say how many"),
        ({"URL": "https://log.clinic.example", "TRUSTED_PROXIES": "0"}, "whole number from 1 to 10"),
        ({"TRUSTED_PROXIES": "-1"}, "INDELIBLE_TRUSTED_PROXIES: must be a whole number"),
        ({"TRUSTED_PROXIES": "11"}, "INDELIBLE_TRUSTED_PROXIES: must be a whole number"),
        ({"BIND": "0.0.0.0"}, "INDELIBLE_BIND: opens the service to the network"),
        ({"BIND": "::"}, "INDELIBLE_BIND: opens the service to the network"),
        ({"BIND": "log.clinic.example"}, "INDELIBLE_BIND: must be an IP address"),
        ({"OUTBOX_KEEP_DAYS": "-1"}, "INDELIBLE_OUTBOX_KEEP_DAYS: must be a whole number from 0"),
        ({"METRICS_TOKEN": "short"}, "INDELIBLE_METRICS_TOKEN: must have at least 32"),
        ({"METRICS_TOKEN": "with spaces " * 4}, "INDELIBLE_METRICS_TOKEN: must have at least 32"),
        ({"PORT": "0"}, "INDELIBLE_PORT: must be a whole number from 1"),
        ({"PORT": "65536"}, "INDELIBLE_PORT"),
        ({"PORT": "80 "}, "INDELIBLE_PORT"),
        ({"PORT": "٨٠"}, "INDELIBLE_PORT"),
        ({"THREADS": "0"}, "INDELIBLE_THREADS"),
        ({"LOG_LEVEL": "loud"}, "INDELIBLE_LOG_LEVEL: must be one of INFO"),
        ({"SECRET_KEY": "short"}, "INDELIBLE_SECRET_KEY: must have at least 32"),
        ({"SECRET_KEY": "ab" * 40}, "INDELIBLE_SECRET_KEY: must have at least 32"),
        ({"DATABASE": "postgres://host/base"}, "INDELIBLE_DATABASE: must be a path"),
        ({"SMTP": "mail.clinic.example"}, "INDELIBLE_SMTP: must be smtp://"),
        ({"SMTP": "smtp://mail.clinic.example:port"}, "INDELIBLE_SMTP: must be smtp://"),
        ({"SMTP": "smtp://u:hidden@mail.clinic.example:25?security=none"}, "INDELIBLE_SMTP: may leave out encryption"),
        ({"SMTP": "smtp://u:hidden@mail.clinic.example:25?security=maybe"}, "INDELIBLE_SMTP"),
    ],
)  # fmt: skip
def test_what_is_not_safe_is_refused_in_one_sentence_without_the_value(read, settings, said):
    with pytest.raises(InvalidInput) as refused:
        read(**settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert "ab" * 40 not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["log.clinic.example", "ftp://log.clinic.example", "https://", "https://log.clinic.example/path", "https://a b",
     "https://log.clinic.example?x=1", "https://log.clinic.example#x", "https://me:pw@log.clinic.example",
     "https://log.clinic.example:port", "https://[::1", "https://log.clinic.example:99999", "https://log.clinic.exämple",
     "https://*", "https://.\n"],
)  # fmt: skip
def test_an_address_that_is_not_one_is_refused(read, url):
    with pytest.raises(InvalidInput, match="INDELIBLE_URL: must be the service's address"):
        read(URL=url, TRUSTED_PROXIES="1")


@pytest.mark.parametrize("url", ["http://localhost:9000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_this_machine_may_be_served_in_clear(read, url):
    assert not read(URL=url).production


def test_mail(read):
    mail = read(**production(SMTP="smtp://clinic%40x:p%3Aw@mail.example")).mail
    assert mail is not None
    assert (mail.host, mail.port, mail.user, mail.password) == ("mail.example", 587, "clinic@x", "p:w")
    assert (mail.security, mail.sender) == ("starttls", "indelible@log.clinic.example")
    assert "p:w" not in repr(mail)
    tls = read(SMTP="smtps://mail.example", MAIL_FROM="log@clinic.example").mail
    assert tls is not None
    assert (tls.port, tls.security, tls.sender) == (465, "tls", "log@clinic.example")
    local = read(SMTP="smtp://localhost:1025?security=none").mail
    assert local is not None
    assert (local.port, local.security) == (1025, "none")


# The secret


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(read, tmp_path):
    first = read().secret
    file = tmp_path / "activity.db.secret"
    assert len(first) >= 48
    assert read().secret == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name], "nothing is left beside it"
    assert first not in repr(read())


def test_a_secret_that_is_given_is_used_and_none_is_made(read, tmp_path):
    assert read(SECRET_KEY=SECRET).secret == SECRET
    assert not list(tmp_path.iterdir())


def test_in_production_a_secret_that_others_can_read_is_refused(read, tmp_path):
    file = tmp_path / "activity.db.secret"
    file.write_text(SECRET)
    file.chmod(0o640)
    assert read().secret == SECRET
    with pytest.raises(InvalidInput, match="chmod 600"):
        read(**production())
    file.chmod(0o600)
    assert read(**production()).secret == SECRET


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 60])
def test_a_damaged_secret_is_refused(read, tmp_path, content):
    (tmp_path / "activity.db.secret").write_bytes(content)
    with pytest.raises(InvalidInput, match="is damaged: delete"):
        read()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailure, match="cannot be made or read"):
        environment.read({"INDELIBLE_DATABASE": str(tmp_path / "file" / "activity.db")})


@pytest.mark.parametrize(
    ("text", "path"), [("sqlite:///made/by%20url.db", "made/by url.db"), ("plain.db", "plain.db"), ("", "activity.db")]
)
def test_the_database_is_a_path_or_a_url(tmp_path, monkeypatch, text, path):
    monkeypatch.chdir(tmp_path)
    assert environment.read({"INDELIBLE_DATABASE": text, "INDELIBLE_SECRET_KEY": SECRET}).database == tmp_path / path


# The documentation


def test_every_variable_is_documented_and_every_documented_variable_is_read():
    source = ROOT / "src" / "indelible"
    # `indelible list` and the like read more; the service reads these.
    files = [
        source / "journal.py",
        source / "places.py",
        source / "service" / "environment.py",
        source / "service" / "run" / "startup.py",
    ]
    files.append(source / "catalogue" / "host.py")
    server = source / "service" / "run" / "server.py"
    name = re.compile(r"INDELIBLE_[A-Z_]+")
    read = {found for file in files for found in name.findall(file.read_text())}
    read |= {"INDELIBLE_DEBUG"} & set(name.findall(server.read_text()))
    page = (ROOT / "docs" / "howto" / "serve.md").read_text()
    described = set(re.findall(r"^\| `(INDELIBLE_[A-Z_]+)` \|", page, re.MULTILINE))
    assert described == read - {"INDELIBLE_STATIC"}, "the server sets INDELIBLE_STATIC itself"


def test_the_environment_of_this_process_is_the_default(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("INDELIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INDELIBLE_DATABASE", str(tmp_path / "x.db"))
    assert environment.read().database == tmp_path / "x.db"


def test_the_hosts_addresses_are_lines_with_semicolons_between(read):
    found = read(LINKS="booking: https://app.example/b/{id}; client: https://app.example/c/{id}")
    assert found.links == {"booking": "https://app.example/b/{id}", "client": "https://app.example/c/{id}"}
    assert read().links == {}


@pytest.mark.parametrize(
    "text", ["booking", "booking: http://app.example/{id}", "booking: https://a:b@app.example/{id}"]
)
def test_an_address_that_is_none_is_refused_by_its_line(read, text):
    with pytest.raises(InvalidInput, match=r"^INDELIBLE_LINKS: line 2 "):
        read(LINKS=f"client: https://app.example/{{id}};{text}")


def test_the_pages_that_may_show_the_log_are_addresses_with_spaces_between(read):
    found = read(
        FRAME_ANCESTORS=" https://App.example/  https://*.hosts.example:8443\nhttp://127.0.0.1:9000 https://app.example"
    )
    assert found.frame_ancestors == ("https://app.example", "https://*.hosts.example:8443", "http://127.0.0.1:9000")
    assert read().frame_ancestors == ()


@pytest.mark.parametrize(
    "text",
    ["app.example", "https://app.example/page", "https://*", "https://*.example", "*", "https:", "'self'", "data:",
     "https://a.example;script-src", "https://user@app.example", "https://app.example:99999", "https://a.*.example",
     "http://app.example", "ftp://app.example", "https://a.example, https://b.example"],
)  # fmt: skip
def test_what_is_no_address_of_a_page_may_show_nothing(read, text):
    with pytest.raises(InvalidInput, match=r"^INDELIBLE_FRAME_ANCESTORS: must "):
        read(FRAME_ANCESTORS=f"https://ok.example {text}")


def test_in_production_no_page_without_https_may_show_it(read):
    with pytest.raises(InvalidInput, match=r"^INDELIBLE_FRAME_ANCESTORS: must begin with https://"):
        read(**production(FRAME_ANCESTORS="http://localhost:9000"))
    assert read(**production(FRAME_ANCESTORS="https://localhost")).frame_ancestors == ("https://localhost",)


def test_the_head_of_an_answer_holds_only_so_many_addresses(read):
    many = [f"https://h{number}.example" for number in range(51)]
    assert len(read(FRAME_ANCESTORS=" ".join(many[:50])).frame_ancestors) == 50
    with pytest.raises(InvalidInput, match="more than 50"):
        read(FRAME_ANCESTORS=" ".join(many))
