"""What is a secret (a password, a key, a token), by its name or by its form. A log keeps none.

A log is kept for ever, copied into exports, and read by people who need no key of the clinic's systems. So a document
that gives a secret is refused, with the way to say only that it changed: the field with neither old nor new, or its
name in `fields_changed`. docs/spec/secrets.md says the same to those who write a host; a test holds the two together.

**By name** a value is a secret where the name of its field, or of the member of an object that it is or is in, ends
with one of NAMES. A name is read as words (smtp_password, smtpPassword, SMTP-Password); at its end a word of
QUALIFIERS, a number, and what stands in brackets or behind "for" or "of" do not count. So `token_count`,
`password_policy` and the service "Secret facial" are no secrets. Nor are null, true and false, an empty text, a mask
(`••••4242`, `[filtered]`), and a number under `token`.

**By form** a text is a secret where one of FORMS occurs in it, whatever its name.

Looked at is what a host's program fills in: changes, snapshots and other JSON, ids, words. Not what people type
(reasons, names) or what a browser sends: whoever could put a key there could keep their own deed out of the log.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

NAMES = (
    *("password", "passwd", "pwd", "passphrase", "passcode", "smtp pass", "mail pass", "email pass", "db pass"),
    *("user pass", "ftp pass", "secret", "credential", "credentials", "token", "bearer", "connection string"),
    *("api key", "secret key", "private key", "access key", "signing key", "encryption key", "master key", "auth key"),
    *("service key", "ssh key", "hmac key", "deploy key", "session key", "webhook key"),
    *("apikey", "secretkey", "privatekey", "accesskey", "authkey", "authtoken", "accesstoken", "refreshtoken"),
    *("pin", "otp", "totp", "cvc", "cvv", "security code", "verification code", "one time code"),
    *("recovery code", "recovery codes", "backup code", "backup codes"),
    *("door code", "alarm code", "access code", "gate code"),
    # The same in other languages of the clinics; accents are taken away before the comparison.
    *("palavra passe", "senha", "contrasena", "mot de passe", "passwort", "kennwort", "wachtwoord", "haslo"),
)
QUALIFIERS = (
    *("hash", "hashed", "digest", "encrypted", "plain", "raw", "text", "value", "base64", "hex", "pem"),
    *("new", "old", "current", "previous", "confirm", "confirmation", "repeat", "again"),
    *("live", "test", "prod", "production", "staging", "sandbox"),
)
# What it is, texts of which one is always in it, and a regular expression for the form of it.
FORMS = (
    ("a key of Stripe", ("k_live_", "k_test_"), r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("a webhook secret", ("whsec_",), r"whsec_[A-Za-z0-9+/=_-]{16,}"),
    ("a client secret of Stripe", ("_secret_",), r"(?:pi|seti|cs)_[A-Za-z0-9_]{1,100}_secret_[A-Za-z0-9]{10,}"),
    ("a key of Indelible", ("ind_live_", "ind_test_"), r"ind_(?:live|test)_[A-Za-z0-9_-]{16,}"),
    (
        "a token of GitHub",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    ),
    ("a token of GitLab", ("glpat-",), r"glpat-[A-Za-z0-9_-]{20,}"),
    ("a token of Slack", ("xox",), r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a webhook of Slack", ("hooks.slack.com",), r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
    ("a key of AWS", ("AKIA", "ASIA"), r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (
        "a key of Google",
        ("AIza", "GOCSPX-", "ya29."),
        r"(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,})",
    ),
    ("a key of SendGrid", ("SG.",), r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("a key of Twilio", ("SK",), r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("a key of Mailgun", ("key-",), r"key-[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("a key of Mailchimp", ("-us",), r"[0-9a-f]{32}-us[0-9]{1,2}(?![A-Za-z0-9])"),
    ("a key of Square", ("sq0",), r"sq0(?:atp|csp)-[A-Za-z0-9_-]{20,}"),
    ("a key of Shopify", ("shp",), r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
    ("a key of a language model's maker", ("sk-",), r"sk-(?:proj|ant|svcacct)-[A-Za-z0-9_-]{20,}"),
    ("a token of npm or PyPI", ("npm_", "pypi-"), r"(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,})"),
    ("a JSON web token", ("eyJ",), r"eyJ[A-Za-z0-9_-]{8,500}\.eyJ[A-Za-z0-9_-]{8,}"),
    (
        "a private key",
        ("PRIVATE KEY", "PRIVATE+KEY", "AGE-SECRET"),
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|PRIVATE\+KEY\+|AGE-SECRET-KEY-1",
    ),
    (
        "a password's hash",
        ("$",),
        r"\$(?:2[abxy]|argon2(?:id?|d)|scrypt|[56y])\$\S{10,}|pbkdf2_sha[0-9]+\$[0-9]+\$\S{10,}",
    ),
    ("an authenticator's seed", ("otpauth:",), r"otpauth://\S+"),
    ("a header that lets in", ("Bearer ", "Basic "), r"Bearer [A-Za-z0-9._~+/-]{20,}|Basic [A-Za-z0-9+/]{16,}={1,2}"),
    ("an address with a password in it", ("://",), r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/:@]{0,100}:[^\s/@*]{1,200}@"),
)
_MEND = (
    "a log keeps none; say only that it changed: the field with neither old nor new, or its name in fields_changed "
    "(docs/spec/secrets.md has the list)"
)
# A form begins where no letter or digit stands before it: "task_test_..." is no key. Every repetition that something
# must follow is bounded, so that no text takes long.
_FORMS = [(what, needles, re.compile(f"(?<![A-Za-z0-9])(?:{form})", re.ASCII)) for what, needles, form in FORMS]
# No form is shorter. This and what an id that is a secret begins with, or has within, spare most ids the look for them.
SHORTEST = 14
_BEGINNINGS = (
    *("sk_", "rk_", "whsec_", "ind_", "gh", "glpat-", "xox", "AKIA", "ASIA", "AIza", "GOCSPX-", "ya29.", "SG.", "SK"),
    *("key-", "sq0", "shp", "sk-", "npm_", "pypi-", "eyJ", "PRIVATE+KEY+", "AGE-SECRET-KEY-1", "$", "pbkdf2_"),
    *("Bearer ", "Basic "),
)
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_BY_WORDS = frozenset(tuple(name.split()) for name in NAMES)
_LONGEST = max(map(len, _BY_WORDS))
_MASK = re.compile(r"[*•●…·.]{2,}.{0,4}|[*•●…]|[\[(<][a-z ]+[\])>]", re.IGNORECASE)


@lru_cache(maxsize=512)  # a host has few names of fields, and uses them in every document
def is_secret_name(name: str) -> bool:
    """Whether the name of a field or member is that of a secret."""
    words = _words(name)
    if not words:
        return False
    ends = (tuple(words[-length:]) for length in range(1, _LONGEST + 1))
    return any(end in _BY_WORDS for end in ends) or words[-1].endswith(("password", "passwd", "passphrase"))


def _words(name: str) -> list[str]:
    """The words of a name that count, without accents and in small letters."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    words = [word.lower() for word in _WORDS.findall(re.sub(r"\s\([^()]*\)\s*$", "", plain))]
    for position, word in enumerate(words):
        if position and word in ("for", "of"):
            words = words[:position]
            break
    while len(words) > 1 and (words[-1] in QUALIFIERS or words[-1].isdecimal()):
        words.pop()
    return words


