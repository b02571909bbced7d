create table journey (
    id uuid not null primary key,
    contract {text} not null,
    reference {text} not null,
    subject uuid not null,
    area {text} not null,
    cohort {text},
    referrer {text},
    received_on date not null,
    received_latest date not null,
    accepted_on date,
    declined_on date
);
create index journey_by_subject on journey (subject, contract);
create index journey_by_reference on journey (contract, reference, id);
create index journey_by_received on journey (contract, received_on, id);
