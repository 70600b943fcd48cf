"""A narrowed session answers as a log would that had nothing but the entries which refer to what it is narrowed to.

So each reading is asked twice: of a narrowed session of a whole log, and of a whole session of a log that was given no
other documents. Entries are told apart by when they occurred, people by realm and id; numbers and tokens differ.
"""

from __future__ import annotations

import inspect
import pkgutil
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest

import indelible.read
from indelible import catalogue
from indelible.catalogue.recognition import DEVICE, NETWORK
from indelible.errors import InvalidInput, InvalidQuery, NotFound
from indelible.format import instant
from indelible.format.instant import format as canonical
from indelible.read import digest, filter_names, habits, merging, searching, selecting, story, suggesting, tallying
from indelible.read.actors import acting
from indelible.read.only import Only
from indelible.read.query import Choice, Query
from indelible.read.selecting import NO_THINGS
from indelible.read.session import Session
from indelible.read.suggesting import Spoken
from indelible.read.unusual import unusual
from indelible.record import document
from indelible.record.document import Staff
from indelible.stores.contract import Before, Reference, Selection
from indelible.testing.logs import START

EUR = {"currency": "EUR"}
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1"
ANA, BRUNO, CARLA = ({"id": f"cli_{n}", "name": name} for n, name in
                     ((1, "Ana Sousa"), (2, "Bruno Lima"), (3, "Carla Sousa")))  # fmt: skip
MARIA = {"kind": "staff", "id": "usr_1", "name": "Maria Fernandes", "role": "owner"}
RUI = {"kind": "staff", "id": "usr_2", "name": "Rui Sousa", "role": "staff"}
HELP = {"kind": "support", "id": "sup_1", "name": "Sofia Help"}
STRIPE = {"kind": "integration", "id": "stripe"}
AGENT = {"kind": "agent", "id": "bot_1", "name": "Bot"}
SYSTEM = {"kind": "system", "reason": "job:x"}

ONLYS = [Only("client", "cli_1"), Only("client", "cli_2"), Only("booking", "bk_1"), Only("staff", "usr_1"),
         Only("staff", "usr_2"), Only("client", "cli_0"), Only("booking", "bk_0"), Only("client", "usr_1")]  # fmt: skip
HIDDEN = [frozenset[str](), frozenset({"account", "log", "settings", "other"})]


def _said(action, actor, target=None, ip="203.0.113.9", agent=LINUX, **members):
    made = {"action": action, "actor": actor, "request": {"ip": ip, "user_agent": agent}} | members
    return made | ({"target": target} if target else {})


def _of(kind, id, **more):
    return {"kind": kind, "id": id} | more


def _account(who, action="account.logged_in", **more):
    return _said(action, who, _of(who["kind"], who["id"]), context={}, **more)


