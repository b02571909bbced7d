//! A journey as clients read it: its facts folded as of a day, as known at a position.
//!
//! Everything here is one fold over one stream, the same that the view tables are made by.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::context::{Asked as _, OrFault as _};
use super::event::{Event, OccurredOn};
use super::people::{Subject, Worker};
use super::scalars::{Date, Decimal, Position};
use crate::contract::{Contract, Rulebook};
use crate::journey::event::{self, KEYWORKER};
use crate::journey::{Exit, History, Journey as Folded, Recorded};
use crate::log::envelope::{self, Envelope, EventId, JourneyId, StreamId, WorkerId};
use crate::log::{Log, LogError};
use crate::projections::{self, Between, DaySpan, Told};

/// With whom a contact was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::ContactWith")]
pub enum ContactWith {
    /// The client.
    Client,
    /// The client's family.
    Family,
    /// The client's carer.
    Carer,
    /// Another professional.
    Professional,
    /// The client's employer.
    Employer,
    /// The client's landlord.
    Landlord,
}

/// What became of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Attendance")]
pub enum Attendance {
    /// They came.
    Attended,
    /// They did not come and had not said so.
    DidNotAttend,
    /// They called it off.
    CancelledByClient,
    /// The service called it off.
    CancelledByService,
    /// No appointment was offered.
    NotOffered,
    /// There was no appointment: a call, a letter.
    None,
}

/// Who began a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Direction")]
pub enum Direction {
    /// The service reached out.
    Outgoing,
    /// The service was reached.
    Incoming,
}

/// Whose contacts count for the days since contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum)]
pub enum ContactMeasure {
    /// Contacts made by anyone of the service.
    #[default]
    Anyone,
    /// Contacts made by today's keyworker, also from before the case was theirs.
    Keyworker,
}

/// Whole days between two facts of which only bounds are known when one of them is imprecise.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct Days {
    /// The number of days, where it is known exactly.
    exactly: Option<u32>,
    /// The fewest days it can be.
    at_least: u32,
    /// The most days it can be.
    at_most: u32,
}

impl From<DaySpan> for Days {
    fn from(span: DaySpan) -> Self {
        Self { exactly: span.exact(), at_least: span.lowest, at_most: span.highest }
    }
}

/// Until where in the log a reading knows.
#[derive(Debug, Clone, Copy)]
pub enum Known {
    /// Events up to this position.
    UptoPosition(envelope::Position),
    /// Events recorded before or at this instant.
    UptoInstant(chrono::DateTime<chrono::Utc>),
}

impl Known {
    /// Everything that the log holds.
    pub const ALL: Self = Self::UptoPosition(envelope::Position(i64::MAX));

    fn covers(self, envelope: &Envelope) -> bool {
        match self {
            Self::UptoPosition(position) => envelope.position <= position,
            Self::UptoInstant(instant) => envelope.recorded_at <= instant,
        }
    }
}

/// The history of a journey with the events as recorded, as far as a reading knows.
#[derive(Debug)]
pub struct Story {
    history: History,
    envelopes: Vec<Envelope>,
}

impl Story {
    /// What these events of one stream tell, as far as a reading knows; none if it knows none of them.
    pub fn of(envelopes: Vec<Envelope>, known: Known) -> Result<Option<Self>, LogError> {
        let envelopes: Vec<Envelope> = envelopes.into_iter().filter(|envelope| known.covers(envelope)).collect();
        let mut history = History::default();
        for envelope in &envelopes {
            history.evolve(Recorded::decode(envelope).map_err(|error| LogError::Payload(Box::new(error)))?);
        }
        Ok((!envelopes.is_empty()).then_some(Self { history, envelopes }))
    }

    fn event(&self, id: EventId) -> Option<Event> {
        self.envelopes.iter().find(|envelope| envelope.event_id == id).cloned().map(Event)
    }

    /// The code of the journey's contract.
    pub fn contract(&self) -> Option<&str> {
        self.history.contract()
    }

