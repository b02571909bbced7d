//! The payloads of imports, and of referrals that are created or corrected by reference.

use async_graphql::{Context, Result, SimpleObject};

use super::{Event, Journey, JourneyId, Outcome, Position, Problem, journey};
use crate::graphql::import_job::ImportJob;
use crate::graphql::mutation::upsert::UpsertResult;

payload! {
    /// The result of an order on an import. The log does not record such orders, so `events` is always empty.
    ImportPayload {
        /// The import. Null if the command was refused.
        job: ImportJob
    }
}

payload! {
    /// The result of creating or correcting a referral.
    UpsertPayload {
        /// The case as of today. Null if you may not see it.
        journey: Journey,
        /// What was done. Null if the command was refused or only checked.
        result: UpsertResult,
    }
}

impl ImportPayload {
    /// The payload of an order on an import.
    pub fn of(job: Option<ImportJob>, outcome: Outcome) -> Self {
        Self::with(job, outcome)
    }
}

impl UpsertPayload {
    /// The payload of a referral that was created or corrected, or did not change.
    pub async fn of(
        ctx: &Context<'_>,
        (id, result): (Option<JourneyId>, Option<UpsertResult>),
        mut outcome: Outcome,
    ) -> Result<Self> {
        let read = match id {
            Some(id) => journey(ctx, id).await,
            None => Ok(None),
        };
        Ok(Self::with(outcome.about(read)?, result, outcome))
    }
}
