-- Evidence files: what was uploaded, and the sealed objects that hold it in the evidence store. The name of a file is
-- sealed under the key of the person whom the case is about.
create table evidence_files (
    id blob not null primary key,
    journey blob not null,
    subject blob not null,
    sender text not null,
    name blob not null,
    media_type text not null,
    size integer not null,
    part_size integer not null,
    key_version integer not null,
    state text not null check (state in ('open', 'checking', 'complete')),
    sha256 text,
    thumbnail blob,
    is_kept integer not null,
    opened_at text not null,
    touched_at text not null
) strict;

create index evidence_files_of_journeys on evidence_files (journey, sha256);
create index evidence_files_of_senders on evidence_files (sender) where sha256 is null;
create index evidence_files_left_over on evidence_files (touched_at, id) where not is_kept;

-- Numbers are of parts, from 1. Number 0 is the small picture of a photograph.
create table evidence_objects (
    id blob not null primary key,
    file blob not null,
    number integer not null,
    is_stored integer not null,
    made_at text not null
) strict;

create index evidence_objects_of_files on evidence_objects (file, number);
create index evidence_objects_made on evidence_objects (made_at, id);
