//! Workers, teams and subjects.
//!
//! Workers and teams belong to the deployment. A caller with a scope of some contracts sees the workers and teams who
//! have or had a case in one of them (domain.md §3), and those who do not have a case anywhere yet.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::board::count;
use super::period::bound;
use crate::access::{InScope, Scope};
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{StreamId, StreamKind, SubjectId, TeamId, WorkerId};
use throughline_domain::people::{login, worker};
use throughline_projections::FOREVER;

static WORKERS: Sql =
    Sql::new("select id, login, label, joined_on, left_on from worker where id in {uuids $1} limit $2");
static WORKER_OF_LOGIN: Sql = Sql::new(
    "select id, login, label, joined_on, left_on from worker where login_key = $1 and joined_on <= $2 \
     and (left_on is null or left_on > $2) order by joined_on desc, id desc limit 1",
);
/// The workers who have or had the login with the key `$1`, or the login of the worker `$2`.
static WORKERS_OF_LOGIN: Sql = Sql::new(
    "select id from worker where login_key = $1 or login_key = (select login_key from worker where id = $2) limit $3",
);
/// The workers who by the day `$2` had held a case of the contract `$1`, or had joined and held no case anywhere.
static WORKERS_OF_CONTRACT: Sql = Sql::new(
    "select w.id, w.login, w.label, w.joined_on, w.left_on from worker w \
     where (exists (select 1 from assignment a where a.worker = w.id and a.contract = $1 and a.counts_from <= $2) \
     or w.joined_on <= $2 and not exists \
     (select 1 from assignment a where a.worker = w.id and (a.contract <> $1 or a.counts_from <= $2))) \
     and (w.label, w.id) > ($3, $4) order by w.label, w.id limit $5",
);
/// How many they are.
static WORKER_COUNT_OF_CONTRACT: Sql = Sql::new(
    "select count(*) from worker w \
     where (exists (select 1 from assignment a where a.worker = w.id and a.contract = $1 and a.counts_from <= $2) \
     or w.joined_on <= $2 and not exists \
     (select 1 from assignment a where a.worker = w.id and (a.contract <> $1 or a.counts_from <= $2)))",
);
static WORKERS_IN: Sql = Sql::new(
    "select distinct w.id, a.contract from worker w left join assignment a on a.worker = w.id \
     where w.id in {uuids $1} limit $2",
);
static LINKS: Sql = Sql::new(
    "with recursive reached (id) as (select id from subject where id in {uuids $1} \
     union select l.other from subject_link l join reached r on l.subject = r.id where l.from_on <= $2 and l.to_on > $2) \
     select l.subject, l.other from subject_link l join reached r on l.subject = r.id \
     where l.from_on <= $2 and l.to_on > $2 limit $3",
);
static TEAMS: Sql = Sql::new(
    "select id, label from team where from_on <= $1 and to_on > $1 and (label, id) > ($2, $3) order by label, id limit \
        $4",
);
/// The teams with a member who by the day `$2` had held a case of the contract `$1`, or whose members had held none.
static TEAMS_OF_CONTRACT: Sql = Sql::new(
    "select t.id, t.label from team t where t.from_on <= $2 and t.to_on > $2 and (exists \
     (select 1 from team_member m join assignment a on a.worker = m.worker where m.team = t.id \
     and m.from_on <= $2 and a.contract = $1 and a.counts_from <= $2) \
     or not exists (select 1 from team_member m join assignment a on a.worker = m.worker where m.team = t.id \
     and (a.contract <> $1 or a.counts_from <= $2))) \
     and (t.label, t.id) > ($3, $4) order by t.label, t.id limit $5",
);
/// How many they are.
static TEAM_COUNT_OF_CONTRACT: Sql = Sql::new(
    "select count(*) from team t where t.from_on <= $2 and t.to_on > $2 and (exists \
     (select 1 from team_member m join assignment a on a.worker = m.worker where m.team = t.id \
     and m.from_on <= $2 and a.contract = $1 and a.counts_from <= $2) \
     or not exists (select 1 from team_member m join assignment a on a.worker = m.worker where m.team = t.id \
     and (a.contract <> $1 or a.counts_from <= $2)))",
);
static TEAMS_OF_WORKERS: Sql = Sql::new(
    "select m.worker, m.team from team_member m join team t on t.id = m.team and t.from_on <= $2 and t.to_on > $2 \
     where m.worker in {uuids $1} and m.from_on <= $2 and m.to_on > $2 order by t.label, t.id limit $3",
);
static COVERED: Sql =
    Sql::new("select distinct absent from cover where stands_in = $1 and from_on <= $2 and to_on > $2 limit $3");
