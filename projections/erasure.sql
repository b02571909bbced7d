create table erasure (
    subject uuid not null primary key,
    ground {text} not null,
    approval uuid,
    is_erased bigint not null
);
create index erasure_by_state on erasure (is_erased, subject);
