-- The outbox on PostgreSQL, 15 or later. A host inserts one document in its own transaction; the log's process appends it and
-- deletes it here. Everything is in a schema of its own, because hosted platforms expose `public`. May be run again.

DO $do$
BEGIN
    IF pg_catalog.current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'the outbox needs PostgreSQL 15 or later; upgrade the server' USING ERRCODE = '0A000';
    END IF;
    IF pg_catalog.current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the outbox needs a database in UTF8; a name of a client may hold any character' USING ERRCODE = '0A000';
    END IF;
END
$do$;

CREATE SCHEMA IF NOT EXISTS indelible;

CREATE TABLE IF NOT EXISTS indelible.version (
    version int PRIMARY KEY,
    installed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- One row. A dump carries it along, so the log also compares the server and the database's oid.
CREATE TABLE IF NOT EXISTS indelible.identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    outbox uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid()
);
INSERT INTO indelible.identity DEFAULT VALUES ON CONFLICT DO NOTHING;

-- The codes that may be recorded, so that a typing error fails at once. None is ever deleted: a host may run an older release.
CREATE TABLE IF NOT EXISTS indelible.action (code text COLLATE "C" PRIMARY KEY);

-- xid first: a transaction that commits late comes late, and no reader need look below the lowest that is still running.
CREATE TABLE IF NOT EXISTS indelible.outbox (
    xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    key uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    clinic text COLLATE "C" NOT NULL,
    action text COLLATE "C",
    target_kind text COLLATE "C",
    target_id text COLLATE "C",
    document json NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    role text DEFAULT pg_catalog.current_setting('role'),
    login text DEFAULT session_user,
    imported boolean NOT NULL DEFAULT false,
    erasure boolean NOT NULL DEFAULT false,
    PRIMARY KEY (xid, id)
) WITH (
    -- Every row is deleted soon: what matters is how many are dead, not which part of the table that is.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000
);
-- Behind a backlog of one clinic's, or of history, the others are found without walking through it.
CREATE INDEX IF NOT EXISTS outbox_shares ON indelible.outbox (imported, clinic, xid, id);

CREATE TABLE IF NOT EXISTS indelible.held (
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
    erasure boolean NOT NULL,
    reason text NOT NULL,
    final boolean NOT NULL,
    held_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (xid, id)
);
CREATE INDEX IF NOT EXISTS held_key ON indelible.held (key);

CREATE OR REPLACE FUNCTION indelible.refuse_update() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    RAISE EXCEPTION 'a document in the outbox is never changed; record another one' USING ERRCODE = '23514';
END
$function$;
CREATE OR REPLACE TRIGGER outbox_refuses_update BEFORE UPDATE ON indelible.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION indelible.refuse_update();
-- ALWAYS: also where a session replicates.
ALTER TABLE indelible.outbox ENABLE ALWAYS TRIGGER outbox_refuses_update;

-- The document without what a text cannot hold: NUL, and half of a character. A json value takes both, and then no member of it
-- can be read. What was removed from is named in `cut`. Only texts that people or their programs write may be shortened; an id
-- or a code is refused instead.
CREATE OR REPLACE FUNCTION indelible.whole(document json) RETURNS json LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    -- No control character stands raw in JSON: chr(1) can stand for an escaped backslash, and every other one begins an escape.
    escapes text := replace(document::text, E'\\\\', chr(1));
    -- U+FDD0 is no character, and shows where something was, for as long as it takes to find the members.
    gone constant text := chr(64976);
    cut text[];
    refused boolean;