DOCUMENTS: list[dict[str, Any]] = [
    _said("service.created", MARIA, _of("service", "srv_1", name="Facial"), context={"price_minor": 5000} | EUR),
    _said("service.created", MARIA, _of("service", "srv_2", name="Massage"), context={"price_minor": 7000} | EUR),
    _said("service.created", RUI, _of("service", "srv_3", name="Face lift"), context={}),
    _said("client.created", MARIA, _of("client", **ANA), context={"method": "staff"}),
    _said("client.created", RUI, _of("client", **BRUNO), context={"method": "staff"}),
    _said("client.created", RUI, _of("client", **CARLA), context={"method": "staff"}),
    _said("booking.created", {"kind": "client"} | ANA, _of("booking", "bk_1"), operation="op_1",
          context={"starts_at": "2026-05-02T09:00:00Z", "service": "srv_1", "service_name": "Facial"}),
    _said("booking.created", RUI, _of("booking", "bk_2"), client=BRUNO,
          context={"starts_at": "2026-05-02T10:00:00Z", "practitioner": {"id": "usr_1", "name": "Maria Fernandes"}}),
    _said("charge.succeeded", STRIPE, _of("charge", "chg_1"), client=ANA, operation="op_1",
          context={"amount_minor": 5000, "booking": "bk_1", "stripe_charge": "ch_1"} | EUR),
    _said("charge.succeeded", STRIPE, _of("charge", "chg_2"), client=BRUNO,
          context={"amount_minor": 7000, "booking": "bk_2", "stripe_charge": "ch_2"} | EUR),
    _said("charge.refunded", SYSTEM, _of("refund", "re_1"), context={"amount_minor": 900, "charge": "chg_1",
          "source": "stripe"} | EUR),
    _said("charge.refunded", MARIA, _of("refund", "re_2"), client=BRUNO, people=[ANA | {"role": "payer"}],
          context={"amount_minor": 800, "charge": "chg_2", "source": "staff"} | EUR),
    _said("booking.cancelled", AGENT | {"on_behalf_of": {"kind": "client"} | BRUNO}, _of("booking", "bk_2"),
          client=BRUNO, operation="op_2", context={"late": True, "reason_text": "called about bk_1"}),
    _said("booking.rescheduled", HELP, _of("booking", "bk_1"), client=ANA, operation="op_3",
          context={"starts_at": {"old": "2026-05-02T09:00:00Z", "new": "2026-05-03T09:00:00Z"}}),
    _said("client.merged", MARIA, _of("client", **ANA), context={"merged": CARLA}),
    _said("client.merged", MARIA, _of("client", **BRUNO), context={"merged": {"id": "cli_4", "name": "Old Lima"}}),
    *(_account(who, ip=ip, agent=agent) for who in (MARIA, RUI, {"kind": "client"} | ANA, {"kind": "client"} | BRUNO)
      for ip, agent in (("203.0.113.9", LINUX), ("203.0.113.9", LINUX), ("192.0.2.44", PHONE))),
    *(_account(RUI, "account.login_failed", ip="198.51.100.7") for _ in range(6)),
    _account(MARIA, "account.two_factor_disabled"),
    _said("account.session_revoked", MARIA, _of("staff", "usr_2", name="Rui Sousa"), context={"cause": "admin"}),
    _said("settings.changed", MARIA, _of("clinic", "c_lisbon"), context={"section": "booking"}),
    _said("service.deleted", RUI, _of("service", "srv_3"), context={"snapshot": {"name": "Face lift"}}),
]  # fmt: skip
# No two happened at once.
for _number, _one in enumerate(DOCUMENTS):
    _one["occurred_at"] = canonical(START - 30 * instant.DAY + _number * 5 * 60_000_000)

WORDS = ["", "category:bookings", "client:cli_1", "client:cli_2", "about:booking/bk_1", "about:bk_2", "actor:usr_1",
         "actor:staff", "-actor:usr_1", "-about:bk_1", "action:charge.refunded", "operation:op_1", "stripe:ch_2",
         "recorded:late", "only:client/cli_1 only:booking/bk_1", "from:2026-04-01 to:2026-04-05", "target:client/cli_2",
         "Sousa", "Bruno", "Maria", "late", '"called about"', "-Ana", "bk_2", "cli_2", "ch_2", "chg_1", "Facial",
         "70.00", "203.0.113.", "Sofia in:text", "recorded:#3..", "-Bruno Maria"]  # fmt: skip
NAMES = ("Sousa", "Bruno", "Maria", "-Bruno Maria")
TYPED = ["sou", "bru", "mar", "rui", "an", "fac", "mass", "lift", "bk_1", "bk_2", "cli_1", "cli_2", "ch_1", "ch_2",
         "chg_2", "op_1", "op_2", "book", "refund", "50.00", "70", "192.0.2.", "car", "sof", "usr_1"]  # fmt: skip
SUBJECTS = ["client/cli_1", "client/cli_2", "client/cli_3", "booking/bk_1", "booking/bk_2", "bk_2", "charge/chg_1",
            "charge/chg_2", "refund/re_1", "service/srv_1", "service/srv_3", "staff/usr_1", "staff/usr_2", "cli_4",
            "support/sup_1", "room/7"]  # fmt: skip
