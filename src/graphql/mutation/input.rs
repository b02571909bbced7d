//! What mutations take: one typed input for each fact, never a bag of JSON.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{CustomValidator, InputObject, InputValueError, OneofObject};
use chrono::NaiveDate;
use uuid::Uuid;

use crate::graphql::event::Precision;
use crate::graphql::journey::{Attendance, ContactWith, Direction};
use crate::graphql::scalars::{Date, Id, LocalTime};
use crate::journey::event::{self, Attribute, KEYWORKER, Quantity};
use crate::log::append::Expected;
use crate::log::envelope::{CommandId, Occurred, SpellId, SubjectId, WorkerId};

/// What comes with every command.
#[derive(Debug, Clone, InputObject)]
pub struct Stamp {
    /// The id under which the command is done once: sending it again answers with what it did the first time.
    pub command_id: Id,
    /// The version that the stream must have; 0 for a stream that must not be there yet; left out for any.
    #[graphql(validator(minimum = 0))]
    pub expected_version: Option<i64>,
    /// Whether the command is only to be judged: nothing is recorded, and it may come again under its id.
    #[graphql(default)]
    pub dry_run: bool,
    /// The warnings that the sender has seen and accepts, by code.
    #[graphql(default)]
    pub accept_warnings: Vec<String>,
}

impl Stamp {
    /// The id of the command.
    pub const fn command(&self) -> CommandId {
        CommandId(self.command_id.0)
    }

    /// What the command requires of its stream.
    pub const fn expected(&self) -> Expected {
        match self.expected_version {
            None => Expected::Any,
            Some(0) => Expected::None,
            Some(version) => Expected::Exact(version),
        }
    }

    /// An id that follows from the command's, so that sending it again makes the same thing.
    pub fn id_for(&self, thing: &str) -> Uuid {
        Uuid::new_v5(&self.command_id.0, thing.as_bytes())
    }
}

/// When a fact was so.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct When {
    /// The civil date in the contract's zone. Left out, it is today; in a correction, the day that the fact has now.
    pub occurred_on: Option<Date>,
    /// How exactly that day is known.
    #[graphql(default_with = "Precision::Day")]
    pub precision: Precision,
    /// The time of that day, where it is known.
    pub local_time: Option<LocalTime>,
}

impl When {
    /// The date of the fact, where `today` stands in for one that was left out.
    pub fn occurred(self, today: NaiveDate) -> Occurred {
        let day = self.occurred_on.map_or(today, |date| date.0);
        Occurred::within(day, self.precision.into()).at(self.local_time.map(|time| time.0))
    }
}

/// Who referred the client.
#[derive(Debug, Clone, InputObject)]
pub struct ReferrerInput {
    /// The organisation, if it is known.
    pub organisation: Option<String>,
    /// The kind of referrer: a code of the rulebook.
    pub kind: Option<String>,
}

/// The case number of another system: a pseudonym, never a national identifier.
#[derive(Debug, Clone, InputObject)]
pub struct ExternalReferenceInput {
    /// The other system's name.
    pub system: String,
    /// The case number there.
    pub id: String,
}

/// What kind of subject a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(remote = "event::SubjectKind")]
pub enum SubjectKind {
    /// One person.
    Person,
    /// A family worked with as one.
    Family,
    /// A clinic, school or other place.
    Site,
    /// A district or province.
    Area,
}

/// A referral: area and cohort are fixed here, only a correction changes them.
#[derive(Debug, Clone, InputObject)]
pub struct ReferralFact {
    /// The service area: a code of the rulebook.
    pub area: String,
    /// The cohort: a code of the rulebook.
    pub cohort: Option<String>,
    /// Who referred the client.
    pub referrer: Option<ReferrerInput>,
    /// Case numbers of other systems; the first is what people call the journey.
    #[graphql(default)]
    pub external_references: Vec<ExternalReferenceInput>,
}

impl ReferralFact {
    /// The fact about this subject.
    pub fn of(self, subject: SubjectId) -> event::ReferralReceived {
        let references = self.external_references.into_iter();
        event::ReferralReceived {
            subject,
            area: self.area,
            cohort: self.cohort,
            referrer: self.referrer.map(|from| event::Referrer { organisation: from.organisation, kind: from.kind }),
            external_references: references
                .map(|reference| event::ExternalReference { system: reference.system, id: reference.id })
                .collect(),
        }
    }
}

/// A worker takes the case; a new keyworker releases the former that day.
#[derive(Debug, Clone, InputObject)]
pub struct AssignmentFact {
    /// Who takes it.
    pub worker: Id,
    /// In which role.
    #[graphql(default_with = "KEYWORKER.to_owned()")]
    pub role: String,
}

