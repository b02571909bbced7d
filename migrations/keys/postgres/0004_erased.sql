-- The people whose keys were destroyed for good. Whichever backup of keys is restored, no key of theirs comes back.
create table erased (
    subject uuid not null primary key,
    ground text collate "C" not null,
    erased_at timestamptz not null
);

-- The records of other systems from which an erased person came, each as a keyed hash. They are never registered again.
create table suppressed (
    entry text collate "C" not null primary key,
    made_at timestamptz not null
);

-- Only in a backup of keys: when it was taken. A key store has no row here.
create table key_backup (
    taken_at timestamptz not null primary key
);
