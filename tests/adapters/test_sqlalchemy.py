"""Recording in SQLAlchemy's sessions: one call for Session and AsyncSession, and nothing commits without its entry."""

from __future__ import annotations

import contextlib
import json
import threading

import pytest
import sqlalchemy
from sqlalchemy import event as events
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

from indelible import InvalidInput, Staff, System
from indelible.catalogue.account import LoginFailed
from indelible.catalogue.bookings import BookingCancelled, BookingCreated
from indelible.errors import StorageFailure
from indelible.sqlalchemy import Recorder
from indelible.testing.logs import event

MARIA = Staff("usr_12", "Maria Fernandes")
WRONG = ("room", "r_1")
log = Recorder("c_lisbon", actor=lambda: MARIA)


class Base(DeclarativeBase):
    pass


class Booking(Base):
    __tablename__ = "booking"
    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: "bk_made")
    state: Mapped[str] = mapped_column(default="booked")

    def activity_target(self):
        return ("booking", self.id)


@pytest.fixture
def engine(host):
    made = sqlalchemy.create_engine(host.alchemy("pysqlite" if host.engine == "sqlite" else "psycopg"))
    if host.engine == "sqlite":
        _begin_in_earnest(made)
    yield made
    made.dispose()


def _begin_in_earnest(engine):
    """pysqlite begins a transaction with the first change only, and a savepoint before that would not nest."""

    @events.listens_for(engine, "connect")
    def no_begin_of_its_own(connection, _):
        connection.isolation_level = None

    @events.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")


def book(session, booking):
    session.add(made := Booking(id=booking))
    log.record(session, BookingCreated(), target=made)


def test_a_change_and_its_document_are_committed_together(host, engine):
    with Session(engine) as session, session.begin():
        book(session, "bk_1")
        assert host.waiting() == []
    assert host.bookings() == host.waiting("target_id") == ["bk_1"]


def test_a_change_and_its_document_are_rolled_back_together(host, engine):
    with pytest.raises(ZeroDivisionError), Session(engine) as session, session.begin():
        book(session, "bk_1")
        raise ZeroDivisionError
    assert host.bookings() == host.waiting() == []


def test_a_new_object_has_its_id_before_it_is_told_of(host, engine):
    with Session(engine) as session, session.begin():
        session.add(made := Booking())
        key = log.record(session, BookingCreated(), target=made)
    assert host.waiting("target_id") == ["bk_made"]
    assert [str(one) for one in host.waiting("key")] == [key]


def test_a_savepoint_that_is_rolled_back_takes_its_document_with_it(host, engine):
    with Session(engine) as session, session.begin():
        book(session, "bk_1")
        with contextlib.suppress(ZeroDivisionError), session.begin_nested():
            book(session, "bk_2")
            raise ZeroDivisionError
        book(session, "bk_3")
    assert host.bookings() == host.waiting("target_id") == ["bk_1", "bk_3"]


def test_that_a_client_is_back_is_said_with_the_action(host, engine):
    with Session(engine) as session, session.begin():
        log.record(session, BookingCreated(), target=("booking", "bk_1"), returned=True)
    (document,) = host.waiting("document")
    assert (document if isinstance(document, dict) else json.loads(document))["returned"] is True


# What was refused


def swallow(session, **options):
    with contextlib.suppress(InvalidInput):
        log.record(session, BookingCancelled(), target=WRONG, **options)


def test_a_refusal_that_was_swallowed_is_raised_when_the_transaction_would_commit(host, engine):
    with pytest.raises(InvalidInput, match=r"target\.kind"), Session(engine) as session, session.begin():
        book(session, "bk_1")
        swallow(session)
        book(session, "bk_2")
    assert host.bookings() == host.waiting() == []


@pytest.mark.parametrize("first", [True, False])
def test_it_is_raised_too_where_the_host_commits_without_a_block(host, engine, first):
    with Session(engine) as session:
        if first:
            swallow(session)
        session.add(Booking(id="bk_1"))
        if not first:
            swallow(session)
        with pytest.raises(InvalidInput):
            session.commit()
        session.rollback()
        book(session, "bk_2")
        session.commit()
    assert host.bookings() == host.waiting("target_id") == ["bk_2"]


def test_after_a_rollback_nothing_is_left_of_a_refusal(host, engine):
    with Session(engine) as session:
        swallow(session)
        session.rollback()
        book(session, "bk_1")
        session.commit()
        swallow(session)
        session.close()
        book(session, "bk_2")
        session.commit()
    assert host.bookings() == ["bk_1", "bk_2"]


def test_a_savepoint_with_a_refusal_is_not_released_and_the_rest_can_be_committed(host, engine):
    with Session(engine) as session, session.begin():
        book(session, "bk_1")
        with contextlib.suppress(InvalidInput), session.begin_nested():
            session.add(Booking(id="bk_2"))
            session.flush()
            swallow(session)
        book(session, "bk_3")
    assert host.bookings() == host.waiting("target_id") == ["bk_1", "bk_3"]


def test_a_refusal_outside_of_a_savepoint_outlives_it(host, engine):
    with pytest.raises(InvalidInput), Session(engine) as session, session.begin():
        session.add(Booking(id="bk_1"))
        swallow(session)
        savepoint = session.begin_nested()
        savepoint.rollback()
    assert host.bookings() == []


