//! File descriptors: how many connections the process may have besides its own files and sessions.

/// The descriptors needed for the store, the views, a rebuild and the process's log.
const OWN: u64 = 256;

/// At most this many connections, or as many as the limit of open files allows. Raises that limit as far as the system
/// permits.
#[cfg(unix)]
pub fn connections_within(most: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    // If the limit cannot be raised, it does not change.
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

/// At most this many connections. The limits of this system are unknown.
#[cfg(not(unix))]
pub fn connections_within(most: usize) -> usize {
    most
}
