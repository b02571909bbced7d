create table exit (
    journey uuid not null primary key,
    contract {text} not null,
    area {text} not null,
    closed_on date not null,
    month date not null,
    reason {text} not null
);
create index exit_by_contract on exit (contract, month, reason, closed_on);
