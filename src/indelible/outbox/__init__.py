"""The outbox: a table in a host's own database, where documents wait for the log.

A host puts a document into it in its own transaction, so that the document commits or rolls back with the change it
tells of. The log's process takes it from there (`drain.py`): append, then delete. The host never waits for the log and
needs none of its keys.
"""
