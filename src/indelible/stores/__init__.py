"""Database engines. Each module implements `indelible.store.Store` in its own SQL; nothing is shared but the contract."""
