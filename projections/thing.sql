create table thing (
    id uuid not null,
    journey uuid not null,
    primary key (id, journey)
);
