//! Subjects and workers as clients read them: the folds of their streams, each read once in a request.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::at::{self, Known};
use super::context::{Asked as _, OrFault as _};
use super::event::OccurredOn;
use super::fault::fault;
use super::journey::Step;
use super::journey::work::Assessment;
use super::mutation::input::SubjectKind;
use super::scalars::{Date, Decimal};
use super::team::Team;
use crate::access::Principal;
use crate::clock::Clock;
use crate::log::{Log, LogError};
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::store::StoreError;
use crate::views::generation::Generation;
use crate::views::people::WorkerRow;
use throughline_domain::fact::Entry;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{StreamId, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::event;
use throughline_domain::people::{subject, worker};

/// Who was referred: a person, family, site or area, by pseudonym.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    id: SubjectId,
    as_of: Option<NaiveDate>,
    known: Known,
}

impl Subject {
    /// A subject as of today.
    pub const fn today(id: SubjectId) -> Self {
        Self { id, as_of: None, known: Known::ALL }
    }

    /// A subject as of a day and as known then.
    pub const fn at(id: SubjectId, as_of: NaiveDate, known: Known) -> Self {
        Self { id, as_of: Some(as_of), known }
    }

    async fn told(&self, ctx: &Context<'_>) -> Result<subject::Subject> {
        let as_of = self.as_of.unwrap_or_else(|| ctx.deployment_today());
        Ok(subject_of(ctx, self.id, self.known, as_of).await?.unwrap_or_default())
    }

    /// Every record of the same subject, this one among them.
    async fn group(&self, ctx: &Context<'_>) -> Result<BTreeSet<SubjectId>> {
        let as_of = self.as_of.unwrap_or_else(|| ctx.deployment_today());
        if self.known == Known::ALL {
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
    /// The other records of the same subject that the caller may know of.
    async fn others(&self, ctx: &Context<'_>) -> Result<BTreeSet<SubjectId>> {
        let mut others = self.group(ctx).await?;
        others.remove(&self.id);
        let loader: &DataLoader<Visible, HashMapCache> = ctx.data_unchecked();
        let visible = loader.load_many(others).await.map_err(|error| fault(&*error))?;
        Ok(visible.into_keys().collect())
    }
}

/// Who was referred: a person, family, site or area, by pseudonym.
#[Object]
impl Subject {
    /// The subject's id: a pseudonym.
    pub async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// What kind of subject it is.
    async fn kind(&self, ctx: &Context<'_>) -> Option<Result<SubjectKind>> {
        self.told(ctx).await.map(|told| told.kind().map(Into::into)).transpose()
    }

    /// When it became known, with the event that a correction names.
    async fn registered(&self, ctx: &Context<'_>) -> Option<Result<Step>> {
        self.told(ctx).await.map(|told| told.registered.as_ref().map(Step::of)).transpose()
    }

    /// The id that stands for the person: the smallest among all records that you may know of and that are linked,
    /// directly or over others. Two records are of one person if they have it in common.
    async fn person(&self, ctx: &Context<'_>) -> Result<ID> {
        let visible = self.others(ctx).await?;
        Ok(ID(visible.first().map_or(self.id, |other| self.id.min(*other)).to_string()))
    }

    /// The other records of the same person that you may know of, linked directly or over others.
    async fn linked(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        Ok(self.others(ctx).await?.into_iter().map(|id| Self { id, ..*self }).collect())
    }

    /// To which uses of what is known of them they agreed, oldest first.
    async fn consents(&self, ctx: &Context<'_>) -> Result<Vec<Consent>> {
        Ok(self.told(ctx).await?.consents.iter().map(Into::into).collect())
    }

    /// The legal holds: reasons to keep what is known of them, whatever is due to be erased; oldest first.
    async fn holds(&self, ctx: &Context<'_>) -> Result<Vec<LegalHold>> {
        Ok(self.told(ctx).await?.holds.iter().map(Into::into).collect())
    }

    /// The proposals to erase what identifies them, oldest first.
    async fn erasures(&self, ctx: &Context<'_>) -> Result<Vec<Erasure>> {
        Ok(self.told(ctx).await?.erasures.iter().map(Into::into).collect())
    }
}

/// The subject agreed that what is known of them is used for a purpose.
#[derive(Debug, Clone, SimpleObject)]
pub struct Consent {
    /// For what, by code.
    purpose: String,
    /// When it was given.
    given: Step,
    /// When it was withdrawn, if it was.
    withdrawn: Option<Step>,
}

impl From<&subject::Consent> for Consent {
    fn from(consent: &subject::Consent) -> Self {
        Self {
            purpose: consent.given.details.purpose.clone(),
            given: Step::of(&consent.given),
            withdrawn: consent.withdrawn.as_ref().map(Step::of),
        }
    }
}

/// A reason to keep what is known of a subject, whatever is due to be erased.
#[derive(Debug, Clone, SimpleObject)]
pub struct LegalHold {
    /// The hold's own id, by which it is lifted.
    id: ID,
    /// When it was placed, and why.
    placed: Step,
    /// When it was lifted, and why, if it was.
    lifted: Option<Step>,
}

impl From<&subject::Hold> for LegalHold {
    fn from(hold: &subject::Hold) -> Self {
        Self {
            id: ID(hold.placed.details.hold.to_string()),
            placed: Step::why(&hold.placed, Some(&hold.placed.details.reason)),
            lifted: hold.lifted.as_ref().map(|lifted| Step::why(lifted, Some(&lifted.details.reason))),
        }
    }
}

/// Why what identifies a subject is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::ErasureGround")]
pub enum ErasureGround {
    /// The time for which it may be kept is over.
    RetentionEnded,
    /// The subject asked for it.
    SubjectRequest,
    /// The subject withdrew the consent on which it rested.
    ConsentWithdrawn,
    /// It should never have been held.
    UnlawfulProcessing,
}

/// A proposal to erase what identifies a subject: two people decide it.
#[derive(Debug, Clone, SimpleObject)]
pub struct Erasure {
    /// On which ground.
    ground: ErasureGround,
    /// When it was proposed: its event is what an approval names.
    proposed: Step,
    /// The login of whoever proposed it; none where you see no logins.
    proposed_by: Option<String>,
    /// When somebody else agreed, if somebody did.
    approved: Option<Step>,
    /// The login of whoever agreed.
    approved_by: Option<String>,
}

impl From<&subject::Erasure> for Erasure {
    fn from(erasure: &subject::Erasure) -> Self {
        Self {
            ground: erasure.proposed.details.ground.into(),
            proposed: Step::of(&erasure.proposed),
            proposed_by: Some(erasure.proposed_by.clone()),
            approved: erasure.approved.as_ref().map(Step::of),
            approved_by: erasure.approved_by.clone(),
        }
    }
}

/// A keyworker or other member of staff.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Who they are.
    pub(super) row: WorkerRow,
    known: Known,
}

/// A keyworker or other member of staff.
#[Object]
impl Worker {
    /// The worker's id.
    pub async fn id(&self) -> ID {
        ID(self.row.worker.to_string())
    }