/// The facts about the worker `$1` on the day `$2` or later: days with contacts, assignments, their open appointments
/// and tasks, covers of other workers, and cases that they hold temporarily, until before `$3`.
static LATER_FACTS: Sql = Sql::new(
    "select (select count(*) from countable k where k.contract in (select c.code from contract c) \
     and k.kind in ('face_to_face', 'remote') and k.day >= $2 and k.worker = $1) as contacts, \
     (select count(*) from assignment a where a.worker = $1 and a.counts_from >= $2) as assignments, \
     (select count(*) from agenda b where b.worker = $1 and b.kind = 'appointment' and b.state = 'open' \
     and b.counts_to >= $3 and b.due_on >= $2) as appointments, \
     (select count(*) from agenda b where b.worker = $1 and b.kind = 'task' and b.state = 'open' \
     and b.counts_to >= $3 and b.due_on >= $2) as tasks, \
     (select count(*) from cover v where v.stands_in = $1 and v.to_on > $2) as covers, \
     (select count(*) from assignment a where a.worker = $1 and a.role = 'keyworker' and a.counts_from < $2 \
     and a.to_on > $2 and a.to_on < $3) as loans, \
     (select max(k.day) from countable k where k.contract in (select c.code from contract c) \
     and k.kind in ('face_to_face', 'remote') and k.day >= $2 and k.worker = $1) as contact_on, \
     (select max(a.counts_from) from assignment a where a.worker = $1 and a.counts_from >= $2) as assigned_on, \
     (select max(b.due_on) from agenda b where b.worker = $1 and b.state = 'open' and b.counts_to >= $3 \
     and b.due_on >= $2) as planned_on",
);
static TEAMS_IN: Sql = Sql::new(
    "select distinct t.id, a.contract from team t left join team_member m on m.team = t.id \
     left join assignment a on a.worker = m.worker where t.id in {uuids $1} limit $2",
);
/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[
    &WORKERS,
    &WORKER_OF_LOGIN,
    &WORKERS_OF_LOGIN,
    &WORKERS_OF_CONTRACT,
    &WORKER_COUNT_OF_CONTRACT,
    &WORKERS_IN,
    &LINKS,
    &TEAMS,
    &TEAMS_OF_CONTRACT,
    &TEAM_COUNT_OF_CONTRACT,
    &TEAMS_OF_WORKERS,
    &COVERED,
    &LATER_FACTS,
    &TEAMS_IN,
];

/// The number of teams read at once while looking for those in scope.
const READ_AT_ONCE: i64 = 500;

/// A keyworker or other member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    /// The worker's id.
    pub worker: WorkerId,
    /// The login in tokens, if they sign in.
    pub login: Option<String>,
    /// The label on boards, such as `KW-07`.
    pub label: String,
    /// The day they joined.
    pub joined_on: NaiveDate,
    /// The first day on which they no longer worked here, if they have left.
    pub left_on: Option<NaiveDate>,
}

impl WorkerRow {
    /// A worker, from the facts of their stream. `None` if they never joined.
    pub fn of(id: WorkerId, state: &worker::Worker) -> Option<Self> {
        let joined = state.joined.as_ref()?;
        Some(Self {
            worker: id,
            login: joined.details.login.clone(),
            label: joined.details.label.clone(),
            joined_on: joined.occurred.earliest(),
            left_on: state.left.as_ref().map(|left| left.occurred.earliest()),
        })
    }
}

