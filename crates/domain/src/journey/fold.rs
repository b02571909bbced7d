//! The fold of a case: the state that its facts produce, in order.
//!
//! Pure. It never fails: an invalid fact, such as a restored log may hold, is ignored. The fold of a past day never
//! depends on a later fact.

mod holding;

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};

use crate::fact::envelope::{
    AppointmentId, EventId, EvidenceId, Occurred, RiskId, SpellId, SubjectId, TaskId, WorkerId,
};
use crate::fact::event::{
    AchievementRecorded, AppointmentBooked, AppointmentCancelled, AppointmentMoved, AssessmentScored, Attendance,
    Attribute, ContactLogged, Disengaged, EligibilityAssessed, EngagementStarted, Event, EvidenceAttached,
    EvidenceRejected, EvidenceVerified, EvidenceWithdrawn, JourneyReopened, KEYWORKER, MeasureRecorded, PlanAgreed,
    PlanClosed, PlanReviewed, Quantity, ReferralAccepted, ReferralDeclined, ReferralReceived, ReferralWithdrawn,
    RiskCleared, RiskRaised, SpellChanged, SpellEnded, SpellStarted, TaskCancelled, TaskDone, TaskSet, WorkerReleased,
};
use crate::fact::sealed::PersonalText;
use crate::fact::tracked::{self, Lifecycle};
use crate::fact::{Entry, Fact};

/// A case at a point in time: the fold of its facts.
#[derive(Debug, Clone, Default)]
pub struct Journey {
    /// The referral, if it was not retracted.
    pub referral: Option<Entry<ReferralReceived>>,
    /// The acceptance of the referral.
    pub accepted: Option<Entry<ReferralAccepted>>,
    /// The decline, with its reason.
    pub declined: Option<Entry<ReferralDeclined>>,
    /// The withdrawal of the referral.
    pub withdrawn: Option<Entry<ReferralWithdrawn>>,
    /// All eligibility assessments, in order. The last one applies.
    pub eligibility: Vec<Entry<EligibilityAssessed>>,
    /// The workers who held the case and their roles, in order.
    pub assignments: Vec<Assignment>,
    /// All appointments, in the order in which they were booked.
    pub appointments: Vec<Appointment>,
    /// All contacts and attempts, in order.
    pub contacts: Vec<Contact>,
    /// All starts of engagement, in order.
    pub engagements: Vec<Entry<EngagementStarted>>,
    /// All plans, in order.
    pub plans: Vec<Plan>,
    /// All tasks, in the order in which they were set.
    pub tasks: Vec<Task>,
    /// All scored assessments, in order.
    pub assessments: Vec<Entry<AssessmentScored>>,
    /// All spells, in order of start.
    pub spells: Vec<Spell>,
    /// All measures, in order.
    pub measures: Vec<Entry<MeasureRecorded>>,
    /// All achievements, in order.
    pub achievements: Vec<Entry<AchievementRecorded>>,
    /// All risks, in the order in which they were raised.
    pub risks: Vec<Risk>,
    /// All evidence, in the order in which it was attached.
    pub evidence: Vec<Evidence>,
    /// All disengagements, in order.
    pub disengagements: Vec<Entry<Disengaged>>,
    /// All closes and transfers, in order. All but the last were followed by a reopening.
    pub closes: Vec<Close>,
}

/// One contact or attempt.
pub type Contact = Entry<ContactLogged>;

/// An appointment with the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// The date of the booking.
    pub booked: Occurred,
    /// The booking.
    pub details: AppointmentBooked,
    /// All moves, in order.
    pub moves: Vec<Entry<AppointmentMoved>>,
    /// The result of the appointment, if it is known.
    pub over: Option<AppointmentOver>,
}

/// The result of an appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppointmentOver {
    /// It was cancelled.
    Cancelled(Entry<AppointmentCancelled>),
    /// A contact says that it was kept or missed.
    Contact(Contact),
}

/// The day, time, channel and worker of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The day.
    pub on: NaiveDate,
    /// The time of that day, if one was agreed.
    pub time: Option<NaiveTime>,
    /// The channel.
    pub channel: &'a str,
    /// The worker. None if it is the keyworker of the day.
    pub worker: Option<WorkerId>,
}