    /// What boards print, such as `KW-07`.
    async fn label(&self) -> &str {
        &self.row.label
    }

    /// The login in tokens, if they sign in; none where you see no logins.
    async fn login(&self) -> Option<&str> {
        self.row.login.as_deref()
    }

    /// When they joined, with the event that a correction names.
    async fn joined(&self, ctx: &Context<'_>) -> Option<Result<Step>> {
        self.told(ctx).await.map(|told| told.joined.as_ref().map(Step::of)).transpose()
    }

    /// The first day on which they no longer worked here, if they have left: their cases are unassigned from then on.
    async fn left(&self, ctx: &Context<'_>) -> Option<Result<Step>> {
        self.told(ctx).await.map(|told| told.left.as_ref().map(Step::of)).transpose()
    }

    /// How much of a full-time post they fill on a day: 0 before they join and from the day they left on. No value
    /// where nobody set one.
    async fn wte(&self, ctx: &Context<'_>, #[graphql(desc = "On which day.")] on: Date) -> Option<Result<Decimal>> {
        let told = self.told(ctx).await;
        told.map(|told| told.wte_on(on.0).map(|wte| Decimal(wte.0))).transpose()
    }

    /// How often that was set, oldest first.
    async fn wte_set(&self, ctx: &Context<'_>) -> Result<Vec<Setting>> {
        Ok(self.told(ctx).await?.wte.iter().map(|set| Setting::of(set, set.details.wte)).collect())
    }

