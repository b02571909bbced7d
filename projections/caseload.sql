create table caseload (
    journey uuid not null,
    from_on date not null,
    to_on date not null,
    contract {text} not null,
    area {text} not null,
    keyworker uuid,
    reference {text} not null,
    received_on date not null,
    primary key (journey, from_on)
);
create index caseload_by_day on caseload (contract, to_on, from_on);
create index caseload_by_reference on caseload (contract, reference, journey);
create index caseload_by_received on caseload (contract, received_on, journey, to_on);
create index caseload_by_keyworker on caseload (contract, keyworker, to_on);
