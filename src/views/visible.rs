//! Which events of the log somebody may know of.
//!
//! A subject, worker or team belongs to the deployment: it is visible to whoever has a journey of it in scope.

use crate::access::Scope;
use crate::log::envelope::{Envelope, StreamKind, SubjectId, TeamId, WorkerId};
use crate::store::StoreError;
use crate::views::generation::Generation;

impl Generation {
    /// Which of these events somebody of this scope may know of: those of contracts in scope, and of the subjects,
    /// workers and teams whom a journey in scope is about or with.
    pub async fn visible_events(
        &self,
        scope: &Scope,
        events: &[Envelope],
    ) -> Result<impl Fn(&Envelope) -> bool + use<>, StoreError> {
        let of = |kind| events.iter().filter(move |event| event.stream.kind == kind).map(|event| event.stream.id);
        let subjects: Vec<SubjectId> = of(StreamKind::Subject).map(SubjectId).collect();
        let workers: Vec<WorkerId> = of(StreamKind::Worker).map(WorkerId).collect();
        let subjects = self.visible_subjects(scope, &subjects).await?;
        let workers = self.visible_workers(scope, &workers).await?;
        let teams: Vec<TeamId> = of(StreamKind::Team).map(TeamId).collect();
        let teams = self.visible_teams(scope, &teams).await?;
        let scope = scope.clone();
        Ok(move |event: &Envelope| match (event.stream.kind, &event.contract) {
            (StreamKind::Subject, _) => subjects.contains(&SubjectId(event.stream.id)),
            (StreamKind::Worker, _) => workers.contains(&WorkerId(event.stream.id)),
            (StreamKind::Team, _) => teams.contains(&TeamId(event.stream.id)),
            (_, Some(code)) => scope.contract(code).is_some(),
            (_, None) => false,
        })
    }
}
