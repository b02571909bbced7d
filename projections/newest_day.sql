create table newest_day (
    contract {text} not null,
    day date not null,
    journeys bigint not null,
    primary key (contract, day)
);