impl From<AssignmentFact> for event::WorkerAssigned {
    fn from(fact: AssignmentFact) -> Self {
        Self { worker: WorkerId(fact.worker.0), role: fact.role }
    }
}

/// A contact or an attempt at one.
#[derive(Debug, Clone, InputObject)]
pub struct ContactFact {
    /// How: a code of the rulebook, such as `phone`.
    pub channel: String,
    /// With whom.
    #[graphql(default_with = "ContactWith::Client")]
    pub with: ContactWith,
    /// What became of the appointment; `NONE` for a call or letter without one.
    #[graphql(default_with = "Attendance::None")]
    pub attendance: Attendance,
    /// Who began it.
    pub direction: Option<Direction>,
    /// Whether they saw each other.
    #[graphql(default)]
    pub face_to_face: bool,
    /// Whether both sides spoke or wrote: without an attended appointment, only this makes a contact made.
    #[graphql(default)]
    pub two_way: bool,
    /// Whether it was a group session.
    #[graphql(default)]
    pub group: bool,
    /// How long it took, in minutes.
    pub minutes: Option<u32>,
    /// The day the appointment had been made for.
    pub scheduled_on: Option<Date>,
    /// Which worker; left out, the one whose login made the call.
    pub worker: Option<Id>,
}

impl From<ContactFact> for event::ContactLogged {
    fn from(fact: ContactFact) -> Self {
        Self {
            channel: fact.channel,
            direction: fact.direction.map(Into::into),
            with: fact.with.into(),
            attendance: fact.attendance.into(),
            face_to_face: fact.face_to_face,
            two_way: fact.two_way,
            group: fact.group,
            minutes: fact.minutes,
            scheduled_on: fact.scheduled_on.map(|date| date.0),
            worker: fact.worker.map(|id| WorkerId(id.0)),
        }
    }
}

/// A plan that client and keyworker agreed.
#[derive(Debug, Clone, InputObject)]
pub struct PlanFact {
    /// The kind of plan: a code of the rulebook, such as `php`.
    pub kind: String,
}

impl From<PlanFact> for event::PlanAgreed {
    fn from(fact: PlanFact) -> Self {
        Self { kind: fact.kind }
    }
}

/// Something known of a spell, such as `secured_as: kept`.
#[derive(Debug, Clone, InputObject)]
pub struct SpellAttributeInput {
    /// Its name.
    pub name: String,
    /// Its value: `true` and `false` are yes and no, a decimal is a quantity, everything else a word.
    pub value: String,
}

/// A job, home, placement or course that begins.
#[derive(Debug, Clone, InputObject)]
pub struct SpellFact {
    /// What it is a spell of: a code of the rulebook, such as `accommodation`.
    pub domain: String,
    /// The employer or landlord, by a pseudonym.
    pub employer_ref: Option<String>,
    /// Hours of work a week, as a decimal such as `16.5`.
    pub hours_per_week: Option<Hours>,
    /// What else is known of it.
    #[graphql(default, validator(custom = "NamedOnce"))]
    pub attributes: Vec<SpellAttributeInput>,
}

/// A list in which no name stands twice: of two values neither may be dropped in silence.
struct NamedOnce;

impl CustomValidator<Vec<SpellAttributeInput>> for NamedOnce {
    fn check(&self, given: &Vec<SpellAttributeInput>) -> Result<(), InputValueError<Vec<SpellAttributeInput>>> {
        let names: BTreeSet<&str> = given.iter().map(|attribute| attribute.name.as_str()).collect();
        if names.len() == given.len() { Ok(()) } else { Err("an attribute is named twice: name it once".into()) }
    }
}

/// Hours of work a week.
pub type Hours = crate::graphql::scalars::Decimal;

impl SpellFact {
    /// The fact about this spell.
    pub fn of(self, spell: SpellId) -> event::SpellStarted {
        let attributes = self.attributes.into_iter().map(|given| (given.name, attribute(given.value)));
        event::SpellStarted {
            spell,
            domain: self.domain,
            employer_ref: self.employer_ref,
            hours_per_week: self.hours_per_week.map(|hours| Quantity(hours.0)),
            attributes: attributes.collect::<BTreeMap<_, _>>(),
        }
    }
}

fn attribute(value: String) -> Attribute {
    match (value.as_str(), value.parse()) {
        ("true", _) => Attribute::Flag(true),
        ("false", _) => Attribute::Flag(false),
        // `007` and `1E5` are codes of somebody's, not numbers.
        (text, Ok(decimal)) if Quantity(decimal).to_string() == text => Attribute::Quantity(Quantity(decimal)),
        _ => Attribute::Text(value),
    }
}

