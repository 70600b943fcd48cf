"""From a host's outbox into the log: taken, appended, and only then removed there."""
