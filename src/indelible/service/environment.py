"""What the environment says. docs/howto/serve.md lists every variable; anything unsafe is refused with the mend.

The installation is in production when its address is not on this machine. Then: the address must be https, the number
of trusted proxies must be said (there is one at least, which ends TLS), and the file of the secret must be its owner's.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import InvalidInput, StorageFailure
from ..places import Places
from . import links
from .links import Links

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_SHORTEST_SECRET = 32
_HOST = re.compile(r"[a-z0-9.:_-]+", re.ASCII)  # a name or an IP address

# A star is for names below one that has a dot itself: https://*.com would be everybody's.
_ANCESTOR = re.compile(
    r"(?P<scheme>https?)://(?P<host>\*\.(?:[a-z0-9-]+\.)+[a-z0-9-]+|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_MOST_ANCESTORS = 50


@dataclass(frozen=True, slots=True)
class Mail:
    """An SMTP server. `security` is starttls, tls or none."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    security: str
    sender: str


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one installation, checked."""

    database: Path
    accounts: Path
    url: str
    host: str
    secure: bool
    production: bool
    bind: str
    port: int
    threads: int
    trusted_proxies: int
    secret: str = field(repr=False)
    mail: Mail | None
    static: str | None
    log_level: str
    outboxes: tuple[str, ...] = field(default=(), repr=False)
    metrics_token: str = field(default="", repr=False)
    keep_days: int = 0
    keep_beside: bool = False
    links: Links = field(default_factory=dict)
    workers: int = 1
    frame_ancestors: tuple[str, ...] = ()

    @property
    def shared(self) -> Path:
        """The file of what the service's processes know together."""
        return Places.beside(self.database).shared

    @property
    def leader(self) -> Path:
        """The file that the process holds locked which does what one of them does for all."""
        return Places.beside(self.database).leader

    @property
    def every_outbox(self) -> list[str]:
        """Every outbox that this service drains: the accounts' own first, then the hosts'. They may hold passwords."""
        return [str(self.accounts), *self.outboxes]