BEGIN
    IF strpos(escapes, E'\\u') = 0 THEN
        RETURN document;
    END IF;
    escapes := regexp_replace(
        escapes,
        E'\\\\u0000|\\\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\\\u[dD][c-fC-F][0-9a-fA-F]{2})'
        '|(?<!\\\\u[dD][89abAB][0-9a-fA-F]{2})\\\\u[dD][c-fC-F][0-9a-fA-F]{2}',
        gone, 'g');
    IF strpos(escapes, gone) = 0 THEN
        RETURN document;
    END IF;
    document := replace(escapes, chr(1), E'\\\\')::json;
    WITH RECURSIVE part AS (
        SELECT key AS path, value FROM json_each(document) WHERE strpos(key || value::text, gone) > 0
        UNION ALL
        SELECT part.path || '.' || inside.key, inside.value
        FROM part CROSS JOIN LATERAL (
            SELECT * FROM json_each(CASE json_typeof(part.value) WHEN 'object' THEN part.value ELSE '{}' END)
            UNION ALL
            SELECT (place - 1)::text, element
            FROM json_array_elements(CASE json_typeof(part.value) WHEN 'array' THEN part.value ELSE '[]' END)
                WITH ORDINALITY list(element, place)
        ) inside
        -- A field of the context is marked as a whole.
        WHERE part.path !~ '^context[.]' AND strpos(inside.key || inside.value::text, gone) > 0
    ), leaf AS (
        SELECT path FROM part WHERE path ~ '^context[.]' OR json_typeof(value) NOT IN ('object', 'array')
            OR strpos(path, gone) > 0
    )
    SELECT array_agg(DISTINCT path), bool_or(strpos(path, gone) > 0 OR path !~
        '^(request[.]user_agent|(actor|actor[.]on_behalf_of|target|client|people[.][0-9]+)[.]name|context[.].+)$')
    INTO cut, refused FROM leaf;
    IF refused THEN
        RAISE EXCEPTION 'document: holds NUL or half of a character where only a name, a text of the context or a user agent may; '
            'send whole Unicode text' USING ERRCODE = '22023';
    END IF;
    SELECT cut || COALESCE(array_agg(before), '{}') INTO cut
    FROM json_array_elements_text(
        CASE json_typeof(document -> 'cut') WHEN 'array' THEN document -> 'cut' ELSE '[]' END) before
    WHERE before <> ALL (cut);
    SELECT ('{' || string_agg(to_json(key)::text || ':' || replace(value::text, gone, ''), ',')
        || ',"cut":' || to_json(cut)::text || '}')::json
    INTO document FROM json_each(document) WHERE key <> 'cut';
    RETURN document;
END
$function$;

-- The instant of an RFC 3339 text, or null where it is none.
CREATE OR REPLACE FUNCTION indelible.instant(text) RETURNS timestamptz LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    IF $1 ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?'
        '([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$' THEN
        RETURN upper($1)::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format OR invalid_time_zone_displacement_value THEN
    RETURN NULL;
END
$function$;

-- What a document is about, if its shape is right: the whole one, its code, its target, when it says that it happened. What the
-- members mean is checked by the adapters before, and by the log after. It runs in every booking: plain expressions, and functions
-- with a search path of their own only where they are needed.
CREATE OR REPLACE FUNCTION indelible.checked(
    document json, OUT whole json, OUT code text, OUT target_kind text, OUT target_id text, OUT moment timestamptz
) LANGUAGE plpgsql AS $function$
DECLARE
    members jsonb;
    part jsonb;
    kind text;
    problem text;