PEOPLE = [("client", f"cli_{n}") for n in range(5)] + [("staff", "usr_1"), ("staff", "usr_2"), ("support", "sup_1")]
THINGS = [("booking", "bk_1"), ("booking", "bk_2"), ("charge", "chg_1"), ("charge", "chg_2"), ("operation", "op_2"),
          ("service", "srv_1"), ("service", "srv_3"), ("refund", "re_2")]  # fmt: skip


def refers(said: dict[str, Any], only: Only) -> bool:
    """The reference: whether a document names the thing, in whatever part."""
    actor, target, context = said["actor"], said.get("target", {}), said.get("context", {})
    named = {(one["kind"], one["id"]) for one in (actor, target, actor.get("on_behalf_of", {})) if "id" in one}
    named |= {("client", one["id"]) for one in (said.get("client"), context.get("merged")) if one}
    named |= {("client", one["id"]) for one in said.get("people", ())}
    named |= {("staff", one["id"]) for one in (context.get("practitioner"),) if one}
    named |= {("booking", context["booking"])} if "booking" in context else set()
    return (only.kind, only.id) in named


def category(said):
    declared = catalogue.find(said["action"])
    assert declared is not None
    return declared.category


def fill(log, documents):
    if documents:
        log.append([log.draft(document.parse(one)) for one in documents])
    return log


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    from indelible.journal import Journal
    from indelible.testing.logs import Clock, assert_intact

    journal = Journal.create(tmp_path_factory.mktemp("log") / "a.db", installation="log.example.org", clock=Clock())
    fill(journal.add_clinic("whole", name="Lisbon", zone="Europe/Lisbon"), DOCUMENTS)
    for number, only in enumerate(ONLYS):
        for which, hidden in enumerate(HIDDEN):
            part = journal.add_clinic(f"part_{number}_{which}", name="Lisbon", zone="Europe/Lisbon")
            fill(part, [one for one in DOCUMENTS if refers(one, only) and category(one) not in hidden])
    yield journal
    for clinic, _ in journal.clinics():
        journal.clinic(clinic.id).checkpoint()
        assert_intact(journal.clinic(clinic.id))
    journal.close()


class Pair:
    """A narrowed session of the whole log, and a whole session of the log that has nothing else."""

    def __init__(self, journal, number, hidden):
        self.only, self.log = ONLYS[number], journal.clinic("whole")
        self.narrowed = self.log.reading(hidden=hidden, only=self.only)
        self.part = journal.clinic(f"part_{number}_{HIDDEN.index(hidden)}").reading()


@pytest.fixture(params=range(len(ONLYS)), ids=lambda number: ONLYS[number].value)
def pair(request, whole, hidden):
    return Pair(whole, request.param, hidden)


@pytest.fixture(params=HIDDEN, ids=lambda hidden: ",".join(sorted(hidden)) or "all")
def hidden(request):
    return request.param


# What a reading answers, in words that two logs share


def at(views):
    return [view.occurred_at for view in views]


def whom(session, tokens):
    """People by realm and id, with what they are called here."""
    known = session.people(sorted(tokens))
    return sorted((one["realm"], one["id"]) for one in known.values())


def or_refused(ask):
    try:
        return ask()
    except (NotFound, InvalidQuery) as error:
        return type(error), str(error)


def paged(session, words):
    def ask():
        found, after = [], None
        while True:
            page = session.page(words, after=after, limit=3)
            found += at(page.views)
            if (after := page.older) is None:
                return found

    return or_refused(ask)


def selections(session):
    yield Selection(session.up_to)
    yield Selection(session.up_to, actions=("charge.succeeded", "charge.refunded", "account.logged_in"))
    yield Selection(session.up_to, actors=(("staff", None), ("system", None)))
    yield from (Selection(session.up_to, references=((Reference(kind, one.encode()),),)) for kind, one in THINGS)
    yield from (session.select(session.parse(words)) for words in ("client:cli_1", "about:usr_1 category:account"))


EDGES = [instant.EARLIEST, *(START - 30 * instant.DAY + n * 3_600_000_000 for n in range(5)), instant.LATEST]


def actors(session, limit):
    return sorted((kind, *(whom(session, [ref]) if kind in ("client", "staff", "support") else [ref]))
                  for kind, ref in session.actors(limit))  # fmt: skip