def check_field(name: str, values: Iterable[object]) -> None:
    """Check the values of a named field. Raises ValueError with the mend where they are a secret's."""
    if is_secret_name(name) and any(_is_told(name, one) for value in values for one in _leaves(value)):
        said = name if name.isascii() and name.isprintable() and len(name) <= 100 else "the field"
        raise ValueError(f"{said} is a secret by its name, and {_MEND}")


def check_text(text: str) -> None:
    """Check a text for the form of a secret, whatever it is the value of. Raises ValueError with the mend."""
    if len(text) < SHORTEST:
        return
    for what, needles, form in _FORMS:
        if any(needle in text for needle in needles) and form.search(text):
            raise ValueError(f"holds what looks like {what}, and {_MEND}")


def check_id(text: str) -> None:
    """Check an id or a word, which is a secret as a whole or not at all. Raises ValueError with the mend."""
    if len(text) >= SHORTEST and (text.startswith(_BEGINNINGS) or "_secret_" in text or "://" in text or "-us" in text):
        check_text(text)


def check_json(value: object) -> None:
    """Check every name and text in a JSON value. Raises ValueError with the mend."""
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            if isinstance(name, str):
                check_field(name, [member])
            check_json(member)
    elif isinstance(value, list):
        for member in value:
            check_json(member)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _leaves(member)
    else:
        yield value


def _is_told(name: str, value: object) -> bool:
    """Whether a value under the name of a secret gives it away."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, str):
        return bool(value.strip()) and not _MASK.fullmatch(value.strip())
    return _words(name)[-1] != "token"
