create table disengagement (
    journey uuid not null,
    reason {text} not null,
    contract {text} not null,
    area {text} not null,
    marked_on date not null,
    counts_from date not null,
    primary key (journey, reason)
);
create index disengagement_by_contract on disengagement (contract, marked_on, reason, area, counts_from);
