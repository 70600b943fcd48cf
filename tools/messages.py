"""Gather every text that a page can show, and bring the catalogue of each other language up to date with it.

    make messages        rewrites each django.po (translations kept, what is no longer said dropped) and django.mo

Texts are in four places: the catalogue of actions, the templates, the service's modules, and those of django-allauth's
forms and pages that ours show. Each keeps where it is from, as a comment for whoever translates.

The files hold no dates and no line numbers, so that the same texts always give the same bytes.
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import allauth
from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from indelible import catalogue
from indelible.catalogue import clauses, counted, vocabulary
from indelible.read import answer, details, headline, query, second_line, view
from indelible.record.document import ACTOR_KINDS, PEOPLE_ROLES
from indelible.service import links
from indelible.service.accounts import roles

ROOT = Path(__file__).resolve().parents[1]
SERVICE = ROOT / "src" / "indelible" / "service"
TEMPLATES = SERVICE / "web" / "templates"
LOCALE = SERVICE / "web" / "locale"
# The languages beside English: those of `settings.LANGUAGES`.
LANGUAGES = {"pt": "Portuguese", "es": "Spanish"}
HEADER = {
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=2; plural=(n != 1);",
}

# A message id: the text, or singular and plural.
Id = str | tuple[str, str]
Said = Iterator[tuple[Id, str]]

# Names of fields in what a host hands over whole: a snapshot of a service or schedule, changes of a client or setting.
FIELDS = (
    "id", "name", "description", "email", "phone", "address", "birthday", "birth_date", "city", "postcode", "notes",
    "newsletter", "bank_account", "emergency_contact", "preferred_language", "sender_name", "show_prices",
    "sms_reminders", "reminder_hours", "idle_timeout_minutes", "points_per_euro", "days_ahead", "valid_days", "absent",
    "until", "invitation", "break", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "every_other_sat",
)  # fmt: skip

# What Django says in our forms and has no Portuguese, or no Spanish, for.
OF_DJANGO: tuple[Id, ...] = (
    ("This password is too short. It must contain at least %d character.",
     "This password is too short. It must contain at least %d characters."),
)  # fmt: skip

# Of django-allauth: what our accounts have. Nobody signs up, there are no telephones and no codes by e-mail.
_MODULES = ("account/adapter.py", "account/fields.py", "account/forms.py", "account/models.py", "core/exceptions.py",
            "core/internal/adapter.py", "core/internal/ratelimit.py", "mfa/adapter.py", "mfa/models.py",
            "mfa/base/forms.py", "mfa/recovery_codes/forms.py", "mfa/totp/forms.py", "mfa/webauthn/forms.py",
            "usersessions/forms.py", "usersessions/models.py")  # fmt: skip
_PAGES = ("account/account_inactive.html", "account/base_reauthenticate.html", "account/login.html",
          "account/logout.html", "account/messages/", "account/password_change.html", "account/password_reset*.html",
          "account/reauthenticate.html", "account/email/base_*", "account/email/password_*",
          "account/email/unknown_account_*", "account/snippets/", "mfa/", "usersessions/")  # fmt: skip
_NOT_OURS = re.compile(r"signup|phone|verification|confirm_(login|password_reset)_code|email_(confirmed|deleted)|trust")
# Nor can anybody have several addresses: there is one, and it is changed on a page of ours.
_NOT_SAID = re.compile(
    r"[Pp]hone|[Uu]sername|sign up|sign-in code|email addresses|primary email|You cannot add|have any email"
)


def of_actions() -> Said:
    """The catalogue: labels, sentences, second lines, names of fields and kinds, and the words that fields may hold."""
    kinds = set(ACTOR_KINDS)
    yield from ((catalogue.category_title(code), "category") for code in (*catalogue.CATEGORIES, "other"))
    for action in catalogue.registered():
        if not action.__module__.startswith("indelible."):
            continue  # a host's own, or a test's
        yield action.label, "action"
        yield _counted(action.sentence), "sentence of an action"
        first = itertools.chain.from_iterable(headline.clauses_of(action))
        yield from ((_counted(clause), "first line of an action") for clause in first)
        yield from ((_counted(clause), "second line of an action") for clause in clauses.flat(action.detail))
        briefs = action.brief if isinstance(action.brief, tuple) else (action.brief,)
        yield from ((_counted(one), "an action in one click with others") for one in briefs if one)
        kinds.update(action.targets)
        for field in action.fields_of_context:
            yield details.label(field.name), "field"
            kinds.update({field.refers} if field.refers else ())
            yield from ((vocabulary.said(word), "word") for word in sorted(field.words))
    yield from of_kinds(sorted(kinds))
    for text in (*details.LABELS.values(), *map(details.label, FIELDS), "Client", "Person"):
        yield text, "field"
    yield from ((text, "state of a field") for text in details.STATES.values())
    yield details.NO_CURRENCY, "state of a field"
    yield query.EVERY, "a filter that leaves nothing out"
    yield view.ON, "a device"
    yield details.ON_BEHALF_OF, "field"
    yield from ((text, "who acts for whom") for text in (view.FOR, view.FOR_IN_SENTENCE))
    yield from ((role, "role of a person") for role in (*vocabulary.ROLES, *roles.ROLES))
    yield counted.DAYS, "a length of time"
    yield second_line.MORE, "second line of an action"
    yield from ((text, "what a story comes to") for text in answer.MESSAGES)
    yield from ((text, "what is wrong with an address, behind “Line 3”") for text in links.MESSAGES)
    for reason in (*vocabulary.REASONS.values(), *vocabulary.REASON_NAMES.values()):
        yield reason, "why the system acted"
    yield from ((role.capitalize(), "role of a person") for role in PEOPLE_ROLES)
    for word in ("System", "somebody", "an unknown client", "an unknown amount", "yes", "no"):
        yield word, "word"


def _counted(template: str) -> Id:
    """A template of the catalogue; with its form for one, where it speaks of a number."""
    one = counted.ONE.get(template)
    return (one.text, template) if one else template


def of_kinds(kinds: Iterable[str]) -> Said:
    """What a thing or person of each kind is called: as a heading, and where its id or name is not known."""
    for kind in kinds:
        plain = view.plain_kind(kind)
        yield details.kind_label(kind), "kind of thing"
        if kind in view.KNOWN_BY_NAME or kind in ACTOR_KINDS:
            yield f"Anonymous {plain}", "who was anonymized"
            yield f"Unknown {plain}", "whose name is not known"
        else:
            yield view.some(kind), "a thing whose number is not known"
    yield "a thing", "a thing whose number is not known"


_CALLED = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}


def in_module(source: str) -> Iterator[Id]:
    """The constants that a module gives to gettext or one of its kin."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        wanted = _CALLED.get(node.func.id)
        given = [one.value for one in node.args[:wanted] if isinstance(one, ast.Constant)]
        texts = [text for text in given if isinstance(text, str)]
        if wanted and len(texts) == wanted:
            yield texts[0] if wanted == 1 else (texts[0], texts[1])


