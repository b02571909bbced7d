-- Imports that other systems send to a running server: what was sent, by whom, and what became of it. What they record
-- is in the log. The files themselves are in the folder of the server.
create table import_jobs (
    id uuid not null primary key,
    number bigint not null unique,
    source text collate "C" not null,
    contract text collate "C" not null,
    form text collate "C" not null,
    files text collate "C" not null,
    digest text collate "C" not null,
    size bigint not null,
    sender text collate "C" not null,
    role text collate "C" not null,
    request text collate "C",
    state text collate "C" not null check (state in ('waiting', 'running', 'finished', 'failed', 'cancelled')),
    is_cancelled boolean not null,
    reason text collate "C",
    attempts bigint not null,
    recorded bigint not null,
    corrected bigint not null,
    already_there bigint not null,
    refused bigint not null,
    unreadable bigint not null,
    missing bigint not null,
    retracted bigint not null,
    journeys bigint not null,
    file text collate "C",
    line bigint,
    not_compared text collate "C",
    position bigint,
    created_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz
);
create unique index import_jobs_of_requests on import_jobs (sender, role, request) where request is not null;
create index import_jobs_of_sources on import_jobs (source, contract, number);
create index import_jobs_unfinished on import_jobs (number) where state in ('waiting', 'running');

-- The records that were not recorded, and why. They are removed a month after the import has ended.
create table import_quarantine (
    job uuid not null,
    number bigint not null,
    file text collate "C",
    line bigint,
    record text collate "C",
    outcome text collate "C" not null,
    code text collate "C",
    place text collate "C",
    message text collate "C" not null,
    primary key (job, number)
);

grant select, insert, update on import_jobs to throughline_app;
grant select, insert, delete on import_quarantine to throughline_app;
