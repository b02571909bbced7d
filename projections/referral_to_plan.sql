create table referral_to_plan (
    journey uuid not null,
    counts_from date not null,
    counts_to date not null,
    contract {text} not null,
    area {text} not null,
    from_on date not null,
    plan_on date,
    closed_on date,
    lowest bigint not null,
    highest bigint not null,
    exact bigint not null,
    early bigint not null,
    primary key (journey, counts_from)
);
create index referral_to_plan_by_contract on referral_to_plan (contract, from_on);
