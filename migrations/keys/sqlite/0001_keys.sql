-- The keys that open what the log says about people. Apart from the log, so that a copy of the log opens nothing.
-- A destroyed key leaves its row without the key, so that no new key of that name is ever made.
create table keys (
    subject blob not null,
    class text not null,
    version integer not null,
    wrapped_by text,
    wrapped blob,
    created_at text not null,
    destroyed_at text,
    primary key (subject, class, version),
    check ((wrapped is null) = (wrapped_by is null)),
    check ((wrapped is null) = (destroyed_at is not null))
) strict, without rowid;

-- For the rotation of the key that wraps them.
create index keys_by_wrapping_key on keys (wrapped_by) where wrapped_by is not null;
