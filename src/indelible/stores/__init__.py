"""Database engines. Each module implements `indelible.store.Store` in its own SQL; only the contract is shared."""