    /// Whether the case is on the caseload at the end of a day: on this keyworker's, if one is named.
    pub fn is_on_caseload(&self, day: NaiveDate, keyworker: Option<WorkerId>) -> bool {
        let stretches = projections::caseload::stretches(&self.history.journey_as_of(day));
        let of = |held: Option<WorkerId>| keyworker.is_none_or(|worker| held == Some(worker));
        stretches.iter().any(|stretch| stretch.from <= day && day < stretch.to && of(stretch.keyworker))
    }
}

/// The events of many journeys, in one read.
pub async fn recorded(
    log: &Log,
    ids: impl Iterator<Item = JourneyId>,
) -> Result<HashMap<JourneyId, Vec<Envelope>>, LogError> {
    let mut by_journey: HashMap<JourneyId, Vec<Envelope>> = HashMap::new();
    for envelope in log.streams(ids.map(|id| (StreamId::journey(id), 0))).await? {
        by_journey.entry(JourneyId(envelope.stream.id)).or_default().push(envelope);
    }
    Ok(by_journey)
}

/// The stories of many journeys, in one read.
pub async fn stories(log: &Log, ids: impl Iterator<Item = JourneyId>) -> Result<HashMap<JourneyId, Arc<Story>>> {
    let recorded = recorded(log, ids).await.or_fault()?;
    let mut stories = HashMap::with_capacity(recorded.len());
    for (id, envelopes) in recorded {
        if let Some(story) = Story::of(envelopes, Known::ALL).or_fault()? {
            stories.insert(id, Arc::new(story));
        }
    }
    Ok(stories)
}

/// One referral episode of one client in one contract.
pub struct Journey {
    id: JourneyId,
    contract: Arc<Contract>,
    as_of: NaiveDate,
    story: Arc<Story>,
    folded: OnceLock<Folded>,
}

impl Journey {
    /// A journey as its story tells it, read as of a day; it is folded when a field first asks.
    pub fn of(id: JourneyId, contract: Arc<Contract>, as_of: NaiveDate, story: Arc<Story>) -> Self {
        Self { id, contract, as_of, story, folded: OnceLock::new() }
    }

    /// A journey as of today in its contract's zone; none if the caller may not know of it.
    pub async fn today(ctx: &Context<'_>, id: JourneyId, story: Arc<Story>) -> Result<Option<Self>> {
        let Some(scoped) = story.contract().and_then(|code| ctx.in_scope(code)) else { return Ok(None) };
        let contract = ctx.parts().views.contract(scoped).await.or_fault()?;
        Ok(contract.map(|contract| {
            let today = ctx.today(&contract);
            Self::of(id, contract, today, Arc::clone(&story))
        }))
    }

    fn folded(&self) -> &Folded {
        self.folded.get_or_init(|| self.story.history.journey_as_of(self.as_of))
    }

    fn referral(&self) -> Option<&(envelope::Occurred, event::ReferralReceived)> {
        self.folded().referral.as_ref()
    }

    /// The rules that this reading applies: the newest that it knows of.
    fn rulebook(&self) -> Option<&Arc<Rulebook>> {
        let upto = self.story.history.position();
        let known = self.contract.rulebooks().iter().rev().find(|published| published.position <= upto);
        known.map(|published| &published.rulebook)
    }

    fn told(&self) -> Option<Told<'_>> {
        Told::of(self.id, self.contract.code()?, self.folded(), self.rulebook()?)
    }
}

/// One referral episode of one client in one contract, read as of a day.
#[Object]
impl Journey {
    /// The journey's id.
    pub async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// What people call it: the first case number it came with, else the last eight digits of its id.
    async fn reference(&self) -> Option<String> {
        self.told().map(|told| told.reference())
    }

    /// The code of its contract.
    async fn contract(&self) -> Option<&str> {
        self.contract.code()
    }

    /// The day as of which everything here is read.
    async fn as_of(&self) -> Date {
        Date(self.as_of)
    }

