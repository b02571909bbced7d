create table team_member (
    team uuid not null,
    worker uuid not null,
    from_on date not null,
    to_on date not null,
    primary key (team, worker, from_on)
);
create index team_member_by_worker on team_member (worker, team);
