//! A case (journey) in the API: its facts folded as of a day, with the knowledge of a log position.
//!
//! All fields come from one fold over one stream, the same fold that builds the view tables. A list that needs only
//! fields that its rows hold is read from the rows instead. One response never mixes the two, because rows and streams
//! may be read at different moments.

pub mod appointment;
pub mod case_history;
pub mod contact;
pub mod evidence;
pub mod evidence_file;
pub mod referral;
pub mod row;
pub mod spell;
pub mod timeline;
pub mod work;

use std::sync::{Arc, OnceLock};

use async_graphql::{ComplexObject, Context, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;
use uuid::Uuid;

use self::appointment::{Appointment, AppointmentState};
pub use self::case_history::{CaseHistories, CaseHistory, case_histories};
pub use self::contact::ContactMeasure;
use self::contact::{Contact, DayCount};
use self::evidence::{Evidence, EvidenceState};
use self::referral::{Assignment, CaseClosure, Disengagement, EligibilityAssessment, Referral, ReferralEnd};
use self::spell::Spell;
use self::timeline::TimelineEntry;
use self::work::{Achievement, Assessment, Engagement, Measure, Plan, Risk, Task, TaskState};
use super::claim::{self, Claim, ClaimStatus};
use super::context::{self, RequestContext as _};
use super::event::OccurredOn;
use super::list::Source;
use super::node::Node;
use super::obligation::{Obligation, ObligationState};
use super::people::{Subject, Worker};
use super::permission::JourneyPermissions;
use super::point_in_time::KnownUpTo;
use super::scalars::{Date, Position};
use super::sealed::{Owner, SealedText};
use crate::queries::claims::{Claims, ClaimsQuery, Purpose};
use crate::queries::journeys::JourneyRow;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{AppointmentId, EventId, JourneyId, Occurred, TaskId};
use throughline_domain::fact::sealed::PersonalText;
use throughline_domain::journey::{self, Journey as Folded};
use throughline_gateway::Code;
use throughline_projections::last_contact as contacts;
use throughline_projections::{self, Between, CaseFacts, DaySpan};

/// A case: one referral episode of one client in one contract.
#[derive(Clone)]
pub struct Journey {
    id: JourneyId,
    contract: Arc<Contract>,
    as_of: NaiveDate,
    /// The last log position used.
    known: KnownUpTo,
    /// The rulebook that applies.
    rulebook: Option<Arc<Rulebook>>,
    teller: CaseSource,
}

/// The source of a case's fields. A row and the stream agree, because the same fold made the row.
#[derive(Clone)]
enum CaseSource {
    /// The case's stream, folded as of the day when a field first needs it.
    CaseHistory { story: Arc<CaseHistory>, folded: OnceLock<Box<Folded>> },
    /// The case's row in a list, if the query requests only fields that rows hold.
    Row(Arc<JourneyRow>),
}

impl CaseSource {
    const fn story(story: Arc<CaseHistory>) -> Self {
        Self::CaseHistory { story, folded: OnceLock::new() }
    }
}

impl Journey {
    /// A case read from its stream as of a day, under the newest rulebook known at that point. It is folded when a
    /// field first needs it.
    pub fn of(id: JourneyId, contract: Arc<Contract>, as_of: NaiveDate, story: Arc<CaseHistory>) -> Self {
        let known = story.known();
        let newest = contract.rulebooks().iter().rev().find(|published| known.covers(published.position));
        let rulebook = newest.map(|published| Arc::clone(&published.rulebook));
        Self { id, contract, as_of, known, rulebook, teller: CaseSource::story(story) }
    }

    /// A case below a contract, under the contract's rulebook.
    pub(super) fn beneath(source: &Source, id: JourneyId, story: Arc<CaseHistory>) -> Self {
        Self { known: story.known(), ..Self::read_from(source, id, CaseSource::story(story)) }
    }

    /// A case of a list, if the query requests only fields that rows hold ([`row::holds`]).
    pub(super) fn listed(source: &Source, row: &Arc<JourneyRow>) -> Self {
        Self::read_from(source, row.journey, CaseSource::Row(Arc::clone(row)))
    }

    fn read_from(source: &Source, id: JourneyId, teller: CaseSource) -> Self {
        let (contract, rulebook) =
            (Arc::clone(&source.contract_state), source.contract_state.newest_rulebook().cloned());
        Self { id, contract, as_of: source.as_of, known: source.known, rulebook, teller }
    }

    /// The same case, for an object below it.
    fn again(&self) -> Self {
        let Self { id, contract, as_of, known, rulebook, .. } = self;
        let (contract, teller) = (Arc::clone(contract), CaseSource::story(Arc::clone(self.story())));
        Self { id: *id, contract, as_of: *as_of, known: *known, rulebook: rulebook.clone(), teller }
    }

    /// The last log position used.
    pub(super) const fn known(&self) -> KnownUpTo {
        self.known
    }

    /// The case as of today in its contract's time zone; none if the caller may not see it.
    pub fn today(ctx: &Context<'_>, id: JourneyId, story: Arc<CaseHistory>) -> Option<Self> {
        let contract = ctx.caller().generation.contract_state(ctx.in_scope(story.contract()?)?)?;
        let today = ctx.today(&contract);
        Some(Self::of(id, contract, today, story))
    }

    fn story(&self) -> &Arc<CaseHistory> {
        self.replayed().0
    }

    fn folded(&self) -> &Folded {
        let (story, folded) = self.replayed();
        folded.get_or_init(|| Box::new(story.history().journey_as_of(self.as_of)))
    }

    fn replayed(&self) -> (&Arc<CaseHistory>, &OnceLock<Box<Folded>>) {
        match &self.teller {
            CaseSource::CaseHistory { story, folded } => (story, folded),
            CaseSource::Row(_) => unreachable!("rows are used only if they hold every requested field"),
        }
    }

    /// The row of the case, if its fields come from a row.
    fn row(&self) -> Option<&JourneyRow> {
        match &self.teller {
            CaseSource::Row(row) => Some(row),
            CaseSource::CaseHistory { .. } => None,
        }
    }

    /// A contact with its appointment.
    fn shown(&self, contact: &journey::Contact) -> Contact {
        let folded = self.folded();
        let named =
            |appointment: &&journey::Appointment| contact.details.appointment == Some(appointment.details.appointment);
        let appointment = folded.appointments.iter().find(named);
        let appointment = appointment.map(|appointment| Appointment::of(folded, appointment, self.again()));
        let note = self.text(contact.details.note.as_ref());
        Contact::of(contact, self.rulebook.as_deref(), self.known(), appointment).with_note(note)
    }

    /// The owner of the texts in the case.
    pub(super) fn owner(&self) -> Owner {
        Owner::Case(self.id, self.contract.code().unwrap_or_default().into())
    }

    /// A text of the case.
    pub(super) fn text(&self, text: Option<&PersonalText>) -> Option<SealedText> {
        text.map(|text| SealedText::of(text, &self.owner()))
    }

    /// The contact that this event first recorded.
    fn contact(&self, event: EventId) -> Option<Contact> {
        let contact = self.folded().contacts.iter().find(|contact| contact.event_id == event)?;
        Some(self.shown(contact))
    }

    /// The appointment with this id.
    pub(super) fn appointment(&self, id: AppointmentId) -> Option<Appointment> {
        let folded = self.folded();
        let appointment = folded.appointments.iter().find(|one| one.details.appointment == id)?;
        Some(Appointment::of(folded, appointment, self.again()))
    }

    /// The task with this id.
    pub(super) fn task(&self, id: TaskId) -> Option<Task> {
        let folded = self.folded();
        let task = folded.tasks.iter().find(|task| task.details.task == id)?;
        Some(Task::of(folded, task, self.again()))
    }

    /// The event that started the clock of the n-th obligation under a standard.
    pub(super) fn starts_obligation(&self, standard: &str, nth: usize) -> Option<EventId> {
        let input = self.projection_input()?;
        let standard = input.rulebook.standards.iter().find(|known| known.code == standard)?;
        Some(throughline_projections::obligation::obligations(&input, standard).get(nth)?.started_by)
    }

    fn projection_input(&self) -> Option<CaseFacts<'_>> {
        CaseFacts::of(self.id, self.contract.code()?, self.folded(), self.rulebook.as_ref()?)
    }
}

