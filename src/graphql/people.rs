//! Subjects and workers in the API. The state of each stream is folded once per request.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::context::{OrFault as _, RequestContext as _};
use super::entry::entries;
use super::event::OccurredOn;
use super::fault::fault;
use super::identity::SubjectIdentity;
use super::journey::Occurrence;
use super::journey::work::Assessment;
use super::mutation::input::SubjectKind;
use super::point_in_time::{self, KnownUpTo};
use super::reveal::{self, EventIds};
use super::scalars::{Date, Decimal};
use super::team::Team;
use crate::access::Principal;
use crate::clock::Clock;
use crate::log::{Log, LogError};
use crate::queries;
use crate::queries::people::WorkerRow;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::fact::Entry;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{StreamId, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::event;
use throughline_domain::people::{subject, worker};

/// A subject: the person, family, site or area that was referred, under a pseudonym.
#[derive(Debug, Clone)]
pub struct Subject {
    id: SubjectId,
    /// The contract in which it was found, by code. Pseudonyms are those of this contract.
    contract: Option<Arc<str>>,
    as_of: Option<NaiveDate>,
    known: KnownUpTo,
}

impl Subject {
    /// A subject as of today.
    pub const fn today(id: SubjectId) -> Self {
        Self { id, contract: None, as_of: None, known: KnownUpTo::ALL }
    }

    /// A subject as of a day, with the knowledge of a log position.
    pub const fn at(id: SubjectId, as_of: NaiveDate, known: KnownUpTo) -> Self {
        Self { id, contract: None, as_of: Some(as_of), known }
    }

    /// The same, found in a case of a contract.
    #[must_use]
    pub fn in_contract(self, code: Option<&str>) -> Self {
        Self { contract: code.map(Into::into), ..self }
    }

    /// The id of this or of a linked record, as the caller may see it.
    async fn shown(&self, ctx: &Context<'_>, id: SubjectId) -> Result<ID> {
        let context = self.contract.as_deref().unwrap_or_default();
        Ok(ID(reveal::shown_id(ctx, id, context).await?.to_string()))
    }

    async fn state(&self, ctx: &Context<'_>) -> Result<subject::Subject> {
        let as_of = self.as_of.unwrap_or_else(|| ctx.deployment_today());
        Ok(subject_of(ctx, self.id, self.known, as_of).await?.unwrap_or_default())
    }

    /// The state, and how the ids of its events are shown.
    async fn state_with_ids(&self, ctx: &Context<'_>) -> Result<(subject::Subject, EventIds)> {
        let ids = EventIds::shown(ctx, self.contract.as_deref().unwrap_or_default()).await?;
        Ok((self.state(ctx).await?, ids))
    }

    /// Every record of the same subject, including this one.
    async fn group(&self, ctx: &Context<'_>) -> Result<BTreeSet<SubjectId>> {
        let as_of = self.as_of.unwrap_or_else(|| ctx.deployment_today());
        if self.known == KnownUpTo::ALL {
            let loader: &DataLoader<Groups, HashMapCache> = ctx.data_unchecked();
            let found = loader.load_one((self.id, as_of)).await.map_err(|error| fault(&*error))?;
            return Ok(found.unwrap_or_else(|| BTreeSet::from([self.id])));
        }
        let mut links = std::collections::BTreeMap::new();
        let mut next = vec![self.id];
        while let Some(id) = next.pop() {
            let linked = subject_of(ctx, id, self.known, as_of).await?.unwrap_or_default().linked;
            next.extend(linked.iter().filter(|other| !links.contains_key(*other)));
            links.insert(id, linked);
        }
        Ok(subject::reached(self.id, &links))
    }
}

impl Subject {
    /// The other records of the same subject that the caller may see.
    async fn others(&self, ctx: &Context<'_>) -> Result<BTreeSet<SubjectId>> {
        let mut others = self.group(ctx).await?;
        others.remove(&self.id);
        let loader: &DataLoader<Visible, HashMapCache> = ctx.data_unchecked();
        let visible = loader.load_many(others).await.map_err(|error| fault(&*error))?;
        Ok(visible.into_keys().collect())
    }
}

/// A subject: the person, family, site or area that was referred, under a pseudonym.
#[Object]
impl Subject {
    /// The id of the subject. If you may see only pseudonyms, it is the pseudonym of the subject in the contract of the
    /// case: another contract has another one, and `node` does not find it.
    pub async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        self.shown(ctx, self.id).await
    }

    /// The pseudonym of the subject in the contract of the case, as auditors and commissioners see it. Null if the subject
    /// was not found through a case.
    async fn pseudonym(&self, ctx: &Context<'_>) -> Option<Result<ID>> {
        let contract = self.contract.as_deref()?;
        let pseudonyms = ctx.app().log.pseudonyms().await.or_fault();
        Some(pseudonyms.map(|pseudonyms| ID(pseudonyms.of(contract, self.id).to_string())))
    }

    /// The kind of subject.
    async fn kind(&self, ctx: &Context<'_>) -> Option<Result<SubjectKind>> {
        self.state(ctx).await.map(|state| state.kind().map(Into::into)).transpose()
    }

    /// When the subject was registered. Its `event` is the target of a correction. If you may see only pseudonyms, the ids
    /// of events about the subject say nothing.
    async fn registered(&self, ctx: &Context<'_>) -> Option<Result<Occurrence>> {
        let read = self.state_with_ids(ctx).await;
        read.map(|(state, ids)| state.registered.as_ref().map(|entry| ids.occurrence(entry, None))).transpose()
    }

    /// The id that stands for the person: the smallest id among all linked records that you may see, linked directly or
    /// through others. Two records with the same `person` are the same person.
    async fn person(&self, ctx: &Context<'_>) -> Result<ID> {
        let visible = self.others(ctx).await?;
        self.shown(ctx, visible.first().map_or(self.id, |other| self.id.min(*other))).await
    }

    /// The other records of the same person that you may see, linked directly or through others.
    async fn linked(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        Ok(self.others(ctx).await?.into_iter().map(|id| Self { id, ..self.clone() }).collect())
    }

    /// The consents of the subject to the use of their data, oldest first.
    async fn consents(&self, ctx: &Context<'_>) -> Result<Vec<Consent>> {
        let (state, ids) = self.state_with_ids(ctx).await?;
        Ok(state.consents.iter().map(|consent| Consent::of(consent, &ids)).collect())
    }

    /// Who the subject is, as far as you may open it. Null if nothing is known.
    async fn identity(&self, ctx: &Context<'_>) -> Option<Result<SubjectIdentity>> {
        let known = |state: subject::Subject| {
            (!state.identity.is_empty()).then(|| SubjectIdentity::of(self.id, state.identity))
        };
        self.state(ctx).await.map(known).transpose()
    }

    /// The legal holds, oldest first. A legal hold keeps the subject's data even if it is due to be erased.
    async fn holds(&self, ctx: &Context<'_>) -> Result<Vec<LegalHold>> {
        let (state, ids) = self.state_with_ids(ctx).await?;
        Ok(state.holds.iter().map(|hold| LegalHold::of(hold, &ids)).collect())
    }

    /// When the subject's identifying data was erased. Null if it was not.
    async fn erased(&self, ctx: &Context<'_>) -> Option<Result<Occurrence>> {
        let read = self.state_with_ids(ctx).await;
        read.map(|(state, ids)| state.erased.as_ref().map(|entry| ids.occurrence(entry, None))).transpose()
    }

    /// The proposals to erase the subject's identifying data, oldest first.
    async fn erasures(&self, ctx: &Context<'_>) -> Result<Vec<Erasure>> {
        let (state, ids) = self.state_with_ids(ctx).await?;
        Ok(state.erasures.iter().map(|erasure| Erasure::of(erasure, &ids)).collect())
    }
}

