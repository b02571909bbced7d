create table exit (
    journey uuid not null primary key,
    contract {text} not null,
    area {text} not null,
    reason {text} not null,
    closed_on date not null,
    counts_from date not null
);
create index exit_by_contract on exit (contract, closed_on, reason, area, counts_from);
