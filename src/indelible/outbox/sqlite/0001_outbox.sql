-- The outbox in a host's own SQLite file. A host inserts (clinic, document); the log's process reads and deletes.
-- No STRICT and no newer function: the host's SQLite reads this schema too, and may be an older one.
CREATE TABLE IF NOT EXISTS indelible_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- A random UUID. The entry is recorded under it where the document has no key of its own.
    key TEXT NOT NULL DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
            || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(key) = 36),
    clinic TEXT NOT NULL CHECK (length(clinic) BETWEEN 1 AND 64),
    action TEXT,
    target_kind TEXT,
    target_id TEXT,
    document TEXT NOT NULL
        CHECK (typeof(document) = 'text' AND length(CAST(document AS BLOB)) <= 49152 AND json_valid(document)),
    -- Microseconds since 1970 UTC; SQLite's own clock has milliseconds.
    at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000)
        CHECK (typeof(at) = 'integer'),
    imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1)),
    erasure INTEGER NOT NULL DEFAULT 0 CHECK (erasure IN (0, 1))
);

-- A clinic's next rows are found without reading the thousands that another one has waiting.
CREATE INDEX IF NOT EXISTS indelible_outbox_order ON indelible_outbox (imported, clinic, id);

CREATE TRIGGER IF NOT EXISTS indelible_outbox_unchanged BEFORE UPDATE ON indelible_outbox
BEGIN
    SELECT RAISE(ABORT, 'a document in the outbox cannot be changed; put another one in');
END;

-- Documents that could not be recorded, until they can be or somebody corrects them.
CREATE TABLE IF NOT EXISTS indelible_outbox_held (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    clinic TEXT NOT NULL,
    action TEXT,
    target_kind TEXT,
    target_id TEXT,
    document TEXT NOT NULL,
    at INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    erasure INTEGER NOT NULL,
    reason TEXT NOT NULL,
    final INTEGER NOT NULL,
    held_at INTEGER NOT NULL
);

-- One row: which outbox this is, and the number of the last file of this folder that was applied.
CREATE TABLE IF NOT EXISTS indelible_outbox_identity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    outbox TEXT NOT NULL,
    version INTEGER NOT NULL
);

INSERT INTO indelible_outbox_identity SELECT 1, lower(hex(randomblob(16))), 1
    WHERE NOT EXISTS (SELECT 1 FROM indelible_outbox_identity);