/// The consent of a subject to the use of their data for a purpose.
#[derive(Debug, Clone, SimpleObject)]
pub struct Consent {
    /// The code of the purpose.
    purpose: String,
    /// When it was given.
    given: Occurrence,
    /// When it was withdrawn. Null if it was not.
    withdrawn: Option<Occurrence>,
}

impl Consent {
    fn of(consent: &subject::Consent, ids: &EventIds) -> Self {
        Self {
            purpose: consent.given.details.purpose.clone(),
            given: ids.occurrence(&consent.given, None),
            withdrawn: consent.withdrawn.as_ref().map(|withdrawn| ids.occurrence(withdrawn, None)),
        }
    }
}

/// A legal hold: a reason to keep a subject's data even if it is due to be erased.
#[derive(Debug, Clone, SimpleObject)]
pub struct LegalHold {
    /// The id of the hold. Use it to lift the hold.
    id: ID,
    /// When it was placed, and the reason.
    placed: Occurrence,
    /// When it was lifted, and the reason. Null if it was not.
    lifted: Option<Occurrence>,
}

impl LegalHold {
    fn of(hold: &subject::Hold, ids: &EventIds) -> Self {
        let lifted = hold.lifted.as_ref();
        Self {
            id: ids.of(hold.placed.details.hold.0),
            placed: ids.occurrence(&hold.placed, Some(&hold.placed.details.reason)),
            lifted: lifted.map(|lifted| ids.occurrence(lifted, Some(&lifted.details.reason))),
        }
    }
}

