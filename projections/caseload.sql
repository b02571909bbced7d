create table caseload (
    journey uuid not null,
    from_on date not null,
    to_on date not null,
    contract {text} not null,
    area {text} not null,
    keyworker uuid,
    primary key (journey, from_on)
);
create index caseload_by_contract on caseload (contract, to_on, from_on);
create index caseload_by_keyworker on caseload (keyworker, to_on);
