create table staffing (
    holder uuid not null,
    kind {text} not null,
    item uuid not null,
    code {text} not null,
    from_on date not null,
    to_on date not null,
    amount bigint not null,
    primary key (holder, kind, item)
);
