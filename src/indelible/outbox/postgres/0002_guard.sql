-- The guard: at COMMIT the database looks whether the transaction put a document about each changed thing into the outbox.
-- Statement triggers of a guarded table note which ids changed; one deferred check a transaction compares the sets. A change is
-- one thing (kind, id, clinic) that a transaction changed in one guarded table.

-- What is guarded and how. A row stays when the guard is taken away, because its tallies name it.
CREATE TABLE IF NOT EXISTS indelible.guarded (
    id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    relation regclass NOT NULL UNIQUE,
    name text NOT NULL,
    kind text COLLATE "C" NOT NULL,
    mode text NOT NULL CHECK (mode IN ('refuse', 'record', 'count')),
    -- Of the trigger function as it was made; null once the guard is taken away.
    definition text
);

-- What the current transaction changed. The check deletes it before the commit, so no other transaction ever sees a row: hence
-- unlogged, and no temporary table, which could not be prepared. One row a statement and clinic; an array of 100,000 ids is not
-- compressed for the few milliseconds that it lives.
CREATE UNLOGGED TABLE IF NOT EXISTS indelible.changed (
    xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    guard int NOT NULL,
    clinic text COLLATE "C",
    -- Null where only `rows` are counted: under a reason, and by TRUNCATE.
    ids text[] COLLATE "C",
    rows bigint,
    reason text,
    operation text NOT NULL,
    -- {id: {"columns": [name], "changes": [{"field", "old", "new", "currency"}]}}, of few rows and where they are recorded.
    detail jsonb,
    role text NOT NULL DEFAULT CASE pg_catalog.current_setting('role') WHEN 'none' THEN session_user
        ELSE pg_catalog.current_setting('role') END,
    -- The check need be queued once only.
    first boolean NOT NULL DEFAULT true,
    PRIMARY KEY (xid, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE indelible.changed ALTER COLUMN ids SET STORAGE EXTERNAL;

-- Inserted once a transaction, table and clinic, never updated: a counter row would make transactions wait for each other, and
-- deadlock. `fold` moves them into `tallied`. A clinic that is unknown is ''.
CREATE TABLE IF NOT EXISTS indelible.tally (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    day date NOT NULL DEFAULT (pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')::date,
    guard int NOT NULL,
    clinic text COLLATE "C" NOT NULL,
    recorded bigint NOT NULL DEFAULT 0,
    outside bigint NOT NULL DEFAULT 0,
    reasoned bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS indelible.tallied (
    day date NOT NULL,
    guard int NOT NULL,
    clinic text COLLATE "C" NOT NULL,
    recorded bigint NOT NULL,
    outside bigint NOT NULL,
    reasoned bigint NOT NULL,
    PRIMARY KEY (day, guard, clinic)
);

CREATE OR REPLACE FUNCTION indelible.relation_name(regclass) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $function$
    SELECT CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1
$function$;

-- The check. With nested loops a hundred thousand changes and as many documents would be compared each with each: plans are made
-- when the sets are small. Forbidding them makes a plan look so dear that it would be compiled, for seconds.
CREATE OR REPLACE FUNCTION indelible.check_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
    few constant int := 100;
    ours constant text[] := '{record.changed_outside,record.changed_in_bulk}';
    mine xid8 := pg_current_xact_id();
    found record;
    alone text[];
    one text;
    name text;
    told json;
BEGIN
    IF NOT EXISTS (SELECT FROM indelible.changed c WHERE c.xid = mine) THEN
        RETURN NULL;
    END IF;
    FOR found IN
        WITH one AS (
            SELECT DISTINCT thing.guard, g.kind, thing.clinic, thing.id
            FROM (SELECT c.guard, c.clinic, unnest(c.ids) AS id FROM indelible.changed c WHERE c.xid = mine) thing
            JOIN indelible.guarded g ON g.id = thing.guard WHERE thing.id IS NOT NULL
        ), said AS (
            SELECT DISTINCT o.target_kind AS kind, o.target_id AS id, o.clinic FROM indelible.outbox o
            WHERE o.xid = mine AND o.target_id IS NOT NULL AND o.action <> ALL (ours)
        ), parents AS (
            SELECT kind, id, min(clinic) AS clinic FROM one WHERE clinic IS NOT NULL GROUP BY kind, id HAVING min(clinic) = max(clinic)
        ), documents AS (
            SELECT kind, id, CASE WHEN min(clinic) = max(clinic) THEN min(clinic) END AS clinic FROM said GROUP BY kind, id
        ), placed AS (
            -- Whose row it was when a cascade took the parent: the deleted parent's clinic, else the document's.
            SELECT DISTINCT one.guard, one.kind, one.id, COALESCE(one.clinic, p.clinic, d.clinic) AS clinic,
                one.clinic IS NULL AND p.clinic IS NULL AND d.id IS NOT NULL AS somewhere
            FROM one LEFT JOIN parents p ON one.clinic IS NULL AND p.kind = one.kind AND p.id = one.id
            LEFT JOIN documents d ON one.clinic IS NULL AND d.kind = one.kind AND d.id = one.id
        ), judged AS (
            SELECT placed.guard, placed.clinic, placed.id, placed.somewhere OR s.id IS NOT NULL AS recorded
            FROM placed LEFT JOIN said s ON s.kind = placed.kind AND s.id = placed.id AND s.clinic = placed.clinic
        ), summed AS (
            SELECT j.guard, j.clinic, count(*) FILTER (WHERE recorded) AS recorded, count(*) FILTER (WHERE NOT recorded) AS missed,
                array_agg(j.id ORDER BY j.id) FILTER (WHERE NOT recorded) AS ids, 0::numeric AS reasoned, NULL AS reason
            FROM judged j GROUP BY j.guard, j.clinic
            UNION ALL
            SELECT c.guard, c.clinic, 0, sum(c.rows) FILTER (WHERE c.reason IS NULL), NULL, sum(c.rows), c.reason
            FROM indelible.changed c WHERE c.xid = mine AND c.ids IS NULL GROUP BY c.guard, c.clinic, c.reason
        )
        SELECT s.guard, s.clinic, s.recorded, COALESCE(s.missed, 0) AS missed, s.ids, s.reason,
            CASE WHEN s.reason IS NULL THEN 0 ELSE s.reasoned END AS reasoned,
            g.kind, g.mode, g.relation, g.name,
            sum(CASE WHEN g.mode = 'record' THEN COALESCE(s.missed, 0) ELSE 0 END) OVER () AS outside,
            (SELECT min(c.role) FROM indelible.changed c WHERE c.xid = mine AND c.guard = s.guard) AS role
        FROM summed s JOIN indelible.guarded g ON g.id = s.guard
        ORDER BY s.guard, s.clinic
    LOOP
        IF found.mode <> 'count' AND found.missed + found.reasoned > 0 THEN
            name := COALESCE(indelible.relation_name(found.relation), found.name);
        END IF;
        IF found.mode = 'refuse' AND found.missed > 0 THEN
            RAISE EXCEPTION USING ERRCODE = '23514', TABLE = name, MESSAGE = format(
                '%s: %s of %s without a document about it in this transaction; record one, or give the reason of a bulk change '
                'with SET LOCAL indelible.reason', name,
                found.missed || CASE WHEN found.missed = 1 THEN ' change' ELSE ' changes' END, found.kind),
                DETAIL = format('The first of them: %s', COALESCE(array_to_string(found.ids[1:5], ', '), 'TRUNCATE'));
        END IF;
        INSERT INTO indelible.tally (guard, clinic, recorded, outside, reasoned)
        VALUES (found.guard, COALESCE(found.clinic, ''), found.recorded, found.missed, found.reasoned);
        -- Without a clinic there is no log to record it in: it is counted.
        CONTINUE WHEN found.mode = 'count' OR found.clinic IS NULL OR found.missed + found.reasoned = 0;
        IF found.ids IS NULL OR found.outside > few THEN
            PERFORM indelible.note(found.clinic, 'record.changed_in_bulk', 'clinic', found.clinic, json_build_object(
                'table', left(name, 100), 'rows', found.missed + found.reasoned, 'reason', left(found.reason, 1000),
                'role', found.role));
            CONTINUE;
        END IF;
        FOREACH one IN ARRAY found.ids LOOP
            SELECT json_build_object('table', left(name, 100), 'role', min(c.role),
                'operation', CASE WHEN count(DISTINCT c.operation) = 1 THEN min(c.operation) ELSE 'several' END,
                'columns', (
                    SELECT json_agg(attribute ORDER BY attribute) FROM (
                        SELECT DISTINCT jsonb_array_elements_text(c.detail -> one -> 'columns') AS attribute
                        FROM indelible.changed c WHERE c.xid = mine AND c.guard = found.guard AND c.detail ? one) names),
                -- Of several statements only the names: what was there in between is nobody's before or after.
                'changes', CASE WHEN count(*) = 1 THEN (
                    SELECT c.detail -> one -> 'changes' FROM indelible.changed c
                    WHERE c.xid = mine AND c.guard = found.guard AND c.detail ? one LIMIT 1) END)
            INTO told FROM indelible.changed c WHERE c.xid = mine AND c.guard = found.guard AND one = ANY (c.ids);
            PERFORM indelible.note(found.clinic, 'record.changed_outside', found.kind, one, told);
        END LOOP;
    END LOOP;
    DELETE FROM indelible.changed c WHERE c.xid = mine;
    RETURN NULL;
END
$function$;
CREATE OR REPLACE FUNCTION indelible.note(clinic text, action text, kind text, target text, context json) RETURNS void LANGUAGE plpgsql AS $function$
#variable_conflict use_variable
BEGIN
    INSERT INTO indelible.outbox (clinic, action, target_kind, target_id, document)
    VALUES (clinic, action, kind, target, json_strip_nulls(json_build_object('action', action,
        'actor', json_build_object('kind', 'system', 'reason', 'rule:guard'),
        'target', json_build_object('kind', kind, 'id', target), 'context', context)));
END
$function$;
DROP TRIGGER IF EXISTS changed_checked ON indelible.changed;
CREATE CONSTRAINT TRIGGER changed_checked AFTER INSERT ON indelible.changed
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.first) EXECUTE FUNCTION indelible.check_changes();

-- The SQL of one column's value, for comparing. As text, because json, xml and points cannot be compared, and because 1.0 = 1.00
-- and a collation's equal texts are changes all the same.
CREATE OR REPLACE FUNCTION indelible.comparable(name text, type oid) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $function$
    SELECT CASE WHEN type = ANY ('{int2,int4,int8,bool,uuid,date,timestamptz,timestamp}'::regtype[]::oid[]) THEN format('r.%I', name)
        ELSE format('r.%I::text COLLATE "C"', name) END
$function$;

-- Guard a table, or change how it is guarded. Run it as the outbox's owner, also again after a partition was attached or a column
-- renamed or added. See docs/howto/guard.md for what each argument means.
CREATE OR REPLACE FUNCTION indelible.guard(
    relation regclass, kind text, id text, clinic text DEFAULT NULL, columns text[] DEFAULT NULL, ignore text[] DEFAULT NULL,
    mode text DEFAULT 'record', parent regclass DEFAULT NULL, parent_id text DEFAULT 'id', only_clinic text DEFAULT NULL,
    shown text[] DEFAULT NULL
) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_variable
DECLARE
    named text[];
    watched text[];
    wrong text;
    number int;
    place text;
    part regclass;
    leaf boolean;
    body text;
    operation text;
BEGIN
    SELECT array_agg(attname::text) INTO named FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped;
    IF mode IS NULL OR mode NOT IN ('refuse', 'record', 'count') THEN
        RAISE EXCEPTION 'mode: must be refuse, record or count' USING ERRCODE = '22023';
    END IF;
    IF kind IS NULL OR kind !~ '^[a-z][a-z0-9_]{0,63}$' THEN
        RAISE EXCEPTION 'kind: must be the kind of target that documents name, such as booking' USING ERRCODE = '22023';
    END IF;
    IF columns IS NOT NULL AND ignore IS NOT NULL THEN
        RAISE EXCEPTION 'ignore: does not go with columns; give the ones that count, or the ones that do not'
            USING ERRCODE = '22023';
    END IF;
    SELECT name INTO wrong FROM unnest(ARRAY[id] || columns || ignore || shown) name WHERE name IS NULL OR name <> ALL (named) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'columns: % is no column of %; correct id, columns, ignore or shown', COALESCE(wrong, 'null'), relation
            USING ERRCODE = '42703';
    END IF;
    IF (SELECT relkind FROM pg_class WHERE oid = relation) NOT IN ('r', 'p') THEN
        RAISE EXCEPTION 'relation: % is no table; guard the table behind it', relation USING ERRCODE = '42809';
    END IF;
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = ANY (shown) AND attname LIKE '%\_minor'
        AND ('currency' <> ALL (named) OR atttypid <> ALL ('{int2,int4,int8}'::regtype[]::oid[]))) THEN
        RAISE EXCEPTION 'shown: an amount is shown if it is a whole number of minor units beside a column currency'
            USING ERRCODE = '22023';
    END IF;
    watched := ARRAY(SELECT name FROM unnest(COALESCE(columns, named)) name WHERE ignore IS NULL OR name <> ALL (ignore));
    place := CASE
        WHEN only_clinic IS NOT NULL THEN quote_literal(only_clinic)
        WHEN clinic IS NULL THEN 'NULL'
        WHEN parent IS NULL AND clinic = ANY (named) THEN format('r.%I::text', clinic)
        WHEN parent IS NOT NULL AND EXISTS (SELECT FROM pg_attribute
            WHERE attrelid = parent AND attname = clinic AND attnum > 0 AND NOT attisdropped) THEN format('p.%I::text', clinic)
        WHEN to_regprocedure(clinic || '(text)') IS NOT NULL
            THEN format('%s(r.%I::text)', to_regproc(clinic)::regproc, id)
        END;
    IF place IS NULL THEN
        RAISE EXCEPTION 'clinic: is neither a column of the table or its parent nor a function of the id as text; with one clinic in '
            'this database give only_clinic' USING ERRCODE = '22023';
    END IF;
    IF only_clinic !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' THEN
        RAISE EXCEPTION 'only_clinic: must be 1 to 64 letters, digits, dots, hyphens or underscores' USING ERRCODE = '22023';
    END IF;
    IF place = 'NULL' AND mode = 'record' THEN
        RAISE EXCEPTION 'clinic: is missing; a change is recorded in the log of a clinic, so name a column, a function or only_clinic'
            USING ERRCODE = '22023';
    END IF;

    INSERT INTO indelible.guarded AS g (relation, name, kind, mode)
    VALUES (relation, indelible.relation_name(relation), kind, mode)
    ON CONFLICT ON CONSTRAINT guarded_relation_key DO UPDATE SET name = EXCLUDED.name, kind = EXCLUDED.kind, mode = EXCLUDED.mode
    RETURNING g.id INTO number;

    body := $body$
DECLARE
    why text := NULLIF(btrim(current_setting('indelible.reason', true)), '');
    told jsonb;
BEGIN
    -- A reason covers this transaction alone, also where it was set without LOCAL: a pooler gives the session to others.
    IF why IS NOT NULL THEN
        PERFORM set_config('indelible.reason', '', false), set_config('indelible.reason', why, true);
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE replace($sql$INSERT INTO indelible.changed (guard, clinic, rows, reason, operation, first)
            SELECT {guard}, {clinic} AS clinic, count(*), $1, 'deleted', {first} FROM ONLY {table} r {parent} GROUP BY 2$sql$,
            '{table}', TG_RELID::regclass::text) USING why;
    ELSIF why IS NOT NULL AND TG_OP = 'DELETE' THEN
        INSERT INTO indelible.changed (guard, clinic, rows, reason, operation, first)
        SELECT {guard}, {clinic} AS clinic, count(*), why, 'deleted', {first} FROM old_rows r {parent} GROUP BY 2;
    ELSIF why IS NOT NULL THEN
        INSERT INTO indelible.changed (guard, clinic, rows, reason, operation, first)
        SELECT {guard}, {clinic} AS clinic, count(*), why, 'updated', {first} FROM new_rows r {parent} GROUP BY 2;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO indelible.changed (guard, clinic, ids, operation, first)
        SELECT {guard}, {clinic} AS clinic, array_agg({id}), 'deleted', {first} FROM old_rows r {parent} GROUP BY 2;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO indelible.changed (guard, clinic, ids, operation, first)
        SELECT {guard}, {clinic} AS clinic, array_agg({id}), 'inserted', {first} FROM new_rows r {parent} GROUP BY 2;
    ELSE
        {detail}
        -- Old rows against new ones as they are, without pairing them: so a row that moved to another parent or clinic is a change
        -- of both, and no key of the table is needed.
        INSERT INTO indelible.changed (guard, clinic, ids, operation, detail, first)
        SELECT {guard}, clinic, array_agg(id), 'updated', CASE WHEN row_number() OVER () = 1 THEN told END, {first}
        FROM (
            SELECT id, clinic FROM (
                SELECT 1 AS side, {id} AS id, {clinic} AS clinic{watched} FROM new_rows r {parent}
                UNION ALL
                SELECT -1, {id}, {clinic}{watched} FROM old_rows r {parent}
            ) both_sides GROUP BY id, clinic{numbers} HAVING sum(side) <> 0
        ) thing GROUP BY clinic;
    END IF;
    RETURN NULL;
END
$body$;
    body := replace(body, '{detail}', CASE WHEN mode <> 'record' THEN '' ELSE $detail$
        IF NOT EXISTS (SELECT FROM new_rows OFFSET 100) THEN
            SELECT jsonb_object_agg(id, jsonb_build_object('columns', names, 'changes', changes)) INTO told
            FROM (
                SELECT id, jsonb_agg(DISTINCT name) AS names, jsonb_agg(jsonb_strip_nulls(jsonb_build_object('currency', currency))
                    || jsonb_build_object('field', name, 'old', was, 'new', became) ORDER BY name)
                    FILTER (WHERE shown AND olds = 1 AND news = 1) AS changes
                FROM (
                    SELECT id, name, shown, olds, news, min(currency) FILTER (WHERE name LIKE '%\_minor') AS currency,
                        min(value::text) FILTER (WHERE side < 0)::jsonb AS was,
                        min(value::text) FILTER (WHERE side > 0)::jsonb AS became
                    FROM (
                        SELECT id, name, shown, side, value, currency,
                            count(*) FILTER (WHERE name = {first_name} AND side < 0) OVER (PARTITION BY id) AS olds,
                            count(*) FILTER (WHERE name = {first_name} AND side > 0) OVER (PARTITION BY id) AS news,
                            sum(side) OVER (PARTITION BY id, name, compared) AS more
                        FROM (
                            SELECT 1 AS side, {id} AS id, {currency} AS currency, each.*
                            FROM new_rows r CROSS JOIN LATERAL (VALUES {values}) each(name, compared, shown, value)
                            UNION ALL
                            SELECT -1, {id}, {currency}, each.*
                            FROM old_rows r CROSS JOIN LATERAL (VALUES {values}) each(name, compared, shown, value)
                        ) every
                    ) different WHERE more <> 0 GROUP BY id, name, shown, olds, news
                ) field WHERE id IS NOT NULL GROUP BY id
            ) thing;
        END IF;$detail$ END);
    body := replace(body, '{values}', COALESCE((
        SELECT string_agg(format('(%L, r.%I::text COLLATE "C", %L::boolean, %s)', attname, attname, attname = ANY (COALESCE(shown, '{}')), CASE
            WHEN attname <> ALL (COALESCE(shown, '{}')) THEN 'NULL::json'
            WHEN atttypid = 'bool'::regtype OR attname LIKE '%\_minor' THEN format('to_json(r.%I)', attname)
            -- Any other number as text: the log takes no fraction, and no number that reads like money without a currency.
            ELSE format('to_json(left(r.%I::text, 200))', attname) END), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = relation AND attname = ANY (watched || id)), ''));
    body := replace(body, '{first_name}', quote_literal(id));
    body := replace(body, '{currency}', CASE WHEN 'currency' = ANY (named) THEN 'r.currency::text' ELSE 'NULL::text' END);
    body := replace(body, '{watched}', COALESCE((
        SELECT string_agg(format(', %s AS c%s', indelible.comparable(attname, atttypid), attnum), '' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = relation AND attname = ANY (watched)), ''));
    body := replace(body, '{numbers}', COALESCE((
        SELECT string_agg(format(', c%s', attnum), '' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = relation AND attname = ANY (watched)), ''));
    body := replace(body, '{id}', format('r.%I::text', id));
    body := replace(body, '{parent}', CASE WHEN parent IS NULL OR place NOT LIKE 'p.%' THEN ''
        ELSE format('LEFT JOIN %s p ON p.%I = r.%I', parent, parent_id, id) END);
    body := replace(body, '{clinic}', place);
    body := replace(body, '{guard}', number::text);
    body := replace(body, '{first}', 'NOT EXISTS (SELECT FROM indelible.changed earlier WHERE earlier.xid = pg_current_xact_id())');

    EXECUTE format('CREATE OR REPLACE FUNCTION indelible.guard_%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
        'SET search_path = pg_catalog, pg_temp AS %L', number, body);
    EXECUTE format('REVOKE ALL ON FUNCTION indelible.guard_%s() FROM PUBLIC', number);
    UPDATE indelible.guarded g SET definition = md5(body) WHERE g.id = number;
    FOR part, leaf IN SELECT * FROM indelible.parts(relation) LOOP
        FOREACH operation IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
            -- A partition's rows are counted where they are, also when the whole table is truncated.
            CONTINUE WHEN operation = 'truncate' AND NOT leaf;
            EXECUTE format('CREATE OR REPLACE TRIGGER indelible_guard_%1$s %2$s %1$s ON %3$s %4$s FOR EACH STATEMENT '
                'EXECUTE FUNCTION indelible.guard_%5$s()', operation, CASE operation WHEN 'truncate' THEN 'BEFORE' ELSE 'AFTER' END,
                part, CASE operation WHEN 'insert' THEN 'REFERENCING NEW TABLE AS new_rows'
                    WHEN 'delete' THEN 'REFERENCING OLD TABLE AS old_rows'
                    WHEN 'update' THEN 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows' ELSE '' END, number);
        END LOOP;
    END LOOP;
END
$function$;

-- A table and, where it is partitioned, every partition of it: a statement fires the triggers of the table that it names, and of
-- no other. Foreign partitions cannot have such triggers.
CREATE OR REPLACE FUNCTION indelible.parts(relation regclass, OUT part regclass, OUT leaf boolean) RETURNS SETOF record LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $function$
    SELECT c.oid::regclass, c.relkind = 'r' FROM pg_class c
    WHERE (c.oid = relation OR c.oid IN (SELECT tree.relid FROM pg_partition_tree(relation) tree)) AND c.relkind IN ('r', 'p')
$function$;

-- Guard a table no longer. What was counted stays.
CREATE OR REPLACE FUNCTION indelible.unguard(relation regclass) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_variable
DECLARE
    number int;
    hung record;
BEGIN
    UPDATE indelible.guarded g SET definition = NULL WHERE g.relation = relation AND g.definition IS NOT NULL RETURNING g.id INTO number;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'relation: % is not guarded', relation USING ERRCODE = '42704';
    END IF;
    FOR hung IN SELECT t.tgname, t.tgrelid::regclass AS part FROM pg_trigger t
        WHERE t.tgfoid = to_regproc(format('indelible.guard_%s', number)) LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', hung.tgname, hung.part);
    END LOOP;
    EXECUTE format('DROP FUNCTION IF EXISTS indelible.guard_%s()', number);
END
$function$;

-- Every guarded table and whether its guard stands: `in order`, `table gone`, `trigger missing` (also of a partition that was
-- attached later), `trigger disabled`, `changed`.
CREATE OR REPLACE FUNCTION indelible.guards(OUT name text, OUT kind text, OUT mode text, OUT state text) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT COALESCE(indelible.relation_name(g.relation), g.name), g.kind, g.mode, CASE
        WHEN indelible.relation_name(g.relation) IS NULL THEN 'table gone'
        WHEN f.oid IS NULL OR md5(f.prosrc) <> g.definition OR NOT f.prosecdef THEN 'changed'
        WHEN EXISTS (
            SELECT FROM indelible.parts(g.relation) p CROSS JOIN unnest(ARRAY['insert', 'update', 'delete', 'truncate']) operation
            WHERE (p.leaf OR operation <> 'truncate') AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = p.part
                AND t.tgname = 'indelible_guard_' || operation AND t.tgfoid = f.oid AND t.tgqual IS NULL AND t.tgtype =
                    CASE operation WHEN 'insert' THEN 4 WHEN 'delete' THEN 8 WHEN 'update' THEN 16 ELSE 34 END)
        ) OR NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'indelible.changed'::regclass
            AND t.tgfoid = 'indelible.check_changes'::regproc) THEN 'trigger missing'
        WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgenabled NOT IN ('O', 'A')
            AND t.tgfoid IN (f.oid, 'indelible.check_changes'::regproc)) THEN 'trigger disabled'
        ELSE 'in order' END
    FROM indelible.guarded g
    LEFT JOIN pg_proc f ON f.oid = to_regproc(format('indelible.guard_%s', g.id))
    WHERE g.definition IS NOT NULL ORDER BY 1
$function$;

-- Add up what transactions counted. For the drainer, now and then; of two at once the second does nothing.
CREATE OR REPLACE FUNCTION indelible.fold() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    IF NOT pg_try_advisory_xact_lock(x'1de11b1f'::bigint) THEN
        RETURN;
    END IF;
    WITH gone AS (DELETE FROM indelible.tally RETURNING day, guard, clinic, recorded, outside, reasoned)
    INSERT INTO indelible.tallied AS t (day, guard, clinic, recorded, outside, reasoned)
    SELECT day, guard, clinic, sum(recorded), sum(outside), sum(reasoned) FROM gone GROUP BY day, guard, clinic
    ON CONFLICT (day, guard, clinic) DO UPDATE SET recorded = t.recorded + EXCLUDED.recorded,
        outside = t.outside + EXCLUDED.outside, reasoned = t.reasoned + EXCLUDED.reasoned;
END
$function$;

-- The changes of each guarded table, clinic and UTC day: in total, with a document, outside the application, under a reason. What
-- is held is no entry yet: it is counted apart, one for each thing and transaction, and rather too often than too seldom.
CREATE OR REPLACE FUNCTION indelible.completeness(
    since date DEFAULT '-infinity', OUT name text, OUT day date, OUT clinic text, OUT changes bigint, OUT recorded bigint,
    OUT outside bigint, OUT reasoned bigint, OUT held bigint
) RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    WITH counted AS (
        SELECT t.day, t.guard, t.clinic, sum(t.recorded)::bigint AS recorded, sum(t.outside)::bigint AS outside,
            sum(t.reasoned)::bigint AS reasoned
        FROM (SELECT day, guard, clinic, recorded, outside, reasoned FROM indelible.tallied UNION ALL
            SELECT day, guard, clinic, recorded, outside, reasoned FROM indelible.tally) t
        WHERE t.day >= since GROUP BY t.day, t.guard, t.clinic
    ), waiting AS (
        SELECT (h.at AT TIME ZONE 'UTC')::date AS day, h.target_kind, h.clinic, count(DISTINCT (h.xid, h.target_id)) AS held
        FROM indelible.held h WHERE h.action NOT IN ('record.changed_outside', 'record.changed_in_bulk') GROUP BY 1, 2, 3
    )
    SELECT COALESCE(indelible.relation_name(g.relation), g.name), c.day, NULLIF(c.clinic, ''), c.recorded + c.outside + c.reasoned,
        c.recorded - least(c.recorded, COALESCE(w.held, 0)), c.outside, c.reasoned, least(c.recorded, COALESCE(w.held, 0))
    FROM counted c JOIN indelible.guarded g ON g.id = c.guard
    LEFT JOIN waiting w ON w.day = c.day AND w.target_kind = g.kind AND w.clinic = c.clinic
    ORDER BY 1, 2, 3
$function$;

REVOKE ALL ON ALL TABLES IN SCHEMA indelible FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA indelible FROM PUBLIC;
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'indelible_drainer') THEN
        GRANT SELECT ON indelible.guarded, indelible.tally, indelible.tallied TO indelible_drainer;
        GRANT EXECUTE ON FUNCTION indelible.fold(), indelible.guards(), indelible.completeness(date), indelible.parts(regclass),
            indelible.relation_name(regclass) TO indelible_drainer;
    END IF;
END
$do$;

INSERT INTO indelible.version (version) VALUES (2) ON CONFLICT DO NOTHING;
