create table obligation (
    journey uuid not null,
    standard {text} not null,
    nth bigint not null,
    counts_from date not null,
    counts_to date not null,
    contract {text} not null,
    area {text} not null,
    state {text} not null,
    from_on date not null,
    due_on date not null,
    ended_on date,
    keyworker uuid,
    last_keyworker uuid,
    primary key (journey, standard, nth, counts_from)
);
create index obligation_by_contract on obligation (contract, state, due_on, journey);