def read(env: Mapping[str, str] = os.environ) -> Environment:
    """Return the settings that the environment gives. Raises InvalidInput naming the variable."""
    port = _number(env, "INDELIBLE_PORT", 8000, 1, 65_535)
    url, scheme, host = _address(env, port)
    production = host not in LOCAL_HOSTS
    if production and scheme != "https":
        raise InvalidInput("must begin with https:// where it is not this machine; sign-ins and names would travel "
                           "in clear", "INDELIBLE_URL")  # fmt: skip
    database = _database(env)
    return Environment(
        database=database,
        accounts=Places.beside(database).accounts,
        url=url,
        host=host,
        secure=scheme == "https",
        production=production,
        bind=_bind(env, production),
        port=port,
        threads=_number(env, "INDELIBLE_THREADS", 4, 1, 64),
        trusted_proxies=_proxies(env, production),
        secret=_secret(env, database, production),
        mail=_mail(env, host),
        static=env.get("INDELIBLE_STATIC") or None,
        log_level=_choice(env, "INDELIBLE_LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        outboxes=_outboxes(env),
        metrics_token=_metrics_token(env),
        keep_days=_number(env, "INDELIBLE_OUTBOX_KEEP_DAYS", 0, 0, 3_650),
        keep_beside=_choice(env, "INDELIBLE_KEEP_BESIDE", ("NO", "YES")) == "YES",
        links=_links(env),
        workers=_number(env, "INDELIBLE_WORKERS", 1, 1, 64),
        frame_ancestors=_frame_ancestors(env, production),
    )


def _address(env: Mapping[str, str], port: int) -> tuple[str, str, str]:
    """The service's address as browsers write it in Origin (in lower case), its scheme and its host."""
    text = (env.get("INDELIBLE_URL") or f"http://localhost:{port}").rstrip("/").lower()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # a port that is no number raises
    except ValueError:
        host = ""
    else:
        if parts.scheme not in ("http", "https") or text != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
            host = ""
    if not _HOST.fullmatch(host):
        raise InvalidInput("must be the service's address without a path, such as https://log.clinic.example",
                           "INDELIBLE_URL")  # fmt: skip
    return text, text.partition(":")[0], host


def _bind(env: Mapping[str, str], production: bool) -> str:
    """The IP address to listen at."""
    text = env.get("INDELIBLE_BIND") or "127.0.0.1"
    try:
        bind = ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError as error:
        raise InvalidInput("must be an IP address of this machine, such as 127.0.0.1", "INDELIBLE_BIND") from error
    if not production and not bind.is_loopback:
        raise InvalidInput("opens the service to the network, so INDELIBLE_URL must be its https address",
                           "INDELIBLE_BIND")  # fmt: skip
    return str(bind)


def _proxies(env: Mapping[str, str], production: bool) -> int:
    """How many proxies stand in front: each adds one address to X-Forwarded-For, and the first of them ends TLS."""
    name = "INDELIBLE_TRUSTED_PROXIES"
    if production and not env.get(name):
        raise InvalidInput("must say how many proxies stand in front (mostly 1); without it every entry would show "
                           "the proxy's address", name)  # fmt: skip
    return _number(env, name, 0, 1 if production else 0, 10)


def _database(env: Mapping[str, str]) -> Path:
    text = env.get("INDELIBLE_DATABASE") or "activity.db"
    if text.startswith("sqlite:///"):
        text = unquote(text.removeprefix("sqlite:///"))
    if "://" in text:
        raise InvalidInput("must be a path or sqlite:///path; this release knows no other database",
                           "INDELIBLE_DATABASE")  # fmt: skip
    return Path(text).absolute()


def _secret(env: Mapping[str, str], database: Path, production: bool) -> str:
    """What cookies and links are signed with: given, or made once in a file beside the database."""
    given = env.get("INDELIBLE_SECRET_KEY")
    if given:
        if len(given) < _SHORTEST_SECRET or len(set(given)) < 8:
            raise InvalidInput(f"must have at least {_SHORTEST_SECRET} characters that nobody can guess; leave it out, "
                               "and one is made", "INDELIBLE_SECRET_KEY")  # fmt: skip
        return given
    path = database.with_name(f"{database.name}.secret")
    try:
        _make_secret(path)
        if production and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InvalidInput(f"can be read by others: chmod 600 {path}", "the secret's file")
        secret = path.read_text("ascii").strip()
    except OSError as error:
        raise StorageFailure(f"the file {path} cannot be made or read: {error.strerror}") from error
    except UnicodeDecodeError:
        secret = ""
    if len(secret) < _SHORTEST_SECRET:
        raise InvalidInput(f"is damaged: delete {path}, and a new one is made; everybody signs in again",
                           "the secret's file")  # fmt: skip
    return secret


def _make_secret(path: Path) -> None:
    """Make the file where it is not there. It appears whole, so that two first starts at once read the same secret."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # only its owner may read it
    try:
        with open(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)


def _mail(env: Mapping[str, str], host: str) -> Mail | None:
    """`smtp://user:password@host:587` (STARTTLS), `smtps://…:465`; `?security=none` only to this machine."""
    text = env.get("INDELIBLE_SMTP")
    if not text:
        return None
    form = "must be smtp://user:password@host:587 or smtps://user:password@host:465"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidInput(form, "INDELIBLE_SMTP") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise InvalidInput(form, "INDELIBLE_SMTP")
    security = "tls" if parts.scheme == "smtps" else parse_qs(parts.query).get("security", ["starttls"])[0]
    if security not in ("tls", "starttls") and not (security == "none" and parts.hostname in LOCAL_HOSTS):
        raise InvalidInput("may leave out encryption (?security=none) only to a server on this machine",
                           "INDELIBLE_SMTP")  # fmt: skip
    return Mail(
        host=parts.hostname,
        port=port or (465 if security == "tls" else 587),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        security=security,
        sender=env.get("INDELIBLE_MAIL_FROM") or f"indelible@{host}",
    )


def _outboxes(env: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts' databases to drain, with white space between. They may hold passwords, so no message repeats one."""
    found = tuple((env.get("INDELIBLE_OUTBOXES") or "").split())
    for one in found:
        if "://" in one and one.partition("://")[0] not in ("postgresql", "postgres", "sqlite"):
            raise InvalidInput("must be postgresql://..., sqlite:///path, or the paths of SQLite files, with white "
                               "space between", "INDELIBLE_OUTBOXES")  # fmt: skip
    return found


def _links(env: Mapping[str, str]) -> Links:
    """Where the host of every clinic shows its things, a line a kind; a clinic may set its own. Semicolons are breaks,
    as many files of an environment hold no others."""
    return links.parse((env.get("INDELIBLE_LINKS") or "").replace(";", "\n"), field="INDELIBLE_LINKS")


def _frame_ancestors(env: Mapping[str, str], production: bool) -> tuple[str, ...]:
    """The addresses of the hosts' pages that may show the log inside, with white space between; `*.` stands for every
    name below one."""
    name = "INDELIBLE_FRAME_ANCESTORS"
    found = tuple(dict.fromkeys(one.rstrip("/").lower() for one in (env.get(name) or "").split()))
    for one in found:
        match = _ANCESTOR.fullmatch(one)
        if match is None or not 0 <= int(match["port"] or 0) <= 65_535:
            raise InvalidInput("must be addresses of pages without a path, such as https://app.example or "
                               "https://*.app.example, with white space between", name)  # fmt: skip
        if match["scheme"] != "https" and (production or match["host"] not in LOCAL_HOSTS):
            raise InvalidInput("must begin with https://, as whoever is on the way could put another page around the "
                               "log; http:// goes only for this machine, and not in production", name)  # fmt: skip
    if len(found) > _MOST_ANCESTORS:
        raise InvalidInput(f"has more than {_MOST_ANCESTORS} addresses, which stand in the head of every answer; take "
                           "https://*. and a name for those below it", name)  # fmt: skip
    return found


def _metrics_token(env: Mapping[str, str]) -> str:
    token = env.get("INDELIBLE_METRICS_TOKEN") or ""
    if token and (len(token) < _SHORTEST_SECRET or not token.isascii() or not token.isprintable() or " " in token):
        raise InvalidInput(f"must have at least {_SHORTEST_SECRET} letters and digits that nobody can guess, without "
                           "spaces", "INDELIBLE_METRICS_TOKEN")  # fmt: skip
    return token


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise InvalidInput(f"must be a whole number from {least} to {most}", name)
    return int(text)


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = (env.get(name) or choices[0]).upper()
    if text not in choices:
        raise InvalidInput(f"must be one of {', '.join(choices)}", name)
    return text
