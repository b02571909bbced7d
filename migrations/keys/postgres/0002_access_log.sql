-- Who opened whose names, notes or files of evidence, and when: one row for each person in a response. Apart from the
-- log, because it is kept for a limited time. It has ids only.
create table access_log (
    response uuid not null,
    subject uuid not null,
    opened_at timestamptz not null,
    request text collate "C" not null,
    role text collate "C" not null,
    login text collate "C" not null,
    login_key text collate "C" not null,
    identity boolean not null,
    notes boolean not null,
    evidence boolean not null,
    reveal uuid,
    primary key (response, subject),
    check (identity or notes or evidence)
);

create index access_log_by_time on access_log (opened_at, response, subject);
create index access_log_of_subject on access_log (subject, opened_at, response);
create index access_log_of_login on access_log (login_key, opened_at, response, subject);
