//! What a command concerned, in its present state, as far as the caller may see it.
//!
//! It is read after the command, with the rights of the caller. Nothing is recorded here.

use async_graphql::{Context, Result};

use super::Outcome;
use crate::graphql::context::{OrFault as _, RequestContext as _};
use crate::graphql::contract::Contract;
use crate::graphql::journey::{self, Journey};
use crate::graphql::people::{Subject, Worker};
use crate::graphql::point_in_time::KnownUpTo;
use crate::graphql::query;
use crate::graphql::team::Team;
use crate::queries;
use throughline_domain::fact::envelope::{JourneyId, SubjectId, TeamId, WorkerId};

/// The present case, if the caller may see it.
pub(super) async fn journey(ctx: &Context<'_>, id: JourneyId) -> Result<Option<Journey>> {
    let story = journey::case_histories(ctx, std::iter::once(id), KnownUpTo::ALL).await?.remove(&id);
    Ok(story.and_then(|story| Journey::today(ctx, id, story)))
}

/// The cases as they are now, in this order, limited to those that the caller may see.
pub(super) async fn journeys(ctx: &Context<'_>, ids: &[JourneyId]) -> Result<Vec<Journey>> {
    let mut stories = journey::case_histories(ctx, ids.iter().copied(), KnownUpTo::ALL).await?;
    Ok(ids.iter().filter_map(|id| Journey::today(ctx, *id, stories.remove(id)?)).collect())
}

/// The present contract, if the caller may see it.
pub(super) fn contract(ctx: &Context<'_>, code: &str) -> Option<Contract> {
    Contract::today(ctx, ctx.in_scope(code)?)
}

/// The worker, after an accepted command, if the caller may see the worker.
pub(super) async fn worker(ctx: &Context<'_>, id: WorkerId, outcome: &Outcome) -> Result<Option<Worker>> {
    if !outcome.accepted() {
        return Ok(None);
    }
    let caller = ctx.caller();
    let visible =
        queries::people::visible_workers(&caller.generation, &caller.principal.scope, &[id]).await.or_fault()?;
    if visible.contains(&id) { Worker::load(ctx, id, KnownUpTo::ALL).await.transpose() } else { Ok(None) }
}

/// The subject, after an accepted command, if the caller may see the subject.
pub(super) async fn subject(ctx: &Context<'_>, id: SubjectId, outcome: &Outcome) -> Result<Option<Subject>> {
    if !outcome.accepted() {
        return Ok(None);
    }
    let (caller, today) = (ctx.caller(), ctx.deployment_today());
    let readable = queries::caseload_scope::readable_subjects(&caller.generation, &caller.principal, today, &[id])
        .await
        .or_fault()?;
    Ok(readable.contains(&id).then(|| Subject::today(id)))
}

/// The team, after an accepted command, if the caller may see the team.
pub(super) async fn team(ctx: &Context<'_>, id: TeamId, outcome: &Outcome) -> Result<Option<Team>> {
    if outcome.accepted() { query::team(ctx, id, None).await } else { Ok(None) }
}