/// A case: one referral episode of one client in one contract, read as of a day. The API's names call it a journey.
#[Object]
impl Journey {
    /// The id of the case.
    pub async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// The reference of the case: the first case number of another system it came with, otherwise one of our own, such
    /// as `4K7Q-9XM2`. Null if you may see only pseudonyms.
    async fn reference(&self) -> Option<String> {
        match self.row() {
            Some(row) => Some(row.reference.clone()),
            None => self.projection_input().map(|input| input.reference()),
        }
    }

    /// The code of the contract.
    async fn contract(&self) -> Option<&str> {
        self.contract.code()
    }

    /// The contract, read as of the same day. Null at an earlier knowledge date.
    async fn of_contract(&self, ctx: &Context<'_>) -> Option<super::contract::Contract> {
        self.contract_now(ctx)
    }

    /// The as-of date.
    async fn as_of(&self) -> Date {
        Date(self.as_of)
    }

    /// The position in the log up to which the case is known.
    async fn position(&self) -> Position {
        Position(self.story().history().position())
    }

    /// The version of the case's stream. Pass it as `expectedVersion` to refuse a command if the case has changed
    /// since.
    async fn version(&self) -> i64 {
        self.story().history().version()
    }

    /// The subject who was referred, under a pseudonym.
    async fn subject(&self) -> Option<Subject> {
        let code = self.contract.code();
        self.folded().subject().map(|id| Subject::at(id, self.as_of, self.known).in_contract(code))
    }