/// The ground for erasing a subject's identifying data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::ErasureGround")]
pub enum ErasureGround {
    /// The retention period has ended.
    RetentionEnded,
    /// The subject requested it.
    SubjectRequest,
    /// The subject withdrew the consent on which the data was held.
    ConsentWithdrawn,
    /// The data should never have been held.
    UnlawfulProcessing,
}

/// A proposal to erase a subject's identifying data. It needs the approval of a second person.
#[derive(Debug, Clone, SimpleObject)]
pub struct Erasure {
    /// The ground for the erasure.
    ground: ErasureGround,
    /// When it was proposed. Its `event` is what an approval names.
    proposed: Occurrence,
    /// The login of the proposer. Null if you may not see logins.
    proposed_by: Option<String>,
    /// When a second person approved it. Null if not approved yet.
    approved: Option<Occurrence>,
    /// The login of the approver. Null if you may not see logins.
    approved_by: Option<String>,
}

impl Erasure {
    fn of(erasure: &subject::Erasure, ids: &EventIds) -> Self {
        Self {
            ground: erasure.proposed.details.ground.into(),
            proposed: ids.occurrence(&erasure.proposed, None),
            proposed_by: Some(erasure.proposed_by.clone()),
            approved: erasure.approved.as_ref().map(|approved| ids.occurrence(approved, None)),
            approved_by: erasure.approved_by.clone(),
        }
    }
}

/// A keyworker or other member of staff.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The worker's row in the view.
    pub(super) row: WorkerRow,
    known: KnownUpTo,
}

/// A keyworker or other member of staff.
#[Object]
impl Worker {
    /// The id of the worker.
    pub async fn id(&self) -> ID {
        ID(self.row.worker.to_string())
    }

    /// The worker's label on boards, such as `KW-07`.
    async fn label(&self) -> &str {
        &self.row.label
    }

    /// The login, if the worker signs in. Null if you may not see logins.
    async fn login(&self) -> Option<&str> {
        self.row.login.as_deref()
    }

    /// When the worker joined. Its `event` is the target of a correction.
    async fn joined(&self, ctx: &Context<'_>) -> Option<Result<Occurrence>> {
        self.state(ctx).await.map(|state| state.joined.as_ref().map(Occurrence::of)).transpose()
    }

    /// When the worker left: the first day on which they no longer worked here. Their cases are unassigned from that
    /// day.
    async fn left(&self, ctx: &Context<'_>) -> Option<Result<Occurrence>> {
        self.state(ctx).await.map(|state| state.left.as_ref().map(Occurrence::of)).transpose()
    }