def asked(session):
    """The filters, but of numbers. A name is looked for in the texts of a narrowed session: where a whole one knows it,
    that is asked to do so too."""
    for words in WORDS:
        if not words.startswith("recorded:#"):
            yield words if session.only or words not in NAMES else f"{words} in:text"


MATRIX = {
    "actions": lambda session: sorted(session.actions),
    "kinds": lambda session: sorted(set(session.kinds) - NO_THINGS),
    "actors": lambda session: actors(session, 200),
    "vocabulary": lambda session: (dict(session.vocabulary.categories), sorted(session.vocabulary.actions())),
    "codes": lambda session: sorted(session.codes(("bookings", "other", "account"))),
    "parse": lambda session: [or_refused(lambda words=words: session.parse(words)) for words in WORDS],
    "resolve": lambda session: session.resolve(session.parse("from:today")),
    "days": lambda session: session.days(session.parse("from:-7d to:today")),
    "token": lambda session: [one for one in PEOPLE if session.token(*one) is not None],
    "people": lambda session: whom(session, [token for one in PEOPLE if (token := session.token(*one))]),
    "select": lambda session: [session.few(session.select(session.parse(words)), 99) for words in WORDS[:17]],
    "seek": lambda session: [session.few(session.seek(words).selection, 99) for words in WORDS[:17]],
    "moments": lambda session: [[one.occurred_at for one in session.moments(each, 99)] for each in selections(session)],
    "counts": lambda session: [list(session.counts(each, EDGES)) for each in selections(session)],
    "few": lambda session: [session.few(each, limit) for each in selections(session) for limit in (1, 99)],
    "amounts": lambda session: [list(session.amounts(each)) for each in selections(session)],
    "amounts_between": lambda session: [
        [list(some) for some in session.amounts_between(each, EDGES)] for each in selections(session)
    ],
    "stored": lambda session: [
        [row.occurred_at for row in session.stored(each, before, 99)]
        for each in selections(session) for before in (None, (START - 30 * instant.DAY + 3_600_000_000, 1))
    ],
    "read": lambda session: [at(session.read(words)) for words in asked(session)],
    "views": lambda session: [at(session.views(each)) for each in selections(session)],
    "tested": lambda session: [
        [(row.occurred_at, has) for row, has in session.tested(each, searching.Words(("late",), ("Ana",)))]
        for each in selections(session)
    ],
    "page": lambda session: [paged(session, words) for words in asked(session)],
    "open": lambda session: [view.sentence for view in session.open(session.stored(Selection(99), None, 99))],
}  # fmt: skip
# Asked in a test of their own, as numbers, ids and tokens are of one log.
BY_THEMSELVES = {"entry", "seq_of", "size", "up_to", "begin", "named", "linked", "known", "narrow", "has_person"}
# What a log says of itself and not of its entries; of these numbers a proof and every page is made.
OF_THE_LOG = {
    "clinic", "state", "sealer", "now", "hidden", "only", "name", "zone", "today", "day", "last_checkpoint",
    "first_recorded", "search_limit", "answer_within",
}  # fmt: skip


@pytest.mark.parametrize("method", MATRIX)
def test_a_method_answers_as_a_log_that_has_nothing_else(pair, method):
    ask = MATRIX[method]
    assert ask(pair.narrowed) == ask(pair.part)


def test_every_public_member_of_a_session_is_asked(whole):
    session = whole.clinic("whole").reading()
    public = {name for name in (*dir(Session), *vars(session)) if not name.startswith("_")}
    assert public == MATRIX.keys() | BY_THEMSELVES | OF_THE_LOG


def test_an_entry_is_opened_by_number_and_id_where_it_is_of_the_thing(pair):
    seen = set(at(pair.part.read()))
    for view in pair.log.reading().read():
        for which in (view.seq, view.id, view.id.replace("-", "")):
            assert (or_refused(lambda which=which: pair.narrowed.entry(which).id) == view.id) is (
                view.occurred_at in seen
            )
        assert pair.narrowed.seq_of(view.id) == (view.seq if view.occurred_at in seen else None)
    for which in (0, -1, 10**6, "", "0" * 32):
        with pytest.raises(NotFound):
            pair.narrowed.entry(which)


