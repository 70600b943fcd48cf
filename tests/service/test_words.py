"""No word of code is on a page: not in what entries of the demo say, nor on any page, in any language.

What a host sent as it is (ids, names, texts, a snapshot's own fields) may look like code; what we say may not.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from indelible import catalogue, demo
from indelible.catalogue import vocabulary
from indelible.format.csv_row import COLUMNS
from indelible.read.details import details, snapshot
from indelible.read.second_line import brief, second_line

LANGUAGES = ("en", "pt", "es")
SNAKE = re.compile(r"[A-Za-z]+_[A-Za-z_]+")
KEBAB = {name for name in vocabulary.REASON_NAMES if "-" in name} - set(vocabulary.REASON_NAMES.values())
SHORT = re.compile(r"\b[0-9]+ d\b|\b1 (sessions|points|days|entries|sessões|pontos|dias|sesiones|puntos|días)\b")
# Codes that are no word in any language.
CODES = re.compile(r"\b(totp|jsonl|xlsx|csv|sms|api|sso|sepa|amex|whatsapp|webauthn|Snapshot)\b")


KNOWN = frozenset().union(*(field.words for action in catalogue.registered() for field in action.fields_of_context))


def shapes():
    """One of the demo's documents for each action, reason and choice of words."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for one in demo.make_documents(1, start=date(2025, 3, 3)):
        words = [value for value in one.get("context", {}).values() if isinstance(value, str) and value in KNOWN]
        found.setdefault((one["action"], one["actor"].get("reason"), *sorted(words)[:2]), one)
    return list(found.values())


@pytest.fixture(scope="module")
def told(service):
    log = service.clinic()
    for one in shapes():
        log.record_document(one)
    return log, list(log.read(""))


def sent(value, declared=frozenset()):
    """Every text of a document as it was sent, but for the words of lists that we know."""
    if isinstance(value, str):
        return {value} - declared
    if isinstance(value, dict):
        return set().union(set(), *(sent(one, declared) for one in value.values()))
    return set().union(set(), *(sent(one, declared) for one in value)) if isinstance(value, list) else set()


def said(view):
    """Every text that our pages say of an entry."""
    from indelible.service.web import entry_rows
    from indelible.service.web.localization import SPEECH

    def flat(shown):
        for one in shown:
            yield from (one.label, one.text, one.old, one.new, one.state)
            yield from flat(one.parts)

    row = entry_rows.row(view, "c")
    yield from (row.sentence, row.second, row.label, row.who, row.why, row.detail, row.role, row.late)
    yield from (second_line(view, SPEECH), brief(view, SPEECH), entry_rows.channel(view))
    yield from flat(details(view, SPEECH))
    yield from flat(snapshot(view, SPEECH))


def code_in(text, as_sent=frozenset()):
    """What looks like code in a text, without what was sent as it is."""
    for one in sorted(as_sent, key=len, reverse=True):
        text = text.replace(one, "…")
    return [*SNAKE.findall(text), *(name for name in KEBAB if re.search(rf"\b{name}\b", text)),
            *(found[0] for found in SHORT.finditer(text)), *CODES.findall(text)]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_entry_of_the_demo_says_a_word_of_code(told, language):
    from django.utils import translation

    _, views = told
    assert len({view.action for view in views}) > 40
    found = set()
    with translation.override(language):
        for view in views:
            as_sent = {text for text in sent(view.document(), KNOWN) if SNAKE.search(text)} - {view.action}
            found |= {(view.action, what) for text in said(view) if text for what in code_in(text, as_sent)}
    assert found == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_a_list_has_words(service, language):
    from django.utils import translation

    with translation.override(language):
        every = [*map(vocabulary.said, KNOWN), *vocabulary.REASONS.values(), *vocabulary.REASON_NAMES.values()]
        assert {what for text in every for what in code_in(translation.gettext(text))} == set()


def visible(page):
    """The text of a page without what is shown as code, and without addresses of e-mail."""
    page = re.sub(r"(?s)<(script|style|code|pre|title|textarea)\b.*?</\1>", " ", page)
    page = re.sub(r"\S+@\S+", " ", page)
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_says_a_word_of_code(service, told, language):
    from django.urls import reverse

    from indelible.service.accounts import keys
    from indelible.service.accounts.models import ApiKey

    log, views = told
    clinic = log.clinic.id
    owner = service.client(service.user("owner", log), **{"accept-language": language})
    addresses = [reverse(name, args=[clinic]) for name in (
        "activity", "totals", "export", "integrity", "people", "settings", "keys", "sign_ins")]  # fmt: skip
    addresses += [reverse("entry", args=[clinic, view.id]) for view in views[::12]]
    stories = {
        (view.target["kind"], view.target["id"]) for view in views[::12] if view.target and view.target.get("id")
    }
    addresses += [
        reverse("story", args=[clinic, *one]) for one in sorted(stories) if one[0] not in ("clinic", "settings")
    ]
    addresses += [
        reverse(name) for name in ("home", "new_clinic", "account_security", "usersessions_list", "mfa_index")
    ]
    as_sent = {text for view in views for text in sent(view.document(), KNOWN) if SNAKE.search(text)}
    as_sent |= {clinic, *COLUMNS}  # the names of the files' columns are what programs read
    as_sent |= {text for one in ApiKey.objects.all() for text in (one.name, keys.log_id(one))}
    found = set()
    for address in addresses:
        text = visible(owner.get(address, follow=True).content.decode())
        found |= {(address.replace(clinic, "c"), what) for what in code_in(text, as_sent)}
    assert found == set()
