-- Links in order of role before time: a thing's or person's entries in one role, and in all of them, come in order of
-- time from the index. Personal rows in the order in which they were written. And the instant at which a clinic was
-- closed.

CREATE TABLE indelible_link_by_role (
    clinic_id     TEXT NOT NULL,
    kind          TEXT NOT NULL,
    ref           BLOB NOT NULL,
    role          TEXT NOT NULL,
    occurred_at   INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, kind, ref, role, occurred_at, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO indelible_link_by_role SELECT clinic_id, kind, ref, role, occurred_at, seq FROM indelible_link;
DROP TABLE indelible_link;
ALTER TABLE indelible_link_by_role RENAME TO indelible_link;

-- SQLite moves rows between pages when it puts one among others or merges pages, and `secure_delete` leaves what was
-- moved on the old page. A row that is only ever put behind the last one, and emptied where it is, is never moved: so
-- this table has its hidden row numbers, and nothing is deleted from it.
CREATE TABLE indelible_personal_in_place (
    clinic_id     TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    token         BLOB NOT NULL,
    class         TEXT NOT NULL,
    sealed        BLOB                      -- NULL: erased
) STRICT;
INSERT INTO indelible_personal_in_place SELECT clinic_id, seq, token, class, sealed FROM indelible_personal;
DROP TABLE indelible_personal;
ALTER TABLE indelible_personal_in_place RENAME TO indelible_personal;
CREATE UNIQUE INDEX indelible_personal_seq ON indelible_personal (clinic_id, seq, token, class)
    WHERE sealed IS NOT NULL;
CREATE INDEX indelible_personal_token ON indelible_personal (clinic_id, token, class, seq)
    WHERE sealed IS NOT NULL;

-- What one actor did of one action, so rare that walking all that the actor did would take long.
CREATE INDEX indelible_entry_actor_action
    ON indelible_entry (clinic_id, actor_kind, actor, action, occurred_at, seq);

ALTER TABLE indelible_clinic ADD COLUMN closed_at INTEGER; -- NULL: open
