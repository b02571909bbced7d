create table tracked_item (
    id uuid not null,
    journey uuid not null,
    primary key (id, journey)
);
