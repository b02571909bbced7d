create table contact (
    journey uuid not null,
    day date not null,
    worker uuid not null,
    latest date not null,
    primary key (journey, day, worker)
);
