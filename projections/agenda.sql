create table agenda (
    journey uuid not null,
    kind {text} not null,
    item uuid not null,
    counts_from date not null,
    counts_to date not null,
    contract {text} not null,
    area {text} not null,
    state {text} not null,
    due_on date not null,
    due_at {text} not null,
    worker uuid,
    keyworker uuid,
    last_keyworker uuid,
    primary key (journey, kind, item, counts_from)
);
create index agenda_by_contract on agenda (contract, kind, due_on, due_at, journey, item);