def test_the_size_is_the_highest_number_that_is_seen(pair):
    assert pair.narrowed.size == pair.narrowed.up_to == max((view.seq for view in pair.narrowed.read()), default=0)
    assert pair.narrowed.page("").up_to == pair.narrowed.up_to


def test_a_name_finds_whom_it_is_of_and_who_acts_in_it(pair):
    acts = {one.id for one in acting(pair.part)}
    for words in ("Sousa", "Bruno", "Maria", "Rui", "Carla", "Sofia"):
        named = {one for _, one in whom(pair.narrowed, pair.narrowed.named(words))}
        in_part = {one for _, one in whom(pair.part, pair.part.named(words))}
        assert named == in_part & (acts | {pair.only.id})
        begun = pair.narrowed.begin(words[:3], 10)
        assert begun.how_many == len(begun.people)
        assert {one for _, one in whom(pair.narrowed, begun.people)} == named
        for page in (pair.narrowed.page(words), pair.narrowed.page(f"{words} in:text")):
            assert all(one.people <= len(named) for one in page.looked_up)


def test_what_the_clinic_offers_is_found_by_name_where_something_refers_to_it(pair):
    for words in ("fac", "mass", "lift"):
        offered = pair.log.reading().begin(words, 10).offered
        referred = [one for one in offered if pair.part.few(Selection(99, references=(
            (Reference(one.kind, one.id.encode()),),)), 1)]  # fmt: skip
        assert list(pair.narrowed.begin(words, 10).offered) == referred
        assert list(pair.narrowed.begin(words, 1).offered) == referred[:1]


def test_other_clients_are_called_nothing_but_what_entries_call_them(pair):
    for realm, host_id in PEOPLE:
        if (token := pair.narrowed.token(realm, host_id)) is not None:
            person = pair.narrowed.people([token])[token]
            assert ("name" in person) is (realm != "client" or host_id == pair.only.id)


def test_devices_are_those_of_whom_it_is_of(pair):
    sealer, every = pair.narrowed.sealer, pair.log.reading()
    for realm, host_id in PEOPLE:
        if (token := every.token(realm, host_id)) is None:
            continue
        for kind in (DEVICE, NETWORK):
            prefix = sealer.recognised(token, kind)
            asked, before = [(kind, prefix)], [Before(kind, 10**6, instant.LATEST, prefix)]
            own = (realm, host_id) == (pair.only.kind, pair.only.id) and "account" not in pair.narrowed.hidden
            if own or (realm, host_id) != (pair.only.kind, pair.only.id) or "account" in pair.narrowed.hidden:
                known = every.known(asked, each=9, counted=9) if own else []
                assert list(pair.narrowed.known(asked, each=9, counted=9)) == list(known)
                assert list(pair.narrowed.linked(before)) == [own and every.linked(before)[0]]
    assert pair.narrowed.linked([]) == []


def test_the_filter_says_what_it_is_narrowed_to(pair):
    wanted = pair.narrowed.narrow(Query(Choice(clients=frozenset({"cli_2"}))))
    assert wanted.wanted == Choice(clients=frozenset({"cli_2"}), onlys=frozenset({pair.only.value}))
    assert wanted.unwanted.categories == pair.narrowed.hidden
    narrowed = [at(pair.log.read(wanted)), at(pair.narrowed.read(Query(Choice(clients=frozenset({"cli_2"})))))]
    assert narrowed[0] == narrowed[1]


# Everything that is made of a session


def spoken():
    labels = {cls.code: cls.label for cls in catalogue.registered()}
    return Spoken(labels, dict(catalogue.CATEGORIES), [date(2026, 5, 2), date(2026, 5, 3), date(2026, 4, 3)])


