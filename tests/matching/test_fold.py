"""The one spelling of a word and of what is searched: every character of Unicode, and what a word occurs in."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.read.matching import LETTERS, fold, network_of, pattern

EVERY = [chr(point) for point in range(sys.maxunicode + 1)]


def test_every_character_is_folded_once_and_for_all():
    assert [char for char in EVERY if fold(fold(char)) != fold(char)] == []


def test_no_latin_letter_but_those_of_the_table_keeps_a_stroke_or_joins_two():
    """What a keyboard of another country has for a letter is in the table, or is taken apart by Unicode."""
    latin = [
        chr(point) for first, last in ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x17F)) for point in range(first, last + 1)
    ]
    assert [char for char in latin if char not in "×÷" and not fold(char).isascii()] == []
    assert all(fold(letter) == plain == fold(letter.upper()) or letter in "ȷĸ" for letter, plain in LETTERS.items())


@given(st.text())
def test_a_folded_text_stays_as_it_is(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text(), st.text())
def test_a_part_of_a_text_is_a_part_of_the_folded_text(before, part, after):
    assert fold(part) in fold(before + part + after)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_text_is_folded_as_any_text_is(text):
    assert fold(text + "é") == fold(text) + "e"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Łukasz Wałęsa", "lukasz walesa"),
        ("Søren Ørsted", "soren orsted"),
        ("Đorđe Đoković", "dorde dokovic"),
        ("Anne-Marie Æbelø", "anne-marie aebelo"),
        ("Þórður Jónsson", "thordur jonsson"),
        ("Yıldız İnce", "yildiz ince"),
        ("Großmann GROẞMANN", "grossmann grossmann"),
        ("Nguyễn Thị Đào", "nguyen thi dao"),
        ("Œuvre ŋ ħ ŧ", "oeuvre n h t"),
        ("O’Neill OʼNeill O'Neill O`Neill O´Neill ONeill", "oneill " * 5 + "oneill"),
        ("Anne‑Lise Anne–Lise Anne—Lise Anne−Lise Anne\u00adLise", "anne-lise " * 4 + "annelise"),
        ("Ana\u00a0 \u2009Sousa\n\tX", "ana sousa x"),
        ("ﬁn ① ｆｕｌｌ", "fin 1 full"),
        ("“late” «cancel»", '"late" "cancel"'),
        ("STRASSE Straße", "strasse strasse"),
    ],
)
def test_spellings_become_one(written, plain):
    assert fold(written) == plain


def occurs(word, text, *amounts):
    return pattern(word).occurs(fold(text), lambda: {(Decimal(number), currency) for number, currency in amounts})


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("198.51.100.8", "198.51.100.8", True),
        ("198.51.100.8", "198.51.100.85", False),
        ("198.51.100.8", "1198.51.100.8", False),
        ("198.51.100.8", "from 198.51.100.8.", True),
        ("198.51.100.", "198.51.100.85", True),
        ("198.51.100.", "198.51.10.85", False),
        ("198.51.", "198.51.10.85", True),
        ("198.51.100.0/24", "198.51.100.85", True),
        ("198.51.100.0/25", "198.51.100.185", False),
        ("2001:db8::1", "2001:0DB8:0::0001", True),
        ("2001:db8::1", "2001:db8::11", False),
        ("2001:db8:", "2001:db8:0:51::1e", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("912345678", "+351 912 345 678", True),
        ("912-345-678", "+351 912 345 678", True),
        ("+351 912 345 678", "351912345678", True),
        ("(912) 345 678", "912.345.678", True),
        ("912345679", "+351 912 345 678", False),
        ("345678", "ch_912345678", True),
        ("123456", "12-3\00045-6", False),
        ("12345", "12 345", False),
    ],
)
def test_addresses_and_numbers(word, text, found):
    assert occurs(word, text) is found


@pytest.mark.parametrize(
    "word", ["30", "30.00", "30,00", "€30", "30€", "30 EUR", "30,00 EUR", "EUR 30", "eur 30.0", "€ 30,00"]
)
def test_an_amount_is_found_however_it_is_written(word):
    assert occurs(word, "", ("30.00", "EUR"))
    assert not occurs(word, "", ("130.00", "EUR"), ("3", "EUR"), ("30.01", "EUR"))


@pytest.mark.parametrize(
    ("word", "amount", "found"),
    [
        ("$30", ("30", "EUR"), False),
        ("30 USD", ("30", "EUR"), False),
        ("30 USD", ("30", ""), True),
        ("1.234,50", ("1234.5", "EUR"), True),
        ("1,234.50", ("1234.5", "EUR"), True),
        ("1 234,50", ("1234.5", "EUR"), True),
        ("1.000", ("1000", "EUR"), True),
        ("1.000", ("1", "KWD"), True),
        ("30 XYZ", ("30", "EUR"), False),
        ("30,00,00", ("3000", "EUR"), False),
        ("¥500", ("500", "JPY"), True),
        ("99 zł", ("99", "PLN"), True),
    ],
)
def test_the_currency_and_the_grouping_of_an_amount(word, amount, found):
    assert occurs(word, "", amount) is found


def test_an_amount_with_decimals_is_not_a_part_of_another():
    assert not occurs("30.00", "charged 130.00 EUR")
    assert occurs("30.00", "charged 30.00 EUR")
    assert occurs("30", "bk_3012")


@given(st.text(max_size=40))
def test_any_word_can_be_looked_for(word):
    pattern(word).occurs("x", set)


@given(st.text(alphabet="0123456789abcdef.:/ ", max_size=45))
def test_a_word_is_an_address_or_it_is_not(word):
    network_of(word)


@given(st.text(min_size=1, max_size=60))
def test_a_word_that_is_no_address_occurs_in_itself(word):
    if network_of(word) is None and fold(word).strip() == fold(word):
        assert occurs(word, word)


def test_the_table_is_documented():
    howto = Path(__file__).parents[2].joinpath("docs/howto/filter.md").read_text("utf-8")
    for letter in "łøđæœþðßıħŧŋ":
        assert letter in howto
