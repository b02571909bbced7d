create table last_contact_by_area (
    contract {text} not null,
    area {text} not null,
    day date not null,
    latest date not null,
    journeys bigint not null,
    primary key (contract, area, day, latest)
);