def suggested(session):
    """What is suggested for each text, but for clients and what is offered: those have tests of their own."""
    found = {}
    for text in TYPED:
        answer = suggesting.suggest(session, text, spoken())
        found[text] = sorted((one.kind, one.text, one.id, one.count or 0, one.among) for one in answer.found
                             if one.kind not in ("client", "service"))  # fmt: skip
    return found


def stories(session):
    return [or_refused(lambda one=one: [(told.view.occurred_at, told.why) for told in
                                        story.story(session, one).entries]) for one in SUBJECTS]  # fmt: skip


def answered(session):
    def ask(subject):
        known = story.known(story.outline(session, subject), subject.partition("/")[0])
        return at(known.views), known.first and known.first.occurred_at, known.counts

    return [or_refused(lambda one=one: ask(one)) for one in SUBJECTS]


def outlined(session):
    return [or_refused(lambda one=one: [(line.row.occurred_at, line.why) for line in
                                        story.outline(session, one).lines]) for one in SUBJECTS]  # fmt: skip


def is_unusual(session):
    found = [unusual(session, one) for one in ("", "staff/usr_1", "staff/usr_2", "client/cli_1")]
    return [([(item.view.occurred_at, item.signs, item.grave, item.failed, at(item.after), at(item.did))
              for item in one.items], [person.id for person in one.people]) for one in found]  # fmt: skip


def digested(session):
    found = digest.digest_of(session, 1, session.up_to, with_money=True)
    return [(one.kind, one.count, at(one.named)) for one in found.unusual], found.booked, found.cancelled, found.money


def recorded(session, record):
    return [record(session, session.parse(words)) for words in WORDS if not words.startswith("recorded:#")]


FIRST, LAST = date(2026, 4, 1), date(2026, 5, 5)
PLAIN = [words for words in WORDS if words not in (*NAMES, "recorded:#3..")]
FUNCTIONS = {
    "acting": lambda session: list(acting(session)),
    "digest_of": digested,
    "alarming": lambda session: at(view for view, _ in digest.alarming(session, 1, session.up_to)),
    "has_cancellation": lambda session: [
        digest.has_cancellation(session, one) for one in session.read("action:charge.refunded")
    ],
    "without_clients": lambda session: recorded(session, filter_names.without_clients),
    "recordable": lambda session: recorded(session, filter_names.recordable),
    "recordable_of_nobody": lambda session: recorded(session, filter_names.recordable_of_nobody),
    "keepable": lambda session: recorded(session, filter_names.keepable),
    "marks": lambda session: sorted(
        (session.entry(seq).occurred_at, new) for seq, new in habits.marks(session, session.read("")).items()
        if session.only is None or session.only.is_person
    ),
    "merged_with": lambda session: [merging.merged_with(session, f"cli_{number}") for number in range(5)],
    "search": lambda session: [at(session.views(sought.selection, sought.words))
                               for sought in (searching.search(session, session.parse(words)) for words in PLAIN)],
    "select": lambda session: [session.few(selecting.select(session, session.parse(words)), 99) for words in PLAIN],
    "about": lambda session: [{one.kind for one in selecting.about(session, one)} - {"clinic"}
                              for one in ("bk_1", "usr_1", "cli_2", "client/cli_2", "booking/bk_2", "support/sup_1")],
    "known_by": lambda session: [sorted({one.kind for one in selecting.known_by(session, one)})
                                 for one in ("bk_1", "usr_1", "cli_2", "ch_2")],
    "story": stories,
    "outline": outlined,
    "suggest": suggested,
    "count": lambda session: [tallying.count(session, session.parse(words)).entries for words in PLAIN],
    "per_day": lambda session: [tallying.per_day(session, session.parse(words), first=FIRST, last=LAST).days
                                for words in PLAIN],
    "by_period": lambda session: [tallying.by_period(session, session.parse(words),
                                                     [(FIRST, FIRST + timedelta(5)), (FIRST + timedelta(6), LAST)])
                                  .periods for words in PLAIN],
    "totals": lambda session: [tallying.totals(session, session.parse(words)).currencies for words in PLAIN],
    "unusual": is_unusual,
}  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_made_of_a_session_is_as_of_a_log_that_has_nothing_else(pair, function):
    ask = FUNCTIONS[function]
    assert ask(pair.narrowed) == ask(pair.part)


