-- The hosts' databases that documents are drained from. A copy of one, or one that was restored, is told by this row.
CREATE TABLE indelible_source (
    outbox TEXT NOT NULL PRIMARY KEY,
    "database" TEXT NOT NULL,
    xid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
