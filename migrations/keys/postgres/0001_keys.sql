-- The keys that open what the log says about people. Apart from the log, so that a copy of the log opens nothing.
-- A destroyed key leaves its row without the key, so that no new key of that name is ever made.
create table keys (
    subject uuid not null,
    class text collate "C" not null,
    version bigint not null,
    wrapped_by text collate "C",
    wrapped bytea,
    created_at timestamptz not null,
    destroyed_at timestamptz,
    primary key (subject, class, version),
    check ((wrapped is null) = (wrapped_by is null)),
    check ((wrapped is null) = (destroyed_at is not null))
);

-- For the rotation of the key that wraps them.
create index keys_by_wrapping_key on keys (wrapped_by) where wrapped_by is not null;
