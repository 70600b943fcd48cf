-- Documents that were recorded are kept for some days, where the drainer is told so, for a log that is restored from an older backup.

CREATE TABLE IF NOT EXISTS indelible.kept (
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    key uuid NOT NULL,
    clinic text COLLATE "C" NOT NULL,
    action text COLLATE "C",
    target_kind text COLLATE "C",
    target_id text COLLATE "C",
    document json NOT NULL,
    at timestamptz NOT NULL,
    role text,
    login text,
    imported boolean NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (xid, id)
);
-- Those that are old enough to go, and one clinic's, are found without reading the others.
CREATE INDEX IF NOT EXISTS kept_since ON indelible.kept (kept_at);
CREATE INDEX IF NOT EXISTS kept_clinic ON indelible.kept (clinic);
CREATE INDEX IF NOT EXISTS held_clinic ON indelible.held (clinic);

-- Let the documents wait again that were kept since a moment, in their order, with the key and the time that they had. What is in
-- the log is known by its key there. For the drainer.
CREATE OR REPLACE FUNCTION indelible.replay(since timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    moved bigint;
BEGIN
    WITH gone AS (DELETE FROM indelible.kept k WHERE k.kept_at >= since RETURNING k.*)
    INSERT INTO indelible.outbox (key, clinic, action, target_kind, target_id, document, at, role, login, imported)
    SELECT key, clinic, action, target_kind, target_id, document, at, role, login, imported FROM gone ORDER BY xid, id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$function$;

REVOKE ALL ON ALL TABLES IN SCHEMA indelible FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA indelible FROM PUBLIC;
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'indelible_drainer') THEN
        GRANT SELECT, INSERT, DELETE ON indelible.kept TO indelible_drainer;
        GRANT EXECUTE ON FUNCTION indelible.replay(timestamptz) TO indelible_drainer;
    END IF;
END
$do$;

INSERT INTO indelible.version (version) VALUES (3) ON CONFLICT DO NOTHING;
