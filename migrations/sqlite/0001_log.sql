-- The log. Forward only; never a read model. The record is the truth: every other column is a copy for an index.
create table events (
    position integer not null primary key,
    event_id blob not null unique,
    stream_kind text not null,
    stream_id blob not null,
    version integer not null,
    type text not null,
    contract text,
    occurred_on text not null,
    recorded_at text not null,
    actor text not null,
    command_id blob not null,
    record text not null,
    hash blob not null,
    unique (stream_id, stream_kind, version)
) strict;

-- Contracts are few and every view begins by reading all of them.
create index events_of_contracts on events (position) where stream_kind = 'contract';

-- Accepted commands, so that a repetition is answered with what it did the first time. The id leads the key: a batch
-- looks all its ids up at once, whoever sends them.
create table commands (
    actor text not null,
    command_id blob not null,
    fingerprint blob,
    first_position integer not null,
    last_position integer not null,
    primary key (command_id, actor)
) strict, without rowid;

-- Where the log stands; the one row that every append locks.
create table log_head (
    id integer not null primary key check (id = 1),
    position integer not null,
    recorded_at text not null,
    epoch integer not null
) strict;

-- Which generation of view tables is the live one; none until the first is built.
create table live_view (
    id integer not null primary key check (id = 1),
    generation integer not null
) strict;

-- Random keys of this deployment that never leave it.
create table secrets (
    name text not null primary key,
    value blob not null
) strict;

create trigger events_are_not_updated before update on events
begin
    select raise(abort, 'the log is append-only: an event is never updated');
end;

create trigger events_are_not_deleted before delete on events
begin
    select raise(abort, 'the log is append-only: an event is never deleted');
end;

-- REPLACE deletes without firing the triggers above, so what it would replace is refused before it begins.
create trigger events_are_only_appended before insert on events
begin
    select raise(abort, 'the log is append-only: a position follows the last one')
    where new.position is not (select coalesce(max(position), 0) + 1 from events);
    select raise(abort, 'the log is append-only: this event id is taken')
    where exists (select 1 from events where event_id = new.event_id);
    select raise(abort, 'the log is append-only: this version of the stream is taken')
    where exists (
        select 1 from events
        where stream_id = new.stream_id and stream_kind = new.stream_kind and version = new.version
    );
end;

create trigger commands_are_not_updated before update on commands
begin
    select raise(abort, 'the log is append-only: a command is never updated');
end;

create trigger commands_are_not_deleted before delete on commands
begin
    select raise(abort, 'the log is append-only: a command is never deleted');
end;

create trigger commands_are_only_appended before insert on commands
begin
    select raise(abort, 'the log is append-only: this command id is taken')
    where exists (select 1 from commands where actor = new.actor and command_id = new.command_id);
end;

create trigger the_head_only_moves_on before update on log_head
begin
    select raise(abort, 'the log is append-only: its head never goes back')
    where new.id is not old.id
        or new.position < old.position
        or new.recorded_at < old.recorded_at
        or new.epoch < old.epoch;
end;

create trigger the_head_is_not_deleted before delete on log_head
begin
    select raise(abort, 'the log is append-only: its head is never deleted');
end;

create trigger the_head_is_not_replaced before insert on log_head
begin
    select raise(abort, 'the log is append-only: it has one head')
    where exists (select 1 from log_head);
end;

insert into log_head (id, position, recorded_at, epoch) values (1, 0, '1970-01-01T00:00:00+00:00', 1);
insert into live_view (id, generation) values (1, 0);
insert into secrets (name, value) values ('command_fingerprint', randomblob(32));
