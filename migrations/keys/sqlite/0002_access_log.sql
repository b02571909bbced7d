-- Who opened whose names, notes or files of evidence, and when: one row for each person in a response. Apart from the
-- log, because it is kept for a limited time. It has ids only.
create table access_log (
    response blob not null,
    subject blob not null,
    opened_at text not null,
    request text not null,
    role text not null,
    login text not null,
    login_key text not null,
    identity integer not null,
    notes integer not null,
    evidence integer not null,
    reveal blob,
    primary key (response, subject),
    check (identity or notes or evidence)
) strict, without rowid;

create index access_log_by_time on access_log (opened_at, response, subject);
create index access_log_of_subject on access_log (subject, opened_at, response);
create index access_log_of_login on access_log (login_key, opened_at, response, subject);
