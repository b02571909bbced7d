-- Webhooks: to which address the events of a contract are sent, and how far that is done. It is not in the log, because
-- an address and its keys must be removable, and because nothing of it is a fact.
create table subscriptions (
    id blob not null primary key,
    contract text not null,
    url text not null,
    types text,
    identity integer not null,
    state text not null,
    reason text,
    position integer not null,
    run integer not null,
    version integer not null,
    attempted integer not null,
    attempts integer not null,
    failing_since text,
    next_attempt text,
    request blob not null,
    created_by text not null,
    created_at text not null
) strict, without rowid;
create index subscriptions_of_contracts on subscriptions (contract, created_at, id);

-- The keys that sign. They never leave this table but to be shown once to the one who asked for them.
create table subscription_keys (
    id blob not null primary key,
    subscription blob not null,
    kind text not null,
    secret blob not null,
    created_at text not null
) strict, without rowid;
create index keys_of_subscriptions on subscription_keys (subscription, created_at, id);

-- Each attempt to deliver. Old ones are removed; those of an event that could not be delivered stay until it is.
create table deliveries (
    subscription blob not null,
    number integer not null,
    position integer not null,
    event_id blob not null,
    event_type text not null,
    attempt integer not null,
    sent_at text not null,
    is_delivered integer not null,
    status integer,
    problem text,
    took_ms integer not null,
    next_attempt text,
    is_dead integer not null,
    primary key (subscription, number)
) strict, without rowid;
create index dead_letters on deliveries (subscription, number) where is_dead;
