//! A journey as clients read it: its facts folded as of a day, as known at a position.
//!
//! Everything here is one fold over one stream, the same that the view tables are made by; a list of which no more is
//! asked than its rows hold is told by these. No answer is told by both: rows and stories may be of different moments.

pub mod appointment;
pub mod contact;
pub mod evidence;
pub mod referral;
pub mod row;
pub mod spell;
pub mod story;
pub mod timeline;
pub mod work;

use std::sync::{Arc, OnceLock};

use async_graphql::{ComplexObject, Context, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;
use uuid::Uuid;

use self::appointment::{Appointment, AppointmentState};
pub use self::contact::ContactMeasure;
use self::contact::{Contact, Days};
use self::evidence::{Evidence, EvidenceState};
use self::referral::{Assignment, Close, Disengagement, EligibilityAssessment, Leaving, Referral};
use self::spell::Spell;
pub use self::story::{Stories, Story, stories};
use self::timeline::TimelineEntry;
use self::work::{Achievement, Assessment, Engagement, Measure, Plan, Risk, Task, TaskState};
use super::at::Known;
use super::claim::{self, Claim, ClaimStatus};
use super::context::{self, Asked as _};
use super::event::OccurredOn;
use super::list::Source;
use super::node::Node;
use super::obligation::{Obligation, ObligationState};
use super::people::{Subject, Worker};
use super::permission::JourneyPermissions;
use super::scalars::{Date, Position};
use crate::views::claims::{Asked, Claims, Purpose};
use crate::views::journeys::JourneyRow;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{AppointmentId, EventId, JourneyId, Occurred, TaskId};
use throughline_domain::journey::{self, Journey as Folded};
use throughline_gateway::Code;
use throughline_projections::{self, Between, DaySpan, Told};

/// One referral episode of one client in one contract.
#[derive(Clone)]
pub struct Journey {
    id: JourneyId,
    contract: Arc<Contract>,
    as_of: NaiveDate,
    /// Until where in the log it is known.
    known: Known,
    /// The rules that this reading applies.
    rulebook: Option<Arc<Rulebook>>,
    teller: Teller,
}

/// What tells of a journey. What a row says is what the story of the same events says: it was made by the same fold.
#[derive(Clone)]
enum Teller {
    /// Its story, folded as of the day when a field first asks.
    Story { story: Arc<Story>, folded: OnceLock<Box<Folded>> },
    /// Its row in a list, where nothing is asked that no row holds.
    Row(Arc<JourneyRow>),
}

impl Teller {
    const fn story(story: Arc<Story>) -> Self {
        Self::Story { story, folded: OnceLock::new() }
    }
}

impl Journey {
    /// A journey as its story tells it, read as of a day, under the newest rules that were known then; it is folded when
    /// a field first asks.
    pub fn of(id: JourneyId, contract: Arc<Contract>, as_of: NaiveDate, story: Arc<Story>) -> Self {
        let known = story.known();
        let newest = contract.rulebooks().iter().rev().find(|published| known.covers(published.position));
        let rulebook = newest.map(|published| Arc::clone(&published.rulebook));
        Self { id, contract, as_of, known, rulebook, teller: Teller::story(story) }
    }

    /// A journey beneath a contract: under the rules by which that is read.
    pub(super) fn beneath(source: &Source, id: JourneyId, story: Arc<Story>) -> Self {
        Self { known: story.known(), ..Self::told_by(source, id, Teller::story(story)) }
    }

    /// A journey of a list of which nothing is asked that no row holds ([`row::holds`]).
    pub(super) fn listed(source: &Source, row: &Arc<JourneyRow>) -> Self {
        Self::told_by(source, row.journey, Teller::Row(Arc::clone(row)))
    }

    fn told_by(source: &Source, id: JourneyId, teller: Teller) -> Self {
        let (contract, rulebook) = (Arc::clone(&source.told), source.told.newest_rulebook().cloned());
        Self { id, contract, as_of: source.as_of, known: source.known, rulebook, teller }
    }

    /// The same journey, for whoever tells of a part of it.
    fn again(&self) -> Self {
        let Self { id, contract, as_of, known, rulebook, .. } = self;
        let (contract, teller) = (Arc::clone(contract), Teller::story(Arc::clone(self.story())));
        Self { id: *id, contract, as_of: *as_of, known: *known, rulebook: rulebook.clone(), teller }
    }

    /// Until where in the log it is known.
    pub(super) const fn known(&self) -> Known {
        self.known
    }

    /// A journey as of today in its contract's zone; none if the caller may not know of it.
    pub fn today(ctx: &Context<'_>, id: JourneyId, story: Arc<Story>) -> Option<Self> {
        let contract = ctx.caller().generation.told(ctx.in_scope(story.contract()?)?)?;
        let today = ctx.today(&contract);
        Some(Self::of(id, contract, today, story))
    }

    fn story(&self) -> &Arc<Story> {
        self.told_by_story().0
    }

    fn folded(&self) -> &Folded {
        let (story, folded) = self.told_by_story();
        folded.get_or_init(|| Box::new(story.history().journey_as_of(self.as_of)))
    }

    fn told_by_story(&self) -> (&Arc<Story>, &OnceLock<Box<Folded>>) {
        match &self.teller {
            Teller::Story { story, folded } => (story, folded),
            Teller::Row(_) => unreachable!("a list is told by its rows only where they hold all that is asked"),
        }
    }

    /// Its row, where that tells of it.
    fn row(&self) -> Option<&JourneyRow> {
        match &self.teller {
            Teller::Row(row) => Some(row),
            Teller::Story { .. } => None,
        }
    }

    /// A contact as clients read it, with the appointment that it names.
    fn shown(&self, contact: &journey::Contact) -> Contact {
        let folded = self.folded();
        let named =
            |appointment: &&journey::Appointment| contact.details.appointment == Some(appointment.details.appointment);
        let appointment = folded.appointments.iter().find(named);
        let appointment = appointment.map(|appointment| Appointment::of(folded, appointment, self.again()));
        Contact::of(contact, self.rulebook.as_deref(), self.known(), appointment)
    }

    /// The contact that this event recorded first.
    fn contact(&self, event: EventId) -> Option<Contact> {
        let contact = self.folded().contacts.iter().find(|contact| contact.event_id == event)?;
        Some(self.shown(contact))
    }

    /// The appointment of this id.
    pub(super) fn appointment(&self, id: AppointmentId) -> Option<Appointment> {
        let folded = self.folded();
        let appointment = folded.appointments.iter().find(|one| one.details.appointment == id)?;
        Some(Appointment::of(folded, appointment, self.again()))
    }

    /// The task of this id.
    pub(super) fn task(&self, id: TaskId) -> Option<Task> {
        let folded = self.folded();
        let task = folded.tasks.iter().find(|task| task.details.task == id)?;
        Some(Task::of(folded, task, self.again()))
    }

    /// What started the clock of the n-th obligation under a standard.
    pub(super) fn starts_obligation(&self, standard: &str, nth: usize) -> Option<EventId> {
        let told = self.told()?;
        let standard = told.rulebook.standards.iter().find(|known| known.code == standard)?;
        Some(throughline_projections::obligation::obligations(&told, standard).get(nth)?.started_by)
    }

    fn told(&self) -> Option<Told<'_>> {
        Told::of(self.id, self.contract.code()?, self.folded(), self.rulebook.as_ref()?)
    }
}

