create table referral_to_plan (
    journey uuid not null,
    counts_from date not null,
    counts_to date not null,
    contract {text} not null,
    area {text} not null,
    from_on date not null,
    from_latest date not null,
    plan_on date,
    plan_latest date,
    closed_on date,
    primary key (journey, counts_from)
);
create index referral_to_plan_by_contract on referral_to_plan (contract, from_on);
