//! Mutations about the people around journeys: subjects and workers.

use async_graphql::{Context, Object, Result};

use super::input::{AddWorkerInput, RegisterSubjectInput};
use super::payload::{SubjectPayload, WorkerPayload};
use super::{deployment_today, record};
use crate::journey::command::Command;
use crate::journey::event::{SubjectRegistered, WorkerJoined};
use crate::log::envelope::{StreamId, SubjectId, WorkerId};

/// What may be recorded about subjects and workers.
#[derive(Default)]
pub(super) struct PeopleMutations;

/// What may be recorded about subjects and workers.
#[Object]
impl PeopleMutations {
    /// A subject becomes known by pseudonym.
    async fn register_subject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RegisterSubjectInput,
    ) -> Result<SubjectPayload> {
        let subject = SubjectId(input.subject.map_or_else(|| input.stamp.id_for("subject"), |id| id.0));
        let occurred = input.when.occurred(deployment_today(ctx));
        let command =
            Command::state(StreamId::subject(subject), occurred, SubjectRegistered { kind: input.kind.into() });
        let outcome = record(ctx, input.stamp, command).await?;
        Ok(SubjectPayload::of(subject, outcome))
    }

    /// A keyworker or other member of staff joins.
    async fn add_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AddWorkerInput,
    ) -> Result<WorkerPayload> {
        let worker = WorkerId(input.worker.map_or_else(|| input.stamp.id_for("worker"), |id| id.0));
        let occurred = input.when.occurred(deployment_today(ctx));
        let fact = WorkerJoined { login: input.login, label: input.label };
        let command = Command::state(StreamId::worker(worker), occurred, fact);
        let outcome = record(ctx, input.stamp, command).await?;
        WorkerPayload::of(ctx, worker, outcome).await
    }
}
