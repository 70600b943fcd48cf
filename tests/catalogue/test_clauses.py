"""What a declaration may say in its second line and its brief is checked where the class stands."""

from __future__ import annotations

import pytest

from indelible.catalogue import Action, clauses, find
from indelible.catalogue.fields import Amount, Changed, Count, Currency, Instant, Minutes, Word
from indelible.catalogue.reference import render
from indelible.catalogue.schema import describe


def declare(detail=(), brief=""):
    class Used(Action, code="sink.used", label="Used sink", category="x", targets=("sink",), sentence="{actor}",
               detail=detail, brief=brief):  # fmt: skip
        note: Word | None = None
        late: bool | None = None
        minutes: Minutes
        starts_at: Changed[Instant] | None = None
        amount_minor: Amount
        currency: Currency
        cleaned: Changed[bool] | None = None

    return Used


@pytest.mark.parametrize(("clause", "says"), [
    ("{colour}", "prints {colour}, which is no field of it"),
    ("{actor}", "prints {actor}, which is no field of it"),
    ("{client.name}", "prints {client.name}, which is no field of it"),
    ("{note.old}", "does not change: it has no old and new"),
    ("{starts_at.start}", "no parts but old and new"),
    ("{-note}", "prints {-note}, and that field is no number"),
    ("{-starts_at}", "that field is no number"),
    ("{?note}", "prints {?note}, and that field is not true or false"),
    ("{?cleaned}", "not true or false"),
    ("{note", "whose braces are no placeholders"),
    ("note}", "whose braces are no placeholders"),
    ("{}", "whose braces are no placeholders"),
    ("{note!r}", "whose braces are no placeholders"),
    ("{minutes:>3}", "whose braces are no placeholders"),
])  # fmt: skip
def test_a_clause_that_cannot_be_printed_is_refused(clause, says):
    for detail in ((clause,), ("{minutes}", ("{minutes}", clause))):
        with pytest.raises(TypeError, match=r"^sink\.used ") as refused:
            declare(detail)
        assert says in str(refused.value)
    assert find("sink.used") is None


@pytest.mark.parametrize("detail", ["{minutes}", ["{minutes}"], ("",), ((),), (3,), (("{minutes}", 3),), None])
def test_a_detail_that_is_no_tuple_of_clauses_is_refused(detail):
    with pytest.raises(TypeError, match=r"sink\.used has a detail that is no tuple of clauses"):
        declare(detail)


@pytest.mark.parametrize(("brief", "says"), [
    ("{actor} used it", "the brief prints {actor}, who is said before it"),
    ("used {note}", "the brief prints {note}, which is not there in every entry"),
    ("used {", "the brief has braces that are no placeholders"),
])  # fmt: skip
def test_a_brief_prints_only_what_every_entry_has_and_not_the_actor(brief, says):
    with pytest.raises(TypeError, match=says):
        declare(brief=brief)


def test_a_sentence_with_broken_braces_is_refused():
    with pytest.raises(TypeError, match="the sentence has braces that are no placeholders"):

        class Broken(Action, code="sink.broken", label="L", category="x", targets=("sink",), sentence="{actor"):
            pass


def test_a_class_and_its_description_have_the_clauses_and_the_brief():
    class Filled(Action, code="sink.filled", label="Filled sink", category="x", targets=("sink",), sentence="{actor}",
                 detail=("{minutes} late", ("{?late}late", "in time")), brief="filled {target}"):  # fmt: skip
        late: bool | None = None
        minutes: Count | None = None

    described = describe(Filled)
    assert described["detail"] == [["{minutes} late"], ["{?late}late", "in time"]]
    assert described["brief"] == Filled.brief == "filled {target}"
    assert clauses.flat(Filled.detail) == ("{minutes} late", "{?late}late", "in time")


def test_the_reference_has_the_clauses_of_every_action():
    text = render()
    for cls in (cls for cls in map(find, (row.split("`")[1] for row in text.splitlines() if row.startswith("| `")))):
        assert cls is not None
        for clause in clauses.flat(cls.detail):
            assert clause in text


def test_a_brief_may_be_alternatives_which_are_checked_like_clauses():
    class Adjusted(Action, code="tub.adjusted", label="Adjusted tub", category="services", targets=("tub",),
                   sentence="{actor} adjusted {target}", brief=("drained {-minutes}", "filled {minutes}")):  # fmt: skip
        minutes: Minutes | None = None

    assert Adjusted.brief == ("drained {-minutes}", "filled {minutes}")
    with pytest.raises(TypeError, match=r"prints \{litres\}, which is no field of it"):

        class Wrong(Action, code="tub.wrong", label="Wrong tub", category="services", targets=("tub",),
                    sentence="{actor} adjusted {target}", brief=("drained {litres}",)):  # fmt: skip
            minutes: Minutes | None = None