/// One referral episode of one client in one contract, read as of a day.
#[Object]
impl Journey {
    /// The journey's id.
    pub async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// What people call it: the first case number it came with, else one of our own, such as `4K7Q-9XM2`. None where you see
    /// pseudonyms alone.
    async fn reference(&self) -> Option<String> {
        match self.row() {
            Some(row) => Some(row.reference.clone()),
            None => self.told().map(|told| told.reference()),
        }
    }

    /// The code of its contract.
    async fn contract(&self) -> Option<&str> {
        self.contract.code()
    }

    /// Its contract, read as of the same day; none where this is what was known earlier.
    async fn of_contract(&self, ctx: &Context<'_>) -> Option<super::contract::Contract> {
        self.contract_now(ctx)
    }

    /// The day as of which everything here is read.
    async fn as_of(&self) -> Date {
        Date(self.as_of)
    }

    /// The log position up to which this reading knows of the journey.
    async fn position(&self) -> Position {
        Position(self.story().history().position())
    }

    /// The stream's version as known here: what `expectedVersion` compares with.
    async fn version(&self) -> i64 {
        self.story().history().version()
    }

    /// Who was referred, by pseudonym.
    async fn subject(&self) -> Option<Subject> {
        self.folded().subject().map(|id| Subject::at(id, self.as_of, self.known))
    }

    /// The referral with which it began.
    async fn referral(&self) -> Option<Referral> {
        self.folded().referral.as_ref().map(Into::into)
    }

