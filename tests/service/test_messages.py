"""What the pages say in each language but English: everything, and what the English says."""

from __future__ import annotations

import importlib.util
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.mofile import read_mo

ROOT = Path(__file__).resolve().parents[2]


def _tool():
    spec = importlib.util.spec_from_file_location("messages", ROOT / "tools" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


messages = _tool()


@pytest.fixture(params=messages.LANGUAGES)
def language(request):
    return request.param


def pairs(language):
    """Every text with its translation; of a plural, each form."""
    for one in messages.existing(language):
        if isinstance(one.id, tuple | list):
            yield from zip(one.id, one.string, strict=True)
        elif one.id:
            yield one.id, one.string


# The files


def test_every_language_of_the_menu_but_english_has_a_catalogue(service):
    from django.conf import settings

    assert {code for code, _ in settings.LANGUAGES} == {"en", *messages.LANGUAGES}


def test_the_catalogue_is_up_to_date(language):
    """If this fails, run `make messages` and translate what it lists."""
    po, mo = messages.texts(messages.merged(messages.existing(language)))
    assert messages.po(language).read_text() == po.decode()
    assert messages.po(language).with_suffix(".mo").read_bytes() == mo


def test_everything_is_translated(language):
    assert [text for text, translation in pairs(language) if not translation.strip()] == []
    assert [one.id for one in messages.existing(language) if one.fuzzy] == []


def test_what_is_translated_is_what_is_in_the_compiled_file(language):
    compiled = read_mo(io.BytesIO(messages.po(language).with_suffix(".mo").read_bytes()))
    assert by_id(compiled) == by_id(messages.existing(language))


def by_id(catalog):
    return {one.id if isinstance(one.id, str) else tuple(one.id): tuple(one.string) for one in catalog if one.id}


def placeholders(text):
    return sorted(re.findall(r"%\(\w+\)[sd]|%[sd]", text)), sorted(
        name for _, name, _, _ in Formatter().parse(text) if name is not None
    )


def test_a_translation_says_each_value_that_the_text_says(language):
    for text, translation in pairs(language):
        assert placeholders(text) == placeholders(translation), text


def test_a_translation_ends_as_its_text_does(language):
    for text, translation in pairs(language):
        assert text.endswith("\n") == translation.endswith("\n"), text
        assert text.endswith(":") == translation.endswith(":"), text
        assert (text[:1] == text[:1].strip()) == (translation[:1] == translation[:1].strip()), text


@pytest.mark.parametrize(
    "brazilian", ["senha", "usuário", "arquivo ", "tela", "salvar", "deletar", "celular", "você está"]
)
def test_the_portuguese_is_that_of_portugal(brazilian):
    assert [translation for _, translation in pairs("pt") if brazilian in translation.lower()] == []


@pytest.mark.parametrize("american", ["computadora", "celular", "ustedes", "ingresar", "contraseña expiró"])
def test_the_spanish_is_that_of_spain(american):
    assert [translation for _, translation in pairs("es") if american in translation.lower()] == []


# One word for one thing: what it is called, and what it is not.
ONE_WORD = {
    "pt": {"reserva", "booking", "agendamento"},  # a reservation is a "marcação"
    "es": {"booking", "vale ", "voucher", "bitácora"},  # a reservation is a "reserva", a voucher a "bono"
}


# A text that tells what to type: kinds of things as hosts call them.
CODE = r"\bbooking(, client|: https|s/\{id\})"


def test_one_thing_has_one_word(language):
    others = {
        (word, translation)
        for text, translation in pairs(language)
        if not re.search(CODE, text)
        for word in ONE_WORD[language]
        if re.search(rf"\b{word}", re.sub(r"\{[^}]*\}|%\(\w+\)s", "", translation.lower()))
        and not re.search(r"[cC]have de reserva", translation)
    }
    assert others == set()


# What the tool finds


def test_texts_of_a_template_are_found_as_django_looks_them_up():
    source = """{% load i18n %}<b title="{% translate 'Who' %}">{% translate "It's" %}</b>{{ _("Now") }}
    {% blocktranslate trimmed with n=x|add:1 %}
      Of {{ n }}
      at 5 %
    {% endblocktranslate %}{% blocktranslate count n=x %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}"""
    found = [
        "Who", "It's", "Now", "Of %(n)s at 5 %%", ("%(n)s day", "%(n)s days"),
    ]  # fmt: skip
    assert list(messages.in_template(source)) == found


def test_texts_of_a_module_are_found_and_variables_are_not():
    source = '_("One " "and two"); gettext(name); ngettext("day", "days", 2); print("no"); gettext_lazy("Three")'
    assert sorted(messages.in_module(source), key=str) == [("day", "days"), "One and two", "Three"]


def test_what_is_no_longer_said_is_dropped_and_the_rest_is_kept():
    old = messages.existing("pt")
    old.get("Who").string = "Quem mesmo"
    old.add("Nobody says this", "Ninguém diz isto")
    new = messages.merged(old)
    assert new.get("Who").string == "Quem mesmo"
    assert new.get("Nobody says this") is None


# The pages


@pytest.fixture
def asked(service, language, monkeypatch):
    """What the pages ask to be translated into the language, and is not there."""
    from django.utils import translation

    missing, translations = (
        set(),
        {translation for _, translation in pairs(language)},
    )  # a name of a language is asked for twice

    def watch(name, key):
        ask = getattr(translation.trans_real, name)

        def asking(*given):
            if translation.get_language() == language and given[0]:
                with_newlines = str(given[0]).replace("\r\n", "\n")
                known = key(with_newlines) in translation.trans_real.catalog()._catalog
                if not known and with_newlines not in translations:
                    missing.add(with_newlines)
            return ask(*given)

        monkeypatch.setattr(translation._trans, name, asking)

    translation.gettext("")  # makes Django decide that it translates
    watch("gettext", lambda text: text)
    watch("ngettext", lambda text: (text, 0))
    return missing


@pytest.fixture
def clinic(service):
    log = service.clinic()
    return log, service.fill(log)


def addresses(log, ids):
    from django.urls import reverse

    from indelible.service.web.first_entry import WAYS

    clinic = log.clinic.id
    yield from (reverse(name, args=[clinic]) for name in (
        "activity", "totals", "export", "integrity", "people", "settings", "keys"))  # fmt: skip
    yield from (reverse("first_entry", args=[clinic]) + f"?way={way}" for way in WAYS)
    yield reverse("activity", args=[clinic]) + "?q=category:bookings+-client:cli_9+from:2026-05-01+to:2030-01-01"
    yield reverse("activity", args=[clinic]) + "?q=nothing-like-this"
    yield reverse("activity", args=[clinic]) + "?q=category:nonsense"
    yield from (reverse("entry", args=[clinic, view.id]) for view in log.read(""))
    yield from (
        reverse("story", args=[clinic, kind, ids[kind]]) for kind in ("booking", "client", "voucher", "service")
    )
    yield reverse("anonymize", args=[clinic, ids["client"]])
    yield reverse("story", args=[clinic, "booking", "not-there"])
    yield from (reverse(name) for name in ("home", "new_clinic", "account_security"))


def asking_for(language):
    return {"accept-language": language}


# The menu of languages has each in its own.
LANGUAGES = {"English", "Português", "Español"}


class Texts(HTMLParser):
    """The visible texts of a page, and those that are read out. Raw values and names of languages are none."""

    def __init__(self):
        super().__init__()
        self.found, self._unseen = set(), 0

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self._unseen += tag in ("script", "style", "code", "pre")
        for name in ("aria-label", "title", "placeholder", "alt"):
            self.found.add(given.get(name) or "")

    def handle_endtag(self, tag):
        self._unseen -= tag in ("script", "style", "code", "pre")

    def handle_data(self, data):
        if not self._unseen:
            self.found.add(" ".join(data.split()))


def english_on(page, language):
    """Texts of a page that are one of ours, whole, in English."""
    parser = Texts()
    parser.feed(page)
    translated = dict(pairs(language))
    ours = {text for text, translation in translated.items() if text != translation} - set(translated.values())
    return (parser.found & ours) - LANGUAGES


def test_every_page_of_a_clinic_is_in_the_language(service, clinic, language, asked):
    from django.urls import reverse

    log, ids = clinic
    owner = service.client(service.user("owner", log), **asking_for(language))
    for address in addresses(log, ids):
        answer = owner.get(address, follow=True)
        page = answer.content.decode()
        assert f'<html lang="{language}"' in page, address
        assert answer.headers["Content-Language"] == language, address
        assert english_on(page, language) == set(), address
    handed = owner.post(reverse("forget_link", args=[log.clinic.id, ids["client"]])).content.decode()
    (link,) = set(re.findall(r"/forget/[^\"<\s]+", handed))
    for page in (handed, service.client(**asking_for(language)).get(link).content.decode()):
        assert "registo" in page or "registro" in page
        assert english_on(page, language) == set(), link
    assert asked == set()


def test_the_page_of_sign_ins_is_in_the_language(service, clinic, language, asked):
    from django.urls import reverse

    log, _ = clinic
    page = service.client(service.user("owner", log), **asking_for(language)).get(
        reverse("sign_ins", args=[log.clinic.id])
    )
    assert english_on(page.content.decode(), language) == set()
    assert asked == set()


def test_the_page_of_keys_and_the_entries_about_them_are_in_the_language(service, clinic, language, asked):
    from django.urls import reverse

    from indelible.service.accounts import keys

    log, _ = clinic
    owner = service.client(service.user("owner", log), **asking_for(language))
    place = reverse("keys", args=[log.clinic.id])
    keys.make("platform", ["read"])
    sent = {"name": "till", "scopes": list(keys.Scope), "last_day": "2126-07-01", "password": PASSWORD}
    refused: list[dict[str, object]] = [{"password": "x"}, {"scopes": []}, {"last_day": "1"}]
    pages = [owner.post(place, sent | wrong) for wrong in ({}, *refused)]
    (revoking,) = re.findall(rf"{place}key_\w+/revoke/", pages[0].content.decode())
    pages += [owner.post(revoking, follow=True), owner.get(reverse("settings", args=[log.clinic.id]))]
    told = [*log.read("action:api_key.created"), *log.read("action:api_key.revoked")]
    assert len(told) == 2
    pages += [owner.get(reverse("entry", args=[log.clinic.id, view.id])) for view in told]
    pages.append(owner.get(reverse("story", args=[log.clinic.id, "api_key", told[0].target["id"]])))
    for page in pages:
        assert english_on(page.content.decode(), language) == set(), page.request["PATH_INFO"]
    heading, may = {
        "pt": ("Chaves", "registar, ler, exportar ficheiros, anonimizar, gerir"),
        "es": ("Claves", "registrar, leer, exportar archivos, anonimizar, gestionar"),
    }[language]
    assert f"<h1>{heading}</h1>" in pages[0].content.decode()
    assert any(may in page.content.decode() for page in pages[-3:])
    assert asked == set()


def test_a_pass_that_is_over_says_so_in_the_language(service, language, asked):
    from django.urls import reverse

    page = service.client(**asking_for(language)).get(reverse("viewer_over")).content.decode()
    assert f'<html lang="{language}"' in page
    assert english_on(page, language) == set()
    assert asked == set()


def test_no_text_of_ours_is_a_month_or_a_weekday(language):
    """A button “May” would be every fifth month: Django looks both up as one."""
    from django.utils import dates

    words = {str(one) for said in (dates.MONTHS, dates.MONTHS_AP, dates.WEEKDAYS) for one in said.values()}
    assert {text for text, _ in pairs(language)} & words == set()


def test_pages_of_an_account_are_in_the_language(service, clinic, language, asked):
    from django.urls import reverse

    log, _ = clinic
    user = service.user("owner", log)
    browser = service.client(**asking_for(language))
    entrance = reverse("account_login")
    pages = [browser.get(entrance), browser.get(reverse("account_reset_password")), browser.post(entrance, {})]
    pages.append(browser.post(entrance, {"login": user.email, "password": "wrong password!"}))
    pages.append(browser.post(entrance, {"login": user.email, "password": PASSWORD}, follow=True))
    pages += [browser.get(reverse(name), follow=True) for name in (
        "account_change_password", "account_logout", "mfa_index", "mfa_activate_totp", "mfa_list_webauthn",
        "mfa_add_webauthn", "mfa_reauthenticate", "usersessions_list")]  # fmt: skip
    pages.append(
        browser.post(reverse("account_change_password"), {"oldpassword": "x", "password1": "y", "password2": "z"})
    )
    pages.append(browser.post(reverse("mfa_activate_totp"), {"code": "000000"}))
    for page in pages:
        assert english_on(page.content.decode(), language) == set(), page.request["PATH_INFO"]
    assert asked == set()


def test_without_a_wish_the_pages_are_english_and_a_choice_is_kept(service, clinic):
    from django.urls import reverse

    log, _ = clinic
    browser = service.client(service.user("owner", log))
    address = reverse("activity", args=[log.clinic.id])
    assert "Cancelled reservation" in browser.get(address).content.decode()
    browser.post(reverse("language"), {"language": "pt", "next": address})
    assert "Cancelou marcação" in browser.get(address).content.decode()


def test_a_sentence_is_spanish_with_the_amount_as_spain_writes_it(service, clinic):
    from django.urls import reverse

    log, _ = clinic
    owner = service.client(service.user("owner", log), **asking_for("es"))
    (refund,) = log.read("action:charge.refunded")
    page = owner.get(reverse("entry", args=[log.clinic.id, refund.id])).content.decode()
    text = " ".join(re.sub(r"<[^>]*>", "", page).split())
    assert re.search(r"Sistema reembolsó 25,00\s€ \(charge_\w+; origen: política\)", text)


def test_a_sentence_is_portuguese_with_the_amount_as_portugal_writes_it(service, clinic):
    from django.urls import reverse

    log, _ = clinic
    owner = service.client(service.user("owner", log), **asking_for("pt"))
    (refund,) = log.read("action:charge.refunded")
    page = owner.get(reverse("entry", args=[log.clinic.id, refund.id])).content.decode()
    text = " ".join(re.sub(r"<[^>]*>", "", page).split())
    assert re.search(r"Sistema reembolsou 25,00\s€ \(charge_\w+; origem: política\)", text)
    assert "política: cancelamento tardio" in text


def test_a_device_and_a_filter_of_everything_are_said_in_the_language(service, language):
    from django.utils import translation

    from indelible.read.details import Said
    from indelible.read.view import Zones, device_in
    from indelible.service.web.localization import SPEECH

    on = {"pt": "em", "es": "en"}[language]
    with translation.override(language):
        assert device_in("Chrome on Android", SPEECH) == f"Chrome {on} Android"
        assert device_in("Safari", SPEECH) == "Safari"
        assert device_in("", SPEECH) == ""
        said = Said(SPEECH, Zones("Europe/Lisbon", "Europe/Lisbon"), None)
        assert said.text("filter_in_words", "every entry").startswith("tod")


PASSWORD = "a sentence that nobody guesses"  # that of the service's people in tests
