create table assignment (
    journey uuid not null,
    worker uuid not null,
    role {text} not null,
    counts_from date not null,
    to_on date not null,
    contract {text} not null,
    primary key (journey, worker, role, counts_from)
);
create index assignment_by_worker on assignment (worker, contract, counts_from);
create index assignment_by_contract on assignment (contract, worker, counts_from);