/// A worker held the case over a range of days: `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// The worker.
    pub worker: WorkerId,
    /// The role.
    pub role: String,
    /// The first day.
    pub from: NaiveDate,
    /// The first day on which they no longer held it, if it ended: they were released, or another keyworker took the
    /// case.
    pub to: Option<NaiveDate>,
    /// The release, if they were released.
    pub released: Option<Entry<WorkerReleased>>,
}

impl Assignment {
    /// Whether they hold the case at the end of a day.
    pub fn is_on(&self, day: NaiveDate) -> bool {
        self.from <= day && self.lasts_after(day)
    }

    /// Whether it lasts beyond the end of a day, once it has started.
    fn lasts_after(&self, day: NaiveDate) -> bool {
        self.to.is_none_or(|to| day < to)
    }
}

/// An agreed plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// The date of the agreement.
    pub occurred: Occurred,
    /// The kind, a code of the rulebook.
    pub kind: String,
    /// The actions that they agreed.
    pub actions: Vec<PersonalText>,
    /// The note.
    pub note: Option<PersonalText>,
    /// All reviews, in order.
    pub reviews: Vec<Entry<PlanReviewed>>,
    /// The close, if it was closed.
    pub closed: Option<Entry<PlanClosed>>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// The date on which it was set.
    pub set: Occurred,
    /// The kind, due date and owner.
    pub details: TaskSet,
    /// How it ended, if it did.
    pub over: Option<TaskOver>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOver {
    /// It was completed.
    Done(Entry<TaskDone>),
    /// It was cancelled.
    Cancelled(Entry<TaskCancelled>),
}

/// A job, home, placement or course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// The event that first recorded its start.
    pub event_id: EventId,
    /// The date of the start.
    pub started: Occurred,
    /// The details at the start.
    pub details: SpellStarted,
    /// The changes, in order.
    pub changes: Vec<Entry<SpellChanged>>,
    /// The end, if it ended. Its date is the first day on which the spell no longer applied.
    pub ended: Option<Entry<SpellEnded>>,
}

/// A risk to the client over a range of days: `[raised, cleared)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// The first day.
    pub raised: Occurred,
    /// The kind of risk.
    pub details: RiskRaised,
    /// The clearing, if it was cleared. Its date is the first day without the risk.
    pub cleared: Option<Entry<RiskCleared>>,
}

/// A piece of evidence and its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// The date on which it was attached.
    pub attached: Occurred,
    /// The kind, the date of the document, and the facts that it supports.
    pub details: EvidenceAttached,
    /// The verification, if there is one.
    pub verified: Option<Entry<EvidenceVerified>>,
    /// The rejection, if there is one.
    pub rejected: Option<Entry<EvidenceRejected>>,
    /// The withdrawal, if there is one.
    pub withdrawn: Option<Entry<EvidenceWithdrawn>>,
}

/// A close or transfer of the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// The date.
    pub occurred: Occurred,
    /// Whether it was closed or transferred.
    pub how: HowClosed,
    /// The reason: a code of the rulebook.
    pub reason: String,
    /// The destination of the client. For a transfer: the code of the contract or the name of the service.
    pub destination: Option<String>,
    /// The reopening, if there is one.
    pub reopened: Option<Entry<JourneyReopened>>,
}

/// How a case left the caseload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowClosed {
    /// The case was closed.
    Closed,
    /// The case was transferred to another contract or service.
    Transferred,
}