    /// The log position up to which this reading knows of the journey.
    async fn position(&self) -> Position {
        Position(self.story.history.position())
    }

    /// The stream's version as known here: what `expectedVersion` compares with.
    async fn version(&self) -> i64 {
        self.story.history.version()
    }

    /// Who was referred, by pseudonym.
    async fn subject(&self) -> Option<Subject> {
        self.folded().subject().map(Subject)
    }

    /// The service area.
    async fn area(&self) -> Option<&str> {
        self.referral().map(|(_, referral)| referral.area.as_str())
    }

    /// The cohort, where the contract has cohorts.
    async fn cohort(&self) -> Option<&str> {
        self.referral().and_then(|(_, referral)| referral.cohort.as_deref())
    }

    /// When the referral was received.
    async fn received(&self) -> Option<OccurredOn> {
        self.referral().map(|(received, _)| (*received).into())
    }

    /// When the service took the client on.
    async fn accepted(&self) -> Option<OccurredOn> {
        self.folded().accepted.map(Into::into)
    }

    /// When and why the service did not take the client on.
    async fn declined(&self) -> Option<Leaving> {
        let declined = self.folded().declined.clone();
        declined.map(|(occurred, reason)| Leaving { occurred: occurred.into(), reason })
    }

    /// When and why the case was closed.
    async fn closed(&self) -> Option<Leaving> {
        self.folded().closed.as_ref().map(Into::into)
    }

    /// Dated marks of disengagement; the case stays on the caseload until it is closed.
    async fn disengagements(&self) -> Vec<Leaving> {
        self.folded().disengagements.iter().map(Into::into).collect()
    }

    /// Whether the case is on the caseload: accepted and not closed.
    async fn on_caseload(&self) -> bool {
        self.folded().is_on_caseload()
    }

    /// The furthest stage reached, in the order of the rulebook.
    async fn stage(&self) -> Option<StageReached> {
        self.stages_reached().pop()
    }

    /// Every stage reached, in the order of the rulebook.
    async fn stages(&self) -> Vec<StageReached> {
        self.stages_reached()
    }

    /// The keyworker who holds the case.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.folded().keyworker()?).await
    }

    /// Who held the case, in which role and from when to when.
    async fn assignments(&self) -> Vec<Assignment> {
        let shown = self.folded().assignments.iter().map(|held| Assignment {
            worker: held.worker,
            role: held.role.clone(),
            from: Date(held.from),
            to: held.to.map(Date),
        });
        shown.collect()
    }

    /// Civil days since the last contact that counts as made: 0 on the day itself, none where there is no such contact
    /// or its day is not known exactly.
    async fn days_since_contact(
        &self,
        #[graphql(default, desc = "Whose contacts count.")] measure: ContactMeasure,
    ) -> Option<u32> {
        self.since_contact(measure).and_then(DaySpan::exact)
    }

    /// Civil days since the last contact that counts as made, with bounds where its day is not known exactly; none
    /// where there is no such contact.
    async fn time_since_contact(
        &self,
        #[graphql(default, desc = "Whose contacts count.")] measure: ContactMeasure,
    ) -> Option<Days> {
        self.since_contact(measure).map(Days::from)
    }

    /// Every contact and attempt, oldest first.
    async fn contacts(&self) -> Vec<Contact> {
        let recency = self.rulebook().map(|rulebook| &rulebook.recency);
        let shown = self.folded().contacts.iter().map(|contact| Contact {
            event: ID(contact.event_id.to_string()),
            occurred: contact.occurred.into(),
            channel: contact.details.channel.clone(),
            with: contact.details.with.into(),
            attendance: contact.details.attendance.into(),
            direction: contact.details.direction.map(Into::into),
            face_to_face: contact.details.face_to_face,
            two_way: contact.details.two_way,
            group: contact.details.group,
            minutes: contact.details.minutes,
            scheduled_on: contact.details.scheduled_on.map(Date),
            counts: recency.is_some_and(|recency| projections::contact::counts(contact, recency)),
            worker: contact.details.worker,
        });
        shown.collect()
    }

    /// The first plan of the kind that the rulebook counts from the referral.
    async fn plan(&self) -> Option<Plan> {
        first_plan(&self.told()?)
    }

    /// Every plan agreed, oldest first.
    async fn plans(&self) -> Vec<Plan> {
        let plans = &self.folded().plans;
        let shown =
            plans.iter().map(|plan| Plan { kind: plan.kind.clone(), occurred: plan.occurred.into(), waited: None });
        shown.collect()
    }

    /// Every job, home, placement or course, in order of start.
    async fn spells(&self) -> Vec<Spell> {
        self.folded().spells.iter().map(Spell::of).collect()
    }

    /// Every event known here, in the order in which it was recorded; corrections and retractions are linked with what
    /// they speak of.
    async fn timeline(&self) -> Vec<TimelineEntry> {
        let events = self.story.history.events().iter();
        events.filter_map(|recorded| TimelineEntry::of(&self.story, recorded)).collect()
    }
}