def test_one_word_lets_a_change_go_on_without_its_entry(host, engine):
    with Session(engine) as session, session.begin():
        session.add(Booking(id="bk_1"))
        swallow(session, may_refuse=True)
    assert host.bookings() == ["bk_1"]
    assert host.waiting() == []


def test_nobody_who_acts_is_a_refusal(host, engine):
    with pytest.raises(InvalidInput, match="actor"), Session(engine) as session, session.begin():
        Recorder("c_lisbon").record(session, BookingCancelled(), target=("booking", "bk_1"))


def test_a_database_without_an_outbox_refuses_too(tmp_path):
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with Session(engine) as session:
        with contextlib.suppress(StorageFailure):
            log.record(session, event())
        with pytest.raises(StorageFailure, match="indelible outbox sql"):
            session.commit()
    engine.dispose()


# Apart


def test_what_failed_survives_the_rollback_of_its_request(host, engine):
    with pytest.raises(ZeroDivisionError), Session(engine) as session, session.begin():
        session.execute(sqlalchemy.text("SELECT count(*) FROM booking"))
        log.record(session, LoginFailed(), target=("staff", "usr_9"), actor=System("job:sign-in"), apart=True)
        assert host.waiting() == ["account.login_failed"]
        raise ZeroDivisionError
    assert host.waiting() == ["account.login_failed"]


def test_what_is_refused_apart_tells_of_no_change_here_and_does_not_stop_the_commit(host, engine):
    with Session(engine) as session, session.begin():
        swallow(session, apart=True)
        book(session, "bk_1")
    assert host.bookings() == host.waiting("target_id") == ["bk_1"]


def test_a_pool_of_one_connection_has_nothing_apart(tmp_path):
    engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    with Session(engine) as session, pytest.raises(InvalidInput, match="apart: needs a second connection"):
        log.record(session, event(), apart=True)
    engine.dispose()


# Waking, scopes, several databases


def test_the_drainer_is_woken_after_a_commit_that_recorded_and_only_then(host, engine):
    woken = []
    waking = Recorder("c_lisbon", wake=lambda: woken.append(host.waiting("target_id")))
    with Session(engine) as session:
        session.add(Booking(id="bk_1"))
        session.commit()
        waking.record(session, event(1))
        session.rollback()
        with session.begin_nested():
            waking.record(session, event(2))
        waking.record(session, event(3))
        assert woken == []
        session.commit()
        session.add(Booking(id="bk_2"))
        session.commit()
    assert woken == [["bk_2", "bk_3"]]


def test_a_waker_that_fails_does_not_make_a_commit_look_failed(host, engine):
    failing = Recorder("c_lisbon", wake=lambda: 1 // 0)
    with Session(engine) as session, session.begin():
        failing.record(session, event())
    assert host.waiting() == ["booking.cancelled"]


def test_an_event_of_threading_wakes(engine):
    due = threading.Event()
    with Session(engine) as session, session.begin():
        Recorder("c_lisbon", wake=due.set).record(session, event())
    assert due.is_set()


def test_a_scoped_session_is_the_session_of_its_thread(host, engine):
    scoped = scoped_session(sessionmaker(engine))
    log.record(scoped, event())
    scoped.commit()
    scoped.remove()
    assert host.waiting() == ["booking.cancelled"]


def test_the_outbox_is_that_of_the_targets_own_database(host, engine, tmp_path):
    elsewhere = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    with Session(elsewhere, binds={Booking: engine}) as session, session.begin():
        book(session, "bk_1")
    assert host.waiting("target_id") == ["bk_1"]
    elsewhere.dispose()


def test_a_host_may_record_from_after_flush(host, engine):
    factory = sessionmaker(engine)

    @events.listens_for(factory, "after_flush")
    def tell(session, _):
        for made in session.new:
            log.record(session, BookingCreated(), target=made)

    with factory() as session, session.begin():
        session.add(Booking(id="bk_1"))
    assert host.waiting("target_id") == ["bk_1"]


def test_a_refusal_that_was_swallowed_in_the_flush_of_a_commit_is_raised(host, engine):
    factory = sessionmaker(engine)

    @events.listens_for(factory, "after_flush")
    def tell(session, _):
        swallow(session)

    with pytest.raises(InvalidInput), factory() as session:
        session.add(Booking(id="bk_1"))
        session.commit()
    assert host.bookings() == []


def test_history_is_marked_as_imported(host, engine):
    with Session(engine) as session, session.begin():
        log.record_imported(session, event(occurred_at="2019-03-04T09:00:00Z"), clinic="c_porto")
    assert [bool(one) for one in host.waiting("imported")] == [True]
    assert host.waiting("clinic") == ["c_porto"]


def test_a_block_has_what_a_session_recorded_in_it(host, engine, recorded):
    with Session(engine) as session:
        log.record(session, event(1))
        with recorded(session) as documents:
            book(session, "bk_2")
        session.rollback()
    assert [one["target"]["id"] for one in documents] == ["bk_2"]


@pytest.mark.parametrize("wrong", [None, "session", object()])
def test_what_is_no_session_is_refused(wrong):
    with pytest.raises(InvalidInput, match="must be a Session"):
        log.record(wrong, event())
