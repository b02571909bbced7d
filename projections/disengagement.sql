create table disengagement (
    journey uuid not null,
    day date not null,
    reason {text} not null,
    contract {text} not null,
    area {text} not null,
    month date not null,
    primary key (journey, day, reason)
);
create index disengagement_by_contract on disengagement (contract, month, reason, day);
