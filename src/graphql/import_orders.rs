//! The mutation that cancels an import. It is no fact, and the log does not record it.

use async_graphql::{Context, InputObject, Object, Result};

use super::context::{OrFault as _, RequestContext as _};
use super::import_job::ImportJob;
use super::mutation::input::Stamp;
use super::mutation::input::convert::Conversion;
use super::mutation::input_path::SentInput;
use super::mutation::payload::{ImportPayload, Outcome, notice};
use super::mutation::{Answered, answered};
use super::scalars::Id;
use crate::jobs::NotCancelled;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// Which import to cancel.
#[derive(Debug, Clone, InputObject)]
pub struct CancelImportInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the import.
    pub job: Id,
}

/// The mutation on imports.
#[derive(Default)]
pub struct ImportMutations;

/// The mutation on imports. It is no fact, and the log does not record it.
#[Object]
impl ImportMutations {
    /// Cancels an import that waits or is running. What it has recorded stays. Sending the command again changes
    /// nothing.
    async fn cancel_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The import.")] input: CancelImportInput,
    ) -> Answered<ImportPayload> {
        answered(cancel(ctx, input)).await
    }
}

async fn cancel(ctx: &Context<'_>, input: CancelImportInput) -> Result<ImportPayload> {
    let (sent, scope) = (SentInput::of(ctx)?, &ctx.caller().principal.scope);
    let refused = |refusal: Refusal| {
        let outcome = Outcome::refused(refusal.at("job").alone(), &sent);
        Ok(ImportPayload::of(None, outcome))
    };
    let not_found = || {
        let message = "there is no import with this id in your contracts: list the imports of the source";
        Refusal::new(RefusalCode::ImportNotFound, message)
    };
    let ended = || Refusal::new(RefusalCode::ImportEnded, "the import is over: there is nothing to cancel");
    let mut reading = Conversion::default();
    input.stamp.expected(&mut reading);
    if let Err(refusals) = reading.done() {
        return Ok(ImportPayload::of(None, Outcome::refused(refusals, &sent)));
    }
    if input.stamp.dry_run {
        return match ImportJob::find(ctx, input.job.0).await? {
            None => refused(not_found()),
            Some(found) if found.0.state.is_ended() => refused(ended()),
            Some(_) => {
                let message = "nothing was done because of dryRun; without it the command would succeed";
                let problems = vec![notice("DRY_RUN", message.to_owned())];
                Ok(ImportPayload::of(None, Outcome::unrecorded(false, problems)))
            }
        };
    }
    match ctx.app().imports.cancel(scope, input.job.0).await.or_fault()? {
        Ok(job) => Ok(ImportPayload::of(Some(ImportJob(job)), Outcome::unrecorded(false, Vec::new()))),
        Err(NotCancelled::NotFound) => refused(not_found()),
        Err(NotCancelled::Ended) => refused(ended()),
    }
}