impl Journey {
    fn since_contact(&self, measure: ContactMeasure) -> Option<DaySpan> {
        let recency = &self.rulebook()?.recency;
        let by = match measure {
            ContactMeasure::Anyone => None,
            ContactMeasure::Keyworker => Some(self.folded().keyworker()?),
        };
        let made = projections::contact::made(self.folded(), recency);
        let counted = made.filter(|contact| by.is_none() || contact.details.worker == by);
        projections::contact::days_since(counted, self.as_of)
    }

    fn stages_reached(&self) -> Vec<StageReached> {
        let Some(told) = self.told() else { return Vec::new() };
        let reached = told.rulebook.stages.iter().filter_map(|stage| {
            projections::stage::reached(&told, &stage.when).map(|occurred| StageReached {
                code: stage.code.clone(),
                label: stage.label.clone(),
                reached: occurred.into(),
            })
        });
        reached.collect()
    }
}

/// The first plan of the kind that the rulebook counts, with how long the client waited for it.
fn first_plan(told: &Told<'_>) -> Option<Plan> {
    let kind = told.rulebook.referral_to_plan.as_ref().map(|measured| measured.plan.clone())?;
    let agreed = projections::referral_to_plan::first_plan(told)?;
    let between = |occurred: envelope::Occurred| -> Between { (occurred.earliest(), occurred.latest()) };
    let waited = projections::referral_to_plan::clock_starts(told)
        .map(|from| DaySpan::between(between(from), between(agreed)).into());
    Some(Plan { kind, occurred: agreed.into(), waited })
}

/// A stage of the funnel and when the journey reached it.
#[derive(Debug, Clone, SimpleObject)]
pub struct StageReached {
    /// The stage's code in the rulebook.
    code: String,
    /// What boards print.
    label: String,
    /// When the first fact reached it.
    reached: OccurredOn,
}

/// When and why a case was declined or closed, or a client disengaged.
#[derive(Debug, Clone, SimpleObject)]
pub struct Leaving {
    /// When.
    occurred: OccurredOn,
    /// Why: a code of the rulebook.
    reason: String,
}

impl From<&Exit> for Leaving {
    fn from(exit: &Exit) -> Self {
        Self { occurred: exit.occurred.into(), reason: exit.reason.clone() }
    }
}

/// A worker held the case from one day until another.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Assignment {
    #[graphql(skip)]
    worker: WorkerId,
    /// In which role: `keyworker` and others.
    role: String,
    /// The first day.
    from: Date,
    /// The first day no longer, if it ended.
    to: Option<Date>,
}

#[ComplexObject]
impl Assignment {
    /// Who held it.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker).await
    }

    /// Whether this role makes the case part of the worker's caseload.
    async fn is_keyworker(&self) -> bool {
        self.role == KEYWORKER
    }
}

