-- What people are found by: keyed hashes of their names, birth dates and numbers. Beside the keys, so that a copy of the
-- log finds nobody. It can be dropped and is then built again from the log.
create table search_token (
    token uuid not null,
    subject uuid not null,
    primary key (token, subject)
);

create index search_token_by_subject on search_token (subject);

-- Up to where the log is indexed, by which spelling, and since which start.
create table search_cursor (
    id bigint primary key check (id = 1),
    spelling bigint not null,
    run bigint not null,
    position bigint not null,
    event uuid
);

insert into search_cursor (id, spelling, run, position) values (1, 0, 0, 0);

-- Pairs of records that look like one person. The smaller id comes first.
create table possible_duplicate (
    subject uuid not null,
    other uuid not null,
    reason text collate "C" not null check (reason in ('identifier', 'name')),
    primary key (subject, other),
    check (subject < other)
);

create index possible_duplicate_by_other on possible_duplicate (other);
