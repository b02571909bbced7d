create table last_contact (
    contract {text} not null,
    keyworker uuid not null,
    area {text} not null,
    last {text} not null,
    own {text} not null,
    journeys bigint not null,
    primary key (contract, keyworker, area, last, own)
);