/// The facts about a worker from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaterFacts {
    /// The number of journeys and days with contacts by them.
    pub contacts: u64,
    /// The number of assignments that begin then.
    pub assignments: u64,
    /// The number of their open appointments.
    pub appointments: u64,
    /// The number of their tasks due then.
    pub tasks: u64,
    /// The number of their covers of other workers.
    pub covers: u64,
    /// The number of cases that they hold temporarily then.
    pub loans: u64,
    /// The last date of any of these. `None` if there are none.
    pub last_on: Option<NaiveDate>,
}

/// A team with its label on boards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledTeam {
    /// The team's id.
    pub team: TeamId,
    /// The label on boards.
    pub label: String,
}

impl From<(Uuid, String)> for LabelledTeam {
    fn from((id, label): (Uuid, String)) -> Self {
        Self { team: TeamId(id), label }
    }
}

columns! {
    struct Worker {
        id: Uuid,
        login: Option<String>,
        label: String,
        joined_on: NaiveDate,
        left_on: Option<NaiveDate>,
    }
}

columns! {
    struct Later {
        contacts: i64,
        assignments: i64,
        appointments: i64,
        tasks: i64,
        covers: i64,
        loans: i64,
        contact_on: Option<NaiveDate>,
        assigned_on: Option<NaiveDate>,
        planned_on: Option<NaiveDate>,
    }
}

impl From<Worker> for WorkerRow {
    fn from(Worker { id, login, label, joined_on, left_on }: Worker) -> Self {
        Self { worker: WorkerId(id), login, label, joined_on, left_on }
    }
}

/// The workers with these ids, as far as they are known. For naming workers in data that is already visible.
pub async fn workers(generation: &Generation, ids: &[WorkerId]) -> Result<Vec<WorkerRow>, StoreError> {
    let sql = WORKERS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Worker>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(ids).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    Ok(found.map_err(doing("read workers"))?.into_iter().map(WorkerRow::from).collect())
}

/// The worker who signs in with this login and is here on a day. If there are several, the one who joined last, and
/// among those the one with the greatest id.
pub async fn worker_of_login(
    generation: &Generation,
    login: &str,
    on: NaiveDate,
) -> Result<Option<WorkerRow>, StoreError> {
    let sql = WORKER_OF_LOGIN.text(generation.reader.dialect());
    let found: sqlx::Result<Option<Worker>> = on!(&generation.reader, pool => sqlx::query_as(sql).bind(login::key(login)).bind(bound(on)).fetch_optional(pool).await);
    Ok(found.map_err(doing("find the worker of a login"))?.map(WorkerRow::from))
}

/// All workers who have or had this login, or the login of this worker.
pub async fn workers_of_login(
    generation: &Generation,
    login: Option<&str>,
    of: WorkerId,
) -> Result<Vec<WorkerId>, StoreError> {
    let sql = WORKERS_OF_LOGIN.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid,)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(login.map(login::key)).bind(of.0).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("find the workers with a login"))?;
    Ok(found.into_iter().map(|(id,)| WorkerId(id)).collect())
}

/// The workers who by the end of a day had held a case of a contract, in any role, or had joined and held no case
/// anywhere: at most `first` of them after a label and id, in this order.
pub async fn workers_of_contract(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
    (after, first): (Option<(&str, WorkerId)>, u32),
) -> Result<Vec<WorkerRow>, StoreError> {
    let sql = WORKERS_OF_CONTRACT.text(generation.reader.dialect());
    // Labels are never empty, so every worker comes after this position.
    let (label, worker) = after.unwrap_or(("", WorkerId(Uuid::nil())));
    let found: sqlx::Result<Vec<Worker>> = on!(&generation.reader, pool => {
        let workers = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of));
        workers.bind(label).bind(worker.0).bind(i64::from(first)).fetch_all(pool).await
    });
    let found = found.map_err(doing("list the workers of a contract"))?;
    Ok(found.into_iter().map(WorkerRow::from).collect())
}

/// The number of workers of a contract at the end of a day.
pub async fn worker_count_of_contract(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
) -> Result<u64, StoreError> {
    let sql = WORKER_COUNT_OF_CONTRACT.text(generation.reader.dialect());
    let counted: sqlx::Result<i64> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(scope.contract()).bind(bound(as_of)).fetch_one(pool).await
    });
    Ok(count(counted.map_err(doing("count the workers of a contract"))?))
}

