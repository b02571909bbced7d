-- Webhooks: to which address the events of a contract are sent, and how far that is done. It is not in the log, because
-- an address and its keys must be removable, and because nothing of it is a fact.
create table subscriptions (
    id uuid not null primary key,
    contract text collate "C" not null,
    url text collate "C" not null,
    types text collate "C",
    identity boolean not null,
    state text collate "C" not null,
    reason text collate "C",
    position bigint not null,
    run bigint not null,
    version bigint not null,
    attempted bigint not null,
    attempts bigint not null,
    failing_since timestamptz,
    next_attempt timestamptz,
    request bytea not null,
    created_by text collate "C" not null,
    created_at timestamptz not null
);
create index subscriptions_of_contracts on subscriptions (contract, created_at, id);

-- The keys that sign. They never leave this table but to be shown once to the one who asked for them.
create table subscription_keys (
    id uuid not null primary key,
    subscription uuid not null,
    kind text collate "C" not null,
    secret bytea not null,
    created_at timestamptz not null
);
create index keys_of_subscriptions on subscription_keys (subscription, created_at, id);

-- Each attempt to deliver. Old ones are removed; those of an event that could not be delivered stay until it is.
create table deliveries (
    subscription uuid not null,
    number bigint not null,
    position bigint not null,
    event_id uuid not null,
    event_type text collate "C" not null,
    attempt bigint not null,
    sent_at timestamptz not null,
    is_delivered boolean not null,
    status bigint,
    problem text collate "C",
    took_ms bigint not null,
    next_attempt timestamptz,
    is_dead boolean not null,
    primary key (subscription, number)
);
create index dead_letters on deliveries (subscription, number) where is_dead;

grant select, insert, update, delete on subscriptions, subscription_keys, deliveries to throughline_app;
