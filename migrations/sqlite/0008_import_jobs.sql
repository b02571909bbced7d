-- Imports that other systems send to a running server: what was sent, by whom, and what became of it. What they record
-- is in the log. The files themselves are in the folder of the server.
create table import_jobs (
    id blob not null primary key,
    number integer not null unique,
    source text not null,
    contract text not null,
    form text not null,
    files text not null,
    digest text not null,
    size integer not null,
    sender text not null,
    role text not null,
    request text,
    state text not null check (state in ('waiting', 'running', 'finished', 'failed', 'cancelled')),
    is_cancelled integer not null,
    reason text,
    attempts integer not null,
    recorded integer not null,
    corrected integer not null,
    already_there integer not null,
    refused integer not null,
    unreadable integer not null,
    missing integer not null,
    retracted integer not null,
    journeys integer not null,
    file text,
    line integer,
    not_compared text,
    position integer,
    created_at text not null,
    started_at text,
    ended_at text
) strict, without rowid;
create unique index import_jobs_of_requests on import_jobs (sender, role, request) where request is not null;
create index import_jobs_of_sources on import_jobs (source, contract, number);
create index import_jobs_unfinished on import_jobs (number) where state in ('waiting', 'running');

-- The records that were not recorded, and why. They are removed a month after the import has ended.
create table import_quarantine (
    job blob not null,
    number integer not null,
    file text,
    line integer,
    record text,
    outcome text not null,
    code text,
    place text,
    message text not null,
    primary key (job, number)
) strict, without rowid;
