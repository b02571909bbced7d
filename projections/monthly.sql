create table monthly (
    contract {text} not null,
    kind {text} not null,
    code {text} not null,
    area {text} not null,
    cohort {text} not null,
    month date not null,
    journeys bigint not null,
    primary key (contract, kind, code, area, cohort, month)
);
