//! File descriptors: how many connections the process may have beside what it needs for its own files and sessions.

/// What the store, the views, a rebuild and the log of the process need.
const OWN: u64 = 256;

/// So many connections, or as many as the limit of open files leaves; raises that limit as far as the system allows.
#[cfg(unix)]
pub fn connections_within(most: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    // Where it cannot be raised, it stays.
    let _ = setrlimit(Resource::Nofile, raised);
    let Some(open_files) = getrlimit(Resource::Nofile).current else { return most };
    let left = usize::try_from(open_files.saturating_sub(OWN)).unwrap_or(usize::MAX).max(1);
    if left < most {
        tracing::warn!(
            connections = left,
            wanted = most,
            open_files,
            "the limit of open files leaves fewer connections"
        );
    }
    most.min(left)
}

/// So many connections: nothing is known of the limits of this system.
#[cfg(not(unix))]
pub fn connections_within(most: usize) -> usize {
    most
}