    /// The service area.
    async fn area(&self) -> Option<&str> {
        match self.row() {
            Some(row) => Some(&row.area),
            None => self.folded().referral.as_ref().map(|referral| referral.details.area.as_str()),
        }
    }

    /// The cohort, where the contract has cohorts.
    async fn cohort(&self) -> Option<&str> {
        self.folded().referral.as_ref().and_then(|referral| referral.details.cohort.as_deref())
    }

    /// When the referral was received.
    async fn received(&self) -> Option<OccurredOn> {
        self.folded().referral.as_ref().map(|referral| referral.occurred.into())
    }

    /// When the service took the client on.
    async fn accepted(&self) -> Option<OccurredOn> {
        self.folded().accepted.as_ref().map(|accepted| accepted.occurred.into())
    }

    /// The acceptance, with the event that a correction names.
    async fn acceptance(&self) -> Option<Step> {
        self.folded().accepted.as_ref().map(Step::of)
    }

    /// When and why the service did not take the client on.
    async fn declined(&self) -> Option<Leaving> {
        self.folded().declined.as_ref().map(Into::into)
    }

    /// When and why the referral was taken back.
    async fn withdrawn(&self) -> Option<Leaving> {
        self.folded().withdrawn.as_ref().map(Into::into)
    }

    /// Every judgement whether the client is eligible, oldest first: the last one stands.
    async fn eligibility(&self) -> Vec<EligibilityAssessment> {
        self.folded().eligibility.iter().map(Into::into).collect()
    }

    /// The close or transfer that stands; none where the case was never closed, or was reopened since.
    async fn closed(&self) -> Option<Close> {
        self.folded().closed().map(Into::into)
    }

    /// Every time the case was closed or transferred, oldest first, with the reopening that followed.
    async fn closes(&self) -> Vec<Close> {
        self.folded().closes.iter().map(Into::into).collect()
    }

    /// Dated marks of disengagement; the case stays on the caseload until it is closed.
    async fn disengagements(&self) -> Vec<Disengagement> {
        self.folded().disengagements.iter().map(Into::into).collect()
    }

    /// Whether the case is on the caseload: accepted and not closed.
    async fn on_caseload(&self) -> bool {
        self.folded().is_on_caseload()
    }

    /// The furthest stage reached, in the order of the rulebook.
    async fn stage(&self) -> Option<StageReached> {
        match self.row() {
            Some(row) => self.stage_of(row.stage.as_deref()?),
            None => self.stages_reached().pop(),
        }
    }

    /// Every stage reached, in the order of the rulebook.
    async fn stages(&self) -> Vec<StageReached> {
        self.stages_reached()
    }