/// The workers among these that a caller with this scope may see.
pub async fn visible_workers(
    generation: &Generation,
    scope: &Scope,
    ids: &[WorkerId],
) -> Result<BTreeSet<WorkerId>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let known = known_of(generation, scope, &ids, &WORKERS_IN).await?;
    Ok(known.into_iter().filter_map(|(id, is_visible)| is_visible.then_some(WorkerId(id))).collect())
}

/// The teams among these that a caller with this scope may see: those with a member, at any time, who has or had a
/// case in a contract of the scope, and those without such a case anywhere.
pub async fn visible_teams(
    generation: &Generation,
    scope: &Scope,
    ids: &[TeamId],
) -> Result<BTreeSet<TeamId>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let known = known_of(generation, scope, &ids, &TEAMS_IN).await?;
    Ok(known.into_iter().filter_map(|(id, is_visible)| is_visible.then_some(TeamId(id))).collect())
}

/// The workers and teams among these that a caller with this scope may not know. Streams that the view does not
/// know yet belong to no other contract.
pub async fn of_others(
    generation: &Generation,
    scope: &Scope,
    streams: &[StreamId],
) -> Result<BTreeSet<StreamId>, StoreError> {
    let mut hidden = BTreeSet::new();
    for (kind, sql) in [(StreamKind::Worker, &WORKERS_IN), (StreamKind::Team, &TEAMS_IN)] {
        let ids: Vec<Uuid> = streams.iter().filter(|stream| stream.kind == kind).map(|stream| stream.id).collect();
        let known = known_of(generation, scope, &ids, sql).await?;
        hidden.extend(known.into_iter().filter(|(_, is_visible)| !is_visible).map(|(id, _)| StreamId { kind, id }));
    }
    Ok(hidden)
}

/// For each of these workers or teams that the view knows, whether a caller with this scope may see it.
async fn known_of(
    generation: &Generation,
    scope: &Scope,
    ids: &[Uuid],
    sql: &'static Sql,
) -> Result<BTreeMap<Uuid, bool>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = sql.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid, Option<String>)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(ids).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    let mut contracts: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (id, contract) in found.map_err(doing("find the visible workers and teams"))? {
        contracts.entry(id).or_default().extend(contract);
    }
    Ok(contracts.into_iter().map(|(id, of)| (id, scope.knows_of(&of))).collect())
}

/// The links in force on a day, of these subjects and of all subjects reached through links.
pub async fn links_of(
    generation: &Generation,
    subjects: &[SubjectId],
    on: NaiveDate,
) -> Result<BTreeMap<SubjectId, BTreeSet<SubjectId>>, StoreError> {
    let sql = LINKS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid, Uuid)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(subjects).to_string()).bind(bound(on)).bind(i64::MAX).fetch_all(pool).await
    });
    let mut links: BTreeMap<SubjectId, BTreeSet<SubjectId>> = BTreeMap::new();
    for (subject, other) in found.map_err(doing("read the links of subjects"))? {
        links.entry(SubjectId(subject)).or_default().insert(SubjectId(other));
    }
    Ok(links)
}

/// The teams on a day that a caller with this scope may see: at most `first` of them after a label and id, in this
/// order.
pub async fn teams(
    generation: &Generation,
    scope: &Scope,
    on: NaiveDate,
    (after, first): (Option<(&str, TeamId)>, u32),
) -> Result<Vec<LabelledTeam>, StoreError> {
    let sql = TEAMS.text(generation.reader.dialect());
    let (label, team) = after.unwrap_or(("", TeamId(Uuid::nil())));
    let (mut teams, mut after) = (Vec::new(), (label.to_owned(), team.0));
    let first = usize::try_from(first).expect("a page is smaller than memory");
    loop {
        let read: sqlx::Result<Vec<(Uuid, String)>> = on!(&generation.reader, pool => {
            let page = sqlx::query_as(sql).bind(bound(on)).bind(&after.0).bind(after.1).bind(READ_AT_ONCE);
            page.fetch_all(pool).await
        });
        let read = read.map_err(doing("list teams"))?;
        let Some((id, label)) = read.last() else { return Ok(teams) };
        after = (label.clone(), *id);
        let ids: Vec<TeamId> = read.iter().map(|(id, _)| TeamId(*id)).collect();
        let visible = visible_teams(generation, scope, &ids).await?;
        teams.extend(read.into_iter().map(LabelledTeam::from).filter(|found| visible.contains(&found.team)));
        if teams.len() >= first {
            teams.truncate(first);
            return Ok(teams);
        }
    }
}

