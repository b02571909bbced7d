//! The codes of top-level GraphQL errors that only Throughline gives. Clients rely on them, so they are never renamed.
//!
//! The codes of the protocol are the gateway's.

use throughline_gateway::Code;

/// The caller is a keyworker, but no current worker has their login.
pub(super) const WORKER_UNKNOWN: Code = Code::Host("WORKER_UNKNOWN");
/// The view for an earlier knowledge date is being built. Wait `retryAfterMs`, then try again.
pub(super) const VIEW_BUILDING: Code = Code::Host("VIEW_BUILDING");
/// The search does not hold everything yet that the view shows. Wait `retryAfterMs`, then try again.
pub(super) const STALE_READ: Code = Code::Host("STALE_READ");
