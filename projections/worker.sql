create table worker (
    id uuid not null primary key,
    login {text},
    label {text} not null,
    joined_on date not null,
    left_on date,
    login_key {text}
);
create index worker_by_login on worker (login_key);
create index worker_by_label on worker (label, id);
