"""A second engine, without SQL, passes the contract of every store: so nothing behind the door is SQLite's alone."""

from __future__ import annotations

import inspect

import pytest

from indelible import Journal, Staff, stores
from indelible.export.bundling import export_complete
from indelible.manage.lifetime import close_clinic
from indelible.stores import contract
from indelible.stores.contract import Installation
from indelible.testing.dictionary_store import DictionaryAppending, DictionaryRows, DictionaryStore
from indelible.testing.logs import Clock, assert_intact, event
from indelible.testing.store_contract import StoreContract


class TestDictionaries(StoreContract):
    @pytest.fixture
    def store(self):
        return DictionaryStore(Installation("log.example.org", "0123456789abcdef"))


def test_a_whole_log_lives_on_dictionaries(tmp_path, monkeypatch):
    made: list[DictionaryStore] = []
    monkeypatch.setattr(stores, "create", lambda url, installation: made.append(DictionaryStore(installation)))
    monkeypatch.setattr(stores, "open_store", lambda url: made[0])
    with Journal.create(tmp_path / "activity.db", installation="log.example.org", clock=Clock()) as journal:
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        for number in range(1, 301):
            log.record_document(event(number, key=f"k-{number}"))
        assert log.record_document(event(7, key="k-7")).repeated
        log.rename("Lisboa", actor=Staff("usr_1"))
        assert [view.seq for view in log.read("client:cli_77 target:booking/bk_9")] == [9]
        log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
        assert log.scrub() == 1
        assert log.entry(9).states["client.name"] == "erased"
        export_complete(log, tmp_path / "all.zip", actor=Staff("usr_1"))
        assert_intact(log)
        close_clinic(journal, "c_lisbon", tmp_path / "final.zip", actor=Staff("usr_1"))
        assert list(log.shared.store.keys("c_lisbon")) == []
    assert not (tmp_path / "activity.db").exists()


def methods(protocol) -> set[str]:
    return {name for name, one in vars(protocol).items() if inspect.isfunction(one) and not name.startswith("_")}


def test_the_contract_has_at_most_28_methods():
    roles = (contract.Rows, contract.Appending, contract.Store)
    assert all(methods(one) for one in roles)
    assert sum(len(methods(one)) for one in roles) <= 28


@pytest.mark.parametrize(
    ("made", "roles"),
    [
        (DictionaryRows, [contract.Rows]),
        (DictionaryAppending, [contract.Appending]),
        (DictionaryStore, [contract.Store]),
    ],
)
def test_an_engine_has_no_method_that_the_contract_does_not_ask_for(made, roles):
    assert methods(made) == set().union(*map(methods, roles))