    /// The referral that opened the case.
    async fn referral(&self) -> Option<Referral> {
        self.folded().referral.as_ref().map(Into::into)
    }

    /// The service area, by code.
    async fn area(&self) -> Option<&str> {
        match self.row() {
            Some(row) => Some(&row.area),
            None => self.folded().referral.as_ref().map(|referral| referral.details.area.as_str()),
        }
    }

    /// The cohort, by code, if the contract has cohorts.
    async fn cohort(&self) -> Option<&str> {
        self.folded().referral.as_ref().and_then(|referral| referral.details.cohort.as_deref())
    }

    /// When the referral was received.
    async fn received(&self) -> Option<OccurredOn> {
        self.folded().referral.as_ref().map(|referral| referral.occurred.into())
    }

    /// When the referral was accepted.
    async fn accepted(&self) -> Option<OccurredOn> {
        self.folded().accepted.as_ref().map(|accepted| accepted.occurred.into())
    }

    /// The acceptance. Its `event` is the target of a correction.
    async fn acceptance(&self) -> Option<Occurrence> {
        self.folded().accepted.as_ref().map(Occurrence::of)
    }

    /// When and why the referral was declined.
    async fn declined(&self) -> Option<ReferralEnd> {
        self.folded().declined.as_ref().map(Into::into)
    }

    /// When and why the referral was withdrawn.
    async fn withdrawn(&self) -> Option<ReferralEnd> {
        self.folded().withdrawn.as_ref().map(Into::into)
    }

    /// The eligibility assessments, oldest first. The last one counts.
    async fn eligibility(&self) -> Vec<EligibilityAssessment> {
        self.folded().eligibility.iter().map(Into::into).collect()
    }

    /// The close or transfer in force. Null if the case was never closed or has been reopened.
    async fn closed(&self) -> Option<CaseClosure> {
        self.folded().closed().map(Into::into)
    }

