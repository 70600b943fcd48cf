-- Every table leads with clinic_id, so that the same tables can be distributed on another engine.
-- Instants are integers: microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE indelible_installation (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    name          TEXT NOT NULL,            -- first part of every log origin
    master_key    TEXT NOT NULL,            -- fingerprint of the master key that wraps the clinics' keys
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE indelible_clinic (
    clinic_id     TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    time_zone     TEXT NOT NULL,
    origin        TEXT NOT NULL UNIQUE,
    vkey          TEXT NOT NULL,            -- public half of the signing key, as a signed-note verifier key
    nobody        BLOB NOT NULL,            -- token that owns the values which concern no person
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE indelible_key (
    clinic_id     TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('data', 'lookup', 'signing')),
    number        INTEGER NOT NULL,
    wrapped       BLOB NOT NULL,
    PRIMARY KEY (clinic_id, kind, number)
) STRICT;

CREATE TABLE indelible_head (
    clinic_id     TEXT PRIMARY KEY,
    size          INTEGER NOT NULL,
    frontier      BLOB NOT NULL,            -- compact range: 32 bytes for each perfect subtree, left to right
    root          BLOB NOT NULL,
    recorded_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE indelible_entry (
    clinic_id     TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    id            BLOB NOT NULL,
    occurred_at   INTEGER NOT NULL,
    recorded_at   INTEGER NOT NULL,
    action        TEXT NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor         BLOB,                     -- token of a person, or the UTF-8 id of an integration
    target_kind   TEXT,
    target        BLOB,                     -- token of a person, or the UTF-8 id
    amount_minor  INTEGER,
    currency      TEXT,
    body          BLOB NOT NULL,            -- exactly what the leaf hash covers
    leaf_hash     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX indelible_entry_seq ON indelible_entry (clinic_id, seq);
CREATE UNIQUE INDEX indelible_entry_id ON indelible_entry (clinic_id, id);
CREATE INDEX indelible_entry_time ON indelible_entry (clinic_id, occurred_at, seq);
CREATE INDEX indelible_entry_actor ON indelible_entry (clinic_id, actor_kind, actor, occurred_at, seq);
CREATE INDEX indelible_entry_action ON indelible_entry (clinic_id, action, occurred_at, seq);

CREATE TABLE indelible_personal (
    clinic_id     TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    token         BLOB NOT NULL,
    class         TEXT NOT NULL,
    sealed        BLOB NOT NULL,
    PRIMARY KEY (clinic_id, seq, token, class)
) STRICT, WITHOUT ROWID;
CREATE INDEX indelible_personal_token ON indelible_personal (clinic_id, token, class, seq);

CREATE TABLE indelible_person (
    clinic_id     TEXT NOT NULL,
    token         BLOB NOT NULL,
    lookup        BLOB NOT NULL,
    sealed        BLOB NOT NULL,
    PRIMARY KEY (clinic_id, token)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX indelible_person_lookup ON indelible_person (clinic_id, lookup);

CREATE TABLE indelible_link (
    clinic_id     TEXT NOT NULL,
    kind          TEXT NOT NULL,
    ref           BLOB NOT NULL,
    occurred_at   INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    role          TEXT NOT NULL,
    PRIMARY KEY (clinic_id, kind, ref, occurred_at, seq, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE indelible_idempotency (
    clinic_id     TEXT NOT NULL,
    key           BLOB NOT NULL,            -- HMAC of the host's key
    seq           INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE indelible_checkpoint (
    clinic_id     TEXT NOT NULL,
    size          INTEGER NOT NULL,
    root          BLOB NOT NULL,
    frontier      BLOB NOT NULL,
    note          BLOB NOT NULL,            -- the signed note, verbatim
    signed_at     INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, size)
) STRICT, WITHOUT ROWID;

-- The database itself refuses change. An INSERT OR REPLACE deletes without firing DELETE triggers, hence the third kind.
CREATE TRIGGER indelible_entry_no_update BEFORE UPDATE ON indelible_entry
BEGIN SELECT RAISE(ABORT, 'indelible: an entry cannot be changed'); END;
CREATE TRIGGER indelible_entry_no_delete BEFORE DELETE ON indelible_entry
BEGIN SELECT RAISE(ABORT, 'indelible: an entry cannot be deleted'); END;
CREATE TRIGGER indelible_entry_no_replace BEFORE INSERT ON indelible_entry
WHEN EXISTS (SELECT 1 FROM indelible_entry WHERE clinic_id = NEW.clinic_id AND seq = NEW.seq)
  OR EXISTS (SELECT 1 FROM indelible_entry WHERE clinic_id = NEW.clinic_id AND id = NEW.id)
  OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM indelible_entry WHERE rowid = NEW.rowid)) -- -1 where none is given
BEGIN SELECT RAISE(ABORT, 'indelible: an entry cannot be replaced'); END;
CREATE TRIGGER indelible_checkpoint_no_update BEFORE UPDATE ON indelible_checkpoint
BEGIN SELECT RAISE(ABORT, 'indelible: a checkpoint cannot be changed'); END;
CREATE TRIGGER indelible_checkpoint_no_delete BEFORE DELETE ON indelible_checkpoint
BEGIN SELECT RAISE(ABORT, 'indelible: a checkpoint cannot be deleted'); END;
CREATE TRIGGER indelible_checkpoint_no_replace BEFORE INSERT ON indelible_checkpoint
WHEN EXISTS (SELECT 1 FROM indelible_checkpoint WHERE clinic_id = NEW.clinic_id AND size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'indelible: a checkpoint cannot be replaced'); END;
