"""One migration for each numbered file of the outbox's SQL."""
