-- When each key of a machine was last used, to the minute. The keys themselves are facts of the log.
create table api_key_use (
    api_key blob not null primary key,
    used_at text not null
) strict, without rowid;
