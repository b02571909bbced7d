create table state (
    journey uuid not null,
    counts_from date not null,
    to_on date not null,
    state {text} not null,
    primary key (journey, counts_from)
);
