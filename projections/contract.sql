create table contract (
    code {text} not null primary key,
    name {text} not null,
    starts_on date not null,
    ends_on date,
    rulebook_version {text} not null,
    rulebook_hash {text} not null
);
