//! The codes of top-level GraphQL errors that only Throughline gives. Clients rely on them, so they are never renamed.
//!
//! The codes of the protocol are the gateway's.

use throughline_gateway::Code;

/// The caller is a keyworker whose login is no worker's who is here.
pub(super) const WORKER_UNKNOWN: Code = Code::Host("WORKER_UNKNOWN");
/// What was known then is being put together: ask again, when `retryAfterMs` says.
pub(super) const VIEW_BUILDING: Code = Code::Host("VIEW_BUILDING");
