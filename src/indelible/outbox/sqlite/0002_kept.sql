-- Documents that were recorded are kept for some days, where the drainer is told so, for a log that is restored from an older backup.
CREATE TABLE IF NOT EXISTS indelible_outbox_kept (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    clinic TEXT NOT NULL,
    action TEXT,
    target_kind TEXT,
    target_id TEXT,
    document TEXT NOT NULL,
    at INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    kept_at INTEGER NOT NULL
);

-- Those that are old enough to go, and one clinic's, are found without reading the others.
CREATE INDEX IF NOT EXISTS indelible_outbox_kept_since ON indelible_outbox_kept (kept_at);
CREATE INDEX IF NOT EXISTS indelible_outbox_kept_clinic ON indelible_outbox_kept (clinic);
CREATE INDEX IF NOT EXISTS indelible_outbox_held_clinic ON indelible_outbox_held (clinic);

UPDATE indelible_outbox_identity SET version = max(version, 2);