impl Journey {
    /// Folds facts in order. Facts about an appointment, task, spell, risk or piece of evidence are applied after all
    /// of these have started: an end known only by its month may come before its start.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let follows = |fact: &&Fact<'_>| {
            // Contacts keep their order, whether or not they name an appointment.
            !matches!(fact.event, Event::ContactLogged(_))
                && tracked::item_of(fact.event).is_some_and(|(_, part)| !matches!(part, Lifecycle::Begins))
        };
        let mut journey = Self::default();
        for fact in facts.iter().filter(|fact| !follows(fact)).chain(facts.iter().filter(follows)) {
            journey.apply(fact);
        }
        journey.keep_appointments();
        journey
    }

    /// Applies the next fact about a plan.
    fn apply_to_plan(&mut self, fact: &Fact<'_>) {
        let event_id = fact.original.event_id;
        match fact.event {
            Event::PlanAgreed(plan) => {
                let PlanAgreed { kind, actions, note } = plan.clone();
                self.plans.push(Plan {
                    event_id,
                    occurred: fact.occurred,
                    kind,
                    actions,
                    note,
                    reviews: Vec::new(),
                    closed: None,
                });
            }
            Event::PlanReviewed(review) => {
                if let Some(plan) = self.open_plan(&review.kind) {
                    plan.reviews.push(Entry::of(fact, review));
                }
            }
            Event::PlanClosed(close) => {
                if let Some(plan) = self.open_plan(&close.kind) {
                    plan.closed = Some(Entry::of(fact, close));
                }
            }
            _ => {}
        }
    }

    /// Applies a fact about the referral. Each of them counts once: the first one, even in a restored log with several.
    /// So the fold of a past day never depends on a later fact.
    fn apply_to_referral(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ReferralReceived(referral) => {
                self.referral.get_or_insert_with(|| Entry::of(fact, referral));
            }
            Event::ReferralAccepted(accepted) => {
                self.accepted.get_or_insert_with(|| Entry::of(fact, accepted));
            }
            Event::ReferralDeclined(declined) => {
                self.declined.get_or_insert_with(|| Entry::of(fact, declined));
            }
            Event::ReferralWithdrawn(withdrawn) => {
                self.withdrawn.get_or_insert_with(|| Entry::of(fact, withdrawn));
            }
            _ => {}
        }
    }

    /// Applies the next fact.
    fn apply(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ReferralReceived(_)
            | Event::ReferralAccepted(_)
            | Event::ReferralDeclined(_)
            | Event::ReferralWithdrawn(_) => self.apply_to_referral(fact),
            Event::EligibilityAssessed(assessed) => self.eligibility.push(Entry::of(fact, assessed)),
            Event::WorkerAssigned(assigned) => self.assign(Entry::of(fact, assigned)),
            Event::WorkerReleased(released) => self.release(&Entry::of(fact, released)),
            Event::ContactLogged(contact) => self.contacts.push(Entry::of(fact, contact)),
            Event::EngagementStarted(engagement) => self.engagements.push(Entry::of(fact, engagement)),
            Event::PlanAgreed(_) | Event::PlanReviewed(_) | Event::PlanClosed(_) => self.apply_to_plan(fact),
            Event::AssessmentScored(scored) => self.assessments.push(Entry::of(fact, scored)),
            Event::MeasureRecorded(measure) => self.measures.push(Entry::of(fact, measure)),
            Event::AchievementRecorded(achievement) => self.achievements.push(Entry::of(fact, achievement)),
            Event::Disengaged(mark) => self.disengagements.push(Entry::of(fact, mark)),
            Event::JourneyClosed(_) | Event::JourneyTransferred(_) | Event::JourneyReopened(_) => self.close(fact),
            Event::AppointmentBooked(_)
            | Event::AppointmentMoved(_)
            | Event::AppointmentCancelled(_)
            | Event::TaskSet(_)
            | Event::TaskDone(_)
            | Event::TaskCancelled(_)
            | Event::SpellStarted(_)
            | Event::SpellChanged(_)
            | Event::SpellEnded(_)
            | Event::RiskRaised(_)
            | Event::RiskCleared(_)
            | Event::EvidenceAttached(_)
            | Event::EvidenceWithdrawn(_)
            | Event::EvidenceVerified(_)
            | Event::EvidenceRejected(_) => self.apply_to_item(fact),
            // Corrections and retractions are already applied. Facts of other streams do not belong here.
            Event::FactCorrected(_)
            | Event::FactRetracted(_)
            | Event::SubjectRegistered(_)
            | Event::IdentitySealed(_)
            | Event::SubjectsLinked(_)
            | Event::SubjectsUnlinked(_)
            | Event::DuplicateDismissed(_)
            | Event::ConsentGiven(_)
            | Event::ConsentWithdrawn(_)
            | Event::LegalHoldPlaced(_)
            | Event::LegalHoldLifted(_)
            | Event::ErasureProposed(_)
            | Event::ErasureApproved(_)
            | Event::SubjectErased(_)
            | Event::ContractOpened(_)
            | Event::ContractVaried(_)
            | Event::ContractEnded(_)
            | Event::RulebookPublished(_)
            | Event::TargetsPublished(_)
            | Event::CommentaryRecorded(_)
            | Event::PeriodClosed(_)
            | Event::ReportSubmitted(_)
            | Event::KpiAssessed(_)
            | Event::NoticeIssued(_)
            | Event::ActionAgreed(_)
            | Event::ActionCompleted(_)
            | Event::DoubleFundingDismissed(_)
            | Event::BatchOpened(_)
            | Event::BatchSubmitted(_)
            | Event::ClaimAccepted(_)
            | Event::ClaimQueried(_)
            | Event::ClaimRejected(_)
            | Event::ClaimResubmitted(_)
            | Event::ClaimWithdrawn(_)
            | Event::PaymentReceived(_)
            | Event::AdjustmentRaised(_)
            | Event::WorkerJoined(_)
            | Event::WorkerLeft(_)
            | Event::WteSet(_)
            | Event::AbsenceRecorded(_)
            | Event::TeamSet(_)
            | Event::CapacitySet(_)
            | Event::VacancyOpened(_)
            | Event::VacancyFilled(_)
            | Event::CoverStarted(_)
            | Event::CoverEnded(_)
            | Event::IdentityRevealed(_)
            | Event::RevealEnded(_)
            | Event::RoleGranted(_)
            | Event::RoleRevoked(_)
            | Event::SessionsRevoked(_)
            | Event::ApiKeyIssued(_)
            | Event::ApiKeyRevoked(_)
            | Event::ReferralOffered(_)
            | Event::OfferAccepted(_)
            | Event::OfferLinked(_)
            | Event::OfferDeclined(_)
            | Event::OfferWithdrawn(_)
            | Event::SourceRegistered(_)
            | Event::ImportRun(_)
            | Event::RowMissing(_)
            | Event::RowReturned(_) => {}
        }
    }

    /// Applies a fact about an appointment, task, spell, risk or piece of evidence. Each ends only once.
    fn apply_to_item(&mut self, fact: &Fact<'_>) {
        let (event_id, occurred) = (fact.original.event_id, fact.occurred);
        match fact.event {
            Event::SpellStarted(start) => {
                let (details, changes) = (start.clone(), Vec::new());
                self.spells.push(Spell { event_id, started: occurred, details, changes, ended: None });
            }
            Event::SpellChanged(change) => {
                if let Some(spell) = self.spell(change.spell) {
                    spell.changes.push(Entry::of(fact, change));
                }
            }
            Event::SpellEnded(end) => {
                if let Some(spell) = self.spell(end.spell) {
                    spell.ended.get_or_insert_with(|| Entry::of(fact, end));
                }
            }
            Event::AppointmentBooked(booked) => {
                let (details, moves) = (booked.clone(), Vec::new());
                self.appointments.push(Appointment { event_id, booked: occurred, details, moves, over: None });
            }
            Event::AppointmentMoved(moved) => {
                if let Some(appointment) = self.appointment(moved.appointment) {
                    appointment.moves.push(Entry::of(fact, moved));
                }
            }
            Event::AppointmentCancelled(cancelled) => {
                if let Some(appointment) = self.appointment(cancelled.appointment) {
                    appointment.over.get_or_insert_with(|| AppointmentOver::Cancelled(Entry::of(fact, cancelled)));
                }
            }
            Event::TaskSet(set) => self.tasks.push(Task { event_id, set: occurred, details: set.clone(), over: None }),
            Event::TaskDone(done) => {
                if let Some(task) = self.task(done.task) {
                    task.over.get_or_insert_with(|| TaskOver::Done(Entry::of(fact, done)));
                }
            }
            Event::TaskCancelled(cancelled) => {
                if let Some(task) = self.task(cancelled.task) {
                    task.over.get_or_insert_with(|| TaskOver::Cancelled(Entry::of(fact, cancelled)));
                }
            }
            Event::RiskRaised(raised) => {
                self.risks.push(Risk { event_id, raised: occurred, details: raised.clone(), cleared: None });
            }
            Event::RiskCleared(cleared) => {
                if let Some(risk) = self.risk(cleared.risk) {
                    risk.cleared.get_or_insert_with(|| Entry::of(fact, cleared));
                }
            }
            Event::EvidenceAttached(attached) => self.evidence.push(Evidence {
                event_id,
                attached: occurred,
                details: attached.clone(),
                verified: None,
                rejected: None,
                withdrawn: None,
            }),
            Event::EvidenceVerified(found) => {
                if let Some(piece) = self.piece(found.evidence) {
                    piece.verified.get_or_insert_with(|| Entry::of(fact, found));
                }
            }
            Event::EvidenceRejected(found) => {
                if let Some(piece) = self.piece(found.evidence) {
                    piece.rejected.get_or_insert_with(|| Entry::of(fact, found));
                }
            }
            Event::EvidenceWithdrawn(withdrawn) => {
                if let Some(piece) = self.piece(withdrawn.evidence) {
                    piece.withdrawn.get_or_insert_with(|| Entry::of(fact, withdrawn));
                }
            }
            _ => {}
        }
    }

    /// The open plan of a kind: the one agreed last, unless it is closed.
    fn open_plan(&mut self, kind: &str) -> Option<&mut Plan> {
        self.plans.iter_mut().rfind(|plan| plan.kind == kind).filter(|plan| plan.closed.is_none())
    }

    /// Applies a close, transfer or reopening. One that does not alternate with the one before it changes nothing.
    fn close(&mut self, fact: &Fact<'_>) {
        let (event_id, occurred) = (fact.original.event_id, fact.occurred);
        let open = self.closed().is_none();
        match fact.event {
            Event::JourneyClosed(close) if open => self.closes.push(Close {
                event_id,
                occurred,
                how: HowClosed::Closed,
                reason: close.reason.clone(),
                destination: close.destination.clone(),
                reopened: None,
            }),
            Event::JourneyTransferred(transfer) if open => self.closes.push(Close {
                event_id,
                occurred,
                how: HowClosed::Transferred,
                reason: transfer.reason.clone(),
                destination: Some(transfer.destination.clone()),
                reopened: None,
            }),
            Event::JourneyReopened(reopened) => {
                if let Some(close) = self.closes.last_mut() {
                    close.reopened.get_or_insert_with(|| Entry::of(fact, reopened));
                }
            }
            _ => {}
        }
    }

    fn spell(&mut self, id: SpellId) -> Option<&mut Spell> {
        self.spells.iter_mut().find(|spell| spell.details.spell == id)
    }

    fn appointment(&mut self, id: AppointmentId) -> Option<&mut Appointment> {
        self.appointments.iter_mut().find(|appointment| appointment.details.appointment == id)
    }

    /// Sets the result of each appointment that a contact names.
    fn keep_appointments(&mut self) {
        for appointment in self.appointments.iter_mut().filter(|appointment| appointment.over.is_none()) {
            let id = Some(appointment.details.appointment);
            let contact = self.contacts.iter().find(|contact| contact.details.appointment == id);
            appointment.over = contact.cloned().map(AppointmentOver::Contact);
        }
    }

    fn task(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.details.task == id)
    }

    fn risk(&mut self, id: RiskId) -> Option<&mut Risk> {
        self.risks.iter_mut().find(|risk| risk.details.risk == id)
    }

    fn piece(&mut self, id: EvidenceId) -> Option<&mut Evidence> {
        self.evidence.iter_mut().find(|piece| piece.details.evidence == id)
    }

    /// The keyworker who holds the case at the end of a day.
    pub fn keyworker_on(&self, day: NaiveDate) -> Option<WorkerId> {
        self.assignments.iter().rfind(|held| held.role == KEYWORKER && held.is_on(day)).map(|held| held.worker)
    }

    /// The subject who was referred.
    pub fn subject(&self) -> Option<SubjectId> {
        self.referral.as_ref().map(|referral| referral.details.subject)
    }

    /// The close or transfer in force. None if the case was never closed or was reopened since.
    pub fn closed(&self) -> Option<&Close> {
        self.closes.last().filter(|close| close.reopened.is_none())
    }

    /// Whether the case was closed at the end of a day, even if it was reopened since.
    pub fn is_closed_on(&self, day: NaiveDate) -> bool {
        let last = self.closes.iter().rfind(|close| close.occurred.earliest() <= day);
        let still = |close: &Close| close.reopened.as_ref().is_none_or(|on| on.occurred.earliest() > day);
        last.is_some_and(still)
    }

    /// The days on which the case was closed or reopened.
    pub fn closed_or_reopened_on(&self) -> impl Iterator<Item = NaiveDate> {
        let reopened = |close: &Close| close.reopened.as_ref().map(|on| on.occurred.earliest());
        self.closes.iter().flat_map(move |close| [Some(close.occurred.earliest()), reopened(close)]).flatten()
    }

    /// The date on which the referral was declined or withdrawn, whichever was first.
    pub fn turned_away(&self) -> Option<Occurred> {
        let declined = self.declined.as_ref().map(|declined| declined.occurred);
        let withdrawn = self.withdrawn.as_ref().map(|withdrawn| withdrawn.occurred);
        declined.into_iter().chain(withdrawn).min_by_key(Occurred::earliest)
    }

    /// Whether the case is on the caseload: accepted, and not declined, withdrawn or closed.
    pub fn is_on_caseload(&self) -> bool {
        self.referral.is_some() && self.accepted.is_some() && self.turned_away().is_none() && self.closed().is_none()
    }

    /// The latest eligibility assessment, which applies.
    pub fn newest_eligibility(&self) -> Option<&Entry<EligibilityAssessed>> {
        self.eligibility.last()
    }
}

