"""A clinic's host in Django, with the outbox in its own database: SQLite, or PostgreSQL where PGDATABASE is set."""
