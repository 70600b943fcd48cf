-- Links in order of role before time: a thing's or person's entries in one role, and in all of them, come in order of
-- time from the index. And the instant at which a clinic was closed.

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

ALTER TABLE indelible_clinic ADD COLUMN closed_at INTEGER; -- NULL: open