impl ContactLogged {
    /// Whether both sides saw each other. A record that leaves it out counts as no.
    pub fn is_face_to_face(&self) -> bool {
        self.face_to_face.unwrap_or(false)
    }

    /// Whether the contact was made: attended, or two-way without a missed appointment.
    pub const fn is_made(&self) -> bool {
        match self.attendance {
            Attendance::Attended => true,
            Attendance::None => self.two_way,
            Attendance::DidNotAttend
            | Attendance::CancelledByClient
            | Attendance::CancelledByService
            | Attendance::NotOffered => false,
        }
    }
}

impl ContactLogged {
    /// Whether the appointment was missed, cancelled or never offered.
    pub const fn is_missed(&self) -> bool {
        !matches!(self.attendance, Attendance::Attended | Attendance::None)
    }
}

impl Appointment {
    /// Whether the appointment has no result yet.
    pub const fn is_open(&self) -> bool {
        self.over.is_none()
    }

    /// The day, time, channel and worker of the appointment, as last arranged by the end of a day.
    pub fn slot(&self, by: NaiveDate) -> Slot<'_> {
        let AppointmentBooked { scheduled_on, time, channel, worker, .. } = &self.details;
        let booked = Slot { on: *scheduled_on, time: *time, channel, worker: *worker };
        let moves = self.moves.iter().filter(|moved| moved.occurred.earliest() <= by);
        moves.fold(booked, |slot, moved| Slot {
            on: moved.details.scheduled_on.unwrap_or(slot.on),
            time: moved.details.time.over(slot.time),
            channel: moved.details.channel.as_deref().unwrap_or(slot.channel),
            worker: moved.details.worker.over(slot.worker),
        })
    }
}

