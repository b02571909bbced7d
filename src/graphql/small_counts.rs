//! Whether a caller sees small counts of a contract.
//!
//! The rulebook says it, for roles that the policy names. What is hidden is decided in [`crate::queries::small_counts`].

use async_graphql::Context;

use super::context::RequestContext as _;
use crate::access::policy::sees_small_counts;
use throughline_domain::contract::Rulebook;

/// Whether small counts of a contract are hidden from the caller, by the rulebook of the question or by the newest one:
/// a question about an earlier rulebook shows no more.
pub(super) fn are_hidden(ctx: &Context<'_>, code: &str, rulebook: &Rulebook) -> bool {
    if sees_small_counts(ctx.caller().principal.role) {
        return false;
    }
    let live = ctx.in_scope(code).and_then(|scope| ctx.caller().generation.contract_state(scope));
    let newest = live.as_ref().and_then(|contract| contract.newest_rulebook());
    rulebook.hides_small_counts() || newest.is_some_and(|newest| newest.hides_small_counts())
}