BEGIN
    IF document IS NULL OR octet_length(document::text) > 49152 OR json_typeof(document) <> 'object' THEN
        RAISE EXCEPTION 'document: must be a JSON object of at most 49152 bytes, such as {"action": ..., "actor": ..., "target": ...}'
            USING ERRCODE = '22023';
    END IF;
    whole := document;
    IF strpos(document::text, E'\\u') > 0 THEN
        whole := indelible.whole(document);
    END IF;
    BEGIN
        members := whole::jsonb;
    EXCEPTION WHEN numeric_value_out_of_range THEN
        RAISE EXCEPTION 'document: holds a number with more digits than any field takes; send an integer or text'
            USING ERRCODE = '22023';
    END;
    IF (SELECT count(*) FROM json_object_keys(whole)) > (members ? 'action')::int + (members ? 'occurred_at')::int
            + (members ? 'actor')::int + (members ? 'target')::int + (members ? 'client')::int + (members ? 'people')::int
            + (members ? 'context')::int + (members ? 'request')::int + (members ? 'operation')::int
            + (members ? 'key')::int + (members ? 'cut')::int + (members ? 'returned')::int THEN
        problem := 'document: has the same member twice; keep one of them'; -- or one that is unknown, see below
    END IF;
    -- A member that is null is as if it were not there.
    members := jsonb_strip_nulls(members);
    code := members ->> 'action';
    IF code IS NULL THEN
        problem := COALESCE(problem, 'action: is missing; every document has one');
    ELSIF jsonb_typeof(members -> 'action') <> 'string' THEN
        problem := 'action: must be text, such as booking.cancelled';
    END IF;
    part := members -> 'actor';
    IF part IS NULL THEN
        problem := COALESCE(problem, 'actor: is missing; every document has one');
    ELSIF jsonb_typeof(part) <> 'object' THEN
        problem := 'actor: must be an object, such as {"kind": "staff", "id": "usr_12"}';
    ELSE
        kind := part ->> 'kind';
        IF kind = 'system' THEN
            IF COALESCE(jsonb_typeof(part -> 'reason'), '') <> 'string' THEN
                problem := 'actor.reason: must say why the system acted, such as policy:late-cancel';
            END IF;
        ELSIF kind IS NULL OR kind NOT IN ('staff', 'client', 'integration', 'support', 'agent') THEN
            problem := 'actor.kind: must be staff, client, system, integration, support or agent';
        ELSIF COALESCE(jsonb_typeof(part -> 'id'), '') NOT IN ('string', 'number') THEN
            problem := 'actor.id: must be the opaque id of whoever acted, as text or a number';
        END IF;
    END IF;
    part := members -> 'target';
    IF part IS NOT NULL THEN
        IF jsonb_typeof(part) <> 'object' OR COALESCE(jsonb_typeof(part -> 'kind'), '') <> 'string'
                OR COALESCE(jsonb_typeof(part -> 'id'), '') NOT IN ('string', 'number') THEN
            problem := 'target: must be an object with kind and id, such as {"kind": "booking", "id": "bk_1"}';
        ELSE
            target_kind := part ->> 'kind';
            target_id := whole -> 'target' ->> 'id'; -- a number as it is written
        END IF;
    END IF;
    part := members -> 'client';
    IF part IS NOT NULL AND (jsonb_typeof(part) <> 'object'
            OR COALESCE(jsonb_typeof(part -> 'id'), '') NOT IN ('string', 'number')) THEN
        problem := 'client: must be an object with an id, such as {"id": "cli_77"}';
    END IF;
    IF jsonb_typeof(members -> 'context') <> 'object' THEN
        problem := 'context: must be an object';
    END IF;
    IF jsonb_typeof(members -> 'request') <> 'object' THEN
        problem := 'request: must be an object';
    END IF;
    IF jsonb_typeof(members -> 'people') <> 'array' THEN
        problem := 'people: must be a list of objects';
    END IF;
    IF jsonb_typeof(members -> 'cut') <> 'array' THEN
        problem := 'cut: must be a list of paths';
    END IF;
    IF jsonb_typeof(members -> 'returned') <> 'boolean' THEN
        problem := 'returned: must be true, where a client who was anonymized is there again, or absent';
    END IF;
    IF jsonb_typeof(members -> 'operation') NOT IN ('string', 'number') THEN
        problem := 'operation: must be an id, as text or a number';
    END IF;
    part := members -> 'key';
    IF part IS NOT NULL THEN
        IF jsonb_typeof(part) NOT IN ('string', 'number') OR length(whole ->> 'key') NOT BETWEEN 1 AND 255 THEN
            problem := 'key: must be text of 1 to 255 characters';
        ELSIF starts_with(whole ->> 'key', 'outbox:') THEN
            problem := 'key: must not begin with outbox:, which the outbox keeps for itself; choose another beginning';
        END IF;
    END IF;
    part := members -> 'occurred_at';
    IF part IS NOT NULL THEN
        IF jsonb_typeof(part) = 'string' THEN
            moment := indelible.instant(members ->> 'occurred_at');
        END IF;
        IF moment IS NULL THEN
            problem := 'occurred_at: must be a time with an offset, such as 2026-05-03T14:22:31+02:00';
        ELSIF moment > clock_timestamp() + interval '5 minutes' THEN
            problem := 'occurred_at: is more than five minutes ahead of the database''s clock; correct the sender''s clock';
        END IF;
    END IF;
    IF members - '{action,occurred_at,actor,target,client,people,context,request,operation,key,cut,returned}'::text[] <> '{}' THEN
        problem := 'document: has an unknown member; it takes action, occurred_at, actor, target, client, people, context, '
            'request, operation, key, cut and returned';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = problem, ERRCODE = '22023';
    END IF;