    /// Every close or transfer, oldest first, with the reopening that followed.
    async fn closes(&self) -> Vec<CaseClosure> {
        self.folded().closes.iter().map(Into::into).collect()
    }

    /// The disengagements. The case stays on the caseload until it is closed.
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

    /// The keyworker who holds the case. Null from the day on which they left the service.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        let holder = match self.row() {
            Some(row) => row.keyworker,
            None => self.folded().keyworker_on(self.as_of),
        };
        let holder = Worker::load(ctx, holder?, self.known()).await?;
        let is_here = |worker: &Worker| worker.row.left_on.is_none_or(|left| left > self.as_of);
        holder.map(|worker| Some(worker).filter(is_here)).transpose()
    }

    /// The workers who held the case, with their role and dates.
    async fn assignments(&self) -> Vec<Assignment> {
        self.folded().assignments.iter().map(|held| Assignment::of(held, self.known())).collect()
    }

    /// Calendar days since the last made contact, 0 on the day itself. Null if there is no such contact or its date is
    /// imprecise.
    async fn days_since_contact(
        &self,
        #[graphql(default, desc = "Which contacts to count: with any worker, or with the keyworker only.")]
        measure: ContactMeasure,
    ) -> Option<u32> {
        self.since_contact(measure).and_then(DaySpan::exact)
    }

    /// Calendar days since the last made contact, with bounds if its date is imprecise. Null if there is no such
    /// contact.
    async fn time_since_contact(
        &self,
        #[graphql(default, desc = "Which contacts to count: with any worker, or with the keyworker only.")]
        measure: ContactMeasure,
    ) -> Option<DayCount> {
        self.since_contact(measure).map(DayCount::from)
    }

    /// The appointments, in the order in which they were booked.
    async fn appointments(
        &self,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<AppointmentState>>,
    ) -> Vec<Appointment> {
        let folded = self.folded();
        let all = folded.appointments.iter().map(|appointment| Appointment::of(folded, appointment, self.again()));
        all.filter(|one| state.as_ref().is_none_or(|states| states.contains(&one.state))).collect()
    }

    /// The contacts and attempted contacts, oldest first.
    async fn contacts(&self) -> Vec<Contact> {
        self.folded().contacts.iter().map(|contact| self.shown(contact)).collect()
    }

    /// The starts of engagement, oldest first.
    async fn engagements(&self) -> Vec<Engagement> {
        self.folded().engagements.iter().map(Into::into).collect()
    }

    /// The first plan of the kind that the rulebook counts from the referral.
    async fn plan(&self) -> Option<Plan> {
        let first = throughline_projections::referral_to_plan::first_plan(&self.projection_input()?)?;
        Some(Plan::of(first, self.waited(first), &self.owner()))
    }

    /// The plans, oldest first.
    async fn plans(&self) -> Vec<Plan> {
        self.folded().plans.iter().map(|plan| Plan::of(plan, None, &self.owner())).collect()
    }

    /// The tasks, in the order in which they were set.
    async fn tasks(
        &self,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<TaskState>>,
    ) -> Vec<Task> {
        let folded = self.folded();
        let tasks = folded.tasks.iter().map(|task| Task::of(folded, task, self.again()));
        tasks.filter(|task| state.as_ref().is_none_or(|states| states.contains(&task.state))).collect()
    }

    /// The obligations that the rulebook's service standards create, the earliest due date first.
    async fn obligations(
        &self,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<ObligationState>>,
    ) -> Vec<Obligation> {
        let Some(input) = self.projection_input() else { return Vec::new() };
        let mut obligations = Obligation::of_journey(&input, self.as_of, || self.again());
        obligations.retain(|obligation| state.as_ref().is_none_or(|states| states.contains(&obligation.state)));
        obligations
    }

    /// The claims of the case: for every outcome, in the order of the rulebook, its status and what is left until it
    /// can be paid.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only claims with one of these statuses.")] status: Option<Vec<ClaimStatus>>,
    ) -> Result<Vec<Claim>> {
        let contract_claims = self.contract_claims(ctx).await?;
        let mut claims = Claim::of_journey(&contract_claims, self.id, self.story());
        claims.retain(|claim| status.as_ref().is_none_or(|wanted| wanted.contains(&claim.stands())));
        Ok(claims)
    }

    /// The assessment scores, oldest first.
    async fn assessments(&self) -> Vec<Assessment> {
        self.folded().assessments.iter().map(Into::into).collect()
    }

    /// The spells (jobs, homes, placements and courses), by start.
    async fn spells(&self) -> Vec<Spell> {
        self.folded().spells.iter().map(|spell| Spell::of(spell, self.as_of, &self.owner())).collect()
    }

    /// The measurements, oldest first.
    async fn measures(&self) -> Vec<Measure> {
        self.folded().measures.iter().map(Into::into).collect()
    }

    /// The achievements, oldest first.
    async fn achievements(&self) -> Vec<Achievement> {
        self.folded().achievements.iter().map(Into::into).collect()
    }

    /// The risks, in the order in which they were raised.
    async fn risks(&self) -> Vec<Risk> {
        self.folded().risks.iter().map(Into::into).collect()
    }

    /// The evidence, in the order in which it was attached.
    async fn evidence(
        &self,
        #[graphql(desc = "Only evidence in this state.")] state: Option<EvidenceState>,
    ) -> Vec<Evidence> {
        self.all_evidence().into_iter().filter(|piece| state.is_none_or(|state| piece.state == state)).collect()
    }

    /// Every event of the case, in the order in which it was recorded. Corrections and retractions are linked with
    /// their targets.
    async fn timeline(&self) -> Vec<TimelineEntry> {
        let events = self.story().history().events().iter();
        events.filter_map(|recorded| TimelineEntry::of(self.story(), recorded)).collect()
    }

    /// What you may record about the case today and, if you may not, why.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<JourneyPermissions> {
        let relation = context::relation(ctx, self.id, self.contract.code().unwrap_or_default()).await?;
        Ok(JourneyPermissions { relation, story: Arc::clone(self.story()), today: ctx.today(&self.contract) })
    }
}

