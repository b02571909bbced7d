create table countable (
    journey uuid not null,
    day date not null,
    kind {text} not null,
    code {text} not null,
    nth bigint not null,
    contract {text} not null,
    area {text} not null,
    cohort {text} not null,
    referrer {text} not null,
    keyworker uuid,
    worker uuid,
    latest date not null,
    month date not null,
    counts_from date not null,
    counts_to date not null,
    quantity bigint,
    ahead bigint not null,
    primary key (journey, day, kind, code, nth)
);
create index countable_ahead on countable (contract, counts_from) where ahead = 1;
create index countable_by_contract on countable (contract, kind, day);
create index countable_without_worker on countable (contract, kind, day)
    where worker is null and kind in ('face_to_face', 'remote');