    /// The whole-time equivalent (WTE) on a day: 1 is a full-time post. 0 before the worker joined and from the day
    /// they left. Null if no WTE was set.
    async fn wte(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] on: Date) -> Option<Result<Decimal>> {
        let state = self.state(ctx).await;
        state.map(|state| state.wte_on(on.0).map(|wte| Decimal(wte.0))).transpose()
    }

    /// The WTE values set, oldest first.
    async fn wte_set(&self, ctx: &Context<'_>) -> Result<Vec<DatedValue>> {
        Ok(self.state(ctx).await?.wte.iter().map(|set| DatedValue::of(set, set.details.wte)).collect())
    }

    /// The most open cases that the worker may hold on a day, per whole-time equivalent. Null if no capacity was set.
    async fn capacity(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] on: Date) -> Option<Result<Decimal>> {
        let state = self.state(ctx).await;
        state.map(|state| state.capacity_on(on.0).map(|cases| Decimal(cases.0))).transpose()
    }

    /// What the worker holds at the end of a day, and how much they may hold.
    async fn caseload(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] on: Date) -> Result<WorkerCaseload> {
        let (of, scope) = ((self.row.worker, on.0), &ctx.caller().principal.scope);
        let found = if self.known == KnownUpTo::ALL {
            queries::workload::of(&ctx.caller().generation, scope, of, &[]).await
        } else {
            let then = point_in_time::as_known(ctx, self.known).await?;
            queries::workload::of(&then, scope, of, &[]).await
        };
        let workload = found.or_fault()?;
        let slots = workload.slots.map(|slots| slots.rounded(SLOT_PLACES)).transpose().or_fault()?;
        Ok(WorkerCaseload { open: workload.open(), slots: slots.map(|slots| Decimal(slots.normalize())) })
    }

    /// The capacities set, oldest first.
    async fn capacity_set(&self, ctx: &Context<'_>) -> Result<Vec<DatedValue>> {
        Ok(self.state(ctx).await?.capacity.iter().map(|set| DatedValue::of(set, set.details.cases_per_wte)).collect())
    }

    /// The absences, oldest first. An absence lowers capacity, not WTE.
    async fn absences(&self, ctx: &Context<'_>) -> Result<Vec<Absence>> {
        Ok(self.state(ctx).await?.absences.iter().map(Into::into).collect())
    }

    /// The assessment scores of the worker under supervision, oldest first.
    async fn assessments(&self, ctx: &Context<'_>) -> Result<Vec<Assessment>> {
        Ok(self.state(ctx).await?.assessments.iter().map(Into::into).collect())
    }

    /// The workers whom this worker covers on a day, by label. This worker can see their cases on that day.
    async fn covering(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] on: Date) -> Result<Vec<Self>> {
        let covered = if self.known == KnownUpTo::ALL {
            queries::people::covered_by(&ctx.caller().generation, self.row.worker, on.0).await
        } else {
            let then = point_in_time::as_known(ctx, self.known).await?;
            queries::people::covered_by(&then, self.row.worker, on.0).await
        };
        Self::load_many(ctx, &covered.or_fault()?, self.known).await
    }

    /// The teams of the worker on a day, by label.
    async fn teams(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] on: Date) -> Result<Vec<Team>> {
        let teams = if self.known == KnownUpTo::ALL {
            let loader: &DataLoader<TeamsOfWorkers, HashMapCache> = ctx.data_unchecked();
            loader.load_one((self.row.worker, on.0)).await.map_err(|error| fault(&*error))?.unwrap_or_default()
        } else {
            let then = point_in_time::as_known(ctx, self.known).await?;
            let found = queries::people::teams_of_workers(&then, &[self.row.worker], on.0).await.or_fault()?;
            found.into_iter().map(|(_, team)| team).collect()
        };
        Ok(teams.into_iter().map(|id| Team::as_of(id, on.0, self.known)).collect())
    }
}

impl Worker {
    /// A worker, with the knowledge of now.
    pub const fn now(row: WorkerRow) -> Self {
        Self::as_known(row, KnownUpTo::ALL)
    }

    /// A worker, with the knowledge of a log position.
    pub(super) const fn as_known(row: WorkerRow, known: KnownUpTo) -> Self {
        Self { row, known }
    }

    /// The worker with this id at a knowledge date, if there was one.
    pub async fn load(ctx: &Context<'_>, id: WorkerId, known: KnownUpTo) -> Option<Result<Self>> {
        let found = Self::load_many(ctx, &BTreeSet::from([id]), known).await;
        found.map(|workers| workers.into_iter().next()).transpose()
    }