impl AppointmentOver {
    /// The day of the result.
    pub const fn occurred(&self) -> Occurred {
        match self {
            Self::Cancelled(cancelled) => cancelled.occurred,
            Self::Contact(contact) => contact.occurred,
        }
    }
}

impl TaskOver {
    /// The day on which it ended.
    pub const fn occurred(&self) -> Occurred {
        match self {
            Self::Done(done) => done.occurred,
            Self::Cancelled(cancelled) => cancelled.occurred,
        }
    }
}

impl Task {
    /// Whether the task is still open.
    pub const fn is_open(&self) -> bool {
        self.over.is_none()
    }
}

impl Spell {
    /// The working hours per week on a day. None if they are not known.
    pub fn hours_on(&self, day: NaiveDate) -> Option<Quantity> {
        let changed = self.changes_by(day).filter_map(|change| change.hours_per_week).last();
        changed.or(self.details.hours_per_week)
    }

    /// The attributes of the spell on a day, each with its last value.
    pub fn attributes_on(&self, day: NaiveDate) -> BTreeMap<String, Attribute> {
        let mut attributes = self.details.attributes.clone();
        for change in self.changes_by(day) {
            attributes.extend(change.attributes.clone());
        }
        attributes
    }

    fn changes_by(&self, day: NaiveDate) -> impl Iterator<Item = &SpellChanged> {
        self.changes.iter().filter(move |change| change.occurred.earliest() <= day).map(|change| &change.details)
    }
}
