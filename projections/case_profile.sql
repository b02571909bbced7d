create table case_profile (
    journey uuid not null,
    counts_from date not null,
    counts_to date not null,
    contract {text} not null,
    profile {text} not null,
    primary key (journey, counts_from)
);
