-- Evidence files: what was uploaded, and the sealed objects that hold it in the evidence store. The name of a file is
-- sealed under the key of the person whom the case is about.
create table evidence_files (
    id uuid not null primary key,
    journey uuid not null,
    subject uuid not null,
    sender text collate "C" not null,
    name bytea not null,
    media_type text collate "C" not null,
    size bigint not null,
    part_size bigint not null,
    key_version bigint not null,
    state text collate "C" not null check (state in ('open', 'checking', 'complete')),
    sha256 text collate "C",
    thumbnail uuid,
    is_kept boolean not null,
    opened_at timestamptz not null,
    touched_at timestamptz not null
);

create index evidence_files_of_journeys on evidence_files (journey, sha256);
create index evidence_files_of_senders on evidence_files (sender) where sha256 is null;
create index evidence_files_left_over on evidence_files (touched_at, id) where not is_kept;

-- Numbers are of parts, from 1. Number 0 is the small picture of a photograph.
create table evidence_objects (
    id uuid not null primary key,
    file uuid not null,
    number bigint not null,
    is_stored boolean not null,
    made_at timestamptz not null
);

create index evidence_objects_of_files on evidence_objects (file, number);
create index evidence_objects_made on evidence_objects (made_at, id);

grant select, insert, update, delete on evidence_files, evidence_objects to throughline_app;
