//! Which subjects, workers and teams a contract knows, so that what is recorded of them can change its figures.
//!
//! Workers and teams are those of its boards: those that have held a case of the contract, and those that have held no
//! case anywhere.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::people::{visible_teams, visible_workers};
use crate::access::{InScope, Scope};
use crate::store::{Sql, StoreError, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{StreamId, StreamKind, TeamId, WorkerId};

static SUBJECTS: Sql = Sql::new(
    "select distinct j.subject from journey j where j.contract = $1 and j.subject in {uuids $2} order by j.subject limit $3",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&SUBJECTS];

/// Those of some streams of subjects, workers and teams that a contract knows.
pub async fn among(
    generation: &Generation,
    scope: InScope<'_>,
    streams: impl Iterator<Item = StreamId>,
) -> Result<BTreeSet<StreamId>, StoreError> {
    let streams: BTreeSet<StreamId> = streams.collect();
    let of = |kind: StreamKind| streams.iter().filter(move |stream| stream.kind == kind).map(|stream| stream.id);
    let contract = Scope::Contracts([scope.contract().to_owned()].into());
    let workers: Vec<WorkerId> = of(StreamKind::Worker).map(WorkerId).collect();
    let teams: Vec<TeamId> = of(StreamKind::Team).map(TeamId).collect();
    let workers = visible_workers(generation, &contract, &workers).await?.into_iter().map(StreamId::worker);
    let teams = visible_teams(generation, &contract, &teams).await?.into_iter().map(StreamId::team);
    let known = subjects(generation, scope, of(StreamKind::Subject).collect()).await?.into_iter();
    let subjects = known.map(|id| StreamId { kind: StreamKind::Subject, id });
    Ok(workers.chain(teams).chain(subjects).collect())
}

/// The subjects among these with a case in the contract.
async fn subjects(generation: &Generation, scope: InScope<'_>, ids: Vec<Uuid>) -> Result<Vec<Uuid>, StoreError> {
    let sql = SUBJECTS.text(generation.reader.dialect());
    let most = i64::try_from(ids.len()).expect("a list in memory is counted in 64 bits");
    let found: sqlx::Result<Vec<Uuid>> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(scope.contract()).bind(json!(ids).to_string()).bind(most).fetch_all(pool).await
    });
    found.map_err(doing("read which subjects have a case in a contract"))
}
