-- The generation that was live before, kept so that it can be gone back to; none until a view is replaced.
alter table live_view add column previous integer not null default 0;
-- The newest rulebook that a live view has ever applied: one published after it is a reason to build another.
alter table live_view add column rulebooks_seen integer not null default 0;
