-- End users who record, with the names that Supabase has: the role `authenticated`, and the claims of a signed token in
-- `request.jwt.claims`. `authenticated` may not call indelible.record, by which it could name any clinic and any actor. It
-- may call a function of the host's own, which does one thing, and takes from the claim who acts and for which clinic.
-- Run it in the SQL editor or put it into supabase/migrations, behind what `indelible outbox sql` prints.

CREATE TABLE IF NOT EXISTS public.booking (
    id text PRIMARY KEY,
    clinic text NOT NULL,
    client uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'booked'
);
ALTER TABLE public.booking ENABLE ROW LEVEL SECURITY;

-- An empty search_path: whatever the caller puts into a schema of theirs is not called instead.
CREATE OR REPLACE FUNCTION public.cancel_booking(booking_id text, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    claims json := NULLIF(current_setting('request.jwt.claims', true), '')::json;
    cancelled public.booking%ROWTYPE;
BEGIN
    -- app_metadata is written by the host alone; user_metadata by users themselves.
    UPDATE public.booking b SET status = 'cancelled'
    WHERE b.id = booking_id AND b.status = 'booked'
        AND b.client::text = claims ->> 'sub' AND b.clinic = claims #>> '{app_metadata,clinic}'
    RETURNING * INTO cancelled;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such booking of yours that could be cancelled' USING ERRCODE = 'P0002';
    END IF;
    -- In the same transaction as the change. No key and no occurred_at are taken from outside: the row has its own.
    PERFORM indelible.record(cancelled.clinic, json_strip_nulls(json_build_object(
        'action', 'booking.cancelled',
        'actor', json_build_object('kind', 'client', 'id', cancelled.client),
        'target', json_build_object('kind', 'booking', 'id', cancelled.id),
        'context', json_build_object('starts_at', to_json(cancelled.starts_at), 'reason_text', reason),
        'request', json_build_object('channel', 'client_app'))));
END
$$;

-- Supabase grants every new function of `public` to both of its roles.
REVOKE ALL ON FUNCTION public.cancel_booking(text, text) FROM PUBLIC, anon;
GRANT EXECUTE ON FUNCTION public.cancel_booking(text, text) TO authenticated;
