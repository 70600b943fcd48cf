-- Entries that have an amount, in the order in which they are summed. Everything that a sum asks for stands in it, so
-- that the rows are not read: a total of a million entries is one walk along it.
CREATE INDEX indelible_entry_amount
    ON indelible_entry (clinic_id, action, currency, occurred_at, seq, amount_minor, actor_kind, actor)
    WHERE amount_minor IS NOT NULL;