impl Journey {
    /// The spell, task, risk or piece of evidence with this id, if the case has one.
    pub(super) fn item(&self, id: Uuid) -> Option<Node> {
        let folded = self.folded();
        let spell = folded.spells.iter().find(|spell| spell.details.spell.0 == id);
        let task = || folded.tasks.iter().find(|task| task.details.task.0 == id);
        let booked = || folded.appointments.iter().find(|booked| booked.details.appointment.0 == id);
        let risk = || folded.risks.iter().find(|risk| risk.details.risk.0 == id);
        let evidence = || self.all_evidence().into_iter().find(|piece| piece.own.0 == id);
        let spell = spell.map(|spell| Node::Spell(Box::new(Spell::of(spell, self.as_of, &self.owner()))));
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

    /// The contract of the case, read as of the same day.
    fn contract_now(&self, ctx: &Context<'_>) -> Option<super::contract::Contract> {
        // At an earlier knowledge date the contract is in another view: query it through `contract` instead.
        if self.known().0 != super::point_in_time::KnownUpTo::ALL.0 {
            return None;
        }
        let scope = ctx.in_scope(self.contract.code()?)?;
        super::contract::Contract::seen(ctx, scope, super::point_in_time::Snapshot::live(ctx), Some(self.as_of))
    }

    /// The evidence, in the order in which it was attached.
    pub(super) fn all_evidence(&self) -> Vec<Evidence> {
        let own = Arc::new(self.again());
        self.folded().evidence.iter().map(|piece| Evidence::of(piece, &own)).collect()
    }

    /// The claims of the contract, as known at this point in time.
    async fn contract_claims(&self, ctx: &Context<'_>) -> Result<Arc<Claims>> {
        let code = self.contract.code().unwrap_or_default();
        let asked = ClaimsQuery { as_of: self.as_of, today: ctx.today(&self.contract), purpose: Purpose::Look };
        let contract_claims = claim::as_known(ctx, code, self.known.0, asked).await?;
        contract_claims.ok_or_else(|| Code::Internal.error("the contract of a case is known at the same point in time"))
    }

    fn since_contact(&self, measure: ContactMeasure) -> Option<DaySpan> {
        if let (Some(row), ContactMeasure::Anyone) = (self.row(), measure) {
            return row.since_contact;
        }
        let recency = &self.rulebook.as_ref()?.recency;
        let case = self.folded();
        match measure {
            ContactMeasure::Anyone => contacts::days_since(contacts::made(case, recency), self.as_of),
            ContactMeasure::Keyworker => {
                let keyworker = case.keyworker_on(self.as_of)?;
                contacts::days_since(contacts::made_by(case, recency, keyworker), self.as_of)
            }
        }
    }

    /// How long the client waited for a plan that the rulebook counts from the referral.
    fn waited(&self, plan: &journey::Plan) -> Option<DayCount> {
        let between = |occurred: Occurred| -> Between { (occurred.earliest(), occurred.latest()) };
        let from = throughline_projections::referral_to_plan::clock_starts(&self.projection_input()?)?;
        Some(DaySpan::between(between(from), between(plan.occurred)).into())
    }

    fn stages_reached(&self) -> Vec<StageReached> {
        let Some(input) = self.projection_input() else { return Vec::new() };
        let facts = self.story().history().facts_as_of(self.as_of);
        let reached = input.rulebook.stages.iter().filter_map(|stage| {
            throughline_projections::stage::reached(&input, &facts, &stage.when)
                .filter(|on| on.earliest() <= self.as_of)
                .map(|occurred| StageReached {
                    code: stage.code.clone(),
                    label: stage.label.clone(),
                    reached: Some(occurred.into()),
                })
        });
        reached.collect()
    }

    /// A stage of the rulebook that the row says was reached.
    fn stage_of(&self, code: &str) -> Option<StageReached> {
        let stage = self.rulebook.as_ref()?.stages.iter().find(|stage| stage.code == code)?;
        Some(StageReached { code: stage.code.clone(), label: stage.label.clone(), reached: None })
    }
}

/// A stage that the case reached, and when.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct StageReached {
    /// The code of the stage in the rulebook.
    code: String,
    /// The label on the board.
    label: String,
    /// None if read from a row, because rows do not hold the precision of the date.
    #[graphql(skip)]
    reached: Option<OccurredOn>,
}

