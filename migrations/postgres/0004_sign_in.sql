-- When each key of a machine was last used, to the minute. The keys themselves are facts of the log.
create table api_key_use (
    api_key uuid not null primary key,
    used_at timestamptz not null
);
grant select, insert, update on api_key_use to throughline_app;