_TEXT = r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_CALL = re.compile(rf"\b(_|gettext|ngettext)\(\s*u?{_TEXT}(?:\s*,\s*u?{_TEXT})?", re.DOTALL)


def in_template(source: str) -> Iterator[Id]:
    """The texts of a template's translate and blocktranslate tags, and of its `_("…")`."""
    for called, first, second in _CALL.findall(templatize(source)):
        text = ast.literal_eval(first)
        if text:
            yield (text, ast.literal_eval(second)) if called == "ngettext" else text


def of_service() -> Said:
    for path in sorted(SERVICE.rglob("*.py")):
        yield from ((found, f"module in {path.parent.name}") for found in in_module(path.read_text()))
    for path in _templates(TEMPLATES):
        yield from ((found, f"page in {path.parent.name}") for found in in_template(path.read_text()))


def of_others() -> Said:
    """What Django and django-allauth say in our pages; a template of its own that ours replace says nothing."""
    yield from ((found, "django") for found in OF_DJANGO)
    yield from ((found, "django-allauth") for found in _in_allauth() if not _NOT_SAID.search(str(found)))


def _in_allauth() -> Iterator[Id]:
    home = Path(allauth.__file__).parent
    for module in _MODULES:
        yield from in_module((home / module).read_text())
    for path in _templates(home / "templates"):
        name = path.relative_to(home / "templates")
        if (TEMPLATES / name).exists() or _NOT_OURS.search(str(name)):
            continue
        if any(str(name).startswith(page) or name.match(page) for page in _PAGES):
            yield from in_template(path.read_text())


