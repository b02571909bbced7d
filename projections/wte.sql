create table wte (
    worker uuid not null,
    from_on date not null,
    to_on date not null,
    wte bigint not null,
    primary key (worker, from_on)
);