    /// How many open cases a whole-time equivalent of theirs holds at most on a day. No value where nobody set one.
    async fn capacity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "On which day.")] on: Date,
    ) -> Option<Result<Decimal>> {
        let told = self.told(ctx).await;
        told.map(|told| told.capacity_on(on.0).map(|cases| Decimal(cases.0))).transpose()
    }

    /// How often that was set, oldest first.
    async fn capacity_set(&self, ctx: &Context<'_>) -> Result<Vec<Setting>> {
        Ok(self.told(ctx).await?.capacity.iter().map(|set| Setting::of(set, set.details.cases_per_wte)).collect())
    }

    /// When they are away, oldest first: it lowers capacity, not WTE.
    async fn absences(&self, ctx: &Context<'_>) -> Result<Vec<Absence>> {
        Ok(self.told(ctx).await?.absences.iter().map(Into::into).collect())
    }

    /// How they were scored under supervision, oldest first.
    async fn assessments(&self, ctx: &Context<'_>) -> Result<Vec<Assessment>> {
        Ok(self.told(ctx).await?.assessments.iter().map(Into::into).collect())
    }

    /// For whom they stand in on a day, by label: whose cases they see then.
    async fn covering(&self, ctx: &Context<'_>, #[graphql(desc = "On which day.")] on: Date) -> Result<Vec<Self>> {
        let covered = if self.known == Known::ALL {
            ctx.caller().generation.covered_by(self.row.worker, on.0).await
        } else {
            at::as_known(ctx, self.known).await?.covered_by(self.row.worker, on.0).await
        };
        Self::load_many(ctx, &covered.or_fault()?, self.known).await
    }

    /// The teams that they are in on a day, by label.
    async fn teams(&self, ctx: &Context<'_>, #[graphql(desc = "On which day.")] on: Date) -> Result<Vec<Team>> {
        let teams = if self.known == Known::ALL {
            let loader: &DataLoader<TeamsOfWorkers, HashMapCache> = ctx.data_unchecked();
            loader.load_one((self.row.worker, on.0)).await.map_err(|error| fault(&*error))?.unwrap_or_default()
        } else {
            let then = at::as_known(ctx, self.known).await?;
            let found = then.teams_of_workers(&[self.row.worker], on.0).await.or_fault()?;
            found.into_iter().map(|(_, team)| team).collect()
        };
        Ok(teams.into_iter().map(|id| Team::as_of(id, on.0, self.known)).collect())
    }
}

impl Worker {
    /// A worker as they are known now.
    pub const fn now(row: WorkerRow) -> Self {
        Self::as_known(row, Known::ALL)
    }

    /// A worker as they were known then.
    pub(super) const fn as_known(row: WorkerRow, known: Known) -> Self {
        Self { row, known }
    }

    /// The worker of this id as known then, if there was one.
    pub async fn load(ctx: &Context<'_>, id: WorkerId, known: Known) -> Option<Result<Self>> {
        let found = Self::load_many(ctx, &BTreeSet::from([id]), known).await;
        found.map(|workers| workers.into_iter().next()).transpose()
    }

    /// Reads the workers of these ids, whom the rest of an answer is about to ask for one by one, so that it need not wait
    /// until all have asked.
    pub(super) async fn load_ahead(ctx: &Context<'_>, ids: &BTreeSet<WorkerId>) -> Result<()> {
        let loader: &DataLoader<Workers, HashMapCache> = ctx.data_unchecked();
        let rows = loader.loader().load(&ids.iter().copied().collect::<Vec<_>>()).await;
        loader.feed_many(rows.map_err(|error| fault(&*error))?).await;
        Ok(())
    }

    /// The workers of these ids as known then, as far as there were any, by label.
    pub(super) async fn load_many(ctx: &Context<'_>, ids: &BTreeSet<WorkerId>, known: Known) -> Result<Vec<Self>> {
        let mut rows: Vec<WorkerRow> = if known == Known::ALL {
            let loader: &DataLoader<Workers, HashMapCache> = ctx.data_unchecked();
            let found = loader.load_many(ids.iter().copied()).await.map_err(|error| fault(&*error))?;
            found.into_values().collect()
        } else {
            let loader: &DataLoader<Histories, HashMapCache> = ctx.data_unchecked();
            let streams = ids.iter().map(|id| StreamId::worker(*id));
            let found = loader.load_many(streams).await.map_err(|error| fault(&*error))?;
            let told = |(stream, history): (StreamId, Arc<History>)| {
                let told = worker::Worker::fold(&as_known(&history, known).facts());
                WorkerRow::told(WorkerId(stream.id), &told)
            };
            found.into_iter().filter_map(told).collect()
        };
        rows.sort_by(|one, other| (&one.label, one.worker).cmp(&(&other.label, other.worker)));
        Ok(rows.into_iter().map(|row| Self::as_known(row, known)).collect())
    }