/// The number of teams on a day that a caller with this scope may see.
pub async fn team_count(generation: &Generation, scope: &Scope, on: NaiveDate) -> Result<u64, StoreError> {
    let all = teams(generation, scope, on, (None, u32::MAX)).await?;
    Ok(u64::try_from(all.len()).expect("a list is smaller than memory"))
}

/// The teams on a day with a member who by then had held a case of a contract, and those whose members had held no
/// case anywhere: at most `first` of them after a label and id, in this order.
pub async fn teams_of_contract(
    generation: &Generation,
    scope: InScope<'_>,
    on: NaiveDate,
    (after, first): (Option<(&str, TeamId)>, u32),
) -> Result<Vec<LabelledTeam>, StoreError> {
    let sql = TEAMS_OF_CONTRACT.text(generation.reader.dialect());
    let (label, team) = after.unwrap_or(("", TeamId(Uuid::nil())));
    let found: sqlx::Result<Vec<(Uuid, String)>> = on!(&generation.reader, pool => {
        let teams = sqlx::query_as(sql).bind(scope.contract()).bind(bound(on)).bind(label).bind(team.0);
        teams.bind(i64::from(first)).fetch_all(pool).await
    });
    let found = found.map_err(doing("list the teams of a contract"))?;
    Ok(found.into_iter().map(LabelledTeam::from).collect())
}

/// The number of teams of a contract on a day.
pub async fn team_count_of_contract(
    generation: &Generation,
    scope: InScope<'_>,
    on: NaiveDate,
) -> Result<u64, StoreError> {
    let sql = TEAM_COUNT_OF_CONTRACT.text(generation.reader.dialect());
    let counted: sqlx::Result<i64> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(scope.contract()).bind(bound(on)).fetch_one(pool).await
    });
    Ok(count(counted.map_err(doing("count the teams of a contract"))?))
}

/// The facts about a worker from a day on, as far as lists show them.
pub async fn later_facts_of(
    generation: &Generation,
    worker: WorkerId,
    from: NaiveDate,
) -> Result<LaterFacts, StoreError> {
    let sql = LATER_FACTS.text(generation.reader.dialect());
    let found: sqlx::Result<Later> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(worker.0).bind(bound(from)).bind(FOREVER).fetch_one(pool).await
    });
    let found = found.map_err(doing("find the later facts of a worker who leaves"))?;
    Ok(LaterFacts {
        contacts: count(found.contacts),
        assignments: count(found.assignments),
        appointments: count(found.appointments),
        tasks: count(found.tasks),
        covers: count(found.covers),
        loans: count(found.loans),
        last_on: found.contact_on.max(found.assigned_on).max(found.planned_on),
    })
}

/// The workers whom a worker covers for on a day.
pub async fn covered_by(
    generation: &Generation,
    worker: WorkerId,
    on: NaiveDate,
) -> Result<BTreeSet<WorkerId>, StoreError> {
    let sql = COVERED.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid,)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(worker.0).bind(bound(on)).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("find the workers whom a worker covers for"))?;
    Ok(found.into_iter().map(|(absent,)| WorkerId(absent)).collect())
}

/// The teams of each of these workers on a day, in the order of their labels.
pub async fn teams_of_workers(
    generation: &Generation,
    workers: &[WorkerId],
    on: NaiveDate,
) -> Result<Vec<(WorkerId, TeamId)>, StoreError> {
    let sql = TEAMS_OF_WORKERS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid, Uuid)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(workers).to_string()).bind(bound(on)).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("read the teams of workers"))?;
    Ok(found.into_iter().map(|(worker, team)| (WorkerId(worker), TeamId(team))).collect())
}
