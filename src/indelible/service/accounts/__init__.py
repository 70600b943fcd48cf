"""Who signs in, and where they may what: Django tables of their own, with an outbox in the same file."""
