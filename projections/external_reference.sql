create table external_reference (
    journey uuid not null,
    system {text} not null,
    id {text} not null,
    contract {text} not null,
    primary key (journey, system, id)
);
create index external_reference_by_number on external_reference (contract, system, id, journey);
