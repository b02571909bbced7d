create table monthly (
    contract {text} not null,
    board {text} not null,
    code {text} not null,
    area {text} not null,
    month date not null,
    journeys bigint not null,
    primary key (contract, board, code, area, month)
);