END
$function$;

-- The one way in. Hosts call `record` and `record_imported`.
CREATE OR REPLACE FUNCTION indelible.put(clinic text, document json, imported boolean) RETURNS uuid LANGUAGE plpgsql AS $function$
#variable_conflict use_variable
DECLARE
    told record;
    given uuid;
BEGIN
    IF clinic IS NULL OR length(clinic) > 64 OR clinic !~ '^[A-Za-z0-9][A-Za-z0-9._-]*$' THEN
        RAISE EXCEPTION 'clinic: must be 1 to 64 letters, digits, dots, hyphens or underscores' USING ERRCODE = '22023';
    END IF;
    told := indelible.checked(document);
    IF told.code IN ('client.anonymized', 'clinic.closed') OR starts_with(told.code, 'log.') THEN
        RAISE EXCEPTION 'action: is written only by the log itself and cannot be recorded; to erase a client call indelible.anonymize'
            USING ERRCODE = '23514';
    END IF;
    IF NOT EXISTS (SELECT FROM indelible.action known WHERE known.code = told.code) THEN
        RAISE EXCEPTION 'action: is no code of this outbox; correct it, or add it with the SQL of "indelible outbox sql"'
            USING ERRCODE = '23503';
    END IF;
    IF imported AND told.moment IS NULL THEN
        RAISE EXCEPTION 'occurred_at: is missing; history says when it happened' USING ERRCODE = '22023';
    END IF;
    INSERT INTO indelible.outbox AS o (clinic, action, target_kind, target_id, document, imported)
    VALUES (clinic, told.code, told.target_kind, told.target_id, told.whole, imported)
    RETURNING o.key INTO given;
    RETURN given;
END
$function$;

-- Record one document for a clinic, in the caller's transaction. Whoever may call it can name any clinic and any actor: grant it
-- to trusted servers, and to end users' roles only a function of your own that takes both from their claim.
-- (Not in language sql: such a function is planned anew at each call.)
CREATE OR REPLACE FUNCTION indelible.record(clinic text, document json) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    RETURN indelible.put(clinic, document, false);
END
$function$;

-- Record one document of history, marked as imported; live ones are drained before it.
CREATE OR REPLACE FUNCTION indelible.record_imported(clinic text, document json) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    RETURN indelible.put(clinic, document, true);
END
$function$;

