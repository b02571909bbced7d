//! What each column of the stored tables says about people: of the log, of what is kept beside it, and of the key store.
//!
//! The view tables are classified where they are defined, in [`throughline_projections::privacy`].

use throughline_domain::classified;
use throughline_domain::fact::privacy::Holder;

/// The tables of the log and of what is kept beside it.
pub const LOG: &[Holder] = classified! {
    events: Operational [position, event_id, version, recorded_at, command_id, hash] Open [stream_kind, type, contract]
        Pseudonym [stream_id] Case [occurred_on, record] Staff [actor];
    commands: Staff [actor] Operational [command_id, first_position, last_position] Secret [fingerprint];
    log_head: Operational [id, position, recorded_at, epoch];
    live_view: Operational [id, generation, previous, rulebooks_seen];
    secrets: Operational [name] Secret [value];
    api_key_use: Operational [api_key, used_at];
    evidence_files: Pseudonym [id, journey, subject] Staff [sender] Special [name, thumbnail]
        Operational [media_type, size, part_size, key_version, state, sha256, is_kept, opened_at, touched_at];
    evidence_objects: Pseudonym [id, file] Operational [number, is_stored, made_at];
    subscriptions: Operational [id, types, identity, state, reason, position, run, version, attempted, attempts]
        Operational [failing_since, next_attempt, created_at] Open [contract] Secret [url, request] Staff [created_by];
    subscription_keys: Operational [id, subscription, kind, created_at] Secret [secret];
    deliveries: Operational [subscription, number, position, event_id, event_type, attempt, sent_at, is_delivered]
        Operational [status, problem, took_ms, next_attempt, is_dead];
    import_jobs: Operational [id, number, form, digest, size, request, state, is_cancelled, attempts, line, position]
        Operational [recorded, corrected, already_there, refused, unreadable, missing, retracted, journeys]
        Operational [reason, not_compared, created_at, started_at, ended_at] Open [source, contract]
        Staff [sender, role] Remark [files, file];
    import_quarantine: Operational [job, number, line, outcome, code, place] Pseudonym [record]
        Remark [file, message];
    backup: Operational [id, position, digest];
    _sqlx_migrations: Operational [version, description, installed_on, success, checksum, execution_time];
};

/// The tables of the key store.
pub const KEYS: &[Holder] = classified! {
    keys: Pseudonym [subject] Operational [class, version, wrapped_by, created_at, destroyed_at] Secret [wrapped];
    access_log: Operational [response, opened_at, request, identity, notes, evidence, reveal] Pseudonym [subject]
        Staff [role, login, login_key];
    search_token: Secret [token] Pseudonym [subject];
    search_cursor: Operational [id, spelling, run, position, event];
    possible_duplicate: Pseudonym [subject, other] Case [reason];
    erased: Pseudonym [subject] Case [ground] Operational [erased_at];
    suppressed: Secret [entry] Operational [made_at];
    key_backup: Operational [taken_at];
    _sqlx_migrations: Operational [version, description, installed_on, success, checksum, execution_time];
};