    /// The keyworker who holds the case; none from the day on which they have left the service.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        let holder = match self.row() {
            Some(row) => row.keyworker,
            None => self.folded().keyworker_on(self.as_of),
        };
        let holder = Worker::load(ctx, holder?, self.known()).await?;
        let is_here = |worker: &Worker| worker.row.left_on.is_none_or(|left| left > self.as_of);
        holder.map(|worker| Some(worker).filter(is_here)).transpose()
    }

    /// Who held the case, in which role and from when to when.
    async fn assignments(&self) -> Vec<Assignment> {
        self.folded().assignments.iter().map(|held| Assignment::of(held, self.known())).collect()
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

    /// Every appointment, in the order in which they were booked.
    async fn appointments(
        &self,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<AppointmentState>>,
    ) -> Vec<Appointment> {
        let folded = self.folded();
        let all = folded.appointments.iter().map(|appointment| Appointment::of(folded, appointment, self.again()));
        all.filter(|one| state.as_ref().is_none_or(|states| states.contains(&one.state))).collect()
    }

    /// Every contact and attempt, oldest first.
    async fn contacts(&self) -> Vec<Contact> {
        self.folded().contacts.iter().map(|contact| self.shown(contact)).collect()
    }

    /// Every beginning of an engagement, oldest first.
    async fn engagements(&self) -> Vec<Engagement> {
        self.folded().engagements.iter().map(Into::into).collect()
    }

    /// The first plan of the kind that the rulebook counts from the referral.
    async fn plan(&self) -> Option<Plan> {
        let first = throughline_projections::referral_to_plan::first_plan(&self.told()?)?;
        Some(Plan::of(first, self.waited(first)))
    }

    /// Every plan agreed, oldest first.
    async fn plans(&self) -> Vec<Plan> {
        self.folded().plans.iter().map(|plan| Plan::of(plan, None)).collect()
    }

    /// What is, or was, to be done, in the order in which it was set.
    async fn tasks(
        &self,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<TaskState>>,
    ) -> Vec<Task> {
        let folded = self.folded();
        let tasks = folded.tasks.iter().map(|task| Task::of(folded, task, self.again()));
        tasks.filter(|task| state.as_ref().is_none_or(|states| states.contains(&task.state))).collect()
    }

    /// What the service standards of the rulebook ask to be done, the earliest due first.
    async fn obligations(
        &self,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<ObligationState>>,
    ) -> Vec<Obligation> {
        let Some(told) = self.told() else { return Vec::new() };
        let mut obligations = Obligation::of_journey(&told, self.as_of, || self.again());
        obligations.retain(|obligation| state.as_ref().is_none_or(|states| states.contains(&obligation.state)));
        obligations
    }

    /// What every outcome has come to, in the order of the rulebook, with what is left until it can be paid.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that stand so.")] status: Option<Vec<ClaimStatus>>,
    ) -> Result<Vec<Claim>> {
        let told = self.told_claims(ctx).await?;
        let mut claims = Claim::of_journey(&told, self.id, self.story());
        claims.retain(|claim| status.as_ref().is_none_or(|wanted| wanted.contains(&claim.stands())));
        Ok(claims)
    }

    /// Every score with an instrument, oldest first.
    async fn assessments(&self) -> Vec<Assessment> {
        self.folded().assessments.iter().map(Into::into).collect()
    }

    /// Every job, home, placement or course, in order of start.
    async fn spells(&self) -> Vec<Spell> {
        self.folded().spells.iter().map(|spell| Spell::of(spell, self.as_of)).collect()
    }

    /// Everything that was measured, oldest first.
    async fn measures(&self) -> Vec<Measure> {
        self.folded().measures.iter().map(Into::into).collect()
    }

    /// Everything that the client achieved, oldest first.
    async fn achievements(&self) -> Vec<Achievement> {
        self.folded().achievements.iter().map(Into::into).collect()
    }

    /// Every risk, in the order in which they were raised.
    async fn risks(&self) -> Vec<Risk> {
        self.folded().risks.iter().map(Into::into).collect()
    }

    /// Every piece of evidence, in the order in which they were attached.
    async fn evidence(
        &self,
        #[graphql(desc = "Only that in this state.")] state: Option<EvidenceState>,
    ) -> Vec<Evidence> {
        self.all_evidence().into_iter().filter(|piece| state.is_none_or(|state| piece.state == state)).collect()
    }

    /// Every event known here, in the order in which it was recorded; corrections and retractions are linked with what
    /// they speak of.
    async fn timeline(&self) -> Vec<TimelineEntry> {
        let events = self.story().history().events().iter();
        events.filter_map(|recorded| TimelineEntry::of(self.story(), recorded)).collect()
    }

    /// What you may record about it today, and why not what you may not.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<JourneyPermissions> {
        let relation = context::relation(ctx, self.id, self.contract.code().unwrap_or_default()).await?;
        Ok(JourneyPermissions { relation, story: Arc::clone(self.story()), today: ctx.today(&self.contract) })
    }
}

impl Journey {
    /// The spell, task, risk or piece of evidence of this id, if it has one.
    pub(super) fn thing(&self, id: Uuid) -> Option<Node> {
        let folded = self.folded();
        let spell = folded.spells.iter().find(|spell| spell.details.spell.0 == id);
        let task = || folded.tasks.iter().find(|task| task.details.task.0 == id);
        let booked = || folded.appointments.iter().find(|booked| booked.details.appointment.0 == id);
        let risk = || folded.risks.iter().find(|risk| risk.details.risk.0 == id);
        let evidence = || self.all_evidence().into_iter().find(|piece| piece.own.0 == id);
        let spell = spell.map(|spell| Node::Spell(Box::new(Spell::of(spell, self.as_of))));
        let task = || task().map(|task| Node::Task(Box::new(Task::of(folded, task, self.again()))));
        let booked = || {
            let appointment = Appointment::of(folded, booked()?, self.again());
            Some(Node::Appointment(Box::new(appointment)))
        };
        let risk = || risk().map(|risk| Node::Risk(risk.into()));
        spell
            .or_else(task)
            .or_else(booked)
            .or_else(risk)
            .or_else(|| evidence().map(|piece| Node::Evidence(Box::new(piece))))
    }

