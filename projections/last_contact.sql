create table last_contact (
    contract {text} not null,
    keyworker uuid not null,
    area {text} not null,
    day date not null,
    latest date not null,
    own_day date not null,
    own_latest date not null,
    journeys bigint not null,
    primary key (contract, keyworker, area, day, latest, own_day, own_latest)
);