-- Erase a client, in the transaction that erases it in the host's own tables. Not a document but a request: the log does the rest
-- when it is drained.
CREATE OR REPLACE FUNCTION indelible.anonymize(
    clinic text, client text, requested_by text, key text DEFAULT NULL, actor json DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_variable
DECLARE
    given uuid;
BEGIN
    IF clinic IS NULL OR length(clinic) > 64 OR clinic !~ '^[A-Za-z0-9][A-Za-z0-9._-]*$' THEN
        RAISE EXCEPTION 'clinic: must be 1 to 64 letters, digits, dots, hyphens or underscores' USING ERRCODE = '22023';
    END IF;
    IF client IS NULL OR client = '' OR length(client) > 255 OR client ~ '@|^[+]' THEN
        RAISE EXCEPTION 'client: must be the opaque id by which the client was recorded' USING ERRCODE = '22023';
    END IF;
    IF requested_by IS NULL OR requested_by NOT IN ('client', 'staff', 'retention_rule') THEN
        RAISE EXCEPTION 'requested_by: must be client, staff or retention_rule' USING ERRCODE = '22023';
    END IF;
    -- The actor is checked, and the key, as in any document.
    PERFORM indelible.checked(json_strip_nulls(json_build_object('action', 'client.anonymized', 'key', key, 'actor',
        COALESCE(actor, '{"kind": "system", "reason": "outbox:anonymize"}'))));
    INSERT INTO indelible.outbox AS o (clinic, action, target_kind, target_id, document, erasure)
    VALUES (clinic, 'client.anonymized', 'client', client, json_strip_nulls(json_build_object(
        'client', client, 'requested_by', requested_by, 'actor', actor, 'key', key)), true)
    RETURNING o.key INTO given;
    RETURN given;
END
$function$;

-- Let a held document wait again, as it is or corrected, with the key and the time that it had. For the drainer.
CREATE OR REPLACE FUNCTION indelible.retry(which uuid, corrected json DEFAULT NULL) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    row indelible.held%ROWTYPE;
    told record;
    moved int := 0;
BEGIN
    FOR row IN DELETE FROM indelible.held h WHERE h.key = which RETURNING * LOOP
        IF corrected IS NOT NULL THEN
            told := indelible.checked(corrected);
            IF row.erasure OR told.code IN ('client.anonymized', 'clinic.closed') OR starts_with(told.code, 'log.') THEN
                RAISE EXCEPTION 'action: what only the log writes is not corrected; try it again as it is'
                    USING ERRCODE = '23514';
            END IF;
            row.document := told.whole;
            row.action := told.code;
            row.target_kind := told.target_kind;
            row.target_id := told.target_id;
        END IF;
        INSERT INTO indelible.outbox
            (key, clinic, action, target_kind, target_id, document, at, role, login, imported, erasure)
        VALUES (row.key, row.clinic, row.action, row.target_kind, row.target_id, row.document, row.at, row.role, row.login,
                row.imported, row.erasure);
        moved := moved + 1;
    END LOOP;
    RETURN moved;
END
$function$;

-- Make of a copy an outbox of its own, which no log has ever drained. For scripts that copy production to a test system.
CREATE OR REPLACE FUNCTION indelible.unbind() RETURNS uuid LANGUAGE sql
SET search_path = pg_catalog, pg_temp AS $function$
    UPDATE indelible.identity SET outbox = gen_random_uuid() RETURNING outbox
$function$;

REVOKE ALL ON ALL TABLES IN SCHEMA indelible FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA indelible FROM PUBLIC;

-- indelible_recorder may record and nothing else; indelible_drainer takes documents out. Both are for GRANT ... TO your roles.
DO $do$
DECLARE
    missing text[] := '{}';
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['indelible_recorder', 'indelible_drainer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = name) THEN
            BEGIN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was quicker
                WHEN insufficient_privilege THEN
                    RAISE NOTICE 'role % is not there, and you may not create it: ask whoever may, then run this again', name;
                    missing := missing || name;
            END;
        END IF;
    END LOOP;
    IF NOT 'indelible_recorder' = ANY (missing) THEN
        GRANT USAGE ON SCHEMA indelible TO indelible_recorder;
        GRANT EXECUTE ON FUNCTION indelible.record(text, json) TO indelible_recorder;
    END IF;
    IF NOT 'indelible_drainer' = ANY (missing) THEN
        GRANT USAGE ON SCHEMA indelible TO indelible_drainer;
        GRANT SELECT ON indelible.version, indelible.identity, indelible.action TO indelible_drainer;
        GRANT SELECT, DELETE ON indelible.outbox TO indelible_drainer;
        GRANT SELECT, INSERT, DELETE ON indelible.held TO indelible_drainer;
        GRANT EXECUTE ON FUNCTION indelible.retry(uuid, json) TO indelible_drainer;
    END IF;
END
$do$;

INSERT INTO indelible.version (version) VALUES (1) ON CONFLICT DO NOTHING;