    async fn told(&self, ctx: &Context<'_>) -> Result<worker::Worker> {
        let history = history(ctx, StreamId::worker(self.row.worker), self.known).await?;
        Ok(history.map(|history| worker::Worker::fold(&history.facts())).unwrap_or_default())
    }
}

/// A value from a day on, until another is set.
#[derive(Debug, Clone, SimpleObject)]
pub struct Setting {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// From when on.
    occurred: OccurredOn,
    /// The value.
    value: Decimal,
}

impl Setting {
    /// A setting of this value.
    pub(super) fn of<T>(entry: &Entry<T>, value: event::Quantity) -> Self {
        Self { event: ID(entry.event_id.to_string()), occurred: entry.occurred.into(), value: Decimal(value.0) }
    }
}

/// A stretch over which a worker is away.
#[derive(Debug, Clone, SimpleObject)]
pub struct Absence {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// From when on.
    occurred: OccurredOn,
    /// Why, by code.
    kind: String,
    /// The first day back at work; none while it is not known.
    back_on: Option<Date>,
}

impl From<&Entry<event::AbsenceRecorded>> for Absence {
    fn from(entry: &Entry<event::AbsenceRecorded>) -> Self {
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            kind: entry.details.kind.clone(),
            back_on: entry.details.back_on.map(Date),
        }
    }
}

async fn subject_of(
    ctx: &Context<'_>,
    id: SubjectId,
    known: Known,
    as_of: NaiveDate,
) -> Result<Option<subject::Subject>> {
    let Some(history) = history(ctx, StreamId::subject(id), known).await? else { return Ok(None) };
    Ok(Some(subject::Subject::fold(&history.facts_as_of(as_of))))
}

/// The history of a subject, worker or team as known then; none if there is no such stream.
pub(super) async fn history(ctx: &Context<'_>, stream: StreamId, known: Known) -> Result<Option<Arc<History>>> {
    let loader: &DataLoader<Histories, HashMapCache> = ctx.data_unchecked();
    let found = loader.load_one(stream).await.map_err(|error| fault(&*error))?;
    Ok(found.map(|history| as_known(&history, known)))
}

/// The part of a history that was known then.
fn as_known(history: &Arc<History>, known: Known) -> Arc<History> {
    if known == Known::ALL {
        return Arc::clone(history);
    }
    Arc::new(History::of(history.events().iter().filter(|event| known.covers(event.position)).cloned()))
}

/// Loads the histories of many subjects, workers and teams in one read, each once in a request.
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

/// Loads many workers in one read, each once in a request.
pub struct Workers(pub Arc<Generation>);

impl Loader<WorkerId> for Workers {
    type Value = WorkerRow;
    type Error = Arc<StoreError>;

    async fn load(&self, ids: &[WorkerId]) -> Result<HashMap<WorkerId, Self::Value>, Self::Error> {
        let rows = self.0.workers(ids).await?;
        Ok(rows.into_iter().map(|row| (row.worker, row)).collect())
    }
}

/// Loads the groups of many linked subjects, as of a day, in one read, each once in a request.
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
            let links = self.0.links_of(&ids, day).await?;
            found.extend(ids.into_iter().map(|id| ((id, day), subject::reached(id, &links))));
        }
        Ok(found)
    }
}

/// Loads which of many subjects the caller may know of, in one read, each once in a request.
pub struct Visible {
    /// Who asks.
    pub principal: Principal,
    /// The view that answers.
    pub generation: Arc<Generation>,
    /// What tells the day.
    pub clock: Arc<Clock>,
}

impl Loader<SubjectId> for Visible {
    type Value = ();
    type Error = Arc<StoreError>;

    async fn load(&self, ids: &[SubjectId]) -> Result<HashMap<SubjectId, ()>, Self::Error> {
        let today = civil_day(self.clock.now(), DEPLOYMENT_ZONE);
        let visible = self.generation.readable_subjects(&self.principal, today, ids).await?;
        Ok(visible.into_iter().map(|id| (id, ())).collect())
    }
}

/// Loads the teams of many workers, on a day, in one read, each once in a request.
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
            for (worker, team) in self.0.teams_of_workers(&ids, day).await? {
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
