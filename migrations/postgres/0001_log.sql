-- The log. Forward only; never a read model. The record is the truth: every other column is a copy for an index.
create table events (
    position bigint not null primary key,
    event_id uuid not null unique,
    stream_kind text collate "C" not null,
    stream_id uuid not null,
    version bigint not null,
    type text collate "C" not null,
    contract text collate "C",
    occurred_on date not null,
    recorded_at timestamptz not null,
    actor text collate "C" not null,
    command_id uuid not null,
    record text collate "C" not null,
    hash bytea not null,
    unique (stream_id, stream_kind, version)
);

-- Contracts are few and every view begins by reading all of them.
create index events_of_contracts on events (position) where stream_kind = 'contract';

-- Accepted commands, so that a repetition is answered with what it did the first time. The id leads the key: a batch
-- looks all its ids up at once, whoever sends them.
create table commands (
    actor text collate "C" not null,
    command_id uuid not null,
    fingerprint bytea,
    first_position bigint not null,
    last_position bigint not null,
    primary key (command_id, actor)
);

-- Where the log stands; the one row that every append locks.
create table log_head (
    id bigint not null primary key check (id = 1),
    position bigint not null,
    recorded_at timestamptz not null,
    epoch bigint not null
) with (fillfactor = 10);

-- Which generation of view tables is the live one; none until the first is built.
create table live_view (
    id bigint not null primary key check (id = 1),
    generation bigint not null
);

-- Random keys of this deployment that never leave it.
create table secrets (
    name text collate "C" not null primary key,
    value bytea not null
);

create function refuse_to_alter_the_log() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name;
end;
$$;

create function refuse_to_turn_back() returns trigger language plpgsql as $$
begin
    if new.id <> old.id or new.position < old.position
        or new.recorded_at < old.recorded_at or new.epoch < old.epoch then
        raise exception 'the log is append-only: its head never goes back';
    end if;
    return new;
end;
$$;

create trigger events_are_never_altered before update or delete or truncate on events
    for each statement execute function refuse_to_alter_the_log();
create trigger commands_are_never_altered before update or delete or truncate on commands
    for each statement execute function refuse_to_alter_the_log();
create trigger the_head_is_never_removed before delete or truncate on log_head
    for each statement execute function refuse_to_alter_the_log();
create trigger the_head_only_moves_on before update on log_head
    for each row execute function refuse_to_turn_back();

insert into log_head (id, position, recorded_at, epoch) values (1, 0, 'epoch', 1);
insert into live_view (id, generation) values (1, 0);
insert into secrets (name, value)
values ('command_fingerprint', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Serving connections act in a role that may only read the log and add to it; only this migration's owner may more.
do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'throughline_app') then
        begin
            create role throughline_app nologin;
        exception
            when duplicate_object or unique_violation then null;
            when insufficient_privilege then
                raise exception 'the role throughline_app is missing and % may not create it', current_user
                    using hint = 'let an administrator run: create role throughline_app nologin; grant throughline_app to the user of this connection';
        end;
    end if;
    if not pg_has_role(current_user, 'throughline_app', 'member') then
        execute format('grant throughline_app to %I', current_user);
    end if;
    execute format('grant usage on schema %I to throughline_app', current_schema());
end;
$$;
grant select, insert on events, commands to throughline_app;
grant select, update on log_head, live_view to throughline_app;
grant select on secrets to throughline_app;