/// A contact or an attempt at one.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own that clients ask")]
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Contact {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was.
    occurred: OccurredOn,
    /// How: a code of the rulebook.
    channel: String,
    /// With whom.
    with: ContactWith,
    /// What became of the appointment.
    attendance: Attendance,
    /// Who began it.
    direction: Option<Direction>,
    /// Whether they saw each other.
    face_to_face: bool,
    /// Whether both sides spoke or wrote.
    two_way: bool,
    /// Whether it was a group session.
    group: bool,
    /// How long it took, in minutes.
    minutes: Option<u32>,
    /// The day the appointment had been made for.
    scheduled_on: Option<Date>,
    /// Whether it counts for the days since contact: made, and with somebody whom the rulebook counts.
    counts: bool,
    #[graphql(skip)]
    worker: Option<WorkerId>,
}

#[ComplexObject]
impl Contact {
    /// Which worker; none where it was nobody of ours in particular.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker?).await
    }
}

/// A plan that client and keyworker agreed.
#[derive(Debug, Clone, SimpleObject)]
pub struct Plan {
    /// The kind: a code of the rulebook.
    kind: String,
    /// When it was agreed.
    occurred: OccurredOn,
    /// How long the client waited for it since the referral, for the first plan that the rulebook counts.
    waited: Option<Days>,
}

/// A job, home, placement or course.
#[derive(Debug, Clone, SimpleObject)]
pub struct Spell {
    /// The spell's own id.
    id: ID,
    /// What it is a spell of: a code of the rulebook.
    domain: String,
    /// When it began.
    started: OccurredOn,
    /// The first day on which it no longer held, if it ended.
    ended: Option<OccurredOn>,
    /// Why it ended.
    end_reason: Option<String>,
    /// The employer or landlord, by a pseudonym.
    employer_ref: Option<String>,
    /// Hours of work a week.
    hours_per_week: Option<Decimal>,
    /// What else is known of it.
    attributes: Vec<SpellAttribute>,
}

/// Something known of a spell, such as `secured_as: kept`.
#[derive(Debug, Clone, SimpleObject)]
pub struct SpellAttribute {
    /// Its name.
    name: String,
    /// Its value, as text.
    value: String,
}

impl Spell {
    fn of(spell: &crate::journey::Spell) -> Self {
        let details = &spell.details;
        let attributes = details.attributes.iter();
        Self {
            id: ID(details.spell.to_string()),
            domain: details.domain.clone(),
            started: spell.started.into(),
            ended: spell.ended.as_ref().map(|(occurred, _)| (*occurred).into()),
            end_reason: spell.ended.as_ref().and_then(|(_, reason)| reason.clone()),
            employer_ref: details.employer_ref.clone(),
            hours_per_week: details.hours_per_week.map(|hours| Decimal(hours.0)),
            attributes: attributes
                .map(|(name, value)| SpellAttribute { name: name.clone(), value: value.to_string() })
                .collect(),
        }
    }
}

/// One event of a journey's timeline with what became of it.
#[derive(Debug, Clone, SimpleObject)]
pub struct TimelineEntry {
    /// The event, as it was recorded.
    event: Event,
    /// The original event that this one corrects or retracts.
    amends: Option<Event>,
    /// The last event that corrected or retracted this one.
    amended_by: Option<Event>,
    /// Whether this fact still stands: not retracted, and not itself a correction or retraction.
    stands: bool,
}

impl TimelineEntry {
    fn of(story: &Story, recorded: &Recorded) -> Option<Self> {
        let target = match &recorded.event {
            event::Event::FactCorrected(correction) => Some(correction.target),
            event::Event::FactRetracted(retraction) => Some(retraction.target),
            _ => None,
        };
        let amended_by = story.history.amended_by(recorded.event_id).map(|amendment| amendment.event_id);
        Some(Self {
            event: story.event(recorded.event_id)?,
            amends: target.and_then(|id| story.event(id)),
            amended_by: amended_by.and_then(|id| story.event(id)),
            stands: target.is_none() && !story.history.is_retracted(recorded.event_id),
        })
    }
}
