create table stage (
    journey uuid not null,
    stage {text} not null,
    contract {text} not null,
    area {text} not null,
    ordinal bigint not null,
    reached_on date not null,
    month date not null,
    counts_from date not null,
    primary key (journey, stage)
);
create index stage_by_contract on stage (contract, month, stage, area, counts_from);
