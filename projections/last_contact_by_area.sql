create table last_contact_by_area (
    contract {text} not null,
    area {text} not null,
    last {text} not null,
    journeys bigint not null,
    primary key (contract, area, last)
);
