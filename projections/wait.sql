create table wait (
    contract {text} not null,
    area {text} not null,
    state {text} not null,
    lowest bigint not null,
    highest bigint not null,
    exact bigint not null,
    early bigint not null,
    month date not null,
    journeys bigint not null,
    primary key (contract, area, state, lowest, highest, exact, early, month)
);
