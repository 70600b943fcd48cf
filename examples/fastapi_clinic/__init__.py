"""A clinic's host: FastAPI and SQLAlchemy on PostgreSQL, with the outbox in its own database.

    tables      what the clinic keeps, and what each thing says of itself in the log
    clinic      what can be done, each in one transaction with the documents that tell of it
    app         the same over HTTP: who acts, where from, and one session a request

Run it, on a database that has these tables and the outbox:

    DATABASE_URL=postgresql+asyncpg://… uvicorn --factory fastapi_clinic.app:from_environment
"""
