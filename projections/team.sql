create table team (
    id uuid not null,
    from_on date not null,
    to_on date not null,
    label {text} not null,
    primary key (id, from_on)
);
create index team_by_label on team (label, id);