    /// Loads these workers before the resolvers request them one by one, so that the response does not wait until all
    /// have asked.
    pub(super) async fn load_ahead(ctx: &Context<'_>, ids: &BTreeSet<WorkerId>) -> Result<()> {
        let loader: &DataLoader<Workers, HashMapCache> = ctx.data_unchecked();
        let rows = loader.loader().load(&ids.iter().copied().collect::<Vec<_>>()).await;
        loader.feed_many(rows.map_err(|error| fault(&*error))?).await;
        Ok(())
    }

    /// The workers with these ids at a knowledge date, as far as they existed, by label.
    pub(super) async fn load_many(ctx: &Context<'_>, ids: &BTreeSet<WorkerId>, known: KnownUpTo) -> Result<Vec<Self>> {
        let mut rows: Vec<WorkerRow> = if known == KnownUpTo::ALL {
            let loader: &DataLoader<Workers, HashMapCache> = ctx.data_unchecked();
            let found = loader.load_many(ids.iter().copied()).await.map_err(|error| fault(&*error))?;
            found.into_values().collect()
        } else {
            let loader: &DataLoader<Histories, HashMapCache> = ctx.data_unchecked();
            let streams = ids.iter().map(|id| StreamId::worker(*id));
            let found = loader.load_many(streams).await.map_err(|error| fault(&*error))?;
            let row_of = |(stream, history): (StreamId, Arc<History>)| {
                let state = worker::Worker::fold(&as_known(&history, known).facts());
                WorkerRow::of(WorkerId(stream.id), &state)
            };
            found.into_iter().filter_map(row_of).collect()
        };
        rows.sort_by(|one, other| (&one.label, one.worker).cmp(&(&other.label, other.worker)));
        Ok(rows.into_iter().map(|row| Self::as_known(row, known)).collect())
    }

    async fn state(&self, ctx: &Context<'_>) -> Result<worker::Worker> {
        let history = history(ctx, StreamId::worker(self.row.worker), self.known).await?;
        Ok(history.map(|history| worker::Worker::fold(&history.facts())).unwrap_or_default())
    }
}

/// The decimal places of slots: as many as full-time equivalents and capacities have together.
const SLOT_PLACES: u32 = 12;

/// The open cases of a worker on a day, beside the number that they may hold.
#[derive(Debug, Clone, SimpleObject)]
pub struct WorkerCaseload {
    /// The number of open cases that the worker holds as keyworker, in the contracts and service areas that you may
    /// see.
    open: u64,
    /// The number of cases that the worker may hold: the capacity set for them, or else the highest of their teams,
    /// multiplied by their full-time equivalent. An absence does not change it. Null if no capacity or no full-time
    /// equivalent was set.
    slots: Option<Decimal>,
}

/// A value that applies from a date until another value is set.
#[derive(Debug, Clone, SimpleObject)]
pub struct DatedValue {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The first day on which the value applies.
    occurred: OccurredOn,
    /// The value.
    value: Decimal,
}

impl DatedValue {
    /// A value with its date and event.
    pub(super) fn of<T>(entry: &Entry<T>, value: event::Quantity) -> Self {
        Self { event: ID(entry.event_id.to_string()), occurred: entry.occurred.into(), value: Decimal(value.0) }
    }
}

entries! {
    /// A period in which a worker is absent.
    Absence of AbsenceRecorded, occurred "The first day of absence." {
        /// The code of the reason.
        kind: String,
        /// The first day back at work. Null if not known yet.
        back_on: Option<Date>,
    }
}

async fn subject_of(
    ctx: &Context<'_>,
    id: SubjectId,
    known: KnownUpTo,
    as_of: NaiveDate,
) -> Result<Option<subject::Subject>> {
    let Some(history) = history(ctx, StreamId::subject(id), known).await? else { return Ok(None) };
    Ok(Some(subject::Subject::fold(&history.facts_as_of(as_of))))
}

/// The history of a subject, worker or team at a knowledge date; none if the stream does not exist.
pub(super) async fn history(ctx: &Context<'_>, stream: StreamId, known: KnownUpTo) -> Result<Option<Arc<History>>> {
    let loader: &DataLoader<Histories, HashMapCache> = ctx.data_unchecked();
    let found = loader.load_one(stream).await.map_err(|error| fault(&*error))?;
    Ok(found.map(|history| as_known(&history, known)))
}

