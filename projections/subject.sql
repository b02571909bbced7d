create table subject (
    id uuid not null primary key,
    kind {text} not null,
    registered_on date not null
);