def test_the_answer_above_a_story_is_made_of_what_is_seen(pair):
    assert answered(pair.narrowed) == answered(pair.part)


def test_every_function_that_reads_a_session_is_asked():
    found = set()
    for module in pkgutil.iter_modules(indelible.read.__path__, "indelible.read."):
        for name, one in vars(import_module(module.name)).items():
            if inspect.isfunction(one) and one.__module__ == module.name and not name.startswith("_"):
                first = next(iter(inspect.signature(one).parameters.values()), None)
                if first is not None and first.annotation in ("Session", Session):
                    found.add(name)
    assert found == FUNCTIONS.keys()


def test_of_clients_only_those_are_suggested_to_whom_something_refers_and_by_name_only_whom_it_is_of(pair):
    for text in TYPED:
        for one in suggesting.suggest(pair.narrowed, text, spoken()).found:
            if one.kind == "client":
                assert pair.part.token("client", one.id) is not None
                assert one.id in (text, pair.only.id)
                assert one.text in (one.id, "Ana Sousa", "Bruno Lima") and (
                    one.id == pair.only.id or one.text == one.id
                )


# What it may be narrowed to


@pytest.mark.parametrize("text", ["client", "client/", "charge/chg_1", "", "client/a\nb", "client/" + "x" * 200, "/x"])
def test_what_is_no_client_booking_or_person_is_refused_with_the_mend(text):
    with pytest.raises(InvalidInput, match="only"):
        Only.parse(text)


def test_an_id_may_have_any_letters_that_a_filter_says():
    only = Only.parse('client/a "b"/c')
    assert (only.kind, only.id, only.value) == ("client", 'a "b"/c', 'client/a "b"/c')


def test_of_a_client_who_was_anonymized_nothing_is_seen_and_of_one_who_returned_what_is_new(log, clock):
    fill(log, DOCUMENTS)
    only = Only("client", "cli_1")
    assert list(log.reading(only=only).read())
    log.anonymize("cli_1", requested_by="client", actor=Staff("usr_1", "Maria"))
    gone, never = log.reading(only=only), log.reading(only=Only("client", "cli_0"))
    for method, ask in (MATRIX | FUNCTIONS).items():
        assert ask(gone) == ask(never), method
    clock.advance(3600)
    back = log.record_document(DOCUMENTS[3] | {"occurred_at": canonical(clock.now), "returned": True})
    assert [view.seq for view in log.reading(only=only).read()] == [back.seq]


def test_a_code_that_is_declared_no_more_is_known_where_it_occurs(log, monkeypatch):
    fill(log, DOCUMENTS)
    monkeypatch.setattr("indelible.read.session.registered", lambda: tuple(
        cls for cls in catalogue.registered() if cls.code != "settings.changed"))  # fmt: skip
    monkeypatch.setattr("indelible.read.session.LOOKED_AT", 1)
    for only, known in ((Only("staff", "usr_1"), True), (Only("staff", "usr_2"), False)):
        session = log.reading(only=only)
        for words in ("action:settings.changed", "category:other"):
            found = or_refused(lambda session=session, words=words: len(session.page(words).views))
            assert (found == 1) is known
        assert ("other" in session.vocabulary.categories) is known
        assert not list(log.reading(only=only, hidden=frozenset({"other"})).read(Query(Choice(
            actions=frozenset({"settings.changed"})))))  # fmt: skip


def test_of_more_entries_than_are_looked_at_lists_are_of_the_newest_and_a_filter_finds_all(whole, monkeypatch):
    log, only = whole.clinic("whole"), Only("staff", "usr_1")
    every = log.reading(only=only)
    actions = every.actions
    monkeypatch.setattr("indelible.read.session.LOOKED_AT", 2)
    few = log.reading(only=only)
    assert few.actions == {view.action for view in few.page("", limit=2).views} < actions
    assert few.up_to == log.size
    for words in WORDS:
        if not words.startswith("recorded:#"):
            assert at(few.read(words)) == at(every.read(words)), words