def _templates(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".html", ".txt"))


def gathered() -> dict[Id, list[str]]:
    """Every message id, with where it is from, in the order of the ids."""
    found: dict[Id, set[str]] = {}
    plural = {}
    for said in (of_actions(), of_service(), of_others()):
        for message, origin in said:
            found.setdefault(message, set()).add(origin)
            if isinstance(message, tuple):
                plural[message[0]] = message
    for singular, both in plural.items():  # one id cannot be in a catalogue both with and without a plural
        found[both] |= found.pop(singular, set())
    key = {message: message if isinstance(message, str) else message[0] for message in found}
    return {message: sorted(found[message]) for message in sorted(found, key=lambda one: (key[one].lower(), key[one]))}


def po(language: str) -> Path:
    """Where a language's texts are; the compiled file, `.mo`, lies beside it."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


class Dateless(Catalog):
    """A catalogue whose header says nothing of when it was written, or by whom."""

    mime_headers = property(lambda self: [("Language", str(self.locale)), *HEADER.items()])


def merged(old: Catalog) -> Dateless:
    """Return the catalogue of what is said now, with the translations of the old one, in its language."""
    language = str(old.locale)
    said = f"# What the pages say, in {LANGUAGES[language]}. `make messages` keeps it in step."
    new = Dateless(locale=language, header_comment=said, fuzzy=False)
    for message, origins in gathered().items():
        known = old.get(message)
        string: str | tuple[str, ...] = "" if isinstance(message, str) else ("", "")
        if known is not None and type(known.id) is type(message):
            string = _forms(known)
        new.add(message, string, auto_comments=[", ".join(origins)])
    return new


def existing(language: str) -> Catalog:
    if not po(language).exists():
        return Catalog(locale=language)
    with po(language).open("rb") as file:
        return read_po(file, locale=language)


def texts(new: Dateless) -> tuple[bytes, bytes]:
    """Return the bytes of django.po and of django.mo."""
    written, compiled = io.BytesIO(), io.BytesIO()
    write_po(written, new, width=120)
    write_mo(compiled, new)
    return written.getvalue(), compiled.getvalue()


def main() -> int:
    return 1 if sum([_update(language) for language in LANGUAGES]) else 0


def _update(language: str) -> int:
    """Rewrite a language's files; return how much is not translated, and list it."""
    new = merged(existing(language))
    written, compiled = texts(new)
    po(language).parent.mkdir(parents=True, exist_ok=True)
    po(language).write_bytes(written)
    po(language).with_suffix(".mo").write_bytes(compiled)
    missing = [message.id for message in new if message.id and not _all_said(message)]
    for message in missing:
        sys.stdout.write(f"{language}: not translated: {message!r}\n")
    sys.stdout.write(f"{language}: {len(new)} messages, {len(missing)} not translated\n")
    return len(missing)


def _forms(message: Message) -> str | tuple[str, ...]:
    return message.string if isinstance(message.string, str) else tuple(message.string or ())


def _all_said(message: Message) -> bool:
    forms = _forms(message)
    return bool(forms) and all(forms)


if __name__ == "__main__":
    sys.exit(main())