#[ComplexObject]
impl StageReached {
    /// When the first fact reached the stage.
    async fn reached(&self) -> OccurredOn {
        self.reached.expect("rows are used only if they hold every requested field")
    }
}

/// A dated event in the life of an object, such as a referral, plan, task, contract or piece of evidence.
#[derive(Debug, Clone, SimpleObject)]
pub struct Occurrence {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The date.
    occurred: OccurredOn,
    /// The reason, if one was given.
    reason: Option<String>,
    /// The note, if there is one.
    note: Option<SealedText>,
}

impl Occurrence {
    /// A step without a reason.
    pub(super) fn of<T>(entry: &Entry<T>) -> Self {
        Self::why(entry, None)
    }

    /// A step with its reason, if one was given.
    pub(super) fn why<T>(entry: &Entry<T>, reason: Option<&str>) -> Self {
        let event = ID(entry.event_id.to_string());
        Self { event, occurred: entry.occurred.into(), reason: reason.map(str::to_owned), note: None }
    }

    /// The same with another id in place of its event's.
    pub(super) fn under(self, event: ID) -> Self {
        Self { event, ..self }
    }

    /// The same with a note.
    pub(super) fn with_note(self, note: Option<&PersonalText>, owner: &Owner) -> Self {
        Self { note: note.map(|note| SealedText::of(note, owner)), ..self }
    }
}
