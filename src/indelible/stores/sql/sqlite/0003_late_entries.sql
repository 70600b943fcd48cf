-- Entries that the log took more than an hour after they happened, in order of time: they are few, but for an import.
-- Who and what stand in it too, so that these are checked without reading the rows.
CREATE INDEX indelible_entry_late ON indelible_entry (clinic_id, occurred_at, seq, action, actor_kind, actor)
    WHERE recorded_at - occurred_at > 3600000000;
