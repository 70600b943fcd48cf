-- Every key and index leads with the clinic, so that the same tables can be distributed on another engine.
-- Instants are integers: microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE indelible_installation (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    name          TEXT NOT NULL,            -- first part of every log origin
    master_key    TEXT NOT NULL             -- fingerprint of the master key that wraps the clinics' keys
) STRICT;

-- A clinic has a number here, because it stands in every row and every index.
CREATE TABLE indelible_clinic (
    clinic        INTEGER PRIMARY KEY,
    clinic_id     TEXT NOT NULL UNIQUE,
    origin        TEXT NOT NULL UNIQUE,
    vkey          TEXT NOT NULL,            -- public half of the signing key, as a signed-note verifier key
    nobody        BLOB NOT NULL             -- token that owns the values which concern no person
) STRICT;

CREATE TABLE indelible_key (
    clinic        INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('lookup', 'signing')),
    number        INTEGER NOT NULL,
    wrapped       BLOB NOT NULL,
    PRIMARY KEY (clinic, kind, number)
) STRICT, WITHOUT ROWID;

-- What changes of a clinic, in the row that whoever writes holds.
CREATE TABLE indelible_head (
    clinic        INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    time_zone     TEXT NOT NULL,
    closed_at     INTEGER,                  -- NULL: open
    size          INTEGER NOT NULL,
    frontier      BLOB NOT NULL,            -- compact range: 32 bytes for each perfect subtree, left to right
    root          BLOB NOT NULL,
    recorded_at   INTEGER NOT NULL
) STRICT;

-- An entry: one row that never changes. The columns before the body are what lists are found by.
CREATE TABLE indelible_entry (
    clinic        INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    id            BLOB NOT NULL,
    occurred_at   INTEGER NOT NULL,
    recorded_at   INTEGER NOT NULL,
    action        TEXT NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor         BLOB,                     -- token of a person, or the UTF-8 id of an integration
    amount_minor  INTEGER,
    currency      TEXT,
    body          BLOB NOT NULL,            -- exactly what the leaf hash covers
    sealed        BLOB NOT NULL             -- the personal values, a part for each group; scrubbed parts are gone
) STRICT;
CREATE UNIQUE INDEX indelible_entry_seq ON indelible_entry (clinic, seq);
CREATE UNIQUE INDEX indelible_entry_id ON indelible_entry (clinic, id);
CREATE INDEX indelible_entry_time ON indelible_entry (clinic, occurred_at, seq);
CREATE INDEX indelible_entry_actor ON indelible_entry (clinic, actor_kind, actor, occurred_at, seq);
CREATE INDEX indelible_entry_action ON indelible_entry (clinic, action, occurred_at, seq);
-- What one actor did of one action, so rare that walking all that the actor did would take long.
CREATE INDEX indelible_entry_actor_action ON indelible_entry (clinic, actor_kind, actor, action, occurred_at, seq);
-- Entries that the log took more than an hour after they happened, in order of time: they are few, but for an import.
-- Who and what stand in it too, so that these are checked without reading the rows.
CREATE INDEX indelible_entry_late ON indelible_entry (clinic, occurred_at, seq, action, actor_kind, actor)
    WHERE recorded_at - occurred_at > 3600000000;
-- Entries that have an amount, in the order in which they are summed. Everything that a sum asks for stands in it, so
-- that the rows are not read: a total of a million entries is one walk along it.
CREATE INDEX indelible_entry_amount
    ON indelible_entry (clinic, action, currency, occurred_at, seq, amount_minor, actor_kind, actor)
    WHERE amount_minor IS NOT NULL;

