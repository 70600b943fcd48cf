"""No secret gets into a log by what a host's program fills in; what only looks like one gets in.

The secrets here are put together from parts, so that no scanner of repositories takes them for real ones.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indelible.catalogue import Action
from indelible.catalogue.fields import Count, Id, PersonalText, Word
from indelible.catalogue.secrecy import FORMS, NAMES, QUALIFIERS, check_text, is_secret_name
from indelible.catalogue.settings import SettingsChanged
from indelible.errors import InvalidInput
from indelible.record import document
from indelible.testing.logs import event

DOCUMENTED = Path(__file__).parents[2] / "docs/spec/secrets.md"
LONG = "Ab3" * 12
SECRETS = {
    "a key of Stripe": "sk_" + "live_" + LONG,
    "a webhook secret": "whsec" + "_" + LONG,
    "a client secret of Stripe": "pi_3Nabc" + "_secret_" + LONG,
    "a key of Indelible": "ind_" + "live_" + LONG,
    "a token of GitHub": "ghp" + "_" + LONG,
    "a token of GitLab": "glpat" + "-" + LONG,
    "a token of Slack": "xoxb" + "-" + LONG,
    "a webhook of Slack": "https://hooks.slack.com" + "/services/" + LONG,
    "a key of AWS": "AKIA" + "ABCDEFGH" * 2,
    "a key of Google": "AIza" + "Ab3-_" * 7,
    "a key of SendGrid": "SG." + LONG + "." + LONG,
    "a key of Twilio": "SK" + "0123abcd" * 4,
    "a key of Mailgun": "key-" + "0123abcd" * 4,
    "a key of Mailchimp": "0123abcd" * 4 + "-us12",
    "a key of Square": "sq0csp" + "-" + LONG,
    "a key of Shopify": "shpat" + "_" + "0123abcd" * 4,
    "a key of a language model's maker": "sk-" + "ant-" + LONG,
    "a token of npm or PyPI": "npm" + "_" + LONG,
    "a JSON web token": "eyJ" + LONG + ".eyJ" + LONG + "." + LONG,
    "a private key": "-----BEGIN RSA PRIVATE" + " KEY-----\n" + LONG,
    "a password's hash": "$2b$" + "12$" + LONG,
    "an authenticator's seed": "otpauth://" + "totp/x?secret=" + LONG,
    "a header that lets in": "Bearer " + LONG,
    "an address with a password in it": "postgresql://" + "indelible:hunter2@db/log",
}
SECRET_NAMES = ["smtp_password", "stripe_secret_key", "smtpPassword", "STRIPE_SECRET_KEY", "SMTP-Password", "apiKey",
                "Password (SMTP)", "password for SMTP", "api_key_2", "password_hash", "client_secret_live", "token",
                "settings[smtp_password]", "dbpassword", "Palavra-passe", "door_code", "private_key_pem",
                "two_factor_secret", "webhook.secret"]  # fmt: skip
HARMLESS_NAMES = ["token_count", "password_policy", "secret_service_name", "password_required_from", "pinned", "key",
                  "day_pass", "postal_code", "voucher_code", "keyboard", "tokens", "author", "name"]  # fmt: skip
HARMLESS_VALUES: list[object] = [
    None,
    True,
    False,
    "",
    "  ",
    "********",
    "\u2022\u2022\u2022\u20224242",
    "[filtered]",
    "(hidden)",
    [],
    {},
]
HARMLESS_TEXTS = ["Secret facial", "My password did not work, so she booked by phone", "token of our appreciation",
                  "sk_live_", "the key-holder", "risk_test_results2024extended", "https://clinic.example:443/@ana",
                  "mailto:ana@clinic.example", "ch_3NabcSecretFacial00000000", "pi_3NabcDEF", "https://user@host/x",
                  "0123abcd" * 8, "bearer of this voucher", "Basic facial", "AKIAnn"]  # fmt: skip


def changed(name, old=None, new=None):
    return event(action="settings.changed", target={"kind": "clinic", "id": "c_lisbon"}, client=None,
                 context={"section": "mail", "changes": [{"field": name, "old": old, "new": new}]})  # fmt: skip


def snapshot(value):
    return event(action="service.deleted", target={"kind": "service", "id": "srv_1"}, client=None,
                 context={"snapshot": value})  # fmt: skip


def refused(log, data):
    with pytest.raises(InvalidInput) as error:
        log.record_document(data)
    assert log.size == 0
    assert "only that it changed" in str(error.value)
    assert "fields_changed" in str(error.value)
    return error.value


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_is_refused_by_its_name_in_changes_and_at_every_depth_of_a_snapshot(log, name):
    for data, field in (
        (changed(name, "hunter1", "hunter2"), "context.changes.0"),
        (changed(name, None, "hunter2"), "context.changes.0"),
        (changed(name, "hunter1"), "context.changes.0"),
        (changed("mail", None, {"server": "x", name: "hunter2"}), "context.changes.0.new"),
        (changed("mail", [{"deep": [{name: ["hunter2"]}]}]), "context.changes.0.old"),
        (changed(name, None, {"user": "x", "word": "hunter2"}), "context.changes.0"),
        (snapshot({"name": "x", "integration": {name: "hunter2"}}), "context.snapshot"),
    ):
        error = refused(log, data)
        assert error.field == field
        assert "hunter" not in str(error)


def test_accents_and_capitals_hide_no_name(log):
    refused(log, changed("Contrase\u00f1a", None, "hunter2"))
    refused(log, changed("PALAVRA_PASSE", None, "hunter2"))


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("value", HARMLESS_VALUES, ids=repr)
def test_that_a_secret_changed_can_be_said_without_it(log, name, value):
    log.record_document(changed(name, value, value))
    log.record_document(snapshot({name: value}))
    log.record_document(event(action="settings.changed", target={"kind": "clinic", "id": "c_lisbon"}, client=None,
                              context={"section": "mail", "fields_changed": [name]}))  # fmt: skip
    assert log.size == 3


@pytest.mark.parametrize(("what", "text"), SECRETS.items(), ids=SECRETS)
def test_a_secret_is_refused_by_its_form_whatever_its_name(log, what, text):
    for data in (
        changed("note", None, text),
        changed("note", f"see {text}, please"),
        changed("note", {"a": ["x", {"b": text}]}),
        snapshot({"name": text}),
    ):
        error = refused(log, data)
        assert what in str(error)
        assert text not in str(error)


# An id or a word has no line break and no "@".
IN_ONE_WORD = {what: text for what, text in SECRETS.items() if text.isprintable() and "@" not in text}


@pytest.mark.parametrize("text", IN_ONE_WORD.values(), ids=IN_ONE_WORD)
def test_no_id_or_word_is_a_secret(log, text):
    refused(log, event(operation=text))
    refused(log, event(key=text))
    refused(log, event(actor={"kind": "staff", "id": text}))
    refused(log, event(target={"kind": "booking", "id": text}))
    refused(log, event(client={"id": text}))
    refused(log, event(action="account.logged_in", client=None, target=None, context={"session": text}))
    refused(log, event(action="charge.succeeded", target={"kind": "charge", "id": "ch_1"},
                       context={"amount_minor": 1, "currency": "EUR", "stripe_payment_intent": text}))  # fmt: skip
    if len(text) <= 100:
        refused(log, event(actor={"kind": "staff", "id": "usr_1", "role": text}))
        refused(log, event(context={"reason_code": text}))


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_what_only_reads_like_a_secret_is_recorded(log, text):
    log.record_document(changed("note", text, {"name": text}))
    log.record_document(snapshot({"name": text, "description": f"a {text} b"}))
    assert log.size == 2


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_name_that_only_holds_the_word_is_recorded(log, name):
    log.record_document(changed(name, "old words", 5))
    log.record_document(snapshot({name: "words", "token": 5}))  # a number of tokens
    assert log.size == 2


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_what_people_type_and_browsers_send_stops_no_record(log, text):
    """Else whoever puts a key into a user agent would keep a failed sign-in out of the log."""
    log.record_document(event(actor={"kind": "client", "id": "cli_1", "name": text}, client=None,
                              target={"kind": "booking", "id": "bk_1", "name": text},
                              context={"reason_text": f"my password is {text}"},
                              request={"user_agent": text}))  # fmt: skip
    assert log.size == 1


def test_python_is_refused_as_a_document_is():
    with pytest.raises(ValueError, match="only that it changed"):
        SettingsChanged.model_validate(
            {"section": "mail", "changes": [{"field": "smtp_password", "old": None, "new": "hunter2"}]}
        )


def test_the_page_and_the_list_say_that_it_changed(log):
    from indelible.read.details import details

    log.record_document(changed("smtp_password"))
    shown = [part for one in details(log.entry(1)) for part in (one, *one.parts)]
    assert [(one.label, one.text) for one in shown if "password" in one.label.lower()] == [("Smtp password", "changed")]


def declare(annotation, name="smtp_password"):
    type("Made", (Action,), {"__annotations__": {name: annotation | None}, name: None}, code="mail.made", label="Made",
         category="settings", targets=("clinic",), sentence="{actor} made it")  # fmt: skip


@pytest.mark.parametrize("annotation", [Id, Word, PersonalText, Annotated[str, "x"], Count])
def test_an_action_of_a_host_s_own_declares_no_secret(annotation):
    with pytest.raises(TypeError, match="declare smtp_password_changed: bool"):
        declare(annotation)


def test_an_action_may_say_that_a_secret_is_there_or_changed():
    declare(bool)
    declare(Word, "smtp_password_rule")


def test_the_list_that_is_documented_is_the_one_that_holds():
    text = " ".join(DOCUMENTED.read_text(encoding="utf-8").split())
    assert f" {', '.join(NAMES)} " in text
    assert f" {', '.join(QUALIFIERS)} " in text
    for what, needles, _ in FORMS:
        assert what in text
        assert any(needle.strip("_- .") in text for needle in needles), what
    assert set(SECRETS) == {what for what, _, _ in FORMS}
    assert all(is_secret_name(name) for name in NAMES)


@given(st.text(), st.text(alphabet="_-./: $", max_size=3))
@example("\u017f", "")
def test_any_name_and_any_text_is_answered(text, between):
    is_secret_name(text)
    is_secret_name(text + between + "password")
    for secret in SECRETS.values():
        if text[-1:].isalnum() and text[-1:].isascii():
            continue  # a form begins where no letter or digit stands before it
        with pytest.raises(ValueError, match="looks like"):
            check_text(f"{text}{secret}")


def test_what_is_imported_is_refused_too(log):
    data = changed("smtp_password", None, "hunter2")
    with pytest.raises(InvalidInput, match=re.escape("context.changes.0: smtp_password is a secret by its name")):
        log.draft(document.parse_json(json.dumps(data).encode()), imported=True)
