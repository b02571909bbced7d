create table held (
    contract {text} not null,
    keyworker uuid not null,
    stage {text} not null,
    journeys bigint not null,
    primary key (contract, keyworker, stage)
);