/// A spell that no longer holds; its date is the first day on which it did not.
#[derive(Debug, Clone, InputObject)]
pub struct SpellEndFact {
    /// Which spell.
    pub spell: Id,
    /// Why.
    pub reason: Option<String>,
}

impl From<SpellEndFact> for event::SpellEnded {
    fn from(fact: SpellEndFact) -> Self {
        Self { spell: SpellId(fact.spell.0), reason: fact.reason }
    }
}

/// A dated mark that the client no longer engages; the case stays on the caseload until it is closed.
#[derive(Debug, Clone, InputObject)]
pub struct DisengagementFact {
    /// Why: a code of the rulebook.
    pub reason: String,
    /// When they were last seen.
    pub last_seen_on: Option<Date>,
}

impl From<DisengagementFact> for event::Disengaged {
    fn from(fact: DisengagementFact) -> Self {
        Self { reason: fact.reason, last_seen_on: fact.last_seen_on.map(|date| date.0) }
    }
}

/// The close of a case.
#[derive(Debug, Clone, InputObject)]
pub struct CloseFact {
    /// Why: a code of the rulebook.
    pub reason: String,
    /// Where the client went, in the service's own words for destinations.
    pub destination: Option<String>,
}

impl From<CloseFact> for event::JourneyClosed {
    fn from(fact: CloseFact) -> Self {
        Self { reason: fact.reason, destination: fact.destination }
    }
}

/// Why a referral is declined.
#[derive(Debug, Clone, InputObject)]
pub struct DeclineFact {
    /// Why: a code of the rulebook's close reasons.
    pub reason: String,
}

impl From<DeclineFact> for event::ReferralDeclined {
    fn from(fact: DeclineFact) -> Self {
        Self { reason: fact.reason }
    }
}

/// Something that needs no more words.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct AcceptFact {
    /// Always true.
    #[graphql(validator(custom = "AlwaysTrue"))]
    pub accepted: bool,
}

/// A word that says nothing unless it is true.
struct AlwaysTrue;

impl CustomValidator<bool> for AlwaysTrue {
    fn check(&self, value: &bool) -> Result<(), InputValueError<bool>> {
        if *value { Ok(()) } else { Err("write true, or retract the acceptance if it was not so".into()) }
    }
}

/// A referral as it should read, with its subject.
#[derive(Debug, Clone, InputObject)]
pub struct ReferralReplacement {
    /// Who is referred.
    pub subject: Id,
    /// The referral.
    #[graphql(flatten)]
    pub fact: ReferralFact,
}

/// A spell as it should read, with its id.
#[derive(Debug, Clone, InputObject)]
pub struct SpellReplacement {
    /// The spell's own id: the same as before.
    pub spell: Id,
    /// The spell.
    #[graphql(flatten)]
    pub fact: SpellFact,
}

/// The whole fact as it should read: exactly one, of the type of the event that is corrected.
#[derive(Debug, Clone, OneofObject)]
pub enum Replacement {
    /// For `ReferralReceived`.
    Referral(ReferralReplacement),
    /// For `ReferralAccepted`.
    Acceptance(AcceptFact),
    /// For `ReferralDeclined`.
    Decline(DeclineFact),
    /// For `WorkerAssigned`.
    Assignment(AssignmentFact),
    /// For `ContactLogged`.
    Contact(ContactFact),
    /// For `PlanAgreed`.
    Plan(PlanFact),
    /// For `SpellStarted`.
    Spell(SpellReplacement),
    /// For `SpellEnded`.
    SpellEnd(SpellEndFact),
    /// For `Disengaged`.
    Disengagement(DisengagementFact),
    /// For `JourneyClosed`.
    Close(CloseFact),
}

impl From<Replacement> for event::Event {
    fn from(replacement: Replacement) -> Self {
        match replacement {
            Replacement::Referral(fact) => fact.fact.of(SubjectId(fact.subject.0)).into(),
            Replacement::Acceptance(_) => event::ReferralAccepted {}.into(),
            Replacement::Decline(fact) => event::ReferralDeclined::from(fact).into(),
            Replacement::Assignment(fact) => event::WorkerAssigned::from(fact).into(),
            Replacement::Contact(fact) => event::ContactLogged::from(fact).into(),
            Replacement::Plan(fact) => event::PlanAgreed::from(fact).into(),
            Replacement::Spell(fact) => fact.fact.of(SpellId(fact.spell.0)).into(),
            Replacement::SpellEnd(fact) => event::SpellEnded::from(fact).into(),
            Replacement::Disengagement(fact) => event::Disengaged::from(fact).into(),
            Replacement::Close(fact) => event::JourneyClosed::from(fact).into(),
        }
    }
}

