-- A host that records from inside its own database: by a function, by a trigger, and its history. PostgreSQL.
-- Run it behind what `indelible outbox sql` prints.

CREATE TABLE booking (
    id text PRIMARY KEY,
    clinic text NOT NULL,
    client text NOT NULL,
    starts_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'booked',
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by text NOT NULL
);
CREATE TABLE service (id text PRIMARY KEY, clinic text NOT NULL, name text NOT NULL, price_minor int NOT NULL, currency text NOT NULL);

-- Who acts, as the host's server says it for each transaction: SET LOCAL clinic.staff = 'usr_12'. Nobody is guessed.
CREATE FUNCTION acting() RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
    staff text := NULLIF(current_setting('clinic.staff', true), '');
BEGIN
    IF staff IS NULL THEN
        RAISE EXCEPTION 'nobody acts; SET LOCAL clinic.staff first';
    END IF;
    RETURN json_build_object('kind', 'staff', 'id', staff);
END
$$;

-- A function of the host that changes and records. Whoever calls it needs indelible_recorder, as it is no SECURITY DEFINER.
CREATE FUNCTION reschedule(booking_id text, new_start timestamptz, reason text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old booking%ROWTYPE;
BEGIN
    SELECT * INTO STRICT old FROM booking WHERE id = booking_id AND status = 'booked' FOR UPDATE;
    UPDATE booking SET starts_at = new_start WHERE id = booking_id;
    PERFORM indelible.record(old.clinic, json_build_object(
        'action', 'booking.rescheduled',
        'actor', acting(),
        'target', json_build_object('kind', 'booking', 'id', old.id),
        'client', json_build_object('id', old.client),
        -- JSON writes a timestamptz with its offset.
        'context', json_build_object(
            'starts_at', json_build_object('old', old.starts_at, 'new', new_start), 'reason_text', reason)));
END
$$;

-- A trigger of the host: each change of a service's name or price, from whichever program it comes.
CREATE FUNCTION service_edited() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes json := (
        SELECT json_agg(one) FROM (
            SELECT json_build_object('field', 'name', 'old', OLD.name, 'new', NEW.name) AS one
            WHERE OLD.name <> NEW.name
            UNION ALL
            SELECT json_build_object('field', 'price_minor', 'old', OLD.price_minor, 'new', NEW.price_minor, 'currency', NEW.currency)
            WHERE OLD.price_minor <> NEW.price_minor
        ) AS each);
BEGIN
    IF changes IS NOT NULL THEN
        PERFORM indelible.record(NEW.clinic, json_build_object(
            'action', 'service.edited',
            'actor', acting(),
            'target', json_build_object('kind', 'service', 'id', NEW.id, 'name', NEW.name),
            'context', json_build_object('changes', changes)));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER service_edited AFTER UPDATE ON service FOR EACH ROW EXECUTE FUNCTION service_edited();

-- What happened before there was a log. Each document has a key of its own, so that a second run doubles nothing; and it says
-- only what no later change alters, or the second run would have another document under the same key, which is held.
CREATE VIEW history AS
SELECT clinic, made_at, json_build_object(
    'action', 'booking.created',
    'occurred_at', made_at,
    'actor', json_build_object('kind', 'staff', 'id', made_by),
    'target', json_build_object('kind', 'booking', 'id', id),
    'client', json_build_object('id', client),
    'key', 'history:booking:' || id) AS document
FROM booking;

-- Either by way of the outbox, where it waits behind all that happens now, as a role that owns it:
--
--     SELECT indelible.record_imported(clinic, document) FROM history ORDER BY made_at;
--
-- or as a file for each clinic, which needs no outbox:
--
--     psql -At -c "SELECT document FROM history WHERE clinic = 'c_lisbon' ORDER BY made_at" > history.jsonl
--     indelible import history.jsonl --clinic c_lisbon