/// The part of a history up to the knowledge date.
fn as_known(history: &Arc<History>, known: KnownUpTo) -> Arc<History> {
    if known == KnownUpTo::ALL {
        return Arc::clone(history);
    }
    Arc::new(History::of(history.events().iter().filter(|event| known.covers(event.position)).cloned()))
}

/// Loads the histories of many subjects, workers and teams in one read, each once per request.
pub struct Histories(pub Log);

impl Loader<StreamId> for Histories {
    type Value = Arc<History>;
    type Error = Arc<LogError>;

    async fn load(&self, streams: &[StreamId]) -> Result<HashMap<StreamId, Self::Value>, Self::Error> {
        let mut found: HashMap<StreamId, History> = HashMap::new();
        for envelope in self.0.streams(streams.iter().map(|stream| (*stream, 0))).await? {
            let recorded = Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            found.entry(envelope.stream).or_default().evolve(recorded);
        }
        Ok(found.into_iter().map(|(stream, history)| (stream, Arc::new(history))).collect())
    }
}

/// Loads many workers in one read, each once per request.
pub struct Workers(pub Arc<Generation>);

impl Loader<WorkerId> for Workers {
    type Value = WorkerRow;
    type Error = Arc<StoreError>;

    async fn load(&self, ids: &[WorkerId]) -> Result<HashMap<WorkerId, Self::Value>, Self::Error> {
        let rows = queries::people::workers(&self.0, ids).await?;
        Ok(rows.into_iter().map(|row| (row.worker, row)).collect())
    }
}

/// Loads the groups of many linked subjects, as of a day, in one read, each once per request.
pub struct Groups(pub Arc<Generation>);

impl Loader<(SubjectId, NaiveDate)> for Groups {
    type Value = BTreeSet<SubjectId>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        asked: &[(SubjectId, NaiveDate)],
    ) -> Result<HashMap<(SubjectId, NaiveDate), Self::Value>, Self::Error> {
        let mut found = HashMap::new();
        for (day, ids) in by_day(asked) {
            let links = queries::people::links_of(&self.0, &ids, day).await?;
            found.extend(ids.into_iter().map(|id| ((id, day), subject::reached(id, &links))));
        }
        Ok(found)
    }
}

/// Loads which of many subjects the caller may see, in one read, each once per request.
pub struct Visible {
    /// The authenticated principal.
    pub principal: Principal,
    /// The view that answers.
    pub generation: Arc<Generation>,
    /// The clock.
    pub clock: Arc<Clock>,
}

impl Loader<SubjectId> for Visible {
    type Value = ();
    type Error = Arc<StoreError>;

    async fn load(&self, ids: &[SubjectId]) -> Result<HashMap<SubjectId, ()>, Self::Error> {
        let today = civil_day(self.clock.now(), DEPLOYMENT_ZONE);
        let visible = queries::caseload_scope::readable_subjects(&self.generation, &self.principal, today, ids).await?;
        Ok(visible.into_iter().map(|id| (id, ())).collect())
    }
}

/// Loads the teams of many workers on a day in one read, each once per request.
pub struct TeamsOfWorkers(pub Arc<Generation>);

impl Loader<(WorkerId, NaiveDate)> for TeamsOfWorkers {
    type Value = Vec<TeamId>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        asked: &[(WorkerId, NaiveDate)],
    ) -> Result<HashMap<(WorkerId, NaiveDate), Self::Value>, Self::Error> {
        let mut found: HashMap<(WorkerId, NaiveDate), Vec<TeamId>> = HashMap::new();
        for (day, ids) in by_day(asked) {
            for (worker, team) in queries::people::teams_of_workers(&self.0, &ids, day).await? {
                found.entry((worker, day)).or_default().push(team);
            }
        }
        Ok(found)
    }
}

fn by_day<T: Copy>(asked: &[(T, NaiveDate)]) -> std::collections::BTreeMap<NaiveDate, Vec<T>> {
    let mut days: std::collections::BTreeMap<NaiveDate, Vec<T>> = std::collections::BTreeMap::new();
    for (id, day) in asked {
        days.entry(*day).or_default().push(*id);
    }
    days
}