/// Declares the inputs of mutations: stamp, then what the mutation is about, then when.
macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, InputObject)]
        pub struct $name {
            /// What comes with every command.
            #[graphql(flatten)]
            pub stamp: Stamp,
            $($(#[$field_doc])* pub $field: $type,)*
            /// When it was so.
            #[graphql(flatten)]
            pub when: When,
        }
    )*};
}

inputs! {
    /// A client is referred: the journey begins.
    ReceiveReferralInput {
        /// The code of the contract.
        contract: String,
        /// The journey's id; left out, one is made.
        journey: Option<Id>,
        /// Who is referred; left out, a subject is registered along with the referral.
        subject: Option<Id>,
        /// The kind of subject that is registered along.
        #[graphql(default_with = "SubjectKind::Person")]
        subject_kind: SubjectKind,
        /// The referral.
        #[graphql(flatten)]
        fact: ReferralFact,
    }
    /// The service takes the client on.
    AcceptReferralInput {
        /// Which journey.
        journey: Id,
    }
    /// The service does not take the client on.
    DeclineReferralInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: DeclineFact,
    }
    /// A worker takes the case.
    AssignWorkerInput {
        /// Which journey.
        journey: Id,
        /// Who, in which role.
        #[graphql(flatten)]
        fact: AssignmentFact,
    }
    /// Somebody was, or tried to be, in touch.
    LogContactInput {
        /// Which journey.
        journey: Id,
        /// The contact.
        #[graphql(flatten)]
        fact: ContactFact,
    }
    /// Client and keyworker agreed a plan.
    AgreePlanInput {
        /// Which journey.
        journey: Id,
        /// The plan.
        #[graphql(flatten)]
        fact: PlanFact,
    }
    /// A job, home, placement or course began.
    StartSpellInput {
        /// Which journey.
        journey: Id,
        /// The spell's own id; left out, one is made.
        spell: Option<Id>,
        /// The spell.
        #[graphql(flatten)]
        fact: SpellFact,
    }
    /// A spell no longer holds: `occurredOn` is the first day on which it did not.
    EndSpellInput {
        /// Which journey.
        journey: Id,
        /// Which spell, and why.
        #[graphql(flatten)]
        fact: SpellEndFact,
    }
    /// The client no longer engages.
    DisengageInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: DisengagementFact,
    }
    /// The case is closed.
    CloseJourneyInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: CloseFact,
    }
    /// A fact was recorded wrongly: here is the whole fact as it should read, with its date.
    CorrectFactInput {
        /// Which journey.
        journey: Id,
        /// The original event, never another correction.
        target: Id,
        /// The whole fact as it should read.
        replacement: Replacement,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// A subject becomes known by pseudonym.
    RegisterSubjectInput {
        /// The subject's id; left out, one is made.
        subject: Option<Id>,
        /// What kind of subject it is.
        #[graphql(default_with = "SubjectKind::Person")]
        kind: SubjectKind,
    }
    /// A keyworker or other member of staff joins.
    AddWorkerInput {
        /// The worker's id; left out, one is made.
        worker: Option<Id>,
        /// What boards print, such as `KW-07`.
        label: String,
        /// The login in tokens, if they sign in.
        login: Option<String>,
    }
    /// A contract begins, with its first rulebook.
    OpenContractInput {
        /// The short name in rulebooks, commands and URLs, such as `shps`.
        code: String,
        /// What people call it.
        name: String,
        /// Who is bound by it.
        #[graphql(default)]
        parties: Vec<PartyInput>,
        /// The first day of the contract.
        starts_on: Date,
        /// The last day of the contract, if it has one.
        ends_on: Option<Date>,
        /// The first rulebook, as TOML.
        rulebook: String,
    }
    /// A further version of a contract's rules.
    PublishRulebookInput {
        /// The code of the contract.
        contract: String,
        /// The rulebook, as TOML.
        rulebook: String,
    }
}

/// Facts never were so: they go, with their corrections, all or none.
#[derive(Debug, Clone, InputObject)]
pub struct RetractFactInput {
    /// What comes with every command.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// Which journey.
    pub journey: Id,
    /// The original events.
    pub targets: Vec<Id>,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// Somebody bound by a contract.
#[derive(Debug, Clone, InputObject)]
pub struct PartyInput {
    /// The organisation.
    pub name: String,
    /// What it is in this contract: commissioner, provider, investor …
    pub role: Option<String>,
}