-- The hashes of the tree, 256 in a row, as C2SP tlog-tiles has them: those of the leaves at level 0, at each further one
-- the roots of the tiles below. Only full ones; what is behind them follows from the bodies.
CREATE TABLE indelible_tile (
    clinic        INTEGER NOT NULL,
    level         INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    root          BLOB NOT NULL,            -- of these hashes; stands before them, to be read without them
    hashes        BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX indelible_tile_number ON indelible_tile (clinic, level, number);

-- The people that the log knows. A row stays when its person is erased.
CREATE TABLE indelible_person (
    clinic        INTEGER NOT NULL,
    token         BLOB NOT NULL,
    erased_by     INTEGER,                  -- seq of the entry that accounts for it; NULL: not erased
    scrubbed_by   INTEGER,                  -- seq of the entry that says that what was sealed is removed
    sealed        BLOB NOT NULL,           -- who it is and the latest name, under the key that dies with them
    PRIMARY KEY (clinic, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX indelible_person_unscrubbed ON indelible_person (clinic, token)
    WHERE erased_by IS NOT NULL AND scrubbed_by IS NULL;

-- Which entries refer to a person, a thing, an operation, a Stripe id. Those of which it is the target come first.
CREATE TABLE indelible_link (
    clinic        INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    ref           BLOB NOT NULL,            -- token of a person, HMAC of a Stripe id, or the UTF-8 id
    as_target     INTEGER NOT NULL,         -- 1: it is what was acted on; 0: it is there in another part
    occurred_at   INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    PRIMARY KEY (clinic, kind, ref, as_target, occurred_at, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE indelible_idempotency (
    clinic        INTEGER NOT NULL,
    key           BLOB NOT NULL,            -- HMAC of the host's key
    seq           INTEGER NOT NULL,
    PRIMARY KEY (clinic, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE indelible_checkpoint (
    clinic        INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    root          BLOB NOT NULL,
    frontier      BLOB NOT NULL,
    note          BLOB NOT NULL,            -- the signed note, verbatim
    signed_at     INTEGER NOT NULL,
    PRIMARY KEY (clinic, size)
) STRICT, WITHOUT ROWID;

-- The hosts' databases that documents are drained from. A copy of one, or one that was restored, is told by this row.
CREATE TABLE indelible_source (
    outbox TEXT NOT NULL PRIMARY KEY,
    "database" TEXT NOT NULL,
    xid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The database itself refuses change. One is allowed: that sealed parts go, of which nobody has the key any more.
-- An INSERT OR REPLACE deletes without firing DELETE triggers, hence the third kind.
CREATE TRIGGER indelible_entry_no_update BEFORE UPDATE ON indelible_entry
WHEN length(NEW.sealed) >= length(OLD.sealed)
  OR (NEW.rowid, NEW.clinic, NEW.seq, NEW.id, NEW.occurred_at, NEW.recorded_at, NEW.action, NEW.actor_kind, NEW.actor,
      NEW.amount_minor, NEW.currency, NEW.body)
  IS NOT (OLD.rowid, OLD.clinic, OLD.seq, OLD.id, OLD.occurred_at, OLD.recorded_at, OLD.action, OLD.actor_kind,
      OLD.actor, OLD.amount_minor, OLD.currency, OLD.body)
BEGIN SELECT RAISE(ABORT, 'indelible: an entry cannot be changed'); END;
CREATE TRIGGER indelible_entry_no_delete BEFORE DELETE ON indelible_entry
BEGIN SELECT RAISE(ABORT, 'indelible: an entry cannot be deleted'); END;
CREATE TRIGGER indelible_entry_no_replace BEFORE INSERT ON indelible_entry
WHEN EXISTS (SELECT 1 FROM indelible_entry WHERE clinic = NEW.clinic AND seq = NEW.seq)
  OR EXISTS (SELECT 1 FROM indelible_entry WHERE clinic = NEW.clinic AND id = NEW.id)
  OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM indelible_entry WHERE rowid = NEW.rowid)) -- -1 where none is given
BEGIN SELECT RAISE(ABORT, 'indelible: an entry cannot be replaced'); END;
CREATE TRIGGER indelible_tile_no_update BEFORE UPDATE ON indelible_tile
BEGIN SELECT RAISE(ABORT, 'indelible: a tile cannot be changed'); END;
CREATE TRIGGER indelible_tile_no_delete BEFORE DELETE ON indelible_tile
BEGIN SELECT RAISE(ABORT, 'indelible: a tile cannot be deleted'); END;
CREATE TRIGGER indelible_tile_no_replace BEFORE INSERT ON indelible_tile
WHEN EXISTS (SELECT 1 FROM indelible_tile WHERE clinic = NEW.clinic AND level = NEW.level AND number = NEW.number)
  OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM indelible_tile WHERE rowid = NEW.rowid))
BEGIN SELECT RAISE(ABORT, 'indelible: a tile cannot be replaced'); END;
CREATE TRIGGER indelible_checkpoint_no_update BEFORE UPDATE ON indelible_checkpoint
BEGIN SELECT RAISE(ABORT, 'indelible: a checkpoint cannot be changed'); END;
CREATE TRIGGER indelible_checkpoint_no_delete BEFORE DELETE ON indelible_checkpoint
BEGIN SELECT RAISE(ABORT, 'indelible: a checkpoint cannot be deleted'); END;
CREATE TRIGGER indelible_checkpoint_no_replace BEFORE INSERT ON indelible_checkpoint
WHEN EXISTS (SELECT 1 FROM indelible_checkpoint WHERE clinic = NEW.clinic AND size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'indelible: a checkpoint cannot be replaced'); END;