    /// The contract that it is in, read as of the same day.
    fn contract_now(&self, ctx: &Context<'_>) -> Option<super::contract::Contract> {
        // What was known then is another view of the contract: ask for that one.
        if self.known().0 != super::at::Known::ALL.0 {
            return None;
        }
        let scope = ctx.in_scope(self.contract.code()?)?;
        super::contract::Contract::seen(ctx, scope, super::at::Seen::live(ctx), Some(self.as_of))
    }

    /// Every piece of evidence, in the order in which they were attached.
    pub(super) fn all_evidence(&self) -> Vec<Evidence> {
        let own = Arc::new(self.again());
        self.folded().evidence.iter().map(|piece| Evidence::of(piece, &own)).collect()
    }

    /// The claims of its contract, as far as this reading knows.
    async fn told_claims(&self, ctx: &Context<'_>) -> Result<Arc<Claims>> {
        let code = self.contract.code().unwrap_or_default();
        let asked = Asked { as_of: self.as_of, today: ctx.today(&self.contract), purpose: Purpose::Look };
        let told = claim::as_known(ctx, code, self.known.0, asked).await?;
        told.ok_or_else(|| Code::Internal.error("a journey is of a contract that its reading knows"))
    }

    fn since_contact(&self, measure: ContactMeasure) -> Option<DaySpan> {
        if let (Some(row), ContactMeasure::Anyone) = (self.row(), measure) {
            return row.since_contact;
        }
        let recency = &self.rulebook.as_ref()?.recency;
        let by = match measure {
            ContactMeasure::Anyone => None,
            ContactMeasure::Keyworker => Some(self.folded().keyworker_on(self.as_of)?),
        };
        let made = throughline_projections::contact::made(self.folded(), recency);
        let counted = made.filter(|contact| by.is_none() || contact.details.worker == by);
        throughline_projections::contact::days_since(counted, self.as_of)
    }

    /// How long the client waited for a plan that the rulebook counts from the referral.
    fn waited(&self, plan: &journey::Plan) -> Option<Days> {
        let between = |occurred: Occurred| -> Between { (occurred.earliest(), occurred.latest()) };
        let from = throughline_projections::referral_to_plan::clock_starts(&self.told()?)?;
        Some(DaySpan::between(between(from), between(plan.occurred)).into())
    }

    fn stages_reached(&self) -> Vec<StageReached> {
        let Some(told) = self.told() else { return Vec::new() };
        let facts = self.story().history().facts_as_of(self.as_of);
        let reached = told.rulebook.stages.iter().filter_map(|stage| {
            throughline_projections::stage::reached(&told, &facts, &stage.when)
                .filter(|on| on.earliest() <= self.as_of)
                .map(|occurred| StageReached {
                    code: stage.code.clone(),
                    label: stage.label.clone(),
                    reached: Some(occurred.into()),
                })
        });
        reached.collect()
    }

    /// A stage of the rules, of which a row says that the journey has reached it.
    fn stage_of(&self, code: &str) -> Option<StageReached> {
        let stage = self.rulebook.as_ref()?.stages.iter().find(|stage| stage.code == code)?;
        Some(StageReached { code: stage.code.clone(), label: stage.label.clone(), reached: None })
    }
}

/// A stage of the funnel and when the journey reached it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct StageReached {
    /// The stage's code in the rulebook.
    code: String,
    /// What boards print.
    label: String,
    /// None where a row tells of it, which does not hold how well the day is known.
    #[graphql(skip)]
    reached: Option<OccurredOn>,
}

#[ComplexObject]
impl StageReached {
    /// When the first fact reached it.
    async fn reached(&self) -> OccurredOn {
        self.reached.expect("a list is told by its rows only where they hold all that is asked")
    }
}

/// A step in the life of a referral, plan, task, risk or piece of evidence.
#[derive(Debug, Clone, SimpleObject)]
pub struct Step {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was.
    occurred: OccurredOn,
    /// Why, where a reason was given.
    reason: Option<String>,
}

impl Step {
    /// A step of which no reason is recorded.
    pub(super) fn of<T>(entry: &Entry<T>) -> Self {
        Self::why(entry, None)
    }

    /// A step with its reason, if one was given.
    pub(super) fn why<T>(entry: &Entry<T>, reason: Option<&str>) -> Self {
        let event = ID(entry.event_id.to_string());
        Self { event, occurred: entry.occurred.into(), reason: reason.map(str::to_owned) }
    }
}
