-- The people whose keys were destroyed for good. Whichever backup of keys is restored, no key of theirs comes back.
create table erased (
    subject blob not null primary key,
    ground text not null,
    erased_at text not null
) strict, without rowid;

-- The records of other systems from which an erased person came, each as a keyed hash. They are never registered again.
create table suppressed (
    entry text not null primary key,
    made_at text not null
) strict, without rowid;

-- Only in a backup of keys: when it was taken. A key store has no row here.
create table key_backup (
    taken_at text not null primary key
) strict, without rowid;
