create table cover (
    team uuid not null,
    id uuid not null,
    absent uuid not null,
    stands_in uuid not null,
    from_on date not null,
    to_on date not null,
    primary key (team, id)
);
create index cover_by_stand_in on cover (stands_in, to_on, from_on);
